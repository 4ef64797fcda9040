"""Runs: a table of prompts is paid for once, row by row, whatever happens on the way."""

from __future__ import annotations

import itertools
import json
import threading
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from PIL import Image

from seedream_nb import Library, RetryPolicy, Run, Sandbox, SeedreamClient
from seedream_nb.core.errors import (
    AuthenticationError,
    BalanceUsedUpError,
    BudgetExceededError,
    ConnectionFailedError,
    Interrupted,
    LibraryError,
    LibraryWarning,
    NetworkError,
    UsageError,
)
from seedream_nb.library.run_store import RunStore
from seedream_nb.runs import run as run_module
from seedream_nb.runs import worker
from tests.conftest import QUICK
from tests.interrupts import interrupt_at
from tests.servers import finish_tasks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

ANIMALS: list[dict[str, Any]] = [
    {"animal": animal, "legs": legs} for animal, legs in (("cat", 4), ("hen", 2), ("fox", 4), ("eel", 0))
]
FAST = 0.02  # seconds between polls


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "library"


def connect(sandbox: Sandbox, folder: Path, **options: Any) -> SeedreamClient:
    options = {"token": sandbox.token, "base_url": sandbox.url, "settling_time": 0.0, "retries": QUICK, **options}
    return SeedreamClient(library=str(folder), **options)


@pytest.fixture
def buyer(sandbox: Sandbox, folder: Path) -> Iterator[SeedreamClient]:
    with connect(sandbox, folder) as client:
        yield client


def open_run(client: SeedreamClient, table: Any = ANIMALS, **options: Any) -> Run:
    """The run of the animals; downloads nothing, unless told to."""
    if table is not None:
        options = {"prompt": "a white {animal}", **options}
    return client.run(table, **{"name": "animals", "interval": FAST, "originals": False, **options})


def paid(sandbox: Sandbox) -> int:
    """How many paid requests the service was sent."""
    return len(sandbox.requests.of_kind("images"))


def asked(sandbox: Sandbox) -> int:
    return len(sandbox.requests)


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert condition()


def test_each_row_becomes_an_image(buyer: SeedreamClient, sandbox: Sandbox) -> None:
    run = open_run(buyer)
    assert asked(sandbox) == 0
    assert run.announcement == "4 images in the sandbox; at 10 in flight and about 30 s each, about 30 s"
    gallery = run.finish()
    assert [task.prompt for task in gallery] == [f"a white {row['animal']}" for row in ANIMALS]
    assert paid(sandbox) == 4
    summary = run.summary
    assert (summary.name, summary.rows, summary.requests, summary.done, summary.images) == ("animals", 4, 4, 4, 4)
    assert (summary.unsent, summary.in_progress, summary.failed, summary.is_running) == (0, 0, 0, False)
    assert not run.is_running


def test_again_costs_nothing_and_five_new_rows_cost_five(buyer: SeedreamClient, sandbox: Sandbox) -> None:
    open_run(buyer).finish()
    before = asked(sandbox)
    run = open_run(buyer)
    assert run.announcement == "4 images in the sandbox, all already bought"
    run.finish()
    assert asked(sandbox) == before
    more = [*ANIMALS, *({"animal": f"dog {number}", "legs": 4} for number in range(5))]
    run = open_run(buyer, more)
    assert run.announcement.startswith("9 images in the sandbox, 4 already bought; ")
    assert len(run.finish()) == 9
    assert (paid(sandbox), run.summary.bought_before) == (9, 4)


def test_a_changed_row_is_a_new_one_and_the_old_one_is_counted(buyer: SeedreamClient, sandbox: Sandbox) -> None:
    open_run(buyer).finish()
    run = open_run(buyer, [{"animal": "ant", "legs": 6}, *ANIMALS[1:]])
    assert run.announcement.endswith("; 1 earlier row no longer in the table")
    run.finish()
    assert (paid(sandbox), run.summary.earlier, run.summary.rows) == (5, 1, 4)
    assert list(run.frame["animal"]) == ["ant", "hen", "fox", "eel"]
    assert list(run.earlier["animal"]) == ["cat"]
    assert list(run.earlier["status"]) == ["succeeded"]


