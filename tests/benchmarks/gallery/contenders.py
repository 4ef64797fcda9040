"""Ways to bring 100 images into a notebook."""

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
        label: The name in the report.
        modules: Modules to import before the clock starts.
        run: Does the work and displays the output in the shell.
    """

    label: str
    modules: tuple[str, ...]
    run: Callable[[Job, InteractiveShell], None]

    def load(self, shell: InteractiveShell) -> None:
        """Imports the modules and loads the extension into the shell."""
        if "seedream_nb" in self.modules:
            shell.run_line_magic("load_ext", "seedream_nb")
        for module in self.modules:
            importlib.import_module(module)


def seedream_get(job: Job, shell: InteractiveShell) -> None:
    """The magic as a user types it; the shell then renders the value of the cell."""
    line = f"%seedream get {' '.join(job.task_ids)} --limit {len(job.task_ids)}"
    shell.run_cell(line).raise_error()


def loop(job: Job, shell: InteractiveShell) -> None:
    """What a user would write: one task after another."""
    import requests  # noqa: PLC0415  the import counts toward this contender's time

    del shell
    headers = {"accept": "application/json", "authorization": f"Bearer {TOKEN}"}
    for task_id in job.task_ids:
        url = f"{job.base_url}/seedream/tasks"
        response = requests.post(url, json={"id": task_id}, headers=headers, timeout=TIMEOUT)
        image_url = response.json()["response"]["data"][0]["image_url"]
        display(Image(data=requests.get(image_url, timeout=TIMEOUT).content))


def bare_pool(job: Job, shell: InteractiveShell) -> None:
    """The lower bound: no checks, no retries, no captions."""
    del shell
    display(HTML("".join(_download_all(job, lambda content: thumbnail_tag(content, job)))))


def downloads_only(job: Job, shell: InteractiveShell) -> None:
    """The share of the server and the latency: nothing is done with the images."""
    del shell
    sizes = _download_all(job, lambda content: str(len(content)))
    display(HTML(" ".join(sizes)))


def thumbnail_tag(content: bytes, job: Job) -> str:
    """A thumbnail as HTML, made with Pillow's defaults."""
    from PIL import Image as PillowImage  # noqa: PLC0415  the import counts toward this contender's time

    buffer = io.BytesIO()
    side = (job.thumbnail, job.thumbnail)
    with PillowImage.open(io.BytesIO(content)) as image:
        image.draft("RGB", side)
        image.thumbnail(side)
        image.save(buffer, "JPEG", quality=job.jpeg_quality)
    return f'<img src="data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}">'


def _download_all(job: Job, work: Callable[[bytes], str]) -> list[str]:
    import urllib3  # noqa: PLC0415  the import counts toward this contender's time

    http = urllib3.PoolManager(maxsize=job.connections)
    headers = {"authorization": f"Bearer {TOKEN}", "content-type": "application/json"}
    body = json.dumps({"action": "retrieve_batch", "ids": job.task_ids}).encode()
    response = http.request("POST", f"{job.base_url}/seedream/tasks", body=body, headers=headers)
    urls = [item["response"]["data"][0]["image_url"] for item in json.loads(response.data)["items"]]
    with ThreadPoolExecutor(job.connections) as pool:
        return list(pool.map(lambda url: work(http.request("GET", url).data), urls))


# Pillow imports the plugin of a format when it opens the first file.
_PILLOW = ("PIL.Image", "PIL.JpegImagePlugin")
OURS = "seedream get"
LOOP = "loop"
LOWER_BOUND = "lower bound"
DOWNLOADS_ONLY = "downloads only"
CONTENDERS = {
    OURS: Contender(
        "`%seedream get`",
        ("seedream_nb", "seedream_nb.notebook.commands", "seedream_nb.notebook.session", *_PILLOW),
        seedream_get,
    ),
    LOWER_BOUND: Contender(
        "Lower bound: one batch request, then a bare thread pool that downloads and shrinks",
        ("urllib3", *_PILLOW),
        bare_pool,
    ),
    DOWNLOADS_ONLY: Contender("Downloads only, without thumbnails", ("urllib3",), downloads_only),
    LOOP: Contender("A loop over `requests.post`, `requests.get`, and `IPython.display.Image`", ("requests",), loop),
}
