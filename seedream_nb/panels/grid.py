"""The image grid: one widget for a thousand images, which loads only those near its viewport.

The front end (`static/grid/`) draws cards, requests images as they come near the viewport, and reports selections and
clicks. Its messages are untrusted input, checked here, so that handlers see only valid data.

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

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from seedream_nb.panels.image_cache import LoadedImage

STATIC = Path(__file__).with_name("static")
SCRIPTS = (
    *("grid/cards.js", "grid/elements.js", "grid/images.js", "grid/tile.js"),
    *("grid/chooser.js", "grid/sheet.js"),
    *("grid/lens.js", "grid/stage.js", "grid/dialog.js", "grid/detail.js", "grid/compare.js"),
    *("grid/saving.js", "grid/view.js"),
)
GRID_STYLES = ("grid/frame.css", "grid/sheet.css", "grid/dialog.css", "grid/compare.css", "grid/motion.css")

NARROWEST, WIDEST = 96, 480  # pixels of a tile
KINDS: tuple[Kind, ...] = get_args(Kind)
ACTIONS = ("use_settings", "copy_prompt")


def join_parts(*names: str) -> str:
    """Joins parts of the front end, paths below `STATIC`; each begins with its name, for developer tools."""
    return "\n".join(f"/* {name} */\n{(STATIC / name).read_text(encoding='utf-8')}" for name in names)


class ImageGrid(anywidget.AnyWidget):
    """The grid with its detail and compare views: one widget model, whatever the number of images.

    Attributes:
        cards: All cards, as `seedream_nb.panels.cards.describe` makes them.
        order: The positions in `cards` of those that are shown, in order.
        selected: The keys of the selected cards, in the order of selection; set by both sides.
        opened: The key of the card in the detail view, or empty; set by both sides.
        compared: The keys of two to four cards in the compare view, or none; set by both sides.
        thumbnail: The width of a square tile, in pixels; tiles of another shape have the same area; set by both sides.
        folder: The folder to save into, as it was typed; set by both sides.
        can_generate: Whether the detail view offers to use a card's settings.

    Example:
        >>> grid = ImageGrid(thumbnail=160)
        >>> grid.on_load(lambda kind, keys: print(kind, keys))
        >>> grid.close()
    """

    _esm = join_parts(*SCRIPTS)
    _css = join_parts(*GRID_STYLES)

    cards = traitlets.List(traitlets.Dict()).tag(sync=True)
    order = traitlets.List(traitlets.Int()).tag(sync=True)
    selected = traitlets.List(traitlets.Unicode()).tag(sync=True)
    opened = traitlets.Unicode().tag(sync=True)
    compared = traitlets.List(traitlets.Unicode()).tag(sync=True)
    thumbnail = traitlets.Int(200, min=NARROWEST, max=WIDEST).tag(sync=True)
    folder = traitlets.Unicode().tag(sync=True)
    can_generate = traitlets.Bool(default_value=False).tag(sync=True)

    def __init__(self, **traits: Any) -> None:
        self._keys: frozenset[str] = frozenset()
        self._load_handlers: list[Callable[[Kind, list[str]], None]] = []
        self._action_handlers: list[Callable[[str, list[str]], None]] = []
        self._open_handlers: list[Callable[[str], None]] = []
        self._zone_handlers: list[Callable[[str], None]] = []
        self._save_handlers: list[Callable[[list[str], str], None]] = []
        self._sending = threading.Lock()
        self._number = 0
        self._in_flight: dict[tuple[Kind, str], int] = {}
        super().__init__(**traits)
        for name in VERBATIM:
            self.add_class(name)
        self.on_msg(self._receive)

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

    def show_saved(self, keys: Sequence[str], text: str, *, is_error: bool = False) -> None:
        """Shows what became of saving some cards, beside the button that was clicked."""
        self.send({"type": "saved", "keys": list(keys), "text": text, "is_error": is_error})

    def show_details(self, details: Mapping[str, object]) -> None:
        """Shows more about a card, as `describe_details` makes it, if the card is in the detail view.

        A message and not a trait, because front ends save traits with the notebook, and these are not for its readers.
        """
        self.send({"type": "details", **details})

    def copy_text(self, text: str) -> None:
        """Copies a text to the user's clipboard, and shows whether the browser allowed it."""
        self.send({"type": "copy", "text": text})

    def on_load(self, handler: Callable[[Kind, list[str]], None]) -> None:
        """Adds a handler for images that come near the viewport, or are opened.

        It is called with the kind, and the keys of all images of it that are needed and missing, the most urgent first;
        they replace those of the call before. Every key is that of a card.
        """
        self._load_handlers.append(handler)

    def on_open(self, handler: Callable[[str], None]) -> None:
        """Adds a handler for cards that are opened in a detail view, called with the key when details are needed."""
        self._open_handlers.append(handler)

    def on_time_zone(self, handler: Callable[[str], None]) -> None:
        """Adds a handler for the name of the browser's time zone, such as `Europe/Berlin`."""
        self._zone_handlers.append(handler)

    def on_save(self, handler: Callable[[list[str], str], None]) -> None:
        """Adds a handler for saving, called with the keys of at least one card, and the folder as it was typed."""
        self._save_handlers.append(handler)

    def on_action(self, handler: Callable[[str, list[str]], None]) -> None:
        """Adds a handler for buttons; called with one of `ACTIONS`, and the keys of at least one card."""
        self._action_handlers.append(handler)

    @traitlets.observe("cards")
    def _update_keys(self, change: Mapping[str, Any]) -> None:
        self._keys = frozenset(str(card.get("key")) for card in change["new"])

    def _send_numbered(self, kind: Kind, key: str, content: dict[str, object], *buffers: bytes) -> None:
        # The numbers tell what is still in flight when the front end requests images; they are sent in order.
        with self._sending:
            self._number += 1
            self._in_flight[kind, key] = self._number
            self.send({**content, "kind": kind, "key": key, "number": self._number}, list(buffers))

    def _receive(self, _widget: object, content: object, _buffers: object) -> None:
        if not isinstance(content, dict):
            return
        if content.get("type") == "time_zone" and isinstance(content.get("name"), str):
            for zone_handler in self._zone_handlers:
                zone_handler(content["name"])
        if not isinstance(content.get("keys"), list):
            return
        keys = [key for key in content["keys"] if isinstance(key, str) and key in self._keys]
        if content.get("type") == "load":
            for kind in KINDS:
                if content.get("kind") == kind:
                    self._load(kind, keys, content.get("seen"))
        elif keys:
            self._handle(content, keys)

    def _handle(self, content: Mapping[str, object], keys: list[str]) -> None:
        kind, action, folder = content.get("type"), content.get("action"), content.get("folder")
        if kind == "details":
            for open_handler in self._open_handlers:
                open_handler(keys[0])
        elif kind == "save" and isinstance(folder, str):
            for save_handler in self._save_handlers:
                save_handler(keys, folder)
        elif kind == "action" and isinstance(action, str) and action in ACTIONS:
            for action_handler in self._action_handlers:
                action_handler(action, keys)

    def _load(self, kind: Kind, keys: list[str], seen: object) -> None:
        """Passes on what is needed, except for what was sent after the last message that the front end had seen."""
        with self._sending:
            # A reloaded page has seen nothing, and nothing is in flight to it.
            last = seen if isinstance(seen, int) else self._number
            self._in_flight = {item: number for item, number in self._in_flight.items() if number > last}
            missing = [key for key in keys if (kind, key) not in self._in_flight]
        for handler in self._load_handlers:
            handler(kind, missing)
