// What stands beside the story: a column where there is room for one, else a drawer over it. Its
// tabs bring what they show when they are first looked at.

import { t } from "./i18n.js";

const BESIDE = matchMedia("(min-width: 68rem)");

export class Panel {
  /**
   * @param {HTMLDialogElement} dialog with tabs (`data-tab`) and a panel for each (`tab-NAME`)
   * @param {Record<string, () => void>} shown called whenever the tab of that name comes into sight
   */
  constructor(dialog, shown) {
    this.dialog = dialog;
    this.shown = shown;
    this.tabs = [...dialog.querySelectorAll("[role=tab]")];
    this.opener = null;
    for (const tab of this.tabs) {
      tab.addEventListener("click", () => this.open(tab.dataset.tab));
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
    return this.tabs.find((tab) => tab.getAttribute("aria-selected") === "true")?.dataset.tab;
  }

  /** Whether the tab `name` can be seen. */
  shows(name) {
    return this.dialog.open && this.name === name;
  }

  open(name, opener = null) {
    for (const tab of this.tabs) {
      const here = tab.dataset.tab === name;
      tab.setAttribute("aria-selected", String(here));
      tab.tabIndex = here ? 0 : -1;
      document.getElementById(`tab-${tab.dataset.tab}`).hidden = !here;
      if (here) this.dialog.setAttribute("aria-label", tab.textContent);
      if (here) tab.scrollIntoView({ block: "nearest", inline: "nearest" });
    }
    if (!this.dialog.open) {
      this.opener = opener ?? document.activeElement;
      document.body.classList.toggle("with-panel", BESIDE.matches);
      if (BESIDE.matches) this.dialog.show();
      else this.dialog.showModal();
      this.tabs.find((tab) => tab.dataset.tab === name).focus();
    }
    this.shown[name]?.();
  }

  /** Show the tab `name`, or put it away where it stands open. */
  toggle(name, opener) {
    if (this.shows(name)) this.dialog.close();
    else this.open(name, opener);
  }

  closed() {
    document.body.classList.remove("with-panel");
    if (this.opener?.isConnected) this.opener.focus({ preventScroll: true });
    this.opener = null;
  }

  key(event, tab) {
    const at = this.tabs.indexOf(tab);
    const to = {
      ArrowRight: (at + 1) % this.tabs.length,
      ArrowLeft: (at - 1 + this.tabs.length) % this.tabs.length,
      Home: 0,
      End: this.tabs.length - 1,
    }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    this.tabs[to].focus();
    this.open(this.tabs[to].dataset.tab);
  }
}

/**
 * A part of a page of ours, shown in `box`. Its links to the same part and its forms stay in it; what
 * a form's answer says comes back into the box.
 */
export class Part {
  constructor(box) {
    this.box = box;
    this.url = null;
    this.asked = 0;
    box.addEventListener("click", (event) => this.click(event));
    box.addEventListener("submit", (event) => this.submit(event));
  }

  async load(url, options = {}) {
    this.url = url;
    const asked = (this.asked += 1);
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
  }

  say(text) {
    const line = document.createElement("p");
    line.className = "empty";
    line.setAttribute("role", "status");
    line.textContent = text;
    this.box.replaceChildren(line);
  }

  click(event) {
    const link = event.target.closest("a[href]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || link.download) return;
    const url = new URL(link.getAttribute("href"), new URL(this.url, location.href));
    const adventure = location.pathname;
    const ours = url.origin === location.origin && url.pathname.startsWith(adventure);
    event.preventDefault();
    if (url.pathname === adventure) return; // "back to the story" is here
    if (ours) this.load(url.href);
    else location.assign(url.href);
  }

  submit(event) {
    event.preventDefault();
    const { target: form, submitter } = event;
    const url = new URL(form.getAttribute("action") || this.url, location.href);
    const data = new FormData(form, submitter);
    if (form.method === "get") {
      url.search = new URLSearchParams(data).toString();
      this.load(url.href);
    } else {
      if (submitter) submitter.disabled = true;
      this.load(url.href, { method: "POST", body: data });
    }
  }
}
