"""Why: contenders and servers run in processes of their own, so that none is warm from, or slowed by, another."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parents[2]


def run_worker(
    module: str, name: str, *, job: Mapping[str, object] | None = None, environment: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Runs one contender once.

    Args:
        module: The worker; it takes the contender's name as its argument and prints what it measured as its last line.
        name: The contender.
        job: What the worker finds on its standard input, as JSON; nothing when None.
        environment: The process's environment variables; those of this one when None.

    Returns:
        The fields of the worker's measurement.

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
