"""`%seedream wait`: nothing known is lost, and the hint is a line that runs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from seedream_nb import Gallery, Pace, TaskStatus
from seedream_nb.core.errors import InvalidTokenError, TaskNotFoundError, UsageError, WaitTimeoutError
from seedream_nb.notebook import session
from tests.notebook.running import UNKNOWN, our_threads, paid, run, run_gallery, seen, wait_until
from tests.servers import finish_tasks

if TYPE_CHECKING:
    from typing import Any

    from IPython.core.interactiveshell import InteractiveShell

    from seedream_nb import Sandbox


def add(service: Sandbox, prompt: str = "a cat", ready_in: float | None = 0.1) -> str:
    return service.add_task(prompt, size="64x64", ready_in=ready_in)


def kept(shell: InteractiveShell, name: str) -> list[tuple[str, TaskStatus]]:
    gallery = shell.user_ns[name]
    assert isinstance(gallery, Gallery)
    return [(task.id, task.status) for task in gallery]


class TestTasks:
    @pytest.mark.parametrize(
        "code", ["%seedream wait {a} {b}", "%seedream wait {ids}", "%%seedream wait {a}\n\nB  # the other"]
    )
    def test_ids_on_the_line_or_in_the_cell(self, shell: InteractiveShell, service: Sandbox, code: str) -> None:
        a, b = add(service), add(service, ready_in=0)
        shell.user_ns |= {"ids": [a, b], "a": a, "b": b}
        gallery = run_gallery(shell, code.replace("B", b))
        assert [(task.id, task.status) for task in gallery] == [(a, TaskStatus.SUCCEEDED), (b, TaskStatus.SUCCEEDED)]
        assert all(tile.embedded for tile in seen(gallery).tiles)
        assert paid(service) == 0

    def test_without_ids_it_waits_for_the_last_result(self, shell: InteractiveShell, service: Sandbox) -> None:
        service.settings.generation_seconds = 0.3
        started = run_gallery(shell, '%seedream generate "a cat" "a dog" --model 4.0 --size 960x960 --no-wait')
        finished = run_gallery(shell, "%seedream wait")
        assert [task.id for task in finished] == [task.id for task in started]
        assert {task.status for task in finished} == {TaskStatus.SUCCEEDED}
        requests = len(service.requests)
        assert list(run_gallery(shell, "%seedream wait")) == list(finished)
        assert len(service.requests) == requests

    def test_without_ids_the_last_result_keeps_its_layout(self, shell: InteractiveShell, service: Sandbox) -> None:
        service.settings.generation_seconds = 0.3
        line = '%seedream generate "a cat" "a dog" --model 4.0 --size 960x960 1024x1024 --columns 2 --no-wait'
        started = run_gallery(shell, line)
        finished = run_gallery(shell, "%seedream wait --thumbnail 160")
        assert started.table is not None
        assert finished.table == started.table
        assert (finished.options.columns, finished.options.thumbnail) == (2, 160)
        done, still_open = add(service, ready_in=0), add(service, ready_in=2)  # longer than `get` takes
        run(shell, f"%seedream get {done} {still_open}")
        service.requests.clear()
        both = run_gallery(shell, "%seedream wait")
        assert [(task.id, task.status) for task in both] == [(key, TaskStatus.SUCCEEDED) for key in (done, still_open)]
        questions = service.requests.of_kind("tasks")
        assert questions
        assert not any(done in request.ids for request in questions)

    @pytest.mark.usefixtures("service")
    def test_without_ids_or_a_result(self, shell: InteractiveShell) -> None:
        with pytest.raises(UsageError, match="There is no result in this kernel yet"):
            run(shell, "%seedream wait")

    def test_a_repeated_id_is_shown_repeatedly(self, shell: InteractiveShell, service: Sandbox) -> None:
        task_id = add(service)
        assert len(run_gallery(shell, f"%seedream wait {task_id} {task_id.upper()}")) == 2

    def test_an_unknown_id_among_others_is_a_tile(self, shell: InteractiveShell, service: Sandbox) -> None:
        gallery = run_gallery(shell, f"%seedream wait {add(service)} {UNKNOWN}")
        assert [task.status for task in gallery] == [TaskStatus.SUCCEEDED, TaskStatus.NOT_FOUND]

    def test_only_unknown_ids_fail_the_cell(self, shell: InteractiveShell, service: Sandbox) -> None:
        with pytest.raises(TaskNotFoundError, match=UNKNOWN):
            run(shell, f"%seedream wait {UNKNOWN}")
        assert len(service.requests) == 3

    def test_a_failed_task_is_a_tile(self, shell: InteractiveShell, service: Sandbox) -> None:
        failed = service.add_task("a cat", error=("InputTextSensitiveContentDetected", "no"), ready_in=0.1)
        assert run_gallery(shell, f"%seedream wait {failed}")[0].status is TaskStatus.FAILED


def test_out_json_and_save(shell: InteractiveShell, service: Sandbox) -> None:
    task_id = add(service)
    records: Any = run(shell, f"%seedream wait {task_id} --json --out records --save kept")
    assert records[task_id]["response"]["success"] is True
    assert shell.user_ns["records"] is records


@pytest.mark.parametrize("kind", ["server_error", "drop", "html", "truncate", "rate_limit"])
def test_failed_polls_are_retried(shell: InteractiveShell, service: Sandbox, kind: Any) -> None:
    task_id = add(service)
    service.faults.add(kind, on="tasks", times=2)
    assert run_gallery(shell, f"%seedream wait {task_id}")[0].status is TaskStatus.SUCCEEDED


def test_an_error_of_every_poll_ends_it(
    shell: InteractiveShell, service: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    done, task_id = add(service, ready_in=0), add(service, ready_in=None)
    service.faults.add("error", on="tasks", code="invalid_token", after=1)
    with pytest.raises(InvalidTokenError):
        run(shell, f"%seedream wait {task_id} {done} --out made")
    assert kept(shell, "made") == [(task_id, TaskStatus.PENDING), (done, TaskStatus.SUCCEEDED)]
    assert kept(shell, "_") == kept(shell, "made")
    assert "✓ succeeded" in capsys.readouterr().out


class TestTimeout:
    def test_what_is_known_is_shown_and_kept(
        self, shell: InteractiveShell, service: Sandbox, capsys: pytest.CaptureFixture[str]
    ) -> None:
        quick, slow = add(service, ready_in=0), add(service, "a dog", ready_in=None)
        with pytest.raises(WaitTimeoutError, match=r"Timed out after 0\.3 s with 1 of 2 tasks unfinished"):
            run(shell, f"%seedream wait {quick} {slow} --timeout 0.3 --out made")
        assert kept(shell, "made") == [(quick, TaskStatus.SUCCEEDED), (slow, TaskStatus.PENDING)]
        assert kept(shell, "_") == kept(shell, "made")
        shown = capsys.readouterr().out
        assert "2 tasks · 1 image · 1 pending" in shown
        assert "a dog" in shown

    def test_the_hint_is_a_line_that_runs(self, shell: InteractiveShell, service: Sandbox) -> None:
        quick, *slow = add(service, ready_in=0), add(service, ready_in=None), add(service, ready_in=None)
        with pytest.raises(WaitTimeoutError) as caught:
            run(shell, f"%seedream wait {quick} {' '.join(slow)} --timeout 0.1")
        (line,) = re.findall(r"%seedream wait .*", caught.value.hint or "")
        finish_tasks(service)
        gallery = run_gallery(shell, line)
        assert [(task.id, task.status) for task in gallery] == [(task_id, TaskStatus.SUCCEEDED) for task_id in slow]

    def test_a_generation_that_takes_too_long(self, shell: InteractiveShell, service: Sandbox) -> None:
        service.settings.generation_seconds = 3600
        with pytest.raises(WaitTimeoutError) as caught:
            run(shell, '%seedream generate "a cat" "a dog" --timeout 0.1 --out made')
        assert caught.value.hint == "Run the cell again to continue: what was sent is not paid for again."
        ids = [task_id for task_id, _ in kept(shell, "made")]
        assert kept(shell, "_") == kept(shell, "made")
        with pytest.raises(WaitTimeoutError):
            run(shell, '%seedream generate "a cat" "a dog" --timeout 0.1 --out made')
        assert [task_id for task_id, _ in kept(shell, "made")] == ids
        assert paid(service) == 2

    def test_ids_are_kept_although_every_poll_failed(
        self, shell: InteractiveShell, service: Sandbox, capsys: pytest.CaptureFixture[str]
    ) -> None:
        task_id = add(service, ready_in=None)
        capsys.readouterr()
        with service.faults.during("server_error", on="tasks"), pytest.raises(WaitTimeoutError) as caught:
            run(shell, f"%seedream wait {task_id} --timeout 0.3 --out made")
        assert f"%seedream wait {task_id}" in (caught.value.hint or "")
        # It was not asked in vain: that the service does not know the id would be a lie.
        assert kept(shell, "made") == kept(shell, "_") == [(task_id, TaskStatus.PENDING)]
        assert "1 task · " not in capsys.readouterr().out


@pytest.mark.parametrize(
    "line", ["%seedream wait --interval 0.05", "%seedream generate a cat --model 4.0 --size 960x960 --interval 0.05"]
)
def test_the_interval_between_polls_is_fixed(
    shell: InteractiveShell, service: Sandbox, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    monkeypatch.setattr(session, "SANDBOX_PACE", Pace(first=3600, longest=3600))  # what an interval takes the place of
    service.settings.generation_seconds = 1
    if "wait" in line:
        run(shell, "%seedream generate a cat --model 4.0 --size 960x960 --no-wait")
    run_gallery(shell, f"{line} --timeout 30")
    assert len(service.requests.of_kind("tasks")) > 2  # the first one and the one at the very end


def test_no_thread_is_left(shell: InteractiveShell, service: Sandbox) -> None:
    with pytest.raises(WaitTimeoutError):
        run(shell, f"%seedream wait {add(service, ready_in=None)} --timeout 0.2")
    run(shell, f"%seedream wait {add(service)}")
    wait_until(lambda: our_threads() == [])
