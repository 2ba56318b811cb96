// One turn on the page: the action, the reply as it is told, and its editor.

import { n, number, t } from "./i18n.js";
import { append, replace } from "./prose.js";
import { codePoints, LONGEST, LONGEST_OPENING, settled } from "./story.js";

/** @typedef {import("./story.js").Turn} Turn */
/** @typedef {{action?: string, reply?: string}} Texts */
/** @typedef {{field: "action" | "reply", text: string, original: boolean}} Version */
/**
 * What the buttons of a turn do. `versions` asks the server for its earlier texts; `edited` is told
 * when an editor that had the cursor is closed; `chapter` asks for the title of one that ends there.
 *
 * @typedef {{edit: (turn: Turn, texts: Texts) => void, go: (turn: string) => void,
 *   retry: () => unknown, versions: (turn: Turn) => Promise<Version[]>, edited: () => void,
 *   chapter: (turn: Turn) => void}} TurnActions
 */
/**
 * `last`: the turn at the head; `ids`: the retries of its action; `others`: what else was done at
 * that moment; `fadeIn`: let new words fade in; `fading`: it is about to be told again; `colour`: of
 * whoever acted, where several play (table.js).
 *
 * @typedef {{last?: boolean, ids?: string[], others?: {shown: string, turn: string}[],
 *   fadeIn?: boolean, fading?: boolean, colour?: number}} ViewOptions
 */

/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {string} [className]
 * @param {string} [text]
 */
export const make = (tag, className, text) => {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text) element.textContent = text;
  return element;
};

/**
 * @param {string} className
 * @param {string} text
 * @param {string} label
 * @param {(event: MouseEvent) => void} press
 */
export const button = (className, text, label, press) => {
  const element = make("button", className, text);
  element.type = "button";
  if (label) element.setAttribute("aria-label", label);
  element.addEventListener("click", press);
  return element;
};

/** Whether the page's player owns the adventure. */
const owns = () => document.body.dataset.role === "owner";

/** Whether the table's rule may let the page's player change what was told; the server decides. */
const mayChange = () => owns() || document.body.dataset.changes === "yes";

/**
 * A copy of the picture in the template `id`.
 *
 * @param {string} id
 */
const copy = (id) => {
  const { content } = /** @type {HTMLTemplateElement} */ (document.getElementById(id));
  return document.importNode(/** @type {Element} */ (content.firstElementChild), true);
};

/**
 * As game/play/dice.py has them.
 *
 * @type {Record<string, string>}
 */
const OUTCOMES = {
  disaster: t("disaster"),
  failure: t("failure"),
  cost: t("success at a cost"),
  success: t("success"),
  triumph: t("triumph"),
};

/**
 * "2nd in line · about 40 s": position 0 is next.
 *
 * @param {import("./story.js").QueuePosition} place
 */
export function waitLine({ position, eta }) {
  const place = position <= 0 ? t("Next in line") : inLine(position + 1);
  if (eta === null || eta <= 0) return place;
  if (eta < 90) return t("{place} · about {count} s", { place, count: Math.ceil(eta) });
  return t("{place} · about {count} min", { place, count: Math.round(eta / 60) });
}

/** @param {number} place from 1 */
function inLine(place) {
  const ordinal = place % 100 > 10 && place % 100 < 14 ? 0 : place % 10;
  const count = number(place);
  if (ordinal === 1) return t("{count}st in line", { count });
  if (ordinal === 2) return t("{count}nd in line", { count });
  if (ordinal === 3) return t("{count}rd in line", { count });
  return t("{count}th in line", { count });
}

