"""The report on this scene: the names of its figures and their targets."""

from __future__ import annotations

from statistics import median, quantiles
from typing import TYPE_CHECKING

from tests.benchmarks.gallery.scene import JPEG_BYTES, LATENCY, SIDE
from tests.benchmarks.library import batch_worker
from tests.benchmarks.library.measure import JSON_FILES, LIBRARY
from tests.benchmarks.library.scene import (
    ADDED,
    FEW_IDS,
    FILES,
    IDS,
    LIBRARY_SIZES,
    MANY_SHOWN,
    RECORDS,
    SEARCHES,
    SHOWN,
)
from tests.benchmarks.library.show_contenders import (
    AGAIN,
    CACHED_SESSION,
    CONTENDERS,
    FILE_CACHE,
    LOWER_BOUND,
    MANY_AGAIN,
    NOT_STORED,
    STORED,
)
from tests.benchmarks.report import KILOBYTE, MEGABYTE, Goal, contender_table, goal_table

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.benchmarks.library.measure import Result
    from tests.benchmarks.library.show_worker import Cell, ShowMeasurement

MILLISECOND = 0.001
SHOW_COLUMNS = (
    *("Time", "Requests", "Fastest to slowest", "vs. seedream_nb", "CPU", "Imports", "Memory"),
    *("In the notebook", "Images"),
)
SEARCH_COLUMNS = ("Library", "Slowest", f"Loop over {FILES:,} files, times {RECORDS // FILES}", "vs. seedream_nb")
ADD_COLUMNS = ("Median", "95th percentile", "Slowest")
BATCH_COLUMNS = ("Time", "Fastest to slowest", "vs. bare calls", "CPU", "Memory", "Per id", "vs. bare calls")

# The rows of the tables: contenders, and which run of their cell.
FIRST_ROWS = ((STORED, 0), (NOT_STORED, 0), (LOWER_BOUND, 0))
AGAIN_ROWS = (
    (STORED, 1),
    (AGAIN, 0),
    (CACHED_SESSION, 0),
    (FILE_CACHE, 0),
    (MANY_AGAIN, 0),
    (MANY_AGAIN, 1),
)
SAME_KERNEL = "Second run, in the same kernel"


def goals_of(result: Result) -> list[Goal]:
    """The goals and the measured figures."""
    shows, batches = result.shows, result.batches
    first_again, fresh_again = (STORED, 1), (AGAIN, 0)
    ours_again = [first_again, fresh_again, (MANY_AGAIN, 0), (MANY_AGAIN, 1)]
    requests = max(max(shows.figures(name, _of(run, lambda cell: cell.requests))) for name, run in ours_again)
    bare = _batch_name(batch_worker.BARE, IDS)
    stored, few = (_batch_name(batch_worker.STORED, count) for count in (IDS, FEW_IDS))
    slowest = max(SEARCHES, key=lambda query: result.searches.median_of(LIBRARY, lambda seconds: seconds[query.label]))
    searching = result.searches.median_of(LIBRARY, lambda seconds: seconds[slowest.label])
    smallest, largest = str(LIBRARY_SIZES[0]), str(LIBRARY_SIZES[-1])
    return [
        Goal("First run vs. the lower bound", shows.ratio(STORED, LOWER_BOUND, _seconds(0)), 1.25, "x"),
        Goal("Second run, requests, worst round", requests, 0, ""),
        *(
            Goal(f"Second run, {SHOWN} tasks, {kernel} kernel", shows.median_of(name, _seconds(run)), 0.15, " s")
            for kernel, (name, run) in (("same", first_again), ("new", fresh_again))
        ),
        *(
            Goal(
                f"Second run, memory added, {kernel} kernel, worst round",
                max(shows.figures(name, _of(run, lambda cell: cell.memory))) / MEGABYTE,
                30,
                " MB",
            )
            for kernel, (name, run) in (("same", first_again), ("new", fresh_again))
        ),
        Goal(f"Second run, {MANY_SHOWN:,} tasks, new kernel", shows.median_of(MANY_AGAIN, _seconds(0)), 1, " s"),
        Goal(f"Slowest search ({slowest.label})", searching / MILLISECOND, 50, " ms"),
        Goal(f"Adding a record to {RECORDS:,}", result.adds.median_of(largest, median) / MILLISECOND, 5, " ms"),
        Goal("Adding a record vs. adding to an empty library", result.adds.ratio(largest, smallest, median), 1.5, "x"),
        Goal(
            f"Retrieving {IDS:,} ids vs. bare calls", batches.ratio(stored, bare, lambda batch: batch.seconds), 1.2, "x"
        ),
        Goal(
            f"Memory per id, {IDS:,} ids vs. {FEW_IDS:,}",
            batches.ratio(stored, few, lambda batch: batch.memory) * FEW_IDS / IDS,
            1.1,
            "x",
        ),
    ]


