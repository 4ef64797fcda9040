"""Values of foreign JSON are read as what they should be, or as nothing."""

from __future__ import annotations

import json
import math
import sys
from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedream_nb.core.foreign import read_integer, read_mapping, read_moment, read_number, read_text


@pytest.mark.parametrize(
    ("foreign", "text"),
    [
        ("a cat", "a cat"),
        ("two\tcolumns\nand lines", "two\tcolumns\nand lines"),
        ("猫 🐈 é", "猫 🐈 é"),
        ("\x1b[31mred", " [31mred"),
        ("a\rb\x00c\x7fd\x9be", "a b c d e"),
        ("half a \ud83d pair", "half a ? pair"),
        ("a zero-width \u200b space", "a zero-width \u200b space"),
        (7, "7"),
        (1.5, "1.5"),
        (True, ""),
        (None, ""),
        ([], ""),
        ({"text": "a cat"}, ""),
    ],
)
def test_text(foreign: object, text: str) -> None:
    assert read_text(foreign) == text


def test_no_character_controls_a_terminal_and_every_output_can_show_it() -> None:
    controls = [*range(0x20), *range(0x7F, 0xA0)]
    assert {read_text(chr(code)) for code in controls} == {" ", "\t", "\n"}
    assert {read_text(chr(code)) for code in range(0xD800, 0xE000)} == {"?"}
    others = [chr(code) for code in range(0xA0, sys.maxunicode + 1) if not 0xD800 <= code < 0xE000]
    lines = ["".join(others[start : start + 1000]) for start in range(0, len(others), 1000)]
    assert [line for line in lines if read_text(line) != line] == []


@given(st.text(st.characters(exclude_categories=())))
def test_any_text_keeps_its_length_and_can_be_encoded(text: str) -> None:
    shown = read_text(text)
    assert len(shown) == len(text)
    assert shown.encode().decode() == shown
    assert read_text(shown) == shown


@pytest.mark.parametrize("foreign", ["7", "7.5", True, None, [], {}])
def test_what_is_not_a_number(foreign: object) -> None:
    assert (read_number(foreign), read_integer(foreign)) == (None, None)


@pytest.mark.parametrize(
    ("foreign", "number", "integer"),
    [
        ("7", 7.0, 7),
        ("-3", -3.0, -3),
        ("1.5", 1.5, None),
        ("1e400", None, None),
        ("NaN", None, None),
        (str(2**63), None, None),
        (str(2**63 - 1), float(2**63 - 1), 2**63 - 1),
        ("9" * 400, None, None),
    ],
)
def test_numbers(foreign: str, number: float | None, integer: int | None) -> None:
    value = json.loads(foreign)
    assert (read_number(value), read_integer(value)) == (number, integer)


@pytest.mark.parametrize("foreign", [None, "soon", True, math.nan, math.inf, 1e300, -1e300, 2**62])
def test_what_is_not_a_moment(foreign: object) -> None:
    assert read_moment(foreign) is None


def test_moments_are_in_utc() -> None:
    assert read_moment(1766427547.5) == datetime(2025, 12, 22, 18, 19, 7, 500_000, timezone.utc)


@pytest.mark.parametrize("foreign", [None, [], "text", 7])
def test_what_is_not_a_mapping(foreign: object) -> None:
    assert read_mapping(foreign) == {}


def test_mappings() -> None:
    assert read_mapping({"a": 1}) == {"a": 1}
