"""Every documented form, every rule of the states, and whatever else could come instead."""

import base64
import contextlib
import json
import math
import pickle
import unicodedata
from datetime import datetime, timezone
from typing import Any

import pytest
from hypothesis import given

from seedream_nb.core.errors import UnreadableAnswerError
from seedream_nb.core.models import BoundingBox, ErrorDetail, Task, TaskStatus
from seedream_nb.protocol.capabilities import MODELS
from seedream_nb.protocol.responses import (
    FAILED_WORDS,
    PENDING_WORDS,
    SUCCEEDED_WORDS,
    read_error,
    read_page,
    read_task,
)
from tests.protocol.samples import (
    FAILURE,
    ID,
    ITEM,
    LINK,
    MODEL,
    RECORD,
    RESPONSE,
    STATUS_FORM,
    TRACE,
    anything,
    records,
)


def without(record: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name not in names}


def read(answer: object) -> Task:
    """As an answer travels: through JSON."""
    return read_task(json.loads(json.dumps(answer)), ID)


# The documented forms


def test_the_record() -> None:
    task = read(RECORD)
    assert (task.id, task.status, task.trace_id) == (ID, TaskStatus.SUCCEEDED, TRACE)
    assert (task.prompt, task.model, task.size) == ("a white siamese cat", MODEL, "2048x2048")
    assert task.request == RECORD["request"]
    assert task.created_at == datetime(2025, 12, 22, 18, 19, 7, 107000, tzinfo=timezone.utc)
    assert task.finished_at == datetime(2025, 12, 22, 18, 19, 21, 900000, tzinfo=timezone.utc)
    assert task.elapsed == 14.5
    assert task.raw == RECORD
    assert task.error is None
    (image,) = task.images
    assert (image.task_id, image.index, image.url, image.data) == (ID, 0, LINK, None)
    assert (image.prompt, image.model, image.size) == ("a white siamese cat", MODEL, "2048x2048")
    assert (image.z_index, image.bounding_box, image.error, image.raw) == (None, None, None, ITEM)


def test_the_bare_response() -> None:
    task = read(RESPONSE)
    assert (task.id, task.status, task.trace_id) == (ID, TaskStatus.SUCCEEDED, TRACE)
    assert (task.prompt, task.model, task.size) == ("a white siamese cat", None, "2048x2048")
    assert [image.url for image in task.images] == [LINK]
    assert (task.created_at, task.finished_at, task.elapsed) == (None, None, None)


def test_the_older_form_whose_data_is_one_object() -> None:
    task = read(STATUS_FORM)
    assert (task.id, task.status, task.model) == (ID, TaskStatus.SUCCEEDED, MODEL)
    assert [image.url for image in task.images] == [LINK]


@pytest.mark.parametrize("answer", [{}, None])
def test_an_unknown_id(answer: object) -> None:
    task = read(answer)
    assert (task.id, task.status, task.images) == (ID, TaskStatus.NOT_FOUND, ())


def test_many_tasks() -> None:
    page = read_page({"items": [RECORD, {**RECORD, "id": "another"}], "count": 57})
    assert [task.id for task in page.tasks] == [ID, "another"]
    assert page.total == 57


@pytest.mark.parametrize("count", [None, "2", True, 1.5, 10**400])
def test_a_count_that_is_no_number_is_counted_instead(count: object) -> None:
    assert read_page({"items": [RECORD], "count": count}).total == 1


def test_items_that_tell_of_no_task_are_passed_over() -> None:
    assert read_page({"items": [None, {}, "text", 7, [RECORD], RECORD]}).tasks == (read(RECORD),)


# States: each rule of the wire contract

UNFINISHED = without(RECORD, "finished_at", "elapsed", "response", "started_at")


@pytest.mark.parametrize(
    "record",
    [
        UNFINISHED,
        {**UNFINISHED, "response": None},
        {**UNFINISHED, "response": {"success": True, "task_id": ID}},
        {**UNFINISHED, "finished_at": None, "elapsed": None},
        {**UNFINISHED, "finished_at": None, "response": RESPONSE},
        {**UNFINISHED, "finished_at": None, "response": FAILURE},
        {"success": True, "task_id": ID},
        {"task_id": ID},
        {"success": True, "task_id": ID, "data": []},
        {"success": True, "task_id": ID, "data": None},
        *[{"success": True, "task_id": ID, "data": {"status": word}} for word in sorted(PENDING_WORDS)],
    ],
)
def test_pending(record: dict[str, Any]) -> None:
    task = read(record)
    assert task.status is TaskStatus.PENDING
    assert not task.status.is_final


