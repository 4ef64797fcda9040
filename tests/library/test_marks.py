"""Marks are searchable, protect their tasks, and change completely or not at all."""

from __future__ import annotations

import dataclasses
import json
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seedream_nb.core.errors import LibraryError, UsageError
from seedream_nb.core.models import Task, TaskStatus
from seedream_nb.library import Library
from seedream_nb.library.collections import from_json, to_json
from seedream_nb.library.marks import Marks, read_tags
from seedream_nb.library.removal import plan_eviction, remove
from seedream_nb.library.search import Query, SearchOrder
from tests.examples import examples
from tests.library.conftest import CAT, EDIT, EVERY, INLINE, KITE, REFUSED, ROOF

if TYPE_CHECKING:
    from collections.abc import Callable

    from seedream_nb.core.models import TaskImage
    from tests.library.conftest import Filled

FIRST, SECOND = (CAT, 0), (CAT, 1)
UNKNOWN = "99999999-9999-4999-8999-999999999999"


def found(
    library: Library, text: str = "", *, tags: str | tuple[str, ...] = (), rating: int | None = None
) -> list[str]:
    return [task.id for task in library.search(text, tags=tags, rating=rating)]


def test_a_task_has_no_marks_at_first(library: Library) -> None:
    assert library.marks(CAT) == Marks((), None, "")
    assert library.tags() == {}


def test_marks_are_read_back(library: Library) -> None:
    library.tag([CAT, KITE], "to print", "Favourite")
    library.rate(CAT, 4)
    library.note(CAT, "  the paws are wrong\n")
    assert library.marks(CAT) == Marks(("Favourite", "to print"), 4, "the paws are wrong")
    assert library.marks(KITE) == Marks(("Favourite", "to print"), None, "")
    library.tag(ROOF, "to print")
    assert list(library.tags().items()) == [("to print", 3), ("Favourite", 2)]


def test_a_search_finds_the_words_of_tags_and_notes_next_to_those_of_the_prompt(library: Library) -> None:
    library.tag(KITE, "für die Küche", "猫咪")
    library.note(CAT, "hang it beside the window")
    assert found(library, "kuche") == found(library, "咪") == found(library, "red küche") == [KITE]
    assert found(library, '"beside the window"') == found(library, "siamese wind") == [CAT]
    library.untag(KITE, "für die Küche")
    library.note(CAT, "in the hall")
    assert found(library, "kuche") == found(library, "window") == []
    assert (found(library, "猫咪"), found(library, "hall")) == ([KITE], [CAT])


def test_words_of_images_are_still_found_after_marking(library: Library) -> None:
    library.tag(INLINE, "calm")
    assert found(library, "harbour") == found(library, "calm harbour") == [INLINE]


def test_tags_and_ratings_narrow_a_search(library: Library) -> None:
    library.tag([CAT, KITE], "a")
    library.tag([KITE, ROOF], "b")
    library.rate([CAT, ROOF], 3)
    library.rate([KITE], 5)
    assert found(library, tags="a") == [CAT, KITE]
    assert found(library, tags=("a", "b")) == [KITE]
    assert (found(library, rating=3), found(library, rating=4)) == ([CAT, KITE, ROOF], [KITE])
    assert library.count(Query(tags=("A",))) == 2


@pytest.mark.parametrize(
    ("first", "second"),
    [("Siamese", "sIAMESE"), ("Straße", "STRASSE"), ("café", "cafe\u0301"), ("to  print ", "To print")],
)
def test_one_tag_has_one_spelling(library: Library, first: str, second: str) -> None:
    library.tag(CAT, first)
    library.tag(KITE, second)
    (spelling,) = read_tags([first])
    assert library.tags() == {spelling: 2}
    assert found(library, tags=second) == [CAT, KITE]
    library.untag(CAT, second)
    assert library.tags() == {spelling: 1}


def test_marks_are_removed(library: Library) -> None:
    library.tag(CAT, "one", "two")
    library.rate(CAT, 2)
    library.note(CAT, "a note")
    library.untag([CAT, KITE], "one", "never given")
    assert library.marks(CAT) == Marks(("two",), 2, "a note")
    library.rate(CAT, None)
    assert library.marks(CAT) == Marks(("two",), None, "a note")
    library.note(CAT, " ")
    library.untag(CAT, "two")
    assert library.marks(CAT) == Marks()


def evict_all(library: Library) -> None:
    remove(library._database, library._images, lambda connection: plan_eviction(connection, budget=0))


