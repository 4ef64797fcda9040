"""POST /seedream/images: generation, synchronous and asynchronous, and edits."""

import base64
import io
import json
import queue
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from PIL import Image, ImageChops, ImageStat

from seedream_nb.sandbox import Sandbox

from .conftest import SMALLEST, Api

PRO = "doubao-seedream-5-0-pro-260628"
LITE = "doubao-seedream-5-0-lite-260128"


def finished(api: Api, task_id: str) -> Any:
    """Query until the task is finished and return its record."""
    deadline = time.monotonic() + 20
    while not (record := api.tasks(id=task_id))["finished_at"]:
        assert time.monotonic() < deadline
    return record


def opened(api: Api, item: dict[str, Any]) -> Image.Image:
    content = base64.b64decode(item["b64_json"]) if "b64_json" in item else api.get(item["image_url"]).content
    return Image.open(io.BytesIO(content))


def data_uri(image: Image.Image, image_format: str = "PNG") -> str:
    buffer = io.BytesIO()
    image.save(buffer, image_format)
    return f"data:image/{image_format.lower()};base64,{base64.b64encode(buffer.getvalue()).decode()}"


def test_a_synchronous_call_returns_the_image(api: Api) -> None:
    body = api.images(prompt="a red kite").json()

    assert sorted(body) == ["data", "success", "task_id", "trace_id", "usage"]
    assert body["usage"] == {"generated_images": 1, "output_tokens": 3600, "total_tokens": 3600}
    (item,) = body["data"]
    assert (item["prompt"], item["size"]) == ("a red kite", SMALLEST)
    assert opened(api, item).size == (960, 960)
    assert api.tasks(id=body["task_id"])["response"] == body


def test_a_synchronous_call_takes_its_time(api: Api) -> None:
    api.sandbox.settings.generation_seconds = 0.2

    answer = api.images(sequential_image_generation="auto", sequential_image_generation_options={"max_images": 2})

    assert answer.elapsed.total_seconds() >= 0.4
    record = api.tasks(id=answer.json()["task_id"])
    assert record["finished_at"] - record["created_at"] == pytest.approx(0.4, abs=0.002)


def test_an_asynchronous_call_returns_only_the_task_id_at_once(api: Api) -> None:
    api.sandbox.settings.generation_seconds = 60

    answer = api.images(**{"async": True})

    assert list(answer.json()) == ["task_id"]
    assert answer.elapsed.total_seconds() < 10
    assert api.tasks(id=answer.json()["task_id"])["finished_at"] is None


def test_an_asynchronous_task_finishes(api: Api) -> None:
    record = finished(api, api.images(**{"async": True}).json()["task_id"])

    assert record["request"] == {
        "action": "generate",
        "model": "doubao-seedream-4-0-250828",
        "prompt": "a red kite",
        "size": SMALLEST,
        "async": True,
    }
    assert len(record["response"]["data"]) == 1


def test_the_same_calls_give_the_same_tasks_and_images_in_every_run(api: Api) -> None:
    with Sandbox(generation_seconds=0.01) as other:
        there = Api(other, api.session)
        answers = [caller.images(prompt="a blue kite").json() for caller in (api, there)]
        images = [api.get(answer["data"][0]["image_url"]).content for answer in answers]

    assert answers[0]["task_id"] == answers[1]["task_id"]
    assert images[0] == images[1]


@pytest.mark.parametrize(
    ("model", "size", "expected"),
    [
        ("doubao-seedream-4-0-250828", None, "2048x2048"),
        ("doubao-seedream-4-0-250828", "1K", "1024x1024"),
        (PRO, "1.5K", "1536x1536"),
        (LITE, "3K", "3072x3072"),
        (LITE, "4K", "4096x4096"),
        (LITE, "2560x1440", "2560x1440"),
        ("doubao-seedream-5-0-260128", "2K", "2048x2048"),
    ],
)
def test_sizes(api: Api, model: str, size: str | None, expected: str) -> None:
    assert api.images(model=model, size=size).json()["data"][0]["size"] == expected


def test_a_set_has_as_many_different_images_as_requested(api: Api) -> None:
    body = api.images(sequential_image_generation="auto", sequential_image_generation_options={"max_images": 3}).json()

    images = {api.get(item["image_url"]).content for item in body["data"]}
    assert len(images) == len(body["data"]) == body["usage"]["generated_images"] == 3


