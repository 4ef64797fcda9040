"""The menu of collections: searches that are saved in the library under names, as filters of the panel."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING

import ipywidgets

from seedream_nb.library.search import Query, SearchOrder
from seedream_nb.panels.filters import Filter
from seedream_nb.panels.forms import make_field
from seedream_nb.panels.submit import SubmitButton
from seedream_nb.protocol.cards import Sort

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import date, tzinfo

NONE = ("None", "")


class CollectionBar(ipywidgets.HBox):
    """Chooses, saves, and removes collections.

    Args:
        on_choose: Called with the name of a chosen collection.
        on_save: Called with a name, to save the filters that are set now.
        on_remove: Called with the name of the chosen collection.
    """

    def __init__(
        self, on_choose: Callable[[str], None], on_save: Callable[[str], None], on_remove: Callable[[str], None]
    ) -> None:
        self._is_filling = False
        self.chosen = make_field(ipywidgets.Dropdown, "Collection", options=[NONE])
        self.name = make_field(ipywidgets.Text, "Name", placeholder="Name of these filters")
        self.save = SubmitButton(
            "Save filters", {"name": self.name}, self._save, tooltip="Saves the filters as a collection in the library"
        )
        self.remove = ipywidgets.Button(description="Remove", tooltip="Remove this collection; its images stay")
        self._on_choose, self._on_save = on_choose, on_save
        self.chosen.observe(lambda change: self._choose(change["new"]), "value")
        self.remove.on_click(lambda _button: on_remove(self.chosen.value))
        super().__init__([self.chosen, self.remove, self.name, self.save])
        self.layout.flex_flow = "row wrap"
        self.layout.align_items = "baseline"
        for name in ("seedream-row", "seedream-form"):
            self.add_class(name)
        self._draw()

    def offer(self, names: Iterable[str], chosen: str = "") -> None:
        """Offers the collections that exist, and shows one as chosen."""
        self._is_filling = True
        try:
            self.chosen.options = [NONE, *((name, name) for name in names)]
            known = dict(self.chosen.options).values()
            self.chosen.value = chosen if chosen in known else ""
        finally:
            self._is_filling = False
        self._draw()

    def _choose(self, name: str) -> None:
        self._draw()
        if name and not self._is_filling:
            self._on_choose(name)

    def _draw(self) -> None:
        self.remove.disabled = not self.chosen.value

    def _save(self, values: Mapping[str, object]) -> None:
        # The browser's text may be newer than the one that has arrived here.
        self.name.value = str(values.get("name", ""))
        self._on_save(self.name.value)


def to_query(wanted: Filter, sort: Sort, zone: tzinfo | None) -> Query:
    """The filters of the panel as a search; sizes are not part of one."""
    return Query(
        text=wanted.text,
        model=wanted.model or None,
        since=_begin(wanted.since, zone) if wanted.since else None,
        until=_begin(wanted.until, zone, days=1) if wanted.until else None,
        tags=wanted.tags,
        rating=wanted.rating or None,
        status=wanted.status or None,
        rejected=wanted.rejected,
        sort=SearchOrder.RATING if sort is Sort.RATING else None,
    )


def to_filter(query: Query, zone: tzinfo | None) -> tuple[Filter, Sort]:
    """A search as filters of the panel."""
    wanted = Filter(
        text=query.text,
        model=query.model or "",
        status=query.status or "",
        since=query.since.astimezone(zone).date() if query.since else None,
        until=(query.until - timedelta(microseconds=1)).astimezone(zone).date() if query.until else None,
        tags=tuple(query.tags),
        rating=query.rating or 0,
        rejected=query.rejected,
    )
    return wanted, Sort.RATING if query.sort is SearchOrder.RATING else Sort.NEWEST


def _begin(day: date, zone: tzinfo | None, *, days: int = 0) -> datetime:
    begin = datetime.combine(day + timedelta(days=days), time())
    return begin.astimezone() if zone is None else begin.replace(tzinfo=zone)
