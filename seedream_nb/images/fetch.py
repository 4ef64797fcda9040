"""Downloads images from foreign links, which may be dead, endless, redirected anywhere, or not images at all.

The hosts never see the API token or any other credential (wire contract, Image links). `download` has the network's
side.
"""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from seedream_nb.core.errors import ImageError, shorten
from seedream_nb.core.parallel import run_parallel
from seedream_nb.images.download import Connections, Download, canceled, read_address

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from seedream_nb.core.models import TaskImage
    from seedream_nb.images.thumbnails import Thumbnail

# Decoding takes a CPU core and, for a large PNG, a hundred megabytes; more at a time would only cost memory.
DECODERS = min(4, os.cpu_count() or 1)
MEBIBYTE = 1024 * 1024


@dataclass(frozen=True)
class FetchLimits:
    """Limits of downloads.

    Attributes:
        image_bytes: The largest size of an image.
        seconds: The longest time for the download of an image, from the name lookup to the last byte, with all
            redirects and retries.
        connections: The number of images to download in parallel.
        redirects: The most redirects to follow.
        tries: The most attempts to download an image.
    """

    image_bytes: int = 50 * MEBIBYTE
    seconds: float = 120.0
    connections: int = 16
    redirects: int = 5
    tries: int = 3


class ImageFetcher:
    """Fetches the bytes of images, without any credentials. Safe to share between threads.

    Args:
        limits: Limits of downloads.

    Example:
        >>> from seedream_nb.core.models import TaskImage
        >>> ImageFetcher().fetch(TaskImage("an-id", data=b"sent inline"))
        b'sent inline'
    """

    def __init__(self, limits: FetchLimits | None = None) -> None:
        self.limits = limits or FetchLimits()
        self._reset()

    def fetch(self, image: TaskImage, *, stop: threading.Event | None = None) -> bytes:
        """The bytes of one image, from the inline image or its link.

        Args:
            image: The image.
            stop: Cancels the download when another thread sets it.

        Returns:
            The bytes, unchecked.

        Raises:
            ImageError: There is nothing to fetch, the link is dead or invalid, or a limit was exceeded. Its
                `status_code` is that of the host's answer.
        """
        if image.data is not None:
            return image.data
        if image.url is None:
            raise ImageError("There is no image.", hint=str(image.error) if image.error else None)
        return self._download(image.url, stop or threading.Event())

    def thumbnail(self, image: TaskImage, side: int, *, stop: threading.Event | None = None) -> Thumbnail:
        """A thumbnail of one image.

        Args:
            image: The image.
            side: The most pixels of width and height.
            stop: As for `fetch`.

        Returns:
            The thumbnail, as `make_thumbnail` returns it.

        Raises:
            ImageError: As for `fetch`; or the file is not an image, or a damaged one.
        """
        return self._make_thumbnail(self.fetch(image, stop=stop), side)

    def _make_thumbnail(self, content: bytes, side: int) -> Thumbnail:
        # Imported here because downloading alone does not need Pillow.
        from seedream_nb.images.thumbnails import make_thumbnail  # noqa: PLC0415  see above

        with self._decoding:
            return make_thumbnail(content, side)

    def _is_whole(self, content: bytes) -> bool:
        """Whether bytes are a complete image."""
        from seedream_nb.images.thumbnails import read_facts  # noqa: PLC0415  as above

        try:
            with self._decoding:
                read_facts(content)
        except ImageError:
            return False
        return True

    def _download(self, url: str, stop: threading.Event) -> bytes:
        address = read_address(url)
        if address is None:
            raise ImageError("The link is not an http(s) address.")
        if stop.is_set():
            raise canceled()
        if self._process != os.getpid():
            # A forked child must not share its parent's sockets, or a lock that the parent may hold.
            self._reset()
        return Download(address, self.limits, self._connections).wait(stop)

    def __getstate__(self) -> dict[str, object]:
        return {"limits": self.limits}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)
        self._reset()

    def _reset(self) -> None:
        self._decoding = threading.Semaphore(DECODERS)
        self._connections = Connections(self.limits.connections)
        self._process = os.getpid()


Result = TypeVar("Result")
Source = str | bytes
PATIENCE = 5.0  # seconds without any image, after which more are fetched beside those that may be stuck


def source_of(image: TaskImage) -> Source | None:
    """Identifies an image: its bytes if it is inline, else its link; None when it has neither."""
    return image.data if image.data is not None else image.url


def find_result(image: TaskImage, results: Mapping[Any, Result]) -> Result | None:
    """Looks up an image in a mapping by `source_of`; None when it is not there."""
    source = source_of(image)
    return None if source is None else results.get(source)


def to_image_error(problem: Exception) -> ImageError:
    """Describes what kept an image from being loaded, for those who show that in its place.

    Images are foreign input in many hands: even an exception that nobody expects must not cost the others.
    """
    if isinstance(problem, ImageError):
        return problem
    return ImageError(shorten(f"The image could not be loaded ({type(problem).__name__}: {problem})."))


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
    stop: threading.Event | None = None,
) -> dict[Source, Result | ImageError]:
    """Like `load_all`, for work that fetches by itself, if at all.

    Args:
        images: As for `load_all`.
        work: Processes an image; the event cancels it. May raise `ImageError`.
        fetcher: Its limits set the number of threads.
        on_progress: As for `load_all`.
        stop: Cancels what is not finished when another thread sets it. It is set at the end in any case.

    Returns:
        The same as `load_all`.
    """
    wanted = {source: image for image in images if (source := source_of(image)) is not None}
    results: dict[Source, Result | ImageError] = {}
    stopped = stop or threading.Event()

    def try_to_work(source: Source) -> Result | ImageError:
        try:
            return work(wanted[source], stopped)
        except ImageError as error:
            return error

    finished = run_parallel(
        try_to_work, wanted, threads=fetcher.limits.connections, name="seedream-image", patience=PATIENCE
    )
    try:
        for source, result in finished:
            results[source] = result
            if on_progress:
                on_progress(1)
    finally:
        # After an interrupt, remaining downloads are useless.
        stopped.set()
    return results
