"""Why: the rounds of this scene; each worker starts a server of its own, so that the tasks begin when it is ready."""

from __future__ import annotations

from tests.benchmarks.processes import run_worker
from tests.benchmarks.rounds import Rounds, take_turns
from tests.benchmarks.waiting.contenders import CONTENDERS
from tests.benchmarks.waiting.worker import Measurement


def measure_all(rounds: int) -> Rounds[Measurement]:
    """Measures everything, in one run.

    Args:
        rounds: Rounds of each contender.

    Returns:
        The figures.
    """
    return take_turns(list(CONTENDERS), rounds, _measure)


def _measure(name: str) -> Measurement:
    return Measurement(**run_worker("tests.benchmarks.waiting.worker", name))
