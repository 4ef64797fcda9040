"""Exports whose process is killed, again and again: the same call finishes them, and nothing of the kills is left."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
import tracemalloc
from typing import TYPE_CHECKING, Any

import pytest

from seedream_nb import TaskImage, verify_dataset
from seedream_nb.gallery.dataset_target import STAGING
from seedream_nb.gallery.datasets import export_dataset
from seedream_nb.library.dataset_items import DatasetItem
from tests.gallery.dataset_samples import contents_of, make_originals, sample_items

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from seedream_nb.gallery.dataset_parts import DatasetFormat

pytestmark = pytest.mark.slow

COUNT = 625
SIZE = 125  # of a part
PATIENCE = 60.0  # seconds


def export(originals: Path, target: Path, format: DatasetFormat) -> None:  # noqa: A002  as the option is called
    export_dataset(sample_items(COUNT, originals), target, format=format, part_size=SIZE)


@pytest.fixture(scope="module")
def processes() -> Any:
    """Starts processes in which everything is imported."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.gallery.test_dataset_killed"])
    return context


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_originals(tmp_path_factory.mktemp("originals"))


def kill_in_the_middle(process: Any, target: Path, parts: int) -> None:
    """Kills an export that has finished some parts and is writing a file; or is late for that, and finished."""
    deadline = time.monotonic() + PATIENCE
    while process.is_alive() and time.monotonic() < deadline:
        finished = len(list((target / ".seedream/parts").glob("*.json"))) if target.exists() else 0
        if finished >= parts and (target / STAGING).exists() and os.listdir(target / STAGING):  # noqa: PTH208  quick
            process.kill()
            break
    process.join(PATIENCE)


@pytest.mark.parametrize("format", ["imagefolder", "webdataset", "parquet"])
def test_a_killed_export_is_finished_exactly(
    processes: Any,
    format: DatasetFormat,  # noqa: A002  as the option is called
    originals: Path,
    tmp_path: Path,
) -> None:
    target = tmp_path / "out"
    kills = 0
    for parts in (0, 2):
        process = processes.Process(target=export, args=(originals, target, format))
        process.start()
        kill_in_the_middle(process, target, parts)
        kills += process.exitcode == -signal.SIGKILL
    assert kills == 2
    export(originals, target, format)
    export(originals, tmp_path / "whole", format)
    assert contents_of(target) == contents_of(tmp_path / "whole")
    assert not (target / STAGING).exists()
    report = verify_dataset(target)
    assert (report.is_intact, report.extra) == (True, ())


def test_memory_stays_flat(tmp_path: Path) -> None:
    def items(count: int) -> Iterator[DatasetItem]:
        for number in range(count):
            image = TaskImage(f"task-{number}", url=f"https://images.example/{number}.jpg", raw={"big": "x" * 100})
            yield DatasetItem(image, {"prompt": f"a siamese cat, number {number}", "seed": number})

    def peak(count: int) -> int:
        tracemalloc.start()
        export_dataset(items(count), tmp_path / str(count), format="parquet", with_images=False)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    peak(100)  # imports
    assert peak(8_000) < peak(2_000) + 500_000