def test_a_marked_task_keeps_its_originals_until_the_last_mark_is_gone(filled: Filled) -> None:
    library = filled.library
    library.tag(CAT, "a")
    library.rate(KITE, 1)
    library.note(ROOF, "b")
    evict_all(library)
    kept = [task_id for task_id in (CAT, KITE, ROOF, EDIT) if filled.original_of(task_id) is not None]
    assert kept == [CAT, KITE, ROOF]
    library.untag(CAT, "a")
    library.rate(KITE, None)
    library.note(ROOF, "")
    evict_all(library)
    assert [task_id for task_id in kept if filled.original_of(task_id) is not None] == []


def test_an_unknown_id_is_named_and_nothing_changes(library: Library) -> None:
    changes: tuple[Callable[[list[str]], None], ...] = (
        lambda ids: library.tag(ids, "a"),
        lambda ids: library.untag(ids, "kept"),
        lambda ids: library.rate(ids, 5),
        lambda ids: library.note(ids, "a note"),
    )
    library.tag(CAT, "kept")
    for change in changes:
        with pytest.raises(UsageError, match=f"{UNKNOWN}.*Nothing was changed"):
            change([CAT, UNKNOWN])
        assert library.marks(CAT) == Marks(("kept",))
    with pytest.raises(UsageError, match=UNKNOWN):
        library.marks(UNKNOWN)


def test_many_unknown_ids_are_counted(library: Library) -> None:
    with pytest.raises(UsageError, match="'a', 'b', 'c' and 2 more"):
        library.rate(["a", "b", "c", "d", "E"], 1)


@pytest.mark.parametrize("stars", [0, 6, -1, True, 2.5, "3"])
def test_other_numbers_are_not_valid_ratings(library: Library, stars: int) -> None:
    library.rate(CAT, 3)
    with pytest.raises(UsageError, match="is not a valid rating"):
        library.rate(CAT, stars)
    assert library.marks(CAT).rating == 3


@pytest.mark.parametrize("tags", [(), ("",), ("good", " \n"), ("x" * 101,), ("half \ud83d",)])
def test_an_invalid_tag_changes_nothing(library: Library, tags: tuple[str, ...]) -> None:
    with pytest.raises(UsageError):
        library.tag(CAT, *tags)
    assert library.marks(CAT) == Marks()


def test_an_empty_list_of_tasks_is_rejected(library: Library) -> None:
    with pytest.raises(UsageError, match="No tasks were given"):
        library.tag([], "a")


def test_ids_in_any_case_or_a_single_one(library: Library) -> None:
    library.tag(f" {CAT.upper()} ", "a")
    assert library.marks(CAT).tags == ("a",)


def test_marks_outlive_a_newer_record(library: Library) -> None:
    """The record is replaced by one with more images; the marks stay, and are still found."""
    library.tag(REFUSED, "again")
    task = library.find([CAT])[CAT]
    raw = {**task.raw, "id": REFUSED}
    assert library.keep(type(task)(**{**vars(task), "id": REFUSED, "raw": raw})) == 1
    assert found(library, "siamese again") == [REFUSED]


def test_a_read_only_library_cannot_be_marked(library: Library) -> None:
    with Library(library.location, read_only=True) as other, pytest.raises(LibraryError, match="is read-only"):
        other.tag(CAT, "a")


@settings(examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tag=st.text(max_size=30), note=st.text(max_size=200))
def test_any_text_is_stored_and_found_or_rejected(library: Library, tag: str, note: str) -> None:
    library.note(CAT, note)
    assert library.marks(CAT).note == note.encode("utf-8", "replace").decode().strip()
    try:
        library.tag(CAT, tag)
    except UsageError:
        return
    assert found(library, tags=tag) == [CAT]
    library.untag(CAT, tag)
    assert library.tags() == {}


def images_of(library: Library, task_id: str) -> tuple[TaskImage, ...]:
    return library.find([task_id])[task_id].images


