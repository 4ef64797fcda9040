"""Runs: the requests of a table, each row paid for once, whatever becomes of the kernel."""

from __future__ import annotations

import json
import sys
import warnings
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from seedream_nb.client.polling import Pace
from seedream_nb.core.errors import Interrupted, InterruptedWait, UsageError
from seedream_nb.core.providers import provide
from seedream_nb.core.text import count_of
from seedream_nb.gallery import Gallery
from seedream_nb.gallery.datasets import export_dataset
from seedream_nb.library.budgets import shared_budget_within
from seedream_nb.library.run_store import DONE, FAILED, OPEN, REJECTED, SENT, UNCLEAR
from seedream_nb.runs.estimates import announce, count, estimate_seconds, format_duration, seconds_per_image
from seedream_nb.runs.run_purchases import RunPurchases
from seedream_nb.runs.run_results import find_tasks, make_frame, make_items, paged
from seedream_nb.runs.run_settings import RunSettings
from seedream_nb.runs.worker import MOST_NEWEST, RUNNER, RunWorker, find_worker, start_worker

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator
    from pathlib import Path

    from seedream_nb.client.client import SeedreamClient
    from seedream_nb.core.models import Task
    from seedream_nb.gallery.dataset_parts import DatasetFormat
    from seedream_nb.gallery.datasets import DatasetReport
    from seedream_nb.library import Library
    from seedream_nb.library.budgets import Budget
    from seedream_nb.library.dataset_items import DatasetItem
    from seedream_nb.library.run_store import Entry, RunStore
    from seedream_nb.runs.estimates import Counts

IN_FLIGHT = 10
MOST_SHOWN = 1_000  # tasks of a gallery, which holds them in memory
_SECONDS_BETWEEN_UPDATES = 0.5


@dataclass(frozen=True)
class RunSummary:
    """What is known of a run at one moment.

    Attributes:
        name: The run's name.
        rows: The rows of its table.
        requests: Their requests: one for each row and take.
        done: The requests that are finished and have images.
        failed: Those that failed, or were rejected by moderation.
        rejected: Of these, those that were rejected by moderation, which `Run.retry` does not send again.
        in_progress: Those that are at the service.
        unclear: Those whose answer was lost, and whose outcome is not known yet.
        unsent: Those that were not sent.
        bought_before: Those that were paid for before this `Run` was opened.
        earlier: The rows that are no longer in the table, whose images are kept.
        images: The images of the table's rows.
        cost: What these cost, in US dollars: as reported, or else as estimated; 0 for a sandbox.
        estimate_left: What unsent requests may cost, in US dollars; None if the price is unknown, or for a sandbox.
        seconds_left: Seconds until all is finished, as far as can be told; None if nothing is left.
        per_minute: How many requests finish in a minute at the moment; None while it is not running here.
        changed_at: When anything changed last.
        is_running: Whether this or another kernel sends its requests at the moment.

    Example:
        >>> rows = [{"color": "black"}, {"color": "white"}]
        >>> run = client.run(rows, name="cats", prompt="a {color} cat")
        >>> summary = run.summary
        >>> summary.requests, summary.done, summary.unsent
        (2, 0, 2)
    """

    name: str
    rows: int
    requests: int
    done: int
    failed: int
    rejected: int
    in_progress: int
    unclear: int
    unsent: int
    bought_before: int
    earlier: int
    images: int
    cost: float
    estimate_left: float | None
    seconds_left: float | None
    per_minute: float | None
    changed_at: datetime
    is_running: bool


@dataclass(frozen=True)
class RunFailure:
    """Why a request of a run has no image.

    Attributes:
        row: The row's place in the table, from 1.
        take: Which take of the row, from 1.
        prompt: Its prompt.
        message: What the service or the client says.
        task_id: The id of its task; empty if there is none.

    Example:
        >>> run = client.run([{"prompt": "a forbidden scene"}], name="scenes")  # a sandbox rejects this word
        >>> gallery = run.finish()
        >>> run.failures[0].row, run.failures[0].prompt
        (1, 'a forbidden scene')
    """

    row: int
    take: int
    prompt: str
    message: str
    task_id: str = ""


