"""The panel's state, without any widget: the widgets only draw it, and tests need none."""

from __future__ import annotations

import itertools
import threading
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Literal

from seedream_nb.library import Marks
from seedream_nb.panels.collection import Collection
from seedream_nb.panels.filters import Filter
from seedream_nb.panels.jobs import Status
from seedream_nb.panels.lazy import LazySequence
from seedream_nb.protocol.cards import Sort

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import tzinfo

    from seedream_nb.core.models import Task, TaskImage
    from seedream_nb.panels.cards import Card, CardImage
    from seedream_nb.panels.sources import Choices, ReadMarks, Source

# "images": the images of the selection have changed although the same cards are selected. "revealed": `revealed` is to
# be shown.
Part = Literal["cards", "order", "selected", "images", "status", "revealed"]

PAGE = 200  # cards of a large selection that are read at once
FEW = 200  # cards of a selection whose images are known at once


@dataclass(frozen=True)
class Arrangement:
    """The cards shown, in order.

    Attributes:
        version: Another one for each change, also of the cards themselves.
        basis: Another one for each change of the source or the sort, after which no place means anything.
        numbers: The numbers of the cards in their source.
        total: The number of cards without a filter.
        aspect: The aspect ratio of the tiles.
        note: What the counts do not say.
    """

    version: int = 0
    basis: int = 0
    numbers: Sequence[int] = ()
    total: int = 0
    aspect: float = 1.0
    note: str = ""


class Selection:
    """Selected cards, in the order of selection. Immutable: a change is another selection.

    Example:
        >>> chosen = Selection([3, 1, 2])
        >>> list(chosen.toggle(1)), chosen.runs([1, 2, 5, 3])
        ([3, 2], [[0, 1], [3, 3]])
    """

    def __init__(self, numbers: Iterable[int] = ()) -> None:
        self._numbers = dict.fromkeys(numbers)

    def __len__(self) -> int:
        return len(self._numbers)

    def __iter__(self) -> Iterator[int]:
        return iter(self._numbers)

    def __contains__(self, number: object) -> bool:
        return number in self._numbers

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Selection) and list(self) == list(other)

    def __hash__(self) -> int:
        return hash(len(self))

    def toggle(self, number: int) -> Selection:
        """The selection with a card added at the end, or without it."""
        return Selection(one for one in self if one != number) if number in self else self.add([number])

    def add(self, numbers: Iterable[int]) -> Selection:
        """The selection with more cards at the end."""
        return Selection([*self, *numbers])

    def runs(self, order: Sequence[int]) -> list[list[int]]:
        """The first and last place of each run of selected cards in an order: a few, however many are selected."""
        runs: list[list[int]] = []
        if not self._numbers:
            return runs
        last = -2
        for place, number in enumerate(order):
            if number in self._numbers:
                if place == last + 1:
                    runs[-1][1] = place
                else:
                    runs.append([place, place])
                last = place
        return runs


