"""Why: says in one place what the figures of this scene are called and what they are meant to be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.benchmarks.report import Goal, contender_table, goal_table
from tests.benchmarks.waiting.contenders import CONTENDERS, OURS, VENDOR_SDK_AT_ONCE
from tests.benchmarks.waiting.scene import LATENCY, SPREAD, TASKS

if TYPE_CHECKING:
    from tests.benchmarks.rounds import Rounds
    from tests.benchmarks.waiting.worker import Measurement

COLUMNS = ("requests", "next to ours", "mean delay", "next to ours", "worst delay")


def goals_of(rounds: Rounds[Measurement]) -> list[Goal]:
    """The goals, with the figures that were measured."""
    return [
        Goal(
            "fewer requests than each task every 3 s",
            rounds.ratio(VENDOR_SDK_AT_ONCE, OURS, _requests),
            20,
            "x",
            is_floor=True,
        ),
        Goal("mean delay next to each task every 3 s", rounds.ratio(OURS, VENDOR_SDK_AT_ONCE, _mean_delay), 1, "x"),
    ]


def spell(rounds: Rounds[Measurement]) -> str:
    """The report on this scene, as Markdown."""
    scene = (
        f"{TASKS} pending tasks that finish over {SPREAD:g} s, {LATENCY * 1000:g} ms before every answer; "
        f"medians of {rounds.count} rounds."
    )
    contenders = contender_table(COLUMNS, (_cells(rounds, name) for name in CONTENDERS))
    return "\n\n".join(["## Waiting", scene, contenders, goal_table(goals_of(rounds))])


def _cells(rounds: Rounds[Measurement], name: str) -> list[str]:
    return [
        CONTENDERS[name].label,
        f"{rounds.median_of(name, _requests):g}",
        f"{rounds.ratio(name, OURS, _requests):.2f}x",
        f"{rounds.median_of(name, _mean_delay):.2f} s",
        f"{rounds.ratio(name, OURS, _mean_delay):.2f}x",
        f"{rounds.median_of(name, lambda round_: round_.worst_delay):.2f} s",
    ]


def _requests(measurement: Measurement) -> float:
    return measurement.requests


def _mean_delay(measurement: Measurement) -> float:
    return measurement.mean_delay
