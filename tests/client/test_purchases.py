"""Paid once: what the ledger of a library knows is not paid for again, whatever becomes of the answer."""

from __future__ import annotations

import itertools
import sqlite3
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from seedream_nb import GenerationOptions, GenerationRequest, Library, OutcomeUnknownError, Sandbox, SeedreamClient
from seedream_nb.client import purchases, request_identity, submission
from seedream_nb.core.errors import (
    InterruptedRequest,
    LibraryError,
    LibraryWarning,
    ModerationError,
    NetworkError,
    SeedreamError,
    UsageError,
)
from seedream_nb.library.ledger import Purchase, PurchaseState
from tests.conftest import QUICK
from tests.interrupts import interrupt_at

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PROMPTS = ("a cat", "a dog", "a fox")


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with Library(tmp_path / "library") as library:
        yield library


def open_client(sandbox: Sandbox, library: Library | str, **options: Any) -> SeedreamClient:
    """A client whose history settles at once, as the sandbox's does."""
    options = {"token": sandbox.token, "settling_time": 0.0, **options}
    return SeedreamClient(base_url=sandbox.url, library=library, retries=QUICK, **options)


@pytest.fixture
def buyer(sandbox: Sandbox, library: Library) -> Iterator[SeedreamClient]:
    with open_client(sandbox, library) as client:
        yield client


def paid(sandbox: Sandbox) -> int:
    """How many paid requests the service has accepted."""
    return len(set(sandbox.task_ids) - {example.id for example in sandbox.examples})


def states(library: Library) -> list[PurchaseState]:
    with sqlite3.connect(library.location / "library.sqlite") as connection:
        rows = connection.execute("SELECT state FROM purchases ORDER BY number").fetchall()
    connection.close()
    return [PurchaseState(state) for (state,) in rows]


def test_the_same_request_is_paid_once(buyer: SeedreamClient, sandbox: Sandbox, library: Library) -> None:
    first = buyer.generate("a cat", reuse=True, wait=True)
    with open_client(sandbox, library) as another:
        second = another.generate("a cat", reuse=True)
    assert paid(sandbox) == 1
    assert second == first
    assert states(library) == [PurchaseState.FINISHED]


def test_it_is_there_offline_as_well(sandbox: Sandbox, library: Library) -> None:
    with open_client(sandbox, library) as client:
        first = client.generate("a cat", reuse=True, wait=True)
    sandbox.stop()
    with open_client(sandbox, library) as client:
        assert client.generate_all(["a cat"], reuse=True).finish() == [first]


def test_without_reuse_each_is_paid_for_and_written_down(
    buyer: SeedreamClient, sandbox: Sandbox, library: Library
) -> None:
    tasks = [buyer.generate("a cat", wait=True) for _take in range(2)]
    assert paid(sandbox) == 2
    assert [library.ledger.find(number).task_id for number in (1, 2)] == [task.id for task in tasks]
    # Both count as takes of a later request.
    assert buyer.generate_all(["a cat"] * 3, reuse=True).finish()[:2] == tasks
    assert paid(sandbox) == 3


@pytest.mark.parametrize("change", [{"size": "4K"}, {"model": "4.5"}, {"watermark": False}, {"max_images": 2}])
def test_another_option_is_another_request(buyer: SeedreamClient, sandbox: Sandbox, change: dict[str, Any]) -> None:
    buyer.generate("a cat", reuse=True)
    buyer.generate("a cat", reuse=True, **change)
    assert paid(sandbox) == 2


def test_how_the_answer_comes_is_not_part_of_the_request(buyer: SeedreamClient, sandbox: Sandbox) -> None:
    first = buyer.generate("a cat", reuse=True, mode="sync")
    for mode in ("async", "stream"):
        assert buyer.generate("a cat", reuse=True, mode=mode, wait=True).images == first.images
    assert paid(sandbox) == 1


def test_a_stream_has_no_id_and_is_found_again(buyer: SeedreamClient, sandbox: Sandbox) -> None:
    first = buyer.generate("a cat", mode="stream", reuse=True)
    second = buyer.generate("a cat", reuse=True)
    assert [image.url for image in second.images] == [image.url for image in first.images]
    assert paid(sandbox) == 1


def test_a_reference_counts_by_its_content(buyer: SeedreamClient, sandbox: Sandbox, tmp_path: Path) -> None:
    photo, other = tmp_path / "photo.png", tmp_path / "other.png"
    for path, color in ((photo, "red"), (other, "blue")):
        Image.new("RGB", (64, 48), color).save(path)
    first = buyer.edit(photo, "a cat", reuse=True)
    moved = photo.rename(tmp_path / "moved.png")
    for reference in (moved, moved.read_bytes(), Image.open(moved)):
        assert buyer.edit(reference, "a cat", reuse=True).id == first.id
    assert paid(sandbox) == 1
    assert buyer.edit(other, "a cat", reuse=True).id != first.id
    # A lost answer is found although the record has only the data of the image, or not even that.
    with sandbox.faults.during("drop", on="images", processed=True, times=1):
        buyer.edit([photo.with_name("moved.png"), other], "a cat")
    assert paid(sandbox) == 3


