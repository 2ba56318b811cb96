// The connection to one adventure. It comes back by itself, goes on where it was cut, and sends
// again, with the same key, what nobody has answered.

const FIRST_WAIT = 400; // ms
const LONGEST_WAIT = 15_000; // ms
const PING_EVERY = 20_000; // ms
const PONG_WITHIN = 10_000; // ms

/**
 * @typedef {"connecting" | "open" | "offline" | "untrusted" | "blocked" | "signed-out" |
 *   "elsewhere" | "gone"} Status
 */

/**
 * The server meant it: coming back changes nothing.
 *
 * @type {Record<number, Status>}
 */
const FINAL = {
  4401: "signed-out",
  4404: "gone",
  4408: "signed-out",
  4409: "elsewhere",
};
const RATE_LIMITED = 4429;
const ASK_AFTER = 2; // times that it did not open, before the server is asked why

/** @param {Uint8Array<ArrayBuffer>} bytes */
const fill = (bytes) => crypto.getRandomValues(bytes);

/**
 * A random UUID, version 4. `crypto.randomUUID` is missing on plain http, where Grue is often
 * played (an address on the home network).
 */
export function uuid(random = fill) {
  const bytes = random(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return [8, 12, 16, 20].reduceRight((id, at) => `${id.slice(0, at)}-${id.slice(at)}`, hex);
}

/**
 * How long to wait before try number `tries` (from 0): twice as long each time, never in step.
 *
 * @param {number} tries
 */
export function backoff(tries, random = Math.random) {
  const most = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** tries);
  return most / 2 + (most / 2) * random();
}

export class Socket {
  /**
   * @param {string} url ws:// or wss:// address
   * @param {{onEvent: (event: Protocol.Event) => void, onStatus: (status: Status) => void}} listeners
   * @param {{WebSocket?: typeof WebSocket, fetch?: typeof fetch, origin?: string}} [dependencies]
   */
  constructor(url, { onEvent, onStatus }, dependencies = {}) {
    this.url = url;
    this.onEvent = onEvent;
    this.onStatus = onStatus;
    this.WebSocket = dependencies.WebSocket ?? globalThis.WebSocket;
    this.fetch = dependencies.fetch ?? ((/** @type {RequestInfo | URL} */ what) => fetch(what));
    this.origin = dependencies.origin ?? globalThis.location?.origin;
    this.refused = 0; // how often it did not even open, in a row
    /** @type {Status | null} */
    this.cause = null; // why, where the server said so
    /** @type {string | null} */
    this.after = null; // the last log id seen
    /** @type {number | null} */
    this.version = null; // the adventure's version there
    /** @type {Map<string, import("./story.js").Command>} */
    this.unanswered = new Map(); // by key
    this.tries = 0;
    /** @type {WebSocket | null} */
    this.socket = null;
    /** @type {Record<"reconnect" | "ping" | "pong", ReturnType<typeof setTimeout> | undefined>} */
    this.timers = { reconnect: undefined, ping: undefined, pong: undefined };
    this.over = false;
    this.open = false;
  }

  connect() {
    if (this.over) return;
    clearTimeout(this.timers.reconnect);
    this.disconnect();
    this.open = false;
    const url = new URL(this.url);
    if (this.after) url.searchParams.set("after", this.after);
    if (this.after && this.version !== null) {
      url.searchParams.set("version", String(this.version));
    }
    const socket = new this.WebSocket(url.href);
    this.socket = socket;
    socket.onopen = () => socket === this.socket && this.opened();
    socket.onmessage = ({ data }) => socket === this.socket && this.received(data);
    socket.onclose = ({ code }) => socket === this.socket && this.closed(code);
    // A network that swallows packets never says no.
    this.timers.pong = setTimeout(() => socket.readyState === 0 && this.lost(), PONG_WITHIN);
  }

  /** Start over from a snapshot: something was skipped. */
  restart() {
    this.after = null;
    this.tries = 0;
    this.connect();
  }

  /** Try at once instead of waiting: the network came back, or the page is looked at again. */
  reconnect() {
    if (this.over || this.socket?.readyState === 1) return;
    this.tries = 0;
    this.connect();
  }

  /**
   * Send a command that carries a key; it is kept until someone answers.
   *
   * @param {import("./story.js").Command} command
   */
  send(command) {
    this.unanswered.set(command.key, command);
    this.write(command);
  }

  close() {
    this.over = true;
    clearTimeout(this.timers.reconnect);
    this.disconnect();
  }

  /** @param {Protocol.Command} message */
  write(message) {
    if (this.socket?.readyState === 1) this.socket.send(JSON.stringify(message));
  }

  opened() {
    clearTimeout(this.timers.pong);
    this.refused = 0;
    this.cause = null;
    this.open = true;
    this.onStatus("open");
    for (const command of this.unanswered.values()) this.write(command);
    this.timers.ping = setInterval(() => this.ping(), PING_EVERY);
  }

  ping() {
    this.write({ type: "ping" });
    clearTimeout(this.timers.pong);
    this.timers.pong = setTimeout(() => this.lost(), PONG_WITHIN);
  }

  /** @param {string} data */
  received(data) {
    clearTimeout(this.timers.pong);
    this.tries = 0; // it speaks: the next cut is a new one
    let event;
    try {
      event = JSON.parse(data);
    } catch {
      return;
    }
    if (typeof event?.type !== "string") return;
    if (event.key && (event.type === "accepted" || event.type === "error")) {
      this.unanswered.delete(event.key);
    }
    if (event.id !== undefined) this.after = event.id;
    this.version = event.version ?? event.adventure?.version ?? this.version;
    this.onEvent(event);
  }

  lost() {
    this.disconnect();
    this.closed(1006);
  }

  /** @param {number} code */
  closed(code) {
    this.disconnect();
    if (this.over) return;
    if (code in FINAL) {
      this.over = true;
      this.onStatus(FINAL[code]);
      return;
    }
    if (code === RATE_LIMITED) this.tries = Math.max(this.tries, 5);
    if (!this.open) this.refused += 1;
    this.open = false;
    if (this.refused === ASK_AFTER) this.ask();
    this.onStatus(this.cause ?? "offline");
    this.timers.reconnect = setTimeout(() => this.connect(), backoff(this.tries));
    this.tries += 1;
  }

  /**
   * Browsers do not tell a page why its socket was refused. The server does, over plain HTTP: where
   * it answers, the network is there, and the settings of its host or proxy are what is wrong.
   */
  async ask() {
    try {
      const url = new URL(this.url);
      url.protocol = url.protocol === "wss:" ? "https:" : "http:";
      url.search = "";
      url.searchParams.set("origin", this.origin);
      const answer = await this.fetch(url.href);
      const { trusted } = await answer.json();
      if (this.over || this.open) return;
      this.cause = trusted ? "blocked" : "untrusted";
      this.onStatus(this.cause);
    } catch {
      this.refused = 0; // no server, no network: asked again later
    }
  }

  disconnect() {
    clearInterval(this.timers.ping);
    clearTimeout(this.timers.pong);
    const { socket } = this;
    this.socket = null;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    if (socket.readyState < 2) socket.close();
  }
}
