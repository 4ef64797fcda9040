/**
 * Why: a notebook may show one model in several outputs; each has a view of its own.
 */

const MOST_OBLONG = 4; // how many times longer than wide all places for pictures may be
const NOTICE_TIME = 5000; // milliseconds that a notice stays

/** One view of the model: what is in one output. */
class GridView {
  constructor(model, element, store) {
    this.model = model;
    this.store = store;
    this.ending = new AbortController();
    /** @type {Set<ReturnType<typeof setTimeout>>} */
    this.timers = new Set();
    this.frame = 0;
    /** @type {Map<string, Card>} */
    this.byKey = new Map();
    /** @type {?Dialog} */
    this.dialog = null;
    this.counts = make("p", "counts");
    this.compare = makeButton("Compare", () => this.put({ compared: this.comparable }));
    this.save = makeButton("Save", () => this.act("save", [...this.selected]));
    this.clear = makeButton("Clear", () => this.clearSelection());
    const tools = [this.compare, this.save, this.clear];
    this.tools = make("div", "tools", { role: "group", "aria-label": "Selection" }, ...tools);
    this.live = make("div", "hidden", { "aria-live": "polite" });
    this.notice = make("div", "notice", { "aria-hidden": "true" });
    this.root = make("div", "root", OWN_KEYS);
    this.root.classList.add("seedream-grid");
    this.sheet = new Sheet(this);
    this.size = new TileSize(this);
    const bar = make("div", "bar", {}, this.counts, this.tools, this.size.element);
    this.page = make("div", "page", {}, bar, this.sheet.element);
    this.root.append(this.page, this.live, this.notice);
    element.append(this.root);
    this.listen(document, "pointerdown", (event) => this.yieldFocus(event), { capture: true });
    this.listen(this.root, "keydown", (event) => this.handOn(event));
    store.views.add(this);
    this.subscribe("cards", () => this.readCards());
    this.subscribe("order", () => this.readOrder());
    this.subscribe("thumbnail", () => this.readSize());
    this.subscribe("selected", () => this.readSelected());
    this.subscribe("opened", () => this.readDialog());
    this.subscribe("details", () => this.readDialog());
    this.subscribe("compared", () => this.readDialog());
    this.subscribe("can_make", () => this.readDialog());
    this.selected = new Set(model.get("selected"));
    this.readCards();
  }

  // Listening, so that all of it ends with the view.

  listen(element, type, handle, options = {}) {
    element.addEventListener(type, handle, { ...options, signal: this.ending.signal });
  }

  subscribe(name, react) {
    this.model.on(`change:${name}`, react);
    this.ending.signal.addEventListener("abort", () => this.model.off(`change:${name}`, react));
  }

  /** Draws the grid before the next frame, once for any number of calls. */
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

  // What the model says.

  /** Element that has the focus, wherever the grid may be embedded. @returns {any} */
  get focused() {
    return /** @type {Document} */ (this.root.getRootNode()).activeElement;
  }

  /**
   * JupyterLab leaves the focus where it is when another part of the same cell is clicked; its keys would then be ours.
   *
   * @param {PointerEvent} event
   */
  yieldFocus(event) {
    const isOutside = !this.root.contains(/** @type {Node} */ (event.target));
    if (isOutside && this.root.contains(this.focused)) this.focused.blur();
  }

