// The dialog in which a chapter that ends with a turn is closed, renamed or removed.

import { showAlert } from "./alerts.js";
import { t } from "./i18n.js";
import { button, dialogOf, make } from "./library/dialogs.js";

const LONGEST = 80; // code points of a title

/**
 * @param {{url: string, turn: string, title: string}} chapter `url`: of the adventure's chapters;
 *   `title`: "" where none ends with the turn yet
 */
export function showChapter({ url, turn, title }) {
  const form = make("form", "chapter-form");
  form.id = "chapter-form";
  const label = make("label", "", t("Title of the chapter that ends with this turn"));
  const field = make("input");
  field.type = "text";
  field.value = title;
  field.maxLength = LONGEST;
  field.required = true;
  field.dir = "auto";
  field.autocomplete = "off";
  label.append(field);
  const problem = make("p", "errors");
  problem.setAttribute("role", "alert");
  const save = make("button", "primary", title ? t("Rename") : t("End chapter"));
  save.setAttribute("form", form.id);
  form.append(label, problem);

  /**
   * @param {string} to
   * @param {string} done
   */
  const send = async (to, done) => {
    save.disabled = true;
    problem.textContent = "";
    try {
      await post(to, { turn, title: field.value });
      dialog.close();
      showAlert(done);
    } catch (refused) {
      problem.textContent =
        refused instanceof Refused
          ? refused.message
          : t("Could not save. What you typed is still here; try again.");
      save.disabled = false;
    }
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send(url, t("Chapter saved."));
  });
  const remove = button(
    t("Remove chapter"),
    () => send(`${url}${turn}/`, t("Chapter removed. Its turns stay.")),
    "danger",
  );
  const heading = title ? t("Edit chapter") : t("End a chapter here");
  const dialog = dialogOf(heading, [form], title ? [save, remove] : [save]);
  field.focus();
  field.select();
}

/** What the server says against it, for the player. */
class Refused extends Error {}

/**
 * @param {string} url
 * @param {Record<string, string>} fields
 */
async function post(url, fields) {
  const body = new FormData();
  for (const [name, value] of Object.entries(fields)) body.set(name, value);
  /** @type {HTMLInputElement | null} */
  const token = document.querySelector("[name=csrfmiddlewaretoken]");
  body.set("csrfmiddlewaretoken", token?.value ?? "");
  const answer = await fetch(url, {
    method: "POST",
    body,
    headers: { Accept: "application/json" },
  });
  const said = await answer.json();
  if (!answer.ok) throw new Refused(said.message);
}