def test_order_and_other_columns_do_not_matter(buyer: SeedreamClient, sandbox: Sandbox) -> None:
    open_run(buyer).finish()
    run = open_run(buyer, [{**row, "legs": row["legs"] + 1, "note": "?"} for row in reversed(ANIMALS)])
    run.finish()
    assert paid(sandbox) == 4
    assert list(run.frame["animal"]) == ["eel", "fox", "hen", "cat"]
    assert list(run.frame["legs"]) == [1, 5, 3, 5]
    assert list(run.frame.columns[:3]) == ["animal", "legs", "note"]


def test_equal_rows_are_takes(buyer: SeedreamClient, sandbox: Sandbox) -> None:
    rows = [{"animal": "cat"}] * 3
    run = open_run(buyer, rows)
    assert len({task.id for task in run.finish()}) == paid(sandbox) == 3
    open_run(buyer, rows).finish()
    run = open_run(buyer, rows, takes=2)
    run.finish()
    assert paid(sandbox) == 6
    assert list(run.frame["take"]) == [1, 2] * 3
    assert run.frame["task_id"].nunique() == 6


def test_in_another_kernel_by_its_name(sandbox: Sandbox, folder: Path) -> None:
    with connect(sandbox, folder) as client, closing(open_run(client, in_flight=2).updates()) as updates:
        next(summary for summary in updates if summary.done >= 1)
    with connect(sandbox, folder) as client:
        run = open_run(client, None, name="ANIMALS")
        assert run.name == "animals"
        assert "at 2 in flight" in run.announcement or run.summary.unsent == 0
        run.finish()
        assert list(run.frame["animal"]) == ["cat", "hen", "fox", "eel"]
        assert client.runs() == [run.summary]
    assert paid(sandbox) == 4


def test_what_others_have_bought_counts(buyer: SeedreamClient, sandbox: Sandbox) -> None:
    run = open_run(buyer)
    buyer.generate("a white cat", wait=True)
    buyer.generate("a white hen", reuse=True, wait=True)
    open_run(buyer, [{"animal": "fox"}], name="another").finish()
    assert open_run(buyer, None).announcement.startswith("4 images in the sandbox, 3 already bought; ")
    run.finish()
    assert paid(sandbox) == 4


def test_a_new_run_of_what_was_bought_before(buyer: SeedreamClient, sandbox: Sandbox) -> None:
    open_run(buyer).finish()
    run = open_run(buyer, name="again")
    assert run.announcement == "4 images in the sandbox, all already bought"
    assert len(run.finish()) == 4
    assert paid(sandbox) == 4


def test_a_lost_file_costs_nothing(sandbox: Sandbox, folder: Path) -> None:
    with connect(sandbox, folder) as client:
        open_run(client).finish()
    (path,) = (folder / "runs").glob("*.sqlite")
    path.write_bytes(b"damaged" * 1000)
    with connect(sandbox, folder) as client:
        with pytest.raises(LibraryError, match="pays for nothing twice"):
            open_run(client, None)
        assert open_run(client).announcement.endswith("all already bought")
    path.write_bytes(b"damaged" * 1000)
    with connect(sandbox, folder) as client, pytest.warns(LibraryWarning, match="pays for nothing twice"):
        open_run(client).finish()
    assert paid(sandbox) == 4


def test_the_frame_has_the_tables_types(buyer: SeedreamClient) -> None:
    table = pd.DataFrame(
        {
            "animal": ["cat", "hen"],
            "legs": pd.array([4, None], dtype="Int64"),
            "weight": [4.5, 2.0],
            "is_wild": [False, True],
            "status": ["a", "b"],
            "born": pd.to_datetime(["2024-01-02", None]),
        },
        index=[7, 9],
    )
    run = open_run(buyer, table)
    run.finish()
    frame = run.frame
    assert list(frame.columns) == [*table.columns, "task_id", "status_run", "error", "images", "cost", "elapsed"]
    pd.testing.assert_frame_equal(frame[list(table.columns)], table.reset_index(drop=True))
    assert list(frame["status_run"]) == ["succeeded"] * 2
    assert frame["cost"].isna().all()  # in a sandbox, nothing costs money
    assert list(frame["images"].map(len)) == [1, 1]
    assert frame["elapsed"].notna().all()
    pd.testing.assert_frame_equal(open_run(buyer, None).frame, frame)


