// The page that is shown without a network: it offers what this browser kept.

const box = document.getElementById("kept");

async function offer() {
  if (!globalThis.caches || !(await caches.has("grue-story"))) return;
  const cache = await caches.open("grue-story");
  const [request] = await cache.keys();
  if (!request) return;
  const page = new DOMParser().parseFromString(
    await (await cache.match(request)).text(),
    "text/html",
  );
  const link = box.querySelector("a");
  link.href = new URL("../", request.url).pathname;
  link.querySelector("bdi").textContent = page.querySelector("h1")?.textContent ?? "";
  box.hidden = false;
}

offer();
document.getElementById("again").addEventListener("click", () => location.reload());
// Not under somebody's feet: loading anew would break off the way to where they just went.
let leaving = false;
document.addEventListener("click", (event) => {
  if (event.target.closest("a[href]")) leaving = true;
});
addEventListener("online", () => {
  if (!leaving) location.reload();
});
