"""The library as a DataFrame: one row for each image, and missing values stay missing."""

from __future__ import annotations

import sys
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from seedream_nb.core.errors import UsageError
from seedream_nb.core.models import Task, TaskImage, TaskStatus
from seedream_nb.library.frame import COLUMNS
from tests.library.conftest import CAT, EDIT, INLINE, KITE, LONG_AGO, REFUSED, ROOF

if TYPE_CHECKING:
    from seedream_nb.library import Library
    from tests.library.conftest import Filled


def test_each_image_and_each_task_without_images_has_a_row(filled: Filled) -> None:
    library = filled.library
    library.tag(CAT, "b", "a")
    library.rate(CAT, 4)
    library.note(KITE, "up")
    frame = library.to_frame()
    assert list(frame.columns) == list(COLUMNS)
    assert list(zip(frame["task_id"], frame["place"].fillna(-1), strict=True)) == [
        *((CAT, 0), (CAT, 1), (KITE, 0), (EDIT, 0), (REFUSED, -1), (INLINE, 0), (ROOF, 0))
    ]
    cat, kite, edit, refused, inline = (
        frame[frame["task_id"] == one].iloc[-1] for one in (CAT, KITE, EDIT, REFUSED, INLINE)
    )
    image = library.find([CAT])[CAT].images[1]
    assert (cat["prompt"], cat["model"], cat["size"], cat["link"]) == (image.prompt, image.model, image.size, image.url)
    assert (cat["rating"], cat["tags"], cat["note"]) == (4, ("a", "b"), "")
    assert cat["bytes"] == len(filled.original_of(CAT, 1) or b"")
    assert cat["created"] == datetime.fromtimestamp(LONG_AGO + 300, timezone.utc)
    assert (kite["tags"], kite["note"], edit["seed"]) == ((), "up", 7)
    assert (refused["status"], refused["prompt"]) == ("failed", "a secret")
    assert inline["bytes"] == len(filled.original_of(INLINE) or b"")
    assert pd.isna([kite["rating"], kite["seed"], refused["bytes"], refused["link"], inline["link"]]).all()
    assert set(frame[frame["rating"] >= 4]["task_id"]) == {CAT}


def test_only_the_given_tasks_are_included(filled: Filled) -> None:
    assert list(filled.library.to_frame(filled.library.search("kite"))["task_id"]) == [KITE, EDIT]


def test_a_removed_original_has_no_size(filled: Filled) -> None:
    filled.library.prune(larger=0)
    frame = filled.library.to_frame()
    assert set(frame[frame["bytes"].notna()]["task_id"]) == {INLINE}


def test_an_empty_library_has_the_same_columns(filled: Filled, empty: Library) -> None:
    assert len(empty.to_frame()) == 0
    assert dict(empty.to_frame().dtypes) == dict(filled.library.to_frame().dtypes)


def test_large_seeds_are_exact_beside_missing_ones(empty: Library) -> None:
    images = [
        TaskImage("x", index, url="https://x.example/a.jpg", seed=seed) for index, seed in enumerate((2**63 - 1, None))
    ]
    frame = empty.to_frame(
        [Task("x", TaskStatus.SUCCEEDED, tuple(images), created_at=datetime.max.replace(tzinfo=timezone.utc))]
    )
    assert int(frame["seed"][0]) == 2**63 - 1
    assert frame["created"][0].year == 9999


def test_without_pandas_the_hint_says_how_to_install_it(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)  # what Python itself notes of a module that must not be there
    with pytest.raises(UsageError, match="requires pandas") as caught:
        library.to_frame()
    assert caught.value.hint == "pip install pandas"
