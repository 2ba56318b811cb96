import assert from "node:assert/strict";
import { test } from "node:test";

import {
  changesOf,
  entriesOf,
  keyOf,
  namesOf,
  problemOf,
  removalOf,
  sourceName,
  turnName,
} from "../../static/js/worldentries.js";

const origin = {
  turn: "t",
  number: 3,
  source: "rule",
  sentence: "Teague falls.",
  locked: false,
  changed: false,
};
const world = {
  version: 4,
  turn: "t",
  number: 3,
  place: { ...origin, value: "the lamp room" },
  time: null,
  people: [
    { ...origin, name: "Mara", life: "alive", here: true, mood: "wary" },
    { ...origin, name: "Odo", life: "alive", here: false, mood: "" },
    { ...origin, name: "Teague", life: "dead", here: false, mood: "" },
  ],
  things: [{ ...origin, name: "lantern", held: "carried" }],
  aims: [{ ...origin, text: "reach the mainland" }],
  facts: [],
};
const [mara, odo, teague] = entriesOf(world, "person");
const [lantern] = entriesOf(world, "thing");
const [aim] = entriesOf(world, "aim");

const person = (name, field, value) => ({ part: "person", name, field, value });

test("people are where they are, or dead or gone", () => {
  assert.deepEqual(
    entriesOf(world, "person").map(({ name, state }) => [name, state]),
    [
      ["Mara", "here"],
      ["Odo", "elsewhere"],
      ["Teague", "dead"],
    ],
  );
});

test("a place that nobody knows can be set", () => {
  const [time] = entriesOf(world, "time");
  assert.equal(time.origin, null);
  assert.equal(keyOf(time), "time");
  assert.deepEqual(changesOf("time", time, { name: "dusk", state: "", mood: "" }), [
    { part: "time", name: "", field: "", value: "dusk" },
  ]);
});

test("only what is different is changed", () => {
  assert.deepEqual(changesOf("person", mara, { ...mara }), []);
  assert.deepEqual(changesOf("person", mara, { ...mara, mood: "" }), [person("Mara", "mood", "")]);
  assert.deepEqual(changesOf("person", mara, { ...mara, state: "elsewhere" }), [
    person("Mara", "here", "no"),
  ]);
  assert.deepEqual(changesOf("person", odo, { ...odo, state: "dead" }), [
    person("Odo", "life", "dead"),
  ]);
  assert.deepEqual(changesOf("thing", lantern, { ...lantern, state: "carried" }), []);
  assert.deepEqual(changesOf("aim", aim, { ...aim }), []);
});

test("somebody who was dead lives again where the player says so", () => {
  assert.deepEqual(changesOf("person", teague, { ...teague, state: "here" }), [
    person("Teague", "life", "alive"),
    person("Teague", "here", "yes"),
  ]);
});

test("another name is another entry in place of the old one", () => {
  assert.deepEqual(changesOf("person", mara, { ...mara, name: "Mara Venn" }), [
    person("Mara", "life", ""),
    person("Mara Venn", "life", "alive"),
    person("Mara Venn", "here", "yes"),
    person("Mara Venn", "mood", "wary"),
  ]);
  assert.deepEqual(changesOf("aim", aim, { ...aim, name: "reach the town" }), [
    { part: "aim", name: "reach the mainland", field: "", value: "" },
    { part: "aim", name: "reach the town", field: "", value: "open" },
  ]);
});

test("new entries", () => {
  const values = { name: "Ilse", state: "gone", mood: "" };
  assert.deepEqual(changesOf("person", null, values), [person("Ilse", "life", "gone")]);
  assert.deepEqual(changesOf("fact", null, { name: "It rains.", state: "", mood: "" }), [
    { part: "fact", name: "It rains.", field: "", value: "true" },
  ]);
  assert.deepEqual(changesOf("thing", null, { name: "coat", state: "worn", mood: "" }), [
    { part: "thing", name: "coat", field: "held", value: "worn" },
  ]);
});

test("removing and unlocking name all that is meant", () => {
  assert.deepEqual(removalOf(mara), [person("Mara", "life", "")]);
  assert.deepEqual(removalOf(lantern), [
    { part: "thing", name: "lantern", field: "held", value: "" },
  ]);
  const [place] = entriesOf(world, "place");
  assert.deepEqual(removalOf(place), [{ part: "place", name: "", field: "", value: "" }]);
  assert.deepEqual(namesOf(place), [{ part: "place", name: "", field: "" }]);
  assert.deepEqual(
    namesOf(mara).map(({ name, field }) => [name, field]),
    [
      ["Mara", "life"],
      ["Mara", "here"],
      ["Mara", "mood"],
    ],
  );
});

test("what is missing or too long is said in words", () => {
  const values = { name: "", state: "here", mood: "" };
  assert.match(problemOf("person", values), /name/u);
  assert.equal(problemOf("person", { ...values, name: "é".repeat(60) }), "");
  assert.match(problemOf("person", { ...values, name: "x".repeat(61) }), /61.*60/u);
  assert.match(problemOf("person", { ...values, name: "Mara", mood: "y".repeat(21) }), /21.*20/u);
});

test("why it is there", () => {
  assert.equal(turnName(origin), "turn 3");
  assert.equal(turnName({ ...origin, number: 0 }), "the opening");
  assert.equal(sourceName("rule"), "Read by a rule");
  assert.equal(sourceName("player"), "Set by you");
});

test("each thing that is known of a person says where it is from", () => {
  const told = { ...origin, source: "narrator", sentence: "Mara looks at you.", number: 9 };
  const fields = { life: origin, here: origin, mood: told };
  const [entry] = entriesOf({ ...world, people: [{ ...world.people[0], fields }] }, "person");
  assert.deepEqual(
    entry.reasons.map(({ says, origin: { number } }) => [says, number]),
    [
      ["Alive, Here", 3],
      ["wary", 9],
    ],
  );
  const one = { ...world.people[0], fields: { here: origin } };
  const [simple] = entriesOf({ ...world, people: [one] }, "person");
  assert.deepEqual(simple.reasons, [{ says: "", origin }]);
  assert.equal(mara.reasons.length, 1);
});