def test_a_link_that_could_not_be_read_at_first_is_the_same_request(buyer: SeedreamClient, sandbox: Sandbox) -> None:
    link = str(sandbox.examples and buyer.retrieve(sandbox.examples[0].id).images[0].url)
    with sandbox.faults.during("missing", on="downloads"):
        first = buyer.edit(link, "make it blue", reuse=True)
    assert buyer.edit(link, "make it blue", reuse=True).id == first.id
    assert paid(sandbox) == 1


def test_a_request_in_progress_is_waited_for(sandbox: Sandbox, library: Library) -> None:
    sandbox.settings.generation_seconds = 0.3
    with open_client(sandbox, library) as client:
        first = client.generate("a cat", reuse=True)
    assert not first.status.is_final
    with open_client(sandbox, library) as client:
        (task,) = client.generate_all(["a cat"], reuse=True, interval=0.05).finish()
    assert (task.id, task.status.value, paid(sandbox)) == (first.id, "succeeded", 1)


def test_a_failed_request_is_sent_again_and_a_rejected_one_is_not(
    buyer: SeedreamClient, sandbox: Sandbox, library: Library
) -> None:
    with sandbox.faults.during("error", on="images", code="used_up"), pytest.raises(SeedreamError):
        buyer.generate("a cat", reuse=True)
    assert states(library) == [PurchaseState.FAILED]
    assert buyer.generate("a cat", reuse=True, wait=True).status.value == "succeeded"
    for _again in range(2):
        batch = buyer.generate_all(["something forbidden"], reuse=True, mode="sync")
        batch.finish()
        assert "oderation" in str(batch.failures[0])
    assert len(sandbox.requests.of_kind("images")) == 3


LOST = ["drop", "cut", "html", "server_error", "empty"]


@pytest.mark.parametrize("kind", LOST)
def test_a_lost_answer_is_found_in_the_history(
    buyer: SeedreamClient, sandbox: Sandbox, library: Library, kind: str
) -> None:
    with sandbox.faults.during(kind, on="images", processed=True, times=1):  # type: ignore[arg-type]
        task = buyer.generate("a cat", wait=True)
    assert (task.status.value, paid(sandbox)) == ("succeeded", 1)
    assert states(library) == [PurchaseState.FINISHED]


@pytest.mark.parametrize("kind", ["drop", "server_error"])
def test_a_request_that_did_not_arrive_may_be_sent_again(
    buyer: SeedreamClient, sandbox: Sandbox, library: Library, kind: str
) -> None:
    with sandbox.faults.during(kind, on="images", times=1), pytest.raises(NetworkError, match="did not arrive"):  # type: ignore[arg-type]
        buyer.generate("a cat", reuse=True)
    assert states(library) == [PurchaseState.NOT_ARRIVED]
    buyer.generate("a cat", reuse=True)
    assert paid(sandbox) == 1


def test_lost_answers_of_equal_requests_are_interchangeable(
    buyer: SeedreamClient, sandbox: Sandbox, library: Library
) -> None:
    with sandbox.faults.during("drop", on="images", processed=True, times=3):
        tasks = buyer.generate_all(["a cat"] * 3, reuse=True, in_flight=3).finish()
    assert len({task.id for task in tasks}) == paid(sandbox) == 3
    assert set(states(library)) == {PurchaseState.FINISHED}


def test_a_history_that_cannot_be_read_leaves_it_unclear(
    buyer: SeedreamClient, sandbox: Sandbox, library: Library
) -> None:
    with (
        sandbox.faults.during("drop", on="images", processed=True, times=1),
        sandbox.faults.during("server_error", on="tasks"),
    ):
        with pytest.raises(OutcomeUnknownError):
            buyer.generate("a cat", reuse=True)
        assert states(library) == [PurchaseState.UNCLEAR]
        with pytest.raises(OutcomeUnknownError, match="answer was lost") as caught:
            buyer.generate("a cat", reuse=True)
    assert caught.value.sent_at is not None
    assert paid(sandbox) == 1
    assert buyer.generate("a cat", reuse=True, wait=True).status.value == "succeeded"
    assert paid(sandbox) == 1


