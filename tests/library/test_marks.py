"""Marks are searchable, protect their tasks, and change completely or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seedream_nb.core.errors import LibraryError, UsageError
from seedream_nb.library import Library
from seedream_nb.library.marks import Marks, read_tags
from seedream_nb.library.removal import plan_eviction, remove
from seedream_nb.library.search import Query
from tests.examples import examples
from tests.library.conftest import CAT, EDIT, INLINE, KITE, REFUSED, ROOF

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.library.conftest import Filled

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
