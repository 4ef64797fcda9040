const FOCUS_FRAMES = 120; // to wait until what had the focus is visible again

const HINT = "Drag to draw, or press Enter · V selects, arrow keys move · Ctrl+wheel zooms, Space and a drag pans";

Object.assign(ICONS, {
  select: "M4 2.5l8.5 6-4 .8-1.8 3.9z",
  box: "M2.5 3.5h11v9h-11z",
  arrow: "M3 13L13 3M7 3h6v6",
  line: "M3 13L13 3",
  freehand: "M2.5 10.5c1.5-5 3.5-7.5 4.5-6.5s-2 5.500-.5 6.500 3-3.500 4-2.500-.5 3.500 3 3",
  pin: "M8 2.500a5.500 5.500 0 1 0 .01 0M7 6l1.300-1v6",
  text: "M3.500 4.500v-1.500h9v1.500M8 3v10M6.300 13h3.400",
  undo: "M5.500 3.500L3 6l2.500 2.500M3 6h6.500a3.500 3.500 0 0 1 0 7H7",
  redo: "M10.500 3.500L13 6l-2.500 2.500M13 6H6.500a3.500 3.500 0 0 0 0 7H9",
  remove: "M3 4.500h10M6.500 4.500v-1.500h3v1.500M4.500 4.500l.6 8.500h5.800l.6-8.500M6.800 7v4M9.200 7v4",
});

/** One view of the editor; it shows nothing while no image is edited. */
class EditorView {
  constructor(model, element, store) {
    this.model = model;
    this.place = element;
    this.store = store;
    this.ending = new AbortController();
    this.listen = (target, type, handle, options = {}) =>
      target.addEventListener(type, handle, { ...options, signal: this.ending.signal });
    /** @type {"select" | ShapeKind} */
    this.tool = "box";
    this.color = "";
    this.isSpacePressed = false;
    this.live = make("div", "hidden", { "aria-live": "polite" });
    this.title = make("h2", "title");
    this.makeBars();
    this.canvas = new Canvas(this);
    this.aside = new Aside(this);
    this.result = new ResultPanel(this);
    this.problem = makePart("failure");
    this.work = makePart("work", makePart("stage", this.tools, this.canvas.element, makePart("hint", HINT)), this.aside.element);
    /** In the document only while an image is edited. */
    this.root = make("div", "root", { role: "region", "aria-label": "Edit image", ...OWN_KEYS });
    this.root.classList.add("seedream-grid", "seedream-markup");
    this.root.append(this.bar, this.problem, this.work, this.result.element, this.live);
    this.listen(this.root, "keydown", (event) => this.press(event));
    this.listen(this.root, "keydown", (event) => this.passOnSave(event));
    this.listen(this.root, "keyup", (event) => this.releaseKey(event));
    this.listen(this.root, "focusout", () => (this.isSpacePressed = false));
    store.attach(this);
    this.draw();
  }

  dispose() {
    this.ending.abort();
    this.canvas.dispose();
    this.aside.dispose();
    this.store.detach(this);
    this.root.remove();
  }

  /** The focused element, also within a shadow root. @returns {any} */
  get focused() {
    return /** @type {Document} */ (this.place.getRootNode()).activeElement;
  }