export class TurnView {
  /**
   * @param {Turn} turn
   * @param {TurnActions} actions
   */
  constructor(turn, actions) {
    this.turn = turn;
    /** @type {ViewOptions} */
    this.options = {}; // the last update's
    this.actions = actions;
    /** @type {string[]} */
    this.ids = [];
    /** @type {{shown: string, turn: string}[]} */
    this.branches = [];
    /** @type {string | null} */
    this.shown = null;
    this.reply = "";
    /** @type {{form: HTMLFormElement, message: HTMLElement, save: HTMLButtonElement} | null} */
    this.editor = null;
    /** @type {Partial<Record<"action" | "reply", HTMLTextAreaElement>>} */
    this.boxes = {}; // of the editor
    /** @type {HTMLElement | null} */
    this.opener = null; // of the list below the turn

    this.element = make("article", "turn");
    this.element.tabIndex = -1;
    this.saidBy = make("p", "said-by");
    this.actionLine = make("p", "action");
    this.actionLine.dir = "auto";
    this.dice = make("p", "dice");
    this.replyBox = make("div", "reply");
    this.wait = make("p", "wait");
    this.waitText = make("span");
    this.wait.append(copy("lamp"), this.waitText);
    this.note = make("p", "note");
    this.earlier = make("p", "edited");
    /** @type {HTMLElement | null} */
    this.heading = null; // of the chapter that begins here
    this.chapterEnd = make("p", "chapter-end");
    this.chapterEnd.dir = "auto";
    this.tools = make("div", "tools");
    this.list = make("div", "turn-list"); // earlier versions, or other actions, while it is open
    this.list.hidden = true;
    this.element.append(
      this.saidBy,
      this.actionLine,
      this.dice,
      this.replyBox,
      this.wait,
      this.note,
    );
    this.element.append(this.earlier, this.chapterEnd, this.tools, this.list);

    this.back = button("tool step", "‹", t("Previous reply"), () => this.step(-1));
    this.count = make("span", "count");
    this.forth = button("tool step", "›", t("Next reply"), () => this.step(1));
    this.others = button("tool branch", "", "", () => this.showOthers());
    this.othersCount = make("span");
    this.others.append(copy("branch"), this.othersCount);
    this.older = button("link", "", "", () => this.showVersions());
    this.earlier.append(make("span", "", t("edited")), ", ", this.older);
    for (const opener of [this.others, this.older]) opener.setAttribute("aria-expanded", "false");
    this.again = button("tool", t("Try again"), "", () => actions.retry());
    this.change = button("tool", t("Edit"), "", () => this.edit());
    this.here = button("tool", t("Go back to here"), "", () => actions.go(this.turn.id));
    this.share = button("tool", t("Share"), "", () => this.offer());
    this.tools.append(this.back, this.count, this.forth, this.others, this.again, this.change);
    this.chapter = button("tool", t("Chapter"), "", () => actions.chapter(this.turn));
    this.tools.append(this.here, this.share, this.chapter);
    this.update(turn, {});
  }

  /** The library's own script (library/hooks.js) hears this and does the rest. */
  offer() {
    const detail = { turn: this.turn };
    this.element.dispatchEvent(new CustomEvent("grue:share", { bubbles: true, detail }));
  }

  /** @param {number} by 1 is the next reply, -1 the one before */
  step(by) {
    const to = this.ids[this.ids.indexOf(this.turn.id) + by];
    if (to) this.actions.go(to);
  }

  /**
   * Show `turn`. Returns the words that were added at the end, for a reader who listens.
   *
   * @param {Turn} turn
   * @param {ViewOptions} options
   */
  update(
    turn,
    { last = false, ids = [], others = [], fadeIn = false, fading = false, colour = 0 },
  ) {
    if (turn.versions !== this.turn.versions || turn.actions !== this.turn.actions)
      this.closeList();
    this.turn = turn;
    this.options = { last, fading };
    this.ids = ids;
    const { element } = this;
    element.dataset.turn = turn.id;
    element.dataset.kind = turn.kind;
    element.dataset.status = turn.status;
    element.classList.toggle("last", last);
    element.classList.toggle("fading", fading);
    this.showAction(turn, colour);
    this.showDice(turn.dice);
    const added = this.showReply(turn.reply, fadeIn);
    this.showNote(turn);
    this.showTools(turn, last, ids);
    this.showBranch(others, settled(turn));
    this.showEdited(turn);
    this.showChapterEnd(turn);
    const silent = !settled(turn) && !turn.reply;
    this.wait.hidden = !silent && !fading;
    if (turn.status === "running") this.say(t("The narrator is thinking"));
    else if (fading) this.say("");
    return added;
  }

  /**
   * Where several play the action begins with the name of whoever acted, or the name stands above.
   *
   * @param {Turn} turn
   * @param {number} colour
   */
  showAction({ shown = "", character = "" }, colour) {
    const drawn = JSON.stringify([shown, character, colour]);
    if (drawn === this.shown) return;
    this.shown = drawn;
    const begins = character !== "" && shown.startsWith(character);
    const name = make("bdi", colour ? `speaker speaker-${colour}` : "speaker", character);
    this.actionLine.replaceChildren(...(begins ? [name, shown.slice(character.length)] : [shown]));
    this.actionLine.hidden = !shown;
    this.saidBy.replaceChildren(...(character && !begins ? [name] : []));
    this.saidBy.hidden = begins || !character;
  }

  /** @param {Turn["dice"]} dice */
  showDice(dice) {
    const needs = dice?.needed ? ` · ${t("needed {count}", { count: number(dice.needed) })}` : "";
    const by = (dice?.modifiers ?? [])
      .map((/** @type {{text: string}} */ each) => ` · ${each.text}`)
      .join("");
    const text = dice
      ? `${number(dice.rolled)} · ${OUTCOMES[dice.outcome] ?? dice.text}${needs}${by}`
      : "";
    this.dice.hidden = !text;
    if (text && this.dice.textContent !== ` ${text}`)
      this.dice.replaceChildren(copy("die"), ` ${text}`);
  }

