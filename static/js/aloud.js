// The story read aloud by the browser's own voices, one sentence at a time, as the words arrive.

import { texts } from "./prose.js";

const ENDS = /[.!?…。！？]+["'”’»)\]]*(?=\s|$)|\n+/gu;
const LONGEST = 400; // characters said in one go; some voices give up on more
const KEY = "grue:voice";
const VOICES_WITHIN = 1000; // ms

/** @typedef {{id: string, shown: string, reply: string, done: boolean}} Passage a turn as it is read */
/** @typedef {"shown" | "reply"} Section */
/** @typedef {{turn: string, part: Section, at: number}} Place */
/**
 * @typedef {{turn: string, part: Section, from: number, to: number, text: string,
 *   place: Place}} Sentence
 */

/**
 * The next sentence after `place`, and the place behind it; null while there is none to say yet.
 *
 * @param {Passage[]} turns in order
 * @param {Place} place
 * @returns {Sentence | null}
 */
export function nextSentence(turns, place) {
  let index = turns.findIndex((turn) => turn.id === place.turn);
  if (index < 0) return null;
  let { part, at } = place;
  for (;;) {
    const turn = turns[index];
    const end = sentenceEnd(turn[part], at, part === "shown" || turn.done);
    if (end !== null) {
      const said = {
        turn: turn.id,
        part,
        from: at,
        to: end,
        text: turn[part].slice(at, end).trim(),
      };
      if (said.text) return { ...said, place: { turn: turn.id, part, at: end } };
      at = end;
      continue;
    }
    if (part === "reply" && !turn.done) return null;
    if (part === "shown") part = "reply";
    else if (turns[index + 1]) [index, part] = [index + 1, "shown"];
    else return null;
    at = 0;
  }
}

/**
 * Where the sentence that begins at `at` ends; null where none ends.
 *
 * @param {string} text
 * @param {number} at
 * @param {boolean} done
 */
function sentenceEnd(text, at, done) {
  if (at >= text.length) return null;
  ENDS.lastIndex = at;
  for (let match = ENDS.exec(text); match; match = ENDS.exec(text)) {
    const end = match.index + match[0].length;
    // The end of what has arrived is no end of a sentence: "3." may go on with "5".
    if (end < text.length || done) return Math.min(end, breakPoint(text, at, end));
  }
  if (text.length - at > LONGEST) return breakPoint(text, at, text.length);
  return done ? text.length : null;
}

/**
 * The end of a sentence, or of a part of it where it is too long to be said at once.
 *
 * @param {string} text
 * @param {number} at
 * @param {number} end
 */
function breakPoint(text, at, end) {
  if (end - at <= LONGEST) return end;
  const space = text.lastIndexOf(" ", at + LONGEST);
  return space > at ? space : at + LONGEST;
}

/**
 * The part of the page where `reply`'s characters from `from` to `to` stand, or null.
 *
 * @param {Element} box
 * @param {string} reply
 * @param {number} from
 * @param {number} to
 */
export function rangeOf(box, reply, from, to) {
  const range = document.createRange();
  let offset = 0;
  let begun = false;
  const paragraphs = box.querySelectorAll("p");
  let number = 0;
  for (const piece of reply.split(/(\n+)/u)) {
    if (piece && !piece.startsWith("\n")) {
      const where = paragraphs[number] ?? box;
      number += 1;
      let inside = offset;
      for (const node of texts(where)) {
        if (!begun && from < inside + node.length) {
          range.setStart(node, Math.max(0, from - inside));
          begun = true;
        }
        if (begun && to <= inside + node.length) {
          range.setEnd(node, Math.max(0, to - inside));
          return range;
        }
        if (begun) range.setEnd(node, node.length);
        inside += node.length;
      }
    }
    offset += piece.length;
  }
  return begun ? range : null;
}

export class Aloud {
  /**
   * @param {{turns: () => Passage[], box: (turn: string, part: Section) => Element | null,
   *   onChange: (on: boolean) => void}} story
   */
  constructor(story, speech = globalThis.speechSynthesis) {
    this.story = story;
    this.speech = speech;
    /** @type {Place | null} */
    this.place = null;
    this.speaking = false;
    /** @type {SpeechSynthesisUtterance | null} */
    this.current = null;
    this.choice = { voice: "", rate: 1 };
    try {
      Object.assign(this.choice, JSON.parse(localStorage.getItem(KEY) ?? "{}"));
    } catch {
      // Forbidden or broken: the browser's usual voice.
    }
    // A page that goes away takes its voice with it.
    addEventListener("pagehide", () => this.stop());
  }

  get possible() {
    return Boolean(this.speech) && typeof SpeechSynthesisUtterance === "function";
  }

  get on() {
    return this.place !== null;
  }

  /**
   * Read from the beginning of the turn with this id.
   *
   * @param {string} turn
   */
  start(turn) {
    this.speech.cancel();
    this.speaking = false;
    this.place = { turn, part: "shown", at: 0 };
    this.story.onChange(true);
    this.update();
  }

  stop() {
    if (!this.on) return;
    this.place = null;
    this.speaking = false;
    this.speech.cancel();
    this.mark(null);
    this.story.onChange(false);
  }

  /** There may be more to say. */
  update() {
    if (!this.place || this.speaking) return;
    const turns = this.story.turns();
    let { place } = this;
    const last = turns.at(-1);
    if (last && !turns.some((turn) => turn.id === place.turn)) {
      // The story went another way: on with what it tells now.
      place = { turn: last.id, part: "shown", at: 0 };
    }
    this.place = place;
    const said = nextSentence(turns, place);
    if (said) this.say(said);
  }

  /** @param {Sentence} said */
  say(said) {
    this.speaking = true;
    const words = new SpeechSynthesisUtterance(said.text);
    const voice = this.voices().find((each) => each.voiceURI === this.choice.voice);
    if (voice) [words.voice, words.lang] = [voice, voice.lang];
    words.rate = this.choice.rate;
    const isCurrent = () => this.on && this.current === words;
    const speakNext = () => {
      this.speaking = false;
      this.update();
    };
    words.addEventListener("end", () => isCurrent() && speakNext());
    words.addEventListener("error", ({ error }) => {
      if (!isCurrent()) return;
      if (error === "interrupted") speakNext();
      else this.stop();
    });
    this.current = words; // some browsers forget an utterance that nobody holds
    this.place = said.place;
    this.mark(said);
    this.speech.speak(words);
  }

  /**
   * Show which sentence is heard, where the browser can mark words without touching them.
   *
   * @param {Sentence | null} said
   */
  mark(said) {
    if (!globalThis.CSS?.highlights) return;
    CSS.highlights.delete("aloud");
    if (!said) return;
    const box = this.story.box(said.turn, said.part);
    const turn = this.story.turns().find(({ id }) => id === said.turn);
    const range = box && turn && rangeOf(box, turn[said.part], said.from, said.to);
    if (range) CSS.highlights.set("aloud", new Highlight(range));
  }

  voices() {
    return this.speech?.getVoices() ?? [];
  }

  /** Whether there is a voice to read with. Some browsers bring them a moment after they are asked. */
  async hasVoices(within = VOICES_WITHIN) {
    if (!this.possible) return false;
    if (this.voices().length === 0) {
      await new Promise((done) => {
        this.speech.addEventListener?.("voiceschanged", () => done(null), { once: true });
        setTimeout(done, within);
      });
    }
    return this.voices().length > 0;
  }

  /** @param {{voice?: string, rate?: number}} choice a voiceURI or ""; 0.5 to 2 */
  choose(choice) {
    Object.assign(this.choice, choice);
    try {
      localStorage.setItem(KEY, JSON.stringify(this.choice));
    } catch {
      // Forbidden: until the page is left.
    }
  }
}

/**
 * Let the controls in `box` choose voice and speed.
 *
 * @param {Aloud} aloud
 * @param {HTMLElement} box
 */
export function bindControls(aloud, box) {
  const voice = /** @type {HTMLSelectElement} */ (box.querySelector("[data-aloud=voice]"));
  const rate = /** @type {HTMLInputElement} */ (box.querySelector("[data-aloud=rate]"));
  box.hidden = !aloud.possible;
  if (!aloud.possible) return;
  const fill = () => {
    const usual = voice.options[0];
    const options = aloud
      .voices()
      .map((each) => new Option(`${each.name} (${each.lang})`, each.voiceURI));
    voice.replaceChildren(usual, ...options);
    voice.value = aloud.choice.voice;
    if (voice.selectedIndex < 0) voice.selectedIndex = 0;
  };
  fill();
  aloud.speech.addEventListener?.("voiceschanged", fill);
  rate.value = String(aloud.choice.rate);
  voice.addEventListener("change", () => aloud.choose({ voice: voice.value }));
  rate.addEventListener("change", () => aloud.choose({ rate: Number(rate.value) }));
}
