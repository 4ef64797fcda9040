"""A server that stands in for the service and its image host, in a process of its own.

Images and responses are encoded in advance, so that the benchmark measures the client and the latency.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tornado import web
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets

from tests.benchmarks.gallery.scene import (
    LATENCY,
    MODEL,
    SIDE,
    TASKS,
    ImageKind,
    image_files,
    make_prompt,
    mark,
    task_ids,
)
from tests.benchmarks.processes import ROOT
from tests.benchmarks.records import make_record

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def running_server(kind: ImageKind, tasks: int = TASKS) -> Iterator[str]:
    """Runs the server in another process during a `with` block.

    Args:
        kind: The kind of images to serve.
        tasks: The number of tasks.

    Yields:
        The address, without a trailing slash.
    """
    command = [sys.executable, "-m", "tests.benchmarks.gallery.server", kind, str(tasks)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            address = process.stdout.readline().strip() if process.stdout else ""
            if not address:
                raise RuntimeError("The benchmark server did not start.")
            yield address
        finally:
            process.terminate()


class _Slow(web.RequestHandler):
    async def prepare(self) -> None:
        self.settings["received"] += 1
        await asyncio.sleep(LATENCY)

    def compute_etag(self) -> None:
        """Returns nothing: hashing every image would add to the measured time."""


class _Tasks(_Slow):
    """`POST /seedream/tasks`; returns records (wire contract, One task)."""

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
    """`GET /received`: the number of requests to the service and to the image host so far."""

    def get(self) -> None:
        self.finish(str(self.settings["received"]))


async def _serve(kind: ImageKind, tasks: int) -> None:
    contents = [file.read_bytes() for file in image_files(kind)]
    records: dict[str, str] = {}
    application = web.Application(
        [
            (r"/seedream/tasks", _Tasks, {"records": records}),
            (r"/images/(\d+)\.jpg", _Image, {"contents": contents}),
            (r"/received", _Received),
        ],
        log_function=lambda _handler: None,
        received=0,
    )
    sockets = bind_sockets(0, "127.0.0.1")
    HTTPServer(application).add_sockets(sockets)
    base_url = f"http://127.0.0.1:{sockets[0].getsockname()[1]}"
    for number, task_id in enumerate(task_ids(tasks)):
        record = make_record(number, make_prompt(number), MODEL, f"{SIDE}x{SIDE}", f"{base_url}/images/{number}.jpg")
        records[task_id] = json.dumps(record)
    print(base_url, flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=("photo", "plain"))
    parser.add_argument("tasks", type=int)
    arguments = parser.parse_args()
    asyncio.run(_serve(arguments.kind, arguments.tasks))
