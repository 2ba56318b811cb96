// Who tells, while a better narrator is being fetched: the page's parts about it are loaded again
// until it is there.

import { $ } from "./page.js";

const INTERVAL = 5000; // ms between looks

export function watch() {
  const address = $("narrator-progress")?.dataset.part;
  if (address) setTimeout(() => refresh(address), INTERVAL);
}

/** @param {string} address */
async function refresh(address) {
  try {
    const answer = await fetch(address);
    if (answer.ok && !answer.redirected) show(await answer.text());
  } catch {
    // Offline: the socket says so, and this is looked at again.
  }
  if ($("narrator-progress")?.dataset.part) watch();
  else if ($("narrator-progress")) setTimeout(() => refreshOnce(address), INTERVAL);
}

/**
 * It is here: what the page says of who tells may be a moment old.
 *
 * @param {string} address
 */
async function refreshOnce(address) {
  const answer = await fetch(address).catch(() => null);
  if (answer?.ok && !answer.redirected) show(await answer.text());
}

/** @param {string} html */
function show(html) {
  const fresh = new DOMParser().parseFromString(html, "text/html");
  for (const id of /** @type {const} */ (["narrator", "narrator-progress"])) {
    const [old, now] = [$(id), fresh.getElementById(id)];
    if (!old || !now || old.outerHTML === now.outerHTML) continue;
    if (old.hasAttribute("open")) now.setAttribute("open", "");
    old.replaceWith(document.adoptNode(now));
  }
}
