/**
 * Why: a picture travels from Python once, whatever the number of views, and is let go when there is no room.
 */

const MEMORY = { thumbnail: 64_000_000, original: 192_000_000 }; // bytes kept of each kind
const MOST_ARGUMENTS = 8192;

/** @param {string} mime @param {DataView} buffer */
function spellDataUrl(mime, buffer) {
  const bytes = new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
  let text = "";
  // In parts, as a function takes only so many arguments.
  for (let start = 0; start < bytes.length; start += MOST_ARGUMENTS) {
    // Several times as quick as spreading them.
    text += String.fromCharCode.apply(null, bytes.subarray(start, start + MOST_ARGUMENTS));
  }
  return `data:${mime};base64,${btoa(text)}`;
}

/** Pictures of one kind, the least recently used of which go when there is no room. */
class Shelf {
  /** @param {number} room In bytes. */
  constructor(room) {
    this.room = room;
    this.used = 0;
    /** @type {Map<string, Picture>} the most recently used last */
    this.pictures = new Map();
  }

  /** @param {string} key */
  find(key) {
    const picture = this.pictures.get(key);
    if (picture) {
      this.pictures.delete(key);
      this.pictures.set(key, picture);
    }
    return picture;
  }

  /** @param {string} key @param {Picture} picture @param {Set<string>} needed What must stay. */
  put(key, picture, needed) {
    this.pictures.set(key, picture);
    this.used += picture.bytes;
    for (const old of [...this.pictures.keys()]) {
      if (this.used <= this.room) return;
      if (old !== key && !needed.has(old)) this.drop(old);
    }
  }

  /** @param {string} key */
  drop(key) {
    const picture = this.pictures.get(key);
    this.pictures.delete(key);
    this.used -= picture.bytes;
    URL.revokeObjectURL(picture.url);
  }

  clear() {
    for (const key of [...this.pictures.keys()]) this.drop(key);
  }
}

/** The pictures of one model, shared by all its views, so that none is sent twice for two views. */
class PictureStore {
  constructor(model) {
    this.model = model;
    /** @type {Set<GridView>} */
    this.views = new Set();
    this.shelves = { thumbnail: new Shelf(MEMORY.thumbnail), original: new Shelf(MEMORY.original) };
    /** @type {Record<Kind, Map<string, string>>} why a picture did not come */
    this.problems = { thumbnail: new Map(), original: new Map() };
    /** @type {Record<Kind, Set<string>>} what is on its way */
    this.asked = { thumbnail: new Set(), original: new Set() };
    /** @type {?number} the number of the last answer, so that Python knows what is still in the line */
    this.seen = null;
    this.receive = this.receive.bind(this);
    model.on("msg:custom", this.receive);
  }

  /** @param {Kind} kind @param {string} key */
  find(kind, key) {
    return this.shelves[kind].find(key);
  }

  /** @param {Kind} kind @param {string} key */
  findProblem(kind, key) {
    return this.problems[kind].get(key);
  }

  /** Asks for what the views need now and have not asked for. @param {Kind} kind */
  ask(kind) {
    const missing = [...this.needed(kind)].filter(
      (key) => !this.shelves[kind].pictures.has(key) && !this.problems[kind].has(key),
    );
    if (missing.every((key) => this.asked[kind].has(key))) return;
    // The whole list: what is no longer near the viewport need not be fetched any more.
    this.asked[kind] = new Set(missing);
    this.model.send({ type: "want", kind, keys: missing, seen: this.seen });
  }

  /** @param {Kind} kind @returns {Set<string>} the most urgent first */
  needed(kind) {
    return new Set([...this.views].flatMap((view) => view.neededPictures(kind)));
  }

  receive(content, buffers) {
    if (content?.type === "say") {
      for (const view of this.views) view.notify(String(content.text));
      return;
    }
    if (content?.type === "copy") {
      this.copy(String(content.text));
      return;
    }
    if (content?.type !== "picture" && content?.type !== "no_picture") return;
    const { kind, key } = content;
    this.seen = content.number ?? this.seen;
    this.asked[kind].delete(key);
    // A view that has gone needs no pictures; and one that crossed with a second request is there already.
    if (!this.views.size || this.shelves[kind].pictures.has(key)) return;
    if (content.type === "no_picture") this.problems[kind].set(key, content.problem);
    else this.keep(kind, key, content, buffers[0]);
    for (const view of this.views) view.receivePicture(kind, key);
  }

  /** @param {string} text */
  async copy(text) {
    const said = await copyText(text).then(
      () => "Copied.",
      () => "The browser does not allow copying here.",
    );
    for (const view of this.views) view.notify(said);
  }

  keep(kind, key, { mime, width, height }, buffer) {
    // The browser takes longer to enter a Blob in its books than to read a small picture out of its address.
    const url = kind === "thumbnail" ? spellDataUrl(mime, buffer) : URL.createObjectURL(new Blob([buffer], { type: mime }));
    this.shelves[kind].put(key, { url, width, height, bytes: buffer.byteLength }, this.needed(kind));
  }

  /** Lets what failed be asked for again. @param {Kind} kind @param {string[]} keys */
  forgive(kind, keys) {
    for (const key of keys) this.problems[kind].delete(key);
  }

  /** @param {GridView} view */
  detach(view) {
    this.views.delete(view);
    if (!this.views.size) this.clear();
  }

  clear() {
    for (const kind of /** @type {Kind[]} */ (["thumbnail", "original"])) {
      this.shelves[kind].clear();
      this.problems[kind].clear();
      this.asked[kind].clear();
    }
  }

  dispose() {
    this.model.off("msg:custom", this.receive);
    this.clear();
  }
}
