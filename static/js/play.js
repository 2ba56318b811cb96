// The play page: connects the socket, the state of the story, what is drawn, and what the player
// does. Each of them has a module of its own.

import { showAlert, showConnection } from "./alerts.js";
import { Aloud, bindControls } from "./aloud.js";
import { Announcer } from "./announce.js";
import { AutoScroll } from "./autoscroll.js";
import { Commands } from "./commands.js";
import { Controls } from "./controls.js";
import { Drafts } from "./drafts.js";
import { Entry } from "./entry.js";
import { t } from "./i18n.js";
import * as narratorProgress from "./narratorprogress.js";
import { $, touch } from "./page.js";
import { Passages } from "./passages.js";
import * as scrollPosition from "./scrollposition.js";
import { saveForOffline } from "./serviceworker.js";
import * as shortcuts from "./shortcuts.js";
import { SidePanel } from "./sidepanel.js";
import { Socket } from "./socket.js";
import { Store } from "./store.js";
import * as story from "./story.js";
import { StoryView } from "./storyview.js";
import { Suggestions } from "./suggestions.js";
import { agreement } from "./table.js";
import { TableView } from "./tableview.js";
import { VisibleTurns } from "./visibleturns.js";
import { Waiting } from "./waiting.js";
import { WindowTitle } from "./windowtitle.js";

/**
 * Addresses of this adventure, and where the reader asked to begin.
 *
 * @type {{id: string, socket: string, turns: string, tree: string, versions: string,
 *   chapters: string, opens_at: import("./passages.js").Found | null}}
 */
const adventure = JSON.parse($("adventure-data").textContent);
const MEND_AFTER = 1000; // ms in which the server fills a gap by itself, in most cases

const scroller = $("scroller");
const list = $("turns");
const store = new Store();
const title = new WindowTitle();
const drafts = new Drafts(adventure.id);
const announcer = new Announcer($("live-region"));
const autoScroll = new AutoScroll(scroller, (behind) => {
  $("pill").hidden = !behind;
  $("pill").textContent = behind === "far" ? t("To the end ↓") : t("New text ↓");
});
const visibleTurns = new VisibleTurns(adventure.turns, {
  path: () => story.path(store.state),
  hasEarlier: () => store.state.earlier,
  received: ({ turns, earlier }) => store.reduce({ type: "page.earlier", turns, earlier }),
  keepInPlace: (change) => autoScroll.keepInPlace(list, change),
  draw: () => view.draw(),
});
const waiting = new Waiting({
  turn: () => story.underWay(store.state),
  say: (id, line) => view.turns.get(id)?.say(line),
  announce: (line) => announcer.say(line),
});
const view = new StoryView(store, {
  adventure: adventure.id,
  list,
  autoScroll,
  visibleTurns,
  waiting,
  announcer,
  drawn,
  actions: {
    edit: (turn, texts) => commands.edit(turn.id, texts, view.turns.get(turn.id)),
    edited: () => entry.focus(),
    versions: fetchVersions,
    go: (turn) => commands.goTo(turn),
    retry: () => commands.retry(),
    chapter: async ({ id, chapter = "" }) => {
      const { showChapter } = await import("./chapterdialog.js");
      showChapter({ url: adventure.chapters, turn: id, title: chapter });
    },
  },
});
const aloud = new Aloud({
  turns: () =>
    story.path(store.state).map((turn) => ({
      id: turn.id,
      shown: turn.shown ?? "",
      reply: turn.reply,
      done: story.settled(turn),
    })),
  box: (turn, part) => {
    const shown = view.turns.get(turn);
    return (part === "reply" ? shown?.replyBox : shown?.actionLine) ?? null;
  },
  onChange: (on) => {
    $("stop-aloud").hidden = !on;
    $("aloud").textContent = on ? t("Stop reading aloud") : t("Read aloud");
  },
});
const passages = new Passages(store, {
  list,
  autoScroll,
  visibleTurns,
  elementOf: (turn) => view.turns.get(turn)?.element,
  goTo: (turn) => commands.goTo(turn),
  announce: (text) => announcer.say(text),
});
const sidePanel = new SidePanel(adventure.tree, {
  head: () => store.state.head,
  busy: () => story.busy(store.state),
  go: (turn) => commands.goTo(turn),
  jump: (found) => passages.jump(found),
});
const entry = new Entry(drafts, {
  send: () => commands.send(),
  editLast,
  scroll: (screens) => {
    autoScroll.userInput();
    scroller.scrollBy({ top: scroller.clientHeight * screens });
  },
  say: (text) => announcer.say(text),
});
const suggestions = new Suggestions($("suggestions"), {
  choose: (text) => entry.suggest(text, "do"),
  announce: (text) => announcer.say(text),
});
const address = new URL(adventure.socket, location.href);
address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
const socket = new Socket(address.href, { onEvent: receive, onStatus: showConnection });
const controls = new Controls({
  send: () => commands.send(),
  stop: () => commands.stop(),
  continue: () => commands.continue(),
  retry: () => commands.retry(),
  undo: () => commands.undo(),
  redo: () => commands.redo(),
});
/** @type {Commands} */
const commands = new Commands(store, {
  socket,
  drafts,
  entry,
  controls,
  draw: () => view.draw(),
});

