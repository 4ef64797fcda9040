/**
 * Why: a grid of one widget for each picture does not carry a thousand. Here one widget holds them all: the grid keeps
 * only the rows near the viewport in the document and asks for thumbnails as they come near; the detail and the compare
 * view lie over it, within its own box.
 *
 * One module without a build step that loads nothing else. Foreign text (prompts, errors, links) becomes text nodes and
 * checked attributes only, never markup.
 *
 * @typedef {object} Card One place of the grid, as `seedream_nb.panels.cards.describe` makes it.
 * @property {string} key
 * @property {string} task_id Empty for a task without one.
 * @property {string} prompt
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
 * @property {[string, string][]} details
 *
 * @typedef {"thumbnail" | "original"} Kind
 * @typedef {{url: string, width: number, height: number, bytes: number}} Picture
 * @typedef {{width: number, height: number}} Size
 */

const SUCCEEDED = "succeeded";
const GAP = 12; // pixels between tiles
const NARROWEST_CAPTION = 132; // pixels; below, a caption would be a word a line
const SHORT = 400; // pixels; a lower grid is always shown whole
const MOST_OBLONG = 4; // how many times longer than wide all places for pictures may be
const MOST_ZOOM = 16; // times the size that fits
const ZOOM_STEP = 1.4;
const PAN_STEP = 0.08; // of the picture, for a press of an arrow key
const FEWEST_COMPARED = 2;
const MOST_COMPARED = 4;
const NOTICE_TIME = 5000; // milliseconds that a notice stays
const COPIED_TIME = 1600; // milliseconds that a button says what it did
const WHEEL_PAUSE = 400; // milliseconds after which the wheel scrolls the page again
const MEMORY = { thumbnail: 64_000_000, original: 192_000_000 }; // bytes kept of each kind

// JupyterLab's command mode must not take letters and arrows (x would cut the cell). It asks the element that has the
// focus before those around it, so that each one that can have it needs this mark.
const OWN_KEYS = { "data-lm-suppress-shortcuts": "true" };

const ICONS = {
  check: "M3.5 8.5l3 3 6-7",
  close: "M4 4l8 8M12 4l-8 8",
  next: "M6 3l5 5-5 5",
  previous: "M10 3L5 8l5 5",
  minus: "M3.5 8h9",
  plus: "M8 3.5v9M3.5 8h9",
};

// ---------------------------------------------------------------------------------------------------------- elements

/**
 * Makes an element.
 *
 * @param {string} tag
 * @param {string} names What it is called in the style sheet, without the prefix.
 * @param {Record<string, string>} [attributes]
 * @param {...(Node | string)} children Strings become text nodes.
 * @returns {any}
 */
function make(tag, names, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const name of names.split(" ").filter(Boolean)) element.classList.add(`seedream-grid-${name}`);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** @param {keyof typeof ICONS} name */
function makeIcon(name) {
  const space = "http://www.w3.org/2000/svg";
  const icon = document.createElementNS(space, "svg");
  icon.setAttribute("viewBox", "0 0 16 16");
  icon.setAttribute("aria-hidden", "true");
  icon.append(document.createElementNS(space, "path"));
  icon.firstElementChild.setAttribute("d", ICONS[name]);
  return icon;
}

/**
 * @param {string} label What it says, or is called when it only has an icon.
 * @param {() => void} act
 * @param {{icon?: keyof typeof ICONS, keys?: string, names?: string}} [options] `keys` names its shortcut.
 * @returns {HTMLButtonElement}
 */
function makeButton(label, act, { icon, keys = "", names = "" } = {}) {
  const button = make("button", `button ${names}`, { type: "button", ...OWN_KEYS });
  if (icon) {
    button.classList.add("seedream-grid-icon-button");
    button.setAttribute("aria-label", label);
    button.append(makeIcon(icon));
  } else {
    button.append(label);
  }
  if (icon || keys) button.title = keys ? `${label} (${keys})` : label;
  // The button goes with its listener; it needs no cleaning up of its own.
  button.addEventListener("click", act);
  return button;
}

/** What stands where a picture would be. @param {string} icon @param {string} word @param {string} problem */
function makeLost(icon, word, problem) {
  return make(
    "div",
    "lost",
    {},
    make("span", "lost-icon", { "aria-hidden": "true" }, icon),
    make("span", "lost-word", {}, word),
    ...(problem ? [make("span", "lost-problem", { dir: "auto" }, problem)] : []),
  );
}

/** @param {number} value @param {number} least @param {number} most */
const clamp = (value, least, most) => Math.min(Math.max(value, least), most);

/** @param {number} number */
const spell = (number) => number.toLocaleString("en");

/** @param {Card} card */
const factsOf = (card) => [card.position, ...card.facts].filter(Boolean);

/** So that the line is cut off within the model's long id, and not before the seed. @param {string[]} facts */
const shortestFirst = (facts) => [...facts].sort((a, b) => a.length - b.length);

/** Only what a browser may open goes into a link. @param {string} link */
const isWebLink = (link) => /^https?:\/\//i.test(link);

/** @param {string} text */
async function copyText(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  // Without TLS, as on many a JupyterHub, browsers have only the old way.
  const area = make("textarea", "hidden", { "aria-hidden": "true" });
  area.value = text;
  document.body.append(area);
  area.select();
  const isCopied = document.execCommand("copy");
  area.remove();
  if (!isCopied) throw new Error("copying is not allowed");
}

// ---------------------------------------------------------------------------------------------------------- pictures

/** Pictures of one kind, the least recently used of which go when there is no room. */
class Shelf {
  /** @param {number} room In bytes. */
  constructor(room) {
    this.room = room;
    this.used = 0;
    /** @type {Map<string, Picture>} the most recently used last */
    this.pictures = new Map();
  }

  /** @param {string} key */
  find(key) {
    const picture = this.pictures.get(key);
    if (picture) {
      this.pictures.delete(key);
      this.pictures.set(key, picture);
    }
    return picture;
  }

