const HANDLE_RADIUS = 5;
const HANDLE_HIT_RADIUS = 13;
const WHEEL_LINE = 20; // screen pixels of a line

/** The image with the shapes on it: drawn, moved, and resized by mouse, pen, finger, and keys. */
class Canvas {
  /** @param {EditorView} view */
  constructor(view) {
    this.view = view;
    this.store = view.store;
    this.image = make("img", "", { alt: "", draggable: "false" });
    this.image.classList.add("seedream-markup-image");
    this.shapes = makeSvg("g");
    this.draft = makeSvg("g", { "aria-hidden": "true" });
    this.scaled = makeSvg("g", {}, this.shapes, this.draft);
    this.handles = makeSvg("g", { "aria-hidden": "true" });
    this.svg = makeSvg("svg", { class: "seedream-markup-svg", role: "group", "aria-label": "Shapes" }, this.scaled, this.handles);
    this.element = make("div", "", { tabindex: "0", role: "group", ...OWN_KEYS }, this.image, this.svg);
    this.element.classList.add("seedream-markup-canvas");
    this.viewport = new Viewport(this.element, () => this.place());
    /** @type {Map<number, {node: SVGElement, shape: Shape, look: string}>} */
    this.nodes = new Map();
    /** @type {Map<number, Point>} the positions of pressed pointers */
    this.pointers = new Map();
    /** @type {?Gesture} */
    this.gesture = null;
    this.observer = new ResizeObserver(() => this.viewport.resize());
    this.observer.observe(this.element);
    const { listen } = view;
    listen(this.element, "pointerdown", (event) => this.press(event));
    listen(this.element, "pointermove", (event) => this.move(event));
    listen(this.element, "pointerup", (event) => this.release(event));
    listen(this.element, "pointercancel", (event) => this.cancel(event));
    listen(this.element, "wheel", (event) => this.wheel(event), { passive: false });
    listen(this.element, "contextmenu", (event) => this.gesture && event.preventDefault());
    listen(this.element, "dblclick", (event) => this.editText(event));
  }

  dispose() {
    this.observer.disconnect();
  }

  // Drawing.

  draw() {
    const { session, url, shapes, preview } = this.store;
    this.viewport.setSize(session);
    const shown = preview?.url || url;
    if (shown && this.image.getAttribute("src") !== shown) this.image.src = shown;
    this.image.style.width = `${session.width}px`;
    this.image.style.height = `${session.height}px`;
    this.svg.style.display = preview ? "none" : "";
    this.element.classList.toggle("seedream-markup-selecting", this.view.tool === "select");
    const label = preview ? "What is sent" : `${session.label}. ${describeCount(shapes.length)} drawn on it`;
    this.element.setAttribute("aria-label", label);
    for (const [id, { node }] of this.nodes) {
      if (shapes.some((shape) => shape.id === id)) continue;
      node.remove();
      this.nodes.delete(id);
    }
    shapes.forEach((shape, index) => this.drawShape(shape, index));
    this.place();
  }

  colorOf(name) {
    const { colors } = this.store.session;
    return colors.find((color) => color.name === name) ?? colors[0];
  }

  drawShape(shape, index) {
    const { scale } = this.viewport;
    let known = this.nodes.get(shape.id);
    if (!known) {
      const node = makeSvg("g", { tabindex: "0", role: "button", class: "seedream-markup-shape", ...OWN_KEYS });
      node.addEventListener("focus", () => this.store.select(shape.id));
      known = { node, shape, look: "" };
      this.nodes.set(shape.id, known);
    }
    known.shape = shape;
    const isSelected = shape.id === this.store.selected;
    known.node.setAttribute("aria-label", `${nameOf(shape)}, ${describeBounds(shape)}`);
    known.node.setAttribute("aria-pressed", String(isSelected));
    const look = JSON.stringify([shape, Math.round(Math.log2(scale) * 2)]);
    if (known.look !== look) {
      const area = drawHitArea(shape, this.store.session.style, this.store.size, scale);
      known.node.replaceChildren(...this.render(shape), ...area);
      known.look = look;
    }
    // Only where the order differs, because moving a focused node takes its focus.
    if (this.shapes.children[index] !== known.node) this.shapes.insertBefore(known.node, this.shapes.children[index] ?? null);
  }

  /** @param {Shape} shape */
  render(shape) {
    return drawShape(shape, this.store.session.style, this.colorOf(shape.color), this.store.size);
  }

  /** Puts image, shapes, and handles where the viewport says. */
  place() {
    const { transform } = this.viewport;
    this.image.style.transform = transform;
    this.scaled.style.transform = transform;
    this.drawHandles();
    this.view.drawZoom();
  }

