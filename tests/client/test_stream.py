"""Images that come one by one: what the lines mean, and what is left when they break off."""

import json
import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedream_nb import OutcomeUnknownError, Sandbox, SeedreamClient, Task, TaskImage, TaskStatus, Usage
from seedream_nb.core.models import ErrorDetail
from seedream_nb.protocol.capabilities import MOST_IMAGES
from seedream_nb.protocol.stream_events import add_event, read_line
from tests.conftest import QUICK
from tests.protocol.samples import ID, RESPONSE
from tests.scripted_server import Answer, ScriptedServer, as_json
from tests.servers import TOKEN

START = Task("", TaskStatus.RUNNING, prompt="a cat", request={"prompt": "a cat", "seed": 7})
GOOD = {"type": "image_generation.partial_succeeded", "model": "m", "image_index": 0, "url": "https://x.example/0.jpg"}
BAD = {"type": "image_generation.partial_failed", "image_index": 1, "error": {"code": "c", "message": "words"}}
END = {"type": "image_generation.completed", "usage": {"generated_images": 1, "total_tokens": 5}}


def lines(*events: object) -> bytes:
    return b"".join(json.dumps(event).encode() + b"\n" for event in events)


def stream_of(server: ScriptedServer, **options: Any) -> Any:
    return SeedreamClient(TOKEN, server.url, retries=QUICK).stream("a cat", **options)


def read(*events: object) -> Task:
    task = START
    for event in events:
        task, _images = add_event(task, event)
    return task


# What the lines mean


def test_good_and_failed_images_and_the_end() -> None:
    task = read(GOOD, BAD, END)
    good, bad = task.images
    assert (good.url, good.prompt, good.model, good.seed, good.index) == ("https://x.example/0.jpg", "a cat", "m", 7, 0)
    assert (bad.error, bad.index) == (ErrorDetail("c", "words"), 1)
    assert (task.status, task.model) == (TaskStatus.PARTIALLY_FAILED, "m")
    assert task.usage == Usage(generated_images=1, total_tokens=5)


@pytest.mark.parametrize(
    ("events", "status"),
    [
        ([], TaskStatus.RUNNING),
        ([GOOD], TaskStatus.RUNNING),
        ([GOOD, END], TaskStatus.SUCCEEDED),
        ([BAD, END], TaskStatus.FAILED),
        ([END], TaskStatus.SUCCEEDED),
        ([{"type": "error", "error": "no"}, END], TaskStatus.FAILED),
        ([GOOD, {"type": "error", "error": "no"}, END], TaskStatus.PARTIALLY_FAILED),
        ([{"success": False, "error": {"code": "used_up"}}], TaskStatus.FAILED),
        ([GOOD, END, BAD], TaskStatus.SUCCEEDED),
        ([RESPONSE], TaskStatus.SUCCEEDED),
    ],
)
def test_the_state_of_a_stream(events: list[object], status: TaskStatus) -> None:
    assert read(*events).status is status


def test_images_may_come_in_any_order_and_without_a_place() -> None:
    task = read({**GOOD, "image_index": 2}, {**GOOD, "image_index": 0}, {**GOOD, "image_index": None}, BAD)
    assert [image.index for image in task.images] == [0, 1, 2, 3]


def test_an_image_may_be_repeated() -> None:
    task = read(GOOD, {**GOOD, "url": None, "image_url": "https://x.example/better.jpg"})
    assert [image.url for image in task.images] == ["https://x.example/better.jpg"]


def test_a_service_that_answers_with_the_whole_task() -> None:
    with ScriptedServer(as_json(RESPONSE)) as server:
        stream = stream_of(server)
        (image,) = stream
    assert image.url
    assert stream.task.images == (image,)
    assert (stream.task.id, stream.task.prompt, stream.task.status) == (ID, "a cat", TaskStatus.SUCCEEDED)


@pytest.mark.parametrize(
    "line",
    ["", "  ", "data:", "data: [DONE]", "event: message", ": comment", "null", "[]", "7", '{"type": 7}', "{", "{}"],
)
def test_lines_that_say_nothing_change_nothing(line: str) -> None:
    assert add_event(START, read_line(line)) == (START, ())


def test_events_of_the_older_kind_are_read_too() -> None:
    task, (image,) = add_event(START, read_line(f"data: {json.dumps(GOOD)}\r\n"))
    assert task.images == (image,)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=8), children, max_size=3),
    max_leaves=4,
)
kinds = st.sampled_from([GOOD["type"], BAD["type"], END["type"], "image_generation.new", None, 7])
fields = st.sampled_from(
    ["image_index", "url", "image_url", "b64_json", "error", "usage", "model", "task_id", "data", "success", "size"]
)
events = st.builds(
    lambda kind, rest: {**rest, "type": kind}, kinds, st.dictionaries(fields | st.text(), json_values, max_size=5)
)


