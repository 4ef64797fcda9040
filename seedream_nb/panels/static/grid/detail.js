const COPIED_TIME = 1600; // milliseconds that a button shows "Copied"

/**
 * What other parts add to the detail view: sections between the details and the buttons, and buttons. Each is made once
 * per view, and shows one card after the other; `details` is what `describe_details` says of it, once that is here.
 *
 * @typedef {{element: HTMLElement, show: (card: Card, details: ?object) => void, editor?: MarksEditor}} DetailPart
 * @type {{sections: ((detail: DetailView) => DetailPart)[], actions: ((detail: DetailView) => DetailPart)[]}}
 */
const DETAIL_PARTS = { sections: [], actions: [] };

/**
 * What keys do in the detail view, besides its own: each gets the view.
 *
 * @type {Record<string, (detail: DetailView) => void>}
 */
const DETAIL_KEYS = {};

/** One large image with everything known about it. */
class DetailView extends Dialog {
  /** @param {GridView} view */
  constructor(view) {
    super(view, "detail");
    this.element.setAttribute("aria-label", "Image details");
    this.previous = makeButton("Previous", () => this.go(-1), { icon: "previous", keys: "←" });
    this.next = makeButton("Next", () => this.go(1), { icon: "next", keys: "→" });
    this.choose = makeButton("Select", () => this.toggle(), { names: "choose", keys: "Space" });
    this.choose.prepend(makeIcon("check"));
    this.bar.prepend(make("div", "group", { role: "group", "aria-label": "Navigation" }, this.previous, this.next));
    this.zoomGroup.before(this.choose);
    this.prompt = make("p", "whole-prompt", { dir: "auto" });
    this.details = make("dl", "details");
    this.copyPrompt = this.makeCopyButton("Copy prompt", () => this.card.prompt, () => this.copyWholePrompt());
    this.copyId = this.makeCopyButton("Copy ID", () => this.card.task_id);
    this.link = make("a", "button", { target: "_blank", rel: "noopener noreferrer", ...OWN_KEYS }, "Open link");
    this.saving = new Saving(view, "Save original", this.ending.signal, () => this.card.key);
    this.use = makeButton("Use these settings", () => view.act("use_settings", [this.card.key]));
    const { folder, button, result } = this.saving;
    this.save = make("div", "save", {}, folder, button);
    const [sections, actions] = [DETAIL_PARTS.sections, DETAIL_PARTS.actions].map((all) => all.map((makePart) => makePart(this)));
    this.parts = [...sections, ...actions];
    const added = actions.map((part) => part.element);
    const buttons = [this.save, result, ...added, this.use, this.copyPrompt, this.copyId, this.link];
    const text = make("div", "text", OWN_KEYS, this.prompt, this.details, ...sections.map((part) => part.element));
    this.body.append(this.addStage().element, make("div", "aside", {}, text, make("div", "actions", {}, ...buttons)));
  }

  /** @param {string} label @param {() => string} read @param {() => boolean} askPython Returns whether Python does it. */
  makeCopyButton(label, read, askPython = () => false) {
    const button = makeButton(label, async () => {
      if (askPython()) return;
      const isCopied = await copyText(read()).then(
        () => true,
        () => false,
      );
      if (!isCopied) return this.view.notify("The browser blocked copying.");
      this.view.announce(`${label.replace("Copy", "Copied")}.`);
      button.textContent = "Copied";
      this.view.later(COPIED_TIME, () => (button.textContent = label));
    });
    return button;
  }

  /** A truncated prompt is copied as soon as Python has sent the rest. */
  copyWholePrompt() {
    const { key, is_prompt_cut: isCut } = this.card;
    if (isCut) this.view.act("copy_prompt", [key]);
    return isCut;
  }

  /** @param {Card[]} cards Exactly one. */
  show([card]) {
    const isOther = card.key !== this.card?.key;
    this.card = card;
    const { store } = this.view;
    const { count } = store.deck;
    // Opening it again retries what failed.
    if (isOther) store.clearProblems("original", [card.key]);
    if (isOther) this.view.model.send({ type: "details", keys: [card.key] });
    if (isOther) this.saving.clear();
    const { place } = this;
    this.title.textContent = place === undefined ? "" : `${formatNumber(place + 1)} of ${formatNumber(count)}`;
    this.previous.disabled = place === undefined ? !count : place === 0;
    this.next.disabled = place === undefined ? !count : place === count - 1;
    this.prompt.textContent = card.prompt || "No prompt";
    this.prompt.classList.toggle("seedream-grid-soft", !card.prompt);
    // They arrive a moment after the card was opened; until then their space is reserved.
    const { key, pairs, moments } = store.details;
    const isThere = key === card.key;
    this.details.style.minHeight = isThere ? "" : `${this.details.offsetHeight}px`;
    this.details.replaceChildren(
      ...(isThere ? pairs : []).flatMap(([label, value]) => [
        make("dt", "label", {}, label),
        this.makeValue(value, moments[label]),
      ]),
    );
    this.copyPrompt.hidden = !card.prompt;
    this.copyId.hidden = !card.task_id;
    this.link.hidden = !isWebLink(card.link);
    if (isWebLink(card.link)) this.link.href = card.link;
    else this.link.removeAttribute("href");
    for (const part of this.parts) part.show(card, isThere ? store.details : null);
    this.save.hidden = !card.has_image;
    this.use.hidden = !this.view.model.get("can_generate");
    this.stages[0].show([card], `Image${this.title.textContent ? ` ${this.title.textContent}` : ""}: ${card.prompt}`);
    if (isOther) this.lens.reset();
    this.mark();
    store.request("original");
  }

  /** @param {string} value @param {string} [moment] Of a time, in ISO 8601. */
  makeValue(value, moment) {
    if (!moment || Number.isNaN(Date.parse(moment))) return make("dd", "value", { dir: "auto" }, value);
    const { text, zone } = describeTime(moment);
    return make("dd", "value", {}, make("time", "", { datetime: moment, title: zone }, text));
  }

  /** Where the card is shown, if it is. @returns {number | undefined} */
  get place() {
    return this.view.store.deck.places.get(this.card.key);
  }

  toggle() {
    this.view.store.deck.selection.toggle(this.card.key, this.place);
  }

  mark() {
    this.choose.setAttribute("aria-pressed", String(this.view.store.deck.selection.has(this.place)));
  }

  /** @param {number} step */
  go(step) {
    const card = this.view.store.deck.cards.get(this.place === undefined ? 0 : this.place + step);
    if (!card) return;
    const focused = this.view.focused;
    this.view.open(card.key);
    // A button that becomes disabled loses the focus, and the arrow keys with it.
    if (focused?.disabled) this.focus();
  }

  /** @param {KeyboardEvent} event */
  move(event) {
    if (super.move(event)) return true;
    if (event.key === "ArrowLeft" || event.key === "ArrowRight") this.go(event.key === "ArrowLeft" ? -1 : 1);
    else if (event.key === " " && event.target === this.stages[0].element) this.toggle();
    else if (Object.hasOwn(DETAIL_KEYS, event.key)) DETAIL_KEYS[event.key](this);
    else return false;
    return true;
  }

  close() {
    this.view.update({ opened: "" });
  }
}
