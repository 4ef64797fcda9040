"""Why: figures mean something next to each other, next to their goals, and with the machine they come from."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from tests.benchmarks.contenders import CONTENDERS, LIMIT, OURS, PLAIN_LOOP
from tests.benchmarks.scene import JPEG_BYTES, LATENCY, SIDE, TASKS

if TYPE_CHECKING:
    from tests.benchmarks.measure import Result

PACKAGES = ("seedream_nb", "ipython", "ipykernel", "requests", "urllib3", "pillow", "tornado")
KILOBYTE = 1000
MEGABYTE = 1000 * KILOBYTE


@dataclass(frozen=True)
class Goal:
    """A figure and what it is meant to be.

    Attributes:
        name: What is measured.
        measured: The figure.
        bound: What it is meant to be.
        unit: Written behind both.
        is_floor: Whether the figure is meant to be at least the bound, not at most.
    """

    name: str
    measured: float
    bound: float
    unit: str
    is_floor: bool = False

    @property
    def is_met(self) -> bool:
        return self.measured >= self.bound if self.is_floor else self.measured <= self.bound

    def row(self) -> str:
        sign = "≥" if self.is_floor else "≤"
        verdict = "met" if self.is_met else "**missed**"
        return f"| {self.name} | {self.measured:.2f}{self.unit} | {sign} {self.bound:g}{self.unit} | {verdict} |"


def goals_of(result: Result) -> list[Goal]:
    """The goals, with the figures that were measured."""
    output = result.median_of(OURS, lambda round_: round_.output)
    memory = max(round_.memory for round_ in result.rounds[OURS])
    return [
        Goal("faster than the plain loop", result.ratio(PLAIN_LOOP, OURS), 10, "x", is_floor=True),
        Goal("time next to the limit", result.ratio(OURS, LIMIT), 1.25, "x"),
        Goal("notebook per image", output / TASKS / KILOBYTE, 25, " KB"),
        Goal("growth of peak memory, worst round", memory / MEGABYTE, 150, " MB"),
        Goal("`%load_ext` next to `import requests`", result.extension_seconds / result.requests_seconds, 1.3, "x"),
    ]


def spell(result: Result) -> str:
    """The whole report, as Markdown."""
    rounds = len(result.rounds[OURS])
    scene = (
        f"{TASKS} tasks, one {SIDE}x{SIDE} JPEG of about {JPEG_BYTES // KILOBYTE} KB each, "
        f"{LATENCY * 1000:g} ms before every answer; medians of {rounds} rounds."
    )
    kernels = (
        f"In fresh kernels: `%load_ext seedream_nb` {result.extension_seconds * 1000:.1f} ms, "
        f"`import requests` {result.requests_seconds * 1000:.1f} ms."
    )
    return "\n".join(
        [
            scene,
            "",
            "| | work | fastest to slowest | imports | next to ours | memory | output per image |",
            "|---|---:|---:|---:|---:|---:|---:|",
            *(_contender_row(result, name) for name in CONTENDERS),
            "",
            "| goal | measured | wanted | |",
            "|---|---:|---:|---|",
            *(goal.row() for goal in goals_of(result)),
            "",
            kernels,
            "",
            _machine(),
        ]
    )


def _contender_row(result: Result, name: str) -> str:
    work = result.median_of(name, lambda round_: round_.work_seconds)
    imports = result.median_of(name, lambda round_: round_.import_seconds)
    memory = result.median_of(name, lambda round_: round_.memory)
    output = result.median_of(name, lambda round_: round_.output)
    times = [round_.work_seconds for round_ in result.rounds[name]]
    cells = [
        CONTENDERS[name].label,
        f"{work:.2f} s",
        f"{min(times):.2f}-{max(times):.2f} s",
        f"{imports:.2f} s",
        f"{result.ratio(name, OURS):.2f}x",
        f"{memory / MEGABYTE:.0f} MB",
        f"{output / TASKS / KILOBYTE:.1f} KB",
    ]
    return f"| {' | '.join(cells)} |"


def _machine() -> str:
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in PACKAGES)
    load = os.getloadavg()[0]
    return (
        f"Machine: {len(os.sched_getaffinity(0))} cores ({_processor()}), load {load:.1f} at the end, "
        f"{platform.system()} {platform.release()}, Python {platform.python_version()}, {versions}."
    )


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
