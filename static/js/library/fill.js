// Putting answers where a text has `${name}`, as game/library/placeholders.py does (Python's
// string.Template): `$$` is a dollar sign, `$name` works too, and what nobody asks for stays.

const PLACE = /\$(?:(\$)|([A-Za-z_][A-Za-z0-9_]*)|\{([A-Za-z_][A-Za-z0-9_]*)\})/gu;

/** @typedef {{text: string, name?: string, missing?: boolean}} Piece */

/**
 * The text in pieces: {text} as it was written, {text, name} for an answer, and {text, name,
 * missing: true} where no question asks for it.
 *
 * @param {string} template
 * @param {Map<string, string>} answers
 */
export function pieces(template, answers) {
  /** @type {Piece[]} */
  const found = [];
  const plain = (/** @type {string} */ text) => {
    if (!text) return;
    const last = found.at(-1);
    if (last && !last.name) last.text += text;
    else found.push({ text });
  };
  let at = 0;
  for (const match of template.matchAll(PLACE)) {
    const [whole, dollar, bare, braced] = match;
    plain(template.slice(at, match.index));
    at = match.index + whole.length;
    const name = bare ?? braced;
    const answer = answers.get(name);
    if (dollar) plain("$");
    else if (answer !== undefined) found.push({ text: answer, name });
    else if (braced) found.push({ text: whole, name, missing: true });
    else plain(whole);
  }
  plain(template.slice(at));
  return found;
}

// As MEANT in game/library/placeholders.py: what a writer may have meant as a place.
const MEANT = /\$\{[^{}\n]{0,40}\}?|\{\{?[ \t]*[\p{L}_][\p{L}\p{N}_]{0,29}[ \t]*\}\}?/gu;

/**
 * The same pieces, with those that look like a place and are none apart, as missing.
 *
 * @param {string} template
 * @param {Map<string, string>} answers
 */
export function piecesWithMistakes(template, answers) {
  /** @type {Piece[]} */
  const found = [];
  for (const piece of pieces(template, answers)) {
    if (piece.name) {
      found.push(piece);
      continue;
    }
    let at = 0;
    for (const match of piece.text.matchAll(MEANT)) {
      if (match.index > at) found.push({ text: piece.text.slice(at, match.index) });
      found.push({ text: match[0], name: match[0], missing: true });
      at = match.index + match[0].length;
    }
    if (at < piece.text.length) found.push({ text: piece.text.slice(at) });
  }
  return found;
}

/**
 * The text filled.
 *
 * @param {string} template
 * @param {Map<string, string>} answers
 */
export const fill = (template, answers) =>
  pieces(template, answers)
    .map(({ text }) => text)
    .join("");
