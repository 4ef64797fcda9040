"""The same cell again: what was bought before is shown, and what is missing is paid for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from seedream_nb.core.errors import ModerationError, OutcomeUnknownError, UsageError, WaitTimeoutError
from tests.notebook.running import SMALL, paid, run, run_gallery
from tests.servers import finish_tasks

if TYPE_CHECKING:
    from pathlib import Path

    from IPython.core.interactiveshell import InteractiveShell

    from seedream_nb import Sandbox

CELL = f'%seedream generate "a cat" "a dog" "a fox" {SMALL}'


def restart(shell: InteractiveShell) -> None:
    """What a new kernel knows: nothing."""
    shell.run_line_magic("reload_ext", "seedream_nb")


@pytest.fixture
def live(paid_service: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """A service that outlives the kernel, with a library that does so, too."""
    sandbox = paid_service
    monkeypatch.setenv("ACEDATACLOUD_API_TOKEN", sandbox.token)
    monkeypatch.setenv("ACEDATACLOUD_API_BASE_URL", sandbox.url)
    monkeypatch.setenv("SEEDREAM_LIBRARY", str(tmp_path / "library"))
    monkeypatch.setenv("SEEDREAM_SETTLING_TIME", "0")
    return sandbox


def test_a_finished_cell_costs_nothing_in_a_new_kernel(shell: InteractiveShell, live: Sandbox) -> None:
    first = run_gallery(shell, CELL)
    assert "kept" not in repr(first)
    restart(shell)
    live.stop()  # offline as well
    again = run_gallery(shell, CELL)
    assert [task.id for task in again] == [task.id for task in first]
    assert repr(again).splitlines()[0] == "3 tasks · 3 images · kept from today"
    assert paid(live) == 3


def test_only_what_is_missing_is_paid_for(shell: InteractiveShell, live: Sandbox) -> None:
    run(shell, f'%seedream generate "a cat" "a fox" {SMALL}')
    gallery = run_gallery(shell, CELL)
    assert paid(live) == 3
    assert repr(gallery).splitlines()[0] == "3 tasks · 3 images · 2 kept from today, 1 new"
    assert repr(run(shell, f"{CELL} --dry-run")).startswith("0 paid requests (3 prompts), 3 of 3 paid before")
    announced = repr(run(shell, f'%seedream generate "a cat" "a cow" {SMALL} --dry-run'))
    assert announced.startswith(
        "1 paid request (2 prompts), about $0.03 (prices of 2026-08), 1 of 2 paid before. Nothing was sent."
    )


def test_what_failed_is_not_new(shell: InteractiveShell, live: Sandbox) -> None:
    run(shell, f'%seedream generate "a cat" "a fox" {SMALL}')
    with live.faults.during("error", on="images", code="bad_request"):
        gallery = run_gallery(shell, CELL)
    assert repr(gallery).splitlines()[0] == "3 tasks · 2 images · 1 failed · 2 kept from today"


def test_takes_are_counted_in_all_and_again_pays_for_new_ones(shell: InteractiveShell, live: Sandbox) -> None:
    run(shell, f"%seedream generate a cat {SMALL}")
    gallery = run_gallery(shell, f"%seedream generate a cat {SMALL} --takes 3")
    assert (paid(live), len({task.id for task in gallery})) == (3, 3)
    run(shell, f"%seedream generate a cat {SMALL} --again")
    assert paid(live) == 4
    run(shell, f"%seedream generate a cat {SMALL} --takes 4")
    assert paid(live) == 4


def test_a_loop_orders_several_takes_and_is_paid_for_once(shell: InteractiveShell, live: Sandbox) -> None:
    loop = (
        f"made = []\nfor _ in range(3):\n    task = %seedream generate a cat {SMALL}\n    made.append(task[0].id)\nmade"
    )
    first: Any = run(shell, loop)
    assert (paid(live), len(set(first))) == (3, 3)
    assert run(shell, loop) == first
    assert paid(live) == 3


def test_a_loop_that_tries_again_orders_one_take(shell: InteractiveShell, live: Sandbox) -> None:
    live.faults.add("error", on="images", code="used_up", times=2)
    loop = (
        "for _ in range(5):\n    try:\n"
        f"        %seedream generate a cat {SMALL}\n        break\n    except Exception:\n        pass"
    )
    for _run in range(2):
        run(shell, loop)
    run(shell, f"%seedream generate a cat {SMALL} --takes 1")
    assert paid(live) == 3  # two of them were rejected, and not charged


def test_only_what_is_paid_for_needs_a_confirmation(shell: InteractiveShell, live: Sandbox) -> None:
    run(shell, f"%seedream generate a cat {SMALL} --takes 6")
    run(shell, f"%seedream generate a cat {SMALL} --takes 12")
    with pytest.raises(UsageError, match="This would send 12 paid requests"):
        run(shell, f"%seedream generate a cat {SMALL} --takes 12 --again")
    assert paid(live) == 12


def test_it_can_be_turned_off(shell: InteractiveShell, live: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEEDREAM_REUSE", "off")
    restart(shell)
    for _run in range(2):
        run(shell, f"%seedream generate a cat {SMALL}")
    assert paid(live) == 2
    assert "paid again" in repr(run(shell, "%seedream config"))
    assert "not paid again" in repr(run(shell, "%seedream config --reuse on"))
    run(shell, f"%seedream generate a cat {SMALL}")
    assert paid(live) == 2
    run(shell, "%seedream config --reuse off")
    run(shell, f"%seedream generate a cat {SMALL}")
    assert paid(live) == 3


def test_an_edit_is_kept_as_well(shell: InteractiveShell, live: Sandbox) -> None:
    run(shell, f"gallery = %seedream generate a cat {SMALL}")
    first = run_gallery(shell, f"%seedream edit gallery[0] make it blue {SMALL}")
    assert run_gallery(shell, f"%seedream edit gallery[0] make it blue {SMALL}")[0].id == first[0].id
    assert paid(live) == 2


def test_a_moderated_prompt_is_sent_once(shell: InteractiveShell, live: Sandbox) -> None:
    for _run in range(2):
        with pytest.raises(ModerationError):
            run(shell, f"%seedream generate a forbidden cat {SMALL}")
    assert paid(live) == 1


def test_resume_shows_what_an_earlier_kernel_left(
    shell: InteractiveShell, live: Sandbox, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert repr(run(shell, "%seedream resume")) == "No paid request is unfinished."
    monkeypatch.setenv("JPY_SESSION_NAME", "/home/me/cats.ipynb")
    live.settings.generation_seconds = 0.2
    run(shell, f"%seedream generate a cat {SMALL} --no-wait")
    with (
        live.faults.during("drop", on="images", processed=True, times=1),
        live.faults.during("server_error", on="tasks"),
        pytest.raises(OutcomeUnknownError),
    ):
        run(shell, f"%seedream generate a dog {SMALL}")
    restart(shell)
    assert "purchases 2 unfinished: %seedream resume" in repr(run(shell, "%seedream config"))
    queries = len(live.requests.of_kind("tasks"))
    gallery = run_gallery(shell, "%seedream resume")
    assert len(live.requests.of_kind("tasks")) > queries
    assert {task.prompt: task.status.value for task in gallery} == {"a cat": "succeeded", "a dog": "succeeded"}
    shown = capsys.readouterr().out
    assert "2 paid requests unfinished:" in shown
    assert "cats.ipynb · a dog · SeeDream 4.0" in shown
    assert repr(run(shell, "%seedream resume")) == "No paid request is unfinished."
    assert paid(live) == 2


def test_resume_tells_what_did_not_arrive(
    shell: InteractiveShell, live: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    with (
        live.faults.during("drop", on="images", times=1),
        live.faults.during("server_error", on="tasks"),
        pytest.raises(OutcomeUnknownError),
    ):
        run(shell, f"%seedream generate a dog {SMALL}")
    run(shell, "%seedream resume")
    assert "Not arrived, so not paid for" in capsys.readouterr().out
    assert run_gallery(shell, f"%seedream generate a dog {SMALL}")[0].status.value == "succeeded"


def test_after_a_timeout_the_same_cell_continues(shell: InteractiveShell, live: Sandbox) -> None:
    live.settings.generation_seconds = 3600
    with pytest.raises(WaitTimeoutError, match="Run the cell again to continue"):
        run(shell, f"{CELL} --timeout 0.1 --out partial")
    live.settings.generation_seconds = 0
    finish_tasks(live)
    assert len(run_gallery(shell, CELL).images) == 3
    assert paid(live) == 3


def test_what_is_known_contacts_no_server(shell: InteractiveShell, live: Sandbox) -> None:
    run(shell, f"%seedream generate a cat {SMALL}")
    before: Any = len(live.requests)
    for _run in range(3):
        run(shell, "%seedream config")
        run(shell, f"%seedream generate a cat {SMALL}")
    assert len(live.requests) == before
