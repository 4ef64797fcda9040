"""The markup editor: an image to draw on, with the instruction, what is sent, and the button that pays.

The front end (`static/markup/`) draws; the shapes are state here. Its messages are untrusted input, checked here. Each
state that is drawn and typed has a revision: the button is enabled only while it was planned for exactly this one.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from seedream_nb.core.foreign import VERBATIM
from seedream_nb.images.markup_rendering import Measures, contrast_of
from seedream_nb.images.shapes import COLORS
from seedream_nb.panels.edit_orders import models_to_choose
from seedream_nb.panels.grid import join_parts
from seedream_nb.panels.submit import Submitter

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from seedream_nb.panels.edit_orders import EditEntries

MARKUP_SCRIPTS = (
    *("grid/elements.js", "submit.js"),
    *("markup/shapes.js", "markup/drawing.js", "markup/store.js"),
    *("markup/viewport.js", "markup/gestures.js", "markup/canvas.js", "markup/candidates.js", "markup/aside.js"),
    *("markup/result.js", "markup/editor.js"),
)
MARKUP_STYLES = ("markup/editor.css", "markup/aside.css")
LONGEST_REVISION = 64  # characters
ACTIONS = ("preview", "close", "edit_result", "allow")


class MarkupEditor(Submitter):
    """The editor; it shows nothing while no image is edited.

    Args:
        on_submit: Called with the revision that was clicked.
        on_outdated: As for `Submitter`.
        on_change: Called with the entries as the front end sends them, unchecked.
        on_action: Called with one of `ACTIONS`.
        on_ready: Called when a browser shows the editor and knows nothing of its image.
    """

    _esm = join_parts(*MARKUP_SCRIPTS)
    _css = join_parts(*MARKUP_STYLES)

    def __init__(
        self,
        on_submit: Callable[[Mapping[str, object]], None],
        on_outdated: Callable[[], None],
        *,
        on_change: Callable[[object], None],
        on_action: Callable[[str], None],
        on_ready: Callable[[], None],
    ) -> None:
        self.key = ""
        self.revision = ""
        self._on_change = on_change
        self._on_action = on_action
        self._on_ready = on_ready
        super().__init__(on_submit, on_outdated, description="Generate", disabled=True, is_primary=True)
        for name in VERBATIM:
            self.add_class(name)

    def read(self) -> dict[str, object]:
        """The revision of what is drawn and typed."""
        return {"revision": self.revision}

    def show_image(
        self,
        key: str,
        label: str,
        entries: EditEntries,
        revision: str,
        *,
        image: tuple[bytes, str, tuple[int, int]] | None = None,
        problem: str = "",
    ) -> None:
        """Shows an image to draw on; again when it is there, or cannot be loaded.

        Args:
            key: Identifies the image.
            label: What it shows.
            entries: What was drawn and typed before.
            revision: The revision of these.
            image: Its file, type, and size in pixels.
            problem: Why it cannot be loaded.
        """
        self.key, self.revision = key, revision
        content: dict[str, object] = {"label": label, "entries": entries.to_dict(), "revision": revision}
        content |= {"problem": problem, "models": models_to_choose(), "width": 1, "height": 1}
        content["colors"] = [
            {"name": name, "value": value, "contrast": f"#{bytes(contrast_of(name)).hex()}"}
            for name, value in COLORS.items()
        ]
        if image is None:
            self._post("session", content)
            return
        data, mime, (width, height) = image
        style = dataclasses.asdict(Measures.of(width, height))
        self._post("session", {**content, "mime": mime, "width": width, "height": height, "style": style}, data)

    def send_facts(self, words: Mapping[int, str], warning: str) -> None:
        """Shows the words for each shape, and a warning about the instruction."""
        self._post(
            "facts",
            {"revision": self.revision, "words": {str(n): text for n, text in words.items()}, "warning": warning},
        )

    def send_plan(self, content: Mapping[str, object], thumbnail: tuple[bytes, str] | None) -> None:
        """Shows what a click would send, with a thumbnail of the marked copy."""
        self._send_image("plan", content, thumbnail)

    def send_preview(self, revision: str, image: tuple[bytes, str]) -> None:
        """Shows exactly the image that a click would send."""
        self._send_image("preview", {"revision": revision}, image)

    def send_result(self, content: Mapping[str, object], image: tuple[bytes, str]) -> None:
        """Shows the result beside the original."""
        self._send_image("result", content, image)

    def send_status(self, text: str, *, is_error: bool = False, is_busy: bool = False) -> None:
        """Shows what becomes of the request."""
        self._post("status", {"text": text, "is_error": is_error, "is_busy": is_busy})

    def leave(self) -> None:
        """Shows no image any more."""
        self._post("close", {})
        self.key = self.revision = ""

    def _send_image(self, kind: str, content: Mapping[str, object], image: tuple[bytes, str] | None) -> None:
        if image is None:
            self._post(kind, content)
        else:
            self._post(kind, {**content, "mime": image[1]}, image[0])

    def _post(self, kind: str, content: Mapping[str, object], *buffers: bytes) -> None:
        self.send({**content, "type": kind, "key": self.key}, list(buffers))

    def _receive(self, widget: object, content: object, buffers: object) -> None:
        super()._receive(widget, content, buffers)
        if not isinstance(content, dict):
            return
        kind, revision = content.get("type"), content.get("revision")
        if kind == "ready":
            self._on_ready()
        elif not self.key or content.get("key") != self.key:
            return
        elif kind == "change" and isinstance(revision, str) and len(revision) <= LONGEST_REVISION:
            self.revision = revision
            self._on_change(content.get("entries"))
        elif isinstance(kind, str) and kind in ACTIONS:
            self._on_action(kind)
