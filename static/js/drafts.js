// What is typed and not yet safe with the server, kept in this browser per adventure. A browser
// that forbids storage only forgets drafts.

const SOON = 120_000; // ms after which a command is no longer sent again by itself

export class Drafts {
  constructor(adventure, storage = globalThis.localStorage, now = Date.now) {
    this.draftKey = `grue:draft:${adventure}`;
    this.sentKey = `grue:sent:${adventure}`;
    this.storage = storage;
    this.now = now;
  }

  get() {
    const { text = "", mode = "do" } = this.read(this.draftKey) ?? {};
    return { text, mode };
  }

  set(text, mode) {
    if (text || mode !== "do") this.write(this.draftKey, { text, mode });
    else this.remove(this.draftKey);
  }

  /** An action leaves the input; it is remembered until the server has answered. */
  sent(command) {
    this.write(this.sentKey, { command, at: this.now() });
  }

  answered(key) {
    if (this.read(this.sentKey)?.command?.key === key) this.remove(this.sentKey);
  }

  /** An action that was sent before the page went away: {command, fresh}, or null. */
  unanswered() {
    const { command, at } = this.read(this.sentKey) ?? {};
    if (!command) return null;
    return { command, fresh: this.now() - at < SOON };
  }

  read(key) {
    try {
      return JSON.parse(this.storage.getItem(key));
    } catch {
      return null;
    }
  }

  write(key, value) {
    try {
      this.storage.setItem(key, JSON.stringify(value));
    } catch {
      // Full or forbidden.
    }
  }

  remove(key) {
    try {
      this.storage.removeItem(key);
    } catch {
      // Forbidden.
    }
  }
}
