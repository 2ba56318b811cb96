// The tree of a story, drawn on a canvas: only what is in sight is drawn, so its size does not
// matter. A click or Enter travels; drag, wheel, pinch and keys move about.

import { number, t } from "./i18n.js";
import { layOut, step } from "./treelayout.js";

const ROW = 34; // px between a turn and the next, unzoomed
const LANE = 24;
const EDGE = 26; // px kept free around
const SMALLEST = 0.12;
const LARGEST = 2;
const WITH_WORDS = 0.62; // zoom below which words are too small to read
const CLICK = 6; // px that a pointer may stray and still click
const REACH = 16; // px around a turn in which a pointer means it
const SOON = 150; // ms that a turn is looked at before the whole of its words is asked for

/** @typedef {import("./treelayout.js").Node} Node */
/** @typedef {[number, number]} Point x and y, px on the canvas */
/** @typedef {CanvasRenderingContext2D} Context */
/** @typedef {{ink: string, soft: string, lamp: string, edge: string}} Palette */

/**
 * What a turn is called: its action, which of its retries it is, or how its reply begins.
 *
 * @param {Pick<Node, "kind" | "words" | "whole" | "retry">} node
 */
export function label({ kind, words, whole, retry: [which, count] }) {
  const said = (whole ?? words).replaceAll(/\s+/gu, " ").trim();
  const name = kind === "continue" ? [t("Continue"), said].filter(Boolean).join(" · ") : said;
  const several = count > 1 ? ` (${number(which)}/${number(count)})` : "";
  return `${name || t("continue")}${several}`;
}

/**
 * `text`, or as much of it as fits into `room` px, with an ellipsis.
 *
 * @param {Context} context
 * @param {string} text
 * @param {number} room
 */
function fitted(context, text, room) {
  if (room <= 0) return "";
  if (context.measureText(text).width <= room) return text;
  let [fits, over] = [0, text.length];
  while (over - fits > 1) {
    const middle = (fits + over) >> 1;
    if (context.measureText(`${text.slice(0, middle)}…`).width <= room) fits = middle;
    else over = middle;
  }
  return `${text.slice(0, fits).trimEnd()}…`;
}

export class Tree {
  /**
   * @param {HTMLElement} box holds a canvas, `.tree-label` and buttons with `data-tree`
   * @param {{url: string, go: (id: string) => void}} outside
   */
  constructor(box, { url, go }) {
    this.box = box;
    this.url = url;
    this.go = go;
    this.canvas = /** @type {HTMLCanvasElement} */ (box.querySelector("canvas"));
    this.words = /** @type {HTMLElement} */ (box.querySelector(".tree-label"));
    /** @type {import("./treelayout.js").Leaf[]} */
    this.turns = [];
    /** @type {string | null} */
    this.head = null;
    this.tree = layOut([], null);
    /** @type {string | null} */
    this.chosen = null; // id of the turn under the pointer or the keys
    this.zoom = 1;
    this.left = -EDGE; // what lies at the canvas' upper left corner
    this.top = -EDGE;
    /** @type {Map<number, {at: Point, from: Point, strayed: boolean}>} */
    this.pointers = new Map();
    this.frame = 0;
    this.soon = 0; // the timer that asks for the whole words of a turn
    this.asked = 0;
    this.listen();
  }

