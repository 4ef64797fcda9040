"""Why: keeping is a service beside the work. When it fails, a warning says so once, and the work goes on."""

from __future__ import annotations

import dataclasses
import os
import sqlite3
import threading
import warnings
from typing import TYPE_CHECKING, TypeVar

from seedream_nb.core.errors import LibraryWarning, SeedreamError, SettingsError, UsageError
from seedream_nb.core.hosts import is_loopback
from seedream_nb.library.database import LibraryMendedError
from seedream_nb.library.location import OFF, resolve_location

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from seedream_nb.core.models import Task, TaskImage
    from seedream_nb.images.thumbnails import Thumbnail
    from seedream_nb.library.library import Library

Result = TypeVar("Result")

# Besides the library's own errors: what a disk refuses, and what foreign records may hold.
_PROBLEMS = (OSError, sqlite3.Error, ValueError, TypeError, OverflowError, RecursionError)


def library_of(tasks: Iterable[Task]) -> str | None:
    """The library that tasks come from.

    Args:
        tasks: The tasks.

    Returns:
        Its folder, or `off`; None when no task names one.

    Raises:
        UsageError: They come from different libraries.
    """
    locations = list(dict.fromkeys(task.library for task in tasks if task.library is not None))
    if len(locations) > 1:
        raise UsageError(
            f"The tasks come from different libraries: {', '.join(locations)}.",
            hint="Choose the one to use, as in Gallery(tasks, library=folder), or library='off' to use none.",
        )
    return locations[0] if locations else None


class LibraryCache:
    """Keeps and finds what passes through, as far as that is possible.

    The library is opened when it is first used. A failure is told of once, as a warning.

    Args:
        library: A library, its folder, or `off`; None for the environment's, or else the usual place.
        allow_loopback: Whether pictures of a server on this machine are kept, too. Such a server is a sandbox or a
            test, whose links mean another picture tomorrow; only a library of its own can hold them.

    Example:
        >>> LibraryCache("off").find(["84d1544a-9043-4dde-a98b-e889dacd75f6"])
        {}
    """

    _lock: threading.Lock
    _process: int
    _opened: Library | None

    def __init__(
        self, library: Library | str | os.PathLike[str] | None = None, *, allow_loopback: bool = False
    ) -> None:
        self._given = library
        self._allow_loopback = allow_loopback
        self._reset()

    @classmethod
    def for_service(cls, base_url: str, library: Library | str | os.PathLike[str] | None = None) -> LibraryCache:
        """What keeps the answers of a service.

        Args:
            base_url: The service's address.
            library: As for a `LibraryCache`; None keeps nothing of a server on this machine.

        Returns:
            The cache.
        """
        if library is None and is_loopback(base_url):
            return cls(OFF)
        return cls(library, allow_loopback=is_loopback(base_url))

    @property
    def library(self) -> Library | None:
        """The library; None when it is turned off.

        Raises:
            LibraryError: It cannot be opened.
            SettingsError: Its place cannot be one.
        """
        if self._process != os.getpid():
            # A forked child must not wait for a lock that a thread of its parent may hold.
            self._lock, self._process = threading.Lock(), os.getpid()
        with self._lock:
            if self._opened is None:
                self._opened = self._open()
            return self._opened

    @property
    def location(self) -> str:
        """The folder of the library, or `off`; the library is not opened for that."""
        if self._opened is not None:
            return str(self._opened.location)
        try:
            if self._given is None or isinstance(self._given, (str, os.PathLike)):
                return str(resolve_location(self._given) or OFF)
        except SettingsError:
            return OFF  # nothing can be stored there, as the first use warns
        return str(self._given.location)

    def accepts(self, image: TaskImage) -> bool:
        """Whether it is a picture that is fetched from a link, and may be kept."""
        return image.data is None and image.url is not None and (self._allow_loopback or not is_loopback(image.url))

    def store(self, tasks: Iterable[Task]) -> list[Task]:
        """Stores the records of tasks that are final; returns all tasks, each naming the library."""
        given = list(tasks)
        final = [task for task in given if task.status.is_final]
        if final:
            self._try(lambda library: library.keep(final), 0, is_writing=True)
        location = self.location
        return [dataclasses.replace(task, library=location) for task in given]

    def find(self, task_ids: Iterable[str]) -> dict[str, Task]:
        """The tasks that are kept, by the ids that were asked for."""
        wanted = list(task_ids)
        return self._try(lambda library: library.find(wanted), {}) if wanted else {}

    def original(self, image: TaskImage) -> bytes | None:
        """The original of a picture; None when it is not kept."""
        return self._try(lambda library: library.original(image), None)

    def thumbnail(self, image: TaskImage, side: int) -> Thumbnail | None:
        """A thumbnail of exactly this side, in pixels; None when none is kept."""
        return self._try(lambda library: library.thumbnail(image, side), None)

    def store_image(self, image: TaskImage, content: bytes, *, thumbnail: tuple[int, Thumbnail] | None = None) -> None:
        """Keeps the original of a picture, and perhaps a thumbnail with the side that was asked for."""
        self._try(lambda library: library.keep_image(image, content, thumbnail=thumbnail), None, is_writing=True)

    def store_thumbnail(self, image: TaskImage, side: int, thumbnail: Thumbnail) -> None:
        """Keeps a further thumbnail of a picture that is kept."""
        self._try(lambda library: library.keep_thumbnail(image, side, thumbnail), None, is_writing=True)

    def close(self) -> None:
        """Closes the library. It is opened again when it is needed."""
        with self._lock:
            if self._opened is not None:
                self._opened.close()

    def __getstate__(self) -> dict[str, object]:
        return {"_given": self._given, "_allow_loopback": self._allow_loopback}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)
        self._reset()

    def _reset(self) -> None:
        self._lock = threading.Lock()
        self._opened = None
        self._process = os.getpid()
        self._told: set[bool] = set()  # whether a failure to write was told of, and whether another one

    def _open(self) -> Library | None:
        # Imported here: nothing of it is needed where the library is off, or never used.
        from seedream_nb.library.library import Library  # noqa: PLC0415  see above

        if isinstance(self._given, Library):
            return self._given
        location = resolve_location(self._given)
        # A library that is open already knows how much it may store, and whether it may write at all.
        return None if location is None else Library.opened_at(location) or Library(location)

    def _try(self, work: Callable[[Library], Result], otherwise: Result, *, is_writing: bool = False) -> Result:
        try:
            library = self.library
            if library is None or (is_writing and library.is_read_only):
                return otherwise
            try:
                return work(library)
            except LibraryMendedError:
                return work(library)
        except SeedreamError as error:
            self._tell(error.message, is_writing=is_writing)
        except _PROBLEMS as problem:
            what = getattr(problem, "strerror", None) or problem
            self._tell(f"The library cannot be {'written' if is_writing else 'read'}: {what}.", is_writing=is_writing)
        return otherwise

    def _tell(self, what: str, *, is_writing: bool) -> None:
        if is_writing not in self._told:
            self._told.add(is_writing)
            warnings.warn(f"{what} All else goes on without it.", LibraryWarning, stacklevel=4)
