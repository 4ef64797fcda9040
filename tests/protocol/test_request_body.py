"""What is sent to generate an image, and that it is sent once: requests are counted at the server."""

import base64
import dataclasses
import functools
import io
import warnings
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from seedream_nb import (
    GenerationOptions,
    Pace,
    Sandbox,
    SeedreamClient,
    Task,
    TaskStatus,
    UnknownModelWarning,
    Usage,
    sum_usage,
)
from seedream_nb.client.preparation import prepare
from seedream_nb.core.errors import (
    BadRequestError,
    ModerationError,
    UsageError,
)
from seedream_nb.protocol.capabilities import MODELS
from seedream_nb.protocol.request_body import build_body, check_body, describe_request
from seedream_nb.protocol.validation import find_problems
from tests.protocol.samples import ID, RESPONSE
from tests.scripted_server import ScriptedServer, as_json
from tests.servers import TOKEN, client_to

PRO, LITE, V45, V40 = MODELS
QUICKLY = Pace(first=0.02, longest=0.05)
CREATED = as_json({"task_id": ID})


# What travels


@pytest.mark.parametrize(
    ("options", "fields"),
    [
        ({"size": "2K"}, {"size": "2K"}),
        (
            {"max_images": 4},
            {"sequential_image_generation": "auto", "sequential_image_generation_options": {"max_images": 4}},
        ),
        ({"output_format": "png"}, {"output_format": "png"}),
        ({"watermark": False}, {"watermark": False}),
        ({"watermark": True}, {"watermark": True}),
        ({"web_search": True}, {"tools": [{"type": "web_search"}]}),
        ({"optimize_prompt": "standard"}, {"optimize_prompt_options": {"mode": "standard"}}),
        ({"response_format": "b64_json"}, {"response_format": "b64_json"}),
        ({"callback_url": "https://x.example/"}, {"callback_url": "https://x.example/"}),
        ({"extra": {"new_field": [1]}}, {"new_field": [1]}),
        ({"extra": {"model": V45}}, {"model": V45}),
        ({"size": "2k"}, {"size": "2K"}),
        ({"size": " 2048 \u00d7 2048"}, {"size": "2048x2048"}),
        ({"size": "16:9"}, {"size": "2560x1440"}),
        ({"size": "Portrait", "model": "pro"}, {"size": "1728x2304", "model": PRO}),
        ({"model": "4.5"}, {"model": V45}),
        ({"model": "SeeDream 4.0"}, {"model": V40}),
        ({"image": "https://x.example/a.jpg"}, {"image": "https://x.example/a.jpg"}),
        (
            {"image": ["http://x.example/a", "http://x.example/b"]},
            {"image": ["http://x.example/a", "http://x.example/b"]},
        ),
    ],
)
def test_every_option_travels_under_the_name_of_the_service(options: dict[str, Any], fields: dict[str, Any]) -> None:
    with ScriptedServer(CREATED) as server, client_to(server) as client:
        client.generate("a cat", **options)
        (received,) = server.received
    assert received.path == "/seedream/images"
    assert received.headers["accept"] == "application/json"
    assert received.headers["authorization"] == f"Bearer {TOKEN}"
    assert received.json == {"model": LITE, "prompt": "a cat", "async": True, **fields}


def test_a_third_generation_model_takes_a_seed() -> None:
    with ScriptedServer(CREATED) as server, client_to(server) as client:
        with pytest.warns(UnknownModelWarning):
            client.generate("a cat", model="doubao-seedream-3-0-t2i-250415", seed=0, guidance_scale=2.5)
        (received,) = server.received
    assert (received.json["seed"], received.json["guidance_scale"]) == (0, 2.5)


def test_options_only_the_largest_model_takes() -> None:
    with ScriptedServer(CREATED) as server, client_to(server) as client:
        client.generate(model=PRO, layers=True, size="auto", image="http://x.example/a")
        client.generate("a cat", model=PRO, background="transparent", optimize_prompt="fast")
        decomposed, cut_out = (received.json for received in server.received)
    assert decomposed == {
        "model": PRO,
        "layer_decomposition": True,
        "size": "auto",
        "image": "http://x.example/a",
        "async": True,
    }
    assert cut_out["background"] == "transparent"


