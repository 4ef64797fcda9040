"""The report on this scene: the names of its figures and their targets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.benchmarks.gallery.contenders import CONTENDERS, LOOP, LOWER_BOUND, OURS
from tests.benchmarks.gallery.scene import JPEG_BYTES, LATENCY, SIDE, TASKS
from tests.benchmarks.report import KILOBYTE, MEGABYTE, Goal, contender_table, goal_table

if TYPE_CHECKING:
    from tests.benchmarks.gallery.measure import Result
    from tests.benchmarks.gallery.worker import Measurement

COLUMNS = ("Time", "Fastest to slowest", "vs. seedream_nb", "Imports", "Memory", "In the notebook, per image")


def goals_of(result: Result) -> list[Goal]:
    """The goals and the measured figures."""
    rounds = result.rounds
    output = rounds.median_of(OURS, lambda round_: round_.output)
    memory = max(rounds.figures(OURS, lambda round_: round_.memory))
    return [
        Goal("Time of the loop vs. seedream_nb", rounds.ratio(LOOP, OURS, _work_seconds), 10, "x", is_floor=True),
        Goal("Time vs. the lower bound", rounds.ratio(OURS, LOWER_BOUND, _work_seconds), 1.25, "x"),
        Goal("In the notebook, per image", output / TASKS / KILOBYTE, 25, " KB"),
        Goal("Peak memory added, worst round", memory / MEGABYTE, 150, " MB"),
        Goal(
            "`%load_ext seedream_nb` vs. `import requests`",
            result.extension_seconds / result.requests_seconds,
            1.3,
            "x",
        ),
    ]


def render(result: Result) -> str:
    """The report on this scene, as Markdown."""
    scene = (
        f"{TASKS} tasks, one {SIDE}x{SIDE} JPEG of about {JPEG_BYTES // KILOBYTE} KB each, "
        f"{LATENCY * 1000:g} ms latency; medians of {result.rounds.count} rounds."
    )
    kernels = (
        f"In fresh kernels: `%load_ext seedream_nb` {result.extension_seconds * 1000:.1f} ms, "
        f"`import requests` {result.requests_seconds * 1000:.1f} ms."
    )
    contenders = contender_table(COLUMNS, (_cells(result, name) for name in CONTENDERS))
    return "\n\n".join(["## Gallery", scene, contenders, goal_table(goals_of(result)), kernels])


def summarize(result: Result) -> str:
    """The figures for users, as Markdown."""
    rounds = result.rounds
    rows = (
        [
            CONTENDERS[name].label,
            f"{rounds.median_of(name, _work_seconds):.1f} s",
            f"{rounds.median_of(name, lambda round_: round_.output) / TASKS / KILOBYTE:.0f} KB",
            f"{rounds.median_of(name, lambda round_: round_.memory) / MEGABYTE:.0f} MB",
        ]
        for name in (OURS, LOWER_BOUND, LOOP)
    )
    table = contender_table(("Time", "In the notebook, per image", "Kernel memory added, peak"), rows)
    return f"{table}\n\n`%load_ext seedream_nb` takes {result.extension_seconds * 1000:.0f} ms in a fresh kernel."


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
        f"{rounds.ratio(name, OURS, _work_seconds):.2f}x",
        f"{imports:.2f} s",
        f"{memory / MEGABYTE:.0f} MB",
        f"{output / TASKS / KILOBYTE:.1f} KB",
    ]


def _work_seconds(measurement: Measurement) -> float:
    return measurement.work_seconds
