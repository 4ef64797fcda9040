"""Why: a file is there whole or not at all, whatever happens to the process that writes it.

It is written beside its place under a name of no meaning, and takes its own name when nothing is missing.
"""

from __future__ import annotations

import os
import threading
import uuid
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PART = ".part"  # the ending of what is not whole yet; its name begins with a dot

_naming = threading.Lock()  # between taking a name and filling it, no other thread looks


def staging_path(path: Path) -> Path:
    """A name beside a path, in the same folder, that nothing has yet."""
    return path.with_name(f".{uuid.uuid4().hex}{PART}")


@contextmanager
def staging_file(path: Path) -> Iterator[Path]:
    """Gives the name of a file to write, which is to be moved to a path; what is left of it in the end is removed.

    Args:
        path: Where the file is to be in the end.

    Yields:
        A name beside it.
    """
    part = staging_path(path)
    try:
        yield part
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def write_atomically(path: Path, content: bytes) -> None:
    """Writes a file; one of the same name is replaced.

    Args:
        path: Where to; its folder is there.
        content: What it holds.

    Raises:
        OSError: It cannot be written, such as on a full disk; what was there stays.
    """
    with staging_file(path) as part:
        part.write_bytes(content)
        part.replace(path)


def write_new(path: Path, content: bytes) -> bool:
    """Writes a file unless the name is taken, also by a broken link.

    Args:
        path: Where to; its folder is there.
        content: What it holds.

    Returns:
        Whether it was written.

    Raises:
        OSError: It cannot be written.
    """
    with _naming:
        if os.path.lexists(path):
            return False
    with staging_file(path) as part:
        part.write_bytes(content)
        with _naming:
            try:
                # A link appears whole or not at all, and never over a file that is there.
                path.hardlink_to(part)
            except FileExistsError:
                return False
            except OSError:
                # Some file systems know no hard links.
                if os.path.lexists(path):
                    return False
                part.replace(path)
    return True
