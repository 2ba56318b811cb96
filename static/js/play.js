// The play page: events of the socket through the reducer onto the page, and the player's hands
// into commands.

import { Aloud, controls } from "./aloud.js";
import { Announcer } from "./announce.js";
import { Beside } from "./beside.js";
import { Drafts } from "./drafts.js";
import { Entry } from "./entry.js";
import { Follow } from "./follow.js";
import { t } from "./i18n.js";
import { keepToRead } from "./install.js";
import * as keys from "./keys.js";
import { connection, hush, once, tell } from "./lines.js";
import * as narrator from "./narrator.js";
import { Stretch } from "./older.js";
import { $, targetOf, touch } from "./page.js";
import * as place from "./place.js";
import { texts } from "./prose.js";
import { MOST, STEP } from "./span.js";
import { Socket, uuid } from "./socket.js";
import * as story from "./story.js";
import { TurnView } from "./turnview.js";
import { Waiting } from "./waiting.js";

/** @typedef {import("./story.js").Turn} Turn */
/** @typedef {import("./story.js").State} State */
/** @typedef {import("./story.js").Wish} Wish */
/** @typedef {{turn: string, here: boolean, words: string}} Found a passage; `here`: on this branch */

/**
 * Addresses of this adventure, and where the reader asked to begin.
 *
 * @type {{id: string, socket: string, turns: string, tree: string, versions: string,
 *   opens_at: Found | null}}
 */
const here = JSON.parse($("adventure-data").textContent);

const scroller = $("scroller");
const list = $("turns");
const buttons = {
  send: $("send"),
  continue: $("continue"),
  retry: $("retry"),
  undo: $("undo"),
  redo: $("redo"),
};
const DOUBLE_TAP = 350; // ms in which the second tap of a finger belongs to the first

let state = story.empty();
/** @type {Map<string, TurnView>} */
const views = new Map(); // by turn
/** @type {Map<string, TurnView>} */
const edits = new Map(); // by the key of an edit
/** @type {{key: string, element: HTMLElement} | null} */
let echoed = null; // the turn that is shown before the server has it
let started = false;
/** @type {string | null} */
let stopping = null; // the turn that was told to stop
/** @type {{name: string, at: number} | null} */
let began = null; // the last click that began a reply
/** @type {Map<string, {id: string, kind: string, text: string}>} */
const undoing = new Map(); // by the key of an undo: the action that it takes back

const drafts = new Drafts(here.id);
const announcer = new Announcer($("spoken"));
const follow = new Follow(scroller, (behind) => {
  $("pill").hidden = !behind;
  $("pill").textContent = behind === "far" ? t("To the end ↓") : t("New text ↓");
});
const stretch = new Stretch(here.turns, {
  path: () => story.path(state),
  more: () => state.earlier,
  came: ({ turns, earlier }) => {
    state = story.reduce(state, { type: "page.earlier", turns, earlier });
  },
  hold: (change) => follow.hold(list, change),
  draw: () => draw(),
});
const waiting = new Waiting({
  turn: () => story.underWay(state),
  say: (id, line) => views.get(id)?.say(line),
  aloud: (line) => announcer.say(line),
});
const aloud = new Aloud({
  turns: () =>
    story.path(state).map((turn) => ({
      id: turn.id,
      shown: turn.shown ?? "",
      reply: turn.reply,
      done: story.settled(turn),
    })),
  box: (turn, part) => {
    const view = views.get(turn);
    return (part === "reply" ? view?.replyBox : view?.actionLine) ?? null;
  },
  onChange: (on) => {
    $("hush").hidden = !on;
    $("aloud").textContent = on ? t("Stop reading aloud") : t("Read aloud");
  },
});
const beside = new Beside(here.tree, {
  head: () => state.head,
  busy: () => story.busy(state),
  go: (turn) => command({ type: "go_to_turn", turn }),
  jump: (found) => jump(found),
});
const entry = new Entry(drafts, {
  send: () => send(),
  editLast: () => editLast(),
  scroll: (screens) => {
    follow.hand();
    scroller.scrollBy({ top: scroller.clientHeight * screens });
  },
  say: (text) => announcer.say(text),
});
const address = new URL(here.socket, location.href);
address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
const socket = new Socket(address.href, {
  onEvent: heard,
  onStatus: connection,
});

