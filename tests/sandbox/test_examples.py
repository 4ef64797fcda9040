"""The example tasks."""

import io
import threading
import time
import uuid

import pytest
import requests
from PIL import Image

from seedream_nb.sandbox import Sandbox
from seedream_nb.sandbox.examples import EXAMPLE_TASKS

from .conftest import Api

CATS = ["84d1544a-9043-4dde-a98b-e889dacd75f6", "20068983-0cc9-4c6a-aeb6-9c6a3c668be0"]


def test_examples_cover_every_state(sandbox: Sandbox) -> None:
    states = [example.state for example in sandbox.examples]

    assert {"succeeded", "failed", "partially failed", "pending"} == set(states)
    assert states.count("failed") == 2
    assert all(uuid.UUID(example.id).version == 4 for example in sandbox.examples)
    assert all(example.prompt and example.note for example in sandbox.examples)


def test_listing_the_examples_does_not_start_the_pending_one(sandbox: Sandbox, api: Api) -> None:
    for _ in range(2):
        assert sum(example.state == "pending" for example in sandbox.examples) == 1
        api.tasks(action="retrieve_batch", limit=100)

    pending = next(example for example in EXAMPLE_TASKS if example.ready_after_query)
    asked = time.time()
    while not (record := api.tasks(id=pending.id))["finished_at"]:
        assert time.time() < asked + 10
        threading.Event().wait(0.05)
    assert time.time() >= asked + 2
    assert record["finished_at"] == round(pending.created_at + 0.3 + pending.elapsed, 3)


def test_the_two_cats_are_different_images_of_the_documented_size(api: Api) -> None:
    images = []
    for task_id in CATS:
        (item,) = api.tasks(id=task_id)["response"]["data"]
        assert item["prompt"] == "a white siamese cat"
        content = api.get(item["image_url"]).content
        with Image.open(io.BytesIO(content)) as image:
            assert (image.format, image.size) == ("JPEG", (2048, 2048))
        images.append(content)

    assert images[0] != images[1]


@pytest.mark.timeout(120)
def test_every_example_image_matches_its_record(sandbox: Sandbox, api: Api) -> None:
    items = [
        item
        for record in api.tasks(action="retrieve_batch", limit=100)["items"]
        if record["response"]
        for item in record["response"].get("data", [])
        if item["image_url"] and item["size"] != "2048x2048"
    ]

    assert len(items) >= 8
    for item in items:
        answer = api.get(item["image_url"])
        with Image.open(io.BytesIO(answer.content)) as image:
            assert f"{image.width}x{image.height}" == item["size"]
            assert answer.headers["Content-Type"] == f"image/{(image.format or '').lower()}"
    assert not [request for request in sandbox.requests if request.status >= 400]


def test_the_layered_example_has_bounding_boxes(api: Api) -> None:
    layered = next(example for example in EXAMPLE_TASKS if example.images.spec.style == "layer")

    base, *layers = api.tasks(id=layered.id)["response"]["data"]

    assert base["z_index"] == 0
    assert base["bounding_box"] == {"absolute": [0, 0, 1536, 1024], "normalized": [0, 0, 1000, 1000]}
    assert [layer["z_index"] for layer in layers] == list(range(1, len(layers) + 1))
    for layer in layers:
        left, top, right, bottom = layer["bounding_box"]["absolute"]
        assert layer["size"] == f"{right - left}x{bottom - top}"
        assert layer["bounding_box"]["normalized"] == [
            round(1000 * part) for part in (left / 1536, top / 1024, right / 1536, bottom / 1024)
        ]
        assert layer["image_url"].endswith(".png")
        assert layer["name"]


def test_the_examples_have_the_same_urls_in_every_run() -> None:
    def addresses() -> str:
        with Sandbox() as sandbox, requests.Session() as session:
            return str(Api(sandbox, session).tasks(action="retrieve_batch", limit=100)).replace(sandbox.url, "")

    assert addresses() == addresses()
