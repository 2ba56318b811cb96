// Buttons that copy a link. Without a clipboard (a page over plain http) the field beside is chosen.

import { t } from "../i18n.js";

/** @type {NodeListOf<HTMLButtonElement>} */
const buttons = document.querySelectorAll("[data-copy]");
for (const button of buttons) {
  const said = button.textContent;
  button.addEventListener("click", async () => {
    const field = button.parentElement?.querySelector("input");
    try {
      await navigator.clipboard.writeText(button.dataset.copy ?? "");
      button.textContent = t("Copied");
      setTimeout(() => {
        button.textContent = said;
      }, 2000);
    } catch {
      field?.focus();
      field?.select();
    }
  });
}
