/**
 * What a pressed pointer does: it pans, moves, resizes, or draws. A press on the canvas begins a gesture.
 *
 * @typedef {{clientX: number, clientY: number}} Point
 * @typedef {{move: (event: PointerEvent) => void, end: () => void, cancel: () => void}} Gesture
 */

const SMALLEST_DRAG = 4; // screen pixels; less is a click
const FREEHAND_TOLERANCE = 0.7; // screen pixels

/** @param {Canvas} canvas @param {Point} start @param {() => void} click What a press without a move does. */
function startPan(canvas, start, click = () => {}) {
  let last = start;
  let isMoved = false;
  canvas.element.classList.add("seedream-markup-panning");
  const end = () => canvas.element.classList.remove("seedream-markup-panning");
  return {
    move: (event) => {
      isMoved ||= isDragged(start, event);
      const [[x, y], [oldX, oldY]] = [canvas.viewport.placeOf(event), canvas.viewport.placeOf(last)];
      if (isMoved) canvas.viewport.pan(x - oldX, y - oldY);
      if (isMoved) last = event;
    },
    end: () => {
      end();
      if (!isMoved) click();
    },
    cancel: end,
  };
}

/** @param {Point} start @param {Point} now */
function isDragged(start, now) {
  return Math.hypot(now.clientX - start.clientX, now.clientY - start.clientY) >= SMALLEST_DRAG;
}

/** Moves or resizes a shape; it is one step to undo. @param {Shape} shape @param {(event: PointerEvent) => Place[]} reshape */
function startReshaping(canvas, shape, reshape) {
  let points = shape.points;
  const show = () => {
    const { node } = canvas.nodes.get(shape.id) ?? {};
    if (!node) return;
    const preview = { ...shape, points };
    node.replaceChildren(...canvas.render(preview));
    canvas.nodes.get(shape.id).look = "";
    canvas.view.showNumbers(preview);
  };
  return {
    move: (event) => {
      points = reshape(event);
      canvas.handles.replaceChildren();
      show();
    },
    end: () => {
      if (points === shape.points) return canvas.draw();
      canvas.store.alter(shape.id, { points });
      canvas.view.announce(`${nameOf(shape)}: ${describeBounds({ ...shape, points })}.`);
    },
    cancel: () => canvas.draw(),
  };
}

/** @param {Shape} shape @param {Point} start */
function startMove(canvas, shape, start) {
  canvas.store.select(shape.id);
  canvas.nodes.get(shape.id).node.focus({ preventScroll: true });
  const [x, y] = canvas.viewport.placeOf(start);
  return startReshaping(canvas, shape, (event) => {
    if (!isDragged(start, event)) return shape.points;
    const [newX, newY] = canvas.viewport.placeOf(event);
    const { scale } = canvas.viewport;
    return movePoints(shape.points, (newX - x) / scale, (newY - y) / scale, canvas.store.size);
  });
}

/** @param {number} index Of the handle. */
function startResize(canvas, index) {
  const shape = canvas.store.selectedShape;
  const handle = handlesOf(shape)[index];
  return startReshaping(canvas, shape, (event) => handle.drag(...canvas.viewport.pixelOf(event)));
}

/** @param {ShapeKind} kind @param {PointerEvent} start */
function startDraw(canvas, kind, start) {
  const first = canvas.viewport.pixelOf(start);
  const { color } = canvas.view;
  const tolerance = FREEHAND_TOLERANCE / canvas.viewport.scale;
  /** @type {Place[]} */
  let points = [first];
  let isMoved = false;
  const show = () => {
    const isDrawn = ONE_POINT.includes(kind) || points.length > 1;
    const shape = { id: 0, kind, color, points, text: "", number: nextNumber(canvas.store.shapes) };
    canvas.draft.replaceChildren(...(isDrawn ? canvas.render(shape) : []));
  };
  show();
  return {
    move: (event) => {
      isMoved ||= isDragged(start, event);
      if (ONE_POINT.includes(kind)) points = [canvas.viewport.pixelOf(event)];
      else if (kind === "freehand") {
        const events = event.getCoalescedEvents?.() ?? [];
        points = [...points, ...(events.length ? events : [event]).map((one) => canvas.viewport.pixelOf(one))];
      } else points = [first, canvas.viewport.pixelOf(event)];
      show();
    },
    end: () => {
      canvas.draft.replaceChildren();
      // A click draws nothing that needs two points.
      if (!isMoved && !ONE_POINT.includes(kind)) return canvas.view.announce("Drag to draw.");
      if (kind === "freehand") points = simplifyToLimit(points, tolerance);
      canvas.finish(kind, points);
    },
    cancel: () => canvas.draft.replaceChildren(),
  };
}
