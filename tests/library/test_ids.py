"""Tasks of the library are named by ids, the first characters of ids, tasks, images, and collections of these."""

from __future__ import annotations

import dataclasses
import sqlite3
from contextlib import closing
from typing import Any

import pandas as pd
import pytest

from seedream_nb import Gallery, TaskImage
from seedream_nb.core.errors import UsageError
from seedream_nb.library import Library
from seedream_nb.library.records import find_beginning
from tests.library.conftest import CAT, KITE

TWIN = CAT[:9] + KITE[9:]  # begins as the cat's id does


def test_tasks_images_and_beginnings_of_ids_are_marked(library: Library) -> None:
    cat, kite = library.find([CAT])[CAT], library.find([KITE])[KITE]
    for value in (CAT[:8], cat, cat.images[1], [[cat.images[1]]], ((CAT[:8].upper(),), CAT)):
        library.tag(value, "good")
        assert [task.id for task in library.search(tags="good")] == [CAT]
        library.untag(value, "good")
        assert not library.search(tags="good")
    library.rate([Gallery([cat, kite])], 4)
    assert {task.id for task in library.search(rating=4)} == {CAT, KITE}
    library.note(pd.Series([CAT, KITE[:8]]), "to print")
    assert library.marks(cat.images[0]).note == library.marks(KITE[:13]).note == "to print"
    assert cat in library
    assert CAT[:8] in library
    assert TWIN[:12] not in library
    assert library.weigh(Gallery(cat)) == library.weigh(CAT)
    assert library.export(library.location.parent / "some.zip", [cat, KITE[:8]]).tasks == 2
    assert library.remove(cat.images[0]).tasks == 1
    assert CAT not in library


@pytest.mark.parametrize("is_read_only", [False, True])
def test_a_beginning_of_several_ids_marks_nothing(library: Library, is_read_only: bool) -> None:  # noqa: FBT001  pytest's
    library.keep(dataclasses.replace(library.find([CAT])[CAT], id=TWIN, raw={}))
    given = Library(library.location, read_only=is_read_only)
    with pytest.raises(UsageError) as caught:
        given.find([KITE, CAT[:8]])
    for task_id in (CAT, TWIN):
        assert f"{task_id} (a white siamese cat, 2023-11-1" in caught.value.message
    assert given.find(TWIN[:10]).keys() == {TWIN[:10]}
    assert given.find([CAT[:10]])[CAT[:10]].id == CAT
    if not is_read_only:
        with pytest.raises(UsageError, match="is the beginning of several task ids"):
            library.rate([KITE, CAT[:8]], 3)
        assert library.marks(KITE).rating is None


def test_a_beginning_that_is_not_in_the_library_is_not_guessed(library: Library) -> None:
    with pytest.raises(UsageError, match="'abcdef01' is not the beginning of a task id known to the library"):
        library.tag("abcdef01", "good")
    assert library.find(["abcdef01"]) == {}


def test_a_beginning_is_looked_up_in_the_index(library: Library) -> None:
    asked: list[str] = []
    with closing(sqlite3.connect(library.location / "library.sqlite")) as connection:
        connection.set_trace_callback(asked.append)
        assert [task.id for task in find_beginning(connection, CAT[:8])] == [CAT]
        connection.set_trace_callback(None)
        plan = [step for *_ids, step in connection.execute(f"EXPLAIN QUERY PLAN {asked[0]}")]
    assert plan == ["SEARCH tasks USING INDEX sqlite_autoindex_tasks_1 (key>? AND key<?)"]


def test_a_frame_of_chosen_tasks_and_images(library: Library) -> None:
    cat, kite = library.find([CAT])[CAT], library.find([KITE])[KITE]
    frame = library.to_frame([Gallery(kite), [CAT[:8]], cat.images[1]])
    assert list(zip(frame["task_id"], frame["place"], strict=True)) == [(KITE, 0), (CAT, 0), (CAT, 1), (CAT, 1)]
    assert frame["status"].tolist() == ["succeeded"] * 4
    unknown: list[Any] = [TWIN, TaskImage(TWIN), [cat, TWIN[:12]]]
    for missing in unknown:
        with pytest.raises(UsageError, match="library"):
            library.to_frame(missing)
