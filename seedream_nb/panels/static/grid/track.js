/**
 * Browsers limit the height of an element, Firefox to about 17.9 million pixels, Chromium to 33.5 million. Taller content
 * has an element of limited height: small steps scroll it pixel by pixel, and jumps go to the same part of it.
 */

const TALLEST = 8_000_000; // pixels
const JUMP = 1.5; // viewports; a wheel or a page key moves less at once
const SETTLING_TIME = 200; // milliseconds without a scroll event

/** Maps the scroll position of an element to its content, which may be taller than the element can be. */
class Track {
  /** @param {HTMLElement} element @param {(time: number, act: () => void) => any} later @param {() => void} draw */
  constructor(element, later, draw) {
    this.element = element;
    this.later = later;
    this.draw = draw;
    this.content = 0;
    this.viewport = 0;
    /** The part of the content at the upper edge of the viewport, in pixels. */
    this.top = 0;
    /** The scroll position at which it is there. */
    this.position = 0;
  }

  /** The height of the element. */
  get height() {
    return Math.min(this.content, TALLEST);
  }

  get isScaled() {
    return this.content > TALLEST;
  }

  /** Content pixels per scrolled pixel, for jumps. */
  get ratio() {
    return this.isScaled ? (this.content - this.viewport) / (this.height - this.viewport) : 1;
  }

  /** @param {number} content @param {number} viewport */
  resize(content, viewport) {
    this.content = content;
    this.viewport = viewport;
  }

  /** The user has scrolled. */
  read() {
    const { scrollTop } = this.element;
    const moved = scrollTop - this.position;
    const isAtEdge = scrollTop <= 0 || scrollTop >= this.height - this.viewport;
    const isJump = !this.isScaled || isAtEdge || Math.abs(moved) > JUMP * this.viewport;
    this.top = this.clamp(isJump ? scrollTop * this.ratio : this.top + moved);
    this.position = scrollTop;
    clearTimeout(this.timer);
    if (this.isScaled) this.timer = this.later(SETTLING_TIME, () => this.settle());
  }

  /** Moves the scroll bar to where the content is, which small steps do not. */
  settle() {
    // Scrolled again, which the browser has not reported yet; this is called again after that.
    if (this.element.scrollTop !== this.position) return;
    if (Math.abs(this.element.scrollTop - this.top / this.ratio) < 1) return;
    this.scrollTo(this.top);
    this.draw();
  }

  /** @param {number} top */
  scrollTo(top) {
    this.top = this.clamp(top);
    this.element.scrollTop = this.top / this.ratio;
    this.position = this.element.scrollTop;
    if (!this.isScaled) this.top = this.position;
  }

  clamp(top) {
    return clamp(top, 0, Math.max(0, this.content - this.viewport));
  }

  /** Where to draw a part of the content within the element. @param {number} top */
  place(top) {
    return this.isScaled ? top - this.top + this.position : top;
  }
}
