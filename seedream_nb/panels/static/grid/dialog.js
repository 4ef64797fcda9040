const ZOOM_STEP = 1.4;
const PAN_STEP = 0.08; // of the image, per press of an arrow key

/** A view that covers the grid: the bar, zoom, and keys that details and comparison share. */
class Dialog {
  /** @param {GridView} view @param {string} name */
  constructor(view, name) {
    this.view = view;
    this.name = name;
    this.ending = new AbortController();
    this.listen = (element, type, handle, options = {}) =>
      element.addEventListener(type, handle, { ...options, signal: this.ending.signal });
    /** @type {Stage[]} */
    this.stages = [];
    this.lens = new Lens(() => this.drawZoom());
    this.title = make("p", "title");
    this.level = makeButton("Fit", () => this.toggleZoom(), { names: "level" });
    this.smaller = makeButton("Zoom out", () => this.lens.zoom(1 / ZOOM_STEP), { icon: "minus", keys: "-" });
    this.larger = makeButton("Zoom in", () => this.lens.zoom(ZOOM_STEP), { icon: "plus", keys: "+" });
    const zoom = [this.smaller, this.level, this.larger];
    this.zoomGroup = make("div", "group", { role: "group", "aria-label": "Zoom" }, ...zoom);
    this.leave = makeButton("Close", () => this.close(), { icon: "close", keys: "Escape" });
    this.bar = make("div", "dialog-bar", {}, this.title, this.zoomGroup, this.leave);
    this.body = make("div", `dialog-body ${name}`);
    this.element = make("div", "dialog", { role: "dialog" }, this.bar, this.body);
    this.listen(this.element, "keydown", (event) => this.press(event));
  }

  /** @returns {Card[]} */
  get cards() {
    return this.stages.flatMap((stage) => stage.layers.map((layer) => layer.card));
  }

  addStage() {
    const stage = new Stage(this.view, this.lens, this.listen);
    this.stages.push(stage);
    return stage;
  }

  clearStages() {
    for (const stage of this.stages.splice(0)) {
      stage.dispose();
      stage.element.remove();
    }
  }

  /** An image has arrived, or failed. @param {string} key */
  fill(key) {
    for (const stage of this.stages) if (stage.layers.some((layer) => layer.card.key === key)) stage.fill();
  }

  drawZoom() {
    if (!this.stages.length) return;
    for (const stage of this.stages) stage.apply();
    const hasImage = this.stages.some((stage) => stage.fitted);
    const fitted = this.stages.find((stage) => stage.fitted)?.fittedScale ?? 1;
    const text = this.lens.isZoomed ? `${Math.round(this.lens.scale * fitted * 100)}%` : "Fit";
    if (this.level.textContent !== text) this.level.textContent = text;
    const label = this.lens.isZoomed ? `Zoomed to ${text}. Fit to view (F)` : "Zoom to actual size";
    this.level.setAttribute("aria-label", label);
    this.level.title = label;
    for (const button of [this.smaller, this.level, this.larger]) button.disabled = !hasImage;
  }

  toggleZoom() {
    if (this.lens.isZoomed) this.lens.reset();
    else this.stages.find((stage) => stage.fitted)?.zoomToPixels();
  }

  /** @param {KeyboardEvent} event */
  press(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const target = /** @type {Element} */ (event.target);
    if (target.matches("input[type=text], textarea") && event.key !== "Escape") return;
    const isTyping = target.matches("input");
    const actions = {
      Escape: () => this.close(),
      "+": () => this.lens.zoom(ZOOM_STEP),
      "=": () => this.lens.zoom(ZOOM_STEP), // plus without Shift
      "-": () => this.lens.zoom(1 / ZOOM_STEP),
      f: () => this.lens.reset(),
    };
    if (actions[event.key]) actions[event.key]();
    else if (isTyping || !this.move(event)) return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** Pans with the arrow keys. @param {KeyboardEvent} event @returns {boolean} whether the key was handled */
  move({ key }) {
    const directions = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
    if (!this.lens.isZoomed || !directions[key]) return false;
    // The higher the zoom, the smaller the visible part of the image.
    const [x, y] = directions[key];
    this.lens.pan(x * PAN_STEP * this.lens.scale, y * PAN_STEP * this.lens.scale);
    return true;
  }

  focus() {
    this.stages[0].element.focus({ preventScroll: true });
    this.view.root.scrollIntoView({ block: "nearest" });
  }

  close() {}

  dispose() {
    this.ending.abort();
    this.clearStages();
    this.element.remove();
  }
}
