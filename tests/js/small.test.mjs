import assert from "node:assert/strict";
import { test } from "node:test";

import { splitFinished } from "../../static/js/announce.js";
import { Drafts } from "../../static/js/drafts.js";
import { waitLine } from "../../static/js/turnview.js";

test("only whole sentences are spoken", () => {
  assert.deepEqual(splitFinished("You see a lamp. It fl"), ["You see a lamp. ", "It fl"]);
  assert.deepEqual(splitFinished("It costs 3."), ["", "It costs 3."]);
  assert.deepEqual(splitFinished('"Who?" she asks'), ['"Who?" ', "she asks"]);
  assert.deepEqual(splitFinished("A line\nand"), ["A line\n", "and"]);
  assert.deepEqual(splitFinished(""), ["", ""]);
});

test("the place in the line is said in words", () => {
  assert.equal(waitLine({ position: 0, eta: null }), "Next in line");
  assert.equal(waitLine({ position: 1, eta: 8 }), "2nd in line · about 8 s");
  assert.equal(waitLine({ position: 10, eta: 240 }), "11th in line · about 4 min");
  assert.equal(waitLine({ position: 22, eta: 0 }), "23rd in line");
});

class Storage {
  kept = new Map();
  getItem = (key) => this.kept.get(key) ?? null;
  setItem = (key, value) => this.kept.set(key, value);
  removeItem = (key) => this.kept.delete(key);
}

test("a draft is kept per adventure, and forgotten when it is empty", () => {
  const storage = new Storage();
  new Drafts("a", storage).set("half a thought", "say");
  assert.deepEqual(new Drafts("a", storage).get(), { text: "half a thought", mode: "say" });
  assert.deepEqual(new Drafts("b", storage).get(), { text: "", mode: "do" });
  new Drafts("a", storage).set("", "do");
  assert.equal(storage.kept.size, 0);
});

test("an action that nobody answered is known after a reload, and old ones are not resent", () => {
  const storage = new Storage();
  let now = 1000;
  const drafts = new Drafts("a", storage, () => now);
  drafts.sent({ key: "k", text: "look" });
  assert.deepEqual(drafts.unanswered(), { command: { key: "k", text: "look" }, fresh: true });
  now += 3_600_000;
  assert.equal(drafts.unanswered().fresh, false);
  drafts.answered("other");
  assert.ok(drafts.unanswered());
  drafts.answered("k");
  assert.equal(drafts.unanswered(), null);
});

test("a browser that forbids storage only forgets", () => {
  const forbidden = {
    getItem() {
      throw new Error("SecurityError");
    },
  };
  const drafts = new Drafts("a", forbidden);
  drafts.set("x", "do");
  drafts.sent({ key: "k" });
  drafts.answered("k");
  assert.deepEqual(drafts.get(), { text: "", mode: "do" });
  assert.equal(drafts.unanswered(), null);
});
