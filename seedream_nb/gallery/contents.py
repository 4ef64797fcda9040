"""What a gallery is given: tasks, images that precede them, a table, and options. All of it is checked here."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

from seedream_nb.core.errors import UsageError, shorten
from seedream_nb.core.foreign import MAX_PROMPT, show_line, show_prompt
from seedream_nb.core.models import Task, TaskImage, TaskStatus
from seedream_nb.core.task_ids import flatten

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from seedream_nb.core.task_ids import AnyTasks
    from seedream_nb.library import Marks

AnyImages: TypeAlias = "TaskImage | Task | Iterable[AnyImages]"
"""An image, all images of a task, or a collection of these, such as a gallery or a panel's selection."""

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


MAX_PARTS = 6  # as many as a sweep can vary; a label with more lines contains a prompt


@dataclass(frozen=True)
class Table:
    """The labels of the rows and columns of a gallery.

    Task number n of the gallery goes to row `n // len(columns)` and column `n % len(columns)`. An axis whose only label
    is empty has no header. A label of several parts, such as a prompt and a model, has each on its own line.

    Attributes:
        rows: The label of each row, from the top.
        columns: The label of each column, from the left.

    Raises:
        UsageError: There is no row or no column, or a label is not a string.

    Example:
        >>> table = Table(rows=("a cat", "a dog"), columns=("2K", "4K"))
        >>> table.size, table.place(2)
        (4, (1, 0))
    """

    rows: tuple[str, ...] = ("",)
    columns: tuple[str, ...] = ("",)

    def __post_init__(self) -> None:
        for name in ("rows", "columns"):
            labels = getattr(self, name)
            if isinstance(labels, str) or not labels or not all(isinstance(label, str) for label in labels):
                raise UsageError(
                    f"{name}={labels!r} is not a sequence of labels.",
                    hint=f'Pass one label each, as in {name}=("2K", "4K").',
                )
            object.__setattr__(self, name, tuple(labels))

    @property
    def size(self) -> int:
        """The number of tasks that it has room for."""
        return len(self.rows) * len(self.columns)

    def place(self, number: int) -> tuple[int, int]:
        """The row and the column of a task, from 0."""
        return divmod(number, len(self.columns))

    def labels(self, number: int) -> tuple[str, str]:
        """The labels of the row and the column of a task."""
        row, column = self.place(number)
        return self.rows[row], self.columns[column]

    def shown(self) -> Table:
        """The table with labels that are ready to be shown."""
        return Table(tuple(map(_fit_label, self.rows)), tuple(map(_fit_label, self.columns)))

    def part(self, numbers: Iterable[int]) -> Table:
        """The part of the table that some of its tasks need: whole rows, or the start of the only one."""
        places = [self.place(number) for number in numbers]
        rows = 1 + max(row for row, _ in places)
        columns = len(self.columns) if rows > 1 else 1 + max(column for _, column in places)
        return Table(self.rows[:rows], self.columns[:columns])


def label_parts(label: str) -> list[str]:
    """The parts of a label: its lines; of more than `MAX_PARTS`, all but the last one are one part."""
    lines = [line.strip() for line in label.split("\n") if line.strip()]
    return lines if len(lines) <= MAX_PARTS else ["\n".join(lines[:-1]), lines[-1]]


def _fit_label(label: str) -> str:
    first, separator, last = label.rpartition("\n")
    # The part behind a long prompt must survive the cut.
    is_cut_apart = separator and len(label) > MAX_PROMPT
    return f"{show_prompt(first)}\n{show_line(last)}" if is_cut_apart else show_prompt(label)


@dataclass(frozen=True)
class Contents:
    """What a gallery shows.

    Raises:
        UsageError: The number of tasks is not the number of places in the table.
    """

    tasks: tuple[Task, ...]
    before: tuple[TaskImage, ...] = ()  # that the tasks started from, such as the reference images of an edit
    table: Table | None = None  # None for tiles that flow
    note: str = ""  # what else the header line says
    marks: Mapping[tuple[str, int], Marks] = field(default_factory=dict)  # as `Library.marks_of` finds them

    def __post_init__(self) -> None:
        if self.table is not None and self.table.size != len(self.tasks):
            rows, columns = len(self.table.rows), len(self.table.columns)
            raise UsageError(
                f"A table of {rows} x {columns} needs {self.table.size} tasks, not {len(self.tasks)}.",
                hint="Pass one task for each place, row by row; Task.not_found(id) can stand in for a missing one.",
            )


def read_tasks(tasks: AnyTasks) -> tuple[Task, ...]:
    """Reads tasks, images, and collections of them in order; raises `UsageError` for anything else.

    Images become a task of their own, which has only these images where several of one task follow one another.
    """
    found: list[Task] = []
    images: list[TaskImage] = []
    for item in flatten(tasks):
        if images and not (isinstance(item, TaskImage) and _continues(images, item)):
            found.append(_task_of(images))
            images = []
        if isinstance(item, TaskImage):
            images.append(item)
        elif isinstance(item, Task):
            found.append(item)
        else:
            raise UsageError(
                f"A gallery shows tasks and images, not {type(item).__name__}.",
                hint="Fetch tasks first: Gallery(client.retrieve_batch(ids)).",
            )
    return (*found, _task_of(images)) if images else tuple(found)


def _continues(images: Sequence[TaskImage], image: TaskImage) -> bool:
    """Whether an image belongs to the same task as those before it."""
    return (
        image.task_id == images[0].task_id != ""
        and image.index not in {one.index for one in images}
        # Layers that make up a task would be composed.
        and image.z_index is None
    )


def _task_of(images: Sequence[TaskImage]) -> Task:
    good = sum(image.is_good for image in images)
    status = {0: TaskStatus.FAILED, len(images): TaskStatus.SUCCEEDED}.get(good, TaskStatus.PARTIALLY_FAILED)
    first = images[0]
    return Task(first.task_id, status, tuple(images), prompt=first.prompt, model=first.model, size=first.size)


def read_before(images: AnyImages) -> tuple[TaskImage, ...]:
    """Reads images that are shown before the tasks; raises `UsageError` for anything else."""
    return read_images(
        images, "before=", 'Wrap a link or bytes: TaskImage("", url=link) or TaskImage("", data=content).'
    )


def read_images(images: AnyImages, name: str, hint: str) -> tuple[TaskImage, ...]:
    """Reads images, and those of tasks, such as a gallery, in order; raises `UsageError` for anything else."""
    found: list[TaskImage] = []
    for item in flatten(images):
        if isinstance(item, Task):
            found += item.good_images
        elif isinstance(item, TaskImage):
            found.append(item)
        else:
            raise UsageError(f"{name} takes images, not {shorten(repr(item))}.", hint=hint)
    return tuple(found)
