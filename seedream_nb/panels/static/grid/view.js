// As in `seedream_nb.panels.grid`; pixels of a square tile.
const SMALLEST_TILE = 96;
const LARGEST_TILE = 480;
const TILE_STEP = 8;
const NOTICE_TIME = 5000; // milliseconds that a notice stays

/** The slider for the tile size. */
class TileSize {
  /** @param {GridView} view */
  constructor(view) {
    this.model = view.model;
    const range = { min: String(SMALLEST_TILE), max: String(LARGEST_TILE), step: String(TILE_STEP) };
    this.input = make("input", "range", { type: "range", "aria-label": "Tile size", ...range, ...OWN_KEYS });
    this.element = make("div", "size", { title: "Tile size" }, makeIcon("small"), this.input, makeIcon("large"));
    // The grid follows at once; Python gets the final value.
    view.listen(this.input, "input", () => this.model.set("thumbnail", Number(this.input.value)));
    view.listen(this.input, "change", () => this.model.save_changes());
    this.draw();
  }

  draw() {
    const size = this.model.get("thumbnail");
    this.input.value = String(size);
    this.input.setAttribute("aria-valuetext", `${size} pixels`);
  }
}

/** One view of the model; a notebook may show it in several outputs. */
class GridView {
  constructor(model, element, store) {
    this.model = model;
    this.store = store;
    this.ending = new AbortController();
    /** @type {Set<ReturnType<typeof setTimeout>>} */
    this.timers = new Set();
    this.frame = 0;
    /** @type {?Dialog} */
    this.dialog = null;
    this.counts = make("p", "counts");
    this.compare = makeButton("Compare", () => model.send({ type: "compare" }));
    this.saving = new Saving(this, "Save", this.ending.signal, () => null);
    this.clear = makeButton("Clear", () => this.clearSelection());
    const tools = [this.compare, this.clear, this.saving.folder, this.saving.button];
    this.tools = make("div", "tools", { role: "group", "aria-label": "Selection" }, ...tools);
    this.live = make("div", "hidden", { "aria-live": "polite" });
    this.notice = make("div", "notice", { "aria-hidden": "true" });
    this.root = make("div", "root", OWN_KEYS);
    this.root.classList.add("seedream-grid");
    this.sheet = new Sheet(this);
    this.size = new TileSize(this);
    this.marks = new MarksBar(this);
    const bar = make("div", "bar", {}, this.counts, this.tools, this.size.element, this.saving.result);
    this.page = make("div", "page", {}, bar, this.marks.element, this.sheet.element);
    this.root.append(this.page, this.live, this.notice);
    element.append(this.root);
    this.listen(document, "pointerdown", (event) => this.releaseFocus(event), { capture: true });
    this.listen(this.root, "keydown", (event) => this.passOnSave(event));
    store.views.add(this);
    this.subscribe("thumbnail", () => this.readSize());
    this.subscribe("opened", () => this.readDialog());
    this.subscribe("compared", () => this.readDialog());
    this.subscribe("can_generate", () => this.readDialog());
    /** The key of the card to scroll to once it is there. */
    this.awaited = "";
    store.deck.sync();
    // A message and not part of the model, which is saved with the notebook.
    model.send({ type: "time_zone", name: Intl.DateTimeFormat().resolvedOptions().timeZone });
  }

  // Listeners, removed together with the view.

  listen(element, type, handle, options = {}) {
    element.addEventListener(type, handle, { ...options, signal: this.ending.signal });
  }

  subscribe(name, react, signal = this.ending.signal) {
    this.model.on(`change:${name}`, react);
    signal.addEventListener("abort", () => this.model.off(`change:${name}`, react));
  }

