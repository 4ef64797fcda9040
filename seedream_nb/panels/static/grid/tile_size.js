/**
 * Why: how large tiles should be depends on what somebody is looking for just now; it is set beside them.
 */

// As `seedream_nb.panels.grid` has them; pixels of a square tile.
const SMALLEST_TILE = 96;
const LARGEST_TILE = 480;
const TILE_STEP = 8;

/** The slider for the size of tiles. */
class TileSize {
  /** @param {GridView} view */
  constructor(view) {
    this.model = view.model;
    const range = { min: String(SMALLEST_TILE), max: String(LARGEST_TILE), step: String(TILE_STEP) };
    this.input = make("input", "range", { type: "range", "aria-label": "Tile size", ...range, ...OWN_KEYS });
    this.element = make("div", "size", { title: "Tile size" }, makeIcon("small"), this.input, makeIcon("large"));
    // The grid follows at once; Python is told when the hand has come to rest.
    view.listen(this.input, "input", () => this.model.set("thumbnail", Number(this.input.value)));
    view.listen(this.input, "change", () => this.model.save_changes());
    this.draw();
  }

  draw() {
    const size = this.model.get("thumbnail");
    this.input.value = String(size);
    this.input.setAttribute("aria-valuetext", `${size} pixels`);
  }
}
