const WHEEL_PAUSE = 400; // milliseconds after which the wheel scrolls the page again

/** @typedef {{clientX: number, clientY: number}} Point */

/** @param {Point} a @param {Point} b @returns {Point} */
const middleOf = (a, b) => ({ clientX: (a.clientX + b.clientX) / 2, clientY: (a.clientY + b.clientY) / 2 });

/** @param {Point} a @param {Point} b */
const distanceOf = (a, b) => Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY);

/** One large image, or two overlaid; zoomed and panned by pointer, wheel, and touch. */
class Stage {
  /** @param {GridView} view @param {Lens} lens @param {Dialog["listen"]} listen */
  constructor(view, lens, listen) {
    this.view = view;
    this.lens = lens;
    /** @type {{card: Card, element: HTMLElement, image: ?HTMLImageElement}[]} */
    this.layers = [];
    /** @type {Map<number, Point>} the positions of pressed pointers: one pans, two pinch */
    this.pointers = new Map();
    this.lastWheel = -WHEEL_PAUSE;
    this.note = make("div", "note");
    this.element = make("div", "stage", { tabindex: "0", role: "group", ...OWN_KEYS }, this.note);
    this.observer = new ResizeObserver(() => this.fit());
    this.observer.observe(this.element);
    listen(this.element, "wheel", (event) => this.wheel(event), { passive: false });
    listen(this.element, "dblclick", (event) => this.doubleClick(event));
    listen(this.element, "pointerdown", (event) => this.startDrag(event));
    listen(this.element, "pointermove", (event) => this.drag(event));
    for (const type of ["pointerup", "pointercancel"]) listen(this.element, type, (event) => this.endDrag(event));
    // Two fingers pinch the image; the page must not scroll below them.
    listen(this.element, "touchmove", (event) => event.touches.length > 1 && event.preventDefault(), { passive: false });
  }

  dispose() {
    this.observer.disconnect();
  }

  /** @param {Card[]} cards Later ones are on top. @param {string} label */
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

  /** Shows the original, the thumbnail until it arrives, or the reason why there is none. */
  fill() {
    const notes = [];
    for (const layer of this.layers) {
      const { card } = layer;
      const loaded = this.view.store.find("original", card.key) ?? this.view.store.find("thumbnail", card.key);
      const problem = this.view.store.findProblem("original", card.key);
      if (!card.has_image) layer.element.replaceChildren(makePlaceholder(card.icon, card.state, card.problem));
      else if (loaded) this.put(layer, loaded);
      else if (problem) layer.element.replaceChildren(makePlaceholder("!", "not available", ""));
      layer.element.classList.toggle("seedream-grid-waiting", card.is_in_progress && !card.has_image);
      const isLoading = card.has_image && !problem && !this.view.store.find("original", card.key);
      layer.element.classList.toggle("seedream-grid-loading", isLoading);
      if (card.has_image && problem) notes.push(this.makeNote(card.key, problem));
    }
    this.note.replaceChildren(...notes);
    this.fit();
  }

  makeNote(key, problem) {
    const retry = makeButton("Retry", () => {
      this.element.focus();
      this.view.retry(key);
    });
    return make("div", "note-text", {}, make("p", "", { dir: "auto" }, `Couldn't load the original: ${problem}`), retry);
  }

  put(layer, loaded) {
    if (!layer.image) {
      layer.image = make("img", "large", { alt: layer.card.prompt, draggable: "false" });
      if (layer.card.is_transparent) layer.image.classList.add("seedream-grid-transparent");
    }
    if (layer.image.parentElement !== layer.element) layer.element.replaceChildren(layer.image);
    // The browser shows the thumbnail until the original is decoded.
    if (layer.image.src !== loaded.url) layer.image.src = loaded.url;
  }

  /** The size of a layer's original, as far as known. @returns {{size: Size, isFull: boolean}} */
  sizeOf({ card }) {
    const original = this.view.store.find("original", card.key);
    if (original) return { size: original, isFull: true };
    if (card.width && card.height) return { size: { width: card.width, height: card.height }, isFull: true };
    return { size: this.view.store.find("thumbnail", card.key) ?? { width: 1, height: 1 }, isFull: false };
  }

  /** Fits the images to the stage; small originals are not enlarged. */
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
    this.lens.notify();
  }

  apply() {
    for (const layer of this.layers) if (layer.image) layer.image.style.transform = this.lens.transform;
    this.element.classList.toggle("seedream-grid-zoomed", this.lens.isZoomed);
  }

  /** The size of the image on the screen when not zoomed. @returns {?Size} */
  get fitted() {
    const image = this.layers.find((layer) => layer.image)?.image;
    return image?.offsetWidth ? { width: image.offsetWidth, height: image.offsetHeight } : null;
  }

  /** Screen pixels per pixel of the original when not zoomed. @returns {?number} */
  get fittedScale() {
    const layer = this.layers.find(({ image }) => image);
    const { size, isFull } = layer ? this.sizeOf(layer) : { size: null, isFull: false };
    return isFull && this.fitted ? this.fitted.width / size.width : null;
  }

  /** A position on the screen, relative to the center of the image. @param {Point} point @returns {[number, number]} */
  placeOf({ clientX, clientY }) {
    const box = this.element.getBoundingClientRect();
    return [
      (clientX - box.left - box.width / 2) / this.fitted.width,
      (clientY - box.top - box.height / 2) / this.fitted.height,
    ];
  }

  /** Zooms to actual size. */
  zoomToPixels(x = 0, y = 0) {
    this.lens.zoom(Math.max(2, 1 / (this.fittedScale ?? 1)), x, y);
  }

  /** @param {WheelEvent} event */
  wheel(event) {
    if (!this.fitted) return;
    const isLeaving = event.deltaY > 0 && !this.lens.isZoomed && !event.ctrlKey;
    // Scrolling past the image scrolls the page, but not right after zooming out.
    if (isLeaving && event.timeStamp - this.lastWheel > WHEEL_PAUSE) return;
    event.preventDefault();
    this.lastWheel = event.timeStamp;
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 20 : 1;
    // A touchpad pinch arrives as Ctrl+wheel, in small steps.
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
  startDrag(event) {
    const isFinger = event.pointerType === "touch";
    if (event.button !== 0 || !this.fitted || this.isControl(event) || !(isFinger || this.lens.isZoomed)) return;
    this.pointers.set(event.pointerId, event);
    // A single finger on an image that is not zoomed may still scroll the page.
    if (this.lens.isZoomed || this.pointers.size > 1) this.element.setPointerCapture(event.pointerId);
    this.element.classList.toggle("seedream-grid-dragging", this.lens.isZoomed);
  }

  /** @param {PointerEvent} event */
  drag(event) {
    const before = this.pointers.get(event.pointerId);
    if (!before) return;
    const other = [...this.pointers].find(([pointer]) => pointer !== event.pointerId)?.[1];
    this.pointers.set(event.pointerId, event);
    const [from, to] = other ? [middleOf(before, other), middleOf(event, other)] : [before, event];
    if (other) {
      const spread = distanceOf(event, other) / Math.max(1, distanceOf(before, other));
      this.lens.zoom(spread, ...this.placeOf(from));
    }
    const { width, height } = this.fitted;
    this.lens.pan((to.clientX - from.clientX) / width, (to.clientY - from.clientY) / height);
  }

  /** @param {PointerEvent} event */
  endDrag(event) {
    this.pointers.delete(event.pointerId);
    if (!this.pointers.size) this.element.classList.remove("seedream-grid-dragging");
  }
}