def test_one_image_of_a_set_has_marks_of_its_own(library: Library) -> None:
    first, second = images_of(library, CAT)
    library.tag(second, "the best")
    library.rate([first, second], 3)
    library.rate(second, 5)
    library.note(second, "for the cover")
    library.reject(first)
    assert library.marks(first) == Marks((), 3, "", rejected=True)
    assert library.marks(second) == Marks(("the best",), 5, "for the cover")
    assert library.marks_of(CAT) == {FIRST: library.marks(first), SECOND: library.marks(second)}
    assert library.marks_of([first, KITE]) == {FIRST: library.marks(first)}
    assert library.marks_of([Task(" ", TaskStatus.SUCCEEDED), first]) == {FIRST: library.marks(first)}
    # Of the task as a whole: what any of its images has, but rejected only if all are.
    assert library.marks(CAT) == Marks(("the best",), 5, "for the cover")
    library.reject(second)
    assert library.marks(CAT).rejected
    library.reject(CAT, rejected=False)
    assert not library.marks(CAT).rejected


def test_a_task_with_some_of_its_images_stands_for_these(library: Library) -> None:
    task = library.find([CAT])[CAT]
    library.tag(dataclasses.replace(task, images=task.images[1:]), "second")
    assert list(library.marks_of(CAT)) == [SECOND]
    library.tag(dataclasses.replace(task, images=()), "as it was in progress")
    assert list(library.marks_of(CAT)) == [FIRST, SECOND]


def test_marks_are_set_exactly(library: Library) -> None:
    library.tag([CAT, KITE], "a", "b")
    library.rate(CAT, 2)
    before = library.marks_of([CAT, KITE])
    changed = {FIRST: Marks(("b", "C"), 5, "a note", rejected=True), SECOND: Marks(), (KITE, 0): Marks(("b",))}
    library.set_marks(changed)
    assert library.marks_of([CAT, KITE]) == {
        FIRST: Marks(("C", "b"), 5, "a note", rejected=True),
        (KITE, 0): Marks(("b",)),
    }
    assert found(library, "note") == [CAT]
    library.set_marks({**dict.fromkeys(changed, Marks()), **before})
    assert library.marks_of([CAT, KITE]) == before
    assert found(library, "note") == []
    library.set_marks({})


def test_set_tags_have_one_spelling_too(library: Library) -> None:
    library.set_marks({FIRST: Marks(("Cat", "cat ", "CAT")), SECOND: Marks(("cAT",))})
    assert library.tags() == {"Cat": 1}
    assert library.marks_of(CAT) == {FIRST: Marks(("Cat",)), SECOND: Marks(("Cat",))}


@pytest.mark.parametrize("wrong", [Marks(rating=6), Marks((" ",)), Marks(rating=True)])
def test_of_invalid_marks_none_are_set(library: Library, wrong: Marks) -> None:
    library.tag(CAT, "kept")
    before = library.marks_of(EVERY)
    with pytest.raises(UsageError):
        library.set_marks({(KITE, 0): Marks(rating=4), FIRST: wrong})
    with pytest.raises(UsageError, match="Nothing was changed"):
        library.set_marks({(KITE, 0): Marks(rating=4), (UNKNOWN, 0): Marks(rating=4)})
    assert library.marks_of(EVERY) == before


def shown(tasks: list[Task]) -> dict[str, list[int]]:
    return {task.id: [image.index for image in task.images] for task in tasks}


def test_a_search_for_marks_finds_single_images(library: Library) -> None:
    first, second = images_of(library, CAT)
    library.rate([second, KITE], 4)
    library.tag([first, KITE], "a")
    assert shown(library.search(rating=4)) == {CAT: [1], KITE: [0]}
    # One image must have all of them.
    assert shown(library.search(rating=4, tags="a")) == {KITE: [0]}
    assert shown(library.search("siamese", tags="a")) == {CAT: [0]}
    assert shown(library.search("siamese")) == {CAT: [0, 1]}


def test_rejected_images_are_found_or_left_out(library: Library) -> None:
    first, second = images_of(library, CAT)
    library.reject([first, KITE])
    library.rate([first, second], 3)
    assert shown(library.search(rejected=True)) == {CAT: [0], KITE: [0]}
    others = shown(library.search(rejected=False))
    assert others[CAT] == [1]
    assert set(others) == set(EVERY) - {KITE}
    assert shown(library.search(rating=3, rejected=False)) == {CAT: [1]}
    assert library.count(Query(rejected=False)) == len(EVERY) - 1


