import assert from "node:assert/strict";
import { test } from "node:test";

import {
  busy,
  canRedo,
  canRetry,
  canUndo,
  pendingAction,
  empty,
  headings,
  path,
  reduce,
  pendingRetry,
  shownAction,
  otherActions,
  retriesOf,
  suggestions,
  underWay,
  undoesEdit,
} from "../../static/js/story.js";

const turn = (id, parent, more = {}) => ({
  id,
  parent,
  kind: parent ? "do" : "opening",
  action: parent ? "look" : "",
  shown: parent ? "You look." : "",
  reply: `reply ${id}`,
  status: "told",
  attempt: 1,
  edited: false,
  siblings: [id],
  reason: "",
  ...more,
});

const fresh = (id, parent, more = {}) => turn(id, parent, { reply: "", status: "queued", ...more });

const snapshot = (turns, more = {}) => ({
  type: "snapshot",
  id: "10-0",
  adventure: { id: "a", title: "A", version: 5 },
  turns,
  earlier: false,
  head: turns.at(-1).id,
  undo: true,
  redo: null,
  ...more,
});

const play = (...events) => events.reduce(reduce, empty());
const opening = snapshot([turn("o", null)]);
const queued = (id, parent, more = {}) => ({
  type: "turn.queued",
  id: "11-0",
  turn: fresh(id, parent),
  position: 0,
  eta_seconds: 2,
  ...more,
});
const started = (id, attempt = 1) => ({ type: "turn.started", id: "12-0", turn: id, attempt });
const token = (id, index, text, attempt = 1) => ({
  type: "turn.token",
  id: "13-0",
  turn: id,
  attempt,
  index,
  text,
});
const told = (id, parent, reply, more = {}) => ({
  type: "turn.told",
  id: "14-0",
  turn: turn(id, parent, { reply, ...more }),
});
const reply = (state, id) => state.turns[id].reply;

test("a turn is queued, started, told word by word, and ends", () => {
  let state = play(opening, queued("t", "o"));
  assert.equal(state.head, "t");
  assert.deepEqual(state.waiting.t, { position: 0, eta: 2 });
  assert.equal(underWay(state).id, "t");
  state = [started("t"), token("t", 0, "You see"), token("t", 7, " a lamp.")].reduce(reduce, state);
  assert.equal(reply(state, "t"), "You see a lamp.");
  assert.deepEqual(state.waiting, {});
  state = reduce(state, told("t", "o", "You see a lamp."));
  assert.equal(underWay(state), null);
  assert.deepEqual(
    path(state).map(({ id }) => id),
    ["o", "t"],
  );
});

test("a chapter begins after the one before it, and is named by its last turn", () => {
  const turns = [
    turn("a", null),
    turn("b", "a", { chapter: "The cellar" }),
    turn("c", "b"),
    turn("d", "c", { chapter: "The river" }),
    turn("e", "d"),
  ];
  assert.deepEqual(headings(turns), { a: "The cellar", c: "The river", e: "" });
  assert.deepEqual(headings(turns.slice(0, 4)), { a: "The cellar", c: "The river" });
  assert.deepEqual(headings(turns.slice(0, 3)), { a: "The cellar", c: "" });
  assert.deepEqual(headings(turns.slice(1)), { c: "The river", e: "" }, "its beginning is unknown");
  assert.deepEqual(headings([turn("a", null), turn("b", "a")]), {});
  assert.deepEqual(headings([]), {});
});

test("a chapter that is closed, renamed or reopened changes its turn alone", () => {
  const event = { type: "chapters.changed", id: "15-0", turn: "t", title: "The cellar" };
  const before = play(opening, queued("t", "o"), started("t"), told("t", "o", "You see a lamp."));
  const closed = reduce(before, event);
  assert.equal(closed.turns.t.chapter, "The cellar");
  assert.equal(reduce(closed, { ...event, title: "" }).turns.t.chapter, "");
  assert.deepEqual(reduce(before, { ...event, turn: "x" }).turns, before.turns);
  const newer = { ...before, version: 9 };
  assert.deepEqual(reduce(newer, { ...event, version: 8 }).turns, before.turns);
});

