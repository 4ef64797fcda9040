"""Each task is there once, in its place, under stable keys; and the choices of a filter find their cards."""

from __future__ import annotations

import dataclasses

from hypothesis import given
from hypothesis import strategies as st

from seedream_nb import ErrorDetail, Task, TaskImage, TaskStatus
from seedream_nb.panels.cards import Card, describe
from seedream_nb.panels.collection import Collection
from seedream_nb.panels.filters import Filter
from seedream_nb.protocol.cards import Sort
from tests.gallery import strategies

ids = st.sampled_from(["", "a", "A", "b", "0", "1", "a\n", " a", "\ud800", "\ufffd"]) | strategies.texts
# What keys and choices are made of; to draw whole tasks takes far longer than the tests.
words = st.sampled_from(("", "doubao-seedream-4-0-250828", *strategies.HOSTILE))
sizes = st.none() | st.sampled_from(strategies.SIZES) | words
errors = st.none() | st.builds(ErrorDetail, st.just("code"), words)
images = st.builds(
    TaskImage, ids, st.integers(0, 20), prompt=words, model=st.none() | words, size=sizes,
    url=st.none() | st.sampled_from(strategies.LINKS), z_index=st.none() | st.integers(-1, 17), error=errors,
)  # fmt: skip
tasks = st.builds(
    Task, ids, st.sampled_from(TaskStatus), st.lists(images, max_size=3).map(tuple),
    prompt=words, model=st.none() | words, size=sizes, error=errors,
)  # fmt: skip
batches = st.lists(st.lists(tasks, max_size=3), max_size=3)


def filled(*given_tasks: Task) -> Collection:
    collection = Collection()
    collection.put(given_tasks)
    return collection


def found(collection: Collection, key: str) -> Card | None:
    number = collection.number_of(key)
    return None if number is None else collection.read([number])[0]


def finished(task_id: str, count: int = 1) -> Task:
    images = tuple(TaskImage(task_id, place, url=f"https://x.example/{place}.jpg") for place in range(count))
    return Task(task_id, TaskStatus.SUCCEEDED, images)


@given(batches)
def test_keys_are_unique_and_stable(rounds: list[list[Task]]) -> None:
    collection = Collection()
    for batch in rounds:
        before = collection.cards
        collection.put(batch)
        keys = [card.key for card in collection.cards]
        assert len(set(keys)) == len(keys)
        assert all(found(collection, card.key) is card for card in collection.cards)
        firsts = [card.key for card in before if card.key.endswith("/0")]
        assert [key for key in keys if key in firsts] == firsts
        for key in keys:
            key.encode()
    collection.put([task for batch in rounds for task in batch])
    latest = {task.id.lower(): task for batch in rounds for task in batch if task.id}
    assert {task.id.lower(): task for task in collection.tasks if task.id} == latest
    assert len([task for task in collection.tasks if task.id]) == len(latest)


@given(st.lists(tasks, max_size=4))
def test_each_choice_finds_as_many_cards_as_it_says(given_tasks: list[Task]) -> None:
    collection = filled(*given_tasks)
    choices = collection.choices()
    for name, counts in (("model", choices.models), ("status", choices.statuses), ("size", choices.sizes)):
        for value, count in counts.items():
            assert value
            assert len(collection.find(Filter(**{name: value}), Sort.NEWEST)) == count  # type: ignore[arg-type]
    assert sum(choices.statuses.values()) == len(collection.cards)


def test_a_task_read_again_keeps_its_place_and_its_key() -> None:
    collection = filled(Task("AN-ID", TaskStatus.RUNNING), finished("other"))
    (card, other) = collection.cards
    assert (card.key, card.is_in_progress, other.key) == ("an-id/0", True, "other/0")
    collection.put([finished("an-id", count=2)])
    assert [card.key for card in collection.cards] == ["an-id/0", "an-id/1", "other/0"]
    assert [task.status for task in collection.tasks] == [TaskStatus.SUCCEEDED] * 2
    assert found(collection, "other/0") is other
    assert found(collection, "an-id/0") is not card


def test_unchanged_cards_are_not_described_again() -> None:
    collection = filled(finished("a"), finished("b"))
    described = [describe(card) for card in collection.cards]
    collection.put([finished("a"), finished("b", count=2)])
    first, second, _third = collection.cards
    assert describe(first) is described[0]
    assert describe(second) is not described[1]


def test_tasks_without_an_id_are_numbered_and_the_same_object_counts_once() -> None:
    unsent = [Task("", TaskStatus.PENDING, prompt="a cat") for _ in range(2)]
    collection = filled(finished("a"), *unsent)
    assert [card.key for card in collection.cards] == ["a/0", "1/0", "2/0"]
    collection.put(unsent)
    assert len(collection.tasks) == 3
    assert found(collection, "3/0") is None


def test_equal_tasks_without_an_id_are_as_many_as_came_in_one_call() -> None:
    def unsent(count: int, prompt: str = "a cat") -> list[Task]:
        return [Task("", TaskStatus.PENDING, prompt=prompt, request={"prompt": prompt}) for _ in range(count)]

    collection = filled(*unsent(2))
    collection.put(iter(unsent(2)))
    assert [card.key for card in collection.cards] == ["0/0", "1/0"]
    collection.put([*unsent(1, "a dog"), *unsent(3)])
    assert [task.prompt for task in collection.tasks] == ["a cat", "a cat", "a dog", "a cat"]
    collection.put(unsent(1) * 9)
    assert len(collection.tasks) == 4


def test_tasks_without_an_id_differ_by_their_requests() -> None:
    def unsent(seed: int) -> Task:
        return Task("", TaskStatus.PENDING, prompt="a cat", request={"seed": seed})

    assert len(filled(unsent(1), unsent(2), unsent(1)).tasks) == 3


@given(batches)
def test_equal_tasks_in_other_objects_add_nothing(rounds: list[list[Task]]) -> None:
    collection = Collection()
    for batch in rounds:
        collection.put(batch)
        before = [card.key for card in collection.cards]
        collection.put([dataclasses.replace(task) for task in {id(task): task for task in batch}.values()])
        assert [card.key for card in collection.cards] == before


def test_choices_are_in_a_useful_order() -> None:
    models = ["unknown", "doubao-seedream-4-0-250828", "doubao-seedream-5-0-pro-260628"]
    sizes = ["auto", "4096x2304", "2K", "960x960"]
    given_tasks = [Task(f"{number}", TaskStatus.FAILED, model=model) for number, model in enumerate(models)]
    given_tasks += [Task(size, TaskStatus.RUNNING, size=size) for size in sizes]
    given_tasks += [finished("done")]
    choices = filled(*given_tasks).choices()
    assert list(choices.models) == [models[2], models[1], models[0]]
    assert list(choices.sizes) == ["960x960", "2K", "4096x2304", "auto"]
    assert list(choices.statuses.items()) == [("succeeded", 1), ("failed", 3), ("running", 4)]


def test_ids_that_look_the_same_have_different_keys() -> None:
    collection = filled(finished("a"), finished(" a"), Task("", TaskStatus.PENDING), finished("2"))
    assert [card.key for card in collection.cards] == ["a/0", "a (2)/0", "2/0", "2 (2)/0"]
