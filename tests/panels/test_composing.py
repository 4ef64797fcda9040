"""A selected image with layers is one composed image in Python and as a reference."""

from __future__ import annotations

import gc
import weakref
from typing import TYPE_CHECKING

import pytest

from seedream_nb import Explorer, Sandbox, SeedreamClient, Task, TaskImage, TaskStatus, compose_layers
from seedream_nb.core.errors import ImageError
from seedream_nb.images.fetch import ImageFetcher
from seedream_nb.panels.actions import MOST_COMPOSED
from seedream_nb.panels.saving import compose_image
from seedream_nb.panels.state import ExplorerState
from tests.panels.support import keys_of, layered
from tests.sample_images import decode

if TYPE_CHECKING:
    from collections.abc import Callable

    from seedream_nb.panels.state import Part

    Wait = Callable[[Callable[[], bool]], None]

BOAT = "2fd4b690-a7e8-4351-8c1d-e96b05f8d73c"  # with layers
CAT = "84d1544a-9043-4dde-a98b-e889dacd75f6"


def is_busy(panel: Explorer) -> bool:
    return "seedream-status-busy" in panel.status_line.value


def test_a_composed_image_has_the_metadata_of_the_base_image(client: SeedreamClient) -> None:
    task = client.retrieve(BOAT)
    image = compose_image(task, ImageFetcher())
    assert image.data is not None
    assert decode(image.data).tobytes() == compose_layers(task).tobytes()
    assert (image.task_id, image.prompt, image.model) == (BOAT, task.prompt, task.model)
    assert (image.size, image.output_format, image.name) == ("1536x1024", "png", "composed")
    assert (image.url, image.z_index, image.bounding_box, image.error) == (None, None, None, None)


def test_a_broken_layer_is_named() -> None:
    task = layered("a", "red", "blue")
    (base, over) = task.images
    broken = Task("a", TaskStatus.SUCCEEDED, (base, TaskImage("a", 1, data=b"not an image", z_index=over.z_index)))
    with pytest.raises(ImageError, match="layer 1 is broken"):
        compose_image(broken, ImageFetcher())


def test_a_selected_composed_image_is_in_python(panel: Explorer, client: SeedreamClient, wait_until: Wait) -> None:
    panel.add(client.retrieve_batch([CAT, BOAT]))
    cat, whole, base, *_layers = keys_of(panel)
    panel._state.select([whole, cat, base])
    wait_until(lambda: len(panel.selected) == 3 and not is_busy(panel))
    first, second, third = panel.selected
    assert (first.name, first.size) == ("composed", "1536x1024")
    assert first.data is not None
    assert decode(first.data).tobytes() == compose_layers(panel.tasks[1]).tobytes()
    assert (second, third) == (panel.tasks[0].images[0], panel.tasks[1].layers[0])
    assert panel._state.selected_keys(9) == [whole, cat, base]


def test_a_composed_image_becomes_a_reference(
    panel: Explorer, sandbox: Sandbox, client: SeedreamClient, wait_until: Wait
) -> None:
    panel.add(client.retrieve(BOAT))
    panel._state.select(keys_of(panel)[:1])
    wait_until(lambda: len(panel.selected) == 1)
    panel.generate_form.use_selection.click()
    (reference,) = panel.generate_form.references
    assert reference.startswith("data:image/png;base64,")
    panel.generate_form.prompt.value = "make it night"
    panel.generate_form.button.click()
    wait_until(lambda: "generated" in panel.status_line.value)
    assert len(sandbox.requests.of_kind("images")) == 1


def test_a_missing_layer_is_reported_and_retried_when_it_is_selected_again(
    panel: Explorer, sandbox: Sandbox, client: SeedreamClient, wait_until: Wait
) -> None:
    task = client.retrieve(BOAT)
    panel.add(task)
    whole, base, *_layers = keys_of(panel)
    lost = str(task.layers[1].url).rpartition("/")[2]
    with sandbox.faults.during("missing", on="downloads", match=lost):
        panel._state.select([whole, base])
        wait_until(lambda: "seedream-status-error" in panel.status_line.value)
        assert "is missing" in panel.status_line.value
        assert panel.selected == (task.layers[0],)
    panel._state.select([whole])
    wait_until(lambda: len(panel.selected) == 1 and panel.selected[0].name == "composed")


def test_a_deselected_composed_image_is_freed(panel: Explorer, wait_until: Wait) -> None:
    panel.add(layered("a", "red", "blue"))
    whole, base, _over = keys_of(panel)
    panel._state.select([whole])
    wait_until(lambda: len(panel.selected) == 1 and not is_busy(panel))
    kept = weakref.ref(panel.selected[0])
    panel._state.select([base])
    gc.collect()
    assert kept() is None


def test_no_more_images_are_composed_than_a_request_takes(panel: Explorer, wait_until: Wait) -> None:
    tasks = [layered(f"task {number}", "red", "blue") for number in range(MOST_COMPOSED + 2)]
    panel.add(tasks)
    panel._state.select([key for key in keys_of(panel) if key.endswith("/0")])
    wait_until(lambda: len(panel.selected) == MOST_COMPOSED)
    assert [image.task_id for image in panel.selected] == [task.id for task in tasks[:MOST_COMPOSED]]
    assert f"Only the first {MOST_COMPOSED} selected images" in panel.status_line.value


# The state


def test_an_updated_task_updates_the_selection() -> None:
    parts: list[Part] = []
    state = ExplorerState(parts.append)
    link, newer = (TaskImage("a", url=f"https://x.example/{name}.jpg") for name in ("a", "b"))
    state.put([Task("a", TaskStatus.SUCCEEDED, (link,))])
    state.select(["a/0"])
    assert (state.selected_images, parts) == ((link,), ["cards", "selected"])
    state.put([Task("a", TaskStatus.SUCCEEDED, (link,))])
    assert parts == ["cards", "selected", "cards"]
    state.put([Task("a", TaskStatus.SUCCEEDED, (newer,))])
    assert (state.selected_keys(9), state.selected_images) == (["a/0"], (newer,))
    assert parts[3:] == ["cards", "images"]


def test_a_composed_image_that_is_not_selected_is_not_announced() -> None:
    parts: list[Part] = []
    state = ExplorerState(parts.append)
    task = layered("a", "red", "blue")
    state.put([task])
    (card,) = state.find(["a/0"])
    state.set_composed(card, task.images[0])
    assert (state.selected_images, parts) == ((), ["cards"])
    state.select(["a/0"])
    assert state.selected_images == (task.images[0],)
