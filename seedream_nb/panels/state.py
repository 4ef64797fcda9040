"""Why: what a panel shows is decided here, without any widget; the widgets only draw it, and tests need none."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Literal

from seedream_nb.panels.collection import Collection
from seedream_nb.panels.filters import Filter, Sort
from seedream_nb.panels.jobs import Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from seedream_nb.models import Task, TaskImage
    from seedream_nb.panels.cards import Card

Part = Literal["cards", "order", "selected", "status"]


class ExplorerState:
    """All that a panel shows; safe to use from several threads.

    Args:
        tell: Called with the part that has changed, in the thread that changed it.
    """

    def __init__(self, tell: Callable[[Part], None]) -> None:
        self._tell = tell
        self._lock = threading.RLock()
        self._collection = Collection()
        self._wanted = Filter()
        self._sort = next(iter(Sort))
        self._selected: tuple[str, ...] = ()
        self._status = Status()

    @property
    def collection(self) -> Collection:
        """The cards; to be read, not changed."""
        return self._collection

    @property
    def wanted(self) -> Filter:
        """Which cards are shown."""
        return self._wanted

    @property
    def status(self) -> Status:
        """What the panel says about itself."""
        return self._status

    @property
    def order(self) -> tuple[int, ...]:
        """The positions of the cards that are shown, in order."""
        with self._lock:
            return self._collection.show(self._wanted, self._sort)

    @property
    def shown_tasks(self) -> tuple[Task, ...]:
        """The tasks of the cards that are shown, each once, in order."""
        with self._lock:
            cards = self._collection.cards
            tasks = {id(cards[position].task): cards[position].task for position in self.order}
            return tuple(tasks.values())

    @property
    def selected(self) -> tuple[str, ...]:
        """The keys of the cards that are selected, in the order of selection."""
        return self._selected

    @property
    def selected_images(self) -> tuple[TaskImage, ...]:
        """The pictures that are selected; a card without a picture has none."""
        return tuple(card.tile.image for card in self.find(self._selected) if card.tile.image is not None)

    def find(self, keys: Iterable[str]) -> list[Card]:
        """The cards of some keys; unknown ones are passed over."""
        with self._lock:
            return [card for key in keys if (card := self._collection.find(key)) is not None]

    def put(self, tasks: Iterable[Task]) -> None:
        """Adds tasks, and replaces those that are there already."""
        with self._lock:
            self._collection.put(tasks)
        self._tell("cards")
        self.select(self._selected)

    def show(self, wanted: Filter, sort: Sort) -> None:
        """Shows the cards that meet a filter, in an order."""
        with self._lock:
            if (wanted, sort) == (self._wanted, self._sort):
                return
            self._wanted, self._sort = wanted, sort
        self._tell("order")

    def select(self, keys: Sequence[str]) -> None:
        """Selects cards; unknown keys are passed over."""
        with self._lock:
            known = tuple(card.key for card in self.find(dict.fromkeys(keys)))
            has_changed, self._selected = known != self._selected, known
        if has_changed:
            self._tell("selected")

    def say(self, status: Status) -> None:
        """Sets the status line."""
        self._status = status
        self._tell("status")
