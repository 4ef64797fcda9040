"""The command `run`: a table of prompts becomes images, each row paid for once; and the runs of this library."""

from __future__ import annotations

import dataclasses
import warnings
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from seedream_nb.core.errors import Interrupted, UsageError, shorten
from seedream_nb.core.foreign import show_line
from seedream_nb.core.text import count_of
from seedream_nb.library.run_store import MAX_NAME
from seedream_nb.notebook.front_end import Notice
from seedream_nb.notebook.generate import describe_comments
from seedream_nb.notebook.generate_options import MOST_UNCONFIRMED
from seedream_nb.notebook.run_progress import shown_in
from seedream_nb.notebook.run_source import find_source
from seedream_nb.notebook.run_view import RunList, quote_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from seedream_nb.gallery.dataset_parts import DatasetFormat
    from seedream_nb.notebook.front_end import FrontEnd
    from seedream_nb.notebook.line import Word
    from seedream_nb.notebook.session import Session
    from seedream_nb.runs.run import Run, RunSummary

_PREVIEW = "dry-run-"
_MOST_PREVIEWED = 5  # rows
_MOST_REMEMBERED = 1000  # tasks of a run that become the last result


@dataclass(frozen=True)
class RunArguments:
    """`%seedream run`.

    Attributes:
        source: The table or the name of a run, as typed; None for neither.
        name: The name of the run; None for that of the file, or of the run that is opened.
        prompt: A column or a template over columns; None for the column `prompt`, or that of the run.
        options: The generation options that were given by name, each a value or the name of a column.
        limits: The other options of `SeedreamClient.run` that were given: `takes`, `in_flight` and `budget`.
        confirmed: Whether the user confirmed many paid requests.
        action: `dry_run`, `background`, `stop`, `remove`, or empty for sending what is missing.
        retry: Whether to send again what failed.
        target: Where to export the images to, or None.
        form: The format of the export.
        out: The variable to assign the run to, or None.
        comments: How many lines of the cell's body were left out of the prompt.
    """

    source: Word | None = None
    name: str | None = None
    prompt: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    limits: Mapping[str, Any] = field(default_factory=dict)
    confirmed: bool = False
    action: str = ""
    retry: bool = False
    target: str | None = None
    form: DatasetFormat = "imagefolder"
    out: str | None = None
    comments: int = 0

    def run(self, session: Session, front_end: FrontEnd) -> object:
        """Sends what a run is missing and shows it; or lists all runs.

        Raises:
            UsageError: The table or the line is invalid, or many paid requests are not confirmed; nothing was sent.
            Interrupted: The user interrupted it; the same line continues.
            SeedreamError: An error that every further request would meet; what is known is shown.
        """
        runs = session.client.runs()
        if self.source is None and self.name is None:
            return _stop(runs, "", session) if self.action == "stop" else _list(runs)
        table, name = find_source(self.source, self.name, [run.name for run in runs], front_end)
        named = [run for run in runs if run.name == name]
        if self.action == "stop":
            return _stop(named, name, session)
        if self.comments:
            front_end.show(Notice(describe_comments(self.comments)))
        if self.action == "dry_run":
            return self._preview(session, table, name)
        run = self._open(session, table, name, is_running=any(run.is_running for run in named))
        if self.action == "remove":
            return self._remove(run, front_end)
        if self.out is not None:
            front_end.assign(self.out, run)
        if self.target is not None and table is None and not (self.retry or self.confirmed):
            return self._export(run, self.target, front_end)
        self._work(run, session, front_end)
        if self.target is not None:
            front_end.show(self._export(run, self.target, front_end))
        # In the background its progress is in the cell, and the run itself would say there what is soon outdated.
        return None if self.action == "background" and front_end.value_follows else run

    def _open(self, session: Session, table: object | None, name: str, *, is_running: bool = False) -> Run:
        if table is not None:
            if is_running and session.client.run(name=name).is_running:
                raise UsageError(
                    f"The run {shorten(name)} is running in the background.",
                    hint=f"Wait for it, or stop it: %seedream run {quote_name(name)} --stop. Nothing was sent.",
                )
            return self._open_table(table, name, session)
        changed = ["prompt"] * (self.prompt is not None) + [*self.options]
        if changed:
            raise UsageError(
                f"--{changed[0].replace('_', '-')} would change the run {shorten(name)}.",
                hint=f"Write the table, too: %seedream run prompts.csv --name {quote_name(name)}. Nothing was sent.",
            )
        return session.client.run(name=name, pace=session.choose_pace(), **self.limits)

    def _open_table(self, table: object, name: str, session: Session) -> Run:
        options: dict[str, Any] = {"prompt": self.prompt, "pace": session.choose_pace(), **self.options, **self.limits}
        return session.client.run(table, name=name, **options)

    def _work(self, run: Run, session: Session, front_end: FrontEnd) -> None:
        """Sends what is missing."""
        if run.is_running:
            return
        summary = run.summary
        paid = summary.unsent + summary.unclear + (summary.failed - summary.rejected if self.retry else 0)
        if self.retry and summary.failed == summary.rejected:
            rejected = " that content moderation has not rejected" if summary.rejected else ""
            raise UsageError(
                f"No request of the run {shorten(run.name)} has failed{rejected}.", hint="Nothing was sent."
            )
        if paid > MOST_UNCONFIRMED and not self.confirmed:
            raise UsageError(
                f"The run {shorten(run.name)} would generate {run.announcement}.",
                hint=f"Add --yes to confirm more than {MOST_UNCONFIRMED} requests, or --dry-run to only look. Nothing "
                "was sent.",
            )
        if self.action == "background":
            with shown_in(front_end):
                session.keep_run(run.start())
            return
        try:
            with shown_in(front_end), warnings.catch_warnings():
                # The run itself says so when it is shown.
                warnings.filterwarnings("ignore", "Content moderation")
                run.retry() if self.retry else run.finish()
        except (Exception, KeyboardInterrupt) as failure:
            # What is known is shown and is the cell's value, whatever ended it.
            _remember(run, session)
            front_end.show(run)
            front_end.keep_value(run)
            if isinstance(failure, Interrupted):
                failure.hint = "Nothing is lost. Run the cell again to continue."
            raise
        _remember(run, session)

    def _export(self, run: Run, target: str, front_end: FrontEnd) -> object:
        summary = run.summary
        with front_end.progress(summary.images, "Exporting images") as advance:
            report = run.export(target, format=self.form, on_progress=advance)
        missing = summary.requests - summary.done
        notes = [f"Not included: {count_of(missing, 'request')} without an image."] if missing else []
        # As it was typed: an absolute path says where nobody else's files are.
        return dataclasses.replace(report, target=target, notes=(*report.notes, *notes))

    def _preview(self, session: Session, table: object | None, name: str) -> object:
        """What a run would send; a table is read under another name, so that the run stays what it is."""
        if table is None:
            return _describe_preview(name, self._open(session, table, name))
        run = self._open_table(table, f"{_PREVIEW}{name}"[:MAX_NAME], session)
        try:
            return _describe_preview(name, run)
        finally:
            run.remove()

    def _remove(self, run: Run, front_end: FrontEnd) -> object:
        summary = run.summary
        rows = count_of(summary.rows, "row")
        question = f"Remove the run {shorten(summary.name)} with {rows}? Its images stay in the library."
        if not self.confirmed and not front_end.confirm(question):
            return Notice("Nothing was removed.")
        run.remove()
        return Notice(f"Removed the run {shorten(summary.name)}. Its images are still in the library.")


