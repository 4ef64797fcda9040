"""Some of many paid requests fail: the others are unaffected, and an unknown outcome is always reported."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from seedream_nb import Gallery, TaskStatus
from seedream_nb.core.errors import (
    BadRequestError,
    BalanceUsedUpError,
    InvalidTokenError,
    ModerationError,
    OutcomeUnknownError,
    UsageError,
)
from tests.notebook.running import SMALL, paid, run, run_gallery, seen

if TYPE_CHECKING:
    from pathlib import Path

    from IPython.core.interactiveshell import InteractiveShell

    from seedream_nb import Sandbox

THREE = f'%seedream generate "a cat" "a dog" "a fox" {SMALL} --out made'


def statuses(shell: InteractiveShell) -> list[TaskStatus]:
    made = shell.user_ns["made"]
    assert isinstance(made, Gallery)
    return [task.status for task in made]


def test_one_rejected_request_does_not_affect_the_others(shell: InteractiveShell, service: Sandbox) -> None:
    with service.faults.during("error", on="images", match="a dog", code="bad_request"):
        gallery = run_gallery(shell, THREE)
    assert [task.status for task in gallery] == [TaskStatus.SUCCEEDED, TaskStatus.FAILED, TaskStatus.SUCCEEDED]
    cat, dog, fox = seen(gallery).tiles
    assert cat.embedded
    assert fox.embedded
    assert (dog.state, dog.column, dog.image) == ("✕ failed", "a dog", "")
    assert "(bad_request)" in dog.problem
    assert paid(service) == 3


def test_one_moderated_prompt_does_not_affect_the_others(shell: InteractiveShell, service: Sandbox) -> None:
    gallery = run_gallery(shell, f'%seedream generate "a cat" "a forbidden cat" {SMALL}')
    assert [task.status for task in gallery] == [TaskStatus.SUCCEEDED, TaskStatus.FAILED]
    assert "Rejected by the content check." in seen(gallery).tiles[1].problem
    assert paid(service) == 2


@pytest.mark.parametrize("way", ["", "--stream"])
def test_moderation_alone_fails_the_cell_after_showing_why(
    shell: InteractiveShell, service: Sandbox, capsys: pytest.CaptureFixture[str], way: str
) -> None:
    with pytest.raises((ModerationError, BadRequestError)):
        run(shell, f"%seedream generate a forbidden cat {SMALL} --out made {way}")
    assert "InputTextSensitiveContentDetected" in capsys.readouterr().out
    assert statuses(shell) == [TaskStatus.FAILED]
    assert shell.user_ns["_"] is shell.user_ns["made"]
    assert paid(service) == 1


def test_the_cell_fails_if_every_request_does(shell: InteractiveShell, service: Sandbox) -> None:
    with (
        service.faults.during("error", on="images", code="bad_request"),
        pytest.raises(BadRequestError, match=r"3 of 3 requests failed\. "),
    ):
        run(shell, THREE)
    assert paid(service) == 3


LOST = ["server_error", "drop", "html", "truncate"]


@pytest.mark.parametrize("kind", LOST)
def test_a_lost_answer_is_looked_up_in_the_history(shell: InteractiveShell, service: Sandbox, kind: Any) -> None:
    with service.faults.during(kind, on="images", match="a dog", processed=True):
        gallery = run_gallery(shell, THREE)
    assert [task.status for task in gallery] == [TaskStatus.SUCCEEDED] * 3
    assert paid(service) == 3


@pytest.mark.parametrize("kind", ["server_error", "drop", "html"])
def test_a_request_that_did_not_arrive_is_a_failure_that_cost_nothing(
    shell: InteractiveShell, service: Sandbox, kind: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEEDREAM_SETTLING_TIME", "0")
    with service.faults.during(kind, on="images", match="a dog"):
        gallery = run_gallery(shell, THREE)
    assert [task.status for task in gallery] == [TaskStatus.SUCCEEDED, TaskStatus.FAILED, TaskStatus.SUCCEEDED]
    assert "did not arrive; nothing was paid" in seen(gallery).tiles[1].problem


@pytest.fixture
def unrecorded(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """A service whose paid requests are not in a ledger, as there is no library."""
    monkeypatch.setenv("ACEDATACLOUD_API_TOKEN", sandbox.token)
    monkeypatch.setenv("ACEDATACLOUD_API_BASE_URL", sandbox.url)
    return sandbox


@pytest.mark.parametrize("kind", LOST)
@pytest.mark.parametrize("processed", [False, True])
def test_without_a_ledger_an_unknown_outcome_is_shown_and_fails_the_cell(
    shell: InteractiveShell, unrecorded: Sandbox, capsys: pytest.CaptureFixture[str], kind: Any, *, processed: bool
) -> None:
    with (
        unrecorded.faults.during(kind, on="images", match="a dog", processed=processed),
        pytest.raises(OutcomeUnknownError, match="1 of 3 requests failed") as caught,
    ):
        run(shell, THREE)
    assert "The request was sent, so the task may exist and may have been paid for." in caught.value.message
    assert statuses(shell) == [TaskStatus.SUCCEEDED, TaskStatus.FAILED, TaskStatus.SUCCEEDED]
    assert "3 tasks · 2 images · 1 failed" in capsys.readouterr().out
    assert paid(unrecorded) == 3
    # The line that it names finds the task, if there is one.
    (line,) = re.findall(r"%seedream history.*", caught.value.hint or "")
    prompts = {task.prompt for task in run_gallery(shell, line)}
    assert ("a dog" in prompts) is (processed or kind == "truncate")


def test_an_unknown_outcome_takes_precedence_over_a_known_failure(shell: InteractiveShell, unrecorded: Sandbox) -> None:
    service = unrecorded
    # The known failure is answered late: an early one would keep the other request from being sent.
    service.faults.add("latency", on="images", match="a cat", seconds=1)
    service.faults.add("error", on="images", match="a cat", code="used_up")
    service.faults.add("drop", on="images", match="a dog")
    with pytest.raises(OutcomeUnknownError):
        run(shell, THREE)


def test_a_used_up_balance_keeps_the_finished_images(
    shell: InteractiveShell, service: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    run(shell, "%seedream sandbox --balance 2")
    with pytest.raises(BalanceUsedUpError) as caught:
        run(shell, f"%seedream generate a cat {SMALL} --takes 8 --out made")
    counts = {status: statuses(shell).count(status) for status in TaskStatus}
    assert counts[TaskStatus.SUCCEEDED] == 2
    assert counts[TaskStatus.FAILED] == paid(service) - 2
    assert counts[TaskStatus.PENDING] == 8 - paid(service) > 0
    numbers = f"s {9 - counts[TaskStatus.PENDING]}-8 were" if counts[TaskStatus.PENDING] > 1 else " 8 was"
    assert f"Request{numbers} not sent, so not paid for." in caught.value.message
    shown = capsys.readouterr().out
    assert "○ not sent" in shown
    assert "✓ succeeded" in shown


def test_a_rejected_token_fails_the_cell_and_stops_at_once(shell: InteractiveShell, service: Sandbox) -> None:
    service.token = "expired-token"  # what the sandbox never accepts
    with pytest.raises(InvalidTokenError):
        run(shell, f"%seedream generate a cat {SMALL} --takes 8")
    assert paid(service) <= 4


def test_an_unwritable_directory_loses_nothing(
    shell: InteractiveShell, service: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(UsageError):
        run(shell, f"%seedream generate a cat {SMALL} --save {tmp_path / 'taken'} --out made")
    assert statuses(shell) == [TaskStatus.SUCCEEDED]
    assert shell.user_ns["_"] is shell.user_ns["made"]
    assert "✓ succeeded" in capsys.readouterr().out
    assert paid(service) == 1


def test_a_missing_image_does_not_fail_the_cell(shell: InteractiveShell, service: Sandbox) -> None:
    with service.faults.during("missing", on="downloads"):
        gallery = run_gallery(shell, f"%seedream generate a cat {SMALL}")
        assert seen(gallery).tiles[0].state == "! not available"
    assert seen(gallery).tiles[0].state == "✓ succeeded"
