// What stands beside the story: plot, cards, world, tree, context and settings, each brought when it is
// first looked at.

import { showAlert } from "./alerts.js";
import { t } from "./i18n.js";
import { $, targetOf } from "./page.js";
import { Panel, Part } from "./panel.js";

const MOVES = new Set(["chapters", "summary"]); // parts that differ from turn to turn
// After these the state of the world may be another.
const WORLD_EVENTS = new Set([
  "snapshot",
  "turn.told",
  "turn.stopped",
  "turn.edited",
  "head.moved",
  "world.changed",
]);

export class SidePanel {
  /**
   * @param {string} treeUrl
   * @param {{head: () => string | null, busy: () => boolean, go: (turn: string) => void,
   *   jump: (place: {turn: string, here: boolean, words: string}) => void}} story
   */
  constructor(treeUrl, story) {
    this.treeUrl = treeUrl;
    this.story = story;
    /** @type {Map<string, Part>} */
    this.parts = new Map(); // by tab
    /** @type {import("./tree.js").Tree | null} */
    this.tree = null;
    /** @type {import("./world.js").World | null} */
    this.world = null;
    this.panel = new Panel($("panel"), {
      plot: () => {
        for (const name of MOVES) this.load(name);
      },
      tree: () => this.showTree(true),
      cards: () => this.load("cards"),
      world: () => this.showWorld(),
      context: () => this.load("context"),
      search: () => this.load("search"),
    });
    // Before the part itself takes the click for a link of its own.
    $("panel").addEventListener("click", (event) => this.jump(event), { capture: true });
    // The owner's: a player's page has no such tab.
    document
      .getElementById("tab-context")
      ?.addEventListener("submit", (event) => this.markMemory(event), { capture: true });
    /** @type {NodeListOf<HTMLElement>} */
    const openers = document.querySelectorAll("[data-panel]");
    for (const opener of openers) {
      opener.addEventListener("click", (event) => {
        if (event.ctrlKey || event.metaKey || event.shiftKey) return;
        event.preventDefault();
        const menu = opener.closest("details");
        menu?.removeAttribute("open");
        const { panel: name = "", section } = opener.dataset;
        const from = menu?.querySelector("summary") ?? opener;
        if (section) this.openAt(name, section, from);
        else this.panel.toggle(name, from);
      });
    }
    $("plot-form").addEventListener("submit", (event) => this.savePlot(event));
    const writer = $("writer");
    writer?.addEventListener("toggle", () => {
      if (writer.open) this.load("writer");
    });
    /** @type {NodeListOf<HTMLFormElement>} */
    const forms = document.querySelectorAll("form[data-saves]");
    for (const form of forms) {
      form.addEventListener("change", () => save(form));
    }
  }

  /** The story has moved: what stands beside it moves along. */
  storyMoved() {
    if (this.panel.shows("tree")) this.showTree();
    else if (this.story.busy()) return;
    else if (this.panel.shows("context")) this.load("context");
    else if (this.panel.shows("plot")) {
      for (const name of MOVES) this.load(name, { again: !this.hasEdits(name) });
    }
  }

  /** Chapters or their proposal may have changed, here or in another window. */
  chaptersChanged() {
    if (this.panel.shows("plot")) this.load("chapters", { again: !this.hasEdits("chapters") });
  }

  /**
   * Open the tab `name` at one of its sections.
   *
   * @param {string} name
   * @param {string} section
   * @param {HTMLElement} opener
   */
  async openAt(name, section, opener) {
    this.panel.open(name, opener);
    await this.load(section);
    const body = $(`tab-${name}`); // scrollIntoView would move the page below it as well
    const { top } = $(`tab-${section}`).getBoundingClientRect();
    body.scrollTop += top - body.getBoundingClientRect().top;
  }

  /**
   * An event has come from the server: it may have changed the state of the world.
   *
   * @param {string} type
   */
  received(type) {
    if (WORLD_EVENTS.has(type) && this.panel.shows("world")) this.world?.storyChanged();
  }

  /**
   * A part of another page of ours, in its box. Unless told, what is there already stays.
   *
   * @param {string} name
   */
  async load(name, { again = MOVES.has(name) && !this.hasEdits(name) } = {}) {
    const box = document.getElementById(`tab-${name}`);
    if (!box) return; // a part that only the owner's page has
    let { part: url = "" } = box.dataset;
    const { standsFor } = box.dataset;
    // The address was written before the turn was known.
    const head = this.story.head();
    if (standsFor && head) url = url.replace(new RegExp(`${standsFor}(?=/context)`, "u"), head);
    const part = this.parts.get(name) ?? new Part(box);
    this.parts.set(name, part);
    const loads = part.first !== url || again;
    part.first = url;
    if (loads) await part.load(url);
  }

  /**
   * A passage that was found: the story goes there.
   *
   * @param {MouseEvent} event
   */
  jump(event) {
    /** @type {HTMLAnchorElement | null} */
    const link = targetOf(event).closest("a[data-turn]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    event.stopPropagation();
    const { turn = "", here } = link.dataset;
    const words = new URL(link.href).searchParams.get("q") ?? "";
    this.jumpTo({ turn, here: here !== undefined, words });
  }

  /**
   * Pin or forget an old turn, and show it so.
   *
   * @param {SubmitEvent} event
   */
  async markMemory(event) {
    const form = /** @type {HTMLFormElement} */ (event.target);
    if (!form.matches("[data-memory]")) return;
    event.preventDefault();
    event.stopPropagation();
    const buttons = [...form.querySelectorAll("button")];
    const pressed = buttons.findIndex((each) => each === event.submitter);
    if (form.dataset.busy) return;
    form.dataset.busy = "yes";
    try {
      await post(form, event.submitter);
    } catch (problem) {
      const line = form.closest(".remembered")?.querySelector("[role=alert]");
      if (line) line.textContent = messageOf(problem);
      return;
    } finally {
      delete form.dataset.busy;
    }
    const { action } = form;
    await this.load("context", { again: true });
    const forms = $("tab-context").querySelectorAll("form");
    const same = [...forms].find((each) => each.action === action);
    // The same button again: beside it is the opposite.
    same?.querySelectorAll("button")[Math.max(pressed, 0)]?.focus({ preventScroll: true });
  }

  /** @param {{turn: string, here: boolean, words: string}} place */
  jumpTo(place) {
    if ($("panel").matches(":modal")) $("panel").close();
    this.story.jump(place);
  }

  /**
   * Whether somebody is writing there.
   *
   * @param {string} name
   */
  hasEdits(name) {
    const tab = document.getElementById(`tab-${name}`);
    if (tab?.querySelector(".chapter-list details[open]")) return true;
    /** @type {NodeListOf<HTMLTextAreaElement | HTMLInputElement> | undefined} */
    const fields = tab?.querySelectorAll("textarea, input[type=text]");
    return [...(fields ?? [])].some(
      (field) => field.value !== field.defaultValue || field === document.activeElement,
    );
  }

  async showTree(reload = false) {
    if (!this.tree) {
      const { Tree } = await import("./tree.js");
      this.tree ??= new Tree($("tab-tree"), { url: this.treeUrl, go: this.story.go });
    }
    this.tree.show(this.story.head(), { reload });
  }

  async showWorld() {
    if (!this.world) {
      const { World } = await import("./world.js");
      const box = $("tab-world");
      const { url = "", css = "" } = box.dataset;
      this.world ??= new World(box, {
        url,
        style: css,
        token: () => String(new FormData($("plot-form")).get("csrfmiddlewaretoken")),
        shown: () => this.panel.shows("world"),
        jump: (turn, words) => this.jumpTo({ turn, here: true, words }),
      });
    }
    this.world.load();
  }

  /** @param {SubmitEvent} event */
  async savePlot(event) {
    event.preventDefault();
    const form = $("plot-form");
    const line = $("plot-problem");
    line.textContent = "";
    try {
      await post(form);
      if ($("panel").matches(":modal")) $("panel").close();
      showAlert(t("Saved. Takes effect with the next turn."));
    } catch (problem) {
      line.textContent = messageOf(problem);
    }
  }
}

/**
 * A setting is kept as soon as it is chosen.
 *
 * @param {HTMLFormElement} form
 */
async function save(form) {
  const line = /** @type {HTMLElement} */ (form.querySelector("[role=status]"));
  try {
    await post(form);
    line.textContent = t("Saved. Takes effect with the next turn.");
  } catch (problem) {
    line.textContent = messageOf(problem);
  }
}

/**
 * Send a form. Raises an Error with the server's own words where it refuses.
 *
 * @param {HTMLFormElement} form
 * @param {HTMLElement | null} [submitter] the button that sends it, where it has a value
 */
async function post(form, submitter) {
  const answer = await fetch(form.action, {
    method: "POST",
    body: new FormData(form, submitter),
    headers: { Accept: "application/json" },
  });
  const said = await answer.json();
  if (!answer.ok) throw new Error(said.message);
}

/** @param {unknown} problem a SyntaxError or TypeError is no answer, any other Error is one */
const messageOf = (problem) =>
  problem instanceof Error && !(problem instanceof SyntaxError || problem instanceof TypeError)
    ? problem.message
    : t("Could not save. What you typed is still here; try again.");
