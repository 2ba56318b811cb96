// Keys of the whole page, and fingers on the story.

import { $, targetOf } from "./page.js";

const FLICK = 70; // px across that are meant

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
 *   mode: (number: number) => void, help: () => void, own: () => boolean}} does each says whether
 *   it did something; `own`: whether what stands in the input was typed there
 */
export function listen(does) {
  document.addEventListener("keydown", (event) => {
    if (event.isComposing || document.querySelector("dialog:modal")) return;
    const field = targetOf(event);
    const writes = field instanceof HTMLTextAreaElement || field instanceof HTMLInputElement;
    // Ctrl+Z takes back typing where something is typed.
    const typing = writes && event.ctrlKey && field.value !== "" && does.own();
    let done = false;
    if (chord(event, "r")) done = does.retry();
    else if (chord(event, "z") && !typing) done = does.undo();
    else if (chord(event, "z", true) && !typing) done = does.redo();
    else if (event.altKey && /^Digit[1-3]$/u.test(event.code)) {
      does.mode(Number(event.code.at(-1)) - 1);
      done = true;
    } else if (event.key === "Escape") done = does.stop();
    else if (event.key === "?" && !writes) {
      does.help();
      done = true;
    }
    if (done) event.preventDefault();
  });
}

/**
 * A flick over the last reply goes through its tellings; a tap on a turn shows its tools where
 * nothing can hover.
 *
 * @param {HTMLElement} list
 * @param {() => import("./turnview.js").TurnView | undefined} last
 */
export function fingers(list, last) {
  /** @type {{x: number, y: number} | null} */
  let flick = null;
  list.addEventListener(
    "touchstart",
    (event) => {
      const { touches } = event;
      const view = last();
      const touched = view?.element.contains(targetOf(event));
      const inside = touched && !view?.editor && touches.length === 1;
      flick = inside ? { x: touches[0].clientX, y: touches[0].clientY } : null;
    },
    { passive: true },
  );
  list.addEventListener(
    "touchend",
    ({ changedTouches }) => {
      if (!flick) return;
      const x = changedTouches[0].clientX - flick.x;
      const y = changedTouches[0].clientY - flick.y;
      flick = null;
      if (Math.abs(x) > FLICK && Math.abs(x) > 3 * Math.abs(y) && !getSelection()?.toString()) {
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
export function aboveKeyboard(phone) {
  const { visualViewport } = window;
  visualViewport?.addEventListener("resize", () => {
    const { style } = document.documentElement;
    // Two fingers that look closer are no keyboard.
    if (visualViewport.scale > 1.01) style.removeProperty("--viewport");
    else style.setProperty("--viewport", `${visualViewport.height}px`);
    if (phone.matches && visualViewport.scale <= 1.01) scrollTo(0, 0);
  });
}

/** Dialogs that buttons open and close, and menus that close by themselves. */
export function menus() {
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
