"""Images in memory, within a bound: each is fetched once, however many parts of the panel need it at the same time."""

from __future__ import annotations

import dataclasses
import io
import threading
from collections import OrderedDict
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Literal, TypeVar

from seedream_nb.core.errors import ImageError
from seedream_nb.core.models import Task, TaskStatus
from seedream_nb.images.fetch import DECODERS, source_of, to_image_error
from seedream_nb.images.layers import compose_layers, compose_thumbnails, match_layers
from seedream_nb.images.thumbnails import Thumbnail, make_thumbnail, read_facts, shrink
from seedream_nb.library import LibraryFetcher

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable
    from typing import TypeAlias

    from seedream_nb.core.models import TaskImage
    from seedream_nb.images.fetch import FetchLimits, ImageFetcher
    from seedream_nb.library import LibraryCache
    from seedream_nb.panels.cards import CardImage

FETCHER_MEMORY = 32 * 1024 * 1024  # bytes of downloads
SIDE = 320  # pixels of the thumbnails that smaller ones are made from
MOST_THUMBNAILS = 128  # a few megabytes

Kind = Literal["thumbnail", "original"]
Result = TypeVar("Result")


@dataclass(frozen=True)
class LoadedImage:
    """An image ready to be shown: its encoded bytes, with width and height in pixels, upright."""

    data: bytes = dataclasses.field(repr=False)
    mime: str  # such as `image/jpeg`, read from the bytes, whatever their host said
    width: int
    height: int


Stored: TypeAlias = "Thumbnail | LoadedImage"


class ImageCache:
    """Thumbnails and originals; thread-safe, and each caller waits for the image it gets.

    Args:
        fetcher: Fetches the bytes.
        side: The long side of thumbnails, in pixels.
        memory: How many bytes of images stay; the least recently used go first.
    """

    def __init__(self, fetcher: ImageFetcher, *, side: int, memory: int) -> None:
        self._fetcher = fetcher
        self._side = side
        self._stored: _Bounded[Stored] = _Bounded(memory, lambda stored: len(stored.data))
        self._in_flight: dict[Hashable, Future[Stored | ImageError]] = {}
        self._lock = threading.Lock()
        self._decoding = threading.Semaphore(DECODERS)
        self._stop = threading.Event()

    def has(self, kind: Kind, image: CardImage) -> bool:
        """Whether an image is stored."""
        with self._lock:
            return _identify(kind, image) in self._stored

    def get(self, kind: Kind, image: CardImage) -> LoadedImage | ImageError:
        """An image, loaded when it is not stored, or the error, which is not stored: the next call tries again."""
        found = self._obtain(kind, image)
        if isinstance(found, Thumbnail):
            return LoadedImage(found.data, found.mime, found.width, found.height)
        return found

    def close(self) -> None:
        """Cancels downloads, frees the memory, and stores nothing from then on."""
        self._stop.set()
        with self._lock:
            self._stored.limit(0)

    def _obtain(self, kind: Kind, image: CardImage) -> Stored | ImageError:
        identity = _identify(kind, image)
        with self._lock:
            stored = self._stored.get(identity)
            if stored is not None:
                return stored
            others = self._in_flight.get(identity)
            if others is None:
                ours: Future[Stored | ImageError] = Future()
                self._in_flight[identity] = ours
        if others is not None:
            # No deadlock: a composed image waits for its layers, and these wait for nothing.
            return others.result()
        found = self._try_to_load(kind, image)
        with self._lock:
            if not isinstance(found, ImageError):
                self._stored.put(identity, found)
            del self._in_flight[identity]
        ours.set_result(found)
        return found

    def _try_to_load(self, kind: Kind, image: CardImage) -> Stored | ImageError:
        try:
            if isinstance(image, tuple):
                return self._compose_thumbnail(image) if kind == "thumbnail" else self._compose_original(image)
            return self._load_thumbnail(image) if kind == "thumbnail" else self._load_original(image)
        except Exception as problem:  # noqa: BLE001  nobody else would see it in a thread, and somebody waits
            return to_image_error(problem)

    def _load_original(self, image: TaskImage) -> LoadedImage:
        content = self._fetcher.fetch(image, stop=self._stop)
        with self._decoding:
            facts = read_facts(content)
        return LoadedImage(content, facts.mime, facts.width, facts.height)

    def _load_thumbnail(self, image: TaskImage) -> Thumbnail:
        with self._lock:
            original = self._stored.get(_identify("original", image))
        if original is None:
            return self._fetcher.thumbnail(image, self._side, stop=self._stop)
        with self._decoding:
            return make_thumbnail(original.data, self._side)

    def _compose_thumbnail(self, layers: tuple[TaskImage, ...]) -> Thumbnail:
        thumbnails = self._obtain_layers("thumbnail", layers, Thumbnail)
        with self._decoding:
            return compose_thumbnails(thumbnails)

    def _compose_original(self, layers: tuple[TaskImage, ...]) -> LoadedImage:
        originals = self._obtain_layers("original", layers, LoadedImage)
        inline = tuple(dataclasses.replace(image, data=original.data) for image, original in originals)
        buffer = io.BytesIO()
        with self._decoding:
            whole = compose_layers(Task("", TaskStatus.SUCCEEDED, inline), self._fetcher)
            # The lowest compression takes a quarter of the time, and these bytes only go to a browser.
            whole.save(buffer, "PNG", compress_level=1)
        return LoadedImage(buffer.getvalue(), "image/png", whole.width, whole.height)

    def _obtain_layers(
        self, kind: Kind, layers: tuple[TaskImage, ...], wanted: type[Result]
    ) -> list[tuple[TaskImage, Result]]:
        def find(image: TaskImage) -> Result | ImageError | None:
            found = self._obtain(kind, image)
            return found if isinstance(found, (wanted, ImageError)) else None

        return list(match_layers(layers, find))