@given(st.lists(events | json_values, max_size=8))
def test_no_event_is_ever_a_crash(found: list[object]) -> None:
    task = START
    for event in found:
        was_final = task.status.is_final
        task, images = add_event(task, event)
        assert set(images) <= set(task.images)
        assert not (was_final and images)
        assert all(image.is_good or image.error for image in images)
    json.dumps(task.to_dict())


@given(st.text(alphabet=string.printable) | st.text())
def test_no_line_is_ever_a_crash(line: str) -> None:
    task, images = add_event(START, read_line(line))
    assert task.status in TaskStatus
    assert images == ()


@given(st.lists(st.integers(0, MOST_IMAGES - 1), unique=True, max_size=15), st.data())
def test_every_image_is_yielded_once_and_kept(order: list[int], data: st.DataObject) -> None:
    failed = data.draw(st.sets(st.sampled_from(order))) if order else set()
    told: list[TaskImage] = []
    task = START
    for index in order:
        event = {**BAD, "image_index": index} if index in failed else {**GOOD, "image_index": index}
        task, images = add_event(task, event)
        told += images
    task, _ = add_event(task, END)
    assert [image.index for image in told] == order
    assert task.images == tuple(sorted(told, key=lambda image: image.index))
    assert sum(image.is_good for image in task.images) == len(order) - len(failed)


# Over HTTP


def test_images_come_while_the_others_are_still_made(client: SeedreamClient, sandbox: Sandbox) -> None:
    sandbox.settings.generation_seconds = 0.05
    stream = client.stream("cats", max_images=3)
    assert len(sandbox.requests) == 0
    first = next(stream)
    assert (first.index, stream.task.status) == (0, TaskStatus.RUNNING)
    assert stream.task.images == (first,)
    assert [image.index for image in stream] == [1, 2]
    assert (stream.task.status, stream.task.usage) == (TaskStatus.SUCCEEDED, Usage(3, 49152, 49152))
    assert list(stream) == []
    assert len(sandbox.requests) == 1


def test_a_stream_as_it_is_requested() -> None:
    with ScriptedServer(Answer(lines(GOOD, END))) as server:
        stream_of(server, max_images=2, image="http://x.example/a").finish()
        (received,) = server.received
    assert received.headers["accept"] == "application/x-ndjson"
    assert received.json["stream"] is True
    assert "async" not in received.json
    assert received.json["image"] == "http://x.example/a"


def test_a_stream_may_be_left_early(client: SeedreamClient, sandbox: Sandbox) -> None:
    stream = client.stream("cats", max_images=4)
    assert next(stream).is_good
    del stream
    assert client.retrieve(sandbox.task_ids[-1]).prompt == "cats"


@pytest.mark.parametrize("kind", ["cut", "truncate"])
@pytest.mark.parametrize("count", [0, 1, 2])
def test_a_stream_that_breaks_off_keeps_what_came(
    client: SeedreamClient, sandbox: Sandbox, kind: Any, count: int
) -> None:
    sandbox.faults.add(kind, on="images", events=count)
    came: list[TaskImage] = []
    stream = client.stream("cats", max_images=3)
    with pytest.raises(OutcomeUnknownError) as caught:
        came.extend(stream)
    (task,) = caught.value.partial
    assert task is stream.task
    assert list(task.images) == came
    assert [image.index for image in came] == list(range(count))
    assert task.status is TaskStatus.RUNNING
    assert len(sandbox.requests.of_kind("images")) == 1
    assert caught.value.sent_at is not None


@pytest.mark.parametrize(
    "body", [b"", b"\n\n", lines(GOOD), lines(GOOD)[:-1] + b'\n{"type"', b"<html></html>", b"null"]
)
def test_a_stream_without_an_end_is_unclear(body: bytes) -> None:
    with ScriptedServer(Answer(body)) as server:
        stream = stream_of(server)
        with pytest.raises(OutcomeUnknownError, match=r"ended after [01] image"):
            stream.finish()
        assert len(server.received) == 1
    assert len(stream.task.images) == body.count(b"succeeded")


def test_the_end_of_the_last_line_may_be_missing() -> None:
    with ScriptedServer(Answer(lines(GOOD, END).rstrip())) as server:
        assert stream_of(server).finish().status is TaskStatus.SUCCEEDED


def test_a_line_may_be_long_and_arrive_in_pieces() -> None:
    long = {**GOOD, "url": None, "b64_json": "QUJD" * 500_000}
    with ScriptedServer(Answer(lines(long, END))) as server:
        (image,) = stream_of(server)
    assert image.data == b"ABC" * 500_000


def test_the_token_is_removed_from_what_a_stream_says() -> None:
    with ScriptedServer(Answer(lines({**BAD, "error": TOKEN}, END))) as server:
        (image,) = stream_of(server)
    assert str(image.error) == "***"


@pytest.mark.parametrize("wrong", [{"sizes": "2K"}, {"mode": "sync"}])
def test_unknown_options_are_rejected(client: SeedreamClient, wrong: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match=next(iter(wrong))):
        client.stream("a cat", **wrong)
