"""Why: the door to what is kept on this machine. It holds no rule of its own."""

from __future__ import annotations

import dataclasses
import warnings
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from seedream_nb.core.errors import LibraryError, LibraryWarning
from seedream_nb.core.models import Task
from seedream_nb.core.sizes import format_size
from seedream_nb.library.budget import evict, size_of_originals
from seedream_nb.library.database import Database
from seedream_nb.library.image_store import ImageStore
from seedream_nb.library.location import LIBRARY_NAME, resolve_budget, resolve_location
from seedream_nb.library.maintainable import Maintainable
from seedream_nb.library.markable import Markable
from seedream_nb.library.marks import spell_tags
from seedream_nb.library.portable import Portable
from seedream_nb.library.records import find_tasks, put_tasks
from seedream_nb.library.search import FIRST_PAGE, Wanted, count_matches, search_tasks

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime
    from pathlib import Path
    from types import TracebackType

    from seedream_nb.core.models import TaskImage
    from seedream_nb.images.thumbnails import Thumbnail

LOOKS = 50  # how often its size is looked at, while originals as large as the budget come


# The libraries of this process by their folders, so that their options hold for whoever finds one by its folder.
_opened: WeakValueDictionary[str, Library] = WeakValueDictionary()


@dataclass(frozen=True)
class LibraryInfo:
    """What a library holds.

    Attributes:
        location: Its folder.
        tasks: How many records.
        originals: How many pictures at full size.
        thumbnails: How many small copies.
        records_size: Bytes of the records.
        originals_size: Bytes of the originals.
        thumbnails_size: Bytes of the thumbnails.
        budget: The most bytes that originals may take.
        is_read_only: Whether it can only be read.
    """

    location: Path
    tasks: int
    originals: int
    thumbnails: int
    records_size: int
    originals_size: int
    thumbnails_size: int
    budget: int
    is_read_only: bool


