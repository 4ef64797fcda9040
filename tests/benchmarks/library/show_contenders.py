"""Ways to show the same images a second time."""

from __future__ import annotations

import hashlib
import importlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from IPython.display import HTML, display

from tests.benchmarks.gallery import contenders as gallery
from tests.benchmarks.gallery.contenders import TIMEOUT, TOKEN, bare_pool, seedream_get, thumbnail_tag

if TYPE_CHECKING:
    from collections.abc import Callable

    from IPython.core.interactiveshell import InteractiveShell
    from requests import Session

    from tests.benchmarks.library.scene import ShowJob

HEADERS = {"accept": "application/json", "authorization": f"Bearer {TOKEN}"}


@dataclass(frozen=True)
class Contender:
    """One way to show tasks.

    Attributes:
        label: The name in the report.
        modules: Modules to import before the clock starts.
        run: Does the work and displays the output in the shell.
        has_library: Whether `%seedream` has a library in the job's folder.
    """

    label: str
    modules: tuple[str, ...]
    run: Callable[[ShowJob, InteractiveShell], None]
    has_library: bool = False

    def load(self, job: ShowJob, shell: InteractiveShell) -> None:
        """Imports the modules and loads the extension into the shell."""
        if self.has_library:
            os.environ["SEEDREAM_LIBRARY"] = job.store
        if "seedream_nb" in self.modules:
            shell.run_line_magic("load_ext", "seedream_nb")
        for module in self.modules:
            importlib.import_module(module)


def cached_session(job: ShowJob, shell: InteractiveShell) -> None:
    """What a user would write for quick re-runs: all requests go through a caching session."""
    # No import statement, because types are also checked where this is not installed.
    requests_cache = importlib.import_module("requests_cache")
    del shell
    file = Path(job.store) / "responses"
    with requests_cache.CachedSession(str(file), backend="sqlite", allowable_methods=("GET", "POST")) as session:
        tags = [thumbnail_tag(session.get(url, timeout=TIMEOUT).content, job) for url in _image_urls(session, job)]
    display(HTML("".join(tags)))


def file_cache(job: ShowJob, shell: InteractiveShell) -> None:
    """What a user would write to store the originals as well: each in a file named by the hash of its link."""
    import requests  # noqa: PLC0415  the import counts toward this contender's time

    def find(url: str) -> bytes:
        file = Path(job.store) / hashlib.sha256(url.encode()).hexdigest()
        if not file.exists():
            file.write_bytes(session.get(url, timeout=TIMEOUT).content)
        return file.read_bytes()

    del shell
    with requests.Session() as session:
        tags = [thumbnail_tag(find(url), job) for url in _image_urls(session, job)]
    display(HTML("".join(tags)))


def _image_urls(session: Session, job: ShowJob) -> list[str]:
    body = {"action": "retrieve_batch", "ids": list(job.task_ids)}
    response = session.post(f"{job.base_url}/seedream/tasks", json=body, headers=HEADERS, timeout=TIMEOUT)
    return [item["response"]["data"][0]["image_url"] for item in response.json()["items"]]


_PILLOW = ("PIL.Image", "PIL.JpegImagePlugin")
_OURS = gallery.CONTENDERS[gallery.OURS].modules
_OURS_WITH_LIBRARY = (*_OURS, "seedream_nb.library.library")

STORED = "first run"
NOT_STORED = "library off"
LOWER_BOUND = "lower bound"
AGAIN = "second run"
MANY_AGAIN = "second run, many tasks"
CACHED_SESSION = "requests-cache"
FILE_CACHE = "file cache"
CONTENDERS = {
    STORED: Contender(
        "`%seedream get`, first run, storing everything", _OURS_WITH_LIBRARY, seedream_get, has_library=True
    ),
    NOT_STORED: Contender("`%seedream get`, library off", _OURS, seedream_get),
    LOWER_BOUND: Contender(
        gallery.CONTENDERS[gallery.LOWER_BOUND].label, gallery.CONTENDERS[gallery.LOWER_BOUND].modules, bare_pool
    ),
    AGAIN: Contender("Second run, in a new kernel", _OURS_WITH_LIBRARY, seedream_get, has_library=True),
    MANY_AGAIN: Contender("Second run, in a new kernel", _OURS_WITH_LIBRARY, seedream_get, has_library=True),
    CACHED_SESSION: Contender(
        "A loop over `requests_cache`, second run", ("requests_cache", "sqlite3", *_PILLOW), cached_session
    ),
    FILE_CACHE: Contender("A loop with a file cache of originals, second run", ("requests", *_PILLOW), file_cache),
}
