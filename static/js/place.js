// Where the reader was when the page went away.

const keyOf = (adventure) => `grue:place:${adventure}`;

/** Remember which turn stands at the top of `scroller`, unless the reader is at the end. */
export function keep(adventure, scroller, list, atEnd) {
  const top = scroller.getBoundingClientRect().top;
  const seen = [...list.children].find((turn) => turn.getBoundingClientRect().bottom > top);
  if (!seen) return;
  const off = seen.getBoundingClientRect().top - top;
  const place = atEnd ? { end: true } : { turn: seen.dataset.turn, off };
  try {
    sessionStorage.setItem(keyOf(adventure), JSON.stringify(place));
  } catch {
    // Forbidden: the page opens at its end.
  }
}

/** Go back there. False where that place is not known or not on the page. */
export function restore(adventure, scroller, elementOf) {
  let place = null;
  try {
    place = JSON.parse(sessionStorage.getItem(keyOf(adventure)));
  } catch {
    // Forbidden or broken.
  }
  const element = place?.turn && elementOf(place.turn);
  if (!element) return false;
  const top = scroller.getBoundingClientRect().top;
  scroller.scrollTop += element.getBoundingClientRect().top - top - place.off;
  return true;
}
