"""Why: each round of a contender runs in a process of its own, so that nothing is warm and memory can be told apart."""

from __future__ import annotations

import argparse
import gc
import json
import os
import re
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell

from tests.benchmarks.gallery.contenders import CONTENDERS, TOKEN
from tests.benchmarks.gallery.scene import Job

KIBIBYTE = 1024
STATUS_FILE = Path("/proc/self/status")
PEAK_RESET_FILE = Path("/proc/self/clear_refs")


@dataclass(frozen=True)
class Measurement:
    """One round of one contender.

    Attributes:
        import_seconds: Loading what it needs, IPython not counted.
        work_seconds: From the call to the finished output.
        memory: The peak of the resident memory during imports and work above what it was before, in bytes.
        output: What the notebook's file grows by, in bytes.
        pictures: How many pictures the output holds.
    """

    import_seconds: float
    work_seconds: float
    memory: int
    output: int
    pictures: int


class Recorder(DisplayPublisher):
    """Takes what a front end would be sent: of `display` and of the cell's value."""

    bundles: list[dict[str, Any]] = []  # noqa: RUF012  the shell makes the object; there is one in a process

    def publish(self, data: dict[str, Any], *_arguments: object, **_options: object) -> None:
        self.bundles.append(data)


class RecordingDisplayHook(DisplayHook):
    """Takes the value of a cell where a kernel would send it to the front end."""

    def write_output_prompt(self) -> None:
        """A kernel's output has no prompt."""

    def write_format_data(self, format_dict: dict[str, Any], md_dict: dict[str, Any] | None = None) -> None:
        del md_dict
        Recorder.bundles.append(format_dict)


def measure(name: str, job: Job) -> Measurement:
    """Runs one contender once, in this process.

    Args:
        name: The contender.
        job: What it has to show.

    Returns:
        What it took.
    """
    contender = CONTENDERS[name]
    os.environ["ACEDATACLOUD_API_TOKEN"] = TOKEN
    os.environ["ACEDATACLOUD_API_BASE_URL"] = job.base_url
    shell = InteractiveShell.instance(display_pub_class=Recorder, displayhook_class=RecordingDisplayHook)
    gc.collect()
    PEAK_RESET_FILE.write_text("5")
    memory_before = _memory("VmRSS")
    start = time.perf_counter()
    contender.load(shell)
    loaded = time.perf_counter()
    contender.run(job, shell)
    end = time.perf_counter()
    memory_peak = _memory("VmHWM")
    texts = [
        value if isinstance(value, str) else repr(value) for bundle in Recorder.bundles for value in bundle.values()
    ]
    embedded = sum(text.count("data:image/") for text in texts)
    embedded += sum(mime.startswith("image/") for bundle in Recorder.bundles for mime in bundle)
    return Measurement(
        import_seconds=loaded - start,
        work_seconds=end - loaded,
        memory=memory_peak - memory_before,
        output=sum(len(text.encode()) for text in texts),
        pictures=embedded,
    )


def _memory(field: str) -> int:
    """A figure of this process's memory, in bytes; of Linux only."""
    found = re.search(rf"^{field}:\s+(\d+) kB$", STATUS_FILE.read_text(), re.MULTILINE)
    if found is None:
        raise RuntimeError(f"{STATUS_FILE} does not tell {field}.")
    return int(found[1]) * KIBIBYTE


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("contender", choices=CONTENDERS)
    fields = json.load(sys.stdin)
    job = Job(**{**fields, "task_ids": tuple(fields["task_ids"])})
    print(json.dumps(asdict(measure(parser.parse_args().contender, job))))
