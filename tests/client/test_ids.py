"""Tasks are named by ids, the first characters of known ids, tasks, images, and collections of these."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from seedream_nb import Gallery, Sandbox, SeedreamClient, Task, TaskStatus
from seedream_nb.core.errors import InvalidTaskIdError, UsageError
from seedream_nb.library import Library

if TYPE_CHECKING:
    from pathlib import Path

TWINS = ("84d1544a-0000-4000-8000-000000000001", "84d1544a-0000-4000-8000-000000000002")


def requested(sandbox: Sandbox) -> list[tuple[str, ...]]:
    return [request.ids for request in sandbox.requests.of_kind("tasks")]


def test_an_id_that_the_client_has_seen_is_known_by_its_beginning(sandbox: Sandbox, client: SeedreamClient) -> None:
    task_id = sandbox.add_task("a cat", size="64x64", ready_in=3600)
    task = client.retrieve(task_id)
    for known in (task_id[:8], task_id[:20].upper(), task, f" {task_id[:8]}\n"):
        assert client.retrieve(known) == task
        assert client.retrieve_batch([known]) == [task]
    waiting = client.iter_wait(task_id[:8], timeout=0)
    assert waiting.open_ids == (task_id,)
    waiting.add(task_id[:9])
    assert waiting.open_ids == (task_id,)


def test_an_id_in_the_library_is_known_by_its_beginning(sandbox: Sandbox, tmp_path: Path) -> None:
    task_id = sandbox.add_task("a cat", size="64x64")
    with SeedreamClient(sandbox.token, sandbox.url, library=tmp_path / "library") as first:
        task = first.retrieve(task_id)
    sandbox.requests.clear()
    read_only = Library(tmp_path / "library", read_only=True)
    for library in (tmp_path / "library", read_only):
        with SeedreamClient(sandbox.token, sandbox.url, library=library) as client:
            assert client.retrieve(task_id[:8]) == client.wait(task_id[:8])[0] == task
            assert client.retrieve_batch([task_id[:8], [task.images[0]]]) == [task, task]
    assert requested(sandbox) == []


@pytest.mark.parametrize("library", ["off", "on"])
def test_an_unknown_beginning_is_not_sent(sandbox: Sandbox, tmp_path: Path, library: str) -> None:
    place = "this client or the library" if library == "on" else "this client (the library is turned off)"
    location = "off" if library == "off" else tmp_path / "library"
    with SeedreamClient(sandbox.token, sandbox.url, library=location) as client:
        for call in (client.retrieve, client.retrieve_batch, client.wait):
            with pytest.raises(InvalidTaskIdError) as caught:
                call("84d1544a")
            assert caught.value.message == f"'84d1544a' is not the beginning of a task id known to {place}."
    assert len(sandbox.requests) == 0


def test_a_beginning_of_several_ids_is_not_sent(sandbox: Sandbox, client: SeedreamClient) -> None:
    for task_id in TWINS:
        client.retrieve(sandbox.add_task(f"cat {task_id[-1]}", task_id=task_id, ready_in=3600))
    sandbox.requests.clear()
    with pytest.raises(InvalidTaskIdError) as caught:
        client.retrieve_batch(["84d1544a"])
    assert all(f"{task_id} (cat {task_id[-1]}, " in caught.value.message for task_id in TWINS)
    assert len(sandbox.requests) == 0
    assert client.retrieve(TWINS[0]).prompt == "cat 1"


def test_collections_are_retrieved_and_waited_for_in_order(sandbox: Sandbox, client: SeedreamClient) -> None:
    ids = [sandbox.add_task(name, size="64x64", images=2) for name in "abcd"]
    tasks = client.retrieve_batch(pd.Series(ids))
    mixture: list[Any] = [Gallery(tasks[:2]), [tasks[2].images[1], (ids[3],)], (task for task in tasks[:1])]
    assert client.retrieve_batch(mixture[:2]) == tasks
    sandbox.requests.clear()
    assert client.wait(Gallery(tasks)) == tasks
    assert requested(sandbox) == []  # they are finished
    assert client.wait(mixture) == [*tasks, tasks[0]]
    assert requested(sandbox) == [(ids[2], ids[3])]


def test_one_task_of_a_collection_can_be_retrieved(sandbox: Sandbox, client: SeedreamClient) -> None:
    task = client.retrieve(sandbox.task_ids[0])
    alone: Any = Gallery(task)
    several: Any = Gallery([task, task])
    assert client.retrieve(alone) == client.retrieve(task.images[0]) == task
    with pytest.raises(UsageError, match="retrieve takes one task, not 2"):
        client.retrieve(several)


def test_a_stream_is_not_paid_for_by_naming_it(client: SeedreamClient, sandbox: Sandbox, tmp_path: Path) -> None:
    stream: Any = client.stream("a cat", size="960x960", model="4.0")
    with pytest.raises(InvalidTaskIdError, match=r"The task \(a cat\) has no task id"):
        client.retrieve_batch(stream)
    with Library(tmp_path / "library") as library, pytest.raises(InvalidTaskIdError):
        library.tag(stream, "x")
    assert [task.prompt for task in Gallery(stream)] == ["a cat"]
    assert len(sandbox.requests) == 0
    images = list(stream)
    assert Gallery(stream).images == tuple(images)


def test_a_task_without_an_id_is_named(client: SeedreamClient, sandbox: Sandbox) -> None:
    rejected = Task("", TaskStatus.FAILED, prompt="too long")
    unsent = Task("", TaskStatus.PENDING, prompt="a cat")
    with pytest.raises(InvalidTaskIdError, match=r"^Task 2 of 2 \(too long\) has no task id\."):
        client.retrieve_batch([sandbox.task_ids[0], rejected])
    with pytest.raises(InvalidTaskIdError, match=r"^Task 2 of 2 \(a cat\) has no task id\."):
        client.wait([rejected, unsent])
    assert client.wait([rejected]) == [rejected]
    assert len(sandbox.requests) == 0
