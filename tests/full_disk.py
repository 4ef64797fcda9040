"""Processes whose files cannot grow, as on a full disk."""

from __future__ import annotations

import resource
import sys


def limit_files(limit: int) -> None:
    """Lets no file of this process grow beyond some bytes."""
    sys.dont_write_bytecode = True  # a module that is compiled here would be cut off for all other processes, too
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
