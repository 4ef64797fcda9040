"""What must not be shared leaves a record at every depth, and nothing else does."""

from __future__ import annotations

import copy
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedream_nb.core.redaction import redact

RECORD = {
    "_id": "69498b9bff2676299c5cb7a6",
    "id": "84d1544a-9043-4dde-a98b-e889dacd75f6",
    "api_id": "86ad30f3-0bc8-4b9b-b019-b9fa5b05672e",
    "application_id": "11e25072-de6d-4bd6-81e7-77ee0055499a",
    "credential_id": "50892af9-597f-426e-a455-bc1739de95b0",
    "user_id": "b60a9491-1eba-4ab8-a93f-12c0fd81dab4",
    "trace_id": "176acf03-7ca7-4fc6-85db-e3724d4f59eb",
    "created_at": 1766427547.107,
    "elapsed": None,
    "request": {"prompt": "a cat", "model": "m", "callback_url": "https://me.example/hook?key=s3cret"},
    "response": {
        "success": False,
        "task_id": "84d1544a-9043-4dde-a98b-e889dacd75f6",
        "trace_id": "a-second-trace",
        "error": {"code": "api_error", "message": "No luck (176acf03-7ca7-4fc6-85db-e3724d4f59eb), a-second-trace."},
        "data": [{"image_url": "https://x.example/a.jpg", "trace_id": None}, {"usage": {"output_tokens": 7}}],
    },
}
PRIVATE = ("_id", "api_id", "application_id", "credential_id", "user_id", "trace_id", "callback_url", "token")

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*PRIVATE, "id", "task_id", "prompt", "data"]) | st.text(max_size=5), inner)
    ),
    max_leaves=20,
)


def keys_of(value: object) -> set[str]:
    if isinstance(value, dict):
        return set(value) | {key for inner in value.values() for key in keys_of(inner)}
    return {key for inner in value for key in keys_of(inner)} if isinstance(value, list) else set()


def test_private_values_are_redacted_and_results_stay() -> None:
    before = copy.deepcopy(RECORD)
    assert redact(RECORD) == {
        "id": "84d1544a-9043-4dde-a98b-e889dacd75f6",
        "created_at": 1766427547.107,
        "elapsed": None,
        "request": {"prompt": "a cat", "model": "m"},
        "response": {
            "success": False,
            "task_id": "84d1544a-9043-4dde-a98b-e889dacd75f6",
            "error": {"code": "api_error", "message": "No luck ((redacted)), (redacted)."},
            "data": [{"image_url": "https://x.example/a.jpg"}, {"usage": {"output_tokens": 7}}],
        },
    }
    assert before == RECORD


@pytest.mark.parametrize(
    "key",
    [*PRIVATE, "traceId", "X-Trace-Id", "TRACE_ID", "userId", "api_token", "accessToken", "api_key", "Authorization"],
)
def test_however_a_private_key_is_written(key: str) -> None:
    assert redact({"a": [{key: "x", "kept": 1}], key: {"deep": "secret-text"}, "m": "secret-text"}) == {
        "a": [{"kept": 1}],
        "m": "(redacted)",
    }


@pytest.mark.parametrize(
    "key", ["id", "task_id", "prompt", "output_tokens", "total_tokens", "seed", "image_url", "index"]
)
def test_other_keys_stay(key: str) -> None:
    assert redact({key: "a value", "in": {key: 1}}) == {key: "a value", "in": {key: 1}}


def test_a_task_id_stays_where_a_trace_id_is_the_same() -> None:
    assert redact({"id": "0123456789", "trace_id": "0123456789"}) == {"id": "0123456789"}


def test_short_values_are_not_looked_for_in_other_texts() -> None:
    assert redact({"user_id": "cat", "prompt": "a cat"}) == {"prompt": "a cat"}


@given(st.dictionaries(st.sampled_from([*PRIVATE, "data", "id"]), JSON))
def test_no_private_key_is_left_in_any_record(record: dict[str, object]) -> None:
    before = copy.deepcopy(record)
    shared = redact(record)
    assert not keys_of(shared) & set(PRIVATE)
    assert redact(shared) == shared
    assert record == before
    json.dumps(shared)
