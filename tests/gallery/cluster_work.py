"""Work for a cluster. The workers import this module, so it imports little itself."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import sys
import time
from typing import TYPE_CHECKING

from seedream_nb.core.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path


def double(part: int) -> int:
    return 2 * part


def fail_at_first(part: int, folder: Path) -> int:
    """Fails the first time that it has a part, as a busy disk or network may."""
    with contextlib.suppress(FileExistsError):
        (folder / str(part)).touch(exist_ok=False)
        raise OSError("busy")
    return part


def fail_always(part: int) -> int:
    raise OSError(f"no space for part {part}")


def reject(_part: int) -> int:
    raise UsageError("There is no such bucket.", hint="Create it.")


def die(_part: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def wait_for_a_file(part: int, path: Path) -> int:
    """Waits as long as a test may take, except for the first part."""
    (path.parent / f"started-{part}").touch()
    deadline = time.monotonic() + 20
    while part and not path.exists() and time.monotonic() < deadline:
        time.sleep(0.005)
    return part


def find_in_worker(backward: str) -> list[str]:
    """Where a worker has a text: in its environment, its command line, or whatever Python's collector can reach.

    The text is given backward, so that the search finds only what was there before.
    """
    found = [name for name, value in os.environ.items() if backward in value[::-1]]
    found += [argument for argument in sys.argv if backward in argument[::-1]]
    encoded = backward.encode()
    for holder in gc.get_objects():
        for one in gc.get_referents(holder):
            if (isinstance(one, str) and backward in one[::-1]) or (
                isinstance(one, (bytes, bytearray)) and encoded in bytes(one[::-1])
            ):
                found.append(f"{type(one).__name__} in {type(holder).__name__}")
    return found


def limit_retries() -> None:
    """Gives up what is broken on purpose sooner."""
    import s3fs  # noqa: PLC0415  most work does without it

    s3fs.S3FileSystem.retries = 1
