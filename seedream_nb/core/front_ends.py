"""Which front end runs this process, where that makes a difference."""

from __future__ import annotations

import sys


def in_marimo() -> bool:
    """Whether a cell of a marimo notebook calls this; marimo is not imported for that.

    False in threads, which cannot write to a cell there, and in a notebook that runs as a script.
    """
    marimo = sys.modules.get("marimo")
    return marimo is not None and bool(marimo.running_in_notebook())
