/**
 * What Python has sent besides the model, for all views: images, each once and within a memory limit, and details.
 */

const MEMORY = { thumbnail: 64_000_000, original: 192_000_000 }; // bytes of each kind
const MOST_ARGUMENTS = 8192;

/** @param {string} mime @param {DataView} buffer */
function toDataUrl(mime, buffer) {
  const bytes = new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
  let text = "";
  // In chunks, because a function takes a limited number of arguments.
  for (let start = 0; start < bytes.length; start += MOST_ARGUMENTS) {
    // Several times as fast as spreading them.
    text += String.fromCharCode.apply(null, bytes.subarray(start, start + MOST_ARGUMENTS));
  }
  return `data:${mime};base64,${btoa(text)}`;
}

/** Images of one kind up to a total size; the least recently used go first. */
class BoundedCache {
  /** @param {number} room In bytes. */
  constructor(room) {
    this.room = room;
    this.used = 0;
    /** @type {Map<string, LoadedImage>} the most recently used last */
    this.images = new Map();
  }

  /** @param {string} key */
  find(key) {
    const image = this.images.get(key);
    if (image) {
      this.images.delete(key);
      this.images.set(key, image);
    }
    return image;
  }

  /** @param {string} key @param {LoadedImage} image @param {Set<string>} needed The keys that must stay. */
  put(key, image, needed) {
    this.images.set(key, image);
    this.used += image.bytes;
    for (const old of [...this.images.keys()]) {
      if (this.used <= this.room) return;
      if (old !== key && !needed.has(old)) this.drop(old);
    }
  }

  /** @param {string} key */
  drop(key) {
    const image = this.images.get(key);
    this.images.delete(key);
    this.used -= image.bytes;
    URL.revokeObjectURL(image.url);
  }

  clear() {
    for (const key of [...this.images.keys()]) this.drop(key);
  }
}

/** The cards, images, and details of one model, shared by all its views. */
class ImageStore {
  constructor(model) {
    this.model = model;
    this.deck = new Deck(model, this);
    /** @type {Set<GridView>} */
    this.views = new Set();
    this.caches = { thumbnail: new BoundedCache(MEMORY.thumbnail), original: new BoundedCache(MEMORY.original) };
    /** @type {Record<Kind, Map<string, string>>} the reasons for missing images */
    this.problems = { thumbnail: new Map(), original: new Map() };
    /** @type {Record<Kind, Set<string>>} */
    this.requested = { thumbnail: new Set(), original: new Set() };
    /** @type {?number} the number of the last image, which tells Python what is still in flight */
    this.seen = null;
    /** @type {{ key: string, pairs: [string, string][], moments: Record<string, string> }} more about the opened card; not saved with the notebook */
    this.details = { key: "", pairs: [], moments: {} };
    /** @type {string[]} all tags of the library, once a field for them has been focused */
    this.tags = [];
    this.receive = this.receive.bind(this);
    model.on("msg:custom", this.receive);
  }

  /** @param {Kind} kind @param {string} key */
  find(kind, key) {
    return this.caches[kind].find(key);
  }

  /** @param {Kind} kind @param {string} key */
  findProblem(kind, key) {
    return this.problems[kind].get(key);
  }

  /** Requests what the views need and have not requested. @param {Kind} kind */
  request(kind) {
    const missing = [...this.needed(kind)].filter(
      (key) => !this.caches[kind].images.has(key) && !this.problems[kind].has(key),
    );
    if (missing.every((key) => this.requested[kind].has(key))) return;
    // The whole list, because Python drops the images that are no longer near the viewport.
    this.requested[kind] = new Set(missing);
    this.model.send({ type: "load", kind, keys: missing, seen: this.seen });
  }

  /** @param {Kind} kind @returns {Set<string>} the most urgent first */
  needed(kind) {
    return new Set([...this.views].flatMap((view) => view.neededImages(kind)));
  }

  receive(content, buffers) {
    const receivers = {
      order: () => this.deck.receiveOrder(content),
      cards: () => this.deck.receiveCards(content),
      selection: () => this.deck.selection.receive(content),
      copy: () => this.copy(String(content.text)),
      details: () => this.receiveDetails(content),
      notify: () => this.views.forEach((view) => view.notify(String(content.text))),
      saved: () => this.views.forEach((view) => view.receiveSaved(content)),
      tags: () => this.receiveTags(content),
      reveal: () => this.views.forEach((view) => view.reveal(content.key)),
      image: () => this.receiveImage(content, buffers),
      image_error: () => this.receiveImage(content, buffers),
    };
    if (Object.hasOwn(receivers, content?.type)) receivers[content.type]();
  }

  receiveTags(content) {
    this.tags = content.tags;
    for (const view of this.views) view.drawTags();
  }

  receiveDetails(content) {
    this.details = { moments: {}, ...content };
    for (const view of this.views) view.readDialog();
  }

  receiveImage(content, buffers) {
    const { kind, key } = content;
    this.seen = content.number ?? this.seen;
    this.requested[kind].delete(key);
    // Without views nothing is needed; and an image may arrive twice when a second request crossed it.
    if (!this.views.size || this.caches[kind].images.has(key)) return;
    if (content.type === "image_error") this.problems[kind].set(key, content.problem);
    else this.store(kind, key, content, buffers[0]);
    for (const view of this.views) view.receiveImage(kind, key);
  }

  /** @param {string} text */
  async copy(text) {
    const message = await copyText(text).then(
      () => "Copied.",
      () => "The browser blocked copying.",
    );
    for (const view of this.views) view.notify(message);
  }

  store(kind, key, { mime, width, height }, buffer) {
    // Creating a Blob takes browsers longer than decoding a small image from its URL.
    const url = kind === "thumbnail" ? toDataUrl(mime, buffer) : URL.createObjectURL(new Blob([buffer], { type: mime }));
    this.caches[kind].put(key, { url, width, height, bytes: buffer.byteLength }, this.needed(kind));
  }

  /** Allows failed images to be requested again. @param {Kind} kind @param {string[]} keys */
  clearProblems(kind, keys) {
    for (const key of keys) this.problems[kind].delete(key);
  }

  /** @param {GridView} view */
  detach(view) {
    this.views.delete(view);
    if (!this.views.size) this.clear();
  }

  clear() {
    for (const kind of /** @type {Kind[]} */ (["thumbnail", "original"])) {
      this.caches[kind].clear();
      this.problems[kind].clear();
      this.requested[kind].clear();
    }
  }

  dispose() {
    this.model.off("msg:custom", this.receive);
    this.deck.dispose();
    this.clear();
  }
}
