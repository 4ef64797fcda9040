"""Why: the ways to show the same pictures today and tomorrow that are set against each other."""

from __future__ import annotations

import hashlib
import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from IPython.display import HTML, display

from seedream_nb.notebook.session import Session
from tests.benchmarks.gallery import contenders as gallery
from tests.benchmarks.gallery.contenders import TIMEOUT, TOKEN, bare_pool, seedream_get, thumbnail_tag

if TYPE_CHECKING:
    from collections.abc import Callable

    from IPython.core.interactiveshell import InteractiveShell

    from tests.benchmarks.library.scene import ShowJob

HEADERS = {"accept": "application/json", "authorization": f"Bearer {TOKEN}"}


@dataclass(frozen=True)
class Contender:
    """One way to show tasks.

    Attributes:
        label: Its name in the report.
        modules: What it needs; loaded before the clock of the work starts.
        run: Does the work; shows its output in the shell.
        has_library: Whether `%seedream` keeps what it meets in the job's folder.
    """

    label: str
    modules: tuple[str, ...]
    run: Callable[[ShowJob, InteractiveShell], None]
    has_library: bool = False

    def load(self, job: ShowJob, shell: InteractiveShell) -> None:
        """Loads what it needs."""
        if "seedream_nb" in self.modules:
            shell.run_line_magic("load_ext", "seedream_nb")
        for module in self.modules:
            importlib.import_module(module)
        if self.has_library:
            shell.magics_manager.registry["SeedreamMagics"]._session = KeepingSession(job.store)


class KeepingSession(Session):
    """A session with a library of its own: nothing of a server on this machine is kept without one."""

    def __init__(self, folder: str) -> None:
        super().__init__()
        self._folder = folder

    @property
    def _sandbox_library(self) -> str:
        return self._folder


def cached_session(job: ShowJob, shell: InteractiveShell) -> None:
    """What a user would write who wants quick re-runs: all requests go through a session that remembers."""
    # Not by an import statement: the types are checked where it is not installed, too.
    requests_cache = importlib.import_module("requests_cache")
    del shell
    file = Path(job.store) / "answers"
    with requests_cache.CachedSession(str(file), backend="sqlite", allowable_methods=("GET", "POST")) as session:
        question = {"action": "retrieve_batch", "ids": list(job.task_ids)}
        answer = session.post(f"{job.base_url}/seedream/tasks", json=question, headers=HEADERS, timeout=TIMEOUT)
        urls = [item["response"]["data"][0]["image_url"] for item in answer.json()["items"]]
        tags = [thumbnail_tag(session.get(url, timeout=TIMEOUT).content, job) for url in urls]
    display(HTML("".join(tags)))


def file_cache(job: ShowJob, shell: InteractiveShell) -> None:
    """What a user would write who wants the originals anyway: each lies in a file named by its link's hash."""
    import requests  # noqa: PLC0415  each contender is charged with its own imports

    def find(url: str) -> bytes:
        file = Path(job.store) / hashlib.sha256(url.encode()).hexdigest()
        if not file.exists():
            file.write_bytes(session.get(url, timeout=TIMEOUT).content)
        return file.read_bytes()

    del shell
    with requests.Session() as session:
        question = {"action": "retrieve_batch", "ids": list(job.task_ids)}
        answer = session.post(f"{job.base_url}/seedream/tasks", json=question, headers=HEADERS, timeout=TIMEOUT)
        urls = [item["response"]["data"][0]["image_url"] for item in answer.json()["items"]]
        tags = [thumbnail_tag(find(url), job) for url in urls]
    display(HTML("".join(tags)))


_PILLOW = ("PIL.Image", "PIL.JpegImagePlugin")
_OURS = gallery.CONTENDERS[gallery.OURS].modules
_OURS_WITH_LIBRARY = (*_OURS, "seedream_nb.library.library")

KEPT = "kept"
NOT_KEPT = "not kept"
LIMIT = "limit"
AGAIN = "again"
MANY_AGAIN = "many again"
CACHED_SESSION = "requests-cache"
FILE_CACHE = "file cache"
CONTENDERS = {
    KEPT: Contender("`%seedream get`, into an empty library", _OURS_WITH_LIBRARY, seedream_get, has_library=True),
    NOT_KEPT: Contender("`%seedream get`, the library off", _OURS, seedream_get),
    LIMIT: Contender(gallery.CONTENDERS[gallery.LIMIT].label, gallery.CONTENDERS[gallery.LIMIT].modules, bare_pool),
    AGAIN: Contender("`%seedream get`, kept before", _OURS_WITH_LIBRARY, seedream_get, has_library=True),
    MANY_AGAIN: Contender("`%seedream get`, kept before", _OURS_WITH_LIBRARY, seedream_get, has_library=True),
    CACHED_SESSION: Contender(
        "`requests_cache.CachedSession` (SQLite), second run", ("requests_cache", "sqlite3", *_PILLOW), cached_session
    ),
    FILE_CACHE: Contender("a plain file cache of originals, second run", ("requests", *_PILLOW), file_cache),
}
