"""Runs one round of a contender in a process of its own, so that no cache is warm and memory can be attributed."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from dataclasses import asdict, dataclass

from tests.benchmarks import memory
from tests.benchmarks.front_end import open_shell, take_output
from tests.benchmarks.gallery.contenders import CONTENDERS, TOKEN
from tests.benchmarks.gallery.scene import Job


@dataclass(frozen=True)
class Measurement:
    """One round of one contender.

    Attributes:
        import_seconds: The time to import the modules, without IPython.
        work_seconds: From the call to the finished output.
        memory: The peak of the resident memory during imports and work above that before, in bytes.
        output: What the output adds to the notebook file, in bytes.
        images: The number of images in the output.
    """

    import_seconds: float
    work_seconds: float
    memory: int
    output: int
    images: int


def measure(name: str, job: Job) -> Measurement:
    """Runs a contender once, in this process."""
    contender = CONTENDERS[name]
    os.environ["ACEDATACLOUD_API_TOKEN"] = TOKEN
    os.environ["ACEDATACLOUD_API_BASE_URL"] = job.base_url
    shell = open_shell()
    memory_before = memory.begin()
    start = time.perf_counter()
    contender.load(shell)
    loaded = time.perf_counter()
    contender.run(job, shell)
    end = time.perf_counter()
    memory_growth = memory.peak_above(memory_before)
    output, images = take_output()
    return Measurement(
        import_seconds=loaded - start,
        work_seconds=end - loaded,
        memory=memory_growth,
        output=output,
        images=images,
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("contender", choices=CONTENDERS)
    fields = json.load(sys.stdin)
    job = Job(**{**fields, "task_ids": tuple(fields["task_ids"])})
    print(json.dumps(asdict(measure(parser.parse_args().contender, job))))
