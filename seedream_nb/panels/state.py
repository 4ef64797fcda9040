"""The panel's state, without any widget: the widgets only draw it, and tests need none."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Literal

from seedream_nb.panels.collection import Collection
from seedream_nb.panels.filters import Filter
from seedream_nb.panels.jobs import Status
from seedream_nb.protocol.cards import Sort

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import tzinfo

    from seedream_nb.core.models import Task, TaskImage
    from seedream_nb.panels.cards import Card, CardImage

# "images": `selected_images` has changed although the same cards are selected. "revealed": `revealed` is to be shown.
Part = Literal["cards", "order", "selected", "images", "status", "revealed"]


class ExplorerState:
    """Everything that a panel shows; thread-safe.

    Args:
        notify: Called with the part that has changed, in the thread that changed it.
    """

    def __init__(self, notify: Callable[[Part], None]) -> None:
        self._listeners = [notify]
        self._lock = threading.RLock()
        self._collection = Collection()
        self._filter = Filter()
        self._sort = next(iter(Sort))
        self._selected: tuple[str, ...] = ()
        self._composed: dict[tuple[TaskImage, ...], TaskImage] = {}
        self._status = Status()
        self._revealed = ""
        self._zone: tzinfo | None = None

    @property
    def collection(self) -> Collection:
        """The cards; read-only."""
        return self._collection

    @property
    def status(self) -> Status:
        """The content of the status line."""
        return self._status

    @property
    def revealed(self) -> str:
        """The key of the card that was brought into view last; empty for none."""
        return self._revealed

    @property
    def zone(self) -> tzinfo | None:
        """The user's time zone; None for this machine's."""
        return self._zone

    @property
    def order(self) -> tuple[int, ...]:
        """The positions of the cards shown, in order."""
        with self._lock:
            return self._collection.find_all(self._filter, self._sort)

    @property
    def shown_tasks(self) -> tuple[Task, ...]:
        """The tasks of the cards shown, each once, in order."""
        with self._lock:
            cards = self._collection.cards
            tasks = {id(cards[position].task): cards[position].task for position in self.order}
            return tuple(tasks.values())

    @property
    def selected(self) -> tuple[str, ...]:
        """The keys of the selected cards, in the order of selection."""
        return self._selected

    @property
    def selected_images(self) -> tuple[TaskImage, ...]:
        """The images of the selected cards; a card without one is left out.

        The composed image of a card with layers appears after `set_composed`.
        """
        with self._lock:
            cards = self.find(self._selected)
            found = (card.tile.image or self._composed.get(card.tile.layers) for card in cards)
            return tuple(image for image in found if image is not None)

    def find(self, keys: Iterable[str]) -> list[Card]:
        """The cards with these keys; unknown keys are skipped."""
        with self._lock:
            return [card for key in keys if (card := self._collection.find(key)) is not None]

    def subscribe(self, notify: Callable[[Part], None]) -> None:
        """Adds a listener, called after the earlier ones."""
        self._listeners.append(notify)

    def put(self, tasks: Iterable[Task]) -> None:
        """Adds tasks, and updates those already there."""
        with self._lock:
            before = self._images_of_selection()
            self._collection.put(tasks)
            self._set_selected(self._selected)
            has_changed = self._images_of_selection() != before
        self._notify("cards")
        if has_changed:
            self._notify("images")

    def show(self, wanted: Filter, sort: Sort) -> None:
        """Sets the filter and the order."""
        with self._lock:
            if (wanted, sort) == (self._filter, self._sort):
                return
            self._filter, self._sort = wanted, sort
        self._notify("order")

    def select(self, keys: Sequence[str]) -> None:
        """Selects cards; unknown keys are skipped."""
        with self._lock:
            before = self._images_of_selection()
            self._set_selected(keys)
            has_changed = self._images_of_selection() != before
        if has_changed:
            self._notify("selected")

    def has_composed(self, card: Card) -> bool:
        """Whether the composed image of a card is known."""
        with self._lock:
            return card.tile.layers in self._composed

    def set_composed(self, card: Card, image: TaskImage) -> None:
        """Stores the composed image of a card with layers until the selection changes."""
        with self._lock:
            self._composed[card.tile.layers] = image
            is_selected = card.key in self._selected
        if is_selected:
            self._notify("images")

    def reveal(self, tasks: Iterable[Task]) -> None:
        """Brings the first card of some tasks into view."""
        with self._lock:
            ids = {task.id for task in tasks}
            cards = self._collection.cards
            places = [*self.order, *range(len(cards))]
            self._revealed = next((cards[place].key for place in places if cards[place].task.id in ids), "")
        if self._revealed:
            self._notify("revealed")

    def set_zone(self, zone: tzinfo) -> None:
        """Sets the user's time zone, in which tasks have their days."""
        with self._lock:
            self._zone = zone
            self._collection.set_zone(zone)
        self._notify("order")

    def set_status(self, status: Status) -> None:
        """Sets the status line."""
        self._status = status
        self._notify("status")

    def _images_of_selection(self) -> list[tuple[str, CardImage | None]]:
        return [(card.key, card.image) for card in self.find(self._selected)]

    def _set_selected(self, keys: Iterable[str]) -> None:
        cards = self.find(dict.fromkeys(keys))
        self._selected = tuple(card.key for card in cards)
        # Composed images take megabytes, so only those of the selection stay.
        layers = {card.tile.layers for card in cards}
        self._composed = {parts: image for parts, image in self._composed.items() if parts in layers}

    def _notify(self, part: Part) -> None:
        for notify in self._listeners:
            notify(part)
