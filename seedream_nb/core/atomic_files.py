"""Writes files atomically: a file is complete or absent, whatever happens to the process that writes it.

It is written in the same folder under a temporary name, and renamed when it is complete.
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

PART = ".part"  # the suffix of incomplete files; their names begin with a dot

_naming = threading.Lock()  # no other thread checks a name while it is taken


def staging_path(path: Path) -> Path:
    """An unused name in the folder of a path."""
    return path.with_name(f".{uuid.uuid4().hex}{PART}")


@contextmanager
def staging_file(path: Path) -> Iterator[Path]:
    """Yields an unused path beside the given one, for a file to write and then rename; removes what is left of it."""
    part = staging_path(path)
    try:
        yield part
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def write_atomically(path: Path, content: bytes) -> None:
    """Writes a file atomically; replaces an existing one.

    Args:
        path: The file, in an existing folder.
        content: Its content.

    Raises:
        OSError: It cannot be written, such as on a full disk; an existing file is unchanged.
    """
    with staging_file(path) as part:
        part.write_bytes(content)
        part.replace(path)


def write_new(path: Path, content: bytes) -> bool:
    """Writes a file atomically unless the name is taken, also by a broken link.

    Args:
        path: The file, in an existing folder.
        content: Its content.

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
                # Linking is atomic, and never replaces an existing file.
                path.hardlink_to(part)
            except FileExistsError:
                return False
            except OSError:
                # Some file systems have no hard links.
                if os.path.lexists(path):
                    return False
                part.replace(path)
    return True
