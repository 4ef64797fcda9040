/**
 * An image that another one was made from, or that was made from it.
 *
 * @typedef {{task_id: string, place: number, name: string, prompt: string, source?: string, width?: number,
 *   height?: number}} Relative
 */

/** "Made from" or "Led to" in the detail view: small images that open their cards. */
class Relatives {
  /** @param {DetailView} detail @param {"parents" | "children"} kind @param {string} title */
  constructor(detail, kind, title) {
    this.view = detail.view;
    this.kind = kind;
    this.title = title;
    this.shown = "";
    this.list = make("ul", "relatives-list");
    this.more = make("p", "relatives-more");
    this.element = make("section", "relatives", { "aria-label": title }, make("h3", "relatives-title", {}, title), this.list, this.more);
    this.element.hidden = true;
  }

  /** @param {Card} card @param {?object} details */
  show(card, details) {
    const found = details?.relatives;
    // They come a moment after the other details.
    const relatives = found?.[this.kind] ?? [];
    const more = found?.[`more_${this.kind}`] ?? 0;
    const shown = JSON.stringify([card.key, relatives, more]);
    if (shown === this.shown) return;
    this.shown = shown;
    this.element.hidden = !relatives.length;
    this.list.replaceChildren(...relatives.map((relative) => make("li", "relative-item", {}, this.makeButton(relative))));
    this.more.textContent = more ? `and ${formatNumber(more)} more` : "";
    this.more.hidden = !more;
    if (relatives.length) this.view.announce(`${this.title} ${formatNumber(relatives.length + more)}.`);
  }

  /** @param {Relative} relative */
  makeButton(relative) {
    const { task_id: id, place, name, prompt, source, width, height } = relative;
    const label = `${this.title}: ${prompt || "no prompt"}, ${name}`;
    const button = make("button", "relative", { type: "button", "aria-label": label, title: prompt || name, ...OWN_KEYS });
    if (source) button.append(make("img", "relative-image", { src: source, alt: "", width, height, draggable: "false" }));
    else button.append(make("span", "relative-name", {}, name));
    // The listener goes with its button.
    button.addEventListener("click", () => this.view.model.send({ type: "relative", task_id: id, place }));
    return button;
  }
}

DETAIL_PARTS.sections.push(
  (detail) => new Relatives(detail, "parents", "Made from"),
  (detail) => new Relatives(detail, "children", "Led to"),
);
