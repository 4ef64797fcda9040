"""Measures this scene. Each round of a contender runs this module in a process of its own.

The process starts the server when everything is imported, and with it the clock of the tasks.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from statistics import mean

from tests.benchmarks.processes import ROOT, run_worker
from tests.benchmarks.rounds import Rounds, take_turns
from tests.benchmarks.waiting.contenders import CONTENDERS

SERVER = (sys.executable, "-m", "tests.benchmarks.waiting.server")


@dataclass(frozen=True)
class Measurement:
    """One round of one contender. A delay is the time from "finished on the server" to "known to the caller".

    Attributes:
        requests: The number of requests the server received.
        mean_delay: In seconds.
        longest_delay: In seconds.
    """

    requests: int
    mean_delay: float
    longest_delay: float


def measure_all(rounds: int) -> Rounds[Measurement]:
    """Measures all contenders, in so many rounds."""
    return take_turns(
        list(CONTENDERS), rounds, lambda name: Measurement(**run_worker("tests.benchmarks.waiting.measure", name))
    )


def measure(name: str) -> Measurement:
    """Runs a contender once, in this process, against a server in another."""
    contender = CONTENDERS[name]
    with subprocess.Popen(SERVER, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        opening = server.stdout.readline() if server.stdout else ""
        if not opening:
            raise RuntimeError("The benchmark server did not start.")
        fields = json.loads(opening)
        base_url: str = fields["base_url"]
        finished_at: dict[str, float] = fields["finished_at"]
        known_at = {task_id: time.time() for task_id in contender.run(base_url, tuple(finished_at))}
        closing, _ = server.communicate()
    if known_at.keys() != finished_at.keys():
        raise RuntimeError(f"{name} learned of {len(known_at)} tasks instead of {len(finished_at)}.")
    delays = [known_at[task_id] - finished for task_id, finished in finished_at.items()]
    return Measurement(requests=json.loads(closing), mean_delay=mean(delays), longest_delay=max(delays))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("contender", choices=CONTENDERS)
    print(json.dumps(asdict(measure(parser.parse_args().contender))))
