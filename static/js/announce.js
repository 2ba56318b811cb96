// Speaks a reply to screen readers in whole sentences. Single words, one region update each, would
// be cut off by the next.

const ENDS = /[.!?…。！？]+["'”’»)\]]*(?:\s+|$)|\n+/gu;

/**
 * `text` cut after its last finished sentence: [finished, rest].
 *
 * @param {string} text
 * @returns {[string, string]}
 */
export function splitFinished(text) {
  let end = 0;
  // The end of what has arrived is no end of a sentence: "3." may go on with "5".
  for (const match of text.matchAll(ENDS)) {
    if (match.index + match[0].length < text.length || /\s$/u.test(match[0])) {
      end = match.index + match[0].length;
    }
  }
  return [text.slice(0, end), text.slice(end)];
}

const MAX_SENTENCES = 6; // sentences left in the region: it is heard, not browsed

export class Announcer {
  /** @param {HTMLElement} region */
  constructor(region) {
    this.region = region;
    this.rest = "";
  }

  /** @param {string} text */
  add(text) {
    const [said, rest] = splitFinished(this.rest + text);
    this.rest = rest;
    this.say(said);
  }

  /** The reply has ended: what is left is said as it is. */
  finish() {
    this.say(this.rest);
    this.rest = "";
  }

  /** @param {string} text */
  say(text) {
    const line = text.trim();
    if (!line) return;
    const p = document.createElement("p");
    p.dir = "auto";
    p.textContent = line;
    this.region.append(p);
    while (this.region.childElementCount > MAX_SENTENCES) this.region.firstElementChild?.remove();
  }
}
