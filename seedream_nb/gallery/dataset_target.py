"""Where a dataset is written: a folder, or any address that fsspec knows. Every file appears complete or not at all."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import tempfile
import uuid
from collections.abc import Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from seedream_nb.core.atomic_files import PART
from seedream_nb.core.errors import ConnectionFailedError, ExportIncompleteError, SeedreamError, UsageError, shorten
from seedream_nb.core.redaction import REDACTED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# Datasets' readers skip what begins with a dot.
OWN_FOLDER = ".seedream"
STAGING = f"{OWN_FOLDER}/incomplete"
CHUNK = 1 << 20  # bytes
SHORTEST_SECRET = 6  # characters of an option's value that is hidden in messages; shorter ones are words

CONTINUE_HINT = "Run the same line again: it continues where this one stopped."
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_UNFIT = frozenset({errno.EROFS, errno.ENAMETOOLONG, errno.ELOOP})  # of a folder on this machine


@dataclass(frozen=True)
class Stored:
    """A file as it was written: its bytes, and the SHA-256 of these."""

    size: int
    checksum: str


@dataclass(frozen=True)
class Target:
    """The folder of a dataset. It can be pickled, and used by many threads, processes, and machines at once.

    Attributes:
        address: An absolute path, or an address such as `s3://bucket/folder`.
        options: What fsspec is given with it, such as keys (`storage_options`).
    """

    address: str
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def parse(cls, target: str | os.PathLike[str], options: Mapping[str, Any] | None = None) -> Target:
        """Reads what a user gives; raises a `UsageError` if it is no address, or what it needs is not installed."""
        text = os.fspath(target)
        if not isinstance(text, str) or not text.strip():
            raise UsageError("The target of the dataset is empty.", hint="Use a folder, or an address such as s3://…")
        try:
            if "://" not in text:
                # Relative paths mean something else on other machines.
                text = str(Path(text).expanduser().absolute())
            opened = cls(text, dict(options or {}))
            if opened.folder is not None:
                with suppress(OSError):  # a ValueError means that no folder can have this name
                    os.lstat(opened.folder)
        except (OSError, ValueError, RuntimeError, TypeError, ImportError) as problem:
            raise _cannot_be_opened(text, problem) from None
        return opened

    def __reduce__(self) -> tuple[object, ...]:
        return Target, (self.address, self.options)

    def __str__(self) -> str:
        """The address without user and password."""
        scheme, separator, rest = self.address.partition("://")
        host, slash, path = rest.partition("/")
        return f"{scheme}{separator}{host.rpartition('@')[2]}{slash}{path}"

    @cached_property
    def _opened(self) -> tuple[Any, str]:
        from fsspec.core import url_to_fs  # noqa: PLC0415  only exports need it

        system, root = url_to_fs(self.address, **self.options)
        return system, root.rstrip("/")

    @cached_property
    def folder(self) -> Path | None:
        """The folder on this machine; None for any other address."""
        system, root = self._opened
        protocols = (system.protocol,) if isinstance(system.protocol, str) else system.protocol
        return Path(root) if "file" in protocols else None

    def read(self, name: str) -> bytes | None:
        """The content of a file; None if there is none."""
        with self._explained("read"):
            try:
                if self.folder is not None:
                    return (self.folder / name).read_bytes()
                content: bytes = self._system.cat_file(self._path(name))
            except FileNotFoundError:
                return None
            return content

    def size(self, name: str) -> int | None:
        """The size of a file in bytes; None if there is none."""
        with self._explained("read"):
            try:
                if self.folder is not None:
                    return (self.folder / name).stat().st_size
                self._system.invalidate_cache()  # other processes write here, too
                return int(self._system.size(self._path(name)))
            except (FileNotFoundError, NotADirectoryError):
                return None

    def write(self, name: str, content: bytes) -> None:
        """Writes a file completely or not at all; an existing one is replaced."""
        with self._explained("write"):
            if self.folder is None:
                self._system.pipe_file(self._path(name), content)
            else:
                with self._staged() as part:
                    part.write_bytes(content)
                    self._move(part, name)

    @contextmanager
    def staging(self) -> Iterator[Path]:
        """Yields the path of a new file on this machine, which must be filled and `put`; an error removes it."""
        try:
            if self.folder is not None:
                with self._staged() as part:
                    yield part
                return
            with tempfile.TemporaryDirectory(prefix="seedream-dataset-") as folder:
                yield Path(folder) / "file"
        except OSError as problem:
            raise self._explain(problem, "write") from None

    def put(self, path: Path, name: str) -> None:
        """Moves a file from `staging` to its place."""
        with self._explained("write"):
            if self.folder is not None:
                self._move(path, name)
            else:
                self._system.put_file(str(path), self._path(name))

    def measure(self, name: str) -> Stored | None:
        """Reads a file and returns its size and checksum; None if there is none."""
        with self._explained("read"):
            try:
                if self.folder is not None:
                    return measure_file(self.folder / name)
                digest, size = hashlib.sha256(), 0
                with self._system.open(self._path(name), "rb", cache_type="readahead", block_size=8 * CHUNK) as file:
                    while chunk := file.read(CHUNK):
                        digest.update(chunk)
                        size += len(chunk)
                return Stored(size, digest.hexdigest())
            except FileNotFoundError:
                return None

    def sizes(self, folder: str = "") -> dict[str, int]:
        """The sizes in bytes of the files that lie in a folder itself, by name."""
        return {name: size for name, size in self._entries(folder).items() if size is not None}

    def folders(self, folder: str = "") -> list[str]:
        """The folders that lie in a folder itself."""
        return [name for name, size in self._entries(folder).items() if size is None]

    def _entries(self, folder: str) -> dict[str, int | None]:
        """What lies in a folder, by name: the size of each file, and None for each folder."""
        with self._explained("read"):
            try:
                if self.folder is not None:
                    with os.scandir(self.folder / folder) as found:
                        return {one.name: None if one.is_dir() else one.stat().st_size for one in found}
                # Other processes write here, too.
                self._system.invalidate_cache()
                listed = self._system.ls(self._path(folder).rstrip("/"), detail=True)
            except (FileNotFoundError, NotADirectoryError):
                return {}
            return {
                name: None if one["type"] == "directory" else int(one["size"])
                for one in listed
                # Object stores may list a marker of the folder itself.
                if (name := one["name"].rstrip("/").rpartition("/")[2]) and not self._is_root(one["name"], folder)
            }

    def remove(self, names: Iterable[str]) -> None:
        """Removes files, and folders on this machine that have become empty."""
        with self._explained("write"):
            for name in names:
                if self.folder is None:
                    with suppress(FileNotFoundError):
                        self._system.rm_file(self._path(name))
                    continue
                path = self.folder / name
                path.unlink(missing_ok=True)
                with suppress(OSError):  # not empty
                    path.parent.rmdir()

    def clean(self) -> None:
        """Removes what interrupted exports have left; those that are still running notice, and fail."""
        if self.folder is not None:
            shutil.rmtree(self.folder / STAGING, ignore_errors=True)
            self.__dict__.pop("_incomplete", None)

    @property
    def _system(self) -> Any:
        return self._opened[0]

    def _path(self, name: str) -> str:
        return f"{self._opened[1]}/{name}"

    def _is_root(self, path: str, folder: str) -> bool:
        return bool(path.strip("/") == self._path(folder).strip("/"))

    @cached_property
    def _incomplete(self) -> Path:
        assert self.folder is not None  # noqa: S101  for the type checker
        path = self.folder / STAGING
        path.mkdir(parents=True, exist_ok=True)
        return path

    @contextmanager
    def _staged(self) -> Iterator[Path]:
        part = self._incomplete / f".{uuid.uuid4().hex}{PART}"
        try:
            yield part
        except BaseException:
            with suppress(OSError):
                part.unlink(missing_ok=True)
            raise

    def _move(self, part: Path, name: str) -> None:
        assert self.folder is not None  # noqa: S101  for the type checker
        path = self.folder / name
        try:
            part.replace(path)
        except FileNotFoundError:
            path.parent.mkdir(parents=True, exist_ok=True)
            part.replace(path)

    @contextmanager
    def _explained(self, doing: str) -> Iterator[None]:
        """Turns what a file system raises into one clear error."""
        try:
            yield
        except SeedreamError:
            raise
        except Exception as problem:
            if self.folder is not None and not isinstance(problem, OSError):
                raise
            # Every other file system has errors of its own.
            raise self._explain(problem, doing) from None

    def _explain(self, problem: Exception, doing: str) -> SeedreamError:
        what = getattr(problem, "strerror", None) or str(problem) or type(problem).__name__
        for value in _texts_in(self.options):
            what = what.replace(value, REDACTED)
        message = f"Can't {doing} {'to ' if doing == 'write' else ''}{self}: {shorten(what).rstrip('.')}."
        if getattr(problem, "errno", None) in _FULL:
            return ExportIncompleteError(message, hint=f"Free some space. {CONTINUE_HINT}")
        if isinstance(problem, PermissionError):
            return UsageError(message, hint="Check the permissions, and the keys if it needs any.")
        is_unfit = isinstance(problem, (FileNotFoundError, FileExistsError, NotADirectoryError, IsADirectoryError))
        if is_unfit or (self.folder is not None and getattr(problem, "errno", None) in _UNFIT):
            hint = "Create the bucket first, or check its name." if self.folder is None else "Choose another folder."
            return UsageError(message, hint=hint)
        if self.folder is not None:
            return ExportIncompleteError(message, hint=CONTINUE_HINT)
        return ConnectionFailedError(message, hint=f"Check the address and the connection. {CONTINUE_HINT}")


def measure_file(path: Path) -> Stored:
    """The size and the checksum of a file on this machine."""
    digest = hashlib.sha256()
    with path.open("rb", buffering=0) as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
        return Stored(file.tell(), digest.hexdigest())


def _texts_in(options: object) -> list[str]:
    if isinstance(options, Mapping):
        return [text for inner in options.values() for text in _texts_in(inner)]
    return [options] if isinstance(options, str) and len(options) >= SHORTEST_SECRET and "://" not in options else []


def _cannot_be_opened(text: str, problem: Exception) -> UsageError:
    scheme = urlsplit(text).scheme if "://" in text else ""
    shown = shorten(str(Target(text)))
    if isinstance(problem, ImportError):
        # fsspec says which package is needed; nothing else is installed for one address alone.
        return UsageError(f"Can't open {shown}: {shorten(str(problem)).rstrip('.')}.", hint=_PACKAGES.get(scheme))
    if "not known" in str(problem):
        return UsageError(f"{scheme}:// is not a known kind of address.", hint="Use a folder, s3://, or gs://.")
    return UsageError(f"Can't open {shown}: {shorten(str(problem)).rstrip('.')}.", hint="Check the address.")


_PACKAGES = {
    "s3": "pip install s3fs",
    "s3a": "pip install s3fs",
    "gs": "pip install gcsfs",
    "gcs": "pip install gcsfs",
    "az": "pip install adlfs",
    "abfs": "pip install adlfs",
    "sftp": "pip install paramiko",
    "ssh": "pip install paramiko",
    "http": "pip install aiohttp",
    "https": "pip install aiohttp",
}
