from __future__ import annotations

import pytest

from seedream_nb.core.errors import ConnectionFailedError
from seedream_nb.core.models import Task, TaskStatus
from seedream_nb.notebook.live import Counts, format_seconds
from tests.gallery.reading import parse

TASKS = [
    Task("a", TaskStatus.SUCCEEDED),
    Task("b", TaskStatus.PARTIALLY_FAILED),
    Task("c", TaskStatus.PENDING),
    Task("", TaskStatus.RUNNING),
    Task("d", TaskStatus.FAILED),
    Task("e", TaskStatus.NOT_FOUND),
    Task("", TaskStatus.PENDING),
]


def test_every_task_is_counted_once() -> None:
    counts = Counts.of(TASKS, 83.4, heading="7 paid requests")
    assert (counts.done, counts.running, counts.failed, counts.unsent) == (2, 2, 2, 1)
    assert str(counts) == "2 of 7 done · 2 running · 1 waiting · 2 failed · 1 min 23 s · 7 paid requests"


def test_zero_counts_are_omitted() -> None:
    assert str(Counts.of(TASKS[:1], 0.4)) == "1 of 1 done · 0 s"


def test_html_and_text_agree_and_foreign_text_is_escaped() -> None:
    bundle = Counts.of(TASKS, 5, problem=ConnectionFailedError("<b>gone</b>.")).to_bundle()
    assert "<b>gone</b>. Retrying." in bundle["text/plain"]
    assert "&lt;b&gt;gone&lt;/b&gt;. Retrying." in bundle["text/html"]
    assert 'max="7" value="4"' in bundle["text/html"]
    assert parse(bundle["text/html"]).text_for_mathjax() == ""


@pytest.mark.parametrize(("seconds", "text"), [(0, "0 s"), (59.9, "59 s"), (60, "1 min 0 s"), (3725, "62 min 5 s")])
def test_format_seconds(seconds: float, text: str) -> None:
    assert format_seconds(seconds) == text
