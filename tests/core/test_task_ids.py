from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedream_nb.core.errors import InvalidTaskIdError, UsageError
from seedream_nb.core.text import read_task_ids

ID = "84d1544a-9043-4dde-a98b-e889dacd75f6"
OTHER_ID = "20068983-0cc9-4c6a-aeb6-9c6a3c668be0"


@given(
    st.lists(st.uuids(), min_size=1, max_size=20), st.sampled_from([" ", ", ", "\n", "\t", ";", "', '", "\n# note\n"])
)
def test_ids_are_found_in_order_whatever_stands_between(ids: list[object], separator: str) -> None:
    words = [str(task_id) for task_id in ids]
    assert list(read_task_ids(separator.join(words))) == words


@given(st.lists(st.uuids(), min_size=1, max_size=5))
def test_the_text_of_a_python_list_is_read(ids: list[object]) -> None:
    words = [str(task_id) for task_id in ids]
    assert list(read_task_ids(str(words))) == words
    assert list(read_task_ids(str(tuple(words)))) == words
    assert set(read_task_ids(str(set(words)))) == set(words)


@given(st.text() | st.lists(st.uuids().map(str) | st.text(",;'[] ", max_size=3), max_size=5).map(" ".join))
def test_any_text_gives_ids_or_one_sentence(text: str) -> None:
    try:
        ids = read_task_ids(text)
    except UsageError as error:
        assert error.message and error.hint  # noqa: PT017, PT018  either outcome is fine, a sentence is a must
    else:
        assert all(re.fullmatch(r"[0-9a-f-]{36}", task_id) for task_id in ids)


def test_upper_case_is_the_same_id() -> None:
    assert read_task_ids(ID.upper()) == (ID,)


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        (ID[:-1], "11 characters instead of 12 in group 5"),
        (ID[:-1] + "g", "contains g"),
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
