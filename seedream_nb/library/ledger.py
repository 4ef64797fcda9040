"""The ledger: every paid request, recorded before its first byte is sent, and its outcome.

Several kernels share it. Each change of state names the state it expects (compare and set), so that no two of them send
the same request.
"""

from __future__ import annotations

import atexit
import hashlib
import json
import os
import secrets
import sqlite3
import threading
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple

from seedream_nb.core.errors import LibraryError, ModerationError, SeedreamError
from seedream_nb.core.models import TaskStatus, Usage
from seedream_nb.core.redaction import SANDBOX_TOKEN
from seedream_nb.library.budgets import Budgets
from seedream_nb.library.records import add_sent_images, chunked, storable
from seedream_nb.library.spending import sum_spending
from seedream_nb.protocol.prices import Estimate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path
    from sqlite3 import Connection

    from seedream_nb.core.models import Task
    from seedream_nb.library.budgets import Budget
    from seedream_nb.library.database import Database
    from seedream_nb.library.spending import Grouping, Spending

UNKNOWN_PRICE = Estimate(None)
NO_BUDGETS = Budgets()
_LOCKS = "kernels"  # the folder of the lock files, one for each process that sends
_SALT_BYTES = 16
_SALT = "SELECT value FROM properties WHERE name = 'salt'"
_COLUMNS = "number, service, request, take, state, body, account, owner, notebook, planned_at, sent_at, lost_at, task"


class PurchaseState(str, Enum):
    """The state of a paid request.

    A request is planned, then sending, then accepted with a task id, and finally finished, failed, or rejected by
    moderation. Without a clear answer it is unclear, until the history shows its task, or shows that it never arrived.
    """

    PLANNED = "planned"
    SENDING = "sending"
    UNCLEAR = "unclear"
    ACCEPTED = "accepted"
    FINISHED = "finished"
    FAILED = "failed"
    REJECTED = "rejected"
    NOT_ARRIVED = "not arrived"

    def __str__(self) -> str:
        return self.value


SENDABLE = (PurchaseState.PLANNED, PurchaseState.FAILED, PurchaseState.NOT_ARRIVED)
_UNSETTLED = (PurchaseState.SENDING, PurchaseState.UNCLEAR, PurchaseState.ACCEPTED)
# What is bought, what may be, what moderation rejected, and the rest.
_RANK = (
    "CASE WHEN state IN ('accepted', 'finished') THEN 0 WHEN state IN ('sending', 'unclear') THEN 1"
    " WHEN state = 'rejected' THEN 2 ELSE 3 END"
)


@dataclass(frozen=True)
class Purchase:
    """One paid request.

    Attributes:
        number: Its place in the ledger.
        service: The base URL that it is for.
        request: The checksum of what was ordered.
        take: Which of several equal requests it is, from 1.
        state: Its state.
        body: What was ordered; reference images are links or checksums.
        account: Which account sent it, see `Ledger.account_of`; empty before.
        owner: Which process sent it; empty before.
        notebook: The notebook that ordered it, if known.
        planned_at: When it was ordered, in Unix seconds.
        sent_at: When its sending began, in Unix seconds.
        lost_at: When its answer was lost, in Unix seconds.
        task_id: The id of its task, or the library's own key for a task without an id.
    """

    number: int
    service: str
    request: str
    take: int
    state: PurchaseState
    body: Mapping[str, Any]
    account: str
    owner: str
    notebook: str
    planned_at: float
    sent_at: float | None
    lost_at: float | None
    task_id: str | None

    @property
    def prompt(self) -> str:
        """The prompt."""
        return str(self.body.get("prompt") or "")


@dataclass(frozen=True)
class Order:
    """What is ordered.

    Attributes:
        request: The checksum of the request.
        body: What the purchase keeps of its body.
        take: Which of several equal requests is meant, from 1; None for a new one.
        others: The numbers of purchases that do not count for it, as they are those of other orders.
        number: The number of the purchase that was ordered before; None if that is not known.
    """

    request: str
    body: Mapping[str, object]
    take: int | None = None
    others: frozenset[int] = frozenset()
    number: int | None = None


