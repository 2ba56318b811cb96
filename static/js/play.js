// The play page: events of the socket through the reducer onto the page, and the player's hands
// into commands.

import { Announcer } from "./announce.js";
import { Drafts } from "./drafts.js";
import { Aloud, controls } from "./aloud.js";
import { Follow } from "./follow.js";
import { n, number, t } from "./i18n.js";
import { Panel, Part } from "./panel.js";
import * as spans from "./span.js";
import { Socket, uuid } from "./socket.js";
import * as story from "./story.js";
import { fit, TurnView, waitLine } from "./turnview.js";

const $ = (id) => document.getElementById(id);
const here = JSON.parse($("adventure-data").textContent); // {id, turns, plot}

const scroller = $("scroller");
const list = $("turns");
const input = $("input");
const mode = $("mode");
const dock = $("dock");
const buttons = {
  send: $("send"),
  continue: $("continue"),
  retry: $("retry"),
  undo: $("undo"),
  redo: $("redo"),
};

const MODES = ["do", "say", "story"];
const ASKS = {
  do: t("What do you do?"),
  say: t("What do you say?"),
  story: t("What happens next?"),
};
const touch = matchMedia("(hover: none) and (pointer: coarse)");
const DOUBLE_CLICK = 500; // ms
const COUNT_FROM = story.LONGEST - 300; // code points typed after which they are counted

let state = story.empty();
const views = new Map(); // turn id -> TurnView
const edits = new Map(); // key of an edit -> TurnView
let echoed = null; // the turn that is shown before the server has it
let places = new Map(); // turn id -> {place, since}: when a position was heard, for the countdown
let started = false;
let span = spans.WHOLE; // the turns that stand on the page
let stopping = null; // the turn that was told to stop
let turned = 0; // when Send last turned into Stop or back