@pytest.mark.parametrize(
    "record",
    [
        {**UNFINISHED, "started_at": 1766427547.4},
        {**UNFINISHED, "started_at": 1766427547.4, "finished_at": None},
        {"task_id": ID, "data": {"status": "processing"}},
        {"task_id": ID, "data": {"status": "a word of next year", "image_url": LINK}},
        {"task_id": ID, "data": {"status": " In_Progress "}},
        {**RECORD, "status": "processing"},
        {**RECORD, "state": "half-way"},
    ],
)
def test_running_and_every_unknown_word(record: dict[str, Any]) -> None:
    assert read(record).status is TaskStatus.RUNNING


@pytest.mark.parametrize("word", sorted(SUCCEEDED_WORDS))
def test_every_word_for_success(word: str) -> None:
    assert read({"task_id": ID, "data": {"status": word.upper(), "image_url": LINK}}).status is TaskStatus.SUCCEEDED
    assert read({"id": ID, "status": word}).status is TaskStatus.SUCCEEDED


@pytest.mark.parametrize("word", sorted(FAILED_WORDS))
def test_every_word_for_failure(word: str) -> None:
    assert read({"task_id": ID, "data": {"status": word, "image_url": LINK}}).status is TaskStatus.FAILED
    assert read({**RECORD, "status": word}).status is TaskStatus.FAILED


def test_a_finished_record_without_data_has_succeeded() -> None:
    task = read({**RECORD, "response": {"success": True, "task_id": ID}})
    assert (task.status, task.images) == (TaskStatus.SUCCEEDED, ())


@pytest.mark.parametrize(
    ("record", "detail"),
    [
        ({**RECORD, "response": FAILURE}, ErrorDetail("api_error", "it broke")),
        ({**UNFINISHED, "response": FAILURE}, ErrorDetail("api_error", "it broke")),
        ({**without(RECORD, "response"), "error": FAILURE["error"]}, ErrorDetail("api_error", "it broke")),
        (FAILURE, ErrorDetail("api_error", "it broke")),
        ({**RECORD, "response": {"success": False, "error": "words"}}, ErrorDetail(message="words")),
        ({**RECORD, "response": {"success": False, "error": None}}, None),
        ({**RECORD, "response": {"success": False}}, None),
    ],
)
def test_failed(record: dict[str, Any], detail: ErrorDetail | None) -> None:
    task = read(record)
    assert (task.status, task.error, task.trace_id) == (TaskStatus.FAILED, detail, TRACE)


def test_rejected_but_not_finished_is_not_failed_yet() -> None:
    assert read({**UNFINISHED, "response": {"success": False}}).status is TaskStatus.PENDING


def test_one_failed_image_of_a_set_leaves_the_others_good() -> None:
    problem = {"error": {"code": "OutputImageSensitiveContentDetected", "message": "withheld"}}
    task = read({**RESPONSE, "data": [ITEM, problem, {**ITEM, "error": None}]})
    assert task.status is TaskStatus.PARTIALLY_FAILED
    assert [image.is_good for image in task.images] == [True, False, True]
    assert [image.index for image in task.images] == [0, 1, 2]
    assert task.images[1].error == ErrorDetail("OutputImageSensitiveContentDetected", "withheld")
    assert task.images[1].error.is_moderation
    assert task.error is None


def test_a_set_whose_every_image_failed_has_failed() -> None:
    task = read({**RECORD, "response": {**RESPONSE, "data": [{"error": "one"}, {"error": {"message": "two"}}]}})
    assert task.status is TaskStatus.FAILED
    assert [str(image.error) for image in task.images] == ["one", "two"]


def test_good_images_beside_an_error_are_kept() -> None:
    task = read({**RECORD, "response": {**FAILURE, "data": [ITEM]}})
    assert (task.status, len(task.good_images)) == (TaskStatus.PARTIALLY_FAILED, 1)


# Items