  /**
   * What keeps JupyterLab's keys away keeps the one that saves the notebook away, too, which nothing here needs.
   *
   * @param {KeyboardEvent} event
   */
  handOn(event) {
    const isSaving = event.key === "s" && (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey;
    if (!isSaving) return;
    const copy = new KeyboardEvent("keydown", event);
    // Where nobody takes it, the browser does with it what it does anywhere.
    if (!this.root.parentElement.dispatchEvent(copy)) event.preventDefault();
  }

  readCards() {
    /** @type {Card[]} What has not changed stays the same object, so that nothing is drawn anew for it. */
    this.cards = this.model.get("cards").map((card) => {
      const known = this.byKey.get(card.key);
      return known && JSON.stringify(known) === JSON.stringify(card) ? known : card;
    });
    this.byKey = new Map(this.cards.map((card) => [card.key, card]));
    this.aspect = this.findAspect();
    // What failed may come now that Python has read its task again.
    this.store.forgive("thumbnail", [...this.byKey.keys()]);
    this.readOrder();
  }

  readOrder() {
    // Cards and their order may come in two messages; a place that is not there yet is passed over.
    this.sheet.show(this.model.get("order").flatMap((position) => this.cards[position] ?? []));
    this.readDialog();
    this.drawCounts();
  }

  readSize() {
    this.size.draw();
    this.sheet.show(this.sheet.shown);
  }

  readSelected() {
    this.selected = new Set(this.model.get("selected"));
    this.sheet.mark();
    if (this.dialog instanceof DetailView) this.dialog.mark();
    this.drawCounts();
  }

  /** The shape that all pictures share, so that no tile has empty bars; else a square. */
  findAspect() {
    const pictured = this.cards.filter((card) => card.has_picture);
    const ratios = new Set(pictured.map(({ width, height }) => (width && height ? (width / height).toFixed(2) : "")));
    const [ratio] = [...ratios].map(Number);
    return ratios.size === 1 && ratio >= 1 / MOST_OBLONG && ratio <= MOST_OBLONG ? ratio : 1;
  }

  /** Shows the detail or the compare view, or neither. */
  readDialog() {
    const opened = this.byKey.get(this.model.get("opened"));
    const compared = this.model.get("compared").flatMap((key) => this.byKey.get(key) ?? []);
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
    if (opened && this.sheet.places.has(opened.key)) {
      this.sheet.active = opened.key;
      this.sheet.reveal();
    }
    this.dialog?.show(opened ? [opened] : compared);
    if (!hadFocus) return;
    if (this.dialog && !this.dialog.element.contains(this.focused)) this.dialog.focus();
    else if (!this.dialog && wasInert) this.sheet.focus();
  }

  drawCounts() {
    const { count } = this.sheet;
    const total = this.cards.length;
    const hidden = [...this.selected].filter((key) => !this.sheet.places.has(key)).length;
    const parts = [count === total ? `${spell(total)} shown` : `${spell(count)} of ${spell(total)} shown`];
    if (this.selected.size) parts.push(`${spell(this.selected.size)} selected`);
    if (hidden) parts.push(`${spell(hidden)} of them not shown`);
    const text = total ? parts.join(" · ") : "";
    if (this.counts.textContent && this.counts.textContent !== text) this.announce(parts.join(", "));
    this.counts.textContent = text;
    this.tools.hidden = !this.selected.size;
    this.size.element.hidden = !total;
    const isComparable = this.comparable.length >= FEWEST_COMPARED && this.comparable.length <= MOST_COMPARED;
    this.compare.disabled = !isComparable;
    this.compare.title = isComparable ? "" : `Select ${FEWEST_COMPARED} to ${MOST_COMPARED} to compare them`;
  }

  /** The selected cards that are there, in the order of their selection. */
  get comparable() {
    return [...this.selected].filter((key) => this.byKey.has(key));
  }

  // What the user does.

  put(changes) {
    for (const [name, value] of Object.entries(changes)) this.model.set(name, value);
    this.model.save_changes();
  }

  /** @param {string} key */
  open(key) {
    this.put({ opened: key });
  }

  /** @param {Set<string>} keys */
  select(keys) {
    this.put({ selected: [...keys] });
  }

  clearSelection() {
    this.select(new Set());
    // Its button is gone.
    this.sheet.focus();
  }

  /** @param {string} action @param {string[]} keys */
  act(action, keys) {
    this.model.send({ type: "act", action, keys });
  }

  // Pictures and words.

  /** @param {Kind} kind */
  neededPictures(kind) {
    const large = (this.dialog?.cards ?? []).filter((card) => card.has_picture).map((card) => card.key);
    return kind === "original" ? large : [...large, ...this.sheet.neededThumbnails()];
  }

  /** @param {Kind} kind @param {string} key */
  receivePicture(kind, key) {
    if (kind === "thumbnail") this.sheet.fill(key);
    this.dialog?.fill(key);
  }

  /** @param {string} key */
  askAgain(key) {
    this.store.forgive("original", [key]);
    this.dialog?.fill(key);
    this.store.ask("original");
  }

  /** Says something to screen readers alone. @param {string} text */
  announce(text) {
    this.live.textContent = text;
  }

  /** Says something to everyone. @param {string} text */
  notify(text) {
    this.announce(text);
    this.notice.textContent = text;
    clearTimeout(this.noticeTimer);
    this.noticeTimer = this.later(NOTICE_TIME, () => (this.notice.textContent = ""));
  }
}
