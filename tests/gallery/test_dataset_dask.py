"""Work on a cluster of processes: everything that Dask may do to a part, and what a user sees of it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import dask
import pytest
from distributed import Future

from seedream_nb import ExportIncompleteError, UsageError
from seedream_nb.gallery import dataset_dask
from seedream_nb.gallery.dataset_dask import run_on_dask
from tests.gallery.cluster_work import die, double, fail_always, fail_at_first, reject, wait_for_a_file
from tests.gallery.clusters import open_cluster, scheduler_address
from tests.servers import closed_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from distributed import Client


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with open_cluster(allowed_failures=1) as opened:
        yield opened


def test_every_part_is_worked_on_and_parts_are_read_as_there_is_room(client: Client) -> None:
    results: list[int] = []
    ahead: list[int] = []

    def parts() -> Iterator[int]:
        for part in range(100):
            ahead.append(part - len(results))
            yield part

    for result in run_on_dask(double, parts(), client=client):
        results.append(result)  # noqa: PERF402  parts() looks at it meanwhile
    assert sorted(results) == [2 * part for part in range(100)]
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
