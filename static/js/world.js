// The page "World" of the side panel: where the player is, who is there, what is carried, aims and
// facts. Each entry opens to say why it is there, and to be changed (worldform.js).

import { t } from "./i18n.js";
import { button, make } from "./turnview.js";
import { entriesOf, keyOf, stateName, STATES, turnName } from "./worldentries.js";
import { WorldForm } from "./worldform.js";

/** @typedef {import("./worldentries.js").Change} Change */
/** @typedef {import("./worldentries.js").Entry} Entry */
/** @typedef {import("./worldentries.js").EntryName} EntryName */
/** @typedef {import("./worldentries.js").Part} Part */
/** @typedef {import("./worldentries.js").World} State */

const SOON = 150; // ms in which several events of one change lead to one request

/** @type {{part: Part, title: string, add: string}[]} */
const SECTIONS = [
  { part: "person", title: t("People"), add: t("Add a person") },
  { part: "thing", title: t("Things"), add: t("Add a thing") },
  { part: "aim", title: t("Aims"), add: t("Add an aim") },
  { part: "fact", title: t("Facts"), add: t("Add a fact") },
];

export class World {
  /**
   * @param {HTMLElement} box
   * @param {{url: string, style: string, token: () => string, shown: () => boolean,
   *   jump: (turn: string, words: string) => void}} outside `token` goes with each change, against
   *   forged requests; `shown`: whether the page can be seen
   */
  constructor(box, outside) {
    this.outside = outside;
    /** @type {State | null} */
    this.state = null;
    /** @type {Map<string, Entry | null>} */
    this.entries = new Map(); // by the key of their rows; null for those that add one
    /** @type {WorldForm | null} */
    this.form = null; // of the row that is open
    this.open = ""; // its key
    this.outdated = false; // another state has come while somebody typed
    this.failed = false; // whether the line says that nothing could be loaded
    this.asked = 0;
    this.soon = 0; // the timer of the next request
    this.line = make("p", "world-status meta");
    this.line.setAttribute("role", "status");
    this.list = make("div", "world-list");
    box.replaceChildren(this.line, this.list);
    this.styled = loadStyle(outside.style);
  }

  /** The story has changed: what is shown may be outdated. */
  storyChanged() {
    clearTimeout(this.soon);
    this.soon = setTimeout(() => this.outside.shown() && this.load(), SOON);
  }

  async load() {
    const asked = (this.asked += 1);
    if (!this.state) this.line.textContent = t("Loading …");
    /** @type {State} */
    let state;
    try {
      const answer = await fetch(this.outside.url, { headers: { Accept: "application/json" } });
      if (!answer.ok) throw new Error(String(answer.status));
      state = await answer.json();
      await this.styled;
    } catch {
      if (asked !== this.asked) return;
      this.failed = true;
      this.line.textContent = t("Could not load this. Try again.");
      return;
    }
    if (asked === this.asked) this.show(state);
  }

  /**
   * Show a state, unless a newer one is shown. While somebody types in a form, the list around it
   * waits.
   *
   * @param {State} state
   */
  show(state) {
    const known = this.state;
    // One's own change comes back as an event: there is nothing new to see.
    const same = known?.version === state.version && known.turn === state.turn;
    const { form } = this;
    const busy = Boolean(form?.edited || form?.element.contains(document.activeElement));
    if (same && !this.failed && !this.outdated && (busy || !form)) return;
    this.failed = false;
    if (!known || state.version >= known.version) this.state = state;
    this.outdated = busy;
    this.line.textContent = this.outdated
      ? t("This has changed meanwhile. Save or cancel to see it.")
      : "";
    if (!this.outdated) this.draw();
  }

  /**
   * Change the state, and show what became of it. Raises an Error whose message is for the player.
   *
   * @param {string} url
   * @param {Change[] | EntryName[]} changes
   */
  async send(url, changes) {
    const key = this.open;
    const state = await post(url, this.outside.token(), changes);
    if (key === this.open) {
      this.form = null;
      this.open = "";
    }
    this.show(state);
    if (this.outdated) return;
    this.line.textContent = t("Saved. Takes effect with the next turn.");
    const { part, name } = changes[changes.length - 1];
    this.focus(keyOf({ part, name }), `add:${part}`);
  }

  // ------------------------------------------------------------ what is in it

  draw() {
    const { state } = this;
    if (!state) return;
    const active = document.activeElement;
    const focused = active?.closest(".world-list [data-key]")?.getAttribute("data-key") ?? "";
    const typing = Boolean(this.form?.element.contains(active));
    this.form = null;
    this.entries.clear();
    const scene = make("section", "world-section");
    scene.append(make("p", "meta", t("After {turn}", { turn: turnName(state) })));
    scene.append(this.rows([...entriesOf(state, "place"), ...entriesOf(state, "time")]));
    this.list.replaceChildren(scene, ...SECTIONS.map((section) => this.section(section, state)));
    const row = this.find(this.open);
    const form = row ? this.openRow(row) : null;
    if (!form) this.open = "";
    if (typing && form) form.focus();
    else if (focused) this.focus(focused);
  }

