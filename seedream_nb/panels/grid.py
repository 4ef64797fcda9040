"""Why: a thousand pictures are one widget, which sends what comes into view and nothing else; this is its Python end.

The front end (`static/grid/`) draws cards, asks for pictures as they come near its viewport, and tells what was
selected and clicked. What it sends is foreign input: it is checked here, so that handlers see good data only.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, get_args

import anywidget
import traitlets

from seedream_nb.core.errors import ImageError
from seedream_nb.panels.front_end import GRID_STYLES, SCRIPTS, join_parts
from seedream_nb.panels.pictures import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from seedream_nb.panels.pictures import Supplied

NARROWEST, WIDEST = 96, 480  # pixels of a tile
KINDS: tuple[Kind, ...] = get_args(Kind)
ACTIONS = ("save", "use_settings", "copy_prompt")


class ImageGrid(anywidget.AnyWidget):
    """The grid with its detail and compare views: one widget model, whatever the number of pictures.

    Attributes:
        cards: All cards, as `seedream_nb.panels.cards.describe` makes them.
        order: The positions in `cards` of those that are shown, in order.
        selected: The keys of the selected cards, in the order of selection; set by both sides.
        opened: The key of the card in the detail view, or empty; set by both sides.
        details: What is known of that card besides, as `seedream_nb.panels.cards.describe_details` says it.
        compared: The keys of two to four cards in the compare view, or none; set by both sides.
        thumbnail: The width of a square tile, in pixels; tiles of another shape take the same area; set by both sides.
        can_make: Whether the detail view offers to use a card's settings.

    Example:
        >>> grid = ImageGrid(thumbnail=160)
        >>> grid.on_want(lambda kind, keys: print(kind, keys))
        >>> grid.close()
    """

    _esm = join_parts(*SCRIPTS)
    _css = join_parts(*GRID_STYLES)

    cards = traitlets.List(traitlets.Dict()).tag(sync=True)
    order = traitlets.List(traitlets.Int()).tag(sync=True)
    selected = traitlets.List(traitlets.Unicode()).tag(sync=True)
    opened = traitlets.Unicode().tag(sync=True)
    details = traitlets.Dict().tag(sync=True)
    compared = traitlets.List(traitlets.Unicode()).tag(sync=True)
    thumbnail = traitlets.Int(200, min=NARROWEST, max=WIDEST).tag(sync=True)
    can_make = traitlets.Bool(default_value=False).tag(sync=True)

    def __init__(self, **traits: Any) -> None:
        self._keys: frozenset[str] = frozenset()
        self._want_handlers: list[Callable[[Kind, list[str]], None]] = []
        self._act_handlers: list[Callable[[str, list[str]], None]] = []
        self._sending = threading.Lock()
        self._number = 0
        self._on_their_way: dict[tuple[Kind, str], int] = {}
        super().__init__(**traits)
        self.on_msg(self._receive)

    def deliver(self, key: str, kind: Kind, found: Supplied | ImageError) -> None:
        """Sends a picture to the front end, or why there is none. May be called in any thread.

        Args:
            key: The card's key.
            kind: A thumbnail or an original.
            found: The picture, or the error.
        """
        if isinstance(found, ImageError):
            problem = " ".join(filter(None, (found.message, found.hint)))
            self._send_numbered(kind, key, {"type": "no_picture", "problem": problem})
        else:
            facts = {"type": "picture", "mime": found.mime, "width": found.width, "height": found.height}
            self._send_numbered(kind, key, facts, found.data)

    def say(self, text: str) -> None:
        """Shows a short sentence over the grid for a moment, and tells it to screen readers.

        Args:
            text: The sentence.
        """
        self.send({"type": "say", "text": text})

    def copy_text(self, text: str) -> None:
        """Puts a text into the clipboard of whoever has just clicked, and says whether the browser allowed it.

        Args:
            text: The text.
        """
        self.send({"type": "copy", "text": text})

    def on_want(self, handler: Callable[[Kind, list[str]], None]) -> None:
        """Sets what is called when pictures come near the viewport, or are opened.

        Args:
            handler: Called with the kind and the keys of all pictures of it that are needed and not there, the most
                urgent first. It replaces what was wanted before. Every key is that of a card.
        """
        self._want_handlers.append(handler)

    def on_act(self, handler: Callable[[str, list[str]], None]) -> None:
        """Sets what is called when something is to be done with cards.

        Args:
            handler: Called with one of `ACTIONS`, and the keys of at least one card.
        """
        self._act_handlers.append(handler)

    @traitlets.observe("cards")
    def _learn_keys(self, change: Mapping[str, Any]) -> None:
        self._keys = frozenset(str(card.get("key")) for card in change["new"])

    def _send_numbered(self, kind: Kind, key: str, content: dict[str, object], *buffers: bytes) -> None:
        # The numbers tell what is still on its way when the front end asks anew; they go out in order.
        with self._sending:
            self._number += 1
            self._on_their_way[kind, key] = self._number
            self.send({**content, "kind": kind, "key": key, "number": self._number}, list(buffers))

    def _receive(self, _widget: object, content: object, _buffers: object) -> None:
        if not isinstance(content, dict) or not isinstance(content.get("keys"), list):
            return
        keys = [key for key in content["keys"] if isinstance(key, str) and key in self._keys]
        if content.get("type") == "want":
            for kind in KINDS:
                if content.get("kind") == kind:
                    self._want(kind, keys, content.get("seen"))
        elif content.get("type") == "act" and content.get("action") in ACTIONS and keys:
            for act_handler in self._act_handlers:
                act_handler(content["action"], keys)

    def _want(self, kind: Kind, keys: list[str], seen: object) -> None:
        """Hands on what is wanted, without what was sent after the last answer that the front end had seen."""
        with self._sending:
            # A page that was loaded anew has seen nothing, and nothing is on its way to it.
            last = seen if isinstance(seen, int) else self._number
            self._on_their_way = {wish: number for wish, number in self._on_their_way.items() if number > last}
            missing = [key for key in keys if (kind, key) not in self._on_their_way]
        for handler in self._want_handlers:
            handler(kind, missing)
