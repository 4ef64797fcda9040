"""An image that came in layers is put together as an independent computation says, and a bad layer is named."""

from __future__ import annotations

import io
import math
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from seedream_nb import BoundingBox, ErrorDetail, Sandbox, SeedreamClient, Task, TaskImage, TaskStatus
from seedream_nb.core.errors import ImageError, TaskFailedError, TaskNotFinishedError, UsageError
from seedream_nb.images.fetch import FetchLimits, ImageFetcher
from seedream_nb.images.layers import compose_layers, place_layer

if TYPE_CHECKING:
    from collections.abc import Sequence

PRO = "doubao-seedream-5-0-pro-260628"
GRAY = (100, 100, 100)
RED = (200, 40, 40, 128)
BLUE = (0, 0, 255, 255)


def encoded(size: tuple[int, int], color: tuple[int, ...]) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGBA" if len(color) == 4 else "RGB", size, color).save(buffer, "PNG")
    return buffer.getvalue()


def layer(
    z_index: int,
    size: tuple[int, int],
    color: tuple[int, ...],
    absolute: Sequence[float] | None = None,
    normalized: Sequence[float] | None = None,
) -> TaskImage:
    box = BoundingBox(
        tuple(absolute) if absolute else None,  # type: ignore[arg-type]  # four edges
        tuple(normalized) if normalized else None,  # type: ignore[arg-type]  # as above
    )
    return TaskImage("i", z_index, data=encoded(size, color), z_index=z_index, bounding_box=box)


def compose(*images: TaskImage) -> Image.Image:
    return compose_layers(Task("i", TaskStatus.SUCCEEDED, images))


def blended(over: tuple[int, ...], under: tuple[int, ...]) -> tuple[float, ...]:
    alpha = over[3] / 255
    return tuple(top * alpha + bottom * (1 - alpha) for top, bottom in zip(over, under, strict=False))


def assert_pixel(image: Image.Image, place: tuple[int, int], expected: Sequence[float]) -> None:
    pixel = image.getpixel(place)
    assert isinstance(pixel, tuple)
    assert pixel[:3] == pytest.approx(tuple(expected)[:3], abs=1)


def test_a_layer_lies_in_its_box_and_lets_through_what_is_below() -> None:
    image = compose(layer(0, (100, 80), GRAY), layer(1, (30, 20), RED, absolute=(10, 20, 40, 40)))
    assert (image.size, image.mode) == ((100, 80), "RGB")
    for inside in ((10, 20), (39, 39), (25, 30)):
        assert_pixel(image, inside, blended(RED, GRAY))
    for outside in ((9, 20), (10, 19), (40, 39), (39, 40)):
        assert_pixel(image, outside, GRAY)


def test_a_layer_is_resized_to_its_box() -> None:
    image = compose(layer(0, (100, 80), GRAY), layer(1, (300, 300), BLUE, absolute=(50, 0, 100, 10)))
    assert_pixel(image, (50, 9), BLUE)
    assert_pixel(image, (49, 9), GRAY)
    assert_pixel(image, (50, 10), GRAY)


def test_a_box_per_mille_is_of_the_base_image() -> None:
    image = compose(layer(0, (200, 100), GRAY), layer(1, (5, 5), BLUE, normalized=(500, 100, 750, 900)))
    assert image.getbbox() == (0, 0, 200, 100)
    assert_pixel(image, (100, 10), BLUE)
    assert_pixel(image, (149, 89), BLUE)
    for outside in ((99, 10), (100, 9), (150, 89), (149, 90)):
        assert_pixel(image, outside, GRAY)


def test_layers_lie_in_the_order_of_their_numbers_not_of_the_answer() -> None:
    upper, lower = layer(5, (10, 10), BLUE), layer(2, (10, 10), (0, 255, 0, 255))
    assert_pixel(compose(upper, layer(0, (10, 10), GRAY), lower), (5, 5), BLUE)


def test_a_box_that_reaches_over_the_edge_is_cut_there() -> None:
    buffer = io.BytesIO()
    halves = Image.new("RGBA", (40, 40), BLUE)
    halves.paste((255, 0, 0, 255), (20, 0, 40, 40))
    halves.save(buffer, "PNG")
    image = TaskImage("i", 1, data=buffer.getvalue(), z_index=1, bounding_box=BoundingBox((-20, 0, 20, 40)))
    composed = compose(layer(0, (100, 80), GRAY), image)
    assert_pixel(composed, (5, 5), (255, 0, 0))
    assert_pixel(composed, (25, 5), GRAY)


NONSENSE = [(5, 5, 5, 9), (9, 9, 2, 2), (500, 0, 600, 9), (-9, 0, 0, 9), (math.nan, 0, 9, 9), (0, 0, math.inf, 9),
            (-1e308, 0, 1e308, 9), (0, 0, 1e9, 1e9)]  # fmt: skip


