"""What exporting a dataset costs beyond copying its files, or downloading its images."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests
from requests.adapters import HTTPAdapter

from seedream_nb import TaskImage
from seedream_nb.gallery.dataset_formats import import_arrow
from seedream_nb.gallery.datasets import export_dataset
from seedream_nb.library.dataset_items import DatasetItem
from tests.benchmarks.gallery.scene import image_files, mark
from tests.benchmarks.gallery.server import running_server
from tests.benchmarks.processes import run_worker
from tests.benchmarks.report import MEGABYTE, Goal, contender_table, goal_table
from tests.benchmarks.rounds import Rounds, take_turns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from seedream_nb.gallery.dataset_parts import DatasetFormat

IMAGES = 1_000
THREADS = 16

COPY, DOWNLOAD = "Copy of the files", f"Download with {THREADS} threads"
FROM_FILES: dict[str, DatasetFormat] = {
    "`imagefolder` from originals": "imagefolder",
    "`webdataset` from originals": "webdataset",
    "`parquet` from originals": "parquet",
}
FROM_LINKS = "`imagefolder` from links"
NAMES = (COPY, *FROM_FILES, DOWNLOAD, FROM_LINKS)


@dataclass(frozen=True)
class Measurement:
    """One export, or what it is compared with: seconds, seconds of all processors, and the bytes of the images."""

    seconds: float
    cpu_seconds: float
    size: int


def measure_all(rounds: int) -> Rounds[Measurement]:
    """Measures all contenders in turns."""
    with tempfile.TemporaryDirectory() as folder, running_server("photo") as server:
        originals = Path(folder) / "originals"
        originals.mkdir()
        contents = [file.read_bytes() for file in image_files("photo")]
        for number in range(IMAGES):
            (originals / f"{number:04}.jpg").write_bytes(mark(contents[number % len(contents)], number))
        job = {"originals": str(originals), "server": server, "target": f"{folder}/target"}
        return take_turns(
            NAMES, rounds, lambda name: Measurement(**run_worker("tests.benchmarks.datasets", name, job=job))
        )


def render(rounds: Rounds[Measurement]) -> str:
    """The report as Markdown."""
    rows = [
        [
            name,
            f"{rounds.median_of(name, _seconds):.2f} s",
            f"{rounds.median_of(name, _cpu_seconds):.2f} s",
            f"{rounds.median_of(name, _size) / MEGABYTE:.0f} MB",
        ]
        for name in NAMES
    ]
    first = next(iter(FROM_FILES))
    goals = [
        Goal("From originals, compared with copying", rounds.ratio(first, COPY, _seconds), 1.3, " times"),
        Goal("From links, compared with downloading", rounds.ratio(FROM_LINKS, DOWNLOAD, _seconds), 1.25, " times"),
    ]
    table = contender_table([f"{IMAGES:,} images", "CPU", "Images"], rows)
    return f"## Datasets\n\n{table}\n\n{goal_table(goals)}"


def _seconds(measurement: Measurement) -> float:
    return measurement.seconds


def _cpu_seconds(measurement: Measurement) -> float:
    return measurement.cpu_seconds


def _size(measurement: Measurement) -> float:
    return measurement.size


def _work(name: str, job: dict[str, str]) -> dict[str, Any]:
    """Runs one contender in this process."""
    paths = sorted(Path(job["originals"]).iterdir())
    links = [f"{job['server']}/images/{number}.jpg" for number in range(IMAGES)]
    target = Path(job["target"])
    target.mkdir()
    import_arrow()
    work: dict[str, Callable[[], object]] = {
        COPY: lambda: _copy(paths, target),
        DOWNLOAD: lambda: _download(links, target),
        FROM_LINKS: lambda: export_dataset(_linked(links), target),
    }
    items = list(_stored(paths)) if name in FROM_FILES else []
    call = work.get(name) or (lambda: export_dataset(items, target, format=FROM_FILES[name]))
    os.sync()  # what was written before is not written while the clock runs
    begin, cpu = time.perf_counter(), time.process_time()
    call()
    seconds, cpu_seconds = time.perf_counter() - begin, time.process_time() - cpu
    shutil.rmtree(target)
    return {"seconds": seconds, "cpu_seconds": cpu_seconds, "size": sum(path.stat().st_size for path in paths)}


def _copy(paths: list[Path], target: Path) -> None:
    for path in paths:
        shutil.copyfile(path, target / path.name)


def _download(links: list[str], target: Path) -> None:
    with requests.Session() as session, ThreadPoolExecutor(THREADS) as threads:
        session.mount("http://", HTTPAdapter(pool_maxsize=THREADS))

        def download(link: str) -> None:
            response = session.get(link, timeout=30)
            response.raise_for_status()
            (target / link.rpartition("/")[2]).write_bytes(response.content)

        list(threads.map(download, links))


def _stored(paths: list[Path]) -> Iterator[DatasetItem]:
    for number, path in enumerate(paths):
        checksum = hashlib.sha256(path.read_bytes()).hexdigest()
        yield DatasetItem(TaskImage(f"task-{number}"), _record(number), str(path), checksum)


def _linked(links: list[str]) -> Iterator[DatasetItem]:
    for number, link in enumerate(links):
        yield DatasetItem(TaskImage(f"task-{number}", url=link), _record(number))


def _record(number: int) -> dict[str, object]:
    return {"prompt": f"a white siamese cat, number {number}", "seed": number, "model": "doubao-seedream-4-0-250828"}


if __name__ == "__main__":
    print(json.dumps(_work(sys.argv[1], json.load(sys.stdin))))
