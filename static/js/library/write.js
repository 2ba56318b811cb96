// The page where scenarios are written: more rows, a preview that follows, and a word before
// somebody leaves with something unsaved.

import { piecesWithMistakes } from "./fill.js";

const form = /** @type {HTMLFormElement} */ (document.getElementById("scenario-form"));
const body = /** @type {HTMLElement} */ (document.getElementById("preview-body"));

/**
 * The field of that name, if the form has it.
 *
 * @param {string} name
 */
const fieldOf = (name) => /** @type {HTMLInputElement | null} */ (form.elements.namedItem(name));

/** @param {string} name */
const value = (name) => fieldOf(name)?.value ?? "";

/**
 * @param {string} tag
 * @param {string} [className]
 */
const make = (tag, className, text = "") => {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.textContent = text;
  element.dir = "auto";
  return element;
};

/**
 * The rows of a kind that are not left out, each as what its fields hold.
 *
 * @param {string} kind
 */
function* rows(kind) {
  const count = Number(value(`${kind}-TOTAL_FORMS`));
  for (let number = 0; number < count; number += 1) {
    const row = `${kind}-${number}`;
    const said = (/** @type {string} */ name) => value(`${row}-${name}`).trim();
    if (!fieldOf(`${row}-DELETE`)?.checked) yield said;
  }
}

function answers() {
  const found = new Map();
  for (const said of rows("questions")) {
    const name = said("name");
    if (name) found.set(name, said("default") || "…");
  }
  return found;
}

/**
 * A text with the player's answers in it, marked.
 *
 * @param {HTMLElement} element
 * @param {string} text
 * @param {Map<string, string>} given
 */
function filled(element, text, given) {
  element.textContent = "";
  for (const piece of piecesWithMistakes(text, given)) {
    if (!piece.name) {
      element.append(piece.text);
      continue;
    }
    const part = document.createElement("mark");
    part.textContent = piece.text;
    part.classList.toggle("missing", Boolean(piece.missing));
    element.append(part);
  }
  return element;
}

function show() {
  const given = answers();
  const shown = [];
  const title = value("title").trim();
  if (title) shown.push(make("h3", "", title));
  if (value("tempt").trim()) shown.push(make("p", "tagline", value("tempt").trim()));
  const prose = make("div", "prose");
  for (const line of value("opening").split("\n")) {
    if (line.trim()) prose.append(filled(make("p"), line, given));
  }
  if (prose.childElementCount) shown.push(prose);
  for (const said of rows("actions")) {
    const text = said("text");
    if (text) shown.push(filled(make("p", `action ${said("kind")}`), text, given));
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
/** @type {NodeListOf<HTMLElement>} */
const boxes = form.querySelectorAll("[data-rows]");
for (const box of boxes) {
  const kind = box.dataset.rows;
  const more = /** @type {HTMLButtonElement} */ (box.querySelector("[data-more]"));
  const most = Number(value(`${kind}-MAX_NUM_FORMS`));
  const total = /** @type {HTMLInputElement} */ (fieldOf(`${kind}-TOTAL_FORMS`));
  const template = /** @type {HTMLTemplateElement} */ (box.querySelector("template"));
  const full = () => {
    more.disabled = Number(total.value) >= most;
  };
  more.addEventListener("click", (event) => {
    event.preventDefault();
    const row = document.importNode(template.content, true);
    for (const part of row.querySelectorAll("[id], [name], [for], [aria-describedby]")) {
      for (const name of ["id", "name", "for", "aria-describedby"]) {
        const written = part.getAttribute(name);
        if (written) part.setAttribute(name, written.replace("__prefix__", total.value));
      }
    }
    /** @type {HTMLElement | null} */
    const first = row.querySelector("input, select, textarea");
    more.before(row);
    total.value = String(Number(total.value) + 1);
    full();
    first?.focus();
  });
  full();
}
show();
