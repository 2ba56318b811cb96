// The page that is shown without a network: it offers what this browser kept.

const box = /** @type {HTMLElement} */ (document.getElementById("kept"));

async function offer() {
  if (!globalThis.caches || !(await caches.has("grue-story"))) return;
  const cache = await caches.open("grue-story");
  const [request] = await cache.keys();
  if (!request) return;
  const kept = await cache.match(request);
  if (!kept) return; // it was let go in another window
  const page = new DOMParser().parseFromString(await kept.text(), "text/html");
  const link = /** @type {HTMLAnchorElement} */ (box.querySelector("a"));
  link.href = new URL("../", request.url).pathname;
  const title = /** @type {HTMLElement} */ (link.querySelector("bdi"));
  title.textContent = page.querySelector("h1")?.textContent ?? "";
  box.hidden = false;
}

offer();
document.getElementById("again")?.addEventListener("click", () => location.reload());
// Not under somebody's feet: loading anew would break off the way to where they just went.
let leaving = false;
document.addEventListener("click", ({ target }) => {
  if (target instanceof Element && target.closest("a[href]")) leaving = true;
});
addEventListener("online", () => {
  if (!leaving) location.reload();
});
