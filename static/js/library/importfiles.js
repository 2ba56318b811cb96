// The page of imports: files come by button, drag or paste, and each import is followed.

import { t } from "../i18n.js";

const CHECK_MS = 1000; // between looks at an import that waits

const form = document.querySelector("[data-import-files]");
const list = document.querySelector("[data-imports]");

if (form instanceof HTMLFormElement) takeFiles(form);
if (list) {
  list.addEventListener("submit", startImport);
  for (const row of rowsOf(list)) follow(row);
}
document.querySelector("[data-import-all]")?.addEventListener("click", (event) => {
  const forms = document.querySelectorAll("[data-start-import]");
  for (const each of /** @type {NodeListOf<HTMLFormElement>} */ (forms)) each.requestSubmit();
  /** @type {HTMLElement} */ (event.currentTarget).hidden = true;
});

/** @param {Element} where */
function rowsOf(where) {
  return /** @type {NodeListOf<HTMLElement>} */ (where.querySelectorAll("[data-import]"));
}

/** @param {HTMLFormElement} zone */
function takeFiles(zone) {
  const input = /** @type {HTMLInputElement} */ (zone.elements.namedItem("file"));
  const text = /** @type {HTMLTextAreaElement} */ (zone.elements.namedItem("text"));
  input.addEventListener("change", () => void upload(zone, [...(input.files ?? [])]));
  zone.addEventListener("submit", (event) => {
    event.preventDefault();
    const files = [...(input.files ?? [])];
    if (text.value.trim()) files.push(new File([text.value], ""));
    void upload(zone, files);
  });
  for (const name of ["dragenter", "dragover"]) {
    document.addEventListener(name, (event) => {
      event.preventDefault();
      zone.classList.add("dragging");
    });
  }
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) zone.classList.remove("dragging");
  });
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    zone.classList.remove("dragging");
    void upload(zone, [...(event.dataTransfer?.files ?? [])]);
  });
  document.addEventListener("paste", (event) => {
    if (event.target instanceof HTMLTextAreaElement) return;
    const files = [...(event.clipboardData?.files ?? [])];
    const pasted = event.clipboardData?.getData("text/plain") ?? "";
    if (!files.length && pasted.trim()) files.push(new File([pasted], ""));
    void upload(zone, files);
  });
}

/**
 * Sends files one by one, and shows the previews of those that can be imported.
 *
 * @param {HTMLFormElement} zone
 * @param {File[]} files
 */
async function upload(zone, files) {
  if (!files.length) return;
  const lines = /** @type {HTMLElement} */ (zone.querySelector("[data-uploads]"));
  lines.replaceChildren();
  let taken = 0;
  for (const file of files) {
    const line = document.createElement("li");
    const name = file.name || t("Pasted text");
    line.textContent = t("Reading {name} …", { name });
    line.dir = "auto";
    lines.append(line);
    const problem = await send(zone, file);
    if (problem) {
      line.className = "errors";
      line.textContent = problem;
    } else {
      taken += 1;
      line.textContent = t("{name} was read.", { name });
    }
  }
  zone.reset();
  if (taken === files.length) location.reload();
  else if (taken) await showNewRows();
}

/**
 * Sends one file. What is wrong with it, or "".
 *
 * @param {HTMLFormElement} zone
 * @param {File} file
 */
async function send(zone, file) {
  const body = new FormData();
  const token = /** @type {HTMLInputElement} */ (zone.elements.namedItem("csrfmiddlewaretoken"));
  body.append("csrfmiddlewaretoken", token.value);
  if (file.name) body.append("file", file);
  else body.append("text", await file.text());
  try {
    const answer = await fetch(zone.action, {
      method: "POST",
      headers: { Accept: "application/json" },
      body,
    });
    const said = await answer.json().catch(() => ({}));
    if (said.token) token.value = said.token; // a visitor has become a guest
    if (answer.ok) return "";
    return said.message ?? t("That did not work. Try again.");
  } catch {
    return t("The server cannot be reached. Try again.");
  }
}

/** Adds the rows of files that were read, and keeps the lines of those that were not. */
async function showNewRows() {
  const answer = await fetch(location.href);
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.querySelector("[data-imports]");
  if (!list) {
    const section = fresh?.closest("section");
    if (section && form) form.after(section);
    return;
  }
  const there = new Set([...rowsOf(list)].map((row) => row.dataset.import));
  const added = fresh ? [...rowsOf(fresh)].filter((row) => !there.has(row.dataset.import)) : [];
  list.prepend(...added);
}

/** @param {Event} event */
async function startImport(event) {
  const sent = event.target;
  const pressed = event instanceof SubmitEvent ? event.submitter : null;
  if (pressed?.hasAttribute("formaction")) return; // it removes the file
  if (!(sent instanceof HTMLFormElement) || !("startImport" in sent.dataset)) return;
  event.preventDefault();
  const row = /** @type {HTMLElement} */ (sent.closest("[data-import]"));
  const answer = await fetch(sent.action, {
    method: "POST",
    headers: { Accept: "application/json" },
    body: new FormData(sent),
  }).catch(() => null);
  if (answer?.ok) {
    row.dataset.state = "waiting";
    follow(row);
    return;
  }
  const said = await answer?.json().catch(() => ({}));
  const line = sent.querySelector(".errors") ?? document.createElement("p");
  line.className = "errors";
  line.setAttribute("role", "alert");
  line.textContent = said?.message ?? t("That did not work. Try again.");
  sent.append(line);
}

/**
 * Shows how far an import is, until it has ended.
 *
 * @param {HTMLElement} row
 */
async function follow(row) {
  while (row.isConnected && row.dataset.state === "waiting") {
    try {
      const answer = await fetch(`${row.dataset.import}?part`);
      if (answer.ok) {
        const part = new DOMParser().parseFromString(await answer.text(), "text/html");
        row.replaceChildren(...part.body.childNodes);
        row.dataset.state = answer.headers.get("X-Import-State") ?? "waiting";
      }
    } catch {
      // The server is away for a moment: look again.
    }
    await new Promise((resolve) => {
      setTimeout(resolve, CHECK_MS);
    });
  }
}
