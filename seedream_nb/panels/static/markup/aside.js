const NUMBERS = ["left", "top", "width", "height"];

/** What stands beside the image: the instruction, the shapes, the settings, what is sent, and what it costs. */
class Aside {
  /** @param {EditorView} view */
  constructor(view) {
    this.view = view;
    this.store = view.store;
    this.instruction = make("textarea", "", { rows: "4", placeholder: "Put a sofa in the red box 1", ...OWN_KEYS });
    this.warning = make("p", "", { role: "status" });
    this.warning.classList.add("seedream-markup-warning");
    this.list = make("ul", "", { "aria-label": "Shapes" });
    this.list.classList.add("seedream-markup-list");
    this.empty = makePart("hint", "Draw on the image, or add a box by numbers. Each shape gets a name for the instruction.");
    this.text = make("input", "", { type: "text", spellcheck: "false", ...OWN_KEYS });
    this.textField = makeLabeled("Text", this.text, "most");
    this.color = make("select", "", OWN_KEYS);
    this.colorField = makeLabeled("Color", this.color);
    this.numbers = NUMBERS.map(() => make("input", "", { type: "text", inputmode: "decimal", ...OWN_KEYS }));
    const labels = ["Left", "Top", "Width", "Height"];
    const fields = this.numbers.map((input, index) => makeLabeled(labels[index], input));
    this.apply = makeButton("Apply", () => this.applyNumbers());
    this.addBox = makeButton("Add box", () => this.addByNumbers());
    this.numberProblem = make("p", "", { role: "alert" });
    this.numberProblem.classList.add("seedream-markup-problem");
    this.legend = make("legend", "", {}, "Box in pixels");
    const grid = makePart("numbers", this.textField, this.colorField, ...fields);
    this.byNumbers = make("fieldset", "", {}, this.legend, grid, makePart("row", this.apply, this.addBox), this.numberProblem);
    this.model = make("select", "", OWN_KEYS);
    this.sizes = make("datalist", "", { id: `seedream-markup-sizes-${(lastFieldId += 1)}` });
    this.size = make("input", "", { type: "text", list: this.sizes.id, placeholder: "Default", ...OWN_KEYS });
    this.watermark = make("input", "", { type: "checkbox", ...OWN_KEYS });
    const check = make("label", "", {}, this.watermark, "Watermark");
    check.classList.add("seedream-markup-check");
    const settings = makePart("settings", makeLabeled("Model", this.model), makeLabeled("Size", this.size), this.sizes, check);
    this.candidates = new Candidates(view);
    this.submit = makePart("submit");
    this.submit.classList.add("seedream-submit");
    this.allow = makeButton("Allow another request", () => this.view.send("allow"));
    this.allow.title = "Enables the button; sends nothing";
    this.showResult = makeButton("Show the result", () => this.store.showResult());
    this.problem = makePart("problem");
    this.status = makePart("status");
    this.status.tabIndex = -1;
    const instruction = makeLabeled("What to change", this.instruction, "wide");
    const shapes = makePart("shapes", this.list, this.empty, this.byNumbers);
    const send = makePart("send", this.problem, this.submit, this.allow, this.status, this.showResult);
    this.element = makePart("aside", instruction, this.warning, shapes, settings, this.candidates.element, send);
    this.button = new SubmitView(view.model, this.submit, { revision: this.store.field });
    this.listen();
  }

  listen() {
    const { view, store } = this;
    view.listen(this.instruction, "input", () => store.enter({ instruction: this.instruction.value }, true));
    view.listen(this.text, "input", () => this.enterText());
    view.listen(this.color, "change", () => view.recolor(this.color.value));
    view.listen(this.model, "change", () => store.enter({ model: this.model.value }));
    view.listen(this.size, "input", () => store.enter({ size: this.size.value }, true));
    view.listen(this.watermark, "change", () => store.enter({ watermark: this.watermark.checked }));
    // The button is disabled while the request is sent, and would lose the focus to nobody.
    view.listen(this.submit, "click", ({ detail }) => detail < 2 && this.status.focus({ preventScroll: true }));
    for (const input of this.numbers) {
      view.listen(input, "keydown", (event) => {
        if (event.key !== "Enter" || event.isComposing) return;
        event.preventDefault();
        if (this.store.selectedShape) this.applyNumbers();
        else this.addByNumbers();
      });
    }
  }

