"""Exports on a real cluster of processes: workers and drivers that are killed, and a token that reaches nobody."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cloudpickle
import fsspec
import pytest

from seedream_nb import ConnectionFailedError, Gallery, SeedreamClient, UsageError, verify_dataset
from seedream_nb.gallery.datasets import export_dataset
from tests.benchmarks.records import make_record
from tests.gallery.buckets import BUCKET, BreakableWay, open_s3
from tests.gallery.cluster_work import find_in_worker, limit_retries
from tests.gallery.clusters import killing_workers, scheduler_address
from tests.gallery.dataset_samples import COLORS, contents_of, make_originals, sample_items, tiny
from tests.scripted_server import Answer, Received, ScriptedServer, as_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from distributed import Client, Future

    from seedream_nb import Sandbox
    from seedream_nb.gallery.dataset_parts import DatasetFormat
    from seedream_nb.gallery.datasets import DatasetReport

COUNT = 2500 if "CI" in os.environ else 500
PARTS = 50
PART = COUNT // PARTS
FORMATS: list[DatasetFormat] = ["imagefolder", "webdataset", "parquet"] if "CI" in os.environ else ["imagefolder"]
MODEL = "doubao-seedream-4-0-250828"
TOKEN = "a-token-that-must-stay-on-this-machine"


@pytest.fixture
def client(dask_client: Client) -> Client:
    return dask_client


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_originals(tmp_path_factory.mktemp("originals"))


@pytest.fixture(scope="module")
def host() -> Iterator[ScriptedServer]:
    """Has all tiny images."""
    images = {
        f"/{number}.jpg": Answer(tiny(number), headers={"Content-Type": "image/jpeg"}) for number in range(COLORS)
    }
    with ScriptedServer(lambda received: images[received.path], at_once=True) as server:
        yield server


@pytest.fixture(scope="module", params=FORMATS)
def undisturbed(
    request: pytest.FixtureRequest, originals: Path, host: ScriptedServer, tmp_path_factory: pytest.TempPathFactory
) -> tuple[DatasetFormat, dict[str, str]]:
    """A format, and the checksums of the files that an undisturbed export without a cluster writes."""
    folder = tmp_path_factory.mktemp("undisturbed")
    export_dataset(sample_items(COUNT, originals, host=host.url), folder, format=request.param, part_size=PART)
    return request.param, contents_of(folder)


def test_workers_that_are_killed_at_random_change_nothing(
    client: Client,
    originals: Path,
    host: ScriptedServer,
    tmp_path: Path,
    undisturbed: tuple[DatasetFormat, dict[str, str]],
) -> None:
    format, expected = undisturbed  # noqa: A001  as the option is called
    with killing_workers(client, seed=len(format), pause=(0.1, 0.6), most=4) as killed:
        report = export_dataset(
            sample_items(COUNT, originals, host=host.url),
            tmp_path,
            format=format,
            part_size=PART,
            client=client,
        )
    assert killed
    assert (report.images, report.parts) == (COUNT, PARTS)
    assert contents_of(tmp_path) == expected
    assert verify_dataset(tmp_path).is_intact


DRIVER = """
import sys
from pathlib import Path
from seedream_nb.gallery.datasets import export_dataset
from tests.gallery.dataset_samples import sample_items
count, part, originals, host, target, format, address = sys.argv[1:]
report = export_dataset(
    sample_items(int(count), Path(originals), host=host), target, format=format, part_size=int(part), client=address
)
print(report.new_parts)
"""


def test_a_driver_that_is_killed_and_started_again_finishes(
    client: Client,
    originals: Path,
    host: ScriptedServer,
    tmp_path: Path,
    undisturbed: tuple[DatasetFormat, dict[str, str]],
) -> None:
    format, expected = undisturbed  # noqa: A001  as above
    arguments = [
        str(COUNT),
        str(PART),
        str(originals),
        host.url,
        str(tmp_path),
        format,
        scheduler_address(client),
    ]
    command = [sys.executable, "-c", DRIVER, *arguments]
    with subprocess.Popen(command, cwd=Path(__file__).parents[2], stdout=subprocess.PIPE) as driver:
        deadline = time.monotonic() + 60
        while len(list(tmp_path.glob(".seedream/parts/*.json"))) < 10 and time.monotonic() < deadline:
            time.sleep(0.01)
        driver.send_signal(signal.SIGKILL)
    assert not (tmp_path / ".seedream" / "manifest.json").exists()
    again = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True)
    assert 0 < int(again.stdout) <= PARTS - 10
    assert contents_of(tmp_path) == expected


class Service(ScriptedServer):
    """An API with finished tasks, and the host of their images, which waits until it is let go.

    Attributes:
        went_on: Lets the images go.
    """

    def __init__(self, count: int) -> None:
        self.went_on = threading.Event()
        self._records = [make_record(number, "a cat", MODEL, "16x16", "") for number in range(count)]
        super().__init__(self._answer_to, at_once=True)

    @property
    def ids(self) -> list[str]:
        return [str(record["id"]) for record in self._records]

    def _answer_to(self, received: Received) -> Answer:
        if received.method == "POST":
            for number, record in enumerate(self._records):
                record["response"]["data"][0]["image_url"] = f"{self.url}/{number}.jpg"
            return as_json({"items": self._records, "count": len(self._records)})
        self.went_on.wait(30)
        return Answer(tiny(int(received.path.strip("/").partition(".")[0])), headers={"Content-Type": "image/jpeg"})


def test_the_token_reaches_no_worker_and_no_host(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    submitted: list[object] = []
    submit = client.submit

    def note_and_submit(*given: Any, **named: Any) -> Future[Any]:
        submitted.append((given, named))
        return submit(*given, **named)

    monkeypatch.setattr(client, "submit", note_and_submit)
    service = Service(20)
    with service, SeedreamClient(TOKEN, service.url, library="off") as seedream:
        gallery = Gallery(seedream.retrieve_batch(service.ids), fetcher=seedream.fetcher)
        export = threading.Thread(target=lambda: gallery.export_dataset(tmp_path, part_size=5, client=client))
        export.start()
        while not any(received.method == "GET" for received in service.received):
            time.sleep(0.01)
        found = client.run(find_in_worker, TOKEN[::-1])
        service.went_on.set()
        export.join()
    assert len(contents_of(tmp_path / "images")) == 20
    assert list(found.values()) == [[], []]
    assert list(client.run(find_in_worker, TOKEN[::-1]).values()) == [[], []]
    assert len(submitted) == 4
    assert TOKEN.encode() not in b"".join(map(cloudpickle.dumps, submitted))
    sent = {method: [one.headers for one in service.received if one.method == method] for method in ("POST", "GET")}
    assert all(TOKEN in headers["authorization"] for headers in sent["POST"])
    assert len(sent["GET"]) == 20
    assert not any({"authorization", "cookie"} & set(headers) for headers in sent["GET"])
    assert not any(TOKEN in str(headers) for headers in sent["GET"])


def test_a_run_is_exported_on_a_cluster(client: Client, sandbox: Sandbox, tmp_path: Path) -> None:
    rows = [{"animal": animal} for animal in ("cat", "dog", "owl", "fox")]
    with SeedreamClient(sandbox.token, sandbox.url, library=tmp_path / "library") as seedream:
        run = seedream.run(rows, name="animals", prompt="a small {animal}", size="2K", interval=0.05)
        run.finish()
        alone = run.export(tmp_path / "alone", "webdataset", part_size=2)
        together = run.export(tmp_path / "together", "webdataset", part_size=2, client=client)
    assert (alone.images, together.images, together.parts) == (4, 4, 2)
    assert contents_of(tmp_path / "together") == contents_of(tmp_path / "alone")


def test_the_search_in_a_worker_finds_a_token(client: Client) -> None:
    held = client.scatter({"token": TOKEN}, broadcast=True)
    assert all(client.run(find_in_worker, TOKEN[::-1]).values())
    del held


@pytest.mark.parametrize("format", FORMATS)
def test_workers_write_to_a_bucket_and_a_broken_connection_is_one_clear_error(
    client: Client,
    originals: Path,
    tmp_path: Path,
    format: DatasetFormat,  # noqa: A002  as the option is called
) -> None:
    export_dataset(sample_items(40, originals), tmp_path, format=format, part_size=5)
    address = f"s3://{BUCKET}/{format}"
    client.run(limit_retries)
    with open_s3() as s3, BreakableWay(s3.endpoint, breaks_after=60_000) as way:

        def export() -> DatasetReport:
            options = s3.at(way.endpoint).options
            items = sample_items(40, originals)
            return export_dataset(items, address, format=format, part_size=5, storage_options=options, client=client)

        with pytest.raises(ConnectionFailedError) as caught:
            export()
        way.repair()
        report = export()
        system, root = fsspec.url_to_fs(address, **s3.options)
        written = {name.removeprefix(f"{root}/"): system.cat_file(name) for name in system.find(root)}
        logs = f"{caught.value} {report} {client.get_worker_logs()} {client.get_scheduler_logs()}"
    assert report.images == 40
    assert {name: hashlib.sha256(content).hexdigest() for name, content in written.items()} == contents_of(tmp_path)
    assert s3.keys.secret not in logs
    assert s3.keys.key not in logs
    assert not any(s3.keys.secret.encode() in content for content in written.values())


def test_a_target_that_only_a_worker_sees_is_one_clear_error(client: Client, originals: Path) -> None:
    with pytest.raises(UsageError, match="A worker wrote to memory://cats, and this machine does not see it there"):
        export_dataset(sample_items(5, originals), "memory://cats", client=client)


def test_progress_counts_all_items(client: Client, originals: Path, tmp_path: Path) -> None:
    steps: list[int] = []
    items = sample_items(95, originals)
    export_dataset(items, tmp_path, part_size=10, client=client, on_progress=steps.append)
    assert (len(steps), sum(steps)) == (10, 95)
