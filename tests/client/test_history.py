"""The account's tasks, page by page and only as far as someone looks."""

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedream_nb import Sandbox, SeedreamClient
from seedream_nb.client.history import History, build_filters
from seedream_nb.core.errors import BalanceUsedUpError, UnreadableAnswerError, UsageError
from tests.protocol.samples import RECORD
from tests.scripted_server import Answer, Received, ScriptedServer, as_json
from tests.servers import client_to

LONG_AGO = 1_000_000_000.0


@pytest.fixture
def numbered(sandbox: Sandbox) -> list[str]:
    """Ten tasks, newest first, older than all others."""
    ids = [sandbox.add_task(f"number {number}", created_at=LONG_AGO + number) for number in range(10)]
    return ids[::-1]


def requested_pages(sandbox: Sandbox) -> int:
    return len(sandbox.requests.of_kind("tasks"))


def old(client: SeedreamClient, **options: Any) -> History:
    return client.history(created_before=LONG_AGO + 100, **options)


def test_newest_first_over_many_pages(client: SeedreamClient, numbered: list[str], sandbox: Sandbox) -> None:
    history = old(client, page_size=4)
    assert requested_pages(sandbox) == 0
    assert [task.id for task in history] == numbered
    assert requested_pages(sandbox) == 3
    assert [task.id for task in history] == numbered
    assert (history.total, requested_pages(sandbox)) == (10, 3)


def test_only_what_is_accessed_is_fetched(client: SeedreamClient, numbered: list[str], sandbox: Sandbox) -> None:
    history = old(client, page_size=3)
    iterator = iter(history)
    assert next(iterator).id == numbered[0]
    assert requested_pages(sandbox) == 1
    assert history[4].id == numbered[4]
    assert requested_pages(sandbox) == 2
    assert [task.id for task in history[:6]] == numbered[:6]
    assert requested_pages(sandbox) == 2
    assert [task.id for task in iterator] == numbered[1:]
    assert repr(history) == "<History: 10 of 10 tasks read>"


@pytest.mark.parametrize("index", [-1, slice(-3, None), slice(None, -2), slice(None, None, -1), slice(2, 8, 3), 9])
def test_a_history_is_indexed_like_a_list(client: SeedreamClient, numbered: list[str], index: Any) -> None:
    found = old(client, page_size=4)[index]
    ids = [task.id for task in found] if isinstance(found, list) else found.id
    assert ids == numbered[index]


def test_beyond_the_end_there_is_nothing(client: SeedreamClient, numbered: list[str]) -> None:
    with pytest.raises(IndexError):
        _ = old(client)[len(numbered)]


@pytest.mark.parametrize(("limit", "pages"), [(0, 0), (1, 1), (4, 1), (5, 2), (100, 3), (None, 3)])
def test_a_limit(client: SeedreamClient, numbered: list[str], sandbox: Sandbox, limit: int | None, pages: int) -> None:
    assert [task.id for task in old(client, limit=limit, page_size=4)] == numbered[:limit]
    assert requested_pages(sandbox) == pages


def test_an_offset(client: SeedreamClient, numbered: list[str]) -> None:
    assert [task.id for task in old(client, offset=3, limit=5, page_size=2)] == numbered[3:8]
    assert list(old(client, offset=30)) == []


def test_the_total_can_be_had_alone(client: SeedreamClient, numbered: list[str], sandbox: Sandbox) -> None:
    assert old(client, limit=0).total == len(numbered)
    assert old(client, limit=2).total == len(numbered)
    assert requested_pages(sandbox) == 2


@pytest.mark.parametrize("zone", [timezone.utc, timezone(timedelta(hours=8)), None])
def test_times_in_every_form(client: SeedreamClient, numbered: list[str], zone: timezone | None) -> None:
    since, until = (datetime.fromtimestamp(LONG_AGO + offset, zone) for offset in (3, 6))
    expected = numbered[3:7]
    assert [task.id for task in client.history(created_after=since, created_before=until)] == expected
    numbers = client.history(created_after=LONG_AGO + 3, created_before=int(LONG_AGO + 6))
    assert [task.id for task in numbers] == expected


def test_filters_by_application_and_user(client: SeedreamClient, sandbox: Sandbox) -> None:
    mine = sandbox.add_task(user_id="me", application_id="mine")
    sandbox.add_task(user_id="me", application_id="other")
    assert [task.id for task in client.history(user_id="me", application_id="mine")] == [mine]
    assert len(list(client.history(user_id="me"))) == 2
    assert list(client.history(user_id="nobody")) == []


