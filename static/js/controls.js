// The buttons below the story: which can be pressed, and what a press does.

import { t } from "./i18n.js";
import { $, targetOf, touch } from "./page.js";
import * as story from "./story.js";
import { hasProposed, proposes, waitsFor } from "./table.js";

/** @typedef {"send" | "continue" | "retry" | "undo" | "redo"} Name */

const DOUBLE_TAP = 350; // ms in which the second tap of a finger belongs to the first

export class Controls {
  /** @param {Record<Name | "stop", () => unknown>} actions */
  constructor(actions) {
    this.buttons = {
      send: $("send"),
      continue: $("continue"),
      retry: $("retry"),
      undo: $("undo"),
      redo: $("redo"),
    };
    /** @type {{name: Name, at: number} | null} */
    this.lastStart = null; // the last click that started a reply
    this.listen("continue", actions.continue);
    this.listen("retry", actions.retry);
    this.listen("undo", actions.undo);
    this.listen("redo", actions.redo);
    this.listen("send", () => (this.sends ? actions.send() : actions.stop()));
    // A key that is held down presses a button again and again.
    $("dock").addEventListener("keydown", (event) => {
      if (event.repeat && targetOf(event).matches("button")) event.preventDefault();
    });
    $("dock").addEventListener("submit", (event) => event.preventDefault());
  }

  /** Whether the send button sends; while a reply is written it stops. */
  get sends() {
    return this.buttons.send.dataset.does === "send";
  }

  /**
   * @param {Name} name
   * @param {() => unknown} action
   */
  listen(name, action) {
    this.buttons[name].addEventListener("click", (event) => {
      if (!this.enabled(name) || this.isDoubleClick(name, event)) return;
      const starts = name === "continue" || name === "retry" || (name === "send" && this.sends);
      this.lastStart = starts ? { name, at: event.timeStamp } : null;
      action();
    });
  }

  /**
   * Whether a click is the second half of a double click whose first half started a reply: the
   * button has changed its meaning in between. Browsers count clicks, some not for fingers.
   *
   * @param {Name} name
   * @param {MouseEvent} event
   */
  isDoubleClick(name, event) {
    if (this.lastStart?.name !== name) return false;
    if (event.detail === 2) return true;
    return touch.matches && event.detail === 1 && event.timeStamp - this.lastStart.at < DOUBLE_TAP;
  }

  /** @param {Name} name */
  enabled(name) {
    return !this.buttons[name].disabled;
  }

  /**
   * Press a button from the keyboard. False where it cannot be pressed.
   *
   * @param {Name} name
   */
  press(name) {
    if (!this.enabled(name)) return false;
    this.buttons[name].click();
    return true;
  }

  /** @param {import("./story.js").State} state */
  show(state) {
    if (state.you?.role === "spectator") return; // nothing can be pressed
    const head = story.headTurn(state);
    const running = story.underWay(state);
    const busy = story.busy(state);
    const { buttons } = this;
    buttons.send.dataset.does = busy ? "stop" : "send";
    const waits = waitsFor(state) !== "";
    $("send-word").textContent = busy ? t("Stop") : proposes(state) ? t("Propose") : t("Send");
    buttons.send.disabled = !head || (busy ? !running : waits);
    // It would take the place of what was proposed: a second Enter is no wish for that.
    buttons.continue.disabled = !head || busy || waits || hasProposed(state);
    buttons.retry.disabled = running ? Boolean(state.then) : busy || !story.canRetry(state);
    buttons.undo.hidden = buttons.redo.hidden = !story.mayChange(state);
    buttons.retry.hidden = !story.mayChange(state);
    buttons.undo.disabled = !story.canUndo(state);
    buttons.redo.disabled = !story.canRedo(state);
    $("chips").hidden = busy || head?.kind !== "opening";
  }
}
