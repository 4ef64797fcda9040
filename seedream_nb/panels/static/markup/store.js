const MOST_STEPS = 200; // that can be undone
const TYPING_PAUSE = 150; // milliseconds after the last key until Python plans anew

/**
 * What is edited, for all views of one model: the image, the shapes with their history, and the entries of the form.
 *
 * Python has the last word on all of it. Each change gets a revision, which Python returns with what it has planned for
 * exactly this state; a click counts only for it.
 */
class EditStore {
  constructor(model) {
    this.model = model;
    this.url = "";
    this.plan = this.preview = this.result = null;
    /** @type {Set<EditorView>} */
    this.views = new Set();
    /** @type {Set<() => void>} of the buttons that send */
    this.listeners = new Set();
    this.name = Math.random().toString(36).slice(2);
    this.count = 0;
    this.nextId = 1;
    this.receive = this.receive.bind(this);
    this.forget();
    model.on("msg:custom", this.receive);
  }

  /** Forgets the image that was edited. */
  forget() {
    for (const url of [this.url, this.plan?.url, this.result?.url, this.preview?.url]) if (url) URL.revokeObjectURL(url);
    /** What Python sent when the editor opened. @type {any} */
    this.session = null;
    this.url = "";
    /** @type {Shape[]} */
    this.shapes = [];
    /** @type {Shape[][]} */
    this.undone = [];
    /** @type {Shape[][]} */
    this.done = [];
    this.selected = 0;
    this.typed = 0;
    this.entries = { instruction: "", model: "", size: "", watermark: true, method: "marked" };
    this.revision = "";
    /** The words for each shape, and a warning about the instruction, as of a revision. */
    this.facts = { revision: "", words: {}, warning: "" };
    /** What a click would send. */
    this.plan = null;
    this.preview = null;
    this.result = null;
    this.status = { text: "", is_error: false, is_busy: false };
    clearTimeout(this.timer);
  }

  /** The field for `SubmitView`: its value is the revision. */
  get field() {
    return {
      get: (name) => (name === "value" ? this.revision : undefined),
      on: (_event, react) => this.listeners.add(react),
      off: (_event, react) => this.listeners.delete(react),
    };
  }

  /** @returns {Size} */
  get size() {
    return this.session;
  }

  get selectedShape() {
    return this.shapes.find((shape) => shape.id === this.selected);
  }

  // Changes by the user.

  /** Notes that something has changed, and tells Python soon. @param {boolean} isTyping */
  change(isTyping = false) {
    this.count += 1;
    this.revision = `${this.name}-${this.count}`;
    for (const react of this.listeners) react();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.tell(), isTyping ? TYPING_PAUSE : 0);
    this.draw();
  }

  tell() {
    clearTimeout(this.timer);
    const entries = { ...this.entries, shapes: this.shapes.map(shapeToJson) };
    this.model.send({ type: "change", key: this.session.key, revision: this.revision, entries });
  }

  /** @param {Shape[]} shapes A step that can be undone. @param {number} typed The shape in which somebody types. */
  setShapes(shapes, typed = 0) {
    const isContinued = typed && typed === this.typed;
    this.typed = typed;
    this.undone = [];
    if (isContinued) {
      this.shapes = shapes;
      return this.change(true);
    }
    this.done = [...this.done, this.shapes].slice(-MOST_STEPS);
    this.shapes = shapes;
    this.change();
  }

  /** @param {Omit<Shape, "id" | "number">} fields */
  add(fields) {
    const shape = { ...fields, number: nextNumber(this.shapes), id: this.nextId++ };
    this.selected = shape.id;
    this.setShapes([...this.shapes, shape]);
    return shape;
  }

  /** @param {number} id @param {Partial<Shape>} changes @param {boolean} isTyping All that is typed is one step. */
  alter(id, changes, isTyping = false) {
    const shapes = this.shapes.map((shape) => (shape.id === id ? { ...shape, ...changes } : shape));
    this.setShapes(shapes, isTyping ? id : 0);
  }

  /** @param {number} id */
  remove(id) {
    if (this.selected === id) this.selected = 0;
    this.setShapes(this.shapes.filter((shape) => shape.id !== id));
  }

  undo() {
    const shapes = this.done.pop();
    if (!shapes) return false;
    this.undone.push(this.shapes);
    return this.restore(shapes);
  }

  redo() {
    const shapes = this.undone.pop();
    if (!shapes) return false;
    this.done.push(this.shapes);
    return this.restore(shapes);
  }

  restore(shapes) {
    this.typed = 0;
    this.shapes = shapes;
    if (!this.selectedShape) this.selected = 0;
    this.change();
    return true;
  }

  /** @param {number} id 0 for none. */
  select(id) {
    if (this.selected === id) return;
    this.selected = id;
    this.draw();
  }

  /** @param {Record<string, unknown>} entries @param {boolean} isTyping */
  enter(entries, isTyping = false) {
    Object.assign(this.entries, entries);
    this.change(isTyping);
  }

  // Messages from Python.

  receive(content, buffers) {
    const types = ["session", "facts", "plan", "preview", "status", "result", "close"];
    if (!types.includes(content?.type)) return;
    if (content.type === "session") this.open(content, buffers[0]);
    else if (content.type === "close") this.end();
    else if (!this.session || content.key !== this.session.key) return;
    else this.put(content, buffers[0]);
    this.draw();
  }

  open(content, buffer) {
    const isSame = this.session?.key === content.key && this.url;
    if (isSame && content.revision === this.revision) return;
    this.forget();
    this.session = content;
    if (buffer) this.url = URL.createObjectURL(new Blob([buffer], { type: content.mime }));
    const { shapes, ...entries } = content.entries;
    this.shapes = shapes.map((shape) => ({ ...shape, id: this.nextId++ }));
    this.entries = entries;
    this.revision = content.revision;
    for (const react of this.listeners) react();
  }

  end() {
    const { session } = this;
    this.forget();
    for (const view of this.views) view.leave(session);
  }

  put(content, buffer) {
    if (content.type === "status") {
      this.status = content;
      for (const view of this.views) view.announce(content.text);
      return;
    }
    if (content.type === "facts") {
      this.facts = content;
      return;
    }
    const url = buffer ? URL.createObjectURL(new Blob([buffer], { type: content.mime })) : "";
    if (content.type === "plan") {
      if (this.plan?.url) URL.revokeObjectURL(this.plan.url);
      this.plan = { ...content, url };
      if (this.preview && this.preview.revision !== content.revision) this.showDrawing();
    } else if (content.type === "preview" && content.revision === this.revision) {
      this.preview = { ...content, url };
    } else if (content.type === "result") {
      if (this.result?.url) URL.revokeObjectURL(this.result.url);
      // Whoever has gone on drawing meanwhile is not interrupted.
      this.result = { ...content, url, isShown: content.revision === this.revision };
    }
  }

  /** Leaves the preview and the result. */
  showDrawing() {
    if (this.preview) URL.revokeObjectURL(this.preview.url);
    this.preview = null;
    if (this.result) this.result.isShown = false;
    this.draw();
  }

  showResult() {
    this.result.isShown = true;
    this.draw();
  }

  draw() {
    for (const view of this.views) view.draw();
  }

  /** @param {EditorView} view */
  attach(view) {
    this.views.add(view);
    if (!this.session) this.model.send({ type: "ready" });
  }

  /** @param {EditorView} view */
  detach(view) {
    this.views.delete(view);
    if (!this.views.size) this.forget();
  }

  dispose() {
    this.model.off("msg:custom", this.receive);
    this.forget();
  }
}
