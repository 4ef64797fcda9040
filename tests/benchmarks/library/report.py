"""Why: says in one place what the figures of this scene are called and what they are meant to be."""

from __future__ import annotations

from statistics import median, quantiles
from typing import TYPE_CHECKING

from tests.benchmarks.gallery.scene import JPEG_BYTES, LATENCY, SIDE
from tests.benchmarks.library import batch_worker, show_contenders
from tests.benchmarks.library.measure import FILES, LIBRARY
from tests.benchmarks.library.scene import ADDED, ASKED, FEW_ASKED, KEPT, LOOPED, MANY_SHOWN, SEARCHES, SHOWN, SIZES
from tests.benchmarks.library.show_contenders import (
    AGAIN,
    CACHED_SESSION,
    CONTENDERS,
    FILE_CACHE,
    LIMIT,
    MANY_AGAIN,
    NOT_KEPT,
)
from tests.benchmarks.report import Goal, contender_table, goal_table

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.benchmarks.library.measure import Result
    from tests.benchmarks.library.show_worker import Cell, Visit

KILOBYTE = 1000
MEGABYTE = 1000 * KILOBYTE
MILLISECOND = 0.001
SHOW_COLUMNS = (
    *(
        "pictures",
        "seconds",
        "fastest to slowest",
        "next to ours",
        "processor",
        "imports",
        "memory",
        "asked",
        "fetched",
    ),
    "output",
)
SEARCH_COLUMNS = ("library", "slowest", f"{KEPT // LOOPED} times a loop over {LOOPED:,} files", "next to ours")
ADD_COLUMNS = ("median", "95th of 100", "slowest")
BATCH_COLUMNS = ("seconds", "fastest to slowest", "next to bare", "processor", "memory", "per id", "next to bare")

# Which row of the tables is which run of which contender.
FIRST_ROWS = ((show_contenders.KEPT, 0), (NOT_KEPT, 0), (LIMIT, 0))
AGAIN_ROWS = (
    (show_contenders.KEPT, 1),
    (AGAIN, 0),
    (CACHED_SESSION, 0),
    (FILE_CACHE, 0),
    (MANY_AGAIN, 0),
    (MANY_AGAIN, 1),
)
SUFFIXES = {(show_contenders.KEPT, 1): ", the same kernel", (MANY_AGAIN, 1): ", the same kernel"}


def goals_of(result: Result) -> list[Goal]:
    """The goals, with the figures that were measured."""
    visits, batches = result.visits, result.batches
    first_again, fresh_again = (show_contenders.KEPT, 1), (AGAIN, 0)
    ours_again = [first_again, fresh_again, (MANY_AGAIN, 0), (MANY_AGAIN, 1)]
    requests = max(
        max(visits.figures(name, _of(run, lambda cell: cell.asked + cell.fetched))) for name, run in ours_again
    )
    bare = _batch_name(batch_worker.BARE, ASKED)
    kept, few = (_batch_name(batch_worker.KEPT, count) for count in (ASKED, FEW_ASKED))
    slowest = max(SEARCHES, key=lambda wanted: result.searches.median_of(LIBRARY, lambda took: took[wanted.label]))
    searching = result.searches.median_of(LIBRARY, lambda took: took[slowest.label])
    smallest, largest = str(SIZES[0]), str(SIZES[-1])
    return [
        Goal("first time, next to the limit", visits.ratio(show_contenders.KEPT, LIMIT, _seconds(0)), 1.25, "x"),
        Goal("again, requests, worst round", requests, 0, ""),
        *(
            Goal(f"again, {SHOWN} tasks, {kernel} kernel", visits.median_of(name, _seconds(run)), 0.15, " s")
            for kernel, (name, run) in (("same", first_again), ("fresh", fresh_again))
        ),
        *(
            Goal(
                f"again, memory added in a {kernel} kernel, worst round",
                max(visits.figures(name, _of(run, lambda cell: cell.memory))) / MEGABYTE,
                30,
                " MB",
            )
            for kernel, (name, run) in (("same", first_again), ("fresh", fresh_again))
        ),
        Goal(f"again, {MANY_SHOWN:,} tasks, fresh kernel", visits.median_of(MANY_AGAIN, _seconds(0)), 1, " s"),
        Goal(f"slowest search: {slowest.label}", searching / MILLISECOND, 50, " ms"),
        Goal(f"adding a record to {KEPT:,}", result.adds.median_of(largest, median) / MILLISECOND, 5, " ms"),
        Goal("next to adding to an empty library", result.adds.ratio(largest, smallest, median), 1.5, "x"),
        Goal(f"{ASKED:,} ids next to bare calls", batches.ratio(kept, bare, lambda batch: batch.seconds), 1.2, "x"),
        Goal(
            f"memory per id, {ASKED:,} ids next to {FEW_ASKED:,}",
            batches.ratio(kept, few, lambda batch: batch.memory) * FEW_ASKED / ASKED,
            1.1,
            "x",
        ),
    ]