  /** @param {string} key @param {Picture} picture @param {Set<string>} needed What must stay. */
  put(key, picture, needed) {
    this.pictures.set(key, picture);
    this.used += picture.bytes;
    for (const old of [...this.pictures.keys()]) {
      if (this.used <= this.room) return;
      if (old !== key && !needed.has(old)) this.drop(old);
    }
  }

  /** @param {string} key */
  drop(key) {
    const picture = this.pictures.get(key);
    this.pictures.delete(key);
    this.used -= picture.bytes;
    URL.revokeObjectURL(picture.url);
  }

  clear() {
    for (const key of [...this.pictures.keys()]) this.drop(key);
  }
}

/** The pictures of one model, shared by all its views, so that none is sent twice for two views. */
class PictureStore {
  constructor(model) {
    this.model = model;
    /** @type {Set<GridView>} */
    this.views = new Set();
    this.shelves = { thumbnail: new Shelf(MEMORY.thumbnail), original: new Shelf(MEMORY.original) };
    /** @type {Record<Kind, Map<string, string>>} why a picture did not come */
    this.problems = { thumbnail: new Map(), original: new Map() };
    /** @type {Record<Kind, Set<string>>} what is on its way */
    this.asked = { thumbnail: new Set(), original: new Set() };
    /** @type {?number} the number of the last answer, so that Python knows what is still in the line */
    this.seen = null;
    this.receive = this.receive.bind(this);
    model.on("msg:custom", this.receive);
  }

  /** @param {Kind} kind @param {string} key */
  find(kind, key) {
    return this.shelves[kind].find(key);
  }

  /** @param {Kind} kind @param {string} key */
  findProblem(kind, key) {
    return this.problems[kind].get(key);
  }

  /** Asks for what the views need now and have not asked for. @param {Kind} kind */
  ask(kind) {
    const missing = [...this.needed(kind)].filter(
      (key) => !this.shelves[kind].pictures.has(key) && !this.problems[kind].has(key),
    );
    if (missing.every((key) => this.asked[kind].has(key))) return;
    // The whole list: what is no longer near the viewport need not be fetched any more.
    this.asked[kind] = new Set(missing);
    this.model.send({ type: "want", kind, keys: missing, seen: this.seen });
  }

  /** @param {Kind} kind @returns {Set<string>} the most urgent first */
  needed(kind) {
    return new Set([...this.views].flatMap((view) => view.neededPictures(kind)));
  }

  receive(content, buffers) {
    if (content?.type === "say") {
      for (const view of this.views) view.notify(String(content.text));
      return;
    }
    if (content?.type === "copy") {
      this.copy(String(content.text));
      return;
    }
    if (content?.type !== "picture" && content?.type !== "no_picture") return;
    const { kind, key } = content;
    this.seen = content.number ?? this.seen;
    this.asked[kind].delete(key);
    // A view that has gone needs no pictures; and one that crossed with a second request is there already.
    if (!this.views.size || this.shelves[kind].pictures.has(key)) return;
    if (content.type === "no_picture") this.problems[kind].set(key, content.problem);
    else this.keep(kind, key, content, buffers[0]);
    for (const view of this.views) view.receivePicture(kind, key);
  }

  /** @param {string} text */
  async copy(text) {
    const said = await copyText(text).then(
      () => "Copied.",
      () => "The browser does not allow copying here.",
    );
    for (const view of this.views) view.notify(said);
  }

  keep(kind, key, { mime, width, height }, buffer) {
    const url = URL.createObjectURL(new Blob([buffer], { type: mime }));
    this.shelves[kind].put(key, { url, width, height, bytes: buffer.byteLength }, this.needed(kind));
  }

  /** Lets what failed be asked for again. @param {Kind} kind @param {string[]} keys */
  forgive(kind, keys) {
    for (const key of keys) this.problems[kind].delete(key);
  }

  /** @param {GridView} view */
  detach(view) {
    this.views.delete(view);
    if (!this.views.size) this.clear();
  }

  clear() {
    for (const kind of /** @type {Kind[]} */ (["thumbnail", "original"])) {
      this.shelves[kind].clear();
      this.problems[kind].clear();
      this.asked[kind].clear();
    }
  }

  dispose() {
    this.model.off("msg:custom", this.receive);
    this.clear();
  }
}

// -------------------------------------------------------------------------------------------------------------- grid

/** One tile: a picture or what stands for it, and its caption. */
class Tile {
  /** @param {GridView} view @param {Card} card */
  constructor(view, card) {
    this.view = view;
    const check = make("span", "mark", { "aria-hidden": "true" }, makeIcon("check"));
    this.picture = make("div", "picture");
    this.caption = make("div", "caption");
    this.element = make("div", "tile", { role: "option", ...OWN_KEYS }, this.picture, this.caption, check);
    this.show(card);
  }

  /** @param {Card} card */
  show(card) {
    this.card = card;
    this.element.dataset.key = card.key;
    const state = card.state === SUCCEEDED ? [] : [card.state];
    const label = [card.prompt || "No prompt", ...factsOf(card), ...state, card.problem];
    this.element.setAttribute("aria-label", label.filter(Boolean).join(", "));
    this.caption.replaceChildren(
      make("p", "prompt", { dir: "auto" }, card.prompt),
      make("p", "facts", {}, [...this.shownState(state), ...shortestFirst(factsOf(card))].join(" · ")),
    );
    this.fill(false);
  }

  /** What stands in the picture's place says its state itself. @param {string[]} state */
  shownState(state) {
    return this.card.has_picture ? state.map((word) => `${this.card.icon} ${word}`) : [];
  }

