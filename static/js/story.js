// What the page knows of a story: a pure function of the events it was sent.
//
// Events may come twice, late, or from an attempt that has been overtaken; none of that may change
// what is shown. Unknown types and fields are ignored. Nothing here touches the page or the clock.

/** @typedef {{id: string, parent: string|null, kind: string, action: string, shown?: string,
 *   reply: string, status: string, attempt: number, edited?: boolean, siblings?: string[],
 *   actions?: {shown: string, turns: string[]}[], versions?: number, reason?: string}} Turn */

export const LONGEST = 4000; // code points in an action or a reply

const SETTLED = new Set(["told", "stopped", "failed"]);

export const settled = (turn) => SETTLED.has(turn.status);

export const codePoints = (text) => {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
};

export function empty() {
  return {
    adventure: null,
    turns: {}, // id -> Turn
    head: null,
    redo: null, // the turn that redo would go to
    lastEdit: null, // {turn, undone}: an edit with nothing done since, which undo or redo is about
    earlier: false, // there are turns before the first one known
    version: -1,
    log: null, // id of the last event of the log, where a new connection goes on
    waiting: {}, // turn id -> {position, eta}
    commands: [], // sent and not yet answered: {command, head, accepted}
    problem: null, // the last error: {code, message, retryAfter, command}
    missing: false, // something was skipped: only a snapshot mends it
    then: null, // what the player asked for while the narrator spoke: "send" or "retry"
  };
}

// ---------------------------------------------------------------- questions

/** The turns from the first one known to the head, oldest first. */
export function path(state) {
  const turns = [];
  const seen = new Set();
  let turn = state.turns[state.head];
  while (turn && !seen.has(turn.id)) {
    seen.add(turn.id);
    turns.push(turn);
    turn = state.turns[turn.parent];
  }
  return turns.reverse();
}

export const headTurn = (state) => state.turns[state.head] ?? null;

/** The turn that the narrator has yet to finish. */
export function underWay(state) {
  const head = headTurn(state);
  return head && !settled(head) ? head : null;
}

/** All tellings of a turn's action, in the order they were made: ids. */
export const retellings = (turn) =>
  turn.actions?.find(({ turns }) => turns.includes(turn.id))?.turns ?? [turn.id];

/** What else was done at the same moment: {shown, turn}, where `turn` is its newest telling. */
export const otherActions = (turn) =>
  (turn.actions ?? [])
    .filter(({ turns }) => !turns.includes(turn.id))
    .map(({ shown, turns }) => ({ shown, turn: turns.at(-1) }));

/** Whether a reply is on its way, or an action that will bring one. */
export const busy = (state) => Boolean(underWay(state) || echo(state) || retelling(state));

/** Whether undo takes back an edit, and not the last action. */
export const undoesEdit = (state) => Boolean(state.lastEdit && !state.lastEdit.undone);
export const canUndo = (state) => undoesEdit(state) || Boolean(headTurn(state)?.parent);
export const canRedo = (state) =>
  (Boolean(state.lastEdit?.undone) || Boolean(state.redo)) && !underWay(state);
export const canRetry = (state) => {
  const head = headTurn(state);
  return Boolean(head) && head.kind !== "opening" && settled(head);
};

/** A take_action that the story does not show yet. */
export function echo(state) {
  const waiting = state.commands.find(
    ({ command, head }) => command.type === "take_action" && head === state.head,
  );
  return waiting && !underWay(state) ? waiting.command : null;
}

/** The turn whose retry was asked for and has not begun. */
export const retelling = (state) =>
  state.commands.find(({ command, head }) => command.type === "retry_turn" && head === state.head)
    ?.command.turn ?? null;

