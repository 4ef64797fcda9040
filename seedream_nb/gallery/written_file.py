"""Output files named by the user: checked before any work starts, and replaced only when complete."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from seedream_nb.core.atomic_files import staging_file
from seedream_nb.core.errors import UsageError

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Sequence


def _either(words: Sequence[str]) -> str:
    *others, last = words
    return f"{', '.join(others)} or {last}" if others else last


def check_path(path: str | os.PathLike[str], suffixes: Sequence[str]) -> Path:
    """Checks that a file can be written, before any work starts; `~` is the home directory, and case does not matter.

    Raises:
        UsageError: The ending is not supported, the directory does not exist, or the path is a directory.
    """
    try:
        wanted = Path(path).expanduser()
        with suppress(FileNotFoundError, NotADirectoryError):
            wanted.lstat()
    except (OSError, ValueError, RuntimeError) as problem:
        # ValueError: characters that no file name can have; RuntimeError: the home of an unknown user.
        raise _cannot_be_written(path, problem) from None
    if wanted.suffix.lower() not in suffixes:
        raise UsageError(f"{str(path)!r} must end in {_either(suffixes)}.")
    if wanted.is_dir():
        raise UsageError(f"{wanted} is a directory.", hint="Choose a file in it.")
    if not wanted.parent.is_dir():
        raise UsageError(f"The directory {wanted.parent} does not exist.", hint="Create it first.")
    return wanted


@contextmanager
def replaced_file(path: Path) -> Iterator[Path]:
    """Yields a temporary file, and moves it into place on success; on failure an existing file stays as it is.

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
    return UsageError(
        f"{str(path)!r} cannot be written: {reason}.", hint="Choose another file, or free some disk space."
    )
