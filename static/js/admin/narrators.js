/** The operator's page of narrators: shows how far installing is, and what came of it. */

const EVERY = 1000; // milliseconds
const page = document.querySelector(".narrators-page[data-progress]");

/** What the page shows now: each narrator that is not offered yet, with its state. */
function shown() {
  return new Map(
    Array.from(page.querySelectorAll("[data-name]"), (row) => [row.dataset.name, row]),
  );
}

/** Shows one narrator's progress. Whether the page has to be loaded anew for it. */
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

async function look() {
  const answer = await fetch(page.dataset.progress, { headers: { Accept: "application/json" } });
  if (!answer.ok || answer.redirected) return;
  const { narrators } = await answer.json();
  const rows = shown();
  const names = new Set(narrators.map((narrator) => narrator.name));
  const changed = narrators.map((narrator) => show(rows.get(narrator.name), narrator));
  const gone = [...rows.keys()].some((name) => !names.has(name));
  // Nothing that is being typed is lost.
  const typed = [...page.querySelectorAll(".case-form input[type=text]")].some(
    (each) => each.value,
  );
  if ((changed.includes(true) || gone) && !typed) location.reload();
}

if (page && page.querySelector("[data-name]")) {
  setInterval(() => look().catch(() => {}), EVERY);
}
