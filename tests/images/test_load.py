import io
import threading
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from seedream_nb import Sandbox, SeedreamClient
from seedream_nb.core.errors import ImageError
from seedream_nb.core.models import ErrorDetail, TaskImage
from seedream_nb.images import fetch
from seedream_nb.images.fetch import FetchLimits, ImageFetcher, load_all, source_of
from seedream_nb.images.thumbnails import Thumbnail, make_thumbnail
from tests.scripted_server import Answer, Meeting, Received, ScriptedServer

if TYPE_CHECKING:
    from seedream_nb.sandbox.faults import FaultKind


def thumbnail_of(_image: TaskImage, content: bytes) -> Thumbnail:
    return make_thumbnail(content, 64)


def image() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (80, 60)).save(buffer, "PNG")
    return buffer.getvalue()


def images_of(url: str, *names: str) -> list[TaskImage]:
    return [TaskImage("an-id", index, url=f"{url}/{name}") for index, name in enumerate(names)]


def test_one_bad_image_never_spoils_the_rest(sandbox: Sandbox, client: SeedreamClient) -> None:
    ids = [sandbox.add_task(f"a red kite {number}", size="960x960") for number in range(6)]
    faults: list[FaultKind] = ["missing", "html", "truncate", "redirect"]
    for task_id, fault in zip(ids, faults, strict=False):
        (image,) = client.retrieve(task_id).images
        assert image.url is not None
        sandbox.faults.add(fault, on="downloads", match=image.url.rpartition("/")[2])
    images = [image for task in client.retrieve_batch(ids) for image in task.images]
    steps: list[int] = []
    results = load_all(images, thumbnail_of, ImageFetcher(), on_progress=steps.append)
    found = [results[image.url or ""] for image in images]
    messages = [result.message if isinstance(result, ImageError) else "" for result in found]
    for words, message in zip(
        ["no longer works", "a web page", "damaged", "too many redirects"], messages[:4], strict=True
    ):
        assert words in message
    assert [type(result) for result in found[4:]] == [Thumbnail, Thumbnail]
    assert steps == [1] * 6


def test_the_same_image_is_fetched_once() -> None:
    with ScriptedServer(Answer(image())) as server:
        images = images_of(server.url, "a", "b", "a")
        images += [TaskImage("an-id", data=image()), TaskImage("an-id", error=ErrorDetail("a_code"))]
        results = load_all(images, thumbnail_of, ImageFetcher())
        assert sorted(received.path for received in server.received) == ["/a", "/b"]
    assert set(results) == {f"{server.url}/a", f"{server.url}/b", image()}
    assert len({result.data for result in results.values() if isinstance(result, Thumbnail)}) == 1


def test_no_images_at_all() -> None:
    assert load_all([], thumbnail_of, ImageFetcher()) == {}
    assert source_of(TaskImage("an-id")) is None
    assert source_of(TaskImage("an-id", url="u", data=b"")) == b""


@pytest.mark.parametrize("connections", [1, 5])
def test_as_many_are_fetched_at_a_time_as_the_limit_says(connections: int) -> None:
    meeting = Meeting(connections, Answer(image()))
    with ScriptedServer(meeting, at_once=True) as server:
        images = images_of(server.url, *map(str, range(4 * connections)))
        load_all(images, thumbnail_of, ImageFetcher(FetchLimits(connections=connections)))
    assert meeting.most == connections


def test_a_mistake_in_the_work_is_not_hidden() -> None:
    with ScriptedServer(Answer(image())) as server, pytest.raises(ZeroDivisionError):
        load_all(images_of(server.url, "a", "b"), lambda _image, _content: 1 / 0, ImageFetcher())


def test_work_that_is_given_up_fetches_nothing_more() -> None:
    def interrupt(_count: int) -> None:
        raise KeyboardInterrupt

    with ScriptedServer(Answer(image())) as server:
        images = images_of(server.url, *map(str, range(300)))
        with pytest.raises(KeyboardInterrupt):
            load_all(images, thumbnail_of, ImageFetcher(FetchLimits(connections=2)), on_progress=interrupt)
        for thread in threading.enumerate():
            if thread.name == "seedream-image":
                thread.join(20)
        assert len(server.received) < 150


@pytest.mark.parametrize("stuck", [2, 5])
def test_stuck_hosts_do_not_hold_up_the_images_of_others(stuck: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "PATIENCE", 0.05)
    over = threading.Event()
    finished = 0

    def answer(received: Received) -> Answer:
        if "stuck" in received.path:
            over.wait(20)
        return Answer(image())

    def count(number: int) -> None:
        nonlocal finished
        finished += number
        if finished == 3:
            over.set()

    with ScriptedServer(answer, at_once=True) as server:
        names = [*(f"stuck-{number}" for number in range(stuck)), "a", "b", "c"]
        fetcher = ImageFetcher(FetchLimits(connections=2))
        results = load_all(images_of(server.url, *names), thumbnail_of, fetcher, on_progress=count)
    assert all(isinstance(result, Thumbnail) for result in results.values())
    assert set(list(results)[:3]) == {f"{server.url}/{name}" for name in "abc"}
