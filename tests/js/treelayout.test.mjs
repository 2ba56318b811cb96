import assert from "node:assert/strict";
import { test } from "node:test";

import { layOut, step } from "../../static/js/treelayout.js";

const turn = (id, parent) => ({ id, parent, kind: "do", status: "told", words: id });
const chain = (ids, parent = null) =>
  ids.map((id, number) => turn(id, number ? ids[number - 1] : parent));

/** No two turns in one place, and each below its parent. */
function sound({ nodes }) {
  const places = new Set();
  for (const node of nodes.values()) {
    const place = `${node.depth}:${node.lane}`;
    assert.ok(!places.has(place), place);
    places.add(place);
    if (node.parent) assert.equal(node.depth, nodes.get(node.parent).depth + 1);
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
