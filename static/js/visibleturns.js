// Which turns of a long story are on the page: earlier ones are added as the reader scrolls up, and
// those far out of sight are removed.

import { showAlert } from "./alerts.js";
import { t } from "./i18n.js";
import { $ } from "./page.js";
import * as ranges from "./turnrange.js";

/** @typedef {import("./story.js").Turn} Turn */
/** @typedef {{turns: Turn[], earlier: boolean}} Answer */

export class VisibleTurns {
  /**
   * @param {string} url where turns before another are asked for
   * @param {{path: () => Turn[], hasEarlier: () => boolean, received: (answer: Answer) => void,
   *   keepInPlace: (change: () => void) => void, draw: () => void}} story `hasEarlier`: the server has
   *   older turns; `keepInPlace` makes a change without moving what is read
   */
  constructor(url, story) {
    this.url = url;
    this.story = story;
    this.range = ranges.WHOLE;
    this.fetching = false;
    /** @type {(() => void)[]} */
    this.recheck = [];
  }

  /**
   * The first and the last place in `path` that stand on the page.
   *
   * @param {Turn[]} path
   */
  places(path) {
    return ranges.places(path, this.range);
  }

  /**
   * The story moved: follow it, and drop turns far above that are not being read.
   *
   * @param {Turn[]} path
   * @param {{head: boolean, atEnd: boolean}} how
   */
  moved(path, { head, atEnd }) {
    if (head && this.range.to) this.range = ranges.end(path);
    if (atEnd) this.range = ranges.trimmed(path, this.range);
  }

  toEnd() {
    if (!this.range.to) return;
    this.range = ranges.end(this.story.path());
    this.story.draw();
  }

  /**
   * Other turns come onto the page, and what is read stays where it is.
   *
   * @param {(path: Turn[], range: ranges.TurnRange) => ranges.TurnRange} move
   */
  slide(move) {
    this.range = move(this.story.path(), this.range);
    this.story.keepInPlace(this.story.draw);
  }

  /** Older turns: of those that are known, or of the server. False where they did not come. */
  async older() {
    const path = this.story.path();
    if (this.fetching || !path.length) return true;
    if (this.places(path)[0] > 0) {
      this.slide(ranges.up);
      return true;
    }
    if (!this.story.hasEarlier()) return true;
    this.fetching = true;
    try {
      await this.fetchOlder();
      this.slide(ranges.up);
    } catch {
      showAlert(t("Could not load earlier turns. Scroll up to try again."));
      return false;
    } finally {
      this.fetching = false;
    }
    return true;
  }

  /** Ask the server for the turns before the first one known. Raises where they do not come. */
  async fetchOlder() {
    const path = this.story.path();
    const answer = await fetch(`${this.url}?before=${encodeURIComponent(path[0].id)}`);
    if (!answer.ok) throw new Error(String(answer.status));
    const page = await answer.json();
    this.range = { from: path[this.places(path)[0]].id, to: this.range.to };
    this.story.received(page);
  }

  /**
   * Bring `turn` onto the page, with those around it. False where it is not on this branch.
   *
   * @param {string} turn
   */
  async reach(turn) {
    const known = () => this.story.path().some(({ id }) => id === turn);
    this.fetching = true;
    try {
      while (!known() && this.story.hasEarlier()) await this.fetchOlder();
      if (!known()) return false;
      const path = this.story.path();
      const [first, last] = this.places(path);
      if (!path.slice(first, last + 1).some(({ id }) => id === turn)) {
        this.range = ranges.around(path, turn);
      }
      this.story.draw();
    } catch {
      showAlert(t("Could not load earlier turns. Scroll up to try again."));
    } finally {
      this.fetching = false;
    }
    return true;
  }

  /**
   * Bring more whenever one of the two links comes near in `scroller`.
   *
   * @param {HTMLElement} scroller
   */
  watch(scroller) {
    const later = () => this.slide(ranges.down);
    const older = () => this.older();
    for (const [id, more] of Object.entries({ earlier: older, later })) {
      $(id).addEventListener("click", (event) => {
        event.preventDefault();
        more();
      });
      this.whenNear($(id), more, scroller);
    }
  }

  /**
   * Do `more` whenever `link` comes near, for as long as it is near.
   *
   * @param {HTMLElement} link
   * @param {() => unknown} more false where nothing came
   * @param {HTMLElement} scroller
   */
  whenNear(link, more, scroller) {
    const near = (/** @type {IntersectionObserverEntry[]} */ seen) =>
      seen.at(-1)?.isIntersecting && !this.fetching && again();
    const watch = new IntersectionObserver(near, { root: scroller, rootMargin: "800px 0px" });
    const again = async () => {
      if (!this.story.path().length) return; // the first snapshot is on its way
      if ((await more()) === false) return; // until it comes near anew
      // An observer speaks up only when something changes: asked anew, it says how it is.
      watch.unobserve(link);
      watch.observe(link);
    };
    watch.observe(link);
    this.recheck.push(() => {
      watch.unobserve(link);
      watch.observe(link);
    });
  }

  /** The story has come: a link that is near already is noticed now. */
  ready() {
    for (const look of this.recheck) look();
  }
}