test("every event applied twice changes nothing the second time", () => {
  const story = [
    opening,
    queued("t", "o"),
    { type: "turn.waiting", turn: "t", position: 1, eta_seconds: 9 },
    started("t"),
    token("t", 0, "You see"),
    token("t", 7, " a lamp."),
    told("t", "o", "You see a lamp."),
    { type: "turn.edited", id: "15-0", turn: turn("t", "o", { reply: "A lamp.", edited: true }) },
    { type: "head.moved", id: "16-0", head: "o", undo: false, redo: "t" },
    { type: "head.moved", id: "17-0", head: "t", undo: true, redo: null },
    queued("u", "t"),
    { type: "turn.failed", id: "18-0", turn: "u", reason: "The narrator is away." },
    { type: "adventure.changed", id: "19-0", adventure: { title: "B" } },
    { type: "chapters.changed", id: "20-0", turn: "t", title: "The cellar" },
    { type: "error", code: "busy", message: "Wait.", key: null },
  ];
  let state = empty();
  for (const event of story) {
    const once = reduce(state, event);
    assert.deepEqual(reduce(once, event), once, event.type);
    state = once;
  }
});

test("a log that repeats what the snapshot held ends where the snapshot was", () => {
  const log = [
    queued("t", "o"),
    started("t"),
    token("t", 0, "One two."),
    told("t", "o", "One two."),
    { type: "head.moved", id: "15-0", head: "o", undo: false, redo: "t" },
    queued("u", "o", { turn: fresh("u", "o", { siblings: ["t", "u"] }) }),
    started("u"),
    token("u", 0, "Three"),
  ];
  const live = play(opening, ...log);
  const late = snapshot([turn("o", null), fresh("u", "o", { status: "running", reply: "Three" })]);
  const replayed = log.slice(2).reduce(reduce, reduce(empty(), late));
  assert.deepEqual(
    path(replayed).map(({ id }) => id),
    ["o", "u"],
  );
  assert.equal(reply(replayed, "u"), "Three");
  assert.equal(replayed.head, live.head);
});

test("events older than the version shown are left out, where they carry one", () => {
  const state = play(snapshot([turn("o", null), turn("t", "o")]));
  const back = { type: "head.moved", id: "9-0", head: "o", redo: "t", version: 4 };
  assert.equal(reduce(state, back).head, "t");
  assert.equal(reduce(state, { ...back, version: 6 }).head, "o");
  const edit = {
    type: "turn.edited",
    id: "9-1",
    turn: turn("t", "o", { reply: "old" }),
    version: 3,
  };
  assert.equal(reply(reduce(state, edit), "t"), "reply t");
});

test("an attempt that was overtaken says nothing more", () => {
  let state = play(opening, queued("t", "o"), started("t"), token("t", 0, "You "));
  state = reduce(state, started("t", 2));
  state = reduce(state, token("t", 4, "WRONG", 1));
  state = reduce(state, told("t", "o", "You WRONG", { attempt: 1 }));
  assert.equal(reply(state, "t"), "You ");
  state = reduce(state, token("t", 4, "wait.", 2));
  assert.equal(reply(state, "t"), "You wait.");
  state = reduce(state, started("t", 1));
  assert.equal(state.turns.t.attempt, 2);
});

test("pieces overlap by code points, and emoji count as one", () => {
  let state = play(opening, queued("t", "o"), token("t", 0, "🕯️ a"));
  state = reduce(state, token("t", 0, "🕯️ a lamp"));
  assert.equal(reply(state, "t"), "🕯️ a lamp");
  state = reduce(state, token("t", [..."🕯️ a lamp"].length, "🏮!"));
  assert.equal(reply(state, "t"), "🕯️ a lamp🏮!");
});

