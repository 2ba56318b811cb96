// What a page makes of the table: who may do what now, and how it is said. Pure functions of the
// state (story.js); tableview.js draws it.

import { n, number, t } from "./i18n.js";

/** @typedef {import("./story.js").State} State */
/** @typedef {Pick<State, "table" | "you">} Seen the part of the state that this is about */

export const COLOURS = 6; // speakers with a colour of their own; css/together.css has them
const COLLECTING = ["together", "vote", "master"]; // orders in which members propose

/**
 * Whether what the page's player sends is a proposal, and not told at once.
 *
 * @param {Seen} state
 */
export function proposes({ table, you }) {
  if (!table || !COLLECTING.includes(table.order ?? "")) return false;
  return table.order !== "master" || table.master !== you?.member;
}

/**
 * Whether the page's player has proposed something, or is about to.
 *
 * @param {State} state
 */
export const hasProposed = (state) =>
  proposes(state) &&
  (state.commands.some(({ command }) => command.type === "take_action") ||
    (state.table?.proposals ?? []).some(({ member }) => member === state.you?.member));

/**
 * The name of a member; "" for one who is not there any more.
 *
 * @param {Seen} state
 * @param {string | null | undefined} member
 */
export const nameOf = ({ table }, member) =>
  table?.members.find(({ id }) => id === member)?.name ?? "";

/**
 * Whose turn it is, where that is not the page's player; "" where they may act.
 *
 * @param {Seen} state
 */
export function waitsFor({ table, you }) {
  if (table?.order !== "round" || table.turn_of === you?.member) return "";
  return nameOf({ table, you }, table.turn_of);
}

/**
 * The number of a speaker's colour, from 1; 0 where there is none.
 *
 * @param {Seen} state
 * @param {string | null | undefined} member
 */
export function colourOf({ table }, member) {
  const place = table?.members.findIndex(({ id }) => id === member) ?? -1;
  return place < 0 ? 0 : (place % COLOURS) + 1;
}

/**
 * Who acts now, in words; "" where everybody may at any time.
 *
 * @param {Seen} state
 * @param {boolean} telling the narrator has not finished yet
 */
export function turnLine(state, telling) {
  const { table, you } = state;
  const plays = you?.role !== "spectator";
  switch (table?.order) {
    case "round":
      return roundLine(state, telling);
    case "together":
      return telling ? "" : togetherLine(state);
    case "vote":
      return telling ? "" : voteLine(state);
    case "master": {
      const name = nameOf(state, table.master);
      if (plays && table.master === you?.member) return t("You are the game master.");
      return t("{name} is the game master and decides what is told.", { name });
    }
    default:
      return "";
  }
}

/**
 * @param {Seen} state
 * @param {boolean} telling
 */
function roundLine(state, telling) {
  const { table, you } = state;
  const name = nameOf(state, table?.turn_of);
  if (table?.turn_of === you?.member) return telling ? t("Next: you") : t("It is your turn.");
  return telling ? t("Next: {name}", { name }) : t("It is the turn of {name}.", { name });
}

/** @param {Seen} state */
function togetherLine(state) {
  const { table, you } = state;
  const members = table?.members ?? [];
  const written = new Set(table?.proposals?.map(({ member }) => member));
  const open = members.filter(({ id }) => !written.has(id));
  if (open.some(({ id }) => id === you?.member)) {
    return t("All write, then it is told. You have not written yet.");
  }
  return t("All write, then it is told. Waiting for {names}.", {
    names: open.map(({ name }) => name).join(", "),
  });
}

/** @param {Seen} state */
function voteLine({ table }) {
  const proposals = table?.proposals ?? [];
  if (!proposals.length) return t("All may propose what happens next; then you vote.");
  const members = new Set(table?.members.map(({ id }) => id));
  const votes = proposals.flatMap(({ votes: all = [] }) => all.filter((id) => members.has(id)));
  return t("Votes: {count} of {all}", {
    count: number(votes.length),
    all: number(members.size),
  });
}

/**
 * The seconds left to act; null where there is no limit. The clocks of two machines differ, so it
 * is never more than the table gives.
 *
 * @param {Seen} state
 * @param {number} now in milliseconds
 */
