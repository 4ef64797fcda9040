"""Finding is forgiving about case and strict about everything else; nothing is lost or shown twice by an order."""

from __future__ import annotations

import datetime as dt
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedream_nb import Task, TaskImage, TaskStatus
from seedream_nb.panels.cards import make_cards
from seedream_nb.panels.filters import Filter, Sort, Traits, find, traits_of
from tests.gallery import strategies

LITE = "doubao-seedream-5-0-lite-260128"
UTC = dt.timezone.utc


def traits(*tasks: Task) -> list[Traits]:
    return [traits_of(card) for number, task in enumerate(tasks) for card in make_cards(task, str(number))]


def made(prompt: str = "", day: int | None = None, **known: str) -> Task:
    created = dt.datetime(2026, 11, day, 12, tzinfo=UTC) if day else None
    image = TaskImage("i", url="https://x.example/a.jpg")
    return Task(known.pop("id", "i"), TaskStatus.SUCCEEDED, (image,), prompt=prompt, created_at=created, **known)  # type: ignore[arg-type]


many = st.lists(strategies.tasks, max_size=5).map(lambda tasks: traits(*tasks))
filters = st.builds(
    Filter,
    text=strategies.texts,
    model=st.just("") | strategies.texts,
    status=st.sampled_from(["", *TaskStatus]),
    since=st.none() | st.dates(),
)


@given(many, st.sampled_from(Sort))
def test_an_order_loses_nothing_and_repeats_nothing(cards: list[Traits], sort: Sort) -> None:
    assert Filter().is_empty
    assert sorted(find(cards, Filter(), sort)) == list(range(len(cards)))


@given(many, filters, filters, st.sampled_from(Sort))
def test_what_is_found_is_exactly_what_meets_each_condition(
    cards: list[Traits], one: Filter, other: Filter, sort: Sort
) -> None:
    both = Filter(f"{one.text} {other.text}", one.model, one.status, "", one.since)
    alone = find(cards, Filter(other.text), sort)
    assert find(cards, both, sort) == tuple(place for place in find(cards, one, sort) if place in alone)


@given(st.lists(strategies.tasks, min_size=1, max_size=4), st.data())
def test_each_word_of_a_prompt_finds_it(tasks: list[Task], data: st.DataObject) -> None:
    cards = traits(*tasks)
    task = data.draw(st.sampled_from(tasks))
    for word in {*task.prompt.split()[:5], *task.id.split()}:
        for spelled in (word, word.casefold(), f"  {word}\t"):
            found = {cards[place].text for place in find(cards, Filter(spelled), Sort.ADDED)}
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
def test_all_words_have_to_be_there_in_whatever_case(text: str, found: set[int]) -> None:
    cards = traits(
        made("A white Cat", id="84D1544A-9043-4dde-a98b-e889dacd75f6"),
        made("a catfish", model=LITE),
        made("eine Straße"),
        made("a cafe\u0301"),
    )
    assert set(find(cards, Filter(text), Sort.ADDED)) == found


def test_the_whole_prompt_is_searched_however_long() -> None:
    assert find(traits(made("x " * 5000 + "needle")), Filter("needle"), Sort.ADDED) == (0,)


def test_days_are_whole_and_what_has_no_date_is_on_none() -> None:
    cards = traits(made(day=10), made(day=12), made(day=14), made())
    days = [dt.date(2026, 11, number) for number in (10, 12, 14)]
    assert find(cards, Filter(since=days[1]), Sort.ADDED) == (1, 2)
    assert find(cards, Filter(until=days[1]), Sort.ADDED) == (0, 1)
    assert find(cards, Filter(since=days[1], until=days[1]), Sort.ADDED) == (1,)
    assert find(cards, Filter(), Sort.ADDED) == (0, 1, 2, 3)


def test_a_day_is_that_of_this_machines_calendar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Pacific/Kiritimati")
    time.tzset()
    try:
        (one,) = traits(made(day=10))  # noon in Greenwich is past midnight there
        assert one.day == dt.date(2026, 11, 11)
    finally:
        monkeypatch.undo()
        time.tzset()


def test_model_state_and_size_are_met_as_a_whole() -> None:
    cards = traits(made(model=LITE, size="2K"), made(model="doubao-seedream-4-5-251128", size="2048x2048"))
    assert find(cards, Filter(model=LITE), Sort.ADDED) == (0,)
    assert find(cards, Filter(size="2048x2048"), Sort.ADDED) == (1,)
    assert find(cards, Filter(model="lite"), Sort.ADDED) == ()
    assert find(cards, Filter(status=TaskStatus.SUCCEEDED), Sort.ADDED) == (0, 1)
    assert find(cards, Filter(status="failed"), Sort.ADDED) == ()


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        (Sort.NEWEST, "making new b-middle old undated"),
        (Sort.OLDEST, "old b-middle new making undated"),
        (Sort.PROMPT, "b-middle making new old undated"),
        (Sort.MODEL, "old new making undated b-middle"),
        (Sort.SIZE, "new undated old making b-middle"),
        (Sort.ADDED, "old undated new making b-middle"),
    ],
)
def test_each_order(sort: Sort, order: str) -> None:
    tasks = [
        made("old", 1, model="a", size="1K"),
        made("undated", model="c", size="2048x2048"),
        made("New", 20, model="b", size="4096x2304"),
        Task("i", TaskStatus.RUNNING, prompt="making", model="b"),
        made("b-middle", 10, size="a size"),
    ]
    found = find(traits(*tasks), Filter(), sort)
    assert [tasks[place].prompt.lower() for place in found] == order.split()


def test_pictures_of_a_set_keep_their_order_in_every_order() -> None:
    images = tuple(TaskImage("i", place, url="https://x.example/a.jpg", prompt="same") for place in range(4))
    cards = traits(Task("i", TaskStatus.SUCCEEDED, images, created_at=dt.datetime(2026, 1, 1, tzinfo=UTC)))
    assert {find(cards, Filter(), sort) for sort in Sort} == {(0, 1, 2, 3)}
