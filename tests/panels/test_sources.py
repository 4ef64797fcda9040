"""The library and the history as sources of cards: the same grid for all, and nothing is read in vain."""

from __future__ import annotations

import dataclasses
import datetime as dt
import itertools
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedream_nb import Library, Task, TaskImage, TaskStatus
from seedream_nb.panels.cards import describe
from seedream_nb.panels.collection import Collection
from seedream_nb.panels.filters import Filter
from seedream_nb.panels.history_source import PAGE, HistorySource
from seedream_nb.panels.lazy import LazySequence
from seedream_nb.panels.library_source import LibrarySource
from seedream_nb.panels.state import FEW, ExplorerState, Selection
from seedream_nb.protocol.cards import Sort
from tests.panels.support import layered

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from seedream_nb.library.catalog import CatalogCard
    from seedream_nb.panels.sources import Source
    from seedream_nb.panels.state import Part

ALL = Filter()
BEGIN = dt.datetime(2026, 11, 1, 12, tzinfo=dt.timezone.utc)


def make_task(number: int, images: int = 1, **known: object) -> Task:
    task_id = f"{number:08x}-0000-4000-8000-000000000000"
    prompt = f"a {('cat', 'dog', 'boat')[number % 3]} {number}"
    links = [f"https://x.example/{number}-{place}.jpg" for place in range(images)]
    found = tuple(TaskImage(task_id, place, url=link, prompt=prompt) for place, link in enumerate(links))
    created = BEGIN + dt.timedelta(hours=number)
    request: dict[str, object] = {"prompt": prompt}
    task = Task(task_id, TaskStatus.SUCCEEDED, found, prompt=prompt, request=request, created_at=created)
    return dataclasses.replace(task, **known)  # type: ignore[arg-type]  # as the test says


def pending(number: int) -> Task:
    return make_task(number, 0, status=TaskStatus.PENDING)


def keys_in(source: Source, wanted: Filter = ALL, sort: Sort = Sort.NEWEST) -> list[str]:
    return [card.key if card else "?" for card in source.read(source.find(wanted, sort))]


# The library


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path / "library")


TASKS = [*(make_task(number, 1 + number % 3) for number in range(12)), layered("layers", "red", "blue")]


def test_the_library_shows_the_same_cards_as_its_tasks_in_memory(library: Library) -> None:
    tasks = TASKS[::2] + TASKS[1::2]
    library.keep(tasks)
    source, memory = LibrarySource(library), Collection()
    memory.put(library.find([task.id])[task.id] for task in tasks)
    for one in (source, memory):
        one.set_zone(ZoneInfo("Asia/Tokyo"))
    day = BEGIN.date()
    filters = (Filter(), Filter("CAT"), Filter("boat 1"), Filter(status="succeeded"), Filter("nothing"))
    days = (day, dt.date.min, dt.date.max)
    for wanted in (*filters, *(Filter(since=one) for one in days), *(Filter(until=one) for one in days)):
        for sort in Sort:
            assert keys_in(source, wanted, sort) == keys_in(memory, wanted, sort), (wanted, sort)
    assert source.total == memory.total
    assert {card.key: describe(card) for card in source.read(source.find(Filter(), Sort.ADDED)) if card} == {
        card.key: describe(card) for card in memory.cards
    }
    assert source.choices().statuses == memory.choices().statuses
    for key in keys_in(memory):
        (card,) = source.read([source.number_of(key) or 0])
        assert card is not None
        assert card.key == key


