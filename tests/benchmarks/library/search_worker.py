"""Builds, searches, and extends a library in a process of its own, as in a fresh kernel."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seedream_nb.library.library import Library
from tests.benchmarks.library.scene import FILES, FIRST_PAGE, RECORDS, SEARCHES, make_records, make_tasks

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.benchmarks.library.scene import Search

CHUNK = 1000  # records stored at once when a library is built


def build(folder: Path, count: int) -> dict[str, float]:
    """Builds a library; returns the seconds it took."""
    start = time.perf_counter()
    with Library(folder) as library:
        for first in range(0, count, CHUNK):
            library.keep(make_tasks(range(first, min(count, first + CHUNK))))
    return {"build": time.perf_counter() - start}


def build_files(folder: Path, count: int) -> dict[str, float]:
    """Writes each of the newest records to a JSON file."""
    start = time.perf_counter()
    folder.mkdir(parents=True)
    for record in make_records(range(RECORDS - count, RECORDS)):
        (folder / f"{record['id']}.json").write_text(json.dumps(record))
    return {"build": time.perf_counter() - start}


def search(folder: Path, _count: int) -> dict[str, float]:
    """Returns the seconds to open the library, and from each query to the tasks of its first page."""
    start = time.perf_counter()
    library = Library(folder)
    seconds = {"open": time.perf_counter() - start}
    for query in SEARCHES:
        start = time.perf_counter()
        found = library.search(query.text, model=query.model, since=query.since_time, limit=FIRST_PAGE)
        seconds[query.label] = time.perf_counter() - start
        if not found or not all(_fits(task.raw, query) for task in found):
            raise RuntimeError(f"The search {query.label!r} returned {len(found)} tasks, or wrong ones.")
    return seconds


def search_files(folder: Path, _count: int) -> dict[str, float]:
    """Searches a folder of JSON files, as a user would; extrapolates the seconds to all records."""
    seconds = {"open": 0.0}
    for query in SEARCHES:
        start = time.perf_counter()
        records = (json.loads(file.read_bytes()) for file in folder.iterdir())
        found = [record for record in records if _fits(record, query)]
        found.sort(key=lambda record: record["created_at"], reverse=True)
        del found[FIRST_PAGE:]
        seconds[query.label] = (time.perf_counter() - start) * RECORDS / FILES
    return seconds


def add(folder: Path, count: int) -> dict[str, list[float]]:
    """Adds records to a library, one at a time; returns the seconds for each."""
    tasks = list(make_tasks(range(RECORDS, RECORDS + count)))
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


def _fits(record: Mapping[str, Any], query: Search) -> bool:
    request = record["request"]
    return (
        all(word in request["prompt"].lower() for word in query.words)
        and query.model in {None, request["model"]}
        and (query.since is None or record["created_at"] >= query.since)
    )


WORK = {"build": build, "build files": build_files, "search": search, "search files": search_files, "add": add}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("work", choices=WORK)
    job = json.load(sys.stdin)
    print(json.dumps(WORK[parser.parse_args().work](Path(job["folder"]), job["count"])))
