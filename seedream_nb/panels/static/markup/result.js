/** What an edit has made of the image: before and after, side by side, or one over the other with a slider. */
class ResultPanel {
  /** @param {EditorView} view */
  constructor(view) {
    this.view = view;
    this.store = view.store;
    this.isOverlaid = false;
    this.before = make("img", "", { draggable: "false" });
    this.after = make("img", "", { draggable: "false" });
    const pane = (image, label) => make("figure", "", {}, image, make("figcaption", "", {}, label));
    this.panes = makePart("panes", pane(this.before, "Before"), pane(this.after, "After"));
    this.slider = make("input", "", { type: "range", min: "0", max: "100", step: "0.5", value: "50", ...OWN_KEYS });
    this.slider.setAttribute("aria-label", "Share of the original shown over the result");
    this.slider.classList.add("seedream-grid-slider");
    view.listen(this.slider, "input", () => this.split());
    this.divider = make("div", "divider", { "aria-hidden": "true" });
    this.stage = makePart("compare", this.panes, this.divider, this.slider);
    this.overlay = makeButton("Slider", () => this.toggle());
    this.again = makeButton("Back to drawing", () => view.backToDrawing());
    this.next = makeButton("Edit the result", () => view.send("edit_result"));
    this.title = make("p", "", {});
    const buttons = makePart("row", this.title, this.overlay, this.again, this.next);
    this.element = makePart("result", buttons, this.stage);
    this.split();
  }

  draw() {
    const { result, url } = this.store;
    if (!result) return;
    const sources = [
      [this.before, url, "The original"],
      [this.after, result.url, `The result: ${result.prompt}`],
    ];
    for (const [image, source, alt] of sources) {
      if (image.getAttribute("src") !== source) image.src = source;
      image.alt = alt;
    }
    this.title.textContent = result.text;
    this.overlay.setAttribute("aria-pressed", String(this.isOverlaid));
    this.stage.classList.toggle("seedream-markup-overlaid", this.isOverlaid);
    this.slider.hidden = this.divider.hidden = !this.isOverlaid;
  }

  toggle() {
    this.isOverlaid = !this.isOverlaid;
    this.draw();
  }

  split() {
    const part = Number(this.slider.value);
    this.slider.setAttribute("aria-valuetext", `${Math.round(part)}% original`);
    this.stage.style.setProperty("--seedream-grid-split", String(part / 100));
  }
}
