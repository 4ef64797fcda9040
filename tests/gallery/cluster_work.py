"""Work for a cluster. The workers import this module, so it imports little itself."""

from __future__ import annotations

import contextlib
import os
import signal
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
