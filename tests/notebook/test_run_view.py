"""How runs are shown: the list, the progress line, and what failed; HTML and text say the same, without a clock."""

from __future__ import annotations

import html
import re
from datetime import date, datetime, timedelta, timezone

import pytest

from seedream_nb.notebook.run_progress import format_progress
from seedream_nb.notebook.run_view import RunList, describe, describe_failures, list_notes
from seedream_nb.runs.run import RunFailure, RunSummary

NOW = datetime(2026, 11, 28, 12, tzinfo=timezone.utc)


def summary(name: str = "cats", rows: int = 24, done: int = 24, **changes: object) -> RunSummary:
    values: dict[str, object] = {
        "name": name,
        "rows": rows,
        "requests": rows,
        "done": done,
        "failed": 0,
        "rejected": 0,
        "in_progress": 0,
        "unclear": 0,
        "unsent": 0,
        "bought_before": 0,
        "earlier": 0,
        "images": done,
        "cost": 0.0,
        "estimate_left": None,
        "seconds_left": None,
        "per_minute": None,
        "changed_at": NOW,
        "is_running": False,
    }
    return RunSummary(**values | changes)  # type: ignore[arg-type]  # the values above have its types


RUNS = (
    summary("product-photos", 10_000, 3_120, failed=12, in_progress=10, unsent=6_858, cost=121.68, is_running=True),
    summary("posters", 48, 90, requests=96, failed=6, cost=3.6, changed_at=NOW - timedelta(days=3)),
    summary("<b>$1</b>", 5, 0, unsent=5, changed_at=NOW - timedelta(days=400)),
    summary("rejected", 3, 0, failed=3),
    summary(),
)


def lines_of(shown: object) -> list[list[str]]:
    """The table in a terminal, without its bars."""
    lines = repr(shown).split("\n\n")[1].splitlines()
    return [re.split(r" {2,}", re.sub(" ?[█░]", "", line).strip()) for line in lines]


def test_the_list_has_rows_done_failed_cost_and_day() -> None:
    shown = RunList(RUNS, NOW.date())
    assert lines_of(shown) == [
        ["run", "state", "rows", "done", "failed", "cost", "changed"],
        ["product-photos", "◔ running", "10,000", "3,120", "12", "$121.68", "today"],
        ["posters", "◑ partially failed", "48", "90 of 96", "6", "$3.60", "Nov 25"],
        ["<b>$1</b>", "○ unfinished", "5", "0", "-", "-", "Oct 24, 2025"],
        ["rejected", "✕ failed", "3", "0", "3", "-", "today"],
        ["cats", "✓ finished", "24", "24", "-", "-", "today"],
    ]
    assert repr(shown).startswith("5 runs\n")
    assert repr(shown).endswith("Costs are estimates, unless the service reports a charge.")
    assert "Costs" not in repr(RunList(RUNS[4:], NOW.date()))


def test_html_and_text_say_the_same_and_foreign_text_is_escaped() -> None:
    shown = RunList(RUNS, NOW.date())
    page = shown._repr_html_()
    assert "<b>" not in page
    assert "mathjax_ignore" in page
    rows = re.findall(r"<tr>(.*?)</tr>", page)
    cells = [
        [html.unescape(re.sub("<.*?>", "", cell)) for cell in re.findall("<t[hd].*?</t[hd]>", row)] for row in rows
    ]
    assert [line[:7] for line in cells] == lines_of(shown)
    # A year's clock makes no difference, only the day does.
    assert RunList(RUNS, NOW.date())._repr_html_() == page
    assert RunList(RUNS, date(2026, 11, 29))._repr_html_() != page


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({}, "cats · 24 of 24 done"),
        (
            {"done": 10, "in_progress": 5, "failed": 1, "per_minute": 24.4, "seconds_left": 130, "cost": 0.4},
            "cats · 10 of 24 done · 5 running · 1 failed · 24/min · about 3 min left · about $0.40",
        ),
        (
            {"done": 0, "per_minute": 1.26, "seconds_left": 29_064},
            "cats · 0 of 24 done · 1.3/min · about 8 h 5 min left",
        ),
        ({"seconds_left": 3_599}, "cats · 24 of 24 done · about 1 h left"),
        ({"is_running": True, "per_minute": 20.0}, "cats · 24 of 24 done · downloading the originals"),
        ({"seconds_left": 3}, "cats · 24 of 24 done · about 3 s left"),
    ],
)
def test_the_line_of_a_run_that_works(changes: dict[str, object], line: str) -> None:
    assert format_progress(summary(**changes)) == line  # type: ignore[arg-type]  # as above


def test_what_a_run_needs_next_is_a_line_to_copy() -> None:
    assert list_notes(summary()) == []
    assert list_notes(RUNS[0]) == ["Running. To stop it: %seedream run product-photos --stop"]
    rejected = summary(done=20, failed=4, rejected=4)
    assert list_notes(rejected) == ["What content moderation rejected needs another prompt in the table."]
    unfinished = summary("my cats", done=20, failed=1, unsent=3, earlier=2)
    assert list_notes(unfinished) == [
        "To continue: %seedream run 'my cats'",
        "To send what failed again: %seedream run 'my cats' --retry",
        "No longer in the table: 2 earlier rows, whose images are kept.",
    ]
    assert describe(unfinished) == "my cats · 20 of 24 done · 1 failed · 3 not sent · 20 images"


def test_reasons_for_failures_name_their_rows() -> None:
    failures = [
        *(
            RunFailure(row, 1, "a cat", f"The task {row}-{row} was rejected.", f"{row}-{row}")
            for row in (3, 7, 8, 9, 8)
        ),
        RunFailure(1, 1, "a dog", "The model\nis overloaded."),
        *(RunFailure(row, 1, "a fox", f"Reason {row}.") for row in (21, 22, 23)),
    ]
    assert describe_failures(failures) == [
        "Rows 3, 7-9 failed: The task was rejected.",
        "Row 1 failed: The model is overloaded.",
        "Row 21 failed: Reason 21.",
        "2 other reasons: see run.failures.",
    ]
    many = [RunFailure(row, 1, "a cat", "No.") for row in range(1, 100, 2)]
    assert describe_failures(many) == ["Rows 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23 and 38 others failed: No."]
    assert describe_failures([]) == []
