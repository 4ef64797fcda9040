"""Saves originals and records under readable names, because links expire; nothing is overwritten.

Saved files can be shared: each image carries its provenance, and nothing identifies the account.
"""

from __future__ import annotations

import dataclasses
import itertools
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from seedream_nb.core.atomic_files import write_atomically, write_new
from seedream_nb.core.errors import ImageError, UsageError
from seedream_nb.core.models import ErrorDetail, TaskImage, TaskStatus
from seedream_nb.core.text import count_of
from seedream_nb.gallery.contents import read_images
from seedream_nb.gallery.file_names import DEFAULT_NAME, NamedFile, NameTemplate, fold, in_order, number_repeats
from seedream_nb.gallery.saved_record import format_record, read_record, without_lost_files
from seedream_nb.images.fetch import load_all, source_of
from seedream_nb.images.provenance import Provenance
from seedream_nb.images.saved_files import is_same_image, write_provenance
from seedream_nb.images.thumbnails import read_facts
from seedream_nb.library import LibraryFetcher
from seedream_nb.protocol.recorded_request import to_portable

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from seedream_nb.core.foreign import JsonObject
    from seedream_nb.core.models import Task
    from seedream_nb.gallery.contents import AnyImages
    from seedream_nb.images.fetch import ImageFetcher, Source

# What to call instead of save("name.pdf"): these endings are those of files.
_TEMPLATE_FIELD = re.compile(r"\{(?:index|prompt|id|model|size|seed|date|number|layer)\b[^{}]*\}")
_EXAMPLE_NAME = "{index:03}-{prompt:40}"
_INSTEAD = {
    ".pdf": "Write a contact sheet: gallery.contact_sheet({path!r}).",
    ".html": "Write a page: gallery.export({path!r}).",
    ".htm": "Write a page: gallery.export({page!r}).",
    ".zip": "Save into a directory and zip that, or export the library: Library().export({path!r}).",
    ".psd": "Layers are saved as PNG files, with their positions in the JSON record: gallery.save({folder!r}).",
    **dict.fromkeys(
        (".png", ".jpg", ".jpeg"),
        "Use gallery.compose().save({path!r}) for one image, or gallery.contact_sheet({path!r}) for all on one sheet.",
    ),
    **dict.fromkeys(
        (".webp", ".gif", ".tif", ".tiff", ".bmp", ".svg", ".json", ".csv", ".txt", ".pptx", ".docx", ".psb", ".mp4"),
        "Choose a directory: gallery.save({folder!r}).",
    ),
}


@dataclass(frozen=True)
class SavedImage:
    """One image of a gallery, and where it was saved, or why it was not.

    Wherever a path is expected, such as in `open_image`, it is that of the file.

    Attributes:
        task_id: The task; empty for a request that was not sent, or rejected.
        place: The place of the task in the gallery, from 0.
        image_number: The number of the image in the task, from 1; None for a task without any image.
        path: The file, which may have existed already; None if the image was not saved.
        reason: Why it was not saved; else empty.
    """

    task_id: str
    place: int
    image_number: int | None
    path: Path | None
    reason: str = ""

    def __fspath__(self) -> str:
        if self.path is None:
            raise ImageError(f"This image was not saved. {self}")
        return str(self.path)

    def __str__(self) -> str:
        task = self.task_id or f"task {self.place + 1}"
        image = f" image {self.image_number}" if self.image_number else ""
        return f"{task}{image}: {self.path or self.reason}"


@dataclass(frozen=True)
class SaveReport:
    """What was saved, and what was not.

    Attributes:
        directory: The directory with the files.
        images: One entry for each image in the order of the gallery, and one for each task without any. A failed one
            keeps its place; a repeated task has its entries at each of its places, with the same files.
        records: The JSON file of each task, in the order of the gallery.

    Example:
        >>> report = gallery.save("seedream_results")
        >>> report
        1 image and 1 record in seedream_results
        >>> report.images[0].path.name
        'a-white-siamese-cat-9d65fd01-1.jpg'
    """

    directory: Path
    images: tuple[SavedImage, ...]
    records: tuple[Path, ...]

    @property
    def paths(self) -> tuple[Path, ...]:
        """The image files, each once, including those that existed already."""
        return tuple(dict.fromkeys(image.path for image in self.images if image.path is not None))

    @property
    def failures(self) -> tuple[SavedImage, ...]:
        """What could not be saved, and why."""
        return tuple(image for image in self.images if image.path is None)

    def __str__(self) -> str:
        records = count_of(len(set(self.records)), "record")
        lines = [f"{count_of(len(self.paths), 'image')} and {records} in {self.directory}"]
        if self.failures:
            lines += ["Not saved:", *dict.fromkeys(f"  {failure}" for failure in self.failures)]
        return "\n".join(lines)

    __repr__ = __str__


