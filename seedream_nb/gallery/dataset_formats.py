"""Writes one part of a dataset, in any of the formats. It needs neither a token, nor a library, nor a client."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import threading
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seedream_nb.core.errors import ImageError, UsageError
from seedream_nb.core.parallel import run_in_order
from seedream_nb.gallery.dataset_columns import Kind, format_row
from seedream_nb.gallery.dataset_parts import (
    IMAGES,
    Entry,
    Part,
    PartManifest,
    PartResult,
    check_same,
    find_reusable,
    is_complete,
    manifest_name,
    read_manifest,
    shard_name,
)
from seedream_nb.gallery.dataset_target import measure_file
from seedream_nb.images.conversion import convert_image
from seedream_nb.images.fetch import DECODERS, ImageFetcher, to_image_error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from seedream_nb.gallery.dataset_columns import Column
    from seedream_nb.gallery.dataset_target import Target
    from seedream_nb.library.dataset_items import DatasetItem

THREADS = "seedream-dataset"
SECONDS_TO_STOP = 5.0  # for images that are being written when an export is stopped
AHEAD = 2  # images in memory for each thread, where they are written in order
# `datasets` reads a row group at a time, and a binary column of one group is limited to 2 GB.
ROWS_IN_GROUP = 100
BYTES_IN_GROUP = 256 * 1024 * 1024
ARROW_HINT = 'pip install "seedream_nb[datasets]"'


def write_part(
    part: Part,
    target: Target,
    *,
    converters: int = DECODERS,
    on_progress: Callable[[int], None] | None = None,
) -> PartResult:
    """Writes a part, unless the target has it already. It may be repeated, also at the same time.

    Images that cannot be read or downloaded are left out, and listed in the result; another call tries them again.

    Args:
        part: The part.
        target: Where it is written.
        converters: How many images are converted at the same time.
        on_progress: Called with the number of items that are finished.

    Raises:
        UsageError: The target holds another export, or cannot be written.
        ExportIncompleteError: The target cannot be written any more.
        ConnectionFailedError: The target cannot be reached.
    """
    report = on_progress or _ignore
    found = read_manifest(target, part.number)
    if found is not None and not part.overwrite:
        check_same(part, found, target)
    if found is not None and is_complete(part, found, target):
        report(len(part.items))
        return PartResult.of(found, found.encode(), was_written=False)
    reusable = find_reusable(part, found, target)
    with _Reader(part, target, converters) as reader:
        write = {"imagefolder": _write_files, "webdataset": _write_tar, "parquet": _write_parquet}[part.layout.format]
        manifest = write(part, target, reader, reusable, report)
    if found is not None:
        target.remove(sorted(found.files.keys() - manifest.files.keys()))
    content = manifest.encode()
    target.write(manifest_name(part.number), content)
    return PartResult.of(manifest, content, was_written=True)


@dataclass(frozen=True)
class _Image:
    """The image of an item, as it is written."""

    content: bytes
    ending: str
    checksum: str


class _Reader:
    """Reads the images of a part, in threads; at its end it cancels the downloads that nobody needs any more."""

    def __init__(self, part: Part, target: Target, converters: int) -> None:
        self._part = part
        self._fetcher = ImageFetcher()
        self._stop = threading.Event()
        self._converting = threading.Semaphore(converters)
        is_local = target.folder is not None and all(item.original for item in part.items)
        self.threads = DECODERS if is_local else self._fetcher.limits.connections

    def __enter__(self) -> _Reader:
        return self

    def __exit__(self, *_error: object) -> None:
        self._stop.set()

    def images(self) -> Iterator[tuple[str, DatasetItem, _Image | ImageError]]:
        """Each item in order, with its key and its image, or why there is none."""
        results = run_in_order(
            self.read,
            self._part.items,
            threads=self.threads,
            name=THREADS,
            ahead=AHEAD * self.threads,
        )
        with closing(results):
            yield from zip(self._part.keys, self._part.items, results, strict=True)

    def read(self, item: DatasetItem) -> _Image | ImageError:
        """The image of an item, converted as chosen, or why there is none."""
        layout = self._part.layout
        try:
            content, checksum = self._read_bytes(item)
            if layout.is_exact:
                content, ending = convert_image(content)
                return _Image(content, ending, checksum)
            with self._converting:
                content, ending = convert_image(content, layout.image_format, layout.max_side)
        except Exception as problem:  # noqa: BLE001  an image that nobody expects must not cost the others
            return to_image_error(problem)
        return _Image(content, ending, _checksum_of(content))

    def _read_bytes(self, item: DatasetItem) -> tuple[bytes, str]:
        problem = ""
        if item.original is not None:
            try:
                content = Path(item.original).read_bytes()
            except OSError as error:
                problem = f"The original can't be read: {error.strerror or error}. "
            else:
                checksum = _checksum_of(content)
                if item.checksum in {None, checksum}:
                    return content, checksum
                problem = "The original is damaged. "
        if not item.image.is_good and problem:
            raise ImageError(problem.strip())
        try:
            content = self._fetcher.fetch(item.image, stop=self._stop)
        except ImageError as error:
            raise ImageError(f"{problem}{error.message}", status_code=error.status_code) from None
        checksum = _checksum_of(content)
        if item.checksum not in {None, checksum}:
            raise ImageError(f"{problem}The link leads to another image now.")
        return content, checksum


def _write_files(
    part: Part, target: Target, reader: _Reader, reusable: dict[str, Entry], report: Callable[[int], None]
) -> PartManifest:
    """A file for each image; the records are in one file of all parts."""

    def save(pair: tuple[str, DatasetItem]) -> Entry:
        key, item = pair
        if key in reusable:
            return reusable[key]
        image = reader.read(item)
        if isinstance(image, ImageError):
            return Entry(key, error=image.message)
        entry = _entry_of(key, image)
        target.write(f"{IMAGES}/{part.name}/{entry.file}", image.content)
        return entry

    entries: list[Entry] = []
    pairs = zip(part.keys, part.items, strict=True)
    saved = run_in_order(
        save, pairs, threads=reader.threads, name=THREADS, ahead=len(part.items) + 1, patience=SECONDS_TO_STOP
    )
    # Whatever ends it, nothing is written later; downloads are canceled first.
    with closing(saved), reader:
        for entry in saved:
            entries.append(entry)
            report(1)
    return PartManifest(part.number, part.layout, part.records_checksum, tuple(entries))


def _write_tar(
    part: Part, target: Target, reader: _Reader, _reusable: dict[str, Entry], report: Callable[[int], None]
) -> PartManifest:
    """One tar file, with an image and a JSON file for each item."""
    entries: list[Entry] = []
    with target.staging() as path:
        with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as tar:
            for key, item, image in reader.images():
                entries.append(_entry_of(key, image))
                if isinstance(image, _Image):
                    _add_member(tar, f"{key}.{image.ending}", image.content)
                    _add_member(tar, f"{key}.json", format_row(part.columns, item.record))
                report(1)
        return _finish_shard(part, target, path, shard_name(part), entries)


def _add_member(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)  # without a time, an owner, and a group
    member.size = len(content)
    tar.addfile(member, io.BytesIO(content))


def _write_parquet(
    part: Part, target: Target, reader: _Reader, _reusable: dict[str, Entry], report: Callable[[int], None]
) -> PartManifest:
    """One Parquet file, with a row for each item."""
    arrow, parquet = import_arrow()
    schema = _schema_of(arrow, part.columns)
    entries: list[Entry] = []
    with target.staging() as path:
        texts = [column.name for column in part.columns]
        # Encoded images are all different, and cannot be compressed any further.
        with parquet.ParquetWriter(path, schema, use_dictionary=texts, write_statistics=texts) as writer:
            rows: list[dict[str, object]] = []
            size = 0
            for key, item, image in _rows_of(part, reader):
                entries.append(_entry_of(key, image))
                if not isinstance(image, ImageError):
                    place = part.place_of(item) if image is None else f"{key}.{image.ending}"
                    cell = {"bytes": image.content if image else None, "path": place}
                    rows.append({"image": cell, **_row_of(part.columns, item)})
                    size += len(image.content) if image else 0
                if len(rows) >= ROWS_IN_GROUP or size >= BYTES_IN_GROUP:
                    writer.write_table(arrow.Table.from_pylist(rows, schema))
                    rows, size = [], 0
                report(1)
            if rows:
                writer.write_table(arrow.Table.from_pylist(rows, schema))
        return _finish_shard(part, target, path, shard_name(part), entries)


def _rows_of(part: Part, reader: _Reader) -> Iterator[tuple[str, DatasetItem, _Image | ImageError | None]]:
    if part.layout.with_images:
        yield from reader.images()
    else:
        yield from ((key, item, None) for key, item in zip(part.keys, part.items, strict=True))


def _row_of(columns: Sequence[Column], item: DatasetItem) -> dict[str, object]:
    return {column.name: column.read(item.record) for column in columns}


def _schema_of(arrow: Any, columns: Sequence[Column]) -> Any:
    types = {
        Kind.BOOLEAN: arrow.bool_(),
        Kind.INTEGER: arrow.int64(),
        Kind.LARGE: arrow.int64(),
        Kind.NUMBER: arrow.float64(),
    }
    fields = [arrow.field("image", arrow.struct([("bytes", arrow.binary()), ("path", arrow.string())]))]
    for column in columns:
        inner = types.get(column.kind, arrow.string())
        fields.append(arrow.field(column.name, arrow.list_(inner) if column.is_list else inner))
    # `datasets` takes the types of all other columns from Arrow.
    features = {"info": {"features": {"image": {"_type": "Image"}}}}
    return arrow.schema(fields, metadata={"huggingface": json.dumps(features)})


def import_arrow() -> tuple[Any, Any]:
    """PyArrow and its Parquet module; raises a `UsageError` if it is not installed."""
    try:
        import pyarrow as arrow  # noqa: ICN001, PLC0415  optional, and large
        from pyarrow import parquet  # noqa: PLC0415  as above
    except ImportError:
        raise UsageError("Parquet files require PyArrow, which is not installed.", hint=ARROW_HINT) from None
    return arrow, parquet


def _finish_shard(part: Part, target: Target, path: Path, name: str, entries: list[Entry]) -> PartManifest:
    stored = measure_file(path)
    target.put(path, name)
    return PartManifest(part.number, part.layout, part.records_checksum, tuple(entries), (name, stored))


def _entry_of(key: str, image: _Image | ImageError | None) -> Entry:
    if image is None:
        return Entry(key)
    if isinstance(image, ImageError):
        return Entry(key, error=image.message)
    return Entry(key, f"{key}.{image.ending}", len(image.content), image.checksum)


def _checksum_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _ignore(_number: int) -> None:
    """Reports to nobody."""
