"""`%seedream history` and `last`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from seedream_nb import Gallery, TaskStatus
from seedream_nb.core.errors import UsageError
from tests.notebook.running import paid, run, run_gallery, seen

if TYPE_CHECKING:
    from pathlib import Path

    from IPython.core.interactiveshell import InteractiveShell

    from seedream_nb import Sandbox

HOUR = 3600.0


def add(service: Sandbox, prompt: str, hours_ago: float = 0.0, **details: Any) -> str:
    made = time.time() - hours_ago * HOUR
    return service.add_task(prompt, size="64x64", created_at=made, **details)


def prompts(gallery: Gallery) -> list[str]:
    return [task.prompt for task in gallery]


class TestHistory:
    def test_it_is_the_newest_first(self, shell: InteractiveShell, service: Sandbox) -> None:
        for hours_ago in (3, 1, 2):
            add(service, f"{hours_ago} hours ago", hours_ago)
        gallery = run_gallery(shell, "%seedream history --limit 3 --out found")
        assert prompts(gallery) == ["1 hours ago", "2 hours ago", "3 hours ago"]
        assert shell.user_ns["_"] is shell.user_ns["found"] is gallery
        assert all(tile.embedded for tile in seen(gallery).tiles)
        assert paid(service) == 0

    def test_it_shows_24_by_default(self, shell: InteractiveShell, service: Sandbox) -> None:
        for number in range(70):
            add(service, f"number {number}", number / 1000)
        assert len(run_gallery(shell, "%seedream history --embed links")) == 24
        sheet = seen(run_gallery(shell, "%seedream history --limit 65 --thumbnail 32"))
        assert len(sheet.tiles) == 65  # all are drawn, though a gallery has 60 tiles by default

    @pytest.mark.parametrize(("since", "count"), [("30m", 1), ("2h", 2), ("1d", 3), ("2w", 4)])
    def test_since(self, shell: InteractiveShell, service: Sandbox, since: str, count: int) -> None:
        names = ["now", "an hour ago", "half a day ago", "days ago"]
        for name, hours_ago in zip(names, (0, 1, 12, 100), strict=True):
            add(service, name, hours_ago)
        found = prompts(run_gallery(shell, f"%seedream history --since {since} --embed links"))
        assert [prompt for prompt in found if prompt in names] == names[:count]

    def test_failed(self, shell: InteractiveShell, service: Sandbox) -> None:
        add(service, "good")
        add(service, "bad", hours_ago=0.5, error=("api_error", "no"))
        add(service, "half", images=2, image_errors={1: ("Withheld", "no")})
        gallery = run_gallery(shell, "%seedream history --since 1h --failed --embed links")
        assert prompts(gallery) == ["half", "bad"]
        assert [task.status for task in gallery] == [TaskStatus.PARTIALLY_FAILED, TaskStatus.FAILED]

    @pytest.mark.parametrize("name", ["4.5", "doubao-seedream-4-5-251128", "4-5", "'SeeDream 4.5'"])
    def test_model(self, shell: InteractiveShell, service: Sandbox, name: str) -> None:
        add(service, "old", model="doubao-seedream-4-0-250828")
        add(service, "new", model="doubao-seedream-4-5-251128")
        assert prompts(run_gallery(shell, f"%seedream history --since 1h --model {name} --embed links")) == ["new"]

    def test_a_filter_searches_beyond_the_limit(self, shell: InteractiveShell, service: Sandbox) -> None:
        add(service, "the one", hours_ago=1, error=("api_error", "no"))
        for number in range(100):
            add(service, f"good {number}")
        assert "the one" in prompts(run_gallery(shell, "%seedream history --since 2h --failed --limit 1"))

    @pytest.mark.parametrize(
        ("options", "sentence"),
        [
            ("--model 9.9", "The history has no task of a model matching '9.9'."),
            ("--failed --model pro --since 2999-01-01", "no failed task of a model matching 'pro' since 2999-01-01"),
            ("--since 2999-01-01", "The history has no task since 2999-01-01 00:00."),
        ],
    )
    def test_no_matches_give_a_notice(
        self, shell: InteractiveShell, service: Sandbox, options: str, sentence: str
    ) -> None:
        add(service, "a cat")
        before = run_gallery(shell, "%seedream history --limit 1 --out found")
        assert sentence in str(run(shell, f"%seedream history {options} --out found"))
        # The variable does not go on holding what was found before; the last result stays.
        assert len(shell.user_ns["found"]) == 0
        assert prompts(run_gallery(shell, "%seedream last")) == prompts(before)
        assert run(shell, f"%seedream history {options} --json") == {}

    @pytest.mark.usefixtures("service")
    @pytest.mark.parametrize("options", ["--limit 0", "--since tomorrowish", "--limit few"])
    def test_invalid_options(self, shell: InteractiveShell, options: str) -> None:
        with pytest.raises(UsageError):
            run(shell, f"%seedream history {options}")


class TestLast:
    @pytest.mark.usefixtures("service")
    def test_without_a_result(self, shell: InteractiveShell) -> None:
        with pytest.raises(UsageError, match="There is no result in this kernel yet") as caught:
            run(shell, "%seedream last")
        assert "%seedream history" in (caught.value.hint or "")

    def test_it_works_offline_and_takes_options(
        self, shell: InteractiveShell, service: Sandbox, tmp_path: Path
    ) -> None:
        made = run_gallery(shell, f"%seedream get {add(service, 'a cat')} --columns 3 --thumbnail 64")
        service.stop()
        again = run_gallery(shell, "%seedream last --thumbnail 48 --out again")
        assert prompts(again) == prompts(made)
        assert (again.options.columns, again.options.thumbnail) == (3, 48)
        assert shell.user_ns["again"] is again
        assert seen(again).tiles[0].embedded
        records: Any = run(shell, "%seedream last --json")
        assert list(records) == [made[0].id]
        assert not list(tmp_path.glob("*.jpg"))

    def test_a_sweep_keeps_its_table(self, shell: InteractiveShell, service: Sandbox) -> None:
        service.settings.generation_seconds = 3600
        made = run_gallery(shell, '%seedream generate "a cat" "a dog" --size 2K 4K --no-wait')
        assert seen(run_gallery(shell, "%seedream last")).labels == seen(made).labels

    def test_after_a_failure_it_shows_the_failed_tasks(self, shell: InteractiveShell, service: Sandbox) -> None:
        with service.faults.during("drop", on="images"):
            shell.run_cell("%seedream generate a cat")
        assert run_gallery(shell, "%seedream last")[0].status is TaskStatus.FAILED