class _Claim(NamedTuple):
    folder: Path
    number: int
    sender: int
    thread: int


@dataclass
class _Job:
    """A change on its way to the file, and what has become of it.

    Attributes:
        write: Makes it, within a transaction.
        is_durable: Whether it must be on the disk before anything else happens.
        is_written: Whether its transaction has ended.
        has_news: Set when it is written, or when its thread has to write.
        error: Why it was not written.
    """

    write: Callable[[Connection], object]
    is_durable: bool
    is_written: bool = False
    has_news: threading.Event = field(default_factory=threading.Event)
    error: BaseException | None = None

    def write_within(self, connection: Connection) -> None:
        """Writes it, or nothing of it, within a transaction that it shares with others."""
        connection.execute("SAVEPOINT job")
        try:
            self.write(connection)
        except Exception as error:
            if not connection.in_transaction:
                raise  # SQLite has rolled back everything, such as on a full disk
            connection.execute("ROLLBACK TO job")
            self.error = error
        connection.execute("RELEASE job")


class Ledger:
    """The paid requests of a library; its folder is `folder`. Safe to use from several threads and processes."""

    def __init__(self, database: Database, folder: Path) -> None:
        self._database = database
        self._folder = folder / _LOCKS
        self._salt = ""
        self._reset()

    def _reset(self) -> None:
        self._process = os.getpid()
        self._guard = threading.Lock()
        self._waiting: list[_Job] = []
        self._is_writing = False  # whether a thread writes what waits, or is about to

    def account_of(self, token: str) -> str:
        """A name for the account of a token that tells it from others, and from which the token cannot be computed."""
        if not self._salt:
            with self._database.reading() as connection:
                (self._salt,) = connection.execute(_SALT).fetchone() or ("",)
        if not self._salt:
            with self._database.writing() as connection:
                connection.execute(
                    "INSERT OR IGNORE INTO properties VALUES ('salt', ?)", (secrets.token_hex(_SALT_BYTES),)
                )
                (self._salt,) = connection.execute(_SALT).fetchone()
        return hashlib.sha256(f"{self._salt}{token}".encode()).hexdigest()[:16]

    def plan(self, service: str, orders: Sequence[Order], *, notebook: str = "") -> list[Purchase]:
        """Records what is ordered, before anything is sent.

        Args:
            service: The base URL.
            orders: What is ordered.
            notebook: The notebook that orders, if known.

        Returns:
            A purchase for each, in order; for a given take perhaps one that was made before.
        """
        # Without writing, if all are known; where the first one is not, they are not.
        if None not in self.look_up(service, orders[:1]):
            known = [purchase for purchase in self.look_up(service, orders) if purchase is not None]
            if len(known) == len(orders):
                return known
        with self._database.writing() as connection:
            return [_plan(connection, service, order, notebook) for order in orders]

    def look_up(self, service: str, orders: Sequence[Order]) -> list[Purchase | None]:
        """The purchases of orders whose take is given; None for those that are not written down."""
        with self._database.reading() as connection:
            return [_find_take(connection, service, order) for order in orders]

    def find_equal(self, service: str, requests: Iterable[str]) -> dict[str, list[Purchase]]:
        """The purchases of some requests by their checksums: what is bought first, what may be next, then the rest."""
        found: dict[str, list[Purchase]] = {}
        for some in chunked(requests):
            marks = ", ".join("?" * len(some))
            where = f"service = ? AND request IN ({marks})"
            with self._database.reading() as connection:
                for purchase in _select(connection, where, (service, *some), f"request, {_RANK}, take"):
                    found.setdefault(purchase.request, []).append(purchase)
        return found

    def find_numbers(self, numbers: Iterable[int]) -> dict[int, Purchase]:
        """Purchases by their numbers."""
        with self._database.reading() as connection:
            rows = [_select(connection, "number = ?", (number,)) for number in numbers]
        return {purchase.number: purchase for found in rows for purchase in found}

    def requests_sent_since(self, service: str, moment: float) -> list[str]:
        """The checksums of the requests whose sending began at some Unix seconds or later."""
        statement = "SELECT DISTINCT request FROM purchases WHERE sent_at >= ? AND +service = ?"
        with self._database.reading() as connection:
            return [request for (request,) in connection.execute(statement, (moment, service))]

    def has_purchases(self, service: str) -> bool:
        """Whether anything was ordered of a service."""
        with self._database.reading() as connection:
            statement = "SELECT 1 FROM purchases WHERE service = ? LIMIT 1"
            return connection.execute(statement, (service,)).fetchone() is not None

    @property
    def owner(self) -> str:
        """The name of this process, as `is_owner_alive` knows it."""
        return _own_lock(self._folder)

    def is_owner_alive(self, owner: str) -> bool:
        """Whether a process of this machine, which has opened this ledger, is alive."""
        held = _held.get(self._folder)
        if held is not None and held[:2] == (os.getpid(), owner):
            return True
        return bool(owner) and _is_alive(self._folder, owner)

    def find(self, number: int) -> Purchase:
        """The purchase of a number."""
        with self._database.reading() as connection:
            (found,) = _select(connection, "number = ?", (number,))
        return found

    def unsettled(self, service: str | None = None) -> list[Purchase]:
        """The purchases that are not finished, and those whose outcome is unclear, the oldest first."""
        states = ", ".join(f"'{state.value}'" for state in _UNSETTLED)
        where, values = f"state IN ({states})", ()
        with self._database.reading() as connection:
            if service is None:
                return _select(connection, where, values)
            # The sign keeps SQLite from reading all entries of a service by another index.
            return _select(connection, f"{where} AND +service = ?", (service,))

    def claim(
        self,
        purchase: Purchase,
        account: str,
        sender: object,
        estimate: Estimate = UNKNOWN_PRICE,
        budgets: Budgets = NO_BUDGETS,
    ) -> bool:
        """Takes a purchase for sending, durably, until `release`.

        Args:
            purchase: The purchase.
            account: The account that sends it.
            sender: The object that sends it in this process.
            estimate: What it may cost.
            budgets: The limits of what is spent.

        Returns:
            False if it must not be sent, or another thread or kernel is sending it.

        Raises:
            BudgetExceededError: It would exceed a budget, whatever other kernels and threads send at this moment.
        """
        owner = _own_lock(self._folder)
        sandbox = self.account_of(SANDBOX_TOKEN)
        claim = _Claim(self._folder, purchase.number, id(sender), threading.get_ident())
        is_claimed = False

        def write(connection: Connection) -> None:
            nonlocal is_claimed
            can_be_sent = _change(
                connection,
                purchase.number,
                SENDABLE,
                PurchaseState.SENDING,
                account=account,
                owner=owner,
                sent_at=time.time(),
                lost_at=None,
                task=None,
                spender=budgets.spender,
                estimate=estimate.dollars,
                images=estimate.images,
                cost=None,
                credits=None,
            )
            if can_be_sent:
                # It is counted by now; if that is too much, it is taken back.
                budgets.check(connection, purchase.service, sandbox, estimate, str(purchase.body.get("model")))
            is_claimed = can_be_sent  # before it is written, as an interrupt may come right after

        # Before the claim, and removed whatever happens: a claim without a holder is looked up in the history.
        _sending.add(claim)
        try:
            self._write_together(write, durable=True)
        finally:
            if not is_claimed:
                _sending.discard(claim)
        return is_claimed

    def _write_together(self, write: Callable[[Connection], object], *, durable: bool = False) -> None:
        """Makes a change in one transaction with those of all threads that wait meanwhile, as each takes its time."""
        job = _Job(write, durable)
        if threading.current_thread() is threading.main_thread():
            self._write_all([job])  # an interrupt, which comes to this thread alone, must not meet others' changes
        else:
            self._write_in_turn(job)
        if job.error is not None:
            raise job.error

    def _write_in_turn(self, job: _Job) -> None:
        """Writes what waits if no other thread does, or waits for that thread."""
        if self._process != os.getpid():
            self._reset()  # a forked child must not wait for a lock that a thread of its parent may hold
        with self._guard:
            self._waiting.append(job)
            must_write = not self._is_writing
            self._is_writing = True
        if not must_write:
            job.has_news.wait()
            if job.is_written:
                return
        with self._guard:
            jobs, self._waiting = self._waiting, []
        try:
            self._write_all(jobs)
        except BaseException as error:  # noqa: BLE001  raised in the thread of each
            for one in jobs:
                one.error = one.error or error
        with self._guard:
            next_writer = self._waiting[:1]
            self._is_writing = bool(next_writer)
        for one in jobs:
            one.is_written = True
        for one in (*jobs, *next_writer):
            one.has_news.set()

    def _write_all(self, jobs: Sequence[_Job]) -> None:
        with self._database.writing(durable=any(job.is_durable for job in jobs)) as connection:
            for job in jobs:
                job.write_within(connection)

    def release(self, sender: object) -> None:
        """Ends the claims of a sender, whose outcome is recorded by now, as far as it is known."""
        _sending.difference_update([claim for claim in list(_sending) if claim.sender == id(sender)])

    def holds(self, purchase: Purchase, sender: object) -> bool:
        """Whether a sender has claimed a purchase."""
        return any(claim.sender == id(sender) for claim in self._claims_of(purchase))

    def accept(self, purchase: Purchase, task: Task, key: str) -> None:
        """Records the task of an answer, with the key that finds it in the library.

        Another purchase that was thought to have it becomes unclear again.
        """

        def write(connection: Connection) -> None:
            connection.execute(
                "UPDATE purchases SET state = ?, task = NULL, lost_at = ?"
                " WHERE task = ? AND service = ? AND number <> ?",
                (PurchaseState.UNCLEAR.value, time.time(), key, purchase.service, purchase.number),
            )
            _change(
                connection, purchase.number, (PurchaseState.SENDING, PurchaseState.UNCLEAR), state_of(task), task=key
            )
            _record_charge(connection, task, key, purchase.service)
            add_sent_images(connection, key)

        self._write_together(write)

    def adopt(self, purchase: Purchase, task: Task) -> bool:
        """Records a task that the history shows; returns False if it is another purchase's, or no longer needed."""
        with self._database.writing() as connection:
            task_id = task.id.strip()
            try:
                is_adopted = _change(
                    connection, purchase.number, (PurchaseState.UNCLEAR,), state_of(task), task=task_id
                )
            except sqlite3.IntegrityError:
                return False
            if is_adopted:
                _record_charge(connection, task, task_id, purchase.service)
                add_sent_images(connection, task_id.lower())
            return is_adopted

    def settle(self, purchase: Purchase, state: PurchaseState) -> bool:
        """Records the outcome of a purchase that was sending or unclear; returns False if it is known already."""
        expected = (PurchaseState.SENDING, PurchaseState.UNCLEAR)
        with self._database.writing() as connection:
            if state is not PurchaseState.UNCLEAR:
                return _change(connection, purchase.number, expected, state)
            return _change(connection, purchase.number, expected[:1], state, lost_at=_lost_at(purchase))

    def spent(self, budget: Budget, service: str, credit: float) -> float:
        """US dollars that count under a budget so far; see `Budget.spent`."""
        with self._database.reading() as connection:
            return budget.spent(connection, service, self._sandbox(), credit)

    def sum_spending(
        self,
        by: Grouping | None,
        since: datetime | None,
        *,
        service: str | None = None,
        credit: float,
    ) -> list[Spending]:
        """What was spent; see `sum_spending`."""
        with self._database.reading() as connection:
            return sum_spending(connection, by, since, service=service, sandbox=self._sandbox(), credit=credit)

    def _sandbox(self) -> str:
        """The account of sandboxes; empty in a read-only library that no request was written down in."""
        try:
            return self.account_of(SANDBOX_TOKEN)
        except LibraryError:
            return ""

    def is_claimed(self, task_id: str, service: str) -> bool:
        """Whether a purchase has this task."""
        with self._database.reading() as connection:
            return bool(_select(connection, "task = ? AND service = ?", (task_id.strip(), service)))

    def is_being_sent(self, purchase: Purchase) -> bool:
        """Whether a living process, or a thread of this one, is sending it."""
        if purchase.state is not PurchaseState.SENDING:
            return False
        if purchase.owner == _own_lock(self._folder):
            return bool(self._claims_of(purchase))
        return _is_alive(self._folder, purchase.owner)

    def is_suspended(self, purchase: Purchase) -> bool:
        """Whether this thread itself has claimed it: in a stream that nobody reads on."""
        return any(claim.thread == threading.get_ident() for claim in self._claims_of(purchase))

    def _claims_of(self, purchase: Purchase) -> list[_Claim]:
        key = (self._folder, purchase.number)
        return [claim for claim in list(_sending) if (claim.folder, claim.number) == key]


