"""Runs contenders in processes of their own, so that none is warmed up or slowed down by another."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ROOT = Path(__file__).parents[2]


def run_worker(
    module: str, name: str, *, job: Mapping[str, object] | None = None, environment: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Runs one contender once.

    Args:
        module: The worker. It takes the name of the contender as its argument; its last line of output is the
            measurement, as JSON.
        name: The contender.
        job: Passed to the worker's standard input, as JSON; None for nothing.
        environment: The environment variables of the process; None for those of this process.

    Returns:
        The fields of the measurement.

    Raises:
        RuntimeError: The worker failed.
    """
    finished = subprocess.run(
        [sys.executable, "-m", module, name],
        cwd=ROOT,
        env=environment,
        input="" if job is None else json.dumps(job),
        capture_output=True,
        text=True,
        check=False,
    )
    if finished.returncode:
        raise RuntimeError(f"{name} failed:\n{finished.stdout}\n{finished.stderr}")
    fields: dict[str, Any] = json.loads(finished.stdout.splitlines()[-1])
    return fields


def is_installed(modules: Iterable[str]) -> bool:
    """Whether the packages of a contender's modules are installed; one without them is left out."""
    return all(importlib.util.find_spec(module.partition(".")[0]) for module in modules)
