// Keeps the reader's place. Words are followed down until the beginning of their reply reaches the
// top of the page; a reader who scrolls takes over, and a pill leads back.

const NEAR = 48; // px from the end that count as the end
const INPUT_WINDOW = 400; // ms after a wheel, touch or key in which a scroll is the reader's
const FAR = 2; // screens from the end after which a way back is offered
const KEEP_ABOVE = 20; // px kept free above the turn that is followed

export class AutoScroll {
  /**
   * @param {HTMLElement} scroller
   * @param {(behind: "words" | "far" | null) => void} onBehind told whether new words are out of
   *   sight, or the end is far away
   */
  constructor(scroller, onBehind) {
    this.scroller = scroller;
    this.onBehind = onBehind;
    /** @type {HTMLElement | null} */
    this.top = null; // the element whose beginning stays in sight; null: follow to the very end
    this.on = true;
    this.whole = true; // the story's last turn stands on the page
    this.unread = false;
    this.lastInput = -Infinity;
    this.ours = 0; // the scroll position that we set last
    this.frame = 0;
    this.reducedMotion = matchMedia("(prefers-reduced-motion: reduce)");
    for (const kind of ["wheel", "touchstart", "touchmove", "pointerdown", "keydown"]) {
      scroller.addEventListener(kind, () => this.userInput(), { passive: true });
    }
    scroller.addEventListener("scroll", () => this.scrolled(), { passive: true });
    new ResizeObserver(() => this.resized()).observe(scroller);
  }

  userInput() {
    this.lastInput = performance.now();
  }

  get end() {
    return this.scroller.scrollHeight - this.scroller.clientHeight;
  }

  get atEnd() {
    return this.whole && this.end - this.scroller.scrollTop <= NEAR;
  }

  /** Whether the reader moved the page. A hand on it may as well have pressed a button there. */
  get byReader() {
    const near = performance.now() - this.lastInput < INPUT_WINDOW;
    // Within a pixel it is ours: on phones the browser rounds it to the device's pixels later.
    return near && Math.abs(this.scroller.scrollTop - this.ours) > 1;
  }

  scrolled() {
    if (this.byReader) {
      this.lastInput = performance.now(); // a flick of the finger goes on for a while
      cancelAnimationFrame(this.frame);
      this.frame = 0;
      this.on = this.atEnd;
      if (this.on) this.top = null;
    }
    if (this.atEnd) this.unread = false;
    this.notify();
  }

  notify() {
    const away = this.end - this.scroller.scrollTop;
    const far = !this.on && (!this.whole || away > FAR * this.scroller.clientHeight);
    this.onBehind(this.unread ? "words" : far ? "far" : null);
  }

  /** A keyboard opened or a window changed: whoever was at the end stays there. */
  resized() {
    if (this.on) this.storyGrew(true);
  }

  /**
   * Go along with `turn` from its beginning. A hand that was on the page before that is off it.
   *
   * @param {HTMLElement} turn
   */
  followTurn(turn) {
    this.top = turn;
    this.on = true;
    this.lastInput = -Infinity;
    this.storyGrew();
  }

  toEnd({ at = "once" } = {}) {
    this.on = true;
    this.top = null;
    this.unread = false;
    this.onBehind(null);
    if (at === "once") this.scrollTo(this.end);
    else this.storyGrew();
  }

  /** The story grew. */
  storyGrew(atOnce = false) {
    if (!this.on) {
      this.unread = !this.atEnd;
      this.notify();
      return;
    }
    this.follow(atOnce);
    if (this.target() < this.end - NEAR) {
      this.unread = true;
      this.notify();
    }
  }

  /** Scroll down as far as what is followed allows. */
  follow(atOnce = false) {
    if (atOnce || this.reducedMotion.matches) this.scrollTo(this.target());
    else if (!this.frame) this.frame = requestAnimationFrame(() => this.step());
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

  /** @param {number} top */
  scrollTo(top) {
    this.scroller.scrollTop = top;
    this.ours = this.scroller.scrollTop;
  }

  /**
   * Keep the child of `list` that is read in place, whatever comes and goes around it.
   *
   * @param {HTMLElement} list
   * @param {() => void} change
   */
  keepInPlace(list, change) {
    const top = this.scroller.getBoundingClientRect().top;
    const height = (/** @type {Element} */ child) => child.getBoundingClientRect();
    const read = [...list.children].find((child) => height(child).bottom > top);
    const was = read ? height(read).top : 0;
    change();
    if (read?.isConnected) this.scrollTo(this.scroller.scrollTop + height(read).top - was);
  }
}
