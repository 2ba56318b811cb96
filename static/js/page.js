// What every part of the play page asks of the page itself.

export const $ = (id) => document.getElementById(id);

/** Fingers on glass: no hover, and the keyboard covers the page. */
export const touch = matchMedia("(hover: none) and (pointer: coarse)");
