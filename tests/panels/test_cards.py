"""What a card says is what a gallery says, as plain JSON that any front end can take."""

from __future__ import annotations

import datetime as dt
import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedream_nb import ErrorDetail, Sandbox, SeedreamClient, Task, TaskImage, TaskStatus, Usage
from seedream_nb.gallery.compose import link_of
from seedream_nb.panels.card_details import details_of
from seedream_nb.panels.cards import Card, describe, describe_details, make_cards
from seedream_nb.protocol.capabilities import MODELS
from tests.gallery import strategies

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | strategies.texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(strategies.texts, inner, max_size=3),
    max_leaves=6,
)
requests = st.dictionaries(
    strategies.texts | st.sampled_from(["image", "size", "background", "sequential_image_generation"]),
    json_values,
    max_size=4,
)
moments = st.none() | st.datetimes(timezones=st.just(dt.timezone.utc))
tasks = st.builds(
    Task,
    strategies.texts,
    st.sampled_from(TaskStatus),
    st.lists(strategies.images, max_size=3).map(tuple),
    prompt=strategies.texts,
    request=requests,
    error=st.none() | strategies.errors,
    created_at=moments,
    finished_at=moments,
    elapsed=st.none() | st.floats(0, 1e9),
    usage=st.none() | st.builds(Usage, st.none() | st.integers(), st.none() | st.integers(), st.none() | st.integers()),
)


def only(task: Task) -> dict[str, Any]:
    (card,) = make_cards(task, "a")
    return describe(card)


def details(task: Task) -> dict[str, str]:
    (card,) = make_cards(task, "a")
    return said_of(card)


def said_of(card: Card) -> dict[str, str]:
    pairs = describe_details(card)["pairs"]
    assert isinstance(pairs, list)
    return dict(pairs)


@given(tasks)
def test_any_task_becomes_json_that_can_be_sent_and_shown(task: Task) -> None:
    cards = make_cards(task, "a")
    assert [card.key for card in cards] == [f"a/{place}" for place in range(len(cards))]
    for card in cards:
        described = describe(card)
        sent = json.dumps(described, ensure_ascii=False, allow_nan=False).encode()
        assert json.loads(sent) == described
        told = describe_details(card)
        assert json.loads(json.dumps(told, ensure_ascii=False, allow_nan=False).encode()) == told
        assert told == {"key": card.key, "pairs": [list(pair) for pair in details_of(task, card.tile)]}
        assert len(sent) < 40_000
        assert described["has_picture"] == (card.picture is not None)
        for label, text in details_of(task, card.tile):
            assert label
            assert text == " ".join(text.split())
            assert len(text) <= 500
        link = described["link"]
        assert not link or (card.tile.image and link == link_of(card.tile.image))


@given(tasks)
def test_a_card_says_what_its_tile_says(task: Task) -> None:
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
        assert not (described["is_open"] and described["has_picture"])


def test_all_that_a_record_tells_is_among_the_details(sandbox: Sandbox, client: SeedreamClient) -> None:
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
    said = said_of(first)
    assert said["Task id"] == task.id
    assert said["Model"] == "doubao-seedream-5-0-lite-260128"
    assert (said["Size"], said["Size asked for"], said["Format"]) == ("3072×3072", "3K", "png")  # noqa: RUF001  the sign typographers use
    assert (said["Set"], said["References"], said["Watermark"]) == ("up to 3 pictures", "https://x.example/b.jpg", "no")
    assert said["State"] == "succeeded"
    assert said["Took"].endswith(" s")
    assert {"Created", "Finished", "Trace id"} <= said.keys()


def test_a_tile_calls_a_model_by_its_label_and_the_details_by_its_id() -> None:
    for model, called in {
        "doubao-seedream-4-5-251128": "SeeDream 4.5",
        "someone-elses-model-1": "someone-elses-model-1",
    }.items():
        task = Task("i", TaskStatus.SUCCEEDED, model=model, size="2048x1024")
        assert only(task)["facts"] == [called, "2048×1024"]  # noqa: RUF001  the sign typographers use
        assert details(task)["Model"] == model


