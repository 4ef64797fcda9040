"""What a click sends is planned before the click, from what is in the form."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedream_nb.client.preparation import prepare_all
from seedream_nb.panels.generate_settings import MOST_TAKES
from seedream_nb.panels.orders import Entries, Order, plan_order
from seedream_nb.protocol.capabilities import MAX_IMAGES, MODELS
from seedream_nb.protocol.prices import default_prices

PRO = "doubao-seedream-5-0-pro-260628"
LITE = "doubao-seedream-5-0-lite-260128"
CAT = Entries("a cat", LITE)


def order_of(**changes: str) -> Order:
    return plan_order(dataclasses.replace(CAT, **changes), default_prices())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "1 paid request, about $0.04 (prices of 2026-08)"),
        ({"takes": " 2 "}, "2 paid requests (2 takes), about $0.08 (prices of 2026-08)"),
        (
            {"takes": "2", "max_images": "4"},
            "2 paid requests (2 takes), up to 8 images, up to about $0.32 (prices of 2026-08)",
        ),
        ({"prompt": "  "}, ""),
        ({"size": " 2k "}, "1 paid request, about $0.04 (prices of 2026-08)"),
        ({"size": "2048 \u00d7 2048"}, "1 paid request, about $0.04 (prices of 2026-08)"),
        ({"size": "16:9"}, "1 paid request, about $0.04 (prices of 2026-08) · 16:9 → 2560x1440"),
        (
            {"size": "Portrait", "takes": "2"},
            "2 paid requests (2 takes), about $0.08 (prices of 2026-08) · Portrait → 1728x2304",
        ),
    ],
)
def test_the_cost_is_that_of_the_requests(changes: dict[str, str], words: str) -> None:
    assert order_of(**changes).cost == words


def test_a_sandbox_costs_nothing() -> None:
    assert plan_order(CAT, None).cost == "1 request to the sandbox"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"takes": "12"}, "Takes must be a whole number from 1 to 8, not 12."),
        ({"takes": ""}, "Takes must be a whole number from 1 to 8."),
        ({"takes": "²"}, "Takes must be a whole number from 1 to 8, not ²."),
        ({"max_images": "16"}, "Images per set must be a whole number from 1 to 15, not 16."),
        ({"max_images": "two"}, "Images per set must be a whole number from 1 to 15, not two."),
        ({"max_images": "2", "model": PRO}, "SeeDream 5.0 Pro generates one image at a time"),
        ({"size": "17x4"}, "pixels, not 17x4"),
        ({"size": "100:1"}, "not '100:1'"),
        ({"size": "1K"}, "SeeDream 5.0 Lite accepts 2K, 3K or 4K, not 1K."),
    ],
)
def test_a_problem_belongs_to_its_field(changes: dict[str, str], words: str) -> None:
    order = order_of(**changes)
    (problem,) = order.marked.values()
    assert words in problem
    assert next(iter(changes)) in order.marked
    assert (order.requests, order.cost, order.problem) == ((), "", "Correct the marked field.")


def test_several_problems_are_all_marked() -> None:
    order = order_of(takes="x", max_images="y", size="z")
    assert set(order.marked) == {"takes", "max_images", "size"}
    assert order.problem == "Correct the marked fields."


def test_a_problem_of_the_whole_form_marks_no_field() -> None:
    assert plan_order(Entries(), default_prices()) == Order(problem="Enter a prompt.")


_numbers = st.integers(-2, 20).map(str) | st.sampled_from(["", " 3", "03", "1e1", "½", "٣", "a"])


@given(st.text(max_size=30), st.sampled_from(list(MODELS)), _numbers, _numbers, st.sampled_from(["", "2K", "1K", "x"]))
def test_an_order_is_what_the_entries_say_or_nothing(
    prompt: str, model: str, takes: str, max_images: str, size: str
) -> None:
    order = plan_order(Entries(prompt, model, size, max_images, takes), default_prices())
    if not order.requests:
        assert order.problem
        assert order.cost == ""
        return
    assert order.problem == ""
    assert len(order.requests) == int(takes) <= MOST_TAKES
    for body in prepare_all(order.requests):
        assert (body["prompt"], body["model"], body.get("size", "")) == (prompt.strip(), model, size)
        options = body.get("sequential_image_generation_options", {"max_images": 1})
        assert options == {"max_images": int(max_images)}
        assert int(max_images) <= MAX_IMAGES
