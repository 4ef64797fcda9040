from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedream_nb.client.sweeps import describe_cost, plan_sweep
from seedream_nb.protocol.prices import default_prices
from seedream_nb.protocol.request_body import GenerationOptions

PRICES = default_prices()
LITE = "doubao-seedream-5-0-lite-260128"
OLDER = "doubao-seedream-4-5-251128"


def test_one_request_has_no_axes_and_no_labels() -> None:
    sweep = plan_sweep(["a cat"], GenerationOptions(), {"size": ["2K"]})
    assert (sweep.rows, sweep.columns, sweep.axes) == (("",), ("",), ())
    assert [(request.prompt, request.options.size) for request in sweep.requests] == [("a cat", "2K")]


def test_two_axes_make_rows_and_columns() -> None:
    sweep = plan_sweep(["a cat"], GenerationOptions(watermark=False), {"model": ["lite", "4.5"], "size": ["2K", "4K"]})
    assert sweep.rows == ("SeeDream 5.0 Lite", "SeeDream 4.5")
    assert sweep.columns == ("2K", "4K")
    assert str(sweep) == "2 models × 2 sizes"  # noqa: RUF001  the sign typographers use
    assert [(request.options.model, request.options.size) for request in sweep.requests] == [
        *((LITE, "2K"), (LITE, "4K")),
        *((OLDER, "2K"), (OLDER, "4K")),
    ]
    assert all(request.options.watermark is False for request in sweep.requests)


def test_three_axes_join_two_in_the_rows() -> None:
    sweep = plan_sweep(["cat", "dog"], GenerationOptions(), {"model": ["4.5", "4.0"], "size": ["2K", "4K"]})
    assert sweep.rows == ("cat\nSeeDream 4.5", "cat\nSeeDream 4.0", "dog\nSeeDream 4.5", "dog\nSeeDream 4.0")
    assert sweep.columns == ("2K", "4K")


def test_many_values_of_one_axis_stand_below_one_another() -> None:
    assert plan_sweep(list("abcdef"), GenerationOptions()).rows == ("",)
    sweep = plan_sweep(list("abcdefg"), GenerationOptions())
    assert (sweep.rows, sweep.columns) == (tuple("abcdefg"), ("",))


def test_the_longer_of_two_axes_makes_the_rows_where_a_row_would_be_too_wide() -> None:
    sweep = plan_sweep(["cat", "dog"], GenerationOptions(), {"seed": range(7)})
    assert sweep.columns == ("cat", "dog")
    assert sweep.rows[0] == "seed 0"
    assert [(request.prompt, request.options.seed) for request in sweep.requests[:3]] == [
        *(("cat", 0), ("dog", 0)),
        ("cat", 1),
    ]


def test_a_repeated_prompt_is_sent_repeatedly() -> None:
    sweep = plan_sweep(["cat", "dog", "cat"], GenerationOptions())
    assert [request.prompt for request in sweep.requests] == ["cat", "dog", "cat"]
    assert sweep.columns == ("cat", "dog", "cat")


def test_an_option_given_twice_is_paid_for_once() -> None:
    sweep = plan_sweep(["cat"], GenerationOptions(), {"model": ["4.5", OLDER], "size": ["2K", "2K"]})
    assert len(sweep.requests) == 1


def test_a_size_written_in_two_ways_is_paid_for_once() -> None:
    sweep = plan_sweep(["cat"], GenerationOptions(), {"size": ["2k", "2K", "16:9", "wide", "2560 x 1440", "4:3"]})
    assert [request.options.size for request in sweep.requests] == ["2k", "16:9", "4:3"]
    assert sweep.columns == ("2K", "16:9\n2560\u00d71440", "4:3\n2304\u00d71728")
    cost = "3 paid requests (3 sizes), about $0.12 (prices of 2026-08)"
    assert describe_cost(sweep, PRICES) == f"{cost} · 16:9 → 2560x1440, 4:3 → 2304x1728"


def test_a_ratio_for_all_is_announced() -> None:
    sweep = plan_sweep(["cat"], GenerationOptions(size="portrait"))
    assert describe_cost(sweep, PRICES) == "1 paid request, about $0.04 (prices of 2026-08) · portrait → 1728x2304"
    sweep = plan_sweep(["cat"], GenerationOptions(size="2K"))
    assert describe_cost(sweep, PRICES) == "1 paid request, about $0.04 (prices of 2026-08)"


def test_takes_make_the_same_several_times() -> None:
    sweep = plan_sweep(["cat"], GenerationOptions(), count=3)
    assert sweep.columns == ("take 1", "take 2", "take 3")
    assert [request.options for request in sweep.requests] == [GenerationOptions()] * 3


def test_images_of_sets_are_counted() -> None:
    sweep = plan_sweep(["cat", "dog"], GenerationOptions(max_images=4))
    assert describe_cost(sweep, None) == "2 requests (2 prompts) to the sandbox, up to 8 images"
    assert describe_cost(sweep, None, kept=[0]).startswith(
        "1 request (2 prompts) to the sandbox, up to 4 images, 1 of 2 paid before"
    )


values = st.lists(st.integers(0, 99), min_size=1, max_size=4)


@given(prompts=st.lists(st.text(), min_size=1, max_size=4), seeds=values, scales=values, count=st.integers(1, 3))
def test_every_prompt_is_combined_with_each_option_once_in_the_place_of_its_labels(
    prompts: list[str], seeds: list[int], scales: list[int], count: int
) -> None:
    sweep = plan_sweep(prompts, GenerationOptions(), {"seed": seeds, "guidance_scale": scales}, count=count)
    made = [(request.prompt, request.options.seed, request.options.guidance_scale) for request in sweep.requests]
    wanted = list(itertools.product(prompts, set(seeds), set(scales))) * count
    assert sorted(made, key=repr) == sorted(wanted, key=repr)
    assert len(made) == len(sweep.rows) * len(sweep.columns)
    for place, (prompt, seed, _scale) in enumerate(made):
        label = sweep.rows[place // len(sweep.columns)] + " · " + sweep.columns[place % len(sweep.columns)]
        assert len(set(prompts)) == 1 or prompt in label
        assert len(set(seeds)) == 1 or f"seed {seed}" in label


@pytest.mark.parametrize("name", ["color", "prompts"])
def test_an_unknown_option_is_rejected(name: str) -> None:
    with pytest.raises(TypeError):
        plan_sweep(["cat"], GenerationOptions(), {name: [1, 2]})
