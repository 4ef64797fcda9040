"""Sequences that are read when they are accessed: of a whole library, nobody needs all tasks in memory."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import Generic, TypeVar, overload

Item = TypeVar("Item")


class LazySequence(Sequence[Item], Generic[Item]):
    """A sequence whose items are read again by each iteration, a page at a time.

    Args:
        read: Begins an iteration.
        count: Counts the items; by default by reading them once.
        name: What the items are, for the repr.

    Example:
        >>> numbers = LazySequence(lambda: iter(range(10)), name="numbers")
        >>> len(numbers), numbers[3], list(numbers[7:])
        (10, 3, [7, 8, 9])
    """

    def __init__(
        self, read: Callable[[], Iterator[Item]], count: Callable[[], int] | None = None, *, name: str = "items"
    ) -> None:
        self._read = read
        self._count = count
        self._name = name

    def __iter__(self) -> Iterator[Item]:
        return self._read()

    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, index: int) -> Item: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Item]: ...

    def __getitem__(self, index: int | slice) -> Item | Sequence[Item]:
        if isinstance(index, slice):
            start, stop, step = index.indices(self._length if self._needs_length(index) else index.stop)
            if step < 0:
                return tuple(self)[index]
            return tuple(itertools.islice(self._read(), start, max(start, stop), step))
        place = index if index >= 0 else len(self) + index
        for item in itertools.islice(self._read(), max(place, 0), None) if place >= 0 else ():
            return item
        raise IndexError(index)

    def __repr__(self) -> str:
        return f"<{len(self):,} {self._name}>"

    @cached_property
    def _length(self) -> int:
        return sum(1 for _item in self._read()) if self._count is None else self._count()

    @staticmethod
    def _needs_length(index: slice) -> bool:
        return index.stop is None or index.stop < 0 or (index.start or 0) < 0 or (index.step or 1) < 0
