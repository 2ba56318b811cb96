// A passage as a picture, drawn here in the colours and letters of the page. Nothing leaves for
// anywhere: the player saves it, copies it or passes it on.

import { t } from "../i18n.js";
import { button, dialogOf, done, make } from "./dialogs.js";
import { fit, fromRight, passage, wrap } from "./quotelines.js";

const WIDTH = 1080;
const HEIGHT = 1350;
const EDGE = 110;
const SIZES = [84, 76, 68, 62, 56, 50, 46, 42, 38, 34, 30];
// The mark, as templates/parts/logo.svg has it: 24 by 24.
const MARK =
  "M12.2 1.2c.5 4.5 7 7.3 7 13.6a7.2 7.2 0 0 1-14.4 0c0-3.5 2-5.4 3.1-7.7.4 1.6 1 2.5 1.9 3 .2-3.2.6-6.4 2.4-8.9z" +
  "M7.3 13.9c.3 1.9 1.7 2.9 3.8 2.6-.5-1.600-1.8-2.5-3.8-2.6zm9.4 0c-2 .1-3.300 1-3.8 2.6 2.1.3 3.5-.7 3.8-2.6z";

/**
 * Show the card of a passage, with what can be done with it.
 *
 * @param {{words: string, title: string}} passage
 */
export function showCard({ words, title }) {
  const text = passage(words);
  const canvas = make("canvas", "quote-card");
  canvas.width = WIDTH;
  canvas.height = HEIGHT;
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", `${text} — ${title}`);
  draw(canvas, text, title);
  /** @returns {Promise<Blob>} */
  const blob = () =>
    new Promise((give, fail) => {
      canvas.toBlob((made) => (made ? give(made) : fail(new Error("no picture"))), "image/png");
    });
  const name = `${title.replaceAll(/[^\p{L}\p{N}]+/gu, "-").slice(0, 60) || "grue"}.png`;

  const save = button(
    t("Save"),
    async () => {
      const link = make("a");
      link.href = URL.createObjectURL(await blob());
      link.download = name;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
    },
    "primary",
  );
  const copy = button(t("Copy"), async () => {
    try {
      await navigator.clipboard.write([new ClipboardItem({ "image/png": blob() })]);
      done(copy, t("Copied"));
    } catch {
      done(copy, t("Not supported here"));
    }
  });
  copy.hidden = !(navigator.clipboard && globalThis.ClipboardItem);
  const pass = button(t("Share"), async () => {
    const file = new File([await blob()], name, { type: "image/png" });
    navigator.share({ files: [file], title }).catch(() => {}); // thought better of it
  });
  const sample = new File([""], "card.png", { type: "image/png" });
  pass.hidden = !navigator.canShare?.({ files: [sample] });
  dialogOf(t("Image of these words"), [canvas], [save, copy, pass]);
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {string} text
 * @param {string} title
 */
function draw(canvas, text, title) {
  const pen = canvas.getContext("2d");
  if (!pen) return; // a browser that draws no canvas
  const style = getComputedStyle(document.documentElement);
  const colour = (/** @type {string} */ name) => style.getPropertyValue(`--${name}`).trim();
  const letters = style.getPropertyValue("--serif").trim() || "serif";
  const right = fromRight(text);
  const box = { width: WIDTH - 2 * EDGE, height: HEIGHT - 2 * EDGE - 300 };
  const left = right ? WIDTH - EDGE : EDGE;

  pen.fillStyle = colour("page");
  pen.fillRect(0, 0, WIDTH, HEIGHT);
  const glow = pen.createRadialGradient(EDGE, HEIGHT, 0, EDGE, HEIGHT, WIDTH);
  glow.addColorStop(0, colour("glow"));
  glow.addColorStop(1, "transparent");
  pen.fillStyle = glow;
  pen.fillRect(0, 0, WIDTH, HEIGHT);

  pen.direction = right ? "rtl" : "ltr";
  pen.textAlign = "start";
  pen.textBaseline = "alphabetic";
  const font = (/** @type {number} */ size, weight = "") => `${weight} ${size}px ${letters}`.trim();
  const laid = fit(text, box, SIZES, (part, size) => {
    pen.font = font(size);
    return pen.measureText(part).width;
  });
  pen.font = font(laid.size);
  pen.fillStyle = colour("ink");
  // In the middle of its room, a little above.
  let y = EDGE + Math.max(0, (box.height - laid.lines.length * laid.leading) * 0.42) + laid.size;
  for (const line of laid.lines) {
    pen.fillText(line, left, y);
    y += laid.leading;
  }

  const foot = HEIGHT - EDGE;
  pen.fillStyle = colour("lamp");
  pen.fillRect(right ? left - 72 : left, foot - 178, 72, 4);
  pen.fillStyle = colour("soft");
  pen.font = font(40);
  const [first, more] = wrap(title, box.width, (part) => pen.measureText(part).width);
  pen.fillText(more ? `${first}…` : first, left, foot - 108);

  pen.save();
  pen.translate(EDGE - 12, foot - 58);
  pen.scale(2.6, 2.6);
  pen.fillStyle = colour("lamp");
  pen.fill(new Path2D(MARK), "evenodd");
  pen.restore();
  pen.direction = "ltr";
  pen.fillStyle = colour("ink");
  pen.font = font(38, "600");
  pen.textAlign = "left";
  pen.fillText("Grue", EDGE + 62, foot - 12);
}
