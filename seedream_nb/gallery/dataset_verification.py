"""Verifies a dataset: every file is read again, and compared with what was written."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seedream_nb.core.errors import UsageError
from seedream_nb.core.parallel import run_in_order
from seedream_nb.core.text import count_of, format_size
from seedream_nb.gallery.dataset_parts import (
    IMAGES,
    LAYOUT,
    MANIFEST,
    MOST_LISTED,
    VERSION,
    PartManifest,
    manifest_name,
    read_manifest,
)
from seedream_nb.gallery.dataset_target import CONTINUE_HINT, Stored, Target

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator, Mapping

THREADS = 16
AHEAD = 64  # files that are read, or were, before those in front of them


@dataclass(frozen=True)
class DatasetVerification:
    """What verifying a dataset has shown.

    Attributes:
        target: Its address.
        files: How many files were read.
        size: Their bytes.
        missing: Files that are listed and not there.
        changed: Files that have other content than when they were written.
        extra: Files that do not belong to the dataset; they do no harm by themselves, but a loader may read them.
    """

    target: str
    files: int
    size: int
    missing: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()

    @property
    def is_intact(self) -> bool:
        """Whether everything is there, as it was written."""
        return not self.missing and not self.changed

    def __str__(self) -> str:
        lines = [f"{count_of(self.files, 'file')} ({format_size(self.size)}) in {self.target} verified."]
        for what, names in (("Missing", self.missing), ("Changed", self.changed), ("Not part of it", self.extra)):
            if names:
                rest = f", and {len(names) - MOST_LISTED:,} more" if len(names) > MOST_LISTED else ""
                lines.append(f"{what}: {', '.join(names[:MOST_LISTED])}{rest}.")
        if not self.is_intact:
            lines.append("To restore them, delete the changed files and export again.")
        return "\n".join(lines)

    __repr__ = __str__


def verify_dataset(
    target: str | os.PathLike[str],
    *,
    storage_options: Mapping[str, Any] | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> DatasetVerification:
    """Reads every file of a dataset, and compares it with what was written.

    Args:
        target: Its folder or address, as for the export.
        storage_options: As for the export.
        on_progress: Called with the number of files that have just been read.

    Returns:
        What is missing, changed, or not part of it.

    Raises:
        UsageError: There is no finished export, or it cannot be read.

    Example:
        >>> report = gallery.export_dataset("siamese-cats")
        >>> verify_dataset("siamese-cats").is_intact
        True
    """
    place = Target.parse(target, storage_options)
    manifest = _read_whole_manifest(place)
    missing: list[str] = []
    changed: list[str] = []
    extra = _find_extra(place, manifest)
    files = size = 0
    checked = run_in_order(
        lambda pair: (*pair, place.measure(pair[0])),
        _listed_files(place, manifest, missing, changed),
        threads=THREADS,
        name="seedream-verify",
        ahead=AHEAD,
    )
    for name, stored, found in checked:
        if found is None:
            missing.append(name)
        elif found != stored:
            changed.append(name)
        files += found is not None
        size += found.size if found else 0
        if on_progress:
            on_progress(1)
    return DatasetVerification(
        str(place), files, size, tuple(sorted(missing)), tuple(sorted(changed)), tuple(sorted(extra))
    )


def _read_whole_manifest(place: Target) -> dict[str, Any]:
    content = place.read(MANIFEST)
    if content is None:
        raise UsageError(f"There is no finished export in {place}.", hint=CONTINUE_HINT)
    try:
        manifest: dict[str, Any] = json.loads(content)
        if manifest["version"] == VERSION:
            return manifest
    except (ValueError, KeyError, TypeError):
        pass
    raise UsageError(
        f"The manifest of {place} is damaged, or of a later version.", hint="Export again: what is intact stays."
    )


def _listed_files(
    place: Target, manifest: dict[str, Any], missing: list[str], changed: list[str]
) -> Iterator[tuple[str, Stored]]:
    """All files of a dataset; notes manifests of parts that are missing or changed."""
    for name, stored in manifest["files"].items():
        yield name, Stored(**stored)
    for part in manifest["parts"]:
        name = manifest_name(part["number"])
        content = place.read(name)
        if content is None:
            missing.append(name)
            continue
        if hashlib.sha256(content).hexdigest() != part["manifest"]["checksum"]:
            changed.append(name)
            continue
        yield from PartManifest.decode(content).files.items()


def _find_extra(place: Target, manifest: dict[str, Any]) -> list[str]:
    """The files that no manifest lists."""
    numbers = [part["number"] for part in manifest["parts"]]
    expected = {*manifest["files"], MANIFEST, LAYOUT, *map(manifest_name, numbers)}
    folders = {f"{IMAGES}/{number:06}": number for number in numbers}
    if manifest["layout"]["format"] != "imagefolder":
        found = (read_manifest(place, number) for number in numbers)
        expected.update(name for one in found if one is not None for name in one.files)
    extra: list[str] = []
    waiting = [""]
    while waiting:
        folder = waiting.pop()
        known = expected
        if folder in folders:
            one = read_manifest(place, folders[folder])
            known = set(one.files if one else ())
        beginning = f"{folder}/" if folder else ""
        extra += [f"{beginning}{name}" for name in place.sizes(folder) if f"{beginning}{name}" not in known]
        waiting += [f"{beginning}{name}" for name in place.folders(folder)]
    return extra
