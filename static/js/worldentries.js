// The state of the world as the panel shows it: its groups, why an entry is there, and what an edit
// changes. docs/world.md describes the state. Nothing here touches the page.

import { number, t } from "./i18n.js";
import { codePoints } from "./story.js";

/** @typedef {"place" | "time" | "person" | "thing" | "aim" | "fact"} Part */
/** @typedef {"player" | "scenario" | "rule" | "narrator" | "dice"} Source */
/**
 * What every entry says of itself: the turn that it is from and that turn's place on the path, what
 * it was read from, whether the player has set it, and whether the turn that is shown changed it.
 *
 * @typedef {{turn: string, number: number, source: Source, sentence: string, locked: boolean,
 *   changed: boolean}} Origin
 */
/** @typedef {Origin & {value: string}} Line */
/**
 * `fields`: what "life", "here" and "mood" say of themselves, where they are known.
 *
 * @typedef {Origin & {name: string, life: string, here: boolean, mood: string,
 *   fields?: Record<string, Origin>}} Person
 */
/** @typedef {Origin & {name: string, held: string}} Thing */
/** @typedef {Origin & {text: string}} Text */
/**
 * The answer of /adventures/<uuid>/world/.
 *
 * @typedef {{version: number, turn: string, number: number, place: Line | null, time: Line | null, people: Person[],
 *   things: Thing[], aims: Text[], facts: Text[]}} World
 */
/** @typedef {{part: Part, name: string, field: string, value: string}} Change */
/** @typedef {Omit<Change, "value">} EntryName which value of the state is meant */
/** @typedef {{says: string, origin: Origin}} Reason what an origin is about, "" where it is about all */
/**
 * An entry as it is shown and edited: `state` is where a person is ("here", "elsewhere", "dead",
 * "gone") or how a thing is held; `name` is also the text of a place, a time, an aim or a fact.
 *
 * @typedef {{part: Part, name: string, state: string, mood: string, origin: Origin | null,
 *   reasons: Reason[]}} Entry
 */
/** @typedef {Pick<Entry, "name" | "state" | "mood">} Values */

/**
 * What an entry can be, in the order in which they are shown.
 *
 * @type {Record<Part, string[]>}
 */
export const STATES = {
  place: [""],
  time: [""],
  person: ["here", "elsewhere", "dead", "gone"],
  thing: ["carried", "worn", "lost"],
  aim: [""],
  fact: [""],
};
/** @type {Record<string, string>} */
const STATE_NAMES = {
  alive: t("Alive"),
  here: t("Here"),
  elsewhere: t("Elsewhere"),
  dead: t("Dead"),
  gone: t("Gone"),
  carried: t("Carried"),
  worn: t("Worn"),
  lost: t("Lost"),
};

/**
 * In code points, as inference/contract/world.py has them.
 *
 * @type {Record<Part, number>}
 */
export const LONGEST = { place: 120, time: 120, person: 60, thing: 60, aim: 200, fact: 200 };
export const LONGEST_MOOD = 20;

/**
 * The entries of one part, in the order in which they became known; place and time are always one.
 *
 * @param {World} world
 * @param {Part} part
 * @returns {Entry[]}
 */
export function entriesOf(world, part) {
  if (part === "place" || part === "time") {
    const line = world[part];
    return [entryOf(part, line?.value ?? "", line)];
  }
  if (part === "person") {
    return world.people.map((person) => {
      const { name, life, here, mood } = person;
      const alive = here ? "here" : "elsewhere";
      const entry = entryOf(part, name, person);
      const reasons = reasonsOf(person);
      return { ...entry, mood, reasons, state: life === "alive" ? alive : life };
    });
  }
  if (part === "thing") {
    return world.things.map((thing) => ({
      ...entryOf(part, thing.name, thing),
      state: thing.held,
    }));
  }
  return (part === "aim" ? world.aims : world.facts).map((each) => entryOf(part, each.text, each));
}

/**
 * @param {Part} part
 * @param {string} name
 * @param {Origin | null} origin
 * @returns {Entry}
 */
const entryOf = (part, name, origin) => ({
  part,
  name,
  state: "",
  mood: "",
  origin,
  reasons: origin ? [{ says: "", origin }] : [],
});

/**
 * Where each of the things that are known of a person is from, those of one sentence together.
 *
 * @param {Person} person
 * @returns {Reason[]}
 */
