// What every part of the play page asks of the page itself.

/**
 * The parts of the play page (templates/adventures/play.html) that are more than an HTMLElement, or
 * are not there for everybody.
 *
 * @typedef {{
 *   input: HTMLTextAreaElement, mode: HTMLSelectElement,
 *   send: HTMLButtonElement, continue: HTMLButtonElement, retry: HTMLButtonElement,
 *   undo: HTMLButtonElement, redo: HTMLButtonElement,
 *   panel: HTMLDialogElement, shortcuts: HTMLDialogElement, gestures: HTMLDialogElement,
 *   "plot-form": HTMLFormElement, writer: HTMLDetailsElement | null,
 *   narrator: HTMLDetailsElement | null, "narrator-progress": HTMLElement | null,
 *   "other-branch": HTMLElement | null,
 * }} Parts
 */

/**
 * @template {string} Id
 * @param {Id} id
 * @returns {Id extends keyof Parts ? Parts[Id] : HTMLElement}
 */
export const $ = (id) => /** @type {any} */ (document.getElementById(id));

/** Fingers on glass: no hover, and the keyboard covers the page. */
export const touch = matchMedia("(hover: none) and (pointer: coarse)");

/**
 * The element that an event came from. Only a window or a document is none, and no listener of ours
 * asks those.
 *
 * @param {Event} event
 */
export const targetOf = (event) => /** @type {HTMLElement} */ (event.target);
