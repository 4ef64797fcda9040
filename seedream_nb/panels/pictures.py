"""Why: the grid, the detail view and composed pictures ask for the same things at once; each is fetched once.

What was made is kept within a bound; what is on its way is waited for instead of fetched a second time.
"""

from __future__ import annotations

import dataclasses
import io
import threading
from collections import OrderedDict
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeVar

from seedream_nb.core.errors import ImageError
from seedream_nb.core.models import Task, TaskStatus
from seedream_nb.images.fetch import DECODERS
from seedream_nb.images.layers import compose_layers, compose_thumbnails, match_layers
from seedream_nb.images.load import source_of
from seedream_nb.images.thumbnails import Thumbnail, make_thumbnail, read_facts

if TYPE_CHECKING:
    from collections.abc import Hashable
    from typing import TypeAlias

    from seedream_nb.core.models import TaskImage
    from seedream_nb.images.fetch import ImageFetcher
    from seedream_nb.panels.cards import Picture

Kind = Literal["thumbnail", "original"]
Result = TypeVar("Result")


@dataclass(frozen=True)
class Supplied:
    """A picture that is ready to be shown.

    Attributes:
        data: The encoded bytes.
        mime: Such as `image/jpeg`; what the bytes are, whatever their host said.
        width: In pixels, upright.
        height: In pixels, upright.
    """

    data: bytes = dataclasses.field(repr=False)
    mime: str
    width: int
    height: int


Made: TypeAlias = "Thumbnail | Supplied"


class Pictures:
    """Thumbnails and originals; safe to use from several threads, each of which waits for what it asks for.

    Args:
        fetcher: Fetches the bytes.
        side: The long side of thumbnails, in pixels.
        memory: How many bytes of pictures are kept; the ones not used for longest go first.
    """

    def __init__(self, fetcher: ImageFetcher, *, side: int, memory: int) -> None:
        self._fetcher = fetcher
        self._side = side
        self._kept = _Kept(memory)
        self._on_the_way: dict[Hashable, Future[Made | ImageError]] = {}
        self._lock = threading.Lock()
        self._decoding = threading.Semaphore(DECODERS)
        self._stop = threading.Event()

    def has(self, kind: Kind, picture: Picture) -> bool:
        """Whether a picture is there already."""
        with self._lock:
            return _identify(kind, picture) in self._kept

    def get(self, kind: Kind, picture: Picture) -> Supplied | ImageError:
        """A picture, fetched and made when it is not there yet.

        Args:
            kind: What is asked for.
            picture: The image, or the layers of a composed one.

        Returns:
            The picture, or why there is none. A failure is not kept: asking again tries again.
        """
        found = self._obtain(kind, picture)
        if isinstance(found, Thumbnail):
            return Supplied(found.data, found.mime, found.width, found.height)
        return found

    def close(self) -> None:
        """Gives up downloads, and keeps nothing any more; whoever asks now is told so."""
        self._stop.set()
        with self._lock:
            self._kept = _Kept(0)

    def _obtain(self, kind: Kind, picture: Picture) -> Made | ImageError:
        identity = _identify(kind, picture)
        with self._lock:
            kept = self._kept.use(identity)
            if kept is not None:
                return kept
            coming = self._on_the_way.get(identity)
            if coming is None:
                ours: Future[Made | ImageError] = Future()
                self._on_the_way[identity] = ours
        if coming is not None:
            # No circle: a composed picture waits for its layers, and these for nothing.
            return coming.result()
        found = self._try_to_make(kind, picture)
        with self._lock:
            if not isinstance(found, ImageError):
                self._kept.put(identity, found)
            del self._on_the_way[identity]
        ours.set_result(found)
        return found

    def _try_to_make(self, kind: Kind, picture: Picture) -> Made | ImageError:
        try:
            if isinstance(picture, tuple):
                return self._compose_thumbnail(picture) if kind == "thumbnail" else self._compose_original(picture)
            return self._make_thumbnail(picture) if kind == "thumbnail" else self._check(self._fetch(picture))
        except ImageError as error:
            return error
        except Exception as problem:  # noqa: BLE001  in a thread nobody else could tell, and somebody waits
            return ImageError(f"The picture could not be made ready ({type(problem).__name__}: {problem}).")

    def _fetch(self, image: TaskImage) -> bytes:
        with self._lock:
            original = self._kept.use(_identify("original", image))
        return original.data if original is not None else self._fetcher.fetch(image, stop=self._stop)

    def _make_thumbnail(self, image: TaskImage) -> Thumbnail:
        with self._lock:
            original = self._kept.use(_identify("original", image))
        if original is None:
            return self._fetcher.thumbnail(image, self._side, stop=self._stop)
        with self._decoding:
            return make_thumbnail(original.data, self._side)

    def _check(self, content: bytes) -> Supplied:
        with self._decoding:
            facts = read_facts(content)
        return Supplied(content, facts.mime, facts.width, facts.height)

    def _compose_thumbnail(self, layers: tuple[TaskImage, ...]) -> Thumbnail:
        thumbnails = self._obtain_layers("thumbnail", layers, Thumbnail)
        with self._decoding:
            return compose_thumbnails(thumbnails)

    def _compose_original(self, layers: tuple[TaskImage, ...]) -> Supplied:
        originals = self._obtain_layers("original", layers, Supplied)
        inline = tuple(dataclasses.replace(image, data=original.data) for image, original in originals)
        buffer = io.BytesIO()
        with self._decoding:
            whole = compose_layers(Task("", TaskStatus.SUCCEEDED, inline), self._fetcher)
            # The least effort: it takes a quarter of the time, and these bytes only go to a browser.
            whole.save(buffer, "PNG", compress_level=1)
        return Supplied(buffer.getvalue(), "image/png", whole.width, whole.height)

    def _obtain_layers(
        self, kind: Kind, layers: tuple[TaskImage, ...], wanted: type[Result]
    ) -> list[tuple[TaskImage, Result]]:
        def find(image: TaskImage) -> Result | ImageError | None:
            found = self._obtain(kind, image)
            return found if isinstance(found, (wanted, ImageError)) else None

        return list(match_layers(layers, find))


class _Kept:
    """What was made, within a bound; what was not used for longest goes first."""

    def __init__(self, memory: int) -> None:
        self._memory = memory
        self._size = 0
        self._made: OrderedDict[Hashable, Made] = OrderedDict()

    def __contains__(self, identity: Hashable) -> bool:
        return identity in self._made

    def use(self, identity: Hashable) -> Made | None:
        if identity in self._made:
            self._made.move_to_end(identity)
        return self._made.get(identity)

    def put(self, identity: Hashable, made: Made) -> None:
        if len(made.data) > self._memory:
            return
        self._made[identity] = made
        self._size += len(made.data)
        while self._size > self._memory:
            _oldest, dropped = self._made.popitem(last=False)
            self._size -= len(dropped.data)


def _identify(kind: Kind, picture: Picture) -> Hashable:
    """What is the same whichever card asks for it."""
    return kind, picture if isinstance(picture, tuple) else source_of(picture)
