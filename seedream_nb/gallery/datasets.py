"""Exports images with their records as a dataset, in parts, to a folder or a bucket.

    imagefolder                     webdataset           parquet
    metadata.jsonl                  data-000000.tar      data/part-000000.parquet
    images/000000/<key>.jpg         data-000001.tar      data/part-000001.parquet
    .seedream/layout.json           (as on the left)     (as on the left)
    .seedream/parts/000000.json
    .seedream/manifest.json

`layout.json` is written before everything else, a part's manifest after its files, and `manifest.json` at the end:
whenever an export is stopped, the same call continues it.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import json
import pickle
import tempfile
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any, get_args

from seedream_nb.core.errors import ExportIncompleteError, UsageError
from seedream_nb.core.foreign import read_mapping
from seedream_nb.core.parallel import run_in_order
from seedream_nb.core.text import count_of, format_size
from seedream_nb.gallery.dataset_columns import ColumnFinder, describe_changes, format_row
from seedream_nb.gallery.dataset_dask import open_cluster, run_on_dask
from seedream_nb.gallery.dataset_formats import import_arrow, write_part
from seedream_nb.gallery.dataset_parts import (
    IMAGES,
    LAYOUT,
    MANIFEST,
    MOST_LISTED,
    OVERWRITE_HINT,
    PART_FILE,
    SHARDS,
    VERSION,
    DatasetFormat,
    Layout,
    Part,
    PartResult,
    check_layout,
    check_same,
    find_parts,
    manifest_name,
    read_manifest,
    shard_name,
)
from seedream_nb.gallery.dataset_target import Stored, Target, measure_file
from seedream_nb.images.conversion import ImageFormat

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from distributed import Client

    from seedream_nb.gallery.dataset_columns import Column
    from seedream_nb.library.dataset_items import DatasetItem

METADATA = "metadata.jsonl"  # as the image folders of Hugging Face have it
SMALLEST_SIDE = 16  # pixels
THREADS = 16  # that read manifests


@dataclass(frozen=True)
class DatasetReport:
    """What a dataset consists of after an export.

    Attributes:
        target: Its address.
        format: Its format.
        images: The number of images; without images, of records.
        files: The number of files, without the manifests.
        size: Their bytes.
        parts: The number of parts.
        new_parts: How many of these were written by this export; the others were there.
        failed: How many images could not be read or downloaded.
        failures: The first of these: the number of each in the dataset, from 1, its key, and why.
        notes: What a reader would not expect, such as columns that were written as text.

    Example:
        >>> report = gallery.export_dataset("siamese-cats")
        >>> report.images, report.files, report.format
        (1, 2, 'imagefolder')
    """

    target: str
    format: str
    images: int
    files: int
    size: int
    parts: int
    new_parts: int
    failed: int = 0
    failures: tuple[tuple[int, str, str], ...] = ()
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        lines = [
            f"{count_of(self.images, 'image')} ({format_size(self.size)}, {self.format}) in {self.target}",
            *self.notes,
        ]
        if self.failed:
            shown = [f"  image {number:,} ({key}): {reason}" for number, key, reason in self.failures]
            lines += [f"{count_of(self.failed, 'image')} not exported:", *shown]
            lines += ["  …"] if self.failed > len(self.failures) else []
        return "\n".join(lines)

    __repr__ = __str__


def export_dataset(
    items: Iterable[DatasetItem],
    target: str | os.PathLike[str],
    *,
    format: DatasetFormat = "imagefolder",  # noqa: A002  the word that people use for it
    part_size: int = 500,
    image_format: ImageFormat | None = None,
    max_side: int | None = None,
    with_images: bool = True,
    overwrite: bool = False,
    storage_options: Mapping[str, Any] | None = None,
    client: object = None,
    on_progress: Callable[[int], None] | None = None,
) -> DatasetReport:
    """Writes images with their records as a dataset that the usual libraries read.

    An export that was stopped is continued by the same call: what is complete is not written again. More items at the
    end, or in places that were left free, become part of the dataset. Other files in the folder are never touched.

    Args:
        items: The items, in the order of their places; read once, as they come.
        target: A folder, or an address that fsspec knows, such as `s3://bucket/folder`.
        format: `imagefolder` (image files, and `metadata.jsonl`), `webdataset` (tar files), or `parquet`.
        part_size: How many places are written together: in a folder, or in a tar or Parquet file.
        image_format: `jpeg`, `png`, or `webp`; None keeps the bytes of each image exactly.
        max_side: The most pixels of width and height; larger images are scaled down.
        with_images: Whether images are written; without them (Parquet only), there are only their paths or links.
        overwrite: Whether another export at the same place is replaced; otherwise that is an error.
        storage_options: What fsspec needs for the address, such as keys and the endpoint of a bucket.
        client: A `dask.distributed.Client` whose workers write the parts, or the address of its scheduler, such as
            `tcp://10.0.0.1:8786`. The workers need the address of the target, and no token.
        on_progress: Called with the number of items that have just been finished.

    Returns:
        What the dataset consists of.

    Raises:
        UsageError: An option is not valid, there are no items, a package is missing, or the target holds something
            else or cannot be written.
        ExportIncompleteError: Some images could not be read or downloaded, or the disk is full.
        ConnectionFailedError: The target cannot be reached.
    """
    layout = _read_layout(Layout(format, part_size, image_format, max_side, with_images))
    place = Target.parse(target, storage_options)
    with open_cluster(client) as cluster, _planned(items, layout, overwrite=overwrite) as plan:
        if not plan.count:
            raise UsageError("There are no images to export.", hint="Only finished images can be exported.")
        _check_place(plan, place)
        place.write(LAYOUT, json.dumps(dataclasses.asdict(layout), indent=1).encode())
        results = sorted(_write_parts(plan.parts(), place, cluster, on_progress), key=lambda result: result.number)
        report = _finish(plan, place, results)
    if report.failed:
        error = ExportIncompleteError(
            f"{report.failed:,} of {count_of(plan.count, 'image')} could not be exported: {report.failures[0][2]}",
            hint=f"The others are in {place}. Run the same line again to try the rest.",
        )
        error.report = report
        raise error
    return report


def _read_layout(layout: Layout) -> Layout:
    if layout.format not in get_args(DatasetFormat):
        raise UsageError(
            f"{layout.format!r} is not a dataset format.", hint=f"Choose one of: {', '.join(get_args(DatasetFormat))}."
        )
    if layout.image_format not in {None, *get_args(ImageFormat)}:
        raise UsageError(
            f"{layout.image_format!r} is not an image format for datasets.",
            hint=f"Choose one of: {', '.join(get_args(ImageFormat))}.",
        )
    if not _is_integer(layout.part_size) or layout.part_size < 1:
        raise UsageError("part_size must be a number of items, at least 1.")
    if layout.max_side is not None and (not _is_integer(layout.max_side) or layout.max_side < SMALLEST_SIDE):
        raise UsageError(f"max_side must be a number of pixels, at least {SMALLEST_SIDE}.")
    if layout.format == "parquet":
        import_arrow()
    elif not layout.with_images:
        raise UsageError(
            f"The format {layout.format} needs the images.", hint='Use format="parquet" for records without images.'
        )
    return layout


def _is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


@dataclass(frozen=True)
class _Plan:
    """All items, on the disk, as their columns are known only after the last one."""

    layout: Layout
    columns: tuple[Column, ...]
    count: int
    end: int  # the number after that of the last part
    chunks: Callable[[], Iterator[tuple[int, tuple[DatasetItem, ...]]]] = field(repr=False)
    overwrite: bool = False

    def parts(self) -> Iterator[Part]:
        """The parts in order, each built when it is needed; those without items are left out."""
        for number, items in self.chunks():
            yield Part(number, items, self.layout, self.columns, self.overwrite)


@contextmanager
def _planned(items: Iterable[DatasetItem], layout: Layout, *, overwrite: bool) -> Iterator[_Plan]:
    finder, count = ColumnFinder(), 0
    numbers: list[int] = []
    with tempfile.TemporaryFile() as file:
        for number, placed in itertools.groupby(_placed(items), key=lambda pair: pair[0] // layout.part_size):
            chunk = [item for _place, item in placed]
            for item in chunk:
                finder.add(item.record)
            _store(tuple(map(_without_answer, chunk)), file)
            numbers.append(number)
            count += len(chunk)

        def chunks() -> Iterator[tuple[int, tuple[DatasetItem, ...]]]:
            position = 0
            for number in numbers:
                file.seek(position)
                chunk = pickle.load(file)  # noqa: S301  written above, to a file that nobody else can open
                position = file.tell()
                yield number, chunk

        yield _Plan(layout, finder.find(), count, numbers[-1] + 1 if numbers else 0, chunks, overwrite)


def _placed(items: Iterable[DatasetItem]) -> Iterator[tuple[int, DatasetItem]]:
    place = -1
    for item in items:
        if item.place is not None and item.place < place:
            raise UsageError("The items are not in the order of their places.", hint="Sort them by place.")
        place = place + 1 if item.place is None else item.place
        yield place, item


def _store(chunk: tuple[DatasetItem, ...], file: IO[bytes]) -> None:
    try:
        pickle.dump(chunk, file, protocol=5)
        file.flush()
    except OSError as problem:
        raise ExportIncompleteError(
            f"Can't write to the folder for temporary files: {problem.strerror or problem}.",
            hint="Free some space, or set TMPDIR to another folder. Nothing was exported yet.",
        ) from None


def _without_answer(item: DatasetItem) -> DatasetItem:
    """An item without the service's own words about it, which are as long as all the rest."""
    if not item.image.raw:
        return item
    return dataclasses.replace(item, image=dataclasses.replace(item.image, raw={}))


