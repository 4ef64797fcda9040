const FEWEST_COMPARED = 2;
const MOST_COMPARED = 4;

/** Two to four images side by side with linked zoom and pan; two also overlaid, with a slider. */
class CompareView extends Dialog {
  /** @param {GridView} view */
  constructor(view) {
    super(view, "compare");
    /** @type {Card[]} */
    this.compared = [];
    this.isOverlaid = false;
    this.overlay = makeButton("Slider", () => this.toggleSlider(), { names: "overlay" });
    this.zoomGroup.before(this.overlay);
    this.slider = make("input", "slider", { type: "range", step: "0.5", ...OWN_KEYS });
    this.slider.setAttribute("aria-label", "Share of A shown over B");
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
    this.title.textContent = `Comparing ${cards.length} images`;
    this.element.setAttribute("aria-label", this.title.textContent);
    const canOverlay = cards.length === FEWEST_COMPARED && cards.every((card) => card.has_image);
    this.overlay.hidden = !canOverlay;
    this.isOverlaid &&= canOverlay;
    this.overlay.setAttribute("aria-pressed", String(this.isOverlaid));
    if (isOther) {
      this.view.store.clearProblems("original", cards.map((card) => card.key));
      this.lens.reset();
    }
    if (!isSame) this.build(cards);
    this.view.store.request("original");
  }

  /** @param {Card[]} cards */
  build(cards) {
    const common = cards[0].facts.filter((fact) => cards.every((card) => card.facts.includes(fact)));
    this.clearStages();
    const captions = cards.map((card, index) => this.makeCaption(card, "ABCD"[index], common));
    if (this.isOverlaid) {
      const stage = this.addStage();
      // The upper one is clipped at the slider, so that A is on the left.
      stage.show([cards[1], cards[0]], "A over B");
      this.divider = make("div", "divider", { "aria-hidden": "true" });
      stage.element.append(this.divider, this.slider);
      this.body.replaceChildren(make("div", "pane", {}, stage.element, make("div", "captions", {}, ...captions)));
      this.split();
      return this.arrange();
    }
    const panes = cards.map((card, index) => {
      const stage = this.addStage();
      stage.show([card], `Image ${"ABCD"[index]}: ${card.prompt}`);
      return make("div", "pane", {}, stage.element, captions[index]);
    });
    this.body.replaceChildren(...panes);
    this.arrange();
  }

  /** @param {Card} card @param {string} letter @param {string[]} common */
  makeCaption(card, letter, common) {
    // Differences stand out.
    const spans = longLast(factsOf(card)).map((fact) =>
      make("span", common.includes(fact) ? "soft" : "distinct", {}, fact),
    );
    const facts = make("p", "facts", {}, ...spans.flatMap((fact) => [" · ", fact]).slice(1));
    const text = make("div", "pane-text", {}, make("p", "prompt", { dir: "auto" }, card.prompt), facts);
    const open = makeButton("Details", () => this.view.open(card.key));
    open.setAttribute("aria-label", `Details of ${letter}`);
    return make("div", "pane-caption", {}, make("span", "letter", {}, letter), text, open);
  }

  /** Chooses the number of columns that makes the images largest. */
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
    this.isOverlaid = !this.isOverlaid;
    this.overlay.setAttribute("aria-pressed", String(this.isOverlaid));
    this.build(this.compared);
  }

  split() {
    const part = Number(this.slider.value);
    this.slider.setAttribute("aria-valuetext", `${Math.round(part)}% A`);
    this.stages[0].element.style.setProperty("--seedream-grid-split", String(part / 100));
  }

  close() {
    this.view.update({ compared: [] });
  }
}
