"""Saves originals and records under readable names, because links expire; nothing is overwritten.

Saved files can be shared: each image carries its provenance, and nothing identifies the account.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from slugify import slugify

from seedream_nb.core.atomic_files import write_atomically, write_new
from seedream_nb.core.errors import ImageError, UsageError
from seedream_nb.core.foreign import finite
from seedream_nb.core.models import ErrorDetail, TaskStatus
from seedream_nb.core.redaction import redact
from seedream_nb.core.text import count_of
from seedream_nb.images.fetch import Source, find_result, load_all, source_of
from seedream_nb.images.provenance import Provenance
from seedream_nb.images.saved_files import is_same_image, write_provenance
from seedream_nb.images.thumbnails import read_facts

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator, Sequence

    from seedream_nb.core.models import Task, TaskImage
    from seedream_nb.images.fetch import ImageFetcher

MAX_SLUG = 48  # characters of the prompt in a file name; at three bytes each they fit every file system


@dataclass(frozen=True)
class SaveFailure:
    """Something that could not be saved.

    Attributes:
        task_id: The task.
        image_number: The number of the image in the task, from 1; None for a task without any image.
        reason: Why it was not saved.
    """

    task_id: str
    image_number: int | None
    reason: str

    def __str__(self) -> str:
        image = f" image {self.image_number}" if self.image_number else ""
        return f"{self.task_id}{image}: {self.reason}"


@dataclass(frozen=True)
class SaveReport:
    """What was saved, and what was not.

    Attributes:
        directory: The directory with the files.
        images: The image files, in the order of the gallery, including those that existed already.
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
    """Saves the originals of all images and the records of all tasks; a repeated task is saved once.

    Each image file carries its provenance (prompt, model, size, seed, task id, and date), readable by photo software
    and by `open_image`. The image is not encoded again. Neither files nor records carry account ids, trace ids, or
    the callback URL.

    Raises:
        UsageError: The directory cannot be created or written to.
    """
    # Of a repeated task, the later answer knows more. A task without an id is like no other.
    distinct = list({task.id or task: task for task in tasks}.values())
    images = [image for task in distinct for image in task.good_images]
    dates = {source_of(image): task.created_at or task.finished_at for task in distinct for image in task.good_images}
    folder = _make_folder(directory)

    def save(image: TaskImage, content: bytes) -> Path:
        return _save_image(folder, image, content, Provenance.of(image, dates[source_of(image)]))

    try:
        results = load_all(images, save, fetcher, on_progress=on_progress)
        records = [_save_record(folder, task, results) for task in distinct if task.raw]
    except OSError as problem:
        raise UsageError(
            f"Can't write to {folder}: {problem.strerror or problem}.",
            hint="Free some disk space or choose another directory; the files saved so far stay.",
        ) from None
    paths = dict.fromkeys(path for image in images if isinstance(path := find_result(image, results), Path))
    return SaveReport(folder, tuple(paths), tuple(records), tuple(_failures(distinct, results)))


Results = Mapping[Source, Path | ImageError]


def _make_folder(directory: str | os.PathLike[str]) -> Path:
    try:
        folder = Path(directory).expanduser()
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise UsageError(
            f"Can't create the directory {directory}: a file is in its place.", hint="Choose another directory."
        ) from None
    except (OSError, ValueError, RuntimeError) as problem:
        # ValueError: characters that no file name can have; RuntimeError: the home of an unknown user.
        reason = problem.strerror if isinstance(problem, OSError) else str(problem).rstrip(".")
        raise UsageError(
            f"Can't create the directory {str(directory)!r}: {reason}.", hint="Choose another directory."
        ) from None
    return folder


def _failures(tasks: Sequence[Task], results: Results) -> Iterator[SaveFailure]:
    for task in tasks:
        if not task.images:
            reason = "its answer has no image" if task.status is TaskStatus.SUCCEEDED else f"the task is {task.status}"
            yield SaveFailure(task.id, None, str(task.error or reason))
        for image in task.images:
            result = find_result(image, results)
            if not image.is_good:
                yield SaveFailure(task.id, image.index + 1, str(image.error or ErrorDetail()))
            elif isinstance(result, ImageError):
                yield SaveFailure(task.id, image.index + 1, result.message)


def _stem(prompt: str, task_id: str) -> str:
    """The start of a file name that every file system accepts, in the script of the prompt.

    It always has two parts, so that it is never a name that Windows reserves, such as `con` or `com1`.
    """
    words = slugify(prompt, allow_unicode=True, max_length=MAX_SLUG, word_boundary=True)
    return f"{words or 'image'}-{slugify(task_id, max_length=8) or 'task'}"


def _save_image(folder: Path, image: TaskImage, content: bytes, provenance: Provenance) -> Path:
    extension = read_facts(content).extension
    stem = f"{_stem(image.prompt, image.task_id)}-{image.index + 1}"
    marked = write_provenance(content, provenance)
    for path in _names(folder, stem, extension):
        # The file may have another prompt or date from another answer, or a rating from the user.
        if write_new(path, marked) or is_same_image(_read(path) or b"", content):
            return path
    raise AssertionError("unreachable: names are infinite")


def _save_record(folder: Path, task: Task, results: Results) -> Path:
    files = [path.name for image in task.good_images if isinstance(path := find_result(image, results), Path)]
    content = _format_record(task, files)
    for path in _names(folder, _stem(task.prompt, task.id), "json"):
        if write_new(path, content) or _read(path) == content:
            return path
        earlier = _read_record(path)
        if task.id and earlier.get("task_id") == task.id:
            # A link may have died since then; files that were saved earlier stay listed.
            write_atomically(path, _format_record(task, [*files, *_still_there(folder, earlier.get("files"))]))
            return path
    raise AssertionError("unreachable: names are infinite")


def _format_record(task: Task, files: Sequence[str]) -> bytes:
    record = {
        "task_id": task.id,
        "files": list(dict.fromkeys(files)),
        "record": redact({key: _without_inline_images(key, value) for key, value in task.raw.items()}),
    }
    # A lone surrogate becomes a JSON escape.
    text = json.dumps(finite(record), ensure_ascii=False, indent=2, allow_nan=False)
    return text.encode("utf-8", "backslashreplace")


def _still_there(folder: Path, files: object) -> list[str]:
    names = [name for name in files if isinstance(name, str)] if isinstance(files, list) else []
    return [name for name in names if (folder / name).is_file()]


def _names(folder: Path, stem: str, extension: str) -> Iterator[Path]:
    yield folder / f"{stem}.{extension}"
    for number in itertools.count(2):
        yield folder / f"{stem}-{number}.{extension}"


def _read(path: Path) -> bytes | None:
    """The content of a file; None when it cannot be read."""
    try:
        return path.read_bytes()
    except OSError:
        return None


def _read_record(path: Path) -> dict[str, object]:
    try:
        record = json.loads(_read(path) or b"")
    except (ValueError, RecursionError):
        return {}
    return record if isinstance(record, dict) else {}


def _without_inline_images(key: str, value: object) -> object:
    """A value of a record without base64 images, which are saved as files."""
    if isinstance(value, dict):
        return {name: _without_inline_images(name, inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_without_inline_images("", inner) for inner in value]
    return f"({len(value):,} characters)" if key == "b64_json" and isinstance(value, str) else value
