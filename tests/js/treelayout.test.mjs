import assert from "node:assert/strict";
import { test } from "node:test";

import { label } from "../../static/js/tree.js";
import { layOut, step } from "../../static/js/treelayout.js";

const turn = (id, parent) => ({ id, parent, kind: "do", status: "told", words: id });
const chain = (ids, parent = null) =>
  ids.map((id, number) => turn(id, number ? ids[number - 1] : parent));

/** Each turn has a line of its own, below its parent's. */
function sound({ nodes }) {
  const places = new Set();
  for (const node of nodes.values()) {
    assert.ok(!places.has(node.line), node.line);
    places.add(node.line);
    if (!node.parent) continue;
    assert.equal(node.depth, nodes.get(node.parent).depth + 1);
    assert.ok(node.line > nodes.get(node.parent).line);
  }
}

test("the way to the head is one straight line, whichever branch it takes", () => {
  const turns = [...chain(["o", "a", "b", "c"]), ...chain(["x", "y"], "a")];
  for (const [head, way] of [
    ["c", ["o", "a", "b", "c"]],
    ["y", ["o", "a", "x", "y"]],
    ["a", ["o", "a"]],
  ]) {
    const tree = layOut(turns, head);
    sound(tree);
    for (const id of way) assert.equal(tree.nodes.get(id).lane, 0, `${head}: ${id}`);
    const onPath = [...tree.nodes.values()].filter((node) => node.onPath).map(({ id }) => id);
    assert.deepEqual(onPath.sort(), way.sort());
    assert.equal(tree.lanes, 2);
  }
});

test("branches that end make room for later ones", () => {
  const main = Array.from({ length: 40 }, (_, number) => `m${number}`);
  const turns = chain(main);
  for (let number = 0; number < 36; number += 4) turns.push(turn(`s${number}`, `m${number}`));
  const tree = layOut(turns, "m39");
  sound(tree);
  assert.equal(tree.lanes, 2);
});

test("two thousand retries and two thousand turns are laid out", () => {
  const wide = [turn("o", null), ...Array.from({ length: 2000 }, (_, n) => turn(`r${n}`, "o"))];
  sound(layOut(wide, "r7"));
  assert.equal(layOut(wide, "r7").nodes.get("r7").lane, 0);
  const ids = Array.from({ length: 2000 }, (_, n) => `t${n}`);
  const tree = layOut(chain(ids), "t1999");
  sound(tree);
  assert.equal(tree.rows.length, 2000);
});

test("turns may come before their parents, and a head that is not there is no path", () => {
  const tree = layOut(chain(["o", "a", "b"]).reverse(), "elsewhere");
  sound(tree);
  assert.equal(tree.nodes.get("b").depth, 2);
  assert.ok([...tree.nodes.values()].every((node) => !node.onPath));
});

test("arrows lead along the tree and stay where it ends", () => {
  const tree = layOut([...chain(["o", "a", "b"]), turn("x", "o")], "b");
  const from = (id, key) => step(tree, tree.nodes.get(id), key).id;
  assert.equal(from("o", "ArrowDown"), "a");
  assert.equal(from("a", "ArrowRight"), "x");
  assert.equal(from("x", "ArrowLeft"), "a");
  assert.equal(from("x", "ArrowUp"), "o");
  assert.equal(from("o", "ArrowUp"), "o");
  assert.equal(from("b", "ArrowDown"), "b");
});

test("other actions stand between a turn and the one that goes on from it, in one lane", () => {
  const turns = [...chain(["o", "a", "b"]), turn("x", "o"), turn("y", "o"), turn("z", "x")];
  const tree = layOut(turns, "b");
  sound(tree);
  assert.deepEqual(
    tree.lines.map(({ id }) => id),
    ["o", "x", "y", "a", "z", "b"],
  );
  const lane = (id) => tree.nodes.get(id).lane;
  assert.deepEqual(["o", "a", "b"].map(lane), [0, 0, 0]);
  assert.deepEqual([lane("x"), lane("z")], [1, 1]);
  assert.equal(lane("y"), 2, "the branch of x passes by");
  const wide = [turn("o", null), ...Array.from({ length: 50 }, (_, n) => turn(`r${n}`, "o"))];
  assert.equal(layOut(wide, "r49").lanes, 2);
});

test("labels say what was done, and which retry of it a turn is", () => {
  const turns = [
    turn("o", null),
    { ...turn("a", "o"), words: "open the door" },
    { ...turn("b", "o"), words: "run" },
    { ...turn("c", "o"), words: "open the door" },
    { ...turn("d", "o"), kind: "continue", words: "It rains." },
  ];
  const { nodes } = layOut(turns, "a");
  assert.deepEqual(
    ["a", "b", "c", "d"].map((id) => label(nodes.get(id))),
    ["open the door (1/2)", "run", "open the door (2/2)", "Continue · It rains."],
  );
});
