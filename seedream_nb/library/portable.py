"""Why: what a library holds goes elsewhere, to another machine or into a table, and comes back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seedream_nb.library.exporting import Exported, export_tasks
from seedream_nb.library.frame import make_frame
from seedream_nb.library.importing import Imported, import_parcel
from seedream_nb.library.marks import keys_of_kept

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator

    import pandas as pd

    from seedream_nb.core.models import Task, TaskImage
    from seedream_nb.images.thumbnails import Thumbnail
    from seedream_nb.library.database import Database
    from seedream_nb.library.image_store import ImageStore


class Portable:
    """How the contents of a `Library` are handed on."""

    _database: Database
    _images: ImageStore

    def keep_image(self, image: TaskImage, content: bytes, *, thumbnail: tuple[int, Thumbnail] | None = None) -> None:
        """As `Library` does it."""
        raise NotImplementedError

    def __iter__(self) -> Iterator[Task]:
        raise NotImplementedError

    def export(self, target: str | os.PathLike[str], task_ids: Iterable[str] | str | None = None) -> Exported:
        """Writes tasks, marks and originals to a folder, or to a zip: for a backup, or to hand them on.

        There is one JSON file for each task, `tasks/<id>.json`, with the record as the service gave it, but for
        account ids, trace ids, tokens and the callback URL; and one file for each original that is kept.

        Args:
            target: Where to; a name that ends in `.zip` becomes a zip. Nothing is seen there before all is written. An
                empty folder and an earlier export are replaced, anything else is left alone.
            task_ids: Which tasks; None for all.

        Returns:
            What was written; printed, it says so in a line or two.

        Raises:
            UsageError: There is something else, it cannot be written there, or a task is not kept.
            LibraryError: The library cannot be read.

        Example:
            >>> print(library.export("cats.zip", [task.id for task in library.search("cat")]))  # doctest: +SKIP
            12 tasks and 20 originals (34.1 MB) in cats.zip
        """
        keys = None
        if task_ids is not None:
            with self._database.reading() as connection:
                keys = keys_of_kept(connection, task_ids)
        return export_tasks(self._database, self._images, target, keys)

    def import_from(self, source: str | os.PathLike[str]) -> Imported:
        """Takes in what `export` has written, here or elsewhere.

        A task that is known stays as it is, unless the other record has more pictures. Tags and notes are united, and
        one's own stars stay. Images are taken when they are whole, are at most 50 MB, and have the content that they
        were exported with; anything else is passed over and counted.

        Args:
            source: The folder or zip.

        Returns:
            What has come in; printed, it says so in a line or two.

        Raises:
            UsageError: It is no export, or one of a later version; nothing has come in.
            LibraryError: Nothing can be written.
            OSError: A file cannot be written, such as on a full disk; what has come in before stays.

        Example:
            >>> print(library.import_from("cats.zip"))  # doctest: +SKIP
            12 new tasks and 20 new originals.
        """
        return import_parcel(self._database, self._images, source, self.keep_image)

    def to_frame(self, tasks: Iterable[Task] | None = None) -> pd.DataFrame:
        """Makes a pandas DataFrame of pictures, to count and compare them.

        Args:
            tasks: Which, such as the result of a search, or a gallery; None for all, the newest first.

        Returns:
            One row for each picture, failed ones included, and one without a `place` for each task that has none. The
            columns are `task_id`, `place` (within its task, from 0), `prompt`, `model`, `size`, `seed`, `status`,
            `created` (UTC), `elapsed` (seconds), `link`, `rating`, `tags` (a tuple), `note`, and `bytes`, of the
            original where it is kept.

        Raises:
            UsageError: pandas is not installed.
            LibraryError: The library cannot be read.

        Example:
            >>> library.to_frame().groupby("model")["elapsed"].median()  # doctest: +SKIP
        """
        return make_frame(self._database, self if tasks is None else tasks)
