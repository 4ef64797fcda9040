"""Why: what a panel shows is decided here, without any widget; the widgets only draw it, and tests need none."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Literal

from seedream_nb.panels.collection import Collection
from seedream_nb.panels.filters import Filter, Sort
from seedream_nb.panels.jobs import Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from seedream_nb.core.models import Task, TaskImage
    from seedream_nb.panels.cards import Card, Picture

# "images" is what `selected_images` gives, where the same cards are selected as before.
Part = Literal["cards", "order", "selected", "images", "status"]


class ExplorerState:
    """All that a panel shows; safe to use from several threads.

    Args:
        tell: Called with the part that has changed, in the thread that changed it.
    """

    def __init__(self, tell: Callable[[Part], None]) -> None:
        self._listeners = [tell]
        self._lock = threading.RLock()
        self._collection = Collection()
        self._wanted = Filter()
        self._sort = next(iter(Sort))
        self._selected: tuple[str, ...] = ()
        self._composed: dict[tuple[TaskImage, ...], TaskImage] = {}
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
        """The pictures that are selected; a card without a picture has none.

        One in layers is there as soon as `keep_composed` was told what they make together.
        """
        with self._lock:
            cards = self.find(self._selected)
            found = (card.tile.image or self._composed.get(card.tile.layers) for card in cards)
            return tuple(image for image in found if image is not None)

    def find(self, keys: Iterable[str]) -> list[Card]:
        """The cards of some keys; unknown ones are passed over."""
        with self._lock:
            return [card for key in keys if (card := self._collection.find(key)) is not None]

    def watch(self, tell: Callable[[Part], None]) -> None:
        """Tells somebody else of changes, too, after those who are told already."""
        self._listeners.append(tell)

    def put(self, tasks: Iterable[Task]) -> None:
        """Adds tasks, and replaces those that are there already."""
        with self._lock:
            pictures = self._selected_pictures()
            self._collection.put(tasks)
            self._keep_selected(self._selected)
            has_changed = self._selected_pictures() != pictures
        self._tell("cards")
        if has_changed:
            self._tell("images")

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
            pictures = self._selected_pictures()
            self._keep_selected(keys)
            has_changed = self._selected_pictures() != pictures
        if has_changed:
            self._tell("selected")

    def has_composed(self, card: Card) -> bool:
        """Whether it is known what the layers of a card make together."""
        with self._lock:
            return card.tile.layers in self._composed

    def keep_composed(self, card: Card, image: TaskImage) -> None:
        """Takes what the layers of a card make together, for `selected_images`; kept until the selection changes.

        Args:
            card: A card with layers.
            image: The picture, with its bytes.
        """
        with self._lock:
            self._composed[card.tile.layers] = image
            is_selected = card.key in self._selected
        if is_selected:
            self._tell("images")

    def say(self, status: Status) -> None:
        """Sets the status line."""
        self._status = status
        self._tell("status")

    def _selected_pictures(self) -> list[tuple[str, Picture | None]]:
        return [(card.key, card.picture) for card in self.find(self._selected)]

    def _keep_selected(self, keys: Iterable[str]) -> None:
        cards = self.find(dict.fromkeys(keys))
        self._selected = tuple(card.key for card in cards)
        # Composed pictures have megabytes: none is kept that nobody has selected.
        layers = {card.tile.layers for card in cards}
        self._composed = {parts: image for parts, image in self._composed.items() if parts in layers}

    def _tell(self, part: Part) -> None:
        for tell in self._listeners:
            tell(part)
