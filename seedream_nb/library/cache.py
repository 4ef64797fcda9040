"""The library as clients and galleries use it: best effort. A failure becomes one warning, and the work continues."""

from __future__ import annotations

import dataclasses
import os
import sqlite3
import threading
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from seedream_nb.core.errors import LibraryError, SeedreamError, SettingsError, UsageError
from seedream_nb.core.foreign import is_loopback
from seedream_nb.core.models import Task, TaskStatus
from seedream_nb.core.task_ids import Lookup
from seedream_nb.images.fetch import ImageFetcher
from seedream_nb.library.database import FILE_NAME, LibraryRecoveredError
from seedream_nb.library.dataset_items import make_items
from seedream_nb.library.library import Library, warn
from seedream_nb.library.location import OFF, TURN_ON_HINT, resolve_location, skips_service

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from seedream_nb.core.foreign import JsonObject
    from seedream_nb.core.models import TaskImage
    from seedream_nb.images.fetch import FetchLimits
    from seedream_nb.images.thumbnails import Thumbnail
    from seedream_nb.library.dataset_items import DatasetItem
    from seedream_nb.library.ledger import Ledger, Order, Purchase
    from seedream_nb.library.marks import Marks

Result = TypeVar("Result")

MOST_SEEN = 1000  # tasks whose ids are remembered without a library
LARGEST_STORED = 512  # pixels; larger thumbnails, as shareable pages use them, are made from the original each time
# Besides the library's own errors: what a disk may raise, what foreign records may contain, and others' warnings where
# warnings are errors.
_PROBLEMS = (OSError, sqlite3.Error, ValueError, TypeError, OverflowError, RecursionError, Warning)


def library_of(tasks: Iterable[Task]) -> str | None:
    """The folder of the library that tasks come from, or `off`; None if no task names one."""
    locations = list(dict.fromkeys(task.library for task in tasks if task.library is not None))
    if len(locations) > 1:
        raise UsageError(
            f"The tasks come from different libraries: {', '.join(locations)}.",
            hint="Choose the one to use, as in Gallery(tasks, library=folder), or library='off' to use none.",
        )
    return locations[0] if locations else None


