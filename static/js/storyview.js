// Draws the story: one view for each turn on the page, the action that was just sent, and the scroll
// position that the reader expects after a change.

import * as place from "./place.js";
import { $ } from "./page.js";
import { t } from "./i18n.js";
import { MOST, STEP } from "./span.js";
import * as story from "./story.js";
import { TurnView } from "./turnview.js";

/** @typedef {import("./story.js").Turn} Turn */
/** @typedef {import("./story.js").State} State */

export class StoryView {
  /**
   * @param {import("./store.js").Store} store
   * @param {{adventure: string, list: HTMLElement, follow: import("./follow.js").Follow,
   *   stretch: import("./older.js").Stretch, waiting: import("./waiting.js").Waiting,
   *   announcer: import("./announce.js").Announcer, hands: import("./turnview.js").Hands,
   *   drawn: (before: State) => void}} page `drawn`: the story on the page has changed
   */
  constructor(store, page) {
    this.store = store;
    this.page = page;
    /** @type {Map<string, TurnView>} */
    this.turns = new Map(); // by id
    /** @type {{key: string, element: HTMLElement} | null} */
    this.sent = null; // the action that is shown before the server has it
    this.shown = store.state; // what the page shows
    this.frame = 0;
  }

  /** The view of the turn at the head, where it is on the page. */
  get head() {
    const { head } = this.store.state;
    return head ? this.turns.get(head) : undefined;
  }

  draw() {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    const before = this.shown;
    const { follow, stretch } = this.page;
    const { length } = story.path(this.store.state);
    if (length > MOST + STEP && follow.atEnd && !stretch.fetching) {
      this.store.reduce({ type: "page.forget", keep: MOST });
    }
    this.shown = this.store.state;
    this.show(before);
  }

  /** Draw with the next frame: words come faster than frames. */
  drawSoon() {
    // A page in the background has no frames, and somebody may be listening.
    if (document.hidden) this.draw();
    else this.frame ||= requestAnimationFrame(() => this.draw());
  }

  /** @param {State} before what the page has shown until now */
  show(before) {
    const { state } = this.store;
    const { follow, stretch, waiting } = this.page;
    const whole = story.path(state);
    stretch.moved(whole, { head: before.head !== state.head, atEnd: follow.atEnd });
    const [from, to] = stretch.places(whole);
    follow.whole = to === whole.length - 1;
    const sent = follow.whole ? story.echo(state) : null;
    this.showTurns(whole.slice(from, to + 1), sent, before);
    $("earlier").hidden = !state.earlier && from === 0;
    $("later").hidden = follow.whole;
    this.showSent(sent);
    const turn = story.underWay(state);
    waiting.heard(turn, turn ? state.waiting[turn.id] : undefined);
    this.scroll(before);
    this.page.drawn(before);
  }

  /**
   * @param {Turn[]} path
   * @param {Protocol.TakeAction | null} sent
   * @param {State} before
   */
  showTurns(path, sent, before) {
    const { state } = this.store;
    const { list } = this.page;
    const retried = story.retelling(state);
    const wanted = new Set(path.map((turn) => turn.id));
    for (const [id, view] of this.turns) {
      if (wanted.has(id)) continue;
      view.element.remove();
      this.turns.delete(id);
    }
    /** @type {HTMLElement | null} */
    let previous = null;
    for (const turn of path) {
      const last = turn.id === state.head && !sent;
      let view = this.turns.get(turn.id);
      if (!view) {
        view = new TurnView(turn, this.page.hands);
        this.turns.set(turn.id, view);
      }
      /** @type {ChildNode | null} */
      const where = previous ? previous.nextSibling : list.firstChild;
      if (view.element !== where) list.insertBefore(view.element, where);
      previous = view.element;
      const fading = turn.id === retried;
      if (last || view.turn !== turn || view.how.last || view.how.fading || fading) {
        this.update(view, turn, { last, fading }, before);
      }
    }
  }

  /**
   * @param {TurnView} view
   * @param {Turn} turn
   * @param {{last: boolean, fading: boolean}} how
   * @param {State} before
   */
  update(view, turn, { last, fading }, before) {
    const { announcer, follow } = this.page;
    const live = Boolean(before.turns[turn.id]) && turn.id === this.store.state.head;
    const added = view.update(turn, {
      last,
      fading,
      ids: last ? story.retellings(turn) : [],
      others: story.otherActions(turn),
      soft: live,
    });
    if (!live) return;
    if (added) announcer.hear(added);
    const was = before.turns[turn.id];
    if (story.settled(turn) && !story.settled(was)) {
      announcer.end();
      if (turn.status === "failed") announcer.say(turn.reason || t("The narrator failed."));
    }
    if (added || turn.status !== was.status) follow.words();
  }

  /**
   * What the player did, before the server has answered.
   *
   * @param {Protocol.TakeAction | null} action
   */
  showSent(action) {
    if (!action) {
      this.sent?.element.remove();
      this.sent = null;
      return;
    }
    if (this.sent?.key === action.key) return;
    this.sent?.element.remove();
    const { hands, list, follow } = this.page;
    const view = new TurnView(
      {
        id: action.key,
        kind: action.kind,
        shown: story.shownAction(action.kind, action.text ?? ""),
        action: action.text ?? "",
        reply: "",
        status: "queued",
        attempt: 1,
      },
      hands,
    );
    view.element.classList.add("last");
    this.sent = { key: action.key, element: view.element };
    list.append(view.element);
    follow.turn(view.element);
  }

  /**
   * Scroll where the reader expects it after the story changed its shape.
   *
   * @param {State} before
   */
  scroll(before) {
    const { state } = this.store;
    const { follow } = this.page;
    const { head } = this;
    if (!head) {
      const was = story.turnOf(before, state.head);
      if (story.headTurn(state)?.reply !== was?.reply) follow.words();
      return;
    }
    if (!before.head) {
      this.restorePlace();
    } else if (before.head !== state.head) {
      const retried = story.headTurn(before)?.parent === head.turn.parent;
      if (!story.settled(head.turn)) {
        if (follow.on) follow.turn(head.element);
        else follow.words();
      } else if (retried) {
        follow.turn(head.element); // another reply is read from its beginning
      } else {
        follow.toEnd({ at: "gently" });
      }
    }
  }

  /** Go where the reader was when the page was left. */
  restorePlace() {
    const { adventure, follow } = this.page;
    const elementOf = (/** @type {string} */ turn) => this.turns.get(turn)?.element;
    const known = place.restore(adventure, follow.scroller, elementOf);
    if (!known && story.headTurn(this.store.state)?.kind === "opening") {
      follow.scroller.scrollTop = 0; // a story is read from its beginning
    } else if (!known) {
      follow.toEnd();
      return;
    }
    follow.on = follow.atEnd;
  }
}
