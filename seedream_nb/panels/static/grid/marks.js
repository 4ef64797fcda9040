/**
 * The marks of images: stars, tags, a note, and rejection. Python writes each change to the library at once, says what it
 * has done, and can take it back.
 */

const MOST_STARS = 5;
/** @typedef {{rating: number, tags: string[], rejected: boolean, note: string}} Marks */

/** @type {Marks} */
const NO_MARKS = { rating: 0, tags: [], rejected: false, note: "" };

/** @param {Card} card @returns {Marks} */
const marksOf = (card) => card.marks ?? NO_MARKS;

/** The marks of a card in words. @param {Card} card @returns {string[]} */
function nameMarks(card) {
  const { rating, tags, rejected } = marksOf(card);
  const words = [rating ? `${rating} of ${MOST_STARS} stars` : "", ...tags.map((tag) => `tag ${tag}`)];
  return [...words, rejected ? "rejected" : ""].filter(Boolean);
}

/** @param {Card} card */
function makeMarks(card) {
  const { rating, tags, rejected } = marksOf(card);
  if (!rating && !tags.length && !rejected) return null;
  // The label of the tile has the same words.
  const parts = [
    ...(rejected ? [make("span", "rejected", {}, "⊘ rejected")] : []),
    ...(rating ? [make("span", "stars", {}, "★".repeat(rating))] : []),
    ...tags.map((tag) => make("span", "tag", { dir: "auto" }, tag)),
  ];
  return make("div", "marks", { "aria-hidden": "true" }, ...parts);
}

TILE_PARTS.push(makeMarks);

let tagLists = 0;

/** The controls that mark one card, or the selection. */
class MarksEditor {
  /**
   * @param {GridView} view
   * @param {() => ?string} readKey The card to mark; null for the selection.
   * @param {() => void} leave Called when Escape leaves a field.
   */
  constructor(view, readKey, leave) {
    this.view = view;
    this.readKey = readKey;
    this.leave = leave;
    this.rating = 0;
    /** The note as it was shown or sent last. */
    this.sentNote = "";
    this.stars = Array.from({ length: MOST_STARS }, (_, index) => this.makeStar(index + 1));
    this.reject = makeButton("Reject", () => this.send("reject"), { keys: "x" });
    this.chips = make("div", "chips", { role: "group", "aria-label": "Tags" });
    tagLists += 1;
    this.options = make("datalist", "", { id: `seedream-grid-tags-${tagLists}` });
    const about = { type: "text", "aria-label": "Add tags", title: "Add tags (t)", autocomplete: "off" };
    const hint = { placeholder: "Tags, separated by commas", list: this.options.id, spellcheck: "false" };
    this.input = make("input", "tags", { ...about, ...hint, ...OWN_KEYS });
    const noteHint = { "aria-label": "Note", title: "Note (n); Enter saves it", placeholder: "Note", rows: "1" };
    this.note = make("textarea", "note-field", { ...noteHint, dir: "auto", ...OWN_KEYS });
    this.undo = makeButton("Undo", () => view.undoMark(), { keys: "z" });
    const group = make("div", "star-group", { role: "group", "aria-label": "Rating" }, ...this.stars);
    const fields = [group, this.reject, this.undo, this.chips, this.input, this.options, this.note];
    this.element = make("div", "marks-editor", { role: "group", "aria-label": "Marks" }, ...fields);
    // These listeners go with their fields.
    this.input.addEventListener("focus", () => view.model.send({ type: "tags" }));
    this.input.addEventListener("input", () => this.drawOptions());
    this.input.addEventListener("keydown", (event) => this.press(event, () => this.sendTags()));
    this.note.addEventListener("keydown", (event) => this.press(event, () => this.sendNote()));
    this.note.addEventListener("change", () => this.sendNote());
  }

  /** @param {number} number */
  makeStar(number) {
    const star = makeButton("", () => this.send("rate", number === this.rating ? 0 : number), { names: "star" });
    const label = number === 1 ? "1 star" : `${number} stars`;
    star.setAttribute("aria-label", label);
    star.title = `${label} (${number}); 0 removes them`;
    return star;
  }

  /** Shows the marks of a card; null for those of several cards, which are not shown. @param {?Card} card */
  show(card) {
    const { rating, tags, rejected, note } = card ? marksOf(card) : NO_MARKS;
    this.rating = rating;
    this.stars.forEach((star, index) => {
      star.classList.toggle("seedream-grid-on", index < rating);
      star.setAttribute("aria-pressed", String(index + 1 === rating));
    });
    this.reject.setAttribute("aria-pressed", String(rejected));
    this.chips.hidden = !tags.length;
    this.chips.replaceChildren(...tags.map((tag) => this.makeChip(tag)));
    // What is being typed stays.
    if (note !== this.sentNote && this.view.focused !== this.note) {
      this.note.value = note;
      this.sentNote = note;
    }
  }

