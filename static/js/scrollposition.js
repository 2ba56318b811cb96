// Where the reader was when the page went away.

/** @param {string} adventure */
const keyOf = (adventure) => `grue:place:${adventure}`;

/**
 * Remember which turn stands at the top of `scroller`, unless the reader is at the end.
 *
 * @param {string} adventure
 * @param {HTMLElement} scroller
 * @param {HTMLElement} list
 * @param {boolean} atEnd
 */
export function save(adventure, scroller, list, atEnd) {
  const top = scroller.getBoundingClientRect().top;
  const turns = /** @type {HTMLElement[]} */ ([...list.children]);
  const seen = turns.find((turn) => turn.getBoundingClientRect().bottom > top);
  if (!seen) return;
  const off = seen.getBoundingClientRect().top - top;
  const place = atEnd ? { end: true } : { turn: seen.dataset.turn, off };
  try {
    sessionStorage.setItem(keyOf(adventure), JSON.stringify(place));
  } catch {
    // Forbidden: the page opens at its end.
  }
}

/**
 * Go back there. False where that place is not known or not on the page.
 *
 * @param {string} adventure
 * @param {HTMLElement} scroller
 * @param {(turn: string) => HTMLElement | undefined} elementOf
 */
export function restore(adventure, scroller, elementOf) {
  let place = null;
  try {
    place = JSON.parse(sessionStorage.getItem(keyOf(adventure)) ?? "null");
  } catch {
    // Forbidden or broken.
  }
  const element = place?.turn && elementOf(place.turn);
  if (!element) return false;
  const top = scroller.getBoundingClientRect().top;
  scroller.scrollTop += element.getBoundingClientRect().top - top - place.off;
  return true;
}