  makeBars() {
    this.buttons = TOOLS.map(({ kind, label, key, icon }) => {
      const button = makeButton(label, () => this.choose(kind), { icon: /** @type {any} */ (icon), keys: key.toUpperCase() });
      button.setAttribute("aria-keyshortcuts", key);
      return [kind, button];
    });
    this.swatches = make("div", "", { role: "group", "aria-label": "Color" });
    this.swatches.classList.add("seedream-markup-swatches");
    this.colorName = makePart("color-name");
    this.undo = makeButton("Undo", () => this.step("undo"), { icon: /** @type {any} */ ("undo"), keys: "Ctrl+Z" });
    this.redo = makeButton("Redo", () => this.step("redo"), { icon: /** @type {any} */ ("redo"), keys: "Ctrl+Shift+Z" });
    this.remover = makeButton("Delete", () => this.remove(this.store.selected), { icon: /** @type {any} */ ("remove"), keys: "Delete" });
    const group = (label, ...children) => make("div", "group", { role: "group", "aria-label": label }, ...children);
    this.level = make("span", "level", { "aria-live": "off" });
    const smaller = makeButton("Zoom out", () => this.canvas.viewport.zoom(1 / ZOOM_FACTOR), { icon: "minus", keys: "-" });
    const larger = makeButton("Zoom in", () => this.canvas.viewport.zoom(ZOOM_FACTOR), { icon: "plus", keys: "+" });
    this.fit = makeButton("Fit", () => this.canvas.viewport.fit(), { keys: "0" });
    this.full = makeButton("100 %", () => this.canvas.viewport.zoomTo(1), { keys: "1" });
    this.zoom = group("Zoom", smaller, this.level, larger, this.fit, this.full);
    this.zoom.classList.add("seedream-markup-zoom");
    const tools = [group("Tools", ...this.buttons.map(([, button]) => button)), this.swatches, this.colorName];
    this.tools = makePart("tools", ...tools, group("Change", this.undo, this.redo, this.remover), this.zoom);
    this.tools.setAttribute("role", "toolbar");
    this.tools.setAttribute("aria-label", "Drawing");
    this.leaving = makeButton("Close", () => this.close(), { icon: "close", keys: "Escape" });
    this.leaving.setAttribute("aria-label", "Close the editor; what is drawn is kept");
    this.bar = make("div", "dialog-bar", {}, this.title, this.leaving);
  }

  // Drawing.

  draw() {
    const { session, url } = this.store;
    if (!session) return this.root.remove();
    const wasHidden = !this.root.isConnected;
    if (wasHidden) this.place.append(this.root);
    if (!session.colors.some(({ name }) => name === this.color)) this.setColors(session.colors);
    this.title.textContent = `Edit: ${session.label}`;
    this.problem.hidden = !session.problem;
    this.problem.textContent = session.problem ? `✕ ${session.problem}` : url ? "" : "Loading the original…";
    const isShowingResult = Boolean(this.store.result?.isShown);
    const hadFocus = this.work.contains(this.focused);
    this.work.hidden = isShowingResult || !url;
    this.result.element.hidden = !isShowingResult;
    this.problem.hidden ||= Boolean(url);
    if (!url) this.problem.hidden = false;
    this.drawTools();
    if (url) {
      this.canvas.draw();
      this.aside.draw();
    }
    this.result.draw();
    if (wasHidden) this.enter();
    else if (isShowingResult && hadFocus) this.result.overlay.focus();
    if (!this.wasShowing && url && !isShowingResult && this.focused === this.leaving) this.canvas.element.focus({ preventScroll: true });
    this.wasShowing = Boolean(url);
  }

  drawTools() {
    const { store } = this;
    for (const [kind, button] of this.buttons) button.setAttribute("aria-pressed", String(kind === this.tool));
    const isPreviewing = Boolean(store.preview);
    for (const [, button] of this.buttons) button.disabled = isPreviewing;
    const refocus = [this.undo, this.redo, this.remover].includes(this.focused);
    this.undo.disabled = !store.done.length || isPreviewing;
    this.redo.disabled = !store.undone.length || isPreviewing;
    this.remover.disabled = !store.selectedShape || isPreviewing;
    // A button that becomes disabled loses the focus, and the keys with it.
    if (refocus && (this.focused?.disabled ?? true)) this.canvas.element.focus({ preventScroll: true });
    const color = (this.tool === "select" && store.selectedShape?.color) || this.color;
    for (const swatch of /** @type {any} */ (this.swatches.children))
      swatch.setAttribute("aria-pressed", String(swatch.dataset.color === color));
    this.colorName.textContent = color;
  }

