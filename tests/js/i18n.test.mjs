import assert from "node:assert/strict";
import test from "node:test";

// A page in a made-up language, as dungeon/languages.py writes it.
const words = {
  texts: {
    Send: "Ŝendi",
    "{place} · about {count} s": "{count} s · {place}",
    "{count} turn": ["{count} afero", "{count} aferoj"],
    Empty: "",
  },
  plural: [...Array(200).keys()]
    .map((count) => (count % 10 === 1 && count % 100 !== 11 ? 0 : 1))
    .join(""),
};
globalThis.document = {
  documentElement: { lang: "en" },
  getElementById: (id) => (id === "script-words" ? { textContent: JSON.stringify(words) } : null),
};
const { n, number, t } = await import("../../static/js/i18n.js");

test("a text comes in the page's language, or as it stands in the code", () => {
  assert.equal(t("Send"), "Ŝendi");
  assert.equal(t("Undo"), "Undo");
  assert.equal(t("Empty"), "Empty"); // not translated yet
});

test("values stand where the translation wants them", () => {
  assert.equal(t("{place} · about {count} s", { place: "Next", count: 4 }), "4 s · Next");
  assert.equal(t("{a} and {b}", { a: "{b}", b: "x" }), "{b} and x");
  assert.equal(t("{missing} stays", {}), "{missing} stays");
  assert.equal(t("{constructor}", {}), "{constructor}");
});

test("numbers take the form that the language has for them", () => {
  const forms = [1, 2, 11, 21, 111, 201, 1001, 1011].map((count) =>
    n("{count} turn", "{count} turns", count),
  );
  assert.deepEqual(forms, [
    "1 afero",
    "2 aferoj",
    "11 aferoj",
    "21 afero",
    "111 aferoj",
    "201 afero",
    "1,001 afero",
    "1,011 aferoj",
  ]);
  assert.equal(n("one word", "{count} words", 1), "one word");
  assert.equal(n("one word", "{count} words", 1200), `${number(1200)} words`);
});