class LibraryCache:
    """Stores and finds tasks and images as far as possible, and never raises.

    The library is opened on first use. A failure to read and a failure to write each cause one warning.

    Args:
        library: A library, its folder, or `off`; None means that of `SEEDREAM_LIBRARY`, or else the default.
        allow_loopback: Whether images with loopback links are stored, too; by default only in a library that is named
            here or by `SEEDREAM_LIBRARY`. Such links usually belong to a sandbox or a test, and lead to other images
            tomorrow.

    Example:
        >>> LibraryCache("off").find(["84d1544a-9043-4dde-a98b-e889dacd75f6"])
        {}
    """

    _lock: threading.Lock
    _process: int
    _opened: Library | None
    _has_warned_of_no_ledger: bool

    def __init__(
        self, library: Library | str | os.PathLike[str] | None = None, *, allow_loopback: bool | None = None
    ) -> None:
        self._given = library
        if allow_loopback is None:
            allow_loopback = library is not None or not skips_service("http://localhost")
        self._allow_loopback = allow_loopback
        self._reset()

    @classmethod
    def for_service(cls, base_url: str, library: Library | str | os.PathLike[str] | None = None) -> LibraryCache:
        """The cache for a service, which stores nothing of a loopback address unless a library is named."""
        if library is None and skips_service(base_url):
            return cls(OFF)
        return cls(library, allow_loopback=is_loopback(base_url))

    @property
    def library(self) -> Library | None:
        """The library; None if it is turned off. Raises if it cannot be opened, or if its location is invalid."""
        if self._process != os.getpid():
            # A forked child must not wait for a lock that a thread of its parent may hold.
            self._lock, self._process = threading.Lock(), os.getpid()
        with self._lock:
            if self._opened is None:
                self._opened = self._open()
            return self._opened

    def open(self) -> Library:
        """The library, for those who cannot do without; raises a `LibraryError` if it is turned off."""
        library = self.library
        if library is None:
            raise LibraryError("The library is turned off.", hint=TURN_ON_HINT)
        return library

    @property
    def location(self) -> str:
        """The folder of the library, or `off`; does not open the library."""
        if self._opened is not None:
            return str(self._opened.location)
        if isinstance(self._given, Library):
            return str(self._given.location)
        try:
            return str(resolve_location(self._given) or OFF)
        except SettingsError:
            return OFF  # nothing can be stored there, as the first use warns

    def accepts(self, image: TaskImage) -> bool:
        """Whether an image has a link, and may be stored."""
        return image.data is None and image.url is not None and (self._allow_loopback or not is_loopback(image.url))

    def store(self, tasks: Iterable[Task]) -> list[Task]:
        """Stores the records of final tasks, and returns all tasks with the library's location."""
        given = list(tasks)
        self.remember(given)
        final = [task for task in given if task.status.is_final]
        if final:
            self._try(lambda library: library.keep(final), 0, is_writing=True)
        location = self.location
        return [dataclasses.replace(task, library=location) for task in given]

    def remember(self, tasks: Iterable[Task]) -> None:
        """Makes the ids of tasks known by their first characters, as those of stored tasks are."""
        for task in tasks:
            if task.id and task.status is not TaskStatus.NOT_FOUND:
                # Neither its images nor its record: inline images would fill the memory.
                known = Task(task.id, task.status, prompt=task.prompt, created_at=task.created_at)
                self._seen[task.id.lower()] = known
        if len(self._seen) > MOST_SEEN:
            for key in list(self._seen)[:-MOST_SEEN]:
                self._seen.pop(key, None)

    @property
    def lookup(self) -> Lookup:
        """Finds ids by their first characters, among the tasks that have passed through here and the stored ones."""
        off = " (the library is turned off)" if self.location == OFF else " or the library"
        return Lookup(self._find_beginning, f"this client{off}")

    def _find_beginning(self, beginning: str) -> list[Task]:
        seen = [task for key, task in list(self._seen.items()) if key.startswith(beginning)]
        stored: list[Task] = []
        return seen + self._try(lambda library: library.find_beginning(beginning), stored)

    def find(self, task_ids: Iterable[str]) -> dict[str, Task]:
        """The stored ones of some tasks, by the given full ids."""
        wanted = list(task_ids)
        return self._try(lambda library: library.find(wanted), {}) if wanted else {}

    def original(self, image: TaskImage) -> bytes | None:
        """The original of an image; None if it is not stored."""
        return self._try(lambda library: library.original(image), None)

    def dataset_items(self, tasks: Iterable[Task]) -> Iterator[DatasetItem]:
        """The images of tasks, as `make_items` yields them, with the originals and marks that are stored."""
        nothing: Library | None = None
        return make_items(self._try(lambda library: library, nothing), tasks)

    def marks_of(self, tasks: Iterable[Task]) -> dict[tuple[str, int], Marks]:
        """The marks of tasks, as `Library.marks_of` finds them; does not create a library."""
        wanted = [task for task in tasks if task.id.strip() and task.status.is_final]
        nothing: dict[tuple[str, int], Marks] = {}
        location = self.location
        try:
            exists = location != OFF and (Path(location) / FILE_NAME).is_file()
        except OSError:  # such as a folder of somebody else
            exists = False
        return self._try(lambda library: library.marks_of(wanted), nothing) if wanted and exists else nothing

    def thumbnail(self, image: TaskImage, side: int) -> Thumbnail | None:
        """A thumbnail of exactly this side, in pixels; None if it is not stored."""
        return self._try(lambda library: library.thumbnail(image, side), None)

    def store_image(self, image: TaskImage, content: bytes, *, thumbnail: tuple[int, Thumbnail] | None = None) -> None:
        """Stores the original of an image, and optionally a thumbnail with its requested side in pixels."""
        self._try(lambda library: library.keep_image(image, content, thumbnail=thumbnail), None, is_writing=True)

    def digests_sent(self, task: Task) -> list[str]:
        """The SHA-256 of each reference image of a task, see `Library.digests_sent`."""
        if not task.id or not task.request.get("image"):
            return []
        return self._try(lambda library: library.digests_sent(task.id), [])

    def portable_request(self, task_id: str) -> JsonObject:
        """The request of a stored task, see `Library.portable_request`; empty if it is not known."""
        nothing: JsonObject = {}
        return self._try(lambda library: library.portable_request(task_id), nothing)

    def find_content(self, digest: str) -> bytes | None:
        """The stored image of a SHA-256."""
        return self._try(lambda library: library.find_content(digest), None)

    def path_of(self, digest: str) -> str:
        """The file of the stored image of a SHA-256; empty if there is none."""
        return self._try(lambda library: str(library.path_of(digest) or ""), "")

    def find_task_of(self, image: TaskImage) -> str:
        """The id of the stored task that an image without an id belongs to, by its content; empty for none."""
        return self._try(lambda library: library.find_task_of(image), "")

    def store_sent(self, content: bytes) -> None:
        """Stores a reference image that is sent within a request."""
        self._try(lambda library: library.keep_sent(content), None, is_writing=True)

    def store_thumbnail(self, image: TaskImage, side: int, thumbnail: Thumbnail) -> None:
        """Stores another thumbnail of a stored image."""
        self._try(lambda library: library.keep_thumbnail(image, side, thumbnail), None, is_writing=True)

    def plan(self, service: str, orders: Sequence[Order], *, notebook: str) -> Sequence[Purchase] | None:
        """Writes down what is ordered, as `Ledger.plan` does; None if it cannot be written down."""
        return self._try(lambda library: library.ledger.plan(service, orders, notebook=notebook), None, is_writing=True)

    def look_up(self, service: str, orders: Sequence[Order]) -> Sequence[Purchase | None]:
        """What was written down before, as `Ledger.look_up` finds it."""
        return self._try(lambda library: library.ledger.look_up(service, orders), [None] * len(orders))

    def key_of(self, task: Task) -> str:
        """The key that finds a task again, see `Library.key_of`; empty if there is no library."""
        return self._try(lambda library: library.key_of(task), "", is_writing=True)

    def record(self, write: Callable[[Ledger], object]) -> None:
        """Writes to the ledger."""
        self._try(lambda library: write(library.ledger), None, is_writing=True)

    def warn_of_no_ledger(self) -> None:
        """Warns, once, that paid requests are not written down."""
        if not self._has_warned_of_no_ledger:
            self._has_warned_of_no_ledger = True
            warn(
                "Without a writable library, paid requests are not recorded: running this again pays "
                f"again, and a lost answer is not recovered. {TURN_ON_HINT}"
            )

    def close(self) -> None:
        """Closes the library; it is opened again on next use."""
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
        self._seen: dict[str, Task] = {}
        self._has_warned_of_no_ledger = False
        self._warned: set[bool] = set()  # of a failure to write (True), or to read (False)

    def _open(self) -> Library | None:
        if isinstance(self._given, Library):
            return self._given
        location = resolve_location(self._given)
        if location is None:
            return None
        # A library that is already open has its own budget, and knows whether it may write at all. It may be empty.
        opened = Library.opened_at(location)
        return Library(location) if opened is None else opened

    def _try(self, work: Callable[[Library], Result], otherwise: Result, *, is_writing: bool = False) -> Result:
        try:
            library = self.library
            if library is None or (is_writing and library.is_read_only):
                return otherwise
            try:
                return work(library)
            except LibraryRecoveredError:
                return work(library)
        except SeedreamError as error:
            self._warn(error.message, is_writing=is_writing)
        except _PROBLEMS as problem:
            what = getattr(problem, "strerror", None) or problem
            self._warn(f"Can't {'write to' if is_writing else 'read'} the library: {what}.", is_writing=is_writing)
        return otherwise

    def _warn(self, what: str, *, is_writing: bool) -> None:
        if is_writing not in self._warned:
            self._warned.add(is_writing)
            warn(f"{what} Everything else works without it.")