def test_another_token_settles_nothing(sandbox: Sandbox, library: Library) -> None:
    with (
        open_client(sandbox, library) as client,
        sandbox.faults.during("drop", on="images", processed=True, times=1),
        sandbox.faults.during("server_error", on="tasks"),
        pytest.raises(OutcomeUnknownError),
    ):
        client.generate("a cat", reuse=True)
    with (
        open_client(sandbox, library, token="another-token-of-somebody") as client,
        pytest.raises(OutcomeUnknownError, match="another token"),
    ):
        client.generate("a cat", reuse=True)
    assert len(sandbox.requests.of_kind("images")) == 1
    with open_client(sandbox, library) as client:
        client.generate("a cat", reuse=True)
    assert paid(sandbox) == 1


def test_a_history_that_lags_is_read_until_it_settles(sandbox: Sandbox, library: Library) -> None:
    # The task appears in the history with the third reading.
    empty = '{"items": [], "count": 0}'
    with (
        open_client(sandbox, library, settling_time=30.0) as client,
        sandbox.faults.during("drop", on="images", processed=True, times=1),
        sandbox.faults.during("json", on="tasks", body=empty, times=1),
    ):
        client.generate("a cat")
    assert states(library) == [PurchaseState.FINISHED]


def lose_answer(client: SeedreamClient, sandbox: Sandbox, *, is_paid: bool) -> None:
    """Leaves a purchase unclear."""
    with (
        sandbox.faults.during("drop", on="images", processed=is_paid, times=1),
        sandbox.faults.during("server_error", on="tasks"),
        pytest.raises(OutcomeUnknownError),
    ):
        client.generate("a cat", reuse=True)


@pytest.mark.parametrize(
    "history",
    [
        '{"items": [{"id": "20068983-0cc9-4c6a-aeb6-9c6a3c668be0"}], "count": 1}',  # without requests
        '{"items": [], "count": 7}',  # without the tasks that it counts
        "[]",
        "null",
    ],
)
def test_a_history_that_does_not_say_what_was_sent_settles_nothing(
    buyer: SeedreamClient, sandbox: Sandbox, library: Library, history: str
) -> None:
    lose_answer(buyer, sandbox, is_paid=True)
    with sandbox.faults.during("json", on="tasks", body=history), pytest.raises(OutcomeUnknownError):
        buyer.generate("a cat", reuse=True)
    assert states(library) == [PurchaseState.UNCLEAR]
    assert paid(sandbox) == 1


