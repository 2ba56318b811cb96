// What stands beside the story: a column where there is room for one, else a drawer over it. Its
// tabs bring what they show when they are first looked at.

import { t } from "./i18n.js";
import { $, targetOf } from "./page.js";

const BESIDE = matchMedia("(min-width: 68rem)");

export class Panel {
  /**
   * @param {HTMLDialogElement} dialog with tabs (`data-tab`) and a panel for each (`tab-NAME`)
   * @param {Record<string, () => void>} shown called whenever the tab of that name comes into sight
   */
  constructor(dialog, shown) {
    this.dialog = dialog;
    this.shown = shown;
    /** @type {NodeListOf<HTMLElement>} */
    const tabs = dialog.querySelectorAll("[role=tab]");
    this.tabs = [...tabs];
    /** @type {HTMLElement | null} */
    this.opener = null;
    for (const tab of this.tabs) {
      tab.addEventListener("click", () => this.open(tab.dataset.tab ?? ""));
      tab.addEventListener("keydown", (event) => this.key(event, tab));
    }
    dialog.addEventListener("close", () => this.closed());
    dialog.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || dialog.matches(":modal")) return;
      event.stopPropagation();
      dialog.close();
    });
    BESIDE.addEventListener("change", () => {
      if (!dialog.open) return;
      const { name } = this;
      dialog.close();
      this.open(name);
    });
  }

  get name() {
    const open = this.tabs.find((tab) => tab.getAttribute("aria-selected") === "true");
    return open?.dataset.tab ?? "";
  }

  /**
   * Whether the tab `name` can be seen.
   *
   * @param {string} name
   */
  shows(name) {
    return this.dialog.open && this.name === name;
  }

  /**
   * @param {string} name
   * @param {HTMLElement | null} opener
   */
  open(name, opener = null) {
    for (const tab of this.tabs) {
      const here = tab.dataset.tab === name;
      tab.setAttribute("aria-selected", String(here));
      tab.tabIndex = here ? 0 : -1;
      $(`tab-${tab.dataset.tab}`).hidden = !here;
      if (here) this.dialog.setAttribute("aria-label", tab.textContent);
      if (here) tab.scrollIntoView({ block: "nearest", inline: "nearest" });
    }
    if (!this.dialog.open) {
      this.opener = opener ?? /** @type {HTMLElement | null} */ (document.activeElement);
      document.body.classList.toggle("with-panel", BESIDE.matches);
      if (BESIDE.matches) this.dialog.show();
      else this.dialog.showModal();
      this.tabs.find((tab) => tab.dataset.tab === name)?.focus();
    }
    this.shown[name]?.();
  }

  /**
   * Show the tab `name`, or put it away where it stands open.
   *
   * @param {string} name
   * @param {HTMLElement} opener
   */
  toggle(name, opener) {
    if (this.shows(name)) this.dialog.close();
    else this.open(name, opener);
  }

  closed() {
    if (this.dialog.open) return; // it was closed to be opened in its other shape
    document.body.classList.remove("with-panel");
    if (this.opener?.isConnected) this.opener.focus({ preventScroll: true });
    this.opener = null;
  }

  /**
   * @param {KeyboardEvent} event
   * @param {HTMLElement} tab
   */
  key(event, tab) {
    const at = this.tabs.indexOf(tab);
    /** @type {Record<string, number>} */
    const places = {
      ArrowRight: (at + 1) % this.tabs.length,
      ArrowLeft: (at - 1 + this.tabs.length) % this.tabs.length,
      Home: 0,
      End: this.tabs.length - 1,
    };
    const to = places[event.key];
    if (to === undefined) return;
    event.preventDefault();
    this.tabs[to].focus();
    this.open(this.tabs[to].dataset.tab ?? "");
  }
}

/**
 * A part of a page of ours, shown in `box`. Its links to the same part and its forms stay in it; what
 * a form's answer says comes back into the box.
 */
export class Part {
  /** @param {HTMLElement} box */
  constructor(box) {
    this.box = box;
    this.url = "";
    this.first = ""; // the address that it was first asked for by
    this.asked = 0;
    this.sent = false; // a form of its own was sent: the keyboard stays here
    box.addEventListener("click", (event) => this.click(event));
    box.addEventListener("submit", (event) => this.submit(event));
  }

  /**
   * @param {string} url
   * @param {RequestInit} options
   */
  async load(url, options = {}) {
    this.url = url;
    const asked = (this.asked += 1);
    /** @type {string | null} */
    let page;
    try {
      const answer = await fetch(url, options);
      const bad = !answer.ok && answer.status !== 422;
      if (answer.status === 404) page = null;
      else if (bad) throw new Error(String(answer.status));
      else page = await answer.text();
      if (answer.redirected && asked === this.asked) this.url = answer.url;
    } catch {
      if (asked === this.asked) this.say(t("Could not load this. Try again."));
      return;
    }
    if (asked !== this.asked) return; // something else was asked for meanwhile
    if (page === null) this.say(this.box.dataset.empty ?? t("Nothing here yet."));
    else this.put(page);
  }

  /** @param {string} page */
  put(page) {
    // A document that is parsed this way runs no script.
    const made = new DOMParser().parseFromString(page, "text/html");
    const part = made.querySelector("main") ?? made.body;
    for (const left of part.querySelectorAll("h1, script")) left.remove();
    for (const link of part.querySelectorAll("a[href]")) {
      if (link.getAttribute("href") === location.pathname) link.remove(); // the story is here
    }
    const words = made.querySelector(".messages");
    if (words) part.prepend(words);
    this.box.replaceChildren(...document.adoptNode(part).childNodes);
    if (!this.sent) return;
    this.sent = false;
    /** @type {HTMLElement | null} */
    const tab = this.box.closest("[role=tabpanel]");
    if (document.activeElement === document.body) tab?.focus({ preventScroll: true });
  }

  /** @param {string} text */
  say(text) {
    const line = document.createElement("p");
    line.className = "empty";
    line.setAttribute("role", "status");
    line.textContent = text;
    this.box.replaceChildren(line);
  }

  /** @param {MouseEvent} event */
  click(event) {
    /** @type {HTMLAnchorElement | null} */
    const link = targetOf(event).closest("a[href]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || link.download) return;
    const url = new URL(link.getAttribute("href") ?? "", new URL(this.url, location.href));
    const adventure = location.pathname;
    const ours = url.origin === location.origin && url.pathname.startsWith(adventure);
    event.preventDefault();
    if (url.pathname === adventure) return; // "back to the story" is here
    if (ours) this.load(url.href);
    else location.assign(url.href);
  }

  /** @param {SubmitEvent} event */
  submit(event) {
    event.preventDefault();
    const form = /** @type {HTMLFormElement} */ (event.target);
    const submitter = /** @type {HTMLButtonElement | null} */ (event.submitter);
    const url = new URL(form.getAttribute("action") || this.url, location.href);
    const data = new FormData(form, submitter);
    if (form.method === "get") {
      // No form of ours that asks for a page has a file in it.
      const asked = /** @type {[string, string][]} */ ([...data]);
      url.search = new URLSearchParams(asked).toString();
      this.load(url.href);
    } else {
      this.sent = true;
      if (submitter) submitter.disabled = true;
      this.load(url.href, { method: "POST", body: data });
    }
  }
}
