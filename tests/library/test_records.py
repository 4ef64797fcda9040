"""A record is found as the service sent it, and a poorer one never replaces a richer one."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
import sqlite3
from contextlib import closing
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from seedream_nb.core.errors import LibraryWarning, SeedreamError
from seedream_nb.core.models import ErrorDetail, Task, TaskImage, TaskStatus, Usage
from seedream_nb.core.task_ids import find_problem
from seedream_nb.library import Library, LibraryCache
from seedream_nb.library.references import (
    LITERAL,
    MIN_IMAGE_LENGTH,
    PLACEHOLDER,
    encode,
    extract_images,
    has_placeholders,
    restore_images,
)
from seedream_nb.protocol.responses import read_task
from seedream_nb.protocol.stream_events import add_event
from tests.examples import examples
from tests.gallery.strategies import tasks as any_tasks
from tests.library.tasks import CREATED, MODEL, name_of, record_of, seconds_of, task_of
from tests.protocol.samples import FAILURE, ID, RECORD, RESPONSE, STATUS_FORM, records
from tests.sample_images import noise

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

IMAGE = noise(64, 64)
ENCODED = base64.b64encode(IMAGE).decode()
FEWER = examples(80)  # each writes to the disk


def records_in(library: Library) -> list[str]:
    """The stored text of the database."""
    with closing(sqlite3.connect(library.location / "library.sqlite")) as connection:
        return [f"{record} {request}" for record, request in connection.execute("SELECT record, request FROM tasks")]


def keep_and_find(library: Library, task: Task) -> Task:
    library.keep(task)
    return library.find([task.id])[task.id]


def inline_of(task: Task) -> list[bytes]:
    return [image.data for image in task.images if image.data]


# Unchanged


@pytest.mark.parametrize(
    "answer",
    [
        RECORD,
        RESPONSE,
        STATUS_FORM,
        {**RECORD, "response": FAILURE},
        {**RECORD, "surprise": {"deep": [1, None]}, "created_at": None},
        {"success": True, "data": [{"image_url": "https://images.example/a.jpg"}]},
        {**RECORD, "response": {**RESPONSE, "data": [*RESPONSE["data"], {"error": {"code": "x", "message": "no"}}]}},  # type: ignore[misc]
    ],
)
def test_every_form_is_found_as_it_was_read(empty: Library, answer: dict[str, Any]) -> None:
    task = read_task(answer, ID)
    found = keep_and_find(empty, task)
    assert found == task
    assert found.raw == answer


def test_any_record_is_found_as_it_was_read(empty: Library) -> None:
    @FEWER
    @given(answer=records)
    def check(answer: dict[str, Any]) -> None:
        try:
            task = read_task(answer, "Asked-For")
        except SeedreamError:
            assume(False)  # noqa: FBT003  as hypothesis defines it
        is_kept = bool(empty.keep(task))
        assert is_kept == (task.status.is_final and bool(task.id or task.good_images))
        if is_kept:
            (found,) = empty
            # As text, in which what is no number equals itself. What has no id gets one.
            assert not task.id.strip() or repr(empty.find([task.id])[task.id]) == repr(task)
            assert repr(found.raw) == repr(task.raw)
            empty.remove(found.id)

    check()


def test_any_task_can_be_stored(empty: Library) -> None:
    @FEWER
    @given(task=any_tasks)
    def check(task: Task) -> None:
        is_kept = bool(empty.keep(task))
        found = list(empty)
        assert is_kept == (task.status.is_final and bool(task.id or task.good_images)) == bool(found)
        for one in found:
            # In the order of their places.
            assert sorted(inline_of(one)) == sorted(inline_of(task))
            empty.remove(one.id)

    check()


def test_ids_differ_in_case_and_space_and_are_one(empty: Library) -> None:
    task = task_of(id="Task-ABC")
    empty.keep([task, task_of(id="task-abc")])
    assert len(empty) == 1
    assert set(empty.find(["TASK-abc", " task-ABC ", "task-abd"])) == {"TASK-abc", " task-ABC "}
    assert "tAsK-aBc" in empty
    assert "" not in empty


def test_ids_that_cannot_be_encoded_do_no_harm(empty: Library) -> None:
    assert empty.find(["\ud800", "a\0b", "'; DROP TABLE tasks; --"]) == {}


@pytest.mark.parametrize(
    "answer",
    [
        {**RECORD, "finished_at": None, "response": None},
        {**RECORD, "response": {"success": True, "task_id": ID, "data": {"status": "running"}}},
        {},
    ],
)
def test_unfinished_tasks_are_not_stored(empty: Library, answer: dict[str, Any]) -> None:
    assert empty.keep(read_task(answer, ID)) == 0
    assert ID not in empty


def test_thousands_are_found_in_one_call(empty: Library) -> None:
    empty.keep(task_of(number) for number in range(1200))
    found = empty.find(name_of(number) for number in range(2400))
    assert list(found) == [name_of(number) for number in range(1200)]


# Stored again


def test_storing_the_same_record_again_changes_nothing(empty: Library) -> None:
    assert [empty.keep([task_of(1), task_of(2)]), empty.keep([task_of(1), task_of(2)])] == [2, 0]


def test_a_richer_record_replaces_a_poorer_one(empty: Library) -> None:
    empty.keep(task_of(images=1))
    assert empty.keep(task_of(images=3, mood="good")) == 1
    (found,) = empty
    assert (len(found.images), found.raw["mood"]) == (3, "good")


@pytest.mark.parametrize(
    "poorer",
    [
        {**record_of(), "response": {"success": True, "data": []}},
        {**record_of(), "response": FAILURE},
        {**record_of(), "response": {"success": True, "data": [{"error": "gone"}, {"error": "gone"}]}},
        record_of(images=1),
        record_of(images=2)["response"],
    ],
)
def test_a_poorer_record_does_not_replace_a_richer_one(empty: Library, poorer: dict[str, Any]) -> None:
    rich = task_of(images=2)
    empty.keep(rich)
    assert empty.keep(read_task(poorer, rich.id)) == 0
    assert empty.find([rich.id]) == {rich.id: rich}


def test_a_poorer_record_does_not_replace_one_with_inline_images(empty: Library) -> None:
    record = record_of()
    record["response"]["data"] = [{"b64_json": ENCODED}]
    empty.keep(read_task(record, ""))
    empty.keep(read_task({**record, "response": {"success": True, "data": []}}, ""))
    (found,) = empty
    assert [image.data for image in found.images] == [IMAGE]


def test_a_new_link_replaces_the_old_one(empty: Library) -> None:
    empty.keep(task_of())
    renewed = record_of()
    renewed["response"]["data"][0]["image_url"] = "https://images.example/renewed.jpg"
    empty.keep(read_task(renewed, ""))
    (found,) = empty
    assert found.images[0].url == "https://images.example/renewed.jpg"


def test_the_words_of_a_replaced_record_are_found_and_the_old_ones_are_not(empty: Library) -> None:
    empty.keep(task_of(prompt="an old dog"))
    empty.keep(task_of(prompt="a young fox", images=2))
    assert [len(empty.search(words)) for words in ("dog", "fox")] == [0, 1]


def test_a_creation_time_that_becomes_known_later_moves_a_task(empty: Library) -> None:
    empty.keep(read_task(record_of(1)["response"], ""))
    empty.keep(task_of(2))
    assert empty.find([name_of(1)])[name_of(1)].created_at is None
    empty.tag(name_of(1), "good")
    empty.keep(task_of(1))
    moment = datetime.fromtimestamp(CREATED + 1, timezone.utc)
    assert [task.id for task in empty] == [name_of(2), name_of(1)]
    assert [task.created_at for task in empty.search("siamese", until=moment.replace(second=moment.second + 1))] == [
        moment
    ]
    assert [task.id for task in empty.search("good")] == [name_of(1)]


def test_any_record_replaces_a_damaged_one(empty: Library) -> None:
    task = task_of()
    empty.keep(task)
    with closing(sqlite3.connect(empty.location / "library.sqlite")) as connection, connection:
        connection.execute('UPDATE tasks SET record = \'{"id": "broken\'')
    empty.keep(task)
    assert empty.find([task.id]) == {task.id: task}


# The order


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["same", "next", "mixed"])
def test_thousands_of_the_same_microsecond_keep_their_order_and_stay_quick(empty: Library, kind: str) -> None:
    microseconds = {"same": [0] * 1500, "next": range(1500), "mixed": [n * 7919 % 1000 for n in range(1500)]}[kind]
    tasks = [task_of(number, created_at=CREATED + later * 1e-6) for number, later in enumerate(microseconds)]
    first = seconds_of(lambda: empty.keep(tasks[:500]))
    empty.keep(tasks[500:1000])
    last = seconds_of(lambda: empty.keep(tasks[1000:]))
    assert len(empty) == 1500
    assert last < 3 * first + 0.5
    if kind == "same":
        assert [task.id for task in empty.search(limit=None)] == [task.id for task in reversed(tasks)]
    # None was pushed far from its time.
    early = datetime.fromtimestamp(CREATED + 0.01, timezone.utc)
    assert len(empty.search(until=early, limit=None)) == 1500


def test_a_task_of_a_full_second_keeps_its_order(empty: Library) -> None:
    """Other tasks of the same second must not change its order."""
    early, late = task_of(1, created_at=CREATED), task_of(2, created_at=CREATED + 0.9)
    empty.keep([early, late, task_of(3, created_at=CREATED)])
    assert [task.id for task in empty] == [name_of(2), name_of(3), name_of(1)]


def test_the_end_of_a_second_is_no_collision(empty: Library) -> None:
    moments = [CREATED, CREATED + 1, CREATED + 1.000001, CREATED]
    empty.keep(task_of(number, created_at=moment) for number, moment in enumerate(moments))
    assert len(empty) == 4


# Inline images


@pytest.mark.parametrize("write", [lambda text: text, lambda text: f"data:image/jpeg;base64,{text}"])
def test_inline_images_are_stored_as_files_and_restored(empty: Library, write: Callable[[str], str]) -> None:
    record = record_of()
    record["response"]["data"] = [{"b64_json": write(ENCODED)}]
    record["request"]["image"] = [f"data:image/png;base64,{base64.b64encode(noise(64, 64, 1)).decode()}"]
    task = read_task(record, "")
    found = keep_and_find(empty, task)
    assert found == task
    assert found.raw == record
    assert max(map(len, records_in(empty))) < 1000
    assert empty.info().originals == 2
    assert [image.data for image in found.images] == [IMAGE]


def test_an_inline_image_with_line_breaks_is_stored_as_a_file(empty: Library) -> None:
    record = record_of()
    lines = "\n".join(ENCODED[start : start + 76] for start in range(0, len(ENCODED), 76))
    record["response"]["data"] = [{"b64_json": lines}]
    task = read_task(record, "")
    assert keep_and_find(empty, task) == task
    assert max(map(len, records_in(empty))) < 1000


@pytest.mark.parametrize(
    "prompt",
    [
        "cats and dogs " * 300,
        "abcd" * 1000,
        "kept-in-library:" + "0" * 64,
        "data:image/png;base64,kept-in-library:" + "0" * 64,
        "as-it-is:kept-in-library:" + "0" * 64,
        "see kept-in-library:x",
        "字" * 3000,
    ],
)
def test_text_that_looks_like_an_image_stays_text(empty: Library, prompt: str) -> None:
    task = task_of(prompt=prompt)
    found = keep_and_find(empty, task)
    assert found == task
    assert found.raw == task.raw


CONTENTS = [
    MIN_IMAGE_LENGTH * b"x",
    MIN_IMAGE_LENGTH * 3 // 4 * b"y",
    (MIN_IMAGE_LENGTH // 4 - 1) * b"abc",
    IMAGE,
]  # around the shortest
HEADS = ["", "data:image/png;base64,"]
encoded = st.builds(
    lambda head, content, cut: head + (base64.b64encode(content).decode())[: cut or None],
    st.sampled_from(HEADS),
    st.sampled_from(CONTENTS),
    st.sampled_from([0, MIN_IMAGE_LENGTH - 1, MIN_IMAGE_LENGTH, MIN_IMAGE_LENGTH + 1]),
)
words = st.builds(
    lambda *parts: "".join(parts),
    st.sampled_from(["", " ", *HEADS]),
    st.sampled_from([LITERAL, PLACEHOLDER]),
    st.just(64 * "a"),
)
leaves = st.one_of(st.none(), st.integers(), st.text(max_size=5), encoded, words, st.just('"' * MIN_IMAGE_LENGTH))
documents = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
)


@given(documents)
@example(base64.b64encode(MIN_IMAGE_LENGTH * 3 // 4 * b"y").decode())
def test_shortcuts_never_miss_an_inline_image(document: Any) -> None:
    """Tests on the text of a record never miss what walking through its values finds."""
    kept: dict[str, bytes] = {}

    def keep(content: bytes) -> str:
        digest = hashlib.sha256(content).hexdigest()
        kept[digest] = content
        return digest

    text = encode(document, keep)
    assert text == json.dumps(extract_images(document, keep))
    assert restore_images(json.loads(text), kept.get) == document
    assert has_placeholders(text) or json.loads(text) == document


def test_words_beside_an_inline_image_are_found_after_rebuilding_the_index(empty: Library) -> None:
    record = record_of()
    record["response"]["data"] = [{"b64_json": ENCODED, "name": "umbrella"}]
    empty.keep(read_task(record, ""))
    with closing(sqlite3.connect(empty.location / "library.sqlite")) as connection, connection:
        connection.execute("DELETE FROM words")
    assert empty.search("umbrella") == []
    empty.verify()
    assert len(empty.search("umbrella")) == 1


def test_an_inline_image_of_two_records_is_one_file(empty: Library) -> None:
    for number in range(2):
        record = record_of(number)
        record["response"]["data"] = [{"b64_json": ENCODED}]
        empty.keep(read_task(record, ""))
    assert empty.info().originals == 1


def test_a_record_whose_inline_image_is_lost_is_found_without_it(empty: Library) -> None:
    record = record_of()
    record["response"]["data"] = [{"b64_json": ENCODED}, {"url": "https://images.example/b.jpg"}]
    empty.keep(read_task(record, ""))
    next((empty.location / "originals").glob("??/*")).unlink()
    (found,) = empty
    assert [(image.index, image.url) for image in found.images] == [(1, "https://images.example/b.jpg")]


def test_storing_a_record_again_repairs_its_inline_image(empty: Library) -> None:
    record = record_of()
    record["response"]["data"] = [{"b64_json": ENCODED}]
    task = read_task(record, "")
    empty.keep(task)
    path = next((empty.location / "originals").glob("??/*"))
    path.write_bytes(bytes(len(IMAGE)))
    assert keep_and_find(empty, task) == task


# Streams, and tasks built in code


def streamed(*lines: dict[str, object]) -> Task:
    request: dict[str, object] = {"prompt": "a cat in four seasons", "model": MODEL, "seed": 7, "size": "2K"}
    task = Task("", TaskStatus.RUNNING, prompt="a cat in four seasons", model=MODEL, size="2K", request=request)
    for line in lines:
        task, _images = add_event(task, line)
    return task


EVENT = {"type": "image_generation.partial_succeeded", "model": MODEL, "size": "2048x2048"}
DONE = {"type": "image_generation.completed", "usage": {"generated_images": 2}, "trace_id": "t"}


@pytest.mark.parametrize(
    "lines",
    [
        [{**EVENT, "image_index": 0, "url": "https://images.example/0.jpg"}, DONE],
        [{**EVENT, "image_index": place, "url": f"https://images.example/{place}.jpg"} for place in (3, 1)] + [DONE],
        [
            {**EVENT, "image_index": 0, "b64_json": ENCODED},
            {"type": "image_generation.partial_failed", "image_index": 1, "error": {"code": "x", "message": "no"}},
            DONE,
        ],
        [
            {**EVENT, "image_index": 0, "url": "https://images.example/0.jpg"},
            {"success": False, "error": {"code": "x", "message": "it broke"}},
        ],
    ],
)
def test_a_streamed_task_without_an_id_gets_one(empty: Library, lines: list[dict[str, object]]) -> None:
    task = streamed(*lines)
    assert task.id == ""
    assert [empty.keep(task), empty.keep(task)] == [1, 0]
    (found,) = empty.search("four seasons")
    assert find_problem(found.id) is None  # every command takes it
    assert empty.find([found.id]) == {found.id: found}
    nameless = tuple(dataclasses.replace(image, task_id="") for image in found.images)
    assert dataclasses.replace(found, id="", images=nameless) == task


def test_a_stream_without_images_is_not_stored(empty: Library) -> None:
    assert empty.keep(streamed({"success": False, "error": "no"})) == 0


def test_a_task_built_in_code_is_stored_completely(empty: Library) -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
    task = Task(
        "by-hand",
        TaskStatus.PARTIALLY_FAILED,
        (
            TaskImage("by-hand", 0, url="https://images.example/0.jpg", prompt="a cat", model="m", seed=3),
            TaskImage("by-hand", 1, data=IMAGE, prompt="a cat", model="m", seed=3, size="64x64"),
            TaskImage("by-hand", 4, prompt="a cat", model="m", seed=3, error=ErrorDetail("code", "words")),
        ),
        prompt="a cat",
        model="m",
        size="2K",
        request={"prompt": "a cat", "model": "m", "size": "2K", "seed": 3},
        trace_id="t",
        created_at=moment,
        finished_at=moment,
        elapsed=1.5,
        usage=Usage(1, 2, 3),
    )
    assert keep_and_find(empty, task) == task


def test_a_request_missing_from_the_record_is_stored_beside_it(empty: Library) -> None:
    for number, told in enumerate([{}, {"request": None}, {"request": {}}]):
        answer = record_of(number)["response"] | told
        asked: dict[str, object] = {
            "prompt": "a fox",
            "model": MODEL,
            "size": "2K",
            "image": [f"data:image/jpeg;base64,{ENCODED}"],
        }
        task = dataclasses.replace(read_task(answer, ""), request=asked)
        found = keep_and_find(empty, task)
        assert (found.request, found.raw, found.size) == (asked, answer, "2K")
    assert max(map(len, records_in(empty))) < 1000


def test_an_unstorable_record_does_not_affect_later_calls(empty: Library) -> None:
    """The cache rejects a record that is nested too deeply for Python with a warning, not an error."""
    nested: list[object] = []
    for _level in range(5000):
        nested = [nested]
    cache = LibraryCache(empty)
    with pytest.warns(LibraryWarning, match="Everything else works without it"):
        cache.store([dataclasses.replace(task_of(), raw={**record_of(), "deep": nested})])
    cache.store([task_of(1)])
    assert len(empty) == 1


# Going through all


def test_going_through_a_library_while_removing_visits_every_task(empty: Library) -> None:
    empty.keep(task_of(number) for number in range(300))
    for task in empty:
        empty.remove(task.id)
    assert len(empty) == 0


def test_going_through_a_library_while_another_kernel_writes_repeats_and_skips_nothing(tmp_path: Path) -> None:
    undated = [task_of(number, created_at=None) for number in range(60)]
    with Library(tmp_path) as mine, Library(tmp_path) as theirs:
        mine.keep(undated)
        found = []
        for number, task in zip(range(100), mine, strict=False):
            found.append(task.id)
            # A younger task; and the one just seen, of which the service now tells the time.
            theirs.keep([task_of(1000 + number), task_of(max(59 - number, 0))])
        assert sorted(found) == [name_of(number) for number in range(60)]
        assert next(iter(mine)).id == mine.search(limit=1)[0].id
        frame = theirs.to_frame()
        assert list(frame["task_id"]) == [task.id for task in theirs.search(limit=None)]
