// The title of the window: the name of the adventure, and how a reply ended while the window was in
// the background.

import { t } from "./i18n.js";
import { $ } from "./page.js";

/** @type {Record<string, string>} */
const ENDINGS = {
  "turn.told": t("Reply ready"),
  "turn.stopped": t("Reply stopped"),
  "turn.failed": t("No reply"),
};

export class WindowTitle {
  constructor() {
    this.ending = ""; // stands before the name; "" for the name alone
    this.name = $("title").textContent ?? "";
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible" && this.ending) this.setEnding("");
    });
  }

  /**
   * Say how a reply ended, if nobody is looking at the window.
   *
   * @param {string} eventType
   */
  announce(eventType) {
    if (document.hidden && eventType in ENDINGS) this.setEnding(ENDINGS[eventType]);
  }

  /**
   * The name of the adventure, as the server has it now.
   *
   * @param {string | undefined} name
   */
  show(name) {
    if (!name || name === this.name) return;
    this.name = name;
    $("title").textContent = name;
    this.write();
  }

  /** @param {string} ending */
  setEnding(ending) {
    this.ending = ending;
    this.write();
  }

  write() {
    document.title = `${this.ending ? `${this.ending} · ` : ""}${this.name} · Grue`;
  }
}
