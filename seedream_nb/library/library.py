"""`Library`, the public interface to everything stored on this machine."""

from __future__ import annotations

import dataclasses
import warnings
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal
from weakref import WeakValueDictionary

from seedream_nb.core.errors import LibraryError, LibraryWarning, UsageError, shorten
from seedream_nb.core.models import Task, TaskImage
from seedream_nb.core.providers import provide
from seedream_nb.core.task_ids import choose_id, flatten, is_beginning, read_id
from seedream_nb.core.text import count_of, format_size
from seedream_nb.library.catalog import Catalog
from seedream_nb.library.collections import (
    find_collection,
    read_collections,
    remove_collection,
    save_collection,
)
from seedream_nb.library.database import Database
from seedream_nb.library.dataset_items import make_items
from seedream_nb.library.exporting import Exported, export_tasks
from seedream_nb.library.frame import make_frame, make_spending_frame
from seedream_nb.library.image_store import ImageStore, find_digest, find_files
from seedream_nb.library.importing import Imported, import_archive
from seedream_nb.library.ledger import Ledger, finish_purchases
from seedream_nb.library.lineage import Lineage, LineageTree
from seedream_nb.library.location import TURN_ON_HINT, resolve_budget, resolve_location
from seedream_nb.library.marks import (
    Marks,
    add_tags,
    count_tags,
    join_marks,
    read_marks,
    remove_tags,
    set_note,
    set_rating,
    set_rejected,
    stored_keys,
    stored_places,
    write_marks,
)
from seedream_nb.library.records import (
    chunked,
    find_beginning,
    find_portable_request,
    find_sent,
    find_tasks,
    key_of,
    newest_keys,
    record_key,
    select_in,
    store_tasks,
)
from seedream_nb.library.removal import (
    Plan,
    Removal,
    plan_eviction,
    plan_pruning,
    plan_removal,
    remove,
    size_of_originals,
)
from seedream_nb.library.search import FIRST_PAGE, Query, SearchOrder, count_matches, search_tasks
from seedream_nb.library.verification import Verification, verify
from seedream_nb.protocol.prices import default_prices

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path
    from sqlite3 import Connection

    import pandas as pd

    from seedream_nb.core.foreign import JsonObject
    from seedream_nb.core.task_ids import AnyTasks
    from seedream_nb.gallery.datasets import DatasetReport
    from seedream_nb.images.thumbnails import Thumbnail
    from seedream_nb.library.spending import Grouping

CHECKS = 50  # how often the size is measured while originals as large as the budget are stored

# The open libraries of this process by their folders: their options apply wherever the folder is used.
_opened: WeakValueDictionary[str, Library] = WeakValueDictionary()