def test_the_clocks_may_differ(buyer: SeedreamClient, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    now = sandbox._store._clock
    monkeypatch.setattr("seedream_nb.sandbox.service.time.time", lambda: now() - 120)
    lose_answer(buyer, sandbox, is_paid=True)
    buyer.generate("a cat", reuse=True)
    assert paid(sandbox) == 1


def test_an_older_equal_task_is_not_taken_while_the_history_lags(sandbox: Sandbox, library: Library) -> None:
    with open_client(sandbox, "off") as unrecorded:
        older = unrecorded.generate("a cat")
    stored = sandbox._store.peek(older.id)
    assert stored is not None
    sandbox._store.add(replace(stored, created_at=time.time() - 60))
    sandbox.settings.history_lag = 0.3
    with (
        open_client(sandbox, library, settling_time=5.0) as client,
        sandbox.faults.during("drop", on="images", processed=True, times=1),
    ):
        assert client.generate("a cat").id != older.id
    assert paid(sandbox) == 2


def test_several_clients_send_a_request_once(sandbox: Sandbox, library: Library) -> None:
    sandbox.settings.latency = 0.05
    found: list[str] = []

    def work() -> None:
        with open_client(sandbox, library) as client:
            found.extend(task.id for task in client.generate_all(PROMPTS, reuse=True, interval=0.05).finish())

    threads = [threading.Thread(target=work) for _client in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert paid(sandbox) == len(PROMPTS)
    assert len(found) == 4 * len(PROMPTS)
    assert len(set(found)) == len(PROMPTS)


def test_services_do_not_mix(sandbox: Sandbox, library: Library) -> None:
    with Sandbox(generation_seconds=0) as other, open_client(other, library) as client:
        client.generate("a cat", reuse=True)
    with open_client(sandbox, library) as client:
        client.generate("a cat", reuse=True)
    assert paid(sandbox) == 1


def test_a_library_that_cannot_be_written_is_no_ledger_but_what_it_has_counts(
    buyer: SeedreamClient, sandbox: Sandbox, library: Library
) -> None:
    first = buyer.generate("a cat", reuse=True, wait=True)
    library.close()
    with (
        Library(library.location, read_only=True) as read_only,
        open_client(sandbox, read_only) as client,
    ):
        assert client.generate("a cat", reuse=True) == first
        with pytest.warns(LibraryWarning, match="not recorded"):
            client.generate("a dog", reuse=True)
        client.generate("a dog", reuse=True)
    assert paid(sandbox) == 3


def test_what_cannot_be_written_down_is_not_sent(
    buyer: SeedreamClient, sandbox: Sandbox, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_arguments: object, **_options: object) -> bool:
        raise LibraryError("database or disk is full.")

    monkeypatch.setattr(library.ledger, "claim", full)
    with pytest.raises(LibraryError, match="was not sent, because it can't be recorded"):
        buyer.generate("a cat")
    assert not sandbox.requests.of_kind("images")


def test_what_is_unclear_in_a_read_only_library_is_not_sent(
    buyer: SeedreamClient, sandbox: Sandbox, library: Library
) -> None:
    lose_answer(buyer, sandbox, is_paid=True)
    library.close()
    with (
        Library(library.location, read_only=True) as read_only,
        open_client(sandbox, read_only) as client,
        pytest.raises(LibraryError, match="was not sent, because it can't be recorded"),
    ):
        client.generate("a cat", reuse=True)
    assert paid(sandbox) == 1


def test_a_notice_says_that_there_is_no_ledger() -> None:
    client = SeedreamClient("a-token-of-somebody", "https://service.invalid", library="off")
    with pytest.warns(LibraryWarning, match="not recorded"):
        client.generate_all(["a cat"])


def test_options_of_a_list_of_requests(buyer: SeedreamClient, sandbox: Sandbox) -> None:
    requests = [GenerationRequest("a cat", GenerationOptions(size=size)) for size in ("2K", "4K", "2K")]
    first = buyer.generate_all(requests, reuse=True)
    assert not first.kept
    tasks = first.finish()
    again = buyer.generate_all(requests, reuse=True)
    assert list(again.kept) == [0, 1, 2]
    # What was paid for before does not count as sent.
    assert again.interrupted().message == "Interrupted before anything was sent; nothing was paid for."
    assert again.finish() == tasks
    assert paid(sandbox) == 3


def test_a_take_that_was_never_sent_leaves_no_gap(buyer: SeedreamClient, sandbox: Sandbox) -> None:
    buyer.generate_all(["a cat"])  # an order that was not confirmed
    with sandbox.faults.during("error", on="images", code="used_up"), pytest.raises(SeedreamError):
        buyer.generate("a cat")
    tasks = [buyer.generate("a cat", wait=True, interval=0.05) for _take in range(2)]
    assert buyer.generate_all(["a cat"] * 2, reuse=True).finish() == tasks
    assert paid(sandbox) == 2


def test_a_moderated_prompt_that_was_ordered_again_but_not_sent_is_not_sent_either(
    buyer: SeedreamClient, sandbox: Sandbox
) -> None:
    with pytest.raises(ModerationError):
        buyer.generate("something forbidden", reuse=True, mode="sync")
    buyer.generate_all(["something forbidden"])
    with pytest.raises(ModerationError):
        buyer.generate("something forbidden", reuse=True, mode="sync")
    assert len(sandbox.requests.of_kind("images")) == 1


@pytest.mark.heavy
def test_after_an_interrupt_at_any_line_no_claim_is_left(buyer: SeedreamClient, library: Library) -> None:
    # Another kernel would wait for it as long as this one lives.
    prompts = (f"cat {number}" for number in itertools.count())
    modules = [purchases, request_identity, submission]
    number = 1
    while interrupt_at(number, modules, lambda: buyer.generate(next(prompts))) is not None:
        assert PurchaseState.SENDING not in states(library), f"line {number}"
        number += 1
    assert number > 50


def test_an_interrupt_while_a_lost_answer_is_looked_up_says_that_the_request_was_sent(
    buyer: SeedreamClient, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_arguments: object) -> Purchase:
        raise KeyboardInterrupt

    monkeypatch.setattr(purchases.Purchases, "settle", interrupt)
    with (
        sandbox.faults.during("drop", on="images", times=1),
        pytest.raises(InterruptedRequest, match="may have been paid for") as caught,
    ):
        buyer.generate("a cat")
    assert caught.value.sent_at is not None


def test_a_stream_that_was_left_half_way_is_not_waited_for(buyer: SeedreamClient, sandbox: Sandbox) -> None:
    images = buyer.stream("a cat in four seasons", max_images=4)
    next(images)
    with pytest.raises(UsageError, match="by a stream that is not read to its end"):
        buyer.generate("a cat in four seasons", max_images=4, reuse=True)
    assert len(list(images)) == 3
    again = buyer.generate("a cat in four seasons", max_images=4, reuse=True)
    assert [image.url for image in again.images] == [image.url for image in images.task.images]
    assert paid(sandbox) == 1
