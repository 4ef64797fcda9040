"""`%seedream watch`: it ends by itself, shows what went wrong, and leaves nothing behind."""

from __future__ import annotations

import re
import threading
import time
from typing import TYPE_CHECKING

import pytest

from seedream_nb import Gallery, TaskStatus
from seedream_nb.core.errors import UsageError
from tests.notebook.running import UNKNOWN, our_threads, run, run_gallery, wait_until
from tests.scripted_server import Answer, ScriptedServer
from tests.servers import TOKEN, finish_tasks

if TYPE_CHECKING:
    from typing import Any

    from IPython.core.interactiveshell import InteractiveShell

    from seedream_nb import Sandbox


def add(service: Sandbox, ready_in: float | None = 0.1, prompt: str = "a cat") -> str:
    return service.add_task(prompt, size="64x64", ready_in=ready_in)


def statuses(shell: InteractiveShell, name: str) -> list[TaskStatus]:
    gallery = shell.user_ns[name]
    assert isinstance(gallery, Gallery)
    return [task.status for task in gallery]


def until_it_ends() -> None:
    wait_until(lambda: our_threads() == [])


def test_it_leaves_the_cell_free_and_ends_by_itself(
    shell: InteractiveShell, service: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    task_id = add(service, ready_in=None)
    capsys.readouterr()
    with service.faults.during("latency", on="tasks", seconds=0.5):
        assert run(shell, f"%seedream watch {task_id} --out watched") is None
        # The next cell runs while not even the first answer has come.
        assert run(shell, "len(watched)") == 1
        assert statuses(shell, "watched") == [TaskStatus.PENDING]
        assert our_threads() != []
        finish_tasks(service)
        until_it_ends()
    assert statuses(shell, "watched") == [TaskStatus.SUCCEEDED]
    assert "1 task · 1 image" in capsys.readouterr().out


def test_it_leaves_no_thread(shell: InteractiveShell, service: Sandbox) -> None:
    before = {thread.ident for thread in threading.enumerate() if not thread.name.startswith("seedream-sandbox")}
    for _ in range(3):
        run(shell, f"%seedream watch {add(service)}")
    until_it_ends()
    after = {thread.ident for thread in threading.enumerate() if not thread.name.startswith("seedream-sandbox")}
    assert after <= before


def test_without_ids_it_watches_the_last_result(shell: InteractiveShell, service: Sandbox) -> None:
    service.settings.generation_seconds = 0.3
    run(shell, "%seedream generate a cat --model 4.0 --size 960x960 --no-wait")
    run(shell, "%seedream watch --out watched")
    until_it_ends()
    assert statuses(shell, "watched") == [TaskStatus.SUCCEEDED]


@pytest.mark.parametrize("kind", ["server_error", "drop", "html", "rate_limit"])
def test_failed_polls_are_retried(shell: InteractiveShell, service: Sandbox, kind: Any) -> None:
    service.faults.add(kind, on="tasks", times=2)
    run(shell, f"%seedream watch {add(service)} --out watched")
    until_it_ends()
    assert statuses(shell, "watched") == [TaskStatus.SUCCEEDED]


def test_a_temporary_error_does_not_end_it(shell: InteractiveShell, service: Sandbox) -> None:
    service.faults.add("error", on="tasks", code="invalid_token", times=1)
    run(shell, f"%seedream watch {add(service)} --out watched")
    until_it_ends()
    assert statuses(shell, "watched") == [TaskStatus.SUCCEEDED]


def test_a_persistent_error_is_shown(
    shell: InteractiveShell, service: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    service.faults.add("error", on="tasks", code="invalid_token")
    run(shell, f"%seedream watch {add(service)} --out watched")
    until_it_ends()
    assert "InvalidTokenError: The token" in capsys.readouterr().out
    assert statuses(shell, "watched") == [TaskStatus.PENDING]


def test_an_unknown_id_is_shown(shell: InteractiveShell, service: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    run(shell, f"%seedream watch {UNKNOWN}")
    until_it_ends()
    assert "? not found" in capsys.readouterr().out
    assert len(service.requests) == 3


def test_a_timeout_names_the_next_step(
    shell: InteractiveShell, service: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    task_id = add(service, ready_in=None)
    run(shell, f"%seedream watch {task_id} --timeout 0.1 --out watched")
    until_it_ends()
    shown = capsys.readouterr().out
    assert "WaitTimeoutError: Timed out after 0.1 s with 1 task unfinished." in shown
    (line,) = re.findall(r"Resume:\s+(%seedream wait .*)", shown)
    finish_tasks(service)
    assert run_gallery(shell, line)[0].status is TaskStatus.SUCCEEDED


def test_an_unwritable_directory_is_shown(
    shell: InteractiveShell, service: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    run(shell, "open('taken', 'w').close()")
    run(shell, f"%seedream watch {add(service)} --save taken --out watched")
    until_it_ends()
    assert "UsageError: " in capsys.readouterr().out
    assert statuses(shell, "watched") == [TaskStatus.SUCCEEDED]


class TestStopping:
    def test_stop_stops_all(self, shell: InteractiveShell, service: Sandbox) -> None:
        for name in ("one", "two"):
            run(shell, f"%seedream watch {add(service, ready_in=None)} --out {name}")
        assert str(run(shell, "%seedream watch --stop")) == "Stopped 2 watches; the tasks continue at the service."
        assert our_threads() == []
        asked = len(service.requests)
        assert str(run(shell, "%seedream watch --stop")) == "No watch is running."
        assert len(service.requests) == asked
        assert statuses(shell, "one") == [TaskStatus.PENDING]

    def test_stopping_the_sandbox_stops_all(self, shell: InteractiveShell, service: Sandbox) -> None:
        run(shell, f"%seedream watch {add(service, ready_in=None)}")
        run(shell, "%seedream sandbox stop")
        assert our_threads() == []

    def test_unloading_the_extension_stops_all(self, shell: InteractiveShell, service: Sandbox) -> None:
        run(shell, f"%seedream watch {add(service, ready_in=None)}")
        shell.run_line_magic("unload_ext", "seedream_nb")
        assert our_threads() == []
        shell.run_line_magic("load_ext", "seedream_nb")

    def test_all_watches_of_a_silent_service_share_one_deadline(
        self, shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("seedream_nb.notebook.session.SECONDS_TO_STOP", 0.5)  # for each, it would be 3
        with ScriptedServer(Answer(manner="hang"), at_once=True) as server:
            monkeypatch.setenv("ACEDATACLOUD_API_TOKEN", TOKEN)
            monkeypatch.setenv("ACEDATACLOUD_API_BASE_URL", server.url)
            for _ in range(6):
                run(shell, f"%seedream watch {UNKNOWN}")
            wait_until(lambda: len(server.received) == 6)
            begin = time.monotonic()
            assert "Stopped 6 watches" in str(run(shell, "%seedream watch --stop"))
            assert time.monotonic() - begin < 6 * 0.5 / 2
        until_it_ends()

    def test_ids_and_stop_contradict_each_other(self, shell: InteractiveShell, service: Sandbox) -> None:
        with pytest.raises(UsageError, match="--stop stops all watches and takes no ids"):
            run(shell, f"%seedream watch {add(service)} --stop")
        assert len(service.requests) == 0


def test_a_result_made_meanwhile_stays_the_last_one(shell: InteractiveShell, service: Sandbox) -> None:
    watched, other = add(service, ready_in=None), add(service, ready_in=0, prompt="a dog")
    run(shell, f"%seedream watch {watched} --out watched")
    run(shell, f"%seedream get {other}")
    finish_tasks(service)
    until_it_ends()
    assert statuses(shell, "watched") == [TaskStatus.SUCCEEDED]
    assert [task.id for task in run_gallery(shell, "%seedream last")] == [other]
