"""A bare page with the grid and a fake model, for tests that need no kernel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seedream_nb.panels.grid import GRID_STYLES, SCRIPTS, join_parts
from tests.gallery.front_ends import VS_CODE, VS_CODE_NAMES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from playwright.sync_api import Locator, Page, Route

ADDRESS = "http://localhost/grid/"  # never reached; a browser allows the clipboard on this host
SUBJECTS = ("a white siamese cat", "a lighthouse in the fog", "red poppies on a hill", "a paper boat on a pond")
# The variables of JupyterLab and of VS Code. Without a theme, the style sheet falls back to its own colors.
THEMES = {
    "": {},
    "light": {
        "--jp-layout-color0": "white",
        "--jp-content-font-color1": "rgba(0, 0, 0, 0.87)",
        "--jp-content-font-color2": "rgba(0, 0, 0, 0.54)",
        "--jp-border-color2": "#e0e0e0",
        "--jp-brand-color1": "#1976d2",
    },
    "dark": {
        "--jp-layout-color0": "#111111",
        "--jp-content-font-color1": "#ffffff",
        "--jp-content-font-color2": "rgba(255, 255, 255, 0.7)",
        "--jp-border-color2": "#424242",
        "--jp-brand-color1": "#2196f3",
    },
    "VS Code": {
        f"--vscode-{name}": color for name, color in zip(VS_CODE_NAMES, VS_CODE["vscode-dark-modern"], strict=True)
    },
}

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Grid</title><link rel="stylesheet" href="grid.css">
<style>body { margin: 8px; background: var(--jp-layout-color0, var(--vscode-editor-background, white)); }</style></head>
<body><main></main><script type="module">
import makeWidget from "./grid.js";

window.urls = { made: 0, live: new Map() };
const { createObjectURL, revokeObjectURL } = URL;
URL.createObjectURL = blob => {
  const url = createObjectURL.call(URL, blob);
  urls.made += 1;
  urls.live.set(url, blob);
  return url;
};
URL.revokeObjectURL = url => { urls.live.delete(url); revokeObjectURL.call(URL, url); };
window.observers = new Set();
window.ResizeObserver = class extends ResizeObserver {
  observe(...all) { observers.add(this); super.observe(...all); }
  disconnect() { observers.delete(this); super.disconnect(); }
};
window.outside = new Set();
for (const target of [window, document]) {
  const listen = target.addEventListener;
  target.addEventListener = function (type, react, options) {
    outside.add(react);
    options?.signal?.addEventListener("abort", () => outside.delete(react));
    return listen.call(this, type, react, options);
  };
}

// The part of a Backbone model that anywidget passes to a view, and what Python answers. Python's side has all `cards`,
// their `order`, and the `selected` keys, which no front end sees.
const PYTHON = ["cards", "order", "selected", "note", "basis", "aspect"];
class Model {
  constructor(state) {
    this.python = { note: "", basis: 0, aspect: 1 };
    this.state = { version: 1 };
    this.assign(state);
    this.sent = [];
    this.saved = [];
    this.changed = {};
    this.listeners = [];
    this.isAnswering = true;
    this.isSilent = false;
    this.number = 0;
  }
  assign(state) {
    for (const [name, value] of Object.entries(state)) {
      (PYTHON.includes(name) ? this.python : this.state)[name] = value;
    }
    this.byKey ??= new Map();
    if ("cards" in state) this.byKey = new Map(state.cards.map((card, place) => [card.key, place]));
    if ("cards" in state || "order" in state) {
      this.places = new Map(this.python.order.map((number, place) => [number, place]));
    }
  }
  get(name) { return PYTHON.includes(name) ? this.python[name] : this.state[name]; }
  set(name, value) {
    if (JSON.stringify(this.state[name]) === JSON.stringify(value)) return;
    this.state[name] = value;
    this.changed[name] = value;
    this.emit(`change:${name}`);
  }
  // As when Python sends several traits in one message: all are set before the first change event.
  update(state) {
    const names = Object.keys(state);
    const isArranged = names.some(name => PYTHON.includes(name) && name !== "selected");
    this.assign(isArranged ? { ...state, version: this.state.version + 1 } : state);
    for (const name of names) if (!PYTHON.includes(name)) this.emit(`change:${name}`);
    if (isArranged) this.emit("change:version");
    if ("selected" in state) this.emit("msg:custom", { type: "selection", ...this.selection() }, []);
    if ("cards" in state) this.describe(this.state.opened);
  }
  // The details of a card, as Python would send them; the cards of a test carry them along.
  describe(key) {
    const card = this.python.cards[this.byKey.get(key)];
    if (card) this.emit("msg:custom", { type: "details", key, pairs: card.details, relatives: card.relatives }, []);
  }
  save_changes() { this.saved.push(this.changed); this.changed = {}; }
  on(event, react) { this.listeners.push([event, react]); }
  off(event, react) { this.listeners = this.listeners.filter(([e, r]) => e !== event || r !== react); }
  emit(event, ...rest) { for (const [e, react] of [...this.listeners]) if (e === event) react(...rest); }
  send(content) {
    this.sent.push(structuredClone(content));
    const { type } = content;
    if (type === "details") queueMicrotask(() => this.describe(content.keys[0]));
    if (this.isAnswering && type === "load") for (const key of content.keys) this.answer(content.kind, key);
    if (this.isSilent) return;
    if (type === "select") this.change(content);
    if (type === "compare") this.update({ compared: this.python.selected.slice(0, 4) });
    if (["sync", "window", "select"].includes(type)) {
      const told = type === "select" ? this.told(content) : this[type](content);
      if (this.held) this.held.push(told);
      else this.emit("msg:custom", told, []);
    }
  }
  // Sends the answers that were held back by `held = []`.
  release() { for (const told of this.held.splice(0)) this.emit("msg:custom", told, []); }
  cardsOf(first, last) {
    return this.python.order.slice(first, last + 1).map(number => this.python.cards[number] ?? null);
  }
  placeOf(key) { return this.places.get(this.byKey.get(key)); }
  sync({ by, basis, keys, dialog, spans }) {
    const known = keys.map(key => [key, this.placeOf(key)]);
    const places = Object.fromEntries(known.filter(([, place]) => place !== undefined));
    const windows = spans.map(({ anchor, before, after }) => {
      const place = basis === this.python.basis ? (places[anchor] ?? 0) : 0;
      const first = Math.max(0, place - before);
      return { first, cards: this.cardsOf(first, place + after) };
    });
    const found = dialog.filter(key => this.byKey.has(key)).map(key => this.python.cards[this.byKey.get(key)]);
    const { note, order, cards, aspect } = this.python;
    return { type: "order", by, version: this.state.version, basis: this.python.basis, count: order.length,
      total: cards.length, aspect, note, places, windows, found, selection: this.selection() };
  }
  window({ by, version, first, last }) {
    const cards = version === this.state.version ? this.cardsOf(first, last) : [];
    return { type: "cards", by, version: this.state.version, first, cards };
  }
  selection() {
    const selected = new Set(this.python.selected.map(key => this.byKey.get(key)));
    const runs = [];
    if (selected.size) this.python.order.forEach((number, place) => {
      if (!selected.has(number)) return;
      if (runs.at(-1)?.[1] === place - 1) runs.at(-1)[1] = place;
      else runs.push([place, place]);
    });
    const shown = runs.reduce((sum, [first, last]) => sum + last - first + 1, 0);
    return { version: this.state.version, runs, count: selected.size, hidden: selected.size - shown };
  }
  change({ how, keys, first, last }) {
    const { selected, order, cards } = this.python;
    const range = (from, to) => order.slice(from, to + 1).map(number => cards[number].key);
    this.python.selected = {
      toggle: () => selected.includes(keys[0]) ? selected.filter(key => key !== keys[0]) : [...selected, keys[0]],
      range: () => [...new Set([...selected, ...range(first, last)])],
      all: () => range(0, order.length - 1),
      none: () => [],
    }[how]();
  }
  told({ by, op }) { return { type: "selection", by, op, ...this.selection() }; }
  async answer(kind, key) {
    const card = this.python.cards[this.byKey.get(key)];
    const { bytes, mime, width, height } = await paint(card, kind);
    const content = { type: "image", kind, key, mime, width, height, number: ++this.number };
    this.emit("msg:custom", content, [new DataView(bytes)]);
  }
  fail(kind, key, problem) {
    this.emit("msg:custom", { type: "image_error", kind, key, problem, number: ++this.number }, []);
  }
}

const painted = new Map();
async function paint(card, kind) {
  const full = { width: card.width ?? 1024, height: card.height ?? 1024 };
  const ratio = kind === "original" ? 1 : 320 / Math.max(full.width, full.height);
  const [width, height] = [Math.round(full.width * ratio), Math.round(full.height * ratio)];
  const number = [...card.key].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 9973, 7);
  // Drawn once per shape and look, so that the painter does not dominate the tests.
  const look = `${width}x${height} ${number % 24} ${card.is_transparent}`;
  if (!painted.has(look)) painted.set(look, draw(width, height, number % 24, card.is_transparent));
  return { bytes: await painted.get(look), mime: typeOf(card.is_transparent), width, height };
}
async function draw(width, height, number, isTransparent) {
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  const pen = canvas.getContext("2d");
  const hue = number * 47 % 360;
  const sky = pen.createLinearGradient(0, 0, 0, height);
  sky.addColorStop(0, `hsl(${hue} 45% ${30 + number % 5 * 9}%)`);
  sky.addColorStop(1, `hsl(${hue + 50} 55% 72%)`);
  if (!isTransparent) { pen.fillStyle = sky; pen.fillRect(0, 0, width, height); }
  pen.fillStyle = `hsl(${hue + 30} 80% 88%)`;
  pen.beginPath();
  pen.arc(width * (0.25 + number % 6 / 12), height * 0.3, Math.min(width, height) * 0.11, 0, 7);
  pen.fill();
  for (let hill = 0; hill < 3; hill += 1) {
    pen.fillStyle = `hsl(${hue + 180 + hill * 14} 32% ${46 - hill * 13}%)`;
    pen.beginPath();
    pen.moveTo(0, height);
    for (let x = 0; x <= 40; x += 1) {
      const y = 0.55 + hill * 0.13 + 0.06 * Math.sin(x / 40 * (5 + number % 4) + hill * 2 + number);
      pen.lineTo(x / 40 * width, y * height);
    }
    pen.lineTo(width, height);
    pen.fill();
  }
  const type = typeOf(isTransparent);
  return new Promise(done => canvas.toBlob(async blob => done(await blob.arrayBuffer()), type, 0.7));
}
// Encoding a JPEG takes a fraction of the time.
function typeOf(isTransparent) { return isTransparent ? "image/png" : "image/jpeg"; }

const { style } = document.documentElement;
const writeText = navigator.clipboard.writeText;

// Ends the grid of the test before, and forgets everything about it.
window.reset = () => {
  window.endView?.();
  window.endModel?.();
  document.querySelector("main").replaceChildren();
  style.cssText = "";
  urls.made = 0;
  for (const known of [urls.live, observers, outside]) known.clear();
  delete window.hacked;
  navigator.clipboard.writeText = writeText;
  document.activeElement.blur();
  scrollTo(0, 0);
};
window.start = state => {
  const widget = makeWidget();
  window.model = new Model(state);
  window.endModel = widget.initialize({ model });
  window.addView = () => {
    const el = document.createElement("div");
    document.querySelector("main").append(el);
    const end = widget.render({ model, el });
    return () => { end(); el.remove(); };
  };
  window.began = performance.now();
  window.endView = addView();
};
document.body.dataset.ready = "yes";
</script></body></html>
"""


