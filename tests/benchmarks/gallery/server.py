"""Why: the service and its image host for the benchmark, in a process of their own, doing as little as possible.

Pictures lie encoded in memory and answers are encoded before, so that what is measured is the client and the latency.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tornado import web
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets

from tests.benchmarks.gallery.scene import LATENCY, SIDE, TASKS, Pictures, mark, picture_files, task_ids
from tests.benchmarks.processes import ROOT
from tests.benchmarks.records import make_record

if TYPE_CHECKING:
    from collections.abc import Iterator


MODEL = "doubao-seedream-4-0-250828"


@contextmanager
def running_server(pictures: Pictures, tasks: int = TASKS) -> Iterator[str]:
    """Runs the server in another process while a block runs.

    Args:
        pictures: Which pictures it serves.
        tasks: How many tasks it knows.

    Yields:
        Its address, without a final slash.
    """
    command = [sys.executable, "-m", "tests.benchmarks.gallery.server", pictures, str(tasks)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            address = process.stdout.readline().strip() if process.stdout else ""
            if not address:
                raise RuntimeError("The benchmark's server did not start.")
            yield address
        finally:
            process.terminate()


class _Slow(web.RequestHandler):
    async def prepare(self) -> None:
        self.settings["received"][type(self).__name__] += 1
        await asyncio.sleep(LATENCY)

    def compute_etag(self) -> None:
        """No entity tags: hashing every picture would cost the time that is measured."""


class _Tasks(_Slow):
    """`POST /seedream/tasks`, with records as answers (wire contract, form 1)."""

    def initialize(self, records: dict[str, str]) -> None:
        self._records = records

    def post(self) -> None:
        body = json.loads(self.request.body)
        self.set_header("Content-Type", "application/json")
        if body.get("action") == "retrieve_batch":
            items = [self._records[task_id] for task_id in body["ids"]]
            self.finish(f'{{"items": [{",".join(items)}], "count": {len(items)}}}')
        else:
            self.finish(self._records[body["id"]])


class _Image(_Slow):
    def initialize(self, contents: list[bytes]) -> None:
        self._contents = contents

    def get(self, number: str) -> None:
        self.set_header("Content-Type", "image/jpeg")
        self.finish(mark(self._contents[int(number) % len(self._contents)], int(number)))


class _Received(web.RequestHandler):
    """`GET /received`: how many requests the service and the image host have received; this one does not count."""

    def get(self) -> None:
        received = self.settings["received"]
        self.finish({"service": received[_Tasks.__name__], "image_host": received[_Image.__name__]})


async def _serve(pictures: Pictures, tasks: int) -> None:
    contents = [file.read_bytes() for file in picture_files(pictures)]
    records: dict[str, str] = {}
    application = web.Application(
        [
            (r"/seedream/tasks", _Tasks, {"records": records}),
            (r"/images/(\d+)\.jpg", _Image, {"contents": contents}),
            (r"/received", _Received),
        ],
        log_function=lambda _handler: None,
        received=Counter(),
    )
    sockets = bind_sockets(0, "127.0.0.1")
    HTTPServer(application).add_sockets(sockets)
    base_url = f"http://127.0.0.1:{sockets[0].getsockname()[1]}"
    for number, task_id in enumerate(task_ids(tasks)):
        prompt = f"a photo of street number {number}, early morning light"
        record = make_record(number, prompt, MODEL, f"{SIDE}x{SIDE}", f"{base_url}/images/{number}.jpg")
        records[task_id] = json.dumps(record)
    print(base_url, flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pictures", choices=("photo", "plain"))
    parser.add_argument("tasks", type=int)
    arguments = parser.parse_args()
    asyncio.run(_serve(arguments.pictures, arguments.tasks))
