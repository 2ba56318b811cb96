// One entry of the page "World", open: why it is there, and a form that changes it.

import { t } from "./i18n.js";
import { button, make } from "./turnview.js";
import {
  changesOf,
  namesOf,
  problemOf,
  removalOf,
  sourceName,
  stateName,
  STATES,
  turnName,
} from "./worldentries.js";

/** @typedef {import("./worldentries.js").Change} Change */
/** @typedef {import("./worldentries.js").Entry} Entry */
/** @typedef {import("./worldentries.js").EntryName} EntryName */
/** @typedef {import("./worldentries.js").Part} Part */
/**
 * What a form does. `save` and `unlock` reject with an Error whose message is for the player.
 *
 * @typedef {{save: (changes: Change[]) => Promise<void>,
 *   unlock: (names: EntryName[]) => Promise<void>, close: () => void,
 *   jump: (turn: string, words: string) => void}} Actions
 */

/** @type {Record<Part, string>} */
const LABELS = {
  place: t("Place"),
  time: t("Time"),
  person: t("Name"),
  thing: t("Name"),
  aim: t("Aim"),
  fact: t("Fact"),
};

export class WorldForm {
  /**
   * @param {Part} part
   * @param {Entry | null} entry null for a new one
   * @param {Actions} actions
   */
  constructor(part, entry, actions) {
    this.part = part;
    this.entry = entry;
    this.actions = actions;
    this.element = make("div", "world-details");
    this.form = make("form");
    this.message = make("p", "errors");
    this.message.setAttribute("role", "alert");
    this.name = make(part === "aim" || part === "fact" ? "textarea" : "input");
    this.name.dir = "auto";
    this.name.defaultValue = entry?.name ?? "";
    this.state = STATES[part].length > 1 ? this.choice() : null;
    this.mood = part === "person" ? make("input") : null;
    this.build();
  }

  /** Whether something was typed or chosen that is not saved. */
  get edited() {
    const texts = [this.name, this.mood].some(
      (field) => field && field.value !== field.defaultValue,
    );
    return texts || (this.state ? this.state.value !== this.chosen : false);
  }

  get chosen() {
    return this.entry?.state || STATES[this.part][0];
  }

  focus() {
    this.name.focus();
  }

  // ------------------------------------------------------------ what is in it

  build() {
    const { entry, form, mood } = this;
    if (entry) this.element.append(...this.reasons(entry));
    const fields = make("div", "world-fields");
    fields.append(this.labelled(LABELS[this.part], this.name));
    if (this.state) fields.append(this.labelled(t("State"), this.state));
    if (mood) {
      mood.dir = "auto";
      mood.defaultValue = entry?.mood ?? "";
      fields.append(this.labelled(t("Mood toward you"), mood));
    }
    form.append(fields);
    const buttons = make("div", "actions");
    buttons.append(make("button", "small primary", t("Save")));
    if (entry?.origin && this.part === "aim") {
      const done = { part: this.part, name: entry.name, field: "", value: "done" };
      buttons.append(button("small", t("Done"), "", () => this.save([done])));
    }
    if (entry?.origin) {
      const remove = () => this.save(removalOf(entry));
      buttons.append(button("small danger", t("Remove"), "", remove));
    }
    buttons.append(button("small", t("Cancel"), "", () => this.actions.close()));
    form.append(this.message, buttons);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.submit();
    });
    this.element.addEventListener("keydown", (event) => this.key(event));
    this.element.append(form);
  }

  /**
   * Why the entry is there, and the lock where the player has set it.
   *
   * @param {Entry} entry
   */
  reasons(entry) {
    const parts = [];
    for (const { says, origin } of entry.reasons) {
      const { turn, sentence, source } = origin;
      const why = make("p", "meta");
      if (says) {
        const about = make("span", "world-about", says);
        about.dir = "auto";
        why.append(about, " · ");
      }
      const go = () => this.actions.jump(turn, sentence);
      why.append(sourceName(source), " · ", button("link", turnName(origin), "", go));
      parts.push(why);
      if (sentence) {
        const quote = make("p", "world-sentence", sentence);
        quote.dir = "auto";
        parts.push(quote);
      }
    }
    if (entry.origin?.locked) {
      const lock = make("p", "world-lock meta");
      lock.append(make("span", "", t("You set this: the story does not change it.")));
      const unlock = () => this.run(() => this.actions.unlock(namesOf(entry)));
      lock.append(button("small", t("Let the story decide"), "", unlock));
      parts.push(lock);
    }
    return parts;
  }

  choice() {
    const select = make("select");
    for (const value of STATES[this.part]) {
      select.append(new Option(stateName(value), value, false, value === this.chosen));
    }
    return select;
  }

  /**
   * @param {string} text
   * @param {HTMLElement} field
   */
  labelled(text, field) {
    const label = make("label");
    label.append(make("span", "", text), field);
    return label;
  }

  // ------------------------------------------------------------ what it does

  /** @param {KeyboardEvent} event */
  key(event) {
    if (event.isComposing) return;
    if (event.key === "Escape") {
      event.preventDefault(); // the panel stays open
      event.stopPropagation();
      this.actions.close();
    } else if (event.key === "Enter" && event.target === this.name && !event.shiftKey) {
      event.preventDefault(); // a fact has no lines
      this.submit();
    }
  }

  submit() {
    const line = (/** @type {string} */ text) => text.replaceAll(/\s+/gu, " ").trim();
    const values = {
      name: line(this.name.value),
      state: this.state?.value ?? "",
      mood: line(this.mood?.value ?? ""),
    };
    const problem = problemOf(this.part, values);
    if (problem) {
      this.message.textContent = problem;
      this.focus();
      return;
    }
    const changes = changesOf(this.part, this.entry, values);
    if (changes.length) this.save(changes);
    else this.actions.close();
  }

  /** @param {Change[]} changes */
  save(changes) {
    this.run(() => this.actions.save(changes));
  }

  /**
   * Change the state. Until the server has answered, the form stays with what was typed.
   *
   * @param {() => Promise<void>} action
   */
  async run(action) {
    const buttons = this.element.querySelectorAll("button");
    for (const each of buttons) each.disabled = true;
    this.message.textContent = "";
    try {
      await action();
    } catch (problem) {
      for (const each of buttons) each.disabled = false;
      this.message.textContent = problem instanceof Error ? problem.message : String(problem);
      this.focus();
    }
  }
}
