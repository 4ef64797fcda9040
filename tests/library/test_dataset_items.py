"""The images of a library as the items of a dataset: where their bytes are, and what is recorded about them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from seedream_nb import Gallery, TaskImage
from seedream_nb.library.dataset_items import make_items
from seedream_nb.library.files import digest_of
from tests.library.conftest import CAT, INLINE, ORIGINALS

if TYPE_CHECKING:
    from pathlib import Path

    from seedream_nb.library import Library
    from tests.library.conftest import Filled


def test_items_name_the_files_of_their_originals(library: Library) -> None:
    items = list(make_items(library, library))
    assert len(items) == ORIGINALS
    for item in items:
        assert item.original is not None
        with open(item.original, "rb") as file:  # noqa: PTH123  as any other process would
            assert digest_of(file.read()) == item.checksum
    inline = next(item for item in items if item.image.task_id == INLINE)
    assert inline.image.data is None, "its bytes are in the file"


def test_images_that_are_not_stored_have_no_file(library: Library) -> None:
    images = [TaskImage("unknown", url="https://images.example/x.jpg"), TaskImage("", data=b"new")]
    assert library.find_files(images) == [None, None]
    task = library.find([CAT])[CAT]
    assert [item.original for item in make_items(None, [task])] == [None, None]


def test_a_library_exports_its_originals_and_marks(filled: Filled, tmp_path: Path) -> None:
    library = filled.library
    library.tag(CAT, "best")
    library.rate(CAT, 5)
    library.note(CAT, "for the cover")
    report = library.export_dataset(tmp_path / "out")
    rows = [json.loads(line) for line in (tmp_path / "out/metadata.jsonl").read_text("utf-8").splitlines()]
    assert report.images == len(rows) == ORIGINALS
    assert [row["created"] for row in rows] == sorted(row["created"] for row in rows), "the oldest first"
    marked = [(row["place"], row["rating"], row["tags"], row["note"]) for row in rows if row["task_id"] == CAT]
    assert marked == [(0, 5, ["best"], "for the cover"), (1, 5, ["best"], "for the cover")]
    written = sorted((tmp_path / "out" / row["file_name"]).read_bytes() for row in rows)
    assert written == sorted(filled.originals().values())
    assert library.export_dataset(tmp_path / "some", CAT[:8]).images == 2


def test_a_gallery_exports_from_its_library(library: Library, tmp_path: Path) -> None:
    gallery = Gallery(library.search())
    assert gallery.export_dataset(tmp_path / "out", format="webdataset").images == ORIGINALS
    assert gallery.export_dataset(tmp_path / "out", format="webdataset").new_parts == 0
