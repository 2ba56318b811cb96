/** The operator's page of narrators: shows how far installing is, and what came of it. */

const INTERVAL = 1000; // milliseconds
/** @typedef {{name: string, state: string, step: string, percent: number | null}} Narrator */

/** @type {HTMLElement | null} */
const page = document.querySelector(".narrators-page[data-progress]");

/**
 * What the page shows now: each narrator that is not offered yet, by its name.
 *
 * @param {HTMLElement} box
 */
function rowsByName(box) {
  /** @type {NodeListOf<HTMLElement>} */
  const rows = box.querySelectorAll("[data-name]");
  return new Map([...rows].map((row) => [row.dataset.name ?? "", row]));
}

/**
 * Shows one narrator's progress. Whether the page has to be loaded anew for it.
 *
 * @param {HTMLElement | undefined} row
 * @param {Narrator} narrator
 */
function show(row, narrator) {
  if (row === undefined) return narrator.state !== "ready";
  if (row.dataset.state !== narrator.state) return true;
  const step = row.querySelector(".narrator-step");
  if (step && step.textContent !== narrator.step) step.textContent = narrator.step;
  const bar = row.querySelector("progress");
  if (bar && narrator.percent !== null) bar.value = narrator.percent;
  else if (bar) bar.removeAttribute("value");
  return false;
}

/** @param {HTMLElement} box */
async function refresh(box) {
  const answer = await fetch(box.dataset.progress ?? "", {
    headers: { Accept: "application/json" },
  });
  if (!answer.ok || answer.redirected) return;
  /** @type {{narrators: Narrator[]}} */
  const { narrators } = await answer.json();
  const rows = rowsByName(box);
  const names = new Set(narrators.map((narrator) => narrator.name));
  const changed = narrators.map((narrator) => show(rows.get(narrator.name), narrator));
  const gone = [...rows.keys()].some((name) => !names.has(name));
  // Nothing that is being typed is lost.
  /** @type {NodeListOf<HTMLInputElement>} */
  const fields = box.querySelectorAll(".case-form input[type=text]");
  const typed = [...fields].some((each) => each.value);
  if ((changed.includes(true) || gone) && !typed) location.reload();
}

if (page && page.querySelector("[data-name]")) {
  setInterval(() => refresh(page).catch(() => {}), INTERVAL);
}