  dispose() {
    this.button.dispose();
  }

  draw() {
    const { session, entries, shapes, facts, status, plan } = this.store;
    // Setting the same text would move the cursor.
    if (this.instruction.value !== entries.instruction) this.instruction.value = entries.instruction;
    const warning = facts.revision ? facts.warning : "";
    if (this.warning.textContent !== warning) this.warning.textContent = warning;
    this.drawList(shapes);
    this.empty.hidden = shapes.length > 0;
    this.drawNumbers();
    this.drawSettings(session, entries);
    this.candidates.draw();
    this.problem.textContent = plan?.revision === this.store.revision ? plan.problem : "";
    this.allow.hidden = !plan?.is_outcome_unknown;
    this.showResult.hidden = !this.store.result;
    const icon = status.is_error ? "✕ " : status.is_busy ? "◔ " : "";
    this.status.textContent = status.text ? `${icon}${status.text}` : "";
    this.status.classList.toggle("seedream-grid-error", status.is_error);
  }

  drawSettings(session, entries) {
    if (this.model.options.length !== session.models.length)
      this.model.replaceChildren(...session.models.map(({ id, label }) => make("option", "", { value: id }, label)));
    this.model.value = entries.model;
    const sizes = session.models.find(({ id }) => id === entries.model)?.sizes ?? [];
    if (this.sizes.dataset.model !== entries.model)
      this.sizes.replaceChildren(...sizes.map((size) => make("option", "", { value: size })));
    this.sizes.dataset.model = entries.model;
    if (this.size.value !== entries.size) this.size.value = entries.size;
    this.watermark.checked = entries.watermark;
  }

  /** @param {Shape[]} shapes */
  drawList(shapes) {
    const look = JSON.stringify([shapes.map(({ id, color, kind, number, text }) => [id, color, kind, number, text])]);
    if (this.look !== look) {
      this.look = look;
      const focused = this.view.focused;
      const inList = this.list.contains(focused);
      const [id, part] = [Number(focused?.closest?.("li")?.dataset.id), focused?.dataset?.part];
      this.list.replaceChildren(...shapes.map((shape) => this.makeItem(shape)));
      if (inList) (this.find(id, part) ?? this.list.querySelector("button") ?? this.view.canvas.element).focus();
    }
    for (const item of /** @type {any} */ (this.list.children)) {
      const isSelected = Number(item.dataset.id) === this.store.selected;
      item.firstElementChild.setAttribute("aria-pressed", String(isSelected));
    }
  }

  find(id, part) {
    return this.list.querySelector(`li[data-id="${id}"] [data-part="${part}"]`);
  }

  /** @param {Shape} shape */
  makeItem(shape) {
    const name = nameOf(shape);
    const dot = make("span", "", { "aria-hidden": "true" });
    dot.classList.add("seedream-markup-dot");
    dot.style.background = this.view.canvas.colorOf(shape.color).value;
    const choose = makeButton(name, () => this.choose(shape.id));
    choose.prepend(dot);
    if (shape.text && shape.kind !== "text") choose.append(make("span", "soft", { dir: "auto" }, `“${shape.text}”`));
    const insert = makeButton("Insert words", () => this.insertWords(shape.id));
    insert.setAttribute("aria-label", `Insert words for ${name}`);
    const remove = makeButton(`Delete ${name}`, () => this.view.remove(shape.id), { icon: "close" });
    const item = make("li", "", { "data-id": String(shape.id) }, choose, insert, remove);
    [choose, insert, remove].forEach((button, index) => (button.dataset.part = ["choose", "insert", "remove"][index]));
    return item;
  }

  /** @param {number} id */
  choose(id) {
    this.store.select(id);
    const shape = this.store.selectedShape;
    if (shape) this.view.canvas.viewport.reveal(boundsOf(shape.points));
    this.view.announce(`${nameOf(shape)} selected: ${describeBounds(shape)}.`);
  }

