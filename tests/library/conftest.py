"""A library with a little of everything in it: filled once over HTTP, and copied for each test."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from seedream_nb import Sandbox, SeedreamClient
from seedream_nb.library import Library, LibraryCache, LibraryFetcher

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

THUMBNAIL = 64  # pixels

CAT = "11111111-1111-4111-8111-111111111111"  # two images
KITE = "22222222-2222-4222-8222-222222222222"  # a PNG
ROOF = "33333333-3333-4333-8333-333333333333"  # old, and in Chinese
REFUSED = "44444444-4444-4444-8444-444444444444"  # failed
INLINE = "55555555-5555-4555-8555-555555555555"  # without a link
EDIT = "66666666-6666-4666-8666-666666666666"  # refers to the kite
EVERY = (CAT, KITE, ROOF, REFUSED, INLINE, EDIT)
ORIGINALS = 6  # two of the cat, one of each other that did not fail
LONG_AGO = 1_700_000_000.0  # Unix seconds; later ones follow a minute apart


@pytest.fixture(scope="session")
def _template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("filled") / "library"
    with Sandbox() as sandbox, SeedreamClient(sandbox.token, sandbox.url) as client, Library(folder) as library:
        sandbox.add_task("a white siamese cat", task_id=CAT, size="320x240", images=2, created_at=LONG_AGO + 300)
        sandbox.add_task(
            "A red kite!", task_id=KITE, size="300x200", output_format="png", created_at=LONG_AGO + 240, model="other-4"
        )
        sandbox.add_task("屋顶上的暹罗猫", task_id=ROOF, size="240x240", created_at=LONG_AGO)
        sandbox.add_task("a secret", task_id=REFUSED, error=("OutputRiskDetection", "No."), created_at=LONG_AGO + 120)
        sandbox.add_task("a quiet harbour", task_id=INLINE, size="256x192", in_base64=True, created_at=LONG_AGO + 60)
        kite = client.retrieve(KITE).images[0].url
        sandbox.add_task(
            "the kite in blue",
            task_id=EDIT,
            size="300x200",
            created_at=LONG_AGO + 180,
            model="doubao-seededit-3-0-i2i-250628",
            request={"image": kite, "seed": 7},
        )
        tasks = client.retrieve_batch(EVERY)
        library.keep(tasks)
        fetcher = LibraryFetcher(LibraryCache(library))
        for task in tasks:
            for image in task.good_images:
                fetcher.thumbnail(image, THUMBNAIL)
    return folder


@dataclass(frozen=True)
class Filled:
    """A library of a test's own, and where its files lie."""

    library: Library

    @property
    def folder(self) -> Path:
        return self.library.location

    def originals(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in (self.folder / "originals").glob("??/*")}

    def thumbnails(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in (self.folder / "thumbnails").glob("??/*")}

    def original_of(self, task_id: str, place: int = 0) -> bytes | None:
        return self.library.original(self.library.find([task_id])[task_id].images[place])

    def path_of(self, task_id: str, place: int = 0) -> Path:
        """Where an original lies."""
        content = self.original_of(task_id, place)
        return next(path for path in (self.folder / "originals").glob("??/*") if path.read_bytes() == content)


@pytest.fixture
def filled(_template: Path, tmp_path: Path) -> Iterator[Filled]:
    folder = tmp_path / "filled"
    shutil.copytree(_template, folder)
    with Library(folder) as library:
        yield Filled(library)


@pytest.fixture
def library(filled: Filled) -> Library:
    return filled.library


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Library]:
    with Library(tmp_path / "empty") as opened:
        yield opened
