"""What paying once costs: a paid request with and without a ledger, and a ledger of a million purchases."""

from __future__ import annotations

import json
import sqlite3
import tempfile
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from seedream_nb import Library, Sandbox, SeedreamClient
from seedream_nb.library.ledger import Order, PurchaseState
from tests.benchmarks.report import Goal, contender_table, goal_table

if TYPE_CHECKING:
    from collections.abc import Callable

PURCHASES = 1_000_000
UNFINISHED = 100  # of them
SWEEP = 40
REQUESTS = 100  # a round
SERVICE = "https://service.example"
MILLISECONDS = 1000
BODY = {"model": "doubao-seedream-5-0-lite-260128", "prompt": "a white siamese cat on a mat in the rain", "size": "2K"}


@dataclass(frozen=True)
class Result:
    """Medians in seconds."""

    without: float  # a paid request without a library
    recorded: float  # a paid request with one
    added: float  # the median of the differences, in pairs
    steps: dict[str, float]  # of a large ledger
    again: float  # a finished sweep in another client


def measure_all(rounds: int) -> Result:
    """Measures everything in this many rounds."""
    with tempfile.TemporaryDirectory() as folder, Sandbox(generation_seconds=0) as sandbox:
        place = Path(folder)
        pairs = _time_requests(sandbox, place / "requests", rounds * REQUESTS)
        return Result(
            median(first for first, _second in pairs),
            median(second for _first, second in pairs),
            median(second - first for first, second in pairs),
            _time_steps(place / "large", rounds),
            _time_again(sandbox, place / "sweep", rounds),
        )


def render(result: Result) -> str:
    """The report as Markdown."""
    steps = [[name, f"{seconds * MILLISECONDS:.2f} ms"] for name, seconds in result.steps.items()]
    goals = [
        Goal("Added to a paid request", result.added * MILLISECONDS, 5, " ms"),
        Goal("Plan and claim among 1,000,000", (result.steps[PLAN] + result.steps[CLAIM]) * MILLISECONDS, 5, " ms"),
        Goal("List of the unfinished among 1,000,000", result.steps[LIST] * MILLISECONDS, 1000, " ms"),
        Goal(f"A finished sweep of {SWEEP} again", result.again, 0.3, " s"),
    ]
    rows = [
        ["Without a library", f"{result.without * MILLISECONDS:.2f} ms"],
        ["In the ledger", f"{result.recorded * MILLISECONDS:.2f} ms"],
    ]
    tables = [
        contender_table(["A paid request"], rows),
        contender_table([f"With {PURCHASES:,} purchases"], steps),
        goal_table(goals),
    ]
    return "## Ledger\n\n" + "\n\n".join(tables)


def summarize(result: Result) -> str:
    """The figures for users, as Markdown."""
    claimed = result.steps[PLAN] + result.steps[CLAIM]
    rows = [
        ["Recording a paid request, added to each", f"{result.added * MILLISECONDS:.1f} ms"],
        [
            f"Planning and claiming one among {PURCHASES:,}",
            f"{claimed * MILLISECONDS:.1f} ms",
        ],
        [f"A finished sweep of {SWEEP} requests again, in a new client", f"{result.again:.2f} s"],
    ]
    return contender_table(["Time"], rows)


def _time_requests(sandbox: Sandbox, folder: Path, count: int) -> list[tuple[float, float]]:
    """Seconds of paid requests without and with a ledger, in pairs."""
    with (
        SeedreamClient(sandbox.token, sandbox.url, library="off") as bare,
        SeedreamClient(sandbox.token, sandbox.url, library=folder) as recorded,
    ):
        clients = (bare, recorded)
        for client in clients:
            client.generate("a cat")
        return [
            (_time(lambda: bare.generate("a cat")), _time(lambda: recorded.generate("a cat"))) for _pair in range(count)
        ]


PLAN, CLAIM, ACCEPT, LIST = "Plan", "Claim, durably", "Accept", "List of the unfinished"


def _time_steps(folder: Path, rounds: int) -> dict[str, float]:
    with Library(folder) as library:
        ledger = library.ledger
        _fill(folder)
        seconds: dict[str, list[float]] = {PLAN: [], CLAIM: [], ACCEPT: [], LIST: []}
        for number in range(rounds * REQUESTS):
            order = [Order(f"new {number}", BODY, 1)]
            begin = time.perf_counter()
            (purchase,) = ledger.plan(SERVICE, order)
            seconds[PLAN].append(time.perf_counter() - begin)
            seconds[CLAIM].append(_time(lambda: ledger.claim(purchase, "account", ledger)))  # noqa: B023  called at once
            ledger.release(ledger)
            seconds[ACCEPT].append(_time(lambda: ledger.settle(purchase, PurchaseState.FAILED)))  # noqa: B023  as above
        seconds[LIST] = [_time(ledger.unsettled) for _round in range(rounds)]
        return {name: median(times) for name, times in seconds.items()}


def _fill(folder: Path) -> None:
    body = json.dumps(BODY)
    rows = (
        (
            SERVICE,
            f"{number:064x}",
            "accepted" if number < UNFINISHED else "finished",
            body,
            1.0 * number,
            f"task {number}",
        )
        for number in range(PURCHASES)
    )
    with closing(sqlite3.connect(folder / "library.sqlite")) as connection, connection:
        connection.executemany(
            "INSERT INTO purchases (service, request, take, state, body, planned_at, task)"
            " VALUES (?, ?, 1, ?, ?, ?, ?)",
            rows,
        )


def _time_again(sandbox: Sandbox, folder: Path, rounds: int) -> float:
    prompts = [f"cat {number}" for number in range(SWEEP)]

    def sweep() -> None:
        with SeedreamClient(sandbox.token, sandbox.url, library=folder) as client:
            client.generate_all(prompts, reuse=True, interval=0.1).finish()

    sweep()
    return median(_time(sweep) for _round in range(rounds))


def _time(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin
