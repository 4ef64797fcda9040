/**
 * Why: a large picture is held by pointer, wheel and fingers; the same in the detail and in the compare view.
 */

const WHEEL_PAUSE = 400; // milliseconds after which the wheel scrolls the page again

/** @typedef {{clientX: number, clientY: number}} Point */

/** @param {Point} a @param {Point} b @returns {Point} */
const middleOf = (a, b) => ({ clientX: (a.clientX + b.clientX) / 2, clientY: (a.clientY + b.clientY) / 2 });

/** @param {Point} a @param {Point} b */
const distanceOf = (a, b) => Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY);

/** Where one large picture is shown, or two over one another; it is zoomed and panned by pointers and wheel. */
class Stage {
  /** @param {GridView} view @param {Lens} lens @param {Dialog["listen"]} listen */
  constructor(view, lens, listen) {
    this.view = view;
    this.lens = lens;
    /** @type {{card: Card, element: HTMLElement, image: ?HTMLImageElement}[]} */
    this.layers = [];
    /** @type {Map<number, Point>} where the pointers are that hold the picture: one pans it, two pinch it */
    this.held = new Map();
    this.lastWheel = -WHEEL_PAUSE;
    this.note = make("div", "note");
    this.element = make("div", "stage", { tabindex: "0", role: "group", ...OWN_KEYS }, this.note);
    this.observer = new ResizeObserver(() => this.fit());
    this.observer.observe(this.element);
    listen(this.element, "wheel", (event) => this.wheel(event), { passive: false });
    listen(this.element, "dblclick", (event) => this.doubleClick(event));
    listen(this.element, "pointerdown", (event) => this.grip(event));
    listen(this.element, "pointermove", (event) => this.pull(event));
    for (const type of ["pointerup", "pointercancel"]) listen(this.element, type, (event) => this.letGo(event));
    // Two fingers are for the picture; the page must not scroll away below them.
    listen(this.element, "touchmove", (event) => event.touches.length > 1 && event.preventDefault(), { passive: false });
  }

  dispose() {
    this.observer.disconnect();
  }

  /** @param {Card[]} cards The later ones lie above. @param {string} label */
  show(cards, label) {
    this.element.setAttribute("aria-label", label);
    const isSame = cards.every((card, index) => card === this.layers[index]?.card);
    if (!isSame) {
      for (const layer of this.layers) layer.element.remove();
      this.layers = cards.map((card) => ({ card, element: make("div", "layer"), image: null }));
      this.note.before(...this.layers.map((layer) => layer.element));
    }
    this.fill();
  }

  /** Shows the best that is there: the original, the thumbnail until it comes, or why there is none. */
  fill() {
    const notes = [];
    for (const layer of this.layers) {
      const { card } = layer;
      const picture = this.view.store.find("original", card.key) ?? this.view.store.find("thumbnail", card.key);
      const problem = this.view.store.findProblem("original", card.key);
      if (!card.has_picture) layer.element.replaceChildren(makeLost(card.icon, card.state, card.problem));
      else if (picture) this.put(layer, picture);
      else if (problem) layer.element.replaceChildren(makeLost("!", "not available", ""));
      layer.element.classList.toggle("seedream-grid-waiting", card.is_open && !card.has_picture);
      const isLoading = card.has_picture && !problem && !this.view.store.find("original", card.key);
      layer.element.classList.toggle("seedream-grid-loading", isLoading);
      if (card.has_picture && problem) notes.push(this.makeNote(card.key, problem));
    }
    this.note.replaceChildren(...notes);
    this.fit();
  }

  makeNote(key, problem) {
    const again = makeButton("Try again", () => {
      this.element.focus();
      this.view.askAgain(key);
    });
    return make("div", "note-text", {}, make("p", "", { dir: "auto" }, `The original did not come: ${problem}`), again);
  }

  put(layer, picture) {
    if (!layer.image) {
      layer.image = make("img", "large", { alt: layer.card.prompt, draggable: "false" });
      if (layer.card.is_transparent) layer.image.classList.add("seedream-grid-transparent");
    }
    if (layer.image.parentElement !== layer.element) layer.element.replaceChildren(layer.image);
    // The browser goes on showing the thumbnail until the original is decoded.
    if (layer.image.src !== picture.url) layer.image.src = picture.url;
  }

  /** The size of a layer's original as far as it is known. @returns {{size: Size, isFull: boolean}} */
  sizeOf({ card }) {
    const original = this.view.store.find("original", card.key);
    if (original) return { size: original, isFull: true };
    if (card.width && card.height) return { size: { width: card.width, height: card.height }, isFull: true };
    return { size: this.view.store.find("thumbnail", card.key) ?? { width: 1, height: 1 }, isFull: false };
  }