/** How an action looks until the server has said how: its `shown` takes the place of this. */
export function shownAction(kind, text) {
  const said = text.trim();
  if (!said || kind === "continue") return "";
  if (kind === "story") return said;
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

export function reduce(state, event) {
  if (!Object.hasOwn(REDUCERS, event?.type)) return state;
  const next = REDUCERS[event.type](state, event);
  if (event.id === undefined || event.type === "snapshot") return next;
  const version = Math.max(next.version, event.version ?? -1);
  if (next.log === event.id && next.version === version) return next;
  return { ...next, log: event.id, version };
}

const REDUCERS = {
  snapshot,
  accepted,
  error,
  "turn.queued": queued,
  "turn.waiting": waits,
  "turn.started": started,
  "turn.token": token,
  "turn.told": ended,
  "turn.stopped": ended,
  "turn.failed": failed,
  "turn.edited": edited,
  "page.then": (state, { then }) => ({ ...state, then }),
  "page.forget": forget,
  "head.moved": moved,
  "page.sent": sent, // a command leaves this page
  "page.earlier": earlier, // older turns were fetched
  "adventure.changed": changed,
  "page.dismissed": (state) => (state.problem ? { ...state, problem: null } : state),
};

/** Older than what is shown already: a replay of what a snapshot held. */
const overtaken = (state, event) =>
  typeof event.version === "number" && event.version < state.version;

function put(state, turn) {
  return { ...state, turns: { ...state.turns, [turn.id]: turn } };
}

function snapshot(state, event) {
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
  const waiting = {};
  for (const [id, place] of Object.entries(state.waiting)) {
    if (turns[id]?.status === "queued") waiting[id] = place;
  }
  return {
    ...state,
    adventure: event.adventure,
    turns,
    head: event.head,
    redo: event.redo ?? null,
    lastEdit: event.last_edit ?? null,
    earlier: Boolean(event.earlier),
    version: event.adventure?.version ?? event.version ?? state.version,
    log: event.id ?? null,
    waiting,
    commands: state.commands.filter((sent) => !sent.accepted),
    missing: false,
  };
}

function queued(state, event) {
  const { turn } = event;
  if (overtaken(state, event)) return state;
  const known = state.turns[turn.id];
  // What a snapshot or a later event said of this turn is newer than this.
  const newer =
    known && (settled(known) || known.status === "running" || known.attempt > turn.attempt);
  let next = newer ? state : put(state, { ...known, ...turn, reply: known?.reply ?? turn.reply });
  next = besides(next, turn);
  if (next.head !== turn.id) next = { ...next, head: turn.id, redo: null, lastEdit: null };
  // Told again from a place that this page was never shown: only a snapshot has the way there.
  if (turn.parent && !(turn.parent in next.turns)) next = { ...next, missing: true };
  if (next.commands.some((sent) => sent.accepted === turn.id)) {
    next = { ...next, commands: next.commands.filter((sent) => sent.accepted !== turn.id) };
  }
  return newer ? next : place(next, turn.id, event);
}

/** What a turn says of its siblings is true of them as well. */
function besides(state, turn) {
  let next = state;
  for (const id of turn.siblings ?? []) {
    const sibling = next.turns[id];
    if (id === turn.id || !sibling) continue;
    if ((sibling.siblings ?? []).length > turn.siblings.length) continue;
    next = put(next, { ...sibling, siblings: turn.siblings, actions: turn.actions });
  }
  return next;
}

function place(state, id, event) {
  if (typeof event.position !== "number") return state;
  const now = { position: event.position, eta: event.eta_seconds ?? null };
  const was = state.waiting[id];
  if (was && was.position === now.position && was.eta === now.eta) return state;
  return { ...state, waiting: { ...state.waiting, [id]: now } };
}

function waits(state, event) {
  return state.turns[event.turn]?.status === "queued" ? place(state, event.turn, event) : state;
}

function started(state, event) {
  const turn = state.turns[event.turn];
  if (!turn || settled(turn) || event.attempt < turn.attempt) return state;
  const telling = event.telling ?? turn.telling;
  const again = telling === turn.telling;
  if (again && turn.status === "running" && turn.attempt === event.attempt) return state;
  // The log was emptied and the turn is told anew: what was shown is not how it begins.
  const reply = event.fresh && !again ? "" : turn.reply;
  const begun = { ...turn, status: "running", attempt: event.attempt, telling, reply };
  return served(put(state, begun), turn.id);
}

function served(state, id) {
  if (!(id in state.waiting)) return state;
  const { [id]: _, ...waiting } = state.waiting;
  return { ...state, waiting };
}

function token(state, event) {
  const turn = state.turns[event.turn];
  if (!turn || settled(turn) || event.attempt < turn.attempt) return state;
  const known = codePoints(turn.reply) - event.index;
  if (known < 0) return state.missing ? state : { ...state, missing: true };
  const fresh = known === 0 ? event.text : [...event.text].slice(known).join("");
  if (!fresh && turn.status === "running") return state;
  const told = {
    ...turn,
    status: "running",
    attempt: event.attempt,
    reply: turn.reply + fresh,
  };
  return served(put(state, told), turn.id);
}

function ended(state, event) {
  const { turn } = event;
  const known = state.turns[turn.id];
  if (!known) return turn.parent in state.turns ? put(state, turn) : state;
  if (known.attempt > turn.attempt) return state;
  if (settled(known) && (overtaken(state, event) || (known.edited && !turn.edited))) return state;
  return served(put(state, { ...known, ...turn }), turn.id);
}

function failed(state, event) {
  const turn = state.turns[event.turn];
  if (!turn || (settled(turn) && turn.status !== "failed")) return state;
  if (turn.status === "failed" && turn.reason === event.reason) return state;
  return served(put(state, { ...turn, status: "failed", reason: event.reason }), turn.id);
}

function edited(state, event) {
  if (overtaken(state, event)) return state;
  const next = { ...state, lastEdit: event.last_edit ?? null };
  const known = state.turns[event.turn.id];
  if (!known || known.attempt > event.turn.attempt) return next;
  return besides(put(next, { ...known, ...event.turn }), event.turn);
}

function moved(state, event) {
  if (overtaken(state, event)) return state;
  if (!(event.head in state.turns)) return { ...state, missing: true };
  return { ...state, head: event.head, redo: event.redo ?? null, lastEdit: null };
}

function accepted(state, event) {
  const found = state.commands.find(({ command }) => command.key === event.key);
  if (!found || found.accepted) return state;
  const others = state.commands.filter((sent) => sent !== found);
  // A new turn is on its way in the log; until it comes, what the player did stays in sight.
  const coming = event.turn && !(event.turn in state.turns);
  const makes = found.command.type === "take_action" || found.command.type === "retry_turn";
  if (!coming || !makes) return { ...state, commands: others };
  return { ...state, commands: [...others, { ...found, accepted: event.turn }] };
}

function error(state, event) {
  const found = state.commands.find(({ command }) => command.key === event.key);
  if (event.key && !found) return state;
  const problem = {
    code: event.code,
    message: event.message,
    retryAfter: event.retry_after ?? null,
    command: found?.command ?? null,
  };
  const commands = state.commands.filter((sent) => sent !== found);
  return { ...state, commands, problem, then: null };
}

function sent(state, event) {
  const { command } = event;
  if (state.commands.some((sent) => sent.command.key === command.key)) return state;
  // A command that is sent again after a reload may be in the story already: it is not echoed.
  const head = event.quiet ? null : state.head;
  const entry = { command, head, accepted: null };
  return { ...state, commands: [...state.commands, entry], problem: null };
}

function earlier(state, event) {
  const turns = { ...state.turns };
  for (const turn of event.turns) turns[turn.id] ??= turn;
  return { ...state, turns, earlier: Boolean(event.earlier) };
}

/** Only the last `keep` turns of the path are remembered; the others can be asked for again. */
function forget(state, { keep }) {
  const whole = path(state);
  if (whole.length <= keep) return state;
  const kept = whole.slice(-keep);
  const parents = new Set(kept.map((turn) => turn.parent));
  const turns = {};
  for (const turn of Object.values(state.turns)) {
    // Other tellings of these turns are a step away, and so is the turn that redo leads to.
    if (parents.has(turn.parent) || turn.parent === state.head) turns[turn.id] = turn;
  }
  return { ...state, turns, earlier: true };
}

function changed(state, event) {
  if (overtaken(state, event)) return state;
  return { ...state, adventure: { ...state.adventure, ...event.adventure } };
}
