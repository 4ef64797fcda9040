"""Why: what a gallery shows is checked once, when it is made, and handed on as one piece."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from seedream_nb.core.errors import UsageError
from seedream_nb.core.models import Task, TaskImage

if TYPE_CHECKING:
    from seedream_nb.gallery.table import Table

Item = TypeVar("Item", Task, TaskImage)


@dataclass(frozen=True)
class Contents:
    """What a gallery shows.

    Attributes:
        tasks: The tasks.
        before: Images that the tasks began with, such as the reference images of an edit.
        table: The rows and columns in which the tasks stand; None for tiles that flow.

    Raises:
        UsageError: The table has not as many places as there are tasks.
    """

    tasks: tuple[Task, ...]
    before: tuple[TaskImage, ...] = ()
    table: Table | None = None

    def __post_init__(self) -> None:
        if self.table is not None and self.table.size != len(self.tasks):
            rows, columns = len(self.table.rows), len(self.table.columns)
            raise UsageError(
                f"A table of {rows} x {columns} has {self.table.size} places, and there are {len(self.tasks)} tasks.",
                hint="Give a task for each place, row by row; Task.not_found(id) stands for a missing one.",
            )

    def with_tasks(self, tasks: Iterable[Task] | Task) -> Contents:
        """The same table and images before, with other tasks."""
        return dataclasses.replace(self, tasks=read_tasks(tasks))


def read_tasks(tasks: Iterable[Task] | Task) -> tuple[Task, ...]:
    """The tasks that were given, one alone or several.

    Raises:
        UsageError: Something else was given.
    """
    return _checked(tasks, Task, "A gallery shows tasks", "Ask for them first: Gallery(client.retrieve_batch(ids)).")


def read_before(images: Iterable[TaskImage] | TaskImage) -> tuple[TaskImage, ...]:
    """The images to be shown before the tasks, one alone or several.

    Raises:
        UsageError: Something else was given.
    """
    hint = 'Wrap a link or bytes: TaskImage("", url=link) or TaskImage("", data=content).'
    return _checked(images, TaskImage, "before= takes images", hint)


def _checked(items: Iterable[Item] | Item, kind: type[Item], what: str, hint: str) -> tuple[Item, ...]:
    given = tuple(items) if isinstance(items, Iterable) else (items,)
    for item in given:
        if not isinstance(item, kind):
            raise UsageError(f"{what}, not {type(item).__name__}.", hint=hint)
    return given