// ---------------------------------------------------------------- events in

/** @param {Protocol.Event} event */
function heard(event) {
  const before = state;
  state = story.reduce(state, event);
  if (event.type === "accepted" || event.type === "error") answered(event);
  if (document.hidden && event.type in ENDS) inTitle(ENDS[event.type]);
  if (event.type === "snapshot" && !started) first();
  // To a turn that this page has never seen (the tree leads anywhere): nobody else will bring it.
  if (event.type === "head.moved" && state.missing) socket.restart();
  // Words come faster than frames; everything else is shown as it comes.
  if (event.type === "turn.token") drawSoon();
  else if (state !== before) draw();
  if (state.problem && state.problem !== before.problem) refused(state.problem);
  if (state.then) goOnWith(state.then);
}

/**
 * Once the narrator has stopped: what the player asked for meanwhile.
 *
 * @param {Wish} then
 */
function goOnWith(then) {
  if (story.busy(state)) {
    stop();
    return;
  }
  state = story.reduce(state, { type: "page.then", then: null });
  if (then === "retry") retry();
  else if (entry.text) send();
}

/**
 * What the title of a window that nobody looks at says when a reply has ended.
 *
 * @type {Record<string, string>}
 */
const ENDS = {
  "turn.told": t("Reply ready"),
  "turn.stopped": t("Reply stopped"),
  "turn.failed": t("No reply"),
};
let ended = ""; // what the title says before the story's name

/** @param {string} words "" for the story's name alone */
function inTitle(words) {
  ended = words;
  const title = `${state.adventure?.title ?? $("title").textContent} · Grue`;
  document.title = ended ? `${ended} · ${title}` : title;
}

/** @param {Protocol.Accepted | Protocol.ErrorEvent} event */
function answered(event) {
  const key = event.key ?? "";
  drafts.answered(key);
  const undone = undoing.get(key);
  if (event.type === "accepted" && undone) entry.takeBack(undone);
  undoing.delete(key);
  const view = edits.get(key);
  if (!view) return;
  edits.delete(key);
  if (event.type === "accepted") view.closeEditor();
  else view.unsaved(event.message);
}

/** The first snapshot: what the server drew is replaced, turn for turn, by what can be played. */
function first() {
  started = true;
  list.replaceChildren();
  stretch.ready();
  const left = drafts.unanswered();
  setTimeout(openAt); // once the story stands on the page
  if (!left) return;
  if (left.fresh) {
    // Whether it arrived before the page went away is for the server to say: same key, one turn.
    socket.send(left.command);
    state = story.reduce(state, { type: "page.sent", command: left.command, quiet: true });
  } else {
    drafts.answered(left.command.key);
    entry.giveBack(left.command);
  }
}

/** @param {import("./story.js").Problem} problem */
function refused({ message, command: made }) {
  tell(message, "problem");
  if (made?.type === "take_action") entry.giveBack(made);
}

/** Something was skipped. The server mends it by itself in most cases; if not, start over. */
function mend() {
  setTimeout(() => {
    if (state.missing) socket.restart();
  }, 1000);
}

// ---------------------------------------------------------------- the story on the page

let drawn = state; // what the page shows
let drawing = 0;

function draw() {
  cancelAnimationFrame(drawing);
  drawing = 0;
  const before = drawn;
  const { length } = story.path(state);
  if (length > MOST + STEP && follow.atEnd && !stretch.fetching) {
    state = story.reduce(state, { type: "page.forget", keep: MOST });
  }
  drawn = state;
  show(before);
}

function drawSoon() {
  // A page that nobody looks at has no frames, and somebody may be listening.
  if (document.hidden) draw();
  else drawing ||= requestAnimationFrame(draw);
}