def render(result: Result) -> str:
    """The report on this scene, as Markdown."""
    scene = (
        f"{SHOWN} tasks, one {SIDE}x{SIDE} JPEG of about {JPEG_BYTES // KILOBYTE} KB each, {LATENCY * 1000:g} ms "
        f"latency; a library of {RECORDS:,} records, built in {result.build_seconds:.0f} s; "
        f"medians of {result.shows.count} rounds."
    )
    parts = ["## Library", scene]
    parts += ["First run:", contender_table(SHOW_COLUMNS, (_show_cells(result, *row) for row in FIRST_ROWS))]
    parts += ["Second run:", contender_table(SHOW_COLUMNS, (_show_cells(result, *row) for row in _again_rows(result)))]
    parts += [f"Search in {RECORDS:,} records, to the first page:"]
    parts += [contender_table(SEARCH_COLUMNS, (_search_cells(result, query.label) for query in SEARCHES))]
    parts += [f"Adding {ADDED} records, one at a time:"]
    parts += [contender_table(ADD_COLUMNS, (_add_cells(result, size) for size in LIBRARY_SIZES))]
    rows = [(name, count) for count in (IDS, FEW_IDS) for name in batch_worker.CONTENDERS]
    parts += ["Retrieving many ids:", contender_table(BATCH_COLUMNS, (_batch_cells(result, *row) for row in rows))]
    return "\n\n".join([*parts, goal_table(goals_of(result))])


def summarize(result: Result) -> str:
    """The figures for users, as Markdown."""
    shows, searches = result.shows, result.searches
    again = (
        [
            _label_of(name, run),
            f"{shows.median_of(name, _seconds(run)):.2f} s",
            f"{shows.median_of(name, _of(run, lambda cell: cell.requests)):g}",
        ]
        for name, run in [FIRST_ROWS[0], *_again_rows(result)]
    )
    times = [searches.median_of(LIBRARY, lambda seconds, label=query.label: seconds[label]) for query in SEARCHES]  # type: ignore[misc]  # bound here
    added = result.adds.median_of(str(RECORDS), median) / MILLISECOND
    rest = (
        f"With {RECORDS:,} records in the library, a search takes {min(times) / MILLISECOND:.0f} to "
        f"{max(times) / MILLISECOND:.0f} ms to its first page, and storing one more record takes {added:.1f} ms."
    )
    return f"{contender_table(('Time', 'Requests'), again)}\n\n{rest}"


def _again_rows(result: Result) -> list[tuple[str, int]]:
    """The rows of the second run, without contenders that are not installed."""
    return [row for row in AGAIN_ROWS if row[0] in result.shows.measured]


def _label_of(name: str, run: int) -> str:
    label = SAME_KERNEL if run else CONTENDERS[name].label
    return f"{label}, {MANY_SHOWN:,} tasks" if name == MANY_AGAIN else label


def _show_cells(result: Result, name: str, run: int) -> list[str]:
    shows = result.shows
    times = shows.figures(name, _seconds(run))
    own = STORED if (name, run) in FIRST_ROWS else AGAIN
    ratio = median(one / other for one, other in zip(times, shows.figures(own, _seconds(0)), strict=True))
    return [
        _label_of(name, run),
        f"{median(times):.3f} s",
        f"{shows.median_of(name, _of(run, lambda cell: cell.requests)):g}",
        f"{min(times):.3f}-{max(times):.3f} s",
        f"{ratio:.2f}x",
        f"{shows.median_of(name, _of(run, lambda cell: cell.cpu)):.2f} s",
        f"{shows.median_of(name, lambda measurement: measurement.import_seconds):.2f} s",
        f"{shows.median_of(name, _of(run, lambda cell: cell.memory)) / MEGABYTE:.0f} MB",
        f"{shows.median_of(name, _of(run, lambda cell: cell.output)) / MEGABYTE:.2f} MB",
        f"{shows.measured[name][0].cells[run].images:,}",
    ]


def _search_cells(result: Result, label: str) -> list[str]:
    searches = result.searches
    times = searches.figures(LIBRARY, lambda seconds: seconds[label])
    return [
        label,
        f"{median(times) / MILLISECOND:.1f} ms",
        f"{max(times) / MILLISECOND:.1f} ms",
        f"{searches.median_of(JSON_FILES, lambda seconds: seconds[label]):.1f} s",
        f"{searches.ratio(JSON_FILES, LIBRARY, lambda seconds: seconds[label]):.0f}x",
    ]


def _add_cells(result: Result, size: int) -> list[str]:
    rounds = result.adds
    return [
        f"To {size:,} records",
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
        f"{batches.median_of(own, lambda batch: batch.cpu):.2f} s",
        f"{memory / MEGABYTE:.0f} MB",
        f"{memory / count / KILOBYTE:.1f} KB",
        f"{batches.ratio(own, bare, lambda batch: batch.memory):.2f}x",
    ]


def _batch_name(name: str, count: int) -> str:
    return f"{name}, {count}"


def _of(run: int, figure: Callable[[Cell], float]) -> Callable[[ShowMeasurement], float]:
    """A figure of one run of the cell."""
    return lambda measurement: figure(measurement.cells[run])


def _seconds(run: int) -> Callable[[ShowMeasurement], float]:
    return _of(run, lambda cell: cell.seconds)
