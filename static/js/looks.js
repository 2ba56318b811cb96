// How pages look to this browser: theme, letters, size, width. It runs before the page is drawn
// (a plain script, not a module), so that nobody is dazzled by another theme first.
//
// A control with `data-looks="theme"` in any page sets what it names; a browser that forbids
// storage keeps it for as long as the page lives.

"use strict";

(() => {
  const KEY = "grue:looks";
  /** @type {Record<string, string>} */
  const PAGE = { night: "#14110d", paper: "#f6f0e3", terminal: "#07100a" };
  // What may be chosen, the usual first. `text` is a factor of the size that letters have anyway.
  /** @type {Record<string, string[]>} */
  const CHOICES = {
    theme: ["auto", "night", "paper", "terminal"],
    font: ["book", "plain", "typewriter", "easy"],
    width: ["medium", "narrow", "wide"],
    text: ["1", "0.85", "1.15", "1.3", "1.5", "1.75"],
  };
  const root = document.documentElement;
  /** @type {HTMLMetaElement | null} */
  const account = document.querySelector("meta[name=looks]");
  /** @type {Record<string, string>} */
  const looks = {};

  function read() {
    let kept = null;
    try {
      kept = JSON.parse(localStorage.getItem(KEY) ?? "null");
    } catch {
      // Forbidden or broken: the usual.
    }
    kept ??= chosenElsewhere();
    for (const [name, choices] of Object.entries(CHOICES)) {
      looks[name] = choices.includes(kept?.[name]) ? kept[name] : choices[0];
    }
  }

  /** What this player chose in another browser, as "theme=night;font=plain;". */
  function chosenElsewhere() {
    const said = account?.content;
    return said ? Object.fromEntries(said.split(";").map((each) => each.split("="))) : null;
  }

  /**
   * Signed in, a choice goes along to the player's other browsers.
   *
   * @param {string} name
   */
  function saveToAccount(name) {
    if (!account) return;
    const { keep = "", token = "" } = account.dataset;
    const body = new URLSearchParams({ [name]: looks[name], csrfmiddlewaretoken: token });
    // Kept in this browser already: where the host is away, that is all there is.
    fetch(keep, { method: "POST", body }).catch(() => {});
  }

  function apply() {
    const { theme, font, width, text } = looks;
    for (const [name, value] of Object.entries({ theme, font, width })) {
      if (value === CHOICES[name][0]) delete root.dataset[name];
      else root.dataset[name] = value;
    }
    if (text === "1") root.style.removeProperty("--text");
    else root.style.setProperty("--text", text);
    /** @type {NodeListOf<HTMLMetaElement>} */
    const colours = document.querySelectorAll("meta[name='theme-color']");
    for (const meta of colours) {
      meta.dataset.usual ??= meta.content;
      meta.content = PAGE[theme] ?? meta.dataset.usual;
    }
    /** @type {NodeListOf<HTMLInputElement | HTMLSelectElement>} */
    const controls = document.querySelectorAll("[data-looks]");
    for (const control of controls) show(control);
  }

  /** @param {HTMLInputElement | HTMLSelectElement} control */
  function show(control) {
    const value = looks[control.dataset.looks ?? ""];
    if ("checked" in control && control.type === "radio") control.checked = control.value === value;
    else control.value = value;
  }

  read();
  apply();
  document.addEventListener("DOMContentLoaded", apply);
  document.addEventListener("change", ({ target }) => {
    const control = /** @type {HTMLInputElement | HTMLSelectElement} */ (target);
    const name = control.dataset?.looks ?? "";
    if (!CHOICES[name]?.includes(control.value)) return;
    looks[name] = control.value;
    try {
      localStorage.setItem(KEY, JSON.stringify(looks));
    } catch {
      // Forbidden: until the page is left.
    }
    apply();
    saveToAccount(name);
    dispatchEvent(new CustomEvent("looks", { detail: { ...looks } }));
  });
  // Another window of this browser chose.
  addEventListener("storage", ({ key }) => {
    if (key !== KEY) return;
    read();
    apply();
    dispatchEvent(new CustomEvent("looks", { detail: { ...looks } }));
  });
})();