def test_what_is_sent() -> None:
    with ScriptedServer(as_json({"items": [], "count": 0})) as server, client_to(server) as client:
        list(client.history(7, offset=2, created_after=1.5, created_before=3.0, application_id="a", user_id="u"))
        list(client.history())
        filtered, bare = (received.json for received in server.received)
    assert filtered == {
        "action": "retrieve_batch",
        "limit": 7,
        "offset": 2,
        "created_at_min": 1.5,
        "created_at_max": 3,
        "application_id": "a",
        "user_id": "u",
    }
    assert isinstance(filtered["created_at_max"], int)
    assert bare == {"action": "retrieve_batch", "limit": 50, "offset": 0}


@pytest.mark.parametrize(
    "wrong",
    [
        {"limit": -1},
        {"offset": -1},
        {"page_size": 0},
        {"created_after": "yesterday"},
        {"created_before": float("nan")},
        {"created_after": True},
    ],
)
def test_invalid_arguments_are_rejected(client: SeedreamClient, sandbox: Sandbox, wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        client.history(**wrong)
    assert len(sandbox.requests) == 0


# Services that behave otherwise


def record(number: int) -> dict[str, object]:
    return {**RECORD, "id": f"id-{number}"}


@pytest.mark.parametrize("count", [5, 1000, None])
def test_a_service_that_ignores_the_offset_is_noticed(count: int | None) -> None:
    answer = {"items": [record(number) for number in range(5)], "count": count}
    with ScriptedServer(as_json(answer)) as server, client_to(server) as client:
        assert [task.id for task in client.history(page_size=5)] == [f"id-{number}" for number in range(5)]
        assert len(server.received) <= 3


def paging(total: int, received: Received, *, shift: int = 0, largest: int = 1000) -> Answer:
    """A page of a history of which the newest ids are the highest; `shift` new ones have come since the first page."""
    body = received.json
    numbers = list(range(total + shift))[::-1] if body["offset"] else list(range(total))[::-1]
    page = numbers[body["offset"] :][: min(body["limit"], largest)]
    return as_json({"items": [record(number) for number in page], "count": len(numbers)})


@pytest.mark.parametrize("shift", [1, 3, 4])
def test_new_tasks_meanwhile_cause_no_repeats_and_no_gap(shift: int) -> None:
    with (
        ScriptedServer(lambda received: paging(10, received, shift=shift)) as server,
        client_to(server) as client,
    ):
        ids = [task.id for task in client.history(page_size=4)]
    assert ids == [f"id-{number}" for number in range(10)][::-1]


def test_a_service_with_smaller_pages_of_its_own() -> None:
    with ScriptedServer(lambda received: paging(10, received, largest=3)) as server, client_to(server) as client:
        assert len(list(client.history())) == 10
        assert [received.json["offset"] for received in server.received] == [0, 3, 6, 9]


def test_a_count_of_the_page_alone_ends_nothing_early() -> None:
    def answer(received: Received) -> Answer:
        items = [record(number) for number in range(received.json["offset"], 10)][: received.json["limit"]]
        return as_json({"items": items, "count": len(items)})

    with ScriptedServer(answer) as server, client_to(server) as client:
        assert len(list(client.history(page_size=5))) == 10
        assert len(server.received) == 3


def test_rejections_are_errors() -> None:
    with ScriptedServer(as_json({"error": {"code": "used_up"}})) as server, pytest.raises(BalanceUsedUpError):
        list(client_to(server).history())
    with ScriptedServer(as_json({})) as server, pytest.raises(UnreadableAnswerError):
        list(client_to(server).history())


def test_after_a_failure_in_the_middle_iteration_resumes(
    client: SeedreamClient, numbered: list[str], sandbox: Sandbox
) -> None:
    history = old(client, page_size=4)
    assert history[0].id == numbered[0]
    with (
        sandbox.faults.during("error", on="tasks", code="invalid_token"),
        pytest.raises(Exception, match="token"),
    ):
        list(history)
    assert [task.id for task in history] == numbered


@given(st.integers(0, 20), st.integers(1, 7), st.none() | st.integers(0, 25), st.integers(0, 25))
def test_any_paging_gives_the_same_tasks(total: int, page_size: int, limit: int | None, offset: int) -> None:
    asked = []

    def query(body: Any) -> object:
        asked.append(body)
        page = list(range(total))[body["offset"] :][: body["limit"]]
        return {"items": [record(number) for number in page], "count": total}

    history = History(query, build_filters(), limit=limit, offset=offset, page_size=page_size)
    expected = [f"id-{number}" for number in range(total)][offset:][:limit]
    assert [task.id for task in history] == expected
    assert len(asked) <= len(expected) // page_size + 1