def test_only_windows_are_read(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    library.keep(make_task(number) for number in range(300))
    state = ExplorerState(lambda _part: None)
    source = LibrarySource(library)
    read: list[int] = []
    read_whole = library.catalog.read

    def count(numbers: Sequence[int]) -> list[CatalogCard | None]:
        read.append(len(numbers))
        return read_whole(numbers)

    monkeypatch.setattr(library.catalog, "read", count)
    state.open(source)
    state.show(Filter("a"), Sort.OLDEST)
    state.select_all()
    assert (len(state.arrangement.numbers), len(state.selection), len(source.tasks), sum(read)) == (300, 300, 300, 0)
    images = state.selected_images
    assert images[0].task_id == make_task(0).id
    assert sum(read) == 200
    assert len(images) == 300
    assert [image.task_id for image in images[298:]] == [make_task(298).id, make_task(299).id]
    assert source.tasks[0] == make_task(299)


def test_a_task_in_progress_comes_first_and_keeps_its_selection_once_it_is_stored(library: Library) -> None:
    library.keep(make_task(1))
    parts: list[Part] = []
    state = ExplorerState(parts.append)
    source = LibrarySource(library)
    state.open(source)
    state.put([pending(0)])
    state.reveal([pending(0)])
    assert state.revealed == f"{pending(0).id}/0"
    assert keys_in(source) == [f"{pending(0).id}/0", f"{make_task(1).id}/0"]
    assert [task.id for task in state.pending] == [pending(0).id]
    state.toggle(f"{pending(0).id}/0")
    library.keep(make_task(0, 2))
    state.put([make_task(0, 2)])
    assert keys_in(source) == [f"{make_task(1).id}/0", f"{make_task(0).id}/0", f"{make_task(0).id}/1"]
    assert (state.selected_keys(9), state.pending) == ([f"{make_task(0).id}/0"], [])
    assert state.selected_images == make_task(0, 2).images[:1]
    # The panel's own tasks have it, too.
    state.open()
    assert state.first_tasks() == (make_task(0, 2),)


def test_what_another_kernel_stores_or_removes_appears(library: Library) -> None:
    library.keep(make_task(number) for number in range(3))
    state = ExplorerState(lambda _part: None)
    source = LibrarySource(library)
    state.open(source)
    state.select_all()
    assert not source.has_changed()
    other = Library(library.location)
    other.keep(make_task(9))
    other.remove([make_task(1).id])
    assert source.has_changed()
    state.refresh(source.renew)
    assert not source.has_changed()
    assert keys_in(source) == [f"{make_task(number).id}/0" for number in (9, 2, 0)]
    assert state.selected_keys(9) == [f"{make_task(number).id}/0" for number in (2, 0)]
    other.rate(make_task(0), 5)
    assert source.has_changed()


def test_each_source_keeps_its_selection(library: Library) -> None:
    library.keep(make_task(number) for number in range(3))
    state = ExplorerState(lambda _part: None)
    state.put([make_task(7)])
    state.select_all()
    source = LibrarySource(library)
    state.open(source)
    assert len(state.selection) == 0
    state.select_all()
    state.open()
    assert state.selected_images == make_task(7).images
    state.open(source)
    assert len(state.selection) == 3


# The history


class Service:
    """A history of tasks that grows, and how often it was queried."""

    def __init__(self, count: int, *, counts_pages: bool = False) -> None:
        self.tasks = [make_task(number) for number in range(count)]
        self.offsets: list[int] = []
        self._counts_pages = counts_pages

    def answer(self, source: HistorySource, offset: int) -> None:
        self.offsets.append(offset)
        page = self.tasks[::-1][offset : offset + PAGE]
        source.insert(offset, page, len(page) if self._counts_pages else len(self.tasks))

    def load(self, source: HistorySource) -> None:
        while (offset := source.next_page()) is not None:
            self.answer(source, offset)


def open_history(service: Service) -> HistorySource:
    source = HistorySource(lambda: service.load(source))
    service.answer(source, 0)
    return source


def shown(source: HistorySource, first: int, last: int) -> list[str]:
    return [card.key if card else "?" for card in source.read(source.find(Filter(), Sort.NEWEST)[first : last + 1])]


def want(source: HistorySource, first: int, last: int) -> None:
    source.want(source.find(Filter(), Sort.NEWEST)[first : last + 1])


def test_only_pages_in_view_are_fetched() -> None:
    service = Service(10_000)
    source = open_history(service)
    assert (source.total, len(source.tasks), service.offsets) == (10_000, PAGE, [0])
    assert shown(source, 7010, 7011) == ["?", "?"]
    want(source, 7010, 7020)
    assert shown(source, 7010, 7011) == [f"{make_task(10_000 - 1 - place).id}/0" for place in (7010, 7011)]
    assert service.offsets == [0, 7000]
    want(source, 7010, 7020)
    want(source, 9990, 9999)
    assert service.offsets == [0, 7000, 9950]
    assert shown(source, 9999, 9999) == [f"{make_task(0).id}/0"]


def test_tasks_that_came_meanwhile_push_nothing_out() -> None:
    service = Service(500)
    source = open_history(service)
    service.tasks += [make_task(1000 + number) for number in range(7)]
    want(source, 120, 130)
    assert shown(source, 120, 130) == [f"{make_task(499 - place).id}/0" for place in range(120, 131)]
    # The panel's own come first.
    source.put([make_task(1006), pending(2000)])
    assert shown(source, 0, 2) == [f"{make_task(number).id}/0" for number in (2000, 1006, 499)]


@given(st.integers(0, 400), st.lists(st.tuples(st.integers(0, 10), st.integers(0, 500)), max_size=6))
def test_whatever_is_looked_at_each_task_is_there_once_in_its_place(count: int, visits: list[tuple[int, int]]) -> None:
    service = Service(count)
    source = open_history(service)
    for more, place in visits:
        service.tasks += [make_task(len(service.tasks)) for _ in range(more)]
        want(source, place, place + 20)
        numbers = source.find(Filter(), Sort.NEWEST)
        assert all(card is not None for card in source.read(numbers[place : place + 21]))
    keys = [key for key in shown(source, 0, source.total) if key != "?"]
    assert len(set(keys)) == len(keys)
    assert keys == sorted(keys, reverse=True)


@pytest.mark.parametrize("count", [0, 3, PAGE, PAGE + 1, 3 * PAGE])
def test_a_service_that_counts_only_the_page_is_read_to_its_end(count: int) -> None:
    service = Service(count, counts_pages=True)
    source = open_history(service)
    for _ in range(10):
        want(source, source.total - 1, source.total)
    assert shown(source, 0, 999) == [f"{make_task(count - 1 - place).id}/0" for place in range(count)]


def test_a_filter_says_what_it_covers() -> None:
    source = open_history(Service(500))
    assert source.note == ""
    assert len(source.find(Filter("cat"), Sort.NEWEST)) == 17
    assert (source.note, source.total) == ("among the 50 of 500 tasks loaded", 50)
    source.find(Filter(), Sort.NEWEST)
    assert (source.note, source.total) == ("", 500)


def test_after_an_error_pages_are_fetched_when_they_are_looked_at_again() -> None:
    service = Service(500)
    calls: list[str] = []
    source = HistorySource(lambda: calls.append("load"))
    service.answer(source, 0)
    want(source, 100, 110)
    want(source, 200, 210)
    assert calls == ["load"]
    source.fail()
    assert source.next_page() is None
    want(source, 100, 110)
    assert calls == ["load", "load"]
    assert source.next_page() == 100


# Selections and lazy sequences


@given(st.lists(st.integers(0, 30), unique=True), st.lists(st.integers(0, 30)))
def test_runs_are_the_selected_places(order: list[int], chosen: list[int]) -> None:
    runs = Selection(chosen).runs(order)
    places = [place for first, last in runs for place in range(first, last + 1)]
    assert places == [place for place, number in enumerate(order) if number in chosen]
    assert all(run[1] + 1 < following[0] for run, following in itertools.pairwise(runs))


@given(st.lists(st.integers()), st.integers(-9, 9), st.slices(9))
def test_a_lazy_sequence_is_like_a_tuple(items: list[int], index: int, part: slice) -> None:
    lazy: Sequence[int] = LazySequence(lambda: iter(items))
    assert (len(lazy), list(lazy), tuple(lazy[part])) == (len(items), items, tuple(items)[part])
    try:
        expected: object = items[index]
    except IndexError:
        with pytest.raises(IndexError):
            lazy[index]
    else:
        assert lazy[index] == expected


def test_a_small_selection_is_a_tuple() -> None:
    state = ExplorerState(lambda _part: None)
    state.put(make_task(number) for number in range(FEW + 1))
    state.select_all()
    assert repr(state.selected_images) == f"<{FEW + 1} selected images>"
    state.toggle(state.selected_keys(1)[0])
    assert isinstance(state.selected_images, tuple)
