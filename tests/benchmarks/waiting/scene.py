"""Why: all contenders wait for the same tasks, which finish at the same moments in every round."""

from __future__ import annotations

import numpy as np

TASKS = 100
SPREAD = 10.0  # seconds; within them all tasks finish
SEED = 0
LATENCY = 0.05  # seconds before each answer
TOKEN = "benchmark"


def moments() -> list[float]:
    """When each task finishes, in seconds after the beginning; the same in every process."""
    return [float(moment) for moment in np.random.default_rng(SEED).uniform(0, SPREAD, TASKS)]