  /** Gives the pictures the size that fits; small originals are not enlarged. */
  fit() {
    const { clientWidth, clientHeight } = this.element;
    for (const layer of this.layers) {
      if (!layer.image) continue;
      const { size, isFull } = this.sizeOf(layer);
      const ratio = Math.min(clientWidth / size.width, clientHeight / size.height, isFull ? 1 : Infinity);
      layer.image.style.width = `${size.width * ratio}px`;
      layer.image.style.height = `${size.height * ratio}px`;
    }
    this.apply();
    this.lens.tell();
  }

  apply() {
    for (const layer of this.layers) if (layer.image) layer.image.style.transform = this.lens.transform;
    this.element.classList.toggle("seedream-grid-zoomed", this.lens.isZoomed);
  }

  /** The size on the screen of the picture that the pointer moves, when not zoomed. @returns {?Size} */
  get fitted() {
    const image = this.layers.find((layer) => layer.image)?.image;
    return image?.offsetWidth ? { width: image.offsetWidth, height: image.offsetHeight } : null;
  }

  /** How many pixels of the screen one of the original takes, when not zoomed. @returns {?number} */
  get fittedScale() {
    const layer = this.layers.find(({ image }) => image);
    const { size, isFull } = layer ? this.sizeOf(layer) : { size: null, isFull: false };
    return isFull && this.fitted ? this.fitted.width / size.width : null;
  }

  /** Where a place on the screen is, from the picture's middle. @param {Point} point @returns {[number, number]} */
  placeOf({ clientX, clientY }) {
    const box = this.element.getBoundingClientRect();
    return [
      (clientX - box.left - box.width / 2) / this.fitted.width,
      (clientY - box.top - box.height / 2) / this.fitted.height,
    ];
  }

  /** Zooms to the original's own pixels. */
  zoomToPixels(x = 0, y = 0) {
    this.lens.zoom(Math.max(2, 1 / (this.fittedScale ?? 1)), x, y);
  }

  /** @param {WheelEvent} event */
  wheel(event) {
    if (!this.fitted) return;
    const isLeaving = event.deltaY > 0 && !this.lens.isZoomed && !event.ctrlKey;
    // Who scrolls past the picture goes on scrolling; who has just zoomed out does not leap away.
    if (isLeaving && event.timeStamp - this.lastWheel > WHEEL_PAUSE) return;
    event.preventDefault();
    this.lastWheel = event.timeStamp;
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 20 : 1;
    // A pinch on a touchpad arrives as a wheel with Ctrl, in small steps.
    const speed = event.ctrlKey ? 0.01 : 0.002;
    this.lens.zoom(Math.exp(-clamp(event.deltaY * lines, -200, 200) * speed), ...this.placeOf(event));
  }

  /** @param {MouseEvent} event */
  doubleClick(event) {
    if (!this.fitted || this.isControl(event)) return;
    if (this.lens.isZoomed) this.lens.reset();
    else this.zoomToPixels(...this.placeOf(event));
  }

  isControl(event) {
    return Boolean(/** @type {Element} */ (event.target).closest("button, input"));
  }

  /** @param {PointerEvent} event */
  grip(event) {
    const isFinger = event.pointerType === "touch";
    if (event.button !== 0 || !this.fitted || this.isControl(event) || !(isFinger || this.lens.isZoomed)) return;
    this.held.set(event.pointerId, event);
    // A single finger on a picture that is not zoomed may still be one that scrolls the page.
    if (this.lens.isZoomed || this.held.size > 1) this.element.setPointerCapture(event.pointerId);
    this.element.classList.toggle("seedream-grid-gripped", this.lens.isZoomed);
  }

  /** @param {PointerEvent} event */
  pull(event) {
    const before = this.held.get(event.pointerId);
    if (!before) return;
    const other = [...this.held].find(([pointer]) => pointer !== event.pointerId)?.[1];
    this.held.set(event.pointerId, event);
    const [from, to] = other ? [middleOf(before, other), middleOf(event, other)] : [before, event];
    if (other) {
      const spread = distanceOf(event, other) / Math.max(1, distanceOf(before, other));
      this.lens.zoom(spread, ...this.placeOf(from));
    }
    const { width, height } = this.fitted;
    this.lens.pan((to.clientX - from.clientX) / width, (to.clientY - from.clientY) / height);
  }

  /** @param {PointerEvent} event */
  letGo(event) {
    this.held.delete(event.pointerId);
    if (!this.held.size) this.element.classList.remove("seedream-grid-gripped");
  }
}
