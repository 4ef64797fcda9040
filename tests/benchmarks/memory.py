"""The resident memory of this process, on Linux."""

from __future__ import annotations

import gc
import re
from pathlib import Path

KIBIBYTE = 1024
STATUS_FILE = Path("/proc/self/status")
PEAK_RESET_FILE = Path("/proc/self/clear_refs")


def begin() -> int:
    """Collects garbage, resets the peak, and returns the resident memory in bytes."""
    gc.collect()
    PEAK_RESET_FILE.write_text("5")
    return _read("VmRSS")


def collected() -> int:
    """The resident memory after garbage collection, in bytes."""
    gc.collect()
    return _read("VmRSS")


def peak_above(before: int) -> int:
    """The peak since `begin` above the memory it returned, in bytes."""
    return _read("VmHWM") - before


def _read(field: str) -> int:
    found = re.search(rf"^{field}:\s+(\d+) kB$", STATUS_FILE.read_text(), re.MULTILINE)
    if found is None:
        raise RuntimeError(f"{STATUS_FILE} has no field {field}.")
    return int(found[1]) * KIBIBYTE