const drafts = new Drafts(here.id);
const announcer = new Announcer($("spoken"));
const follow = new Follow(scroller, (behind) => {
  $("pill").hidden = !behind;
  $("pill").textContent = behind === "far" ? t("To the end ↓") : t("New words ↓");
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
const scheme = location.protocol === "https:" ? "wss" : "ws";
const socket = new Socket(`${scheme}://${location.host}/ws/adventures/${here.id}/`, {
  onEvent: heard,
  onStatus: connection,
});

// ---------------------------------------------------------------- events in

function heard(event) {
  const before = state;
  state = story.reduce(state, event);
  if (event.type === "accepted" || event.type === "error") answered(event);
  if (event.type === "snapshot" && !started) first();
  // To a turn that this page has never seen (the tree leads anywhere): nobody else will bring it.
  if (event.type === "head.moved" && state.missing) socket.restart();
  // Words come faster than frames; everything else is shown as it comes.
  if (event.type === "turn.token") drawSoon();
  else if (state !== before) draw();
  if (state.problem && state.problem !== before.problem) refused(state.problem);
  if (state.then) goOnWith(state.then);
}

/** Once the narrator has stopped: what the player asked for meanwhile. */
function goOnWith(then) {
  if (story.busy(state)) {
    stop();
    return;
  }
  state = story.reduce(state, { type: "page.then", then: null });
  if (then === "retry") retry();
  else if (input.value.trim()) send();
}

function answered({ type, key, message }) {
  drafts.answered(key);
  const view = edits.get(key);
  if (!view) return;
  edits.delete(key);
  if (type === "accepted") view.closeEditor();
  else view.unsaved(message);
}

/** The first snapshot: what the server drew is replaced, turn for turn, by what can be played. */
function first() {
  started = true;
  list.replaceChildren();
  const left = drafts.unanswered();
  if (!left) return;
  if (left.fresh) {
    // Whether it arrived before the page went away is for the server to say: same key, one turn.
    socket.send(left.command);
    state = story.reduce(state, { type: "page.sent", command: left.command, quiet: true });
  } else {
    drafts.answered(left.command.key);
    giveBack(left.command);
  }
}

function refused({ message, command }) {
  tell(message, "problem");
  if (command?.type === "take_action") giveBack(command);
}

/** Words that the server did not take go back where they were typed. */
function giveBack({ kind, text }) {
  if (!text) return;
  const now = input.value.trim();
  input.value = now && now !== text ? `${text}\n${now}` : text;
  setMode(kind);
  typed();
}

let quiet = 0;
function connection(status) {
  clearTimeout(quiet);
  const lines = {
    offline: t("The connection is gone. What you type is kept; trying again …"),
    "signed-out": t("You are signed out. Copy what you typed, then load the page again."),
    elsewhere: t("Newer windows took this one’s place. Copy what you typed, then load the page again."),
    gone: t("This adventure is not here any more."),
  };
  document.body.dataset.connection = status;
  const line = lines[status] ?? "";
  // A short cut is nobody's business.
  quiet = setTimeout(
    () => {
      $("connection").textContent = line;
      $("connection").hidden = !line;
    },
    status === "offline" ? 1200 : 0,
  );
}

// ---------------------------------------------------------------- the story on the page

let drawn = state; // what the page shows
let drawing = 0;

function draw() {
  cancelAnimationFrame(drawing);
  drawing = 0;
  const before = drawn;
  const { length } = story.path(state);
  if (length > spans.MOST + spans.STEP && follow.atEnd) {
    state = story.reduce(state, { type: "page.forget", keep: spans.MOST });
  }
  drawn = state;
  show(before);
}

function drawSoon() {
  // A page that nobody looks at has no frames, and somebody may be listening.
  if (document.hidden) draw();
  else drawing ||= requestAnimationFrame(draw);
}

function show(before) {
  const whole = story.path(state);
  if (before.head !== state.head && span.to) span = spans.end(whole);
  if (follow.atEnd) span = spans.trimmed(whole, span);
  const [from, to] = spans.places(whole, span);
  const path = whole.slice(from, to + 1);
  follow.whole = to === whole.length - 1;
  const pending = follow.whole ? story.echo(state) : null;
  const retold = story.retelling(state);
  const wanted = new Set(path.map((turn) => turn.id));
  for (const [id, view] of views) {
    if (wanted.has(id)) continue;
    view.element.remove();
    views.delete(id);
  }
  let previous = null;
  for (const turn of path) {
    const last = turn.id === state.head && !pending;
    let view = views.get(turn.id);
    if (!view) {
      view = new TurnView(turn, hands);
      views.set(turn.id, view);
    }
    const place = previous ? previous.nextSibling : list.firstChild;
    if (view.element !== place) list.insertBefore(view.element, place);
    previous = view.element;
    if (last || view.turn !== turn || view.how.last || view.how.fading || turn.id === retold) {
      refresh(view, turn, last, turn.id === retold, before);
    }
  }
  $("earlier").hidden = !state.earlier && from === 0;
  $("later").hidden = follow.whole;
  showEcho(pending);
  showPlace();
  showEnds(before);
  showControls();
  aloud.heard();
  if (before.head !== state.head || before.turns[state.head]?.status !== state.turns[state.head]?.status) {
    beside();
  }
  if (state.missing && !before.missing) mend();
}

function refresh(view, turn, last, fading, before) {
  const live = Boolean(before.turns[turn.id]) && turn.id === state.head;
  const added = view.update(turn, {
    last,
    fading,
    ids: last ? story.tellings(state, turn) : [],
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

/** What the player did, before the server has said a word about it. */
function showEcho(command) {
  if (!command) {
    echoed?.element.remove();
    echoed = null;
    return;
  }
  if (echoed?.key === command.key) return;
  echoed?.element.remove();
  const view = new TurnView(
    {
      id: command.key,
      kind: command.kind,
      shown: story.shownAction(command.kind, command.text),
      action: command.text,
      reply: "",
      status: "queued",
      attempt: 1,
    },
    hands,
  );
  view.element.classList.add("last");
  echoed = { key: command.key, element: view.element };
  list.append(view.element);
  follow.turn(view.element);
}

/** Scroll where the reader expects it after the story changed its shape. */
function showEnds(before) {
  const head = views.get(state.head);
  if (!head) {
    if (state.turns[state.head]?.reply !== before.turns[state.head]?.reply) follow.words();
    return;
  }
  if (!before.head) {
    restorePlace();
  } else if (before.head !== state.head) {
    const telling = before.turns[before.head]?.parent === head.turn.parent;
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

function showControls() {
  const head = story.headTurn(state);
  const telling = story.underWay(state);
  const busy = story.busy(state);
  const does = busy ? "stop" : "send";
  if (buttons.send.dataset.does !== does) turned = performance.now();
  buttons.send.dataset.does = does;
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
    document.title = `${title} · Grue`;
  }
}

// ---------------------------------------------------------------- waiting

const LAMP_SECONDS = 5; // after which a turn that is about to be told has a word of its own
const NOBODY_KNOWS = { position: 0, eta: null }; // one place, kept, so that it is not news each time

function showPlace() {
  const turn = story.underWay(state);
  if (!turn) {
    places = new Map();
    return;
  }
  const place = state.waiting[turn.id] ?? NOBODY_KNOWS;
  const view = views.get(turn.id);
  if (!view) return;
  if (places.get(turn.id)?.place !== place) {
    places.set(turn.id, { place, since: Date.now() });
    if (place.position > 0) announcer.say(waitLine(place));
  }
  countDown();
}

function countDown() {
  const turn = story.underWay(state);
  const heardAt = turn && places.get(turn.id);
  if (!heardAt || turn.status !== "queued") return;
  const { place, since } = heardAt;
  const passed = (Date.now() - since) / 1000;
  // Alone in line and about to be told: the lamp says enough, for a while.
  if (place.position <= 0 && (place.eta ?? 0) < 3) {
    views.get(turn.id)?.say(passed < LAMP_SECONDS ? "" : t("Saved, waiting for the narrator"));
    return;
  }
  const eta = place.eta === null ? null : Math.max(1, Math.round(place.eta - passed));
  views.get(turn.id)?.say(waitLine({ position: place.position, eta }));
}

setInterval(countDown, 1000);

/** Something was skipped. The server mends it by itself in most cases; if not, start over. */
function mend() {
  setTimeout(() => {
    if (state.missing) socket.restart();
  }, 1000);
}

// ---------------------------------------------------------------- commands out

function command(type, more = {}) {
  const made = { type, key: uuid(), ...more };
  state = story.reduce(state, { type: "page.sent", command: made });
  if (made.type === "take_action") drafts.sent(made);
  socket.send(made);
  draw();
  hush();
  return made.key;
}

const hands = {
  edit(turn, changes) {
    edits.set(command("edit_turn", { turn: turn.id, ...changes }), views.get(turn.id));
  },
  edited() {
    if (!touch.matches) input.focus({ preventScroll: true });
  },
  go(turn) {
    command("go_to_turn", { turn });
  },
  retry: () => retry(),
};

function send() {
  const text = input.value.trim();
  if (!text) {
    goOn();
    return;
  }
  const length = story.codePoints(text);
  if (length > story.LONGEST) {
    const over = length - story.LONGEST;
    const most = number(story.LONGEST);
    tell(
      n(
        "{most} characters fit in one turn. Take out one and send again.",
        "{most} characters fit in one turn. Take out {count} and send again.",
        over,
        { most },
      ),
      "problem",
    );
    return;
  }
  if (story.busy(state)) {
    stopAnd("send");
    return;
  }
  const kind = mode.value;
  input.value = "";
  typed();
  command("take_action", { kind, text });
}

function goOn() {
  if (!buttons.continue.disabled) command("take_action", { kind: "continue", text: "" });
}

function retry() {
  if (buttons.retry.disabled) return false;
  if (story.busy(state)) {
    stopAnd("retry");
    return true;
  }
  const head = story.headTurn(state);
  if (story.tellings(state, head).length === 1) once("retry", t("The other telling is kept: ‹ › goes back to it."));
  command("retry_turn", { turn: head.id });
  return true;
}

function stop() {
  const turn = story.underWay(state);
  if (turn && stopping !== turn.id) {
    stopping = turn.id;
    command("stop_turn", { turn: turn.id });
  }
  return Boolean(turn);
}

/** End the reply where it is; what was asked for follows. Words stay in the input until then. */
function stopAnd(then) {
  state = story.reduce(state, { type: "page.then", then });
  stop();
}

const press = (name, does) =>
  buttons[name].addEventListener("click", () => !buttons[name].disabled && does());
press("continue", goOn);
press("retry", retry);
press("undo", () => command("undo_turn"));
press("redo", () => command("redo_turn"));
press("send", () => {
  if (buttons.send.dataset.does === "send") send();
  // The second half of a double click on Send is not meant for Stop.
  else if (performance.now() - turned > DOUBLE_CLICK) stop();
});
dock.addEventListener("submit", (event) => event.preventDefault());

// ---------------------------------------------------------------- the input

function setMode(kind) {
  mode.value = MODES.includes(kind) ? kind : "do";
  input.placeholder = ASKS[mode.value];
  input.setAttribute("aria-label", ASKS[mode.value]);
  drafts.set(input.value, mode.value);
}

function typed() {
  fit(input);
  const entry = input.parentElement;
  if (!input.value) entry.classList.remove("tall");
  else if (input.scrollHeight > 64) entry.classList.add("tall");
  fit(input);
  drafts.set(input.value, mode.value);
  const length = story.codePoints(input.value);
  const counter = $("counter");
  counter.hidden = length < COUNT_FROM;
  counter.textContent = `${number(length)} / ${number(story.LONGEST)}`;
  counter.classList.toggle("over", length > story.LONGEST);
}

input.addEventListener("input", typed);
mode.addEventListener("change", () => {
  setMode(mode.value);
  if (!touch.matches) input.focus({ preventScroll: true });
});

let leaving = false; // Esc was pressed: the next Tab leaves the input, as Tab does elsewhere
input.addEventListener("keydown", (event) => {
  if (event.isComposing) return;
  const plain = !event.ctrlKey && !event.altKey && !event.metaKey && !event.shiftKey;
  if (event.key === "Enter" && !event.shiftKey) {
    if (touch.matches && plain) return;
    event.preventDefault();
    send();
  } else if (event.key === "Tab" && plain && !leaving) {
    event.preventDefault();
    setMode(MODES[(MODES.indexOf(mode.value) + 1) % MODES.length]);
    announcer.say(t("{mode} mode", { mode: mode.options[mode.selectedIndex].text }));
  } else if (event.key === "ArrowUp" && plain && !input.value) {
    if (editLast()) event.preventDefault();
  } else if (["PageUp", "PageDown"].includes(event.key) && plain) {
    event.preventDefault();
    follow.hand();
    const by = scroller.clientHeight * 0.85 * (event.key === "PageUp" ? -1 : 1);
    scroller.scrollBy({ top: by });
  }
  leaving = event.key === "Escape";
});

function editLast() {
  const view = views.get(state.head);
  if (!view || !story.settled(view.turn)) return false;
  view.edit("action");
  return true;
}

for (const chip of $("chips").querySelectorAll("button")) {
  chip.addEventListener("click", () => {
    const chips = [...$("chips").querySelectorAll("button")].map((other) => other.dataset.text);
    const own = input.value.trim();
    const { text, kind } = chip.dataset;
    input.value = own && !chips.includes(own) ? `${own}\n${text}` : text;
    setMode(kind);
    typed();
    if (!touch.matches) input.focus({ preventScroll: true });
  });
}

// ---------------------------------------------------------------- keys

/** Whether `event` is Ctrl or Alt with `letter`, whatever an Alt-key layout makes of it. */
function chord(event, letter, shift = false) {
  if (event.metaKey || event.ctrlKey === event.altKey || event.shiftKey !== shift) return false;
  const key = event.key.toLowerCase();
  return key === letter || (!/^[a-z]$/u.test(key) && event.code === `Key${letter.toUpperCase()}`);
}

document.addEventListener("keydown", (event) => {
  if (event.isComposing || document.querySelector("dialog:modal")) return;
  const { target } = event;
  const writes = target.matches?.("textarea, input");
  // Ctrl+Z takes back typing where something is typed.
  const typing = writes && event.ctrlKey && target.value !== "";
  let done = false;
  if (chord(event, "r")) done = retry();
  else if (chord(event, "z") && !typing) done = click("undo");
  else if (chord(event, "z", true) && !typing) done = click("redo");
  else if (event.altKey && /^Digit[1-3]$/u.test(event.code)) {
    setMode(MODES[Number(event.code.at(-1)) - 1]);
    input.focus({ preventScroll: true });
    done = true;
  } else if (event.key === "Escape") done = closeMenus() || stop() || hushAloud();
  else if (event.key === "?" && !writes) {
    $("keys").showModal();
    done = true;
  }
  if (done) event.preventDefault();
});

function click(name) {
  if (buttons[name].disabled) return false;
  buttons[name].click();
  return true;
}

// A flick over the last reply goes through its tellings.
let flick = null;
list.addEventListener(
  "touchstart",
  ({ touches, target }) => {
    const view = views.get(state.head);
    const inside = view?.element.contains(target) && !view.editor && touches.length === 1;
    flick = inside ? { x: touches[0].clientX, y: touches[0].clientY } : null;
  },
  { passive: true },
);
list.addEventListener(
  "touchend",
  ({ changedTouches }) => {
    if (!flick) return;
    const x = changedTouches[0].clientX - flick.x;
    const y = changedTouches[0].clientY - flick.y;
    flick = null;
    if (Math.abs(x) > 70 && Math.abs(x) > 3 * Math.abs(y) && !getSelection()?.toString()) {
      views.get(state.head)?.step(x < 0 ? 1 : -1);
    }
  },
  { passive: true },
);

// A tap on a turn shows its tools where nothing can hover.
list.addEventListener("click", ({ target }) => {
  const turn = target.closest(".turn");
  for (const open of list.querySelectorAll(".turn.open")) {
    if (open !== turn) open.classList.remove("open");
  }
  if (turn && !target.closest("button, textarea")) turn.classList.toggle("open");
});

// ---------------------------------------------------------------- lines above the input

let hushed = 0;
function tell(text, kind = "notice") {
  const line = $("line");
  line.className = `line ${kind}`;
  $("line-text").textContent = text;
  line.hidden = false;
  clearTimeout(hushed);
  if (kind === "notice") hushed = setTimeout(hush, 6000);
}

function hush() {
  clearTimeout(hushed);
  $("line").hidden = true;
}
$("line-close").addEventListener("click", hush);

/** Say something to this browser's player the first time only. */
function once(name, text) {
  try {
    if (localStorage.getItem(`grue:told:${name}`)) return;
    localStorage.setItem(`grue:told:${name}`, "1");
  } catch {
    return;
  }
  setTimeout(() => tell(text), 0);
}

// ---------------------------------------------------------------- older turns

let fetching = false;
async function older() {
  const path = story.path(state);
  const oldest = path[0];
  if (fetching || !oldest) return;
  if (spans.places(path, span)[0] > 0) {
    slide(spans.up);
    return;
  }
  if (!state.earlier) return;
  fetching = true;
  try {
    const answer = await fetch(`${here.turns}?before=${encodeURIComponent(oldest.id)}`);
    if (!answer.ok) throw new Error(String(answer.status));
    const { turns, earlier } = await answer.json();
    const shown = spans.places(path, span);
    span = { from: path[shown[0]].id, to: span.to };
    state = story.reduce(state, { type: "page.earlier", turns, earlier });
    slide(spans.up);
  } catch {
    tell(t("The earlier turns did not come. Scroll up to try again."));
    return false;
  } finally {
    fetching = false;
  }
}
/** Other turns come onto the page, and what is read stays where it is. */
function slide(move) {
  span = move(story.path(state), span);
  follow.hold(list, draw);
}

$("earlier").addEventListener("click", (event) => {
  event.preventDefault();
  older();
});
/** Do `more` whenever the link `id` comes near, for as long as it is near. */
function whenNear(id, more) {
  const link = $(id);
  const near = ([...seen]) => seen.at(-1).isIntersecting && started && !fetching && again();
  const watch = new IntersectionObserver(near, { root: scroller, rootMargin: "800px 0px" });
  const again = async () => {
    if ((await more()) === false) return; // until it comes near anew
    // An observer speaks up only when something changes: asked anew, it says how it is.
    watch.unobserve(link);
    watch.observe(link);
  };
  watch.observe(link);
}
whenNear("earlier", older);
whenNear("later", () => slide(spans.down));
$("later").addEventListener("click", () => slide(spans.down));

$("pill").addEventListener("click", () => {
  if (span.to) {
    span = spans.end(story.path(state));
    draw();
  }
  follow.toEnd({ at: "gently" });
  $("pill").hidden = true;
});

// ---------------------------------------------------------------- the reader's place

const placeKey = `grue:place:${here.id}`;

function keepPlace() {
  const top = scroller.getBoundingClientRect().top;
  const seen = [...list.children].find((turn) => turn.getBoundingClientRect().bottom > top);
  if (!seen) return;
  const place = follow.atEnd
    ? { end: true }
    : { turn: seen.dataset.turn, off: seen.getBoundingClientRect().top - top };
  try {
    sessionStorage.setItem(placeKey, JSON.stringify(place));
  } catch {
    // Forbidden: the page opens at its end.
  }
}

function restorePlace() {
  let place = null;
  try {
    place = JSON.parse(sessionStorage.getItem(placeKey));
  } catch {
    // Forbidden or broken.
  }
  const view = place?.turn && views.get(place.turn);
  if (view) {
    const top = scroller.getBoundingClientRect().top;
    scroller.scrollTop += view.element.getBoundingClientRect().top - top - place.off;
    follow.on = follow.atEnd;
  } else if (story.headTurn(state).kind === "opening") {
    scroller.scrollTop = 0; // a story is read from its beginning
    follow.on = follow.atEnd;
  } else {
    follow.toEnd();
  }
}

history.scrollRestoration = "manual";
addEventListener("pagehide", keepPlace);

// The keyboard of a phone covers the page; the input stays above it.
const { visualViewport } = window;
visualViewport?.addEventListener("resize", () => {
  const { style } = document.documentElement;
  // Two fingers that look closer are no keyboard.
  if (visualViewport.scale > 1.01) style.removeProperty("--viewport");
  else style.setProperty("--viewport", `${visualViewport.height}px`);
  if (touch.matches && visualViewport.scale <= 1.01) scrollTo(0, 0);
});

// ---------------------------------------------------------------- beside the story

const parts = new Map(); // tab -> Part
let tree = null;

/** A part of another page of ours, in the tab `name`. */
function bring(name) {
  const box = $(`tab-${name}`);
  let url = box.dataset.part;
  const { standsFor } = box.dataset;
  // The address was written before the turn was known.
  if (standsFor) url = url.replace(new RegExp(`${standsFor}(?=/context)`, "u"), state.head);
  if (!parts.has(name)) parts.set(name, new Part(box));
  if (parts.get(name).first !== url) parts.get(name).load(url);
  parts.get(name).first = url;
}

async function showTree(anew = false) {
  if (!tree) {
    const { Tree } = await import("./tree.js");
    const go = (turn) => command("go_to_turn", { turn });
    tree ??= new Tree($("tab-tree"), { url: here.tree, go });
  }
  tree.show(state.head, { anew });
}

const panel = new Panel($("panel"), {
  tree: () => showTree(true),
  cards: () => bring("cards"),
  context: () => bring("context"),
});

/** The story has moved: what stands beside it moves along. */
function beside() {
  if (panel.shows("tree")) showTree();
  else if (panel.shows("context") && !story.busy(state)) bring("context");
}

for (const opener of document.querySelectorAll("[data-panel]")) {
  opener.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const menu = opener.closest("details");
    menu?.removeAttribute("open");
    panel.toggle(opener.dataset.panel, menu?.querySelector("summary") ?? opener);
  });
}

// ---------------------------------------------------------------- reading aloud

function hushAloud() {
  const { on } = aloud;
  aloud.stop();
  return on;
}

$("aloud").hidden = !aloud.possible;
$("aloud").addEventListener("click", () => {
  $("aloud").closest("details").removeAttribute("open");
  if (aloud.on) aloud.stop();
  else aloud.start(state.head);
});
$("hush").addEventListener("click", hushAloud);
controls(aloud, $("voice"));

// ---------------------------------------------------------------- dialogs

for (const opener of document.querySelectorAll("[data-opens]")) {
  opener.addEventListener("click", (event) => {
    event.preventDefault();
    opener.closest("details")?.removeAttribute("open");
    $(opener.dataset.opens).showModal();
  });
}
for (const closer of document.querySelectorAll("[data-closes]")) {
  closer.addEventListener("click", () => closer.closest("dialog").close());
}
for (const dialog of document.querySelectorAll("dialog")) {
  dialog.addEventListener("click", ({ target }) => target === dialog && dialog.close());
}
document.addEventListener("click", ({ target }) => closeMenus(target));

/** Close the menus that `target` is not in. Whether one was open. */
function closeMenus(target = null) {
  let closed = false;
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (menu.contains(target)) continue;
    if (menu.contains(document.activeElement)) menu.querySelector("summary").focus();
    menu.removeAttribute("open");
    closed = true;
  }
  return closed;
}

$("plot-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.currentTarget;
  const line = $("plot-problem");
  line.textContent = "";
  try {
    const answer = await fetch(form.action, {
      method: "POST",
      body: new FormData(form),
      headers: { Accept: "application/json" },
    });
    const said = await answer.json();
    if (!answer.ok) throw new Error(said.message);
    if ($("panel").matches(":modal")) $("panel").close();
    tell(t("Saved. The narrator knows from the next turn on."));
  } catch (problem) {
    line.textContent =
      problem instanceof SyntaxError || problem instanceof TypeError
        ? t("That could not be saved. Your words are still here; try again.")
        : problem.message;
  }
});

// ---------------------------------------------------------------- begin

const draft = drafts.get();
if (!input.value) input.value = draft.text;
setMode(draft.mode);
typed();
for (const part of [input, mode]) part.disabled = false;
if (!touch.matches) input.focus({ preventScroll: true });
socket.connect();
addEventListener("online", () => socket.hurry());
addEventListener("pageshow", ({ persisted }) => persisted && socket.hurry());
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible") socket.hurry();
});
