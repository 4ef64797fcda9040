"""Pays for a request once: it is in the ledger before it is sent, and a lost answer is looked up in the history.

The service has no idempotency keys (wire contract, Common). The nearest thing is a record on disk before the first byte
is sent, and the account's history, which lists what was sent and when.
"""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from seedream_nb.client.request_identity import checksum_of, checksum_of_bytes, decode, find_task, identify, is_link
from seedream_nb.client.transport import RetryPolicy
from seedream_nb.core.errors import (
    LibraryError,
    ModerationError,
    NetworkError,
    OutcomeUnknownError,
    SeedreamError,
    UsageError,
)
from seedream_nb.core.foreign import is_loopback
from seedream_nb.core.models import Task, TaskImage, TaskStatus
from seedream_nb.library.budgets import Budgets
from seedream_nb.library.ledger import SENDABLE, Order, PurchaseState
from seedream_nb.library.location import OFF, TURN_ON_HINT
from seedream_nb.library.references import is_task_key
from seedream_nb.protocol.request_body import describe_request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from seedream_nb.client.settings import Settings
    from seedream_nb.client.transport import Pause
    from seedream_nb.library import LibraryCache, LibraryFetcher
    from seedream_nb.library.budgets import Budget
    from seedream_nb.library.ledger import Ledger, Purchase
    from seedream_nb.protocol.prices import Estimate, PriceList

SETTLING_TIME = 15.0  # seconds after which a task that arrived is certainly in the history
LARGEST_SKEW = 300.0  # seconds that the service's clock may be behind ours; a task that is missed is paid for twice
SETTLING_TIME_NAME = "SEEDREAM_SETTLING_TIME"
_READS = RetryPolicy(first_pause=0.5, longest_pause=4.0)  # of the history, until it settles
_SECONDS_BETWEEN_LOOKS = 0.2  # at a request that another thread or kernel is sending
_NOTEBOOK_NAME = "JPY_SESSION_NAME"  # Jupyter's servers tell their kernels

_BOUGHT = frozenset({PurchaseState.ACCEPTED, PurchaseState.FINISHED})


@dataclass(frozen=True)
class Take:
    """One of several equal requests.

    Attributes:
        body: The prepared body.
        nth: Which one it is, from 1, among those that are not `others`.
        others: The numbers of purchases that are other takes.
        purchase: The number of its purchase, if that is known.
    """

    body: Mapping[str, object]
    nth: int
    others: frozenset[int] = frozenset()
    purchase: int | None = None


