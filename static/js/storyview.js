// Draws the story: one view for each turn on the page, the action that was just sent, and the scroll
// position that the reader expects after a change.

import { t } from "./i18n.js";
import { $ } from "./page.js";
import * as scrollPosition from "./scrollposition.js";
import * as story from "./story.js";
import { colourOf } from "./table.js";
import { MOST, STEP } from "./turnrange.js";
import { TurnView } from "./turnview.js";

/** @typedef {import("./story.js").Turn} Turn */
/** @typedef {import("./story.js").State} State */

export class StoryView {
  /**
   * @param {import("./store.js").Store} store
   * @param {{adventure: string, list: HTMLElement, autoScroll: import("./autoscroll.js").AutoScroll,
   *   visibleTurns: import("./visibleturns.js").VisibleTurns, waiting: import("./waiting.js").Waiting,
   *   announcer: import("./announce.js").Announcer, actions: import("./turnview.js").TurnActions,
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
    const { autoScroll, visibleTurns } = this.page;
    const { length } = story.path(this.store.state);
    if (length > MOST + STEP && autoScroll.atEnd && !visibleTurns.fetching) {
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
    const { autoScroll, visibleTurns, waiting } = this.page;
    const whole = story.path(state);
    visibleTurns.moved(whole, { head: before.head !== state.head, atEnd: autoScroll.atEnd });
    const [from, to] = visibleTurns.places(whole);
    autoScroll.whole = to === whole.length - 1;
    const sent = autoScroll.whole ? story.pendingAction(state) : null;
    this.showTurns(whole.slice(from, to + 1), sent, before);
    const headings = story.headings(whole);
    for (const [id, shown] of this.turns) shown.showHeading(headings[id]);
    $("earlier").hidden = !state.earlier && from === 0;
    $("later").hidden = autoScroll.whole;
    this.showSent(sent);
    const turn = story.underWay(state);
    waiting.update(turn, turn ? state.waiting[turn.id] : undefined);
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
    const retried = story.pendingRetry(state);
    const members = before.table !== state.table; // with other colours
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
        view = new TurnView(turn, this.page.actions);
        this.turns.set(turn.id, view);
      }
      /** @type {ChildNode | null} */
      const where = previous ? previous.nextSibling : list.firstChild;
      if (view.element !== where) list.insertBefore(view.element, where);
      previous = view.element;
      const fading = turn.id === retried;
      const drawn = view.turn === turn && !view.options.last && !view.options.fading;
      if (last || fading || members || !drawn) {
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
    const { announcer, autoScroll } = this.page;
    const live = Boolean(before.turns[turn.id]) && turn.id === this.store.state.head;
    const added = view.update(turn, {
      last,
      fading,
      ids: last ? story.retriesOf(turn) : [],
      others: story.otherActions(turn),
      fadeIn: live,
      colour: colourOf(this.store.state, turn.member),
    });
    if (!live) return;
    if (added) announcer.add(added);
    const was = before.turns[turn.id];
    if (story.settled(turn) && !story.settled(was)) {
      announcer.finish();
      if (turn.status === "failed") announcer.say(turn.reason || t("The narrator failed."));
    }
    if (added || turn.status !== was.status) autoScroll.storyGrew();
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
    const { actions, list, autoScroll } = this.page;
    const { you, table } = this.store.state;
    const character = table ? (you?.name ?? "") : "";
    const view = new TurnView(
      {
        id: action.key,
        kind: action.kind,
        shown: story.shownAction(action.kind, action.text ?? "", character),
        character,
        action: action.text ?? "",
        reply: "",
        status: "queued",
        attempt: 1,
      },
      actions,
    );
    view.element.classList.add("last");
    this.sent = { key: action.key, element: view.element };
    list.append(view.element);
    autoScroll.followTurn(view.element);
  }

  /**
   * Scroll where the reader expects it after the story changed its shape.
   *
   * @param {State} before
   */
  scroll(before) {
    const { state } = this.store;
    const { autoScroll } = this.page;
    const { head } = this;
    if (!head) {
      const was = story.turnOf(before, state.head);
      if (story.headTurn(state)?.reply !== was?.reply) autoScroll.storyGrew();
      return;
    }
    if (!before.head) {
      this.restorePlace();
    } else if (before.head !== state.head) {
      const retried = story.headTurn(before)?.parent === head.turn.parent;
      if (!story.settled(head.turn)) {
        if (autoScroll.on) autoScroll.followTurn(head.element);
        else autoScroll.storyGrew();
      } else if (retried) {
        autoScroll.followTurn(head.element); // another reply is read from its beginning
      } else {
        autoScroll.toEnd({ at: "gently" });
      }
    }
  }

  /** Go where the reader was when the page was left. */
  restorePlace() {
    const { adventure, autoScroll } = this.page;
    const elementOf = (/** @type {string} */ turn) => this.turns.get(turn)?.element;
    const known = scrollPosition.restore(adventure, autoScroll.scroller, elementOf);
    if (!known && story.headTurn(this.store.state)?.kind === "opening") {
      autoScroll.scroller.scrollTop = 0; // a story is read from its beginning
    } else if (!known) {
      autoScroll.toEnd();
      return;
    }
    autoScroll.on = autoScroll.atEnd;
  }
}
