// Where each turn of a story's tree stands: a line of its own, so that each can be labelled, and a
// lane. The path to the head is lane 0, a straight line; what branches off it takes the first lane
// that is free.

/**
 * A turn as the server's tree has it. `cut`: `words` are the beginning of more.
 *
 * @typedef {{id: string, parent: string | null, kind: string, status: string, words: string,
 *   cut?: boolean, whole?: string}} Leaf
 */
/**
 * A turn with its place: `depth` is how many turns are before it, `children` are ids, `retry` is
 * [which, of how many] of one action.
 *
 * @typedef {Leaf & {depth: number, line: number, lane: number, children: string[],
 *   onPath: boolean, retry: [number, number]}} Node
 */
/** @typedef {Map<string, Node>} Nodes by id */
/**
 * `rows[depth]` are its nodes, by lane; `lines[line]` is its node; `rights[line]` the last lane in use
 * there.
 *
 * @typedef {{nodes: Nodes, rows: Node[][], lines: Node[], rights: number[], lanes: number}} Layout
 */

/**
 * @param {Nodes} nodes
 * @param {Node} node
 */
const parentOf = (nodes, node) => nodes.get(node.parent ?? "");

/**
 * @param {Nodes} nodes
 * @param {Node} node
 */
const childrenOf = (nodes, node) => node.children.map((id) => /** @type {Node} */ (nodes.get(id)));

/**
 * @param {Leaf[]} turns
 * @param {string | null} head
 * @returns {Layout}
 */
export function layOut(turns, head) {
  /** @type {Nodes} */
  const nodes = new Map();
  for (const turn of turns) {
    const place = { depth: 0, line: 0, lane: 0, children: [], onPath: false };
    nodes.set(turn.id, { ...turn, ...place, retry: [1, 1] });
  }
  const roots = [];
  for (const node of nodes.values()) {
    const parent = parentOf(nodes, node);
    if (parent) parent.children.push(node.id);
    else roots.push(node);
  }
  const order = inOrder(nodes, roots);
  /** @type {Map<string, number>} */
  const reach = new Map(); // id -> how deep the tree goes from there
  const reachOf = (/** @type {string} */ id) => reach.get(id) ?? 0;
  for (const node of [...order].reverse()) {
    reach.set(node.id, Math.max(node.depth, ...node.children.map(reachOf)));
  }
  for (let node = nodes.get(head ?? ""); node && !node.onPath; node = parentOf(nodes, node)) {
    node.onPath = true;
  }
  /** @type {Continuation} */
  const continuation = (node) => {
    const children = childrenOf(nodes, node);
    const deepest = (/** @type {Node} */ best, /** @type {Node} */ child) =>
      reachOf(child.id) > reachOf(best.id) ? child : best;
    return children.find((child) => child.onPath) ?? children.reduce(deepest, children[0]);
  };
  const byDepth = linesOf(order, continuation, nodes);
  const lines = byDepth.flat();
  for (const [line, node] of lines.entries()) node.line = line;
  /** @type {number[]} */
  const ends = []; // lane -> the line down to which it is taken
  const rights = lines.map(() => 0); // line -> the last lane that something stands or passes in
  for (const first of lines) {
    const parent = parentOf(nodes, first);
    if (parent && continuation(parent) === first) continue; // goes on in its parent's lane
    let last = first;
    const chain = [];
    /** @type {Node | undefined} */
    let next = first;
    for (; next; next = continuation(next)) chain.push((last = next));
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

/** @typedef {(node: Node) => Node | undefined} Continuation the child that a node's lane goes on to */

/**
 * The nodes of each depth, from above. Children stand in the order of their parents, the one that
 * its parent's lane goes on to last: the others branch off between the two.
 *
 * @param {Node[]} order
 * @param {Continuation} continuation
 * @param {Nodes} nodes
 */
function linesOf(order, continuation, nodes) {
  const rows = [];
  let row = order.filter((node) => !parentOf(nodes, node));
  while (row.length) {
    rows.push(row);
    row = row.flatMap((node) => {
      const goesOn = continuation(node);
      const others = childrenOf(nodes, node).filter((child) => child !== goesOn);
      return goesOn ? [...others, goesOn] : others;
    });
  }
  return rows;
}

/**
 * Note which of how many retries of one action a node is.
 *
 * @param {Node} node
 * @param {Nodes} nodes
 */
function number(node, nodes) {
  const parent = parentOf(nodes, node);
  const siblings = parent ? childrenOf(nodes, parent) : [node];
  const same = siblings.filter(
    (other) => other.kind === node.kind && (node.kind === "continue" || other.words === node.words),
  );
  node.retry = [same.indexOf(node) + 1, same.length];
}

/**
 * Every node after its parent, with its depth set.
 *
 * @param {Nodes} nodes
 * @param {Node[]} roots
 */
function inOrder(nodes, roots) {
  const order = [...roots];
  for (let at = 0; at < order.length; at += 1) {
    for (const child of childrenOf(nodes, order[at])) {
      child.depth = order[at].depth + 1;
      order.push(child);
    }
  }
  return order;
}

/**
 * The node that an arrow key leads to from `node`, or `node` itself.
 *
 * @param {Pick<Layout, "nodes" | "rows">} layout
 * @param {Node} node
 * @param {string} key
 */
export function step({ nodes, rows }, node, key) {
  if (key === "ArrowUp") return parentOf(nodes, node) ?? node;
  if (key === "ArrowDown") {
    const children = childrenOf(nodes, node);
    const same = (/** @type {Node} */ child) => child.lane === node.lane;
    return children.find((child) => child.onPath) ?? children.find(same) ?? children[0] ?? node;
  }
  const row = rows[node.depth];
  const by = key === "ArrowLeft" ? -1 : key === "ArrowRight" ? 1 : 0;
  return row[row.indexOf(node) + by] ?? node;
}