class Purchases:
    """A client's view of the ledger, for one call.

    Args:
        cache: The client's library.
        settings: The service, and the token.
        read_history: The account's tasks since a time in Unix seconds.
        fetcher: Downloads reference images, whose content identifies a request.
        settling_time: Seconds after which a task that arrived is certainly in the history; None means that of the
            environment variable `SEEDREAM_SETTLING_TIME`, or else 15.
    """

    def __init__(
        self,
        cache: LibraryCache,
        settings: Settings,
        read_history: Callable[[float], Iterable[Task]],
        fetcher: LibraryFetcher,
        *,
        settling_time: float | None = None,
    ) -> None:
        self.cache = cache
        self.settings = settings
        self._read_history = read_history
        self._fetcher = fetcher
        self._settling_time = _resolve_settling_time() if settling_time is None else settling_time
        self._lock = threading.Lock()

    def plan(
        self,
        bodies: Sequence[Mapping[str, object]],
        prices: PriceList,
        *,
        budgets: Sequence[Budget] = (),
        reuse: bool = False,
        earlier_takes: Mapping[str, int] | None = None,
    ) -> list[PaidRequest]:
        """Writes down paid requests before they are sent.

        Args:
            bodies: The prepared bodies. Equal ones are several takes.
            prices: What they may cost.
            budgets: The limits of what is spent, the widest first.
            reuse: Whether what was bought before counts; otherwise each request is paid for.
            earlier_takes: With `reuse`, how many takes of each request are not meant, by its checksum.

        Returns:
            A request for each body. Without a writable library, they are not in the ledger.

        Raises:
            LibraryError: There is a budget, and no ledger that it could be checked against.
        """
        takes = Counter(earlier_takes)
        orders = []
        for order in self._identify_all(bodies, reuse=reuse, keep=True):
            takes[order.request] += 1
            orders.append(replace(order, take=takes[order.request]) if reuse else order)
        return self._plan(bodies, orders, prices, budgets)

    def plan_takes(
        self, takes: Sequence[Take], prices: PriceList, *, budgets: Sequence[Budget] = ()
    ) -> list[PaidRequest]:
        """Writes down takes of requests before they are sent; what was bought before counts.

        Args:
            takes: The takes.
            prices: What they may cost.
            budgets: As for `plan`.

        Returns:
            A request for each.

        Raises:
            LibraryError: As for `plan`.
        """
        bodies = [take.body for take in takes]
        orders = [
            replace(order, take=take.nth, others=take.others, number=take.purchase)
            for order, take in zip(self._identify_all(bodies, reuse=True), takes, strict=True)
        ]
        return self._plan(bodies, orders, prices, budgets)

    def _identify_all(
        self, bodies: Iterable[Mapping[str, object]], *, reuse: bool, keep: bool = False
    ) -> Iterator[Order]:
        """What bodies order; with `reuse`, as it was recorded before.

        With `keep`, the library stores inline reference images, so that the request can be sent again.
        """
        references: dict[str, dict[str, Any]] = {}
        for body in bodies:
            checksum, kept = identify(body, lambda one: self._identify(one, references, download=reuse, keep=keep))
            yield Order(self._as_recorded(checksum, kept) if reuse else checksum, kept)

    def _plan(
        self,
        bodies: Sequence[Mapping[str, object]],
        orders: Sequence[Order],
        prices: PriceList,
        budgets: Sequence[Budget],
    ) -> list[PaidRequest]:
        notebook = PurePath(os.environ.get(_NOTEBOOK_NAME, "")).name
        service = self.settings.base_url
        planned: Sequence[Purchase | None] | None = self.cache.plan(service, orders, notebook=notebook)
        if planned is None:
            # What can be read still counts, such as in a folder that others share.
            found = self.cache.look_up(service, orders)
            planned = [None if one is not None and one.state in SENDABLE else one for one in found]
            if None in planned and budgets:
                raise LibraryError(
                    f"The {budgets[0]} can't be enforced without a writable library, which records what is spent.",
                    hint=f"Nothing was sent. {TURN_ON_HINT}",
                )
            # A sandbox without a library costs nothing.
            if None in planned and (self.cache.location != OFF or not is_loopback(service)):
                self.cache.warn_of_no_ledger()
        limits = Budgets(tuple(budgets), prices.credit)
        return [
            PaidRequest(body)
            if purchase is None
            else RecordedRequest(body, self, purchase, prices.estimate(body), limits)
            for purchase, body in zip(planned, bodies, strict=True)
        ]

    def unfinished(self) -> list[Purchase]:
        """What this service was sent and what is not finished, or unclear; contacts no server.

        What another kernel is sending at this moment is not part of it.
        """
        library = self.cache.library
        if library is None:
            return []
        purchases = library.ledger.unsettled(self.settings.base_url)
        return [purchase for purchase in purchases if not library.ledger.is_being_sent(purchase)]

    @property
    def ledger(self) -> Ledger:
        """The ledger, which exists if something was written down."""
        return self.cache.open().ledger

    @property
    def account(self) -> str:
        """The account of the token."""
        return self.ledger.account_of(self.settings.require_token().reveal())

    def settle(self, purchase: Purchase, pause: Pause) -> Purchase:
        """Determines the outcome of a purchase whose answer was lost, as far as the history shows it.

        Raises:
            SeedreamError: The history cannot be read, or it is that of another account.
        """
        if purchase.state is PurchaseState.SENDING:
            self.ledger.settle(purchase, PurchaseState.UNCLEAR)
        reads = 0
        is_due = False
        while (purchase := self.ledger.find(purchase.number)).state is PurchaseState.UNCLEAR:
            reads += 1
            if is_due:
                raise NetworkError("The account's history does not list what was sent.")
            if purchase.account != self.account:
                raise NetworkError(
                    "It was sent with another token, and only that account's history shows its outcome.",
                    hint="Set that token and run this again.",
                )
            is_due = time.time() >= self._due(purchase)
            self._settle_all()
            purchase = self.ledger.find(purchase.number)
            if purchase.state is PurchaseState.UNCLEAR and not is_due:
                pause(min(max(0.0, self._due(purchase) - time.time()), _READS.pause(reads)))
        return purchase

    def task_of(self, purchase: Purchase) -> Task:
        """The task of a purchase: from the library, or else one that is in progress as far as is known."""
        task_id = purchase.task_id or ""
        known = self.cache.find([task_id]).get(task_id)
        if known is not None:
            return known
        body = {**purchase.body, "image": None}
        task = describe_request(body, TaskStatus.PENDING)
        return Task(
            task_id, task.status, (), task.prompt, task.model, task.size, task.request, library=self.cache.location
        )

    def _due(self, purchase: Purchase) -> float:
        return (purchase.lost_at or purchase.sent_at or 0.0) + self._settling_time

    def _settle_all(self) -> None:
        """Reads the history once for all purchases of this account whose outcome is unclear."""
        with self._lock:
            unclear = [
                purchase
                for purchase in self.ledger.unsettled(self.settings.base_url)
                if purchase.state is PurchaseState.UNCLEAR and purchase.account == self.account
            ]
            if not unclear:
                return
            began = time.time()
            since = min(purchase.sent_at or began for purchase in unclear) - LARGEST_SKEW
            tasks = [
                task
                for task in self._read_history(since)
                if task.id and not self.ledger.is_claimed(task.id, self.settings.base_url)
            ]
            for purchase in sorted(unclear, key=lambda purchase: purchase.sent_at or 0.0):
                is_settled = began >= self._due(purchase)
                # Not before: an older task of an equal request must not be taken while the history still lags.
                found = find_task(tasks, purchase, or_earlier=is_settled)
                if found is not None:
                    tasks.remove(found)
                    self.ledger.adopt(purchase, found)
                elif is_settled and all(task.request for task in tasks):
                    self.ledger.settle(purchase, PurchaseState.NOT_ARRIVED)

    def _as_recorded(self, checksum: str, kept: Mapping[str, Any]) -> str:
        """The checksum by links, if the request was recorded when their content could not be read."""
        if not kept["image"]:
            return checksum
        by_link = checksum_of(kept, [reference.get("link") or reference["sha256"] for reference in kept["image"]])
        if by_link == checksum:
            return checksum
        (recorded,) = self.cache.look_up(self.settings.base_url, [Order(by_link, kept, 1)])
        return by_link if recorded else checksum

    def _identify(
        self, reference: str, known: dict[str, dict[str, Any]], *, download: bool, keep: bool
    ) -> dict[str, Any]:
        """What identifies a reference image: the checksum of its content; for a link also the link."""
        if reference not in known:
            known[reference] = self._read_reference(reference, download=download, keep=keep)
        return known[reference]

    def _read_reference(self, reference: str, *, download: bool, keep: bool) -> dict[str, Any]:
        if not is_link(reference):
            sent = decode(reference)
            if keep:
                self.cache.store_sent(sent)
            return {"sha256": checksum_of_bytes(sent), **_source_of(sent)}
        image = TaskImage(task_id="", url=reference)
        content = self.cache.original(image)
        if content is None and download and self.cache.location != OFF:
            try:
                content = self._fetcher.fetch(image)
            except SeedreamError:
                content = None  # the service may reach what this machine does not
        return {"link": reference} if content is None else {"link": reference, "sha256": checksum_of_bytes(content)}