def test_max_images_alone_makes_no_set(api: Api) -> None:
    body = api.images(sequential_image_generation_options={"max_images": 3}).json()

    assert len(body["data"]) == 1


def test_inline_images(api: Api) -> None:
    body = api.images(response_format="b64_json").json()

    (item,) = body["data"]
    assert "image_url" not in item
    assert opened(api, item).size == (960, 960)
    assert api.tasks(id=body["task_id"])["response"]["data"] == [item]


def test_png(api: Api) -> None:
    (item,) = api.images(model=PRO, output_format="png").json()["data"]

    assert item["output_format"] == "png"
    assert item["image_url"].endswith(".png")
    assert opened(api, item).format == "PNG"


def test_a_transparent_background(api: Api) -> None:
    (item,) = api.images(model=PRO, background="transparent", prompt="a ripe orange").json()["data"]

    alpha = opened(api, item).getchannel("A")
    assert alpha.getextrema() == (0, 255)


@pytest.mark.parametrize("image_format", ["PNG", "JPEG", "WEBP"])
def test_an_edit_shows_the_image_it_came_from(api: Api, image_format: str) -> None:
    source = Image.new("L", (480, 480), 20)
    source.paste(235, (0, 0, 240, 480))

    (item,) = api.images(image=data_uri(source, image_format), prompt="in warm colors").json()["data"]

    with opened(api, item).convert("L") as edited:
        assert edited.size == (960, 960)
        left, right = (ImageStat.Stat(edited.crop(box)).mean[0] for box in ((0, 0, 480, 960), (480, 0, 960, 960)))
    assert left > right + 40


def difference(api: Api, one: dict[str, Any], other: dict[str, Any]) -> float:
    """Return how far two images are apart, 0 to 255."""
    images = (opened(api, item).convert("RGB") for item in (one, other))
    return sum(ImageStat.Stat(ImageChops.difference(*images)).mean) / 3


def test_an_edit_of_an_image_of_the_sandbox_itself(api: Api) -> None:
    source = api.sandbox.add_task("a city at night", size="400x400")
    url = api.tasks(id=source)["response"]["data"][0]["image_url"]
    embedded = f"data:image/jpeg;base64,{base64.b64encode(api.get(url).content).decode()}"

    by_link, by_content, stand_in = (
        api.images(image=[image], prompt="in winter").json()["data"][0]
        for image in (url, embedded, "https://images.invalid/other.jpg")
    )

    assert difference(api, by_link, by_content) < 5 < difference(api, by_link, stand_in)


def test_an_edit_keeps_the_aspect_ratio_unless_given_a_size(api: Api) -> None:
    wide = data_uri(Image.new("RGB", (400, 200), "teal"))

    shaped = api.images(image=wide, size="1K").json()["data"][0]["size"]
    told = api.images(image=wide, size=SMALLEST).json()["data"][0]["size"]

    width, height = map(int, shaped.split("x"))
    assert width / height == pytest.approx(2, abs=0.01)
    assert width * height == pytest.approx(1024 * 1024, rel=0.01)
    assert told == SMALLEST


def test_the_record_of_an_edit_does_not_repeat_the_embedded_image(api: Api) -> None:
    embedded, link = data_uri(Image.new("RGB", (64, 64))), "https://images.invalid/a.jpg"

    one, several = (
        api.tasks(id=api.images(image=image).json()["task_id"])["request"] for image in (embedded, [embedded, link])
    )

    assert one["action"] == several["action"] == "edit"
    assert one["image"] == "data:image/png;base64,..."
    assert several["image"] == ["data:image/png;base64,...", link]


def test_several_images_can_be_combined(api: Api) -> None:
    white, black = (data_uri(Image.new("RGB", (300, 300), color)) for color in ("white", "black"))

    (both,) = api.images(image=[white, black], prompt="together").json()["data"]
    (one,) = api.images(image=[white], prompt="together").json()["data"]

    assert api.get(both["image_url"]).content != api.get(one["image_url"]).content


def test_an_unreadable_embedded_image_is_rejected(api: Api) -> None:
    answer = api.images(image=["data:image/png;base64,AAAA"])

    assert answer.status_code == 400
    assert "Input image 1" in answer.json()["error"]["message"]


