"""Where the cards of a panel come from: the same grid shows tasks in memory, the whole library, and the history."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeAlias

from seedream_nb.protocol.sizes import parse_size

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import tzinfo

    from seedream_nb.core.models import Task
    from seedream_nb.library import Marks
    from seedream_nb.panels.cards import Card
    from seedream_nb.panels.filters import Filter
    from seedream_nb.protocol.cards import Sort

ReadMarks: TypeAlias = "Callable[[Sequence[Card]], Sequence[Marks]]"
"""Returns the marks of each of some cards."""

MOST_OBLONG = 4.0  # the most extreme ratio of the sides of a tile


@dataclass(frozen=True)
class Choices:
    """The values that occur among the cards, each with its number of cards; any of them can go into a `Filter`."""

    models: Mapping[str, int] = field(default_factory=dict)  # full ids, available models first
    statuses: Mapping[str, int] = field(default_factory=dict)  # the words of states
    sizes: Mapping[str, int] = field(default_factory=dict)  # smallest first
    tags: Mapping[str, int] = field(default_factory=dict)  # the most frequent first


class Source(Protocol):
    """Cards by their numbers. A number stands for the same card as long as the source exists; others have none of it.

    Not thread-safe: `ExplorerState` calls it with its lock held.
    """

    @property
    def tasks(self) -> Sequence[Task]:
        """All tasks; read when they are accessed if there may be many."""

    @property
    def pending(self) -> Sequence[Task]:
        """The tasks in progress."""

    @property
    def total(self) -> int:
        """The number of cards without a filter."""

    @property
    def note(self) -> str:
        """What the counts of cards do not say; empty for nothing."""

    def find(self, wanted: Filter, sort: Sort) -> Sequence[int]:
        """The numbers of the cards that match a filter, in order."""

    def read(self, numbers: Sequence[int]) -> list[Card | None]:
        """The cards with these numbers; None for one that is not loaded yet, or is gone."""

    def want(self, numbers: Sequence[int]) -> None:
        """Begins to load cards that `read` does not have yet, instead of those of the call before. Returns at once."""

    def number_of(self, key: str) -> int | None:
        """The number of the card with a key."""

    def numbers_of(self, task_id: str) -> Sequence[int]:
        """The numbers of the cards of a task, in order; none for a task that is not here."""

    def existing(self, numbers: Iterable[int]) -> list[int]:
        """Those numbers that still stand for a card."""

    def choices(self) -> Choices:
        """The values that occur, for the menus of a filter."""

    def aspect(self) -> float:
        """The aspect ratio that all images share, so that no tile has empty bars; else 1."""

    def put(self, tasks: Iterable[Task]) -> None:
        """Shows tasks that have just been retrieved or generated, and updates those already there."""

    def set_zone(self, zone: tzinfo) -> None:
        """Sets the time zone in which cards have their days."""

    def use_marks(self, read: ReadMarks) -> None:
        """Sets what reads the marks of cards, where filters and orders need it."""


def common_aspect(sizes: Iterable[str | tuple[int, int] | None]) -> float:
    """The aspect ratio of all sizes, as texts such as `2048x2048` or in pixels; 1 if there are several, or is none."""
    shapes = {parse_size(size) if isinstance(size, str) else size for size in sizes}
    ratios = {round(shape[0] / shape[1], 2) if shape and shape[1] else None for shape in shapes}
    (ratio,) = ratios if len(ratios) == 1 else (None,)
    return ratio if ratio is not None and 1 / MOST_OBLONG <= ratio <= MOST_OBLONG else 1.0
