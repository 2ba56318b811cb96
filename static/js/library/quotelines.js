// How the words of a quote card lie in their box. Pure: what letters measure is told by the caller.

export const LONGEST = 600; // code points that a card holds
const LEADING = 1.42;

/**
 * The passage as a card shows it: white space as single spaces, lines kept, cut where too long.
 *
 * @param {string} words
 */
export function passage(words) {
  const lines = words
    .split("\n")
    .map((line) => line.replaceAll(/\s+/gu, " ").trim())
    .filter(Boolean);
  const text = [...lines.join("\n")];
  if (text.length <= LONGEST) return text.join("");
  const cut = text.slice(0, LONGEST).join("");
  return `${cut.replace(/[\s,;:–—]*\S*$/u, "") || cut}…`;
}

/**
 * The last sentence or two of a reply.
 *
 * @param {string} reply
 */
export function lastWords(reply) {
  const flat = reply.replaceAll(/\s+/gu, " ").trim();
  if ([...flat].length <= 240) return flat;
  const end = [...flat].slice(-240).join("");
  const start = end.search(/(?<=[.!?…。！？][”’"»)]*)\s*(?=\S)/u);
  return start > 0 && start < end.length - 20 ? end.slice(start).trim() : `… ${end.trim()}`;
}

/**
 * Where a line may break: after words, and between the letters of a script without spaces.
 *
 * @param {string} line
 */
function pieces(line) {
  if (typeof Intl.Segmenter !== "function") return line.split(/(?<=\s)/u);
  /** @type {string[]} */
  const found = [];
  const segmenter = new Intl.Segmenter(undefined, { granularity: "word" });
  for (const { segment, isWordLike } of segmenter.segment(line)) {
    const last = found.at(-1);
    // A mark stays with the word before it, unless a space stood between.
    const mark = last !== undefined && !isWordLike && !/\s$/u.test(last);
    const opened = last !== undefined && /[“‘"'«([—–-]$/u.test(last);
    if (mark || opened) found[found.length - 1] += segment;
    else found.push(segment);
  }
  return found;
}

/**
 * The text in lines of at most `width`.
 *
 * @param {string} text
 * @param {number} width
 * @param {(text: string) => number} measure
 */
export function wrap(text, width, measure) {
  const lines = [];
  for (const paragraph of text.split("\n")) {
    let line = "";
    for (const piece of pieces(paragraph)) {
      if (!line || measure((line + piece).trimEnd()) <= width) line += piece;
      else {
        lines.push(line.trimEnd());
        line = piece;
      }
      while (measure(line.trimEnd()) > width && [...line].length > 1) {
        const letters = [...line];
        let end = letters.length - 1;
        while (end > 1 && measure(letters.slice(0, end).join("")) > width) end -= 1;
        lines.push(letters.slice(0, end).join(""));
        line = letters.slice(end).join("");
      }
    }
    lines.push(line.trimEnd());
  }
  return lines;
}

/**
 * The largest of `sizes` in which the text fits, or as much of it as fits in the last.
 *
 * @param {string} text
 * @param {{width: number, height: number}} box
 * @param {number[]} sizes one at least
 * @param {(text: string, size: number) => number} measure
 */
export function fit(text, { width, height }, sizes, measure) {
  let found = { size: 0, lines: [""], leading: 0 };
  for (const size of sizes) {
    const lines = wrap(text, width, (part) => measure(part, size));
    found = { size, lines, leading: size * LEADING };
    if (lines.length * found.leading <= height) return found;
  }
  const room = Math.max(1, Math.floor(height / found.leading));
  if (found.lines.length > room) {
    found.lines.length = room;
    found.lines[room - 1] += "…";
  }
  return found;
}

/**
 * Whether a text is written from the right: its first letter decides.
 *
 * @param {string} text
 */
export function fromRight(text) {
  const first = text.match(/\p{L}/u)?.[0] ?? "";
  return /[\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}]/u.test(
    first,
  );
}
