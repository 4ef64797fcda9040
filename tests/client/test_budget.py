"""Budgets hold: what would exceed one is not sent, whatever other threads and clients send at the same time."""

from __future__ import annotations

import json
import multiprocessing
import os
import pickle
import sqlite3
import threading
import time
from contextlib import closing, suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedream_nb import (
    BudgetExceededError,
    GenerationOptions,
    GenerationRequest,
    Library,
    LibraryError,
    Sandbox,
    SeedreamClient,
    SeedreamError,
    SettingsError,
    UsageError,
)
from seedream_nb.library.budgets import Budget, parse_budget
from seedream_nb.library.ledger import PurchaseState
from seedream_nb.library.schema import SUM_UP_AGAIN, TRIGGERS, migrate
from tests.conftest import QUICK

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PRICE = 0.04  # of an image of the default model


@pytest.fixture
def sandbox(paid_service: Sandbox) -> Sandbox:
    return paid_service


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with Library(tmp_path / "library") as library:
        yield library


def open_client(sandbox: Sandbox, library: Library | str, **options: Any) -> SeedreamClient:
    return SeedreamClient(
        sandbox.token, sandbox.url, library=library, retries=QUICK, **{"settling_time": 0.0, **options}
    )


def paid(sandbox: Sandbox) -> int:
    return len(set(sandbox.task_ids) - {example.id for example in sandbox.examples})


def test_what_would_exceed_a_budget_is_not_sent(sandbox: Sandbox, library: Library) -> None:
    with open_client(sandbox, library, budget=0.10) as client:
        for prompt in ("a cat", "a dog"):
            client.generate(prompt)
        with pytest.raises(BudgetExceededError) as caught:
            client.generate("a fox")
        assert client.budget_left() == pytest.approx(0.02)
    assert caught.value.message == "This request costs about $0.04, and $0.02 of the budget of $0.10 is left."
    assert len(sandbox.requests.of_kind("images")) == paid(sandbox) == 2


def test_a_budget_is_used_to_the_last_cent(sandbox: Sandbox, library: Library) -> None:
    with open_client(sandbox, library, budget="0.12") as client:
        batch = client.generate_all([f"cat {number}" for number in range(9)], in_flight=1)
        tasks = batch.finish()
    assert [task.status.value for task in tasks[:4]] == [*["succeeded"] * 3, "failed"]
    assert isinstance(batch.failures[3], BudgetExceededError)
    # It ends the batch: the others would be refused, too.
    assert (batch.unsent, paid(sandbox)) == (5, 3)


def test_a_call_has_a_budget_of_its_own_within_the_clients(sandbox: Sandbox, library: Library) -> None:
    with open_client(sandbox, library, budget=0.10) as client:
        for budget in (0.04, "0.05"):
            client.generate("a cat", budget=budget)
            batch = client.generate_all(["a cat", "a dog"], budget=0.01, in_flight=1)
            batch.finish()
            error = (
                "$0.01 of the budget of $0.01 is left" if budget == PRICE else "$0.02 of the budget of $0.10 is left"
            )
            assert error in str(batch.failures[0])
        with pytest.raises(BudgetExceededError, match=r"\$0.02 of the budget of \$0.10 is left"):
            client.generate("a cat", budget=5)
        with pytest.raises(BudgetExceededError):
            next(client.stream("a cat", budget="0.01"))
    assert paid(sandbox) == 2


def test_another_client_has_another_budget_and_a_copy_the_same(sandbox: Sandbox, library: Library) -> None:
    with open_client(sandbox, library, budget=PRICE) as first, open_client(sandbox, library, budget=PRICE) as second:
        first.generate("a cat")
        second.generate("a cat")
    client = open_client(sandbox, str(library.location), budget=PRICE)
    client.generate("a cat")
    with pickle.loads(pickle.dumps(client)) as copy, pytest.raises(BudgetExceededError):  # noqa: S301  our own bytes
        copy.generate("a cat")
    client.close()
    assert paid(sandbox) == 3