/** @param {State} before what the page has shown until now */
function show(before) {
  const whole = story.path(state);
  stretch.moved(whole, { head: before.head !== state.head, atEnd: follow.atEnd });
  const [from, to] = stretch.places(whole);
  follow.whole = to === whole.length - 1;
  const pending = follow.whole ? story.echo(state) : null;
  showTurns(whole.slice(from, to + 1), pending, before);
  $("earlier").hidden = !state.earlier && from === 0;
  $("later").hidden = follow.whole;
  showEcho(pending);
  const turn = story.underWay(state);
  waiting.heard(turn, turn ? state.waiting[turn.id] : undefined);
  showEnds(before);
  showControls();
  aloud.heard();
  const was = story.turnOf(before, state.head)?.status;
  if (before.head !== state.head || was !== story.headTurn(state)?.status) {
    beside.moved();
    if (!story.busy(state)) keepToRead(location.pathname);
  }
  if (state.missing && !before.missing) mend();
  if (awaited && awaited.turn === state.head && views.has(state.head)) {
    arrive(awaited);
    awaited = null;
  }
}

/**
 * @param {Turn[]} path
 * @param {Protocol.TakeAction | null} pending
 * @param {State} before
 */
function showTurns(path, pending, before) {
  const retold = story.retelling(state);
  const wanted = new Set(path.map((turn) => turn.id));
  for (const [id, view] of views) {
    if (wanted.has(id)) continue;
    view.element.remove();
    views.delete(id);
  }
  /** @type {HTMLElement | null} */
  let previous = null;
  for (const turn of path) {
    const last = turn.id === state.head && !pending;
    let view = views.get(turn.id);
    if (!view) {
      view = new TurnView(turn, hands);
      views.set(turn.id, view);
    }
    /** @type {ChildNode | null} */
    const where = previous ? previous.nextSibling : list.firstChild;
    if (view.element !== where) list.insertBefore(view.element, where);
    previous = view.element;
    if (last || view.turn !== turn || view.how.last || view.how.fading || turn.id === retold) {
      refresh(view, turn, last, turn.id === retold, before);
    }
  }
}

/**
 * @param {TurnView} view
 * @param {Turn} turn
 * @param {boolean} last
 * @param {boolean} fading
 * @param {State} before
 */