  listen() {
    const { canvas } = this;
    new ResizeObserver(() => this.paintSoon()).observe(canvas);
    addEventListener("looks", () => this.paintSoon());
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.paintSoon());
    canvas.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    canvas.addEventListener("pointerdown", (event) => this.down(event));
    canvas.addEventListener("pointermove", (event) => this.move(event));
    for (const kind of /** @type {const} */ (["pointerup", "pointercancel"])) {
      canvas.addEventListener(kind, (event) => this.up(event));
    }
    canvas.addEventListener("pointerleave", () => this.choose(null));
    canvas.addEventListener("keydown", (event) => this.key(event));
    const press = (/** @type {string} */ name, /** @type {() => void} */ does) =>
      this.box.querySelector(`[data-tree=${name}]`)?.addEventListener("click", does);
    press("in", () => this.zoomBy(1.4));
    press("out", () => this.zoomBy(1 / 1.4));
    press("here", () => this.showHead());
  }

  /** @param {string | null} id */
  nodeOf(id) {
    return this.tree.nodes.get(id ?? "");
  }

  /**
   * The story stands at `head`; it is fetched again with `reload`, or where it is not known.
   *
   * @param {string | null} head
   */
  async show(head, { reload = false } = {}) {
    const known = !reload && Boolean(this.nodeOf(head));
    if (known && head === this.head) return;
    if (!known) {
      const asked = (this.asked += 1);
      if (!this.turns.length) this.words.textContent = t("Loading the tree …");
      let told;
      try {
        const answer = await fetch(this.url);
        if (!answer.ok) throw new Error(String(answer.status));
        told = await answer.json();
      } catch {
        this.words.textContent = t("Could not load the tree. Open it again to retry.");
        return;
      }
      if (asked !== this.asked) return; // a later one is on its way
      this.turns = told.turns;
    }
    this.head = head;
    this.tree = layOut(this.turns, head);
    this.showHead();
  }

  /** Bring the head into sight. */
  showHead() {
    const node = this.nodeOf(this.head);
    if (node) this.reveal(node, true);
    this.showLabel();
    this.paintSoon();
  }

  /** @param {Node} node */
  reveal(node, middle = false) {
    const { clientWidth, clientHeight } = this.canvas;
    const [width, height] = [clientWidth / this.zoom, clientHeight / this.zoom];
    const [x, y] = [node.lane * LANE, node.line * ROW];
    if (middle) {
      this.top = y - height * 0.7;
      this.left = Math.min(x - EDGE, Math.max(-EDGE, x - width + 4 * EDGE));
    }
    this.top = Math.min(Math.max(this.top, y + EDGE - height), y - EDGE);
    this.left = Math.min(Math.max(this.left, x + EDGE - width), x - EDGE);
    this.clampView();
    this.paintSoon();
  }

  /** Keep the tree from being pushed out of sight. */
  clampView() {
    const { clientWidth, clientHeight } = this.canvas;
    const across = (this.tree.lanes - 1) * LANE + EDGE;
    const down = (this.tree.lines.length - 1) * ROW + EDGE;
    this.left = Math.max(-EDGE, Math.min(this.left, across - clientWidth / this.zoom));
    this.left = Math.max(this.left, -EDGE);
    // Without words beside it, a slim tree stands in the middle.
    const room = clientWidth / this.zoom - (across + EDGE);
    if (this.zoom < WITH_WORDS && room > 0) this.left = -EDGE - room / 2;
    this.top = Math.max(Math.min(this.top, down - clientHeight / this.zoom), -EDGE);
  }

  /** @param {number} factor */
  zoomBy(factor, x = this.canvas.clientWidth / 2, y = this.canvas.clientHeight / 2) {
    const zoom = Math.min(LARGEST, Math.max(SMALLEST, this.zoom * factor));
    this.left += x / this.zoom - x / zoom;
    this.top += y / this.zoom - y / zoom;
    this.zoom = zoom;
    this.clampView();
    this.paintSoon();
  }

  /**
   * @param {number} x
   * @param {number} y
   */
  pan(x, y) {
    this.left -= x / this.zoom;
    this.top -= y / this.zoom;
    this.clampView();
    this.paintSoon();
  }

  // -------------------------------------------------------------- input

  /** @param {WheelEvent} event */
  wheel(event) {
    event.preventDefault();
    const lines = event.deltaMode === 1 ? 30 : 1;
    if (event.ctrlKey)
      this.zoomBy(Math.exp(-event.deltaY * lines * 0.004), ...this.positionOf(event));
    else this.pan(-event.deltaX * lines, -event.deltaY * lines);
  }

  /**
   * @param {MouseEvent} event
   * @returns {Point}
   */
  positionOf({ clientX, clientY }) {
    const { left, top } = this.canvas.getBoundingClientRect();
    return [clientX - left, clientY - top];
  }

  /** @param {PointerEvent} event */
  down(event) {
    if (event.button !== 0) return;
    this.canvas.setPointerCapture(event.pointerId);
    const at = this.positionOf(event);
    this.pointers.set(event.pointerId, { at, from: at, strayed: this.pointers.size > 0 });
  }

  /** @param {PointerEvent} event */
  move(event) {
    const at = this.positionOf(event);
    const pointer = this.pointers.get(event.pointerId);
    if (!pointer) {
      this.choose(this.nodeAt(...at));
      return;
    }
    const others = [...this.pointers.values()].filter((other) => other !== pointer);
    if (others.length === 1) {
      const [other] = others;
      const far = (/** @type {Point} */ [x, y]) => Math.hypot(x - other.at[0], y - other.at[1]);
      other.strayed = true;
      this.zoomBy(far(at) / Math.max(1, far(pointer.at)), ...other.at);
    } else if (!others.length) {
      this.pan(at[0] - pointer.at[0], at[1] - pointer.at[1]);
    }
    const [x, y] = pointer.from;
    if (Math.hypot(at[0] - x, at[1] - y) > CLICK) pointer.strayed = true;
    pointer.at = at;
  }

  /** @param {PointerEvent} event */
  up(event) {
    const pointer = this.pointers.get(event.pointerId);
    this.pointers.delete(event.pointerId);
    if (!pointer || pointer.strayed || event.type === "pointercancel") return;
    const node = this.nodeAt(...pointer.at);
    this.choose(node);
    if (node) this.travel(node);
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const at = this.nodeOf(this.chosen) ?? this.nodeOf(this.head);
    if (!at) return;
    let node = null;
    if (event.key === "Home") [[node]] = this.tree.rows;
    else if (event.key === "End") node = this.nodeOf(this.head);
    else if (event.key === "Enter") this.travel(at);
    else if (event.key === "+") this.zoomBy(1.4);
    else if (event.key === "-") this.zoomBy(1 / 1.4);
    else if (event.key.startsWith("Arrow")) node = step(this.tree, at, event.key);
    else return;
    event.preventDefault();
    if (!node) return;
    this.choose(node);
    this.reveal(node);
  }

  /** @param {Node} node */
  travel(node) {
    if (node.id !== this.head) this.go(node.id);
  }

  /**
   * The turn at this place of the canvas.
   *
   * @param {number} x
   * @param {number} y
   * @returns {Node | null}
   */
  nodeAt(x, y) {
    const line = Math.round((y / this.zoom + this.top) / ROW);
    /** @type {Node | null} */
    let best = null;
    let least = REACH;
    for (const node of this.tree.lines.slice(Math.max(0, line - 1), line + 2)) {
      const [nodeX, nodeY] = this.place(node);
      const far = Math.hypot(nodeX - x, nodeY - y);
      if (far < least) [best, least] = [node, far];
    }
    if (best || this.zoom < WITH_WORDS) return best;
    // Words mean their turn.
    const said = this.tree.lines[line];
    return said && x > this.wordsAt(said) ? said : null;
  }

  /** @param {Node | null} node */
  choose(node) {
    const id = node?.id ?? null;
    if (id === this.chosen) return;
    this.chosen = id;
    this.canvas.style.cursor = id ? "pointer" : "";
    this.showLabel();
    this.paintSoon();
  }

  showLabel() {
    const node = this.nodeOf(this.chosen) ?? this.nodeOf(this.head);
    if (!node) return;
    const here = node.id === this.head ? t(" · you are here") : "";
    /** @type {Record<string, string>} */
    const lost = { failed: t(" · failed"), stopped: t(" · stopped"), queued: t(" · in progress") };
    const name = node.depth ? t("Turn {number}", { number: number(node.depth) }) : t("The opening");
    const line = `${name}${here || lost[node.status] || ""}: ${label(node)}`;
    if (this.words.textContent !== line) this.words.textContent = line;
    this.canvas.title = this.chosen ? label(node) : "";
    clearTimeout(this.soon);
    if (node.cut) this.soon = setTimeout(() => this.loadText(node), SOON);
  }

  /**
   * The whole of what a label has the beginning of.
   *
   * @param {Node} node
   */
  async loadText(node) {
    try {
      const answer = await fetch(`${this.url}${node.id}/`);
      if (!answer.ok) return;
      const { words } = await answer.json();
      Object.assign(node, { whole: words, cut: false });
    } catch {
      return; // the beginning stands there
    }
    this.showLabel();
  }

  // -------------------------------------------------------------- drawing

  /**
   * @param {Node} node
   * @returns {Point}
   */
  place(node) {
    return [(node.lane * LANE - this.left) * this.zoom, (node.line * ROW - this.top) * this.zoom];
  }

  /** @param {Node} node */
  wordsAt(node) {
    const x = (this.tree.rights[node.line] * LANE - this.left) * this.zoom;
    return Math.max(x, 0) + 14 * this.zoom + 4;
  }

  paintSoon() {
    this.frame ||= requestAnimationFrame(() => this.paint());
  }

  paint() {
    this.frame = 0;
    const { canvas, zoom } = this;
    const { clientWidth, clientHeight } = canvas;
    const ratio = devicePixelRatio || 1;
    canvas.width = Math.round(clientWidth * ratio);
    canvas.height = Math.round(clientHeight * ratio);
    const context = canvas.getContext("2d");
    if (!context) return; // a browser that draws no canvas: the words below still say where one is
    context.scale(ratio, ratio);
    const style = getComputedStyle(canvas);
    const ink = (/** @type {string} */ name) => style.getPropertyValue(`--${name}`);
    const palette = { ink: ink("ink"), soft: ink("soft"), lamp: ink("lamp"), edge: ink("edge") };
    const first = Math.max(0, Math.floor(this.top / ROW) - 1);
    const last = Math.ceil((this.top + clientHeight / zoom) / ROW) + 1;
    const lines = this.tree.lines.slice(first, last + 1);
    const right = this.left + clientWidth / zoom;
    const seen = (/** @type {Node} */ { lane }) =>
      lane * LANE > this.left - EDGE && lane * LANE < right + EDGE;
    for (const bright of [false, true]) {
      context.beginPath();
      for (const node of this.tree.lines) {
        const parent = this.nodeOf(node.parent);
        if (!parent || parent.line > last || node.line < first) continue;
        const along = Boolean(node.onPath && parent.onPath);
        if (along === bright && (seen(node) || seen(parent))) {
          this.line(context, this.place(parent), this.place(node));
        }
      }
      context.strokeStyle = bright ? palette.lamp : palette.edge;
      context.lineWidth = (bright ? 3 : 2) * Math.max(0.6, zoom);
      context.stroke();
    }
    for (const node of lines) if (seen(node)) this.dot(context, node, palette);
    if (zoom >= WITH_WORDS) this.write(context, lines, palette, style.fontFamily);
  }

  /**
   * @param {Context} context
   * @param {Point} from
   * @param {Point} to
   */
  line(context, [fromX, fromY], [toX, toY]) {
    context.moveTo(fromX, fromY);
    if (fromX === toX) {
      context.lineTo(toX, toY);
      return;
    }
    // Down along its parent's lane, and off it just above.
    const off = toY - ROW * this.zoom;
    context.lineTo(fromX, off);
    context.bezierCurveTo(fromX, (off + toY) / 2 + 4, toX, (off + toY) / 2 - 8, toX, toY);
  }

  /**
   * @param {Context} context
   * @param {Node} node
   * @param {Palette} palette
   */
  dot(context, node, palette) {
    const [x, y] = this.place(node);
    const here = node.id === this.head;
    const size = Math.max(1.5, (here ? 8 : node.onPath ? 5.5 : 4.5) * this.zoom);
    context.beginPath();
    context.arc(x, y, size, 0, 2 * Math.PI);
    context.fillStyle = node.onPath ? palette.lamp : palette.soft;
    if (node.status === "failed") {
      context.lineWidth = 1.5;
      context.strokeStyle = context.fillStyle;
      context.stroke();
    } else context.fill();
    if (!here && node.id !== this.chosen) return;
    context.beginPath();
    context.arc(x, y, size + 4 * this.zoom, 0, 2 * Math.PI);
    context.lineWidth = 2;
    context.strokeStyle = here ? palette.lamp : palette.ink;
    context.stroke();
  }

  /**
   * @param {Context} context
   * @param {Node[]} lines
   * @param {Palette} palette
   * @param {string} family
   */
  write(context, lines, palette, family) {
    const { clientWidth } = this.canvas;
    context.font = `${Math.round(13 * Math.min(1.25, this.zoom))}px ${family}`;
    context.textBaseline = "middle";
    context.textAlign = "left";
    for (const node of lines) {
      const x = this.wordsAt(node);
      const words = fitted(context, label(node), clientWidth - x - 8);
      context.fillStyle = node.onPath ? palette.ink : palette.soft;
      context.globalAlpha = node.id === this.chosen || node.id === this.head ? 1 : 0.82;
      context.fillText(words, x, this.place(node)[1]);
    }
    context.globalAlpha = 1;
  }
}