def test_a_polars_frame_becomes_one(buyer: SeedreamClient) -> None:
    pl = pytest.importorskip("polars")
    table = pl.DataFrame({"animal": ["cat", "hen"], "legs": [4, None]})
    run = open_run(buyer, table)
    before = run.frame
    assert before["task_id"].null_count() == 2
    run.finish()
    assert run.frame.columns == ["animal", "legs", "task_id", "status", "error", "images", "cost", "elapsed"]
    assert run.frame.select("animal", "legs").equals(table)
    assert run.frame["images"].list.len().to_list() == [1, 1]
    assert isinstance(open_run(buyer, None).frame, pd.DataFrame)


def test_a_generator_is_read_as_it_comes(buyer: SeedreamClient, sandbox: Sandbox) -> None:
    run = open_run(buyer, (row for row in ANIMALS))
    run.finish()
    open_run(buyer, (row for row in ANIMALS)).finish()
    assert paid(sandbox) == 4


def test_invalid_rows_are_all_named_before_anything_is_sent(buyer: SeedreamClient, sandbox: Sandbox) -> None:
    open_run(buyer).finish()
    bad = [{"animal": "cat", "seed": 1}, {"animal": None}, {"animal": "hen", "size": "7K"}, {"animal": ""}]
    with pytest.raises(UsageError) as caught:
        open_run(buyer, [*ANIMALS, *bad], model="4.5")
    assert "Rows 6 and 8" in str(caught.value)
    assert "Row 7" in str(caught.value)
    assert paid(sandbox) == 4
    assert open_run(buyer, None).announcement == "4 images in the sandbox, all already bought"


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"name": "a/b"}, "name of a run"),
        ({"in_flight": 0}, "in_flight"),
        ({"takes": 0}, "takes"),
        ({"budget": "much"}, "budget"),
        ({"interval": -1}, "interval"),
        ({"prompt": "a {anmal}"}, "animal"),
    ],
)
def test_invalid_arguments(buyer: SeedreamClient, sandbox: Sandbox, options: dict[str, Any], problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        open_run(buyer, **options)
    assert asked(sandbox) == 0
    assert buyer.runs() == []


def test_a_name_without_a_run(buyer: SeedreamClient) -> None:
    with pytest.raises(UsageError, match="no run animals"):
        open_run(buyer, None)
    open_run(buyer)
    with pytest.raises(UsageError, match="belongs to a table"):
        open_run(buyer, None, prompt="a {animal}")
    with pytest.raises(UsageError, match="There are animals"):
        open_run(buyer, None, name="other")


def test_it_needs_a_library(sandbox: Sandbox, folder: Path) -> None:
    with SeedreamClient(sandbox.token, sandbox.url) as client:
        with pytest.raises(LibraryError, match=r"needs a library.*SEEDREAM_LIBRARY"):
            open_run(client)
        with pytest.raises(LibraryError, match="needs a library"):
            client.runs()
    Library(folder).close()
    with (
        Library(folder, read_only=True) as library,
        SeedreamClient(sandbox.token, sandbox.url, library=library) as client,
        pytest.raises(LibraryError, match="read-only"),
    ):
        open_run(client)


# Failures.


def test_failed_rows_stay_failed_until_they_are_sent_again(buyer: SeedreamClient, sandbox: Sandbox) -> None:
    sandbox.faults.add("error", on="images", code="bad_request", match="white fox", times=1)
    run = open_run(buyer)
    assert len(run.finish()) == 3
    (failure,) = run.failures
    assert (failure.row, failure.take, failure.prompt) == (3, 1, "a white fox")
    assert failure.message
    assert list(run.frame["status"]) == ["succeeded", "succeeded", "failed", "succeeded"]
    assert run.frame["error"][2] == failure.message
    run = open_run(buyer)
    assert run.announcement == "4 images in the sandbox, 3 already bought; 1 failed: run.retry()"
    run.finish()
    assert paid(sandbox) == 4
    assert len(run.retry()) == 4
    assert (paid(sandbox), run.failures) == (5, [])
    with pytest.raises(UsageError, match="No request of this run has failed"):
        run.retry()


def test_what_moderation_rejects_is_not_sent_again(buyer: SeedreamClient, sandbox: Sandbox) -> None:
    rows = [{"animal": "something forbidden"}, {"animal": "cat"}]
    run = open_run(buyer, rows)
    run.finish()
    (failure,) = run.failures
    assert "oderation" in failure.message
    before = paid(sandbox)
    with pytest.raises(UsageError, match="moderation has rejected 1 request"):
        run.retry()
    open_run(buyer, rows, name="other").finish()
    assert paid(sandbox) == before


@pytest.mark.parametrize(("code", "error"), [("used_up", BalanceUsedUpError), ("invalid_token", AuthenticationError)])
def test_what_every_request_would_meet_stops_it(
    buyer: SeedreamClient, sandbox: Sandbox, code: str, error: type[Exception]
) -> None:
    run = open_run(buyer, in_flight=1)
    with sandbox.faults.during("error", on="images", code=code, after=1), pytest.raises(error):
        run.finish()
    assert paid(sandbox) == 2
    assert (run.summary.done, run.summary.unsent, run.summary.failed) == (1, 3, 0)
    assert len(run.finish()) == 4


def test_an_address_that_cannot_be_reached_leaves_rows_open(sandbox: Sandbox, folder: Path) -> None:
    with connect(sandbox, folder) as client:
        run = open_run(client)
        sandbox.stop()
        with pytest.raises(ConnectionFailedError):
            run.finish()
        assert (run.summary.unsent, run.summary.failed) == (4, 0)


def test_too_many_requests_fail_no_row(buyer: SeedreamClient, sandbox: Sandbox) -> None:
    sandbox.faults.add("rate_limit", on="images", times=6)
    run = open_run(buyer)
    assert len(run.finish()) == 4
    assert run.failures == []


def test_too_many_requests_for_long(buyer: SeedreamClient, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seedream_nb.runs.worker._THROTTLED_PAUSE", 0.01)
    sandbox.faults.add("rate_limit", on="images", times=20, retry_after=0)
    run = open_run(buyer)
    assert len(run.finish()) == 4
    assert run.failures == []


def test_it_waits_as_long_as_the_service_asks(sandbox: Sandbox, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seedream_nb.runs.worker._THROTTLED_PAUSE", 0.01)
    sandbox.faults.add("rate_limit", on="images", times=1, retry_after="0.7")
    with connect(sandbox, folder, retries=RetryPolicy(longest_pause=0.1)) as client:
        assert len(open_run(client, ANIMALS[:1]).finish()) == 1
    rejected, accepted = (request.received_at for request in sandbox.requests.of_kind("images"))
    assert accepted - rejected > 0.65


def test_an_unclear_outcome_is_looked_up_by_the_next(buyer: SeedreamClient, sandbox: Sandbox) -> None:
    run = open_run(buyer)
    with (
        sandbox.faults.during("drop", on="images", processed=True, match="white hen"),
        sandbox.faults.during("server_error", on="tasks"),
    ):
        run.start()
        wait_until(lambda: run.summary.unclear > 0)
    wait_until(lambda: not run.is_running)
    assert (run.summary.unclear, run.summary.done, paid(sandbox)) == (1, 3, 4)
    assert open_run(buyer, None).announcement.endswith("; 1 unclear, which the account's history settles first")
    assert len(run.finish()) == paid(sandbox) == 4


def test_a_service_that_is_down_stops_it(
    buyer: SeedreamClient, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seedream_nb.runs.worker.MOST_FAILURES", 3)
    monkeypatch.setattr("seedream_nb.runs.worker._COLLECT_INTERVAL", 60.0)  # failures do not wait for it
    run = open_run(buyer, [{"animal": f"cat {number}"} for number in range(10)], in_flight=1)
    with sandbox.faults.during("server_error", on="images", after=2), pytest.raises(NetworkError):
        run.finish()
    # One more may be on its way by then.
    assert (run.summary.done, run.summary.failed + run.summary.unsent) == (2, 8)
    assert 3 <= run.summary.failed <= 4
    run.retry()
    assert run.summary.done == 10


def test_a_new_ledger_has_other_purchases_of_the_same_numbers(sandbox: Sandbox, folder: Path) -> None:
    with (
        connect(sandbox, folder) as client,
        sandbox.faults.during("server_error", on="tasks"),
        sandbox.faults.during("drop", on="images", processed=True),
    ):
        run = open_run(client, ANIMALS[:1])
        run.finish()
        assert run.summary.unclear == 1
        run._store.close()
    for path in folder.glob("library.sqlite*"):
        path.unlink()
    with connect(sandbox, folder) as client:
        fox = client.generate("a white fox", wait=True)
        run = open_run(client, None)
        run.finish()
        assert run.newest[0].prompt == "a white cat"
        assert run.newest[0].id != fox.id


def test_a_set_of_images_is_several(buyer: SeedreamClient) -> None:
    run = open_run(buyer, ANIMALS[:1], max_images=3)
    assert run.announcement.startswith("up to 3 images in the sandbox")
    run.finish()
    assert run.summary.images == len(run.frame["images"][0]) == 3


# Money.


def test_what_it_costs(paid_service: Sandbox, folder: Path) -> None:
    with connect(paid_service, folder) as client:
        run = open_run(client, model="4.5", size="2K")
        assert run.announcement == (
            "4 images; about $0.148 (prices of 2026-08); at 10 in flight and about 30 s each, about 30 s"
        )
        assert run.summary.estimate_left == pytest.approx(0.148)
        run.finish()
        assert run.summary.cost == pytest.approx(run.frame["cost"].sum())
        assert run.summary.cost > 0
        unknown = open_run(client, name="unknown", model="doubao-seedream-9-0-300101", strict=False)
        assert "price unknown" in unknown.announcement


def test_a_budget_holds_in_all_kernels(paid_service: Sandbox, folder: Path) -> None:
    with connect(paid_service, folder, budget=5) as client:
        run = open_run(client, model="4.5", size="2K", budget=0.1, in_flight=1)
        assert "has $0.10 left" in run.announcement
        with pytest.raises(BudgetExceededError):
            run.finish()
    assert paid(paid_service) == 2
    for budget in (None, 3):
        with connect(paid_service, folder, budget=budget) as client, pytest.raises(BudgetExceededError):
            open_run(client, None).finish()
    assert paid(paid_service) == 2
    with connect(paid_service, folder) as client:
        run = open_run(client, None, budget=0.14)
        with pytest.raises(BudgetExceededError):
            run.finish()
        assert (run.summary.done, run.summary.unsent, paid(paid_service)) == (3, 1, 3)
        assert len(open_run(client, None, budget="off").finish()) == 4


def test_the_time_that_tasks_took_before(buyer: SeedreamClient, sandbox: Sandbox) -> None:
    sandbox.settings.generation_seconds = 2.0
    sandbox.add_task("a cat", ready_in=0)
    open_run(buyer, ANIMALS[:1], name="before", interval=0.2).finish()
    assert "about 2 s each" in open_run(buyer, ANIMALS[1:]).announcement


# Threads and interrupts.


def test_in_the_background(buyer: SeedreamClient, sandbox: Sandbox) -> None:
    sandbox.settings.generation_seconds = 3600
    run = open_run(buyer, in_flight=1)
    assert run.start() is run
    assert run.is_running
    assert run.start().is_running
    other = open_run(buyer, None)
    assert other.is_running
    assert other.summary.is_running
    with pytest.raises(UsageError, match="is running"):
        run.remove()
    other.stop()
    assert not run.is_running
    summary = run.summary
    assert summary.done + summary.in_progress + summary.unsent == 4
    assert summary.unsent > 0
    sent = paid(sandbox)
    time.sleep(0.1)
    assert paid(sandbox) == sent
    sandbox.settings.generation_seconds = 0
    finish_tasks(sandbox)
    run.start()
    assert len(run.finish()) == paid(sandbox) == 4


def test_updates(buyer: SeedreamClient) -> None:
    summaries = list(open_run(buyer).updates())
    assert summaries[-1].done == 4
    assert [one.done for one in summaries] == sorted(one.done for one in summaries)


def test_leaving_the_loop_stops_it(buyer: SeedreamClient, sandbox: Sandbox) -> None:
    sandbox.settings.generation_seconds = 3600
    run = open_run(buyer, in_flight=1)
    for summary in run.updates():
        if summary.in_progress or summary.done:
            break
    del summary
    wait_until(lambda: not run.is_running)
    assert paid(sandbox) == 1
    sandbox.settings.generation_seconds = 0
    finish_tasks(sandbox)
    assert len(run.finish()) == paid(sandbox) == 4


@pytest.mark.heavy
def test_an_interrupt_at_any_line_loses_nothing(buyer: SeedreamClient, sandbox: Sandbox) -> None:
    run = open_run(buyer, [{"animal": f"cat {number}"} for number in range(40)], in_flight=1)
    interrupted = 0
    for line in itertools.count(1, 6):
        interrupt = interrupt_at(line, [run_module, worker], run.finish)
        assert not run.is_running
        if interrupt is None:
            break
        interrupted += 1
        if isinstance(interrupt, Interrupted):
            assert "Interrupted the run animals" in str(interrupt)
    assert interrupted > 10
    assert paid(sandbox) == run.summary.done == 40


def test_an_interrupt_does_not_stop_what_runs_in_the_background(buyer: SeedreamClient, sandbox: Sandbox) -> None:
    sandbox.settings.generation_seconds = 3600
    run = open_run(buyer, in_flight=1).start()
    interrupt = interrupt_at(20, [run_module], run.finish)
    assert "continues in the background" in str(interrupt)
    assert run.is_running
    wait_until(lambda: paid(sandbox) == 1)
    sandbox.settings.generation_seconds = 0
    finish_tasks(sandbox)
    assert len(run.finish()) == 4


def test_two_threads_finish_it_at_once(buyer: SeedreamClient, sandbox: Sandbox) -> None:
    opened = [open_run(buyer) for _thread in range(3)]
    threads = [threading.Thread(target=run.finish) for run in opened]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [run.summary.done for run in opened] == [4, 4, 4]
    assert paid(sandbox) == 4


# Images.


def test_originals_are_downloaded(buyer: SeedreamClient, sandbox: Sandbox, folder: Path) -> None:
    run = open_run(buyer, originals=True)
    with sandbox.faults.during("missing", on="downloads"):
        gallery = run.finish()
    assert len(gallery) == 4
    assert all(path.startswith("http") for paths in run.frame["images"] for path in paths)
    run.finish()
    paths = [path for paths in run.frame["images"] for path in paths]
    assert all(path.startswith(str(folder)) for path in paths)
    before = asked(sandbox)
    run.finish()
    assert asked(sandbox) == before
    items = list(run.items())
    assert [item.original for item in items] == paths
    assert items[0].record["animal"] == "cat"
    assert items[0].record["prompt"] == "a white cat"
    assert items[0].record["row"] == 1
    assert json.dumps([dict(item.record) for item in items])


def test_a_full_library_says_so(sandbox: Sandbox, folder: Path) -> None:
    with (
        Library(folder, budget=5) as library,
        SeedreamClient(sandbox.token, sandbox.url, library=library, retries=QUICK) as client,
    ):
        (image,) = client.retrieve(sandbox.examples[0].id).images
        library.tag(image.task_id, "stays")
        library.keep_image(image, b"an image")
        run = client.run(ANIMALS, name="animals", prompt="{animal}", interval=FAST)
        with pytest.warns(LibraryWarning, match="library is full"):
            run.finish()
        assert [path[0][:4] for path in run.frame["images"]] == ["http"] * 4
    assert paid(sandbox) == 4


def test_a_reference_image_counts_by_its_content(buyer: SeedreamClient, sandbox: Sandbox, tmp_path: Path) -> None:
    photo = tmp_path / "photo.png"
    Image.new("RGB", (64, 48), "red").save(photo)
    rows = [{"animal": "cat", "image": str(photo)}]
    open_run(buyer, rows).finish()
    open_run(buyer, rows).finish()
    assert paid(sandbox) == 1
    Image.new("RGB", (64, 48), "blue").save(photo)
    run = open_run(buyer, rows)
    assert run.summary.unsent == 1
    # It changes again before it is sent.
    Image.new("RGB", (64, 48), "green").save(photo)
    run.finish()
    assert "another one by now" in run.failures[0].message
    photo.unlink()
    with pytest.raises(UsageError, match=r"photo\.png"):
        open_run(buyer, rows)
    assert paid(sandbox) == 1


def test_inline_images_are_in_the_library(buyer: SeedreamClient, folder: Path) -> None:
    run = open_run(buyer, ANIMALS[:2], response_format="b64_json")
    run.finish()
    paths = [path for paths in run.frame["images"] for path in paths]
    assert len(paths) == 2
    assert all(path.startswith(str(folder)) for path in paths)


def test_a_link_as_reference_image(buyer: SeedreamClient, sandbox: Sandbox) -> None:
    link = buyer.retrieve(sandbox.examples[0].id).images[0].url
    rows = [{"animal": "cat", "image": link}, {"animal": "hen", "image": link}]
    run = open_run(buyer, rows)
    with (
        sandbox.faults.during("drop", on="images", processed=True, match="white hen"),
        sandbox.faults.during("server_error", on="tasks"),
    ):
        run.start()
        wait_until(lambda: run.summary.unclear > 0)
    wait_until(lambda: not run.is_running)
    with sandbox.faults.during("missing", on="downloads"):
        run = open_run(buyer, rows)
        assert (run.summary.unclear, run.summary.done) == (1, 1)
        assert len(run.finish()) == 2
    assert len(open_run(buyer, rows, name="again").finish()) == paid(sandbox) == 2


def test_an_image_in_memory_is_there_in_another_kernel(sandbox: Sandbox, folder: Path) -> None:
    image = Image.new("RGB", (64, 48), "red")
    with connect(sandbox, folder) as client:
        open_run(client, [{"animal": "cat", "image": image}])
    with connect(sandbox, folder) as client:
        (task,) = open_run(client, None).finish()
    assert "image" in client.retrieve(task.id, refresh=True).request
    assert paid(sandbox) == 1


def test_an_export(buyer: SeedreamClient, tmp_path: Path) -> None:
    run = open_run(buyer, originals=True)
    run.finish()
    report = run.export(tmp_path / "dataset")
    assert report.images == 4
    lines = (tmp_path / "dataset" / "metadata.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["animal"] for line in lines] == ["cat", "hen", "fox", "eel"]


def test_an_image_that_failed_keeps_its_place_in_an_export(buyer: SeedreamClient) -> None:
    run = open_run(buyer, [{"animal": animal} for animal in ("cat", "forbidden", "eel")], takes=2)
    run.finish()
    assert [item.place for item in run.items()] == [0, 1, 4, 5]


def test_it_is_removed(buyer: SeedreamClient, sandbox: Sandbox) -> None:
    run = open_run(buyer)
    run.finish()
    run.remove()
    assert buyer.runs() == []
    assert open_run(buyer).announcement.endswith("all already bought")
    assert paid(sandbox) == 4


def test_another_service_is_another_run(buyer: SeedreamClient, folder: Path) -> None:
    open_run(buyer).finish()
    with (
        SeedreamClient("a-token", "https://api.example.org", library=str(folder)) as other,
        pytest.raises(UsageError, match="belongs to http"),
    ):
        open_run(other, None)
    with Sandbox(generation_seconds=0.01) as another, connect(another, folder) as client:
        assert len(open_run(client, None).finish()) == paid(another) == 4


def test_many_rows_are_planned_page_by_page(
    buyer: SeedreamClient, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seedream_nb.runs.worker._LARGE_PAGE", 4)
    monkeypatch.setattr("seedream_nb.library.run_store.PAGE", 5)
    rows = [{"animal": f"cat {number % 12}"} for number in range(30)]
    run = open_run(buyer, rows, in_flight=3)
    run.finish()
    assert paid(sandbox) == run.summary.done == run.frame["task_id"].nunique() == 30
    assert [task.prompt for task in run.gallery] == [f"a white {row['animal']}" for row in rows]
    assert len(run.newest) == 12


@pytest.mark.heavy
def test_a_finished_run_of_ten_thousand_rows_again(buyer: SeedreamClient, sandbox: Sandbox, folder: Path) -> None:
    rows = [{"animal": f"cat {number}"} for number in range(10_000)]
    open_run(buyer, rows)
    store = RunStore(folder / "runs", "animals")
    with store._writing() as connection:
        connection.execute("UPDATE entries SET state = 'done', has_originals = 1")
    store.close()
    began = time.process_time()
    open_run(buyer, rows)
    assert time.process_time() - began < 1
    assert asked(sandbox) == 0
