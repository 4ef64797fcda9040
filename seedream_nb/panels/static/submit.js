/**
 * The button that submits a form, also by Enter in a one-line field.
 *
 * ipywidgets may hold a typed value back while an earlier one is on its way, and a click overtakes it. So the button
 * sends the fields' values along; and one that pays is enabled only while its label was made from exactly these values,
 * and no file is being read.
 */

// Not a field with suggestions, where Enter chooses one of them.
const ONE_LINE = "input:not([type=checkbox], [type=file], [list]), textarea[rows='1']";
const CHECKING_TIME = 400; // milliseconds; usually Python is faster, and the button need not change its look

/** The field's value, or its place where a choice has no value in the browser. */
const readField = (field) => field.get("value") ?? field.get("index");

const isUpload = (field) => field.get("_view_name") === "FileUploadView";

class SubmitView {
  constructor(model, element, fields) {
    this.model = model;
    this.element = element;
    this.fields = fields;
    this.ending = new AbortController();
    /** Whether Enter was pressed before Python had seen what was typed. */
    this.isPending = false;
    /** The number of the label that was clicked last; each is clicked once. */
    this.clicked = -1;
    /** Whether a chosen file is still being read, so that its field does not have it yet. */
    this.isReading = false;
    this.fileInputs = new WeakSet();
    this.button = document.createElement("button");
    this.button.type = "button";
    this.button.className = "lm-Widget jupyter-widgets jupyter-button widget-button";
    this.button.classList.toggle("mod-primary", model.get("is_primary"));
    // The second click of a double click never pays, however fast the first one was done.
    this.button.addEventListener("click", ({ detail }) => (detail > 1 && this.model.get("seen") ? null : this.submit()));
    element.append(this.button);
    // Early, because the fields of ipywidgets keep their keys to themselves.
    const options = { capture: true, signal: this.ending.signal };
    document.addEventListener("keydown", (event) => this.press(event), options);
    document.addEventListener("click", (event) => this.findFileInputs(event), options);
    this.react = () => this.draw();
    this.edit = () => {
      this.isPending = false;
      this.draw();
    };
    model.on("change", this.react);
    this.finishReading = () => (this.isReading = false);
    for (const field of Object.values(fields)) {
      if (isUpload(field)) field.on("change:value change:error", this.finishReading);
      field.on("change", this.edit);
    }
    this.draw();
  }

  dispose() {
    this.ending.abort();
    clearTimeout(this.timer);
    this.model.off("change", this.react);
    for (const field of Object.values(this.fields)) {
      field.off("change:value change:error", this.finishReading);
      field.off("change", this.edit);
    }
    this.button.remove();
  }

  readValues() {
    return Object.fromEntries(Object.entries(this.fields).map(([name, field]) => [name, readField(field)]));
  }

  /** Whether the label was made from the values that the fields have now. */
  get isCurrent() {
    const seen = this.model.get("seen");
    if (!seen) return true;
    if (this.isReading) return false;
    const names = Object.keys(this.fields);
    return names.every((name) => JSON.stringify(readField(this.fields[name])) === JSON.stringify(seen[name]));
  }

  get isEnabled() {
    const isUsed = Boolean(this.model.get("seen")) && this.clicked === this.model.get("number");
    return this.isCurrent && !this.model.get("disabled") && !isUsed;
  }

  draw() {
    const { model, button } = this;
    if (button.textContent !== model.get("description")) button.textContent = model.get("description");
    button.title = this.isCurrent ? model.get("tooltip") : "Checking what you typed…";
    button.disabled = !this.isEnabled;
    // A button that is disabled only until Python has answered would flicker with each key.
    const isBrief = button.disabled && !model.get("disabled");
    if (!isBrief) {
      clearTimeout(this.timer);
      this.timer = undefined;
      button.classList.remove("seedream-brief");
    } else if (this.timer === undefined) {
      button.classList.add("seedream-brief");
      this.timer = setTimeout(() => button.classList.remove("seedream-brief"), CHECKING_TIME);
    }
    if (this.isPending && this.isCurrent) {
      this.isPending = false;
      this.submit();
    }
  }

  submit() {
    if (!this.isEnabled) return;
    this.clicked = this.model.get("number");
    const values = this.readValues();
    this.model.send({ type: "submit", number: this.clicked, values });
    this.draw();
  }

  /** Files are chosen in an input that ipywidgets keeps out of the document; the click that opens it is seen. */
  async findFileInputs({ target }) {
    if (!(target instanceof Element) || !this.element.closest(".seedream-form")?.contains(target)) return;
    const views = Object.values(this.fields).filter(isUpload).flatMap((field) => Object.values(field.views ?? {}));
    for (const { fileInput } of await Promise.all(views)) {
      if (!fileInput || this.fileInputs.has(fileInput)) continue;
      this.fileInputs.add(fileInput);
      const read = () => {
        this.isReading = fileInput.files.length > 0;
        this.edit();
      };
      fileInput.addEventListener("change", read, { signal: this.ending.signal });
    }
  }

  /** @param {KeyboardEvent} event */
  press(event) {
    const { target } = event;
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || !(target instanceof Element)) return;
    if (!target.matches(ONE_LINE) || !this.element.closest(".seedream-form")?.contains(target)) return;
    event.preventDefault();
    if (this.isCurrent && !event.repeat) this.submit();
    else if (!event.repeat) this.isPending = true;
  }
}
