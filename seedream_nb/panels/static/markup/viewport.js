const MOST_MAGNIFIED = 8; // screen pixels per pixel of the original
const ZOOM_FACTOR = 1.25;

/** Where the image is on the screen: `scale` in screen pixels per pixel of the original, `x` and `y` of its corner. */
class Viewport {
  /** @param {HTMLElement} element @param {() => void} notify */
  constructor(element, notify) {
    this.element = element;
    this.notify = notify;
    this.isFitted = true;
    this.size = { width: 1, height: 1 };
    this.scale = 1;
    this.x = 0;
    this.y = 0;
  }

  /** @param {Size} size Of the image. */
  setSize(size) {
    if (size.width === this.size.width && size.height === this.size.height) return;
    this.size = { width: size.width, height: size.height };
    this.fit();
  }

  get fittedScale() {
    const { clientWidth, clientHeight } = this.element;
    return Math.min(clientWidth / this.size.width, clientHeight / this.size.height, 1) || 1;
  }

  fit() {
    this.isFitted = true;
    this.place(this.fittedScale, 0, 0);
  }

  /** After the element has changed its size. */
  resize() {
    if (this.isFitted) this.fit();
    else this.place(this.scale, this.x, this.y);
  }

  /** Zooms around a position in the element, by default its center. @param {number} scale */
  zoomTo(scale, x = this.element.clientWidth / 2, y = this.element.clientHeight / 2) {
    const next = clamp(scale, Math.min(this.fittedScale, 0.5), MOST_MAGNIFIED);
    const change = next / this.scale;
    this.isFitted = false;
    this.place(next, x - (x - this.x) * change, y - (y - this.y) * change);
  }

  zoom(factor, x = undefined, y = undefined) {
    this.zoomTo(this.scale * factor, x, y);
  }

  pan(x, y) {
    this.isFitted &&= !x && !y;
    this.place(this.scale, this.x + x, this.y + y);
  }

  place(scale, x, y) {
    const { clientWidth, clientHeight } = this.element;
    const within = (start, room, length) =>
      length <= room ? (room - length) / 2 : clamp(start, room - length, 0);
    this.scale = scale;
    this.x = within(x, clientWidth, this.size.width * scale);
    this.y = within(y, clientHeight, this.size.height * scale);
    this.notify();
  }

  /** Brings a part of the image into view. @param {Bounds} bounds */
  reveal({ left, top, width, height }) {
    const { clientWidth, clientHeight } = this.element;
    const shift = (start, length, offset, room) => {
      const [from, to] = [start * this.scale + offset, (start + length) * this.scale + offset];
      if (from >= 0 && to <= room) return 0;
      return room / 2 - (from + to) / 2;
    };
    this.pan(shift(left, width, this.x, clientWidth), shift(top, height, this.y, clientHeight));
  }

  /** A position in the element, also where a parent is scaled. @param {Point} point @returns {Place} */
  placeOf({ clientX, clientY }) {
    const box = this.element.getBoundingClientRect();
    const ratio = box.width / this.element.offsetWidth || 1;
    return [(clientX - box.left) / ratio, (clientY - box.top) / ratio];
  }

  /** A pointer's position in pixels of the original, within the image. @param {Point} point @returns {Place} */
  pixelOf(point) {
    const [x, y] = this.placeOf(point);
    const pixel = (value, start, length) => roundPlace(clamp((value - start) / this.scale, 0, length));
    return [pixel(x, this.x, this.size.width), pixel(y, this.y, this.size.height)];
  }

  get transform() {
    return `translate(${this.x}px, ${this.y}px) scale(${this.scale})`;
  }
}