def test_layers_of_an_image(api: Api) -> None:
    source = Image.radial_gradient("L").resize((1024, 1024))

    body = api.images(model=PRO, image=data_uri(source), prompt=None, size="auto", layer_decomposition=True).json()

    base, *layers = body["data"]
    assert (base["z_index"], base["size"], base["output_format"]) == (0, "1024x1024", "jpeg")
    assert len(layers) == 3
    for layer in layers:
        with opened(api, layer) as image:
            assert image.mode == "RGBA"
            assert f"{image.width}x{image.height}" == layer["size"]


def test_input_moderation_rejects_a_trigger_word(api: Api) -> None:
    answer = api.images(prompt="Something Forbidden, please")
    later = finished(api, api.images(prompt="something forbidden", **{"async": True}).json()["task_id"])

    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "InputTextSensitiveContentDetected"
    assert later["response"]["success"] is False
    assert later["response"]["error"]["code"] == "InputTextSensitiveContentDetected"


def test_output_moderation_withholds_one_image(api: Api) -> None:
    body = api.images(
        prompt="a leak in the roof",
        sequential_image_generation="auto",
        sequential_image_generation_options={"max_images": 3},
    ).json()

    assert [item.get("error", {}).get("code") for item in body["data"]] == [
        "OutputImageSensitiveContentDetected",
        None,
        None,
    ]
    assert body["usage"]["generated_images"] == 2
    assert api.images(prompt="a leak").json()["error"]["code"] == "OutputImageSensitiveContentDetected"


def test_the_balance_runs_out(api: Api) -> None:
    api.sandbox.settings.balance = 3
    four = {"sequential_image_generation": "auto", "sequential_image_generation_options": {"max_images": 4}}
    before = len(api.sandbox.task_ids)

    assert api.images(**four).json()["error"]["code"] == "used_up"
    assert [api.images(prompt=prompt).status_code for prompt in ("a", "forbidden", "b", "c", "d")] == [
        200,
        400,
        200,
        200,
        403,
    ]
    assert api.sandbox.settings.balance == 0
    assert len(api.sandbox.task_ids) == before + 4


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"model": "doubao-seedream-4-5-251128", "size": "1K"}, "SeeDream 4.5 accepts 2K or 4K, not 1K."),
        ({"model": "4.5"}, "full"),
        ({"model": "seedream-4.0"}, "doubao-seedream-4-0-250828"),
        ({"model": None}, "model is required"),
        ({"prompt": ""}, "prompt is required"),
        ({"size": "100x100"}, "at least 921,600 pixels"),
        ({"size": "9000x9000"}, "at most"),
        ({"stream": True, "async": True}, "stream can't be combined with async"),
        ({"image": "file:///etc/passwd"}, "http(s) link"),
        ({"watermark": "yes"}, "watermark"),
    ],
)
def test_invalid_requests_are_rejected(api: Api, body: dict[str, object], words: str) -> None:
    answer = api.images(**body)

    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "bad_request"
    assert words in answer.json()["error"]["message"]


@pytest.fixture
def receiver() -> Iterator[tuple[int, "queue.Queue[bytes]"]]:
    """A server on all addresses of this machine that stores what is posted to it."""
    received: queue.Queue[bytes] = queue.Queue()

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.put(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Stay quiet."""

    with HTTPServer(("", 0), Receiver) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.server_port, received
        server.shutdown()
        thread.join()


def own_address() -> str:
    """Return an address of this machine that others can reach."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing, only chooses the interface
        except OSError:
            pytest.skip("this machine has only its loopback addresses")
        return str(probe.getsockname()[0])


def test_a_result_is_sent_to_a_callback_on_this_machine(api: Api, receiver: tuple[int, "queue.Queue[bytes]"]) -> None:
    port, received = receiver

    answer = api.images(callback_url=f"http://127.0.0.1:{port}/done").json()

    assert list(answer) == ["task_id"]
    assert json.loads(received.get(timeout=20)) == api.tasks(id=answer["task_id"])["response"]


def test_a_callback_to_another_machine_is_accepted_but_never_sent(
    api: Api, receiver: tuple[int, "queue.Queue[bytes]"]
) -> None:
    port, received = receiver

    elsewhere = api.images(callback_url=f"http://{own_address()}:{port}/done").json()
    here = api.images(callback_url=f"http://localhost:{port}/done").json()

    assert json.loads(received.get(timeout=20))["task_id"] == here["task_id"]
    assert received.empty()
    assert list(elsewhere) == ["task_id"]
    assert finished(api, elsewhere["task_id"])["response"]["data"]