@dataclass(frozen=True)
class GridPage:
    """A page with one grid.

    Attributes:
        page: The browser's page.
    """

    page: Page

    @property
    def root(self) -> Locator:
        return self.page.locator(".seedream-grid")

    @property
    def tiles(self) -> Locator:
        return self.page.get_by_role("option")

    @property
    def dialog(self) -> Locator:
        return self.page.get_by_role("dialog")

    @property
    def counts(self) -> Locator:
        return self.page.locator(".seedream-grid-counts")

    def tile(self, key: str) -> Locator:
        return self.page.locator(f'[role=option][data-key="{key}"]')

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    def get(self, trait: str) -> Any:
        """The value of a trait in the model."""
        return self.page.evaluate("name => model.get(name)", trait)

    def update(self, **traits: object) -> None:
        """Sets traits as Python would, in one message."""
        self.page.evaluate("state => model.update(state)", traits)

    def send(self, kind: str, **content: object) -> None:
        """Sends a message as Python would."""
        self.page.evaluate("content => model.emit('msg:custom', content, [])", {"type": kind, **content})

    def sent(self, kind: str) -> list[Any]:
        """The messages of this type that the grid has sent."""
        messages: list[Any] = self.page.evaluate("type => model.sent.filter(sent => sent.type === type)", kind)
        return messages

    def requested(self, kind: str) -> list[str]:
        """The keys of all requested images of this kind."""
        return [key for message in self.sent("load") if message["kind"] == kind for key in message["keys"]]