def _describe_preview(name: str, run: Run) -> Notice:
    rows = run.preview(_MOST_PREVIEWED)
    lines = [f"  {row:,}. {show_line(prompt)}" for row, prompt in rows]
    if rows and (more := run.summary.unsent - len(rows)) > 0:
        lines.append(f"  … and {more:,} more")
    return Notice("\n".join([f"{shorten(name)}: {run.announcement}. Nothing was sent.", *lines]))


def _remember(run: Run, session: Session) -> None:
    """Makes the tasks of a run the last result, unless they are many."""
    if run.summary.requests <= _MOST_REMEMBERED:
        gallery = run.gallery
        session.last = gallery
        session.remember(task.id for task in gallery if task.id)


def _list(runs: Sequence[RunSummary]) -> object:
    if not runs:
        return Notice("There are no runs yet. To begin one: %seedream run prompts.csv --name cats")
    return RunList(tuple(runs), datetime.now().astimezone().date())


def _stop(runs: Sequence[RunSummary], name: str, session: Session) -> Notice:
    """Stops those of some runs that work in the background of this kernel."""
    stopped = []
    for summary in runs:
        if summary.is_running and (run := session.client.run(name=summary.name)).is_running:
            run.stop()
            stopped.append(shorten(summary.name))
    if not stopped:
        return Notice(f"{f'The run {shorten(name)} is not' if name else 'No run is'} running in this kernel.")
    return Notice(
        f"Stopped {', '.join(stopped)}. Tasks in progress continue at the service; the same line continues the run."
    )