  /** @param {boolean} isFresh Whether its picture has come just now. */
  fill(isFresh) {
    const { card, view } = this;
    const picture = view.store.find("thumbnail", card.key);
    const problem = view.store.findProblem("thumbnail", card.key);
    const isWaiting = !card.has_picture && card.is_open;
    this.picture.className = "seedream-grid-picture";
    this.picture.classList.toggle("seedream-grid-waiting", isWaiting);
    this.picture.classList.toggle("seedream-grid-empty", !card.has_picture || Boolean(problem));
    if (!card.has_picture) {
      this.picture.replaceChildren(makeLost(card.icon, card.state, card.problem));
    } else if (picture) {
      const image = make("img", "thumbnail", { alt: card.prompt, draggable: "false", src: picture.url });
      image.width = picture.width;
      image.height = picture.height;
      if (card.is_transparent) image.classList.add("seedream-grid-transparent");
      if (isFresh) image.classList.add("seedream-grid-fresh");
      this.picture.replaceChildren(image);
    } else if (problem) {
      this.picture.replaceChildren(makeLost("!", "not available", problem));
    } else {
      this.picture.replaceChildren();
    }
  }

  /** @param {number} place From 0. @param {number} count */
  place(place, count, { left, top, width, height }) {
    this.element.setAttribute("aria-posinset", String(place + 1));
    this.element.setAttribute("aria-setsize", String(count));
    const { style } = this.element;
    Object.assign(style, { left: `${left}px`, top: `${top}px`, width: `${width}px`, height: `${height}px` });
  }

