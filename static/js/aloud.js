// The story read aloud by the browser's own voices, one sentence at a time, as the words arrive.

const ENDS = /[.!?…。！？]+["'”’»)\]]*(?=\s|$)|\n+/gu;
const LONGEST = 400; // characters said in one go; some voices give up on more
const KEY = "grue:voice";
const VOICES_WITHIN = 1000; // ms

/**
 * The next sentence after `place`, and the place behind it; null while there is none to say yet.
 *
 * @param {{id: string, shown: string, reply: string, done: boolean}[]} turns in order
 * @param {{turn: string, part: "shown"|"reply", at: number}} place
 */
export function next(turns, place) {
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

/** Where the sentence that begins at `at` ends; null where none ends. */
function sentenceEnd(text, at, done) {
  if (at >= text.length) return null;
  ENDS.lastIndex = at;
  for (let match = ENDS.exec(text); match; match = ENDS.exec(text)) {
    const end = match.index + match[0].length;
    // The end of what has arrived is no end of a sentence: "3." may go on with "5".
    if (end < text.length || done) return Math.min(end, pausing(text, at, end));
  }
  if (text.length - at > LONGEST) return pausing(text, at, text.length);
  return done ? text.length : null;
}

/** The end of a sentence, or of a part of it where it is too long to be said at once. */
function pausing(text, at, end) {
  if (end - at <= LONGEST) return end;
  const space = text.lastIndexOf(" ", at + LONGEST);
  return space > at ? space : at + LONGEST;
}

/** The part of the page where `reply`'s characters from `from` to `to` stand, or null. */
export function rangeOf(box, reply, from, to) {
  const range = document.createRange();
  let [offset, begun] = [0, false];
  const paragraphs = box.querySelectorAll("p");
  let number = 0;
  for (const piece of reply.split(/(\n+)/u)) {
    if (piece && !piece.startsWith("\n")) {
      const walker = document.createTreeWalker(paragraphs[number] ?? box, NodeFilter.SHOW_TEXT);
      number += 1;
      let inside = offset;
      for (let node = walker.nextNode(); node; node = walker.nextNode()) {
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
   * @param {{turns: () => object[], box: (turn: string, part: string) => Element|null,
   *   onChange: (on: boolean) => void}} story
   */
  constructor(story, speech = globalThis.speechSynthesis) {
    this.story = story;
    this.speech = speech;
    this.place = null;
    this.speaking = false;
    this.choice = { voice: "", rate: 1 };
    try {
      Object.assign(this.choice, JSON.parse(localStorage.getItem(KEY)));
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

  /** Read from the beginning of the turn with this id. */
  start(turn) {
    this.speech.cancel();
    this.speaking = false;
    this.place = { turn, part: "shown", at: 0 };
    this.story.onChange(true);
    this.heard();
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
  heard() {
    if (!this.on || this.speaking) return;
    const turns = this.story.turns();
    if (!turns.some((turn) => turn.id === this.place.turn)) {
      // The story went another way: on with what it tells now.
      const last = turns.at(-1);
      this.place = { turn: last.id, part: "shown", at: 0 };
    }
    const said = next(turns, this.place);
    if (said) this.say(said);
  }

  say(said) {
    this.speaking = true;
    const words = new SpeechSynthesisUtterance(said.text);
    const voice = this.voices().find((each) => each.voiceURI === this.choice.voice);
    if (voice) [words.voice, words.lang] = [voice, voice.lang];
    words.rate = this.choice.rate;
    const over = ({ type, error }) => {
      if (!this.on || this.current !== words) return;
      this.speaking = false;
      if (type === "error" && error !== "interrupted") this.stop();
      else this.heard();
    };
    words.addEventListener("end", over);
    words.addEventListener("error", over);
    this.current = words; // some browsers forget an utterance that nobody holds
    this.place = said.place;
    this.mark(said);
    this.speech.speak(words);
  }

  /** Show which sentence is heard, where the browser can mark words without touching them. */
  mark(said) {
    if (!globalThis.CSS?.highlights) return;
    CSS.highlights.delete("aloud");
    const box = said && this.story.box(said.turn, said.part);
    const text = said && this.story.turns().find((turn) => turn.id === said.turn)[said.part];
    const range = box && rangeOf(box, text, said.from, said.to);
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
        this.speech.addEventListener?.("voiceschanged", done, { once: true });
        setTimeout(done, within);
      });
    }
    return this.voices().length > 0;
  }

  /** `voice` is a voiceURI, or "" for the browser's own; `rate` is 0.5 to 2. */
  choose(choice) {
    Object.assign(this.choice, choice);
    try {
      localStorage.setItem(KEY, JSON.stringify(this.choice));
    } catch {
      // Forbidden: until the page is left.
    }
  }
}

/** Let the controls in `box` choose voice and speed. */
export function controls(aloud, box) {
  const voice = box.querySelector("[data-aloud=voice]");
  const rate = box.querySelector("[data-aloud=rate]");
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
  rate.value = aloud.choice.rate;
  voice.addEventListener("change", () => aloud.choose({ voice: voice.value }));
  rate.addEventListener("change", () => aloud.choose({ rate: Number(rate.value) }));
}
