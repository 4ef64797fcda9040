"""Fault injection as a client sees it."""

import datetime as dt
import email.utils
import io
from typing import Any

import pytest
import requests
from PIL import Image

from seedream_nb.sandbox import Fault, Sandbox

from .conftest import MODEL, SMALLEST, Api

CAT = "84d1544a-9043-4dde-a98b-e889dacd75f6"


def query(api: Api) -> requests.Response:
    return api.post("/seedream/tasks", {"id": CAT})


@pytest.fixture
def image_url(api: Api) -> str:
    task_id = api.sandbox.add_task("a kite", size="200x200")
    return str(api.tasks(id=task_id)["response"]["data"][0]["image_url"])


def test_without_faults_everything_succeeds(api: Api) -> None:
    assert query(api).json()["id"] == CAT
    assert len(api.sandbox.faults) == 0


@pytest.mark.parametrize(
    ("retry_after", "header"),
    [
        (2, "2"),
        (0.5, "0.5"),
        ("soon", "soon"),
        (None, None),
        (dt.datetime(2030, 1, 2, 3, 4, 5, tzinfo=dt.timezone.utc), "Wed, 02 Jan 2030 03:04:05 GMT"),
    ],
)
def test_rate_limit(api: Api, retry_after: Any, header: str | None) -> None:
    api.sandbox.faults.add("rate_limit", times=1, retry_after=retry_after)

    answer = query(api)

    assert (answer.status_code, answer.json()["error"]["code"]) == (429, "too_many_requests")
    assert answer.headers.get("Retry-After") == header
    if isinstance(retry_after, dt.datetime):
        assert email.utils.parsedate_to_datetime(answer.headers["Retry-After"]) == retry_after
    assert query(api).status_code == 200


def test_server_error_twice_then_success(api: Api) -> None:
    api.sandbox.faults.add("server_error", times=2)

    answers = [query(api) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [500, 500, 200]
    assert answers[0].json()["error"]["code"] == "api_error"
    assert answers[0].json()["success"] is False


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("used_up", 403),
        ("token_expired", 401),
        ("request_too_large", 413),
        ("not_found", 404),
        ("SomeRiskDetection", 400),
    ],
)
def test_any_error(api: Api, code: str, status: int) -> None:
    api.sandbox.faults.add("error", code=code)

    answer = query(api)

    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


def test_dropped_connection(api: Api) -> None:
    api.sandbox.faults.add("drop", times=1)

    with pytest.raises(requests.exceptions.ConnectionError):
        query(api)
    assert api.sandbox.requests[-1].status == 0
    assert query(api).status_code == 200


def test_a_response_cut_short_of_its_content_length(api: Api) -> None:
    api.sandbox.faults.add("cut")

    with pytest.raises(requests.exceptions.ChunkedEncodingError, match="IncompleteRead"):
        query(api)


def test_an_image_cut_short_of_its_content_length(api: Api, image_url: str) -> None:
    api.sandbox.faults.add("cut", on="downloads")

    with pytest.raises(requests.exceptions.ChunkedEncodingError, match="IncompleteRead"):
        api.get(image_url)


@pytest.mark.parametrize(
    "fault",
    [
        Fault("truncate"),
        Fault("empty"),
        Fault("html"),
        Fault("html", status=502),
        Fault("json", body="{'not': 'json'}"),
    ],
    ids=lambda fault: f"{fault.kind}-{fault.status}",
)
def test_responses_that_are_not_json(api: Api, fault: Fault) -> None:
    api.sandbox.faults.add(fault)

    answer = query(api)

    assert answer.status_code == (fault.status or 200)
    with pytest.raises(requests.exceptions.JSONDecodeError):
        answer.json()


def test_a_proxy_page_is_html(api: Api) -> None:
    api.sandbox.faults.add("html")

    assert query(api).headers["Content-Type"].startswith("text/html")


@pytest.mark.parametrize(("body", "value"), [("null", None), ("[]", []), ('"text"', "text"), ("7", 7)])
def test_json_that_is_not_an_object(api: Api, body: str, value: object) -> None:
    api.sandbox.faults.add("json", body=body)

    assert query(api).json() == value


def test_latency_combines_with_another_fault(api: Api) -> None:
    api.sandbox.faults.add("latency", seconds=1, times=1)
    api.sandbox.faults.add("server_error", times=1)

    slow, quick = query(api), query(api)

    assert (slow.status_code, quick.status_code) == (500, 200)
    assert slow.elapsed.total_seconds() >= 1 > quick.elapsed.total_seconds()


