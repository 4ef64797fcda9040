const METHODS = {
  marked: "The marked copy",
  layers: "The clean original, to decompose into layers",
};
let lastFieldId = 0;

/** @param {string} label @param {any} field @returns {any} the field below its label */
function makeLabeled(label, field, names = "") {
  field.id = `seedream-markup-field-${(lastFieldId += 1)}`;
  const text = make("label", "", { for: field.id }, label);
  const element = make("div", "", {}, text, field);
  for (const name of ["field", ...names.split(" ").filter(Boolean)]) element.classList.add(`seedream-markup-${name}`);
  return element;
}

/** @param {string} name @param {...(Node | string)} children */
function makePart(name, ...children) {
  const element = make("div", "", {}, ...children);
  element.classList.add(`seedream-markup-${name}`);
  return element;
}

/** What would be sent: the marked copy, or the clean original with boxes in words. Both are shown; one is chosen. */
class Candidates {
  /** @param {EditorView} view */
  constructor(view) {
    this.view = view;
    this.store = view.store;
    const group = `seedream-markup-method-${(lastFieldId += 1)}`;
    this.options = Object.entries(METHODS).map(([method, label]) => {
      const radio = make("input", "", { type: "radio", name: group, value: method, ...OWN_KEYS });
      view.listen(radio, "change", () => this.choose(method));
      const image = make("img", "", { alt: "" });
      const name = make("span", "", {}, label);
      const facts = make("span", "soft");
      const words = make("code", "", { dir: "auto", tabindex: "0", role: "region", "aria-label": "Prompt with boxes", ...OWN_KEYS });
      const text = makePart("candidate-text", name, facts);
      const choice = make("label", "", {}, radio, image, text);
      choice.classList.add("seedream-markup-choice");
      const element = makePart("candidate", choice, words);
      return { method, radio, image, name, facts, words, element };
    });
    this.look = makeButton("View at full size", () => this.toggle());
    this.element = make("fieldset", "", {}, make("legend", "", {}, "What is sent"), ...this.options.map((one) => one.element), this.look);
  }

  /** @param {string} method Another model is chosen where this one cannot do it. */
  choose(method) {
    const { models } = this.store.session;
    const { model } = this.store.entries;
    const isAble = method !== "layers" || models.find(({ id }) => id === model)?.layers;
    const able = isAble ? model : models.find(({ layers }) => layers).id;
    this.store.enter({ method, model: able });
    if (able !== model) this.view.announce(`Model: ${models.find(({ id }) => id === able).label}.`);
  }

  toggle() {
    if (this.store.preview) return this.store.showDrawing();
    this.view.send("preview", { revision: this.store.revision });
    this.view.announce("Loading what is sent…");
  }

  draw() {
    const { entries, plan, revision, url, shapes, preview } = this.store;
    const isCurrent = plan?.revision === revision;
    for (const { method, radio, image, name, facts, words, element } of this.options) {
      const candidate = plan?.[method];
      radio.checked = entries.method === method;
      if (method === "marked") name.textContent = shapes.length ? METHODS.marked : "The original, with nothing drawn on it";
      const source = method === "marked" ? plan?.url || url : url;
      if (source && image.getAttribute("src") !== source) image.src = source;
      const text = isCurrent ? (candidate?.text ?? "") : "Rendering…";
      if (facts.textContent !== text) facts.textContent = text;
      const prompt = candidate?.prompt ?? "";
      words.hidden = !prompt;
      if (words.textContent !== prompt) words.textContent = prompt;
      element.classList.toggle("seedream-markup-chosen", radio.checked);
    }
    this.look.textContent = preview ? "Back to drawing" : "View at full size";
    this.look.disabled = !isCurrent;
  }
}
