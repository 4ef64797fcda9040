"""The sandbox in a process of its own, with tasks that finish at the same times in every round.

A worker starts it when it is ready to wait: the clock of the tasks starts with the server.
"""

from __future__ import annotations

import json
import sys
import time

import numpy as np

from seedream_nb import Sandbox

TASKS = 100
SPREAD = 10.0  # seconds within which all tasks finish
SEED = 0
LATENCY = 0.05  # seconds before each response
TOKEN = "benchmark"


def main() -> None:
    """Runs until its standard input ends.

    Prints two lines of JSON: at the start, the address and the time at which each task finishes, in Unix seconds; at
    the end, the number of requests received.
    """
    with Sandbox(token=TOKEN, latency=LATENCY) as sandbox:
        times = time.time() + np.random.default_rng(SEED).uniform(0, SPREAD, TASKS)
        finished_at = {sandbox.add_task(ready_in=moment - time.time()): moment for moment in times.tolist()}
        print(json.dumps({"base_url": sandbox.url, "finished_at": finished_at}), flush=True)
        sys.stdin.read()
        print(json.dumps(len(sandbox.requests)), flush=True)


if __name__ == "__main__":
    main()
