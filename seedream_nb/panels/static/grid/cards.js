/**
 * Why: a card comes from Python as plain JSON; what it holds, and how it is read, is said here once.
 *
 * @typedef {object} Card One place of the grid, as `seedream_nb.panels.cards.describe` makes it.
 * @property {string} key
 * @property {string} task_id Empty for a task without one.
 * @property {string} prompt
 * @property {boolean} is_prompt_cut Whether Python knows more of it.
 * @property {string} icon
 * @property {string} state
 * @property {boolean} is_open Whether its task is unfinished.
 * @property {string[]} facts
 * @property {string} position Such as `2 of 4`.
 * @property {string} problem
 * @property {boolean} has_picture
 * @property {?number} width Of the original, in pixels.
 * @property {?number} height
 * @property {boolean} is_transparent
 * @property {string} link
 *
 * @typedef {"thumbnail" | "original"} Kind
 * @typedef {{url: string, width: number, height: number, bytes: number}} Picture
 * @typedef {{width: number, height: number}} Size
 */

const LONG_FACT = 22; // characters; a model's label, a size and a seed are shorter

/** @param {number} number */
const spell = (number) => number.toLocaleString("en");

/** @param {Card} card */
const factsOf = (card) => [card.position, ...card.facts].filter(Boolean);

/** So that a line is cut off within a long id, and not before what is short. @param {string[]} facts */
const longLast = (facts) => [
  ...facts.filter((fact) => fact.length <= LONG_FACT),
  ...facts.filter((fact) => fact.length > LONG_FACT),
];

/** Only what a browser may open goes into a link. @param {string} link */
const isWebLink = (link) => /^https?:\/\//i.test(link);
