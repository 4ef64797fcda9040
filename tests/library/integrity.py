"""Checks a library without its own code, and runs scripts in processes of their own."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def wrong_with(folder: Path) -> list[str]:
    """What SQLite finds, originals and thumbnails that are not what the tables tell, and records without words."""
    found = []
    with closing(sqlite3.connect(folder / "library.sqlite")) as connection:
        found += [text for (text,) in connection.execute("PRAGMA integrity_check") if text != "ok"]
        connection.execute("INSERT INTO words (words) VALUES ('integrity-check')")
        originals = connection.execute("SELECT name, digest, size FROM originals").fetchall()
        thumbnails = connection.execute("SELECT name, checksum, size FROM thumbnails").fetchall()
        found += [f"no words of {key}" for (key,) in connection.execute(_WITHOUT_WORDS)]
        found += [f"no original of {digest}" for (digest,) in connection.execute(_WITHOUT_ORIGINAL)]
    for kind, rows in (("originals", originals), ("thumbnails", thumbnails)):
        for name, digest, size in rows:
            path = folder / kind / name[:2] / name
            content = path.read_bytes() if path.exists() else b""
            if (hashlib.sha256(content).hexdigest(), len(content)) != (digest, size):
                found.append(f"{kind}: {name} has {len(content)} bytes")
    return found


_WITHOUT_WORDS = "SELECT key FROM tasks WHERE number NOT IN (SELECT rowid FROM words)"
_WITHOUT_ORIGINAL = "SELECT digest FROM pictures WHERE digest NOT IN (SELECT digest FROM originals)"


def start(script: str, *arguments: object) -> subprocess.Popen[str]:
    """Starts a process in which warnings are printed."""
    command = [sys.executable, "-W", "always::UserWarning", "-c", script, *map(str, arguments)]
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace"
    )


# Forked, they start at the same moment, and import everything only once.
_AT_ONCE = """
children = []
for first in map(int, sys.argv[3:]):
    child = os.fork()
    if not child:
        work(first)
        sys.stderr.flush()
        os._exit(0)
    children.append(child)
work(int(sys.argv[2]))
assert [os.waitpid(child, 0)[1] for child in children] == [0] * len(children)
"""


def run_at_once(script: str, folder: Path, firsts: Sequence[int]) -> str:
    """Runs the function `work` of a script in several processes, each with a number of its own.

    Returns:
        What they have written to stderr, such as warnings.
    """
    groups = [firsts] if hasattr(os, "fork") else [[first] for first in firsts]
    processes = [start(script + _AT_ONCE, folder, *group) for group in groups]
    written = ""
    for process in processes:
        _output, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
        written += errors
    return written


def run(script: str, *arguments: object) -> str:
    """Runs a script to its end, which has to be a good one."""
    process = start(script, *arguments)
    output, errors = process.communicate(timeout=120)
    assert (process.returncode, errors) == (0, ""), errors
    return output
