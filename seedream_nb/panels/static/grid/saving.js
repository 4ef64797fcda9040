let tickets = 0;

/** A folder, the button that saves images into it, and beside them what became of it. */
class Saving {
  /**
   * @param {GridView} view
   * @param {string} label
   * @param {AbortSignal} signal Ends it.
   * @param {() => ?string} readKey The card to save; null for the selection.
   */
  constructor(view, label, signal, readKey) {
    this.view = view;
    this.readKey = readKey;
    /** What was saved last: the message that asked for it has the same ticket. */
    this.ticket = "";
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
    const key = this.readKey();
    tickets += 1;
    this.ticket = `${this.view.store.deck.page} ${tickets}`;
    this.show("Saving…", false);
    const what = key === null ? {} : { keys: [key] };
    this.view.model.send({ type: "save", ticket: this.ticket, folder: this.folder.value, ...what });
  }

  /** Shows the result if it is that of the images that were saved here last. @returns {boolean} whether it is */
  receive({ ticket, text, is_error: isError }) {
    if (ticket !== this.ticket) return false;
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
    this.ticket = "";
    this.show("", false);
  }
}
