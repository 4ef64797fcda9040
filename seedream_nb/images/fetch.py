"""Downloads images from foreign links, which may be dead, endless, redirected anywhere, or not images at all.

The hosts never see the API token or any other credential (wire contract, Image links).
"""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter

from seedream_nb.core.errors import ImageError
from seedream_nb.core.foreign import is_loopback
from seedream_nb.core.parallel import run_parallel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from seedream_nb.core.models import TaskImage
    from seedream_nb.images.thumbnails import Thumbnail

# Decoding takes a CPU core and, for a large PNG, a hundred megabytes; more at a time would only cost memory.
DECODERS = min(4, os.cpu_count() or 1)
MEBIBYTE = 1024 * 1024
CONNECT_TIMEOUT = 10.0  # seconds
READ_TIMEOUT = 30.0  # seconds without a single byte
CHUNK_BYTES = 256 * 1024
DEAD_LINK_STATUSES = frozenset({401, 403, 404, 410})


@dataclass(frozen=True)
class FetchLimits:
    """Limits of downloads.

    Attributes:
        image_bytes: The largest size of an image.
        seconds: The longest time for the download of an image.
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
        self._sessions: dict[bool, requests.Session] = {}
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
        host = _host_of(image.url)
        try:
            return self._download(image.url, stop or threading.Event())
        except requests.TooManyRedirects:
            raise ImageError("The link has too many redirects.") from None
        except (requests.exceptions.InvalidSchema, requests.exceptions.InvalidURL):
            raise ImageError("The link redirects to an address that is not http(s).") from None
        except (requests.RequestException, urllib3.exceptions.HTTPError, UnicodeError) as problem:
            # After the last attempt, requests wraps a timeout in a connection error.
            is_late = isinstance(problem, requests.Timeout) or "timed out" in repr(problem)
            what = f"{host} did not answer in time." if is_late else f"The connection to {host} failed."
            raise ImageError(what, hint="Show the image again to retry.") from None

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
        if stop.is_set():
            raise ImageError("The download was canceled.")
        deadline = time.monotonic() + self.limits.seconds
        timeout = (min(CONNECT_TIMEOUT, self.limits.seconds), min(READ_TIMEOUT, self.limits.seconds))
        with self._connected(url).get(url, stream=True, timeout=timeout, auth=_no_credentials) as response:
            status_code = response.status_code
            if status_code in DEAD_LINK_STATUSES:
                raise ImageError(f"The link no longer works (HTTP {status_code}).", status_code=status_code)
            if not response.ok:
                raise ImageError(f"The image host answered HTTP {status_code}.", status_code=status_code)
            content = bytearray()
            # read1 returns what has arrived; read would wait for more, so a slow host could outlive the time limit.
            while chunk := response.raw.read1(CHUNK_BYTES, decode_content=True):
                content += chunk
                if len(content) > self.limits.image_bytes:
                    raise ImageError(f"The image is larger than {self.limits.image_bytes / MEBIBYTE:g} MB.")
                if stop.is_set() or time.monotonic() > deadline:
                    raise ImageError(f"The image did not arrive within {self.limits.seconds:g} s.")
        return bytes(content)

    def __getstate__(self) -> dict[str, object]:
        return {"limits": self.limits}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)
        self._reset()

    def _reset(self) -> None:
        self._lock = threading.Lock()
        self._decoding = threading.Semaphore(DECODERS)
        self._sessions = {}
        self._process = os.getpid()

    def _connected(self, url: str) -> requests.Session:
        if self._process != os.getpid():
            # A forked child must not share its parent's sockets, or a lock that the parent may hold.
            self._reset()
        # A proxy from the environment cannot reach this machine's loopback addresses.
        uses_environment = not is_loopback(url)
        with self._lock:
            if uses_environment not in self._sessions:
                self._sessions[uses_environment] = _open_session(self.limits, uses_environment=uses_environment)
            return self._sessions[uses_environment]


class _AnonymousSession(requests.Session):
    """A session that never sends passwords from `.netrc`, not even after redirects."""

    def rebuild_auth(self, prepared_request: requests.PreparedRequest, response: requests.Response) -> None:
        """Does nothing, where requests would look up a password for the host of a redirect."""


def _no_credentials(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """An explicit `auth`, which keeps requests from reading the `.netrc` file."""
    return request


def _host_of(url: str) -> str:
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        host = None
    if not host or parts.scheme not in {"http", "https"}:
        raise ImageError("The link is not an http(s) address.")
    return host


def _open_session(limits: FetchLimits, *, uses_environment: bool) -> requests.Session:
    session = _AnonymousSession()
    session.trust_env = uses_environment
    retries = urllib3.Retry(
        total=limits.tries - 1,
        backoff_factor=0.2,
        status_forcelist=(429, 500, 502, 503, 504),
        allowed_methods={"GET"},
        raise_on_status=False,
        respect_retry_after_header=False,
    )
    for scheme in ("http://", "https://"):
        session.mount(scheme, HTTPAdapter(pool_maxsize=limits.connections, max_retries=retries))
    session.max_redirects = limits.redirects
    session.headers = requests.structures.CaseInsensitiveDict({"accept": "image/*", "user-agent": "seedream_nb"})
    # Without cookies the session never changes after this, so threads can share it.
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    return session


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