class LibraryFetcher(ImageFetcher):
    """Fetches images from a library, or else from their links, and stores the latter.

    An image is not fetched twice, even if its link is dead by then.
    """

    def __init__(self, cache: LibraryCache, limits: FetchLimits | None = None) -> None:
        super().__init__(limits)
        self.cache = cache

    def fetch(self, image: TaskImage, *, stop: threading.Event | None = None) -> bytes:
        """The bytes of an image, as `ImageFetcher.fetch` returns them."""
        if not self.cache.accepts(image):
            return super().fetch(image, stop=stop)
        content = self.cache.original(image)
        if content is None:
            content = super().fetch(image, stop=stop)
            if self._is_whole(content):
                self.cache.store_image(image, content)
        return content

    def thumbnail(self, image: TaskImage, side: int, *, stop: threading.Event | None = None) -> Thumbnail:
        """A thumbnail of an image, as `ImageFetcher.thumbnail` makes it."""
        if image.data is None and not self.cache.accepts(image):
            return super().thumbnail(image, side, stop=stop)
        known = self.cache.thumbnail(image, side)
        if known is not None:
            return known
        content = self.cache.original(image)
        is_new = content is None
        if content is None:
            content = super().fetch(image, stop=stop)
        thumbnail = self._make_thumbnail(content, side)
        if is_new and self.cache.accepts(image):
            self.cache.store_image(image, content, thumbnail=(side, thumbnail) if side <= LARGEST_STORED else None)
        elif not is_new and side <= LARGEST_STORED:
            self.cache.store_thumbnail(image, side, thumbnail)
        return thumbnail

    def __getstate__(self) -> dict[str, object]:
        return {**super().__getstate__(), "cache": self.cache}
