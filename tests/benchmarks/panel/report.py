"""Why: says in one place what the figures of this scene are called and what they are meant to be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.benchmarks.gallery.scene import JPEG_BYTES, LATENCY, SIDE
from tests.benchmarks.panel.contenders import (
    CONTENDERS,
    IPYPLOT,
    OURS,
    OURS_KEPT,
    WIDGET_EACH,
    WIDGET_EACH_FETCHING,
)
from tests.benchmarks.panel.scene import BOUND, FEW, TASKS
from tests.benchmarks.report import Goal, contender_table, goal_table

if TYPE_CHECKING:
    from tests.benchmarks.panel.measure import Measurement
    from tests.benchmarks.rounds import Rounds

KILOBYTE = 1000
MEGABYTE = 1000 * KILOBYTE
COLUMNS = (
    *(
        "first screen",
        "fastest to slowest",
        "next to the first",
        "its tiles",
        "sent by then",
        "to the end",
        "sent in all",
    ),
    *("memory", "peak", "models", f"models for {FEW} tasks"),
)


def goals_of(rounds: Rounds[Measurement]) -> list[Goal]:
    """The goals, with the figures that were measured; what never came counts as the bound."""
    kernels = [measurement.kernel for measurement in rounds.measured[OURS]]
    memory = max(kernel.memory for kernel in kernels)
    growth = max(kernel.models - kernel.models_of_few for kernel in kernels)
    return [
        Goal("first screen", rounds.median_of(OURS, _first_screen), 1.5, " s"),
        *(
            Goal(
                f"faster to it than {CONTENDERS[rival].label}",
                rounds.ratio(rival, ours, _first_screen),
                5,
                "x",
                is_floor=True,
            )
            for ours, rival in ((OURS, WIDGET_EACH_FETCHING), (OURS_KEPT, WIDGET_EACH), (OURS_KEPT, IPYPLOT))
        ),
        Goal("kernel memory added, worst round", memory / MEGABYTE, 200, " MB"),
        Goal(f"widget models more for {TASKS} tasks than for {FEW}", growth, 0, ""),
    ]


def spell(rounds: Rounds[Measurement]) -> str:
    """The report on this scene, as Markdown."""
    scene = (
        f"{TASKS} tasks in JupyterLab, one {SIDE}x{SIDE} JPEG of about {JPEG_BYTES // KILOBYTE} KB each, "
        f"{LATENCY * 1000:g} ms before every answer; medians of {rounds.count} rounds."
    )
    contenders = contender_table(COLUMNS, (_cells(rounds, name) for name in CONTENDERS))
    return "\n\n".join(["## Panel", scene, contenders, goal_table(goals_of(rounds))])


def _cells(rounds: Rounds[Measurement], name: str) -> list[str]:
    first = rounds.figures(name, _first_screen)
    kernels = [measurement.kernel for measurement in rounds.measured[name]]
    came = sum(measurement.page.first_screen is not None for measurement in rounds.measured[name])
    arrived = sum(measurement.page.scroll is not None for measurement in rounds.measured[name])
    return [
        CONTENDERS[name].label,
        _spell_seconds(rounds.median_of(name, _first_screen), rounds.count - came, rounds.count),
        f"{min(first):.2f}-{max(first):.2f} s",
        f"{rounds.ratio(name, OURS, _first_screen):.2f}x",
        f"{rounds.median_of(name, lambda round_: round_.page.tiles):.0f}",
        f"{rounds.median_of(name, lambda round_: round_.page.first_received) / MEGABYTE:.1f} MB",
        _spell_seconds(rounds.median_of(name, _scroll), rounds.count - arrived, rounds.count),
        f"{rounds.median_of(name, lambda round_: round_.page.received) / MEGABYTE:.1f} MB",
        f"{rounds.median_of(name, lambda round_: round_.kernel.memory) / MEGABYTE:.0f} MB",
        f"{rounds.median_of(name, lambda round_: round_.kernel.peak) / MEGABYTE:.0f} MB",
        f"{max(kernel.models for kernel in kernels)}",
        f"{max(kernel.models_of_few for kernel in kernels)}",
    ]


def _spell_seconds(seconds: float, failed: int, count: int) -> str:
    """A time, and how often it did not come to an end."""
    spelled = f"over {BOUND:g} s" if seconds >= BOUND else f"{seconds:.2f} s"
    return f"{spelled} (never in {failed} of {count})" if failed else spelled


def _first_screen(measurement: Measurement) -> float:
    seconds = measurement.page.first_screen
    return BOUND if seconds is None else seconds


def _scroll(measurement: Measurement) -> float:
    seconds = measurement.page.scroll
    return BOUND if seconds is None else seconds