SECONDS_TO_LOCK = 60.0  # that a new process may take
SECONDS_TO_SEND = 60.0  # that the sending of a request may take


def _lost_at(purchase: Purchase) -> float:
    """When an answer was lost at the latest: now, or when a process that was killed long ago had sent the request."""
    now = time.time()
    return now if purchase.sent_at is None else min(now, purchase.sent_at + SECONDS_TO_SEND)


def finish_purchases(connection: Connection, tasks: Iterable[Task]) -> None:
    """Records, within a transaction, that the tasks of purchases are final."""
    accepted = "SELECT 1 FROM purchases WHERE state = 'accepted' LIMIT 1"
    if connection.execute(accepted).fetchone() is None:
        return
    for task in tasks:
        if task.id and task.status.is_final:
            task_id = task.id.strip()
            found = connection.execute(
                "SELECT service FROM purchases WHERE task = ? AND state = ?", (task_id, PurchaseState.ACCEPTED.value)
            ).fetchall()
            for (service,) in found:
                connection.execute(
                    "UPDATE purchases SET state = ? WHERE task = ? AND service = ?",
                    (state_of(task).value, task_id, service),
                )
                _record_charge(connection, task, task_id, service)


def _record_charge(connection: Connection, task: Task, key: str, service: str) -> None:
    """Records what the service reports of a final task, and lowers the estimate if it has fewer images than it might.

    `key` is the task's in the library.
    """
    usage = task.usage or Usage()
    images = usage.generated_images or len(task.good_images)
    if task.status.is_final and images:
        connection.execute(
            "UPDATE purchases SET cost = ?, credits = ?, estimate = estimate * min(images, ?) / images, images = ?"
            " WHERE task = ? AND service = ?",
            (usage.cost, usage.credits, images, images, key, service),
        )


