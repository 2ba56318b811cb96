// The page where scenarios are written: more rows, a preview that follows, and a word before
// somebody leaves with something unsaved.

import { piecesWithMistakes } from "./fill.js";

const form = document.getElementById("write");
const body = document.getElementById("preview-body");
const value = (name) => form.elements[name]?.value ?? "";

const make = (tag, className, text = "") => {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.textContent = text;
  element.dir = "auto";
  return element;
};

/** The rows of a kind that are filled in and not left out, by their number. */
function* rows(kind) {
  const count = Number(value(`${kind}-TOTAL_FORMS`));
  for (let number = 0; number < count; number += 1) {
    const field = (name) => form.elements[`${kind}-${number}-${name}`];
    if (!field("DELETE")?.checked) yield field;
  }
}

function answers() {
  const found = new Map();
  for (const field of rows("questions")) {
    const name = field("name").value.trim();
    if (name) found.set(name, field("default").value.trim() || "…");
  }
  return found;
}

/** A text with the player's answers in it, marked. */
function filled(element, text, given) {
  element.textContent = "";
  for (const piece of piecesWithMistakes(text, given)) {
    const part = piece.name ? document.createElement("mark") : document.createTextNode(piece.text);
    if (piece.name) {
      part.textContent = piece.text;
      part.classList.toggle("missing", Boolean(piece.missing));
    }
    element.append(part);
  }
  return element;
}

function show() {
  const given = answers();
  const shown = [];
  const title = value("title").trim();
  if (title) shown.push(make("h3", "", title));
  if (value("tempt").trim()) shown.push(make("p", "tempt", value("tempt").trim()));
  const prose = make("div", "prose");
  for (const line of value("opening").split("\n")) {
    if (line.trim()) prose.append(filled(make("p"), line, given));
  }
  if (prose.childElementCount) shown.push(prose);
  for (const field of rows("actions")) {
    const text = field("text").value.trim();
    if (text) shown.push(filled(make("p", `action ${field("kind").value}`), text, given));
  }
  if (shown.length) body.replaceChildren(...shown);
}

let waiting = 0;
let changed = false;
form.addEventListener("input", () => {
  changed = true;
  cancelAnimationFrame(waiting);
  waiting = requestAnimationFrame(show);
});
form.addEventListener("submit", () => {
  changed = false;
});
addEventListener("beforeunload", (event) => {
  if (changed) event.preventDefault();
});

// Another row without a way to the server and back.
for (const box of form.querySelectorAll("[data-rows]")) {
  const kind = box.dataset.rows;
  const more = box.querySelector("[data-more]");
  const most = Number(value(`${kind}-MAX_NUM_FORMS`));
  const total = form.elements[`${kind}-TOTAL_FORMS`];
  const full = () => {
    more.disabled = Number(total.value) >= most;
  };
  more.addEventListener("click", (event) => {
    event.preventDefault();
    const row = box.querySelector("template").content.cloneNode(true);
    for (const part of row.querySelectorAll("[id], [name], [for], [aria-describedby]")) {
      for (const name of ["id", "name", "for", "aria-describedby"]) {
        const written = part.getAttribute(name);
        if (written) part.setAttribute(name, written.replace("__prefix__", total.value));
      }
    }
    const first = row.querySelector("input, select, textarea");
    more.before(row);
    total.value = Number(total.value) + 1;
    full();
    first.focus();
  });
  full();
}
show();
