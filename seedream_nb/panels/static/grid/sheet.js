/**
 * A document with a thousand tiles is slow, so only the rows near the viewport are in it and request thumbnails.
 */

const GAP = 12; // pixels between tiles
const NARROWEST_CAPTION = 132; // pixels; narrower captions would have one word per line
const SHORT = 400; // pixels; a lower grid cannot be resized

/** The scrolling grid; only tiles near its viewport are in the document. */
class Sheet {
  /** @param {GridView} view */
  constructor(view) {
    this.view = view;
    /** @type {Card[]} */
    this.shown = [];
    /** @type {Map<string, number>} */
    this.places = new Map();
    /** @type {Map<string, Tile>} */
    this.tiles = new Map();
    /** The tile that the Tab key focuses. */
    this.active = "";
    this.top = 0;
    this.list = make("div", "list", { role: "listbox", "aria-multiselectable": "true", "aria-label": "Images" });
    this.nothing = make("p", "nothing");
    this.element = make("div", "scroll", {}, this.list, this.nothing);
    this.observer = new ResizeObserver(() => this.resize());
    this.observer.observe(this.element);
    view.listen(this.element, "scroll", () => view.schedule());
    this.chooser = new Chooser(this);
    view.listen(this.list, "focusin", (event) => this.activate(event.target.dataset.key ?? this.active));
  }

  dispose() {
    this.observer.disconnect();
  }

  get count() {
    return this.shown.length;
  }

  /** How many tiles are visible at once. */
  get page() {
    return Math.max(1, Math.floor(this.viewport / this.rowHeight)) * this.columns;
  }

  /** Shows other cards, and keeps the scroll position where that makes sense. @param {Card[]} shown */
  show(shown) {
    const anchor = this.captureAnchor();
    const hadFocus = this.list.contains(this.view.focused);
    const isSameOrder = this.isSameOrderAs(shown);
    this.shown = shown;
    this.places = new Map(shown.map((card, place) => [card.key, place]));
    if (!this.places.has(this.active)) this.active = shown[0]?.key ?? "";
    this.list.hidden = !shown.length;
    this.nothing.hidden = Boolean(shown.length);
    const total = this.view.cards.length;
    this.nothing.textContent = total
      ? `No matches among ${formatNumber(total)} ${total === 1 ? "image" : "images"}. Broaden the filter to see more.`
      : "No images yet. They appear here as they arrive.";
    this.measure();
    this.restoreAnchor(isSameOrder ? anchor : null);
    this.draw();
    if (hadFocus && !this.list.contains(this.view.focused)) this.focus();
  }

  /** Whether the remaining cards are in the same order as before: filtered or extended, but not sorted anew. */
  isSameOrderAs(shown) {
    const before = shown.map((card) => this.places.get(card.key)).filter((place) => place !== undefined);
    return before.every((place, index) => index === 0 || place > before[index - 1]);
  }

  /** The first visible tile and its distance from the upper edge. */
  captureAnchor() {
    const { scrollTop } = this.element;
    if (!this.rowHeight || !scrollTop) return null;
    const row = Math.ceil(scrollTop / this.rowHeight);
    const card = this.shown[row * this.columns];
    return card ? { key: card.key, offset: row * this.rowHeight - scrollTop } : null;
  }

  /** Scrolls back to the anchor, or to the top when it is gone. */
  restoreAnchor(anchor) {
    const place = anchor ? this.places.get(anchor.key) : undefined;
    this.element.scrollTop =
      place === undefined ? 0 : Math.floor(place / this.columns) * this.rowHeight - anchor.offset;
  }

  resize() {
    const anchor = this.captureAnchor();
    const wasHidden = !this.width;
    const width = this.width;
    const captionHeight = this.captionHeight;
    this.measure();
    if (!this.width) return;
    if (wasHidden) this.element.scrollTop = this.top; // A notebook that detaches its cells loses it.
    else if (width !== this.width || captionHeight !== this.captionHeight) this.restoreAnchor(anchor);
    this.draw();
  }

  /** Computes the columns and the size of a tile. */
  measure() {
    this.width = this.list.hidden ? this.nothing.clientWidth : this.list.clientWidth;
    this.viewport = this.element.clientHeight;
    if (!this.width) return;
    // Tiles of any shape have the same area, so that portrait ones are not too tall.
    const ideal = this.view.model.get("thumbnail") * Math.sqrt(this.view.aspect);
    this.columns = Math.max(1, Math.round((this.width + GAP) / (ideal + GAP)));
    this.tileWidth = Math.floor((this.width - (this.columns - 1) * GAP) / this.columns);
    const hasCaption = this.tileWidth >= NARROWEST_CAPTION;
    this.list.classList.toggle("seedream-grid-bare", !hasCaption);
    this.imageHeight = Math.round(this.tileWidth / this.view.aspect);
    this.captionHeight = hasCaption ? this.measureCaption() : 0;
    this.rowHeight = this.imageHeight + this.captionHeight + (hasCaption ? GAP + 2 : GAP);
    const rows = Math.ceil(this.count / this.columns);
    const height = this.count ? rows * this.rowHeight : 0;
    this.list.style.height = `${height}px`;
    this.list.style.setProperty("--seedream-grid-image-height", `${this.imageHeight}px`);
    this.element.style.setProperty("--seedream-grid-content", this.count ? `${height + 8}px` : "auto");
    this.element.classList.toggle("seedream-grid-resizable", height > SHORT);
    this.viewport = this.element.clientHeight;
  }

