"""`%seedream run`: a table becomes images, each row is paid for once, and the same line continues."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from seedream_nb import BudgetExceededError, Gallery, Run, UsageError
from seedream_nb.notebook.run_view import RunList
from tests.notebook.running import SMALL, our_threads, paid, paid_prompts, run, wait_until
from tests.servers import finish_tasks

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from seedream_nb import Sandbox

FRAME = pd.DataFrame({"color": ["red", "blue", "green"], "animal": ["cat", "dog", "fox"]})
TEMPLATE = '--prompt "a {color} {animal}"'


@pytest.fixture(autouse=True)
def table(shell: InteractiveShell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    FRAME.to_csv("prompts.csv", index=False)
    shell.user_ns |= {"df": FRAME, "color": "yellow", "many": [{"number": number} for number in range(12)]}


def open_run(shell: InteractiveShell, code: str) -> Run:
    value = run(shell, code)
    assert isinstance(value, Run)
    return value


def plain(value: object) -> str:
    """What a terminal shows."""
    return str(value._repr_mimebundle_()["text/plain"] if isinstance(value, Run) else repr(value))


def test_a_file_becomes_images_and_the_same_line_sends_nothing(shell: InteractiveShell, service: Sandbox) -> None:
    line = f"%seedream run prompts.csv {TEMPLATE} {SMALL}"
    first = open_run(shell, line)
    # A column, although there is a variable of that name.
    assert paid_prompts(service) == ["a blue dog", "a green fox", "a red cat"]
    assert first.name == "prompts"
    assert plain(first).startswith("prompts · 3 of 3 done · 3 images\n1. ✓ succeeded")
    again = open_run(shell, line)
    assert plain(again) == plain(first)
    assert paid(service) == 3
    assert plain(open_run(shell, "%seedream run prompts")) == plain(first)
    assert paid(service) == 3
    # It is the last result as well.
    assert [task.prompt for task in run(shell, "%seedream last")] == ["a red cat", "a blue dog", "a green fox"]  # type: ignore[attr-defined]  # a gallery


def test_a_cell_has_the_template_and_its_comments_are_named(
    shell: InteractiveShell, service: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    cell = f"%%seedream run df --name pets {SMALL}\n# for the calendar\na {{color}} {{animal}},\nin oil\n"
    open_run(shell, cell)
    assert paid_prompts(service) == ["a blue dog,\nin oil", "a green fox,\nin oil", "a red cat,\nin oil"]
    assert "Left out of the prompt: 1 line" in capsys.readouterr().out


def test_five_new_rows_cost_five_and_what_left_the_table_is_kept(shell: InteractiveShell, service: Sandbox) -> None:
    open_run(shell, f"%seedream run df --name pets {TEMPLATE} {SMALL}")
    shell.user_ns["more"] = pd.concat([FRAME[1:], pd.DataFrame({"color": ["pink"], "animal": ["pig"]})])
    dry = repr(run(shell, f"%seedream run more --name pets {TEMPLATE} {SMALL} --dry-run"))
    assert dry == (
        "pets: 3 images in the sandbox, 2 already bought; at 10 in flight and about 30 s each, about 30 s. "
        "Nothing was sent.\n  3. a pink pig"
    )
    # A dry run leaves the run as it is.
    assert paid(service) == 3
    assert plain(run(shell, "%seedream run --name pets")).startswith("pets · 3 of 3 done")
    assert [summary.name for summary in run(shell, "%seedream run").runs] == ["pets"]  # type: ignore[attr-defined]  # the list
    changed = open_run(shell, f"%seedream run more --name pets {TEMPLATE} {SMALL}")
    assert paid(service) == 4
    assert "No longer in the table: 1 earlier row, whose images are kept." in plain(changed)


def test_many_rows_need_a_confirmation(shell: InteractiveShell, service: Sandbox) -> None:
    line = f'%seedream run many --name numbers --prompt "number {{number}}" {SMALL}'
    with pytest.raises(UsageError, match=r"The run numbers would generate 12 images in the sandbox.*Add --yes"):
        run(shell, line)
    # What is there can be looked at, and it is not another order.
    with pytest.raises(UsageError, match="Add --yes to confirm more than 8 requests, or --dry-run to only look"):
        run(shell, "%seedream run numbers")
    dry = repr(run(shell, "%seedream run numbers --dry-run"))
    assert dry.splitlines()[1:] == [*(f"  {row}. number {row - 1}" for row in range(1, 6)), "  … and 7 more"]
    assert paid(service) == 0
    open_run(shell, f"{line} --yes --in-flight 4")
    assert paid(service) == 12
    open_run(shell, line)
    assert paid(service) == 12


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (f'prompts.csv --prompt "a {{colro}}" {SMALL}', "no column 'colro'. Did you mean 'color'"),
        (f"prompts.csv {SMALL}", "There is no prompt: the table has no column named prompt"),
        (f"prompts.csv {TEMPLATE} --model 9", "model"),
        ('bad --name bad --prompt "{text}"', r"Row(s)? 2"),
        ("{[]} --name none --prompt {text}", "no rows"),
    ],
)
def test_a_wrong_table_sends_nothing(shell: InteractiveShell, service: Sandbox, line: str, message: str) -> None:
    shell.user_ns["bad"] = [{"text": "a cat"}, {"text": ""}]
    with pytest.raises(UsageError, match=message):
        run(shell, f"%seedream run {line}")
    assert paid(service) == 0


def test_the_options_of_a_run_change_only_with_its_table(shell: InteractiveShell, service: Sandbox) -> None:
    open_run(shell, f"%seedream run prompts.csv {TEMPLATE} {SMALL}")
    for option in ('--prompt "a {animal}"', "--size 4K", "--takes 2"):
        with pytest.raises(UsageError):
            run(shell, f"%seedream run prompts {option}")
    assert paid(service) == 3


def test_failures_are_named_with_their_rows_and_sent_again(shell: InteractiveShell, service: Sandbox) -> None:
    service.faults.add("error", on="images", code="api_error", times=1)
    shell.user_ns["odd"] = [{"text": "a cat"}, {"text": "a forbidden scene"}, {"text": "a dog"}]
    shown = plain(open_run(shell, f"%seedream run odd --name odd --prompt text {SMALL} --in-flight 1"))
    assert "To send what failed again: %seedream run odd --retry" in shown, shown
    assert "1 of 3 done · 2 failed" in shown
    again = plain(open_run(shell, "%seedream run odd --retry"))
    assert again.startswith("odd · 2 of 3 done · 1 failed")
    assert "Row 2 failed: Content moderation rejected" in again
    assert "--retry" not in again
    assert "needs another prompt in the table" in again
    with pytest.raises(
        UsageError, match="No request of the run odd has failed that content moderation has not rejected"
    ):
        run(shell, "%seedream run odd --retry")


def test_a_budget_ends_a_run_and_what_is_there_is_shown(
    shell: InteractiveShell, paid_service: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACEDATACLOUD_API_TOKEN", paid_service.token)
    monkeypatch.setenv("ACEDATACLOUD_API_BASE_URL", paid_service.url)
    monkeypatch.setenv("SEEDREAM_LIBRARY", str(tmp_path / "library"))
    line = f"%seedream run prompts.csv {TEMPLATE} {SMALL} --in-flight 1 --out pets"
    with pytest.raises(BudgetExceededError):
        run(shell, f"{line} --budget 0.07")
    assert paid(paid_service) == 2
    assert plain(shell.user_ns["_"]).startswith("prompts · 2 of 3 done · 1 not sent · 2 images · about $0.06")
    assert plain(run(shell, f"{line} --budget off")).startswith("prompts · 3 of 3 done · 3 images · about $0.09")
    listed = run(shell, "%seedream run")
    assert isinstance(listed, RunList)
    assert "$0.09" in repr(listed)
    assert len(shell.user_ns["pets"].frame) == 3


def test_in_the_background_other_cells_run(
    shell: InteractiveShell, service: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    service.settings.generation_seconds = 3600
    run(shell, f"%seedream run prompts.csv {TEMPLATE} {SMALL} --background --out pets")
    assert run(shell, "1 + 1") == 2
    assert plain(run(shell, "%seedream run prompts")).splitlines()[1:3] == [
        "These counts are from when this cell ran; show the run again to see its current state.",
        "Running. To stop it: %seedream run prompts --stop",
    ]
    with pytest.raises(UsageError, match="The run prompts is running in the background"):
        run(shell, f"%seedream run prompts.csv {TEMPLATE} {SMALL}")
    assert "◔ running" in repr(run(shell, "%seedream run"))
    wait_until(lambda: paid(service) == 3)
    finish_tasks(service)
    wait_until(lambda: our_threads() == [])
    assert "prompts · 3 of 3 done · 3 images" in capsys.readouterr().out
    assert paid(service) == 3


def test_a_run_in_the_background_is_stopped_and_continued(shell: InteractiveShell, service: Sandbox) -> None:
    service.settings.generation_seconds = 60
    run(shell, f"%seedream run prompts.csv {TEMPLATE} {SMALL} --background --in-flight 2")
    wait_until(lambda: paid(service) == 2)
    assert repr(run(shell, "%seedream run prompts --stop")).startswith("Stopped prompts.")
    assert repr(run(shell, "%seedream run --stop")) == "No run is running in this kernel."
    wait_until(lambda: our_threads() == [])
    service.settings.generation_seconds = 0
    assert "unfinished" in repr(run(shell, "%seedream run"))


def test_closing_the_extension_leaves_no_thread(shell: InteractiveShell, service: Sandbox) -> None:
    service.settings.generation_seconds = 60
    run(shell, f"%seedream run prompts.csv {TEMPLATE} {SMALL} --background")
    wait_until(lambda: paid(service) == 3)
    shell.run_line_magic("reload_ext", "seedream_nb")
    wait_until(lambda: our_threads() == [])


def test_an_export_of_a_run_sends_nothing(
    shell: InteractiveShell, service: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    line = f'%seedream run many --name numbers --prompt "number {{number}}" {SMALL}'
    run(shell, line.replace("many", "{many[:2]}"))
    with pytest.raises(UsageError, match="Add --yes"):
        run(shell, line)
    report = repr(run(shell, "%seedream run numbers --export out"))
    assert report.startswith("2 images (")
    assert report.endswith("in out\nNot included: 10 requests without an image.")
    assert paid(service) == 2
    metadata = next(Path("out").rglob("metadata.jsonl")).read_text(encoding="utf-8")
    records = [json.loads(record) for record in metadata.splitlines()]
    assert [record["number"] for record in records] == [0, 1]
    # With a table, or confirmed, the run comes first.
    capsys.readouterr()
    open_run(shell, "%seedream run numbers --export out --yes")
    assert paid(service) == 12
    assert "12 images (" in capsys.readouterr().out


def test_a_run_is_removed_and_its_images_stay(
    shell: InteractiveShell, service: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_run(shell, f"%seedream run prompts.csv {TEMPLATE} {SMALL}")
    monkeypatch.setattr("builtins.input", lambda _prompt: "n")
    assert repr(run(shell, "%seedream run prompts --remove")) == "Nothing was removed."
    monkeypatch.setattr("builtins.input", lambda _prompt: "y")
    assert "still in the library" in repr(run(shell, "%seedream run prompts --remove"))
    assert repr(run(shell, "%seedream run")).startswith("There are no runs yet.")
    # The ledger knows what was bought.
    open_run(shell, f"%seedream run prompts.csv {TEMPLATE} {SMALL}")
    assert paid(service) == 3


def test_the_value_is_a_run(shell: InteractiveShell, service: Sandbox) -> None:
    del service
    run(shell, f"pets = %seedream run df --name pets {TEMPLATE} {SMALL}")
    pets = shell.user_ns["pets"]
    assert isinstance(pets.gallery, Gallery)
    assert list(pets.frame.columns[:2]) == ["color", "animal"]
    bundle = pets._repr_mimebundle_()
    assert "mathjax_ignore" in bundle["text/html"]
    assert bundle["text/html"].count("<img") == 3
    assert pets._repr_mimebundle_() == bundle