def test_an_image_sent_inline() -> None:
    encoded = base64.b64encode(b"\x89PNG and more").decode()
    wrapped = "\n".join([encoded[:8], encoded[8:]])
    forms = [encoded, wrapped, f"data:image/png;base64,{encoded}"]
    task = read({**RESPONSE, "data": [{"b64_json": form, "output_format": "png"} for form in forms]})
    assert [image.data for image in task.images] == [b"\x89PNG and more"] * 3
    assert [(image.url, image.output_format) for image in task.images] == [(None, "png")] * 3
    assert "PNG and more" not in repr(task)


def test_an_inline_image_that_is_no_base64_is_a_failed_image() -> None:
    task = read({**RESPONSE, "data": [{"b64_json": "not base64!"}, ITEM]})
    assert task.status is TaskStatus.PARTIALLY_FAILED
    assert task.images[0].error is not None
    assert "base64" in task.images[0].error.message


def test_layers_keep_their_place_and_box() -> None:
    box = {"absolute": [12, 30.5, 512, 640], "normalized": [6, 15, 250, 312]}
    layer = {"url": LINK, "z_index": 1, "bounding_box": box, "name": "cat", "description": "a sitting cat"}
    task = read({**RESPONSE, "data": [{"url": LINK, "z_index": 0, "bounding_box": None}, layer]})
    base, cat = task.images
    assert (base.z_index, base.bounding_box, base.name) == (0, None, None)
    assert (cat.z_index, cat.name, cat.description) == (1, "cat", "a sitting cat")
    assert cat.bounding_box == BoundingBox((12, 30.5, 512, 640), (6, 15, 250, 312))


@pytest.mark.parametrize(
    "box", [[1, 2, 3, 4], {"absolute": [1, 2, 3]}, {"absolute": ["1", 2, 3, 4]}, {"normalized": [1, 2, 3, None]}, "box"]
)
def test_a_box_of_another_shape_is_no_box(box: object) -> None:
    (image,) = read({**RESPONSE, "data": [{**ITEM, "bounding_box": box}]}).images
    assert image.bounding_box is None
    assert image.raw["bounding_box"] == box


def test_a_callback_url_is_never_an_image_link() -> None:
    callback = "https://my.example/hook"
    record = {**RECORD, "request": {"prompt": "a cat", "callback_url": callback}, "callback_url": callback}
    for response in (None, {"success": True, "task_id": ID}, {"success": True, "callback_url": callback, "data": {}}):
        task = read({**record, "response": response})
        assert task.images == ()
        assert task.request["callback_url"] == callback


def test_both_names_of_the_link() -> None:
    task = read({**RESPONSE, "data": [{"image_url": LINK, "url": "https://x.example/other"}, {"url": LINK}, LINK]})
    assert [image.url for image in task.images] == [LINK] * 3


@pytest.mark.parametrize(
    "model",
    [
        "doubao-seedream-5-0-260128",
        "doubao-seedream-3-0-t2i-250415",
        "doubao-seededit-3-0-i2i-250628",
        "a-model-of-next-year",
    ],
)
def test_old_and_unknown_models_are_shown_as_they_are(model: str) -> None:
    task = read({**RECORD, "request": {"model": model, "prompt": "a cat", "size": "2K", "seed": 7}})
    assert (task.model, task.size, task.images[0].model, task.images[0].seed) == (model, "2K", model, 7)


@pytest.mark.parametrize("model", MODELS)
def test_a_seed_that_the_model_ignored_is_not_read(model: str) -> None:
    task = read({**RECORD, "request": {"model": model, "prompt": "a cat", "seed": 7}})
    assert (task.images[0].seed, task.request["seed"]) == (None, 7)


def test_an_item_knows_better_than_the_request() -> None:
    item = {**ITEM, "model": "its-own", "seed": 0, "prompt": "its own"}
    task = read({**RECORD, "request": {"model": MODEL, "seed": 7, "prompt": "a cat"}, "response": {"data": [item]}})
    assert (task.model, task.prompt) == (MODEL, "a cat")
    assert (task.images[0].model, task.images[0].seed, task.images[0].prompt) == ("its-own", 0, "its own")


def test_unknown_fields_are_kept() -> None:
    record = {**RECORD, "surprise": {"deep": [1, None]}, "response": {**RESPONSE, "data": [{**ITEM, "mood": "good"}]}}
    task = read(record)
    assert task.raw == record
    assert task.images[0].raw["mood"] == "good"