  drawZoom() {
    const { viewport } = this.canvas ?? {};
    if (!viewport) return;
    this.level.textContent = `${Math.round(viewport.scale * 100)}%`;
    this.fit.setAttribute("aria-pressed", String(viewport.isFitted));
  }

  setColors(colors) {
    this.color = colors[0].name;
    this.swatches.replaceChildren(
      ...colors.map(({ name, value }) => {
        const swatch = make("button", "", { type: "button", title: name, "aria-label": name, "data-color": name, ...OWN_KEYS });
        swatch.classList.add("seedream-markup-swatch");
        swatch.style.setProperty("--seedream-markup-color", value);
        swatch.addEventListener("click", () => this.setColor(name));
        return swatch;
      }),
    );
  }

  /** @param {Shape} shape While it is dragged. */
  showNumbers(shape) {
    this.aside.show(shape);
  }

  // What the user does.

  /** @param {string} type @param {object} content */
  send(type, content = {}) {
    this.model.send({ type, key: this.store.session.key, ...content });
  }

  /** @param {"select" | ShapeKind} tool */
  choose(tool) {
    this.tool = tool;
    this.canvas.draw();
    this.drawTools();
    this.announce(`Tool: ${TOOLS.find(({ kind }) => kind === tool).label}.`);
  }

  /** The color of the next shape; with the tool Select, also of the selected one. @param {string} name */
  setColor(name) {
    this.color = name;
    if (this.tool === "select") this.recolor(name);
    this.drawTools();
    this.announce(`Color: ${name}.`);
  }

  /** @param {string} name */
  recolor(name) {
    const shape = this.store.selectedShape;
    if (shape && shape.color !== name) this.store.alter(shape.id, { color: name });
  }

  /** @param {"undo" | "redo"} direction */
  step(direction) {
    const isDone = this.store[direction]();
    this.keepFocus();
    const words = direction === "undo" ? "Undone" : "Redone";
    this.announce(isDone ? `${words}: ${describeCount(this.store.shapes.length)}.` : `Nothing to ${direction}.`);
  }

  /** @param {number} id */
  remove(id) {
    const index = this.store.shapes.findIndex((shape) => shape.id === id);
    if (index < 0) return;
    const name = nameOf(this.store.shapes[index]);
    const wasInList = this.aside.list.contains(this.focused);
    const wasOnCanvas = this.canvas.element.contains(this.focused);
    this.store.remove(id);
    const next = this.store.shapes[index] ?? this.store.shapes[index - 1];
    if (wasInList && next) this.aside.find(next.id, "remove").focus();
    else if (next && wasOnCanvas) this.canvas.focusShape(next.id);
    this.keepFocus();
    this.announce(`${name} deleted. Undo with Ctrl+Z.`);
  }

  /** Gives the focus to the canvas if the element that had it is gone. */
  keepFocus() {
    if (!this.root.contains(this.focused)) this.canvas.element.focus({ preventScroll: true });
  }

