/**
 * Why: which of two to four pictures is best shows side by side, or over one another.
 */

const FEWEST_COMPARED = 2;
const MOST_COMPARED = 4;

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
    const spelled = longLast(factsOf(card)).map((fact) =>
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
