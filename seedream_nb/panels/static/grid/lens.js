/**
 * Why: pictures that are compared move together; how far is zoomed in, and where to, is kept apart from them.
 */

const MOST_ZOOM = 16; // times the size that fits

/** How far is zoomed in and where to; shared by all pictures that move together. Lengths are parts of the picture. */
class Lens {
  /** @param {() => void} tell */
  constructor(tell) {
    this.tell = tell;
    this.reset();
  }

  reset() {
    this.set(1, 0, 0);
  }

  get isZoomed() {
    return this.scale > 1;
  }

  /** Zooms around a point, given from the picture's middle. @param {number} factor */
  zoom(factor, x = 0, y = 0) {
    const scale = clamp((this.scale ?? 1) * factor, 1, MOST_ZOOM);
    const change = scale / this.scale;
    this.set(scale, x - (x - this.x) * change, y - (y - this.y) * change);
  }

  /** @param {number} x @param {number} y */
  pan(x, y) {
    this.set(this.scale, this.x + x, this.y + y);
  }

  set(scale, x, y) {
    const reach = (scale - 1) / 2;
    this.scale = scale;
    this.x = clamp(x, -reach, reach);
    this.y = clamp(y, -reach, reach);
    this.tell();
  }

  get transform() {
    return `translate(${this.x * 100}%, ${this.y * 100}%) scale(${this.scale})`;
  }
}