  /** The height of a caption with all its lines, in the font of the notebook. */
  measureCaption() {
    const caption = make("div", "caption probe", {}, make("p", "prompt", {}, "x\nx"), make("p", "facts", {}, "x"));
    caption.firstChild.style.whiteSpace = "pre";
    this.list.append(caption);
    const height = caption.offsetHeight;
    caption.remove();
    return height;
  }

  /** Inserts the tiles near the viewport, removes the others, and requests thumbnails. */
  draw() {
    if (!this.width || !this.count) {
      for (const key of [...this.tiles.keys()]) this.drop(key);
      return this.view.store.request("thumbnail");
    }
    this.top = this.element.scrollTop;
    const places = this.nearPlaces();
    const keys = new Set(places.map((place) => this.shown[place].key));
    for (const key of [...this.tiles.keys()]) if (!keys.has(key)) this.drop(key);
    let cursor = this.list.firstChild;
    for (const place of places) {
      const tile = this.tileOf(this.shown[place]);
      // Moving an element that is in place would take the focus from it.
      if (tile.element === cursor) cursor = cursor.nextSibling;
      else this.list.insertBefore(tile.element, cursor);
      tile.place(place, this.count, {
        left: (place % this.columns) * (this.tileWidth + GAP),
        top: Math.floor(place / this.columns) * this.rowHeight,
        width: this.tileWidth,
        height: this.imageHeight + this.captionHeight,
      });
    }
    this.mark();
    this.view.store.request("thumbnail");
  }

  /** The places of the visible rows, of as many above and below, and of the active tile, in order. */
  nearPlaces() {
    const [first, last] = this.rowsWithin(this.viewport);
    const begin = Math.max(0, first) * this.columns;
    const end = Math.min(this.count, (last + 1) * this.columns);
    const places = new Set(Array.from({ length: Math.max(0, end - begin) }, (_, index) => begin + index));
    const active = this.places.get(this.active);
    if (active !== undefined) places.add(active);
    return [...places].sort((a, b) => a - b);
  }

  /** The first and last visible row. @param {number} margin Pixels above and below that count as visible. */
  rowsWithin(margin) {
    return [
      Math.floor((this.top - margin) / this.rowHeight),
      Math.floor((this.top + this.viewport + margin) / this.rowHeight),
    ];
  }

  /** The keys of needed thumbnails: visible ones first, then those below, then those above. */
  neededThumbnails() {
    if (!this.width) return [];
    const [first, last] = this.rowsWithin(0);
    const distance = (row) => (row > last ? row - last : row < first ? 1000 + first - row : 0);
    return [...this.tiles.values()]
      .filter((tile) => tile.card.has_image)
      .map((tile) => tile.card.key)
      .sort((a, b) => distance(this.rowOf(a)) - distance(this.rowOf(b)) || this.places.get(a) - this.places.get(b));
  }

  /** An image has arrived, or failed. @param {string} key */
  fill(key) {
    const [first, last] = this.rowsWithin(0);
    // Only visible tiles fade in, because it costs as much anywhere else.
    this.tiles.get(key)?.fill(first <= this.rowOf(key) && this.rowOf(key) <= last);
  }

  /** @param {string} key */
  rowOf(key) {
    return Math.floor(this.places.get(key) / this.columns);
  }

  /** @param {Card} card */
  tileOf(card) {
    const tile = this.tiles.get(card.key) ?? new Tile(this.view, card);
    if (tile.card !== card) tile.show(card);
    this.tiles.set(card.key, tile);
    return tile;
  }

  /** @param {string} key */
  drop(key) {
    this.tiles.get(key).element.remove();
    this.tiles.delete(key);
  }

  mark() {
    const { selected } = this.view;
    this.list.classList.toggle("seedream-grid-choosing", selected.size > 0);
    for (const [key, tile] of this.tiles) tile.mark(selected.has(key), key === this.active);
  }

  /** Makes a tile the one that the Tab key focuses. @param {string} key */
  activate(key) {
    if (key === this.active || !this.places.has(key)) return;
    this.active = key;
    this.draw();
  }

  /** Scrolls to the active tile. */
  reveal() {
    if (!this.width || !this.places.has(this.active)) return;
    const top = Math.floor(this.places.get(this.active) / this.columns) * this.rowHeight;
    const bottom = top + this.rowHeight;
    if (top < this.element.scrollTop) this.element.scrollTop = top;
    else if (bottom > this.element.scrollTop + this.viewport) this.element.scrollTop = bottom - this.viewport;
    this.draw();
  }

  focus() {
    this.reveal();
    this.tiles.get(this.active)?.element.focus();
  }
}
