"""Composes the layers of an image, at full size for Python and at thumbnail size for galleries.

Wire contract, Layers: `z_index` 0 is the base image; above it lie transparent layers, each in its bounding box.
"""

from __future__ import annotations

import io
import math
from typing import TYPE_CHECKING, TypeVar

from PIL import Image

from seedream_nb.core.errors import ImageError, UsageError, shorten
from seedream_nb.images.fetch import ImageFetcher, find_result, load_all
from seedream_nb.images.thumbnails import decode_image, encode_thumbnail

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from seedream_nb.core.models import Task, TaskImage
    from seedream_nb.images.thumbnails import Thumbnail

    Edges = tuple[float, float, float, float]  # left, top, right, bottom

Found = TypeVar("Found")

FARTHEST = 10  # times the size of the base image; a box that reaches farther is invalid


def compose_layers(task: Task, fetcher: ImageFetcher | None = None) -> Image.Image:
    """Composes the layers of a task at the full size of its base image; without layers, decodes its only image.

    Layers are decoded one after the other, so that at most two full images are in memory.

    Args:
        task: The task; one with a single image works as well.
        fetcher: Fetches the images, such as `client.fetcher`. By default they are downloaded from their links, and no
            library is opened; `Gallery.compose` uses the gallery's library.

    Returns:
        The image in mode `RGB`, or `RGBA` where it has transparent parts.

    Raises:
        UsageError: There are several images and no layers, so one must be chosen.
        ImageError: A layer is missing or broken; the message names it.
        TaskError: The task has no image, as `raise_for_status` says.

    Example:
        >>> layered = client.generate(image=image, layers=True, model="5.0-pro", wait=True)
        >>> compose_layers(layered, client.fetcher).save("composed.png")
    """
    fetcher = fetcher or ImageFetcher()
    if not task.layers:
        return _flattened(decode_image(fetcher.fetch(_only_image(task))))
    contents = load_all(task.layers, lambda _image, content: content, fetcher)
    layers = list(match_layers(task.layers, lambda image: find_result(image, contents)))
    return _flattened(_lay_over_one_another((image, _decoded(image, content)) for image, content in layers))


def match_layers(
    layers: Sequence[TaskImage], find: Callable[[TaskImage], Found | ImageError | None]
) -> Iterator[tuple[TaskImage, Found]]:
    """Pairs each layer with what was found for it.

    Args:
        layers: The layers, as `Task.layers` has them.
        find: Returns what was found for an image, or why nothing was.

    Yields:
        Each layer with what was found for it.

    Raises:
        ImageError: There is no base image, or nothing was found for a layer; the message names it.
    """
    if all(image.z_index != 0 for image in layers):
        raise ImageError("The base image is missing (no image has z_index 0).")
    for image in layers:
        match = find(image) if image.is_good else None
        if match is None:
            raise _broken(image, f"is missing: {image.error or 'there is no image.'}")
        if isinstance(match, ImageError):
            raise _broken(image, f"is missing: {match.message}", match)
        yield image, match


def compose_thumbnails(layers: Iterable[tuple[TaskImage, Thumbnail]]) -> Thumbnail:
    """Composes layers at the size of the thumbnail of the base image.

    Args:
        layers: Each layer with its thumbnail, the base image first.

    Returns:
        The thumbnail of the composed image.
    """
    pairs = list(layers)
    base = pairs[0][1]
    images = ((image, _decoded_thumbnail(thumbnail)) for image, thumbnail in pairs)
    small = _lay_over_one_another(images, (base.original.width, base.original.height))
    return encode_thumbnail(small, base.original)


def describe_layer(image: TaskImage) -> str:
    """The title of a layer: `base image` or `layer 2`, with its name where it has one."""
    layer = "base image" if image.z_index == 0 else f"layer {image.z_index}"
    return f"{layer}: {image.name}" if image.name else layer


