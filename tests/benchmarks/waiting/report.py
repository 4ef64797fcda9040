"""The report on this scene: the names of its figures and their targets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.benchmarks.report import Goal, contender_table, goal_table
from tests.benchmarks.waiting.contenders import CONTENDERS, OURS, SDK_AT_ONCE
from tests.benchmarks.waiting.server import LATENCY, SPREAD, TASKS

if TYPE_CHECKING:
    from tests.benchmarks.rounds import Rounds
    from tests.benchmarks.waiting.measure import Measurement

COLUMNS = (
    *("Requests", "vs. seedream_nb"),
    *("Mean delay from finished to known", "vs. seedream_nb", "Longest delay"),
)


def goals_of(rounds: Rounds[Measurement]) -> list[Goal]:
    """The goals and the measured figures."""
    return [
        Goal(
            "Requests of the SDK, all tasks at once, vs. seedream_nb",
            rounds.ratio(SDK_AT_ONCE, OURS, _requests),
            20,
            "x",
            is_floor=True,
        ),
        Goal("Mean delay vs. the SDK, all tasks at once", rounds.ratio(OURS, SDK_AT_ONCE, _mean_delay), 1, "x"),
    ]


def render(rounds: Rounds[Measurement]) -> str:
    """The report on this scene, as Markdown."""
    scene = (
        f"{TASKS} unfinished tasks that finish within {SPREAD:g} s, {LATENCY * 1000:g} ms latency; "
        f"medians of {rounds.count} rounds."
    )
    contenders = contender_table(COLUMNS, (_cells(rounds, name) for name in CONTENDERS))
    return "\n\n".join(["## Waiting", scene, contenders, goal_table(goals_of(rounds))])


def summarize(rounds: Rounds[Measurement]) -> str:
    """The figures for users, as Markdown."""
    rows = (
        [
            CONTENDERS[name].label,
            f"{rounds.median_of(name, _requests):g}",
            f"{rounds.median_of(name, _mean_delay):.1f} s",
            f"{rounds.median_of(name, lambda round_: round_.longest_delay):.1f} s",
        ]
        for name in CONTENDERS
    )
    return contender_table(("Requests", "Mean delay from finished to known", "Longest delay"), rows)


def _cells(rounds: Rounds[Measurement], name: str) -> list[str]:
    return [
        CONTENDERS[name].label,
        f"{rounds.median_of(name, _requests):g}",
        f"{rounds.ratio(name, OURS, _requests):.2f}x",
        f"{rounds.median_of(name, _mean_delay):.2f} s",
        f"{rounds.ratio(name, OURS, _mean_delay):.2f}x",
        f"{rounds.median_of(name, lambda round_: round_.longest_delay):.2f} s",
    ]


def _requests(measurement: Measurement) -> float:
    return measurement.requests


def _mean_delay(measurement: Measurement) -> float:
    return measurement.mean_delay
