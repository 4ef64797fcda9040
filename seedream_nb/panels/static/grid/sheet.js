/**
 * A document with a thousand tiles is slow, so only the rows near the viewport are in it and request cards and thumbnails.
 */

const GAP = 12; // pixels between tiles
const NARROWEST_CAPTION = 132; // pixels; narrower captions would have one word per line
const SHORT = 400; // pixels; a lower grid cannot be resized
const SCROLLING_TIME = 1000; // milliseconds after a scroll event, during which images appear at once
const FIRST_CARDS = 60; // requested before the layout is known

/** @typedef {{key: string, place: number, offset: number}} Anchor A tile, and its distance from the upper edge. */

/** The scrolling grid; only tiles near its viewport are in the document. */
class Sheet {
  /** @param {GridView} view */
  constructor(view) {
    this.view = view;
    this.deck = view.store.deck;
    /** @type {Map<string, Tile>} by key, or by place where the card is not here yet */
    this.tiles = new Map();
    /** The place of the tile that the Tab key focuses, and its key as far as it is known. */
    this.active = 0;
    this.activeKey = "";
    this.count = 0;
    this.list = make("div", "list", { role: "listbox", "aria-multiselectable": "true", "aria-label": "Images" });
    this.nothing = make("p", "nothing");
    this.element = make("div", "scroll", {}, this.list, this.nothing);
    this.observer = new ResizeObserver(() => this.resize());
    this.observer.observe(this.element);
    this.track = new Track(this.element, (time, act) => view.later(time, act), () => this.draw());
    this.scrolledAt = -Infinity;
    view.listen(this.element, "scroll", () => {
      this.scrolledAt = performance.now();
      this.track.read();
      view.schedule();
    });
    this.chooser = new Chooser(this);
    view.listen(this.list, "focusin", (event) => this.activate(Number(event.target.dataset.place ?? this.active)));
  }

  dispose() {
    this.observer.disconnect();
  }

  /** How many tiles are visible at once. */
  get page() {
    return Math.max(1, Math.floor(this.viewport / this.rowHeight)) * this.columns;
  }

  /** The keys whose places matter when the order changes. */
  get knownKeys() {
    return [this.captureAnchor()?.key, this.activeKey, this.chooser.anchor?.key].filter(Boolean);
  }

  /** The cards to request when the order changes: so many before and after the anchor, or from the beginning. */
  get span() {
    const places = this.nearPlaces().filter((place) => place !== this.active);
    const anchor = this.captureAnchor();
    if (!anchor || !places.length) return { anchor: "", before: 0, after: Math.max(FIRST_CARDS, places.length) };
    return { anchor: anchor.key, before: anchor.place - places[0], after: places.at(-1) - anchor.place };
  }

  /**
   * Shows the new order, and keeps the scroll position where that makes sense.
   *
   * @param {Record<string, number>} places Of the known keys that are still shown.
   * @param {?Anchor} anchor What stays where it is, where the remaining cards are in the same order: filtered or extended.
   */
  rearrange(places, anchor) {
    const offset = anchor ? this.rowOf(anchor.place) * this.rowHeight - this.track.top : 0;
    const hadFocus = this.list.contains(this.view.focused);
    const { count, total } = this.deck;
    this.active = places[this.activeKey] ?? 0;
    this.activeKey = this.deck.cards.get(this.active)?.key ?? (this.activeKey in places ? this.activeKey : "");
    this.chooser.rearrange(places);
    this.count = count;
    this.list.hidden = !count;
    this.nothing.hidden = Boolean(count);
    this.nothing.textContent = total
      ? `No matches among ${formatNumber(total)} ${total === 1 ? "image" : "images"}. Broaden the filter to see more.`
      : "No images yet. They appear here as they arrive.";
    this.measure();
    this.restoreAnchor(anchor && anchor.key in places ? { place: places[anchor.key], offset } : null);
    this.draw();
    if (hadFocus && !this.list.contains(this.view.focused)) this.focus();
  }