  /** Puts the words for a shape where the cursor is. @param {number} id */
  insertWords(id) {
    const shape = this.store.shapes.find((one) => one.id === id);
    const { words } = this.store.facts;
    const field = this.instruction;
    // Python words them.
    const text = words[shape.number] ?? `at the ${nameOf(shape)}`;
    const { selectionStart: start, selectionEnd: end, value } = field;
    const before = start && !/\s$/.test(value.slice(0, start)) ? " " : "";
    const after = end < value.length && !/^[\s.,;:!?]/.test(value.slice(end)) ? " " : "";
    field.focus();
    field.setRangeText(before + text + after, start, end, "end");
    if (after) field.setSelectionRange(field.selectionStart - 1, field.selectionStart - 1);
    this.store.enter({ instruction: field.value });
    this.view.announce(`Inserted: ${text}.`);
  }

  // A shape by its numbers.

  drawNumbers() {
    const shape = this.store.selectedShape;
    this.apply.hidden = !shape;
    this.textField.hidden = this.colorField.hidden = !shape;
    const { colors } = this.store.session;
    if (this.color.options.length !== colors.length)
      this.color.replaceChildren(...colors.map(({ name }) => make("option", "", { value: name }, name)));
    if (shape) this.color.value = shape.color;
    this.textField.firstElementChild.textContent = shape?.kind === "text" ? "Text" : "Label";
    if (shape && this.text.value !== shape.text) this.text.value = shape.text;
    this.legend.textContent = shape ? `${nameOf(shape)}, in pixels` : "Box by numbers, in pixels";
    const shown = JSON.stringify([shape?.id, shape?.points]);
    if (this.shownNumbers === shown) return;
    this.shownNumbers = shown;
    this.numberProblem.textContent = "";
    if (shape) this.show(shape);
    else for (const input of this.numbers) input.value = "";
  }

  /** @param {Shape} shape */
  show(shape) {
    const bounds = boundsOf(shape.points);
    const isPoint = ONE_POINT.includes(shape.kind);
    this.numbers.forEach((input, index) => {
      const name = NUMBERS[index];
      input.value = isPoint && index > 1 ? "" : String(roundPlace(bounds[name]));
      input.placeholder = isPoint && index > 1 ? "–" : "";
    });
  }

  /** The typed numbers, or null with a problem shown. @param {boolean} isPoint @returns {?Bounds} */
  readNumbers(isPoint) {
    const { width, height } = this.store.size;
    const values = this.numbers.map((input) => Number(input.value.trim().replace(",", ".") || NaN));
    const needed = isPoint ? 2 : 4;
    const wrong = values.slice(0, needed).findIndex((value) => !Number.isFinite(value) || value < 0);
    const [left, top, wide, high] = isPoint ? [values[0], values[1], 0, 0] : values;
    let problem = "";
    if (wrong >= 0) problem = `${["Left", "Top", "Width", "Height"][wrong]} must be a number of pixels, 0 or more.`;
    else if (left + wide > width || top + high > height) problem = `The image has ${width}×${height} pixels.`;
    this.numberProblem.textContent = problem;
    if (!problem) return { left, top, width: wide, height: high };
    this.numbers[Math.max(0, wrong)].focus();
    return null;
  }

  applyNumbers() {
    const shape = this.store.selectedShape;
    const bounds = shape && this.readNumbers(ONE_POINT.includes(shape.kind));
    if (!bounds) return;
    if (shape.kind === "box" && !(bounds.width && bounds.height)) return this.rejectFlat();
    const isSame = JSON.stringify(boundsOf(shape.points)) === JSON.stringify(bounds);
    const points = isSame ? shape.points : fitPoints(shape.points, bounds);
    this.store.alter(shape.id, { points });
    this.view.canvas.viewport.reveal(bounds);
    this.view.announce(`${nameOf(shape)}: ${describeBounds({ ...shape, points })}.`);
  }

  addByNumbers() {
    const bounds = this.readNumbers(false);
    if (!bounds) return;
    const { left, top, width, height } = bounds;
    if (!width || !height) return this.rejectFlat();
    this.view.canvas.finish("box", [[left, top], [roundPlace(left + width), roundPlace(top + height)]]);
    this.view.canvas.viewport.reveal(bounds);
  }

  rejectFlat() {
    this.numberProblem.textContent = "A box needs a width and a height.";
  }

  enterText() {
    const shape = this.store.selectedShape;
    if (shape) this.store.alter(shape.id, { text: this.text.value }, true);
  }

  focusText() {
    this.text.focus();
    this.text.select();
  }
}