def test_a_budget_for_a_period_counts_what_all_clients_send(
    sandbox: Sandbox, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEEDREAM_BUDGET", "0.1/day")
    for prompt in ("a cat", "a dog"):
        with open_client(sandbox, library) as client:
            client.generate(prompt)
    with (
        open_client(sandbox, library) as client,
        pytest.raises(BudgetExceededError, match=r"\$0.02 of the budget of \$0.10 a day is left.*SEEDREAM_BUDGET"),
    ):
        client.generate("a fox")
    # The argument comes before the environment.
    with open_client(sandbox, library, budget="off") as client:
        client.generate("a fox")
        assert client.budget is None
    assert paid(sandbox) == 3


def test_a_sandbox_uses_up_nothing_of_a_service(
    sandbox: Sandbox, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEEDREAM_BUDGET", "0.05/day")
    with Sandbox(generation_seconds=0.01) as free, open_client(free, library) as client:
        for _take in range(2):
            client.generate("a cat")
        assert client.budget is None
        # Its own budget can be tried out there.
        with pytest.raises(BudgetExceededError):
            client.generate("a cat", budget=0.01)
    with open_client(sandbox, library) as client:
        client.generate("a cat")
    with (
        Sandbox(token="token-of-a-user") as tunnel,
        open_client(tunnel, library) as client,
        pytest.raises(BudgetExceededError, match=r"\$0.01 of the budget"),
    ):
        client.generate("a cat")


def test_what_was_not_charged_does_not_count(sandbox: Sandbox, library: Library) -> None:
    with open_client(sandbox, library, budget=PRICE, settling_time=0.0) as client:
        with sandbox.faults.during("error", on="images", code="bad_request"), pytest.raises(SeedreamError):
            client.generate("a cat")
        with sandbox.faults.during("drop", on="images", times=1), pytest.raises(SeedreamError):
            client.generate("a cat")  # the history shows that it did not arrive
        with pytest.raises(SeedreamError):
            client.generate("a forbidden cat", mode="sync")
        assert client.budget_left() == pytest.approx(PRICE)
        # An unclear one counts until it is known.
        with (
            sandbox.faults.during("drop", on="images", times=1),
            sandbox.faults.during("server_error", on="tasks"),
            pytest.raises(SeedreamError),
        ):
            client.generate("a dog")
        assert client.budget_left() == 0
        with pytest.raises(BudgetExceededError):
            client.generate("a cat")
        client.recover(client.unfinished()[0])
        client.generate("a cat", wait=True)
    assert paid(sandbox) == 2  # one of them rejected by moderation


def test_a_set_counts_as_its_maximum_until_it_is_finished(sandbox: Sandbox, library: Library) -> None:
    with open_client(sandbox, library, budget=0.5) as client:
        with pytest.raises(BudgetExceededError, match=r"costs up to about \$0.60, and \$0.50 of"):
            client.generate("a cat in seasons", max_images=15)
        answer = {"success": True, "data": [{"image_url": f"https://x.example/{place}.jpg"} for place in range(2)]}
        with sandbox.faults.during("json", on="images", body=json.dumps(answer)):
            client.generate("a cat in seasons", max_images=4, mode="sync")
        assert client.budget_left() == pytest.approx(0.42)


@pytest.mark.parametrize(
    ("reported", "charged"),
    [
        ({"usage": {"generated_images": 1, "cost": 0.03}}, 0.03),
        ({"usage": {"generated_images": 3}, "price": 0.05}, 0.05),
        ({"credits": 0.333}, 0.333 * 0.095),
        ({"usage": {"credit": 1}}, 0.095),
        ({"cost": "much", "credits": True, "price": -1}, PRICE),
    ],
)
def test_what_the_service_reports_is_used_instead(
    sandbox: Sandbox, library: Library, reported: dict[str, object], charged: float
) -> None:
    answer = {"success": True, "data": [{"image_url": "https://x.example/a.jpg"}], **reported}
    with open_client(sandbox, library, budget=1) as client:
        with sandbox.faults.during("json", on="images", body=json.dumps(answer)):
            client.generate("a cat", mode="sync")
        assert client.budget_left() == pytest.approx(1 - charged)


@pytest.mark.filterwarnings("ignore:Unknown model")
def test_an_unknown_price_is_refused_under_a_budget_alone(
    sandbox: Sandbox, library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = "doubao-seedream-5-5-261028"
    with open_client(sandbox, library, budget=1) as client:
        with pytest.raises(BudgetExceededError, match=f'price of this request is unknown.*with a price for "{model}"'):
            client.generate("a cat", model=model)
        path = tmp_path / "prices.toml"
        path.write_text(f'[models]\n"{model}" = 0.25\n', encoding="utf-8")
        monkeypatch.setenv("SEEDREAM_PRICES", str(path))
        with pytest.raises(SeedreamError, match="Unknown model"):  # so says the sandbox
            client.generate("a cat", model=model)
        assert len(sandbox.requests.of_kind("images")) == 1


def test_a_bad_price_list_stops_before_anything_is_sent(
    sandbox: Sandbox, library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "prices.toml"
    monkeypatch.setenv("SEEDREAM_PRICES", str(path))
    with open_client(sandbox, library) as client:
        with pytest.raises(SettingsError, match=r"from SEEDREAM_PRICES can't be used\. No such file"):
            client.generate("a cat")
        for content, why in (
            ("models = [", "not valid TOML"),
            ("[models]", "no price below"),
            ('[models]\n"5.0" = 1', "Did you mean 5.0-pro or 5.0-lite"),
            ('[models]\n"4.5" = -1', "-1 is not a price"),
            ('[models]\n"4.5" = {"8K" = 1}', "'8K' is none of 1K"),
            ('[models]\n"4.5" = 1\n[price]', "'price' is not one of"),
        ):
            path.write_text(content, encoding="utf-8")
            with pytest.raises(SettingsError, match=why):
                client.generate("a cat")
        path.write_bytes(b"\xff\xfe\xff")
        with pytest.raises(SettingsError, match="UnicodeDecodeError"):
            client.generate("a cat")
        assert client.unfinished() == []
    assert len(sandbox.requests) == 0


def test_without_a_ledger_a_budget_cannot_hold(
    sandbox: Sandbox, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.close()
    for options in ({"library": "off"}, {"library": Library(library.location, read_only=True)}):
        with (
            open_client(sandbox, **options, budget=1) as client,
            pytest.raises(LibraryError, match="can't be enforced without a writable library"),
        ):
            client.generate("a cat")
    assert paid(sandbox) == 0
    # A budget of the environment is not meant for a sandbox, of which nothing is stored.
    monkeypatch.setenv("SEEDREAM_BUDGET", "0/day")
    with Sandbox() as free, SeedreamClient(free.token, free.url) as client:
        client.generate("a cat")


def test_what_was_bought_before_costs_nothing(sandbox: Sandbox, library: Library) -> None:
    with open_client(sandbox, library) as client:
        first = client.generate("a cat", wait=True)
    with open_client(sandbox, library, budget=0) as client:
        assert client.generate("a cat", reuse=True) == first


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (2, "budget of $2.00"),
        (2.5, "budget of $2.50"),
        (" $20 / Day", "budget of $20.00 a day"),
        ("5 a week", "budget of $5.00 a week"),
        ("100 per month", "budget of $100.00 a month"),
        (0.00001, "budget of $0.00"),
    ],
)
def test_a_budget_is_read(given: float | str, text: str) -> None:
    assert str(parse_budget(given)) == text


@pytest.mark.parametrize("given", ["", "much", "-2", -2, "2/year", "2 EUR", True, float("nan"), float("inf"), None, []])
def test_anything_else_is_no_budget(given: Any) -> None:
    with pytest.raises(UsageError, match="is not a budget"):
        parse_budget(given)


@pytest.mark.parametrize("text", ["much", "20"])
def test_the_environments_budget_must_be_one_for_a_period(
    sandbox: Sandbox, library: Library, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("SEEDREAM_BUDGET", text)
    with open_client(sandbox, library) as client, pytest.raises(SettingsError, match="SEEDREAM_BUDGET"):
        client.generate("a cat")
    assert paid(sandbox) == 0


def test_periods_begin_by_the_calendar() -> None:
    now = datetime(2026, 11, 26, 15, 30).astimezone()
    begins = [datetime.fromtimestamp(Budget(1, period).begin(now)).astimezone() for period in ("day", "week", "month")]
    assert [f"{begin:%m-%d %H:%M}" for begin in begins] == ["11-26 00:00", "11-23 00:00", "11-01 00:00"]


def test_what_was_sent_before_a_period_does_not_count(sandbox: Sandbox, library: Library) -> None:
    with open_client(sandbox, library, budget="0.05/day") as client:
        client.generate("a cat")
        with library._database.writing() as connection:
            yesterday = time.time() - timedelta(days=1).total_seconds()
            connection.execute("UPDATE purchases SET sent_at = ?", (yesterday,))
        client.generate("a dog")
        with pytest.raises(BudgetExceededError):
            client.generate("a fox")


_STATES = st.sampled_from(list(PurchaseState))
_AMOUNTS = st.none() | st.sampled_from([0.0, 0.03, 0.04, 0.088])


@given(
    st.lists(
        st.tuples(
            st.integers(1, 3), _STATES, st.sampled_from([None, 100.0, 900.0, 9000.0]), _AMOUNTS, _AMOUNTS, _AMOUNTS
        )
    ),
)
def test_the_sums_are_those_of_all_requests_whatever_changes(
    changes: list[tuple[int, PurchaseState, float | None, float | None, float | None, float | None]],
) -> None:
    statement = "UPDATE purchases SET state = ?, sent_at = ?, estimate = ?, cost = ?, credits = ? WHERE number = ?"
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        migrate(connection)
        for trigger in TRIGGERS:
            connection.execute(trigger)
        for number in (1, 2, 3):
            row = (number, "finished" if number == 3 else "planned", 50.0, 0.5)
            connection.execute(
                "INSERT INTO purchases (number, service, request, take, state, body, planned_at, sent_at, estimate)"
                " VALUES (?, 's', 'r', 1, ?, '{}', 0, ?, ?)".replace("'r'", f"'r{number}'"),
                row,
            )
        for number, state, sent_at, *amounts in changes:
            connection.execute(statement, (state.value, sent_at, *amounts, number))
        connection.execute("DELETE FROM purchases WHERE number = 1")
        expected = connection.execute(
            "SELECT total(coalesce(cost, credits * 0.1, estimate)) FROM purchases WHERE sent_at >= 900"
            " AND state IN ('sending', 'unclear', 'accepted', 'finished')"
        ).fetchone()
        found = []
        for statements in ((), SUM_UP_AGAIN):
            for again in statements:
                connection.execute(again)
            sums = "SELECT total(dollars + credits * 0.1) FROM spending WHERE quarter >= 1"
            found.append(connection.execute(sums).fetchone())
    assert found == [pytest.approx(expected)] * 2


@pytest.mark.parametrize("budget", [0.4, "0.4/day"])
def test_sixteen_threads_stay_within_a_budget(sandbox: Sandbox, library: Library, budget: float | str) -> None:
    sandbox.settings.latency = 0.01
    refused: list[BudgetExceededError] = []
    client = open_client(sandbox, library, budget=budget)

    def work(number: int) -> None:
        for take in range(3):
            try:
                client.generate(f"cat {number} {take}")
            except BudgetExceededError as error:  # noqa: PERF203  a few
                refused.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    client.close()
    assert (paid(sandbox), len(refused)) == (10, 38)


def test_sizes_have_their_prices(sandbox: Sandbox, library: Library) -> None:
    requests = [
        GenerationRequest("a cat", GenerationOptions("pro", size)) for size in ("1K", "1.5K", "2K", "3024x1296")
    ]
    with open_client(sandbox, library, budget=1) as client:
        client.generate_all(requests).finish()
        assert client.budget_left() == pytest.approx(1 - 2 * 0.044 - 2 * 0.088)


def spend_all(url: str, folder: str, budget: str) -> None:
    """Sends as much as the budget allows, in eight threads."""
    with SeedreamClient("token-of-a-user", url, library=folder, retries=QUICK, budget=budget) as client:

        def work(number: int) -> None:
            with suppress(BudgetExceededError):
                for take in range(100):
                    client.generate(f"cat {os.getpid()} {number} {take}")

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="a fork server is of Unix")
def test_two_processes_of_eight_threads_stay_within_a_budget(sandbox: Sandbox, tmp_path: Path) -> None:
    context = multiprocessing.get_context("forkserver")
    arguments = (sandbox.url, str(tmp_path / "shared"), "1.2/month")
    processes = [context.Process(target=spend_all, args=arguments) for _process in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
    assert [process.exitcode for process in processes] == [0, 0]
    assert paid(sandbox) == 30
