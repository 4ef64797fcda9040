from __future__ import annotations

import re
from datetime import datetime, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedream_nb import Task, TaskImage, TaskStatus
from seedream_nb.core.errors import InvalidTaskIdError, UsageError
from seedream_nb.core.task_ids import Lookup, complete_id, is_beginning, read_ids, read_task_ids

ID = "84d1544a-9043-4dde-a98b-e889dacd75f6"
OTHER_ID = "20068983-0cc9-4c6a-aeb6-9c6a3c668be0"
TWIN_ID = "84d1544a-0000-4dde-a98b-e889dacd75f6"

ids = st.uuids().map(str)


@given(
    ids_=st.lists(ids, min_size=1, max_size=20), separator=st.sampled_from([" ", ", ", "\n", ";", "', '", "\n# a\n"])
)
def test_ids_are_found_in_order_whatever_stands_between(ids_: list[str], separator: str) -> None:
    assert list(read_task_ids(separator.join(ids_))) == ids_


@given(st.lists(ids, min_size=1, max_size=5))
def test_the_text_of_a_python_list_is_read(words: list[str]) -> None:
    assert list(read_task_ids(str(words))) == words
    assert list(read_task_ids(str(tuple(words)))) == words
    assert set(read_task_ids(str(set(words)))) == set(words)


@given(st.text() | st.lists(ids | st.text(",;'[] ", max_size=3), max_size=5).map(" ".join))
def test_any_text_gives_ids_or_one_sentence(text: str) -> None:
    try:
        found = read_task_ids(text)
    except UsageError as error:
        assert error.message and error.hint  # noqa: PT017, PT018  either outcome is fine, a sentence is a must
    else:
        assert all(re.fullmatch(r"[0-9a-f-]{36}", task_id) or is_beginning(task_id) for task_id in found)


def test_upper_case_is_the_same_id() -> None:
    assert read_task_ids(ID.upper()) == (ID,)


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        (ID[:7], "is too short; the first 8 characters of an id are needed"),
        (ID + "0", "13 characters instead of 12 in group 5"),
        (ID[:-1] + "g", "contains 'g'"),
        (ID.replace("-", "\N{EN DASH}"), "plain hyphens"),
        (ID.replace("-", ""), "1 group instead of 5"),
        ("69498b9bff2676299c5cb7a6", "the _id of a record"),
        ("https://platform.cdn.acedata.cloud/seedream/x.jpg", "is a link"),
        ("{ids}", "no Python variable"),
        ("$task_id", "no Python variable"),
    ],
)
def test_a_mistyped_id_is_named_with_the_reason(word: str, reason: str) -> None:
    with pytest.raises(InvalidTaskIdError, match=re.escape(repr(word))) as caught:
        read_task_ids(f"{OTHER_ID} {word}")
    assert reason in caught.value.message


def test_many_bad_ids_do_not_flood_the_message() -> None:
    with pytest.raises(InvalidTaskIdError, match="and 97 more"):
        read_task_ids(" ".join(f"bad{number}" for number in range(100)))


def test_no_id_at_all_is_a_mistake() -> None:
    with pytest.raises(UsageError, match="Missing task id"):
        read_task_ids("  # only a comment\n , ")


# Beginnings of ids


def lookup_of(*tasks: Task) -> Lookup:
    return Lookup(lambda beginning: [task for task in tasks if task.id.startswith(beginning)], "these tasks")


CREATED = datetime(2026, 1, 2, tzinfo=timezone.utc)
CAT = Task(ID, TaskStatus.SUCCEEDED, prompt="a white siamese cat " * 5, created_at=CREATED)
TWIN = Task(TWIN_ID, TaskStatus.PENDING)


@given(ids, st.integers(8, 36), st.lists(ids, max_size=5))
def test_the_beginning_of_a_known_id_is_that_id(task_id: str, length: int, others: list[str]) -> None:
    tasks = [Task(one, TaskStatus.PENDING) for one in (task_id, *others) if one == task_id or one[:8] != task_id[:8]]
    for word in (task_id[:length], task_id[:length].upper()):
        (found,) = read_ids(word, lookup_of(*tasks))
        assert found.lower() == task_id


def test_several_ids_with_the_same_beginning_are_listed() -> None:
    with pytest.raises(InvalidTaskIdError) as caught:
        complete_id("84d1544a", lookup_of(CAT, TWIN, Task(ID, TaskStatus.PENDING)))
    listed = caught.value.message.removeprefix("'84d1544a' is the beginning of several task ids: ").split("; ")
    assert listed[0] == f"{TWIN_ID}"
    assert re.fullmatch(rf"{ID} \(a white siamese cat a white siamese cat…, 2026-01-0\d \d\d:\d\d\)\.", listed[1])
    assert complete_id("84d1544a-9", lookup_of(CAT, TWIN)) == ID


def test_an_unknown_beginning_says_where_it_was_looked_for() -> None:
    with pytest.raises(InvalidTaskIdError) as caught:
        complete_id("84d1544a", lookup_of())
    assert caught.value.message == "'84d1544a' is not the beginning of a task id known to these tasks."
    assert caught.value.hint == f"Use the full id, such as {ID}. Nothing was sent."
    with pytest.raises(InvalidTaskIdError, match=r"It has 11 characters instead of 12 in group 5\."):
        complete_id(ID[:-1], lookup_of())


# Tasks, images, and collections of them

leaves = st.builds(
    lambda task_id, form: form(task_id),
    ids,
    st.sampled_from(
        [
            str,
            lambda task_id: f" {task_id}\n",
            lambda task_id: Task(task_id, TaskStatus.PENDING),
            lambda task_id: TaskImage(task_id, index=3),
        ]
    ),
)
collections: Any = st.sampled_from([list, tuple, iter, lambda items: (item for item in items)])


def id_of(leaf: object) -> str:
    return leaf.id if isinstance(leaf, Task) else leaf.task_id if isinstance(leaf, TaskImage) else str(leaf).strip()


@given(st.data())
def test_collections_of_any_depth_give_exactly_their_ids_in_order(data: st.DataObject) -> None:
    expected: list[str] = []

    def build(depth: int) -> Any:
        if depth and data.draw(st.booleans()):
            items = [build(depth - 1) for _ in range(data.draw(st.integers(0, 3)))]
            return data.draw(collections)(items)
        leaf = data.draw(leaves)
        expected.append(id_of(leaf))
        return leaf

    given_: list[Any] = [build(3) for _ in range(3)]
    assert list(read_ids(given_)) == expected


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([ID, [Task("", TaskStatus.SUCCEEDED, prompt="a\ncat")]], "Task 2 of 2 (a cat) has no task id."),
        (Task("", TaskStatus.SUCCEEDED), "The task has no task id."),
        ([TaskImage(" "), ID, ID], "Image 1 of 3 has no task id."),
        ([ID, None], "Task id 2 of 2 must be text, not None."),
        (float("nan"), "A task id must be text, not nan."),
        (b"84d1544a", "A task id must be text, not b'84d1544a'."),
    ],
)
def test_what_has_no_id_is_named_with_its_place(values: object, message: str) -> None:
    with pytest.raises(InvalidTaskIdError) as caught:
        read_ids(values)  # type: ignore[arg-type]
    assert caught.value.message == message
    assert caught.value.hint
