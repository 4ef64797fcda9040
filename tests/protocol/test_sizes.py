"""Sizes as people write them, and the nearest sizes that the models accept."""

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedream_nb.protocol.capabilities import MODELS, ModelCapabilities
from seedream_nb.protocol.sizes import COMMON_RATIOS, find_sides, find_size, parse_size, pixels_of_preset
from seedream_nb.protocol.validation import find_problems

PRO, LITE, V45, V40 = MODELS
models = st.sampled_from(list(MODELS.values()))


@given(st.integers(1, 999_999), st.integers(1, 999_999))
def test_sizes_are_read_back(width: int, height: int) -> None:
    assert parse_size(f"{width}x{height}") == (width, height)


@given(st.text())
def test_any_text_is_a_size_or_not(text: str) -> None:
    size = parse_size(text)

    assert size is None or f"{size[0]}x{size[1]}" == text


@pytest.mark.parametrize(
    "text", ["", "2K", "auto", "0x10", "10x0", "-1x5", "1024X768", "1024x", " 10x10", "10x10\n", "٣x٤"]
)
def test_these_are_no_sizes(text: str) -> None:
    assert parse_size(text) is None


def test_auto_has_no_fixed_pixels() -> None:
    with pytest.raises(KeyError):
        pixels_of_preset("auto")


# Sizes as people write them


@pytest.mark.parametrize(
    ("text", "size"),
    [
        *(("2k", "2K"), ("1.5k", "1.5K"), (" 4K ", "4K"), ("AUTO", "auto"), ("2K", "2K")),
        *((text, "2048x1536") for text in ("2048x1536", "2048X1536", "2048*1536", "2048\u00d71536", "2048 x  1536 ")),
        *(("1:1", "2048x2048"), ("4:3", "2304x1728"), ("3:2", "2496x1664"), ("16:9", "2560x1440")),
        *(("21:9", "3024x1296"), ("9:16", "1440x2560"), ("16 : 9", "2560x1440"), ("2.39:1", "3136x1312")),
        *(("square", "2048x2048"), ("Portrait", "1728x2304"), ("landscape", "2304x1728"), ("WIDE", "2560x1440")),
        *(("16:1", "8192x512"), ("1:16", "512x8192")),
    ],
)
@pytest.mark.parametrize("model", [*MODELS, "doubao-seedream-9-0-300101"])
def test_people_write_sizes_in_many_ways(text: str, size: str, model: str) -> None:
    assert find_size(text, model) == size


@pytest.mark.parametrize(
    "text",
    [
        "",
        "huge",
        "2048",
        "x2048",
        "2048x",
        "0x2048",
        "2K x 2K",
        "100:1",
        "1:100",
        "0:1",
        "1:0",
        "16:9:4",
        "-16:9",
        "1e3:1",
    ],
)
def test_other_sizes_stay_as_they_are(text: str) -> None:
    assert find_size(text, LITE) == text


@given(models, st.integers(1, 200), st.integers(1, 200))
def test_the_size_of_a_ratio_is_accepted_and_near_it(model: ModelCapabilities, width: int, height: int) -> None:
    size = find_size(f"{width}:{height}", model.id)
    if max(width, height) > 16 * min(width, height):
        assert size == f"{width}:{height}"
        return
    sides = parse_size(size)
    assert sides is not None
    assert find_problems({"model": model.id, "prompt": "a red kite", "size": size}) == ()
    assert all(side % 16 == 0 for side in sides)
    assert math.prod(sides) <= 2048 * 2048
    assert Fraction(*sides) / Fraction(width, height) == pytest.approx(1, rel=0.01)
    assert find_sides(Fraction(height, width), model.id) == sides[::-1]


@given(
    models, st.text(max_size=12) | st.from_regex(r"\s?[0-9.]{1,5}\s?[xX*:kK\u00d7]\s?[0-9.]{0,5}\s?", fullmatch=True)
)
def test_any_size_is_understood_or_stays(model: ModelCapabilities, text: str) -> None:
    size = find_size(text, model.id)
    assert size == text or size in {"1K", "1.5K", "2K", "3K", "4K", "auto"} or parse_size(size)
    assert find_size(size, model.id) == size


@pytest.mark.parametrize("model", MODELS)
def test_every_model_takes_the_common_ratios(model: str) -> None:
    assert all(
        find_problems({"model": model, "prompt": "a red kite", "size": find_size(ratio, model)}) == ()
        for ratio in COMMON_RATIOS
    )