  drawHandles() {
    const shape = this.store.preview ? undefined : this.store.selectedShape;
    const { scale, x, y } = this.viewport;
    const toScreen = ([a, b]) => [a * scale + x, b * scale + y];
    if (!shape) return this.handles.replaceChildren();
    const { left, top, width, height } = this.boundsOnScreen(shape);
    const frame = makeSvg("rect", { x: left, y: top, width, height, class: "seedream-markup-frame" });
    const handles = handlesOf(shape).flatMap((handle, index) => {
      const [cx, cy] = toScreen(handle.point);
      const area = makeSvg("circle", { cx, cy, r: HANDLE_HIT_RADIUS, fill: "transparent", "data-handle": index });
      area.style.cursor = handle.cursor;
      return [this.drawHandle(shape, handle.point, cx, cy), area];
    });
    this.handles.replaceChildren(frame, ...handles);
  }

  /** A handle; around the number, which stays readable. @param {Shape} shape @param {Place} point */
  drawHandle(shape, point, cx, cy) {
    const { radius, outline } = this.store.session.style;
    const isOnNumber = point.every((value, axis) => value === shape.points[0][axis]);
    const around = isOnNumber ? (radius + outline) * this.viewport.scale + 1 : 0;
    const names = `seedream-markup-handle${around ? " seedream-markup-ring" : ""}`;
    return makeSvg("circle", { cx, cy, r: Math.max(HANDLE_RADIUS, around), class: names });
  }

  /** What a shape covers on the screen, with the line's width. @param {Shape} shape @returns {Bounds} */
  boundsOnScreen(shape) {
    const { scale, x, y } = this.viewport;
    const { stroke } = this.store.session.style;
    const node = this.nodes.get(shape.id)?.node;
    const bounds = shape.kind === "text" && node ? node.getBBox() : boundsOf(shape.points);
    const [left, top] = [bounds.x ?? bounds.left, bounds.y ?? bounds.top];
    const margin = 3 + (shape.kind === "text" ? 0 : (stroke * scale) / 2);
    return {
      left: left * scale + x - margin,
      top: top * scale + y - margin,
      width: bounds.width * scale + 2 * margin,
      height: bounds.height * scale + 2 * margin,
    };
  }

  // Pointers.

  /** @param {PointerEvent} event */
  press(event) {
    if (this.store.preview || (event.button !== 0 && event.button !== 1)) return;
    this.pointers.set(event.pointerId, event);
    if (this.pointers.size > 1) return this.startPinch();
    this.element.setPointerCapture(event.pointerId);
    // The focus would go to the shape below the pointer.
    event.preventDefault();
    const target = /** @type {Element} */ (event.target);
    const handle = target.getAttribute("data-handle");
    const shape = [...this.nodes.values()].find(({ node }) => node.contains(target))?.shape;
    const { tool } = this.view;
    const isPanning = event.button === 1 || this.view.isSpacePressed;
    if (isPanning) this.gesture = startPan(this, event);
    else if (handle !== null) this.gesture = startResize(this, Number(handle));
    else if (tool !== "select") this.gesture = startDraw(this, tool, event);
    else if (shape) this.gesture = startMove(this, shape, event);
    else this.gesture = startPan(this, event, () => this.store.select(0));
    if (!this.element.contains(this.view.focused)) this.element.focus({ preventScroll: true });
  }

  /** @param {PointerEvent} event */
  move(event) {
    const before = this.pointers.get(event.pointerId);
    if (!before) return;
    const point = { clientX: event.clientX, clientY: event.clientY };
    const other = [...this.pointers].find(([pointer]) => pointer !== event.pointerId)?.[1];
    this.pointers.set(event.pointerId, point);
    if (other) this.pinch(before, point, other);
    else this.gesture?.move(event);
  }

  /** @param {PointerEvent} event */
  release(event) {
    if (!this.pointers.delete(event.pointerId)) return;
    const { gesture } = this;
    this.gesture = null;
    gesture?.end();
  }

  /** @param {PointerEvent} event */
  cancel(event) {
    if (this.pointers.delete(event.pointerId)) this.cancelGesture();
  }

  /** @returns {boolean} whether there was one */
  cancelGesture() {
    const { gesture } = this;
    this.gesture = null;
    gesture?.cancel();
    return Boolean(gesture);
  }

  /** A second finger zooms; what the first one began is not meant. */
  startPinch() {
    this.cancelGesture();
  }

