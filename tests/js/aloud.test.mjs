import assert from "node:assert/strict";
import { test } from "node:test";

import { nextSentence } from "../../static/js/aloud.js";

const turn = (id, shown, reply, done = true) => ({ id, shown, reply, done });

function all(turns, place) {
  const said = [];
  for (let one = nextSentence(turns, place); one; one = nextSentence(turns, one.place)) {
    said.push(one.text);
    place = one.place;
  }
  return [said, place];
}

const from = (id) => ({ turn: id, part: "shown", at: 0 });

test("a story is read sentence by sentence, what the player did first", () => {
  const turns = [
    turn("o", "", 'It is dark. "Who\'s there?" says the door.\n\nNobody answers'),
    turn("t", "You knock.", "The door, 3.5 feet high, opens!"),
  ];
  const [said] = all(turns, from("o"));
  assert.deepEqual(said, [
    "It is dark.",
    '"Who\'s there?"',
    "says the door.",
    "Nobody answers",
    "You knock.",
    "The door, 3.5 feet high, opens!",
  ]);
});

test("words that arrive are said once, when their sentence is whole", () => {
  const told = "You wait. It costs 3.50 crowns. Then it ends";
  let place = from("t");
  const said = [];
  for (let length = 0; length <= told.length; length += 1) {
    const [more, after] = all([turn("t", "", told.slice(0, length), false)], place);
    said.push(...more);
    place = after;
  }
  assert.deepEqual(said, ["You wait.", "It costs 3.50 crowns."]);
  assert.deepEqual(all([turn("t", "", told)], place)[0], ["Then it ends"]);
});

test("text without an end is said in parts, and none of it is lost", () => {
  const word = "x".repeat(10_000);
  const [said] = all([turn("t", "", word)], from("t"));
  assert.equal(said.join(""), word);
  assert.ok(said.every((part) => part.length <= 400));
});

test("a turn that has left the story is not read", () => {
  assert.equal(nextSentence([turn("o", "", "Here.")], from("gone")), null);
});
