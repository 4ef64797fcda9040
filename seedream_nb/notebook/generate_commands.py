"""Why: handler of `generate` and `edit`: money is announced before it is spent, and whatever comes of it is kept."""

from __future__ import annotations

import contextlib
import threading
import warnings
from typing import TYPE_CHECKING

from seedream_nb.client.sweeps import describe_cost, plan_sweep
from seedream_nb.core.errors import (
    AuthenticationError,
    BalanceUsedUpError,
    OutcomeUnknownError,
    SeedreamError,
    SettingsError,
    UsageError,
)
from seedream_nb.core.text import count_of
from seedream_nb.gallery import Table
from seedream_nb.gallery.table import label_parts
from seedream_nb.notebook.follow import follow_in_cell
from seedream_nb.notebook.going_on import with_way_on
from seedream_nb.notebook.notice import Notice
from seedream_nb.notebook.reference_words import read_reference_words, to_image
from seedream_nb.notebook.results import make_gallery, present

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seedream_nb.client.generation_batch import GenerationBatch
    from seedream_nb.client.sweeps import Sweep
    from seedream_nb.core.models import Task
    from seedream_nb.notebook.front_end import FrontEnd
    from seedream_nb.notebook.generate_arguments import GenerateArguments
    from seedream_nb.notebook.session import Session

MOST_UNASKED = 8  # paid requests that need no --yes
SECONDS_TO_ANSWER = 15.0  # given to requests that had left when an interrupt came

# Failures after which it has to be looked into what was made, even if most of it was.
_UNSETTLED = (OutcomeUnknownError, AuthenticationError, BalanceUsedUpError, SettingsError)


def generate(arguments: GenerateArguments, session: Session, front_end: FrontEnd) -> object:
    """Makes pictures, one or a table of all combinations.

    Raises:
        UsageError: It would be refused, or many paid requests are not confirmed; nothing was sent.
        SeedreamError: Nothing came of it, or it is not clear what did; what there is was shown.
        InterruptedWait: An interrupt came; it says how to go on.
    """
    references = read_reference_words(arguments.images, front_end, strict=arguments.strict)
    sweep = plan_sweep(
        arguments.prompts, arguments.options, dict(arguments.varied), image=references or None, count=arguments.takes
    )
    stop = threading.Event()
    with _warnings_as_notices(front_end):
        making = _prepare(arguments, sweep, session, stop)
    announcement = describe_cost(sweep, is_free=session.sandbox is not None)
    if arguments.dry_run:
        return Notice(f"{announcement}. Nothing was sent.\n{_list_requests(sweep)}")
    if len(sweep.requests) > MOST_UNASKED and not arguments.confirmed:
        raise UsageError(
            f"This would make {announcement}; nothing was sent.",
            hint=f"Add --yes if that is what you want; up to {MOST_UNASKED} need none.",
        )
    gallery = make_gallery(
        making.tasks,
        arguments.presentation,
        session,
        table=Table(sweep.rows, sweep.columns) if sweep.axes else None,
        before=map(to_image, references),
    )
    gallery, failure = follow_in_cell(
        making, stop, gallery, front_end.live(), heading=announcement, seconds_to_answer=SECONDS_TO_ANSWER
    )
    return present(gallery, arguments.presentation, session, front_end, failure=failure or _verdict(making))


def _prepare(arguments: GenerateArguments, sweep: Sweep, session: Session, stop: threading.Event) -> GenerationBatch:
    try:
        return session.client.generate_all(
            sweep.requests,
            mode="stream" if arguments.stream else "async",
            wait=arguments.wait,
            timeout=arguments.timeout,
            pace=session.pace,
            strict=arguments.strict,
            stop=stop,
        )
    except UsageError as error:
        error.hint = (error.hint or "").replace("strict=False", "--no-check") or None
        raise


@contextlib.contextmanager
def _warnings_as_notices(front_end: FrontEnd) -> Iterator[None]:
    """Shows warnings in the cell, where Python would name a line within IPython, and the end of the cell wipe them."""
    with warnings.catch_warnings(record=True) as caught:
        yield
    for message in dict.fromkeys(f"{warning.category.__name__}: {warning.message}" for warning in caught):
        front_end.show(Notice(message))


def _list_requests(sweep: Sweep) -> str:
    lines = []
    for place, request in enumerate(sweep.requests):
        row, column = sweep.rows[place // len(sweep.columns)], sweep.columns[place % len(sweep.columns)]
        parts = [" ".join(part.split()) for part in (*label_parts(row), *label_parts(column)) if part.strip()]
        lines.append(f"  {place + 1}. {' · '.join(parts) or ' '.join(request.prompt.split())}")
    return "\n".join(lines)


def _verdict(making: GenerationBatch) -> SeedreamError | None:
    """Why the cell fails: nothing came of it, or somebody has to look into what did.

    One failure among others is a tile.
    """
    tasks = making.tasks
    failures = list(making.failures.values())
    if any(task.good_images or not task.status.is_final for task in tasks):
        failures = [failure for failure in failures if isinstance(failure, _UNSETTLED)]
    elif not failures:
        return _error_of(tasks[0])
    if not failures:
        return None
    # What may have been paid for all the same comes first.
    first = with_way_on(next((one for one in failures if isinstance(one, OutcomeUnknownError)), failures[0]))
    if len(tasks) > 1:
        unsent = f" {count_of(making.unsent, 'request')} never sent, so not paid for." if making.unsent else ""
        first.message = f"{len(failures)} of {len(tasks)} requests failed. {first.message}{unsent}"
    return first


def _error_of(task: Task) -> SeedreamError | None:
    try:
        task.raise_for_status()
    except SeedreamError as error:
        return error
    return None