def test_the_best_come_first(library: Library) -> None:
    library.rate(ROOF, 5)
    library.rate(images_of(library, CAT)[1], 5)
    library.rate(EDIT, 2)
    newest = found(library)
    best = [task.id for task in library.search(sort="rating")]
    assert best[:3] == [CAT, ROOF, EDIT]
    assert best[3:] == [task_id for task_id in newest if task_id not in best[:3]]
    assert [task.id for task in library.search(sort="rating", limit=2, offset=1)] == [ROOF, EDIT]
    assert [task.id for task in library.search("siamese", sort="rating")] == [CAT]
    with pytest.raises(UsageError, match="Can't sort by 'best'"):
        library.search(sort="best")  # type: ignore[arg-type]  # what a user may type


def test_a_rejection_alone_protects_nothing(filled: Filled) -> None:
    library = filled.library
    library.reject([CAT, KITE])
    library.rate(images_of(library, CAT)[1], 1)
    evict_all(library)
    assert filled.original_of(CAT, 0) is not None
    assert filled.original_of(KITE) is None


def test_removing_a_task_removes_its_marks(library: Library) -> None:
    library.set_marks({FIRST: Marks(("a",), 1, "b", rejected=True), (KITE, 0): Marks(("a",))})
    task = library.find([CAT])[CAT]
    library.remove(CAT)
    assert library.tags() == {"a": 1}
    library.keep(task)
    assert library.marks_of(CAT) == {}


def test_a_saved_search_is_a_collection(library: Library) -> None:
    library.rate([CAT, KITE], 4)
    library.tag(KITE, "red")
    library.save_collection("the best", rating=4, sort="rating")
    library.save_collection(
        " the  best", "kite", since=datetime(2020, 1, 1, tzinfo=timezone.utc), rating=4, tags=["red"]
    )
    library.save_collection("Katzen", "siamese cat")
    assert list(library.collections()) == ["Katzen", "the best"]
    assert shown(library.search(collection="the best")) == {KITE: [0]}
    assert shown(library.search("white", collection="Katzen", rating=4)) == {CAT: [0, 1]}
    assert library.search("kite", collection="Katzen") == []
    library.remove_collection("Katzen")
    with pytest.raises(UsageError, match="There is no collection 'Katzen'") as caught:
        library.search(collection="Katzen")
    assert caught.value.hint == "Collections in this library: the best."
    for name in ("", " ", "x" * 101):
        with pytest.raises(UsageError, match="not a valid name"):
            library.save_collection(name, "a")


def test_a_collection_of_another_version_is_read_as_far_as_it_can_be() -> None:
    value = {"text": "cat", "rating": 9, "tags": ["a", " ", 3], "since": "now", "rejected": "no", "sort": "hue", "x": 1}
    assert from_json(value) == Query("cat", tags=("a",))
    assert from_json(["cat"]) == Query()


@settings(examples(60))
@given(
    st.builds(
        Query,
        text=st.text("ab ", max_size=5),
        model=st.none() | st.just("4.5"),
        since=st.none() | st.datetimes(timezones=st.just(timezone.utc)),
        tags=st.lists(st.sampled_from(["a", "b"]), max_size=2).map(tuple),
        rating=st.none() | st.integers(1, 5),
        status=st.none() | st.just("failed"),
        rejected=st.none() | st.booleans(),
        sort=st.none() | st.sampled_from(SearchOrder),
    )
)
def test_a_collection_is_the_search_that_was_saved(query: Query) -> None:
    assert from_json(json.loads(json.dumps(to_json(query)))) == query


ANY_MARKS = st.builds(
    Marks,
    tags=st.sets(st.sampled_from(["a", "b", "für die Küche"])).map(sorted).map(tuple),
    rating=st.none() | st.integers(1, 5),
    note=st.sampled_from(["", "a note", "屋顶"]),
    rejected=st.booleans(),
)


@settings(examples(10), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(marks=st.dictionaries(st.sampled_from([FIRST, SECOND, (KITE, 0), (REFUSED, 0)]), ANY_MARKS))
def test_an_archive_has_the_marks_of_each_image(
    library: Library, tmp_path_factory: pytest.TempPathFactory, marks: dict[tuple[str, int], Marks]
) -> None:
    library.set_marks({**dict.fromkeys(library.marks_of(EVERY), Marks()), **marks})
    folder = tmp_path_factory.mktemp("archive")
    library.export(folder / "archive", [CAT, KITE, REFUSED])
    with Library(folder / "other") as other:
        other.import_from(folder / "archive")
        assert other.marks_of(EVERY) == library.marks_of(EVERY)
        # Once more: nothing is doubled.
        other.import_from(folder / "archive")
        assert other.marks_of(EVERY) == library.marks_of(EVERY)
