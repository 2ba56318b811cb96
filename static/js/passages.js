// Passages that were found: shows the turn of one, wherever it is, and marks the words in it.

import { showAlert } from "./alerts.js";
import { t } from "./i18n.js";
import { texts } from "./prose.js";
import * as story from "./story.js";

/** @typedef {{turn: string, here: boolean, words: string}} Found a passage; `here`: on this branch */

export class Passages {
  /**
   * @param {import("./store.js").Store} store
   * @param {{list: HTMLElement, autoScroll: import("./autoscroll.js").AutoScroll,
   *   visibleTurns: import("./visibleturns.js").VisibleTurns, elementOf: (turn: string) => HTMLElement | undefined,
   *   goTo: (turn: string) => void, announce: (text: string) => void}} page
   */
  constructor(store, page) {
    this.store = store;
    this.page = page;
    /** @type {Found | null} */
    this.pending = null; // a passage on another branch, until the story has gone there
  }

  /**
   * Show a turn: on this page, further up, or on another branch.
   *
   * @param {Found} found
   */
  async jump(found) {
    const { turn, here } = found;
    const known = story.path(this.store.state).some(({ id }) => id === turn);
    if ((known || here) && (await this.page.visibleTurns.reach(turn))) {
      this.show(found);
      return;
    }
    this.pending = found;
    this.page.goTo(turn);
  }

  /** The story has been drawn: the passage that was waited for may be there now. */
  drawn() {
    const { pending } = this;
    if (!pending || pending.turn !== this.store.state.head) return;
    if (!this.page.elementOf(pending.turn)) return;
    this.show(pending);
    this.pending = null;
    showAlert(t("You are on another branch now. “Tree” leads back to where you were."));
  }

  /**
   * Scroll to a turn on the page, and mark what was searched for.
   *
   * @param {Found} found
   */
  show({ turn, words }) {
    const { list, autoScroll } = this.page;
    const element = this.page.elementOf(turn);
    if (!element) return;
    const { scroller } = autoScroll;
    autoScroll.on = false;
    const range = mark(element, words);
    const { top } = (range ?? element).getBoundingClientRect();
    scroller.scrollTop += top - scroller.getBoundingClientRect().top - scroller.clientHeight / 3;
    autoScroll.on = autoScroll.atEnd;
    for (const other of list.querySelectorAll(".highlighted"))
      other.classList.remove("highlighted");
    element.classList.add("highlighted");
    this.page.announce(range?.toString() ?? "");
  }
}

/**
 * Mark `words` in a turn, if this browser can. Returns where they are, or null.
 *
 * @param {HTMLElement} element
 * @param {string} words
 */
function mark(element, words) {
  const wanted = words.toLowerCase();
  for (const node of wanted ? texts(element) : []) {
    const at = node.data.toLowerCase().indexOf(wanted);
    // Letters whose lower case has another length are not marked.
    if (at < 0 || at + wanted.length > node.length || node.parentElement?.closest("button"))
      continue;
    const range = document.createRange();
    range.setStart(node, at);
    range.setEnd(node, at + wanted.length);
    globalThis.CSS?.highlights?.set("found", new Highlight(range));
    return range;
  }
  globalThis.CSS?.highlights?.delete("found");
  return null;
}
