"""Marks that are set in the panel are in the library at once, can be taken back, and filter what is shown."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest

from seedream_nb import Explorer, SeedreamClient, explore
from seedream_nb.library import Library, Marks
from seedream_nb.library.search import Query, SearchOrder
from seedream_nb.panels.collection_bar import to_filter, to_query
from seedream_nb.panels.filters import Filter
from seedream_nb.panels.marking import Change, Marking
from seedream_nb.protocol.cards import Sort
from tests.panels.support import QUICKLY, join_jobs, keys_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from seedream_nb import Sandbox

SMALL = "64x48"


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with Library(tmp_path / "library") as opened:
        yield opened


@pytest.fixture
def panel(sandbox: Sandbox, library: Library) -> Iterator[Explorer]:
    """A panel on a library, with a set of two images and, created before it, another task."""
    with SeedreamClient(sandbox.token, sandbox.url, library=library) as client:
        ids = [
            sandbox.add_task("a set", size=SMALL, images=2, created_at=1_700_000_001),
            sandbox.add_task("a dog", size=SMALL, created_at=1_700_000_000),
        ]
        opened = explore(client, client.retrieve_batch(ids), pace=QUICKLY)
        yield opened
        opened.close()


def tell(panel: Explorer, kind: str, **content: object) -> list[dict[str, Any]]:
    """Sends a message as the browser would; returns what is answered."""
    sent: list[dict[str, Any]] = []

    def record(answer: dict[str, Any], _buffers: object = None) -> None:
        sent.append(answer)

    panel.grid.send = record  # instead of a browser
    panel.grid._handle_custom_msg({"type": kind, **content}, [])
    return sent


def mark(panel: Explorer, how: str, value: object = "", **content: object) -> str:
    """Marks as the browser would; returns what is announced."""
    sent = tell(panel, "mark", how=how, value=value, **content)
    (text,) = [one["text"] for one in sent if one["type"] == "notify"]
    return str(text)


def marks_in(panel: Explorer) -> list[dict[str, Any]]:
    """The marks of the cards shown, as the browser gets them."""
    (answer,) = tell(panel, "window", first=0, last=99, version=panel.grid.version)
    return [card["marks"] for card in answer["cards"]]


def test_one_card_is_marked_at_once(panel: Explorer, library: Library) -> None:
    first, second, _dog = keys_of(panel)
    assert mark(panel, "rate", 4, keys=[second]) == "Rated the image ★★★★."
    assert mark(panel, "tag", "to print, Cat", keys=[second]) == "Tagged the image with 'to print', 'Cat'."
    assert mark(panel, "note", "the paws", keys=[second]) == "Added the note to the image."
    assert mark(panel, "reject", keys=[first]) == "Rejected the image."
    task_id = first.partition("/")[0]
    assert library.marks_of(task_id) == {
        (task_id, 0): Marks(rejected=True),
        (task_id, 1): Marks(("Cat", "to print"), 4, "the paws"),
    }
    assert marks_in(panel)[1] == {"rating": 4, "tags": ["Cat", "to print"], "rejected": False, "note": "the paws"}
    assert mark(panel, "untag", "cat", keys=[second]) == "Removed 'cat' from the image."
    assert mark(panel, "rate", 0, keys=[second]) == "Removed the rating of the image."
    assert mark(panel, "reject", keys=[first]) == "Removed the rejection of the image."
    assert library.marks_of(task_id) == {(task_id, 1): Marks(("to print",), None, "the paws")}


def test_the_selection_is_marked_and_that_is_undone(panel: Explorer, library: Library) -> None:
    keys = keys_of(panel)
    mark(panel, "rate", 2, keys=[keys[0]])
    before = library.marks_of(panel.tasks)
    panel._state.select(keys)
    assert mark(panel, "rate", 5) == "Rated 3 images ★★★★★."
    assert mark(panel, "reject") == "Rejected 3 images."
    assert [one["rating"] for one in marks_in(panel)] == [5, 5, 5]
    texts = [tell(panel, "undo")[-1]["text"] for _time in range(4)]
    assert texts[:2] == ["Undone: Rejected 3 images.", "Undone: Rated 3 images ★★★★★."]
    assert texts[2:] == ["Undone: Rated the image ★★.", "There is no mark to undo."]
    assert before == {(keys[0].partition("/")[0], 0): Marks(rating=2)}
    assert library.marks_of(panel.tasks) == {}


def test_marks_filter_and_sort(panel: Explorer) -> None:
    first, second, dog = keys_of(panel)
    mark(panel, "rate", 3, keys=[second])
    mark(panel, "rate", 5, keys=[dog])
    mark(panel, "tag", "a", keys=[first])
    mark(panel, "reject", keys=[first])

    def shown(**wanted: Any) -> list[str]:
        panel.filter_bar.show(Filter(**wanted), Sort.RATING)
        state = panel._state
        return [card.key for card in state.read(state.arrangement.numbers) if card is not None]

    assert shown() == [dog, second, first]
    assert shown(rating=4) == [dog]
    assert shown(tags=("a",)) == [first]
    assert shown(rejected=False) == [dog, second]
    assert shown(rejected=True) == [first]
    assert ("a (1)", "a") in panel.filter_bar.tag.options
    panel.filter_bar.clear()
    assert panel._state.arrangement.total == len(panel._state.arrangement.numbers) == 3


def test_the_library_is_filtered_alike(panel: Explorer) -> None:
    _first, second, dog = keys_of(panel)
    panel.tabs.value = "Library"
    join_jobs()
    mark(panel, "rate", 3, keys=[second])
    mark(panel, "reject", keys=[dog])
    panel.filter_bar.show(Filter(rating=3), Sort.NEWEST)
    assert [card.key for card in panel._state.read(panel._state.arrangement.numbers) if card] == [second]
    assert panel.filter_bar.rejected.label == "Shown"  # an empty menu says nothing
    panel.filter_bar.show(Filter(rejected=False), Sort.RATING)
    assert [one["rating"] for one in marks_in(panel)] == [3, 0]


def test_filters_are_saved_as_a_collection(panel: Explorer, library: Library) -> None:
    mark(panel, "rate", 4, keys=[keys_of(panel)[2]])
    panel.filter_bar.show(Filter(text="dog", rating=4), Sort.RATING)
    panel.collection_bar._save({"name": "  the best"})
    assert library.collections() == {"the best": Query("dog", rating=4, sort=SearchOrder.RATING)}
    assert [task.prompt for task in library.search(collection="the best")] == ["a dog"]
    panel.filter_bar.clear()
    panel.collection_bar.chosen.value = ""
    panel.collection_bar.chosen.value = "the best"
    assert panel.filter_bar.read() == (Filter(text="dog", rating=4), Sort.RATING)
    panel.collection_bar.remove.click()
    assert library.collections() == {}
    assert list(panel.collection_bar.chosen.options) == [("None", "")]


def test_a_search_is_the_same_filter_again() -> None:
    wanted = Filter("a", "m", "failed", "", None, None, ("x",), 2, rejected=False)
    assert to_filter(to_query(wanted, Sort.RATING, None), None) == (wanted, Sort.RATING)


def test_what_is_wrong_is_said_and_changes_nothing(panel: Explorer, library: Library) -> None:
    (key, *_others) = keys_of(panel)
    assert "not a valid tag" in mark(panel, "tag", "x" * 101, keys=[key])
    assert tell(panel, "mark", how="paint", keys=[key]) == tell(panel, "mark", how="rate", value=[1], keys=[key]) == []
    assert mark(panel, "rate", 9, keys=[key]) == "Removed the rating of the image."
    assert library.marks_of(panel.tasks) == {}


def test_an_image_that_is_not_in_the_library_is_not_marked(panel: Explorer, sandbox: Sandbox, library: Library) -> None:
    panel.add(sandbox.add_task("later", ready_in=3600))
    keys = keys_of(panel)
    message = "Only images in the library can be marked: the image is not there."
    assert mark(panel, "rate", 4, keys=[keys[-1]]) == message
    panel._state.select(keys)
    assert mark(panel, "rate", 4) == "Rated 3 images ★★★★. Only images in the library can be marked: 1 left out."
    assert len(library.marks_of(panel.tasks)) == 3


def test_without_a_library_one_sentence_says_so(sandbox: Sandbox) -> None:
    with SeedreamClient(sandbox.token, sandbox.url, library="off") as client:
        opened = explore(client, client.retrieve(sandbox.add_task("a cat", size=SMALL)), pace=QUICKLY)
        try:
            text = mark(opened, "rate", 4, keys=keys_of(opened))
            assert text == "The library is turned off: images can't be marked."
            assert tell(opened, "tags") == []
        finally:
            opened.close()


def test_so_many_changes_can_be_undone(panel: Explorer, library: Library) -> None:
    marking = Marking(panel.client.cache, lambda: None)
    cards = panel._state.find(keys_of(panel))
    for stars in itertools.islice(itertools.cycle("12345"), 120):
        marking.apply(cards[:1], Change("rate", stars))
    assert sum(marking.undo() != "There is no mark to undo." for _time in range(120)) == 100
    assert library.marks(cards[0].task).rating == 5  # of the twentieth change