def test_a_dead_image_link(api: Api, image_url: str) -> None:
    api.sandbox.faults.add("missing", on="downloads", times=1)

    assert [api.get(image_url).status_code for _ in range(2)] == [404, 200]


def test_html_under_an_image_content_type(api: Api, image_url: str) -> None:
    api.sandbox.faults.add("html", on="downloads")

    answer = api.get(image_url)

    assert answer.headers["Content-Type"] == "image/jpeg"
    assert answer.text.startswith("<!DOCTYPE html>")


def test_half_an_image(api: Api, image_url: str) -> None:
    api.sandbox.faults.add("truncate", on="downloads")

    with Image.open(io.BytesIO(api.get(image_url).content)) as image, pytest.raises(OSError, match="truncated"):
        image.load()


def test_an_image_that_redirects_to_itself_endlessly(api: Api, image_url: str) -> None:
    api.sandbox.faults.add("redirect", on="downloads")

    with pytest.raises(requests.exceptions.TooManyRedirects):
        api.get(image_url)


def test_an_image_that_redirects_once(api: Api, image_url: str) -> None:
    api.sandbox.faults.add("redirect", on="downloads", times=1)

    assert api.get(image_url).headers["Content-Type"] == "image/jpeg"


@pytest.mark.parametrize("location", ["file:///etc/hostname", "ftp://127.0.0.1/image.jpg"])
def test_an_image_that_redirects_out_of_http(api: Api, image_url: str, location: str) -> None:
    api.sandbox.faults.add("redirect", on="downloads", location=location)

    answer = api.get(image_url, allow_redirects=False)

    assert (answer.status_code, answer.headers["Location"]) == (302, location)


def test_a_fault_applies_only_to_matching_requests(api: Api) -> None:
    slow, quick = (api.sandbox.add_task(prompt, size="200x200") for prompt in ("a kite", "a boat"))
    urls = [api.tasks(id=task_id)["response"]["data"][0]["image_url"] for task_id in (slow, quick)]

    with (
        api.sandbox.faults.during("missing", on="downloads", match=slow),
        api.sandbox.faults.during("server_error", on="tasks", match=quick),
    ):
        assert [api.get(url).status_code for url in urls] == [404, 200]
        assert [api.post("/seedream/tasks", {"id": task_id}).status_code for task_id in (slow, quick)] == [200, 500]
        batch = {"action": "retrieve_batch", "ids": [slow, quick]}
        assert api.post("/seedream/tasks", batch).status_code == 500
    assert api.get(urls[0]).status_code == 200


def test_the_first_requests_can_succeed(api: Api) -> None:
    api.sandbox.faults.add("server_error", after=2, times=1)

    assert [query(api).status_code for _ in range(4)] == [200, 200, 500, 200]


def test_faults_can_be_removed(api: Api) -> None:
    gone = api.sandbox.faults.add("server_error")
    api.sandbox.faults.add("rate_limit")
    api.sandbox.faults.remove(gone)
    assert query(api).status_code == 429

    api.sandbox.faults.clear()
    assert query(api).status_code == 200


def test_equal_faults_are_counted_separately(api: Api) -> None:
    fault = Fault("server_error", times=1)
    for _ in range(2):
        api.sandbox.faults.add(fault)

    assert [query(api).status_code for _ in range(3)] == [500, 500, 200]


@pytest.mark.parametrize("kind", ["drop", "server_error", "html", "empty", "json", "cut", "truncate"])
@pytest.mark.parametrize("processed", [False, True])
def test_a_lost_response_may_leave_a_task_behind(api: Api, kind: Any, *, processed: bool) -> None:
    before = len(api.sandbox.task_ids)
    api.sandbox.faults.add(kind, on="images", processed=processed)

    try:
        api.post("/seedream/images", {"model": MODEL, "prompt": "a kite", "size": SMALLEST})
    except (requests.exceptions.ConnectionError, requests.exceptions.ChunkedEncodingError):
        assert kind in {"drop", "cut"}

    assert len(api.sandbox.task_ids) - before == (processed or kind in {"cut", "truncate"})
    (request,) = api.sandbox.requests.of_kind("images")
    assert request.fault == kind


def test_latency_on_everything(sandbox: Sandbox, api: Api) -> None:
    sandbox.settings.latency = 0.15

    assert query(api).elapsed.total_seconds() >= 0.15