  /** Draws the grid before the next frame, once for all calls. */
  schedule() {
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.sheet.draw();
    });
  }

  /** @param {number} time In milliseconds. @param {() => void} act */
  later(time, act) {
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      act();
    }, time);
    this.timers.add(timer);
    return timer;
  }

  dispose() {
    this.ending.abort();
    cancelAnimationFrame(this.frame);
    for (const timer of this.timers) clearTimeout(timer);
    this.dialog?.dispose();
    this.sheet.dispose();
    this.store.detach(this);
    this.root.remove();
  }

  // Changes of the model.

  /** The focused element, also within a shadow root. @returns {any} */
  get focused() {
    return /** @type {Document} */ (this.root.getRootNode()).activeElement;
  }

  /**
   * Gives up the focus: JupyterLab does not move it when another part of the cell is clicked, and we would take its keys.
   *
   * @param {PointerEvent} event
   */
  releaseFocus(event) {
    const isOutside = !this.root.contains(/** @type {Node} */ (event.target));
    if (isOutside && this.root.contains(this.focused)) this.focused.blur();
  }

  /**
   * Passes on the shortcut that saves the notebook, which `OWN_KEYS` would keep from JupyterLab.
   *
   * @param {KeyboardEvent} event
   */
  passOnSave(event) {
    const isSaving = event.key === "s" && (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey;
    if (!isSaving) return;
    const copy = new KeyboardEvent("keydown", event);
    // Unless somebody handles it, the browser does its default.
    if (!this.root.parentElement.dispatchEvent(copy)) event.preventDefault();
  }

  /** The keys whose places matter when the order changes. */
  get knownKeys() {
    return [...this.sheet.knownKeys, ...this.store.deck.dialogKeys(), this.awaited].filter(Boolean);
  }

  /** Shows the new order. @param {Record<string, number>} places Of the known keys. @param {?Anchor} anchor */
  rearrange(places, anchor) {
    this.sheet.rearrange(places, anchor);
    this.readDialog();
    this.drawCounts();
    this.revealAwaited();
  }

  readSize() {
    this.size.draw();
    this.sheet.resize(true);
  }

  drawSelection() {
    this.saving.clear();
    this.sheet.mark();
    if (this.dialog instanceof DetailView) this.dialog.mark();
    this.drawCounts();
  }

  /** Shows the detail or the compare view, or neither. */
  readDialog() {
    const { deck } = this.store;
    const opened = deck.find(this.model.get("opened"));
    const compared = this.model.get("compared").flatMap((key) => deck.find(key) ?? []);
    const isCompared = compared.length >= FEWEST_COMPARED && compared.length <= MOST_COMPARED;
    const Wanted = opened ? DetailView : isCompared ? CompareView : null;
    const hadFocus = this.root.contains(this.focused);
    if (!Wanted || !(this.dialog instanceof Wanted)) {
      this.dialog?.dispose();
      this.dialog = Wanted ? new Wanted(this) : null;
      if (this.dialog) this.root.append(this.dialog.element);
    }
    const wasInert = this.page.inert;
    this.page.inert = Boolean(this.dialog);
    this.root.classList.toggle("seedream-grid-covered", Boolean(this.dialog));
    if (opened && deck.places.has(opened.key)) {
      this.sheet.active = deck.places.get(opened.key);
      this.sheet.reveal();
    }
    this.dialog?.show(opened ? [opened] : compared);
    deck.seek();
    if (!hadFocus) return;
    if (this.dialog && !this.dialog.element.contains(this.focused)) this.dialog.focus();
    else if (!this.dialog && wasInert) this.sheet.focus();
  }

  drawCounts() {
    const { count, total, note, selection } = this.store.deck;
    const parts = [count === total ? `${formatNumber(total)} shown` : `${formatNumber(count)} of ${formatNumber(total)} shown`];
    if (note) parts.push(note);
    if (selection.count) parts.push(`${formatNumber(selection.count)} selected`);
    if (selection.hidden) parts.push(`${formatNumber(selection.hidden)} of them hidden`);
    const text = total || note ? parts.join(" · ") : "";
    if (this.counts.textContent && this.counts.textContent !== text) this.announce(parts.join(", "));
    this.counts.textContent = text;
    this.tools.hidden = !selection.count;
    this.marks.draw();
    this.size.element.hidden = !total;
    const isComparable = selection.count >= FEWEST_COMPARED && selection.count <= MOST_COMPARED;
    this.compare.disabled = !isComparable;
    this.compare.title = isComparable ? "" : `Select ${FEWEST_COMPARED} to ${MOST_COMPARED} images to compare`;
  }

  // User actions.

  update(changes) {
    for (const [name, value] of Object.entries(changes)) this.model.set(name, value);
    this.model.save_changes();
  }

  /** @param {string} key */
  open(key) {
    this.update({ opened: key });
  }

  clearSelection() {
    this.store.deck.selection.clear();
    // The focused button is gone.
    this.sheet.focus();
  }

  /** @param {string} action @param {string[]} keys */
  act(action, keys) {
    this.model.send({ type: "action", action, keys });
  }

  /**
   * Marks a card, or the selection. Python announces what was done.
   *
   * @param {?string} key Null for the selection.
   * @param {string} how `rate`, `reject`, `tag`, `untag`, or `note`.
   * @param {string | number} [value]
   */
  mark(key, how, value = "") {
    if (key === "") return; // a tile whose card is still on its way
    this.model.send({ type: "mark", how, value, ...(key === null ? {} : { keys: [key] }) });
  }

  undoMark() {
    this.model.send({ type: "undo" });
  }

  drawTags() {
    this.marks.editor.drawOptions();
    if (this.dialog instanceof DetailView) for (const part of this.dialog.parts) part.editor?.drawOptions();
  }

  // Images and messages.

  /** @param {Kind} kind */
  neededImages(kind) {
    const large = (this.dialog?.cards ?? []).filter((card) => card.has_image).map((card) => card.key);
    return kind === "original" ? large : [...large, ...this.sheet.neededThumbnails()];
  }

  /** @param {Kind} kind @param {string} key */
  receiveImage(kind, key) {
    if (kind === "thumbnail") this.sheet.fill(key);
    this.dialog?.fill(key);
  }

  /** @param {string} key */
  retry(key) {
    this.store.clearProblems("original", [key]);
    this.dialog?.fill(key);
    this.store.request("original");
  }

  /** What became of saving some cards. @param {{keys: string[], text: string, is_error: boolean}} result */
  receiveSaved(result) {
    const places = [this.saving, ...(this.dialog instanceof DetailView ? [this.dialog.saving] : [])];
    // Both, because a card may be selected and open; elsewhere, somebody has gone on to other images meanwhile.
    const isShown = places.map((place) => place.receive(result)).includes(true);
    if (!isShown) this.notify(result.text);
  }

  /** Scrolls to a card, or opens it where another one is open. @param {string} key Python tells its place. */
  reveal(key) {
    this.awaited = key;
    this.store.deck.sync();
  }

  revealAwaited() {
    const key = this.awaited;
    const place = this.store.deck.places.get(key);
    if (place === undefined) return;
    this.awaited = "";
    if (this.dialog) {
      this.open(key);
      return this.root.scrollIntoView({ block: "nearest" });
    }
    this.sheet.activate(place);
    this.sheet.reveal();
    this.sheet.tiles.get(this.sheet.idOf(place))?.element.scrollIntoView({ block: "nearest" });
  }

  /** Announces a text to screen readers. @param {string} text */
  announce(text) {
    this.live.textContent = text;
  }

  /** Shows and announces a text. @param {string} text */
  notify(text) {
    this.announce(text);
    this.notice.textContent = text;
    clearTimeout(this.noticeTimer);
    this.noticeTimer = this.later(NOTICE_TIME, () => (this.notice.textContent = ""));
  }
}

// The entry point for anywidget; a function, so that each model has its own store.
export default () => {
  /** @type {ImageStore} */
  let store;
  return {
    initialize({ model }) {
      store = new ImageStore(model);
      return () => store.dispose();
    },
    render({ model, el }) {
      const view = new GridView(model, el, store);
      return () => view.dispose();
    },
  };
};
