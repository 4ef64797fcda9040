"""Cards are plain JSON, worded as a gallery words its tiles."""

from __future__ import annotations

import datetime as dt
import json
import time
from typing import Any

import pytest
from hypothesis import given

from seedream_nb import ErrorDetail, Sandbox, SeedreamClient, Task, TaskImage, TaskStatus, Usage
from seedream_nb.gallery.page import link_of
from seedream_nb.panels.cards import Card, describe, describe_details, details_of, make_cards
from seedream_nb.protocol.capabilities import MODELS
from tests.panels.support import any_task


def only(task: Task) -> dict[str, Any]:
    (card,) = make_cards(task, "a")
    return describe(card)


def details(task: Task) -> dict[str, str]:
    (card,) = make_cards(task, "a")
    return details_by_label(card)


def details_by_label(card: Card) -> dict[str, str]:
    pairs = describe_details(card)["pairs"]
    assert isinstance(pairs, list)
    return dict(pairs)


@given(any_task)
def test_any_task_becomes_json_that_can_be_sent(task: Task) -> None:
    cards = make_cards(task, "a")
    assert [card.key for card in cards] == [f"a/{place}" for place in range(len(cards))]
    for card in cards:
        described = describe(card)
        sent = json.dumps(described, ensure_ascii=False, allow_nan=False).encode()
        assert json.loads(sent) == described
        details = describe_details(card)
        assert json.loads(json.dumps(details, ensure_ascii=False, allow_nan=False).encode()) == details
        assert details["pairs"] == [list(pair) for pair in details_of(task, card.tile)]
        assert len(sent) < 40_000
        assert described["has_image"] == (card.image is not None)
        for label, text in details_of(task, card.tile):
            assert label
            assert text == " ".join(text.split())
            assert len(text) <= 500
        link = described["link"]
        assert not link or (card.tile.image and link == link_of(card.tile.image))


@given(any_task)
def test_a_card_has_the_texts_of_its_tile(task: Task) -> None:
    for card in make_cards(task, "a"):
        described, tile = describe(card), card.tile
        assert tile.state
        assert (described["prompt"], described["icon"], described["state"]) == (
            tile.prompt,
            tile.state.icon,
            tile.state.word,
        )
        assert (described["facts"], described["position"], described["problem"]) == (
            [MODELS[fact].label if fact in MODELS else fact for fact in tile.facts],
            tile.position,
            tile.problem,
        )
        assert not (described["is_in_progress"] and described["has_image"])


def test_the_details_hold_everything_in_a_record(sandbox: Sandbox, client: SeedreamClient) -> None:
    sandbox.settings.generation_seconds = 0
    task = client.generate(
        "a boat",
        image="https://x.example/b.jpg",
        size="3K",
        max_images=3,
        watermark=False,
        output_format="png",
        wait=True,
    )
    first, *_ = make_cards(client.retrieve(task.id), "a")
    described = describe(first)
    assert (described["width"], described["height"], described["position"]) == (3072, 3072, "1 of 3")
    shown = details_by_label(first)
    assert shown["Task ID"] == task.id
    assert shown["Model"] == "doubao-seedream-5-0-lite-260128"
    assert (shown["Size"], shown["Requested size"], shown["Format"]) == ("3072×3072", "3K", "png")  # noqa: RUF001  the sign typographers use
    assert (shown["Set"], shown["References"], shown["Watermark"]) == (
        "up to 3 images",
        "https://x.example/b.jpg",
        "no",
    )
    assert shown["State"] == "succeeded"
    assert shown["Duration"].endswith(" s")
    assert {"Created", "Finished", "Trace ID"} <= shown.keys()


def test_a_tile_shows_the_display_name_of_a_model_and_the_details_its_id() -> None:
    for model, name in {
        "doubao-seedream-4-5-251128": "SeeDream 4.5",
        "someone-elses-model-1": "someone-elses-model-1",
    }.items():
        task = Task("i", TaskStatus.SUCCEEDED, model=model, size="2048x1024")
        assert only(task)["facts"] == [name, "2048×1024"]  # noqa: RUF001  the sign typographers use
        assert details(task)["Model"] == model