def state_of(task: Task) -> PurchaseState:
    """What a task says of its purchase."""
    if not task.status.is_final:
        return PurchaseState.ACCEPTED
    if task.status is not TaskStatus.FAILED:
        return PurchaseState.FINISHED
    try:
        task.raise_for_status()
    except ModerationError:
        return PurchaseState.REJECTED
    except SeedreamError:
        pass
    return PurchaseState.FAILED


def _plan(connection: Connection, service: str, order: Order, notebook: str) -> Purchase:
    known = _find_take(connection, service, order)
    if known is not None:
        return known
    take, state, planned_at = _last_take(connection, service, order.request) + 1, PurchaseState.PLANNED, time.time()
    notebook = storable(notebook)
    body = json.dumps(order.body, sort_keys=True)
    number = connection.execute(
        "INSERT INTO purchases (service, request, take, state, body, notebook, planned_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (service, order.request, take, state.value, body, notebook, planned_at),
    ).lastrowid
    return Purchase(
        int(number or 0),
        service,
        order.request,
        take,
        state,
        json.loads(body),
        account="",
        owner="",
        notebook=notebook,
        planned_at=planned_at,
        sent_at=None,
        lost_at=None,
        task_id=None,
    )


def _find_take(connection: Connection, service: str, order: Order) -> Purchase | None:
    """The n-th take of a request. Those that were bought come first: one that was never sent leaves no gap."""
    if order.number is not None:
        ordered = _select(connection, "number = ? AND service = ?", (order.number, service))
        # Not the content of links, which may have changed; a new ledger has other purchases of the same numbers.
        if ordered and {**ordered[0].body, "image": None} == {**order.body, "image": None}:
            return ordered[0]
    if order.take is None:
        return None
    others = f" AND number NOT IN ({', '.join(map(str, order.others))})" if order.others else ""
    ranked = (
        f"SELECT number FROM purchases WHERE service = ? AND request = ?{others}"  # noqa: S608  our own words
        f" ORDER BY {_RANK}, take LIMIT 1 OFFSET ?"
    )
    found = _select(connection, f"number = ({ranked})", (service, order.request, order.take - 1))
    return found[0] if found else None


