"""Why: three ways to tasks that exist already: by their ids, from the account's history, from the library."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ipywidgets

from seedream_nb.panels.controls import make_field

if TYPE_CHECKING:
    from collections.abc import Callable


class GetForm(ipywidgets.HBox):
    """Task ids, pasted or typed.

    Attributes:
        on_get: Called with the text.
    """

    def __init__(self, on_get: Callable[[str], None]) -> None:
        self.ids = make_field(
            ipywidgets.Textarea,
            "Task ids",
            "auto",
            placeholder="Paste task ids, with any separators",
            rows=1,
        )
        self.ids.layout.flex = "1 1 280px"
        self.button = ipywidgets.Button(description="Get tasks", tooltip="Show these tasks. Free of charge.")
        self.button.on_click(lambda _button: on_get(self.ids.value))
        super().__init__([self.ids, self.button])
        self.layout.flex_flow = "row wrap"
        self.add_class("seedream-row")


class HistoryForm(ipywidgets.HBox):
    """The account's tasks, page by page."""

    def __init__(self, on_more: Callable[[str], None]) -> None:
        self.since = make_field(ipywidgets.Text, "Since", "200px", placeholder="2h, 3d, 2026-11-20")
        self.button = ipywidgets.Button(
            description="Show newest", tooltip="Free of charge; click again for older ones."
        )
        self.button.on_click(lambda _button: on_more(self.since.value))
        super().__init__([self.since, self.button])
        self.layout.flex_flow = "row wrap"
        self.add_class("seedream-row")


class LibraryForm(ipywidgets.HBox):
    """What is kept on this machine, page by page.

    Args:
        on_search: Called with the words to look for.
    """

    def __init__(self, on_search: Callable[[str], None]) -> None:
        self.text = make_field(
            ipywidgets.Text, "Words", "auto", placeholder='words of prompts, tags and notes, or "several words"'
        )
        self.text.layout.flex = "1 1 280px"
        self.button = ipywidgets.Button(
            description="Search library", tooltip="Asks nobody; click again for older ones."
        )
        self.button.on_click(lambda _button: on_search(self.text.value))
        super().__init__([self.text, self.button])
        self.layout.flex_flow = "row wrap"
        self.add_class("seedream-row")
