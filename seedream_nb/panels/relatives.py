"""The parents and children of the open image, with small thumbnails, as the detail view shows them."""

from __future__ import annotations

import base64
import threading
from typing import TYPE_CHECKING

from seedream_nb.core.errors import ImageError, SeedreamError
from seedream_nb.core.foreign import show_line
from seedream_nb.core.parallel import join_all
from seedream_nb.core.task_ids import SHORTEST
from seedream_nb.images.fetch import find_result, work_on_all
from seedream_nb.panels.jobs import SECONDS_TO_END, THREAD_NAME

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from seedream_nb.core.models import TaskImage
    from seedream_nb.images.fetch import ImageFetcher
    from seedream_nb.images.thumbnails import Thumbnail
    from seedream_nb.library import LibraryCache
    from seedream_nb.panels.cards import Card

MOST_SHOWN = 8  # of the parents, and of the children
SIDE = 96  # pixels of a thumbnail
_LONGEST_PROMPT = 80  # characters

Details = dict[str, object]


class RelativesFinder:
    """Finds the relatives of the card that is open, in a thread: the last card that was asked for wins.

    Args:
        cache: The library.
        fetcher: Loads the thumbnails.
        deliver: Called with a card and what `describe_relatives` says, in the thread.
    """

    def __init__(self, cache: LibraryCache, fetcher: ImageFetcher, deliver: Callable[[Card, Details], None]) -> None:
        self._cache = cache
        self._fetcher = fetcher
        self._deliver = deliver
        self._lock = threading.Lock()
        self._wanted: Card | None = None
        self._thread: threading.Thread | None = None
        self._known: tuple[str, Details] = ("", {})
        self._stop = threading.Event()
        self._loading = threading.Event()  # cancels the thumbnails

    def known(self, card: Card) -> Details:
        """What was found for a card last; nothing for another card."""
        key, details = self._known
        return details if key == card.key else {}

    def find(self, card: Card) -> None:
        """Begins to find the relatives of a card; returns at once."""
        with self._lock:
            if self._stop.is_set():
                return
            self._wanted = card
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=THREAD_NAME, daemon=True)
                self._thread.start()

    def close(self) -> None:
        """Stops."""
        self._stop.set()
        self._loading.set()
        with self._lock:
            threads = [] if self._thread is None else [self._thread]
        join_all(threads, SECONDS_TO_END)

    def _run(self) -> None:
        while (card := self._next()) is not None:
            parents, children = find_relatives(card, self._cache)
            self._loading = threading.Event()
            details = describe_relatives(parents, children, self._fetcher, self._loading)
            if self.known(card) != details and not self._stop.is_set():
                self._known = (card.key, details)
                self._deliver(card, details)

    def _next(self) -> Card | None:
        with self._lock:
            card, self._wanted = self._wanted, None
            if card is None or self._stop.is_set():
                self._thread = None
                return None
            return card


def find_relatives(card: Card, cache: LibraryCache) -> tuple[list[TaskImage], list[TaskImage]]:
    """The parents and the children of a card's images, as far as the library knows; none where it cannot be read."""
    images = card.tile.images
    if not card.task.id or not images:
        return [], []
    try:
        library = cache.library
        if library is None:
            return [], []
        # A layer decomposition is one card with many images.
        children = {(image.task_id, image.index): image for one in images for image in library.children(one)}
        return library.parents(images[0]), list(children.values())
    except SeedreamError:
        return [], []  # whatever else needs the library warns of it


def describe_relatives(
    parents: Sequence[TaskImage],
    children: Sequence[TaskImage],
    fetcher: ImageFetcher,
    stop: threading.Event | None = None,
) -> Details:
    """The JSON-ready data of the sections *Made from* and *Led to*, with thumbnails; empty for no relatives."""
    if not parents and not children:
        return {}

    def load(image: TaskImage, stopped: threading.Event) -> Thumbnail:
        return fetcher.thumbnail(image, SIDE, stop=stopped)

    loaded = work_on_all([*parents[:MOST_SHOWN], *children[:MOST_SHOWN]], load, fetcher, stop=stop)
    relatives: Details = {
        "parents": [_describe(image, find_result(image, loaded)) for image in parents[:MOST_SHOWN]],
        "children": [_describe(image, find_result(image, loaded)) for image in children[:MOST_SHOWN]],
        "more_parents": max(0, len(parents) - MOST_SHOWN),
        "more_children": max(0, len(children) - MOST_SHOWN),
    }
    return {"relatives": relatives}


def read_relative(content: Mapping[str, object]) -> tuple[str, int] | None:
    """The task and the place in a message of the front end, which is untrusted; None if there is none."""
    task_id, place = content.get("task_id"), content.get("place")
    if not isinstance(task_id, str) or not task_id or not isinstance(place, int) or isinstance(place, bool):
        return None
    return (task_id, place) if place >= 0 else None


def _describe(image: TaskImage, thumbnail: Thumbnail | ImageError | None) -> Details:
    described: Details = {
        "task_id": image.task_id,
        "place": image.index,
        "name": f"{image.task_id[:SHORTEST]}/{image.index + 1}",
        "prompt": show_line(image.prompt, _LONGEST_PROMPT),
    }
    if thumbnail is None or isinstance(thumbnail, ImageError):
        return described
    data = base64.b64encode(thumbnail.data).decode("ascii")
    source = f"data:{thumbnail.mime};base64,{data}"
    return {**described, "source": source, "width": thumbnail.width, "height": thumbnail.height}