  /** The first visible tile and its distance from the upper edge. @returns {?Anchor} */
  captureAnchor() {
    const { top } = this.track;
    if (!this.rowHeight || !top) return null;
    const row = Math.ceil(top / this.rowHeight);
    const place = row * this.columns;
    const card = this.deck.cards.get(place);
    return card ? { key: card.key, place, offset: row * this.rowHeight - top } : null;
  }

  /** Scrolls back to the anchor, or to the top when it is gone. */
  restoreAnchor(anchor) {
    this.track.scrollTo(anchor ? this.rowOf(anchor.place) * this.rowHeight - anchor.offset : 0);
  }

  /** @param {boolean} [isNewSize] Whether tiles have another size. */
  resize(isNewSize = false) {
    const anchor = this.captureAnchor();
    const wasHidden = !this.width;
    const width = this.width;
    const captionHeight = this.captionHeight;
    this.measure();
    if (!this.width) return;
    if (wasHidden) this.track.scrollTo(this.track.top); // A notebook that detaches its cells loses it.
    else if (isNewSize || width !== this.width || captionHeight !== this.captionHeight) this.restoreAnchor(anchor);
    this.draw();
  }

  /** Computes the columns and the size of a tile. */
  measure() {
    this.width = this.list.hidden ? this.nothing.clientWidth : this.list.clientWidth;
    this.viewport = this.element.clientHeight;
    if (!this.width) return;
    // Tiles of any shape have the same area, so that portrait ones are not too tall.
    const { aspect } = this.deck;
    const ideal = this.view.model.get("thumbnail") * Math.sqrt(aspect);
    this.columns = Math.max(1, Math.round((this.width + GAP) / (ideal + GAP)));
    this.tileWidth = Math.floor((this.width - (this.columns - 1) * GAP) / this.columns);
    const hasCaption = this.tileWidth >= NARROWEST_CAPTION;
    this.list.classList.toggle("seedream-grid-bare", !hasCaption);
    this.imageHeight = Math.round(this.tileWidth / aspect);
    this.captionHeight = hasCaption ? this.measureCaption() : 0;
    this.rowHeight = this.imageHeight + this.captionHeight + (hasCaption ? GAP + 2 : GAP);
    const rows = Math.ceil(this.count / this.columns);
    this.track.resize(this.count ? rows * this.rowHeight : 0, this.viewport);
    const { height } = this.track;
    this.list.style.height = `${height}px`;
    this.list.style.setProperty("--seedream-grid-image-height", `${this.imageHeight}px`);
    this.element.style.setProperty("--seedream-grid-content", this.count ? `${height + 8}px` : "auto");
    this.element.classList.toggle("seedream-grid-resizable", height > SHORT);
    this.viewport = this.element.clientHeight;
    this.track.resize(this.track.content, this.viewport);
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

  /** Inserts the tiles near the viewport, removes the others, and requests cards and thumbnails. */
  draw() {
    if (!this.width || !this.count) {
      for (const id of [...this.tiles.keys()]) this.drop(id);
      this.deck.request();
      return this.view.store.request("thumbnail");
    }
    const places = this.nearPlaces();
    this.activeKey = this.deck.cards.get(this.active)?.key ?? this.activeKey;
    const ids = new Set(places.flatMap((place) => [this.idOf(place), `#${place}`]));
    for (const id of [...this.tiles.keys()]) if (!ids.has(id)) this.drop(id);
    let cursor = this.list.firstChild;
    for (const place of places) {
      const tile = this.tileOf(place);
      // Moving an element that is in place would take the focus from it.
      if (tile.element === cursor) cursor = cursor.nextSibling;
      else this.list.insertBefore(tile.element, cursor);
      tile.place(place, this.count, {
        left: (place % this.columns) * (this.tileWidth + GAP),
        top: this.track.place(this.rowOf(place) * this.rowHeight),
        width: this.tileWidth,
        height: this.imageHeight + this.captionHeight,
      });
    }
    this.mark();
    this.deck.request();
    this.view.store.request("thumbnail");
  }

  /** The places of the visible rows, of as many above and below, and of the active tile, in order. */
  nearPlaces() {
    if (!this.width || !this.count) return [];
    const [first, last] = this.rowsWithin(this.viewport);
    const begin = Math.max(0, first) * this.columns;
    const end = Math.min(this.count, (last + 1) * this.columns);
    const places = new Set(Array.from({ length: Math.max(0, end - begin) }, (_, index) => begin + index));
    return [...places.add(this.active)].sort((a, b) => a - b);
  }

  /** The first and last visible row. @param {number} margin Pixels above and below that count as visible. */
  rowsWithin(margin) {
    return [
      Math.floor((this.track.top - margin) / this.rowHeight),
      Math.floor((this.track.top + this.viewport + margin) / this.rowHeight),
    ];
  }

  /** The keys of needed thumbnails: visible ones first, then those below, then those above. */
  neededThumbnails() {
    if (!this.width) return [];
    const [first, last] = this.rowsWithin(0);
    const distance = (row) => (row > last ? row - last : row < first ? 1000 + first - row : 0);
    const urgency = (place) => distance(this.rowOf(place));
    return this.nearPlaces()
      .filter((place) => this.deck.cards.get(place)?.has_image)
      .sort((a, b) => urgency(a) - urgency(b) || a - b)
      .map((place) => this.deck.cards.get(place).key);
  }

  /** An image has arrived, or failed. @param {string} key */
  fill(key) {
    const [first, last] = this.rowsWithin(0);
    const row = this.rowOf(this.deck.places.get(key));
    // Fading in costs more than the image itself: not where nobody sees it, and not while somebody scrolls.
    const isStill = performance.now() - this.scrolledAt > SCROLLING_TIME;
    this.tiles.get(key)?.fill(isStill && first <= row && row <= last);
  }

  /** @param {number} place */
  rowOf(place) {
    return Math.floor(place / this.columns);
  }

  /** The name of a tile among those in the document. @param {number} place */
  idOf(place) {
    return this.deck.cards.get(place)?.key ?? `#${place}`;
  }

  /** @param {number} place */
  tileOf(place) {
    const card = this.deck.cards.get(place) ?? null;
    const id = this.idOf(place);
    const blank = this.tiles.get(`#${place}`);
    let tile = this.tiles.get(id);
    if (blank && tile && blank !== tile) this.drop(`#${place}`);
    // The tile of a card that has just arrived keeps the focus.
    tile ??= blank ?? new Tile(this.view);
    if (tile === blank) this.tiles.delete(`#${place}`);
    if (tile.card !== card) tile.show(card);
    this.tiles.set(id, tile);
    return tile;
  }

  /** @param {string} id */
  drop(id) {
    this.tiles.get(id).element.remove();
    this.tiles.delete(id);
  }

  mark() {
    const { selection } = this.deck;
    this.list.classList.toggle("seedream-grid-choosing", selection.count > 0);
    for (const tile of this.tiles.values()) tile.mark(selection.has(tile.number), tile.number === this.active);
  }

  /** Makes a tile the one that the Tab key focuses. @param {number} place */
  activate(place) {
    if (place === this.active || !(place >= 0 && place < this.count)) return;
    this.active = place;
    this.activeKey = this.deck.cards.get(place)?.key ?? "";
    this.draw();
  }

  /** Scrolls to the active tile. */
  reveal() {
    if (!this.width || !this.count) return;
    const top = this.rowOf(this.active) * this.rowHeight;
    const bottom = top + this.rowHeight;
    if (top < this.track.top) this.track.scrollTo(top);
    else if (bottom > this.track.top + this.viewport) this.track.scrollTo(bottom - this.viewport);
    this.draw();
  }

  focus() {
    this.reveal();
    this.tiles.get(this.idOf(this.active))?.element.focus();
  }
}
