"""Why: whoever selects a picture that came in layers means the whole; in Python and as a reference it is one image."""

from __future__ import annotations

import dataclasses
import io
from typing import TYPE_CHECKING

from seedream_nb.gallery.tiles import COMPOSED
from seedream_nb.images.layers import compose_layers

if TYPE_CHECKING:
    from seedream_nb.core.models import Task, TaskImage
    from seedream_nb.images.fetch import ImageFetcher


def compose_image(task: Task, fetcher: ImageFetcher) -> TaskImage:
    """Puts the layers of a task together as an image that carries its bytes. Takes a second or two.

    Args:
        task: A task with layers.
        fetcher: Fetches the layers.

    Returns:
        The picture as PNG, without a link: it exists nowhere else. What the base image says of itself holds for it,
        too; its name is `composed`.

    Raises:
        ImageError: A layer is missing or broken; the message names it.
    """
    picture = compose_layers(task, fetcher)
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return dataclasses.replace(
        task.layers[0],
        url=None,
        data=buffer.getvalue(),
        size=f"{picture.width}x{picture.height}",
        output_format="png",
        z_index=None,
        bounding_box=None,
        name=COMPOSED,
        description=None,
        raw={},
    )
