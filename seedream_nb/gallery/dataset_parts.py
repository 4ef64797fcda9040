"""The parts of a dataset: what belongs to each, how its files are named, and the manifest that says it is complete.

The items alone decide all of it, so that an export that was stopped is continued by the same call, and gives the same
files as one that was not.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from seedream_nb.core.errors import UsageError
from seedream_nb.gallery.dataset_columns import format_row
from seedream_nb.gallery.dataset_target import OWN_FOLDER, Stored
from seedream_nb.gallery.file_names import number_repeats

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seedream_nb.gallery.dataset_columns import Column
    from seedream_nb.gallery.dataset_target import Target
    from seedream_nb.images.conversion import ImageFormat
    from seedream_nb.library.dataset_items import DatasetItem

DatasetFormat = Literal["imagefolder", "webdataset", "parquet"]

VERSION = 1  # of the manifests
MANIFEST = f"{OWN_FOLDER}/manifest.json"
LAYOUT = f"{OWN_FOLDER}/layout.json"  # tells that the other files are those of an export
PARTS = f"{OWN_FOLDER}/parts"
MOST_LISTED = 20  # failures or files in a report; the rest is counted
IMAGES = "images"  # the folder of an imagefolder's parts
SHARDS = "data"  # the folder of Parquet files
PART_FILE = re.compile(r"(?:images/(\d{6,})/[^/]+|data-(\d{6,})\.tar|data/part-(\d{6,})\.parquet)")
_PLAIN_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,63}")
_KEY_DIGITS = 20  # of a checksum in a name
OVERWRITE_HINT = "Choose another folder, or pass overwrite=True to replace it."


@dataclass(frozen=True)
class Layout:
    """What was chosen for a whole dataset; see `export_dataset`."""

    format: DatasetFormat = "imagefolder"
    part_size: int = 500
    image_format: ImageFormat | None = None
    max_side: int | None = None
    with_images: bool = True

    @property
    def is_exact(self) -> bool:
        """Whether the bytes of the images stay as they are."""
        return self.image_format is None and self.max_side is None


@dataclass(frozen=True)
class Part:
    """Some items of a dataset, which are written together. It can be pickled.

    Attributes:
        number: Its place among the parts, from 0.
        items: The items.
        layout: What was chosen for the whole dataset.
        columns: The columns of the whole dataset.
        overwrite: Whether another export at the same place is replaced.
    """

    number: int
    items: tuple[DatasetItem, ...]
    layout: Layout
    columns: tuple[Column, ...]
    overwrite: bool = False

    @cached_property
    def keys(self) -> list[str]:
        """The name of each item, without an ending: readable, unique in the part, and the same in each export."""
        return number_repeats([_key_of(item) for item in self.items])

    @property
    def name(self) -> str:
        """What the names of its files have in common."""
        return f"{self.number:06}"

    @cached_property
    def records_checksum(self) -> str:
        """The SHA-256 of its records where its own files have them, else nothing."""
        if self.layout.format == "imagefolder":
            return ""
        digest = hashlib.sha256(repr(self.columns).encode())
        for item in self.items:
            digest.update(format_row(self.columns, item.record, place=self.place_of(item)))
        return digest.hexdigest()

    def place_of(self, item: DatasetItem) -> str | None:
        """Where the image of an item is, for datasets without images."""
        return None if self.layout.with_images else item.original or item.image.url

    def __reduce__(self) -> tuple[object, ...]:
        # Without what is computed.
        return Part, (self.number, self.items, self.layout, self.columns, self.overwrite)


@dataclass(frozen=True)
class Entry:
    """What became of an item: its file, or why it has none."""

    key: str
    file: str | None = None
    size: int = 0
    checksum: str = ""
    error: str | None = None


@dataclass(frozen=True)
class PartManifest:
    """What a part consists of. It is written after everything that it lists.

    Attributes:
        number: The part.
        layout: What was chosen.
        records: As `Part.records_checksum`.
        entries: Each item, in order.
        shard: The name of the one file with all items, and the file; None where each item has a file of its own.
    """

    number: int
    layout: Layout
    records: str
    entries: tuple[Entry, ...]
    shard: tuple[str, Stored] | None = None

    @property
    def failed(self) -> list[Entry]:
        """The items that could not be written."""
        return [entry for entry in self.entries if entry.error is not None]

    @property
    def files(self) -> dict[str, Stored]:
        """All its files, by their names in the dataset."""
        if self.shard is not None:
            return dict([self.shard])
        folder = f"{IMAGES}/{self.number:06}"
        return {f"{folder}/{entry.file}": Stored(entry.size, entry.checksum) for entry in self.entries if entry.file}

    def encode(self) -> bytes:
        """The manifest as JSON."""
        entries = [
            {name: value for name, value in vars(entry).items() if value not in {None, "", 0}} for entry in self.entries
        ]
        shard = self.shard and [self.shard[0], vars(self.shard[1])]
        plain = {
            "version": VERSION,
            "number": self.number,
            "layout": vars(self.layout),
            "records": self.records,
            "shard": shard,
            "entries": entries,
        }
        return json.dumps(plain, ensure_ascii=False).encode()

    @classmethod
    def decode(cls, content: bytes) -> PartManifest:
        """Reads a manifest; raises a `ValueError` if it is damaged, or of a later version."""
        try:
            plain = json.loads(content)
            if plain["version"] != VERSION:
                raise ValueError(f"version {plain['version']} of the manifest")
            shard = plain["shard"] and (plain["shard"][0], Stored(**plain["shard"][1]))
            entries = tuple(Entry(**entry) for entry in plain["entries"])
            return cls(plain["number"], Layout(**plain["layout"]), plain["records"], entries, shard)
        except (KeyError, TypeError, IndexError) as problem:
            raise ValueError(f"a damaged manifest: {problem}") from None


@dataclass(frozen=True)
class PartResult:
    """What became of a part, without the list of its items.

    Attributes:
        number: The part.
        images: How many images it has.
        files: How many files.
        size: Their bytes.
        manifest: The manifest as a file.
        was_written: Whether it was written; else it was complete already.
        endings: How many images there are of each file format.
        failures: The items that could not be written: the number of each in the part, from 1, its key, and why.
    """

    number: int
    images: int
    files: int
    size: int
    manifest: Stored
    was_written: bool
    endings: Mapping[str, int] = field(default_factory=dict)
    failures: tuple[tuple[int, str, str], ...] = ()

    @classmethod
    def of(cls, manifest: PartManifest, content: bytes, *, was_written: bool) -> PartResult:
        """The result of a part with this manifest, which is also given as it is written."""
        files = manifest.files.values()
        return cls(
            manifest.number,
            len(manifest.entries) - len(manifest.failed),
            len(files),
            sum(file.size for file in files),
            Stored(len(content), hashlib.sha256(content).hexdigest()),
            was_written,
            Counter((entry.file or "").rpartition(".")[2] for entry in manifest.entries if entry.file),
            tuple(
                (number, entry.key, entry.error)
                for number, entry in enumerate(manifest.entries, start=1)
                if entry.error is not None
            ),
        )


def manifest_name(number: int) -> str:
    """The name of a part's manifest in the dataset."""
    return f"{PARTS}/{number:06}.json"


