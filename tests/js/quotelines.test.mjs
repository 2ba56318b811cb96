// How the words of a quote card lie in their box; a letter is as wide as its size here.

import assert from "node:assert/strict";
import test from "node:test";
import {
  fit,
  fromRight,
  lastWords,
  LONGEST,
  passage,
  wrap,
} from "../../static/js/library/quotelines.js";

const measure = (text, size = 1) => [...text].length * size;
const joined = (lines) => lines.join("").replaceAll(/\s/gu, "");

test("no line is wider than its box, and no letter is lost", () => {
  for (const text of [
    "The lamp is out. Something knocks, three times.",
    "x".repeat(500),
    "“Who is there?” you ask — and nobody answers.",
    "彼は扉を開けた。中は暗かった。",
    "مرحبا بك في المنارة",
    "👨‍👩‍👧‍👦 ".repeat(9),
    "one\n\ntwo\nthree",
    "",
  ]) {
    const lines = wrap(passage(text), 12, measure);
    for (const line of lines) assert.ok(measure(line) <= 12, line);
    assert.equal(joined(lines), joined([text]), text);
  }
});

test("a mark does not begin a line, and a quotation mark does not end one", () => {
  const lines = wrap("He said “come in” and went, so.", 9, measure);
  for (const line of lines) assert.match(line, /^[^,.”]/u);
  for (const line of lines) assert.doesNotMatch(line, /“$/u);
});

test("a short passage stands in large letters, a long one in small ones, a longer one is cut", () => {
  const box = { width: 400, height: 300 };
  assert.equal(fit("Go.", box, [40, 20, 10], measure).size, 40);
  assert.equal(fit("word ".repeat(100), box, [40, 20, 10], measure).size, 10);
  const cut = fit("word ".repeat(900), box, [40, 20, 10], measure);
  assert.equal(cut.size, 10);
  assert.ok(cut.lines.length * cut.leading <= 300);
  assert.match(cut.lines.at(-1), /…$/u);
});

test("a passage is cut at a word", () => {
  const text = passage("word ".repeat(400));
  assert.ok([...text].length <= LONGEST + 1);
  assert.match(text, /word…$/u);
  assert.equal(passage("  a \t b \n\n c "), "a b\nc");
  assert.equal([...passage("x".repeat(5000))].length, LONGEST + 1);
});

test("the last words of a reply begin with a sentence where one begins", () => {
  assert.equal(lastWords("Short. Words."), "Short. Words.");
  const long = `${"A first sentence that goes on. ".repeat(20)}The end came.`;
  assert.match(lastWords(long), /^A first sentence/u);
  assert.match(lastWords(long), /The end came\.$/u);
  assert.match(lastWords("word ".repeat(200)), /^… /u);
});

test("what is written from the right is known by its first letter", () => {
  assert.equal(fromRight("“مرحبا”"), true);
  assert.equal(fromRight("1. שלום"), true);
  assert.equal(fromRight("Hello مرحبا"), false);
  assert.equal(fromRight("…"), false);
});
