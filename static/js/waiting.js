// The place in the line and the seconds left, counted down between what the server says.

import { t } from "./i18n.js";
import { waitLine } from "./turnview.js";

const SOON = 3; // seconds until one's turn that the lamp alone can tell
const LAMP_SECONDS = 5; // after which a turn that is next in the queue says so in words
/** @typedef {import("./story.js").Turn} Turn */
/** @typedef {import("./story.js").QueuePosition} QueuePosition */

/** @type {QueuePosition} */
const UNKNOWN = { position: 0, eta: null }; // one place, kept, so that it is not news each time

export class Waiting {
  /**
   * @param {{turn: () => Turn | null, say: (id: string, line: string) => void,
   *   announce: (line: string) => void}} story `turn`: the one under way
   */
  constructor(story, now = Date.now) {
    this.story = story;
    this.now = now;
    /** @type {string | null} */
    this.turn = null;
    /** @type {QueuePosition | null} */
    this.place = null;
    this.since = 0;
    setInterval(() => this.tick(), 1000);
  }

  /**
   * @param {Turn | null} turn
   * @param {QueuePosition} [place] omitted where it is not known
   */
  update(turn, place = UNKNOWN) {
    if (!turn) {
      this.place = null;
      return;
    }
    if (this.turn !== turn.id || this.place !== place) {
      [this.turn, this.place, this.since] = [turn.id, place, this.now()];
      if (place.position > 0) this.story.announce(waitLine(place));
    }
    this.tick();
  }

  tick() {
    const turn = this.story.turn();
    if (!this.place || !turn || turn.id !== this.turn || turn.status !== "queued") return;
    const { position, eta } = this.place;
    const passed = (this.now() - this.since) / 1000;
    // Alone in line and about to be told: the lamp says enough, for a while.
    if (position <= 0 && (eta ?? 0) < SOON) {
      this.story.say(turn.id, passed < LAMP_SECONDS ? "" : t("Saved, waiting for the narrator"));
      return;
    }
    const left = eta === null ? null : Math.max(1, Math.round(eta - passed));
    this.story.say(turn.id, waitLine({ position, eta: left }));
  }
}
