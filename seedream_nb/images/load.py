"""Fetches and processes many images in parallel; a bad image does not affect the others."""

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
    """Identifies an image: its bytes if it is inline, else its link; None when it has neither."""
    return image.data if image.data is not None else image.url


def find_result(image: TaskImage, results: Mapping[Any, Result]) -> Result | None:
    """Looks up an image in a mapping by `source_of`; None when it is not there."""
    source = source_of(image)
    return None if source is None else results.get(source)


def load_all(
    images: Iterable[TaskImage],
    work: Callable[[TaskImage, bytes], Result],
    fetcher: ImageFetcher,
    *,
    on_progress: Callable[[int], None] | None = None,
) -> dict[Source, Result | ImageError]:
    """Fetches many images in parallel and processes each.

    Args:
        images: The images; a repeated one is fetched once, one without bytes and link is skipped.
        work: Processes an image and its bytes in the fetching thread; may raise `ImageError`.
        fetcher: Fetches the bytes; its limits set the number of threads.
        on_progress: Called in this thread with 1 for each image that is finished.

    Returns:
        For each image, by its `source_of`: the result, or why there is none.
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
    """Like `load_all`, for work that fetches by itself, if at all.

    Args:
        images: As for `load_all`.
        work: Processes an image; the event cancels it. May raise `ImageError`.
        fetcher: Its limits set the number of threads.
        on_progress: As for `load_all`.

    Returns:
        The same as `load_all`.
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
        # After an interrupt, remaining downloads are useless.
        stop.set()
    return results