function reasonsOf({ life, here, mood, fields = {}, ...origin }) {
  const { life: lives, here: stays, mood: feels } = fields;
  /** @type {Reason[]} */
  const reasons = [];
  for (const [from, says] of /** @type {[Origin | undefined, string][]} */ ([
    [lives, lives ? (STATE_NAMES[life] ?? life) : ""],
    [stays, here ? STATE_NAMES.here : STATE_NAMES.elsewhere],
    [feels, mood],
  ])) {
    if (!from) continue;
    const same = reasons.find(
      ({ origin: other }) =>
        other.turn === from.turn &&
        other.source === from.source &&
        other.sentence === from.sentence,
    );
    if (same) same.says += `, ${says}`;
    else reasons.push({ says, origin: from });
  }
  if (reasons.length > 1) return reasons;
  return [{ says: "", origin: reasons[0]?.origin ?? origin }];
}

/**
 * What tells one entry from another while the world changes around it.
 *
 * @param {Pick<Entry, "part" | "name">} entry
 */
export const keyOf = ({ part, name }) =>
  part === "place" || part === "time" ? part : `${part}:${name}`;

/**
 * What is wrong with the values of a form, in words; "" where nothing is.
 *
 * @param {Part} part
 * @param {Values} values
 */
export function problemOf(part, { name, mood }) {
  if (!name)
    return part === "person" || part === "thing" ? t("Give it a name.") : t("Type a text.");
  return tooLong(name, LONGEST[part]) || tooLong(mood, LONGEST_MOOD);
}

/**
 * @param {string} text
 * @param {number} most
 */
function tooLong(text, most) {
  const length = codePoints(text);
  if (length <= most) return "";
  return t("“{start}…” has {length} characters; the limit is {most}. Shorten it.", {
    start: [...text].slice(0, 20).join(""),
    length: number(length),
    most: number(most),
  });
}

/**
 * The changes that make `was` what the form says; without `was` they add an entry. Only what is
 * different is changed: the rest is still read from the story.
 *
 * @param {Part} part
 * @param {Entry | null} was
 * @param {Values} now
 * @returns {Change[]}
 */
export function changesOf(part, was, now) {
  const renamed = was !== null && was.name !== "" && was.name !== now.name;
  if (part === "place" || part === "time") {
    return was?.name === now.name ? [] : [{ part, name: "", field: "", value: now.name }];
  }
  const before = renamed ? removalOf(was) : [];
  const base = renamed ? null : was;
  if (part === "person") return [...before, ...personChanges(base, now)];
  if (part === "thing") {
    const held = { part, name: now.name, field: "held", value: now.state };
    return base?.state === now.state ? before : [...before, held];
  }
  if (base) return before;
  return [...before, { part, name: now.name, field: "", value: part === "aim" ? "open" : "true" }];
}

/**
 * @param {Entry | null} was
 * @param {Values} now
 * @returns {Change[]}
 */
function personChanges(was, { name, state, mood }) {
  const lives = (/** @type {string} */ of) => of === "here" || of === "elsewhere";
  /** @param {string} field @param {string} value @returns {Change} */
  const change = (field, value) => ({ part: "person", name, field, value });
  const changes = [];
  if (!was || was.state !== state) {
    if (!lives(state)) changes.push(change("life", state));
    else {
      if (!was || !lives(was.state)) changes.push(change("life", "alive"));
      changes.push(change("here", state === "here" ? "yes" : "no"));
    }
  }
  if ((was?.mood ?? "") !== mood) changes.push(change("mood", mood));
  return changes;
}

/** @type {Record<Part, string>} */
const REMOVED_BY = { place: "", time: "", person: "life", thing: "held", aim: "", fact: "" };

/**
 * The change that removes an entry.
 *
 * @param {Entry} entry
 * @returns {Change[]}
 */
export const removalOf = ({ part, name }) => [
  {
    part,
    name: part === "place" || part === "time" ? "" : name,
    field: REMOVED_BY[part],
    value: "",
  },
];

/**
 * The names of all that is known of an entry.
 *
 * @param {Entry} entry
 * @returns {EntryName[]}
 */
export function namesOf({ part, name }) {
  const named = part === "place" || part === "time" ? "" : name;
  const fields = part === "person" ? ["life", "here", "mood"] : [REMOVED_BY[part]];
  return fields.map((field) => ({ part, name: named, field }));
}

/** @param {string} state */
export const stateName = (state) => STATE_NAMES[state] ?? state;

/**
 * The turn of an entry or of a state, in words.
 *
 * @param {{number: number}} at
 */
export const turnName = ({ number: place }) =>
  place > 0 ? t("turn {number}", { number: number(place) }) : t("the opening");

/**
 * How an entry came to be known, in words.
 *
 * @param {Source} source
 */
export function sourceName(source) {
  if (source === "player") return t("Set by you");
  if (source === "scenario") return t("From the scenario");
  if (source === "narrator") return t("Read by the narrator");
  if (source === "dice") return t("Decided by the dice");
  return t("Read by a rule");
}