def spell(result: Result) -> str:
    """The report on this scene, as Markdown."""
    scene = (
        f"{SHOWN} tasks, one {SIDE}x{SIDE} JPEG of about {JPEG_BYTES // KILOBYTE} KB each, {LATENCY * 1000:g} ms "
        f"before every answer; a library of {KEPT:,} records, made in {result.build_seconds:.0f} s; "
        f"medians of {result.visits.count} rounds."
    )
    parts = ["## Library", scene]
    parts += ["First time:", contender_table(SHOW_COLUMNS, (_show_cells(result, *row) for row in FIRST_ROWS))]
    parts += ["Again:", contender_table(SHOW_COLUMNS, (_show_cells(result, *row) for row in AGAIN_ROWS))]
    parts += [f"Search among {KEPT:,} records, to those of the first page:"]
    parts += [contender_table(SEARCH_COLUMNS, (_search_cells(result, wanted.label) for wanted in SEARCHES))]
    parts += [f"{ADDED} records, added one at a time:"]
    parts += [contender_table(ADD_COLUMNS, (_add_cells(result, size) for size in SIZES))]
    rows = [(name, count) for count in (ASKED, FEW_ASKED) for name in batch_worker.CONTENDERS]
    parts += ["Many ids:", contender_table(BATCH_COLUMNS, (_batch_cells(result, *row) for row in rows))]
    return "\n\n".join([*parts, goal_table(goals_of(result))])


def _show_cells(result: Result, name: str, run: int) -> list[str]:
    visits = result.visits
    first = visits.measured[name][0].cells[run]
    times = visits.figures(name, _seconds(run))
    own = show_contenders.KEPT if (name, run) in FIRST_ROWS else AGAIN
    next_to_ours = median(one / other for one, other in zip(times, visits.figures(own, _seconds(0)), strict=True))
    return [
        CONTENDERS[name].label + SUFFIXES.get((name, run), ""),
        f"{first.pictures:,}",
        f"{median(times):.3f} s",
        f"{min(times):.3f}-{max(times):.3f} s",
        f"{next_to_ours:.2f}x",
        f"{visits.median_of(name, _of(run, lambda cell: cell.processor)):.2f} s",
        f"{visits.median_of(name, lambda visit: visit.import_seconds):.2f} s",
        f"{visits.median_of(name, _of(run, lambda cell: cell.memory)) / MEGABYTE:.0f} MB",
        f"{visits.median_of(name, _of(run, lambda cell: cell.asked)):g}",
        f"{visits.median_of(name, _of(run, lambda cell: cell.fetched)):g}",
        f"{visits.median_of(name, _of(run, lambda cell: cell.output)) / MEGABYTE:.2f} MB",
    ]


def _search_cells(result: Result, label: str) -> list[str]:
    searches = result.searches
    times = searches.figures(LIBRARY, lambda took: took[label])
    return [
        label,
        f"{median(times) / MILLISECOND:.1f} ms",
        f"{max(times) / MILLISECOND:.1f} ms",
        f"{searches.median_of(FILES, lambda took: took[label]):.1f} s",
        f"{searches.ratio(FILES, LIBRARY, lambda took: took[label]):.0f}x",
    ]


def _add_cells(result: Result, size: int) -> list[str]:
    rounds = result.adds
    return [
        f"to {size:,}",
        f"{rounds.median_of(str(size), median) / MILLISECOND:.2f} ms",
        f"{rounds.median_of(str(size), lambda adds: quantiles(adds, n=20)[-1]) / MILLISECOND:.2f} ms",
        f"{max(rounds.figures(str(size), max)) / MILLISECOND:.2f} ms",
    ]


def _batch_cells(result: Result, name: str, count: int) -> list[str]:
    batches = result.batches
    own, bare = _batch_name(name, count), _batch_name(batch_worker.BARE, count)
    times = batches.figures(own, lambda batch: batch.seconds)
    memory = batches.median_of(own, lambda batch: batch.memory)
    return [
        f"{count:,}: {batch_worker.CONTENDERS[name].label}",
        f"{median(times):.2f} s",
        f"{min(times):.2f}-{max(times):.2f} s",
        f"{batches.ratio(own, bare, lambda batch: batch.seconds):.2f}x",
        f"{batches.median_of(own, lambda batch: batch.processor):.2f} s",
        f"{memory / MEGABYTE:.0f} MB",
        f"{memory / count / KILOBYTE:.1f} KB",
        f"{batches.ratio(own, bare, lambda batch: batch.memory):.2f}x",
    ]


def _batch_name(name: str, count: int) -> str:
    return f"{name}, {count}"


def _of(run: int, figure: Callable[[Cell], float]) -> Callable[[Visit], float]:
    """A figure of one of the runs of a cell."""
    return lambda visit: figure(visit.cells[run])


def _seconds(run: int) -> Callable[[Visit], float]:
    return _of(run, lambda cell: cell.seconds)
