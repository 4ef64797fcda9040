"""Every row of the wire contract's table of statuses and codes, and every body that is none of the API's own."""

import email.utils
import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedream_nb.core.errors import (
    MAX_MESSAGE_LENGTH,
    BadRequestError,
    EndpointNotFoundError,
    InvalidTokenError,
    RateLimitedError,
    RequestTooLargeError,
    SeedreamError,
    ServerError,
    ServiceError,
    UnreadableAnswerError,
)
from seedream_nb.protocol.status_errors import (
    means_too_many_ids,
    means_unknown_task,
    read_answer,
    read_retry_after,
    to_error,
)
from tests.protocol.samples import ROWS, UNREADABLE

BY_STATUS_ALONE = [
    (400, BadRequestError),
    (401, InvalidTokenError),
    (402, ServiceError),
    (403, ServiceError),
    (404, EndpointNotFoundError),
    (405, EndpointNotFoundError),
    (413, RequestTooLargeError),
    (422, BadRequestError),
    (429, RateLimitedError),
    (500, ServerError),
    (502, ServerError),
    (503, ServerError),
    (504, ServerError),
    (304, ServiceError),
]


@pytest.mark.parametrize(("status", "code", "kind", "sentence", "hint"), ROWS)
def test_every_documented_code(status: int, code: str, kind: type[SeedreamError], sentence: str, hint: str) -> None:
    body = {"success": False, "error": {"code": code, "message": "in their words"}, "trace_id": "a-trace"}
    with pytest.raises(kind) as caught:
        read_answer(status, json.dumps(body))
    error = caught.value
    assert type(error) is kind
    assert (error.code, error.status_code, error.trace_id) == (code, status, "a-trace")
    assert sentence in error.message
    assert error.message.endswith("The service says: in their words")
    assert error.hint is not None
    assert hint in error.hint


@pytest.mark.parametrize(("status", "kind"), BY_STATUS_ALONE)
@pytest.mark.parametrize(
    "body", [{}, None, [], "text", 7, {"success": False}, {"error": None}, {"error": {}}, {"error": {"code": None}}]
)
def test_a_status_alone_is_enough(status: int, kind: type[SeedreamError], body: object) -> None:
    error = to_error(status, body)
    assert type(error) is kind
    assert (error.code, error.status_code, error.trace_id) == (None, status, None)
    assert error.message
    assert error.hint


def test_success_may_be_missing_and_the_error_a_bare_string() -> None:
    error = to_error(400, {"error": "size is not supported", "trace_id": "a-trace"})
    assert type(error) is BadRequestError
    assert "size is not supported" in error.message
    assert (error.code, error.trace_id) == (None, "a-trace")


def test_foreign_words_are_cut_to_a_readable_length() -> None:
    error = to_error(400, {"error": {"code": "c" * 10_000, "message": "\x1b[31m " + "word " * 10_000}})
    assert len(str(error)) < 3 * MAX_MESSAGE_LENGTH
    assert "\x1b" not in str(error)


@pytest.mark.parametrize(("text", "words"), UNREADABLE)
def test_a_good_status_with_an_unreadable_body(text: str, words: str) -> None:
    with pytest.raises(UnreadableAnswerError) as caught:
        read_answer(200, text)
    assert words in caught.value.message
    assert caught.value.hint
    assert caught.value.status_code == 200


@pytest.mark.parametrize(("text", "words"), [row for row in UNREADABLE if row[0].strip()])
def test_a_bad_status_with_an_unreadable_body_keeps_its_class(text: str, words: str) -> None:
    with pytest.raises(ServerError) as caught:
        read_answer(502, text)
    assert words.removesuffix(".") in caught.value.message
    assert "not the API's" in caught.value.message


def test_an_endless_page_is_described_quickly() -> None:
    before = time.process_time()
    with pytest.raises(UnreadableAnswerError):
        read_answer(200, "<title>" * 200_000)
    assert time.process_time() - before < 1


@pytest.mark.parametrize(("text", "value"), [("{}", {}), ("null", None), ("[]", []), (' {"a": 1}\n', {"a": 1})])
def test_a_good_answer_is_decoded_whatever_it_holds(text: str, value: object) -> None:
    assert read_answer(200, text) == value
    assert read_answer(202, text) == value


@pytest.mark.parametrize(
    ("error", "is_unknown"),
    [
        (to_error(404, {"error": {"code": "not_found"}}), True),
        (to_error(400, {"error": {"code": "not_found"}}), True),
        (to_error(400, {"error": {"code": "bad_request", "message": "Task not found"}}), True),
        (to_error(404, {"error": "task does not exist"}), True),
        (to_error(404, {"error": {"message": "no such task"}}), True),
        (to_error(404, {"error": {"code": "no_api", "message": "API not found"}}), False),
        (to_error(404, None, "<html><title>404 Not Found</title></html>"), False),
        (to_error(404, {"detail": "Not Found"}), False),
        (to_error(404, {}), False),
        (to_error(500, {"error": "not found"}), False),
        (to_error(400, {"error": {"code": "bad_request", "message": "id is required"}}), False),
    ],
)
def test_which_errors_only_say_that_there_is_no_such_task(error: SeedreamError, *, is_unknown: bool) -> None:
    assert means_unknown_task(error) is is_unknown


@pytest.mark.parametrize(
    ("error", "is_too_many"),
    [
        (to_error(413, None, "<html><title>413 Request Entity Too Large</title></html>"), True),
        (to_error(413, {"error": {"code": "request_too_large"}}), True),
        (to_error(400, {"error": {"code": "bad_request", "message": "too many ids"}}), True),
        (to_error(400, {"error": {"code": "bad_request", "message": "ids: at most 20 items"}}), True),
        (to_error(400, {"error": "ids exceeds the maximum length"}), True),
        (to_error(400, {"error": {"code": "bad_request", "message": "ids must be strings"}}), False),
        (to_error(429, {"error": {"code": "too_many_requests", "message": "too many requests"}}), False),
    ],
)
def test_which_errors_call_for_a_shorter_list(error: SeedreamError, *, is_too_many: bool) -> None:
    assert means_too_many_ids(error) is is_too_many


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0),
        ("7", 7.0),
        (" 7 ", 7.0),
        ("0.05", 0.05),
        ("-3", 0.0),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
        (None, None),
        ("", None),
        ("soon", None),
        ("inf", None),
        ("nan", None),
        ("1e999", None),
        ("Wed, 99 Oct 99999 07:28:00 GMT", None),
    ],
)
def test_retry_after_in_every_form(value: str | None, seconds: float | None) -> None:
    assert read_retry_after(value) == seconds


def test_retry_after_as_a_date_to_come() -> None:
    seconds = read_retry_after(email.utils.formatdate(time.time() + 100, usegmt=True))
    assert seconds is not None
    assert 95 < seconds <= 100


@given(st.text())
def test_no_retry_after_ever_crashes_the_reading(value: str) -> None:
    seconds = read_retry_after(value)
    assert seconds is None or seconds >= 0


@given(st.integers(100, 599), st.text())
def test_no_body_ever_crashes_the_reading(status: int, text: str) -> None:
    try:
        read_answer(status, text)
    except SeedreamError as problem:
        error = problem
    else:
        return
    assert error.hint
    assert len(error.message) < 2 * MAX_MESSAGE_LENGTH
