"""What a gallery is given: tasks, images that precede them, and options. All of it is checked here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeVar, get_args

from seedream_nb.core.errors import UsageError
from seedream_nb.core.models import Task, TaskImage

if TYPE_CHECKING:
    from seedream_nb.gallery.table import Table

Embed = Literal["thumbnails", "links", "originals"]
EMBED_CHOICES: tuple[Embed, ...] = get_args(Embed)

MIN_THUMBNAIL = 32
MAX_THUMBNAIL = 2048


@dataclass(frozen=True)
class GalleryOptions:
    """How a gallery is rendered.

    Attributes:
        columns: The number of tiles in a row; None lets the width decide.
        thumbnail: The long side of a thumbnail, in pixels.
        embed: What the output contains: `thumbnails`, `originals`, or only `links`.
        limit: The most tiles to show; the rest is counted.
        max_bytes: The largest size of HTML and text together; beyond it thumbnails shrink, then the rest is linked.

    Raises:
        UsageError: A value is out of range.
    """

    columns: int | None = None
    thumbnail: int = 320
    embed: Embed = "thumbnails"
    limit: int = 60
    max_bytes: int = 2_000_000

    def __post_init__(self) -> None:
        if self.columns is not None:
            _check_range("columns", self.columns, 1, 24)
        _check_range("thumbnail", self.thumbnail, MIN_THUMBNAIL, MAX_THUMBNAIL)
        _check_range("limit", self.limit, 1, 10_000)
        _check_range("max_bytes", self.max_bytes, 10_000, 500_000_000)
        if self.embed not in EMBED_CHOICES:
            raise UsageError(
                f"embed={self.embed!r} is not supported.", hint=f"Choose one of: {', '.join(EMBED_CHOICES)}."
            )


def _check_range(name: str, value: int, least: int, most: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise UsageError(f"{name} must be a whole number from {least:,} to {most:,}, not {value!r}.")


Item = TypeVar("Item", Task, TaskImage)


@dataclass(frozen=True)
class Contents:
    """What a gallery shows.

    Raises:
        UsageError: The number of tasks is not the number of places in the table.
    """

    tasks: tuple[Task, ...]
    before: tuple[TaskImage, ...] = ()  # that the tasks started from, such as the reference images of an edit
    table: Table | None = None  # None for tiles that flow

    def __post_init__(self) -> None:
        if self.table is not None and self.table.size != len(self.tasks):
            rows, columns = len(self.table.rows), len(self.table.columns)
            raise UsageError(
                f"A table of {rows} x {columns} needs {self.table.size} tasks, not {len(self.tasks)}.",
                hint="Pass one task for each place, row by row; Task.not_found(id) can stand in for a missing one.",
            )


def read_tasks(tasks: Iterable[Task] | Task) -> tuple[Task, ...]:
    """Checks one task or several.

    Raises:
        UsageError: Something is not a task.
    """
    return _checked(tasks, Task, "A gallery shows tasks", "Fetch them first: Gallery(client.retrieve_batch(ids)).")


def read_before(images: Iterable[TaskImage] | TaskImage) -> tuple[TaskImage, ...]:
    """Checks one image or several.

    Raises:
        UsageError: Something is not an image.
    """
    hint = 'Wrap a link or bytes: TaskImage("", url=link) or TaskImage("", data=content).'
    return _checked(images, TaskImage, "before= takes images", hint)


def _checked(items: Iterable[Item] | Item, kind: type[Item], what: str, hint: str) -> tuple[Item, ...]:
    given = tuple(items) if isinstance(items, Iterable) else (items,)
    for item in given:
        if not isinstance(item, kind):
            raise UsageError(f"{what}, not {type(item).__name__}.", hint=hint)
    return given
