"""Why: the ways to bring 100 images into a notebook that are set against each other."""

from __future__ import annotations

import base64
import importlib
import io
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from IPython.display import HTML, Image, display

if TYPE_CHECKING:
    from collections.abc import Callable

    from IPython.core.interactiveshell import InteractiveShell

    from tests.benchmarks.gallery.scene import Job

TOKEN = "benchmark"
TIMEOUT = 60  # seconds


@dataclass(frozen=True)
class Contender:
    """One way to show tasks.

    Attributes:
        label: Its name in the report.
        modules: What it needs; loaded before the clock of the work starts.
        run: Does the work; shows its output in the shell.
    """

    label: str
    modules: tuple[str, ...]
    run: Callable[[Job, InteractiveShell], None]

    def load(self, shell: InteractiveShell) -> None:
        """Loads what it needs.

        Args:
            shell: Where extensions are loaded.
        """
        if "seedream_nb" in self.modules:
            shell.run_line_magic("load_ext", "seedream_nb")
        for module in self.modules:
            importlib.import_module(module)


def seedream_get(job: Job, shell: InteractiveShell) -> None:
    """The magic, as a user types it; the shell then computes the output of the cell's value."""
    line = f"%seedream get {' '.join(job.task_ids)} --limit {len(job.task_ids)}"
    shell.run_cell(line).raise_error()


def plain_loop(job: Job, shell: InteractiveShell) -> None:
    """What a user would write: one task after the other."""
    import requests  # noqa: PLC0415  each contender is charged with its own imports

    del shell
    headers = {"accept": "application/json", "authorization": f"Bearer {TOKEN}"}
    for task_id in job.task_ids:
        answer = requests.post(f"{job.base_url}/seedream/tasks", json={"id": task_id}, headers=headers, timeout=TIMEOUT)
        url = answer.json()["response"]["data"][0]["image_url"]
        display(Image(data=requests.get(url, timeout=TIMEOUT).content))


def bare_pool(job: Job, shell: InteractiveShell) -> None:
    """The limit: nothing is checked, nothing is retried, nothing is said about the images."""
    del shell
    display(HTML("".join(_fetch_all(job, lambda content: thumbnail_tag(content, job)))))


def downloads_alone(job: Job, shell: InteractiveShell) -> None:
    """What the server and the latency cost when nothing is done with the images."""
    del shell
    sizes = _fetch_all(job, lambda content: str(len(content)))
    display(HTML(" ".join(sizes)))


def thumbnail_tag(content: bytes, job: Job) -> str:
    """A picture as HTML, small, by Pillow's own defaults."""
    from PIL import Image as PillowImage  # noqa: PLC0415  each contender is charged with its own imports

    buffer = io.BytesIO()
    side = (job.thumbnail, job.thumbnail)
    with PillowImage.open(io.BytesIO(content)) as image:
        image.draft("RGB", side)
        image.thumbnail(side)
        image.save(buffer, "JPEG", quality=job.jpeg_quality)
    return f'<img src="data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}">'


def _fetch_all(job: Job, work: Callable[[bytes], str]) -> list[str]:
    import urllib3  # noqa: PLC0415  each contender is charged with its own imports

    http = urllib3.PoolManager(maxsize=job.connections)
    headers = {"authorization": f"Bearer {TOKEN}", "content-type": "application/json"}
    question = json.dumps({"action": "retrieve_batch", "ids": job.task_ids}).encode()
    answer = http.request("POST", f"{job.base_url}/seedream/tasks", body=question, headers=headers)
    urls = [item["response"]["data"][0]["image_url"] for item in json.loads(answer.data)["items"]]
    with ThreadPoolExecutor(job.connections) as pool:
        return list(pool.map(lambda url: work(http.request("GET", url).data), urls))


# Pillow loads the reader of a format when the first file is opened; that is an import as well.
_PILLOW = ("PIL.Image", "PIL.JpegImagePlugin")
OURS = "seedream get"
PLAIN_LOOP = "plain loop"
LIMIT = "limit"
DOWNLOADS = "downloads alone"
CONTENDERS = {
    OURS: Contender(
        "`%seedream get`",
        (
            "seedream_nb",
            "seedream_nb.notebook.commands",
            "seedream_nb.notebook.session",
            *_PILLOW,
        ),
        seedream_get,
    ),
    LIMIT: Contender("(b) the limit: one batch query, bare thread pool", ("urllib3", *_PILLOW), bare_pool),
    DOWNLOADS: Contender("downloads alone, no thumbnails", ("urllib3",), downloads_alone),
    PLAIN_LOOP: Contender("(a) the plain loop", ("requests",), plain_loop),
}