export function secondsLeft({ table }, now) {
  if (!table?.until) return null;
  const left = Math.ceil((Date.parse(table.until) - now) / 1000);
  return Math.max(0, Math.min(left, table.seconds || left));
}

/**
 * "45 s left", "12 min left", "3 h left", "2 days left".
 *
 * @param {number} seconds
 */
export function timeLeft(seconds) {
  if (seconds < 90) return t("{count} s left", { count: number(seconds) });
  if (seconds < 5400) return t("{count} min left", { count: number(Math.round(seconds / 60)) });
  const hours = Math.round(seconds / 3600);
  if (hours < 48) return t("{count} h left", { count: number(hours) });
  return n("{count} day left", "{count} days left", Math.round(hours / 24));
}

/**
 * What a member proposes, as a list shows it.
 *
 * @param {Protocol.ProposalData} proposal
 */
export function proposalText({ kind, text }) {
  if (text === null) return t("has written");
  if (kind === "continue" || !text) return t("Let the narrator go on");
  return kind === "say" ? `“${text}”` : text;
}

/**
 * What the page's player may do with a proposal.
 *
 * @param {Seen} state
 * @param {Protocol.ProposalData} proposal
 */
export function rightsTo({ table, you }, { member, votes = [] }) {
  const plays = Boolean(you) && you?.role !== "spectator";
  const own = plays && member === you?.member;
  return {
    own,
    vote: plays && table?.order === "vote",
    voted: Boolean(you && votes.includes(you.member)),
    approve: plays && table?.order === "master" && table.master === you?.member,
  };
}

/**
 * What the button says that goes on without whoever has not acted: the owner's. "" where there is
 * nothing to skip.
 *
 * @param {Seen} state
 */
export function skipLabel(state) {
  const { table, you } = state;
  if (you?.role !== "owner" || !table) return "";
  if (table.order === "round") return t("Skip {name}", { name: nameOf(state, table.turn_of) });
  const goesOn = table.order === "together" || table.order === "vote";
  return goesOn && table.proposals?.length ? t("Go on now") : "";
}

/**
 * Which change waits for more players, in words.
 *
 * @param {Seen} state
 */
export function askedLine(state) {
  const asked = state.table?.asked;
  if (!asked) return "";
  const values = {
    name: nameOf(state, asked.member),
    count: number(asked.agreed.length),
    all: number(asked.needed),
  };
  switch (asked.type) {
    case "retry_turn":
      return t("{name} asks for another reply ({count} of {all} agree).", values);
    case "undo_turn":
      return t("{name} asks to undo ({count} of {all} agree).", values);
    case "redo_turn":
      return t("{name} asks to redo ({count} of {all} agree).", values);
    case "go_to_turn":
      return t("{name} asks to go to another turn ({count} of {all} agree).", values);
    default:
      return t("{name} asks to change a text ({count} of {all} agree).", values);
  }
}

/**
 * The texts that an edit asks for; "" for another change.
 *
 * @param {Seen} state
 */
export const askedText = ({ table }) =>
  [table?.asked?.action, table?.asked?.reply].filter(Boolean).join("\n\n");

/**
 * The command with which the page's player agrees to the change that waits; null where they have
 * agreed, or there is none.
 *
 * @param {Seen} state
 */
export function agreement({ table, you }) {
  const asked = table?.asked;
  if (!asked || !you || you.role === "spectator" || asked.agreed.includes(you.member)) return null;
  if (asked.type === "undo_turn") return { type: /** @type {const} */ ("undo_turn") };
  if (asked.type === "redo_turn") return { type: /** @type {const} */ ("redo_turn") };
  if (!asked.turn) return null;
  if (asked.type === "retry_turn") {
    return { type: /** @type {const} */ ("retry_turn"), turn: asked.turn };
  }
  if (asked.type === "go_to_turn") {
    return { type: /** @type {const} */ ("go_to_turn"), turn: asked.turn };
  }
  const { action, reply } = asked;
  if (asked.type !== "edit_turn" || !(action ?? reply)) return null;
  return { type: /** @type {const} */ ("edit_turn"), turn: asked.turn, action, reply };
}
