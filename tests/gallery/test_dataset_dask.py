"""Work on a cluster of processes: everything that Dask may do to a part, and what a user sees of it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import dask
import pytest
from distributed import Client, Future, LocalCluster

from seedream_nb import ExportIncompleteError, UsageError
from seedream_nb.gallery import dataset_dask
from seedream_nb.gallery.dataset_dask import run_on_dask
from tests.gallery.cluster_work import die, double, fail_always, fail_at_first, reject, wait_for_a_file
from tests.gallery.clusters import scheduler_address
from tests.servers import closed_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def client(dask_client: Client, monkeypatch: pytest.MonkeyPatch) -> Client:
    assert isinstance(dask_client.cluster, LocalCluster)
    monkeypatch.setattr(dask_client.cluster.scheduler, "allowed_failures", 1)
    return dask_client


def test_every_part_is_worked_on_and_parts_are_read_as_there_is_room(client: Client) -> None:
    results: list[int] = []
    ahead: list[int] = []

    def parts() -> Iterator[int]:
        for part in range(40):
            ahead.append(part - len(results))
            yield part

    for result in run_on_dask(double, parts(), client=client):
        results.append(result)  # noqa: PERF402  parts() looks at it meanwhile
    assert sorted(results) == [2 * part for part in range(40)]
    assert max(ahead) <= dataset_dask.FEWEST_PARTS


def test_dask_retries_a_part(client: Client, tmp_path: Path) -> None:
    assert sorted(run_on_dask(fail_at_first, range(4), tmp_path, client=client)) == [0, 1, 2, 3]


def test_a_part_that_always_fails_is_one_clear_error(client: Client) -> None:
    with pytest.raises(
        ExportIncompleteError, match=r"failed on the Dask cluster \(OSError: no space for part 0\)"
    ) as caught:
        list(run_on_dask(fail_always, [0], client=client))
    assert "Run the same line again" in str(caught.value.hint)


def test_an_error_of_ours_arrives_as_it_was_raised(client: Client) -> None:
    with pytest.raises(UsageError) as caught:
        list(run_on_dask(reject, [0], client=client))
    assert (caught.value.message, caught.value.hint) == ("There is no such bucket.", "Create it.")


def test_a_result_that_cannot_be_fetched_at_first_is_fetched_again(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    scheduler: Any = client.scheduler
    gather = scheduler.gather
    failures = iter(range(dataset_dask.RESULT_ATTEMPTS - 1))

    async def gather_later(**named: object) -> object:
        if next(failures, None) is not None:
            raise OSError("Timed out trying to connect to the scheduler")
        return await gather(**named)

    monkeypatch.setattr(client.scheduler, "gather", gather_later, raising=False)
    assert list(run_on_dask(double, [1], client=client)) == [2]


def test_results_that_can_never_be_fetched_are_one_clear_error(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    async def gather_never(**_named: object) -> None:
        raise OSError("Timed out trying to connect to the scheduler")

    monkeypatch.setattr(client.scheduler, "gather", gather_never, raising=False)
    with pytest.raises(ExportIncompleteError, match=r"\(OSError: Timed out trying to connect to the scheduler\)"):
        list(run_on_dask(double, [1, 2], client=client))


def test_a_scheduler_that_is_too_busy_to_count_its_workers_stops_nothing(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def count_never() -> None:
        raise OSError("Timed out trying to connect to the scheduler")

    monkeypatch.setattr(client, "nthreads", count_never)
    assert sorted(run_on_dask(double, range(20), client=client)) == list(range(0, 40, 2))


def test_a_cluster_that_loses_most_of_its_workers_goes_on(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dataset_dask, "CHECK_SECONDS", 0.0)
    counts = iter([{"a": 10, "b": 1}])
    monkeypatch.setattr(client, "nthreads", lambda: next(counts, {"b": 1}))
    assert sorted(run_on_dask(double, range(40), client=client)) == list(range(0, 80, 2))


def test_results_that_nobody_was_told_of_are_had_again(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dataset_dask, "CHECK_SECONDS", 0.05)
    monkeypatch.setattr(dataset_dask, "STALL_SECONDS", 0.1)
    tell: Any = client._handle_key_in_memory
    told: list[object] = []

    def lose_the_first(key: object, **named: object) -> None:
        told.append(key)
        if len(told) > 3:
            tell(key, **named)

    monkeypatch.setitem(client._stream_handlers, "key-in-memory", lose_the_first)
    assert sorted(run_on_dask(double, [1, 2, 3], client=client)) == [2, 4, 6]
    assert len(told) >= 6


def test_a_cluster_without_workers_is_one_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dataset_dask, "CHECK_SECONDS", 0.05)
    monkeypatch.setattr(dataset_dask, "IDLE_SECONDS", 0.2)
    with (
        LocalCluster(n_workers=0, processes=False, dashboard_address="127.0.0.1:0") as cluster,
        Client(cluster, set_as_default=False) as client,
        pytest.raises(ExportIncompleteError, match="The Dask cluster has had no workers for 0 seconds") as caught,
    ):
        list(run_on_dask(double, [1], client=client))
    assert "client.wait_for_workers(1)" in str(caught.value.hint)


def test_a_part_that_kills_its_workers_is_one_clear_error(client: Client) -> None:
    with pytest.raises(ExportIncompleteError, match="2 workers died while they had it") as caught:
        list(run_on_dask(die, [0], client=client))
    assert "distributed.scheduler.allowed-failures" in str(caught.value)
    assert list(run_on_dask(double, [1], client=client)) == [2]


def test_what_is_still_running_is_canceled_when_the_iteration_ends(client: Client, tmp_path: Path) -> None:
    results = run_on_dask(wait_for_a_file, range(50), tmp_path / "file", client=client)
    assert next(results) == 0
    results.close()  # type: ignore[attr-defined]
    (tmp_path / "file").touch()
    assert list(run_on_dask(double, [1], client=client)) == [2]
    assert len(list(tmp_path.glob("started-*"))) < dataset_dask.FEWEST_PARTS


def test_a_cluster_that_is_restarted_meanwhile_is_one_clear_error(client: Client, tmp_path: Path) -> None:
    results = run_on_dask(wait_for_a_file, range(3), tmp_path / "file", client=client)
    assert next(results) == 0
    client.cancel([Future(key, client) for key in list(client.futures)])  # as client.restart() does first of all
    with pytest.raises(ExportIncompleteError, match="The Dask cluster is gone, or was restarted") as caught:
        list(results)
    (tmp_path / "file").touch()
    assert "Run the same line again" in str(caught.value)


def test_the_address_of_a_scheduler_will_do(client: Client) -> None:
    with dataset_dask.open_cluster(scheduler_address(client)) as opened:
        assert opened is not None
        assert list(run_on_dask(double, [1], client=opened)) == [2]


def test_an_address_without_a_scheduler_is_one_clear_error() -> None:
    with (
        dask.config.set({"distributed.comm.timeouts.connect": "0.2s"}),
        pytest.raises(UsageError, match=r"Can't connect to a Dask scheduler at tcp://127\.0\.0\.1"),
        dataset_dask.open_cluster(f"tcp://127.0.0.1:{closed_port()}"),
    ):
        pass


def test_what_is_no_cluster_is_one_clear_error() -> None:
    with pytest.raises(UsageError, match="not int"), dataset_dask.open_cluster(8):
        pass


def test_without_dask_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(UsageError, match=r'pip install "seedream_nb\[dask\]"'), dataset_dask.open_cluster("tcp://x"):
        pass
