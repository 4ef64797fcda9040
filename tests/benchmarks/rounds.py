"""Rounds in which the contenders take turns, so that other load on the machine slows all of them alike."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Measurement = TypeVar("Measurement")


@dataclass(frozen=True)
class Rounds(Generic[Measurement]):
    """All measurements of a scene.

    Attributes:
        measured: The rounds of each contender, in order.
    """

    measured: dict[str, list[Measurement]]

    @property
    def count(self) -> int:
        """The number of rounds of each contender."""
        return min(map(len, self.measured.values()))

    def figures(self, name: str, figure: Callable[[Measurement], float]) -> list[float]:
        """A figure of each round of a contender."""
        return [figure(measurement) for measurement in self.measured[name]]

    def median_of(self, name: str, figure: Callable[[Measurement], float]) -> float:
        """The median of a figure over all rounds of a contender."""
        return median(self.figures(name, figure))

    def ratio(self, name: str, other: str, figure: Callable[[Measurement], float]) -> float:
        """A contender's figure divided by the other's: the median of the ratios within each round.

        Whatever slows the machine during a whole round cancels out.
        """
        pairs = zip(self.figures(name, figure), self.figures(other, figure), strict=True)
        return median(one / another for one, another in pairs)


def take_turns(names: Sequence[str], count: int, run: Callable[[str], Measurement]) -> Rounds[Measurement]:
    """Runs every contender once per round; each round begins with a different one.

    Args:
        names: The contenders.
        count: The number of rounds.
        run: Runs a contender once.
    """
    measured: dict[str, list[Measurement]] = {name: [] for name in names}
    for number in range(count):
        start = number % len(names)
        for name in [*names[start:], *names[:start]]:
            log(f"round {number + 1} of {count}: {name}")
            measured[name].append(run(name))
    return Rounds(measured)


def log(text: str) -> None:
    """Prints progress to stderr, apart from the report."""
    print(text, file=sys.stderr, flush=True)
