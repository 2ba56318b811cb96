// Story text as paragraphs. Text only ever enters the page as text nodes: whatever a narrator or a
// player writes, it is never markup.

const BREAK = /(\n+)/u;

/** A paragraph whose own letters decide its direction. */
function paragraph() {
  const p = document.createElement("p");
  p.dir = "auto";
  return p;
}

/**
 * The text nodes in `element`, in order.
 *
 * @param {Node} element
 * @returns {Generator<Text>}
 */
export function* texts(element) {
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) yield /** @type {Text} */ (walker.currentNode);
}

/**
 * Add `text` to the end of `reply`, whose paragraphs end at line breaks.
 *
 * @param {HTMLElement} reply
 * @param {string} text
 * @param {boolean} [fadeIn] let the words fade in; each becomes plain text again once it has
 */
export function append(reply, text, fadeIn = false) {
  for (const part of text.split(BREAK)) {
    if (!part) continue;
    if (part.startsWith("\n")) {
      reply.dataset.broken = "";
      continue;
    }
    if ("broken" in reply.dataset || reply.lastElementChild?.tagName !== "P") {
      delete reply.dataset.broken;
      reply.append(paragraph());
    }
    reply.lastElementChild?.append(fadeIn ? fading(part) : part);
  }
}

/** @param {string} text */
function fading(text) {
  const words = document.createElement("span");
  words.className = "new-text";
  words.textContent = text;
  words.addEventListener("animationend", () => settle(words), { once: true });
  return words;
}

/** @param {HTMLElement} words */
function settle(words) {
  const p = words.parentElement;
  words.replaceWith(...words.childNodes);
  if (!p?.querySelector(".new-text")) p?.normalize();
}

/**
 * Put `text` in place of all that `reply` holds.
 *
 * @param {HTMLElement} reply
 * @param {string} text
 */
export function replace(reply, text) {
  delete reply.dataset.broken;
  reply.replaceChildren();
  append(reply, text);
}
