"""Why: each round of a contender runs in a process of its own, with everything loaded before the first task begins."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from statistics import mean

from tests.benchmarks.processes import ROOT
from tests.benchmarks.waiting.contenders import CONTENDERS

SERVER = (sys.executable, "-m", "tests.benchmarks.waiting.server")


@dataclass(frozen=True)
class Measurement:
    """One round of one contender. A delay is the time from "ready on the server" to "known to the caller".

    Attributes:
        requests: How many the server received.
        mean_delay: In seconds.
        worst_delay: In seconds.
    """

    requests: int
    mean_delay: float
    worst_delay: float


def measure(name: str) -> Measurement:
    """Runs one contender once, in this process, against a server in another.

    Args:
        name: The contender.

    Returns:
        What it took.

    Raises:
        RuntimeError: The server did not start, or not every task became known.
    """
    contender = CONTENDERS[name]
    with subprocess.Popen(SERVER, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        opening = server.stdout.readline() if server.stdout else ""
        if not opening:
            raise RuntimeError("The benchmark's server did not start.")
        fields = json.loads(opening)
        base_url: str = fields["base_url"]
        ready_at: dict[str, float] = fields["ready_at"]
        known_at = {task_id: time.time() for task_id in contender.run(base_url, tuple(ready_at))}
        closing, _ = server.communicate()
    if known_at.keys() != ready_at.keys():
        raise RuntimeError(f"{name} knows of {len(known_at)} tasks instead of {len(ready_at)}.")
    delays = [known_at[task_id] - ready for task_id, ready in ready_at.items()]
    return Measurement(requests=json.loads(closing), mean_delay=mean(delays), worst_delay=max(delays))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("contender", choices=CONTENDERS)
    print(json.dumps(asdict(measure(parser.parse_args().contender))))
