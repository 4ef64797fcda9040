"""The selected cards, by their numbers: any number of them, and what the front end needs to know of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence


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