  /** @param {string} tag */
  makeChip(tag) {
    const remove = makeButton(`Remove the tag ${tag}`, () => this.removeTag(tag), { icon: "close", names: "remove" });
    return make("span", "chip", {}, make("span", "", { dir: "auto" }, tag), remove);
  }

  /** @param {string} tag */
  removeTag(tag) {
    this.send("untag", tag);
    this.input.focus();
  }

  /** Completes the last one of several tags. */
  drawOptions() {
    const typed = this.input.value;
    const begin = typed.slice(0, typed.lastIndexOf(",") + 1);
    const known = begin.split(",").map((tag) => tag.trim().toLowerCase());
    const offered = this.view.store.tags.filter((tag) => !known.includes(tag.toLowerCase()));
    const space = begin ? " " : "";
    this.options.replaceChildren(...offered.map((tag) => make("option", "", { value: `${begin}${space}${tag}` })));
  }

  /** @param {KeyboardEvent} event @param {() => void} send */
  press(event, send) {
    if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Enter" && !event.shiftKey) send();
    else if (event.key === "Escape") this.leave();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  sendTags() {
    if (this.input.value.trim()) this.send("tag", this.input.value);
    this.input.value = "";
    this.drawOptions();
  }

  sendNote() {
    if (this.note.value === this.sentNote) return;
    this.sentNote = this.note.value;
    this.send("note", this.note.value);
  }

  /** @param {string} how @param {string | number} [value] */
  send(how, value = "") {
    this.view.mark(this.readKey(), how, value);
  }
}

/** The editor above the grid: for the selection, or for the active tile when a key has opened it. */
class MarksBar {
  /** @param {GridView} view */
  constructor(view) {
    this.view = view;
    /** The key of the tile that it was opened for; empty for the selection. */
    this.key = "";
    this.editor = new MarksEditor(view, () => this.key || null, () => this.leave());
    this.element = make("div", "marks-bar", {}, this.editor.element);
    this.draw();
  }

  /** Shows it while there is something to mark. */
  draw() {
    const { deck } = this.view.store;
    if (deck.selection.count) this.key = "";
    this.element.hidden = !deck.selection.count && !this.key;
    this.editor.show((this.key && deck.find(this.key)) || null);
  }

  /** @param {Sheet} sheet @param {"input" | "note"} field */
  open(sheet, field) {
    this.key = targetOf(sheet) ?? "";
    this.draw();
    if (!this.element.hidden) this.editor[field].focus();
  }

  leave() {
    this.key = "";
    this.view.sheet.focus();
    this.draw();
  }
}

/** What a key in the grid marks: null for the selection, or else the active tile. @param {Sheet} sheet @returns {?string} */
const targetOf = (sheet) => (sheet.deck.selection.count ? null : (sheet.deck.cards.get(sheet.active)?.key ?? ""));

for (let stars = 0; stars <= MOST_STARS; stars += 1) {
  TILE_KEYS[stars] = (sheet) => sheet.view.mark(targetOf(sheet), "rate", stars);
  DETAIL_KEYS[stars] = (detail) => detail.view.mark(detail.card.key, "rate", stars);
}
Object.assign(TILE_KEYS, {
  x: (sheet) => sheet.view.mark(targetOf(sheet), "reject"),
  z: (sheet) => sheet.view.undoMark(),
  t: (sheet) => sheet.view.marks.open(sheet, "input"),
  n: (sheet) => sheet.view.marks.open(sheet, "note"),
});

/** The editor in the detail view. @param {DetailView} detail @returns {DetailPart} */
function makeDetailMarks(detail) {
  const editor = new MarksEditor(detail.view, () => detail.card.key, () => detail.focus());
  return { element: editor.element, show: (card) => editor.show(card), editor };
}

DETAIL_PARTS.sections.push(makeDetailMarks);
/** @param {DetailView} detail @returns {MarksEditor} */
const editorOf = (detail) => detail.parts.find((part) => part.editor).editor;
Object.assign(DETAIL_KEYS, {
  x: (detail) => detail.view.mark(detail.card.key, "reject"),
  z: (detail) => detail.view.undoMark(),
  t: (detail) => editorOf(detail).input.focus(),
  n: (detail) => editorOf(detail).note.focus(),
});
