"""Tables of contenders and goals, and a description of the machine."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

KILOBYTE = 1000
MEGABYTE = 1000 * KILOBYTE
PACKAGES = ("seedream_nb", "ipython", "ipykernel", "requests", "urllib3", "pillow", "tornado", "acedatacloud", "httpx")


@dataclass(frozen=True)
class Goal:
    """A figure and its target.

    Attributes:
        name: What is measured.
        measured: The figure.
        target: The largest figure wanted, or the smallest if `is_floor`.
        unit: Appended to both.
        is_floor: Whether the figure should be at least the target rather than at most.
    """

    name: str
    measured: float
    target: float
    unit: str
    is_floor: bool = False

    @property
    def is_met(self) -> bool:
        return self.measured >= self.target if self.is_floor else self.measured <= self.target

    def cells(self) -> list[str]:
        sign = "≥" if self.is_floor else "≤"
        verdict = "met" if self.is_met else "**missed**"
        return [self.name, f"{self.measured:.2f}{self.unit}", f"{sign} {self.target:g}{self.unit}", verdict]


def contender_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table with one row per contender.

    Args:
        columns: The headings of the figures; the first column, with the labels, has no heading.
        rows: Each a label followed by its figures.
    """
    return _table(["", *columns], ["---", *("---:" for _ in columns)], rows)


def goal_table(goals: Iterable[Goal]) -> str:
    """A Markdown table with one row per goal."""
    return _table(["Goal", "Measured", "Target", ""], ["---", "---:", "---:", "---"], (goal.cells() for goal in goals))


def machine() -> str:
    """A sentence on the machine and the versions of the packages."""
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in PACKAGES)
    load = os.getloadavg()[0]
    return (
        f"Machine: {len(os.sched_getaffinity(0))} cores ({_processor()}), load {load:.1f} at the end, "
        f"{platform.system()} {platform.release()}, Python {platform.python_version()}, {versions}."
    )


def _table(heads: Sequence[str], rules: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head, *body = [f"| {' | '.join(cells)} |" for cells in [heads, *rows]]
    return "\n".join([head, f"|{'|'.join(rules)}|", *body])


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