def place_layer(image: TaskImage, base: tuple[int, int]) -> Edges:
    """The place of a layer on its base image.

    Args:
        image: The layer.
        base: Width and height of the base image, in pixels.

    Returns:
        Left, top, right, bottom in pixels of the base image, not clipped to it; the whole base image for the base image
        itself, and where there is no valid box.
    """
    width, height = base
    box = None if image.z_index == 0 else image.bounding_box
    if box is not None:
        normalized = box.normalized and _scaled(box.normalized, width / 1000, height / 1000)
        for edges in (box.absolute, normalized):
            if edges and _is_valid(edges, base):
                return edges
    return 0, 0, width, height


def _lay_over_one_another(
    layers: Iterable[tuple[TaskImage, Image.Image]],
    base: tuple[int, int] | None = None,
) -> Image.Image:
    """Pastes decoded layers over one another.

    Args:
        layers: The base image first.
        base: The size that bounding boxes refer to; that of the first decoded by default.
    """
    canvas: Image.Image | None = None
    for image, decoded in layers:
        if canvas is None:
            canvas = Image.new("RGBA", decoded.size)
        width, height = base or canvas.size
        edges = _scaled(place_layer(image, (width, height)), canvas.width / width, canvas.height / height)
        _paste(canvas, decoded, edges)
    if canvas is None:
        raise ImageError("There are no layers.")
    return canvas


def _paste(canvas: Image.Image, image: Image.Image, edges: Edges) -> None:
    left, top, right, bottom = map(round, edges)
    right, bottom = max(right, left + 1), max(bottom, top + 1)
    # Only the part on the canvas is scaled, so that a large box costs no memory.
    seen = max(left, 0), max(top, 0), min(right, canvas.width), min(bottom, canvas.height)
    size = seen[2] - seen[0], seen[3] - seen[1]
    if min(size) <= 0:
        return
    across, down = image.width / (right - left), image.height / (bottom - top)
    part = _scaled((seen[0] - left, seen[1] - top, seen[2] - left, seen[3] - top), across, down)
    piece = image.convert("RGBA").resize(size, Image.Resampling.LANCZOS, box=part)
    canvas.alpha_composite(piece, seen[:2])


def _scaled(edges: Edges, across: float, down: float) -> Edges:
    left, top, right, bottom = edges
    return left * across, top * down, right * across, bottom * down


def _is_valid(edges: Edges, base: tuple[int, int]) -> bool:
    left, top, right, bottom = edges
    width, height = base
    if not all(map(math.isfinite, edges)) or left >= right or top >= bottom:
        return False
    is_on_base = left < width and top < height and right > 0 and bottom > 0
    is_near = max(-left, right) <= FARTHEST * width and max(-top, bottom) <= FARTHEST * height
    return is_on_base and is_near


def _only_image(task: Task) -> TaskImage:
    if len(task.good_images) > 1:
        choices = ", ".join(f"task.images[{place}]" for place, image in enumerate(task.images) if image.is_good)
        raise UsageError(
            f"The task {task.id} has {len(task.good_images)} images and no layers to compose.",
            hint=f"Choose one of {choices}, or save all of them with Gallery(task).save(directory).",
        )
    if not task.good_images:
        task.raise_for_status()
        raise ImageError(f"The task {task.id} has no image.")
    return task.good_images[0]


def _decoded(image: TaskImage, content: bytes) -> Image.Image:
    try:
        return decode_image(content)
    except ImageError as error:
        raise _broken(image, f"is broken: {error.message}", error) from None


def _decoded_thumbnail(thumbnail: Thumbnail) -> Image.Image:
    with Image.open(io.BytesIO(thumbnail.data)) as image:
        decoded: Image.Image = image.convert("RGBA")
    return decoded


def _broken(image: TaskImage, how: str, cause: ImageError | None = None) -> ImageError:
    return ImageError(
        shorten(f"The {describe_layer(image)} {how}"),
        hint=cause.hint if cause else None,
        status_code=cause.status_code if cause else None,
    )


def _flattened(image: Image.Image) -> Image.Image:
    is_opaque = image.mode == "RGB" or image.getchannel("A").getextrema() == (255, 255)
    return image.convert("RGB") if is_opaque else image