class PaidRequest:
    """One paid request on its way, which is not in the ledger: there is no library.

    Args:
        body: The prepared body.

    Attributes:
        is_recorded: Whether it is in the ledger.
    """

    is_recorded = False

    def __init__(self, body: Mapping[str, object]) -> None:
        self.body = body

    @property
    def checksum(self) -> str:
        """What tells its request from others; empty if it is not in the ledger."""
        return ""

    @property
    def number(self) -> int | None:
        """The number of its purchase; None if it is not in the ledger."""
        return None

    @property
    def bought(self) -> Task | None:
        """The task, if it was paid for before: finished or in progress."""
        return None

    @property
    def ordered_at(self) -> datetime | None:
        """When it was written down."""
        return None

    def begin(self, pause: Pause) -> Task | None:
        """Claims the request before anything is sent.

        Args:
            pause: Waits some seconds, while another kernel sends it or the history settles.

        Returns:
            None if it must be sent now; the task if it was paid for already.

        Raises:
            ModerationError: Moderation has rejected it before.
            OutcomeUnknownError: It was sent before, and its outcome cannot be determined.
            UsageError: This thread has sent it by a stream that is not read to its end.
            LibraryError: It cannot be written down, so it must not be sent.
            BudgetExceededError: It would exceed a budget.
        """
        del pause
        return None

    def answered(self, task: Task) -> None:
        """Records the task of an answer."""

    def failed(self, error: SeedreamError) -> None:
        """Records that the service has clearly rejected the request, or that it could not be reached."""

    def lost(self) -> None:
        """Records that the request may have been sent, and no clear answer came."""

    def withdrawn(self) -> None:
        """Records that the request was not sent after all."""

    def release(self) -> None:
        """Ends the claim; the outcome is recorded by now, as far as it is known."""

    def recover(self, error: OutcomeUnknownError, pause: Pause) -> Task:
        """Looks a lost answer up in the history.

        Args:
            error: How it was lost.
            pause: As for `begin`.

        Returns:
            The task, which is in progress as far as is known.

        Raises:
            OutcomeUnknownError: As given, if the history does not settle it.
            NetworkError: The request did not arrive.
        """
        del pause
        raise error


