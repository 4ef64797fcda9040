"""Why: the service and its image host for the benchmark, in a process of their own, doing as little as possible.

Pictures lie encoded in memory and answers are a dict away, so that what is measured is the client and the latency.
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

from tests.benchmarks.gallery.scene import LATENCY, SIDE, Pictures, picture_files, task_ids
from tests.benchmarks.processes import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def running_server(pictures: Pictures) -> Iterator[str]:
    """Runs the server in another process while a block runs.

    Args:
        pictures: Which pictures it serves.

    Yields:
        Its address, without a final slash.
    """
    command = [sys.executable, "-m", "tests.benchmarks.gallery.server", pictures]
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
        await asyncio.sleep(LATENCY)

    def compute_etag(self) -> None:
        """No entity tags: hashing every picture would cost the time that is measured."""


class _Tasks(_Slow):
    """`POST /seedream/tasks`, with records as answers (wire contract, form 1)."""

    def initialize(self, records: dict[str, object]) -> None:
        self._records = records

    def post(self) -> None:
        body = json.loads(self.request.body)
        if body.get("action") == "retrieve_batch":
            items = [self._records[task_id] for task_id in body["ids"]]
            self.finish({"items": items, "count": len(items)})
        else:
            self.finish(json.dumps(self._records[body["id"]]))


class _Image(_Slow):
    def initialize(self, contents: list[bytes]) -> None:
        self._contents = contents

    def get(self, number: str) -> None:
        self.set_header("Content-Type", "image/jpeg")
        self.finish(self._contents[int(number) % len(self._contents)])


def _record(task_id: str, number: int, base_url: str) -> dict[str, object]:
    begin = 1766427547.0 + number
    trace_id = task_id[::-1]
    prompt = f"a photo of street number {number}, early morning light"
    return {
        "_id": f"{number:024x}",
        "id": task_id,
        "trace_id": trace_id,
        "type": "images",
        "created_at": begin,
        "started_at": begin + 0.3,
        "finished_at": begin + 14.8,
        "elapsed": 14.5,
        "request": {"action": "generate", "model": "doubao-seedream-4-0-250828", "prompt": prompt},
        "response": {
            "success": True,
            "task_id": task_id,
            "trace_id": trace_id,
            "data": [{"prompt": prompt, "size": f"{SIDE}x{SIDE}", "image_url": f"{base_url}/images/{number}.jpg"}],
        },
    }


async def _serve(pictures: Pictures) -> None:
    contents = [file.read_bytes() for file in picture_files(pictures)]
    records: dict[str, object] = {}
    application = web.Application(
        [
            (r"/seedream/tasks", _Tasks, {"records": records}),
            (r"/images/(\d+)\.jpg", _Image, {"contents": contents}),
        ],
        log_function=lambda _handler: None,
    )
    sockets = bind_sockets(0, "127.0.0.1")
    HTTPServer(application).add_sockets(sockets)
    base_url = f"http://127.0.0.1:{sockets[0].getsockname()[1]}"
    records.update({task_id: _record(task_id, number, base_url) for number, task_id in enumerate(task_ids())})
    print(base_url, flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pictures", choices=("photo", "plain"))
    asyncio.run(_serve(parser.parse_args().pictures))
