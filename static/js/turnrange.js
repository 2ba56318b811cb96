// Which turns of a long story stand on the page. The story may have thousands; the page keeps a
// stretch of them, and moves it as the reader does.
//
// A range is {from, to}: ids of the first and the last turn shown. `from` null begins with the
// first turn known; `to` null goes with the head, wherever it moves.

/** @typedef {{from: string | null, to: string | null}} TurnRange */
/** @typedef {{id: string}[]} Path */

export const STEP = 100; // turns that come at once
export const MOST = 300; // turns on the page

/** @type {TurnRange} */
export const WHOLE = { from: null, to: null };

/**
 * @param {Path} path
 * @param {string | null} id
 * @param {number} otherwise
 */
const at = (path, id, otherwise) => {
  const found = id === null ? -1 : path.findIndex((turn) => turn.id === id);
  return found < 0 ? otherwise : found;
};

/**
 * The first and the last place of `range` in `path`. What it names may have left the path.
 *
 * @param {Path} path
 * @param {TurnRange} range
 * @returns {[number, number]}
 */
export function places(path, range) {
  const last = at(path, range.to, path.length - 1);
  const lost = range.from !== null && !path.some((turn) => turn.id === range.from);
  const first = lost ? last - STEP + 1 : at(path, range.from, 0);
  return [Math.max(0, Math.min(first, last)), last];
}

/**
 * @param {Path} path
 * @param {number} first
 * @param {number} last
 * @returns {TurnRange}
 */
const between = (path, first, last) => ({
  from: first <= 0 ? null : path[first].id,
  to: last >= path.length - 1 ? null : path[last].id,
});

/**
 * STEP turns more above; what is then too many leaves below.
 *
 * @param {Path} path
 * @param {TurnRange} range
 */
export function up(path, range) {
  const [first, last] = places(path, range);
  const next = Math.max(0, first - STEP);
  return between(path, next, Math.min(last, next + MOST - 1));
}

/**
 * STEP turns more below; what is then too many leaves above.
 *
 * @param {Path} path
 * @param {TurnRange} range
 */
export function down(path, range) {
  const [first, last] = places(path, range);
  const next = Math.min(path.length - 1, last + STEP);
  return between(path, Math.max(first, next - MOST + 1), next);
}

/**
 * The turns around one.
 *
 * @param {Path} path
 * @param {string} id
 */
export function around(path, id) {
  const place = at(path, id, path.length - 1);
  return between(path, place - STEP / 2, Math.min(path.length - 1, place + STEP / 2));
}

/**
 * The newest turns.
 *
 * @param {Path} path
 */
export const end = (path) => between(path, path.length - STEP, path.length - 1);

/**
 * As it is, or without its oldest turns when the story has outgrown the page.
 *
 * @param {Path} path
 * @param {TurnRange} range
 */
export function trimmed(path, range) {
  const [first, last] = places(path, range);
  return last - first < MOST ? range : between(path, last - 2 * STEP + 1, last);
}
