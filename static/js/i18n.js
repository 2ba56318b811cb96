// The page's language. English stands in the code; a translation comes with the page, as JSON in
// `<script id="script-words">` (dungeon/languages.py). `manage.py makemessages` collects what
// stands in t("…") and n("…", "…", number): write it out there, never a variable.

const root = globalThis.document?.documentElement;
const words = JSON.parse(globalThis.document?.getElementById("script-words")?.textContent ?? "{}");
const language = root?.lang || "en";

/** @typedef {Record<string, string | number>} Values */

/**
 * `text` in the page's language; `{name}` in it becomes `values.name`.
 *
 * @param {string} text
 * @param {Values} [values]
 */
export function t(text, values = {}) {
  const said = words.texts?.[text];
  return fill(typeof said === "string" && said ? said : text, values);
}

/**
 * One of two texts, by `count`: n("{count} turn", "{count} turns", 3).
 *
 * @param {string} one
 * @param {string} many
 * @param {number} count
 * @param {Values} [values]
 */
export function n(one, many, count, values = {}) {
  const forms = words.texts?.[one];
  const place = words.plural?.[count < 200 ? count : 100 + (count % 100)];
  const said = (Array.isArray(forms) && forms[place]) || (count === 1 ? one : many);
  return fill(said, { count: number(count), ...values });
}

/**
 * A number as this language writes it.
 *
 * @param {number} count
 */
export const number = (count) => count.toLocaleString(language);

/**
 * @param {string} text
 * @param {Values} values
 */
function fill(text, values) {
  return text.replaceAll(/\{(\w+)\}/gu, (whole, name) =>
    Object.hasOwn(values, name) ? String(values[name]) : whole,
  );
}