test("a piece that was skipped asks for a snapshot, which mends it", () => {
  let state = play(opening, queued("t", "o"), token("t", 0, "You "), token("t", 9, "later"));
  assert.equal(state.missing, true);
  assert.equal(reply(state, "t"), "You ");
  const whole = fresh("t", "o", { status: "running", reply: "You are later" });
  state = reduce(state, snapshot([turn("o", null), whole]));
  assert.equal(state.missing, false);
  assert.equal(reply(state, "t"), "You are later");
});

test("a snapshot that is behind takes no word back", () => {
  let state = play(opening, queued("t", "o"), token("t", 0, "You see a lamp"));
  const behind = fresh("t", "o", { status: "running", reply: "You see" });
  state = reduce(state, snapshot([turn("o", null), behind]));
  assert.equal(reply(state, "t"), "You see a lamp");
});

test("a head that nobody knows waits for the snapshot", () => {
  const state = reduce(play(opening), { type: "head.moved", id: "11-0", head: "far", redo: null });
  assert.equal(state.head, "o");
  assert.equal(state.missing, true);
});

test("a late word or a replay never opens a turn that has ended", () => {
  const state = play(opening, queued("t", "o"), started("t"), told("t", "o", "Done."));
  for (const late of [started("t"), started("t", 2), token("t", 5, " More."), queued("t", "o")]) {
    assert.equal(reduce(state, late).turns.t.status, "told");
    assert.equal(reply(reduce(state, late), "t"), "Done.");
  }
});

test("an edit stays when the end of the reply is heard again", () => {
  let state = play(opening, queued("t", "o"), told("t", "o", "First."));
  const edit = turn("t", "o", { reply: "Second.", edited: true });
  state = reduce(state, { type: "turn.edited", id: "15-0", turn: edit });
  assert.equal(reply(reduce(state, told("t", "o", "First.")), "t"), "Second.");
});

test("unknown events and fields are ignored", () => {
  const state = play(opening);
  for (const odd of [{ type: "turn.sang", id: "1" }, { type: "toString" }, {}, null, 7, "x"]) {
    assert.equal(reduce(state, odd), state);
  }
  assert.equal(reduce(state, { ...queued("t", "o"), colour: "amber" }).head, "t");
});

test("what the player did is echoed at once and gives way to the turn", () => {
  const command = { type: "take_action", key: "k", kind: "do", text: "look" };
  let state = reduce(play(opening), { type: "page.sent", command });
  assert.equal(pendingAction(state), command);
  state = reduce(state, { type: "accepted", key: "k", turn: "t" });
  assert.equal(pendingAction(state), command, "the turn is still on its way");
  state = reduce(state, queued("t", "o"));
  assert.equal(pendingAction(state), null);
  assert.deepEqual(state.commands, []);
});

test("the turn may come before its acceptance", () => {
  const command = { type: "take_action", key: "k", kind: "do", text: "look" };
  let state = reduce(play(opening), { type: "page.sent", command });
  state = reduce(state, queued("t", "o"));
  assert.equal(pendingAction(state), null);
  state = reduce(state, { type: "accepted", key: "k", turn: "t" });
  assert.deepEqual(state.commands, []);
});

test("a refused action comes back with what was written", () => {
  const command = { type: "take_action", key: "k", kind: "say", text: "Hello?" };
  let state = reduce(play(opening), { type: "page.sent", command });
  const error = { type: "error", code: "full", message: "Later.", key: "k", retry_after: 30 };
  state = reduce(state, error);
  assert.equal(pendingAction(state), null);
  assert.equal(state.problem.command, command);
  assert.equal(state.problem.retryAfter, 30);
  assert.equal(reduce(state, error), state);
});

