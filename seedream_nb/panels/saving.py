"""Saves the images of cards into a folder, and composes the layers of one."""

from __future__ import annotations

import dataclasses
import io
import itertools
from typing import TYPE_CHECKING

from seedream_nb.core.errors import UsageError
from seedream_nb.core.text import count_of
from seedream_nb.gallery import Gallery
from seedream_nb.gallery.tiles import COMPOSED
from seedream_nb.images.layers import compose_layers
from seedream_nb.panels.jobs import Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from seedream_nb.core.models import Task, TaskImage
    from seedream_nb.gallery.save import SaveReport
    from seedream_nb.images.fetch import ImageFetcher
    from seedream_nb.panels.cards import Card

SAVED_AT_ONCE = 200  # images


def compose_image(task: Task, fetcher: ImageFetcher) -> TaskImage:
    """Composes the layers of a task into one image that carries its bytes. Takes a second or two.

    It is a PNG without a link, has the base image's metadata, and the name `composed`.

    Raises:
        ImageError: A layer is missing or broken; the message names it.
    """
    composed = compose_layers(task, fetcher)
    buffer = io.BytesIO()
    composed.save(buffer, "PNG")
    return dataclasses.replace(
        task.layers[0],
        url=None,
        data=buffer.getvalue(),
        size=f"{composed.width}x{composed.height}",
        output_format="png",
        z_index=None,
        bounding_box=None,
        name=COMPOSED,
        description=None,
        raw={},
    )


def save_cards(cards: Iterable[Card], folder: str, fetcher: ImageFetcher) -> Status:
    """Saves the images of cards, some at a time, and says what became of it; a composed image is saved as it is shown.

    Raises:
        UsageError: No folder was named, or no card has an image.
    """
    if not folder.strip():
        raise UsageError("Nothing was saved: enter a folder.")
    paths: dict[Path, None] = {}
    reasons: dict[str, None] = {}
    count = failed = 0
    remaining = iter(cards)
    while some := list(itertools.islice(remaining, SAVED_AT_ONCE)):
        count += len(some)
        report = _save(some, folder.strip(), fetcher)
        if report is not None:
            paths.update(dict.fromkeys(report.paths))
            reasons.update(dict.fromkeys(failure.reason for failure in report.failures))
            failed += len(report.failures)
    if not paths and not failed:
        raise UsageError("Nothing was saved: there is no image to save.")
    missing = count - len(paths)
    saved = str(next(iter(paths))) if len(paths) == 1 else f"{count_of(len(paths), 'image')} in {folder}"
    has_no = "has no image" if missing == 1 else "have no image"
    left_out = f"{count_of(missing, 'selected tile')} {has_no}." if missing and not reasons else ""
    not_saved = f"Not saved: {count_of(failed, 'image')}: {' '.join(reasons)}" if reasons else ""
    words = [f"Saved {saved}." if paths else "", left_out, not_saved]
    return Status(" ".join(filter(None, words)), is_error=bool(reasons))


def _save(cards: Sequence[Card], folder: str, fetcher: ImageFetcher) -> SaveReport | None:
    """Saves the images of some cards; None if they have none."""
    tasks: dict[int, Task] = {}
    images: list[TaskImage] = []
    for card in cards:
        task = tasks.setdefault(id(card.task), card.task)
        image = card.tile.image
        if card.tile.layers:
            image = compose_image(card.task, fetcher)
            tasks[id(card.task)] = dataclasses.replace(task, images=(*task.images, image))
        if image is not None:
            images.append(image)
    return Gallery(tasks.values(), fetcher=fetcher).save(folder, images=images) if images else None