  /**
   * @param {string} reply
   * @param {boolean} fadeIn
   */
  showReply(reply, fadeIn) {
    if (reply === this.reply) return "";
    const grew = reply.startsWith(this.reply);
    const added = grew ? reply.slice(this.reply.length) : "";
    if (grew) append(this.replyBox, added, fadeIn);
    else replace(this.replyBox, reply);
    this.reply = reply;
    return added;
  }

  /** @param {Turn} turn */
  showNote(turn) {
    let text = "";
    if (turn.status === "failed") text = turn.reason || t("The narrator failed.");
    else if (turn.status === "stopped" && !turn.reply) text = t("Stopped before the first word.");
    this.note.textContent = text;
    this.note.hidden = !text;
  }

  /**
   * @param {Turn} turn
   * @param {boolean} last
   * @param {string[]} ids
   */
  showTools(turn, last, ids) {
    const done = settled(turn);
    const several = last && done && ids.length > 1 && mayChange();
    const at = ids.indexOf(turn.id);
    for (const part of [this.back, this.count, this.forth]) part.hidden = !several;
    this.count.textContent = several ? `${at + 1}/${ids.length}` : "";
    this.count.setAttribute(
      "aria-label",
      several ? t("Reply {place} of {count}", { place: at + 1, count: ids.length }) : "",
    );
    this.back.disabled = at <= 0;
    this.forth.disabled = at >= ids.length - 1;
    this.again.hidden = !(last && turn.status === "failed");
    const owner = owns();
    this.change.hidden = !done || !mayChange();
    this.here.hidden = last || !done || !mayChange();
    this.share.hidden = !done || !owner;
    this.chapter.hidden = !done || !owner;
    this.tools.hidden = !done || Boolean(this.editor);
  }

  /**
   * How many other actions were taken at this moment: branches, which are not retries.
   *
   * @param {{shown: string, turn: string}[]} others
   * @param {boolean} done
   */
  showBranch(others, done) {
    this.branches = others;
    this.others.hidden = !done || !others.length;
    const words = n("{count} other action", "{count} other actions", others.length);
    if (others.length) this.othersCount.textContent = words;
  }

  /** @param {Turn} turn */
  showEdited(turn) {
    const count = turn.versions ?? 0;
    this.earlier.hidden = !count || !settled(turn) || Boolean(this.editor);
    if (count) this.older.textContent = n("{count} earlier", "{count} earlier", count);
  }

  // ------------------------------------------------------------ chapters

  /** @param {string | undefined} title of the chapter that begins here; "" where it has none yet */
  showHeading(title) {
    const shown = this.heading ? this.heading.textContent : undefined;
    if (shown === title) return;
    this.heading?.remove();
    this.heading = null;
    if (title === undefined) return;
    this.heading = title ? make("h2", "chapter", title) : make("hr", "chapter");
    this.heading.dir = "auto";
    this.element.prepend(this.heading);
  }

  /** @param {Turn} turn */
  showChapterEnd({ chapter = "" }) {
    this.chapterEnd.hidden = !chapter;
    const text = chapter && t("End of the chapter “{title}”", { title: chapter });
    if (this.chapterEnd.textContent !== text) this.chapterEnd.textContent = text;
  }

  // ------------------------------------------------------------ lists below the turn

  showOthers() {
    if (this.closeList() === this.others) return;
    const items = this.branches.map(({ shown, turn }) => {
      const item = make("li");
      const go = button("branch-link", shown || t("Continue"), "", () => this.actions.go(turn));
      go.dir = "auto";
      item.append(go);
      return item;
    });
    this.openList(this.others, t("Other actions at this point:"), items);
  }

  async showVersions() {
    if (this.closeList() === this.older) return;
    const { turn } = this;
    let versions;
    try {
      versions = await this.actions.versions(turn);
    } catch {
      this.openList(this.older, t("Could not load the earlier versions. Try again."), []);
      return;
    }
    if (this.turn.id !== turn.id) return;
    const names = { action: t("Your action"), reply: t("Reply") };
    const items = versions.map(({ field, text, original }) => {
      const item = make("li", "version");
      const name = original && field === "reply" ? t("Original reply") : names[field];
      const words = make("blockquote", "", text || t("(nothing)"));
      words.dir = "auto";
      const restore = button("small", t("Restore"), t("Restore: {text}", { text }), () => {
        this.closeList();
        this.actions.edit(this.turn, { [field]: text });
      });
      item.append(make("p", "meta", name), words, restore);
      return item;
    });
    this.openList(this.older, t("Earlier versions, newest first"), items);
  }