const tableView = new TableView({
  vote: (member) => commands.issue({ type: "vote_for", member }),
  approve: (member, text) =>
    commands.issue({ type: "approve_proposal", member, ...(text ? { text } : {}) }),
  withdraw: ({ kind, text }) => {
    commands.issue({ type: "withdraw_proposal" });
    entry.restoreWithdrawn(kind ?? "do", text ?? "");
  },
  skip: () => commands.issue({ type: "skip_member" }),
  agree: () => {
    const agreed = agreement(store.state);
    if (agreed) commands.issue(agreed);
  },
  leave: () => entry.focus(),
  announce: (text) => announcer.say(text),
});

// ---------------------------------------------------------------- events of the server

let started = false; // the first snapshot has come

/** @param {Protocol.Event} event */
function receive(event) {
  const before = store.state;
  store.reduce(event);
  if (event.type === "accepted" || event.type === "error") commands.answered(event);
  title.announce(event.type);
  sidePanel.received(event.type);
  // The server drew this page for another role: what is typed is kept as a draft.
  if (store.state.you && store.state.you.role !== document.body.dataset.role) location.reload();
  if (event.type === "snapshot" && !started) start();
  if (event.type === "chapters.changed" || event.type === "adventure.changed") {
    sidePanel.chaptersChanged(); // with the fields, a summary that proposes one may have changed
  }
  // To a turn that this page has never seen (the tree leads anywhere): only a snapshot has it.
  if (event.type === "head.moved" && store.state.missing) socket.restart();
  if (event.type === "turn.token") view.drawSoon();
  else if (store.state !== before) view.draw();
  const { problem } = store.state;
  if (problem && problem !== before.problem) showProblem(problem);
  commands.doNext();
}

/** The first snapshot: what the server drew is replaced, turn for turn, by what can be played. */
function start() {
  started = true;
  list.replaceChildren();
  visibleTurns.ready();
  const left = drafts.unanswered();
  setTimeout(openAtPassage); // once the story stands on the page
  if (!left) return;
  if (left.fresh) {
    commands.resend(left.command);
  } else {
    drafts.answered(left.command.key);
    entry.restoreRejected(left.command);
  }
}

/** @param {import("./story.js").Problem} problem */
function showProblem({ message, command }) {
  showAlert(message, "problem");
  if (command?.type === "take_action") entry.restoreRejected(command);
}

/**
 * The story on the page has changed: everything around it goes along.
 *
 * @param {import("./story.js").State} before
 */
