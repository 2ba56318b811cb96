// A link to the story up to a turn, or a picture of that turn's last words.

import { t } from "../i18n.js";
import { button, dialogOf, done, make } from "./dialogs.js";
import { lastWords } from "./quotelines.js";

/** @param {{url: string, words: string, title: string}} turn */
export function showShare({ url, words, title }) {
  const plot = make("input");
  plot.type = "checkbox";
  const label = make("label");
  label.append(plot, ` ${t("Include memory, author’s note and cards")}`);
  const checkbox = make("p", "checkbox");
  checkbox.append(label);
  const field = make("input");
  field.readOnly = true;
  field.dir = "ltr";
  field.setAttribute("aria-label", t("Link"));
  const line = make("p", "link-field");
  line.append(field);
  line.hidden = true;
  const said = make("p", "help");
  said.setAttribute("role", "status");

  const link = button(
    t("Create link"),
    async () => {
      link.disabled = true;
      try {
        field.value = await linkTo(url, plot.checked);
        said.textContent = t(
          "Anyone with the link can read it. You can delete it under “Your links”.",
        );
        for (const part of [line, copy, pass]) part.hidden = part === pass && !navigator.share;
        link.hidden = true;
        checkbox.hidden = true;
        field.focus();
        field.select();
      } catch (problem) {
        said.textContent =
          problem instanceof Refused
            ? problem.message
            : t("The host is not responding. Try again in a moment.");
        link.disabled = false;
      }
    },
    "primary",
  );
  const copy = button(
    t("Copy"),
    async () => {
      field.select();
      try {
        await navigator.clipboard.writeText(field.value);
        done(copy, t("Copied"));
      } catch {
        field.focus(); // plain http: the words are chosen, copying is the player's
      }
    },
    "primary",
  );
  const pass = button(t("Share"), () => {
    navigator.share({ title, url: field.value }).catch(() => {}); // thought better of it
  });
  const picture = button(t("Image of its last words"), async () => {
    const { showCard } = await import("./quotecard.js");
    dialog.close();
    showCard({ words: lastWords(words), title });
  });
  picture.hidden = !words.trim();
  copy.hidden = true;
  pass.hidden = true;
  const about = make(
    "p",
    "",
    t(
      "Anyone with the link can read the adventure from its opening to this turn, and continue " +
        "in their own copy. You can delete the link at any time.",
    ),
  );
  const dialog = dialogOf(
    t("Share up to here"),
    [about, checkbox, line, said],
    [link, copy, pass, picture],
  );
}

/** The server answered, and says why there is no link. */
class Refused extends Error {}

/**
 * @param {string} url
 * @param {boolean} plot
 * @returns {Promise<string>}
 */
async function linkTo(url, plot) {
  /** @type {HTMLInputElement | null} */
  const field = document.querySelector("[name=csrfmiddlewaretoken]");
  const token = field?.value ?? "";
  const answer = await fetch(url, {
    method: "POST",
    headers: { Accept: "application/json", "X-CSRFToken": token },
    body: new URLSearchParams(plot ? { plot: "on" } : {}),
  });
  const said = await answer.json();
  if (!answer.ok) throw new Refused(said.message);
  return said.url;
}
