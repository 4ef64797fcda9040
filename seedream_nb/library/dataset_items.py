"""What a dataset is made of: an image, what is recorded about it, and where its bytes are."""

from __future__ import annotations

import dataclasses
import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seedream_nb.library.marks import Marks
from seedream_nb.library.records import key_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from seedream_nb.core.models import Task, TaskImage
    from seedream_nb.library.library import Library

PAGE = 500  # tasks that are looked up together


@dataclass(frozen=True)
class DatasetItem:
    """One image of a dataset. It can be pickled, and sent to machines that have neither token nor library.

    Attributes:
        image: The image; its link is downloaded unless there is an original, or it is inline.
        record: What is recorded about it, by column: JSON-ready values, such as a table's cells, prompt, and seed.
        original: The path of the file with its bytes, as every machine that writes the dataset sees it; None if there
            is none.
        checksum: The SHA-256 of its bytes as hexadecimal digits; None if it is not known.
        place: Its place in the dataset, from 0, if others are left free for images that may come later, such as those
            of failed requests; None for the next one. Several images can have the same place.
    """

    image: TaskImage
    record: Mapping[str, object]
    original: str | None = None
    checksum: str | None = None
    place: int | None = None


def make_items(library: Library | None, tasks: Iterable[Task]) -> Iterator[DatasetItem]:
    """The images of tasks, except failed ones, with the columns of `Library.to_frame` that describe them.

    Args:
        library: Where their originals and marks are looked up; None for nowhere.
        tasks: The tasks, read as they are needed.
    """
    remaining = iter(tasks)
    while page := list(itertools.islice(remaining, PAGE)):
        images = [(task, image) for task in page for image in task.good_images]
        found = library.find_files([image for _, image in images]) if library else [None] * len(images)
        marks = library.marks_of(page) if library else {}
        for (task, image), original in zip(images, found, strict=True):
            record = _describe(task, image, marks.get((key_of(task.id), image.index), Marks()))
            if original is None:
                yield DatasetItem(image, record)
            else:
                # The bytes of an inline image are in its file.
                stored = dataclasses.replace(image, data=None)
                yield DatasetItem(stored, record, str(original[0].absolute()), original[1])


def _describe(task: Task, image: TaskImage, marks: Marks) -> dict[str, object]:
    return {
        "task_id": task.id,
        "place": image.index,
        "prompt": image.prompt,
        "model": image.model,
        "size": image.size,
        "seed": image.seed,
        "created": task.created_at.isoformat() if task.created_at else None,
        "elapsed": task.elapsed,
        "rating": marks.rating,
        "tags": list(marks.tags),
        "note": marks.note,
        "rejected": marks.rejected,
    }
