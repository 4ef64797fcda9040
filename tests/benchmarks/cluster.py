"""What a second Dask worker brings where an export is bound by the processor, and what an image costs at each step.

`python -m tests.benchmarks --scene cluster` measures both; `docs/explanation/runs_at_scale.md` calculates with the
second.
"""

from __future__ import annotations

import hashlib
import pickle
import re
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from seedream_nb import SeedreamClient
from seedream_nb.core.models import TaskImage
from seedream_nb.gallery.dataset_parts import Layout, Part
from seedream_nb.gallery.datasets import export_dataset
from seedream_nb.images.conversion import convert_image
from seedream_nb.images.fetch import ImageFetcher, load_all
from seedream_nb.images.thumbnails import make_thumbnail, read_facts
from seedream_nb.library.dataset_items import DatasetItem
from tests.benchmarks.gallery.scene import image_files, mark
from tests.benchmarks.gallery.server import running_server
from tests.benchmarks.processes import ROOT
from tests.benchmarks.report import KILOBYTE, Goal, contender_table, goal_table
from tests.benchmarks.rounds import take_turns
from tests.gallery.buckets import BUCKET, open_s3
from tests.gallery.clusters import open_cluster
from tests.gallery.dataset_samples import make_originals, sample_items

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from distributed import Client

    from tests.benchmarks.rounds import Rounds

IMAGES = 48
PART = 4  # images; as many parts as keep two workers busy to the end
SIDE = 1024  # pixels, of the converted images
THUMBNAIL = 320
DOWNLOADS = 200
ROWS = 400
DRIVEN = 5000
MILLISECONDS = 1000
ONE, TWO = "1 worker", "2 workers"


@dataclass(frozen=True)
class Piece:
    """What a step takes for an image: seconds of a processor in this process, and the bytes that it leaves or moves."""

    name: str
    processor: float
    size: float


@dataclass(frozen=True)
class Result:
    rounds: Rounds[float]
    pieces: list[Piece]


def measure_all(rounds: int) -> Result:
    """Measures everything in this many rounds."""
    with tempfile.TemporaryDirectory() as folder:
        originals = _make_originals(Path(folder) / "originals")
        return Result(_measure_workers(originals, Path(folder), rounds), _measure_pieces(originals, Path(folder)))


def render(result: Result) -> str:
    """The report as Markdown."""
    rows = [[name, f"{result.rounds.median_of(name, float):.2f} s"] for name in (ONE, TWO)]
    goals = [Goal("2 workers, as fast as one", result.rounds.ratio(ONE, TWO, float), 1.7, " times", is_floor=True)]
    pieces = [
        [piece.name, f"{piece.processor * MILLISECONDS:.1f} ms", f"{piece.size / KILOBYTE:.1f} kB"]
        for piece in result.pieces
    ]
    tables = [
        contender_table([f"{IMAGES} images to WebP, {SIDE} pixels"], rows),
        goal_table(goals),
        contender_table(["Processor time for an image", "Bytes for an image"], pieces),
    ]
    return "## Cluster\n\n" + "\n\n".join(tables)


def _make_originals(folder: Path) -> list[Path]:
    folder.mkdir()
    files = image_files("photo")
    originals = [folder / f"{number}.jpg" for number in range(IMAGES)]
    for number, path in enumerate(originals):
        path.write_bytes(mark(files[number % len(files)].read_bytes(), number))
    return originals


def _items(originals: list[Path]) -> Iterator[DatasetItem]:
    for number, path in enumerate(originals):
        record = {"prompt": f"a photo of street number {number}", "seed": number}
        checksum = hashlib.sha256(path.read_bytes()).hexdigest()
        yield DatasetItem(TaskImage(f"task-{number:06}"), record, str(path), checksum)


def _measure_workers(originals: list[Path], folder: Path, rounds: int) -> Rounds[float]:
    with ExitStack() as stack:
        clusters = {name: stack.enter_context(open_cluster(workers=count)) for name, count in ((ONE, 1), (TWO, 2))}

        def export(name: str) -> float:
            with tempfile.TemporaryDirectory(dir=folder) as target:
                return _time(lambda: _convert(originals, target, clusters[name]))

        for name in clusters:
            export(name)  # the workers import what they need
        return take_turns((ONE, TWO), rounds, export)


def _convert(originals: list[Path], target: str, client: Client) -> None:
    items = _items(originals)
    export_dataset(
        items, target, format="webdataset", part_size=PART, image_format="webp", max_side=SIDE, client=client
    )