  /** @param {Point} before @param {Point} now @param {Point} other */
  pinch(before, now, other) {
    const spread = (point) => Math.max(1, Math.hypot(point.clientX - other.clientX, point.clientY - other.clientY));
    const middle = (point) => ({ clientX: (point.clientX + other.clientX) / 2, clientY: (point.clientY + other.clientY) / 2 });
    const [from, to] = [this.viewport.placeOf(middle(before)), this.viewport.placeOf(middle(now))];
    this.viewport.zoom(spread(now) / spread(before), ...from);
    this.viewport.pan(to[0] - from[0], to[1] - from[1]);
  }

  /** Adds what was drawn. @param {ShapeKind} kind @param {Place[]} points */
  finish(kind, points) {
    const { width, height } = boundsOf(points);
    const isFlat = kind === "box" ? !width || !height : !width && !height;
    if (isFlat && !ONE_POINT.includes(kind)) return this.view.announce("Too small to be seen.");
    const shape = this.store.add({ kind, color: this.view.color, points, text: kind === "text" ? "Text" : "" });
    this.view.announce(`${nameOf(shape)} added: ${describeBounds(shape)}.`);
    if (kind === "text") this.view.aside.focusText();
  }

  /** A double click on a text edits it. @param {MouseEvent} event */
  editText(event) {
    const target = /** @type {Element} */ (event.target);
    const shape = [...this.nodes.values()].find(({ node }) => node.contains(target))?.shape;
    if (shape?.kind !== "text" || this.view.tool !== "select") return;
    this.store.select(shape.id);
    this.view.aside.focusText();
  }

  /** @param {WheelEvent} event */
  wheel(event) {
    const unit = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? WHEEL_LINE : 1;
    if (event.ctrlKey || event.metaKey) {
      event.preventDefault();
      const step = clamp(event.deltaY * unit, -200, 200);
      // A touchpad's pinch arrives in small steps, a wheel's in large ones.
      return this.viewport.zoom(Math.exp(-step * (Math.abs(step) < 40 ? 0.01 : 0.0025)), ...this.viewport.placeOf(event));
    }
    const { x, y } = this.viewport;
    const [right, down] = event.shiftKey ? [event.deltaY, event.deltaX] : [event.deltaX, event.deltaY];
    if (!this.viewport.isFitted) this.viewport.pan(-right * unit, -down * unit);
    // At the image's edge, and where all of it is in view, the page scrolls.
    if (this.viewport.x !== x || this.viewport.y !== y) event.preventDefault();
  }

  // Keys.

  /** Adds a shape in the middle of what is in view. @param {ShapeKind} kind */
  addInMiddle(kind) {
    const { element, viewport } = this;
    const box = element.getBoundingClientRect();
    const [left, top] = viewport.pixelOf({ clientX: box.left, clientY: box.top });
    const [right, bottom] = viewport.pixelOf({ clientX: box.right, clientY: box.bottom });
    const [x, y] = [(left + right) / 2, (top + bottom) / 2].map(Math.round);
    const [width, height] = [(right - left) / 8, (bottom - top) / 8].map(Math.round);
    const points = ONE_POINT.includes(kind) ? [[x, y]] : [[x - width, y - height], [x + width, y + height]];
    this.finish(kind, /** @type {Place[]} */ (points));
    if (kind !== "text") this.focusShape(this.store.selected);
  }

  /** @param {number} id Of a shape; without it, the canvas itself. */
  focusShape(id) {
    const node = this.nodes.get(id)?.node ?? this.element;
    node.focus({ preventScroll: true });
    const shape = this.store.selectedShape;
    if (shape && id) this.viewport.reveal(boundsOf(shape.points));
  }

  /** Moves the selected shape, or the view. @param {number} x @param {number} y In pixels. @param {boolean} isShape */
  nudge(x, y, isShape) {
    const shape = this.store.selectedShape;
    if (!isShape || !shape) return this.viewport.pan(-x * 40, -y * 40);
    const points = movePoints(shape.points, x, y, this.store.size);
    this.store.alter(shape.id, { points });
    this.viewport.reveal(boundsOf(points));
    this.view.announce(describeBounds({ ...shape, points }));
  }
}

/** @param {number} count */
const describeCount = (count) => (count === 0 ? "No shapes" : count === 1 ? "1 shape" : `${count} shapes`);

/** Where a shape is, for screen readers. @param {Shape} shape */
function describeBounds(shape) {
  const { left, top, width, height } = boundsOf(shape.points);
  const place = `left ${Math.round(left)}, top ${Math.round(top)}`;
  return ONE_POINT.includes(shape.kind) ? place : `${place}, width ${Math.round(width)}, height ${Math.round(height)}`;
}
