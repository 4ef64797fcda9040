"""Why: which tiles are shown, and in what order, is chosen among what there is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ipywidgets

from seedream_nb.panels.controls import make_field
from seedream_nb.panels.filters import Filter, Sort
from seedream_nb.protocol.capabilities import display_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from seedream_nb.panels.collection import Choices


class FilterBar(ipywidgets.HBox):
    """Which tiles are shown, and in what order.

    Args:
        on_change: Called with the filter and the order whenever they change.
    """

    def __init__(self, on_change: Callable[[], None]) -> None:
        self._is_filling = False
        self.text = make_field(ipywidgets.Text, "Filter", placeholder="words or id", continuous_update=True)
        self.model = make_field(ipywidgets.Dropdown, "Model", options=[("all", "")])
        self.status = make_field(ipywidgets.Dropdown, "State", options=[("all", "")])
        self.size = make_field(ipywidgets.Dropdown, "Size", options=[("all", "")])
        self.since = make_field(ipywidgets.DatePicker, "From")
        self.until = make_field(ipywidgets.DatePicker, "To")
        self.sort = make_field(ipywidgets.Dropdown, "Sort", options=[(sort.value, sort) for sort in Sort])
        super().__init__([self.text, self.model, self.status, self.size, self.since, self.until, self.sort])
        self.add_class("seedream-fields")
        self.add_class("seedream-filters")
        for field in self.children:
            field.observe(lambda _change: None if self._is_filling else on_change(), "value")

    def read(self) -> tuple[Filter, Sort]:
        """The filter and the order."""
        wanted = Filter(
            text=self.text.value,
            model=self.model.value,
            status=self.status.value,
            size=self.size.value,
            since=self.since.value,
            until=self.until.value,
        )
        return wanted, self.sort.value

    def offer(self, choices: Choices) -> None:
        """Offers what occurs among the tasks; a choice that was made stays.

        Args:
            choices: Models, states and sizes with their counts.
        """
        self._is_filling = True
        try:
            for field, counts in (
                (self.model, choices.models),
                (self.status, choices.statuses),
                (self.size, choices.sizes),
            ):
                chosen = field.value
                offered = {**counts, **({chosen: 0} if chosen and chosen not in counts else {})}
                options = [("all", ""), *((f"{_call(value)} ({count})", value) for value, count in offered.items())]
                if tuple(options) != tuple(field.options):
                    field.options = options
                    field.value = chosen
        finally:
            self._is_filling = False


def _call(value: str) -> str:
    """What people call a value that a filter may ask for."""
    return display_name(value)
