// Grue as an app: starts the service worker, and tells it whose browser this is. The last adventure
// is kept to be read without a network; only secure addresses (https, this machine) have a worker.

const { serviceWorker } = navigator;
const SETTLE = 3000; // ms after the last change of a story before it is kept anew

/** @param {object} message */
const sendToWorker = async (message) => {
  try {
    const { active } = await serviceWorker.ready;
    active?.postMessage(message);
  } catch {
    // No worker here: nothing is kept.
  }
};

/** @param {string} name */
const metaContent = (name) => document.querySelector(`meta[name=${name}]`)?.getAttribute("content");

/** Whoever is signed in, as a word that says nothing; null on a page that was kept. */
const player = metaContent("player") ?? null;

const script = metaContent("worker");

if (serviceWorker && script && player !== null) {
  serviceWorker.register(script).catch(() => {
    // Forbidden by this browser.
  });
  sendToWorker({ type: "here", player });
}

let saveTimer = 0;

/**
 * The adventure at `path` is the last one played: keep it as it stands in a moment.
 *
 * @param {string} path
 */
export function saveForOffline(path) {
  if (!serviceWorker || !player) return;
  clearTimeout(saveTimer);
  saveTimer = setTimeout(
    () => sendToWorker({ type: "keep", url: `${path}read/?kept`, player }),
    SETTLE,
  );
}