def _check_place(plan: _Plan, place: Target) -> None:
    """Checks what a target has before anything of it changes; with `overwrite`, removes what cannot be continued."""
    layout = _read_layout_of(place)
    if plan.overwrite:
        if layout is not None:
            # Parts of another layout have other names.
            _remove_parts(place, 0 if layout != dataclasses.asdict(plan.layout) else plan.end)
        return
    if layout is None:
        _check_foreign(plan, place)
        return
    check_layout(plan.layout, layout, place)
    there = set(find_parts(place))
    manifests = run_in_order(
        lambda part: (part, read_manifest(place, part.number) if part.number in there else None),
        plan.parts(),
        threads=THREADS if place.folder is None else 1,
        name="seedream-dataset",
        ahead=THREADS,
    )
    for part, manifest in manifests:
        there.discard(part.number)
        if manifest is not None:
            check_same(part, manifest, place)
    if there:
        raise UsageError(
            f"{place} holds another export, with more images than this one.",
            hint=OVERWRITE_HINT,
        )


def _read_layout_of(place: Target) -> dict[str, object] | None:
    """What was chosen for the export that a target holds; None if it holds none."""
    content = place.read(LAYOUT)
    if content is None:
        return None
    try:
        return read_mapping(json.loads(content))
    except ValueError:
        return {}


