/**
 * Python has all cards; the browser knows how many there are, and has those near its viewports. One request is in flight
 * at a time, so that windows that were scrolled past meanwhile are never requested.
 */

const MOST_CARDS = 1500; // that stay in memory
// Milliseconds after which a request without an answer is sent again: a message may be lost while a page or a kernel
// starts. The pause doubles each time, as a kernel may also be busy.
const PATIENCE = 8000;

/** The cards of one model by their places, shared by all views. */
class Deck {
  /** @param {ImageStore} store */
  constructor(model, store) {
    this.model = model;
    this.store = store;
    /** Tells the answers to this page from those to others. */
    this.page = Math.random().toString(36).slice(2);
    this.version = 0;
    this.basis = 0;
    this.count = 0;
    this.total = 0;
    this.aspect = 1;
    this.note = "";
    /** @type {Map<number, ?Card>} by place; null for one that Python is still loading */
    this.cards = new Map();
    /** @type {Map<string, number>} the places of all keys that are known */
    this.places = new Map();
    /** @type {Map<string, Card>} cards of dialogs, wherever they are */
    this.found = new Map();
    /** Which keys of dialogs Python was asked for. */
    this.sought = "";
    this.selection = new Selection(this);
    /** @type {Map<GridView, ?Anchor>} */
    this.anchors = new Map();
    this.isSyncing = false;
    this.isStale = false;
    this.isWaiting = false;
    this.patience = PATIENCE;
    this.sync = this.sync.bind(this);
    model.on("change:version", this.sync);
  }

  dispose() {
    clearTimeout(this.timer);
    this.model.off("change:version", this.sync);
  }

  /** Sends a request again unless it is answered in time. @param {() => void} repeat */
  expectAnswer(repeat) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.patience *= 2;
      this.isSyncing = this.isWaiting = false;
      repeat();
    }, this.patience);
  }

  noteAnswer() {
    clearTimeout(this.timer);
    this.patience = PATIENCE;
  }

  /** The card with a key, if it is here. @param {string} key @returns {Card | undefined} */
  find(key) {
    return this.cards.get(this.places.get(key)) ?? this.found.get(key);
  }

  /** Requests the order, and the cards that the views show in it. */
  sync() {
    if (!this.store.views.size) return;
    if (this.isSyncing) {
      this.isStale = true;
      return;
    }
    const views = [...this.store.views];
    this.isSyncing = true;
    this.isStale = false;
    /** Which tile of each view stays where it is. */
    this.anchors = new Map(views.map((view) => [view, view.sheet.captureAnchor()]));
    const keys = new Set(views.flatMap((view) => view.knownKeys));
    const dialog = this.dialogKeys();
    this.sought = dialog.join("\n");
    const spans = views.map((view) => view.sheet.span);
    this.model.send({ type: "sync", by: this.page, basis: this.basis, keys: [...keys], dialog, spans });
    this.expectAnswer(this.sync);
  }

  dialogKeys() {
    return [this.model.get("opened"), ...this.model.get("compared")].filter(Boolean);
  }

  /** Requests cards of dialogs that are not here, once. */
  seek() {
    const missing = this.dialogKeys().filter((key) => !this.find(key));
    if (missing.length && this.sought !== this.dialogKeys().join("\n")) this.sync();
  }

  receiveOrder(content) {
    if (content.by !== this.page) return;
    this.noteAnswer();
    this.isSyncing = false;
    const isSameBasis = content.basis === this.basis;
    const known = new Map([...this.found, ...this.entries()]);
    for (const name of ["version", "basis", "count", "total", "aspect", "note"]) this[name] = content[name];
    this.cards = new Map();
    this.places = new Map(Object.entries(content.places));
    this.found = new Map(content.found.map((card) => [card.key, reuse(card, known)]));
    for (const { first, cards } of content.windows) this.insert(first, cards, known);
    const shown = [...this.entries()].map(([key]) => key);
    // Failed images may load now that Python has read their task again.
    this.store.clearProblems("thumbnail", shown);
    this.selection.receive({ ...content.selection, version: this.version });
    for (const view of this.store.views) {
      view.rearrange(content.places, isSameBasis ? (this.anchors.get(view) ?? null) : null);
    }
    if (this.isStale) this.sync();
    else this.seek();
  }

  receiveCards(content) {
    if (content.by !== this.page) return;
    if (!this.isSyncing) this.noteAnswer();
    this.isWaiting = false;
    if (content.version === this.version) {
      this.insert(content.first, content.cards, this.found);
      this.forget();
      for (const view of this.store.views) view.sheet.draw();
    }
    this.request();
  }

  /** @returns {Iterable<[string, Card]>} the cards that are here, by key */
  *entries() {
    for (const card of this.cards.values()) if (card) yield [card.key, card];
  }

  /** @param {number} first @param {?Card[]} cards @param {Map<string, Card>} known */
  insert(first, cards, known) {
    cards.forEach((card, index) => {
      this.cards.set(first + index, card && reuse(card, known));
      if (card) this.places.set(card.key, first + index);
    });
  }

  /** Requests the cards near the viewports that are not here, unless others are on their way. */
  request() {
    if (this.isSyncing || this.isWaiting || !this.version) return;
    for (const view of this.store.views) {
      const missing = view.sheet.nearPlaces().filter((place) => !this.cards.has(place));
      if (!missing.length) continue;
      // The tile that the Tab key focuses may be far away.
      const near = missing.filter((place) => place !== view.sheet.active);
      const [first, last] = near.length ? [near[0], near.at(-1)] : [missing[0], missing[0]];
      this.isWaiting = true;
      this.model.send({ type: "window", by: this.page, version: this.version, first, last });
      this.expectAnswer(() => this.request());
      return;
    }
  }

  /** Drops cards that are far from all viewports. */
  forget() {
    if (this.cards.size <= MOST_CARDS) return;
    const near = new Set([...this.store.views].flatMap((view) => view.sheet.nearPlaces()));
    for (const [place, card] of this.cards) {
      if (this.cards.size <= MOST_CARDS) return;
      if (near.has(place)) continue;
      this.cards.delete(place);
      if (card) this.places.delete(card.key);
    }
  }

  drawSelection() {
    for (const view of this.store.views) view.drawSelection();
  }
}

/** Unchanged cards stay the same objects and are not drawn again. @param {Card} card @param {Map<string, Card>} known */
function reuse(card, known) {
  const before = known.get(card.key);
  return before && JSON.stringify(before) === JSON.stringify(card) ? before : card;
}
