// Where each turn of a story's tree stands: a line of its own, so that each can be labelled, and a
// lane. The path to the head is lane 0, a straight line; what branches off it takes the first lane
// that is free.

/**
 * @param {{id: string, parent: string|null, kind: string, status: string, words: string}[]} turns
 * @param {string} head
 * @returns {{nodes: Map<string, object>, rows: object[][], lines: object[], rights: number[],
 *   lanes: number}} a node is its turn with `depth` (how many turns before it), `line`, `lane`,
 *   `children` (ids), `onPath` and `retelling` ([which, of how many] of one action);
 *   `rows[depth]` are its nodes, by lane; `lines[line]` is its node; `rights[line]` the last lane
 *   in use there
 */
export function layOut(turns, head) {
  const nodes = new Map();
  for (const turn of turns) {
    nodes.set(turn.id, { ...turn, depth: 0, line: 0, lane: 0, children: [], onPath: false });
  }
  const roots = [];
  for (const node of nodes.values()) {
    const parent = nodes.get(node.parent);
    if (parent) parent.children.push(node.id);
    else roots.push(node);
  }
  const order = inOrder(nodes, roots);
  const reach = new Map(); // id -> how deep the tree goes from there
  for (const node of [...order].reverse()) {
    reach.set(node.id, Math.max(node.depth, ...node.children.map((id) => reach.get(id))));
  }
  for (let node = nodes.get(head); node && !node.onPath; node = nodes.get(node.parent)) {
    node.onPath = true;
  }
  const heir = (node) => {
    const children = node.children.map((id) => nodes.get(id));
    const deepest = (best, child) => (reach.get(child.id) > reach.get(best.id) ? child : best);
    return children.find((child) => child.onPath) ?? children.reduce(deepest, children[0]);
  };
  const byDepth = linesOf(order, heir, nodes);
  const lines = byDepth.flat();
  for (const [line, node] of lines.entries()) node.line = line;
  const ends = []; // lane -> the line down to which it is taken
  const rights = lines.map(() => 0); // line -> the last lane that something stands or passes in
  for (const first of lines) {
    const parent = nodes.get(first.parent);
    if (parent && heir(parent) === first) continue; // goes on in its parent's lane
    let last = first;
    const chain = [];
    for (let node = first; node; node = heir(node)) chain.push((last = node));
    let lane = ends.findIndex((taken) => taken < first.line);
    if (lane < 0) lane = ends.length;
    ends[lane] = last.line;
    for (const each of chain) each.lane = lane;
    for (let line = first.line; line <= last.line; line += 1) {
      rights[line] = Math.max(rights[line], lane);
    }
  }
  for (const node of nodes.values()) number(node, nodes);
  const rows = byDepth.map((row) => [...row].sort((a, b) => a.lane - b.lane || a.line - b.line));
  return { nodes, rows, lines, rights, lanes: ends.length };
}

/**
 * The nodes of each depth, from above. Children stand in the order of their parents, the one that
 * its parent's lane goes on to last: the others branch off between the two.
 */
function linesOf(order, heir, nodes) {
  const rows = [];
  let row = order.filter((node) => !nodes.has(node.parent));
  while (row.length) {
    rows.push(row);
    row = row.flatMap((node) => {
      const goesOn = heir(node);
      const others = node.children.map((id) => nodes.get(id)).filter((child) => child !== goesOn);
      return goesOn ? [...others, goesOn] : others;
    });
  }
  return rows;
}

/** Note which of how many retellings of one action a node is. */
function number(node, nodes) {
  const siblings = nodes.get(node.parent)?.children ?? [node.id];
  const same = siblings.filter((id) => {
    const other = nodes.get(id);
    return other.kind === node.kind && (node.kind === "continue" || other.words === node.words);
  });
  node.retelling = [same.indexOf(node.id) + 1, same.length];
}

/** Every node after its parent, with its depth set. */
function inOrder(nodes, roots) {
  const order = [...roots];
  for (let at = 0; at < order.length; at += 1) {
    for (const id of order[at].children) {
      const child = nodes.get(id);
      child.depth = order[at].depth + 1;
      order.push(child);
    }
  }
  return order;
}

/** The node that an arrow key leads to from `node`, or `node` itself. */
export function step({ nodes, rows }, node, key) {
  if (key === "ArrowUp") return nodes.get(node.parent) ?? node;
  if (key === "ArrowDown") {
    const children = node.children.map((id) => nodes.get(id));
    const same = (child) => child.lane === node.lane;
    return children.find((child) => child.onPath) ?? children.find(same) ?? children[0] ?? node;
  }
  const row = rows[node.depth];
  const by = { ArrowLeft: -1, ArrowRight: 1 }[key] ?? 0;
  return row[row.indexOf(node) + by] ?? node;
}
