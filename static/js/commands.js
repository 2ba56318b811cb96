// What the player does, as commands to the server: each with its own key, sent again until it is
// answered.

import { t } from "./i18n.js";
import { hideAlert, showAlert, showOnce } from "./alerts.js";
import { uuid } from "./socket.js";
import * as story from "./story.js";
import { waitsFor } from "./table.js";

/** @typedef {import("./story.js").Command} Command */
/** @typedef {import("./story.js").NextStep} NextStep */
/** @typedef {import("./turnview.js").TurnView} TurnView */
/**
 * Each kind of command, before it has its key.
 *
 * @typedef {Command extends infer C ? C extends unknown ? Omit<C, "key"> : never : never} Request
 */

export class Commands {
  /**
   * @param {import("./store.js").Store} store
   * @param {{socket: import("./socket.js").Socket, drafts: import("./drafts.js").Drafts,
   *   entry: import("./entry.js").Entry, controls: import("./controls.js").Controls,
   *   draw: () => void}} parts
   */
  constructor(store, { socket, drafts, entry, controls, draw }) {
    this.store = store;
    this.socket = socket;
    this.drafts = drafts;
    this.entry = entry;
    this.controls = controls;
    this.draw = draw;
    /** @type {string | null} */
    this.stopping = null; // the turn that was told to stop
    /** @type {Map<string, TurnView>} */
    this.edits = new Map(); // by the key of an edit: the turn whose editor waits for the answer
    /** @type {Map<string, {id: string, kind: string, text: string}>} */
    this.undone = new Map(); // by the key of an undo: the action that it takes back
  }

  /**
   * Give a command its key, send it, and show what it will do. Returns the key.
   *
   * @param {Request} request
   */
  issue(request) {
    const command = /** @type {Command} */ ({ ...request, key: uuid() });
    this.store.reduce({ type: "page.sent", command });
    if (command.type === "take_action") this.drafts.sent(command);
    this.socket.send(command);
    this.draw();
    hideAlert();
    return command.key;
  }

  /**
   * Send an action of an earlier visit again, under the same key: if it arrived then, the server
   * knows the key and takes it once.
   *
   * @param {Protocol.TakeAction} command
   */
  resend(command) {
    this.socket.send(command);
    this.store.reduce({ type: "page.sent", command, quiet: true });
  }

  /**
   * The server has answered a command.
   *
   * @param {Protocol.Accepted | Protocol.ErrorEvent} event
   */
  answered(event) {
    const key = event.key ?? "";
    this.drafts.answered(key);
    const action = this.undone.get(key);
    // Without a turn it waits for the others to agree (the table's rule "vote").
    if (event.type === "accepted" && event.turn && action) this.entry.restoreUndone(action);
    this.undone.delete(key);
    const view = this.edits.get(key);
    if (!view) return;
    this.edits.delete(key);
    if (event.type === "accepted") view.closeEditor();
    else view.showSaveError(event.message);
  }

  /** Send what is typed; with nothing typed, continue. */
  send() {
    const { text, kind, tooLong } = this.entry;
    if (!text) this.continue();
    else if (tooLong) showAlert(tooLong, "problem");
    else if (waitsFor(this.store.state)) this.sayWhose();
    else if (story.busy(this.store.state)) this.stopThen("send");
    else {
      this.entry.clear();
      this.issue({ type: "take_action", kind, text });
    }
  }

  /** It is somebody else's turn: what is typed stays where it is. */
  sayWhose() {
    const name = waitsFor(this.store.state);
    showAlert(t("It is the turn of {name}. What you typed is kept.", { name }), "problem");
  }

  continue() {
    if (this.controls.enabled("continue")) {
      this.issue({ type: "take_action", kind: "continue", text: "" });
    }
  }

  /** Ask for another reply to the last action. False where there is nothing to retry. */
  retry() {
    const { state } = this.store;
    if (!this.controls.enabled("retry")) return false;
    if (story.busy(state)) {
      this.stopThen("retry");
      return true;
    }
    const head = story.headTurn(state);
    if (!head) return false;
    if (story.retriesOf(head).length === 1) {
      showOnce("retry", t("The other reply is kept: ‹\u00a0› goes back to it."));
    }
    this.issue({ type: "retry_turn", turn: head.id });
    return true;
  }

  undo() {
    const { state } = this.store;
    const head = story.headTurn(state);
    const edit = story.undoesEdit(state);
    const key = this.issue({ type: "undo_turn" });
    if (head?.action && !edit) {
      this.undone.set(key, { id: head.id, kind: head.kind, text: head.action });
    }
  }

  redo() {
    this.entry.clearUndone();
    this.issue({ type: "redo_turn" });
  }

  /** Stop the reply. False where there is none. */
  stop() {
    const turn = story.underWay(this.store.state);
    if (turn && this.stopping !== turn.id) {
      this.stopping = turn.id;
      this.issue({ type: "stop_turn", turn: turn.id });
    }
    return Boolean(turn);
  }

  /**
   * Stop the reply, and do `then` once it has stopped. What is typed stays in the input until then.
   *
   * @param {NextStep} then
   */
  stopThen(then) {
    this.store.reduce({ type: "page.then", then });
    this.stop();
  }

  /** Do what the player asked for while the reply was being stopped, if it has stopped. */
  doNext() {
    const { then } = this.store.state;
    if (!then) return;
    if (story.busy(this.store.state)) {
      this.stop();
      return;
    }
    this.store.reduce({ type: "page.then", then: null });
    if (then === "retry") this.retry();
    else if (this.entry.text) this.send();
  }

  /**
   * Save other texts of a turn. The editor of `view` is closed when the server has accepted them.
   *
   * @param {string} turn
   * @param {import("./turnview.js").Texts} texts
   * @param {TurnView | undefined} view
   */
  edit(turn, texts, view) {
    const key = this.issue({ type: "edit_turn", turn, ...texts });
    if (view) this.edits.set(key, view);
  }

  /** @param {string} turn */
  goTo(turn) {
    this.issue({ type: "go_to_turn", turn });
  }
}
