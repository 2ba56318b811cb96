// What is typed and not yet safe with the server, kept in this browser per adventure. A browser
// that forbids storage only forgets drafts.

const SOON = 120_000; // ms after which a command is no longer sent again by itself

/** @typedef {Protocol.TakeAction} Action */

export class Drafts {
  /**
   * @param {string} adventure
   * @param {Pick<Storage, "getItem" | "setItem" | "removeItem">} storage
   */
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

  /**
   * @param {string} text
   * @param {string} mode
   */
  set(text, mode) {
    if (text || mode !== "do") this.write(this.draftKey, { text, mode });
    else this.remove(this.draftKey);
  }

  /**
   * An action leaves the input; it is remembered until the server has answered.
   *
   * @param {Action} command
   */
  sent(command) {
    this.write(this.sentKey, { command, at: this.now() });
  }

  /** @param {string | null | undefined} key */
  answered(key) {
    if (this.read(this.sentKey)?.command?.key === key) this.remove(this.sentKey);
  }

  /**
   * An action that was sent before the page went away.
   *
   * @returns {{command: Action, fresh: boolean} | null}
   */
  unanswered() {
    const { command, at } = this.read(this.sentKey) ?? {};
    if (!command) return null;
    return { command, fresh: this.now() - at < SOON };
  }

  /** @param {string} key */
  read(key) {
    try {
      return JSON.parse(this.storage.getItem(key) ?? "null");
    } catch {
      return null;
    }
  }

  /**
   * @param {string} key
   * @param {object} value
   */
  write(key, value) {
    try {
      this.storage.setItem(key, JSON.stringify(value));
    } catch {
      // Full or forbidden.
    }
  }

  /** @param {string} key */
  remove(key) {
    try {
      this.storage.removeItem(key);
    } catch {
      // Forbidden.
    }
  }
}
