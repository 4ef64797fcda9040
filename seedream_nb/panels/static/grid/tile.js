const SUCCEEDED = "succeeded";

/**
 * What other parts add to a tile, over its image: each makes an element of a card, or nothing.
 *
 * @type {((card: Card) => ?HTMLElement)[]}
 */
const TILE_PARTS = [];

/** One tile: an image or a placeholder, and the caption. */
class Tile {
  /** @param {GridView} view */
  constructor(view) {
    this.view = view;
    this.number = -1;
    /** @type {Card | null | undefined} Null until it arrives. */
    this.card = undefined;
    const check = make("span", "mark", { "aria-hidden": "true" }, makeIcon("check"));
    this.frame = make("div", "image");
    this.caption = make("div", "caption");
    this.parts = make("div", "parts");
    this.element = make("div", "tile", { role: "option", ...OWN_KEYS }, this.frame, this.caption, this.parts, check);
  }

  /** @param {?Card} card */
  show(card) {
    this.card = card;
    this.element.dataset.key = card?.key ?? "";
    this.parts.replaceChildren(...(card ? TILE_PARTS.map((makePart) => makePart(card)).filter(Boolean) : []));
    if (!card) {
      this.element.setAttribute("aria-label", "Loading");
      this.caption.replaceChildren();
      this.frame.className = "seedream-grid-image seedream-grid-waiting";
      return this.frame.replaceChildren();
    }
    const state = card.state === SUCCEEDED ? [] : [card.state];
    const label = [card.prompt || "No prompt", ...factsOf(card), ...nameMarks(card), ...state, card.problem];
    this.element.setAttribute("aria-label", label.filter(Boolean).join(", "));
    this.caption.replaceChildren(
      make("p", "prompt", { dir: "auto" }, card.prompt),
      make("p", "facts", {}, [...this.shownState(state), ...longLast(factsOf(card))].join(" · ")),
    );
    this.fill(false);
  }

  /** The state in the caption; a placeholder shows it itself. @param {string[]} state */
  shownState(state) {
    return this.card.has_image ? state.map((word) => `${this.card.icon} ${word}`) : [];
  }

  /** @param {boolean} isFresh Whether its image has just arrived, and is visible. */
  fill(isFresh) {
    const { card, view } = this;
    const loaded = view.store.find("thumbnail", card.key);
    const problem = view.store.findProblem("thumbnail", card.key);
    const isWaiting = !card.has_image && card.is_in_progress;
    this.frame.className = "seedream-grid-image";
    this.frame.classList.toggle("seedream-grid-waiting", isWaiting);
    this.frame.classList.toggle("seedream-grid-empty", !card.has_image || Boolean(problem));
    if (!card.has_image) {
      this.frame.replaceChildren(makePlaceholder(card.icon, card.state, card.problem));
    } else if (loaded) {
      const img = make("img", "thumbnail", { alt: card.prompt, draggable: "false", src: loaded.url });
      img.width = loaded.width;
      img.height = loaded.height;
      if (card.is_transparent) img.classList.add("seedream-grid-transparent");
      if (isFresh) img.classList.add("seedream-grid-fresh");
      this.frame.replaceChildren(img);
    } else if (problem) {
      this.frame.replaceChildren(makePlaceholder("!", "not available", problem));
    } else {
      this.frame.replaceChildren();
    }
  }

  /** @param {number} place From 0. @param {number} count */
  place(place, count, { left, top, width, height }) {
    this.number = place;
    this.element.dataset.place = String(place);
    this.element.setAttribute("aria-posinset", String(place + 1));
    this.element.setAttribute("aria-setsize", String(count));
    const { style } = this.element;
    Object.assign(style, { left: `${left}px`, top: `${top}px`, width: `${width}px`, height: `${height}px` });
  }

  /** @param {boolean} isSelected @param {boolean} isActive Whether the Tab key focuses it. */
  mark(isSelected, isActive) {
    this.element.setAttribute("aria-selected", String(isSelected));
    this.element.tabIndex = isActive ? 0 : -1;
  }
}
