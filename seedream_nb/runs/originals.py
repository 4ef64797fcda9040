"""Downloads the originals of a run's finished tasks while it runs: their links die, and what was paid for is kept."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from seedream_nb.core.errors import SeedreamError
from seedream_nb.core.parallel import run_parallel
from seedream_nb.library.library import warn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seedream_nb.core.models import TaskImage
    from seedream_nb.library import Library, LibraryFetcher
    from seedream_nb.library.run_store import RunStore

THREAD_NAME = "seedream-originals"
THREADS = 4
_PAGE = 50  # tasks that are looked at together


class Originals:
    """The downloads of one pass over a run. None of them fails it: what is missing is tried again by the next pass.

    Args:
        store: The run's file.
        library: Where they are stored, as long as it has room.
        fetcher: Downloads them.
    """

    def __init__(self, store: RunStore, library: Library, fetcher: LibraryFetcher) -> None:
        self._store = store
        self._library = library
        self._fetcher = fetcher
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._is_last = False  # whether nothing more will be finished
        self._missed: set[int] = set()  # the entries whose originals could not be downloaded
        self._thread = threading.Thread(target=self._run, name=THREAD_NAME, daemon=True)

    def start(self) -> None:
        """Starts downloading what is finished and missing."""
        self._thread.start()

    def look(self) -> None:
        """Looks for further finished tasks."""
        self._wake.set()

    def finish(self) -> None:
        """Waits until everything is downloaded, or was tried; nothing more will be finished."""
        self._is_last = True
        self._wake.set()
        self._thread.join()

    def stop(self) -> None:
        """Downloads nothing more."""
        self._stop.set()
        self._wake.set()

    def _run(self) -> None:
        with suppress(SeedreamError):  # the file or the library can't be used: whoever sends requests reports it
            while not self._stop.is_set():
                is_last = self._is_last
                self._wake.clear()
                for page in self._pages():
                    if not self._store_page(page):
                        return
                if is_last:
                    return
                self._wake.wait()

    def _pages(self) -> Iterator[dict[int, str]]:
        last = 0
        while not self._stop.is_set() and (page := self._store.missing_originals(after=last, limit=_PAGE)):
            last = page[-1][0]
            yield {number: task for number, task in page if number not in self._missed}

    def _store_page(self, entries: dict[int, str]) -> bool:
        """Downloads the originals of some tasks; returns False if the library has no room for them."""
        tasks = self._library.find(list(entries.values()))
        images = {number: tasks[task].good_images if task in tasks else () for number, task in entries.items()}
        missing = self._find_missing([image for some in images.values() for image in some])
        if missing and not self._library.has_room():
            warn(
                "The library is full, so the originals of further images are not downloaded; their links expire. Raise "
                "SEEDREAM_LIBRARY_BUDGET, and finish the run again to download them."
            )
            return False
        for _image, _result in run_parallel(self._download, missing, threads=THREADS, name=THREAD_NAME):
            pass
        still_missing = {(image.task_id, image.index) for image in self._find_missing(missing)}
        known = {
            number
            for number, some in images.items()
            if entries[number] in tasks and not any((one.task_id, one.index) in still_missing for one in some)
        }
        self._missed |= entries.keys() - known
        self._store.note_originals(known)
        return True

    def _find_missing(self, images: list[TaskImage]) -> list[TaskImage]:
        """The images whose originals the library would accept and does not have."""
        found = self._library.find_files(images)
        return [
            image
            for image, file in zip(images, found, strict=True)
            if file is None and self._fetcher.cache.accepts(image)
        ]

    def _download(self, image: TaskImage) -> None:
        with suppress(SeedreamError, OSError):
            self._fetcher.fetch(image, stop=self._stop)
