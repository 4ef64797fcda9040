/**
 * Draws shapes as SVG, as `seedream_nb.images.markup_rendering` draws them into the image that is sent.
 *
 * @typedef {object} Style In pixels of the original, as there.
 * @property {number} stroke
 * @property {number} outline
 * @property {number} radius Of the disc with the number.
 * @property {number} letters The size of letters.
 * @property {number} head The length of an arrow's head.
 * @property {number} spread Half of its width.
 */

const SVG_SPACE = "http://www.w3.org/2000/svg";
const HIT_WIDTH = 18; // screen pixels around a line that a pointer hits
const LINE_HEIGHT = 1.25; // of a text, in heights of its letters
const LETTERING = "'DejaVu Sans', 'Noto Sans', Verdana, sans-serif";

/** @param {string} tag @param {Record<string, string | number>} attributes @param {...Element} children @returns {any} */
function makeSvg(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG_SPACE, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  element.append(...children);
  return element;
}

/** @param {Place[]} points */
const pathOf = (points) => `M${points.map((point) => point.join(" ")).join("L")}`;

/**
 * The elements of a shape: its outline in a contrasting color, and itself above.
 *
 * @param {Shape} shape
 * @param {Style} style
 * @param {{value: string, contrast: string}} color
 * @param {Size} size Of the image.
 */
function drawShape(shape, style, color, size) {
  const parts = partsOf(shape, style, size);
  const outline = parts.map((part) => draw(part, color.contrast, style.outline));
  const above = parts.map((part) => draw(part, color.value, 0));
  return [...outline, ...above, ...drawLabel(shape, style, color, size)];
}

/** The lines and areas of a shape. @returns {{d: string, width: number, isArea: boolean}[]} */
function partsOf({ kind, points }, style, size) {
  const line = (places, isClosed = false) => ({ d: pathOf(places) + (isClosed ? "Z" : ""), width: style.stroke, isArea: false });
  const area = (places) => ({ d: `${pathOf(places)}Z`, width: 0, isArea: true });
  if (kind === "box") {
    const { left, top, width, height } = boundsOf(points);
    const [right, bottom] = [left + width, top + height];
    return [line([[left, top], [right, top], [right, bottom], [left, bottom]], true)];
  }
  if (kind === "arrow") {
    const [[fromX, fromY], [x, y]] = points;
    const length = Math.hypot(x - fromX, y - fromY) || 1;
    const head = Math.min(style.head, length) / length;
    const [right, down] = [(x - fromX) * head, (y - fromY) * head];
    const [baseX, baseY] = [x - right, y - down];
    const side = (turn) => [baseX - turn * style.spread * down, baseY + turn * style.spread * right];
    return [line([points[0], [baseX, baseY]]), area([points[1], side(1), side(-1)])];
  }
  if (kind === "pin") {
    const [x, y] = headOf(points[0], style, size);
    const away = Math.atan2(points[0][1] - y, points[0][0] - x);
    const distance = Math.hypot(points[0][0] - x, points[0][1] - y);
    if (distance <= style.radius) return [];
    const spread = Math.acos(style.radius / distance);
    const touch = (turn) => [x + style.radius * Math.cos(away + turn), y + style.radius * Math.sin(away + turn)];
    return [area([points[0], touch(spread), touch(-spread)])];
  }
  return kind === "text" ? [] : [line(points)];
}

/** @param {{d: string, width: number, isArea: boolean}} part @param {string} color @param {number} margin */
function draw({ d, width, isArea }, color, margin) {
  const pen = { stroke: color, "stroke-width": width + 2 * margin, "stroke-linejoin": "round", "stroke-linecap": "round" };
  return makeSvg("path", { d, fill: isArea ? color : "none", ...pen });
}

/** The center of a pin's head: above its tip, or below where there is no room. @param {Place} tip @returns {Place} */
function headOf([x, y], style, size) {
  const away = 2 * style.radius;
  return withinImage([x, y >= away + style.radius ? y - away : y + away], style, size);
}

/** The center of a disc, moved so that all of the disc is on the image. @param {Place} center @returns {Place} */
function withinImage([x, y], { radius, outline }, { width, height }) {
  const far = radius + outline;
  const move = (value, side) => (side < 2 * far ? side / 2 : clamp(value, far, side - far));
  return [move(x, width), move(y, height)];
}

/** The number on its disc, and the text. */
function drawLabel(shape, style, color, size) {
  const { kind, points, text, number } = shape;
  if (kind === "text") return drawText(text || "Text", points[0], style, color, size);
  const [cx, cy] = kind === "pin" ? headOf(points[0], style, size) : withinImage(points[0], style, size);
  const letters = { "font-size": style.radius * 1.35, "font-weight": 600, "text-anchor": "middle", "dominant-baseline": "central" };
  const label = makeSvg("text", { x: cx, y: cy, fill: color.contrast, ...letters });
  label.textContent = String(number);
  const discs = [
    makeSvg("circle", { cx, cy, r: style.radius + style.outline, fill: color.contrast }),
    makeSvg("circle", { cx, cy, r: style.radius, fill: color.value }),
  ];
  const place = /** @type {Place} */ ([cx + 1.3 * style.radius, cy - 0.6 * style.letters]);
  // Of a pin, the tip belongs to the head.
  return [...discs, label, ...(text ? drawText(text, place, style, color, size) : [])];
}

const ruler = document.createElement("canvas").getContext("2d");

/** The width of a text, in pixels of the original. @param {string} text @param {number} letters */
function widthOf(text, letters) {
  ruler.font = `${letters}px ${LETTERING}`;
  return ruler.measureText(text).width;
}

/** @param {string} text @param {Place} corner Its left top, where it does not leave the image. @param {Size} size */
function drawText(text, [x, y], { letters, outline }, color, size) {
  const pen = { stroke: color.contrast, "stroke-width": 2 * outline, "stroke-linejoin": "round", "paint-order": "stroke" };
  const left = Math.max(0, Math.min(x, size.width - widthOf(text, letters) - 2 * outline));
  const top = Math.max(0, Math.min(y, size.height - LINE_HEIGHT * letters - 2 * outline));
  const place = { x: left + outline, y: top + outline + letters };
  const element = makeSvg("text", { ...place, fill: color.value, "font-size": letters, "font-family": LETTERING, ...pen });
  element.textContent = text;
  return [element];
}

/** What a pointer hits: wider than what is seen; of a box, also its inside. @param {Shape} shape @param {number} scale */
function drawHitArea({ kind, points }, style, size, scale) {
  const width = Math.max(style.stroke, HIT_WIDTH / scale);
  const pen = { fill: "transparent", stroke: "transparent", "stroke-width": width, "aria-hidden": "true" };
  if (kind === "text") return [];
  if (kind === "pin") {
    const [cx, cy] = headOf(points[0], style, size);
    return [makeSvg("circle", { cx, cy, r: style.radius, "pointer-events": "all", ...pen })];
  }
  if (kind !== "box") return [makeSvg("path", { d: pathOf(points), ...pen, fill: "none", "pointer-events": "stroke" })];
  const { left, top, width: wide, height } = boundsOf(points);
  return [makeSvg("rect", { x: left, y: top, width: wide, height, "pointer-events": "all", ...pen })];
}