@pytest.mark.parametrize("box", NONSENSE)
def test_a_box_without_sense_is_as_no_box(box: tuple[float, ...]) -> None:
    image = compose(layer(0, (100, 80), GRAY), layer(1, (10, 10), BLUE, absolute=box))
    assert_pixel(image, (0, 0), BLUE)
    assert_pixel(image, (99, 79), BLUE)
    other = layer(1, (10, 10), BLUE, absolute=box, normalized=(0, 0, 100, 100))
    assert place_layer(other, (100, 80)) == (0, 0, 10, 8)


numbers = st.floats(allow_nan=True, allow_infinity=True) | st.floats(-300, 300)


@given(st.tuples(numbers, numbers, numbers, numbers), st.tuples(numbers, numbers, numbers, numbers))
def test_any_box_gives_a_image_of_the_size_of_its_base(
    absolute: tuple[float, ...], normalized: tuple[float, ...]
) -> None:
    upper = layer(1, (7, 3), RED, absolute=absolute, normalized=normalized)
    assert compose(layer(0, (20, 10), GRAY), upper).size == (20, 10)


def test_a_base_image_that_is_transparent_stays_so() -> None:
    image = compose(layer(0, (9, 9), (9, 9, 9, 0)), layer(1, (3, 3), BLUE, absolute=(0, 0, 3, 3)))
    assert image.mode == "RGBA"
    assert (image.getpixel((0, 0)), image.getpixel((8, 8))) == (BLUE, (0, 0, 0, 0))


@pytest.mark.heavy
def test_layers_of_the_sandbox_give_the_image_they_were_taken_from(sandbox: Sandbox, client: SeedreamClient) -> None:
    source = Image.radial_gradient("L").resize((1024, 1024)).convert("RGB")
    task = client.generate(image=source, model=PRO, layers=True, wait=True)
    assert len(task.layers) > 2
    composed = compose_layers(task)
    assert (composed.mode, f"{composed.width}x{composed.height}") == ("RGB", task.layers[0].size)
    middle = composed.getpixel((composed.width // 2, composed.height // 2))
    expected = source.getpixel((512, 512))
    assert isinstance(expected, tuple)
    assert middle == pytest.approx(expected, abs=12)
    requests = sandbox.requests.of_kind("downloads")
    assert len(requests) == len(task.layers)
    assert not any(request.has_authorization for request in requests)


def test_a_layer_that_cannot_be_fetched_is_named(sandbox: Sandbox, client: SeedreamClient) -> None:
    task = client.generate(image=Image.new("RGB", (1024, 1024)), model=PRO, layers=True, wait=True)
    sandbox.faults.add("missing", on="downloads", match=str(task.layers[1].url).rpartition("/")[2])
    with pytest.raises(ImageError, match=r"The layer 1: .* is missing: The link no longer works") as caught:
        compose_layers(task, ImageFetcher(FetchLimits(tries=1)))
    assert caught.value.status_code == 404


@pytest.mark.parametrize(
    ("images", "message"),
    [
        ((layer(0, (9, 9), GRAY), TaskImage("i", 1, data=b"broken", z_index=1)), "The layer 1 is broken: "),
        (
            (layer(0, (9, 9), GRAY), TaskImage("i", 1, z_index=2, name="boat", error=ErrorDetail("code", "words"))),
            "The layer 2: boat is missing: code: words",
        ),
        ((layer(0, (9, 9), GRAY), TaskImage("i", 1, z_index=3)), "The layer 3 is missing: there is no image."),
        ((layer(0, (9, 9), GRAY), TaskImage("i", 1, data=b"", z_index=3)), "The layer 3 is broken: "),
        ((layer(1, (9, 9), RED), layer(2, (9, 9), RED)), "The base image is missing"),
    ],
)
def test_a_bad_layer_is_named(images: tuple[TaskImage, ...], message: str) -> None:
    with pytest.raises(ImageError) as caught:
        compose(*images)
    assert caught.value.message.startswith(message)


def test_a_task_without_layers_gives_its_only_image() -> None:
    good = TaskImage("i", 0, data=encoded((6, 4), BLUE))
    assert compose(good).size == (6, 4)
    assert compose(TaskImage("i", 0, data=encoded((6, 4), RED), z_index=0)).mode == "RGBA"
    task = Task("i", TaskStatus.PARTIALLY_FAILED, (TaskImage("i", error=ErrorDetail("c", "m")), good))
    assert compose_layers(task).getpixel((5, 3)) == BLUE[:3]


def test_of_several_images_one_has_to_be_chosen() -> None:
    good = TaskImage("i", data=encoded((6, 4), BLUE))
    with pytest.raises(UsageError) as caught:
        compose(good, TaskImage("i", 1, error=ErrorDetail()), good)
    assert caught.value.message == "The task i has 2 images and no layers to compose."
    assert (
        caught.value.hint
        == "Choose one of task.images[0], task.images[2], or save all of them with Gallery(task).save(directory)."
    )


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (TaskStatus.PENDING, TaskNotFinishedError),
        (TaskStatus.FAILED, TaskFailedError),
        (TaskStatus.SUCCEEDED, ImageError),
    ],
)
def test_a_task_without_a_image_says_why(status: TaskStatus, error: type[Exception]) -> None:
    with pytest.raises(error):
        compose_layers(Task("i", status))
