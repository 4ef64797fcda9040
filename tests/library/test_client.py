"""What passed through a client once is not requested again, and is available offline."""

from __future__ import annotations

import json
import math
import os
import pickle
from typing import TYPE_CHECKING, Any

import pytest

from seedream_nb import Gallery, GenerationOptions, GenerationRequest, RetryPolicy, Sandbox, SeedreamClient
from seedream_nb.core.errors import ConnectionFailedError, ImageError, InvalidTokenError, LibraryWarning
from seedream_nb.core.models import Task, TaskStatus
from seedream_nb.core.task_ids import find_problem
from seedream_nb.library import Library, LibraryCache, LibraryFetcher
from tests.library.integrity import run
from tests.library.tasks import name_of, record_of
from tests.scripted_server import Answer, ScriptedServer, as_json

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.scripted_server import Received

QUICK = RetryPolicy(tries=1)


@pytest.fixture
def keeping(sandbox: Sandbox, tmp_path: Path) -> Iterator[SeedreamClient]:
    with SeedreamClient(sandbox.token, sandbox.url, retries=QUICK, library=tmp_path / "library") as opened:
        yield opened


def stored(client: SeedreamClient) -> Library:
    library = client.cache.library
    assert library is not None
    return library


def requests_to(sandbox: Sandbox) -> int:
    """How many requests came since the last call."""
    count = len(sandbox.requests.of_kind("tasks"))
    sandbox.requests.clear()
    return count


# Requested once


def test_one_task_is_requested_once(sandbox: Sandbox, keeping: SeedreamClient) -> None:
    task_id = sandbox.add_task("a cat")
    first = keeping.retrieve(task_id)
    assert requests_to(sandbox) == 1
    assert keeping.retrieve(task_id) == keeping.retrieve(f" {task_id} ") == first
    assert requests_to(sandbox) == 0
    assert keeping.retrieve(task_id, refresh=True) == first
    assert requests_to(sandbox) == 1


def test_many_tasks_are_requested_once(sandbox: Sandbox, keeping: SeedreamClient) -> None:
    task_ids = [sandbox.add_task(f"cat {number}") for number in range(120)]
    progress: list[int] = []
    first = keeping.retrieve_batch(task_ids, on_progress=progress.append)
    assert (requests_to(sandbox), sum(progress)) == (3, 120)
    again = keeping.retrieve_batch([*task_ids, task_ids[0]], on_progress=progress.append)
    assert again == [*first, first[0]]
    assert (requests_to(sandbox), sum(progress)) == (0, 240)
    assert keeping.retrieve_batch(task_ids, refresh=True) == first
    assert requests_to(sandbox) == 3


def test_only_missing_tasks_are_requested(sandbox: Sandbox, keeping: SeedreamClient) -> None:
    task_ids = [sandbox.add_task(f"cat {number}") for number in range(10)]
    keeping.retrieve_batch(task_ids[::2])
    sandbox.requests.clear()
    assert [task.id for task in keeping.retrieve_batch([*task_ids, "unknown"])] == [*task_ids, "unknown"]
    (request,) = sandbox.requests
    assert request.ids == (*task_ids[1::2], "unknown")


def test_unfinished_and_unknown_tasks_are_requested_again(sandbox: Sandbox, keeping: SeedreamClient) -> None:
    task_id = sandbox.add_task("a slow cat", ready_in=None)
    for _time in range(2):
        statuses = [task.status for task in keeping.retrieve_batch([task_id, "unknown"])]
        assert statuses == [TaskStatus.PENDING, TaskStatus.NOT_FOUND]
        assert keeping.retrieve("unknown").status is TaskStatus.NOT_FOUND
    assert requests_to(sandbox) == 4
    assert len(stored(keeping)) == 0


def test_failed_tasks_are_stored(sandbox: Sandbox, keeping: SeedreamClient) -> None:
    task_id = sandbox.add_task("a secret", error=("OutputRiskDetection", "No."))
    assert keeping.retrieve(task_id) == keeping.retrieve(task_id)
    assert requests_to(sandbox) == 1


def test_waiting_polls_only_unfinished_tasks(sandbox: Sandbox, keeping: SeedreamClient) -> None:
    done, coming = sandbox.add_task("done"), sandbox.add_task("coming", ready_in=0.05)
    keeping.retrieve(done)
    sandbox.requests.clear()
    tasks = list(keeping.iter_wait([coming, done], interval=0.05))
    assert {task.id for task in tasks} == {done, coming}
    assert {task_id for request in sandbox.requests for task_id in request.ids} == {coming}
    requests_to(sandbox)
    assert [task.status for task in keeping.wait([coming, done])] == [TaskStatus.SUCCEEDED] * 2
    assert requests_to(sandbox) == 0