def _check_foreign(plan: _Plan, place: Target) -> None:
    """Checks that no file is there that somebody else has put in the place of one of the export."""
    first = next(plan.parts())
    is_folder = plan.layout.format == "imagefolder"
    name = METADATA if is_folder else shard_name(first)
    if is_folder and place.sizes(f"{IMAGES}/{first.name}"):
        name = f"{IMAGES}/{first.name}"
    elif place.size(name) is None:
        return
    raise UsageError(
        f"{place} has a file that this export would replace: {name}.",
        hint=OVERWRITE_HINT,
    )


def _remove_parts(place: Target, first: int) -> None:
    """Removes all parts from one number on, also those that were not finished."""
    names = [
        f"{IMAGES}/{folder}/{name}" for folder in place.folders(IMAGES) for name in place.sizes(f"{IMAGES}/{folder}")
    ]
    names += [*place.sizes(), *(f"{SHARDS}/{name}" for name in place.sizes(SHARDS))]
    numbers = ((match, name) for name in names if (match := PART_FILE.fullmatch(name)))
    place.remove([name for match, name in numbers if int(next(filter(None, match.groups()))) >= first])
    # What lists the files is the last to go.
    place.remove([MANIFEST, METADATA, *(manifest_name(number) for number in find_parts(place) if number >= first)])


