"""Search works in any language, and no input is a database error."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedream_nb.core.errors import UsageError
from seedream_nb.library.search import Query, search_tasks
from seedream_nb.protocol.responses import read_task
from tests.examples import examples
from tests.gallery.strategies import HOSTILE
from tests.library.tasks import CREATED, name_of, record_of, task_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seedream_nb import Task
    from seedream_nb.library import Library


def prompts(tasks: list[Task]) -> list[str]:
    return [task.prompt for task in tasks]


@pytest.mark.parametrize(
    ("prompt", "found_by", "not_by"),
    [
        ("A white Siamese cat, 4K", ["siamese", "SIAM", "cat white", "cat,", "4k", "a"], ["dog", "iamese", "cat dog"]),
        ("crème brûlée à la plage", ["creme", "BRÛLÉE", "brul", "plage"], ["rule"]),
        ("Mèo trắng trên mái nhà", ["meo trang", "trắng"], ["mai trangx"]),
        ("Кошка на крыше", ["кошка", "КРЫ"], ["собака"]),
        ("屋顶上的白色暹罗猫", ["暹罗猫", "猫", "屋顶 白色", '"白色暹罗"'], ["猫暹罗", "黑"]),
        ("屋根の上のシャム猫、佐々木", ["シャム", "屋根の上", "佐々木", "猫"], ["シャン"]),
        ("ｼｬﾑ猫とＣＡＴ", ["シャム", "cat"], ["ネコ"]),
        ("แมววิเชียรมาศสีขาวบนหลังคา", ["แมว", "สีขาว", "หลังคา"], ["สุนัข"]),
        ("قِطَّة بَيْضاء على السطح", ["قطة", "بيضاء", "قِطَّة", "قـطـة"], ["كلب"]),
        ("חָתוּל לבן", ["חתול", "חָתוּל"], ["כלב"]),
        ("흰 고양이가 지붕 위에", ["고양이", "고양"], ["강아지"]),
        ("सफ़ेद बिल्ली", ["बिल्ली", "सफ़ेद"], ["कुत्ता"]),
        ("cat-like_robot/v2", ["robot", "cat like", "v2"], ["like-cat"]),
        ("𠀀𠀁 rare", ["𠀁", "𠀀𠀁"], ["𠀂"]),
    ],
)
def test_any_language(empty: Library, prompt: str, found_by: list[str], not_by: list[str]) -> None:
    empty.keep([task_of(0, prompt), task_of(1, "something else")])
    for text in found_by:
        assert prompts(empty.search(text)) == [prompt], text
    for text in not_by:
        assert empty.search(text) == [], text


def test_phrases_and_words_in_any_order(empty: Library) -> None:
    empty.keep([task_of(0, "a white cat"), task_of(1, "a cat in white snow")])
    assert prompts(empty.search('"white cat"')) == ["a white cat"]
    assert len(empty.search("white cat")) == 2
    assert empty.search('"white ca"') == []
    assert prompts(empty.search('snow "in white"')) == ["a cat in white snow"]
    assert len(empty.search('"white')) == 2


def test_the_newest_come_first_page_by_page(empty: Library) -> None:
    numbers = [3, 0, 4, 1, 2]
    empty.keep(task_of(number, f"cat number {number}") for number in numbers)
    newest_first = [f"cat number {number}" for number in (4, 3, 2, 1, 0)]
    for text in ("", "cat"):
        assert prompts(empty.search(text)) == newest_first
        assert prompts(empty.search(text, limit=2, offset=1)) == newest_first[1:3]
        assert prompts(empty.search(text, limit=None)) == newest_first
        assert empty.search(text, limit=0) == []
    assert prompts(list(empty)) == newest_first


def test_iterating_over_several_pages(empty: Library) -> None:
    empty.keep(task_of(number) for number in range(60))
    assert [task.id for task in empty] == [name_of(number) for number in reversed(range(60))]


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("4.5", 1),
        ("lite", 1),
        ("seedream-4", 2),
        ("SeeDream 4.0", 1),
        ("doubao-seedream-4-0-250828", 1),
        ("seedream", 3),
        ("%", 0),
        ("_", 0),
        ("x" * 100_000, 0),
        ("'", 0),
    ],
)
def test_models_by_id_short_name_or_part(empty: Library, name: str, count: int) -> None:
    models = ("doubao-seedream-4-0-250828", "doubao-seedream-4-5-251128", "doubao-seedream-5-0-lite-260128", "other")
    keep_models(empty, models)
    assert len(empty.search(model=name)) == count
    assert len(empty.search("cat", model=name)) == count


def keep_models(library: Library, models: Sequence[str]) -> None:
    for number, model in enumerate(models):
        record = record_of(number)
        record["request"]["model"] = model
        library.keep(read_task(record, ""))


def test_pages_of_one_model_of_several_of_many_and_of_all(empty: Library) -> None:
    models = [f"maker-{number % 50}" for number in range(100)]
    keep_models(empty, models)
    for name in ("maker-7", "maker-1", "-2", "maker", "ER-49", "nobody"):
        newest_first = [name_of(n) for n, model in reversed(list(enumerate(models))) if name.lower() in model]
        for text in ("", "cat"):
            assert [task.id for task in empty.search(text, model=name, limit=None)] == newest_first
            assert [task.id for task in empty.search(text, model=name, limit=3, offset=2)] == newest_first[2:5]
            assert empty.count(Query(text, name)) == len(newest_first)


def test_a_model_combined_with_other_conditions(empty: Library) -> None:
    keep_models(empty, ["a-1", "a-2", "b-1", "a-1", "a-3"])
    empty.tag([name_of(number) for number in (0, 2, 3)], "good")
    since = datetime.fromtimestamp(CREATED + 1, timezone.utc)
    for text in ("", "cat"):
        for name in ("a-1", "a-"):
            found = empty.search(text, model=name, since=since, tags="good", status="succeeded")
            assert [task.id for task in found] == [name_of(3)]


@pytest.mark.parametrize("text", ["", "cat"])
@pytest.mark.parametrize("name", ["a-1", "a-"])
def test_a_model_is_looked_up_in_the_index_alone(empty: Library, text: str, name: str) -> None:
    keep_models(empty, ["a-1", "a-2", "b-1"])
    asked: list[str] = []
    with closing(sqlite3.connect(empty.location / "library.sqlite")) as connection:
        connection.set_trace_callback(asked.append)
        assert len(search_tasks(connection, Query(text, name), lambda _digest: None)) == (1 if name == "a-1" else 2)
        connection.set_trace_callback(None)
        (question,) = [one for one in asked if " OFFSET " in one]
        plan = [step for *_ids, step in connection.execute(f"EXPLAIN QUERY PLAN {question}")]
    assert any("COVERING INDEX tasks_of_models (model=?" in step for step in plan), plan
    assert "SCAN tasks" not in plan


def test_since_is_inclusive_and_until_exclusive(empty: Library) -> None:
    empty.keep(task_of(number, f"cat number {number}") for number in range(5))
    first = datetime.fromtimestamp(CREATED, timezone.utc)
    for text in ("", "cat"):
        found = empty.search(text, since=first + timedelta(seconds=1), until=first + timedelta(seconds=3))
        assert prompts(found) == ["cat number 2", "cat number 1"]
        local = (first + timedelta(seconds=4)).astimezone().replace(tzinfo=None)
        assert prompts(empty.search(text, since=local)) == ["cat number 4"]


def test_tags_rating_status_and_count(empty: Library) -> None:
    failed = {"success": False, "error": {"code": "x", "message": "no"}}
    empty.keep([task_of(0, "cat"), task_of(1, "cat"), task_of(2, "dog"), task_of(3, "cat", response=failed)])
    empty.tag([name_of(0), name_of(2)], "good")
    empty.tag(name_of(0), "for the book")
    empty.rate(name_of(2), 4)
    found = {
        "tag": empty.search("cat", tags="good"),
        "tags": empty.search(tags=["good", "for the book"]),
        "stars": empty.search(rating=4),
        "more stars": empty.search(rating=5),
        "state": empty.search(status="failed"),
        "words of a tag": empty.search("book"),
    }
    numbers = {name: [int(task.id[-12:], 16) - 1 for task in tasks] for name, tasks in found.items()}
    assert numbers == {
        "tag": [0],
        "tags": [0],
        "stars": [2],
        "more stars": [],
        "state": [3],
        "words of a tag": [0],
    }
    assert empty.count() == 4


def test_layers_are_found_by_their_names(empty: Library) -> None:
    record = record_of()
    record["response"]["data"].append({"url": "https://x.example/1.png", "name": "umbrella", "description": "red silk"})
    empty.keep(read_task(record, ""))
    assert len(empty.search("umbrella silk")) == 1


OPERATORS = (
    "AND", "OR NOT", "NEAR(cat dog, 5)", "prompt:cat", "marks : x", "{prompt model} : cat", "^cat", "cat*", "cat + dog",
    "-cat", "(cat", ")", '"', '""', '"""', '"cat', 'cat"dog', "'; DROP TABLE tasks; --", "*", ":", "_", "__ ", "\0",
    "a\0b", "\ud800", "cat \udfff", "%", "\\", "rank", "words", "🐈", "e\u0301", "\u0301", "²", "①", " ",
    "\uff02cat\uff02",
    "\u0e31", "\u093f", "cat " * 3000, "x" * 100_000, "字" * 5000, '"' + "cat " * 3000 + '"',
)  # fmt: skip
typed = st.one_of(st.sampled_from((*OPERATORS, *HOSTILE)), st.text(st.characters(exclude_categories=()), max_size=30))


@pytest.mark.parametrize("text", OPERATORS, ids=range(len(OPERATORS)))
def test_hostile_text_is_never_a_database_error(empty: Library, text: str) -> None:
    empty.keep(task_of(prompt="cat"))
    try:
        found = empty.search(text)
    except UsageError as error:
        assert "contains no words" in error.message  # noqa: PT017  either is good
    else:
        assert len(found) <= 1
    for given_as in ({"model": text}, {"tags": text}, {"tags": [text]}, {"status": text}):
        assert len(empty.search("cat", **given_as)) <= 1


def test_no_text_is_ever_a_database_error(empty: Library) -> None:
    empty.keep(task_of(prompt="cat"))

    @examples(150)
    @given(st.lists(typed, min_size=1, max_size=3).map(" ".join))
    def check(text: str) -> None:
        try:
            empty.search(text)
        except UsageError as error:
            assert "contains no words" in error.message  # noqa: PT017  either is good
        empty.search(model=text, tags=[text], status=text)

    check()


def test_text_without_words_cannot_be_searched(empty: Library) -> None:
    for text in ("!!!", "_", "🐈", '"'):
        with pytest.raises(UsageError, match="contains no words"):
            empty.search(text)
    assert empty.search("  ") == []
