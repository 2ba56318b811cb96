// What the page knows of a story: a pure function of the events it was sent.
//
// Events may come twice, late, or from an attempt that has been overtaken; none of that may change
// what is shown. Unknown types and fields are ignored. Nothing here touches the page or the clock.

import { proposes } from "./table.js";

/**
 * A turn as the server sends it, or as little of it as a page knows of what it is about to send.
 *
 * @typedef {Partial<Protocol.TurnData> &
 *   Pick<Protocol.TurnData, "id" | "kind" | "action" | "reply" | "status" | "attempt">} Turn
 */
/** @typedef {{position: number, eta: number | null}} QueuePosition in the line; `eta` in seconds */
/** @typedef {Exclude<Protocol.Command, Protocol.Ping | Protocol.Resume>} Command */
/** @typedef {{command: Command, head: string | null, accepted: string | null}} Sent */
/**
 * @typedef {{code: Protocol.ErrorEvent["code"], message: string, retryAfter: number | null,
 *   command: Command | null}} Problem
 */
/** @typedef {"send" | "retry"} NextStep what the player asked for while the narrator spoke */

/**
 * @typedef {object} State
 * @property {Record<string, any> | null} adventure
 * @property {Record<string, Turn>} turns by id
 * @property {string | null} head
 * @property {string | null} redo the turn that redo would go to
 * @property {Protocol.LastEdit | null} lastEdit what undo or redo is about, with nothing done since
 * @property {boolean} earlier there are turns before the first one known
 * @property {number} version
 * @property {string | null} log id of the last event of the log, where a new connection goes on
 * @property {Record<string, QueuePosition>} waiting by turn
 * @property {Sent[]} commands sent and not yet answered
 * @property {Problem | null} problem the last error
 * @property {{turn: string, actions: string[]} | null} suggested the newest suggested actions, and
 *   the turn that they follow
 * @property {Protocol.TableData | null} table who plays together; null while the owner plays alone
 * @property {Protocol.Viewer | null} you who the player of this page is
 * @property {boolean} missing something was skipped: only a snapshot mends it
 * @property {NextStep | null} then
 */

/**
 * What happens on this page alone.
 *
 * @typedef {{type: "page.then", then: NextStep | null}} Then
 * @typedef {{type: "page.forget", keep: number}} Forget
 * @typedef {{type: "page.sent", command: Command, quiet?: boolean}} Sending
 * @typedef {{type: "page.earlier", turns: Turn[], earlier: boolean}} Earlier older turns were fetched
 * @typedef {Then | Forget | Sending | Earlier | {type: "page.dismissed"}} PageEvent
 */

export const LONGEST = 4000; // code points in an action or a reply
export const LONGEST_OPENING = 20_000;

const SETTLED = new Set(["told", "stopped", "failed"]);

/** @param {{status: string}} turn */
export const settled = (turn) => SETTLED.has(turn.status);

/** @param {string} text */
export const codePoints = (text) => {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
};

/** @returns {State} */
export function empty() {
  return {
    adventure: null,
    turns: {},
    head: null,
    redo: null,
    lastEdit: null,
    earlier: false,
    version: -1,
    log: null,
    waiting: {},
    commands: [],
    problem: null,
    suggested: null,
    table: null,
    you: null,
    missing: false,
    then: null,
  };
}

// ---------------------------------------------------------------- questions

/**
 * The turn of an id that may be none, where this page knows it.
 *
 * @param {State} state
 * @param {string | null | undefined} id
 * @returns {Turn | null}
 */
export const turnOf = (state, id) => (id && state.turns[id]) || null;

/**
 * The turns from the first one known to the head, oldest first.
 *
 * @param {State} state
 */
export function path(state) {
  const turns = [];
  const seen = new Set();
  let turn = headTurn(state);
  while (turn && !seen.has(turn.id)) {
    seen.add(turn.id);
    turns.push(turn);
    turn = turnOf(state, turn.parent);
  }
  return turns.reverse();
}

/**
 * Titles of chapters by the turn that each begins with, on this path; "" where the part after the
 * last one begins. A chapter is named by its last turn, so one whose beginning is not known yet has
 * no heading.
 *
 * @param {Turn[]} turns from the first one known to the head
 */