  /** @param {KeyboardEvent} event */
  press(event) {
    const target = /** @type {Element} */ (event.target);
    const isTyping = target.matches("textarea, select, input:not([type=radio], [type=checkbox])");
    const isCommand = event.ctrlKey || event.metaKey;
    if (event.isComposing) return;
    if (event.key === "Escape") this.escape(isTyping);
    else if (isTyping || event.altKey || this.store.result?.isShown) return;
    else if (isCommand && event.key.toLowerCase() === "z") this.step(event.shiftKey ? "redo" : "undo");
    else if (isCommand && event.key.toLowerCase() === "y") this.step("redo");
    else if (isCommand || !this.pressPlain(event, target)) return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** Passes on the shortcut that saves the notebook, as the grid does. @param {KeyboardEvent} event */
  passOnSave(event) {
    const isSaving = event.key === "s" && (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey;
    if (isSaving && !this.place.dispatchEvent(new KeyboardEvent("keydown", event))) event.preventDefault();
  }

  /** @param {KeyboardEvent} event @param {Element} target @returns {boolean} whether the key was handled */
  pressPlain(event, target) {
    const { canvas } = this;
    const onShape = target.closest(".seedream-markup-shape");
    const onCanvas = canvas.element.contains(target);
    const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const tool = TOOLS.find(({ key }) => key === event.key.toLowerCase());
    const keys = {
      "+": () => canvas.viewport.zoom(ZOOM_FACTOR),
      "=": () => canvas.viewport.zoom(ZOOM_FACTOR),
      "-": () => canvas.viewport.zoom(1 / ZOOM_FACTOR),
      0: () => canvas.viewport.fit(),
      1: () => canvas.viewport.zoomTo(1),
    };
    if (keys[event.key]) keys[event.key]();
    else if (tool && !event.shiftKey && !event.repeat) this.choose(tool.kind);
    else if (!onCanvas) return false;
    else if (arrows[event.key]) {
      const [x, y] = arrows[event.key];
      const far = event.shiftKey ? 10 : 1;
      canvas.nudge(x * far, y * far, Boolean(onShape));
    } else if (event.key === "Delete" || event.key === "Backspace") this.remove(this.store.selected);
    else if (event.key === "Enter" && !onShape && this.tool !== "select") canvas.addInMiddle(this.tool);
    else if (event.key === "Enter" && onShape) this.editShape();
    else if (event.key === " ") this.isSpacePressed = true;
    else return false;
    return true;
  }

  editShape() {
    if (this.store.selectedShape?.kind === "text") this.aside.focusText();
    else this.aside.numbers[0].focus();
  }

  releaseKey(event) {
    if (event.key === " ") this.isSpacePressed = false;
  }

  /** Ends what is in progress; at last, the editor. @param {boolean} isTyping */
  escape(isTyping) {
    if (this.canvas.cancelGesture()) return this.announce("Canceled.");
    if (isTyping) return this.canvas.element.focus({ preventScroll: true });
    if (this.store.preview) return this.store.showDrawing();
    if (this.store.selected && !this.store.result?.isShown) {
      const hadFocus = this.canvas.shapes.contains(this.focused);
      this.store.select(0);
      if (hadFocus) this.canvas.element.focus({ preventScroll: true });
      return;
    }
    this.close();
  }

  close() {
    if (this.store.session) this.store.tell();
    this.send("close");
  }

  backToDrawing() {
    this.store.showDrawing();
    this.canvas.element.focus({ preventScroll: true });
  }

  /** Takes the focus, and remembers who had it. */
  enter() {
    const focused = this.focused;
    this.origin = focused && focused !== document.body ? focused : null;
    const target = this.store.url ? this.canvas.element : this.leaving;
    target.focus({ preventScroll: true });
    this.root.scrollIntoView({ block: "nearest" });
    this.announce(`Editing: ${this.store.session.label}. Choose a tool by its letter; Enter adds a shape.`);
  }

  /** Gives the focus back, as soon as what had it is visible again. */
  leave() {
    const { origin } = this;
    this.origin = null;
    let frames = FOCUS_FRAMES;
    const tryAgain = () => {
      if (!origin?.isConnected || this.ending.signal.aborted) return;
      origin.focus({ preventScroll: true });
      if (this.focused !== origin && frames--) requestAnimationFrame(tryAgain);
    };
    requestAnimationFrame(tryAgain);
  }

  /** Announces a text to screen readers. @param {string} text */
  announce(text) {
    this.live.textContent = text;
  }
}

// The entry point for anywidget; a function, so that each model has its own store.
export default () => {
  /** @type {EditStore} */
  let store;
  return {
    initialize({ model }) {
      store = new EditStore(model);
      return () => store.dispose();
    },
    render({ model, el }) {
      const view = new EditorView(model, el, store);
      return () => view.dispose();
    },
  };
};