@given(
    st.builds(
        GenerationOptions,
        model=st.sampled_from(list(MODELS)),
        size=st.sampled_from([None, "1K", "2K", "4K", "2048x2048"]),
        max_images=st.none() | st.integers(1, 15),
        watermark=st.none() | st.booleans(),
        web_search=st.booleans(),
        layers=st.booleans(),
    ),
    st.text(min_size=1, max_size=20),
)
def test_what_is_left_out_does_not_travel(options: GenerationOptions, prompt: str) -> None:
    body = build_body(prompt, options)
    assert None not in body.values()
    assert ("size" in body) == (options.size is not None)
    assert ("sequential_image_generation" in body) == (options.max_images is not None)
    assert ("tools" in body) == options.web_search
    assert "image" not in body


# Rejected before anything is sent


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"model": None}, "model is required"),
        ({"model": "4.5", "size": "1K"}, "SeeDream 4.5 accepts 2K or 4K, not 1K."),
        ({"size": "100x100"}, "SeeDream 5.0 Lite accepts at least 3,686,400 pixels, not 100x100 (10,000 pixels)."),
        ({"max_images": 16}, "max_images must be from 1 to 15, not 16."),
        (
            {"max_images": 10, "image": [f"http://x.example/{n}" for n in range(6)]},
            "The limit for input and output images together is 15, not 6 + 10 = 16.",
        ),
        ({"model": "5.0"}, "Unknown model '5.0'. Did you mean 5.0-pro or 5.0-lite?"),
        ({"model": "4.5pro"}, "Unknown model '4.5pro'. Did you mean 5.0-pro or 4.5?"),
        ({"model": "gpt-image-1"}, "Unknown model 'gpt-image-1'. Available models: 5.0-pro, 5.0-lite, 4.5, 4.0."),
        ({"extra": {"model": "my-model"}}, "Unknown model 'my-model'."),
        ({"seed": 42}, "SeeDream 5.0 Lite ignores seed: only third-generation models use it."),
        ({"model": "4.0", "guidance_scale": 2.5}, "SeeDream 4.0 ignores guidance_scale: only third-generation models"),
        ({"size": "100:1"}, "SeeDream 5.0 Lite accepts 2K, 3K or 4K, or <width>x<height>, not '100:1'."),
        ({"size": "huge"}, "SeeDream 5.0 Lite accepts 2K, 3K or 4K, or <width>x<height>, not 'huge'."),
        ({"model": PRO, "max_images": 2}, "generates one image at a time"),
        ({"model": PRO, "mode": "stream"}, "SeeDream 5.0 Pro can't stream"),
        ({"mode": "stream", "callback_url": "http://x.example"}, "stream can't be combined with callback_url"),
        ({"mode": "later"}, "mode must be one of async, sync, stream, not 'later'."),
        ({"prompt": " "}, "prompt is required"),
        ({"layers": True, "image": "http://x.example/a"}, "can't decompose an image"),
    ],
)
def test_what_a_model_does_not_take_costs_nothing(
    client: SeedreamClient, sandbox: Sandbox, options: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(UsageError) as caught:
        client.generate(**{"prompt": "a cat", **options})
    assert sentence in caught.value.message
    assert len(sandbox.requests) == 0


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        ({"model": "5.0"}, "A newer model needs its full id, such as doubao-seedream-9-0-300101."),
        ({"size": "100:1"}, "A size can also be a ratio such as 16:9, from 1:16 to 16:1."),
        ({"size": "16x9"}, "For a ratio, write 16:9."),
    ],
)
def test_the_hint_says_what_was_probably_meant(client: SeedreamClient, options: dict[str, Any], hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        client.generate("a cat", **options)
    assert caught.value.hint == f"Nothing was sent. Change the request, or send it anyway with strict=False. {hint}"


def test_anything_is_sent_when_it_must_be(client: SeedreamClient, sandbox: Sandbox) -> None:
    with pytest.raises(BadRequestError, match=r"SeeDream 4\.5 accepts 2K or 4K, not 1K"):
        client.generate("a cat", model=V45, size="1K", strict=False)
    with pytest.raises(BadRequestError, match="Unknown model"):
        client.generate("a cat", model="doubao-seedream-9", strict=False)
    assert [request.status for request in sandbox.requests.of_kind("images")] == [400, 400]


def test_an_unknown_model_is_sent_with_a_warning_that_points_to_the_caller() -> None:
    with ScriptedServer(CREATED) as server, client_to(server) as client:
        unknown: dict[str, Any] = {"model": "doubao-seedream-9-0-300101"}
        calls: list[Any] = [
            functools.partial(client.generate, "a cat", **unknown),
            functools.partial(client.edit, "http://x.example/a", "a hat", **unknown),
            functools.partial(client.stream, "a cat", **unknown),
        ]
        for call in calls:
            with pytest.warns(
                UnknownModelWarning, match="the request is sent without checks for it. Known models are"
            ) as caught:
                call()
            assert [warning.filename for warning in caught] == [__file__]
        with pytest.warns(UnknownModelWarning, match=f"It was replaced by {LITE}"):
            client.generate("a cat", model="doubao-seedream-5-0-260128")
        assert len(server.received) == 3


def test_what_is_no_json_is_not_sent(client: SeedreamClient, sandbox: Sandbox) -> None:
    for value in (float("nan"), {1, 2}):
        with pytest.raises(UsageError, match="cannot be sent as JSON"):
            client.generate("a cat", extra={"field": value})
    assert len(sandbox.requests) == 0


def test_a_known_model_gives_no_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_body({"model": LITE, "prompt": "a cat"})


# The three ways to get an answer


def test_the_id_is_known_at_once(client: SeedreamClient, sandbox: Sandbox) -> None:
    sandbox.settings.generation_seconds = 3600
    task = client.generate("a cat", model=V40, size="1K", image="http://x.example/a.jpg")
    assert task == Task(
        id=sandbox.task_ids[-1],
        status=TaskStatus.PENDING,
        prompt="a cat",
        model=V40,
        size="1K",
        request={"model": V40, "prompt": "a cat", "size": "1K", "image": "http://x.example/a.jpg", "async": True},
    )
    assert client.retrieve(task.id).status is TaskStatus.PENDING


@pytest.mark.parametrize("mode", ["async", "sync", "stream"])
def test_all_modes_lead_to_the_same_images(client: SeedreamClient, mode: Any) -> None:
    task = client.generate("cats", max_images=3, size="2K", mode=mode, wait=True, pace=QUICKLY)
    assert (task.status, task.prompt, task.model, task.size) == (TaskStatus.SUCCEEDED, "cats", LITE, "2K")
    assert [(image.index, image.prompt, image.model, image.size) for image in task.images] == [
        (index, "cats", LITE, "2048x2048") for index in range(3)
    ]
    assert all(image.url for image in task.images)
    assert task.usage == Usage(3, 49152, 49152)
    assert task.request["prompt"] == "cats"


@pytest.mark.parametrize("mode", ["async", "sync", "stream"])
def test_inline_images(client: SeedreamClient, mode: Any) -> None:
    task = client.generate("cats", response_format="b64_json", model=V40, size="1K", mode=mode, wait=True, pace=QUICKLY)
    (image,) = task.images
    assert image.url is None
    assert image.data is not None
    with Image.open(io.BytesIO(image.data)) as opened:
        assert opened.size == (1024, 1024)


@pytest.mark.parametrize("mode", ["async", "sync", "stream"])
def test_a_failed_image_of_a_set_leaves_the_others(client: SeedreamClient, mode: Any) -> None:
    task = client.generate("a leak", max_images=3, mode=mode, wait=True, pace=QUICKLY)
    assert task.status is TaskStatus.PARTIALLY_FAILED
    assert [image.is_good for image in task.images] == [False, True, True]
    assert task.images[0].error
    assert task.images[0].error.is_moderation


def test_layers(client: SeedreamClient) -> None:
    source = client.generate("a fox", model=PRO, size="1K", wait=True, pace=QUICKLY)
    task = client.generate(model=PRO, image=source, layers=True, wait=True, pace=QUICKLY)
    assert [image.z_index for image in task.images] == [0, 1, 2, 3]
    assert all(image.bounding_box for image in task.images[1:])


def test_an_edit_takes_an_earlier_result(client: SeedreamClient, sandbox: Sandbox) -> None:
    source = client.generate("a fox", wait=True, pace=QUICKLY)
    edited = client.edit(source.images[0], "with a hat", wait=True, pace=QUICKLY)
    assert edited.request["image"] == source.images[0].url
    assert edited.images[0].url != source.images[0].url
    assert {request.status for request in sandbox.requests} == {200}


def test_a_rejected_prompt(client: SeedreamClient) -> None:
    task = client.generate("something forbidden", wait=True, pace=QUICKLY)
    assert task.status is TaskStatus.FAILED
    with pytest.raises(ModerationError):
        task.raise_for_status()
    for mode in ("sync", "stream"):
        with pytest.raises(ModerationError):
            client.generate("something forbidden", mode=mode)


def test_embedded_images_are_not_kept_in_the_request() -> None:
    data = "data:image/png;base64,QUJD"
    assert describe_request({"image": data}, TaskStatus.PENDING).request == {"image": "data:image/png;base64,…"}
    many = describe_request({"image": [data, "http://x.example/a"]}, TaskStatus.PENDING)
    assert many.request == {"image": ["data:image/png;base64,…", "http://x.example/a"]}


def test_a_service_that_answers_at_once_after_all() -> None:
    with ScriptedServer(as_json(RESPONSE)) as server, client_to(server) as client:
        task = client.generate("my prompt", size="2K", wait=True)
        assert len(server.received) == 1
    assert (task.id, task.status, task.prompt, task.size) == (ID, TaskStatus.SUCCEEDED, "my prompt", "2K")


def test_a_callback_makes_even_a_synchronous_call_pending() -> None:
    with ScriptedServer(CREATED) as server, client_to(server) as client:
        task = client.generate("a cat", mode="sync", callback_url="https://x.example/hook")
    assert task.status is TaskStatus.PENDING


# Usage


def test_usage_adds_up_where_it_is_reported(client: SeedreamClient) -> None:
    tasks = [client.generate("cats", max_images=count, mode="sync") for count in (1, 2)]
    silent = Task("silent", TaskStatus.SUCCEEDED)
    assert sum_usage([*tasks, silent, tasks[0]]) == Usage(3, 49152, 49152)
    assert sum_usage([silent]) == Usage()
    assert sum_usage(dataclasses.replace(tasks[0], id="") for _ in range(3)) == Usage(3, 49152, 49152)
    assert sum_usage([dataclasses.replace(tasks[0], usage=Usage(1)), tasks[1]]) == Usage(3, 32768, 32768)


@pytest.mark.parametrize("usage", [None, [], {}, {"total_tokens": "many"}, {"generated_images": True}, 7])
def test_an_empty_usage_is_none(usage: object) -> None:
    with ScriptedServer(as_json({**RESPONSE, "usage": usage})) as server, client_to(server) as client:
        assert client.generate("a cat", mode="sync").usage is None


@given(
    st.sampled_from([*MODELS, "4.5", "pro"]),
    st.text(max_size=12) | st.from_regex(r"\s?[1-9][0-9.]{0,4}\s?[xX*:kK\u00d7]\s?[0-9.]{0,5}\s?", fullmatch=True),
)
def test_any_size_is_rejected_or_sent_as_the_model_accepts_it(model: str, size: str) -> None:
    try:
        body = prepare("a cat", GenerationOptions(model=model, size=size))
    except UsageError as error:
        assert error.hint  # noqa: PT017  either outcome is fine, a hint is a must
    else:
        assert find_problems(body) == ()


def test_preparing_sends_nothing() -> None:
    body = prepare("a cat", GenerationOptions(model=V45, size="2K"), mode="stream")
    assert body == {"model": V45, "prompt": "a cat", "size": "2K", "stream": True}


@pytest.fixture
def encoded() -> str:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(buffer, "PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def test_an_embedded_image_arrives_complete(encoded: str) -> None:
    with ScriptedServer(CREATED) as server, client_to(server) as client:
        task = client.generate("a cat", image=encoded)
        assert server.received[0].json["image"] == encoded
    assert task.request["image"] == "data:image/png;base64,…"
