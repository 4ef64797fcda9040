"""The documented error codes, each with its status and the documented body."""

import json
import uuid

import pytest

from .conftest import Api

QUERY = {"id": "84d1544a-9043-4dde-a98b-e889dacd75f6"}
PATHS = ["/seedream/tasks", "/seedream/images"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({}, 400, "no_token"),
        ({"authorization": "Bearer "}, 400, "no_token"),
        ({"authorization": "Bearer wrong"}, 401, "invalid_token"),
        ({"authorization": "Basic c2FuZGJveC10b2tlbg=="}, 401, "invalid_token"),
        ({"authorization": "sandbox-token"}, 401, "invalid_token"),
        ({"authorization": "Bearer expired-token"}, 401, "token_expired"),
        ({"authorization": "Bearer mismatched-token"}, 401, "token_mismatched"),
        ({"authorization": "Bearer used-up-token"}, 403, "used_up"),
        ({"authorization": "Bearer disabled-token"}, 400, "disabled"),
    ],
)
def test_an_invalid_token_is_rejected(api: Api, path: str, headers: dict[str, str], status: int, code: str) -> None:
    answer = api.post(path, QUERY, headers=headers)

    assert answer.status_code == status
    body = answer.json()
    assert sorted(body) == ["error", "success", "trace_id"]
    assert body["success"] is False
    assert sorted(body["error"]) == ["code", "message"]
    assert body["error"]["code"] == code
    assert uuid.UUID(body["trace_id"])
    assert answer.headers["X-Trace-Id"] == body["trace_id"]


def test_bearer_in_any_case_is_accepted(api: Api) -> None:
    assert api.post("/seedream/tasks", QUERY, headers={"authorization": "bearer sandbox-token"}).status_code == 200


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[]", b"null", b'"text"'])
def test_a_body_that_is_not_an_object(api: Api, path: str, content: bytes) -> None:
    answer = api.post(path, data=content)

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "bad_request")


def test_a_body_above_the_limit(api: Api) -> None:
    api.sandbox.settings.max_body_bytes = 1000

    answer = api.post("/seedream/tasks", data=json.dumps({"id": "x" * 1000}))

    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "request_too_large")


@pytest.mark.parametrize("path", ["/", "/seedream", "/seedream/task", "/v1/seedream/tasks", "/seedream/tasks/"])
def test_an_unknown_path(api: Api, path: str) -> None:
    answer = api.post(path, QUERY)

    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "no_api"


@pytest.mark.parametrize("path", PATHS)
def test_get_is_rejected(api: Api, path: str) -> None:
    answer = api.get(api.sandbox.url + path)

    assert answer.status_code == 405
    assert answer.json()["success"] is False


def test_trace_ids_are_the_same_at_every_start_and_differ_within_one(api: Api) -> None:
    first, second = (api.post("/seedream/tasks", QUERY).headers["X-Trace-Id"] for _ in range(2))

    assert first == "d52f33d1-ae11-4f6c-8137-49d2662d962f"
    assert second != first
