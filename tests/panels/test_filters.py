"""Filters ignore case and are exact otherwise; no order loses or repeats a card."""

from __future__ import annotations

import datetime as dt
import time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedream_nb import Task, TaskImage, TaskStatus
from seedream_nb.panels.cards import make_cards
from seedream_nb.panels.collection import Collection
from seedream_nb.panels.filters import Filter, Traits, find, traits_of
from seedream_nb.protocol.cards import Sort
from tests.gallery import strategies

LITE = "doubao-seedream-5-0-lite-260128"
UTC = dt.timezone.utc


def traits(*tasks: Task) -> list[Traits]:
    return [traits_of(card) for number, task in enumerate(tasks) for card in make_cards(task, str(number))]


def finished(prompt: str = "", day: int | None = None, **known: str) -> Task:
    created = dt.datetime(2026, 11, day, 12, tzinfo=UTC) if day else None
    image = TaskImage("i", url="https://x.example/a.jpg")
    return Task(known.pop("id", "i"), TaskStatus.SUCCEEDED, (image,), prompt=prompt, created_at=created, **known)  # type: ignore[arg-type]


many = st.lists(strategies.tasks, max_size=3).map(lambda tasks: traits(*tasks))
filters = st.builds(
    Filter,
    text=strategies.texts,
    model=st.just("") | strategies.texts,
    status=st.sampled_from(["", *TaskStatus]),
    since=st.none() | st.dates(),
)


@given(many, st.sampled_from(Sort))
def test_no_order_loses_or_repeats_a_card(cards: list[Traits], sort: Sort) -> None:
    assert sorted(find(cards, Filter(), sort)) == list(range(len(cards)))


@given(many, filters, filters, st.sampled_from(Sort))
def test_a_match_meets_every_condition(cards: list[Traits], one: Filter, other: Filter, sort: Sort) -> None:
    both = Filter(f"{one.text} {other.text}", one.model, one.status, "", one.since)
    alone = find(cards, Filter(other.text), sort)
    assert find(cards, both, sort) == tuple(place for place in find(cards, one, sort) if place in alone)


@given(st.lists(strategies.tasks, min_size=1, max_size=3), st.data())
def test_each_word_of_a_prompt_finds_it(tasks: list[Task], data: st.DataObject) -> None:
    cards = traits(*tasks)
    task = data.draw(st.sampled_from(tasks))
    for word in {*task.prompt.split()[:5], *task.id.split()}:
        for variant in (word, word.casefold(), f"  {word}\t"):
            found = {cards[place].text for place in find(cards, Filter(variant), Sort.ADDED)}
            assert found >= {traits(task)[0].text}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("CAT", {0, 1}),
        ("white cat", {0}),
        ("cat  WHITE", {0}),
        ("straße", {2}),
        ("STRASSE", {2}),
        ("caf\u00e9", {3}),
        ("cafe\u0301", {3}),
        ("lite", {1}),
        ("5.0 lite cat", {1}),
        ("84d1544a", {0}),
        ("84D1544A-9043", {0}),
        ("cat dog", set()),
        ("\ud800", set()),
        (" \n", {0, 1, 2, 3}),
    ],
)
def test_all_words_must_occur_in_any_case(text: str, found: set[int]) -> None:
    cards = traits(
        finished("A white Cat", id="84D1544A-9043-4dde-a98b-e889dacd75f6"),
        finished("a catfish", model=LITE),
        finished("eine Straße"),
        finished("a cafe\u0301"),
    )
    assert set(find(cards, Filter(text), Sort.ADDED)) == found


def test_the_whole_prompt_is_searched() -> None:
    assert find(traits(finished("x " * 5000 + "needle")), Filter("needle"), Sort.ADDED) == (0,)


def test_days_are_inclusive_and_cards_without_a_date_match_none() -> None:
    cards = traits(finished(day=10), finished(day=12), finished(day=14), finished())
    days = [dt.date(2026, 11, number) for number in (10, 12, 14)]
    assert find(cards, Filter(since=days[1]), Sort.ADDED) == (1, 2)
    assert find(cards, Filter(until=days[1]), Sort.ADDED) == (0, 1)
    assert find(cards, Filter(since=days[1], until=days[1]), Sort.ADDED) == (1,)
    assert find(cards, Filter(), Sort.ADDED) == (0, 1, 2, 3)


def test_days_are_local(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Pacific/Kiritimati")
    time.tzset()
    try:
        (one,) = traits(finished(day=10))  # noon in Greenwich is past midnight there
        assert one.day == dt.date(2026, 11, 11)
    finally:
        monkeypatch.undo()
        time.tzset()


def test_days_are_those_of_the_browser() -> None:
    collection = Collection()
    collection.put([finished(day=10)])  # noon in Greenwich
    day = dt.date(2026, 11, 11)
    for zone, places in (("Pacific/Kiritimati", (0,)), ("America/Los_Angeles", ())):
        collection.set_zone(ZoneInfo(zone))
        assert collection.find(Filter(since=day), Sort.ADDED) == places


def test_model_state_and_size_must_match_exactly() -> None:
    cards = traits(finished(model=LITE, size="2K"), finished(model="doubao-seedream-4-5-251128", size="2048x2048"))
    assert find(cards, Filter(model=LITE), Sort.ADDED) == (0,)
    assert find(cards, Filter(size="2048x2048"), Sort.ADDED) == (1,)
    assert find(cards, Filter(model="lite"), Sort.ADDED) == ()
    assert find(cards, Filter(status=TaskStatus.SUCCEEDED), Sort.ADDED) == (0, 1)
    assert find(cards, Filter(status="failed"), Sort.ADDED) == ()


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        (Sort.NEWEST, "running new b-middle old undated"),
        (Sort.OLDEST, "old b-middle new running undated"),
        (Sort.PROMPT, "b-middle new old running undated"),
        (Sort.MODEL, "old new running undated b-middle"),
        (Sort.SIZE, "new undated old running b-middle"),
        (Sort.ADDED, "old undated new running b-middle"),
    ],
)
def test_each_order(sort: Sort, order: str) -> None:
    tasks = [
        finished("old", 1, model="a", size="1K"),
        finished("undated", model="c", size="2048x2048"),
        finished("New", 20, model="b", size="4096x2304"),
        Task("i", TaskStatus.RUNNING, prompt="running", model="b"),
        finished("b-middle", 10, size="a size"),
    ]
    found = find(traits(*tasks), Filter(), sort)
    assert [tasks[place].prompt.lower() for place in found] == order.split()


def test_images_of_a_set_keep_their_order() -> None:
    images = tuple(TaskImage("i", place, url="https://x.example/a.jpg", prompt="same") for place in range(4))
    cards = traits(Task("i", TaskStatus.SUCCEEDED, images, created_at=dt.datetime(2026, 1, 1, tzinfo=UTC)))
    assert {find(cards, Filter(), sort) for sort in Sort} == {(0, 1, 2, 3)}
