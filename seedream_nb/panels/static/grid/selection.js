/** Selected places as sorted runs: a few, however many are selected. */
class Runs {
  /** @param {[number, number][]} [runs] The first and last place of each. */
  constructor(runs = []) {
    this.runs = runs;
  }

  get size() {
    return this.runs.reduce((sum, [first, last]) => sum + last - first + 1, 0);
  }

  /** @param {number} place */
  has(place) {
    let [low, high] = [0, this.runs.length - 1];
    while (low <= high) {
      const middle = (low + high) >> 1;
      const [first, last] = this.runs[middle];
      if (place < first) high = middle - 1;
      else if (place > last) low = middle + 1;
      else return true;
    }
    return false;
  }

  /** @param {number} first @param {number} last */
  add(first, last) {
    const apart = this.runs.filter(([from, to]) => to < first - 1 || from > last + 1);
    const touching = this.runs.filter(([from, to]) => to >= first - 1 && from <= last + 1);
    const whole = [Math.min(first, ...touching.map(([from]) => from)), Math.max(last, ...touching.map(([, to]) => to))];
    this.runs = [...apart, /** @type {[number, number]} */ (whole)].sort(([a], [b]) => a - b);
  }

  /** @param {number} place */
  remove(place) {
    this.runs = this.runs.flatMap(([first, last]) =>
      place < first || place > last
        ? [[first, last]]
        : [
            [first, place - 1],
            [place + 1, last],
          ].filter(([from, to]) => from <= to),
    );
  }
}

/** The selection, which Python has; what is clicked shows at once, and Python's answer corrects it. */
class Selection {
  /** @param {Deck} deck */
  constructor(deck) {
    this.deck = deck;
    this.shown = new Runs();
    /** How many selected cards are not among those shown. */
    this.hidden = 0;
    /** The number of the last change that was sent. */
    this.op = 0;
  }

  get count() {
    return this.shown.size + this.hidden;
  }

  /** @param {number | undefined} place */
  has(place) {
    return place !== undefined && this.shown.has(place);
  }

  /** @param {{version: number, runs: [number, number][], hidden: number, by?: string, op?: number}} told What Python says. */
  receive(told) {
    const isOutdated = told.by === this.deck.page && told.op < this.op;
    // That of another order comes with it.
    if (isOutdated || told.version !== this.deck.version) return;
    this.shown = new Runs(told.runs);
    this.hidden = told.hidden;
    this.deck.drawSelection();
  }

  /** @param {string} key @param {number | undefined} place Where the card is shown, if it is. */
  toggle(key, place) {
    if (place !== undefined && this.shown.has(place)) this.shown.remove(place);
    else if (place !== undefined) this.shown.add(place, place);
    this.send({ how: "toggle", keys: [key] });
  }

  /** @param {number} from @param {number} to Both are included, in any order. */
  addRange(from, to) {
    const [first, last] = [Math.min(from, to), Math.max(from, to)];
    this.shown.add(first, last);
    this.send({ how: "range", first, last, version: this.deck.version });
  }

  addAll() {
    this.shown = new Runs(this.deck.count ? [[0, this.deck.count - 1]] : []);
    this.hidden = 0;
    this.send({ how: "all" });
  }

  clear() {
    this.shown = new Runs();
    this.hidden = 0;
    this.send({ how: "none" });
  }

  send(change) {
    this.op += 1;
    this.deck.model.send({ type: "select", by: this.deck.page, op: this.op, ...change });
    this.deck.drawSelection();
  }
}
