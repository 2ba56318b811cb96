// Keeps the reader's place. Words are followed down until the beginning of their reply reaches the
// top of the page; a reader who scrolls takes over, and a pill leads back.

const NEAR = 48; // px from the end that count as the end
const HANDS_ON = 400; // ms after a wheel, touch or key in which a scroll is the reader's
const KEEP_ABOVE = 20; // px kept free above the turn that is followed

export class Follow {
  /**
   * @param {HTMLElement} scroller
   * @param {(behind: boolean) => void} onBehind told whether new words are out of sight
   */
  constructor(scroller, onBehind) {
    this.scroller = scroller;
    this.onBehind = onBehind;
    this.top = null; // the element whose beginning stays in sight; null: follow to the very end
    this.on = true;
    this.touched = -Infinity;
    this.ours = null; // the scroll position that we set last
    this.frame = 0;
    this.calm = matchMedia("(prefers-reduced-motion: reduce)");
    for (const kind of ["wheel", "touchstart", "touchmove", "pointerdown", "keydown"]) {
      scroller.addEventListener(kind, () => this.hand(), { passive: true });
    }
    scroller.addEventListener("scroll", () => this.scrolled(), { passive: true });
    new ResizeObserver(() => this.resized()).observe(scroller);
  }

  hand() {
    this.touched = performance.now();
  }

  get end() {
    return this.scroller.scrollHeight - this.scroller.clientHeight;
  }

  get atEnd() {
    return this.end - this.scroller.scrollTop <= NEAR;
  }

  /** Whether the reader moved the page. A hand on it may as well have pressed a button there. */
  get byHand() {
    const near = performance.now() - this.touched < HANDS_ON;
    return near && this.scroller.scrollTop !== this.ours;
  }

  scrolled() {
    if (this.byHand) {
      this.touched = performance.now(); // a flick of the finger goes on for a while
      cancelAnimationFrame(this.frame);
      this.frame = 0;
      this.on = this.atEnd;
      if (this.on) this.top = null;
    }
    if (this.atEnd) this.onBehind(false);
  }

  /** A keyboard opened or a window changed: whoever was at the end stays there. */
  resized() {
    if (this.on) this.words(true);
  }

  /** Go along with `turn` from its beginning. */
  turn(turn) {
    this.top = turn;
    this.on = true;
    this.words();
  }

  toEnd({ at = "once" } = {}) {
    this.on = true;
    this.top = null;
    this.onBehind(false);
    if (at === "once") this.scrollTo(this.end);
    else this.words();
  }

  /** The story grew. */
  words(atOnce = false) {
    if (!this.on) {
      this.onBehind(!this.atEnd);
      return;
    }
    if (atOnce || this.calm.matches) this.scrollTo(this.target());
    else if (!this.frame) this.frame = requestAnimationFrame(() => this.step());
    if (this.target() < this.end - NEAR) this.onBehind(true);
  }

  target() {
    if (!this.top?.isConnected) return this.end;
    const { scroller } = this;
    const box = this.top.getBoundingClientRect();
    const top = box.top - scroller.getBoundingClientRect().top + scroller.scrollTop;
    return Math.max(0, Math.min(this.end, top - KEEP_ABOVE));
  }

  step() {
    this.frame = 0;
    if (!this.on) return;
    const left = this.target() - this.scroller.scrollTop;
    if (Math.abs(left) < 1) return;
    // Scroll positions round to whole pixels: a smaller step would never arrive.
    const pace = Math.sign(left) * Math.max(1, Math.abs(left) * 0.18);
    this.scrollTo(this.scroller.scrollTop + (Math.abs(left) < 2 ? left : pace));
    this.frame = requestAnimationFrame(() => this.step());
  }

  scrollTo(top) {
    this.scroller.scrollTop = top;
    this.ours = this.scroller.scrollTop;
  }

  /** Keep the text that is read in place while older text is put above it. */
  hold(change) {
    const below = this.scroller.scrollHeight - this.scroller.scrollTop;
    change();
    this.scroller.scrollTop = this.scroller.scrollHeight - below;
  }
}
