// The preview fills a text as the game does: cases that game/library/placeholders.py answers alike.

import assert from "node:assert/strict";
import test from "node:test";
import { fill, pieces, piecesWithMistakes } from "../../static/js/library/fill.js";

const answers = new Map([
  ["name", "Ada"],
  ["place", "${name} <b>"],
]);

test("a text is filled as the game fills it", () => {
  for (const [template, filled] of [
    ["You are ${name}.", "You are Ada."],
    ["$name, $name!", "Ada, Ada!"],
    ["In ${place}", "In ${name} <b>"],
    ["${nobody} and $nobody", "${nobody} and $nobody"],
    ["It costs $5, or $$5.", "It costs $5, or $5."],
    ["$$name", "$name"],
    ["${na me} ${} $", "${na me} ${} $"],
    ["$ß ${naïve}", "$ß ${naïve}"],
    ["", ""],
  ]) {
    assert.equal(fill(template, answers), filled, template);
  }
});

test("what nobody asks for is pointed out, and a plain dollar sign is not", () => {
  assert.deepEqual(pieces("A ${x} $y", answers), [
    { text: "A " },
    { text: "${x}", name: "x", missing: true },
    { text: " $y" },
  ]);
});

test("what looks like a place and is none is pointed out", () => {
  for (const [template, marked] of [
    ["You are {name}.", ["{name}"]],
    ["You are {{user}} of ${My Place}.", ["{{user}}", "${My Place}"]],
    ["${name", ["${name"]],
    ["${name} has {a: 1} and { }", []],
  ]) {
    const found = piecesWithMistakes(template, answers);
    assert.equal(found.map(({ text }) => text).join(""), fill(template, answers), template);
    assert.deepEqual(
      found.filter(({ missing }) => missing).map(({ text }) => text),
      marked,
    );
  }
});
