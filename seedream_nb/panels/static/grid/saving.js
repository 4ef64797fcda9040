/** A folder, the button that saves images into it, and beside them what became of it. */
class Saving {
  /**
   * @param {GridView} view
   * @param {string} label
   * @param {AbortSignal} signal Ends it.
   * @param {() => string[]} readKeys The cards to save.
   */
  constructor(view, label, signal, readKeys) {
    this.view = view;
    this.readKeys = readKeys;
    /** The keys that were saved last, as one text. */
    this.saved = "";
    const about = { type: "text", "aria-label": "Folder", title: "Folder to save into", spellcheck: "false" };
    this.folder = make("input", "folder", { ...about, placeholder: "Folder", ...OWN_KEYS });
    this.button = makeButton(label, () => this.save());
    this.result = make("p", "saved", { dir: "auto" });
    // These listeners go with the field.
    this.folder.addEventListener("input", () => view.model.set("folder", this.folder.value));
    this.folder.addEventListener("change", () => view.model.save_changes());
    this.folder.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !event.isComposing && !event.repeat) this.save();
    });
    view.subscribe("folder", () => this.draw(), signal);
    this.draw();
  }

  draw() {
    const folder = this.view.model.get("folder");
    // Setting the same text would move the cursor.
    if (this.folder.value !== folder) this.folder.value = folder;
  }

  save() {
    const keys = this.readKeys();
    if (!keys.length) return;
    this.saved = keys.join("\n");
    this.show("Saving…", false);
    this.view.model.send({ type: "save", keys, folder: this.folder.value });
  }

  /** Shows the result if it is that of the images that were saved here last. @returns {boolean} whether it is */
  receive({ keys, text, is_error: isError }) {
    if (keys.join("\n") !== this.saved) return false;
    this.show(text, isError);
    this.view.announce(text);
    return true;
  }

  /** @param {string} text @param {boolean} isError */
  show(text, isError) {
    this.result.textContent = isError ? `✕ ${text}` : text;
    this.result.classList.toggle("seedream-grid-error", isError);
  }

  /** Forgets the result, which belongs to other images. */
  clear() {
    this.saved = "";
    this.show("", false);
  }
}