class Library(Markable, Maintainable, Portable):
    """Records and pictures of tasks, kept on this machine.

    It can be used by several threads and several processes at once.

    Args:
        location: Its folder; by default that of the environment variable `SEEDREAM_LIBRARY`, or else the usual place
            for a user's data.
        budget: The most bytes that originals may take; beyond it the longest unused go. By default what the environment
            variable `SEEDREAM_LIBRARY_BUDGET` says, such as `20 GB`, or else 5 GB.
        read_only: Whether to write nothing. A folder that cannot be written to is read only by itself.

    Raises:
        LibraryError: The library is turned off, or its file cannot be opened.
        SettingsError: The environment's budget is no size.

    Example:
        >>> library = Library("pictures-of-the-team")  # doctest: +SKIP
        >>> library.search("siamese cat")  # doctest: +SKIP
    """

    def __init__(
        self,
        location: str | os.PathLike[str] | None = None,
        *,
        budget: int | None = None,
        read_only: bool = False,
    ) -> None:
        folder = resolve_location(location)
        if folder is None:
            raise LibraryError(
                "The library is turned off.",
                hint=f"Unset {LIBRARY_NAME}, set it to a folder, or name one: Library(folder).",
            )
        self._folder = folder
        self._budget = resolve_budget(budget)
        self._wants_read_only = read_only
        self._open()

    @classmethod
    def opened_at(cls, location: Path) -> Library | None:
        """The library that this process has opened in a folder; None when it has not."""
        return _opened.get(str(location))

    @property
    def location(self) -> Path:
        """Its folder."""
        return self._folder

    @property
    def is_read_only(self) -> bool:
        """Whether it can only be read."""
        return self._database.is_read_only

    # Tasks.

    def keep(self, tasks: Iterable[Task] | Task) -> int:
        """Keeps the records of tasks that are final; others are passed over.

        Args:
            tasks: Tasks, one or several, such as a gallery.

        Returns:
            How many records were new, or other than before.

        Raises:
            LibraryError: Nothing can be written.
        """
        # Gone through before the transaction: a history asks the service meanwhile.
        given = [tasks] if isinstance(tasks, Task) else list(tasks)
        with self._database.writing() as connection:
            return put_tasks(connection, given, partial(self._images.keep_inline, connection))

    def find(self, task_ids: Iterable[str]) -> dict[str, Task]:
        """Reads what is kept of some tasks.

        Args:
            task_ids: Their ids; case does not matter.

        Returns:
            The tasks that are kept, by the ids that were asked for.

        Raises:
            LibraryError: The library cannot be read.
        """
        with self._database.reading() as connection:
            found = find_tasks(connection, task_ids, self._images.read)
        return {task_id: self._named(task) for task_id, task in found.items()}

    def search(
        self,
        text: str = "",
        *,
        model: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        tags: Sequence[str] | str = (),
        rating: int | None = None,
        status: str | None = None,
        limit: int | None = FIRST_PAGE,
        offset: int = 0,
    ) -> list[Task]:
        """Finds tasks, the newest first.

        Args:
            text: Words that all occur in prompt, model, tags or note, each from its beginning on and in any language;
                `"several words"` in quotation marks occur one after the other.
            model: A full model id, a short name such as `4.5`, or a part of the id.
            since: Created at this time or later.
            until: Created before this time.
            tags: All of these; their case does not matter.
            rating: Rated so many stars or more.
            status: The word of a state, such as `failed`.
            limit: How many at most; None for all.
            offset: How many of the newest are passed over.

        Returns:
            The tasks, ready for a `Gallery`.

        Raises:
            UsageError: There is text, but no word in it.
            LibraryError: The library cannot be read.

        Example:
            >>> Gallery(library.search("siamese", model="4.5"))  # doctest: +SKIP
        """
        wanted = Wanted(text, model, since, until, (tags,) if isinstance(tags, str) else tuple(tags), rating, status)
        with self._database.reading() as connection:
            wanted = spell_tags(connection, wanted)
            found = search_tasks(connection, wanted, self._images.read, limit=limit, offset=offset)
        return [self._named(task) for task in found]

    def count(self, wanted: Wanted | None = None) -> int:
        """How many tasks are kept, or how many of them are wanted.

        Raises:
            LibraryError: The library cannot be read.
        """
        with self._database.reading() as connection:
            return count_matches(connection, spell_tags(connection, wanted or Wanted()))

    def __len__(self) -> int:
        return self.count()

    def __iter__(self) -> Iterator[Task]:
        """All tasks, the newest first, read page by page."""
        offset = 0
        while page := self.search(limit=FIRST_PAGE, offset=offset):
            yield from page
            offset += len(page)

    def __contains__(self, task_id: object) -> bool:
        return isinstance(task_id, str) and bool(self.find([task_id]))

    # Images.

    def original(self, image: TaskImage) -> bytes | None:
        """The original of a picture.

        Args:
            image: The picture.

        Returns:
            Its bytes; None when it is not kept, or its file is damaged.

        Raises:
            LibraryError: The library cannot be read.
        """
        return image.data if image.data is not None else self._images.find_original(image)

    def thumbnail(self, image: TaskImage, side: int) -> Thumbnail | None:
        """A thumbnail that was kept.

        Args:
            image: The picture.
            side: The side that was asked for when it was made, in pixels.

        Returns:
            The thumbnail; None when none of this side is kept.

        Raises:
            LibraryError: The library cannot be read.
        """
        return self._images.find_thumbnail(image, side)

    def keep_image(self, image: TaskImage, content: bytes, *, thumbnail: tuple[int, Thumbnail] | None = None) -> None:
        """Keeps the original of a picture, and perhaps a thumbnail. Evicts others when there is no room.

        Args:
            image: The picture, with its link.
            content: Its bytes; a whole picture, as the caller has checked.
            thumbnail: The side that was asked for, in pixels, and the thumbnail.

        Raises:
            LibraryError: Nothing can be written.
            OSError: A file cannot be written, such as on a full disk.

        Warns:
            LibraryWarning: Others had to go.
        """
        if image.data is not None:
            # It is kept with its task's record.
            if thumbnail is not None:
                self._images.keep_thumbnail(image, *thumbnail)
            return
        self._room -= self._images.keep(image, content, thumbnail)
        if self._room < 0:
            self._evict()

    def keep_thumbnail(self, image: TaskImage, side: int, thumbnail: Thumbnail) -> None:
        """Keeps a further thumbnail of a picture that is kept; does nothing for another.

        Args:
            image: The picture.
            side: The side that was asked for, in pixels.
            thumbnail: The thumbnail.

        Raises:
            LibraryError: Nothing can be written.
            OSError: A file cannot be written.
        """
        self._images.keep_thumbnail(image, side, thumbnail)

    # The library itself.

    def info(self) -> LibraryInfo:
        """What it holds, and where.

        Raises:
            LibraryError: The library cannot be read.
        """
        with self._database.reading() as connection:
            question = "SELECT count(*), coalesce(sum(size), 0) FROM "
            originals, originals_size = connection.execute(f"{question} originals").fetchone()
            thumbnails, thumbnails_size = connection.execute(f"{question} thumbnails").fetchone()
        return LibraryInfo(
            location=self._folder,
            tasks=len(self),
            originals=originals,
            thumbnails=thumbnails,
            records_size=self._database.size,
            originals_size=originals_size,
            thumbnails_size=thumbnails_size,
            budget=self._budget,
            is_read_only=self.is_read_only,
        )

    def close(self) -> None:
        """Closes its file. It is opened again when it is needed."""
        self._database.close()

    def __enter__(self) -> Library:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Library({str(self._folder)!r})"

    def __getstate__(self) -> dict[str, object]:
        return {"_folder": self._folder, "_budget": self._budget, "_wants_read_only": self._wants_read_only}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)
        self._open()

    def _named(self, task: Task) -> Task:
        return dataclasses.replace(task, library=str(self._folder))

    def _open(self) -> None:
        _opened[str(self._folder)] = self
        self._database = Database(self._folder, read_only=self._wants_read_only, on_damage=_tell_of_damage)
        self._images = ImageStore(self._database, self._folder)
        with self._database.reading() as connection:
            # Other kernels fill it, too: from time to time, what is there is measured.
            self._room = min(self._budget - size_of_originals(connection), self._budget // LOOKS)

    def _evict(self) -> None:
        gone = evict(self._database, self._images, self._budget)
        self._room = self._budget // LOOKS
        if gone.originals:
            warnings.warn(
                f"The library has passed its budget of {format_size(self._budget)}: the {gone.originals:,} originals "
                f"that were unused for longest are gone ({format_size(gone.size)}). Records and thumbnails stay; tag "
                "or rate what has to stay whole, or give more room: SEEDREAM_LIBRARY_BUDGET=20GB.",
                LibraryWarning,
                stacklevel=2,
            )


def _tell_of_damage(what: str) -> None:
    warnings.warn(what, LibraryWarning, stacklevel=2)