def save_tasks(
    tasks: Sequence[Task],
    directory: str | os.PathLike[str],
    fetcher: ImageFetcher,
    *,
    name: str = DEFAULT_NAME,
    images: AnyImages | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> SaveReport:
    """Saves the originals of all images and the records of all tasks; a repeated task is saved once.

    Each image file carries its provenance (prompt, model, size, seed, task id, and date), readable by photo software
    and by `open_image`. The image is not encoded again. Neither files nor records carry account ids, trace ids, or
    the callback URL. Files that would have the same name are numbered in the order of the gallery.

    Args:
        tasks: The tasks.
        directory: The target directory; it is created if needed.
        fetcher: Fetches the images.
        name: The template of the file names, see `Gallery.save`.
        images: Which images of the tasks; None for all of them. Tasks without any of these are left out.
        on_progress: Called with 1 for each image that is finished.

    Raises:
        UsageError: The template is invalid, an image belongs to none of the tasks, or the directory looks like a file,
            cannot be created, or cannot be written to.
    """
    template = NameTemplate.parse(name)
    plan = _plan(tasks, template, images, fetcher)
    folder = _make_folder(directory)
    try:
        saved = _save_images(plan, folder, fetcher, on_progress)
        records = {key: _save_record(plan, folder, key, saved) for key in plan.tasks}
    except OSError as problem:
        raise UsageError(
            f"Can't write to {folder}: {problem.strerror or problem}.",
            hint="Free some disk space or choose another directory; the files saved so far stay.",
        ) from None
    report = [
        _report(plan, place, item, saved[item])
        for place, key in plan.places
        for item in plan.items[key]
        if _is_at(tasks[place], item)
    ]
    return SaveReport(folder, tuple(report), tuple(records[key] for _, key in plan.places))


def _report(plan: _Plan, place: int, item: _Item, result: Path | str) -> SavedImage:
    task_id, number = plan.tasks[item.key].id, None if item.image is None else item.image.index + 1
    if isinstance(result, Path):
        return SavedImage(task_id, place, number, result)
    return SavedImage(task_id, place, number, None, result)


def _is_at(task: Task, item: _Item) -> bool:
    """Whether a report of a task has an image, or none yet."""
    indexes = {image.index for image in task.images}
    return not indexes or item.image is None or item.image.index in indexes


def check_directory(directory: str | os.PathLike[str]) -> Path:
    """Checks that a directory can be meant, before any work starts; `~` is the home directory.

    Raises:
        UsageError: The name is impossible, or looks like that of a file.
    """
    try:
        if field := _TEMPLATE_FIELD.search(os.fsdecode(directory)):
            raise UsageError(
                f"{field[0]} is part of a file name, and {str(directory)!r} is a directory.",
                hint=f"Name the files with a template: gallery.save('images', name={_EXAMPLE_NAME!r}).",
            )
        folder = Path(directory).expanduser()
        if (instead := _INSTEAD.get(folder.suffix.lower())) and not folder.is_dir():
            names = {"path": str(directory), "folder": folder.stem, "page": f"{folder.stem}.html"}
            raise UsageError(
                f"{str(directory)!r} looks like a file, and images are saved into a directory.",
                hint=instead.format(**names),
            )
    except (OSError, ValueError, RuntimeError) as problem:
        # ValueError: characters that no file name can have; RuntimeError: the home of an unknown user.
        raise _cannot_be_created(directory, problem) from None
    return folder


def _make_folder(directory: str | os.PathLike[str]) -> Path:
    folder = check_directory(directory)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise UsageError(
            f"Can't create the directory {directory}: a file is in its place.", hint="Choose another directory."
        ) from None
    except (OSError, ValueError) as problem:
        raise _cannot_be_created(directory, problem) from None
    return folder


def _cannot_be_created(directory: str | os.PathLike[str], problem: Exception) -> UsageError:
    reason = problem.strerror if isinstance(problem, OSError) else str(problem).rstrip(".")
    return UsageError(f"Can't create the directory {str(directory)!r}: {reason}.", hint="Choose another directory.")


Key = str | int  # identifies a task: its id, or the place of one that has none


@dataclass(frozen=True)
class _Item:
    """An image to save, or a task without any, and its file name without the ending."""

    key: Key
    image: TaskImage | None
    stem: str = field(compare=False)


@dataclass(frozen=True)
class _Plan:
    """What is saved, and under which names, before anything is fetched."""

    tasks: Mapping[Key, Task]  # of a repeated one, the later answer, which knows more
    items: Mapping[Key, Sequence[_Item]]
    places: Sequence[tuple[int, Key]]  # in the order of the gallery
    record_stems: Mapping[Key, str]

    taken: frozenset[str]  # the names of all images, in the form in which names are compared
    requests: Mapping[Key, JsonObject]  # in their portable form; empty ones are not known


Saved = Mapping[_Item, Path | str]  # the file of each item, or why there is none


def _plan(tasks: Sequence[Task], template: NameTemplate, images: AnyImages | None, fetcher: ImageFetcher) -> _Plan:
    keys: list[Key] = [task.id or place for place, task in enumerate(tasks)]
    latest: dict[Key, Task] = {}
    for key, task in zip(keys, tasks, strict=True):
        latest[key] = _merge(latest[key], task) if key in latest else task
    chosen = None if images is None else _chosen(images, latest.values())
    files: list[tuple[Key, NamedFile]] = []
    for key, task in latest.items():
        wanted = [(image, layer) for image, layer in in_order(task.images) if chosen is None or image in chosen]
        if not task.images and chosen is None:
            files.append((key, NamedFile(task, len(files) + 1)))
        for image, layer in wanted:
            files.append((key, NamedFile(task, len(files) + 1, image, layer)))
    stems = number_repeats([template.stem(file) for _, file in files])
    items: dict[Key, list[_Item]] = {}
    first: dict[Key, NamedFile] = {}
    for (key, file), stem in zip(files, stems, strict=True):
        items.setdefault(key, []).append(_Item(key, file.image, stem))
        first.setdefault(key, NamedFile(file.task, file.index))
    return _Plan(
        tasks={key: latest[key] for key in items},
        items=items,
        places=[(place, key) for place, key in enumerate(keys) if key in items],
        record_stems=dict(zip(first, number_repeats([template.stem(file) for file in first.values()]), strict=True)),
        taken=frozenset(map(fold, stems)),
        requests={key: _portable_request(latest[key], fetcher) for key in items},
    )


def _portable_request(task: Task, fetcher: ImageFetcher) -> JsonObject:
    digests = fetcher.cache.digests_sent(task) if isinstance(fetcher, LibraryFetcher) else ()
    return to_portable(task.request, digests, is_shared=True)


def _merge(earlier: Task, later: Task) -> Task:
    """The later of two reports of a task with the images of both: each may have only some of them."""
    images = {image.index: image for image in (*earlier.images, *later.images)}
    return later if len(images) == len(later.images) else dataclasses.replace(later, images=tuple(images.values()))


def _chosen(images: AnyImages, tasks: Collection[Task]) -> tuple[TaskImage, ...]:
    hint = "Pass some of gallery.images, as in images=gallery.images[:3]."
    chosen = read_images(images, "images=", hint)
    known = [image for task in tasks for image in task.images]
    for image in chosen:
        if image not in known:
            raise UsageError(
                f"Image {image.index + 1} of {image.task_id or 'a task without an id'} is not in this gallery.",
                hint=hint,
            )
    return chosen


def _save_images(plan: _Plan, folder: Path, fetcher: ImageFetcher, on_progress: Callable[[int], None] | None) -> Saved:
    saved: dict[_Item, Path | str] = {}
    by_source: dict[Source | None, list[_Item]] = {}
    for item in itertools.chain.from_iterable(plan.items.values()):
        if item.image is not None and item.image.is_good:
            by_source.setdefault(source_of(item.image), []).append(item)
        else:
            saved[item] = _reason(plan.tasks[item.key], item.image)

    def save(image: TaskImage, content: bytes) -> list[Path]:
        return [_save_image(plan, folder, item, item.image or image, content) for item in by_source[source_of(image)]]

    images = [item.image for items in by_source.values() for item in items if item.image]
    for source, result in load_all(images, save, fetcher, on_progress=on_progress).items():
        items = by_source[source]
        reasons = [result.message] * len(items) if isinstance(result, ImageError) else result
        saved.update(zip(items, reasons, strict=True))
    return saved


def _reason(task: Task, image: TaskImage | None) -> str:
    if image is not None:
        return str(image.error or ErrorDetail())
    without_reason = "its answer has no image" if task.status is TaskStatus.SUCCEEDED else f"the task is {task.status}"
    return str(task.error or without_reason)


def _save_image(plan: _Plan, folder: Path, item: _Item, image: TaskImage, content: bytes) -> Path:
    task = plan.tasks[item.key]
    request = plan.requests[item.key]
    marked = write_provenance(content, Provenance.of(image, task.created_at or task.finished_at, request))
    for path in _names(folder, item.stem, read_facts(content).extension, plan.taken):
        # The file may have another prompt or date from another answer, or a rating from the user.
        if write_new(path, marked) or is_same_image(_read(path) or b"", content):
            return path
    raise AssertionError("unreachable: names are infinite")


def _save_record(plan: _Plan, folder: Path, key: Key, saved: Saved) -> Path:
    task = plan.tasks[key]
    results = {item.image: saved[item] for item in plan.items[key] if item.image}
    request = plan.requests[key]
    content = format_record(task, results, request)
    for path in _names(folder, plan.record_stems[key], "json"):
        if write_new(path, content) or _read(path) == content:
            return path
        earlier = read_record(_read(path) or b"")
        if task.id and earlier.get("task_id") == task.id:
            # A link may have died since then, or other images were chosen; files that are still there stay listed.
            write_atomically(path, format_record(task, results, request, without_lost_files(folder, earlier)))
            return path
    raise AssertionError("unreachable: names are infinite")


def _names(folder: Path, stem: str, extension: str, taken: Collection[str] = ()) -> Iterator[Path]:
    """The name of a file, then numbered ones, except those of the other files."""
    yield folder / f"{stem}.{extension}"
    for number in itertools.count(2):
        if fold(f"{stem}-{number}") not in taken:
            yield folder / f"{stem}-{number}.{extension}"


def _read(path: Path) -> bytes | None:
    """The content of a file; None when it cannot be read."""
    try:
        return path.read_bytes()
    except OSError:
        return None