  /**
   * @param {{part: Part, title: string, add: string}} section
   * @param {State} state
   */
  section({ part, title, add }, state) {
    const section = make("section", "world-section");
    const head = make("div", "world-head");
    const key = `add:${part}`;
    head.dataset.key = key;
    const adds = button("small", t("Add"), add, () => this.toggle(key));
    adds.setAttribute("aria-expanded", "false");
    head.append(make("h2", "", title), adds);
    section.append(head);
    this.entries.set(key, null);
    const entries = entriesOf(state, part);
    for (const each of STATES[part]) {
      const these = entries.filter((entry) => entry.state === each);
      if (!these.length) continue;
      if (each) section.append(make("h3", "", stateName(each)));
      section.append(this.rows(these));
    }
    if (!entries.length) section.append(make("p", "meta", t("None yet.")));
    return section;
  }

  /** @param {Entry[]} entries */
  rows(entries) {
    const list = make("ul", "world-rows");
    list.append(...entries.map((entry) => this.row(entry)));
    return list;
  }

  /** @param {Entry} entry */
  row(entry) {
    const { part, name, mood, origin } = entry;
    const item = make("li");
    const key = keyOf(entry);
    item.dataset.key = key;
    this.entries.set(key, entry);
    const opener = button("world-entry", "", "", () => this.toggle(key));
    opener.setAttribute("aria-expanded", "false");
    if (part === "place") opener.append(make("span", "meta", t("Place")));
    if (part === "time") opener.append(make("span", "meta", t("Time")));
    const title = make("span", name ? "world-name" : "meta", name || t("not known"));
    if (name) title.dir = "auto";
    opener.append(title);
    if (mood) {
      const shown = make("span", "meta", mood);
      shown.dir = "auto";
      opener.append(shown);
    }
    if (origin?.changed) opener.append(make("span", "world-mark changed", t("changed")));
    if (origin?.locked) opener.append(make("span", "world-mark", t("set by you")));
    item.append(opener);
    return item;
  }

  // ------------------------------------------------------------ one row, open

  /** @param {string} key */
  find(key) {
    /** @type {NodeListOf<HTMLElement>} */
    const rows = this.list.querySelectorAll("[data-key]");
    return [...rows].find((row) => row.dataset.key === key) ?? null;
  }

  /**
   * Put the focus on the button of a row, or on that of the first other one that is there.
   *
   * @param {string[]} keys
   */
  focus(...keys) {
    for (const key of keys) {
      const opener = this.find(key)?.querySelector("button");
      opener?.focus({ preventScroll: true });
      if (opener) return;
    }
  }

  /** @param {string} key */
  toggle(key) {
    if (this.form?.edited && key !== this.open) {
      this.form.message.textContent = t("Save or cancel this first.");
      this.form.focus();
      return;
    }
    const again = key === this.open;
    this.close();
    const row = this.find(key);
    if (again || !row) return;
    this.open = key;
    const form = this.openRow(row);
    form.element.scrollIntoView({ block: "nearest" });
    if (key.startsWith("add:")) form.focus();
  }

  /** @param {HTMLElement} row */
  openRow(row) {
    const { key = "" } = row.dataset;
    const entry = this.entries.get(key) ?? null;
    const part = entry?.part ?? /** @type {Part} */ (key.slice("add:".length));
    // The turn that the player sees, wherever the story has moved meanwhile.
    const at = this.state ? `?turn=${this.state.turn}` : "";
    const form = new WorldForm(part, entry, {
      save: (changes) => this.send(this.outside.url + at, changes),
      unlock: (names) => this.send(`${this.outside.url}unlock/${at}`, names),
      close: () => {
        this.close();
        this.focus(key);
      },
      jump: this.outside.jump,
    });
    row.querySelector("button")?.setAttribute("aria-expanded", "true");
    row.append(form.element);
    this.form = form;
    return form;
  }

  /** Close the row that is open, and show what has come meanwhile. */
  close() {
    this.find(this.open)?.querySelector("button")?.setAttribute("aria-expanded", "false");
    this.form?.element.remove();
    this.form = null;
    this.open = "";
    if (this.outdated && this.state) this.show(this.state);
  }
}

/**
 * Send changes. The state after them. Raises an Error whose message is for the player.
 *
 * @param {string} url
 * @param {string} token
 * @param {object[]} changes
 * @returns {Promise<State>}
 */
async function post(url, token, changes) {
  let answer;
  let said;
  try {
    answer = await fetch(url, {
      method: "POST",
      body: JSON.stringify(changes),
      headers: {
        Accept: "application/json",
        "Content-Type": "application/json",
        "X-CSRFToken": token,
      },
    });
    said = await answer.json();
  } catch {
    throw new Error(t("Could not save. What you typed is still here; try again."));
  }
  if (!answer.ok) throw new Error(said.message);
  return said;
}

/**
 * Settled once the stylesheet is there, or cannot be.
 *
 * @param {string} url
 */
function loadStyle(url) {
  const link = document.createElement("link");
  link.rel = "stylesheet";
  link.href = url;
  const there = new Promise((done) => {
    link.addEventListener("load", done);
    link.addEventListener("error", done);
  });
  document.head.append(link);
  return there;
}
