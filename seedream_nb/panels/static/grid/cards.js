/**
 * Cards, which come from Python as plain JSON: their types, and how they are read.
 *
 * @typedef {object} Card One place of the grid, as `seedream_nb.panels.cards.describe` makes it.
 * @property {string} key
 * @property {string} task_id Empty for a task without one.
 * @property {string} prompt
 * @property {boolean} is_prompt_cut Whether Python has more of it.
 * @property {string} icon
 * @property {string} state
 * @property {boolean} is_in_progress Whether an image is still to come.
 * @property {string[]} facts
 * @property {string} position Such as `2 of 4`.
 * @property {string} problem
 * @property {boolean} has_image
 * @property {?number} width Of the original, in pixels.
 * @property {?number} height
 * @property {boolean} is_transparent
 * @property {string} link
 * @property {Marks} [marks]
 *
 * @typedef {"thumbnail" | "original"} Kind
 * @typedef {{url: string, width: number, height: number, bytes: number}} LoadedImage
 * @typedef {{width: number, height: number}} Size
 */

const LONG_FACT = 22; // characters; a model's label, a size and a seed are shorter

/** @param {number} number */
const formatNumber = (number) => number.toLocaleString("en");

/** @param {Card} card */
const factsOf = (card) => [card.position, ...card.facts].filter(Boolean);

/** Long facts last, so that a line is cut off within a long id and not before a short fact. @param {string[]} facts */
const longLast = (facts) => [
  ...facts.filter((fact) => fact.length <= LONG_FACT),
  ...facts.filter((fact) => fact.length > LONG_FACT),
];

// Like ISO 8601, which everybody can read and sort.
const TIME_FORMAT = new Intl.DateTimeFormat("sv-SE", { dateStyle: "short", timeStyle: "medium" });

/** A time in the user's own time zone, with the zone. @param {string} moment In ISO 8601. */
function describeTime(moment) {
  const date = new Date(moment);
  const { timeZone } = TIME_FORMAT.resolvedOptions();
  const parts = new Intl.DateTimeFormat("en", { timeZoneName: "longOffset" }).formatToParts(date);
  const offset = parts.find(({ type }) => type === "timeZoneName")?.value ?? "";
  return { text: TIME_FORMAT.format(date), zone: `${timeZone} (${offset})` };
}

/** Whether a link is safe to open. @param {string} link */
const isWebLink = (link) => /^https?:\/\//i.test(link);
