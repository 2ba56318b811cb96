// Grue as an app: starts the service worker, and tells it whose browser this is. The last adventure
// is kept to be read without a network; only secure addresses (https, this machine) have a worker.

const { serviceWorker } = navigator;
const SETTLE = 3000; // ms after the last change of a story before it is kept anew

/** @param {object} message */
const tell = async (message) => {
  try {
    const { active } = await serviceWorker.ready;
    active?.postMessage(message);
  } catch {
    // No worker here: nothing is kept.
  }
};

/** @param {string} name */
const said = (name) => document.querySelector(`meta[name=${name}]`)?.getAttribute("content");

/** Whoever is signed in, as a word that says nothing; null on a page that was kept. */
const player = said("player") ?? null;

const script = said("worker");

if (serviceWorker && script && player !== null) {
  serviceWorker.register(script).catch(() => {
    // Forbidden by this browser.
  });
  tell({ type: "here", player });
}

let soon = 0;

/**
 * The adventure at `path` is the last one played: keep it as it stands in a moment.
 *
 * @param {string} path
 */
export function keepToRead(path) {
  if (!serviceWorker || !player) return;
  clearTimeout(soon);
  soon = setTimeout(() => tell({ type: "keep", url: `${path}read/?kept`, player }), SETTLE);
}