def _write_parts(
    parts: Iterable[Part], place: Target, cluster: Client | None, on_progress: Callable[[int], None] | None
) -> Iterator[PartResult]:
    if cluster is None:
        for part in parts:
            yield write_part(part, place, on_progress=on_progress)
        return
    # A worker has a thread for each processor, and each of its threads has a part.
    work = functools.partial(write_part, converters=1)
    for result in run_on_dask(work, parts, place, client=cluster):
        if place.size(manifest_name(result.number)) != result.manifest.size:
            raise UsageError(
                f"A worker wrote to {place}, and this machine does not see it there.",
                hint="Choose a bucket, or a folder that all machines share.",
            )
        if on_progress:
            on_progress(result.images + len(result.failures))
        yield result


def _finish(plan: _Plan, place: Target, results: Sequence[PartResult]) -> DatasetReport:
    """Writes what belongs to all parts, at last the manifest of the dataset."""
    files = {METADATA: _write_metadata(plan, place)} if plan.layout.format == "imagefolder" else {}
    manifest = {
        "version": VERSION,
        "layout": dataclasses.asdict(plan.layout),
        "images": sum(result.images for result in results),
        "failed": sum(len(result.failures) for result in results),
        "columns": [dataclasses.asdict(column) for column in plan.columns],
        "files": {name: dataclasses.asdict(stored) for name, stored in files.items()},
        "parts": [
            {"number": result.number, "images": result.images, "manifest": dataclasses.asdict(result.manifest)}
            for result in results
        ],
    }
    place.write(MANIFEST, json.dumps(manifest, ensure_ascii=False, indent=1).encode())
    place.clean()
    ends = itertools.accumulate(result.images + len(result.failures) for result in results)
    failures = [
        (end - result.images - len(result.failures) + number, key, reason)
        for end, result in zip(ends, results, strict=True)
        for number, key, reason in result.failures
    ]
    return DatasetReport(
        str(place),
        plan.layout.format,
        sum(result.images for result in results),
        sum(result.files for result in results) + len(files),
        sum(result.size for result in results) + sum(stored.size for stored in files.values()),
        len(results),
        sum(result.was_written for result in results),
        len(failures),
        tuple(failures[:MOST_LISTED]),
        (*describe_changes(plan.columns), *_describe_endings(plan.layout, results)),
    )


def _describe_endings(layout: Layout, results: Sequence[PartResult]) -> list[str]:
    endings: Counter[str] = Counter()
    for result in results:
        endings.update(result.endings)
    if layout.format != "webdataset" or len(endings) <= 1:
        return []
    counts = ", ".join(f"{count:,} {ending}" for ending, count in endings.most_common())
    return [f"Images of several formats ({counts}); pass image_format= if a loader wants one."]


def _write_metadata(plan: _Plan, place: Target) -> Stored:
    """Writes the records of an imagefolder, with the file of each image."""
    manifests = run_in_order(
        lambda part: (part, read_manifest(place, part.number)),
        plan.parts(),
        threads=THREADS if place.folder is None else 1,
        name="seedream-dataset",
        ahead=THREADS,
    )
    with place.staging() as path:
        with path.open("wb") as file:
            for part, manifest in manifests:
                for item, entry in zip(part.items, manifest.entries if manifest else (), strict=False):
                    if entry.file is not None:
                        name = f"{IMAGES}/{part.name}/{entry.file}"
                        file.write(format_row(plan.columns, item.record, file_name=name) + b"\n")
        stored = measure_file(path)
        place.put(path, METADATA)
    return stored
