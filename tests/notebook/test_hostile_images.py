"""Images from hosts that answer nonsense: the cell keeps its gallery, its value, and `%seedream last`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from seedream_nb import Gallery, TaskStatus
from seedream_nb.client.settings import BASE_URL_NAME, TOKEN_NAME
from tests.notebook.running import run, run_gallery, seen
from tests.protocol.samples import RECORD
from tests.raw_server import RawServer, head, whole
from tests.sample_images import plain
from tests.servers import TOKEN

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from IPython.core.interactiveshell import InteractiveShell

    from tests.scripted_server import Received

ODD = ["http://[::1", "//[", "http://x]/", "http://℀.com/", "file:///etc/passwd", "http://127.0.0.1:99999/"]
ID = "84d1544a-9043-4dde-a98b-e889dacd75f6"


def answer_json(text: str) -> Iterator[bytes]:
    yield head(200, "Content-Type: application/json", f"Content-Length: {len(text.encode())}") + text.encode()


@pytest.fixture
def hosts(monkeypatch: pytest.MonkeyPatch) -> Iterator[RawServer]:
    """A service with one task, whose images redirect to odd locations, and one good image."""

    def answer(received: Received) -> Iterable[bytes]:
        if received.method == "POST":
            if received.path.endswith("images"):
                return answer_json(json.dumps({"task_id": ID, "success": True}))
            links = [f"{server.url}/odd/{number}" for number in range(len(ODD))]
            items = [{"prompt": "a cat", "image_url": link} for link in [*links, *ODD, f"{server.url}/good"]]
            record = {**RECORD, "id": ID, "response": {"success": True, "task_id": ID, "data": items}}
            is_batch = received.json["action"] == "retrieve_batch"
            return answer_json(json.dumps({"items": [record]} if is_batch else record))
        if received.path == "/good":
            return whole(plain())
        location = ODD[int(received.path.rpartition("/")[2])]
        return [
            head(302, "Content-Length: 0").replace(b"\r\n\r\n", b"\r\nLocation: " + location.encode() + b"\r\n\r\n")
        ]

    with RawServer(answer) as server:
        monkeypatch.setenv(TOKEN_NAME, TOKEN)
        monkeypatch.setenv(BASE_URL_NAME, server.url)
        yield server


def check(gallery: Gallery) -> None:
    sheet = seen(gallery)
    assert [tile.state for tile in sheet.tiles] == ["! not available"] * (len(sheet.tiles) - 1) + ["✓ succeeded"]
    assert sheet.tiles[-1].embedded
    assert len(sheet.tiles) > len(ODD)


@pytest.mark.parametrize("line", ["%seedream generate a cat --out made", f"%seedream get {ID} --out made"])
def test_odd_redirects_cost_no_cell_its_result(
    shell: InteractiveShell, hosts: RawServer, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    gallery = run_gallery(shell, line)
    assert gallery[0].status is TaskStatus.SUCCEEDED
    assert shell.user_ns["made"] is shell.user_ns["_"] is gallery
    check(gallery)
    last = run_gallery(shell, "%seedream last")
    assert last[0].id == ID
    check(last)
    assert "Traceback" not in capsys.readouterr().out
    assert [received for received in hosts.received if received.method == "GET" and TOKEN in f"{received}"] == []


def test_saving_reports_what_could_not_be_fetched(shell: InteractiveShell, hosts: RawServer, tmp_path: Path) -> None:
    gallery = run_gallery(shell, f"%seedream get {ID} --save {tmp_path / 'out'}")
    assert gallery[0].id == ID
    assert sorted(file.suffix for file in (tmp_path / "out").iterdir()) == [".json", ".png"]
    assert hosts.received


def test_whatever_loading_raises_the_cell_keeps_its_result(
    shell: InteractiveShell, hosts: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: object, **_options: object) -> Gallery:
        raise RuntimeError("can't start new thread")

    assert hosts.url
    with monkeypatch.context() as broken:
        broken.setattr(Gallery, "load", fail)
        with pytest.raises(RuntimeError, match="new thread"):
            run(shell, "%seedream generate a cat --out made")
    assert shell.user_ns["made"] is shell.user_ns["_"]
    check(run_gallery(shell, "%seedream last"))