class ExplorerState:
    """Everything that a panel shows; thread-safe.

    Args:
        notify: Called with the part that has changed, in the thread that changed it.
        compose: Composes the layers of a task.
        marks_of: Returns the marks of each of some cards.
    """

    def __init__(
        self,
        notify: Callable[[Part], None],
        compose: Callable[[Task], TaskImage] | None = None,
        marks_of: ReadMarks | None = None,
    ) -> None:
        self._compose = compose
        self._marks_of = marks_of or (lambda cards: [Marks()] * len(cards))
        self._listeners = [notify]
        self._lock = threading.RLock()
        self._collection = Collection()
        self._source: Source = self._collection
        self._selections: dict[int, Selection] = {}  # of sources that are not shown, by their identity
        self._filter = Filter()
        self._sort = next(iter(Sort))
        self._arrangement = Arrangement()
        self._selection = Selection()
        self._composed: dict[tuple[TaskImage, ...], TaskImage] = {}
        self._status = Status()
        self._revealed = ""
        self._zone: tzinfo | None = None
        self._collection.use_marks(self.marks_of)
        self._arrange()

    # What is shown.

    @property
    def collection(self) -> Collection:
        """The panel's own tasks: given, retrieved or generated; read-only."""
        return self._collection

    @property
    def source(self) -> Source:
        """Where the cards shown come from; read-only."""
        return self._source

    @property
    def arrangement(self) -> Arrangement:
        """The cards shown, in order."""
        return self._arrangement

    @property
    def selection(self) -> Selection:
        """The numbers of the selected cards."""
        return self._selection

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
    def pending(self) -> list[Task]:
        """The tasks in progress, each once."""
        with self._lock:
            tasks = [*self._collection.pending, *self._source.pending]
        return list({task.id.lower(): task for task in tasks}.values())

    def choices(self) -> Choices:
        """The values that occur among the cards."""
        with self._lock:
            return self._source.choices()

    def read(self, numbers: Sequence[int]) -> list[Card | None]:
        """The cards with these numbers; None for one that is not loaded yet, or is gone."""
        with self._lock:
            return self._source.read(numbers)

    def marks_of(self, cards: Sequence[Card]) -> Sequence[Marks]:
        """The marks of each of some cards, as the library has them now."""
        return self._marks_of(cards) if cards else []

    def find(self, keys: Iterable[str]) -> list[Card]:
        """The cards with these keys; unknown keys are skipped."""
        with self._lock:
            numbers = [number for key in keys if (number := self._source.number_of(key)) is not None]
            return [card for card in self._source.read(numbers) if card is not None]

    def cards_of(self, task_id: str) -> list[Card]:
        """The cards of a task, whether they are shown or not; none for a task that the source does not have."""
        with self._lock:
            return [card for card in self._source.read(self._source.numbers_of(task_id)) if card is not None]

    def place_of(self, key: str) -> int | None:
        """The place of a card among those shown; None if it is not."""
        with self._lock:
            number = self._source.number_of(key)
            try:
                return None if number is None else self._arrangement.numbers.index(number)
            except ValueError:
                return None

    def first_tasks(self, most: int | None = None) -> tuple[Task, ...]:
        """The tasks of the first cards shown, or of all, each once, in order."""
        numbers = self._arrangement.numbers
        cards = filter(None, self.read(numbers if most is None else numbers[:most]))
        return tuple({id(card.task): card.task for card in cards}.values())

    # The selection.

    def selected_cards(self) -> Iterator[Card]:
        """The selected cards in the order of selection, read a page at a time."""
        return self._iterate(self._source, self._selection)

    def selected_keys(self, most: int) -> list[str]:
        """The keys of the first selected cards."""
        return [card.key for card in itertools.islice(self.selected_cards(), most)]

    @property
    def selected_images(self) -> Sequence[TaskImage]:
        """The images of the selected cards; a card without one is left out.

        The composed image of a card with layers appears after `set_composed`; of a large selection, whose images are
        read when they are accessed, it is composed then.
        """
        is_large = len(self._selection) > FEW
        read = partial(self._read_images, self._source, self._selection, self._compose if is_large else None)
        return LazySequence(read, name="selected images") if is_large else tuple(read())

    def is_selected(self, card: Card) -> bool:
        """Whether a card of the source shown is selected."""
        with self._lock:
            return self._source.number_of(card.key) in self._selection

    def composed_image(self, card: Card) -> TaskImage | None:
        """The composed image of a card with layers, after `set_composed`."""
        with self._lock:
            return self._composed.get(card.tile.layers)

    def select(self, keys: Iterable[str]) -> None:
        """Selects exactly these cards; unknown keys are skipped."""
        with self._lock:
            numbers = [self._source.number_of(key) for key in keys]
        self._select(lambda _selection: Selection(number for number in numbers if number is not None))

    def toggle(self, key: str) -> None:
        """Selects a card, or removes it from the selection."""
        number = self._source.number_of(key)
        if number is not None:
            self._select(lambda selection: selection.toggle(number))

    def select_range(self, first: int, last: int) -> None:
        """Adds the cards between two places, these included, to the selection."""
        self._select(lambda selection: selection.add(self._arrangement.numbers[max(0, first) : last + 1]))

    def select_all(self) -> None:
        """Selects exactly the cards shown."""
        self._select(lambda _selection: Selection(self._arrangement.numbers))

    def set_composed(self, card: Card, image: TaskImage) -> None:
        """Stores the composed image of a card with layers until the selection changes."""
        with self._lock:
            self._composed[card.tile.layers] = image
            is_selected = self._source.number_of(card.key) in self._selection
        if is_selected:
            self._notify("images")

    # Changes.

    def subscribe(self, notify: Callable[[Part], None]) -> None:
        """Adds a listener, called after the earlier ones."""
        self._listeners.append(notify)

    def open(self, source: Source | None = None) -> None:
        """Shows another source; by default the panel's own tasks. Each keeps its selection."""
        with self._lock:
            opened = source or self._collection
            if opened is self._source:
                return
            self._selections[id(self._source)] = self._selection
            self._source = opened
            self._selection = self._selections.pop(id(opened), Selection())
            opened.use_marks(self.marks_of)
            if self._zone is not None:
                opened.set_zone(self._zone)
            self._arrange(is_sorted_anew=True)
        self._notify("cards")
        self._notify("selected")

    def put(self, tasks: Iterable[Task], *, only_known: bool = False) -> None:
        """Adds tasks, and updates those already there.

        Args:
            tasks: The tasks.
            only_known: Whether tasks that are not the panel's own are left to the source that is shown.
        """
        given = list(tasks)

        def change() -> None:
            own = [task for task in given if not only_known or self._collection.numbers_of(task.id)]
            self._collection.put(own)
            if self._source is not self._collection:
                self._source.put(given)

        self.refresh(change)

    def want(self, numbers: Sequence[int]) -> None:
        """Lets the source load cards that come near the viewport, and no longer those of the call before."""
        with self._lock:
            self._source.want(numbers)

    def refresh(self, change: Callable[[], object] = lambda: None) -> None:
        """Changes a source in some way, and shows what has changed."""
        with self._lock:
            before = self._images_of_selection()
            change()
            self._arrange()
            self._set_selection(Selection(self._source.existing(self._selection)))
            has_changed = self._images_of_selection() != before
        self._notify("cards")
        if has_changed:
            self._notify("images")

    def show(self, wanted: Filter, sort: Sort) -> None:
        """Sets the filter and the order."""
        with self._lock:
            if (wanted, sort) == (self._filter, self._sort):
                return
            is_sorted_anew = sort is not self._sort
            self._filter, self._sort = wanted, sort
            self._arrange(is_sorted_anew=is_sorted_anew)
        self._notify("order")

    def reveal(self, tasks: Iterable[Task]) -> None:
        """Brings the first card of some tasks into view."""
        with self._lock:
            numbers = [number for task in tasks for number in self._source.numbers_of(task.id)]
            shown = self._arrangement.numbers
            # One that a filter hides comes last.
            shown = self._arrangement.numbers
            numbers.sort(key=lambda number: shown.index(number) if number in shown else len(shown))
            self._revealed = next((card.key for card in self._source.read(numbers[:1]) if card is not None), "")
        if self._revealed:
            self._notify("revealed")

    def set_zone(self, zone: tzinfo) -> None:
        """Sets the user's time zone, in which tasks have their days."""
        with self._lock:
            self._zone = zone
            self._collection.set_zone(zone)
            if self._source is not self._collection:
                self._source.set_zone(zone)
            self._arrange()
        self._notify("order")

    def set_status(self, status: Status) -> None:
        """Sets the status line."""
        self._status = status
        self._notify("status")

    def _arrange(self, *, is_sorted_anew: bool = False) -> None:
        before = self._arrangement
        self._arrangement = Arrangement(
            before.version + 1,
            before.basis + is_sorted_anew,
            self._source.find(self._filter, self._sort),
            self._source.total,
            self._source.aspect(),
            self._source.note,
        )

    def _select(self, change: Callable[[Selection], Selection]) -> None:
        with self._lock:
            before = self._selection
            self._set_selection(change(before))
            has_changed = self._selection != before
        if has_changed:
            self._notify("selected")

    def _set_selection(self, selection: Selection) -> None:
        self._selection = selection
        # Composed images take megabytes, so only those of the selection stay.
        if self._composed:
            layers = {card.tile.layers for card in self.selected_cards()}
            self._composed = {parts: image for parts, image in self._composed.items() if parts in layers}

    def _images_of_selection(self) -> list[tuple[str, CardImage | None]] | int:
        """What `panel.selected` depends on; of many cards only their number, as their images are read on access."""
        if len(self._selection) > FEW:
            return len(self._selection)
        return [(card.key, card.image) for card in self.selected_cards()]

    def _read_images(
        self, source: Source, selection: Selection, compose: Callable[[Task], TaskImage] | None
    ) -> Iterator[TaskImage]:
        for card in self._iterate(source, selection):
            image = card.tile.image or self.composed_image(card)
            if image is None and card.tile.layers and compose is not None:
                image = compose(card.task)
            if image is not None:
                yield image

    def _iterate(self, source: Source, selection: Selection) -> Iterator[Card]:
        numbers = list(selection)
        for start in range(0, len(numbers), PAGE):
            with self._lock:
                cards = source.read(numbers[start : start + PAGE])
            yield from filter(None, cards)

    def _notify(self, part: Part) -> None:
        for notify in self._listeners:
            notify(part)