test("a command sent again after a reload is not echoed", () => {
  const command = { type: "take_action", key: "k", kind: "do", text: "look" };
  const state = reduce(play(opening), { type: "page.sent", command, quiet: true });
  assert.equal(pendingAction(state), null);
});

test("a retry shows that it was asked for, then the new telling beside the old", () => {
  let state = play(opening, queued("t", "o"), told("t", "o", "One."));
  assert.equal(canRetry(state), true);
  const command = { type: "retry_turn", key: "r", turn: "t" };
  state = reduce(state, { type: "page.sent", command });
  assert.equal(pendingRetry(state), "t");
  const actions = [{ shown: "You look.", turns: ["t", "u"] }];
  const again = fresh("u", "o", { siblings: ["t", "u"], actions });
  state = reduce(state, queued("u", "o", { turn: again }));
  assert.equal(pendingRetry(state), null);
  assert.deepEqual(retriesOf(state.turns.u), ["t", "u"]);
  assert.deepEqual(retriesOf(state.turns.t), ["t", "u"]);
  assert.deepEqual(otherActions(state.turns.t), []);
});

test("another action at the same moment is no retry", () => {
  let state = play(opening, queued("t", "o"), told("t", "o", "One."));
  state = reduce(state, { type: "head.moved", id: "15-0", head: "o", redo: "t" });
  const actions = [
    { shown: "You look.", turns: ["t", "v"] },
    { shown: "You run.", turns: ["u"] },
  ];
  const other = fresh("u", "o", { siblings: ["t", "v", "u"], actions });
  state = reduce(state, queued("u", "o", { turn: other }));
  assert.deepEqual(retriesOf(state.turns.u), ["u"]);
  assert.deepEqual(retriesOf(state.turns.t), ["t", "v"]);
  assert.deepEqual(otherActions(state.turns.t), [{ shown: "You run.", turn: "u" }]);
  assert.deepEqual(otherActions(state.turns.u), [{ shown: "You look.", turn: "v" }]);
});

test("undo and redo are about an edit while it is the last thing that was done", () => {
  const edit = { type: "turn.edited", id: "15-0", turn: turn("o", null, { edited: true }) };
  let state = reduce(play(opening), { ...edit, last_edit: { turn: "o", undone: false } });
  assert.deepEqual([canUndo(state), undoesEdit(state), canRedo(state)], [true, true, false]);
  const undone = { ...edit, id: "16-0", last_edit: { turn: "o", undone: true } };
  state = reduce(state, undone);
  assert.deepEqual([canUndo(state), undoesEdit(state), canRedo(state)], [false, false, true]);
  state = reduce(state, queued("t", "o"));
  assert.equal(state.lastEdit, null);
  assert.deepEqual([canUndo(state), undoesEdit(state)], [true, false]);
  const world = { type: "world.changed", turn: "o", last_edit: { turn: "o", undone: false } };
  state = reduce(play(opening), { ...world, id: "15-0" });
  assert.deepEqual([canUndo(state), undoesEdit(state)], [true, true]);
  state = reduce(state, { ...world, id: "16-0", last_edit: { turn: "o", undone: true } });
  assert.deepEqual([undoesEdit(state), canRedo(state)], [false, true]);
});

test("undo and redo are offered where they lead somewhere", () => {
  let state = play(opening);
  assert.deepEqual([canUndo(state), canRedo(state), canRetry(state)], [false, false, false]);
  state = [queued("t", "o"), told("t", "o", "One.")].reduce(reduce, state);
  assert.deepEqual([canUndo(state), canRedo(state)], [true, false]);
  state = reduce(state, { type: "head.moved", id: "15-0", head: "o", undo: false, redo: "t" });
  assert.deepEqual([canUndo(state), canRedo(state)], [false, true]);
});