def make_card(number: int, **changes: object) -> dict[str, object]:
    """A card as `describe` makes it, with its details."""
    task_id = f"{number:08x}-5e0f-4d27-9a3b-c84f7e216d05"
    facts = ["SeeDream 4.0", "2048×2048", f"seed {number}"]  # noqa: RUF001  the sign typographers use
    card: dict[str, object] = {
        "key": f"{task_id}/0",
        "task_id": task_id,
        "prompt": f"{SUBJECTS[number % len(SUBJECTS)]}, number {number}",
        "is_prompt_cut": False,
        "icon": "✓",
        "state": "succeeded",
        "is_in_progress": False,
        "facts": facts,
        "position": "",
        "problem": "",
        "has_image": True,
        "width": 2048,
        "height": 2048,
        "is_transparent": False,
        "link": f"https://cdn.example.com/{number}.jpeg",
        "details": [
            ["Task ID", task_id],
            ["Model", "doubao-seedream-4-0-250828"],
            ["Size", facts[1]],
            ["Seed", str(number)],
            ["State", "succeeded"],
            ["Created", "2025-11-02 14:03:09 UTC"],
            ["Duration", "7.4 s"],
            ["Usage", "1 image"],
        ],
    }
    return {**card, **changes}


def make_cards(count: int) -> list[dict[str, object]]:
    """Cards of one shape, all with images."""
    return [make_card(number) for number in range(count)]