export function headings(turns) {
  /** @type {Record<string, string>} */
  const found = {};
  if (!turns.some(({ chapter }) => chapter)) return found;
  let first = turns[0]?.parent ? null : turns[0];
  turns.forEach((turn, index) => {
    first ??= turns[index - 1]?.chapter ? turn : null;
    if (first) found[first.id] = turn.chapter ?? "";
    if (turn.chapter) first = null;
  });
  return found;
}

/**
 * What the player might do next, as the narrator suggests it: until something is sent, or the story
 * goes elsewhere.
 *
 * @param {State} state
 * @returns {string[]}
 */
export function suggestions(state) {
  const { suggested: last, head } = state;
  return last?.turn === head && !busy(state) ? last.actions : [];
}

/** @param {State} state */
export const headTurn = (state) => turnOf(state, state.head);

/**
 * The turn that the narrator has yet to finish.
 *
 * @param {State} state
 */
export function underWay(state) {
  const head = headTurn(state);
  return head && !settled(head) ? head : null;
}

/**
 * All retries of a turn's action, itself among them, in the order they were made: ids.
 *
 * @param {Turn} turn
 */
export const retriesOf = (turn) =>
  turn.actions?.find(({ turns }) => turns.includes(turn.id))?.turns ?? [turn.id];

/**
 * What else was done at the same moment: {shown, turn}, where `turn` is its newest retry.
 *
 * @param {Turn} turn
 */
export const otherActions = (turn) =>
  (turn.actions ?? [])
    .filter(({ turns }) => !turns.includes(turn.id))
    .map(({ shown, turns }) => ({ shown, turn: turns.at(-1) ?? "" }));

/**
 * Whether a reply is on its way, or an action that will bring one.
 *
 * @param {State} state
 */
export const busy = (state) =>
  Boolean(underWay(state) || pendingAction(state) || pendingRetry(state));

/**
 * Whether undo takes back an edit, and not the last action.
 *
 * @param {State} state
 */
export const undoesEdit = (state) => Boolean(state.lastEdit && !state.lastEdit.undone);
/** @param {State} state */
export const canUndo = (state) => undoesEdit(state) || Boolean(headTurn(state)?.parent);
/** @param {State} state */
export const canRedo = (state) =>
  (Boolean(state.lastEdit?.undone) || Boolean(state.redo)) && !underWay(state);
/**
 * Whether the page's player may retry, undo, edit and go elsewhere, by what the page knows: the
 * server decides of each turn.
 *
 * @param {State} state
 */
export const mayChange = ({ you, table }) =>
  (you?.role ?? "owner") === "owner" ||
  (you?.role === "player" && (table?.changes ?? "owner") !== "owner");
/** @param {State} state */
export const canRetry = (state) => {
  const head = headTurn(state);
  return head !== null && head.kind !== "opening" && settled(head);
};

/**
 * A take_action that the story does not show yet.
 *
 * @param {State} state
 */
export function pendingAction(state) {
  if (underWay(state) || proposes(state)) return null;
  for (const { command, head } of state.commands) {
    if (command.type === "take_action" && head === state.head) return command;
  }
  return null;
}

/**
 * The turn whose retry was asked for and has not begun.
 *
 * @param {State} state
 */
export function pendingRetry(state) {
  for (const { command, head } of state.commands) {
    if (command.type === "retry_turn" && head === state.head) return command.turn;
  }
  return null;
}

/**
 * How an action looks until the server has said how: its `shown` takes the place of this. Where
 * several play the name of the `character` stands above what was typed.
 *
 * @param {string} kind
 * @param {string} text
 * @param {string} [character]
 */
