"""Claims of many threads are written together: each purchase is sent once, and budgets hold to the cent."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from seedream_nb import Library
from seedream_nb.core.errors import BudgetExceededError, LibraryError
from seedream_nb.library.budgets import Budget, Budgets
from seedream_nb.library.ledger import Order, PurchaseState
from seedream_nb.protocol.prices import Estimate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from seedream_nb.library.ledger import Ledger, Purchase

SERVICE = "https://service.example"
THREADS = 8


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Library(tmp_path) as library:
        yield library.ledger


def plan(ledger: Ledger, count: int) -> list[Purchase]:
    return ledger.plan(SERVICE, [Order(f"request {number}", {"model": "any"}, 1) for number in range(count)])


def in_threads(work: Callable[[int], None]) -> None:
    threads = [threading.Thread(target=work, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_each_is_claimed_by_one_thread(ledger: Ledger) -> None:
    purchases = plan(ledger, 40)
    claimed: list[int] = []

    def work(number: int) -> None:
        order = purchases if number % 2 else purchases[::-1]
        claimed.extend(one.number for one in order if ledger.claim(one, "account", threading.current_thread()))

    in_threads(work)
    assert sorted(claimed) == [one.number for one in purchases]
    assert {ledger.find(number).state for number in claimed} == {PurchaseState.SENDING}


def test_a_budget_holds_for_all_of_them(ledger: Ledger) -> None:
    purchases = plan(ledger, 40)
    budgets = Budgets((Budget(0.5, key="mine"),))
    claimed, rejected = [], []

    def work(number: int) -> None:
        for one in purchases[number::THREADS]:
            try:
                claimed.append(ledger.claim(one, "account", one, Estimate(0.1), budgets))
            except BudgetExceededError:  # noqa: PERF203  nothing is slow next to the claim
                rejected.append(one)

    in_threads(work)
    assert claimed == [True] * 5
    assert {ledger.find(one.number).state for one in rejected} == {PurchaseState.PLANNED}
    assert not any(ledger.holds(one, one) for one in rejected)


def test_what_cannot_be_written_is_claimed_by_nobody(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    purchases = plan(ledger, THREADS)
    problems: list[LibraryError] = []

    @contextmanager
    def writing(*, durable: bool = False) -> Iterator[None]:
        raise LibraryError(f"The disk is full{'' if durable else ', and nobody cares'}.")
        yield

    def work(number: int) -> None:
        with pytest.raises(LibraryError) as caught:
            ledger.claim(purchases[number], "account", purchases[number])
        problems.append(caught.value)

    ledger.account_of("a token")
    with monkeypatch.context() as patch:
        patch.setattr(ledger._database, "writing", writing)
        in_threads(work)
    assert [problem.message for problem in problems] == ["The disk is full."] * THREADS
    in_threads(lambda number: problems.clear() if ledger.claim(purchases[number], "account", number) else None)
    assert {ledger.find(one.number).state for one in purchases} == {PurchaseState.SENDING}


def test_a_forked_child_waits_for_no_thread_of_its_parent(ledger: Ledger) -> None:
    purchases = plan(ledger, THREADS)
    ledger._is_writing, ledger._process = True, -1
    in_threads(lambda number: ledger.release(ledger.claim(purchases[number], "account", ledger)))
    assert {ledger.find(one.number).state for one in purchases} == {PurchaseState.SENDING}
