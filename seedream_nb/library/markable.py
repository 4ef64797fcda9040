"""Why: the marks of a library's tasks are a subject of their own, with many small methods."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seedream_nb.library import marks

if TYPE_CHECKING:
    from collections.abc import Iterable

    from seedream_nb.library.database import Database
    from seedream_nb.library.marks import Marks


class Markable:
    """What people say of the tasks in a `Library`: it is searched like prompts are, and protects them.

    Tasks that are marked in any way are never pruned, and their originals are never evicted.
    """

    _database: Database

    def tag(self, task_ids: Iterable[str] | str, *tags: str) -> None:
        """Tags tasks.

        Args:
            task_ids: Ids of tasks that are kept; one id alone is taken, too.
            *tags: Words in any language. Their case is kept, and does not tell them apart: a tag that is known as
                `Cat` stays `Cat` when `cat` is added. Spaces at their ends do not count.

        Raises:
            UsageError: A task is not kept, or a tag is empty or longer than 100 characters; nothing was changed.
            LibraryError: Nothing can be written.

        Example:
            >>> library.tag([task.id for task in gallery], "cats", "to print")  # doctest: +SKIP
        """
        with self._database.writing() as connection:
            marks.add_tags(connection, marks.keys_of_kept(connection, task_ids), tags)

    def untag(self, task_ids: Iterable[str] | str, *tags: str) -> None:
        """Takes tags away; those that a task does not have do not matter.

        Args:
            task_ids: As for `tag`.
            *tags: As for `tag`.

        Raises:
            UsageError: As for `tag`.
            LibraryError: Nothing can be written.
        """
        with self._database.writing() as connection:
            marks.remove_tags(connection, marks.keys_of_kept(connection, task_ids), tags)

    def rate(self, task_ids: Iterable[str] | str, stars: int | None) -> None:
        """Rates tasks.

        Args:
            task_ids: As for `tag`.
            stars: 1 to 5; None takes the rating away.

        Raises:
            UsageError: A task is not kept, or it is another number; nothing was changed.
            LibraryError: Nothing can be written.
        """
        with self._database.writing() as connection:
            marks.set_rating(connection, marks.keys_of_kept(connection, task_ids), stars)

    def note(self, task_ids: Iterable[str] | str, text: str) -> None:
        """Writes a note to tasks, in the place of the one they have.

        Args:
            task_ids: As for `tag`.
            text: The note; an empty one takes it away.

        Raises:
            UsageError: A task is not kept; nothing was changed.
            LibraryError: Nothing can be written.
        """
        with self._database.writing() as connection:
            marks.set_note(connection, marks.keys_of_kept(connection, task_ids), text)

    def tags(self) -> dict[str, int]:
        """All tags, each with the number of its tasks, the most frequent first.

        Raises:
            LibraryError: The library cannot be read.
        """
        with self._database.reading() as connection:
            return marks.count_tags(connection)

    def marks(self, task_id: str) -> Marks:
        """What people say of a task.

        Raises:
            UsageError: It is not kept.
            LibraryError: The library cannot be read.
        """
        with self._database.reading() as connection:
            (key,) = marks.keys_of_kept(connection, task_id)
            return marks.read_marks(connection, key)
