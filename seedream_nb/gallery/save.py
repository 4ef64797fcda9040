"""Why: links die, files stay. Originals are kept under names that a person can read, and nothing is overwritten."""

from __future__ import annotations

import itertools
import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from slugify import slugify

from seedream_nb.errors import ImageError, UsageError
from seedream_nb.gallery.tiles import count_of
from seedream_nb.images.load import Source, load_all, source_of
from seedream_nb.images.thumbnails import read_facts
from seedream_nb.models import TaskStatus

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator, Sequence

    from seedream_nb.images.fetch import ImageFetcher
    from seedream_nb.models import Task, TaskImage

LONGEST_SLUG = 48  # characters of the prompt in a file name; at three bytes each they fit every file system


@dataclass(frozen=True)
class SaveFailure:
    """Something that could not be saved.

    Attributes:
        task_id: The task.
        image_number: The image within the task, from 1; None for a task without any picture.
        reason: Why not.
    """

    task_id: str
    image_number: int | None
    reason: str

    def __str__(self) -> str:
        image = f" image {self.image_number}" if self.image_number else ""
        return f"{self.task_id}{image}: {self.reason}"


@dataclass(frozen=True)
class SaveReport:
    """What became of each picture.

    Attributes:
        directory: Where the files are.
        images: The picture files, in the order of the gallery; those that were there already are among them.
        records: The JSON files, one for each task that the service knows.
        failures: What could not be saved, and why.
    """

    directory: Path
    images: tuple[Path, ...]
    records: tuple[Path, ...]
    failures: tuple[SaveFailure, ...] = ()

    def __str__(self) -> str:
        lines = [
            f"{count_of(len(self.images), 'image')} and {count_of(len(self.records), 'record')} in {self.directory}"
        ]
        if self.failures:
            lines += ["Not saved:", *(f"  {failure}" for failure in self.failures)]
        return "\n".join(lines)

    __repr__ = __str__


def save_tasks(
    tasks: Sequence[Task],
    directory: str | os.PathLike[str],
    fetcher: ImageFetcher,
    *,
    on_progress: Callable[[int], None] | None = None,
) -> SaveReport:
    """Saves the originals of all pictures and the records of all tasks.

    Args:
        tasks: The tasks; a repeated one is saved once.
        directory: Where to; it is made if it is not there.
        fetcher: Fetches the originals.
        on_progress: Called with 1 for each picture that is finished.

    Returns:
        What was saved and what was not.

    Raises:
        UsageError: The directory cannot be made or written to.
    """
    folder = Path(directory).expanduser()
    distinct = list({task.id: task for task in tasks}.values())
    images = [image for task in distinct for image in task.images]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        results = load_all(
            images, lambda image, data: _keep_image(folder, image, data), fetcher, on_progress=on_progress
        )
        records = [_keep_record(folder, task, results) for task in distinct if task.raw]
    except OSError as problem:
        raise UsageError(
            f"Nothing can be written to {folder}: {problem.strerror or problem}.",
            hint="Name another directory or make room in this one; what was saved so far is kept.",
        ) from None
    paths = dict.fromkeys(path for image in images if isinstance(path := _result_of(image, results), Path))
    return SaveReport(folder, tuple(paths), tuple(records), tuple(_failures(distinct, results)))


Results = Mapping[Source, Path | ImageError]


def _result_of(image: TaskImage, results: Results) -> Path | ImageError | None:
    return results.get(source_of(image) or "")


def _failures(tasks: Sequence[Task], results: Results) -> Iterator[SaveFailure]:
    for task in tasks:
        if not task.images and task.status is not TaskStatus.SUCCEEDED:
            yield SaveFailure(task.id, None, str(task.error or f"the task is {task.status}"))
        for image in task.images:
            result = _result_of(image, results)
            if isinstance(result, ImageError):
                yield SaveFailure(task.id, image.index + 1, result.message)
            elif image.error is not None:
                yield SaveFailure(task.id, image.index + 1, str(image.error))


def _stem(prompt: str, task_id: str) -> str:
    """A file name's beginning that every file system takes, in the prompt's own script."""
    words = slugify(prompt, allow_unicode=True, max_length=LONGEST_SLUG, word_boundary=True)
    return "-".join(part for part in (words, slugify(task_id)[:8]) if part) or "image"


def _keep_image(folder: Path, image: TaskImage, content: bytes) -> Path:
    extension = read_facts(content).extension
    stem = f"{_stem(image.prompt, image.task_id)}-{image.index + 1}"
    for path in _names(folder, stem, extension):
        try:
            _write_new(path, content)
        except FileExistsError:
            if path.read_bytes() != content:
                continue
        return path
    raise AssertionError("unreachable: the names never end")


def _keep_record(folder: Path, task: Task, results: Results) -> Path:
    files = [path.name for image in task.images if isinstance(path := _result_of(image, results), Path)]
    record = {"task_id": task.id, "files": files, "record": _without_inline_images(task.raw)}
    # A lone half of a surrogate pair becomes the escape that JSON has for it.
    content = json.dumps(record, ensure_ascii=False, indent=2).encode("utf-8", "backslashreplace")
    for path in _names(folder, _stem(task.prompt, task.id), "json"):
        try:
            _write_new(path, content)
        except FileExistsError:
            if not _is_record_of(path, task.id):
                continue
            _replace(path, content)
        return path
    raise AssertionError("unreachable: the names never end")


def _names(folder: Path, stem: str, extension: str) -> Iterator[Path]:
    yield folder / f"{stem}.{extension}"
    for number in itertools.count(2):
        yield folder / f"{stem}-{number}.{extension}"


def _write_new(path: Path, content: bytes) -> None:
    """Writes a file that is not there yet, wholly or not at all."""
    with path.open("xb") as file:
        try:
            file.write(content)
        except BaseException:
            path.unlink()
            raise


def _replace(path: Path, content: bytes) -> None:
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
        file.write(content)
    Path(file.name).replace(path)


def _is_record_of(path: Path, task_id: str) -> bool:
    try:
        record = json.loads(path.read_bytes())
    except ValueError:
        return False
    return isinstance(record, dict) and record.get("task_id") == task_id


def _without_inline_images(value: object) -> object:
    """The record without the pictures that it carries as text: they lie beside it as files."""
    if isinstance(value, dict):
        return {
            key: f"({len(inner):,} characters)"
            if key == "b64_json" and isinstance(inner, str)
            else _without_inline_images(inner)
            for key, inner in value.items()
        }
    return [_without_inline_images(inner) for inner in value] if isinstance(value, list) else value
