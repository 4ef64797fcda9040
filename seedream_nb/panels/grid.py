"""The image grid: one widget for any number of images, which has only the cards near its viewport.

The front end (`static/grid/`) requests cards and images as they come near the viewport, and reports selections and
clicks. Its messages are untrusted input: `windows` answers those about cards, and handlers read the others with it.

There is no build step: Python joins the parts of the front end, base classes first. They share one scope and need no
imports.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import anywidget
import traitlets

from seedream_nb.core.errors import ImageError
from seedream_nb.core.foreign import VERBATIM
from seedream_nb.panels.image_cache import Kind
from seedream_nb.panels.windows import answer_sync, answer_window, change_selection, describe_selection, read_keys

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TypeAlias

    from seedream_nb.panels.image_cache import LoadedImage
    from seedream_nb.panels.state import ExplorerState

    Handler: TypeAlias = "Callable[[Mapping[str, object]], None]"

STATIC = Path(__file__).with_name("static")
SCRIPTS = (
    *("grid/cards.js", "grid/elements.js", "grid/images.js", "grid/selection.js", "grid/deck.js"),
    *("grid/tile.js", "grid/chooser.js", "grid/track.js", "grid/sheet.js"),
    *("grid/lens.js", "grid/stage.js", "grid/dialog.js", "grid/detail.js", "grid/lineage.js", "grid/editing.js"),
    *("grid/compare.js", "grid/marks.js", "grid/saving.js", "grid/view.js"),
)
GRID_STYLES = (
    "grid/frame.css",
    "grid/sheet.css",
    "grid/dialog.css",
    "grid/lineage.css",
    "grid/compare.css",
    "grid/marks.css",
    "grid/motion.css",
)

NARROWEST, WIDEST = 96, 480  # pixels of a tile
KINDS: tuple[Kind, ...] = get_args(Kind)
FEWEST_COMPARED, MOST_COMPARED = 2, 4


def join_parts(*names: str) -> str:
    """Joins parts of the front end, paths below `STATIC`; each begins with its name, for developer tools."""
    return "\n".join(f"/* {name} */\n{(STATIC / name).read_text(encoding='utf-8')}" for name in names)


class ImageGrid(anywidget.AnyWidget):
    """The grid with its detail and compare views: one widget model, whatever the number of images.

    Attributes:
        version: That of the cards and their order; the front end requests them whenever it changes.
        opened: The key of the card in the detail view, or empty; set by both sides.
        compared: The keys of two to four cards in the compare view, or none; set by both sides.
        thumbnail: The width of a square tile, in pixels; tiles of another shape have the same area; set by both sides.
        folder: The folder to save into, as it was typed; set by both sides.
        can_generate: Whether the detail view offers to use a card's settings.

    Example:
        >>> from seedream_nb.panels.state import ExplorerState
        >>> grid = ImageGrid(ExplorerState(print), thumbnail=160)
        >>> grid.on_load(lambda kind, keys: print(kind, keys))
        >>> grid.close()
    """

    _esm = join_parts(*SCRIPTS)
    _css = join_parts(*GRID_STYLES)

    version = traitlets.Int().tag(sync=True)
    opened = traitlets.Unicode().tag(sync=True)
    compared = traitlets.List(traitlets.Unicode()).tag(sync=True)
    thumbnail = traitlets.Int(200, min=NARROWEST, max=WIDEST).tag(sync=True)
    folder = traitlets.Unicode().tag(sync=True)
    can_generate = traitlets.Bool(default_value=False).tag(sync=True)

    def __init__(self, state: ExplorerState, **traits: Any) -> None:
        self._state = state
        self._load_handlers: list[Callable[[Kind, list[str]], None]] = []
        self._handlers: dict[str, list[Handler]] = {
            "sync": [lambda content: self.send(answer_sync(state, content))],
            "window": [self._send_window],
            "select": [self._select],
            "compare": [self._compare],
            "load": [self._load],
        }
        self._is_selecting = False
        self._sending = threading.Lock()
        self._number = 0
        self._in_flight: dict[tuple[str, str], int] = {}
        super().__init__(version=state.arrangement.version, **traits)
        for name in VERBATIM:
            self.add_class(name)
        self.on_msg(self._receive)

    def draw(self) -> None:
        """Shows what has changed in the cards or their order."""
        self.version = self._state.arrangement.version

    def draw_selection(self) -> None:
        """Shows what has changed in the selection."""
        # A change that comes from the front end is answered.
        if not self._is_selecting:
            self.send({"type": "selection", **describe_selection(self._state)})

    def deliver(self, key: str, kind: Kind, loaded: LoadedImage | ImageError) -> None:
        """Sends an image, or the reason why there is none, to the front end. May be called in any thread."""
        if isinstance(loaded, ImageError):
            problem = " ".join(filter(None, (loaded.message, loaded.hint)))
            self._send_numbered(kind, key, {"type": "image_error", "problem": problem})
        else:
            facts = {"type": "image", "mime": loaded.mime, "width": loaded.width, "height": loaded.height}
            self._send_numbered(kind, key, facts, loaded.data)

    def notify(self, text: str) -> None:
        """Shows a short message over the grid for a moment, and announces it to screen readers."""
        self.send({"type": "notify", "text": text})

    def reveal(self, key: str) -> None:
        """Scrolls to a card; where the detail view is open, it shows this card instead."""
        self.send({"type": "reveal", "key": key})

    def show_saved(self, ticket: object, text: str, *, is_error: bool = False) -> None:
        """Shows what became of saving, beside the button that sent the ticket."""
        self.send({"type": "saved", "ticket": ticket, "text": text, "is_error": is_error})

    def show_details(self, details: Mapping[str, object]) -> None:
        """Shows more about a card, as `describe_details` makes it, if the card is in the detail view.

        A message and not a trait, because front ends save traits with the notebook, and these are not for its readers.
        """
        self.send({"type": "details", **details})

    def copy_text(self, text: str) -> None:
        """Copies a text to the user's clipboard, and shows whether the browser allowed it."""
        self.send({"type": "copy", "text": text})

    def on(self, kind: str, handler: Handler) -> None:
        """Adds a handler for the messages of a kind, called with their untrusted content."""
        self._handlers.setdefault(kind, []).append(handler)

    def on_load(self, handler: Callable[[Kind, list[str]], None]) -> None:
        """Adds a handler for images that come near the viewport, or are opened.

        It is called with the kind, and the keys of all images of it that are needed and missing, the most urgent first;
        they replace those of the call before.
        """
        self._load_handlers.append(handler)

    def _receive(self, _widget: object, content: object, _buffers: object) -> None:
        if isinstance(content, dict) and isinstance(content.get("type"), str):
            for handler in self._handlers.get(content["type"], ()):
                handler(content)

    def _send_window(self, content: Mapping[str, object]) -> None:
        answer, missing = answer_window(self._state, content)
        self.send(answer)
        self._state.want(missing)

    def _select(self, content: Mapping[str, object]) -> None:
        self._is_selecting = True
        try:
            change_selection(self._state, content)
        finally:
            self._is_selecting = False
        answer = describe_selection(self._state)
        self.send({"type": "selection", "by": content.get("by"), "op": content.get("op"), **answer})

    def _compare(self, _content: Mapping[str, object]) -> None:
        if FEWEST_COMPARED <= len(self._state.selection) <= MOST_COMPARED:
            self.compared = self._state.selected_keys(MOST_COMPARED)

    def _send_numbered(self, kind: Kind, key: str, content: dict[str, object], *buffers: bytes) -> None:
        # The numbers tell what is still in flight when the front end requests images; they are sent in order.
        with self._sending:
            self._number += 1
            self._in_flight[kind, key] = self._number
            self.send({**content, "kind": kind, "key": key, "number": self._number}, list(buffers))

    def _load(self, content: Mapping[str, object]) -> None:
        """Passes on what is needed, except for what was sent after the last message that the front end had seen."""
        kind = next((known for known in KINDS if known == content.get("kind")), None)
        if kind is None or not isinstance(content.get("keys"), list):
            return
        seen = content.get("seen")
        with self._sending:
            # A reloaded page has seen nothing, and nothing is in flight to it.
            last = seen if isinstance(seen, int) else self._number
            self._in_flight = {item: number for item, number in self._in_flight.items() if number > last}
            missing = [key for key in read_keys(content) if (kind, key) not in self._in_flight]
        for handler in self._load_handlers:
            handler(kind, missing)