class Run:
    """A table of requests with a name, each paid for once. Created by `SeedreamClient.run`.

    Its state is in the library, so that another kernel, or this one after a restart, continues where it stopped: with
    the same call, or by its name alone. Several kernels can work on it at the same time.

    Args:
        client: Sends the requests.
        library: The library.
        store: The run's file.
        kind: The kind of frame that the table is.
        pace: How often tasks are polled; None for as often as the time that they take suggests.
        originals: Whether to download originals.
        new_after: The number of the last entry that was there before; None for a run that is opened by its name.

    Attributes:
        announcement: What finishing it sends, costs, and takes, as of when it was opened.

    Example:
        >>> rows = [{"color": "black"}, {"color": "white"}]
        >>> run = client.run(rows, name="cats", prompt="a {color} cat")
        >>> run
        Run('cats': 2 images in the sandbox; ...)
        >>> gallery = run.finish()
        >>> run.summary.done, len(gallery.images)
        (2, 2)
    """

    def __init__(
        self,
        client: SeedreamClient,
        library: Library,
        store: RunStore,
        *,
        kind: str,
        pace: Pace | None,
        originals: bool,
        new_after: int | None = None,
    ) -> None:
        self._client = client
        self._library = library
        self._store = store
        self._kind = kind
        self._pace = pace
        self._originals = originals
        self._settings = RunSettings.from_json(json.loads(store.read("settings")))
        self._error: BaseException | None = None
        self._purchases = RunPurchases(store, client.purchases(), self._settings, client.prices)
        self._purchases.synchronize(new_after)
        counts = self._count()
        self._bought_before = counts.states[DONE] + counts.states[SENT]
        self._seconds = seconds_per_image(library, counts.model)
        self.announcement = self._announce(counts)

    @property
    def name(self) -> str:
        """Its name."""
        return self._store.name

    @property
    def summary(self) -> RunSummary:
        """What is known of it now, by this and all other kernels."""
        worker = find_worker(self._store.path)
        return summarize(
            self._store,
            self._count(),
            bought_before=self._bought_before,
            is_sandbox=self._client.settings.is_sandbox,
            is_running=self._is_running_anywhere(),
            seconds=self._seconds,
            per_minute=None if worker is None else worker.per_minute,
        )

    @property
    def is_running(self) -> bool:
        """Whether this kernel sends its requests at the moment."""
        return find_worker(self._store.path) is not None

    @property
    def error(self) -> BaseException | None:
        """What ended it the last time that this kernel worked on it, if that was an error."""
        worker = find_worker(self._store.path, or_ended=True)
        return None if worker is None else worker.error

    def preview(self, limit: int = 5) -> list[tuple[int, str]]:
        """The first rows that are not sent yet: the place of each in the table, from 1, and its prompt.

        Example:
            >>> rows = [{"color": "black"}, {"color": "white"}]
            >>> run = client.run(rows, name="cats", prompt="a {color} cat")
            >>> run.preview()
            [(1, 'a black cat'), (2, 'a white cat')]
        """
        entries = self._store.entries((OPEN,), limit=limit)
        return [(entry.position or 0, self._prompt_of(entry)) for entry in entries if entry.take == 1]

    # Paid.

    def finish(self) -> Gallery:
        """Sends what is missing, and waits until everything is finished. Paid.

        A notebook shows the progress, and a terminal too. Whatever ends it, the same call continues.

        Returns:
            The images, as `gallery`.

        Raises:
            Interrupted: An interrupt came; nothing more is sent, and what was sent is recorded.
            SeedreamError: What every further request would meet as well, such as an exceeded budget; the rest was not
                sent.

        Example:
            >>> rows = [{"color": "black"}, {"color": "white"}]
            >>> run = client.run(rows, name="cats", prompt="a {color} cat")
            >>> len(run.finish().images)
            2
        """
        follow = _find_in_notebook("follow_run") or Run._follow_in_terminal
        try:
            follow(self)
        except Interrupted:
            raise
        except KeyboardInterrupt:
            raise self._interrupt() from None
        return self.gallery

    def start(self) -> Run:
        """Sends what is missing in the background. Paid. Does nothing if this kernel does so already.

        Returns:
            The run itself; see `updates` and `stop`.

        Example:
            >>> rows = [{"color": "black"}, {"color": "white"}]
            >>> run = client.run(rows, name="cats", prompt="a {color} cat")
            >>> for summary in run.start().updates():
            ...     left = summary.requests - summary.done
            >>> left
            0
        """
        start_worker(self._store.path, self._open_worker())
        # In marimo, a thread cannot write to a cell.
        if not in_marimo() and (watch := _find_in_notebook("watch_run")) is not None:
            watch(self)
        return self

    def updates(self) -> Generator[RunSummary, None, None]:
        """Sends what is missing, and yields what is known whenever that changes. Paid.

        When the loop is left, nothing more is sent, unless it was started in the background.

        Yields:
            Summaries; the last one when everything is finished.

        Raises:
            Interrupted: As for `finish`.
            SeedreamError: As for `finish`.

        Example:
            >>> rows = [{"color": "black"}, {"color": "white"}]
            >>> run = client.run(rows, name="cats", prompt="a {color} cat")
            >>> for summary in run.updates():
            ...     left = summary.requests - summary.done
            >>> left
            0
        """
        # Before it is started: an interrupt at any line finds what it has to stop.
        mine = self._open_worker()
        version = -1
        try:
            worker = start_worker(self._store.path, mine)
            while True:
                is_last = not worker.is_alive
                yield self.summary
                if is_last:
                    break
                version = worker.wait_for_news(version, _SECONDS_BETWEEN_UPDATES)
        except KeyboardInterrupt:
            mine.stop()
            raise self._interrupt() from None
        finally:
            mine.stop()
        if worker.error is not None:
            raise worker.error

    def stop(self) -> None:
        """Sends nothing more, and returns when everything that was sent is recorded. Tasks continue at the service.

        Example:
            >>> rows = [{"color": "black"}, {"color": "white"}]
            >>> run = client.run(rows, name="cats", prompt="a {color} cat")
            >>> run.start().stop()
            >>> run.is_running
            False
        """
        worker = find_worker(self._store.path)
        if worker is not None:
            worker.stop()

    def retry(self) -> Gallery:
        """Sends failed requests again, and finishes the run. Paid. What moderation has rejected is not sent again.

        Returns:
            The images, as `finish`.

        Raises:
            UsageError: Nothing failed that could be sent again.

        Example:
            >>> rows = [{"color": "black"}, {"color": "white"}]
            >>> run = client.run(rows, name="cats", prompt="a {color} cat")
            >>> with sandbox.faults.during("error", on="images", code="bad_request", times=1):
            ...     gallery = run.finish()
            >>> run.summary.failed, len(run.retry().images)
            (1, 2)
        """
        rejected = self._count().states[REJECTED]
        again = self._store.reopen((FAILED,))
        hint = "Change their prompts in the table and run it again; see run.failures."
        if rejected and not again:
            raise UsageError(f"Content moderation has rejected {count_of(rejected, 'request')}.", hint=hint)
        if not again:
            raise UsageError("No request of this run has failed.", hint="To send what is missing: run.finish().")
        if rejected:
            warnings.warn(
                f"Content moderation has rejected {count_of(rejected, 'request')}, not sent again. {hint}",
                stacklevel=2,
            )
        return self.finish()

    # What is there.

    @property
    def frame(self) -> Any:
        """The columns of the table, with `task_id`, `status`, `error`, `images`, `cost`, and `elapsed`.

        `images` are paths of originals, or links of those that are not stored; `cost` is in US dollars, `elapsed` in
        seconds. With several takes, there is a row for each, and a column `take`. A column that the table itself has
        gets the ending `_run`.

        Returns:
            A frame of pandas, or of Polars if the table is one.

        Example:
            >>> rows = [{"color": "black"}, {"color": "white"}]
            >>> run = client.run(rows, name="cats", prompt="a {color} cat")
            >>> gallery = run.finish()
            >>> run.frame[["color", "status"]].values.tolist()
            [['black', 'succeeded'], ['white', 'succeeded']]
        """
        return self._make_frame(self._store.all_entries())

    @property
    def earlier(self) -> Any:
        """As `frame`, for the rows that are no longer in the table."""
        return self._make_frame(self._store.earlier_entries())

    @property
    def gallery(self) -> Gallery:
        """The tasks of the table's rows that have images, in its order; no more than the first 1,000."""
        tasks: list[Task] = []
        for page in paged(self._store.all_entries((DONE,))):
            found = find_tasks(page, self._library)
            tasks += [found[entry.number] for entry in page if entry.number in found]
            if len(tasks) >= MOST_SHOWN:
                break
        return Gallery(tasks[:MOST_SHOWN], library=self._library)

    @property
    def failures(self) -> list[RunFailure]:
        """Why requests failed, in the order of the table."""
        return [
            RunFailure(
                entry.position or 0, entry.take, self._prompt_of(entry), entry.error or "no reason", entry.task or ""
            )
            for entry in self._store.all_entries((FAILED, REJECTED))
        ]

    @property
    def newest(self) -> list[Task]:
        """The tasks that finished last, the newest first; at most 12."""
        worker = find_worker(self._store.path)
        if worker is not None and worker.newest:
            return list(worker.newest.copy())
        return list(self._library.find(self._store.newest(MOST_NEWEST)).values())

    def items(self) -> Iterator[DatasetItem]:
        """The images as items of a dataset, in the table's order; read as they are needed.

        The record of each has the table's columns, and `prompt`, `model`, `size`, `seed`, `task_id`, `row`, `take`,
        `created_at`, and `cost`; with the ending `_run` if the table has a column of that name.

        Example:
            >>> rows = [{"color": "black"}, {"color": "white"}]
            >>> run = client.run(rows, name="cats", prompt="a {color} cat")
            >>> gallery = run.finish()
            >>> [item.record["color"] for item in run.items()]
            ['black', 'white']
        """
        prompt = self._settings.prompt
        has_prompt = prompt is None or getattr(prompt, "name", "") == "prompt"
        entries = self._store.all_entries((DONE,))
        return make_items(entries, self._library, takes=self._settings.takes, has_prompt=has_prompt)

    def export(self, target: str | Path, format: DatasetFormat = "imagefolder", **options: Any) -> DatasetReport:  # noqa: A002  the word that people use for it
        """Exports the images with the table's columns as a dataset. Free of charge.

        Args:
            target: A folder, or an address that fsspec knows, such as `s3://bucket/folder`.
            format: `imagefolder`, `webdataset`, or `parquet`.
            **options: The others of `Gallery.export_dataset`.

        Returns:
            What the dataset consists of.

        Example:
            >>> rows = [{"color": "black"}, {"color": "white"}]
            >>> run = client.run(rows, name="cats", prompt="a {color} cat")
            >>> gallery = run.finish()
            >>> run.export("cats")
            2 images (..., imagefolder) in .../cats
        """
        return export_dataset(self.items(), target, format=format, **options)

    def remove(self) -> None:
        """Removes the run from the library. Tasks, images, and what is recorded as paid stay.

        Raises:
            UsageError: It is running.

        Example:
            >>> rows = [{"color": "black"}, {"color": "white"}]
            >>> run = client.run(rows, name="cats", prompt="a {color} cat")
            >>> run.remove()
            >>> client.runs()
            []
        """
        if self._is_running_anywhere():
            raise UsageError(f"The run {self.name} is running.", hint="Stop it first: run.stop().")
        self._store.remove()

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        """What front ends show: its state, and its first images."""
        del include, exclude  # IPython picks
        return provide("render_run")(self)  # type: ignore[no-any-return]  # as named

    def __repr__(self) -> str:
        return f"Run({self.name!r}: {self.announcement})"

    def _open_worker(self) -> RunWorker:
        in_flight = int(self._store.read("in_flight") or IN_FLIGHT)
        return RunWorker(
            self._store,
            self._purchases,
            self._library,
            lambda stop: self._client.open_batch(in_flight, self._pace or Pace(), stop),
            self._budgets,
            fetcher=self._client.fetcher if self._originals else None,
            learns_pace=self._pace is None,
            has_references=bool(self._settings.image) or "image" in self._columns,
        )

    @property
    def _columns(self) -> list[str]:
        return list(json.loads(self._store.read("columns", "[]")))

    def _budgets(self) -> list[Budget]:
        """The budgets in force, the widest first: that of the client, and the run's own."""
        outer = self._client.budget
        own = self._store.read("budget")
        inner = shared_budget_within(outer, own, self._store.read("budget_key")) if own else None
        return [*filter(None, [outer, inner])]

    def _count(self) -> Counts:
        return count(self._store.totals(), self._client.prices)

    def _announce(self, counts: Counts) -> str:
        service, prices = self._client.settings.base_url, self._client.prices
        left = [
            (budget, max(0.0, budget.dollars - self._library.ledger.spent(budget, service, prices.credit)))
            for budget in self._budgets()
        ]
        return announce(
            counts,
            prices=None if self._client.settings.is_sandbox else prices,
            in_flight=int(self._store.read("in_flight") or IN_FLIGHT),
            seconds=self._seconds,
            earlier=int(self._store.read("earlier", "0")),
            left=left,
        )

    def _is_running_anywhere(self) -> bool:
        return self.is_running or self._library.ledger.is_owner_alive(self._store.read(RUNNER))

    def _make_frame(self, entries: Iterable[Entry]) -> Any:
        return make_frame(
            entries,
            self._library,
            self._columns,
            json.loads(self._store.read("dtypes", "{}")),
            kind=self._kind,
            has_takes=self._settings.takes > 1,
        )

    def _prompt_of(self, entry: Entry) -> str:
        try:
            return self._settings.template.fill(json.loads(entry.cells))
        except Exception:  # noqa: BLE001  a message is worth more than its prompt
            return ""

    def _interrupt(self) -> Interrupted:
        """What an interrupt says, once what it had to stop has stopped."""
        if self.is_running:
            return InterruptedWait(
                f"Interrupted; the run {self.name} continues in the background.", hint="To stop it: run.stop()."
            )
        summary = self.summary
        left = [
            f"{summary.in_progress + summary.unclear:,} in progress" if summary.in_progress + summary.unclear else "",
            f"{summary.unsent:,} not sent" if summary.unsent else "",
        ]
        what = ", ".join([f"{summary.done:,} of {count_of(summary.requests, 'request')} done", *filter(None, left)])
        return InterruptedWait(
            f"Interrupted the run {self.name}: {what}.",
            hint="The same line continues, and pays for nothing twice.",
            tasks=self.newest,
            open_ids=[entry.task for entry in self._store.entries((SENT,)) if entry.task],
        )

    def _follow_in_terminal(self) -> None:
        """Follows it with a line on standard error that is updated in place, if that is a terminal."""
        is_shown = sys.stderr is not None and sys.stderr.isatty()
        try:
            with closing(self.updates()) as updates:
                for summary in updates:
                    if is_shown:
                        sys.stderr.write(f"\r\x1b[K{_describe(summary)}")
                        sys.stderr.flush()
        finally:
            if is_shown:
                sys.stderr.write("\n")


