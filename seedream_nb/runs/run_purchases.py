"""What the ledger knows of a run's requests: the run's file follows it, and every request is planned in it."""

from __future__ import annotations

import itertools
import json
import time
from typing import TYPE_CHECKING, TypeVar

from seedream_nb.client.purchases import Take
from seedream_nb.client.request_identity import checksum_of_data, identify
from seedream_nb.core.errors import LibraryError, ModerationError, SeedreamError, UsageError
from seedream_nb.core.models import TaskStatus
from seedream_nb.library.ledger import PurchaseState, state_of
from seedream_nb.library.run_store import DONE, FAILED, HOLDING, OPEN, REJECTED, SENT, UNCLEAR, Outcome
from seedream_nb.runs.row_requests import RequestBuilder

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from seedream_nb.client.purchases import PaidRequest, Purchases
    from seedream_nb.core.models import Task
    from seedream_nb.library.budgets import Budget
    from seedream_nb.library.ledger import Purchase
    from seedream_nb.library.run_store import Entry, RunStore
    from seedream_nb.protocol.prices import PriceList
    from seedream_nb.runs.run_settings import RunSettings

Item = TypeVar("Item")

PAGE = 500  # requests that are looked up together
_CLOCK_CHANGE = 3600.0  # seconds that the clock may have been set back since the last look
_STATES = {
    PurchaseState.ACCEPTED: SENT,
    PurchaseState.FINISHED: DONE,
    PurchaseState.REJECTED: REJECTED,
    PurchaseState.UNCLEAR: UNCLEAR,
}


class RunPurchases:
    """The purchases of one run.

    Args:
        store: The run's file.
        purchases: The client's view of the ledger.
        settings: How the cells of a row become a request.
        prices: What requests cost.
    """

    def __init__(self, store: RunStore, purchases: Purchases, settings: RunSettings, prices: PriceList) -> None:
        self._store = store
        self._purchases = purchases
        self._builder = RequestBuilder(settings)
        self._prices = prices

    def synchronize(self, after: int | None = None) -> None:
        """Brings the run's file up to date with the ledger: what anybody has bought since counts as bought.

        What is missed, because the clock was set back, is found when it would be sent.

        Args:
            after: Entries of larger numbers are new, and may have been bought at any time.
        """
        ledger, service = self._purchases.ledger, self._purchases.settings.base_url
        now = time.time()
        if not ledger.has_purchases(service):
            self._store.write(synchronized_at=now)
            return
        self._refresh()
        since = float(self._store.read("synchronized_at", "0")) - _CLOCK_CHANGE
        if after is not None:
            new = self._store.scan((OPEN,), after=after)
            for page in _pages(entry.checksum for entry in new):
                self._find_bought(page)
        for page in _pages(ledger.requests_sent_since(service, since)):
            self._find_bought(page)
        self._store.write(synchronized_at=now)

    def plan(self, entries: Sequence[Entry], budgets: Sequence[Budget]) -> Iterator[tuple[Entry, PaidRequest | str]]:
        """Plans requests in the ledger, just before they are sent.

        Yields:
            Each entry with its request; or why it can't be sent any more.

        Raises:
            LibraryError: They can't be written down, so they must not be sent.
        """
        bodies: dict[int, Mapping[str, object]] = {}
        for entry in entries:
            body = self._build(entry)
            if isinstance(body, str):
                yield entry, body
            else:
                bodies[entry.number] = body
        planned = [entry for entry in entries if entry.number in bodies]
        groups = self._store.entries_of(entry.checksum for entry in planned)
        takes = [_take_of(entry, groups[entry.checksum], bodies[entry.number]) for entry in planned]
        requests = self._purchases.plan_takes(takes, self._prices, budgets=budgets)
        if not all(request.is_recorded for request in requests):
            raise LibraryError(
                "The requests can't be recorded in the library, so they were not sent.",
                hint="Free some space, or make the library writable; then run this again.",
            )
        yield from zip(planned, requests, strict=True)

    def describe(self, entry: int, purchase: int | None, task: Task, body: Mapping[str, object]) -> Outcome:
        """What a task says of an entry."""
        return Outcome(
            entry,
            _STATES.get(state_of(task), FAILED),
            purchase,
            task=task.id.strip() or None,
            status=task.status.value,
            error=_error_of(task),
            images=len(task.good_images),
            cost=self._cost_of(task, body),
            elapsed=task.elapsed,
        )

    def _build(self, entry: Entry) -> Mapping[str, object] | str:
        """The body of an entry's request; or why it can't be sent any more."""
        try:
            body = self._builder.build(json.loads(entry.cells))
        except UsageError as problem:
            return f"{problem.message} Run the table again when it is there."
        checksum, _kept = identify(body, _identify)
        if checksum != entry.checksum:
            return "Its reference image is another one by now. Run the table again to send it."
        return body

    def _refresh(self) -> None:
        """Looks up what was at the service, or unclear, when it was last seen."""
        for page in _pages(self._store.scan((SENT, UNCLEAR))):
            known = self._purchases.ledger.find_numbers(one.purchase for one in page if one.purchase is not None)
            pairs = [(one, known[one.purchase]) for one in page if one.purchase in known]
            self._record(
                [
                    (entry, purchase)
                    for entry, purchase in pairs
                    if self._state_of(purchase) != entry.state and _is_own(entry, purchase)
                ]
            )

    def _find_bought(self, checksums: Sequence[str]) -> None:
        """Gives the entries of some requests the purchases that nobody had counted."""
        groups = self._store.entries_of(checksums)
        wanted = [checksum for checksum, group in groups.items() if any(one.state not in HOLDING for one in group)]
        if not wanted:
            return
        equal = self._purchases.ledger.find_equal(self._purchases.settings.base_url, wanted)
        found = []
        for checksum, purchases in equal.items():
            group = groups[checksum]
            held = {entry.purchase for entry in group if entry.state in HOLDING}
            free = (purchase for purchase in purchases if purchase.number not in held)
            waiting = (entry for entry in group if entry.state not in HOLDING)
            found += [
                (entry, purchase)
                for entry, purchase in zip(waiting, free, strict=False)
                if self._state_of(purchase) not in {OPEN, FAILED, entry.state}
            ]
        self._record(found)

    def _state_of(self, purchase: Purchase) -> str:
        if purchase.state is PurchaseState.SENDING:
            return SENT if self._purchases.ledger.is_being_sent(purchase) else UNCLEAR
        if purchase.state is PurchaseState.FAILED:
            return FAILED
        return _STATES.get(purchase.state, OPEN)

    def _record(self, found: Sequence[tuple[Entry, Purchase]]) -> None:
        bought = {purchase.task_id for _entry, purchase in found if purchase.task_id}
        tasks = self._purchases.cache.find(bought)
        outcomes = []
        for entry, purchase in found:
            task = tasks.get(purchase.task_id or "")
            state = self._state_of(purchase)
            if task is not None and state in {DONE, FAILED, REJECTED}:
                outcomes.append(self.describe(entry.number, purchase.number, task, purchase.body))
            else:
                # A finished task without a record is retrieved when the run continues.
                state = SENT if state == DONE else state
                error = entry.error if state in {FAILED, REJECTED} else None
                outcomes.append(Outcome(entry.number, state, purchase.number, purchase.task_id, error=error))
        if outcomes:
            self._store.record(outcomes)

    def _cost_of(self, task: Task, body: Mapping[str, object]) -> float | None:
        """US dollars: what the service reports, or else the estimate for its images; None in a sandbox."""
        if self._purchases.settings.is_sandbox or not task.good_images:
            return None
        if task.usage is not None and task.usage.cost is not None:
            return task.usage.cost
        if task.usage is not None and task.usage.credits is not None:
            return task.usage.credits * self._prices.credit
        estimate = self._prices.estimate(body)
        if estimate.dollars is None:
            return None
        return estimate.dollars * min(len(task.good_images), estimate.images) / estimate.images