function refresh(view, turn, last, fading, before) {
  const live = Boolean(before.turns[turn.id]) && turn.id === state.head;
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
 * What the player did, before the server has said a word about it.
 *
 * @param {Protocol.TakeAction | null} action
 */
function showEcho(action) {
  if (!action) {
    echoed?.element.remove();
    echoed = null;
    return;
  }
  if (echoed?.key === action.key) return;
  echoed?.element.remove();
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
  echoed = { key: action.key, element: view.element };
  list.append(view.element);
  follow.turn(view.element);
}

/**
 * Scroll where the reader expects it after the story changed its shape.
 *
 * @param {State} before
 */
function showEnds(before) {
  const head = viewOfHead();
  if (!head) {
    const was = story.turnOf(before, state.head);
    if (story.headTurn(state)?.reply !== was?.reply) follow.words();
    return;
  }
  if (!before.head) {
    restorePlace();
  } else if (before.head !== state.head) {
    const telling = story.headTurn(before)?.parent === head.turn.parent;
    if (!story.settled(head.turn)) {
      if (follow.on) follow.turn(head.element);
      else follow.words();
    } else if (telling) {
      follow.turn(head.element); // another telling is read from its beginning
    } else {
      follow.toEnd({ at: "gently" });
    }
  }
}

function restorePlace() {
  const known = place.restore(here.id, scroller, (turn) => views.get(turn)?.element);
  if (!known && story.headTurn(state)?.kind === "opening") {
    scroller.scrollTop = 0; // a story is read from its beginning
  } else if (!known) {
    follow.toEnd();
    return;
  }
  follow.on = follow.atEnd;
}

// ---------------------------------------------------------------- passages that were found

/** @type {Found | null} */
let awaited = null; // a passage on another branch, until the story has gone there

/**
 * Show a turn, wherever it is: on this page, further up, or on another branch.
 *
 * @param {Found} found
 */
async function jump(found) {
  const { turn, here: onThisBranch } = found;
  const known = story.path(state).some(({ id }) => id === turn);
  if ((known || onThisBranch) && (await stretch.reach(turn))) {
    arrive(found);
    return;
  }
  awaited = found;
  command({ type: "go_to_turn", turn });
}

/**
 * The turn stands on the page: the reader sees it, and in it what was searched for.
 *
 * @param {{turn: string, words: string}} found
 */
function arrive({ turn, words }) {
  const element = views.get(turn)?.element;
  if (!element) return;
  follow.on = false;
  const range = passageIn(element, words);
  const { top } = (range ?? element).getBoundingClientRect();
  scroller.scrollTop += top - scroller.getBoundingClientRect().top - scroller.clientHeight / 3;
  follow.on = follow.atEnd;
  for (const other of list.querySelectorAll(".found")) other.classList.remove("found");
  element.classList.add("found");
  announcer.say(range?.toString() ?? "");
}

/**
 * Mark `words` in a turn, if this browser can, and say where they are.
 *
 * @param {HTMLElement} element
 * @param {string} words
 */
function passageIn(element, words) {
  const wanted = words.toLowerCase();
  for (const node of wanted ? texts(element) : []) {
    const at = node.data.toLowerCase().indexOf(wanted);
    // Letters that change their length when they become small are not marked.
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

function openAt() {
  const found = here.opens_at;
  if (!found) return;
  history.replaceState(history.state, "", location.pathname);
  if (found.here) jump(found);
  else {
    const note = $("elsewhere");
    note?.querySelector("button")?.addEventListener("click", () => {
      note.remove();
      jump(found);
    });
  }
}

function showControls() {
  const head = story.headTurn(state);
  const telling = story.underWay(state);
  const busy = story.busy(state);
  buttons.send.dataset.does = busy ? "stop" : "send";
  $("send-word").textContent = busy ? t("Stop") : t("Send");
  buttons.send.disabled = !head || (busy && !telling);
  buttons.continue.disabled = !head || busy;
  buttons.retry.disabled = telling ? Boolean(state.then) : busy || !story.canRetry(state);
  buttons.undo.disabled = !story.canUndo(state);
  buttons.redo.disabled = !story.canRedo(state);
  $("chips").hidden = busy || head?.kind !== "opening";
  const { title } = state.adventure ?? {};
  if (title && $("title").textContent !== title) {
    $("title").textContent = title;
    document.title = `${ended ? `${ended} · ` : ""}${title} · Grue`;
  }
}

// ---------------------------------------------------------------- commands out

/**
 * Each kind of command, before it has its key.
 *
 * @typedef {import("./story.js").Command extends infer C ? C extends unknown ? Omit<C, "key"> :
 *   never : never} Wanted
 */

/** @param {Wanted} wanted */
function command(wanted) {
  const made = /** @type {import("./story.js").Command} */ ({ ...wanted, key: uuid() });
  state = story.reduce(state, { type: "page.sent", command: made });
  if (made.type === "take_action") drafts.sent(made);
  socket.send(made);
  draw();
  hush();
  return made.key;
}

/** @type {import("./turnview.js").Hands} */
const hands = {
  edit(turn, changes) {
    const key = command({ type: "edit_turn", turn: turn.id, ...changes });
    const view = views.get(turn.id);
    if (view) edits.set(key, view);
  },
  edited: () => entry.focus(),
  async versions(turn) {
    const answer = await fetch(here.versions.replace(here.id + "/versions", turn.id + "/versions"));
    if (!answer.ok) throw new Error(String(answer.status));
    return (await answer.json()).versions;
  },
  go(turn) {
    command({ type: "go_to_turn", turn });
  },
  retry: () => retry(),
};

function send() {
  const { text, kind, tooLong } = entry;
  if (!text) goOn();
  else if (tooLong) tell(tooLong, "problem");
  else if (story.busy(state)) stopAnd("send");
  else {
    entry.clear();
    command({ type: "take_action", kind, text });
  }
}

function goOn() {
  if (!buttons.continue.disabled) command({ type: "take_action", kind: "continue", text: "" });
}

function retry() {
  if (buttons.retry.disabled) return false;
  if (story.busy(state)) {
    stopAnd("retry");
    return true;
  }
  const head = story.headTurn(state);
  if (!head) return false;
  if (story.retellings(head).length === 1) {
    once("retry", t("The other reply is kept: ‹\u00a0› goes back to it."));
  }
  command({ type: "retry_turn", turn: head.id });
  return true;
}

function stop() {
  const turn = story.underWay(state);
  if (turn && stopping !== turn.id) {
    stopping = turn.id;
    command({ type: "stop_turn", turn: turn.id });
  }
  return Boolean(turn);
}

/**
 * End the reply where it is; what was asked for follows. Words stay in the input until then.
 *
 * @param {Wish} then
 */
function stopAnd(then) {
  state = story.reduce(state, { type: "page.then", then });
  stop();
}

const viewOfHead = () => (state.head ? views.get(state.head) : undefined);

function editLast() {
  const view = viewOfHead();
  if (!view || !story.settled(view.turn)) return false;
  view.edit("action");
  return true;
}

function hushAloud() {
  const { on } = aloud;
  aloud.stop();
  return on;
}

// ---------------------------------------------------------------- hands

function undo() {
  const head = story.headTurn(state);
  const edit = story.undoesEdit(state);
  const key = command({ type: "undo_turn" });
  if (head?.action && !edit) undoing.set(key, { id: head.id, kind: head.kind, text: head.action });
}

function redo() {
  entry.forgetTakenBack();
  command({ type: "redo_turn" });
}

/**
 * Whether a click is the second half of a double click whose first half began a reply: it is not
 * meant for what the button has become. Browsers count clicks by themselves, some not for fingers.
 *
 * @param {string} name
 * @param {MouseEvent} event
 */
function doubled(name, event) {
  if (began?.name !== name) return false;
  if (event.detail === 2) return true;
  return touch.matches && event.detail === 1 && event.timeStamp - began.at < DOUBLE_TAP;
}

/**
 * @param {keyof typeof buttons} name
 * @param {() => void} does
 */
const press = (name, does) =>
  buttons[name].addEventListener("click", (event) => {
    if (buttons[name].disabled || doubled(name, event)) return;
    const stops = name === "send" && buttons.send.dataset.does === "stop";
    const begins = ["send", "continue", "retry"].includes(name) && !stops;
    began = begins ? { name, at: event.timeStamp } : null;
    does();
  });
press("continue", goOn);
press("retry", retry);
press("undo", undo);
press("redo", redo);
press("send", () => (buttons.send.dataset.does === "send" ? send() : stop()));
// A key that is held down presses a button again and again.
$("dock").addEventListener("keydown", (event) => {
  if (event.repeat && targetOf(event).matches("button")) event.preventDefault();
});
$("dock").addEventListener("submit", (event) => event.preventDefault());

/** @param {"undo" | "redo"} name */
function click(name) {
  if (buttons[name].disabled) return false;
  buttons[name].click();
  return true;
}

keys.listen({
  retry,
  undo: () => click("undo"),
  redo: () => click("redo"),
  stop: () => keys.closeMenus() || stop() || hushAloud(),
  mode: (number) => {
    entry.choose(number);
    $("input").focus({ preventScroll: true });
  },
  help: () => $("keys").showModal(),
  own: () => !entry.holdsTakenBack, // what is typed there is the player's own
});
keys.fingers(list, viewOfHead);
keys.aboveKeyboard(touch);
keys.menus();

$("pill").addEventListener("click", () => {
  stretch.toEnd();
  follow.toEnd({ at: "gently" });
  $("pill").hidden = true;
});

$("aloud").hidden = false;
$("aloud").addEventListener("click", async () => {
  $("aloud").closest("details")?.removeAttribute("open");
  if (aloud.on) aloud.stop();
  else if (!(await aloud.hasVoices())) {
    tell(
      t(
        "This browser has no voices to read with. Add one in your device’s settings for speech, or use another browser.",
      ),
    );
  } else if (state.head) aloud.start(state.head);
});
$("hush").addEventListener("click", hushAloud);
controls(aloud, $("voice"));

// ---------------------------------------------------------------- begin

entry.open();
socket.connect();
narrator.watch();
stretch.watch(scroller);
history.scrollRestoration = "manual";
addEventListener("looks", () => follow.resized()); // other letters, other lines
addEventListener("pagehide", () => place.keep(here.id, scroller, list, follow.atEnd));
addEventListener("online", () => socket.hurry());
addEventListener("pageshow", ({ persisted }) => persisted && socket.hurry());
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState !== "visible") return;
  socket.hurry();
  if (ended) inTitle("");
});
