"""Why: says in one place what the figures of this scene are called and what they are meant to be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.benchmarks.gallery.contenders import CONTENDERS, LIMIT, OURS, PLAIN_LOOP
from tests.benchmarks.gallery.scene import JPEG_BYTES, LATENCY, SIDE, TASKS
from tests.benchmarks.report import Goal, contender_table, goal_table

if TYPE_CHECKING:
    from tests.benchmarks.gallery.measure import Result
    from tests.benchmarks.gallery.worker import Measurement

KILOBYTE = 1000
MEGABYTE = 1000 * KILOBYTE
COLUMNS = ("work", "fastest to slowest", "imports", "next to ours", "memory", "output per image")


def goals_of(result: Result) -> list[Goal]:
    """The goals, with the figures that were measured."""
    rounds = result.rounds
    output = rounds.median_of(OURS, lambda round_: round_.output)
    memory = max(rounds.figures(OURS, lambda round_: round_.memory))
    return [
        Goal("faster than the plain loop", rounds.ratio(PLAIN_LOOP, OURS, _work_seconds), 10, "x", is_floor=True),
        Goal("time next to the limit", rounds.ratio(OURS, LIMIT, _work_seconds), 1.25, "x"),
        Goal("notebook per image", output / TASKS / KILOBYTE, 25, " KB"),
        Goal("growth of peak memory, worst round", memory / MEGABYTE, 150, " MB"),
        Goal("`%load_ext` next to `import requests`", result.extension_seconds / result.requests_seconds, 1.3, "x"),
    ]


def spell(result: Result) -> str:
    """The report on this scene, as Markdown."""
    scene = (
        f"{TASKS} tasks, one {SIDE}x{SIDE} JPEG of about {JPEG_BYTES // KILOBYTE} KB each, "
        f"{LATENCY * 1000:g} ms before every answer; medians of {result.rounds.count} rounds."
    )
    kernels = (
        f"In fresh kernels: `%load_ext seedream_nb` {result.extension_seconds * 1000:.1f} ms, "
        f"`import requests` {result.requests_seconds * 1000:.1f} ms."
    )
    contenders = contender_table(COLUMNS, (_cells(result, name) for name in CONTENDERS))
    return "\n\n".join(["## Gallery", scene, contenders, goal_table(goals_of(result)), kernels])


def _cells(result: Result, name: str) -> list[str]:
    rounds = result.rounds
    work = rounds.median_of(name, _work_seconds)
    imports = rounds.median_of(name, lambda round_: round_.import_seconds)
    memory = rounds.median_of(name, lambda round_: round_.memory)
    output = rounds.median_of(name, lambda round_: round_.output)
    times = rounds.figures(name, _work_seconds)
    return [
        CONTENDERS[name].label,
        f"{work:.2f} s",
        f"{min(times):.2f}-{max(times):.2f} s",
        f"{imports:.2f} s",
        f"{rounds.ratio(name, OURS, _work_seconds):.2f}x",
        f"{memory / MEGABYTE:.0f} MB",
        f"{output / TASKS / KILOBYTE:.1f} KB",
    ]


def _work_seconds(measurement: Measurement) -> float:
    return measurement.work_seconds