def shard_name(part: Part) -> str:
    """The name of the one file of a part, in the formats that have one."""
    return f"data-{part.name}.tar" if part.layout.format == "webdataset" else f"{SHARDS}/part-{part.name}.parquet"


def read_manifest(target: Target, number: int) -> PartManifest | None:
    """The manifest of a part that a target has; None if it has none, or a damaged one."""
    content = target.read(manifest_name(number))
    try:
        return None if content is None else PartManifest.decode(content)
    except ValueError:
        return None


def find_parts(target: Target) -> list[int]:
    """The numbers of the parts that a target has, in order."""
    names = (name.removesuffix(".json") for name in target.sizes(PARTS))
    return sorted(int(name) for name in names if name.isdecimal() and name.isascii())


def check_layout(layout: Layout, found: Mapping[str, object], target: Target) -> None:
    """Raises a `UsageError` if something else was chosen for what a target has."""
    other = {name: found.get(name) for name, value in vars(layout).items() if found.get(name) != value}
    if other:
        options = ", ".join(f"{name}={value!r}" for name, value in other.items())
        raise UsageError(f"{target} holds another export, with {options}.", hint=OVERWRITE_HINT)


def check_same(part: Part, found: PartManifest, target: Target) -> None:
    """Raises a `UsageError` if what a target has of a part is not all in this one, in this order."""
    check_layout(part.layout, vars(found.layout), target)
    keys = iter(part.keys)
    for number, entry in enumerate(found.entries, start=part.number * part.layout.part_size + 1):
        if entry.key not in keys:  # which goes on after the last one that was found
            raise UsageError(
                f"{target} holds another export: its image {number:,} is not in the same place of this export.",
                hint=OVERWRITE_HINT,
            )


def is_complete(part: Part, found: PartManifest | None, target: Target) -> bool:
    """Whether a target has all of a part, as far as sizes tell; `verify_dataset` reads everything."""
    return (
        found is not None
        and found.layout == part.layout
        and found.records == part.records_checksum
        and [entry.key for entry in found.entries] == part.keys
        and not found.failed
        and all(map(_has_same_image, part.items, found.entries, [part.layout.is_exact] * len(part.items)))
        and find_sizes(found, target) == {name: file.size for name, file in found.files.items()}
    )


def find_reusable(part: Part, found: PartManifest | None, target: Target) -> dict[str, Entry]:
    """The items of a part whose own files a target has already, by their keys."""
    if found is None or found.layout != part.layout or found.shard is not None:
        return {}
    sizes, entries = find_sizes(found, target), {entry.key: entry for entry in found.entries}
    return {
        key: entry
        for key, item in zip(part.keys, part.items, strict=True)
        if (entry := entries.get(key))
        and sizes.get(f"{IMAGES}/{part.name}/{entry.file}") == entry.size
        and _has_same_image(item, entry, part.layout.is_exact)
    }


def find_sizes(manifest: PartManifest, target: Target) -> dict[str, int]:
    """The sizes of the files of a part that a target has, by their names in the dataset."""
    if manifest.shard is not None:
        size = target.size(manifest.shard[0])
        return {} if size is None else {manifest.shard[0]: size}
    folder = f"{IMAGES}/{manifest.number:06}"
    listed = target.sizes(folder)
    return {name: size for name in manifest.files if (size := listed.get(name.rpartition("/")[2])) is not None}


def _has_same_image(item: DatasetItem, entry: Entry, is_exact: bool) -> bool:  # noqa: FBT001  mapped over
    return not is_exact or item.checksum is None or not entry.checksum or entry.checksum == item.checksum


def _key_of(item: DatasetItem) -> str:
    image = item.image
    if _PLAIN_ID.fullmatch(image.task_id):
        return f"{image.task_id.lower()}-{image.index + 1}"
    if image.task_id:
        return f"{_digest_of(image.task_id.encode('utf-8', 'replace'))}-{image.index + 1}"
    if image.url is not None:
        # Behind it is a signature that is another one each time.
        return _digest_of(image.url.partition("?")[0].encode("utf-8", "replace"))
    return (item.checksum or _digest_of(image.data or b""))[:_KEY_DIGITS]


def _digest_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:_KEY_DIGITS]
