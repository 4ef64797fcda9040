"""Why: the sandbox in a process of its own, which starts the tasks' clocks, and counts what it is asked.

It is meant to be started by a worker that is ready to wait: the tasks begin as soon as it listens.
"""

from __future__ import annotations

import json
import sys
import time

from seedream_nb import Sandbox
from tests.benchmarks.waiting.scene import LATENCY, TOKEN, moments


def main() -> None:
    """Runs until its standard input ends.

    It prints two lines of JSON: its address with the moment in Unix seconds at which each task is ready, at the
    beginning; how many requests it has received, at the end.
    """
    with Sandbox(token=TOKEN, latency=LATENCY) as sandbox:
        begin = time.time()
        ready_at = {sandbox.add_task(ready_in=begin + moment - time.time()): begin + moment for moment in moments()}
        print(json.dumps({"base_url": sandbox.url, "ready_at": ready_at}), flush=True)
        sys.stdin.read()
        print(json.dumps(len(sandbox.requests)), flush=True)


if __name__ == "__main__":
    main()