def _measure_pieces(originals: list[Path], folder: Path) -> list[Piece]:
    contents = [path.read_bytes() for path in originals]
    size = sum(map(len, contents)) / IMAGES
    webps = [convert_image(content, "webp", SIDE)[0] for content in contents[:12]]
    thumbnails = [make_thumbnail(content, THUMBNAIL).data for content in contents[:12]]
    return [
        *_measure_paying(folder / "library"),
        _measure_driver(folder),
        Piece("Download", _measure_downloads(), size),
        Piece("Checksum", _spent(lambda: [hashlib.sha256(content) for content in contents]) / IMAGES, size),
        Piece("Verify by decoding", _spent(lambda: [read_facts(content) for content in contents]) / IMAGES, size),
        Piece(
            f"Thumbnail, {THUMBNAIL} pixels",
            _spent(lambda: [make_thumbnail(content, THUMBNAIL) for content in contents]) / IMAGES,
            sum(map(len, thumbnails)) / len(thumbnails),
        ),
        Piece(
            f"Convert to WebP, {SIDE} pixels",
            _spent(lambda: [convert_image(content, "webp", SIDE) for content in contents]) / IMAGES,
            sum(map(len, webps)) / len(webps),
        ),
        Piece(
            "Convert to WebP, full size",
            _spent(lambda: [convert_image(content, "webp") for content in contents[:12]]) / 12,
            sum(len(convert_image(content, "webp")[0]) for content in contents[:12]) / 12,
        ),
        *_measure_exports(originals, folder),
    ]


def _measure_exports(originals: list[Path], folder: Path) -> Iterator[Piece]:
    """Writes tar files as they are, to a folder and to a bucket; the bucket's server is another process."""

    def export(target: str, options: dict[str, object] | None = None) -> float:
        items = list(_items(originals))
        return (
            _spent(lambda: export_dataset(items, target, format="webdataset", part_size=16, storage_options=options))
            / IMAGES
        )

    local = export(str(folder / "tar"))
    written = sum(path.stat().st_size for path in (folder / "tar").rglob("*") if path.is_file()) / IMAGES
    yield Piece("Write tar files to a folder", local, written)
    with _s3_elsewhere() as options:
        export(f"s3://{BUCKET}/warm", options)
        yield Piece("Write tar files to a bucket", export(f"s3://{BUCKET}/measured", options), written)


@contextmanager
def _s3_elsewhere() -> Iterator[dict[str, object]]:
    command = [sys.executable, "-m", "tests.benchmarks.cluster", "s3"]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        endpoint, key, secret = (process.stdout.readline() if process.stdout else "").split()
        yield {"key": key, "secret": secret, "client_kwargs": {"endpoint_url": endpoint}}
        process.communicate()


def _serve_s3() -> None:
    with open_s3() as s3:
        print(s3.endpoint, s3.keys.key, s3.keys.secret, flush=True)
        sys.stdin.read()


def _measure_downloads() -> float:
    """Downloads over HTTP without TLS, from a server in another process."""
    with running_server("photo", DOWNLOADS) as host:
        images = [TaskImage(str(number), url=f"{host}/images/{number}.jpg") for number in range(DOWNLOADS)]
        return _spent(lambda: load_all(images, lambda _image, content: len(content), ImageFetcher())) / DOWNLOADS


def _measure_paying(folder: Path) -> Iterator[Piece]:
    """A run of many rows against a sandbox in another process, which generates at once."""
    with _sandbox_elsewhere() as (url, token), SeedreamClient(token, url, library=folder) as client:
        rows = [{"prompt": f"a photo of street number {number}, early morning light"} for number in range(ROWS)]
        run = client.run(rows, name="rows", model="4.5", size="2K", in_flight=10, interval=0.2, originals=False)
        spent = _spent(run.finish)
    size = 0
    for path in folder.rglob("*.sqlite"):
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("VACUUM")
        size += path.stat().st_size
    yield Piece("Run: send, poll, and record, in one process", spent / ROWS, size / ROWS)


def _measure_driver(folder: Path) -> Piece:
    """What is left to the process that drives a cluster: it plans, sends the parts, and writes the metadata."""
    tiny = make_originals(folder / "tiny")
    with open_cluster() as client:
        spent = _spent(
            lambda: export_dataset(
                sample_items(DRIVEN, tiny), folder / "driven", format="webdataset", part_size=500, client=client
            )
        )
    parts = Part(0, tuple(sample_items(500, tiny)), Layout(), ())
    return Piece("Driver of a cluster: plan and send", spent / DRIVEN, len(pickle.dumps(parts)) / 500)


@contextmanager
def _sandbox_elsewhere() -> Iterator[tuple[str, str]]:
    command = [sys.executable, "-m", "seedream_nb.sandbox", "--generation-time", "0"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        head = "".join(process.stdout.readline() for _ in range(4)) if process.stdout else ""
        found = re.search(r"BASE_URL=(\S+)\s.*API_TOKEN=(\S+)", head, re.DOTALL)
        assert found is not None
        try:
            yield found[1], found[2]
        finally:
            process.terminate()


def _spent(work: Callable[[], object]) -> float:
    begin = time.process_time()
    work()
    return time.process_time() - begin


def _time(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


if __name__ == "__main__":
    _serve_s3()
