"""Reads and writes a library's archive: a folder or a zip.

Archives are untrusted: nothing is ever unpacked under a name that an archive chose. Files are read one at a time, up to
a size limit, and a zip that unpacks to far more than its own size is rejected.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import struct
import zipfile
import zlib
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from seedream_nb.core.atomic_files import staging_path
from seedream_nb.core.errors import UsageError
from seedream_nb.core.text import format_size

if TYPE_CHECKING:
    from collections.abc import Iterator

MANIFEST = "seedream-library.json"
_OURS = re.compile(r"tasks/[0-9a-z-]{1,100}\.json|originals/[0-9a-f]{64}\.[a-z]{3,4}")
_BROKEN = (OSError, RuntimeError, ValueError, EOFError, zipfile.BadZipFile, zlib.error, struct.error)
_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})  # others have no bound on memory
_TIME = (1980, 1, 1, 0, 0, 0)  # so that the same tasks give the same file
_MAX_RECORD = 8_000_000  # bytes; an ordinary one has two thousand
_MAX_ORIGINAL = 50 * 1024 * 1024  # bytes, as for fetched images
_RATIO = 50  # between what is unpacked and a zip's size; records reach some twenty, images one
_ALWAYS_FITS = 32_000_000  # bytes that even the smallest zip may unpack to
NAME_AN_EXPORT = "Name a folder or a zip that was written by an export."


class PartError(Exception):
    """A file of an archive is rejected; the message is a few words."""


def is_ours(name: str) -> bool:
    """Whether a file of an archive has a name that an export uses."""
    return name == MANIFEST or _OURS.fullmatch(name) is not None


def largest(name: str) -> int:
    """The maximum bytes of a file with a name that an export uses; a larger one is not read."""
    return _MAX_ORIGINAL if name.startswith("originals/") else _MAX_RECORD


@contextmanager
def read_archive(source: str | os.PathLike[str]) -> Iterator[FolderArchive | ZipArchive]:
    """Opens a folder or a zip to read; `~` is the home directory."""
    path = _path_of(source)
    if path.is_dir():
        yield FolderArchive(path)
        return
    if not path.exists():
        raise UsageError(f"{path} does not exist.", hint=NAME_AN_EXPORT)
    try:
        # Only this: whatever the block raises is not the zip's fault.
        opened = zipfile.ZipFile(path)
    except _BROKEN:
        raise UsageError(f"{path} is not a zip, or is damaged.", hint=NAME_AN_EXPORT) from None
    with opened:
        archive = ZipArchive(opened)
        unpacked, size = archive.unpacked_size(), path.stat().st_size
        if unpacked > max(_ALWAYS_FITS, _RATIO * size):
            raise UsageError(
                f"{path} has {format_size(size)} and unpacks to {format_size(unpacked)}, which no export does; nothing "
                "was imported.",
                hint=NAME_AN_EXPORT,
            )
        yield archive


@contextmanager
def write_archive(target: str | os.PathLike[str]) -> Iterator[FolderArchive | ZipArchive]:
    """Writes a folder or a zip under a temporary name, and moves it into place when it is complete."""
    path = _path_of(target)
    part = staging_path(path)
    try:
        if os.path.lexists(path) and not _may_be_replaced(path):
            raise UsageError(
                f"{path} already exists and is not an export.", hint="Choose another name, or remove it first."
            )
        if _is_zip(path):
            with zipfile.ZipFile(part, "x") as opened:
                yield ZipArchive(opened)
        else:
            part.mkdir()
            yield FolderArchive(part)
        _move_into_place(part, path)
    except OSError as problem:
        raise UsageError(
            f"{path} cannot be written: {problem.strerror or problem}.",
            hint="Choose another place, or free disk space.",
        ) from None
    finally:
        _remove(part)


class FolderArchive:
    """An archive in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def names(self) -> list[str]:
        """The names of all files, whoever put them there, with slashes."""
        found = []
        for place, _folders, files in os.walk(self._folder):
            found += [(Path(place) / file).relative_to(self._folder).as_posix() for file in files]
        return sorted(found)

    def read(self, name: str) -> bytes:
        """The content of a file; a `PartError` if it is too large, or cannot be read."""
        most = largest(name)
        path = self._folder / name
        try:
            # A link may lead anywhere, and a pipe may never end.
            if not stat.S_ISREG(path.lstat().st_mode):
                raise PartError("not a regular file")
            with path.open("rb") as file:
                return _within(file.read(most + 1), most)
        except (OSError, ValueError):
            raise PartError("unreadable") from None

    def write(self, name: str, content: bytes) -> None:
        """Adds a file under a name with slashes."""
        path = self._folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)


class ZipArchive:
    """An archive in a zip."""

    def __init__(self, opened: zipfile.ZipFile) -> None:
        self._opened = opened

    def names(self) -> list[str]:
        """As `FolderArchive.names`."""
        # Not is_dir(), which raises for an empty name.
        return sorted({info.filename for info in self._opened.infolist() if not info.filename.endswith("/")})

    def read(self, name: str) -> bytes:
        """As `FolderArchive.read`."""
        most = largest(name)
        try:
            info = self._opened.getinfo(name)
            if info.compress_type not in _METHODS:
                raise PartError("compressed in an unsupported way")
            if info.file_size > most:
                raise PartError("too large")
            # The sizes that a zip states may be wrong, but no more than that is read.
            with self._opened.open(info) as file:
                return _within(file.read(most + 1), most)
        except (KeyError, *_BROKEN):
            raise PartError("unreadable") from None

    def unpacked_size(self) -> int:
        """The bytes of all files that may be read, as the zip states them."""
        sizes = ((info.filename, info.file_size) for info in self._opened.infolist())
        return sum(size for name, size in sizes if is_ours(name) and size <= largest(name))

    def write(self, name: str, content: bytes) -> None:
        """As `FolderArchive.write`."""
        info = zipfile.ZipInfo(name, _TIME)
        info.external_attr = 0o644 << 16
        # Images are compressed already.
        info.compress_type = zipfile.ZIP_DEFLATED if name.endswith(".json") else zipfile.ZIP_STORED
        self._opened.writestr(info, content)


def _within(content: bytes, most: int) -> bytes:
    if len(content) > most:
        raise PartError("too large")
    return content


def _path_of(place: str | os.PathLike[str]) -> Path:
    try:
        path = Path(place).expanduser().absolute()
        with suppress(OSError):  # it need not exist
            path.lstat()
    except (ValueError, RuntimeError) as problem:
        # ValueError: characters that no file name can have; RuntimeError: the home of an unknown user.
        raise UsageError(
            f"{os.fspath(place)!r} is not a valid path: {problem}.", hint="Name a folder or a zip."
        ) from None
    return path


def _is_zip(path: Path) -> bool:
    return path.suffix.lower() == ".zip"


def _may_be_replaced(path: Path) -> bool:
    if path.is_symlink() or path.is_dir() == _is_zip(path):
        return False
    if path.is_dir() and not any(path.iterdir()):
        return True
    with suppress(UsageError, PartError), read_archive(path) as reader:
        reader.read(MANIFEST)
        return all(map(is_ours, reader.names()))
    return False


def _move_into_place(part: Path, path: Path) -> None:
    if not path.is_dir():
        part.replace(path)
        return
    # A folder cannot replace another one in a single step.
    earlier = staging_path(path)
    path.replace(earlier)
    try:
        part.replace(path)
    except OSError:
        earlier.replace(path)
        raise
    _remove(earlier)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink(missing_ok=True)
