// The stretch of a long story that stands on the page: older turns come as one reads up, and those
// out of sight leave.

import { t } from "./i18n.js";
import { tell } from "./lines.js";
import { $ } from "./page.js";
import * as spans from "./span.js";

/** @typedef {import("./story.js").Turn} Turn */
/** @typedef {{turns: Turn[], earlier: boolean}} Answer */

export class Stretch {
  /**
   * @param {string} url where turns before another are asked for
   * @param {{path: () => Turn[], more: () => boolean, came: (answer: Answer) => void,
   *   hold: (change: () => void) => void, draw: () => void}} story `more`: the server has older
   *   turns; `hold` keeps what is read in place
   */
  constructor(url, story) {
    this.url = url;
    this.story = story;
    this.span = spans.WHOLE;
    this.fetching = false;
    /** @type {(() => void)[]} */
    this.watches = [];
  }

  /**
   * The first and the last place in `path` that stand on the page.
   *
   * @param {Turn[]} path
   */
  places(path) {
    return spans.places(path, this.span);
  }

  /**
   * The story moved: go along, and let go of what is far above where nobody reads it.
   *
   * @param {Turn[]} path
   * @param {{head: boolean, atEnd: boolean}} how
   */
  moved(path, { head, atEnd }) {
    if (head && this.span.to) this.span = spans.end(path);
    if (atEnd) this.span = spans.trimmed(path, this.span);
  }

  toEnd() {
    if (!this.span.to) return;
    this.span = spans.end(this.story.path());
    this.story.draw();
  }

  /**
   * Other turns come onto the page, and what is read stays where it is.
   *
   * @param {(path: Turn[], span: spans.Span) => spans.Span} move
   */
  slide(move) {
    this.span = move(this.story.path(), this.span);
    this.story.hold(this.story.draw);
  }

  /** Older turns: of those that are known, or of the server. False where they did not come. */
  async older() {
    const path = this.story.path();
    if (this.fetching || !path.length) return true;
    if (this.places(path)[0] > 0) {
      this.slide(spans.up);
      return true;
    }
    if (!this.story.more()) return true;
    this.fetching = true;
    try {
      await this.fetchOlder();
      this.slide(spans.up);
    } catch {
      tell(t("Could not load earlier turns. Scroll up to try again."));
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
    this.span = { from: path[this.places(path)[0]].id, to: this.span.to };
    this.story.came(page);
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
      while (!known() && this.story.more()) await this.fetchOlder();
      if (!known()) return false;
      const path = this.story.path();
      const [first, last] = this.places(path);
      if (!path.slice(first, last + 1).some(({ id }) => id === turn)) {
        this.span = spans.around(path, turn);
      }
      this.story.draw();
    } catch {
      tell(t("Could not load earlier turns. Scroll up to try again."));
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
    const later = () => this.slide(spans.down);
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
    this.watches.push(() => {
      watch.unobserve(link);
      watch.observe(link);
    });
  }

  /** The story has come: a link that is near already is noticed now. */
  ready() {
    for (const look of this.watches) look();
  }
}
