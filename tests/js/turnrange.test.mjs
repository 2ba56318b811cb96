import assert from "node:assert/strict";
import { test } from "node:test";

import { down, end, MOST, places, STEP, trimmed, up, WHOLE } from "../../static/js/turnrange.js";

const story = (length, from = 0) =>
  Array.from({ length }, (_, number) => ({ id: `t${from + number}` }));

test("a short story stands on the page whole", () => {
  assert.deepEqual(places(story(7), WHOLE), [0, 6]);
  assert.deepEqual(end(story(7)), WHOLE);
  assert.equal(trimmed(story(MOST), WHOLE), WHOLE);
});

test("a story that outgrows the page lets go of its oldest turns", () => {
  const path = story(MOST + 1);
  const range = trimmed(path, WHOLE);
  assert.equal(range.to, null, "it goes on with the head");
  const [first, last] = places(path, range);
  assert.equal(last, MOST);
  assert.equal(last - first + 1, 2 * STEP);
});

test("reading up and down again, every turn is met and the page never holds too many", () => {
  const path = story(2000);
  let range = end(path);
  let [first, last] = places(path, range);
  assert.deepEqual([first, last], [1900, 1999]);
  while (first > 0) {
    const was = first;
    range = up(path, range);
    [first, last] = places(path, range);
    assert.equal(was - first, STEP);
    assert.ok(last >= was, "what was on top is still there");
    assert.ok(last - first < MOST);
  }
  assert.equal(range.from, null);
  while (last < 1999) {
    const was = last;
    range = down(path, range);
    [first, last] = places(path, range);
    assert.ok(last > was && first <= was && last - first < MOST);
  }
  assert.equal(range.to, null);
});

test("a range whose turns have left the path shows the end of what there is", () => {
  const other = story(50, 5000);
  assert.deepEqual(places(other, { from: "t3", to: "t90" }), [0, 49]);
  assert.deepEqual(places(story(500), { from: "gone", to: null }), [400, 499]);
});