  /** @param {boolean} isSelected @param {boolean} isActive Whether the Tab key comes to it. */
  mark(isSelected, isActive) {
    this.element.setAttribute("aria-selected", String(isSelected));
    this.element.tabIndex = isActive ? 0 : -1;
  }
}

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
    /** The tile that the Tab key comes to, and the one where a range of selected ones begins. */
    this.active = "";
    this.anchor = "";
    this.top = 0;
    this.list = make("div", "list", { role: "listbox", "aria-multiselectable": "true", "aria-label": "Pictures" });
    this.nothing = make("p", "nothing");
    this.element = make("div", "scroll", {}, this.list, this.nothing);
    this.observer = new ResizeObserver(() => this.resize());
    this.observer.observe(this.element);
    view.listen(this.element, "scroll", () => view.schedule());
    view.listen(this.list, "click", (event) => this.click(event));
    view.listen(this.list, "mousedown", (event) => event.shiftKey && event.preventDefault()); // selects no text
    view.listen(this.list, "keydown", (event) => this.press(event));
    view.listen(this.list, "focusin", (event) => this.activate(event.target.dataset.key ?? this.active));
  }

  dispose() {
    this.observer.disconnect();
  }

  get count() {
    return this.shown.length;
  }

  /** Takes in what is to be shown, and stays where the reader is as long as that makes sense. @param {Card[]} shown */
  show(shown) {
    const held = this.hold();
    const hadFocus = this.list.contains(this.view.focused);
    const isSameOrder = this.keepsOrder(shown);
    this.shown = shown;
    this.places = new Map(shown.map((card, place) => [card.key, place]));
    if (!this.places.has(this.active)) this.active = shown[0]?.key ?? "";
    this.list.hidden = !shown.length;
    this.nothing.hidden = Boolean(shown.length);
    const total = this.view.cards.length;
    this.nothing.textContent = total
      ? `None of the ${spell(total)} matches. Loosen the filter to see more.`
      : "No pictures yet. They appear here as soon as there are some.";
    this.measure();
    this.release(isSameOrder ? held : null);
    this.draw();
    if (hadFocus && !this.list.contains(this.view.focused)) this.focus();
  }

  /** Whether what stays is in the same order as before: it was filtered or went on, but was not sorted anew. */
  keepsOrder(shown) {
    const before = shown.map((card) => this.places.get(card.key)).filter((place) => place !== undefined);
    return before.every((place, index) => index === 0 || place > before[index - 1]);
  }

  /** The first tile in view and how far it is from the upper edge. */
  hold() {
    const { scrollTop } = this.element;
    if (!this.rowHeight || !scrollTop) return null;
    const row = Math.ceil(scrollTop / this.rowHeight);
    const card = this.shown[row * this.columns];
    return card ? { key: card.key, offset: row * this.rowHeight - scrollTop } : null;
  }

  /** Scrolls back to what was held, or to the top when it is gone. */
  release(held) {
    const place = held ? this.places.get(held.key) : undefined;
    this.element.scrollTop =
      place === undefined ? 0 : Math.floor(place / this.columns) * this.rowHeight - held.offset;
  }

  resize() {
    const held = this.hold();
    const wasHidden = !this.width;
    const width = this.width;
    const captionHeight = this.captionHeight;
    this.measure();
    if (!this.width) return;
    if (wasHidden) this.element.scrollTop = this.top; // A notebook that takes its cells out of the page loses it.
    else if (width !== this.width || captionHeight !== this.captionHeight) this.release(held);
    this.draw();
  }

  /** Works out the columns and the size of a tile. */
  measure() {
    this.width = this.list.hidden ? this.nothing.clientWidth : this.list.clientWidth;
    this.viewport = this.element.clientHeight;
    if (!this.width) return;
    // Tiles of any shape take the same area, so that upright ones do not tower.
    const ideal = this.view.model.get("thumbnail") * Math.sqrt(this.view.aspect);
    this.columns = Math.max(1, Math.round((this.width + GAP) / (ideal + GAP)));
    this.tileWidth = Math.floor((this.width - (this.columns - 1) * GAP) / this.columns);
    const hasCaption = this.tileWidth >= NARROWEST_CAPTION;
    this.list.classList.toggle("seedream-grid-bare", !hasCaption);
    this.pictureHeight = Math.round(this.tileWidth / this.view.aspect);
    this.captionHeight = hasCaption ? this.measureCaption() : 0;
    this.rowHeight = this.pictureHeight + this.captionHeight + (hasCaption ? GAP + 2 : GAP);
    const rows = Math.ceil(this.count / this.columns);
    const height = this.count ? rows * this.rowHeight : 0;
    this.list.style.height = `${height}px`;
    this.list.style.setProperty("--seedream-grid-picture-height", `${this.pictureHeight}px`);
    this.element.style.setProperty("--seedream-grid-content", this.count ? `${height + 8}px` : "auto");
    this.element.classList.toggle("seedream-grid-resizable", height > SHORT);
    this.viewport = this.element.clientHeight;
  }

  /** The height of a caption with all its lines, whatever font the notebook has. */
  measureCaption() {
    const caption = make("div", "caption probe", {}, make("p", "prompt", {}, "x\nx"), make("p", "facts", {}, "x"));
    caption.firstChild.style.whiteSpace = "pre";
    this.list.append(caption);
    const height = caption.offsetHeight;
    caption.remove();
    return height;
  }

  /** Puts the tiles near the viewport into the document, takes out the others, and asks for thumbnails. */
  draw() {
    if (!this.width || !this.count) {
      for (const key of [...this.tiles.keys()]) this.drop(key);
      return this.view.store.ask("thumbnail");
    }
    this.top = this.element.scrollTop;
    const places = this.nearPlaces();
    const keys = new Set(places.map((place) => this.shown[place].key));
    for (const key of [...this.tiles.keys()]) if (!keys.has(key)) this.drop(key);
    let cursor = this.list.firstChild;
    for (const place of places) {
      const tile = this.raise(this.shown[place]);
      // Moving an element that is in its place already would take the focus from it.
      if (tile.element === cursor) cursor = cursor.nextSibling;
      else this.list.insertBefore(tile.element, cursor);
      tile.place(place, this.count, {
        left: (place % this.columns) * (this.tileWidth + GAP),
        top: Math.floor(place / this.columns) * this.rowHeight,
        width: this.tileWidth,
        height: this.pictureHeight + this.captionHeight,
      });
    }
    this.mark();
    this.view.store.ask("thumbnail");
  }

  /** The places of the rows in view and of as many above and below, and that of the active tile, in order. */
  nearPlaces() {
    const [first, last] = this.rowsWithin(this.viewport);
    const begin = Math.max(0, first) * this.columns;
    const end = Math.min(this.count, (last + 1) * this.columns);
    const places = new Set(Array.from({ length: Math.max(0, end - begin) }, (_, index) => begin + index));
    const active = this.places.get(this.active);
    if (active !== undefined) places.add(active);
    return [...places].sort((a, b) => a - b);
  }

  /** The first and last row in view. @param {number} margin Pixels above and below that count as well. */
  rowsWithin(margin) {
    const { scrollTop } = this.element;
    return [
      Math.floor((scrollTop - margin) / this.rowHeight),
      Math.floor((scrollTop + this.viewport + margin) / this.rowHeight),
    ];
  }

  /** The keys of thumbnails that are needed: what is in view first, then what lies below, then above. */
  neededThumbnails() {
    if (!this.width) return [];
    const [first, last] = this.rowsWithin(0);
    const rowOf = (key) => Math.floor(this.places.get(key) / this.columns);
    const distance = (row) => (row > last ? row - last : row < first ? 1000 + first - row : 0);
    return [...this.tiles.values()]
      .filter((tile) => tile.card.has_picture)
      .map((tile) => tile.card.key)
      .sort((a, b) => distance(rowOf(a)) - distance(rowOf(b)) || this.places.get(a) - this.places.get(b));
  }

  /** @param {Card} card */
  raise(card) {
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

  /** Makes a tile the one that the Tab key comes to. @param {string} key */
  activate(key) {
    if (key === this.active || !this.places.has(key)) return;
    this.active = key;
    this.draw();
  }

  /** Brings the active tile into view. */
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

  /** @param {MouseEvent} event */
  click(event) {
    const target = /** @type {Element} */ (event.target);
    const key = /** @type {HTMLElement} */ (target.closest("[data-key]"))?.dataset.key;
    if (key === undefined) return;
    this.activate(key);
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

  /** Selects all from where the range began up to a tile. @param {string} key */
  selectRange(key) {
    const from = this.places.get(this.anchor) ?? this.places.get(key);
    const to = this.places.get(key);
    const range = this.shown.slice(Math.min(from, to), Math.max(from, to) + 1).map((card) => card.key);
    if (!this.places.has(this.anchor)) this.anchor = key;
    this.view.select(new Set([...this.view.selected, ...range]));
  }

  /** @param {KeyboardEvent} event */
  press(event) {
    const isCommand = event.ctrlKey || event.metaKey;
    if (event.altKey || (isCommand && event.key !== "a")) return;
    const place = this.places.get(this.active) ?? 0;
    const page = Math.max(1, Math.floor(this.viewport / this.rowHeight)) * this.columns;
    const steps = {
      ArrowLeft: place - 1,
      ArrowRight: place + 1,
      ArrowUp: place - this.columns,
      ArrowDown: place + this.columns,
      PageUp: Math.max(place - page, place % this.columns),
      PageDown: Math.min(place + page, this.count - 1),
      Home: 0,
      End: this.count - 1,
    };
    const acts = {
      Enter: () => this.view.open(this.active),
      " ": () => (event.shiftKey ? this.selectRange(this.active) : this.toggle(this.active)),
      Escape: () => this.view.select(new Set()),
      a: () => isCommand && this.view.select(new Set(this.shown.map((card) => card.key))),
    };
    if (event.key in steps) this.step(place, steps[event.key], event.shiftKey);
    else if (event.key in acts && (event.key !== "a" || isCommand)) acts[event.key]();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** Goes from one place to another, selecting on the way when Shift is held. */
  step(from, to, isSelecting) {
    if (to < 0 || to >= this.count) return;
    if (isSelecting && !this.places.has(this.anchor)) this.anchor = this.shown[from].key;
    this.active = this.shown[to].key;
    if (isSelecting) this.selectRange(this.active);
    this.focus();
  }
}

// ------------------------------------------------------------------------------------------------------ zoom and pan

/** How far is zoomed in and where to; shared by all pictures that move together. Lengths are parts of the picture. */
class Lens {
  /** @param {() => void} tell */
  constructor(tell) {
    this.tell = tell;
    this.reset();
  }

  reset() {
    this.set(1, 0, 0);
  }

  get isZoomed() {
    return this.scale > 1;
  }

  /** Zooms around a point, given from the picture's middle. @param {number} factor */
  zoom(factor, x = 0, y = 0) {
    const scale = clamp((this.scale ?? 1) * factor, 1, MOST_ZOOM);
    const change = scale / this.scale;
    this.set(scale, x - (x - this.x) * change, y - (y - this.y) * change);
  }

  /** @param {number} x @param {number} y */
  pan(x, y) {
    this.set(this.scale, this.x + x, this.y + y);
  }

  set(scale, x, y) {
    const reach = (scale - 1) / 2;
    this.scale = scale;
    this.x = clamp(x, -reach, reach);
    this.y = clamp(y, -reach, reach);
    this.tell();
  }

  get transform() {
    return `translate(${this.x * 100}%, ${this.y * 100}%) scale(${this.scale})`;
  }
}

/** Where one large picture is shown, or two over one another; it is zoomed and panned by pointer and wheel. */
class Stage {
  /** @param {GridView} view @param {Lens} lens @param {Dialog["listen"]} listen */
  constructor(view, lens, listen) {
    this.view = view;
    this.lens = lens;
    /** @type {{card: Card, element: HTMLElement, image: ?HTMLImageElement}[]} */
    this.layers = [];
    this.drag = null;
    this.lastWheel = -WHEEL_PAUSE;
    this.note = make("div", "note");
    this.element = make("div", "stage", { tabindex: "0", role: "group", ...OWN_KEYS }, this.note);
    this.observer = new ResizeObserver(() => this.fit());
    this.observer.observe(this.element);
    listen(this.element, "wheel", (event) => this.wheel(event), { passive: false });
    listen(this.element, "dblclick", (event) => this.doubleClick(event));
    listen(this.element, "pointerdown", (event) => this.grip(event));
    listen(this.element, "pointermove", (event) => this.pull(event));
    for (const type of ["pointerup", "pointercancel"]) listen(this.element, type, () => this.letGo());
  }

  dispose() {
    this.observer.disconnect();
  }

  /** @param {Card[]} cards The later ones lie above. @param {string} label */
  show(cards, label) {
    this.element.setAttribute("aria-label", label);
    const isSame = cards.every((card, index) => card === this.layers[index]?.card);
    if (!isSame) {
      for (const layer of this.layers) layer.element.remove();
      this.layers = cards.map((card) => ({ card, element: make("div", "layer"), image: null }));
      this.note.before(...this.layers.map((layer) => layer.element));
    }
    this.fill();
  }

  /** Shows the best that is there: the original, the thumbnail until it comes, or why there is none. */
  fill() {
    const notes = [];
    for (const layer of this.layers) {
      const { card } = layer;
      const picture = this.view.store.find("original", card.key) ?? this.view.store.find("thumbnail", card.key);
      const problem = this.view.store.findProblem("original", card.key);
      if (!card.has_picture) layer.element.replaceChildren(makeLost(card.icon, card.state, card.problem));
      else if (picture) this.put(layer, picture);
      else if (problem) layer.element.replaceChildren(makeLost("!", "not available", ""));
      layer.element.classList.toggle("seedream-grid-waiting", card.is_open && !card.has_picture);
      const isLoading = card.has_picture && !problem && !this.view.store.find("original", card.key);
      layer.element.classList.toggle("seedream-grid-loading", isLoading);
      if (card.has_picture && problem) notes.push(this.makeNote(card.key, problem));
    }
    this.note.replaceChildren(...notes);
    this.fit();
  }

  makeNote(key, problem) {
    const again = makeButton("Try again", () => {
      this.element.focus();
      this.view.askAgain(key);
    });
    return make("div", "note-text", {}, make("p", "", { dir: "auto" }, `The original did not come: ${problem}`), again);
  }

  put(layer, picture) {
    if (!layer.image) {
      layer.image = make("img", "large", { alt: layer.card.prompt, draggable: "false" });
      if (layer.card.is_transparent) layer.image.classList.add("seedream-grid-transparent");
    }
    if (layer.image.parentElement !== layer.element) layer.element.replaceChildren(layer.image);
    // The browser goes on showing the thumbnail until the original is decoded.
    if (layer.image.src !== picture.url) layer.image.src = picture.url;
  }

  /** The size of a layer's original as far as it is known. @returns {{size: Size, isFull: boolean}} */
  sizeOf({ card }) {
    const original = this.view.store.find("original", card.key);
    if (original) return { size: original, isFull: true };
    if (card.width && card.height) return { size: { width: card.width, height: card.height }, isFull: true };
    return { size: this.view.store.find("thumbnail", card.key) ?? { width: 1, height: 1 }, isFull: false };
  }

  /** Gives the pictures the size that fits; small originals are not enlarged. */
  fit() {
    const { clientWidth, clientHeight } = this.element;
    for (const layer of this.layers) {
      if (!layer.image) continue;
      const { size, isFull } = this.sizeOf(layer);
      const ratio = Math.min(clientWidth / size.width, clientHeight / size.height, isFull ? 1 : Infinity);
      layer.image.style.width = `${size.width * ratio}px`;
      layer.image.style.height = `${size.height * ratio}px`;
    }
    this.apply();
    this.lens.tell();
  }

  apply() {
    for (const layer of this.layers) if (layer.image) layer.image.style.transform = this.lens.transform;
    this.element.classList.toggle("seedream-grid-zoomed", this.lens.isZoomed);
  }

  /** The size on the screen of the picture that the pointer moves, when not zoomed. @returns {?Size} */
  get fitted() {
    const image = this.layers.find((layer) => layer.image)?.image;
    return image?.offsetWidth ? { width: image.offsetWidth, height: image.offsetHeight } : null;
  }

  /** How many pixels of the screen one of the original takes, when not zoomed. @returns {?number} */
  get fittedScale() {
    const layer = this.layers.find(({ image }) => image);
    const { size, isFull } = layer ? this.sizeOf(layer) : { size: null, isFull: false };
    return isFull && this.fitted ? this.fitted.width / size.width : null;
  }

  /** Where a pointer is, from the picture's middle. */
  pointOf(event) {
    const box = this.element.getBoundingClientRect();
    return [
      (event.clientX - box.left - box.width / 2) / this.fitted.width,
      (event.clientY - box.top - box.height / 2) / this.fitted.height,
    ];
  }

  /** Zooms to the original's own pixels. */
  zoomToPixels(x = 0, y = 0) {
    this.lens.zoom(Math.max(2, 1 / (this.fittedScale ?? 1)), x, y);
  }

  /** @param {WheelEvent} event */
  wheel(event) {
    if (!this.fitted) return;
    const isLeaving = event.deltaY > 0 && !this.lens.isZoomed && !event.ctrlKey;
    // Who scrolls past the picture goes on scrolling; who has just zoomed out does not leap away.
    if (isLeaving && event.timeStamp - this.lastWheel > WHEEL_PAUSE) return;
    event.preventDefault();
    this.lastWheel = event.timeStamp;
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 20 : 1;
    // A pinch on a touchpad arrives as a wheel with Ctrl, in small steps.
    const speed = event.ctrlKey ? 0.01 : 0.002;
    this.lens.zoom(Math.exp(-clamp(event.deltaY * lines, -200, 200) * speed), ...this.pointOf(event));
  }

  /** @param {MouseEvent} event */
  doubleClick(event) {
    if (!this.fitted || this.isControl(event)) return;
    if (this.lens.isZoomed) this.lens.reset();
    else this.zoomToPixels(...this.pointOf(event));
  }

  isControl(event) {
    return Boolean(/** @type {Element} */ (event.target).closest("button, input"));
  }

  /** @param {PointerEvent} event */
  grip(event) {
    if (event.button !== 0 || !this.lens.isZoomed || this.isControl(event)) return;
    this.element.setPointerCapture(event.pointerId);
    this.element.classList.add("seedream-grid-gripped");
    this.drag = { x: event.clientX, y: event.clientY };
  }

  /** @param {PointerEvent} event */
  pull(event) {
    if (!this.drag) return;
    const { width, height } = this.fitted;
    this.lens.pan((event.clientX - this.drag.x) / width, (event.clientY - this.drag.y) / height);
    this.drag = { x: event.clientX, y: event.clientY };
  }

  letGo() {
    this.drag = null;
    this.element.classList.remove("seedream-grid-gripped");
  }
}

// ----------------------------------------------------------------------------------------------------------- dialogs

/** What detail and compare share: a bar, zoom, keys, and the way back. */
class Dialog {
  /** @param {GridView} view @param {string} name */
  constructor(view, name) {
    this.view = view;
    this.name = name;
    this.ending = new AbortController();
    this.listen = (element, type, handle, options = {}) =>
      element.addEventListener(type, handle, { ...options, signal: this.ending.signal });
    /** @type {Stage[]} */
    this.stages = [];
    this.lens = new Lens(() => this.drawZoom());
    this.title = make("p", "title");
    this.level = makeButton("Fit", () => this.toggleZoom(), { names: "level" });
    this.smaller = makeButton("Zoom out", () => this.lens.zoom(1 / ZOOM_STEP), { icon: "minus", keys: "-" });
    this.larger = makeButton("Zoom in", () => this.lens.zoom(ZOOM_STEP), { icon: "plus", keys: "+" });
    const zoom = [this.smaller, this.level, this.larger];
    this.zoomGroup = make("div", "group", { role: "group", "aria-label": "Zoom" }, ...zoom);
    this.leave = makeButton("Close", () => this.close(), { icon: "close", keys: "Escape" });
    this.bar = make("div", "dialog-bar", {}, this.title, this.zoomGroup, this.leave);
    this.body = make("div", `dialog-body ${name}`);
    this.element = make("div", "dialog", { role: "dialog" }, this.bar, this.body);
    this.listen(this.element, "keydown", (event) => this.press(event));
  }

  /** @returns {Card[]} */
  get cards() {
    return this.stages.flatMap((stage) => stage.layers.map((layer) => layer.card));
  }

  addStage() {
    const stage = new Stage(this.view, this.lens, this.listen);
    this.stages.push(stage);
    return stage;
  }

  clearStages() {
    for (const stage of this.stages.splice(0)) {
      stage.dispose();
      stage.element.remove();
    }
  }

  /** A picture has come, or will not. @param {string} key */
  fill(key) {
    for (const stage of this.stages) if (stage.layers.some((layer) => layer.card.key === key)) stage.fill();
  }

  drawZoom() {
    if (!this.stages.length) return;
    for (const stage of this.stages) stage.apply();
    const hasPicture = this.stages.some((stage) => stage.fitted);
    const fitted = this.stages.find((stage) => stage.fitted)?.fittedScale ?? 1;
    const text = this.lens.isZoomed ? `${Math.round(this.lens.scale * fitted * 100)} %` : "Fit";
    if (this.level.textContent !== text) this.level.textContent = text;
    const label = this.lens.isZoomed ? `Zoomed to ${text}; fit the picture (0)` : "Zoom to the picture's own pixels";
    this.level.setAttribute("aria-label", label);
    this.level.title = label;
    for (const button of [this.smaller, this.level, this.larger]) button.disabled = !hasPicture;
  }

  toggleZoom() {
    if (this.lens.isZoomed) this.lens.reset();
    else this.stages.find((stage) => stage.fitted)?.zoomToPixels();
  }

  /** @param {KeyboardEvent} event */
  press(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const isTyping = /** @type {Element} */ (event.target).matches("input");
    const acts = {
      Escape: () => this.close(),
      "+": () => this.lens.zoom(ZOOM_STEP),
      "=": () => this.lens.zoom(ZOOM_STEP), // plus without Shift
      "-": () => this.lens.zoom(1 / ZOOM_STEP),
      0: () => this.lens.reset(),
    };
    if (acts[event.key]) acts[event.key]();
    else if (isTyping || !this.move(event)) return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** Pans with the arrow keys. @param {KeyboardEvent} event @returns {boolean} whether the key meant something */
  move({ key }) {
    const ways = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
    if (!this.lens.isZoomed || !ways[key]) return false;
    // The further in, the smaller the part of the picture that is in sight.
    const [x, y] = ways[key];
    this.lens.pan(x * PAN_STEP * this.lens.scale, y * PAN_STEP * this.lens.scale);
    return true;
  }

  focus() {
    this.stages[0].element.focus({ preventScroll: true });
    this.view.root.scrollIntoView({ block: "nearest" });
  }

  close() {}

  dispose() {
    this.ending.abort();
    this.clearStages();
    this.element.remove();
  }
}

/** One picture, large, with all that is known about it. */
class DetailView extends Dialog {
  /** @param {GridView} view */
  constructor(view) {
    super(view, "detail");
    this.element.setAttribute("aria-label", "Picture in detail");
    this.previous = makeButton("Previous", () => this.go(-1), { icon: "previous", keys: "←" });
    this.next = makeButton("Next", () => this.go(1), { icon: "next", keys: "→" });
    this.choose = makeButton("Select", () => view.sheet.toggle(this.card.key), { names: "choose", keys: "Space" });
    this.choose.prepend(makeIcon("check"));
    this.bar.prepend(make("div", "group", { role: "group", "aria-label": "Go through" }, this.previous, this.next));
    this.zoomGroup.before(this.choose);
    this.prompt = make("p", "whole-prompt", { dir: "auto" });
    this.details = make("dl", "details");
    this.copyPrompt = this.makeCopyButton("Copy prompt", () => this.card.prompt);
    this.copyId = this.makeCopyButton("Copy id", () => this.card.task_id);
    this.link = make("a", "button", { target: "_blank", rel: "noopener noreferrer", ...OWN_KEYS }, "Open link");
    this.save = makeButton("Save original", () => view.act("save", [this.card.key]));
    this.use = makeButton("Use these settings", () => view.act("use_settings", [this.card.key]));
    const acts = [this.save, this.use, this.copyPrompt, this.copyId, this.link];
    const text = make("div", "text", OWN_KEYS, this.prompt, this.details);
    this.body.append(this.addStage().element, make("div", "aside", {}, text, make("div", "acts", {}, ...acts)));
  }

  makeCopyButton(label, read) {
    const button = makeButton(label, async () => {
      const isCopied = await copyText(read()).then(
        () => true,
        () => false,
      );
      if (!isCopied) return this.view.notify("The browser did not allow copying.");
      this.view.announce(`${label.replace("Copy", "Copied")}.`);
      button.textContent = "Copied";
      this.view.later(COPIED_TIME, () => (button.textContent = label));
    });
    return button;
  }

  /** @param {Card[]} cards The one. */
  show([card]) {
    const isOther = card.key !== this.card?.key;
    this.card = card;
    const { sheet, store } = this.view;
    // Opening it again is a wish to try again.
    if (isOther) store.forgive("original", [card.key]);
    const place = sheet.places.get(card.key);
    this.title.textContent = place === undefined ? "" : `${spell(place + 1)} of ${spell(sheet.count)}`;
    this.previous.disabled = place === undefined ? !sheet.count : place === 0;
    this.next.disabled = place === undefined ? !sheet.count : place === sheet.count - 1;
    this.prompt.textContent = card.prompt || "No prompt";
    this.prompt.classList.toggle("seedream-grid-soft", !card.prompt);
    this.details.replaceChildren(
      ...card.details.flatMap(([label, value]) => [
        make("dt", "label", {}, label),
        make("dd", "value", { dir: "auto" }, value),
      ]),
    );
    this.copyPrompt.hidden = !card.prompt;
    this.copyId.hidden = !card.task_id;
    this.link.hidden = !isWebLink(card.link);
    if (isWebLink(card.link)) this.link.href = card.link;
    else this.link.removeAttribute("href");
    this.save.hidden = !card.has_picture;
    this.use.hidden = !this.view.model.get("can_make");
    this.stages[0].show([card], `Picture${this.title.textContent ? ` ${this.title.textContent}` : ""}: ${card.prompt}`);
    if (isOther) this.lens.reset();
    this.mark();
    store.ask("original");
  }

  mark() {
    this.choose.setAttribute("aria-pressed", String(this.view.selected.has(this.card.key)));
  }

  /** @param {number} step */
  go(step) {
    const { sheet } = this.view;
    const place = sheet.places.get(this.card.key);
    const card = sheet.shown[place === undefined ? 0 : place + step];
    if (!card) return;
    const focused = this.view.focused;
    this.view.open(card.key);
    // A button that has nothing more to do loses the focus, and with it the arrow keys would be lost.
    if (focused?.disabled) this.focus();
  }

  /** @param {KeyboardEvent} event */
  move(event) {
    if (super.move(event)) return true;
    if (event.key === "ArrowLeft" || event.key === "ArrowRight") this.go(event.key === "ArrowLeft" ? -1 : 1);
    else if (event.key === " " && event.target === this.stages[0].element) this.view.sheet.toggle(this.card.key);
    else return false;
    return true;
  }

  close() {
    this.view.put({ opened: "" });
  }
}

/** Two to four pictures side by side, moved together; two also over one another. */
class CompareView extends Dialog {
  /** @param {GridView} view */
  constructor(view) {
    super(view, "compare");
    /** @type {Card[]} */
    this.compared = [];
    this.isOver = false;
    this.over = makeButton("Slider", () => this.toggleSlider(), { names: "over" });
    this.zoomGroup.before(this.over);
    this.slider = make("input", "slider", { type: "range", step: "0.5", ...OWN_KEYS });
    this.slider.setAttribute("aria-label", "How much of A is shown over B");
    this.listen(this.slider, "input", () => this.split());
    this.observer = new ResizeObserver(() => this.arrange());
    this.observer.observe(this.body);
  }

  /** @param {Card[]} cards */
  show(cards) {
    const before = this.compared;
    const isSame = cards.length === before.length && cards.every((card, index) => card === before[index]);
    const isOther = cards.map((card) => card.key).join("\n") !== before.map((card) => card.key).join("\n");
    this.compared = cards;
    this.title.textContent = `${cards.length} compared`;
    this.element.setAttribute("aria-label", `${cards.length} pictures compared`);
    const canLieOver = cards.length === FEWEST_COMPARED && cards.every((card) => card.has_picture);
    this.over.hidden = !canLieOver;
    this.isOver &&= canLieOver;
    this.over.setAttribute("aria-pressed", String(this.isOver));
    if (isOther) {
      this.view.store.forgive("original", cards.map((card) => card.key));
      this.lens.reset();
    }
    if (!isSame) this.build(cards);
    this.view.store.ask("original");
  }

  /** @param {Card[]} cards */
  build(cards) {
    const common = cards[0].facts.filter((fact) => cards.every((card) => card.facts.includes(fact)));
    this.clearStages();
    const captions = cards.map((card, index) => this.makeCaption(card, "ABCD"[index], common));
    if (this.isOver) {
      const stage = this.addStage();
      // The upper one is cut off where the slider is, so that A is on the left.
      stage.show([cards[1], cards[0]], "A over B");
      this.divider = make("div", "divider", { "aria-hidden": "true" });
      stage.element.append(this.divider, this.slider);
      this.body.replaceChildren(make("div", "pane", {}, stage.element, make("div", "captions", {}, ...captions)));
      this.split();
      return this.arrange();
    }
    const panes = cards.map((card, index) => {
      const stage = this.addStage();
      stage.show([card], `Picture ${"ABCD"[index]}: ${card.prompt}`);
      return make("div", "pane", {}, stage.element, captions[index]);
    });
    this.body.replaceChildren(...panes);
    this.arrange();
  }

  /** @param {Card} card @param {string} letter @param {string[]} common */
  makeCaption(card, letter, common) {
    // What differs stands out.
    const spelled = shortestFirst(factsOf(card)).map((fact) =>
      make("span", common.includes(fact) ? "soft" : "distinct", {}, fact),
    );
    const facts = make("p", "facts", {}, ...spelled.flatMap((fact) => [" · ", fact]).slice(1));
    const text = make("div", "pane-text", {}, make("p", "prompt", { dir: "auto" }, card.prompt), facts);
    const open = makeButton("Details", () => this.view.open(card.key));
    open.setAttribute("aria-label", `Details of ${letter}`);
    return make("div", "pane-caption", {}, make("span", "letter", {}, letter), text, open);
  }

  /** Chooses the number of columns that makes the pictures largest. */
  arrange() {
    const { clientWidth, clientHeight } = this.body;
    const panes = this.body.children.length;
    const caption = this.body.querySelector(".seedream-grid-pane-caption")?.offsetHeight ?? 0;
    const ratios = this.compared.map(({ width, height }) => (width && height ? width / height : 1));
    const aspect = ratios.reduce((sum, ratio) => sum + ratio, 0) / ratios.length;
    const sizeWith = (columns) =>
      Math.min(clientWidth / columns, (clientHeight / Math.ceil(panes / columns) - caption) * aspect);
    const columns = Array.from({ length: panes }, (_, index) => index + 1);
    const best = columns.reduce((a, b) => (sizeWith(b) > sizeWith(a) ? b : a));
    this.body.style.setProperty("--seedream-grid-columns", String(best));
  }

  dispose() {
    this.observer.disconnect();
    super.dispose();
  }

  toggleSlider() {
    this.isOver = !this.isOver;
    this.over.setAttribute("aria-pressed", String(this.isOver));
    this.build(this.compared);
  }

  split() {
    const part = Number(this.slider.value);
    this.slider.setAttribute("aria-valuetext", `${Math.round(part)} % A`);
    this.stages[0].element.style.setProperty("--seedream-grid-split", String(part / 100));
  }

  close() {
    this.view.put({ compared: [] });
  }
}

// -------------------------------------------------------------------------------------------------------------- view

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
    this.page = make("div", "page", {}, make("div", "bar", {}, this.counts, this.tools), this.sheet.element);
    this.root.append(this.page, this.live, this.notice);
    element.append(this.root);
    this.listen(document, "pointerdown", (event) => this.yieldFocus(event), { capture: true });
    store.views.add(this);
    this.subscribe("cards", () => this.readCards());
    this.subscribe("order", () => this.readOrder());
    this.subscribe("thumbnail", () => this.sheet.show(this.sheet.shown));
    this.subscribe("selected", () => this.readSelected());
    this.subscribe("opened", () => this.readDialog());
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
    if (kind === "thumbnail") this.sheet.tiles.get(key)?.fill(true);
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

// A function, so that each model has a store of its own.
export default () => {
  /** @type {PictureStore} */
  let store;
  return {
    initialize({ model }) {
      store = new PictureStore(model);
      return () => store.dispose();
    },
    render({ model, el }) {
      const view = new GridView(model, el, store);
      return () => view.dispose();
    },
  };
};