def _take_of(entry: Entry, group: Sequence[Entry], body: Mapping[str, object]) -> Take:
    """Which of equal requests an entry is: the n-th of those that have no purchase of their own."""
    if entry.state in HOLDING:
        return Take(body, entry.nth, purchase=entry.purchase)
    waiting = [one.number for one in group if one.state not in HOLDING]
    held = frozenset(one.purchase for one in group if one.state in HOLDING and one.purchase is not None)
    return Take(body, waiting.index(entry.number) + 1 if entry.number in waiting else entry.nth, held)


def _is_own(entry: Entry, purchase: Purchase) -> bool:
    """Whether a purchase is an entry's, as far as can be told: a new ledger has others of the same numbers."""
    if entry.task is not None and purchase.task_id is not None:
        return entry.task == purchase.task_id
    return purchase.request == entry.checksum or bool(purchase.body.get("image"))  # whose links count by their content


def _identify(reference: str) -> Mapping[str, str]:
    """What identifies a reference image, without a download."""
    if reference[:5].lower() == "data:":
        return {"sha256": checksum_of_data(reference)}
    return {"link": reference}


def _error_of(task: Task) -> str | None:
    try:
        task.raise_for_status()
    except ModerationError as error:
        return error.message
    except SeedreamError as error:
        # One that is at the service may still succeed.
        return error.message if task.status.is_final or task.status is TaskStatus.NOT_FOUND else None
    return None


def _pages(items: Iterable[Item]) -> Iterator[list[Item]]:
    given = iter(items)
    while page := list(itertools.islice(given, PAGE)):
        yield page
