"""The report on this scene: the names of its figures and their targets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.benchmarks.gallery.scene import JPEG_BYTES, LATENCY, SIDE
from tests.benchmarks.panel.contenders import (
    CONTENDERS,
    IPYPLOT,
    OURS,
    OURS_STORED,
    WIDGETS,
    WIDGETS_DOWNLOADING,
)
from tests.benchmarks.panel.measure import THREADS
from tests.benchmarks.panel.scene import FEW, TASKS, TIME_LIMIT
from tests.benchmarks.report import KILOBYTE, MEGABYTE, Goal, contender_table, goal_table

if TYPE_CHECKING:
    from tests.benchmarks.panel.measure import Measurement, Result
    from tests.benchmarks.rounds import Rounds

COLUMNS = (
    *("First screen", "Fastest to slowest", "vs. `explore`", "Tiles", "Sent to the browser by then", "To the end"),
    *("Sent in total", "Memory", "Peak", "Widget models", f"Widget models, {FEW} tasks"),
)

# The default of ZeroMQ, which ipykernel leaves as it is: https://github.com/nteract/nteract/pull/4188.
LOST = (
    "*Never* means that messages were lost: a kernel queues at most 1,000 for a browser that falls behind, and drops "
    "the rest."
)


def goals_of(result: Result) -> list[Goal]:
    """The goals and the measured figures; what never finished counts as the time limit."""
    rounds = result.rounds
    kernels = [measurement.kernel for measurement in rounds.measured[OURS]]
    memory = max(kernel.memory for kernel in kernels)
    growth = max(kernel.models - kernel.models_of_few for kernel in kernels)
    return [
        Goal("First screen", rounds.median_of(OURS, _first_screen), 1.5, " s"),
        *(
            Goal(
                f"First screen, {CONTENDERS[rival].label}, vs. seedream_nb",
                rounds.ratio(rival, ours, _first_screen),
                5,
                "x",
                is_floor=True,
            )
            for ours, rival in ((OURS, WIDGETS_DOWNLOADING), (OURS_STORED, WIDGETS), (OURS_STORED, IPYPLOT))
            if rival in rounds.measured
        ),
        Goal("To the end, vs. bare threads", rounds.median_of(OURS, _scroll) / result.threads, 1.2, "x"),
        Goal("Kernel memory added, worst round", memory / MEGABYTE, 200, " MB"),
        Goal(f"Additional widget models for {TASKS:,} tasks vs. {FEW}", growth, 0, ""),
    ]


def render(result: Result) -> str:
    """The report on this scene, as Markdown."""
    rounds = result.rounds
    scene = (
        f"{TASKS:,} tasks in JupyterLab, one {SIDE}x{SIDE} JPEG of about {JPEG_BYTES // KILOBYTE} KB each, "
        f"{LATENCY * 1000:g} ms latency; medians of {rounds.count} rounds. "
        f"{THREADS} bare threads download all and make the thumbnails in {result.threads:.1f} s."
    )
    contenders = contender_table(COLUMNS, (_cells(rounds, name) for name in rounds.measured))
    return "\n\n".join(["## Panel", scene, contenders, goal_table(goals_of(result))])


def summarize(result: Result) -> str:
    """The figures for users, as Markdown."""
    rounds = result.rounds
    columns = ("First screen", "Sent to the browser by then", "To the end", "Widget models")
    table = contender_table(
        columns, ([_cells(rounds, name)[column] for column in (0, 1, 5, 6, 10)] for name in rounds.measured)
    )
    limit = (
        f"{THREADS} bare threads take {result.threads:.1f} s to download the images and make the thumbnails, "
        "without a browser to share the processor with."
    )
    lost = any(
        _first_screen(measurement) >= TIME_LIMIT for name in rounds.measured for measurement in rounds.measured[name]
    )
    return "\n\n".join([table, limit, *([LOST] if lost else [])])


def _cells(rounds: Rounds[Measurement], name: str) -> list[str]:
    first = rounds.figures(name, _first_screen)
    kernels = [measurement.kernel for measurement in rounds.measured[name]]
    filled = sum(measurement.page.first_screen is not None for measurement in rounds.measured[name])
    scrolled = sum(measurement.page.scroll is not None for measurement in rounds.measured[name])
    return [
        CONTENDERS[name].label,
        _format_seconds(rounds.median_of(name, _first_screen), rounds.count - filled, rounds.count),
        f"{min(first):.2f}-{max(first):.2f} s",
        f"{rounds.ratio(name, OURS, _first_screen):.2f}x",
        f"{rounds.median_of(name, lambda round_: round_.page.tiles):.0f}",
        f"{rounds.median_of(name, lambda round_: round_.page.first_received) / MEGABYTE:.1f} MB",
        _format_seconds(rounds.median_of(name, _scroll), rounds.count - scrolled, rounds.count),
        f"{rounds.median_of(name, lambda round_: round_.page.received) / MEGABYTE:.1f} MB",
        f"{rounds.median_of(name, lambda round_: round_.kernel.memory) / MEGABYTE:.0f} MB",
        f"{rounds.median_of(name, lambda round_: round_.kernel.peak) / MEGABYTE:.0f} MB",
        f"{max(kernel.models for kernel in kernels):,}",
        f"{max(kernel.models_of_few for kernel in kernels):,}",
    ]


def _format_seconds(seconds: float, failed: int, count: int) -> str:
    """A time, and in how many rounds it was never reached."""
    formatted = f"over {TIME_LIMIT:g} s" if seconds >= TIME_LIMIT else f"{seconds:.2f} s"
    return f"{formatted} (never in {failed} of {count})" if failed else formatted


def _first_screen(measurement: Measurement) -> float:
    seconds = measurement.page.first_screen
    return TIME_LIMIT if seconds is None else seconds


def _scroll(measurement: Measurement) -> float:
    seconds = measurement.page.scroll
    return TIME_LIMIT if seconds is None else seconds
