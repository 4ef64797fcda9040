const MOST_ZOOM = 16; // times the fitted size

/** Zoom and pan, shared by all images that move together. Lengths are fractions of the image. */
class Lens {
  /** @param {() => void} notify */
  constructor(notify) {
    this.notify = notify;
    this.reset();
  }

  reset() {
    this.set(1, 0, 0);
  }

  get isZoomed() {
    return this.scale > 1;
  }

  /** Zooms around a point, relative to the center of the image. @param {number} factor */
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
    this.notify();
  }

  get transform() {
    return `translate(${this.x * 100}%, ${this.y * 100}%) scale(${this.scale})`;
  }
}
