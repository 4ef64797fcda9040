/**
 * What keys do in the grid, by `KeyboardEvent.key`, for the active tile: other parts add theirs. Each gets the sheet and
 * the event.
 *
 * @type {Record<string, (sheet: Sheet, event: KeyboardEvent) => void>}
 */
const TILE_KEYS = {};

/** Opens, selects, and moves between tiles by pointer and keyboard, as a file manager does. */
class Chooser {
  /** @param {Sheet} sheet */
  constructor(sheet) {
    this.sheet = sheet;
    this.view = sheet.view;
    this.deck = sheet.deck;
    /** The place of the tile where a range of selected tiles starts, and its key. @type {?{place: number, key: string}} */
    this.anchor = null;
    const { list } = sheet;
    this.view.listen(list, "click", (event) => this.click(event));
    this.view.listen(list, "mousedown", (event) => event.shiftKey && event.preventDefault()); // would select text
    this.view.listen(list, "keydown", (event) => this.press(event));
  }

  /** @param {MouseEvent} event */
  click(event) {
    const target = /** @type {Element} */ (event.target);
    const tile = /** @type {HTMLElement} */ (target.closest("[data-place]"));
    if (!tile) return;
    const place = Number(tile.dataset.place);
    this.sheet.activate(place);
    if (event.shiftKey) this.selectRange(place);
    else if (event.ctrlKey || event.metaKey || target.closest(".seedream-grid-mark")) this.toggle(place);
    else this.open(place);
  }

  /** @param {number} place */
  open(place) {
    const card = this.deck.cards.get(place);
    if (card) this.view.open(card.key);
  }

  /** @param {number} place */
  toggle(place) {
    const card = this.deck.cards.get(place);
    if (!card) return;
    this.anchor = { place, key: card.key };
    this.deck.selection.toggle(card.key, place);
  }

  /** Selects all tiles from the anchor to this one. @param {number} place */
  selectRange(place) {
    this.anchor ??= { place, key: this.deck.cards.get(place)?.key ?? "" };
    this.deck.selection.addRange(this.anchor.place, place);
  }

  /** The order has changed. @param {Record<string, number>} places Of the keys that are still shown. */
  rearrange(places) {
    const { key = "" } = this.anchor ?? {};
    this.anchor = key in places ? { place: places[key], key } : null;
  }

  /** @param {KeyboardEvent} event */
  press(event) {
    const isCommand = event.ctrlKey || event.metaKey;
    if (event.altKey || (isCommand && event.key !== "a")) return;
    const { active: place, columns, count, page } = this.sheet;
    const steps = {
      ArrowLeft: place - 1,
      ArrowRight: place + 1,
      ArrowUp: place - columns,
      ArrowDown: place + columns,
      PageUp: Math.max(place - page, place % columns),
      PageDown: Math.min(place + page, count - 1),
      Home: 0,
      End: count - 1,
    };
    const actions = {
      ...TILE_KEYS,
      Enter: () => this.open(place),
      " ": () => (event.shiftKey ? this.selectRange(place) : this.toggle(place)),
      Escape: () => this.deck.selection.clear(),
      a: () => this.deck.selection.addAll(),
    };
    if (event.key in steps) this.step(place, steps[event.key], event.shiftKey);
    else if (event.key in actions && (event.key !== "a" || isCommand)) actions[event.key](this.sheet, event);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** Moves from one place to another, and selects the range with Shift. */
  step(from, to, isSelecting) {
    if (to < 0 || to >= this.sheet.count) return;
    if (isSelecting) this.anchor ??= { place: from, key: this.deck.cards.get(from)?.key ?? "" };
    this.sheet.active = to;
    if (isSelecting) this.selectRange(to);
    this.sheet.focus();
  }
}
