"""Why: what is done in the kernel, before the clock starts and after it has stopped, is the same for all contenders."""

from __future__ import annotations

import gc
import json
import re
from dataclasses import asdict
from pathlib import Path

from IPython.display import display
from ipywidgets.widgets.widget import _instances

from tests.benchmarks.panel.contenders import CONTENDERS
from tests.benchmarks.panel.scene import FEW, TASKS, KernelFigures

KIBIBYTE = 1024
STATUS_FILE = Path("/proc/self/status")
PEAK_RESET_FILE = Path("/proc/self/clear_refs")


class Stage:
    """Where a contender shows its pictures.

    Args:
        name: The contender.
        base_url: The server's address.
    """

    def __init__(self, name: str, base_url: str) -> None:
        contender = CONTENDERS[name]
        contender.load()
        self._show = contender.prepare(base_url)
        self._shown: object = None
        self._models = len(_instances)
        gc.collect()
        PEAK_RESET_FILE.write_text("5")
        self._memory = _memory("VmRSS")

    def show(self) -> None:
        """Shows all pictures; this is what the clock measures."""
        self._shown = self._show(TASKS)
        if self._shown is not None:
            display(self._shown)

    def measure(self) -> str:
        """What it took in the kernel: the fields of `KernelFigures` as JSON."""
        models = len(_instances) - self._models
        gc.collect()
        memory, peak = _memory("VmRSS") - self._memory, _memory("VmHWM") - self._memory
        before = len(_instances)
        few = self._show(FEW)
        models_of_few = len(_instances) - before
        del few
        return json.dumps(asdict(KernelFigures(models, models_of_few, memory, peak)))


def _memory(field: str) -> int:
    """A figure of this process's memory, in bytes; of Linux only."""
    found = re.search(rf"^{field}:\s+(\d+) kB$", STATUS_FILE.read_text(), re.MULTILINE)
    if found is None:
        raise RuntimeError(f"{STATUS_FILE} does not tell {field}.")
    return int(found[1]) * KIBIBYTE