def test_unknown_request_fields_are_shown() -> None:
    task = Task(
        "i", TaskStatus.SUCCEEDED, request={"style_strength": 0.5, "tools": [{"type": "web_search"}], "x": None}
    )
    shown = details(task)
    assert shown["Style strength"] == "0.5"
    assert shown["Tools"] == '[{"type": "web_search"}]'
    assert "X" not in shown


def test_times_are_local(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        created = dt.datetime(2026, 11, 20, 20, 30, tzinfo=dt.timezone.utc)
        assert details(Task("i", TaskStatus.SUCCEEDED, created_at=created))["Created"] == "2026-11-21 05:30:00 JST"
        last = dt.datetime.max.replace(tzinfo=dt.timezone.utc)  # out of the calendar's range in Japan
        assert details(Task("i", TaskStatus.SUCCEEDED, created_at=last))["Created"] == "9999-12-31 23:59:59 UTC"
    finally:
        monkeypatch.undo()
        time.tzset()


def test_the_browser_gets_times_that_it_can_show_in_its_own_zone() -> None:
    created = dt.datetime(2026, 11, 20, 20, 30, tzinfo=dt.timezone.utc)
    (card,) = make_cards(Task("i", TaskStatus.SUCCEEDED, created_at=created), "a")
    assert describe_details(card)["moments"] == {"Created": "2026-11-20T20:30:00+00:00"}


def test_usage_and_error_of_a_task_are_shown() -> None:
    image = TaskImage("i", url="https://x.example/a.jpg")
    error = ErrorDetail("a_code", "The last one failed.")
    task = Task("i", TaskStatus.PARTIALLY_FAILED, (image,), error=error, usage=Usage(1, 16384, 20000))
    good, lost = map(details_by_label, make_cards(task, "a"))
    assert good["Usage"] == "1 image, 16,384 output tokens, 20,000 tokens"
    assert good["Error"] == "The last one failed. (a_code)"
    assert "Error" not in lost  # already the problem of that card


@pytest.mark.parametrize(
    ("status", "task_id", "word", "is_in_progress"),
    [
        (TaskStatus.PENDING, "i", "pending", True),
        (TaskStatus.RUNNING, "i", "running", True),
        (TaskStatus.PENDING, "", "not sent", False),
        (TaskStatus.NOT_FOUND, "i", "not found", False),
        (TaskStatus.FAILED, "i", "failed", False),
    ],
)
def test_only_pending_and_running_tasks_are_in_progress(
    status: TaskStatus, task_id: str, word: str, *, is_in_progress: bool
) -> None:
    described = only(Task(task_id, status, size="2048x1024"))
    assert (described["state"], described["is_in_progress"], described["has_image"]) == (word, is_in_progress, False)
    assert bool(described["problem"]) is not is_in_progress
    assert (described["width"] == 2048) is (status in {TaskStatus.PENDING, TaskStatus.RUNNING})


def test_a_card_has_the_whole_prompt() -> None:
    long, short = "a cat. " * 400, "a\x1bcat"
    images = (
        TaskImage("i", url="https://x.example/a.jpg", prompt=long),
        TaskImage("i", 1, url="https://x.example/b.jpg"),
    )
    truncated, whole = make_cards(Task("i", TaskStatus.SUCCEEDED, images, prompt=short), "a")
    assert (describe(truncated)["is_prompt_cut"], truncated.whole_prompt) == (True, long.strip())
    assert (describe(whole)["is_prompt_cut"], whole.whole_prompt) == (False, "a cat")


def test_layers_are_transparent_and_the_composed_image_needs_all_of_them() -> None:
    layers = tuple(
        TaskImage("i", place, url=f"https://x.example/{place}.png", size="800x600", z_index=place) for place in (1, 0)
    )
    composed, over, base = make_cards(Task("i", TaskStatus.SUCCEEDED, layers), "a")
    assert composed.image == (layers[1], layers[0])
    assert [describe(card)["is_transparent"] for card in (composed, over, base)] == [False, True, False]
    assert [describe(card)["link"] for card in (composed, base)] == ["", "https://x.example/0.png"]
    assert (describe(composed)["position"], describe(composed)["width"]) == ("composed", 800)
    cut = Task("i", TaskStatus.SUCCEEDED, layers[1:], request={"background": "transparent"})
    assert only(cut)["is_transparent"] is True
