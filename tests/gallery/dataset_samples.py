"""Items of datasets, and what a dataset consists of."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from PIL import Image

from seedream_nb.core.models import TaskImage
from seedream_nb.library.dataset_items import DatasetItem
from tests.sample_images import encode

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

COLORS = 216


def tiny(number: int) -> bytes:
    """A JPEG of some hundred bytes; there are 216 different ones."""
    color = (number % 6 * 50, number // 6 % 6 * 50, number // 36 % 6 * 50)
    return encode(Image.new("RGB", (16, 16), color), "JPEG")


def make_originals(folder: Path) -> Path:
    """Writes all tiny images into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(COLORS):
        (folder / f"{number}.jpg").write_bytes(tiny(number))
    return folder


def sample_items(count: int, originals: Path | None, *, host: str = "") -> Iterator[DatasetItem]:
    """Items with tiny images: from a folder of originals, from a host, or from both in turn."""
    checksums = [hashlib.sha256(tiny(number)).hexdigest() for number in range(min(count, COLORS))]
    for number in range(count):
        color = number % COLORS
        is_stored = originals is not None and not (host and number % 2)
        yield DatasetItem(
            TaskImage(f"task-{number:06}", url=f"{host}/{color}.jpg" if host else None),
            {"prompt": f"a siamese cat, number {number}", "seed": number, "price": number / 100},
            str(originals / f"{color}.jpg") if originals is not None and is_stored else None,
            checksums[color],
        )


def contents_of(folder: Path) -> dict[str, str]:
    """The name and the checksum of every file in a folder."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }
