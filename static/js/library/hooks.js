// What the story's pages know of the library: a passage that is selected or pressed long offers to
// become a picture, and “Share” below a turn offers a link. The rest is fetched when it is used.

import { t } from "../i18n.js";

const LONG = 550; // ms that a press lasts
const STILL = 8; // px that a finger may stray meanwhile

const hooks = /** @type {HTMLElement} */ (document.getElementById("library-hooks"));
const { shareUrl = "", title = "" } = hooks.dataset;
const story = /** @type {HTMLElement} */ (document.querySelector(".story"));

/**
 * The reply that a node stands in.
 *
 * @param {Node | null} node
 */
function placeOf(node) {
  const element = node instanceof Element ? node : node?.parentElement;
  const reply = element?.closest(".turn .reply");
  return reply && story.contains(reply) ? reply : null;
}

/** The selected words, where they are of the story. */
function selected() {
  const selection = getSelection();
  if (!selection || selection.isCollapsed || !selection.rangeCount) return "";
  const inside = placeOf(selection.anchorNode) && placeOf(selection.focusNode);
  return inside ? selection.toString().trim() : "";
}

// ---------------------------------------------------------------- a passage

const offer = document.createElement("button");
offer.type = "button";
offer.className = "quote-offer";
offer.textContent = t("Make an image");
offer.hidden = true;
document.body.append(offer);

document.addEventListener("selectionchange", () => {
  offer.hidden = !selected();
});
offer.addEventListener("pointerdown", (event) => event.preventDefault()); // the selection stays
offer.addEventListener("click", async () => {
  const words = selected();
  if (!words) return;
  getSelection()?.removeAllRanges();
  offer.hidden = true;
  const { showCard } = await import("./quotecard.js");
  showCard({ words, title });
});

// A finger that rests selects a word by itself; a mouse that rests selects the paragraph.
/** @type {{timer: number, x: number, y: number} | null} */
let press = null;
const release = () => {
  if (press) clearTimeout(press.timer);
  press = null;
};
story.addEventListener("pointerdown", (event) => {
  release();
  const pressed = /** @type {Element} */ (event.target);
  const paragraph = pressed.closest(".reply p");
  if (!paragraph || event.pointerType === "touch" || event.button !== 0) return;
  const timer = setTimeout(() => {
    release();
    if (!selected()) getSelection()?.selectAllChildren(paragraph);
  }, LONG);
  press = { timer, x: event.clientX, y: event.clientY };
});
addEventListener("pointermove", ({ clientX, clientY }) => {
  if (press && Math.hypot(clientX - press.x, clientY - press.y) > STILL) release();
});
for (const over of ["pointerup", "pointercancel", "scroll"]) addEventListener(over, release, true);

// ---------------------------------------------------------------- a turn

document.addEventListener("grue:share", async (event) => {
  const { turn } = /** @type {CustomEvent<{turn: {id: string, reply: string}}>} */ (event).detail;
  const { showShare } = await import("./sharedialog.js");
  showShare({ url: shareUrl.replace("TURN", turn.id), words: turn.reply, title });
});