test("older turns join at the front without undoing newer knowledge", () => {
  let state = play(snapshot([turn("c", "b"), turn("d", "c")], { earlier: true }));
  const turns = [turn("a", null), turn("b", "a"), turn("c", "b", { reply: "stale" })];
  state = reduce(state, { type: "page.earlier", turns, earlier: false });
  assert.deepEqual(
    path(state).map(({ id }) => id),
    ["a", "b", "c", "d"],
  );
  assert.equal(reply(state, "c"), "reply c");
  assert.equal(state.earlier, false);
});

test("a tree that bites its tail ends the path", () => {
  const state = play(snapshot([turn("a", "b"), turn("b", "a")]));
  assert.equal(path(state).length, 2);
});

test("the log's place is kept for coming back", () => {
  assert.equal(play(opening).log, "10-0");
  assert.equal(play(opening, queued("t", "o")).log, "11-0");
  const waiting = { type: "turn.waiting", turn: "t", position: 3, eta_seconds: null };
  assert.equal(play(opening, queued("t", "o"), waiting).log, "11-0");
});

test("an action is shown as the story will say it", () => {
  assert.equal(shownAction("do", "Open the door"), "You open the door.");
  assert.equal(shownAction("do", "I run!"), "You run!");
  assert.equal(shownAction("do", '"Hello"'), 'You say "Hello"');
  assert.equal(shownAction("say", "“Who's there?”"), 'You say "Who\'s there?"');
  assert.equal(shownAction("story", "Night falls."), "Night falls.");
  assert.equal(shownAction("continue", ""), "");
  assert.equal(shownAction("do", "开门"), "开门.");
});

test("any order of any events leaves a state that can be shown", () => {
  const events = [
    queued("t", "o"),
    started("t"),
    started("t", 2),
    token("t", 0, "You see a lamp."),
    token("t", 4, "see"),
    told("t", "o", "You see a lamp."),
    { type: "turn.stopped", id: "14-1", turn: turn("t", "o", { status: "stopped" }) },
    { type: "turn.failed", id: "14-2", turn: "t", reason: "no" },
    { type: "turn.edited", id: "15-0", turn: turn("t", "o", { edited: true }) },
    { type: "head.moved", id: "16-0", head: "o", redo: "t" },
    { type: "head.moved", id: "16-1", head: "nowhere", redo: null },
    opening,
  ];
  let seed = 42;
  const next = (n) => {
    seed = (seed * 1103515245 + 12345) % 2147483648;
    return seed % n;
  };
  for (let round = 0; round < 2000; round += 1) {
    let state = reduce(empty(), opening);
    for (let i = 0; i < 12; i += 1) {
      state = reduce(state, events[next(events.length)]);
      const shown = path(state);
      assert.equal(shown.at(-1)?.id, state.head);
      underWay(state);
      retriesOf(shown.at(-1));
    }
    assert.equal(reduce(state, opening).head, "o");
  }
});

test("a turn that is told anew after the log was emptied does not begin with the old words", () => {
  const first = { ...started("t"), telling: "one", fresh: true };
  const second = { ...started("t"), telling: "two", fresh: true };
  const words = [opening, queued("t", "o"), first, token("t", 0, "You fall")];
  assert.equal(reply(play(...words, first), "t"), "You fall", "a replay is no new telling");
  assert.equal(reply(play(...words, second, token("t", 0, "You rise")), "t"), "You rise");
  const anew = fresh("t", "o", { status: "running", reply: "You", telling: "two" });
  assert.equal(reply(play(...words, snapshot([turn("o", null), anew])), "t"), "You");
  const same = { ...anew, telling: "one" };
  assert.equal(reply(play(...words, snapshot([turn("o", null), same])), "t"), "You fall");
});

test("the words of a broken telling are where the next attempt goes on", () => {
  const first = { ...started("t"), telling: "one", fresh: true };
  const next = { ...started("t", 2), telling: "two", fresh: false };
  const state = play(
    ...[opening, queued("t", "o"), first, token("t", 0, "You ")],
    ...[next, token("t", 4, "climb", 2)],
  );
  assert.equal(reply(state, "t"), "You climb");
});

