"""Why: a file that a user names is checked before any work is done for it; what the system says becomes a sentence."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from seedream_nb.core.atomic_files import staging_file
from seedream_nb.core.errors import UsageError

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Sequence


def check_path(path: str | os.PathLike[str], suffixes: Sequence[str]) -> Path:
    """Checks that a file could be written, before any work is done for it.

    Args:
        path: Where to; `~` is the home directory.
        suffixes: The endings that it may have, such as `.html`; case does not matter.

    Returns:
        The path.

    Raises:
        UsageError: The ending is another one, or there is no such directory, or a directory of that name.
    """
    try:
        wanted = Path(path).expanduser()
        with suppress(FileNotFoundError, NotADirectoryError):
            wanted.lstat()
    except (OSError, ValueError, RuntimeError) as problem:
        # A ValueError is for characters that no file name can have, a RuntimeError for the home of an unknown user.
        raise _cannot_be_written(path, problem) from None
    if wanted.suffix.lower() not in suffixes:
        raise UsageError(f"{str(path)!r} does not end in {' or '.join(suffixes)}.", hint="Name the file so.")
    if wanted.is_dir():
        raise UsageError(f"{wanted} is a directory.", hint="Name a file in it.")
    if not wanted.parent.is_dir():
        raise UsageError(f"There is no directory {wanted.parent}.", hint="Make it first, or name another one.")
    return wanted


@contextmanager
def replaced_file(path: Path) -> Iterator[Path]:
    """Gives an empty file beside a path, and moves it into place when all went well.

    A file that has this name already is replaced; when anything goes wrong, it stays as it was.

    Args:
        path: Where to.

    Yields:
        The file to write to.

    Raises:
        UsageError: The file cannot be written, or the disk is full.
    """
    try:
        with staging_file(path) as part:
            part.touch(exist_ok=False)
            yield part
            part.replace(path)
    except OSError as problem:
        raise _cannot_be_written(path, problem) from None


def _cannot_be_written(path: str | os.PathLike[str], problem: Exception) -> UsageError:
    reason = (problem.strerror if isinstance(problem, OSError) else None) or problem
    return UsageError(f"{str(path)!r} cannot be written: {reason}.", hint="Name another file, or make room for it.")