def _last_take(connection: Connection, service: str, request: str) -> int:
    statement = "SELECT coalesce(max(take), 0) FROM purchases WHERE service = ? AND request = ?"
    return int(connection.execute(statement, (service, request)).fetchone()[0])


def _select(connection: Connection, where: str, values: Sequence[object], order: str = "number") -> list[Purchase]:
    rows = connection.execute(f"SELECT {_COLUMNS} FROM purchases WHERE {where} ORDER BY {order}", values)  # noqa: S608  our own words
    return [
        Purchase(number, service, request, take, PurchaseState(state), json.loads(body), *rest)
        for number, service, request, take, state, body, *rest in rows.fetchall()
    ]


def _change(
    connection: Connection,
    number: int,
    expected: Iterable[PurchaseState],
    state: PurchaseState,
    **columns: object,
) -> bool:
    changes = "".join(f", {name} = ?" for name in columns)
    states = ", ".join(f"'{one.value}'" for one in expected)
    statement = f"UPDATE purchases SET state = ?{changes} WHERE number = ? AND state IN ({states})"  # noqa: S608  our own words
    return connection.execute(statement, (state.value, *columns.values(), number)).rowcount == 1


# Each process that sends holds a lock as long as it lives, so that others see when it was killed. SQLite's locks are
# released with their process, on every system.
_guard = threading.Lock()
_held: dict[Path, tuple[int, str, Connection]] = {}
_abandoned: list[Connection] = []  # by a forked child, which must not close what its parent holds
_sending: set[_Claim] = set()  # of the threads of this process