@pytest.mark.parametrize(
    ("record", "task_id"),
    [
        ({"id": "a", "task_id": "b", "_id": "c", "response": {"task_id": "d"}}, "a"),
        ({"task_id": "b", "_id": "c", "response": {"task_id": "d"}}, "b"),
        ({"_id": "c", "response": {"task_id": "d"}}, "d"),
        ({"_id": "c", "response": {}}, ID),
        ({"id": None, "task_id": ["x"], "_id": "c", "response": {"task_id": {}}}, ID),
    ],
)
def test_where_the_id_is_looked_for(record: dict[str, Any], task_id: str) -> None:
    assert read(record).id == task_id


@pytest.mark.parametrize("moment", [1e18, -1e18, 1766427547107, math.nan, math.inf, "yesterday", True, 10**400])
def test_a_time_that_no_calendar_holds_is_no_time(moment: object) -> None:
    task = read_task({**RECORD, "created_at": moment}, ID)
    assert task.created_at is None
    assert task.raw["created_at"] is moment


def test_foreign_text_cannot_steer_a_terminal_and_can_always_be_encoded() -> None:
    task = read({**RECORD, "request": {"prompt": "a\x1b[2Jcat\u0085\r\n\tand half \ud800 a pair"}})
    assert task.prompt == "a [2Jcat  \n\tand half ? a pair"


# Answers that are none


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ([], "a JSON list"),
        ([RECORD], "a JSON list"),
        ("text", "a JSON string"),
        (7, "a plain JSON value"),
        (True, "a plain JSON value"),
        ({"detail": "hello"}, "a JSON object without any known field"),
    ],
)
def test_what_is_no_task_is_said_to_be_none(answer: object, words: str) -> None:
    with pytest.raises(UnreadableAnswerError, match=f"{words} instead of a task") as caught:
        read(answer)
    assert caught.value.hint


@pytest.mark.parametrize("answer", [None, [], {}, {"items": None}, {"items": {"a": 1}}, "text", RECORD])
def test_what_is_no_list_of_tasks_is_said_to_be_none(answer: object) -> None:
    with pytest.raises(UnreadableAnswerError, match="instead of a list of tasks"):
        read_page(answer)


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({"error": {"code": "a", "message": "b"}}, ErrorDetail("a", "b")),
        ({"error": {"code": 400}}, ErrorDetail("400")),
        ({"error": "words"}, ErrorDetail(message="words")),
        ({"error": None}, None),
        ({"error": {}}, None),
        ({"error": []}, None),
        ({"error": {"code": None, "message": {"en": "b"}}}, None),
        ({}, None),
        (None, None),
        ([], None),
    ],
)
def test_every_form_of_an_error(body: object, detail: ErrorDetail | None) -> None:
    assert read_error(body) == detail


# Anything at all


def check(task: Task) -> None:
    assert isinstance(task.status, TaskStatus)
    assert all(image.task_id == task.id for image in task.images)
    assert all(image.is_good or image.error for image in task.images)
    failed = sum(image.error is not None for image in task.images)
    if task.status is TaskStatus.SUCCEEDED:
        assert failed == 0
    if task.status is TaskStatus.PARTIALLY_FAILED:
        assert task.good_images
    json.dumps(task.to_dict())
    hash(task)
    copy = pickle.loads(pickle.dumps(task))  # noqa: S301  our own bytes
    assert repr(copy) == repr(task)
    texts = [task.id, task.prompt, task.model, task.size, task.trace_id, str(task.error)]
    for image in task.images:
        texts += [image.url, image.prompt, image.model, image.size, image.name, image.description, str(image.error)]
    for text in filter(None, texts):
        text.encode()
        assert not any(unicodedata.category(letter) == "Cc" for letter in text if letter not in "\t\n")


@given(records)
def test_no_record_ever_crashes_the_reading(record: dict[str, Any]) -> None:
    with contextlib.suppress(UnreadableAnswerError):
        check(read_task(record, ID))
    for task in read_page({"items": [record]}).tasks:
        check(task)


@given(anything)
def test_no_answer_at_all_ever_crashes_the_reading(answer: object) -> None:
    with contextlib.suppress(UnreadableAnswerError):
        check(read_task(answer, ID))
    with contextlib.suppress(UnreadableAnswerError):
        assert all(isinstance(task, Task) for task in read_page(answer).tasks)
