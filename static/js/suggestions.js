// Actions that the narrator suggests below its reply. A tap puts one into the input; it is not sent.

import { t } from "./i18n.js";
import { button } from "./turnview.js";

export class Suggestions {
  /**
   * @param {HTMLElement} box
   * @param {{choose: (text: string) => void, announce: (text: string) => void}} page
   */
  constructor(box, page) {
    this.box = box;
    this.page = page;
    /** @type {string[]} */
    this.shown = [];
    this.announced = "";
  }

  /**
   * Show these, or none. Whether the story has become longer by it.
   *
   * @param {string[]} actions
   * @param {boolean} arrived they are new to the reader, and are announced
   */
  show(actions, arrived) {
    const list = actions.join("; ");
    if (list === this.shown.join("; ")) return false;
    this.shown = actions;
    this.box.hidden = !actions.length;
    this.box.replaceChildren(...actions.map((text) => this.chip(text)));
    if (arrived && list && list !== this.announced) {
      this.page.announce(t("Suggested actions: {actions}", { actions: list }));
      this.announced = list;
    }
    return actions.length > 0;
  }

  /** @param {string} text */
  chip(text) {
    const chip = button("", text, "", () => this.page.choose(text));
    chip.dataset.text = text;
    chip.dir = "auto";
    return chip;
  }
}
