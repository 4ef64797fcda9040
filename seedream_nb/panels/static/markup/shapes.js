/**
 * Shapes as plain data, in pixels of the original; pure functions.
 *
 * @typedef {"box" | "arrow" | "line" | "freehand" | "pin" | "text"} ShapeKind
 * @typedef {[number, number]} Place
 * @typedef {object} Shape
 * @property {number} id Only in the browser.
 * @property {ShapeKind} kind
 * @property {string} color One of the named colors.
 * @property {Place[]} points Two opposite corners of a box; the two ends of an arrow or a line; else all points.
 * @property {string} text Of a text; else a label beside the number.
 * @property {number} number No other shape has it.
 *
 * @typedef {{left: number, top: number, width: number, height: number}} Bounds
 */

/** The tools, each with its key. @type {{kind: "select" | ShapeKind, label: string, key: string, icon: string}[]} */
const TOOLS = [
  { kind: "select", label: "Select", key: "v", icon: "select" },
  { kind: "box", label: "Box", key: "b", icon: "box" },
  { kind: "arrow", label: "Arrow", key: "a", icon: "arrow" },
  { kind: "line", label: "Line", key: "l", icon: "line" },
  { kind: "freehand", label: "Freehand", key: "f", icon: "freehand" },
  { kind: "pin", label: "Numbered pin", key: "p", icon: "pin" },
  { kind: "text", label: "Text", key: "t", icon: "text" },
];
const ONE_POINT = ["pin", "text"];
const MOST_POINTS = 500; // of a freehand line

/** Tenths of a pixel are finer than any pointer. @param {number} value */
const roundPlace = (value) => Math.round(value * 10) / 10;

/** @param {Place[]} points @returns {Bounds} */
function boundsOf(points) {
  const [xs, ys] = [points.map(([x]) => x), points.map(([, y]) => y)];
  const [left, top] = [Math.min(...xs), Math.min(...ys)];
  return { left, top, width: Math.max(...xs) - left, height: Math.max(...ys) - top };
}

/** @param {Place[]} points @param {number} x @param {number} y @param {Size} size @returns {Place[]} moved within the image */
function movePoints(points, x, y, size) {
  const { left, top, width, height } = boundsOf(points);
  const right = clamp(left + x, 0, Math.max(0, size.width - width)) - left;
  const down = clamp(top + y, 0, Math.max(0, size.height - height)) - top;
  return points.map(([a, b]) => [roundPlace(a + right), roundPlace(b + down)]);
}

/** Scales points into other bounds; what has no width or height stays thin in it. @param {Place[]} points @param {Bounds} bounds */
function fitPoints(points, bounds) {
  const old = boundsOf(points);
  const scaled = (value, start, length, newStart, newLength, index) => {
    if (length) return newStart + ((value - start) / length) * newLength;
    return newStart + (points.length > 1 ? (index / (points.length - 1)) * newLength : 0);
  };
  return points.map(([x, y], index) => [
    roundPlace(scaled(x, old.left, old.width, bounds.left, bounds.width, index)),
    roundPlace(scaled(y, old.top, old.height, bounds.top, bounds.height, index)),
  ]);
}

/** The handles of a shape: where they are, and what dragging one does. @param {Shape} shape */
function handlesOf(shape) {
  if (ONE_POINT.includes(shape.kind)) return [];
  if (shape.kind === "arrow" || shape.kind === "line") {
    return shape.points.map((point, index) => ({
      point,
      cursor: "crosshair",
      drag: (x, y) => shape.points.map((old, place) => (place === index ? [x, y] : old)),
    }));
  }
  const { left, top, width, height } = boundsOf(shape.points);
  const sides = [0, 0.5, 1].flatMap((down) => [0, 0.5, 1].map((right) => [right, down]));
  return sides
    .filter(([right, down]) => (right !== 0.5 || down !== 0.5) && (shape.kind === "box" || right + down !== 0.5))
    .filter(([right, down]) => shape.kind === "box" || (right !== 0.5 && down !== 0.5))
    .map(([right, down]) => ({
      point: [left + right * width, top + down * height],
      cursor: right === 0.5 ? "ns-resize" : down === 0.5 ? "ew-resize" : right === down ? "nwse-resize" : "nesw-resize",
      drag: (x, y) => {
        const xs = right === 0.5 ? [left, left + width] : [right ? left : left + width, x];
        const ys = down === 0.5 ? [top, top + height] : [down ? top : top + height, y];
        return fitPoints(shape.points, boundsOf([[xs[0], ys[0]], [xs[1], ys[1]]]));
      },
    }));
}

/** Fewer points with the same look (Ramer, Douglas, Peucker). @param {Place[]} points @param {number} tolerance */
function simplify(points, tolerance) {
  if (points.length < 3) return points;
  const [[ax, ay], [bx, by]] = [points[0], points.at(-1)];
  const length = Math.hypot(bx - ax, by - ay);
  const distances = points.map(([x, y]) =>
    length ? Math.abs((bx - ax) * (ay - y) - (ax - x) * (by - ay)) / length : Math.hypot(x - ax, y - ay),
  );
  const farthest = distances.indexOf(Math.max(...distances));
  if (distances[farthest] <= tolerance) return [points[0], points.at(-1)];
  const before = simplify(points.slice(0, farthest + 1), tolerance);
  return [...before.slice(0, -1), ...simplify(points.slice(farthest), tolerance)];
}

/** @param {Place[]} points @param {number} tolerance In pixels of the original. */
function simplifyToLimit(points, tolerance) {
  let found = simplify(points, tolerance);
  for (let factor = 2; found.length > MOST_POINTS; factor *= 2) found = simplify(points, tolerance * factor);
  return found;
}

/** The number of the next shape. @param {Shape[]} shapes */
const nextNumber = (shapes) => Math.max(0, ...shapes.map(({ number }) => number)) + 1;

/** As `seedream_nb.images.shapes` names it, so that a prompt can. @param {Shape} shape */
function nameOf({ kind, color, text, number }) {
  if (kind === "text") return `${color} text “${text}”`;
  return `${color} ${kind === "freehand" ? "drawing" : kind} ${number}`;
}

/** A shape as Python reads it. @param {Shape} shape */
const shapeToJson = ({ kind, color, points, text, number }) => ({ kind, color, points, text, number });