def test_what_the_service_may_add_some_day_is_shown_too() -> None:
    task = Task(
        "i", TaskStatus.SUCCEEDED, request={"style_strength": 0.5, "tools": [{"type": "web_search"}], "x": None}
    )
    said = details(task)
    assert said["Style strength"] == "0.5"
    assert said["Tools"] == '[{"type": "web_search"}]'
    assert "X" not in said


def test_times_are_those_of_this_machines_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        created = dt.datetime(2026, 11, 20, 20, 30, tzinfo=dt.timezone.utc)
        assert details(Task("i", TaskStatus.SUCCEEDED, created_at=created))["Created"] == "2026-11-21 05:30:00 JST"
        last = dt.datetime.max.replace(tzinfo=dt.timezone.utc)  # which no calendar in Japan holds
        assert details(Task("i", TaskStatus.SUCCEEDED, created_at=last))["Created"] == "9999-12-31 23:59:59 UTC"
    finally:
        monkeypatch.undo()
        time.tzset()


def test_usage_and_the_error_of_a_task_are_told() -> None:
    image = TaskImage("i", url="https://x.example/a.jpg")
    error = ErrorDetail("a_code", "The last one failed.")
    task = Task("i", TaskStatus.PARTIALLY_FAILED, (image,), error=error, usage=Usage(1, 16384, 20000))
    good, lost = map(said_of, make_cards(task, "a"))
    assert good["Used"] == "1 picture, 16,384 output tokens, 20,000 tokens"
    assert good["Error"] == "The last one failed. (a_code)"
    assert "Error" not in lost  # it is that card's problem already


@pytest.mark.parametrize(
    ("status", "task_id", "word", "is_open"),
    [
        (TaskStatus.PENDING, "i", "pending", True),
        (TaskStatus.RUNNING, "i", "running", True),
        (TaskStatus.PENDING, "", "not sent", False),
        (TaskStatus.NOT_FOUND, "i", "not found", False),
        (TaskStatus.FAILED, "i", "failed", False),
    ],
)
def test_only_what_is_being_made_is_open(status: TaskStatus, task_id: str, word: str, *, is_open: bool) -> None:
    described = only(Task(task_id, status, size="2048x1024"))
    assert (described["state"], described["is_open"], described["has_picture"]) == (word, is_open, False)
    assert bool(described["problem"]) is not is_open
    assert (described["width"] == 2048) is (status in {TaskStatus.PENDING, TaskStatus.RUNNING})


def test_a_card_knows_the_whole_prompt() -> None:
    long, spoken = "a cat. " * 400, "a\x1bcat"
    images = (
        TaskImage("i", url="https://x.example/a.jpg", prompt=long),
        TaskImage("i", 1, url="https://x.example/b.jpg"),
    )
    cut, whole = make_cards(Task("i", TaskStatus.SUCCEEDED, images, prompt=spoken), "a")
    assert (describe(cut)["is_prompt_cut"], cut.whole_prompt) == (True, long.strip())
    assert (describe(whole)["is_prompt_cut"], whole.whole_prompt) == (False, "a cat")


def test_layers_are_transparent_and_the_composed_picture_asks_for_all_of_them() -> None:
    layers = tuple(
        TaskImage("i", place, url=f"https://x.example/{place}.png", size="800x600", z_index=place) for place in (1, 0)
    )
    composed, over, base = make_cards(Task("i", TaskStatus.SUCCEEDED, layers), "a")
    assert composed.picture == (layers[1], layers[0])
    assert [describe(card)["is_transparent"] for card in (composed, over, base)] == [False, True, False]
    assert [describe(card)["link"] for card in (composed, base)] == ["", "https://x.example/0.png"]
    assert (describe(composed)["position"], describe(composed)["width"]) == ("composed", 800)
    cut = Task("i", TaskStatus.SUCCEEDED, layers[1:], request={"background": "transparent"})
    assert only(cut)["is_transparent"] is True