def open_many(page: Page, count: int, *, thumbnail: int = 200) -> GridPage:
    """Shows a grid with so many cards that only the page itself can have made them."""
    grid = open_grid(page, [make_card(0)], thumbnail=thumbnail)
    page.evaluate(
        """count => {
          const [card] = model.get('cards');
          const cards = Array.from({ length: count }, (_, number) => ({
            ...card, key: `${number}/0`, task_id: String(number), prompt: `image ${number}`,
          }));
          model.update({ cards, order: Array.from(cards.keys()) });
          model.sent.length = 0;
        }""",
        count,
    )
    return grid


def failed_card(number: int) -> dict[str, object]:
    """A card whose task has failed."""
    problem = "Rejected by the content check. (InputTextSensitiveContentDetected)"
    return make_card(number, icon="✕", state="failed", has_image=False, problem=problem, width=None, height=None)


def pending_card(number: int) -> dict[str, object]:
    """A card whose task is pending."""
    return make_card(number, icon="○", state="pending", is_in_progress=True, has_image=False)


def open_grid(page: Page, cards: Sequence[dict[str, object]], *, theme: str = "", **state: object) -> GridPage:
    """Shows a grid on the bare page.

    Args:
        page: A page on which `load_page` was called; the grid of an earlier test goes.
        cards: The cards.
        theme: One of `THEMES`.
        state: Traits that are not at their defaults.

    Returns:
        The page.
    """
    traits = {
        "cards": list(cards),
        "order": list(range(len(cards))),
        "selected": [],
        "opened": "",
        "compared": [],
        "thumbnail": 200,
        "folder": "results",
        "can_generate": True,
        **state,
    }
    page.evaluate("reset()")
    page.mouse.move(0, 0)
    page.evaluate(
        "all => Object.entries(all).forEach(([n, v]) => document.documentElement.style.setProperty(n, v))",
        THEMES[theme],
    )
    page.evaluate("state => start(state)", traits)
    return GridPage(page)


def load_page(page: Page) -> None:
    """Loads the bare page, with the grid's module but no grid yet."""

    contents = {
        "": (PAGE, "text/html"),
        "grid.css": (join_parts(*GRID_STYLES), "text/css"),
        "grid.js": (join_parts(*SCRIPTS), "text/javascript"),
    }

    def answer(route: Route) -> None:
        body, content_type = contents[route.request.url.removeprefix(ADDRESS)]
        route.fulfill(body=body, content_type=f"{content_type}; charset=utf-8")

    page.route(f"{ADDRESS}**", answer)
    page.goto(ADDRESS)
    page.locator("body[data-ready]").wait_for(state="attached")
