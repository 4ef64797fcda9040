"""POST /seedream/images with stream: one JSON object per line."""

import json
from typing import Any

import pytest
import requests

from .conftest import MODEL, SMALLEST, Api


def events(api: Api, **body: object) -> list[Any]:
    request = {
        "model": MODEL,
        "prompt": "a red kite",
        "size": SMALLEST,
        "stream": True,
        "sequential_image_generation": "auto",
        "sequential_image_generation_options": {"max_images": 3},
        **body,
    }
    with api.post("/seedream/images", request, stream=True) as answer:
        assert answer.headers["Content-Type"] == "application/x-ndjson"
        return [json.loads(line) for line in answer.iter_lines()]


def test_each_image_is_an_event_and_the_last_event_completes(api: Api) -> None:
    *images, last = events(api)

    assert [event["type"] for event in images] == ["image_generation.partial_succeeded"] * 3
    assert [event["image_index"] for event in images] == [0, 1, 2]
    assert {(event["model"], event["size"]) for event in images} == {(MODEL, SMALLEST)}
    assert all(isinstance(event["created"], int) for event in images)
    assert [api.get(event["image_url"]).status_code for event in images] == [200] * 3
    assert last["type"] == "image_generation.completed"
    assert last["usage"]["generated_images"] == 3


def test_events_arrive_while_the_rest_is_in_progress(api: Api) -> None:
    api.sandbox.settings.generation_seconds = 0.5
    body = {"model": MODEL, "prompt": "a kite", "size": SMALLEST, "stream": True, "sequential_image_generation": "auto"}

    with api.post("/seedream/images", body, stream=True) as answer:
        lines = answer.iter_lines()
        first = json.loads(next(lines))
        (newest,) = api.tasks(action="retrieve_batch", limit=1)["items"]
        rest = list(lines)

    assert first["image_index"] == 0
    assert newest["finished_at"] is None
    assert len(rest) == 4


def test_a_failed_image_is_an_event(api: Api) -> None:
    first, second, _, _ = events(api, prompt="a leak in the roof")

    assert first["type"] == "image_generation.partial_failed"
    assert first["error"]["code"] == "OutputImageSensitiveContentDetected"
    assert second["type"] == "image_generation.partial_succeeded"


def test_inline_images_in_events(api: Api) -> None:
    first, _ = events(api, response_format="b64_json", sequential_image_generation="disabled")

    assert first["b64_json"].startswith("/9j/")


def test_a_rejected_stream_is_an_ordinary_error(api: Api) -> None:
    answer = api.images(stream=True, prompt="forbidden")

    assert (answer.status_code, answer.headers["Content-Type"]) == (400, "application/json")


@pytest.mark.parametrize("whole_events", [0, 1, 2])
def test_a_stream_cut_in_the_middle_keeps_earlier_events(api: Api, whole_events: int) -> None:
    api.sandbox.faults.add("cut", on="images", events=whole_events)
    body = {"model": MODEL, "prompt": "a kite", "size": SMALLEST, "stream": True, "sequential_image_generation": "auto"}
    received: list[bytes] = []

    with api.post("/seedream/images", body, stream=True) as answer:
        chunks = answer.iter_content(None)
        with pytest.raises(requests.exceptions.ChunkedEncodingError):
            received.extend(chunks)

    *lines, rest = b"".join(received).split(b"\n")
    assert len(lines) == whole_events
    assert rest
    with pytest.raises(json.JSONDecodeError):
        json.loads(rest)


def test_a_stream_can_end_early_without_an_error(api: Api) -> None:
    api.sandbox.faults.add("truncate", on="images", events=1)

    answer = api.images(stream=True)

    first, rest = answer.content.split(b"\n")
    assert json.loads(first)["image_index"] == 0
    assert rest