def _own_lock(folder: Path) -> str:
    """The name of this process's lock, which is held from now on."""
    with _guard:
        held = _held.get(folder)
        if held is not None and held[0] == os.getpid():
            return held[1]
        name = uuid.uuid4().hex
        try:
            folder.mkdir(parents=True, exist_ok=True)
            _remove_old_locks(folder)
            connection = sqlite3.connect(folder / f"{name}.lock", isolation_level=None, check_same_thread=False)
            connection.execute("BEGIN EXCLUSIVE")
        except (OSError, sqlite3.Error) as problem:
            raise LibraryError(f"A file in {folder} can't be locked: {problem}.") from problem
        if held is not None:
            _abandoned.append(held[2])
        _held[folder] = (os.getpid(), name, connection)
        return name


def _remove_old_locks(folder: Path) -> None:
    """Removes the locks of killed processes, but no young one, whose process may be about to lock it."""
    for path in folder.glob("*.lock"):
        with suppress(OSError):
            if time.time() - path.stat().st_mtime > SECONDS_TO_LOCK:
                _is_alive(folder, path.stem)


@atexit.register
def _release_locks() -> None:
    for folder, (process, name, connection) in _held.items():
        if process == os.getpid():
            connection.close()
            with suppress(OSError):
                (folder / f"{name}.lock").unlink()


def _is_alive(folder: Path, name: str) -> bool:
    """Whether another process holds its lock; removes the lock of one that does not."""
    path = folder / f"{name}.lock"
    if not path.exists():
        return False
    connection = sqlite3.connect(path, timeout=0, isolation_level=None)
    try:
        connection.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError:
        return True
    finally:
        connection.close()
    with suppress(OSError):
        path.unlink()
    return False
