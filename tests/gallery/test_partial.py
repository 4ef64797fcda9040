"""A gallery before all images are here: what is there is shown, in its final place, and nothing is fetched for it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from seedream_nb import Gallery, Sandbox, SeedreamClient, TaskStatus
from tests.gallery.reading import Sheet, assert_forms_agree, show

if TYPE_CHECKING:
    from seedream_nb import Task


def read(gallery: Gallery, *, is_loading: bool) -> Sheet:
    bundle = gallery.partial_bundle(is_loading=is_loading)
    sheet = Sheet(bundle["text/html"], bundle["text/plain"])
    assert_forms_agree(sheet)
    return sheet


def fetched(sandbox: Sandbox) -> int:
    return len(sandbox.requests.of_kind("downloads"))


@pytest.fixture
def tasks(sandbox: Sandbox, client: SeedreamClient) -> list[Task]:
    """A finished one, one in progress, one that failed, and another finished one."""
    ids = [
        sandbox.add_task("a cat", size="320x200"),
        sandbox.add_task("a dog", ready_in=None),
        sandbox.add_task("a fox", error=("api_error", "broken")),
        sandbox.add_task("a hen", size="320x200"),
    ]
    return list(client.retrieve_batch(ids))


@pytest.mark.parametrize("is_loading", [True, False])
def test_it_looks_like_the_finished_one_but_for_missing_images(
    sandbox: Sandbox,
    tasks: list[Task],
    is_loading: bool,  # noqa: FBT001  a parameter
) -> None:
    gallery = Gallery(tasks)
    gallery[:1].load()
    partial = read(gallery, is_loading=is_loading)
    assert fetched(sandbox) == 1
    word = "fetching" if is_loading else "not fetched"
    assert [bool(tile.embedded) for tile in partial.tiles] == [True, False, False, False]
    assert partial.tiles[3].state.endswith(word)
    assert ("seedream-waiting" in partial.tiles[3].css) is is_loading
    assert f" · 1 {word}" in partial.summary
    final = show(gallery)
    assert partial.tiles[:3] == final.tiles[:3]
    assert [tile.prompt for tile in partial.tiles] == [tile.prompt for tile in final.tiles]
    assert read(gallery, is_loading=is_loading).tiles == final.tiles


def test_a_canceled_download_is_no_lost_image(sandbox: Sandbox, client: SeedreamClient) -> None:
    fast, slow = sandbox.add_task("a cat", size="64x64"), sandbox.add_task("a dog", size="64x64")
    gallery, stop = Gallery(client.retrieve_batch([fast, slow])), threading.Event()
    with sandbox.faults.during("latency", on="downloads", match=slow, seconds=30):
        gallery.load(stop=stop, on_progress=lambda _number: stop.set())
    assert [tile.state for tile in read(gallery, is_loading=False).tiles] == ["✓ succeeded", "○ not fetched"]
    assert {task.status for task in gallery} == {TaskStatus.SUCCEEDED}
    assert all(tile.embedded for tile in show(gallery).tiles)