test("a snapshot from a server that cannot read the log keeps the words on the page", () => {
  const first = { ...started("t"), telling: "one", fresh: true };
  const running = play(opening, queued("t", "o"), first, token("t", 0, "You wait"));
  const blind = snapshot([turn("o", null), fresh("t", "o", { telling: "" })], { id: "0-0" });
  const state = [blind, first, token("t", 8, " here.")].reduce(reduce, running);
  assert.equal(reply(state, "t"), "You wait here.");
});

test("what is asked for while the narrator speaks waits, and an error ends the waiting", () => {
  let state = play(opening, queued("t", "o"), { type: "page.then", then: "retry" });
  assert.equal(busy(state), true);
  assert.equal(state.then, "retry");
  state = reduce(state, told("t", "o", "Well."));
  assert.equal(busy(state), false);
  assert.equal(state.then, "retry", "the page decides when");
  assert.equal(reduce(state, { type: "error", code: "full", message: "Later." }).then, null);
});

test("a long story is forgotten from its beginning, and goes on as before", () => {
  const ids = Array.from({ length: 50 }, (_, number) => `n${number}`);
  const turns = ids.map((id, number) => turn(id, number ? ids[number - 1] : null));
  const aside = turn("aside", "n48", { siblings: ["n49", "aside"] });
  const old = turn("old", "n3");
  let state = play(snapshot(turns, { redo: null }));
  state = reduce(state, { type: "page.earlier", turns: [aside, old], earlier: false });
  state = reduce(state, { type: "page.forget", keep: 10 });
  assert.deepEqual(
    path(state).map(({ id }) => id),
    ids.slice(-10),
  );
  assert.equal(state.earlier, true);
  assert.ok(state.turns.aside);
  assert.equal(state.turns.old, undefined);
  assert.equal(reduce(state, { type: "page.forget", keep: 10 }), state);
  state = reduce(state, queued("t", "n49"));
  assert.equal(path(state).length, 11);
  assert.equal(canUndo(state), true);
});

test("a turn told again from a place that was never shown asks for a snapshot", () => {
  assert.equal(play(opening, queued("a", "o")).missing, false);
  assert.equal(play(opening, queued("a", "elsewhere")).missing, true);
});

test("suggested actions stand below the reply that they follow, until something is sent", () => {
  const event = { type: "turn.suggested", id: "14-0", turn: "o", actions: ["Go up.", "Wait."] };
  const offered = reduce(play(opening), event);
  assert.deepEqual(suggestions(offered), ["Go up.", "Wait."]);
  const command = { type: "take_action", key: "k", kind: "do", text: "wait" };
  const acted = reduce(offered, { type: "page.sent", command });
  assert.deepEqual(suggestions(acted), []);
  const refused = reduce(acted, { type: "error", key: "k", code: "full", message: "Later." });
  assert.deepEqual(suggestions(refused), ["Go up.", "Wait."]);
  assert.deepEqual(suggestions(reduce(acted, queued("a", "o"))), []);
});

test("suggestions of a snapshot are shown, those of another turn or text are not", () => {
  const turns = [turn("o", null), turn("a", "o")];
  const offered = play(snapshot(turns, { suggestions: ["Run."] }));
  assert.deepEqual(suggestions(offered), ["Run."]);
  const back = { type: "head.moved", id: "14-0", version: 6, head: "o", undo: false, redo: "a" };
  assert.deepEqual(suggestions(reduce(offered, back)), []);
  const late = { type: "turn.suggested", id: "15-0", turn: "a", actions: ["Hide."] };
  assert.deepEqual(suggestions(reduce(reduce(offered, back), late)), []);
  const edit = { type: "turn.edited", id: "14-0", version: 6, turn: turn("a", "o") };
  assert.deepEqual(suggestions(reduce(offered, edit)), []);
});
