// Where each turn of a story's tree stands: a depth (how many turns before it) and a lane. The path
// to the head is lane 0, a straight line; what branches off it takes the first lane that is free.

/**
 * @param {{id: string, parent: string|null, kind: string, status: string, words: string}[]} turns
 * @param {string} head
 * @returns {{nodes: Map<string, object>, rows: object[][], lanes: number}} a node is its turn with
 *   `depth`, `lane`, `children` (ids) and `onPath`; `rows[depth]` are its nodes, by lane
 */
export function layOut(turns, head) {
  const nodes = new Map();
  for (const turn of turns) {
    nodes.set(turn.id, { ...turn, depth: 0, lane: 0, children: [], onPath: false });
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
  const ends = []; // lane -> the depth down to which it is taken
  for (const node of [...order].sort((a, b) => a.depth - b.depth || b.onPath - a.onPath)) {
    const parent = nodes.get(node.parent);
    if (parent && heir(parent) === node) continue; // goes on in its parent's lane
    let last = node;
    const chain = [];
    for (; last; last = heir(last)) chain.push(last);
    const end = chain.at(-1).depth;
    let lane = ends.findIndex((taken) => taken < node.depth - 1);
    if (lane < 0) lane = ends.length;
    ends[lane] = end;
    for (const each of chain) each.lane = lane;
  }
  const rows = [];
  for (const node of order) (rows[node.depth] ??= []).push(node);
  for (const row of rows) row.sort((a, b) => a.lane - b.lane);
  return { nodes, rows, lanes: ends.length };
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