class CachingFetcher(LibraryFetcher):
    """A fetcher for the whole panel that keeps the latest downloads in memory, with or without a library.

    A small thumbnail is made from a larger one, so that an original is decoded once for all that show it small.

    Args:
        cache: The library.
        limits: Limits of a download.
        memory: How many bytes of downloads stay.
    """

    def __init__(self, cache: LibraryCache, limits: FetchLimits | None = None, *, memory: int = FETCHER_MEMORY) -> None:
        super().__init__(cache, limits)
        self._downloads: _Bounded[bytes] = _Bounded(memory, len)
        self._thumbnails: _Bounded[Thumbnail] = _Bounded(MOST_THUMBNAILS, lambda _thumbnail: 1)
        self._memory_lock = threading.Lock()

    def thumbnail(self, image: TaskImage, side: int, *, stop: threading.Event | None = None) -> Thumbnail:
        """A thumbnail of one image, as `ImageFetcher.thumbnail` makes it.

        Raises:
            ImageError: As there.
        """
        source = source_of(image)
        if side > SIDE or source is None:
            return super().thumbnail(image, side, stop=stop)
        with self._memory_lock:
            known = self._thumbnails.get(source)
        if known is None:
            known = super().thumbnail(image, SIDE, stop=stop)
            with self._memory_lock:
                self._thumbnails.put(source, known)
        return shrink(known, side)

    def _download(self, url: str, stop: threading.Event) -> bytes:
        with self._memory_lock:
            content = self._downloads.get(url)
        if content is None:
            content = super()._download(url, stop)
            with self._memory_lock:
                self._downloads.put(url, content)
        return content


class _Bounded(Generic[Result]):
    """Values up to a total size; the least recently used go first."""

    def __init__(self, most: int, measure: Callable[[Result], int]) -> None:
        self._most = most
        self._measure = measure
        self._size = 0
        self._values: OrderedDict[Hashable, Result] = OrderedDict()

    def __contains__(self, key: Hashable) -> bool:
        return key in self._values

    def get(self, key: Hashable) -> Result | None:
        if key in self._values:
            self._values.move_to_end(key)
        return self._values.get(key)

    def put(self, key: Hashable, value: Result) -> None:
        if key in self._values or self._measure(value) > self._most:
            return
        self._values[key] = value
        self._size += self._measure(value)
        self._evict()

    def limit(self, most: int) -> None:
        self._most = most
        self._evict()

    def _evict(self) -> None:
        while self._size > self._most:
            _oldest, dropped = self._values.popitem(last=False)
            self._size -= self._measure(dropped)


def _identify(kind: Kind, image: CardImage) -> Hashable:
    """The same for every card that shows the image."""
    return kind, image if isinstance(image, tuple) else source_of(image)
