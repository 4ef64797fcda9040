"""POST /seedream/tasks: one task in its three forms, many tasks, and the history."""

import time
import uuid

import pytest

from .conftest import Api

CAT = "84d1544a-9043-4dde-a98b-e889dacd75f6"


def test_one_task_returns_the_whole_record(api: Api) -> None:
    record = api.tasks(action="retrieve", id=CAT)

    assert record["id"] == CAT
    assert record["trace_id"] == "176acf03-7ca7-4fc6-85db-e3724d4f59eb"
    assert record["type"] == "images"
    assert (record["created_at"], record["finished_at"]) == (1766427547.107, 1766427561.9)
    assert record["request"]["prompt"] == "a white siamese cat"
    assert record["response"]["success"] is True
    assert record["response"]["data"] == [
        {
            "prompt": "a white siamese cat",
            "size": "2048x2048",
            "image_url": f"{api.sandbox.url}/images/6e5f9085-cc4a-4801-b77b-31550129ff19.jpg",
        }
    ]


def test_the_action_is_optional(api: Api) -> None:
    assert api.tasks(id=CAT) == api.tasks(action="retrieve", id=CAT)


def test_the_bare_response_form(api: Api) -> None:
    task_id = api.sandbox.add_task("a kite", size="64x48", form="response")

    answer = api.tasks(id=task_id)

    assert sorted(answer) == ["data", "success", "task_id", "trace_id", "usage"]
    assert answer["task_id"] == task_id
    assert answer["data"][0]["size"] == "64x48"


def test_the_older_form_with_a_status_word(api: Api) -> None:
    done = api.sandbox.add_task(form="status")
    failed = api.sandbox.add_task(form="status", error=("api_error", "No."))
    pending = api.sandbox.add_task(form="status", ready_in=None)

    assert api.tasks(id=done)["data"]["status"] == "succeeded"
    assert api.tasks(id=done)["data"]["image_url"].endswith(".jpg")
    assert api.tasks(id=failed)["data"] == {"status": "failed", "model": "doubao-seedream-4-0-250828"}
    assert api.tasks(id=pending)["data"]["status"] == "processing"


def test_the_three_forms_of_a_pending_record(api: Api) -> None:
    null = api.tasks(id=api.sandbox.add_task(ready_in=None, pending_form="null"))
    absent = api.tasks(id=api.sandbox.add_task(ready_in=None, pending_form="absent"))
    started = api.tasks(id=api.sandbox.add_task(ready_in=None, pending_form="started"))

    assert [null[name] for name in ("finished_at", "elapsed", "response")] == [None, None, None]
    assert not {"finished_at", "elapsed", "response"} & absent.keys()
    assert started["response"] == {"success": True, "task_id": started["id"]}


def test_a_failed_task_is_an_ordinary_response_with_its_error(api: Api) -> None:
    task_id = api.sandbox.add_task(error=("QuotaRiskDetection", "It was refused."))

    response = api.tasks(id=task_id)["response"]

    assert response["success"] is False
    assert response["error"] == {"code": "QuotaRiskDetection", "message": "It was refused."}


def test_one_image_of_a_set_can_fail(api: Api) -> None:
    task_id = api.sandbox.add_task(images=3, image_errors={1: ("OutputImageSensitiveContentDetected", "Withheld.")})

    data = api.tasks(id=task_id)["response"]["data"]

    assert [bool(item["image_url"]) for item in data] == [True, False, True]
    assert data[1]["error"] == {"code": "OutputImageSensitiveContentDetected", "message": "Withheld."}


def test_a_task_finishes_at_its_time(api: Api) -> None:
    assert api.tasks(id=api.sandbox.add_task(ready_in=60))["finished_at"] is None

    task_id = api.sandbox.add_task(ready_in=0.15)
    deadline = time.monotonic() + 10
    while api.tasks(id=task_id)["finished_at"] is None:
        assert time.monotonic() < deadline

    record = api.tasks(id=task_id)
    assert record["finished_at"] - record["created_at"] == pytest.approx(0.15, abs=0.002)
    assert record["elapsed"] >= 0
    assert record["response"]["data"]


