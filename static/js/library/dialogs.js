// Dialogs that are made when they are needed, and gone when they are closed.

import { t } from "../i18n.js";

/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 */
export function make(tag, className = "", text = "") {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text) element.textContent = text;
  return element;
}

/**
 * @param {string} text
 * @param {() => void} press
 */
export function button(text, press, className = "") {
  const element = make("button", className, text);
  element.type = "button";
  element.addEventListener("click", press);
  return element;
}

/**
 * A modal dialog with a heading, `parts`, and buttons that end with Close.
 *
 * @param {string} heading
 * @param {HTMLElement[]} parts
 * @param {HTMLElement[]} buttons
 */
export function dialogOf(heading, parts, buttons) {
  const dialog = make("dialog", "library-dialog");
  const title = make("h2", "", heading);
  title.id = `heading-${crypto.getRandomValues(new Uint32Array(1))[0]}`;
  title.tabIndex = -1;
  title.autofocus = true;
  dialog.setAttribute("aria-labelledby", title.id);
  const actions = make("div", "actions");
  actions.append(
    ...buttons,
    button(t("Close"), () => dialog.close()),
  );
  dialog.append(title, ...parts, actions);
  dialog.addEventListener("click", ({ target }) => target === dialog && dialog.close());
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/**
 * Say for a moment that a button did what it says.
 *
 * @param {HTMLElement} pressed
 * @param {string} text
 */
export function done(pressed, text) {
  const said = pressed.textContent;
  pressed.textContent = text;
  setTimeout(() => {
    pressed.textContent = said;
  }, 2000);
}
