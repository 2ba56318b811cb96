// What the player types: the input, its mode, its drafts, and the first actions offered above it.

import { n, number, t } from "./i18n.js";
import { $, touch } from "./page.js";
import { codePoints, LONGEST } from "./story.js";
import { fit } from "./turnview.js";

export const MODES = ["do", "say", "story"];
/** @type {Record<string, string>} */
const PLACEHOLDERS = {
  do: t("What do you do?"),
  say: t("What do you say?"),
  story: t("What happens next?"),
};
const COUNT_FROM = LONGEST - 300; // code points typed after which they are counted
const TALL = 64; // px of text from which the input takes the width of the page

const input = $("input");
const mode = $("mode");

export class Entry {
  /**
   * @param {import("./drafts.js").Drafts} drafts
   * @param {{send: () => void, editLast: () => boolean, scroll: (screens: number) => void,
   *   say: (text: string) => void}} actions what its keys do; `say` is heard by a screen reader
   */
  constructor(drafts, actions) {
    this.drafts = drafts;
    this.actions = actions;
    /** @type {{id: string, text: string} | null} */
    this.undoneAction = null; // the undone action that was put into the input
    this.tabLeaves = false; // Esc was pressed: the next Tab leaves the input, as Tab does elsewhere
    input.addEventListener("input", () => this.changed());
    input.addEventListener("keydown", (event) => this.key(event));
    mode.addEventListener("change", () => {
      this.setMode(mode.value);
      this.focus();
    });
    for (const chip of $("chips").querySelectorAll("button")) {
      const { text = "", kind = "do" } = chip.dataset;
      chip.addEventListener("click", () => this.suggest(text, kind));
    }
  }

  /** Bring back what was typed, and let more be typed. */
  open() {
    const draft = this.drafts.get();
    if (!input.value) input.value = draft.text;
    this.setMode(draft.mode);
    this.changed();
    for (const part of [input, mode]) part.disabled = false;
    this.focus();
  }

  get text() {
    return input.value.trim();
  }

  get kind() {
    return /** @type {"do" | "say" | "story"} */ (mode.value);
  }

  clear() {
    this.undoneAction = null;
    input.value = "";
    this.changed();
  }

  /** Put the cursor there, unless that would open a phone's keyboard. */
  focus() {
    if (!touch.matches) input.focus({ preventScroll: true });
  }

  /** @param {string} kind */
  setMode(kind) {
    mode.value = MODES.includes(kind) ? kind : "do";
    input.placeholder = PLACEHOLDERS[mode.value];
    input.setAttribute("aria-label", PLACEHOLDERS[mode.value]);
    this.drafts.set(input.value, mode.value);
  }

  /**
   * The mode by its number, from 0; its name is said.
   *
   * @param {number} place
   */
  choose(place) {
    this.setMode(MODES[place]);
    this.actions.say(t("{mode} mode", { mode: mode.options[mode.selectedIndex].text }));
  }

  changed() {
    fit(input);
    const entry = input.parentElement;
    if (!input.value) entry?.classList.remove("tall");
    else if (input.scrollHeight > TALL) entry?.classList.add("tall");
    fit(input);
    this.drafts.set(input.value, mode.value);
    const length = codePoints(input.value);
    const counter = $("counter");
    counter.hidden = length < COUNT_FROM;
    counter.textContent = `${number(length)} / ${number(LONGEST)}`;
    counter.classList.toggle("too-long", length > LONGEST);
  }

  /** What has to go before this can be sent, in words; "" where it fits. */
  get tooLong() {
    const over = codePoints(this.text) - LONGEST;
    if (over <= 0) return "";
    return n(
      "A turn can have {most} characters. Remove one and send again.",
      "A turn can have {most} characters. Remove {count} and send again.",
      over,
      { most: number(LONGEST) },
    );
  }

  /**
   * Words that the server did not take go back where they were typed.
   *
   * @param {{kind: string, text?: string}} action
   */
  restoreRejected({ kind, text }) {
    if (!text) return;
    const now = this.text;
    input.value = now && now !== text ? `${text}\n${now}` : text;
    this.setMode(kind);
    this.changed();
  }

  /**
   * A proposal that was withdrawn goes back where it was typed, before what is there now.
   *
   * @param {string} kind
   * @param {string} text
   */
  restoreWithdrawn(kind, text) {
    if (kind !== "continue" && text) this.restoreRejected({ kind, text });
    this.focus();
  }

  /**
   * The words of an action that was undone go back into the input, to be sent anew or changed. What
   * the player has typed there meanwhile stays.
   *
   * @param {{id: string, kind: string, text: string}} action
   */
  restoreUndone({ id, kind, text }) {
    if (this.text && !this.holdsUndone) return;
    input.value = text;
    this.undoneAction = { id, text: this.text };
    this.setMode(kind);
    this.changed();
  }

  /** Whether the input holds the words of an undone action, untouched. */
  get holdsUndone() {
    return this.undoneAction !== null && this.text === this.undoneAction.text;
  }

  /** The story says those words again. */
  clearUndone() {
    if (this.holdsUndone) this.clear();
  }

  /**
   * A suggested action is put into the input, below what is the player's own there.
   *
   * @param {string} text
   * @param {string} kind
   */
  suggest(text, kind) {
    /** @type {NodeListOf<HTMLElement>} */
    const chips = document.querySelectorAll(".chips button");
    const offered = [...chips].map((chip) => chip.dataset.text);
    const own = this.text;
    input.value = own && !offered.includes(own) ? `${own}\n${text}` : text;
    this.setMode(kind);
    this.changed();
    this.focus();
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    if (event.isComposing) return;
    const plain = !event.ctrlKey && !event.altKey && !event.metaKey && !event.shiftKey;
    if (event.key === "Enter" && !event.shiftKey) {
      if (touch.matches && plain) return; // a new line
      event.preventDefault();
      this.actions.send();
    } else if (event.key === "Tab" && plain && !this.tabLeaves) {
      event.preventDefault();
      this.choose((MODES.indexOf(mode.value) + 1) % MODES.length);
    } else if (event.key === "ArrowUp" && plain && !input.value) {
      if (this.actions.editLast()) event.preventDefault();
    } else if (["PageUp", "PageDown"].includes(event.key) && plain) {
      event.preventDefault();
      this.actions.scroll(event.key === "PageUp" ? -0.85 : 0.85);
    }
    this.tabLeaves = event.key === "Escape";
  }
}