def test_the_history_is_stored(sandbox: Sandbox, keeping: SeedreamClient) -> None:
    task_ids = [sandbox.add_task(f"cat {number}") for number in range(5)]
    found = keeping.history(5)[:5]
    assert {task.id for task in found} == set(task_ids)
    requests_to(sandbox)
    assert {task.id for task in keeping.retrieve_batch(task_ids)} == set(task_ids)
    assert requests_to(sandbox) == 0


# Generated


@pytest.mark.parametrize("mode", ["async", "sync", "stream"])
def test_a_generated_task_is_stored(sandbox: Sandbox, keeping: SeedreamClient, mode: str) -> None:
    task = keeping.generate("a white fox", size="2K", mode=mode, wait=mode == "async", interval=0.05)  # type: ignore[arg-type]
    assert task.status is TaskStatus.SUCCEEDED
    (found,) = stored(keeping).search("white fox")
    assert (found.prompt, found.model, found.size, found.status) == (task.prompt, task.model, task.size, task.status)
    assert [image.url for image in found.images] == [image.url for image in task.images]
    assert found.id == task.id or find_problem(found.id) is None
    requests_to(sandbox)
    assert keeping.retrieve(found.id) == found
    assert requests_to(sandbox) == 0


def test_a_task_in_progress_is_not_stored(keeping: SeedreamClient, sandbox: Sandbox) -> None:
    sandbox.settings.generation_seconds = 60
    keeping.generate("a white fox")
    assert len(stored(keeping)) == 0


@pytest.mark.parametrize("mode", ["async", "sync", "stream"])
def test_a_generation_batch_is_stored(keeping: SeedreamClient, mode: str) -> None:
    requests = [GenerationRequest(f"fox {number}", GenerationOptions(size="2K")) for number in range(5)]
    tasks = keeping.generate_all(requests, mode=mode, interval=0.05).finish()  # type: ignore[arg-type]
    assert [task.status for task in tasks] == [TaskStatus.SUCCEEDED] * 5
    assert {task.prompt for task in stored(keeping)} == {f"fox {number}" for number in range(5)}


def test_inline_images_are_stored_as_files(keeping: SeedreamClient) -> None:
    task = keeping.generate("a fox", size="2K", response_format="b64_json", mode="sync")
    (found,) = stored(keeping)
    assert found.images[0].data == task.images[0].data is not None
    assert stored(keeping).info().originals == 1


# Offline


def test_stored_tasks_are_available_offline(sandbox: Sandbox, keeping: SeedreamClient) -> None:
    task_ids = [sandbox.add_task(f"cat {number}") for number in range(6)]
    keeping.retrieve_batch(task_ids[1::2])
    sandbox.stop()
    assert [task.id for task in keeping.retrieve_batch(task_ids[1::2])] == task_ids[1::2]
    assert keeping.retrieve(task_ids[1]).prompt == "cat 1"
    assert [task.id for task in keeping.wait(task_ids[1::2])] == task_ids[1::2]
    wanted = [task_ids[5], *task_ids[:4], task_ids[1]]
    with pytest.raises(ConnectionFailedError, match="refused the connection") as caught:
        keeping.retrieve_batch(wanted)
    assert [task.id for task in caught.value.partial] == [task_ids[number] for number in (5, 1, 3, 1)]
    assert caught.value.failed_ids == (task_ids[0], task_ids[2])
    with pytest.raises(ConnectionFailedError):
        keeping.retrieve(task_ids[0])


def test_an_image_with_a_dead_link_is_served(sandbox: Sandbox, keeping: SeedreamClient) -> None:
    image = keeping.retrieve(sandbox.add_task("a cat", size="200x100")).images[0]
    content = keeping.fetcher.fetch(image)
    thumbnail = keeping.fetcher.thumbnail(image, 64)
    sandbox.stop()
    assert keeping.fetcher.fetch(image) == content
    assert keeping.fetcher.thumbnail(image, 64) == thumbnail
    assert keeping.fetcher.thumbnail(image, 32).width == 32  # made of the original


def test_a_dead_link_of_an_unknown_image_is_an_error(sandbox: Sandbox, keeping: SeedreamClient) -> None:
    image = keeping.retrieve(sandbox.add_task("a cat", size="200x100")).images[0]
    sandbox.stop()
    with pytest.raises(ImageError):
        keeping.fetcher.fetch(image)