class RecordedRequest(PaidRequest):
    """One paid request on its way, and its purchase in the ledger."""

    is_recorded = True

    def __init__(
        self,
        body: Mapping[str, object],
        purchases: Purchases,
        purchase: Purchase,
        estimate: Estimate,
        budgets: Budgets,
    ) -> None:
        super().__init__(body)
        self._purchases = purchases
        self._purchase = purchase
        self._estimate = estimate
        self._budgets = budgets
        self._is_settled = False

    @property
    def checksum(self) -> str:
        """What tells its request from others."""
        return self._purchase.request

    @property
    def number(self) -> int:
        """The number of its purchase."""
        return self._purchase.number

    @property
    def bought(self) -> Task | None:
        """The task, if it was paid for before: finished or in progress."""
        return self._purchases.task_of(self._purchase) if self._purchase.state in _BOUGHT else None

    @property
    def ordered_at(self) -> datetime:
        """When it was written down."""
        return datetime.fromtimestamp(self._purchase.sent_at or self._purchase.planned_at).astimezone()

    def begin(self, pause: Pause) -> Task | None:
        """Claims the request, or finds what was paid for already; see `PaidRequest.begin`."""
        if (bought := self.bought) is not None:
            return bought
        ledger = self._purchases.ledger
        while not self._claim():
            purchase = ledger.find(self._purchase.number)
            if purchase.state in _BOUGHT:
                return self._purchases.task_of(purchase)
            if purchase.state is PurchaseState.REJECTED:
                raise ModerationError(
                    "Content moderation rejected this request before, so it was not sent again.",
                    hint="Change the prompt, or send it anyway with --again (in Python, reuse=False).",
                )
            if ledger.is_being_sent(purchase):
                if ledger.is_suspended(purchase):
                    raise UsageError(
                        "This request was sent by a stream that is not read to its end.",
                        hint="Read it to its end, or delete it; nothing was sent again.",
                    )
                pause(_SECONDS_BETWEEN_LOOKS)
                continue
            try:
                self._purchases.settle(purchase, pause)
            except SeedreamError as error:
                raise _unclear(purchase, error) from None
        return None

    def answered(self, task: Task) -> None:
        """Records the task of an answer."""
        if not self._is_sending() or not (task.id or task.status.is_final):
            return
        # A streamed task has no id, and the library's own key finds it again.
        key = task.id.strip() or self._purchases.cache.key_of(task)
        self._purchases.cache.record(lambda ledger: ledger.accept(self._purchase, task, key))
        self._is_settled = True

    def failed(self, error: SeedreamError) -> None:
        """Records that the service has clearly rejected the request, or that it could not be reached."""
        self._settle(PurchaseState.REJECTED if isinstance(error, ModerationError) else PurchaseState.FAILED)

    def lost(self) -> None:
        """Records that the request may have been sent, and no clear answer came."""
        self._settle(PurchaseState.UNCLEAR)

    def withdrawn(self) -> None:
        """Records that the request was not sent after all."""
        self._settle(PurchaseState.NOT_ARRIVED)

    def release(self) -> None:
        """Ends the claim."""
        if not self._is_settled:
            # An interrupt came in between. Other kernels would wait for it as long as this one lives.
            self.lost()
        self._purchases.ledger.release(self)

    def recover(self, error: OutcomeUnknownError, pause: Pause) -> Task:
        """Looks a lost answer up in the history; see `PaidRequest.recover`."""
        try:
            purchase = self._purchases.settle(self._purchases.ledger.find(self._purchase.number), pause)
        except Exception:  # noqa: BLE001  whatever it is, the first failure is what the user must know
            raise error from None
        if purchase.task_id is None:
            raise NetworkError(
                "The answer was lost, and the history shows that the request did not arrive; nothing was paid for.",
                hint="Send it again.",
                trace_id=error.trace_id,
            ) from None
        return self._purchases.task_of(purchase)

    def _claim(self) -> bool:
        try:
            account = self._purchases.account
            return self._purchases.ledger.claim(self._purchase, account, self, self._estimate, self._budgets)
        except LibraryError as problem:
            raise LibraryError(
                f"The request was not sent, because it can't be recorded in the library: {problem}",
                hint="Free some space, or make the library writable. SEEDREAM_LIBRARY=off sends without a record.",
            ) from None

    def _settle(self, state: PurchaseState) -> None:
        # What cannot be written will be looked up in the history.
        if self._is_sending():
            self._purchases.cache.record(lambda ledger: ledger.settle(self._purchase, state))
            self._is_settled = True

    def _is_sending(self) -> bool:
        return self._purchases.ledger.holds(self._purchase, self)


def _unclear(purchase: Purchase, error: SeedreamError) -> OutcomeUnknownError:
    sent_at = datetime.fromtimestamp(purchase.sent_at or purchase.planned_at).astimezone()
    unclear = OutcomeUnknownError(
        f"This request was sent on {sent_at:%Y-%m-%d at %H:%M}, its answer was lost, and its outcome can't be "
        f"determined now. {error.message}",
        hint=f"It may have been paid for, so it was not sent again. {error.hint or 'Try again later.'}",
    )
    unclear.sent_at = sent_at
    return unclear


def _source_of(content: bytes) -> dict[str, object]:
    """The image whose copy a reference image says it is, such as a saved one or one that was drawn on."""
    # Imported here: only a local reference image needs it.
    from seedream_nb.images.saved_files import read_provenance  # noqa: PLC0415  see above

    provenance = read_provenance(content)
    task = provenance.task_id.strip().lower() if provenance else ""
    return {"source": [task, provenance.index]} if provenance and is_task_key(task) else {}


def _resolve_settling_time() -> float:
    try:
        return max(0.0, float(os.environ.get(SETTLING_TIME_NAME, "").strip() or SETTLING_TIME))
    except ValueError:
        return SETTLING_TIME
