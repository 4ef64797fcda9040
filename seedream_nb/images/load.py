"""Why: many pictures are fetched and worked on at the same time, and one bad picture must not spoil the rest."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TYPE_CHECKING, TypeVar

from seedream_nb.errors import ImageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from seedream_nb.images.fetch import ImageFetcher
    from seedream_nb.models import TaskImage

Result = TypeVar("Result")
Source = str | bytes


def source_of(image: TaskImage) -> Source | None:
    """What tells one picture from another: its bytes when sent inline, else its link; None when it has neither."""
    return image.data if image.data is not None else image.url


def load_all(
    images: Iterable[TaskImage],
    work: Callable[[TaskImage, bytes], Result],
    fetcher: ImageFetcher,
    *,
    on_progress: Callable[[int], None] | None = None,
) -> dict[Source, Result | ImageError]:
    """Fetches many pictures in parallel and does some work on each.

    Args:
        images: The images; the same picture is fetched once, one without bytes and link is passed over.
        work: What to do with an image and its bytes, in the fetching thread; may raise `ImageError`.
        fetcher: Fetches the bytes; its limits say how many at a time.
        on_progress: Called in this thread with 1 for each picture that is finished.

    Returns:
        The result of the work, or why there is none, for each picture by its `source_of`.
    """
    wanted = {source: image for image in images if (source := source_of(image)) is not None}
    results: dict[Source, Result | ImageError] = {}
    if not wanted:
        return results
    stop = threading.Event()

    def fetch_and_work(image: TaskImage) -> Result | ImageError:
        try:
            return work(image, fetcher.fetch(image, stop=stop))
        except ImageError as error:
            return error

    pool = ThreadPoolExecutor(min(fetcher.limits.connections, len(wanted)), thread_name_prefix="seedream-image")
    try:
        sources = {pool.submit(fetch_and_work, image): source for source, image in wanted.items()}
        for future in as_completed(sources):
            results[sources[future]] = future.result()
            if on_progress:
                on_progress(1)
    finally:
        # An interrupt must not wait for pictures that nobody will see.
        stop.set()
        pool.shutdown(wait=False, cancel_futures=True)
    return results