@dataclass(frozen=True)
class LibraryInfo:
    """What the library in a folder contains.

    Attributes:
        location: Its folder.
        tasks: The number of records.
        originals: The number of originals.
        thumbnails: The number of thumbnails.
        records_size: The bytes of the database.
        originals_size: The bytes of all originals.
        thumbnails_size: The bytes of all thumbnails.
        budget: The maximum of `originals_size`, in bytes.
        is_read_only: Whether nothing is written.

    Example:
        >>> info = library.info()
        >>> info.tasks, info.budget
        (1, 5000000000)
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


class Library:
    """Records and images of tasks, stored on this machine.

    It can be used by several threads and several processes at once. Tasks with a tag, a rating or a note are never
    pruned, and their originals are never evicted. Every method raises a `LibraryError` if the library cannot
    be read, or if it writes and the library cannot be written.

    Args:
        location: Its folder; by default that of the environment variable `SEEDREAM_LIBRARY`, or else the usual place
            for a user's data.
        budget: The maximum bytes of originals; beyond it the least recently used are evicted. By default that of the
            environment variable `SEEDREAM_LIBRARY_BUDGET`, such as `20 GB`, or else 5 GB.
        read_only: Whether to write nothing. A folder that is not writable is always read-only.

    Raises:
        LibraryError: The library is turned off, or its file cannot be opened.
        SettingsError: The environment's budget is not a size.

    Example:
        >>> library = Library("images-of-the-team")
        >>> library.keep(task)
        1
        >>> [task.prompt for task in library.search("siamese cat")]
        ['a white siamese cat']
    """

    _catalog: Catalog | None

    def __init__(
        self,
        location: str | os.PathLike[str] | None = None,
        *,
        budget: int | None = None,
        read_only: bool = False,
    ) -> None:
        folder = resolve_location(location)
        if folder is None:
            raise LibraryError("The library is turned off.", hint=TURN_ON_HINT)
        self._folder = folder
        self._budget = resolve_budget(budget)
        self._wants_read_only = read_only
        self._open()

    @classmethod
    def opened_at(cls, location: Path) -> Library | None:
        """The library that this process has opened in a folder; None if it has not.

        Example:
            >>> Library.opened_at(library.location) is not None
            True
        """
        return _opened.get(str(location))

    @property
    def location(self) -> Path:
        """Its folder."""
        return self._folder

    @property
    def is_read_only(self) -> bool:
        """Whether it is read-only."""
        return self._database.is_read_only

    # Tasks.

    def keep(self, tasks: Iterable[Task] | Task) -> int:
        """Stores the records of one final task or several, such as a gallery; tasks that are not final are skipped.

        Returns:
            How many records were new or changed.

        Example:
            >>> Library("another-library").keep(gallery)
            1
        """
        # Iterated before the transaction begins: a history fetches its pages meanwhile.
        given = [tasks] if isinstance(tasks, Task) else list(tasks)
        with self._database.writing() as connection:
            stored = store_tasks(connection, given, partial(self._images.store_inline, connection))
            finish_purchases(connection, given)
            return stored

    def key_of(self, task: Task) -> str:
        """The key that finds a task in this library: its id, or one that stands for a task without an id.

        Example:
            >>> library.key_of(task) == task.id
            True
        """
        with self._database.writing() as connection:
            return record_key(task, partial(self._images.store_inline, connection))

    def find(self, task_ids: AnyTasks) -> dict[str, Task]:
        """The tasks that are stored, by the given ids; case does not matter.

        Args:
            task_ids: Ids or their first 8 or more characters, tasks, images, or collections of these.

        Raises:
            InvalidTaskIdError: Several ids have the given beginning, or a task or an image has no id.

        Example:
            >>> library.find([task.id, "another-id"])[task.id].prompt
            'a white siamese cat'
        """
        given = [one if isinstance(one, str) else read_id(one) for one in flatten(task_ids)]
        with self._database.reading() as connection:
            complete = {
                one: choose_id(one, find_beginning(connection, one.lower())) for one in given if is_beginning(one)
            }
            wanted = {one: complete.get(one) or one for one in given}
            found = find_tasks(connection, wanted.values(), self._images.read)
        return {one: self._located(found[task_id]) for one, task_id in wanted.items() if task_id in found}

    def stored_keys(self, task_ids: Iterable[str]) -> set[str]:
        """Those of some full ids, in lower case, whose tasks are stored; reads no record.

        Example:
            >>> library.stored_keys([task.id, "another-id"]) == {task.id}
            True
        """
        wanted = {key_of(task_id) for task_id in task_ids}
        with self._database.reading() as connection:
            return {key for (key,) in select_in(connection, "SELECT key FROM tasks WHERE key IN", wanted)}

    def find_beginning(self, beginning: str) -> list[Task]:
        """Finds tasks whose ids begin with these characters, in order: enough of them to tell whether it is one.

        Example:
            >>> [task.prompt for task in library.find_beginning(task.id[:8])]
            ['a white siamese cat']
        """
        with self._database.reading() as connection:
            return find_beginning(connection, beginning.lower())

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
        rejected: bool | None = None,
        collection: str | None = None,
        sort: Literal["newest", "rating"] | None = None,
        limit: int | None = FIRST_PAGE,
        offset: int = 0,
    ) -> list[Task]:
        """Finds tasks, ready for a `Gallery`.

        A search for marks finds the images that have all of them: of a set, the tasks have only these images. Layers
        stay together.

        Args:
            text: Words in any language that must all occur in prompt, model, tags or note, each matching from its
                beginning; `"several words"` in quotation marks match as a phrase.
            model: A full model id, a short name such as `4.5`, or a part of the id.
            since: Created at this time or later.
            until: Created before this time.
            tags: Tags that must all be present; case does not matter.
            rating: The minimum number of stars.
            status: The name of a state, such as `failed`.
            rejected: Whether to find only rejected images, or none of them; by default it does not matter.
            collection: The name of a saved search, whose conditions must be met, too.
            sort: The order: `newest` first, or the best `rating` first; by default that of the collection, or `newest`.
            limit: The maximum number of tasks; None for all.
            offset: How many of the first tasks to skip.

        Raises:
            UsageError: The text contains no word, or there is no such collection or order.

        Example:
            >>> Gallery(library.search("siamese", model="lite"))
            1 task · 1 image
            ...
        """
        query = _make_query(
            tags,
            sort,
            text=text,
            model=model,
            since=since,
            until=until,
            rating=rating,
            status=status,
            rejected=rejected,
        )
        with self._database.reading() as connection:
            if collection is not None:
                query = find_collection(connection, collection).narrow(query)
            found = search_tasks(connection, query, self._images.read, limit=limit, offset=offset)
        return [self._located(task) for task in found]

    def count(self, query: Query | None = None) -> int:
        """The number of tasks that match a query, or of all.

        Example:
            >>> library.count()
            1
        """
        with self._database.reading() as connection:
            return count_matches(connection, query or Query())

    def save_collection(
        self,
        name: str,
        text: str = "",
        *,
        model: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        tags: Sequence[str] | str = (),
        rating: int | None = None,
        status: str | None = None,
        rejected: bool | None = None,
        sort: Literal["newest", "rating"] | None = None,
    ) -> None:
        """Saves a search under a name, for `search(collection=…)`; one of the same name is replaced.

        Args:
            name: Up to 100 characters.
            text: This and the rest as for `search`.
            model: See `text`.
            since: See `text`.
            until: See `text`.
            tags: See `text`.
            rating: See `text`.
            status: See `text`.
            rejected: See `text`.
            sort: See `text`.

        Raises:
            UsageError: The name or an argument is not valid.

        Example:
            >>> library.save_collection("best cats", "cat", rating=4, sort="rating")
            >>> library.rate(image, 5)
            >>> len(library.search(collection="best cats"))
            1
        """
        query = _make_query(
            tags,
            sort,
            text=text,
            model=model,
            since=since,
            until=until,
            rating=rating,
            status=status,
            rejected=rejected,
        )
        with self._database.writing() as connection:
            save_collection(connection, name, query)

    def collections(self) -> dict[str, Query]:
        """The saved searches by their names, in alphabetical order.

        Example:
            >>> library.save_collection("best cats", "cat", rating=4)
            >>> list(library.collections())
            ['best cats']
        """
        with self._database.reading() as connection:
            return read_collections(connection)

    def remove_collection(self, name: str) -> None:
        """Removes a saved search, but no images; raises a `UsageError` if there is none of that name.

        Example:
            >>> library.save_collection("best cats", "cat", rating=4)
            >>> library.remove_collection("best cats")
        """
        with self._database.writing() as connection:
            remove_collection(connection, name)

    def __len__(self) -> int:
        return self.count()

    def __iter__(self) -> Iterator[Task]:
        """All tasks that are stored now, the newest first, each once, whatever is written or removed meanwhile."""
        return self._iterate(newest_keys)

    def _iterate(self, find_keys: Callable[[Connection], list[str]]) -> Iterator[Task]:
        with self._database.reading() as connection:
            keys = find_keys(connection)
        # Not many at a time, as each task brings its inline images.
        for page in chunked(keys, FIRST_PAGE):
            yield from self.find(page).values()

    def __contains__(self, task_id: object) -> bool:
        return isinstance(task_id, (str, Task, TaskImage)) and bool(self.find(task_id))

    @property
    def catalog(self) -> Catalog:
        """The cards of all tasks, to find, sort and read any number of them by windows, as the explorer does.

        A library that was filled by an earlier version is read as a whole on first use, see `Catalog.update`.

        Example:
            >>> from seedream_nb.library.catalog import CardQuery, Sort
            >>> library.rate(image, 5)
            >>> len(library.catalog.find(CardQuery(rating=4), Sort.RATING))
            1
        """
        if self._catalog is None:
            self._catalog = Catalog(self._database, self._images.read)
        return self._catalog

    # Images.

    def original(self, image: TaskImage) -> bytes | None:
        """The original of an image; None if it is not stored, or damaged.

        Example:
            >>> gallery = gallery.load()
            >>> from io import BytesIO
            >>> from PIL import Image
            >>> Image.open(BytesIO(library.original(image))).size
            (2048, 2048)
        """
        return image.data if image.data is not None else self._images.find_original(image)

    def find_files(self, images: Sequence[TaskImage]) -> list[tuple[Path, str] | None]:
        """The file of the original of each image, and its SHA-256; None for those that are not stored.

        Example:
            >>> gallery = gallery.load()
            >>> path, checksum = library.find_files([image])[0]
            >>> path.stem == checksum
            True
        """
        with self._database.reading() as connection:
            found = find_files(connection, images)
        return [None if one is None else (self._images.originals.path(one[1]), one[0]) for one in found]

    def has_room(self) -> bool:
        """Whether another original can be stored within the budget, without evicting one.

        Example:
            >>> library.has_room()
            True
        """
        with self._database.reading() as connection:
            return size_of_originals(connection) < self._budget

    def thumbnail(self, image: TaskImage, side: int) -> Thumbnail | None:
        """The thumbnail for exactly this requested side, in pixels; None if it is not stored.

        Example:
            >>> gallery = gallery.load()  # with thumbnails of 320 pixels
            >>> library.thumbnail(image, 320) is not None, library.thumbnail(image, 480) is None
            (True, True)
        """
        return self._images.find_thumbnail(image, side)

    def keep_image(self, image: TaskImage, content: bytes, *, thumbnail: tuple[int, Thumbnail] | None = None) -> None:
        """Stores the original of an image, and optionally a thumbnail.

        If the budget is exceeded, others are evicted with a `LibraryWarning`.

        Args:
            image: The image, with its link.
            content: Its bytes; the caller has checked that they are a complete image.
            thumbnail: The requested side in pixels, and the thumbnail.

        Raises:
            OSError: A file cannot be written, such as on a full disk.

        Example:
            >>> from pathlib import Path
            >>> content = gallery.save("files").paths[0].read_bytes()
            >>> library.keep_image(image, content)
        """
        if image.data is not None:
            # An inline image is stored with the record of its task.
            if thumbnail is not None:
                self._images.store_thumbnail(image, *thumbnail)
            return
        self._make_room(self._images.store(image, content, thumbnail))

    def portable_request(self, task_id: str) -> JsonObject:
        """The request of a stored task without the way of sending, its reference images as links and checksums.

        Returns:
            It, see `seedream_nb.protocol.recorded_request`; empty if the task is not stored, or its record has none.

        Example:
            >>> library.portable_request(task.id)["prompt"]
            'a white siamese cat'
        """
        with self._database.reading() as connection:
            return find_portable_request(connection, key_of(task_id))

    def find_content(self, digest: str) -> bytes | None:
        """The stored image of a SHA-256; None if it is not stored, or damaged.

        Example:
            >>> gallery = gallery.load()
            >>> path, checksum = library.find_files([image])[0]
            >>> library.find_content(checksum) == path.read_bytes()
            True
        """
        return self._images.read(digest)

    def path_of(self, digest: str) -> Path | None:
        """The file of the stored image of a SHA-256; None if it is not stored.

        Example:
            >>> gallery = gallery.load()
            >>> path, checksum = library.find_files([image])[0]
            >>> library.path_of(checksum) == path
            True
        """
        with self._database.reading() as connection:
            row = connection.execute("SELECT name FROM originals WHERE digest = ?", (digest,)).fetchone()
        return None if row is None else self._images.originals.path(row[0])

    def find_task_of(self, image: TaskImage) -> str:
        """The id of the stored task that an image without an id belongs to, by its content; empty for none."""
        return self._lineage.find_task_of(image)

    def digests_sent(self, task_id: str) -> list[str]:
        """The SHA-256 of each reference image of a stored task, as far as it is known; otherwise empty text."""
        with self._database.reading() as connection:
            sent = find_sent(connection, key_of(task_id))
            links = [TaskImage("", url=one.link) for one in sent]
            return [one.digest or find_digest(connection, link) or "" for one, link in zip(sent, links, strict=True)]

    def keep_sent(self, content: bytes) -> None:
        """Stores a reference image that is sent within a request, so that `SeedreamClient.remake` can send it again.

        It may be evicted like other originals.

        Raises:
            OSError: As `keep_image`.
        """
        self._make_room(self._images.store_sent(content))

    def keep_thumbnail(self, image: TaskImage, side: int, thumbnail: Thumbnail) -> None:
        """Stores another thumbnail of a stored image, as `keep_image` does; does nothing for other images."""
        self._images.store_thumbnail(image, side, thumbnail)

    # Marks.

    def tag(self, what: AnyTasks, *tags: str) -> None:
        """Tags images.

        Args:
            what: Images, and stored tasks, which stand for all their images: ids or their first 8 or more characters,
                tasks, or collections of these, such as a gallery or a panel's selection.
            *tags: Words in any language. Case is preserved but not significant: after `Cat`, `cat` adds the tag `Cat`.
                Spaces at the ends are removed.

        Raises:
            UsageError: A task is not stored, or a tag is empty or longer than 100 characters; nothing was changed.

        Example:
            >>> library.tag(gallery, "cats", "to print")
            >>> library.tag(task.images[0], "the best of the set")
            >>> library.tags()
            {'cats': 1, 'the best of the set': 1, 'to print': 1}
        """
        with self._database.writing() as connection:
            add_tags(connection, stored_places(connection, what), tags)

    def untag(self, what: AnyTasks, *tags: str) -> None:
        """Removes tags; takes and raises the same as `tag`. Tags that an image does not have are ignored.

        Example:
            >>> library.tag(gallery, "cats", "to print")
            >>> library.untag(gallery, "to print")
            >>> library.tags()
            {'cats': 1}
        """
        with self._database.writing() as connection:
            remove_tags(connection, stored_places(connection, what), tags)

    def rate(self, what: AnyTasks, stars: int | None) -> None:
        """Rates images.

        Args:
            what: As for `tag`.
            stars: 1 to 5; None removes the rating.

        Raises:
            UsageError: A task is not stored, or the rating is not valid; nothing was changed.

        Example:
            >>> library.rate(image, 5)
            >>> library.marks(image).rating
            5
        """
        with self._database.writing() as connection:
            set_rating(connection, stored_places(connection, what), stars)

    def note(self, what: AnyTasks, text: str) -> None:
        """Adds a note to images, replacing the one they have.

        Args:
            what: As for `tag`.
            text: The note, in any language; empty text removes it.

        Raises:
            UsageError: A task is not stored; nothing was changed.

        Example:
            >>> library.note(image, "for the calendar")
            >>> len(library.search("calendar"))
            1
        """
        with self._database.writing() as connection:
            set_note(connection, stored_places(connection, what), text)

    def reject(self, what: AnyTasks, rejected: bool = True) -> None:  # noqa: FBT001, FBT002  reads well by position
        """Rejects images, or takes that back. Nothing is removed by it, nor protected.

        Args:
            what: As for `tag`.
            rejected: Whether to reject them; False takes it back.

        Raises:
            UsageError: A task is not stored; nothing was changed.

        Example:
            >>> library.reject(task.images[0])
            >>> library.search("siamese", rejected=False)
            []
        """
        with self._database.writing() as connection:
            set_rejected(connection, stored_places(connection, what), rejected=rejected)

    def tags(self) -> dict[str, int]:
        """All tags with the number of their tasks, the most frequent first.

        Example:
            >>> library.tag(gallery, "cats")
            >>> library.tags()
            {'cats': 1}
        """
        with self._database.reading() as connection:
            return count_tags(connection)

    def marks(self, what: AnyTasks) -> Marks:
        """The marks of an image; raises a `UsageError` if its task is not stored.

        Of a task, or of several images, all tags and notes, and the best rating; rejected if all images are.

        Example:
            >>> library.rate(image, 4)
            >>> library.marks(image)
            Marks(tags=(), rating=4, note='', rejected=False)
        """
        with self._database.reading() as connection:
            places = stored_places(connection, what)
            found = read_marks(connection, [key for key, _place in places])
        return join_marks([found.get(place, Marks()) for place in places])

    def marks_of(self, what: AnyTasks) -> dict[tuple[str, int], Marks]:
        """The marks of images and tasks, given as for `tag`, as far as they have any and are stored.

        Returns:
            The marks by the id of the task, in lower case, and the image's `index` in it.

        Example:
            >>> library.rate(image, 4)
            >>> library.marks_of(gallery)[task.id, 0].rating
            4
        """
        wanted = [(key_of(read_id(one)), one) for one in flatten(what) if not isinstance(one, Task) or one.id.strip()]
        places = {(key, one.index) for key, one in wanted if isinstance(one, TaskImage)}
        whole = {key for key, one in wanted if not isinstance(one, TaskImage)}
        with self._database.reading() as connection:
            found = read_marks(connection, [key for key, _one in wanted])
        return {place: marks for place, marks in found.items() if place in places or place[0] in whole}

    def set_marks(self, marks: Mapping[tuple[str, int], Marks]) -> None:
        """Gives images exactly these marks, all of them or none; keys as in the result of `marks_of`.

        Raises:
            UsageError: A task is not stored, or a tag or rating is not valid; nothing was changed.

        Example:
            >>> before = library.marks_of(gallery)
            >>> library.rate(image, 4)
            >>> after = library.marks_of(gallery)
            >>> library.set_marks(after)
        """
        if not marks:
            return
        with self._database.writing() as connection:
            stored_keys(connection, [key for key, _place in marks])
            write_marks(connection, {(key_of(key), place): one for (key, place), one in marks.items()})

    # Lineage.

    def parents(self, what: str | Task | TaskImage) -> list[TaskImage]:
        """The images that a task or an image was made from, as far as this library knows. Contacts no server.

        A reference image is found by its link, by the bytes of a stored original, or, for a saved file and a copy that
        was drawn on, by the provenance that it carries.

        Args:
            what: A stored task, by itself, its id, or its first 8 or more characters; or an image. All images of a task
                have the same parents.

        Returns:
            One image for each reference image that is known, in their order; none for what is not stored.

        Example:
            >>> edited = client.edit(image, "in winter", wait=True)
            >>> [parent.prompt for parent in library.parents(edited)]
            ['a white siamese cat']
        """
        return self._lineage.parents(what)

    def children(self, what: str | Task | TaskImage) -> list[TaskImage]:
        """The images that were made from an image, or from any image of a task, given as for `parents`.

        Returns:
            The images of the tasks that it was sent with, the oldest first; none for what is not stored.

        Example:
            >>> edited = client.edit(image, "in winter", wait=True)
            >>> [child.prompt for child in library.children(task)]
            ['in winter']
        """
        return self._lineage.children(what)

    def tree(self, what: str | Task | TaskImage) -> LineageTree:
        """What led to a task or an image, given as for `parents`, and what it led to, as a tree that shows itself.

        Of a task, at most 20 children are listed, and of a tree at most 200 tasks on each side; it says how many more
        there are.

        Raises:
            UsageError: It is not stored, or the task has no such image.

        Example:
            >>> edited = client.edit(image, "in winter", wait=True)
            >>> library.tree(edited)
            Lineage of ...
        """
        tree = self._lineage.tree(what)
        if tree is None:
            given = what if isinstance(what, str) else read_id(what)
            raise UsageError(
                f"{shorten(given)} is not in the library.",
                hint="Tasks are stored when they are fetched; library.search() lists the stored ones.",
            )
        if tree.place is not None and all(image.index != tree.place for image in tree.task.images):
            raise UsageError(
                f"{shorten(tree.task.id)} has {count_of(len(tree.task.images), 'image')}; there is no image "
                f"{tree.place + 1}.",
                hint="Name another image, or the task.",
            )
        return tree

    # Upkeep.

    def info(self) -> LibraryInfo:
        """The library's location, content and size.

        Example:
            >>> library.info().tasks, library.info().originals
            (1, 0)
        """
        with self._database.reading() as connection:
            statement = "SELECT count(*), coalesce(sum(size), 0) FROM "
            originals, originals_size = connection.execute(f"{statement} originals").fetchone()
            thumbnails, thumbnails_size = connection.execute(f"{statement} thumbnails").fetchone()
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

    def weigh(self, task_ids: AnyTasks) -> Removal:
        """Says what `remove` would free, without removing anything; takes and raises the same.

        Example:
            >>> library.weigh(gallery).tasks
            1
        """
        with self._database.reading() as connection:
            return plan_removal(connection, stored_keys(connection, task_ids)).total

    def remove(self, task_ids: AnyTasks) -> Removal:
        """Removes tasks from this machine: records, marks, originals and thumbnails.

        The service's records stay, and so do images that records of other tasks reference.

        Args:
            task_ids: Which tasks, given as for `tag`.

        Returns:
            What was removed: the number of tasks and originals, and the bytes of all files.

        Raises:
            UsageError: A task is not stored; nothing was removed.

        Example:
            >>> library.remove([task.id]).tasks
            1
            >>> library.count()
            0
        """
        return self._remove(lambda connection: plan_removal(connection, stored_keys(connection, task_ids)))

    def prune(self, older: datetime | None = None, larger: int | None = None, *, preview: bool = False) -> Removal:
        """Removes what is old or large, and returns what that was. Tasks with a tag, a rating or a note stay.

        Args:
            older: Remove tasks that were created before this time entirely, as `remove` does.
            larger: Remove originals of more bytes, but not their records and thumbnails; they are fetched again on
                demand. Inline images stay, as they cannot be fetched again.
            preview: Whether to return only what would be removed.

        Raises:
            UsageError: Neither an age nor a size is given.

        Example:
            >>> from datetime import datetime, timedelta, timezone
            >>> a_year_ago = datetime.now(timezone.utc) - timedelta(days=365)
            >>> library.prune(older=a_year_ago, preview=True).tasks
            0
        """
        if preview:
            with self._database.reading() as connection:
                return plan_pruning(connection, older, larger).total
        return self._remove(lambda connection: plan_pruning(connection, older, larger))

    def verify(self, *, repair: bool = True, on_progress: Callable[[int], None] | None = None) -> Verification:
        """Reads every record and every file, and repairs what it can.

        Damaged and missing originals and thumbnails are forgotten, so that they are fetched or made again on demand.
        Files that nothing references, and those whose writing was interrupted, are removed if they are older than an
        hour; another kernel may still be storing younger ones. A damaged database file is set aside, and its readable
        records are recovered.

        Args:
            repair: Whether to repair; otherwise nothing is changed. A read-only library is never changed.
            on_progress: Called with 1 for each file that was read.

        Example:
            >>> gallery = gallery.load()
            >>> print(library.verify())
            No problems found: 1 record and 1 original are intact.
        """
        return verify(self._database, self._images, repair=repair, on_progress=on_progress)

    # Exchange.

    def export(self, target: str | os.PathLike[str], task_ids: AnyTasks | None = None) -> Exported:
        """Writes tasks, marks and originals to a folder or a zip, as a backup or for others.

        Each task has a JSON file, `tasks/<id>.json`, with the record as the service sent it except for account ids,
        trace ids, tokens and the callback URL. Each stored original has a file.

        Args:
            target: The folder or zip; a name that ends in `.zip` becomes a zip. It appears when it is complete. An
                empty folder and an earlier export are replaced, anything else is left alone.
            task_ids: Which tasks, given as for `tag`; None for all.

        Raises:
            UsageError: Something else is there, it cannot be written, or a task is not stored.

        Example:
            >>> gallery = gallery.load()
            >>> print(library.export("cats.zip", library.search("cat")))
            1 task and 1 original (...) in cats.zip
        """
        keys = None
        if task_ids is not None:
            with self._database.reading() as connection:
                keys = stored_keys(connection, task_ids)
        return export_tasks(self._database, self._images, target, keys)

    def import_from(self, source: str | os.PathLike[str]) -> Imported:
        """Imports the folder or zip that `export` has written, here or elsewhere.

        A known record keeps its text and links; only images that it lacks are added. Tags and notes are merged, and the
        existing rating wins. Images must be complete, have at most 50 MB, and match the checksum that they were
        exported with; anything else is skipped and counted.

        Raises:
            UsageError: It is not an export, one of a later version, or a zip that unpacks to more than 50 times its
                size; nothing was imported.
            OSError: A file cannot be written, such as on a full disk; what was imported before stays.

        Example:
            >>> gallery = gallery.load()
            >>> exported = library.export("cats.zip", library.search("cat"))
            >>> print(Library("another-library").import_from("cats.zip"))
            1 new task and 1 new original.
        """
        return import_archive(self._database, self._images, source, self.keep_image)

    def export_dataset(
        self, target: str | os.PathLike[str], task_ids: AnyTasks | None = None, **options: Any
    ) -> DatasetReport:
        """Writes the images of tasks, with what is recorded about them, as a dataset.

        An export that was stopped is continued by the same call, and later tasks are added by it.

        Args:
            target: A folder, or an address that fsspec knows, such as `s3://bucket/folder`.
            task_ids: Which tasks, given as for `tag`; None for all, the oldest first.
            **options: As for `Gallery.export_dataset`.

        Returns:
            What the dataset consists of.

        Raises:
            SeedreamError: As `Gallery.export_dataset`, or a task is not stored.

        Example:
            >>> library.export_dataset("cats", library.search("cat"))
            1 image (..., imagefolder) in .../cats
        """
        tasks = (
            self._iterate(lambda connection: newest_keys(connection)[::-1])
            if task_ids is None
            else self._read_tasks(task_ids)
        )
        report: DatasetReport = provide("export_dataset")(make_items(self, tasks), target, **options)
        return report

    def to_frame(self, tasks: AnyTasks | None = None) -> pd.DataFrame:
        """Makes a pandas DataFrame of images, to count and compare them.

        They are those of tasks such as a search's result or a gallery, given as for `tag`, or else of all tasks, the
        newest first. Of tasks whose images are given, such as a panel's selection, it has these images only.

        Returns:
            One row for each image, including failed ones, and one without a `place` for each task without images. The
            columns are `task_id`, `place` (within its task, from 0), `prompt`, `model`, `size`, `seed`, `status`,
            `created` (UTC), `elapsed` (seconds), `link`, `rating`, `tags` (a tuple), `note`, `rejected`, and `bytes`
            (of the original, if it is stored).

        Raises:
            UsageError: pandas is not installed, or a task that is given by its id or an image is not stored.

        Example:
            >>> frame = library.to_frame()
            >>> frame.loc[0, "prompt"], len(frame)
            ('a white siamese cat', 1)
        """
        return make_frame(self._database, self if tasks is None else self._read_tasks(tasks))

    def spend(self, since: datetime | None = None, by: Grouping = "day") -> pd.DataFrame:
        """Makes a pandas DataFrame of what paid requests have cost. Requests to sandboxes are left out.

        Args:
            since: Only requests that were sent at this time or later.
            by: What each row stands for: a `day` of the local time zone, a `model`, a `notebook`, or a `tag`; a task
                with several tags counts for each of them.

        Returns:
            One row for each, with the columns `day` (or what `by` is; missing where it is unknown), `requests`,
            `images`, `estimated` and `reported` (US dollars: estimates where the service has reported no charge, and
            reported charges), and `unknown` (the number of requests without either).

        Raises:
            UsageError: pandas is not installed, or `by` is something else.

        Example:
            >>> library.spend(by="model")[["estimated", "reported"]].sum().tolist()  # nothing in a sandbox
            [0.0, 0.0]
        """
        credit = default_prices().credit
        return make_spending_frame(self.ledger.sum_spending(by, since, credit=credit), by)

    def close(self) -> None:
        """Closes its files; they are opened again on next use.

        Example:
            >>> library.close()
            >>> library.count()
            1
        """
        if self._catalog is not None:
            self._catalog.close()
        self._database.close()

    def __enter__(self) -> Library:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Library({str(self._folder)!r})"

    def __getstate__(self) -> dict[str, object]:
        return {"_folder": self._folder, "_budget": self._budget, "_wants_read_only": self._wants_read_only}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)
        self._open()

    def _read_tasks(self, tasks: AnyTasks) -> list[Task]:
        """Tasks as they are given, and the stored ones of ids and images, with these images only."""
        given = list(flatten(tasks))
        missing: list[Any] = [one for one in given if not isinstance(one, Task)]
        if missing:
            with self._database.reading() as connection:
                stored_keys(connection, missing)
        stored = self.find(missing)
        found: list[Task] = []
        for one in given:
            if isinstance(one, TaskImage):
                found.append(dataclasses.replace(stored[read_id(one)], images=(one,)))
            else:
                found.append(one if isinstance(one, Task) else stored[str(one)])
        return found

    def _located(self, task: Task) -> Task:
        return dataclasses.replace(task, library=str(self._folder))

    def _open(self) -> None:
        self._database = Database(self._folder, read_only=self._wants_read_only, on_damage=warn)
        self._images = ImageStore(self._database, self._folder)
        self._catalog = None
        self._lineage = Lineage(self._database, self._images.read, self._located)
        self.ledger = Ledger(self._database, self._folder)
        with self._database.reading() as connection:
            # Other kernels fill it, too: the size is measured again from time to time.
            self._room = min(self._budget - size_of_originals(connection), self._budget // CHECKS)
        _opened[str(self._folder)] = self

    def _remove(self, make_plan: Callable[[Connection], Plan]) -> Removal:
        return remove(self._database, self._images, make_plan)

    def _make_room(self, grown: int) -> None:
        self._room -= grown
        if self._room < 0:
            self._evict()

    def _evict(self) -> None:
        evicted = self._remove(lambda connection: plan_eviction(connection, self._budget))
        self._room = self._budget // CHECKS
        if evicted.originals:
            warn(
                f"The library has exceeded its budget of {format_size(self._budget)}: the {evicted.originals:,} least "
                f"recently used originals were removed ({format_size(evicted.size)}). Records and thumbnails stay. Tag "
                "or rate tasks to protect their originals, or raise the budget: SEEDREAM_LIBRARY_BUDGET=20GB."
            )


def _make_query(tags: Sequence[str] | str, sort: str | None, **conditions: Any) -> Query:
    orders = [order.value for order in SearchOrder]
    if sort is not None and sort not in orders:
        raise UsageError(f"Can't sort by {sort!r}.", hint=f"Sort by one of: {', '.join(orders)}.")
    all_tags = (tags,) if isinstance(tags, str) else tuple(tags)
    return Query(**conditions, tags=all_tags, sort=None if sort is None else SearchOrder(sort))


def warn(what: str) -> None:
    """Warns with a `LibraryWarning`, which is shown rather than raised where warnings are errors.

    It must not cost the work that it is about: a task that was paid for, an import, a recovered file.
    """
    try:
        warnings.warn(what, LibraryWarning, stacklevel=2)
    except LibraryWarning as raised:
        warnings.showwarning(raised, LibraryWarning, __file__, 0)