def summarize(
    store: RunStore,
    counts: Counts,
    *,
    bought_before: int,
    is_sandbox: bool,
    is_running: bool,
    seconds: float | None,
    per_minute: float | None,
) -> RunSummary:
    """Sums up the file of a run; `seconds` is the time of a request, if that is known."""
    states = counts.states
    left = states[OPEN] + states[SENT] + states[UNCLEAR]
    seconds_left = None
    if left and per_minute:
        seconds_left = left * 60 / per_minute
    elif left and seconds is not None:
        seconds_left = estimate_seconds(left, int(store.read("in_flight") or IN_FLIGHT), seconds)
    return RunSummary(
        name=store.name,
        rows=int(store.read("rows", "0")),
        requests=counts.requests,
        done=states[DONE],
        failed=states[FAILED] + states[REJECTED],
        rejected=states[REJECTED],
        in_progress=states[SENT],
        unclear=states[UNCLEAR],
        unsent=states[OPEN],
        bought_before=bought_before,
        earlier=int(store.read("earlier", "0")),
        images=counts.images,
        cost=0.0 if is_sandbox else counts.cost,
        estimate_left=None if is_sandbox or counts.unknown else counts.dollars_left,
        seconds_left=seconds_left,
        per_minute=per_minute,
        changed_at=datetime.fromtimestamp(store.changed_at, timezone.utc),
        is_running=is_running,
    )


def in_marimo() -> bool:
    """Whether a cell of a marimo notebook calls this; marimo is not imported for that.

    False in threads, which cannot write to a cell there, and in a notebook that runs as a script.
    """
    marimo = sys.modules.get("marimo")
    return marimo is not None and bool(marimo.running_in_notebook())


def _find_in_notebook(name: str) -> Callable[[Run], object] | None:
    """What shows the progress of a run in IPython or marimo, which are not imported for that; None elsewhere."""
    module = sys.modules.get("IPython")
    if not in_marimo() and (module is None or module.get_ipython() is None):
        return None
    try:
        return provide(name)  # type: ignore[no-any-return]  # as named
    except KeyError:
        return None


def _describe(summary: RunSummary) -> str:
    parts = [
        f"{summary.done:,} of {summary.requests:,} done",
        f"{summary.in_progress:,} in progress" if summary.in_progress else "",
        f"{summary.failed:,} failed" if summary.failed else "",
        f"{summary.per_minute:,.0f} a minute" if summary.per_minute else "",
        f"{format_duration(summary.seconds_left)} left" if summary.seconds_left is not None else "",
    ]
    return f"{summary.name}: {', '.join(filter(None, parts))}"
