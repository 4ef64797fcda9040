"""Opens runs: reads a table into the file of a new run or of a known one, or finds the run of a name."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from seedream_nb.core.errors import LibraryError, UsageError
from seedream_nb.core.foreign import is_loopback
from seedream_nb.library.budgets import parse_budget
from seedream_nb.library.library import warn
from seedream_nb.library.location import OFF, TURN_ON_HINT
from seedream_nb.library.run_store import (
    DONE,
    FAILED,
    FOLDER,
    REJECTED,
    SENT,
    UNCLEAR,
    DamagedRunError,
    RunStore,
    find_runs,
)
from seedream_nb.runs.estimates import count
from seedream_nb.runs.run import Run, summarize
from seedream_nb.runs.run_settings import read_settings
from seedream_nb.runs.table_storage import reference_storage, store_table
from seedream_nb.runs.tables import open_table
from seedream_nb.runs.worker import RUNNER, find_worker

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seedream_nb.client.client import SeedreamClient
    from seedream_nb.client.polling import Pace
    from seedream_nb.library import Library
    from seedream_nb.runs.run import RunSummary


def open_run(
    client: SeedreamClient,
    table: object,
    name: str,
    *,
    prompt: str | None,
    image: object,
    takes: int,
    in_flight: int | None,
    budget: float | str | None,
    pace: Pace | None,
    strict: bool,
    originals: bool,
    options: Mapping[str, object],
) -> Run:
    """Opens a run; `SeedreamClient.run` describes the arguments."""
    library = open_library(client)
    store = RunStore(library.location / FOLDER, name)
    service = client.settings.base_url
    if table is None:
        given = [key for key, value in {"prompt": prompt, "image": image, **options}.items() if value is not None]
        if given or takes != 1:
            raise UsageError(
                f"{(given or ['takes'])[0]} belongs to a table.", hint="Pass the table, too; nothing was sent."
            )
    if in_flight is not None and (isinstance(in_flight, bool) or not isinstance(in_flight, int) or in_flight < 1):
        raise UsageError(f"in_flight must be at least 1, not {in_flight!r}.", hint="Nothing was sent.")
    if budget is not None:
        parse_budget(budget)
    try:
        exists = store.exists
    except DamagedRunError as error:
        if table is None:
            raise
        warn(error.message)
        exists = False
    if table is None and not exists:
        raise _unknown_run(name, library)
    kind, new_after = "pandas", None
    if exists:
        _check_service(store, client)
    if table is not None:
        opened = open_table(table)
        store_reference = reference_storage(library)
        settings = read_settings(
            opened, prompt, image=image, takes=takes, strict=strict, store_reference=store_reference, **options
        )
        new_after = store_table(store, opened, settings, library, service)
        kind = opened.kind
    _write_limits(store, in_flight, budget)
    return Run(client, library, store, kind=kind, pace=pace, originals=originals, new_after=new_after)


def open_library(client: SeedreamClient) -> Library:
    """The library that a client's runs are in.

    Raises:
        LibraryError: There is none that can be written.
    """
    if client.cache.location == OFF:
        where = " A sandbox has none by itself." if is_loopback(client.settings.base_url) else ""
        raise LibraryError(
            f"A run needs a library, which records what was bought.{where}",
            hint=f"{TURN_ON_HINT} In Python also SeedreamClient(library=folder). Nothing was sent.",
        )
    library = client.cache.open()
    if library.is_read_only:
        raise LibraryError(
            f"A run needs a library that can be written, and {library.location} is read-only.",
            hint=f"{TURN_ON_HINT} In Python also SeedreamClient(library=folder). Nothing was sent.",
        )
    return library


def list_runs(client: SeedreamClient) -> list[RunSummary]:
    """What is known of all runs of a client's library, those that changed last first."""
    library = open_library(client)
    found = []
    for store in find_runs(library):
        try:
            if not store.exists:
                continue
            counts = count(store.totals(), client.prices)
            summary = summarize(
                store,
                counts,
                bought_before=counts.states[DONE] + counts.states[SENT],
                is_sandbox=client.settings.is_sandbox,
                is_running=find_worker(store.path) is not None or library.ledger.is_owner_alive(store.read(RUNNER)),
                seconds=None,
                per_minute=None,
            )
            found.append(summary)
        except DamagedRunError as error:
            warn(error.message)
        finally:
            store.close()
    return sorted(found, key=lambda run: run.changed_at, reverse=True)


def _write_limits(store: RunStore, in_flight: int | None, budget: float | str | None) -> None:
    changes: dict[str, object] = {}
    if in_flight is not None:
        changes["in_flight"] = in_flight
    if budget is not None:
        amount = f"{budget:.6f}" if isinstance(budget, float) else budget
        changes["budget"] = "" if parse_budget(budget) is None else amount
    if not store.read("budget_key"):
        changes["budget_key"] = uuid.uuid4().hex
    if changes:
        store.write(**changes)


def _check_service(store: RunStore, client: SeedreamClient) -> None:
    """Makes sure that a run's requests go where its images come from; another sandbox begins afresh."""
    before, service = store.read("service"), client.settings.base_url
    if before == service:
        return
    if not (is_loopback(before) and client.settings.is_sandbox):
        raise UsageError(
            f"The run {store.name} belongs to {before}, not to {service}.",
            hint="Give the run another name, or use that service; nothing was sent.",
        )
    store.reopen((SENT, DONE, FAILED, REJECTED, UNCLEAR))
    store.write(service=service, synchronized_at=0)


def _unknown_run(name: str, library: Library) -> UsageError:
    names = ", ".join(store.name for store in find_runs(library)[:8])
    return UsageError(
        f"There is no run {name} in {library.location}.",
        hint=f"{f'There are {names}. ' if names else ''}To create one, pass its table; nothing was sent.",
    )
