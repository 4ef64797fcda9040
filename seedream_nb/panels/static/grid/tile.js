/**
 * Why: one place of the grid, with a picture or with what stands for it, is redrawn alone.
 */

const SUCCEEDED = "succeeded";

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
      make("p", "facts", {}, [...this.shownState(state), ...longLast(factsOf(card))].join(" · ")),
    );
    this.fill(false);
  }

  /** What stands in the picture's place says its state itself. @param {string[]} state */
  shownState(state) {
    return this.card.has_picture ? state.map((word) => `${this.card.icon} ${word}`) : [];
  }

  /** @param {boolean} isFresh Whether its picture has come just now, in sight. */
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
