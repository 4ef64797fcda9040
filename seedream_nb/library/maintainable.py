"""Why: removing, pruning and looking after a library are a subject of their own, and each says first what it does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seedream_nb.library.marks import keys_of_kept
from seedream_nb.library.removal import Removal, carry_out, plan_pruning, plan_removal, sweep
from seedream_nb.library.verification import Verification, verify

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from seedream_nb.library.database import Database
    from seedream_nb.library.image_store import ImageStore


class Maintainable:
    """How a `Library` is kept small and sound."""

    _database: Database
    _images: ImageStore

    def weigh(self, task_ids: Iterable[str] | str) -> Removal:
        """Says what `remove` would free, and removes nothing.

        Args:
            task_ids: As for `remove`.

        Returns:
            What would go.

        Raises:
            UsageError: A task is not kept.
            LibraryError: The library cannot be read.
        """
        with self._database.reading() as connection:
            return plan_removal(connection, keys_of_kept(connection, task_ids)).sum()

    def remove(self, task_ids: Iterable[str] | str) -> Removal:
        """Removes tasks from this machine: records, marks, originals and thumbnails. The service's stay.

        A picture that the record of another task speaks of, as a result or as a reference, stays.

        Args:
            task_ids: Ids of tasks that are kept; one id alone is taken, too.

        Returns:
            What is gone.

        Raises:
            UsageError: A task is not kept; nothing was removed.
            LibraryError: Nothing can be written.

        Example:
            >>> library.remove(["84d1544a-9043-4dde-a98b-e889dacd75f6"]).size  # doctest: +SKIP
            1843112
        """
        with self._database.writing() as connection:
            plan = plan_removal(connection, keys_of_kept(connection, task_ids))
            carry_out(connection, plan)
        sweep(self._database, self._images, plan.files)
        return plan.sum()

    def prune(self, older: datetime | None = None, larger: int | None = None, *, preview: bool = False) -> Removal:
        """Removes what is old, and what is large. What is tagged, rated or has a note stays, however old or large.

        Args:
            older: Tasks that were created before this time go as a whole, as with `remove`.
            larger: Originals of more bytes go, but never their records and thumbnails; they are fetched again when
                they are wanted. Those that came without a link stay, as nothing could bring them back.
            preview: Whether to say only what would go.

        Returns:
            What is gone, or would go.

        Raises:
            UsageError: Neither is said.
            LibraryError: Nothing can be written.
        """
        if preview:
            with self._database.reading() as connection:
                return plan_pruning(connection, older, larger).sum()
        with self._database.writing() as connection:
            plan = plan_pruning(connection, older, larger)
            carry_out(connection, plan)
        sweep(self._database, self._images, plan.files)
        return plan.sum()

    def verify(self, *, repair: bool = True, on_progress: Callable[[int], None] | None = None) -> Verification:
        """Reads every record and every file, and mends what can be.

        Originals and thumbnails that are damaged or gone are forgotten, so that they are fetched or made again when
        they are wanted. Files that nothing tells of, and those that were never finished, are removed when they are
        older than an hour; younger ones may be another kernel's that are just being kept. A damaged file of records is
        set aside, and what can be read of it is carried over.

        Args:
            repair: Whether to mend; otherwise nothing is changed. What can only be read is left as it is.
            on_progress: Called with 1 for each file that was read.

        Returns:
            What was found.

        Raises:
            LibraryError: The library cannot be read.
        """
        return verify(self._database, self._images, repair=repair, on_progress=on_progress)