  /**
   * @param {HTMLElement} opener
   * @param {string} title
   * @param {HTMLElement[]} items
   */
  openList(opener, title, items) {
    const list = make("ul");
    list.append(...items);
    this.list.replaceChildren(make("p", "meta", title), list);
    this.list.hidden = false;
    this.opener = opener;
    opener.setAttribute("aria-expanded", "true");
    this.list.onkeydown = (event) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      this.closeList();
      opener.focus();
    };
    this.list.scrollIntoView({ block: "nearest" });
    list.querySelector("button")?.focus({ preventScroll: true });
  }

  /** Close the list that is open. The button that had opened it, or null. */
  closeList() {
    const { opener } = this;
    this.opener = null;
    opener?.setAttribute("aria-expanded", "false");
    this.list.hidden = true;
    this.list.replaceChildren();
    return opener;
  }

  /**
   * The line beside the lamp.
   *
   * @param {string} text
   */
  say(text) {
    if (this.waitText.textContent !== text) this.waitText.textContent = text;
  }

  // ------------------------------------------------------------ editing

  /**
   * Put text boxes where the text stands. `only` "action" leaves the cursor in the action.
   *
   * @param {"action" | "reply"} only
   */
  edit(only = "reply") {
    if (this.editor) return;
    this.closeList();
    const form = make("form", "editor");
    const message = make("p", "editor-problem");
    message.setAttribute("role", "alert");
    const hasAction = !["opening", "continue"].includes(this.turn.kind);
    this.boxes = {};
    if (hasAction) form.append(this.box("action", t("Your action")));
    form.append(this.box("reply", t("Reply")));
    const save = make("button", "small primary", t("Save"));
    const cancel = button("small", t("Cancel"), "", () => this.closeEditor());
    const buttons = make("div", "editor-buttons");
    buttons.append(save, cancel);
    form.append(message, buttons);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.save();
    });
    form.addEventListener("keydown", (event) => {
      if (event.key === "Escape") {
        event.stopPropagation();
        this.closeEditor();
      } else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
        event.preventDefault();
        this.save();
      }
    });
    this.editor = { form, message, save };
    this.element.classList.add("editing");
    this.tools.hidden = true;
    this.earlier.hidden = true;
    this.element.append(form);
    for (const box of Object.values(this.boxes)) fit(box);
    const focus = this.boxes[only] ?? this.boxes.reply;
    focus?.focus({ preventScroll: true });
    focus?.setSelectionRange(focus.value.length, focus.value.length);
    form.scrollIntoView({ block: "nearest" });
  }

  /**
   * @param {"action" | "reply"} name
   * @param {string} label
   */
  box(name, label) {
    const wrap = make("label", "editor-box");
    wrap.append(make("span", "", label));
    const area = make("textarea");
    area.dir = "auto";
    area.rows = 1;
    area.value = this.turn[name];
    area.addEventListener("input", () => fit(area));
    wrap.append(area);
    this.boxes[name] = area;
    return wrap;
  }

  save() {
    if (!this.editor) return;
    /** @type {Texts} */
    const changes = {};
    for (const name of /** @type {const} */ (["action", "reply"])) {
      const text = this.boxes[name]?.value.trim();
      if (text === undefined || text === this.turn[name].trim()) continue;
      const length = codePoints(text);
      const most = this.turn.kind === "opening" ? LONGEST_OPENING : LONGEST;
      if (length > most) {
        this.showSaveError(
          t("That is {length} characters; the limit is {most}.", {
            length: number(length),
            most: number(most),
          }),
        );
        return;
      }
      changes[name] = text;
    }
    if (Object.keys(changes).length === 0) {
      this.closeEditor();
      return;
    }
    this.editor.save.disabled = true;
    this.editor.message.textContent = "";
    this.actions.edit(this.turn, changes);
  }

  /**
   * The server kept the text as it was: the editor stays, with what was typed.
   *
   * @param {string} message
   */
  showSaveError(message) {
    if (!this.editor) return;
    this.editor.save.disabled = false;
    this.editor.message.textContent = message;
  }

  closeEditor() {
    if (!this.editor) return;
    const inside = this.editor.form.contains(document.activeElement);
    this.editor.form.remove();
    this.editor = null;
    this.element.classList.remove("editing");
    this.tools.hidden = !settled(this.turn);
    this.showEdited(this.turn);
    if (inside) this.actions.edited();
  }
}

/**
 * As tall as its text.
 *
 * @param {HTMLTextAreaElement} area
 */
export function fit(area) {
  area.style.height = "auto";
  area.style.height = `${area.scrollHeight + 2}px`;
}