def test_an_unknown_id_returns_an_empty_object(api: Api) -> None:
    answer = api.post("/seedream/tasks", {"id": str(uuid.uuid4())})

    assert (answer.status_code, answer.json()) == (200, {})


def test_a_batch_has_no_unknown_ids_and_no_duplicates(api: Api) -> None:
    ids = [api.sandbox.add_task(f"kite {number}", size="32x32") for number in range(120)]

    answer = api.tasks(action="retrieve_batch", ids=[*reversed(ids), ids[0], "nobody"])

    assert answer["count"] == 120
    assert {record["id"] for record in answer["items"]} == set(ids)
    assert len(answer["items"]) == 120


def test_an_empty_batch_is_not_the_history(api: Api) -> None:
    assert api.tasks(action="retrieve_batch", ids=[]) == {"items": [], "count": 0}


def test_a_batch_above_the_maximum_is_rejected(api: Api) -> None:
    api.sandbox.settings.max_batch = 2

    answer = api.post("/seedream/tasks", {"action": "retrieve_batch", "ids": ["a", "b", "c"]})

    assert answer.status_code == 413
    assert answer.json()["error"]["code"] == "request_too_large"
    assert api.post("/seedream/tasks", {"action": "retrieve_batch", "ids": ["a", "b"]}).status_code == 200


def test_the_history_has_twelve_tasks_newest_first(api: Api) -> None:
    for number in range(20):
        api.sandbox.add_task(f"kite {number}", created_at=4_000_000_000 + number)

    answer = api.tasks(action="retrieve_batch")

    assert answer["count"] == 20 + len(api.sandbox.examples)
    assert [record["request"]["prompt"] for record in answer["items"]] == [f"kite {n}" for n in range(19, 7, -1)]


def test_the_history_pages_without_gap_or_overlap(api: Api) -> None:
    pages = [api.tasks(action="retrieve_batch", limit=5, offset=offset) for offset in (0, 5, 10, 15)]

    ids = [record["id"] for page in pages for record in page["items"]]
    assert len(ids) == len(set(ids)) == pages[0]["count"] == len(api.sandbox.examples)


@pytest.mark.parametrize(
    ("filters", "prompts"),
    [
        ({"application_id": "app-1"}, ["b", "a"]),
        ({"user_id": "user-1"}, ["c"]),
        ({"application_id": "app-1", "created_at_min": 2000}, ["b"]),
        ({"application_id": "app-1", "created_at_max": 1000.0}, ["a"]),
        ({"application_id": "app-1", "type": "videos"}, []),
        ({"application_id": "app-1", "type": "images", "limit": 1, "offset": 1}, ["a"]),
        ({"application_id": "app-1", "user_id": None}, ["b", "a"]),
    ],
)
def test_the_history_filters(api: Api, filters: dict[str, object], prompts: list[str]) -> None:
    api.sandbox.add_task("a", application_id="app-1", created_at=1000)
    api.sandbox.add_task("b", application_id="app-1", created_at=2000)
    api.sandbox.add_task("c", application_id="app-2", user_id="user-1", created_at=3000)

    answer = api.tasks(action="retrieve_batch", **filters)

    assert [record["request"]["prompt"] for record in answer["items"]] == prompts


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "bad_request"),
        ({"id": ""}, "bad_request"),
        ({"id": 7}, "bad_request"),
        ({"action": "remove", "id": CAT}, "api_not_implemented"),
        ({"action": 7, "id": CAT}, "api_not_implemented"),
        ({"action": "retrieve_batch", "ids": "a,b"}, "bad_request"),
        ({"action": "retrieve_batch", "ids": [1, 2]}, "bad_request"),
        ({"action": "retrieve_batch", "limit": -1}, "bad_request"),
        ({"action": "retrieve_batch", "offset": "2"}, "bad_request"),
        ({"action": "retrieve_batch", "created_at_min": "yesterday"}, "bad_request"),
        ({"action": "retrieve_batch", "user_id": 3}, "bad_request"),
        (["a list"], "bad_request"),
        (None, "bad_request"),
    ],
)
def test_an_invalid_query_is_rejected_with_its_code(api: Api, body: object, code: str) -> None:
    answer = api.post("/seedream/tasks", body)

    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == code
    assert answer.json()["error"]["message"]
