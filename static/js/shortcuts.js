// Keyboard shortcuts of the whole page, touch gestures on the story, menus and dialogs.

import { $, targetOf } from "./page.js";

const SWIPE = 70; // px across that count as a swipe

/**
 * Whether `event` is Ctrl or Alt with `letter`, whatever an Alt-key layout makes of it.
 *
 * @param {KeyboardEvent} event
 * @param {string} letter
 */
export function chord(event, letter, shift = false) {
  if (event.metaKey || event.ctrlKey === event.altKey || event.shiftKey !== shift) return false;
  const key = event.key.toLowerCase();
  return key === letter || (!/^[a-z]$/u.test(key) && event.code === `Key${letter.toUpperCase()}`);
}

/**
 * @param {{retry: () => boolean, undo: () => boolean, redo: () => boolean, stop: () => boolean,
 *   mode: (number: number) => void, help: () => void, own: () => boolean}} actions each says whether
 *   it did something; `own`: whether what stands in the input was typed there
 */
export function listen(actions) {
  document.addEventListener("keydown", (event) => {
    if (event.isComposing || document.querySelector("dialog:modal")) return;
    const field = targetOf(event);
    const writes = field instanceof HTMLTextAreaElement || field instanceof HTMLInputElement;
    // Ctrl+Z takes back typing where something is typed.
    const typing = writes && event.ctrlKey && field.value !== "" && actions.own();
    let done = false;
    if (chord(event, "r")) done = actions.retry();
    else if (chord(event, "z") && !typing) done = actions.undo();
    else if (chord(event, "z", true) && !typing) done = actions.redo();
    else if (event.altKey && /^Digit[1-3]$/u.test(event.code)) {
      actions.mode(Number(event.code.at(-1)) - 1);
      done = true;
    } else if (event.key === "Escape") done = actions.stop();
    else if (event.key === "?" && !writes) {
      actions.help();
      done = true;
    }
    if (done) event.preventDefault();
  });
}

/**
 * A swipe over the last reply goes through its retries; a tap on a turn shows its tools where
 * nothing can hover.
 *
 * @param {HTMLElement} list
 * @param {() => import("./turnview.js").TurnView | undefined} last
 */
export function listenForTouch(list, last) {
  /** @type {{x: number, y: number} | null} */
  let swipe = null;
  list.addEventListener(
    "touchstart",
    (event) => {
      const { touches } = event;
      const view = last();
      const touched = view?.element.contains(targetOf(event));
      const inside = touched && !view?.editor && touches.length === 1;
      swipe = inside ? { x: touches[0].clientX, y: touches[0].clientY } : null;
    },
    { passive: true },
  );
  list.addEventListener(
    "touchend",
    ({ changedTouches }) => {
      if (!swipe) return;
      const x = changedTouches[0].clientX - swipe.x;
      const y = changedTouches[0].clientY - swipe.y;
      swipe = null;
      if (Math.abs(x) > SWIPE && Math.abs(x) > 3 * Math.abs(y) && !getSelection()?.toString()) {
        last()?.step(x < 0 ? 1 : -1);
      }
    },
    { passive: true },
  );
  list.addEventListener("click", (event) => {
    const target = targetOf(event);
    const turn = target.closest(".turn");
    for (const open of list.querySelectorAll(".turn.open")) {
      if (open !== turn) open.classList.remove("open");
    }
    if (turn && !target.closest("button, textarea")) turn.classList.toggle("open");
  });
}

/**
 * The keyboard of a phone covers the page; the input stays above it.
 *
 * @param {MediaQueryList} phone
 */
export function stayAboveKeyboard(phone) {
  const { visualViewport } = window;
  visualViewport?.addEventListener("resize", () => {
    const { style } = document.documentElement;
    // Zooming with two fingers opens no keyboard.
    if (visualViewport.scale > 1.01) style.removeProperty("--viewport");
    else style.setProperty("--viewport", `${visualViewport.height}px`);
    if (phone.matches && visualViewport.scale <= 1.01) scrollTo(0, 0);
  });
}

/** Dialogs that buttons open and close, and menus that close by themselves. */
export function listenForMenus() {
  for (const opener of document.querySelectorAll("[data-opens]")) {
    const opened = opener.getAttribute("data-opens");
    opener.addEventListener("click", (event) => {
      event.preventDefault();
      opener.closest("details")?.removeAttribute("open");
      $(/** @type {"shortcuts" | "gestures"} */ (opened)).showModal();
    });
  }
  for (const closer of document.querySelectorAll("[data-closes]")) {
    closer.addEventListener("click", () => closer.closest("dialog")?.close());
  }
  for (const dialog of document.querySelectorAll("dialog")) {
    dialog.addEventListener("click", ({ target }) => target === dialog && dialog.close());
  }
  document.addEventListener("click", (event) => closeMenus(targetOf(event)));
}

/**
 * Close the menus that `target` is not in. Whether one was open.
 *
 * @param {Node | null} target
 */
export function closeMenus(target = null) {
  let closed = false;
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (menu.contains(target)) continue;
    if (menu.contains(document.activeElement)) menu.querySelector("summary")?.focus();
    menu.removeAttribute("open");
    closed = true;
  }
  return closed;
}