function drawn(before) {
  const { state } = store;
  document.body.dataset.changes = story.mayChange(state) ? "yes" : "no";
  controls.show(state);
  tableView.show(state, story.busy(state));
  const suggested = autoScroll.whole ? story.suggestions(state) : [];
  // They are no words of the story: nobody is told that there is something to read.
  if (suggestions.show(suggested, before.head === state.head) && autoScroll.on) autoScroll.follow();
  title.show(state.adventure?.title);
  aloud.update();
  const was = story.turnOf(before, state.head)?.status;
  if (before.head !== state.head || was !== story.headTurn(state)?.status) {
    sidePanel.storyMoved();
    if (!story.busy(state)) saveForOffline(location.pathname);
  }
  if (state.missing && !before.missing) setTimeout(startOver, MEND_AFTER);
  passages.drawn();
}

/** Ask for a snapshot if the gap in the story is still there. */
function startOver() {
  if (store.state.missing) socket.restart();
}

/** @param {import("./story.js").Turn} turn */
async function fetchVersions(turn) {
  const { id, versions } = adventure;
  const answer = await fetch(versions.replace(`${id}/versions`, `${turn.id}/versions`));
  if (!answer.ok) throw new Error(String(answer.status));
  return (await answer.json()).versions;
}

/** The address named a passage: show it, or offer to go to its branch. */
function openAtPassage() {
  const found = adventure.opens_at;
  if (!found) return;
  history.replaceState(history.state, "", location.pathname);
  if (found.here) passages.jump(found);
  else {
    const note = $("other-branch");
    note?.querySelector("button")?.addEventListener("click", () => {
      note.remove();
      passages.jump(found);
    });
  }
}

// ---------------------------------------------------------------- keyboard and touch

/** Edit the last turn. False where it cannot be edited now. */
function editLast() {
  const last = view.head;
  if (!last || !story.settled(last.turn)) return false;
  last.edit("action");
  return true;
}

/** Stop reading aloud. False where nothing was read. */
function stopReading() {
  const { on } = aloud;
  aloud.stop();
  return on;
}

shortcuts.listen({
  retry: () => commands.retry(),
  undo: () => controls.press("undo"),
  redo: () => controls.press("redo"),
  stop: () => shortcuts.closeMenus() || commands.stop() || stopReading(),
  mode: (number) => {
    entry.choose(number);
    $("input").focus({ preventScroll: true });
  },
  help: () => $("shortcuts").showModal(),
  own: () => !entry.holdsUndone, // what is typed there is the player's own
});
shortcuts.listenForTouch(list, () => view.head);
shortcuts.stayAboveKeyboard(touch);
shortcuts.listenForMenus();

$("pill").addEventListener("click", () => {
  visibleTurns.toEnd();
  autoScroll.toEnd({ at: "gently" });
  $("pill").hidden = true;
});

$("aloud").hidden = false;
$("aloud").addEventListener("click", async () => {
  $("aloud").closest("details")?.removeAttribute("open");
  if (aloud.on) aloud.stop();
  else if (!(await aloud.hasVoices())) {
    showAlert(
      t(
        "This browser has no voices to read with. Add one in your device’s settings for speech, or use another browser.",
      ),
    );
  } else if (store.state.head) aloud.start(store.state.head);
});
$("stop-aloud").addEventListener("click", stopReading);
bindControls(aloud, $("voice"));

// ---------------------------------------------------------------- begin

entry.open();
socket.connect();
narratorProgress.watch();
visibleTurns.watch(scroller);
history.scrollRestoration = "manual";
addEventListener("looks", () => autoScroll.resized()); // another font or size, other lines
addEventListener("pagehide", () =>
  scrollPosition.save(adventure.id, scroller, list, autoScroll.atEnd),
);
addEventListener("online", () => socket.reconnect());
addEventListener("pageshow", ({ persisted }) => persisted && socket.reconnect());
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible") socket.reconnect();
});
