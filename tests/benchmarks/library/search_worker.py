"""Why: what is searched, and what is added to, is opened by a process of its own, as by a fresh kernel."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seedream_nb.library.library import Library
from tests.benchmarks.library.scene import FIRST_PAGE, KEPT, LOOPED, SEARCHES, kept_records, kept_tasks

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.benchmarks.library.scene import Search

CHUNK = 1000  # records kept at once while a library is made


def build(folder: Path, count: int) -> dict[str, float]:
    """Makes a library.

    Returns:
        The seconds that it took.
    """
    start = time.perf_counter()
    with Library(folder) as library:
        for first in range(0, count, CHUNK):
            library.keep(kept_tasks(range(first, min(count, first + CHUNK))))
    return {"build": time.perf_counter() - start}


def build_files(folder: Path, count: int) -> dict[str, float]:
    """Makes a folder with a JSON file for each record; the newest ones."""
    start = time.perf_counter()
    folder.mkdir(parents=True)
    for record in kept_records(range(KEPT - count, KEPT)):
        (folder / f"{record['id']}.json").write_text(json.dumps(record))
    return {"build": time.perf_counter() - start}


def search(folder: Path, _count: int) -> dict[str, float]:
    """Searches a library.

    Returns:
        The seconds to the tasks of the first page of each search, done once; and those to open the library.
    """
    start = time.perf_counter()
    library = Library(folder)
    seconds = {"open": time.perf_counter() - start}
    for wanted in SEARCHES:
        start = time.perf_counter()
        found = library.search(wanted.text, model=wanted.model, since=wanted.since_time, limit=FIRST_PAGE)
        seconds[wanted.label] = time.perf_counter() - start
        if not found or not all(_fits(task.raw, wanted) for task in found):
            raise RuntimeError(f"The search for {wanted.label} gave {len(found)} tasks, or wrong ones.")
    return seconds


def search_files(folder: Path, _count: int) -> dict[str, float]:
    """Searches a folder of JSON files, as a user would. Not all records are there; it is charged as if they were."""
    seconds = {"open": 0.0}
    for wanted in SEARCHES:
        start = time.perf_counter()
        records = (json.loads(file.read_bytes()) for file in folder.iterdir())
        found = [record for record in records if _fits(record, wanted)]
        found.sort(key=lambda record: record["created_at"], reverse=True)
        del found[FIRST_PAGE:]
        seconds[wanted.label] = (time.perf_counter() - start) * KEPT / LOOPED
    return seconds


def add(folder: Path, count: int) -> dict[str, list[float]]:
    """Adds records to a library, one at a time.

    Returns:
        The seconds that each took.
    """
    tasks = list(kept_tasks(range(KEPT, KEPT + count)))
    seconds = []
    with Library(folder) as library:
        before = len(library)
        for task in tasks:
            start = time.perf_counter()
            library.keep(task)
            seconds.append(time.perf_counter() - start)
        if len(library) != before + count:
            raise RuntimeError(f"The library holds {len(library)} records instead of {before + count}.")
    return {"adds": seconds}


def _fits(record: Mapping[str, Any], wanted: Search) -> bool:
    request = record["request"]
    return (
        all(word in request["prompt"].lower() for word in wanted.words)
        and wanted.model in {None, request["model"]}
        and (wanted.since is None or record["created_at"] >= wanted.since)
    )


WORK = {"build": build, "build files": build_files, "search": search, "search files": search_files, "add": add}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("work", choices=WORK)
    job = json.load(sys.stdin)
    print(json.dumps(WORK[parser.parse_args().work](Path(job["folder"]), job["count"])))