export function shownAction(kind, text, character = "") {
  const said = text.trim();
  if (!said || kind === "continue") return "";
  if (kind === "story") return said;
  if (character) return kind === "say" ? `“${said}”` : said;
  const line = said.split(/\s+/u).join(" ");
  if (kind === "say" || /^["“][^"”]*["”]$/u.test(line)) {
    const bare = line.replace(/^["“](.*)["”]$/u, "$1");
    return `You say "${bare.replaceAll('"', "'")}"`;
  }
  const sentence = /[.!?…。！？]["'”’»)]*$/u.test(line) ? line : `${line}.`;
  const done = sentence.replace(/^(?:>\s*)?(?:you|i)\s+/iu, "");
  if (!/^[a-z(]/iu.test(done)) return done;
  const [first, second = ""] = done;
  const lower = second !== second.toLowerCase() ? first : first.toLowerCase();
  return `You ${lower}${done.slice(1)}`;
}

// ---------------------------------------------------------------- events

/**
 * @param {State} state
 * @param {Protocol.Event | PageEvent} event
 */
export function reduce(state, event) {
  if (!Object.hasOwn(REDUCERS, event?.type)) return state;
  const next = REDUCERS[event.type](state, event);
  if (!("id" in event) || event.id === undefined || event.type === "snapshot") return next;
  const said = "version" in event ? event.version : null;
  const version = Math.max(next.version, said ?? -1);
  if (next.log === event.id && next.version === version) return next;
  return { ...next, log: event.id, version };
}

/**
 * Each is given the events of its own type, which is more than a type can say here.
 *
 * @type {Record<string, (state: State, event: any) => State>}
 */
const REDUCERS = {
  snapshot,
  accepted,
  error,
  "turn.queued": queued,
  "turn.waiting": waitingChanged,
  "turn.started": started,
  "turn.token": token,
  "turn.told": ended,
  "turn.stopped": ended,
  "turn.failed": failed,
  "turn.edited": edited,
  "turn.suggested": suggested,
  "page.then": (state, { then }) => ({ ...state, then }),
  "page.forget": forget,
  "head.moved": moved,
  "page.sent": sent, // a command leaves this page
  "page.earlier": earlier, // older turns were fetched
  "adventure.changed": changed,
  "chapters.changed": chaptersChanged,
  "world.changed": worldChanged,
  "table.changed": tableChanged,
  "page.dismissed": (state) => (state.problem ? { ...state, problem: null } : state),
};

/**
 * Older than what is shown already: a replay of what a snapshot held.
 *
 * @param {State} state
 * @param {{version?: number | null}} event
 */
const isOutdated = (state, event) =>
  typeof event.version === "number" && event.version < state.version;

/**
 * @param {State} state
 * @param {Turn} turn
 * @returns {State}
 */
function putTurn(state, turn) {
  return { ...state, turns: { ...state.turns, [turn.id]: turn } };
}

/**
 * @param {State} state
 * @param {Protocol.Snapshot} event
 * @returns {State}
 */
function snapshot(state, event) {
  /** @type {Record<string, Turn>} */
  const turns = {};
  for (const turn of event.turns) {
    const known = state.turns[turn.id];
    // A word once shown stays: the log repeats what this snapshot was too early for. Words of
    // another telling are no part of this one, unless a new attempt goes on from them.
    // While the server cannot read the log (""), what is known is all there is.
    const unread = turn.telling === "";
    const same =
      known && (unread || known.telling === turn.telling || known.attempt < turn.attempt);
    const ahead = same && !settled(turn) && !settled(known) && known.reply.startsWith(turn.reply);
    const telling = unread ? known?.telling : turn.telling;
    turns[turn.id] = ahead ? { ...turn, reply: known.reply, telling } : turn;
  }
  /** @type {Record<string, QueuePosition>} */
  const waiting = {};
  for (const [id, where] of Object.entries(state.waiting)) {
    if (turns[id]?.status === "queued") waiting[id] = where;
  }
  return {
    ...state,
    adventure: event.adventure,
    turns,
    head: event.head,
    redo: event.redo ?? null,
    lastEdit: event.last_edit ?? null,
    earlier: Boolean(event.earlier),
    version: event.adventure?.version ?? state.version,
    log: event.id ?? null,
    waiting,
    commands: state.commands.filter((each) => !each.accepted),
    suggested: { turn: event.head, actions: event.suggestions ?? [] },
    table: event.table ?? null,
    you: event.you ?? null,
    missing: false,
  };
}

/**
 * @param {State} state
 * @param {Protocol.TurnQueued} event
 */
function queued(state, event) {
  const { turn } = event;
  if (isOutdated(state, event)) return state;
  const known = state.turns[turn.id];
  // What a snapshot or a later event said of this turn is newer than this.
  const newer =
    known && (settled(known) || known.status === "running" || known.attempt > turn.attempt);
  let next = newer
    ? state
    : putTurn(state, { ...known, ...turn, reply: known?.reply ?? turn.reply });
  next = updateSiblings(next, turn);
  if (next.head !== turn.id) next = { ...next, head: turn.id, redo: null, lastEdit: null };
  // Told again from a place that this page was never shown: only a snapshot has the way there.
  if (turn.parent && !(turn.parent in next.turns)) next = { ...next, missing: true };
  if (next.commands.some((each) => each.accepted === turn.id)) {
    next = { ...next, commands: next.commands.filter((each) => each.accepted !== turn.id) };
  }
  return newer ? next : setWaiting(next, turn.id, event);
}

/**
 * What a turn says of its siblings is true of them as well.
 *
 * @param {State} state
 * @param {Turn} turn
 */
function updateSiblings(state, turn) {
  const { siblings = [], actions } = turn;
  let next = state;
  for (const id of siblings) {
    const sibling = next.turns[id];
    if (id === turn.id || !sibling) continue;
    if ((sibling.siblings ?? []).length > siblings.length) continue;
    next = putTurn(next, { ...sibling, siblings, actions });
  }
  return next;
}

/**
 * @param {State} state
 * @param {string} id
 * @param {Protocol.TurnQueued | Protocol.TurnWaiting} event
 * @returns {State}
 */
function setWaiting(state, id, event) {
  if (typeof event.position !== "number") return state;
  const now = { position: event.position, eta: event.eta_seconds ?? null };
  const was = state.waiting[id];
  if (was && was.position === now.position && was.eta === now.eta) return state;
  return { ...state, waiting: { ...state.waiting, [id]: now } };
}

/**
 * @param {State} state
 * @param {Protocol.TurnWaiting} event
 */
function waitingChanged(state, event) {
  return state.turns[event.turn]?.status === "queued"
    ? setWaiting(state, event.turn, event)
    : state;
}

/**
 * @param {State} state
 * @param {Protocol.TurnStarted} event
 */
function started(state, event) {
  const turn = state.turns[event.turn];
  if (!turn || settled(turn) || event.attempt < turn.attempt) return state;
  const telling = event.telling ?? turn.telling;
  const again = telling === turn.telling;
  if (again && turn.status === "running" && turn.attempt === event.attempt) return state;
  // The log was emptied and the turn is told anew: what was shown is not how it begins.
  const reply = event.fresh && !again ? "" : turn.reply;
  /** @type {Turn} */
  const begun = { ...turn, status: "running", attempt: event.attempt, telling, reply };
  return clearWaiting(putTurn(state, begun), turn.id);
}

/**
 * @param {State} state
 * @param {string} id
 * @returns {State}
 */
function clearWaiting(state, id) {
  if (!(id in state.waiting)) return state;
  const { [id]: _, ...waiting } = state.waiting;
  return { ...state, waiting };
}

/**
 * @param {State} state
 * @param {Protocol.TurnToken} event
 */
function token(state, event) {
  const turn = state.turns[event.turn];
  if (!turn || settled(turn) || event.attempt < turn.attempt) return state;
  const known = codePoints(turn.reply) - event.index;
  if (known < 0) return state.missing ? state : { ...state, missing: true };
  const fresh = known === 0 ? event.text : [...event.text].slice(known).join("");
  if (!fresh && turn.status === "running") return state;
  /** @type {Turn} */
  const told = {
    ...turn,
    status: "running",
    attempt: event.attempt,
    reply: turn.reply + fresh,
  };
  return clearWaiting(putTurn(state, told), turn.id);
}

/**
 * @param {State} state
 * @param {Protocol.TurnEnded} event
 */
function ended(state, event) {
  const { turn } = event;
  const known = state.turns[turn.id];
  if (!known) return turnOf(state, turn.parent) ? putTurn(state, turn) : state;
  if (known.attempt > turn.attempt) return state;
  if (settled(known) && (isOutdated(state, event) || (known.edited && !turn.edited))) return state;
  return clearWaiting(putTurn(state, { ...known, ...turn }), turn.id);
}

/**
 * @param {State} state
 * @param {Protocol.TurnFailed} event
 */
function failed(state, event) {
  const turn = state.turns[event.turn];
  if (!turn || (settled(turn) && turn.status !== "failed")) return state;
  if (turn.status === "failed" && turn.reason === event.reason) return state;
  return clearWaiting(putTurn(state, { ...turn, status: "failed", reason: event.reason }), turn.id);
}

/**
 * @param {State} state
 * @param {Protocol.TurnEdited} event
 */
function edited(state, event) {
  if (isOutdated(state, event)) return state;
  const next = { ...state, lastEdit: event.last_edit ?? null };
  if (next.suggested?.turn === event.turn.id) next.suggested = null; // of a text that is gone
  const known = state.turns[event.turn.id];
  if (!known || known.attempt > event.turn.attempt) return next;
  return updateSiblings(putTurn(next, { ...known, ...event.turn }), event.turn);
}

/**
 * The panel World fetches the new state.
 *
 * @param {State} state
 * @param {Protocol.WorldChanged} event
 * @returns {State}
 */
function worldChanged(state, event) {
  return isOutdated(state, event) ? state : { ...state, lastEdit: event.last_edit ?? null };
}

/**
 * @param {State} state
 * @param {Protocol.TurnSuggested} event
 * @returns {State}
 */
function suggested(state, { turn, actions }) {
  return { ...state, suggested: { turn, actions } };
}

/**
 * @param {State} state
 * @param {Protocol.HeadMoved} event
 * @returns {State}
 */
function moved(state, event) {
  if (isOutdated(state, event)) return state;
  if (!(event.head in state.turns)) return { ...state, missing: true };
  return { ...state, head: event.head, redo: event.redo ?? null, lastEdit: null };
}

/**
 * @param {State} state
 * @param {Protocol.Accepted} event
 * @returns {State}
 */
function accepted(state, event) {
  const found = state.commands.find(({ command }) => command.key === event.key);
  if (!found || found.accepted) return state;
  const others = state.commands.filter((each) => each !== found);
  // A new turn is on its way in the log; until it comes, what the player did stays in sight.
  const coming = event.turn && !(event.turn in state.turns);
  const makes = found.command.type === "take_action" || found.command.type === "retry_turn";
  if (!coming || !makes) return { ...state, commands: others };
  return { ...state, commands: [...others, { ...found, accepted: event.turn ?? null }] };
}

/**
 * @param {State} state
 * @param {Protocol.ErrorEvent} event
 * @returns {State}
 */
function error(state, event) {
  const found = state.commands.find(({ command }) => command.key === event.key);
  if (event.key && !found) return state;
  const problem = {
    code: event.code,
    message: event.message,
    retryAfter: event.retry_after ?? null,
    command: found?.command ?? null,
  };
  const commands = state.commands.filter((each) => each !== found);
  return { ...state, commands, problem, then: null };
}

/**
 * @param {State} state
 * @param {Sending} event
 * @returns {State}
 */
function sent(state, event) {
  const { command } = event;
  if (state.commands.some((each) => each.command.key === command.key)) return state;
  // A command that is sent again after a reload may be in the story already: it is not echoed.
  const head = event.quiet ? null : state.head;
  const entry = { command, head, accepted: null };
  return { ...state, commands: [...state.commands, entry], problem: null };
}

/**
 * @param {State} state
 * @param {Earlier} event
 */
function earlier(state, event) {
  const turns = { ...state.turns };
  for (const turn of event.turns) turns[turn.id] ??= turn;
  return { ...state, turns, earlier: Boolean(event.earlier) };
}

/**
 * Only the last `keep` turns of the path are remembered; the others can be asked for again.
 *
 * @param {State} state
 * @param {Forget} event
 */
function forget(state, { keep }) {
  const whole = path(state);
  if (whole.length <= keep) return state;
  const kept = whole.slice(-keep);
  const parents = new Set(kept.map((turn) => turn.parent));
  /** @type {Record<string, Turn>} */
  const turns = {};
  for (const turn of Object.values(state.turns)) {
    // Retries of these turns are a step away, and so is the turn that redo leads to.
    if (parents.has(turn.parent) || turn.parent === state.head) turns[turn.id] = turn;
  }
  return { ...state, turns, earlier: true };
}

/**
 * @param {State} state
 * @param {Protocol.PlotChanged} event
 * @returns {State}
 */
function changed(state, event) {
  if (isOutdated(state, event)) return state;
  return { ...state, adventure: { ...state.adventure, ...event.adventure } };
}

/**
 * @param {State} state
 * @param {Protocol.ChaptersChanged} event
 * @returns {State}
 */
function chaptersChanged(state, event) {
  const turn = state.turns[event.turn];
  if (!turn || isOutdated(state, event)) return state;
  return putTurn(state, { ...turn, chapter: event.title });
}

/**
 * @param {State} state
 * @param {Protocol.TableChanged} event
 * @returns {State}
 */
function tableChanged(state, event) {
  if (isOutdated(state, event)) return state;
  return { ...state, table: event.table };
}