# Unusual answers


def test_a_cleared_record_does_not_replace_one_with_images(tmp_path: Path) -> None:
    rich, cleared = record_of(images=2), {**record_of(), "response": {"success": True, "data": []}}

    def script(_received: Received) -> Answer:
        return as_json(answers.pop(0))

    answers = [rich, cleared]
    with (
        ScriptedServer(script) as server,
        SeedreamClient("a-token", server.url, library=tmp_path / "library") as client,
    ):
        client.retrieve(name_of(0))
        client.retrieve(name_of(0), refresh=True)
        assert len(client.retrieve(name_of(0)).images) == 2
        assert len(server.received) == 2


# On and off


def test_nothing_of_a_loopback_address_is_stored_by_default(sandbox: Sandbox, tmp_path: Path) -> None:
    with SeedreamClient(sandbox.token, sandbox.url) as client:
        assert client.cache.library is None
        task_id = sandbox.add_task("a cat", size="100x100")
        assert client.retrieve(task_id) == client.retrieve(task_id)
        client.fetcher.thumbnail(client.retrieve(task_id).images[0], 32)
    assert len(sandbox.requests.of_kind("tasks")) == 3
    assert not list(tmp_path.rglob("library.sqlite"))


def test_an_explicit_library_stores_tasks_and_images_of_a_loopback_address(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tunnel or a local gateway has a loopback address, too."""
    monkeypatch.setenv("SEEDREAM_LIBRARY", str(tmp_path / "library"))
    task_id = sandbox.add_task("a cat", size="100x100")
    with SeedreamClient(sandbox.token, sandbox.url) as client:
        assert stored(client).location == tmp_path / "library"
        task = client.retrieve(task_id)
        assert client.retrieve(task_id) == task
        content = client.fetcher.fetch(task.images[0])
        assert client.fetcher.fetch(task.images[0]) == content
    assert len(sandbox.requests.of_kind("tasks")) == len(sandbox.requests.of_kind("downloads")) == 1
    sandbox.stop()
    with SeedreamClient(sandbox.token, sandbox.url) as client:
        assert client.retrieve(task_id) == task
        assert client.fetcher.fetch(task.images[0]) == content


def test_a_gallery_without_a_client_finds_loopback_images_in_an_explicit_library(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEEDREAM_LIBRARY", str(tmp_path / "library"))
    with SeedreamClient(sandbox.token, sandbox.url) as client:
        task = client.retrieve(sandbox.add_task("a cat", size="100x100"))
        content = client.fetcher.fetch(task.images[0])
    sandbox.stop()
    cache = LibraryCache()
    assert LibraryFetcher(cache).fetch(task.images[0]) == content
    cache.close()


def test_the_live_service_is_stored_where_the_environment_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with SeedreamClient("a-token") as client:
        assert str(stored(client).location).endswith(os.path.join("seedream_nb", "library"))  # noqa: PTH118  the end of one
    monkeypatch.setenv("SEEDREAM_LIBRARY", str(tmp_path / "library"))
    with SeedreamClient("a-token") as client:
        assert stored(client).location == tmp_path / "library"
    monkeypatch.setenv("SEEDREAM_LIBRARY", "off")
    with SeedreamClient("a-token") as client:
        assert client.cache.library is None


def test_off_is_off(sandbox: Sandbox, tmp_path: Path) -> None:
    with SeedreamClient(sandbox.token, sandbox.url, library="off") as client:
        task_id = sandbox.add_task("a cat")
        assert client.retrieve(task_id) == client.retrieve(task_id)
    assert requests_to(sandbox) == 2
    assert not list(tmp_path.rglob("library.sqlite"))


def test_creating_a_client_creates_no_folder(sandbox: Sandbox, tmp_path: Path) -> None:
    SeedreamClient(sandbox.token, sandbox.url, library=tmp_path / "library").close()
    assert not (tmp_path / "library").exists()


def test_an_invalid_location_causes_warnings(sandbox: Sandbox) -> None:
    task_id = sandbox.add_task("a cat")
    with SeedreamClient(sandbox.token, sandbox.url, library="~nobody-of-this-name/x") as client:
        with pytest.warns(LibraryWarning, match="cannot be used") as caught:
            assert client.retrieve(task_id).prompt == client.retrieve(task_id).prompt == "a cat"
        assert len(caught) == 2  # of reading, and of writing


@pytest.mark.parametrize("given", ["folder", "library"])
def test_a_pickled_client_uses_the_library(sandbox: Sandbox, tmp_path: Path, given: str) -> None:
    library = Library(tmp_path / "library", budget=123)
    with SeedreamClient(
        sandbox.token, sandbox.url, library=library if given == "library" else tmp_path / "library"
    ) as client:
        task = client.retrieve(sandbox.add_task("a cat"))
        with pickle.loads(pickle.dumps(client)) as copy:  # noqa: S301  our own
            requests_to(sandbox)
            assert copy.retrieve(task.id) == task
            assert requests_to(sandbox) == 0
            other = copy.retrieve(sandbox.add_task("a dog"))
            assert stored(copy).info().budget == 123  # that of the open library in this folder, however it was given
        assert client.cache.find([other.id]) == {other.id: other}
    library.close()


FORK = """
import os, sys
from seedream_nb import SeedreamClient
client = SeedreamClient(sys.argv[1], sys.argv[2], library=sys.argv[3])
first = client.retrieve(sys.argv[4])
client.cache._lock.acquire()  # as another thread of the parent may hold it
child = os.fork()
if child == 0:
    assert client.retrieve(sys.argv[4]) == first
    client.retrieve(sys.argv[5])
    client.close()
    os._exit(0)
client.cache._lock.release()
assert os.waitpid(child, 0)[1] == 0
assert list(client.cache.find([sys.argv[5]])) == [sys.argv[5]]
client.close()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.heavy
def test_both_sides_of_a_fork(sandbox: Sandbox, tmp_path: Path) -> None:
    first, second = sandbox.add_task("a cat"), sandbox.add_task("a dog")
    run(FORK, sandbox.token, sandbox.url, tmp_path / "library", first, second)
    assert requests_to(sandbox) == 2


def test_the_token_is_not_stored(sandbox: Sandbox, keeping: SeedreamClient) -> None:
    keeping.fetcher.thumbnail(keeping.retrieve(sandbox.add_task("a cat", size="100x100")).images[0], 32)
    keeping.close()
    for path in stored(keeping).location.rglob("*"):
        assert not path.is_file() or sandbox.token.encode() not in path.read_bytes()


def test_a_stored_task_hides_no_invalid_token(sandbox: Sandbox, keeping: SeedreamClient, tmp_path: Path) -> None:
    task_id = sandbox.add_task("a cat")
    keeping.retrieve(task_id)
    with SeedreamClient("another-token", sandbox.url, library=tmp_path / "library") as other:
        assert other.retrieve(task_id).prompt == "a cat"
        with pytest.raises(InvalidTokenError):
            other.retrieve(task_id, refresh=True)


# Foreign numbers


def reject_constant(name: str) -> None:
    raise AssertionError(f"{name} is not JSON")


def test_numbers_that_are_not_json_reach_nothing_that_is_written(tmp_path: Path) -> None:
    """Python reads NaN, Infinity, and numbers without bounds, but other programs cannot read them."""
    numbers = '{"scale": NaN, "deep": [[-Infinity, {"x": Infinity}], 1e999, 1.5, 2, true, null, "NaN"]}'
    record = json.dumps(record_of(images=0, request={"prompt": "a cat", "extra": "NUMBERS"}, elapsed="NUMBERS"))
    answer = Answer(record.replace('"NUMBERS"', numbers).encode(), headers={"Content-Type": "application/json"})
    with (
        ScriptedServer(answer) as server,
        SeedreamClient("a-token", server.url, retries=QUICK, library=tmp_path / "library") as client,
    ):
        task = client.retrieve(name_of(0))
        gallery = Gallery(task)
        gallery.save(tmp_path / "saved")
        stored(client).export(tmp_path / "exported")
    files = [path for name in ("saved", "exported/tasks") for path in (tmp_path / name).glob("*.json")]
    assert len(files) == 2
    texts = [json.dumps(gallery.to_dicts()[0]), *(path.read_text(encoding="utf-8") for path in files)]
    for text in texts:
        plain = json.loads(text, parse_constant=reject_constant)
        request = plain.get("record", plain)["request"]
        assert request["extra"] == {"scale": None, "deep": [[None, {"x": None}], None, 1.5, 2, True, None, "NaN"]}


def test_deeply_nested_requests_become_plain_data() -> None:
    deep: list[Any] = []
    for _level in range(5_000):
        deep = [deep, float("nan")]
    task = Task("an-id", TaskStatus.SUCCEEDED, request={"deep": deep})
    plain = task.to_dict()["request"]
    assert isinstance(plain, dict)
    assert plain["deep"][1] is None
    assert math.isnan(deep[1])
