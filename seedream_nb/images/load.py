"""Why: many images are fetched and worked on at the same time, and one bad image must not spoil the rest."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, TypeVar

from seedream_nb.core.errors import ImageError
from seedream_nb.core.parallel import run_parallel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from seedream_nb.core.models import TaskImage
    from seedream_nb.images.fetch import ImageFetcher

Result = TypeVar("Result")
Source = str | bytes


def source_of(image: TaskImage) -> Source | None:
    """What tells one image from another: its bytes when sent inline, else its link; None when it has neither."""
    return image.data if image.data is not None else image.url


def find_result(image: TaskImage, results: Mapping[Any, Result]) -> Result | None:
    """What is known of an image in a mapping by `source_of`; None when nothing is."""
    source = source_of(image)
    return None if source is None else results.get(source)


def load_all(
    images: Iterable[TaskImage],
    work: Callable[[TaskImage, bytes], Result],
    fetcher: ImageFetcher,
    *,
    on_progress: Callable[[int], None] | None = None,
) -> dict[Source, Result | ImageError]:
    """Fetches many images in parallel and does some work on each.

    Args:
        images: The images; the same image is fetched once, one without bytes and link is passed over.
        work: What to do with an image and its bytes, in the fetching thread; may raise `ImageError`.
        fetcher: Fetches the bytes; its limits say how many at a time.
        on_progress: Called in this thread with 1 for each image that is finished.

    Returns:
        The result of the work, or why there is none, for each image by its `source_of`.
    """
    return work_on_all(
        images, lambda image, stop: work(image, fetcher.fetch(image, stop=stop)), fetcher, on_progress=on_progress
    )


def work_on_all(
    images: Iterable[TaskImage],
    work: Callable[[TaskImage, threading.Event], Result],
    fetcher: ImageFetcher,
    *,
    on_progress: Callable[[int], None] | None = None,
) -> dict[Source, Result | ImageError]:
    """As `load_all`, for work that fetches for itself, or need not fetch at all.

    Args:
        images: As for `load_all`.
        work: What to do with an image; the event says that nobody waits any more. May raise `ImageError`.
        fetcher: Its limits say how many at a time.
        on_progress: As for `load_all`.

    Returns:
        As `load_all` does.
    """
    wanted = {source: image for image in images if (source := source_of(image)) is not None}
    results: dict[Source, Result | ImageError] = {}
    stop = threading.Event()

    def try_to_work(source: Source) -> Result | ImageError:
        try:
            return work(wanted[source], stop)
        except ImageError as error:
            return error

    finished = run_parallel(try_to_work, wanted, threads=fetcher.limits.connections, name="seedream-image")
    try:
        for source, result in finished:
            results[source] = result
            if on_progress:
                on_progress(1)
    finally:
        # After an interrupt, no more images are fetched that nobody will see.
        stop.set()
    return results
