"""What happens in the kernel before the clock starts and after it stops, the same for all contenders."""

from __future__ import annotations

import json
from dataclasses import asdict

from IPython.display import display
from ipywidgets.widgets.widget import _instances

from tests.benchmarks import memory
from tests.benchmarks.panel.contenders import CONTENDERS
from tests.benchmarks.panel.scene import FEW, TASKS, KernelFigures


class Stage:
    """Prepares a contender, shows its images, and measures the kernel.

    Args:
        name: The contender.
        base_url: The address of the server.
    """

    def __init__(self, name: str, base_url: str) -> None:
        contender = CONTENDERS[name]
        contender.load()
        self._show = contender.prepare(base_url)
        self._shown: object = None
        self._models_before = len(_instances)
        self._memory_before = memory.begin()

    def show(self) -> None:
        """Shows all images; this is what the clock measures."""
        self._shown = self._show(TASKS)
        if self._shown is not None:
            display(self._shown)

    def measure(self) -> str:
        """The fields of `KernelFigures` as JSON."""
        models = len(_instances) - self._models_before
        added = memory.collected() - self._memory_before
        peak = memory.peak_above(self._memory_before)
        before = len(_instances)
        few = self._show(FEW)
        models_of_few = len(_instances) - before
        del few
        return json.dumps(asdict(KernelFigures(models, models_of_few, added, peak)))
