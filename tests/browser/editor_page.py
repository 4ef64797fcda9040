"""A bare page with the markup editor, connected to a real panel: no JupyterLab and no kernel, but all else is real."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from seedream_nb.panels.grid import GRID_STYLES, join_parts
from seedream_nb.panels.markup_editor import MARKUP_SCRIPTS, MARKUP_STYLES
from tests.browser.grid_page import THEMES
from tests.panels.support import join_jobs, record_messages

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page, Route

    from seedream_nb import Explorer

ADDRESS = "http://localhost/editor/"  # never reached
TRAITS = ("description", "tooltip", "disabled", "is_primary", "number", "seen")
PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Editor</title><link rel="stylesheet" href="editor.css">
<style>body { margin: 8px; background: var(--jp-layout-color0, white); }</style></head>
<body><button id="origin">Edit</button><main></main><script type="module">
import makeWidget from "./editor.js";

// The part of a Backbone model that anywidget passes to a view.
class Model {
  constructor(state) { this.state = state; this.sent = []; this.listeners = []; }
  get(name) { return this.state[name]; }
  on(events, react) { for (const event of events.split(" ")) this.listeners.push([event, react]); }
  off(events, react) {
    const names = events.split(" ");
    this.listeners = this.listeners.filter(([event, known]) => !names.includes(event) || known !== react);
  }
  emit(event, ...rest) { for (const [name, react] of [...this.listeners]) if (name === event) react(...rest); }
  send(content) { this.sent.push(structuredClone(content)); }
  take() { return this.sent.splice(0); }
  update(state) { Object.assign(this.state, state); this.emit("change"); }
  receive(content, buffers) {
    const views = buffers.map(text => new DataView(Uint8Array.from(atob(text), letter => letter.charCodeAt(0)).buffer));
    this.emit("msg:custom", content, views);
  }
}
window.start = state => {
  window.endView?.();
  window.endModel?.();
  document.querySelector("main").replaceChildren();
  const widget = makeWidget();
  window.model = new Model(state);
  window.endModel = widget.initialize({ model });
  const el = document.createElement("div");
  document.querySelector("main").append(el);
  window.endView = widget.render({ model, el });
};
document.body.dataset.ready = "yes";
</script></body></html>
"""
# The middle of a pixel of the original on the screen.
LOCATE = """([x, y]) => {
  const box = document.querySelector(".seedream-markup-image").getBoundingClientRect();
  const { width, height } = document.querySelector(".seedream-markup-image").style;
  return [box.left + x * box.width / parseFloat(width), box.top + y * box.height / parseFloat(height)];
}"""


@dataclass
class EditorPage:
    """A page with the editor of a panel.

    Attributes:
        page: The browser's page.
        panel: The panel.
        waiting: What the panel has sent to its editor, and is not there yet.
        received: All messages of the editor, in order.
    """

    page: Page
    panel: Explorer
    waiting: list[tuple[dict[str, Any], list[bytes]]]
    received: list[dict[str, Any]] = field(default_factory=list)

    @property
    def root(self) -> Locator:
        return self.page.locator(".seedream-markup")

    @property
    def canvas(self) -> Locator:
        return self.page.locator(".seedream-markup-canvas")

    @property
    def shapes(self) -> Locator:
        return self.page.locator(".seedream-markup-shape")

    @property
    def instruction(self) -> Locator:
        return self.page.get_by_label("What to change")

    @property
    def generate(self) -> Locator:
        return self.page.locator(".seedream-markup-submit button")

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    def item(self, name: str) -> Locator:
        """The button of a shape in the list."""
        return self.page.locator(".seedream-markup-list").get_by_role("button", name=name, exact=True)

    def exchange(self) -> None:
        """Carries all messages between the page and the panel until none is left."""
        # What the page sends after a change is sent in a task of its own, and for typed text a moment later.
        self.page.evaluate("new Promise(done => setTimeout(done, 200))")
        while True:
            messages = self.page.evaluate("model.take()")
            for message in messages:
                self.received.append(message)
                self.panel.editor._handle_custom_msg(message, [])
            join_jobs()
            waiting = self.waiting[:]
            self.waiting.clear()
            state = {name: getattr(self.panel.editor, name) for name in TRAITS}
            self.page.evaluate("state => model.update(state)", state)
            for content, buffers in waiting:
                texts = [base64.b64encode(buffer).decode() for buffer in buffers]
                self.page.evaluate("([content, buffers]) => model.receive(content, buffers)", [content, texts])
            if not messages and not waiting:
                return

    def locate(self, x: float, y: float) -> tuple[float, float]:
        """Where a place of the original, in pixels, is on the screen."""
        left, top = self.page.evaluate(LOCATE, [x, y])
        return left, top

    def drag(self, *points: tuple[float, float]) -> None:
        """Drags the mouse over places of the original."""
        self.page.mouse.move(*self.locate(*points[0]))
        self.page.mouse.down()
        for point in points[1:]:
            self.page.mouse.move(*self.locate(*point), steps=4)
        self.page.mouse.up()

    def drawn(self) -> list[dict[str, Any]]:
        """The shapes, as the panel has them."""
        self.exchange()
        session = self.panel._editing._session
        assert session is not None
        return [dict(shape) for shape in session.entries.shapes]


def load_page(page: Page) -> None:
    """Loads the bare page, with the editor's module but no editor yet."""
    contents = {
        "": (PAGE, "text/html"),
        "editor.css": (join_parts(*GRID_STYLES, *MARKUP_STYLES), "text/css"),
        "editor.js": (join_parts(*MARKUP_SCRIPTS), "text/javascript"),
    }

    def answer(route: Route) -> None:
        body, content_type = contents[route.request.url.removeprefix(ADDRESS)]
        route.fulfill(body=body, content_type=f"{content_type}; charset=utf-8")

    page.route(f"{ADDRESS}**", answer)
    page.goto(ADDRESS)
    page.locator("body[data-ready]").wait_for(state="attached")


def open_editor(page: Page, panel: Explorer, *, theme: str = "") -> EditorPage:
    """Opens the first image of a panel in its editor.

    Args:
        page: A page on which `load_page` was called; the editor of an earlier test goes.
        panel: The panel.
        theme: One of `THEMES`.

    Returns:
        The page, with the image loaded.
    """
    waiting: list[tuple[dict[str, Any], list[bytes]]] = []
    record_messages(panel, waiting)
    page.evaluate(
        """all => {
          document.documentElement.style.cssText = "";
          Object.entries(all).forEach(([n, v]) => document.documentElement.style.setProperty(n, v));
        }""",
        THEMES[theme],
    )
    page.evaluate("state => start(state)", {name: getattr(panel.editor, name) for name in TRAITS})
    page.locator("#origin").focus()
    editor = EditorPage(page, panel, waiting)
    editor.exchange()
    edit_first(panel)
    editor.exchange()
    editor.page.wait_for_function("document.querySelector('.seedream-markup-image')?.complete")
    return editor


def edit_first(panel: Explorer) -> None:
    """Clicks Edit in the detail view of the first card."""
    key = panel._state.collection.cards[0].key
    panel.grid._handle_custom_msg({"type": "action", "action": "edit", "keys": [key]}, [])


def body_sent(content: bytes) -> dict[str, Any]:
    """The body of a request."""
    body: dict[str, Any] = json.loads(content)
    return body
