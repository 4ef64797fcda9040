"""Why: what a contender takes of a kernel's memory is told the same way in every scene."""

from __future__ import annotations

import gc
import re
from pathlib import Path

KIBIBYTE = 1024
STATUS_FILE = Path("/proc/self/status")
PEAK_RESET_FILE = Path("/proc/self/clear_refs")


def begin() -> int:
    """Collects garbage and forgets the peak so far.

    Returns:
        This process's resident memory, in bytes.
    """
    gc.collect()
    PEAK_RESET_FILE.write_text("5")
    return _read("VmRSS")


def peak_above(before: int) -> int:
    """The peak of the resident memory since `begin`, above what that has returned, in bytes."""
    return _read("VmHWM") - before


def _read(field: str) -> int:
    """A figure of this process's memory, in bytes; of Linux only."""
    found = re.search(rf"^{field}:\s+(\d+) kB$", STATUS_FILE.read_text(), re.MULTILINE)
    if found is None:
        raise RuntimeError(f"{STATUS_FILE} does not tell {field}.")
    return int(found[1]) * KIBIBYTE
