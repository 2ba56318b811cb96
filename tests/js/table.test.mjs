import assert from "node:assert/strict";
import { test } from "node:test";

import { empty, pendingAction, reduce, shownAction } from "../../static/js/story.js";
import {
  agreement,
  askedLine,
  askedText,
  colourOf,
  hasProposed,
  proposalText,
  proposes,
  rightsTo,
  secondsLeft,
  skipLabel,
  timeLeft,
  turnLine,
  waitsFor,
} from "../../static/js/table.js";

const mira = { id: "m", name: "Mira", role: "owner" };
const tom = { id: "t", name: "Tom", role: "player" };
const ann = { id: "a", name: "Ann", role: "player" };

/** What the page of `who` knows. */
const seen = (who, table = {}) => ({
  you: { member: who.id, role: who.role, name: who.name },
  table: { members: [mira, tom, ann], order: "free", seconds: 0, proposals: [], ...table },
});
const watching = (table) => seen({ id: "x", name: "", role: "spectator" }, table);
const proposal = (member, more = {}) => ({
  member: member.id,
  kind: "do",
  text: "run",
  votes: [],
  ...more,
});

test("who plays alone proposes nothing and waits for nobody", () => {
  const alone = { table: null, you: { member: "m", role: "owner", name: "" } };
  assert.equal(proposes(alone), false);
  assert.equal(waitsFor(alone), "");
  assert.equal(turnLine(alone, false), "");
  assert.equal(colourOf(alone, "m"), 0);
});

test("what is sent is a proposal in three orders, but not the game master's", () => {
  for (const order of ["free", "round"]) assert.equal(proposes(seen(tom, { order })), false);
  for (const order of ["together", "vote"]) assert.equal(proposes(seen(mira, { order })), true);
  assert.equal(proposes(seen(tom, { order: "master", master: "m" })), true);
  assert.equal(proposes(seen(mira, { order: "master", master: "m" })), false);
});

test("in a round all but one wait, and are told for whom", () => {
  const round = { order: "round", turn_of: "m" };
  assert.equal(waitsFor(seen(tom, round)), "Mira");
  assert.equal(waitsFor(seen(mira, round)), "");
  assert.equal(turnLine(seen(mira, round), false), "It is your turn.");
  assert.equal(turnLine(seen(tom, round), false), "It is the turn of Mira.");
  assert.equal(turnLine(seen(tom, round), true), "Next: Mira");
  assert.equal(turnLine(watching(round), false), "It is the turn of Mira.");
});

test("together it says who has not written", () => {
  const order = "together";
  const one = { order, proposals: [proposal(tom)] };
  assert.match(turnLine(seen(mira, one), false), /You have not written yet/u);
  assert.match(turnLine(seen(tom, one), false), /Waiting for Mira, Ann/u);
  assert.equal(proposalText({ member: "t", kind: null, text: null }), "has written");
});

test("a vote is counted, without those who left", () => {
  const proposals = [proposal(tom, { votes: ["m", "gone"] }), proposal(ann, { votes: ["t"] })];
  assert.equal(turnLine(seen(mira, { order: "vote", proposals }), false), "Votes: 2 of 3");
});

test("each may do what the order gives them", () => {
  const vote = { order: "vote" };
  const its = proposal(tom, { votes: ["m"] });
  const own = { own: true, vote: true, voted: false, approve: false };
  assert.deepEqual(rightsTo(seen(tom, vote), its), own);
  assert.equal(rightsTo(seen(mira, vote), its).voted, true);
  const master = { order: "master", master: "m" };
  assert.equal(rightsTo(seen(mira, master), its).approve, true);
  assert.equal(rightsTo(seen(ann, master), its).approve, false);
  const nothing = { own: false, vote: false, voted: false, approve: false };
  assert.deepEqual(rightsTo(watching(vote), its), nothing);
});

test("only the owner goes on without the others, where there is somebody to skip", () => {
  const round = { order: "round", turn_of: "t" };
  assert.equal(skipLabel(seen(mira, round)), "Skip Tom");
  assert.equal(skipLabel(seen(tom, round)), "");
  assert.equal(skipLabel(seen(mira, { order: "vote" })), "");
  assert.equal(skipLabel(seen(mira, { order: "vote", proposals: [proposal(tom)] })), "Go on now");
});

test("a change that waits can be agreed to once, by those who play", () => {
  const asked = { type: "undo_turn", turn: null, member: "t", agreed: ["t"], needed: 2 };
  assert.equal(askedLine(seen(mira, { asked })), "Tom asks to undo (1 of 2 agree).");
  assert.deepEqual(agreement(seen(mira, { asked })), { type: "undo_turn" });
  assert.equal(agreement(seen(tom, { asked })), null);
  assert.equal(agreement(watching({ asked })), null);
  const edit = { ...asked, type: "edit_turn", turn: "1", action: null, reply: "It rains." };
  const same = { type: "edit_turn", turn: "1", action: null, reply: "It rains." };
  assert.deepEqual(agreement(seen(ann, { asked: edit })), same);
  assert.equal(askedText(seen(ann, { asked: edit })), "It rains.");
  const retry = { ...asked, type: "retry_turn", turn: "1" };
  assert.deepEqual(agreement(seen(ann, { asked: retry })), { type: "retry_turn", turn: "1" });
});

test("the time left is never more than the table gives, nor less than none", () => {
  const until = "2026-01-01T00:01:00Z";
  const table = { order: "round", turn_of: "t", seconds: 60, until };
  const at = (time) => secondsLeft(seen(tom, table), Date.parse(time));
  assert.equal(at("2026-01-01T00:00:15Z"), 45);
  assert.equal(at("2025-12-31T23:00:00Z"), 60); // this machine's clock is slow
  assert.equal(at("2026-01-01T02:00:00Z"), 0);
  assert.equal(secondsLeft(seen(tom), 0), null);
  assert.equal(timeLeft(45), "45 s left");
  assert.equal(timeLeft(600), "10 min left");
  assert.equal(timeLeft(7200), "2 h left");
  assert.equal(timeLeft(86400 * 3), "3 days left");
});

test("members have different colours", () => {
  const colours = [mira, tom, ann].map(({ id }) => colourOf(seen(tom), id));
  assert.deepEqual(colours, [1, 2, 3]);
  assert.equal(colourOf(seen(tom), "gone"), 0);
});

test("a proposal does not stand in the story while it is sent", () => {
  const command = { type: "take_action", key: "k", kind: "do", text: "run" };
  const sent = (table) => reduce({ ...empty(), ...table }, { type: "page.sent", command });
  assert.equal(pendingAction(sent(seen(tom, { order: "vote" }))), null);
  assert.equal(pendingAction(sent(seen(tom)))?.text, "run");
});

test("who has proposed does not propose to continue by a second Enter", () => {
  const command = { type: "take_action", key: "k", kind: "do", text: "run" };
  const vote = { ...empty(), ...seen(tom, { order: "vote" }) };
  assert.equal(hasProposed(vote), false);
  assert.equal(hasProposed(reduce(vote, { type: "page.sent", command })), true);
  const proposals = [proposal(tom)];
  assert.equal(hasProposed({ ...vote, ...seen(tom, { order: "vote", proposals }) }), true);
  assert.equal(hasProposed({ ...vote, ...seen(ann, { order: "vote", proposals }) }), false);
});

test("where several play what was typed is echoed as it is, below the name", () => {
  assert.equal(shownAction("do", "run", "Tom"), "run");
  assert.equal(shownAction("do", "run"), "You run.");
});
