"""What was spent: sums of the ledger as a table with bars, in the notebook, in a terminal, and as a data frame."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from seedream_nb import BudgetExceededError, Library, LibraryError, Sandbox, SettingsError, UsageError
from seedream_nb.notebook.spend import SpendingTable
from tests.gallery.reading import parse, visible_text
from tests.notebook.running import SMALL, paid, run

if TYPE_CHECKING:
    from pathlib import Path

    from IPython.core.interactiveshell import InteractiveShell

DAY = timedelta(days=1).total_seconds()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "library"


@pytest.fixture
def live(paid_service: Sandbox, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    monkeypatch.setenv("ACEDATACLOUD_API_TOKEN", paid_service.token)
    monkeypatch.setenv("ACEDATACLOUD_API_BASE_URL", paid_service.url)
    monkeypatch.setenv("SEEDREAM_LIBRARY", str(folder))
    monkeypatch.setenv("SEEDREAM_SETTLING_TIME", "0")
    return paid_service


@pytest.fixture
def spent(shell: InteractiveShell, live: Sandbox, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """Three images for $0.03 each, a set of one, and a pair at a charge that the service has reported."""
    monkeypatch.setenv("JPY_SESSION_NAME", "/home/me/<cats>.ipynb")
    run(shell, f'g = %seedream generate "a cat" "a dog" {SMALL}')
    run(shell, "%seedream library tag <b>furry</b> g")
    run(shell, "%seedream library tag cats g[0]")
    monkeypatch.delenv("JPY_SESSION_NAME")
    run(shell, f"%seedream generate a fox {SMALL}")
    run(shell, "h = %seedream generate a cow --model 4.5")
    with Library(folder) as library, library._database.writing() as connection:
        connection.execute("UPDATE purchases SET cost = 0.05, sent_at = sent_at - ? WHERE number = 3", (2 * DAY,))
        connection.execute("UPDATE purchases SET estimate = NULL, sent_at = sent_at - ? WHERE number = 4", (40 * DAY,))
    return live


def table(shell: InteractiveShell, line: str) -> SpendingTable:
    value = run(shell, f"%seedream spend {line}")
    assert isinstance(value, SpendingTable)
    return value


def lines_of(shown: SpendingTable) -> list[list[str]]:
    """The table in a terminal, without its bars."""
    lines = repr(shown).split("\n\n")[1].splitlines()
    return [re.split(r" {2,}", re.sub(" ?[█░]", "", line).strip()) for line in lines]


@pytest.mark.usefixtures("spent")
def test_days_have_estimates_and_reported_charges_apart(shell: InteractiveShell) -> None:
    shown = table(shell, "")
    today = datetime.now().astimezone()
    assert repr(shown).splitlines()[0] == "3 paid requests in the last 30 days: about $0.11"
    assert lines_of(shown) == [
        ["day", "requests", "images", "estimated", "reported"],
        [f"{today - timedelta(days=2):%Y-%m-%d}", "1", "1", "-", "$0.05"],
        [f"{today:%Y-%m-%d}", "2", "2", "$0.06", "-"],
        ["total", "3", "3", "$0.06", "$0.05"],
    ]
    assert repr(shown).count("░") == 1 + 24
    assert repr(shown).count("█") == 1 + 20


@pytest.mark.usefixtures("spent")
def test_other_groupings_and_all_that_is_older(shell: InteractiveShell) -> None:
    shown = table(shell, "--by model --since 90d")
    assert [line[:3] for line in lines_of(shown)[1:]] == [
        ["SeeDream 4.0", "3", "3"],
        ["SeeDream 4.5", "1", "1"],
        ["total", "4", "4"],
    ]
    assert "Not included: 1 request of unknown price." in repr(shown)
    notebooks = lines_of(table(shell, "--by notebook"))
    assert [line[0] for line in notebooks[1:]] == ["<cats>.ipynb", "no notebook", "total"]
    tags = table(shell, "--by tag")
    assert {line[0]: line[1] for line in lines_of(tags)[1:]} == {
        "<b>furry</b>": "2",
        "untagged": "1",
        "cats": "1",
        "total": "3",
    }
    assert "A task with several tags counts for each of them, but once in the total." in repr(tags)


@pytest.mark.usefixtures("spent")
def test_html_and_text_say_the_same_and_foreign_text_is_escaped(shell: InteractiveShell) -> None:
    for by in ("day", "model", "notebook", "tag"):
        shown = table(shell, f"--by {by}")
        page = shown._repr_html_()
        assert "<script" not in page
        assert "<b>" not in page
        assert "mathjax_ignore" in page
        assert "{" not in visible_text(parse(page))  # as GitHub shows it after a conversion to Markdown
        rows = re.findall(r"<tr>(.*?)</tr>", page)
        cells = [
            [re.sub("<.*?>", "", cell).strip() for cell in re.findall("<t[hd].*?</t[hd]>", row)][:5] for row in rows
        ]
        escaped = [[cell.replace("<", "&lt;").replace(">", "&gt;") for cell in line] for line in lines_of(shown)]
        assert cells == escaped


@pytest.mark.usefixtures("spent")
def test_it_works_offline_and_says_the_same_again(shell: InteractiveShell, live: Sandbox) -> None:
    shown = table(shell, "--by model")
    live.stop()
    shell.run_line_magic("reload_ext", "seedream_nb")
    again = table(shell, "--by model")
    assert (repr(again), again._repr_html_()) == (repr(shown), shown._repr_html_())


@pytest.mark.usefixtures("spent")
def test_a_data_frame_has_the_same(folder: Path) -> None:
    with Library(folder, read_only=True) as library:
        frame = library.spend(by="model")
        assert list(frame.columns) == ["model", "requests", "images", "estimated", "reported", "unknown"]
        assert list(frame["requests"]) == [3, 1]
        assert frame["reported"].sum() == pytest.approx(0.05)
        assert str(library.spend()["day"].dtype).startswith("datetime64")
        assert len(library.spend(since=datetime.now().astimezone() + timedelta(days=1))) == 0
        with pytest.raises(UsageError, match="group spending by 'year'"):
            library.spend(by="year")  # type: ignore[arg-type]


def test_nothing_spent_and_no_library(shell: InteractiveShell, live: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    assert repr(run(shell, "%seedream spend")) == "No paid requests in the last 30 days."
    assert repr(run(shell, "%seedream spend --since 2026-01-02")) == "No paid requests since 2026-01-02."
    with live.faults.during("error", on="images", code="bad_request"), pytest.raises(Exception, match="invalid"):
        run(shell, f"%seedream generate a cat {SMALL}")
    assert repr(run(shell, "%seedream spend")) == "No paid requests in the last 30 days."
    monkeypatch.setenv("SEEDREAM_LIBRARY", "off")
    shell.run_line_magic("reload_ext", "seedream_nb")
    with pytest.raises(LibraryError, match="turned off"):
        run(shell, "%seedream spend")


def test_the_sandbox_costs_nothing(shell: InteractiveShell, service: Sandbox) -> None:
    del service
    run(shell, f"%seedream generate a cat {SMALL}")
    summary = repr(run(shell, "%seedream spend")).splitlines()[0]
    assert summary == "1 request to the sandbox in the last 30 days: free of charge (live, about $0.03)"
    assert "budget    none" in repr(run(shell, "%seedream config"))
    assert "prices    none: the sandbox costs nothing" in repr(run(shell, "%seedream config"))


def test_a_command_has_a_budget(shell: InteractiveShell, live: Sandbox) -> None:
    cell = f'%seedream generate "a cat" "a dog" "a fox" {SMALL}'
    with pytest.raises(BudgetExceededError) as caught:
        run(shell, f"{cell} --budget 0.07")
    assert caught.value.message == (
        "1 of 3 requests failed. This request costs about $0.03, and $0.01 of the budget of $0.07 is left."
    )
    assert paid(live) == 2
    # What was kept costs nothing.
    run(shell, f"{cell} --budget $0.03")
    assert paid(live) == 3
    with pytest.raises(UsageError, match="'much' is not a budget"):
        run(shell, f"{cell} --budget much")


def test_config_tells_the_budget_and_what_is_left(
    shell: InteractiveShell, live: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = repr(run(shell, "%seedream config"))
    assert "prices    estimates, prices of 2026-08" in config
    assert "budget    none; set SEEDREAM_BUDGET=20/day to limit what is spent" in config
    monkeypatch.setenv("SEEDREAM_BUDGET", "0.08/week")
    run(shell, f"%seedream generate a cat {SMALL}")
    expected = "budget    about $0.05 left of $0.08 a week (from SEEDREAM_BUDGET)"
    assert expected in repr(run(shell, "%seedream config"))
    with pytest.raises(BudgetExceededError, match=r"\$0.02 of the budget of \$0.08 a week is left"):
        run(shell, f'%seedream generate "a dog" "a fox" {SMALL}')
    assert paid(live) == 2
    monkeypatch.setenv("SEEDREAM_BUDGET", "20")
    with pytest.raises(SettingsError, match="needs a period"):
        run(shell, f"%seedream generate a cow {SMALL}")


def test_an_own_price_list_is_named(
    shell: InteractiveShell, live: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "prices.toml"
    path.write_text('date = "2026-11"\n[models]\n"4.0" = 0.5\n', encoding="utf-8")
    monkeypatch.setenv("SEEDREAM_PRICES", str(path))
    dry = repr(run(shell, f'%seedream generate "a cat" "a dog" {SMALL} --dry-run'))
    assert dry.startswith("2 paid requests (2 prompts), about $1.00 (prices of 2026-11). Nothing was sent.")
    both = repr(run(shell, "%seedream generate a cat --model 4.0 4.5 --dry-run"))
    assert both.startswith("2 paid requests (2 models), about $0.50 (prices of 2026-11) and 1 of unknown price. ")
    assert repr(run(shell, "%seedream generate a cat --model 4.5 --dry-run")).startswith(
        "1 paid request, price unknown. Nothing was sent."
    )
    assert "prices of 2026-11 (from SEEDREAM_PRICES)" in repr(run(shell, "%seedream config"))
    path.write_text("4.0: 3", encoding="utf-8")
    with pytest.raises(SettingsError, match="not valid TOML"):
        run(shell, f"%seedream generate a cat {SMALL}")
    assert paid(live) == 0
