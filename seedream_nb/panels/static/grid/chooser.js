/** Opens, selects, and moves between tiles by pointer and keyboard, as a file manager does. */
class Chooser {
  /** @param {Sheet} sheet */
  constructor(sheet) {
    this.sheet = sheet;
    this.view = sheet.view;
    /** The tile where a range of selected tiles starts. */
    this.anchor = "";
    const { list } = sheet;
    this.view.listen(list, "click", (event) => this.click(event));
    this.view.listen(list, "mousedown", (event) => event.shiftKey && event.preventDefault()); // would select text
    this.view.listen(list, "keydown", (event) => this.press(event));
  }

  /** @param {MouseEvent} event */
  click(event) {
    const target = /** @type {Element} */ (event.target);
    const key = /** @type {HTMLElement} */ (target.closest("[data-key]"))?.dataset.key;
    if (key === undefined) return;
    this.sheet.activate(key);
    if (event.shiftKey) this.selectRange(key);
    else if (event.ctrlKey || event.metaKey || target.closest(".seedream-grid-mark")) this.toggle(key);
    else this.view.open(key);
  }

  /** @param {string} key */
  toggle(key) {
    const selected = new Set(this.view.selected);
    if (!selected.delete(key)) selected.add(key);
    this.anchor = key;
    this.view.select(selected);
  }

  /** Selects all tiles from the anchor to this one. @param {string} key */
  selectRange(key) {
    const { places, shown } = this.sheet;
    const to = places.get(key);
    const from = places.get(this.anchor) ?? to;
    const range = shown.slice(Math.min(from, to), Math.max(from, to) + 1).map((card) => card.key);
    if (!places.has(this.anchor)) this.anchor = key;
    this.view.select(new Set([...this.view.selected, ...range]));
  }

  /** @param {KeyboardEvent} event */
  press(event) {
    const isCommand = event.ctrlKey || event.metaKey;
    if (event.altKey || (isCommand && event.key !== "a")) return;
    const { active, columns, count, page, places, shown } = this.sheet;
    const place = places.get(active) ?? 0;
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
      Enter: () => this.view.open(active),
      " ": () => (event.shiftKey ? this.selectRange(active) : this.toggle(active)),
      Escape: () => this.view.select(new Set()),
      a: () => isCommand && this.view.select(new Set(shown.map((card) => card.key))),
    };
    if (event.key in steps) this.step(place, steps[event.key], event.shiftKey);
    else if (event.key in actions && (event.key !== "a" || isCommand)) actions[event.key]();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** Moves from one place to another, and selects the range with Shift. */
  step(from, to, isSelecting) {
    const { count, places, shown } = this.sheet;
    if (to < 0 || to >= count) return;
    if (isSelecting && !places.has(this.anchor)) this.anchor = shown[from].key;
    this.sheet.active = shown[to].key;
    if (isSelecting) this.selectRange(shown[to].key);
    this.sheet.focus();
  }
}
