// The service worker. Every page comes from the network, as without it; where there is none, the
// last adventure can be read, and any other address shows a page that says so.
//
// Before this code stands `const KEPT = {version, shell, offline, base}` (game/offline/views.py). Two
// caches: the shell is ours and everybody's, named by its version; the story is one player's, one
// page, gone when they log out.

const worker = /** @type {ServiceWorkerGlobalScope} */ (/** @type {unknown} */ (self));
const SHELL = `grue-shell-${KEPT.version}`;
const STORY = "grue-story";
const PLAYER = "X-Kept-For"; // a word for the player, of ours: on what is kept, never sent
// Below KEPT.base, which is "/" or the path that the host serves us at.
const ADVENTURE = /^adventures\/[0-9a-f-]{36}\/(?:read\/)?$/u;
const LEAVES = /^accounts\/(?:logout|delete)/u;
/** @param {URL} url */
const below = (url) =>
  url.pathname.startsWith(KEPT.base) ? url.pathname.slice(KEPT.base.length) : "";
const ADVENTURE_LENGTH = "adventures/".length + 36 + 1;

worker.addEventListener("install", (event) => {
  const keepShell = async () => {
    const cache = await caches.open(SHELL);
    // Past the browser's own cache: these belong together.
    await cache.addAll(
      [KEPT.offline, ...KEPT.shell].map(
        (url) => new Request(url, { cache: "reload", credentials: "omit" }),
      ),
    );
    await worker.skipWaiting();
  };
  event.waitUntil(keepShell());
});

worker.addEventListener("activate", (event) => {
  const tidy = async () => {
    const names = await caches.keys();
    const old = names.filter((name) => name.startsWith("grue-shell-") && name !== SHELL);
    await Promise.all(old.map((name) => caches.delete(name)));
    await worker.clients.claim();
    await keepAgain();
  };
  event.waitUntil(tidy());
});

worker.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (url.origin !== location.origin) return;
  if (request.method === "POST" && LEAVES.test(below(url))) {
    event.waitUntil(caches.delete(STORY));
    return;
  }
  if (request.method !== "GET") return;
  if (request.mode === "navigate") event.respondWith(page(request, url));
  else if (below(url).startsWith("static/")) event.respondWith(file(request));
});

/**
 * A page, of the network; without one, what is kept.
 *
 * @param {Request} request
 * @param {URL} url
 */
async function page(request, url) {
  try {
    return await fetch(request);
  } catch (problem) {
    const kept =
      ADVENTURE.test(below(url)) &&
      (await story(url.pathname.slice(0, KEPT.base.length + ADVENTURE_LENGTH)));
    const instead = kept || (await caches.match(KEPT.offline, { cacheName: SHELL }));
    if (instead) return instead;
    throw problem;
  }
}

/** @param {Request} request */
async function file(request) {
  try {
    return await fetch(request);
  } catch (problem) {
    const kept = await caches.match(request, { cacheName: SHELL, ignoreSearch: true });
    if (kept) return kept;
    throw problem;
  }
}

/**
 * The page that is kept, if it is of the adventure at `path`.
 *
 * @param {string} path
 */
async function story(path) {
  const cache = await caches.open(STORY);
  for (const request of await cache.keys()) {
    if (new URL(request.url).pathname.startsWith(path)) return cache.match(request);
  }
  return null;
}

worker.addEventListener("message", (event) => {
  const { type, url, player } = event.data ?? {};
  if (type === "keep") event.waitUntil(keep(url, player));
  else if (type === "here") event.waitUntil(forgetOthers(player));
});

/**
 * Keep the adventure at `url` to be read, in place of the one before.
 *
 * @param {string} url
 * @param {string} player
 */
async function keep(url, player) {
  let answer;
  try {
    answer = await fetch(url);
  } catch {
    return; // what is kept already stays
  }
  if (!answer.ok || answer.redirected) return;
  const headers = new Headers({ [PLAYER]: player });
  for (const name of ["Content-Type", "Content-Security-Policy"]) {
    const said = answer.headers.get(name);
    if (said) headers.set(name, said);
  }
  const copy = new Response(await answer.blob(), { headers });
  await caches.delete(STORY);
  const cache = await caches.open(STORY);
  await cache.put(url, copy);
}

/** Fetch the page that is kept again: it names files of the shell, which may be called otherwise now. */
async function keepAgain() {
  if (!(await caches.has(STORY))) return;
  const cache = await caches.open(STORY);
  for (const request of await cache.keys()) {
    const player = (await cache.match(request))?.headers.get(PLAYER);
    if (player) await keep(request.url, player);
  }
}

/**
 * A page was opened by `player` ("" is nobody): what is kept for anybody else is let go.
 *
 * @param {string} player
 */
async function forgetOthers(player) {
  if (!(await caches.has(STORY))) return;
  const cache = await caches.open(STORY);
  for (const request of await cache.keys()) {
    const kept = await cache.match(request);
    if (kept?.headers.get(PLAYER) !== player) await caches.delete(STORY);
  }
}
