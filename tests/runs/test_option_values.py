"""Values are read as people and tables write them; what is unclear is rejected."""

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedream_nb import UsageError
from seedream_nb.runs.option_values import CONSTANTS, OPTIONS, Column, ValueProblem, read_option
from seedream_nb.runs.prompt_templates import MOST_CHARACTERS, Template, parse_template

DAMAGED = re.compile("[\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f-\\x9f\\ud800-\\udfff\\ufffd]")


@given(st.integers(-(10**18), 10**18))
def test_a_whole_number_is_read_as_it_was_meant(number: int) -> None:
    for written in (number, str(number), f" {number} ", f"{number}.0", f"{number}."):
        assert read_option("seed", written) == number
    if abs(number) < 2**53:
        found = read_option("seed", float(number))
        assert (found, type(found)) == (number, int)


@given(st.floats(-1e15, 1e15))
def test_a_number_is_read_as_it_was_meant(number: float) -> None:
    for written in (number, str(number), f" {number!r} "):
        assert read_option("guidance_scale", written) == number


@given(st.sampled_from([*OPTIONS, *CONSTANTS]), st.none() | st.booleans() | st.integers() | st.floats() | st.text())
def test_any_value_is_read_or_rejected(name: str, value: object) -> None:
    try:
        read = read_option(name, value)
    except ValueProblem:
        return
    assert read is None or not isinstance(read, float) or math.isfinite(read)


@pytest.mark.parametrize(
    ("name", "value", "read"),
    [
        ("watermark", "Yes", True),
        ("watermark", "0", False),
        ("watermark", 1.0, True),
        ("layers", "FALSE", False),
        ("web_search", " on ", True),
        ("model", 4.5, "4.5"),
        ("model", 4.0, "4.0"),
        ("size", " 2k ", "2k"),
        ("output_format", "PNG", "png"),
        ("guidance_scale", "7.5e0", 7.5),
        ("extra", '{"style": 3}', {"style": 3}),
        ("extra", {"style": None}, {"style": None}),
        ("seed", "", None),
        ("seed", None, None),
        ("size", "\t", None),
    ],
)
def test_values_as_people_write_them(name: str, value: object, read: object) -> None:
    found = read_option(name, value)
    assert (found, type(found)) == (read, type(read))


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("seed", "7.5", "seed must be a whole number, not '7.5'"),
        ("seed", "1,000", "seed must be a whole number, not '1,000'"),
        ("seed", "1.23E+05", "seed must be a whole number, not '1.23E+05'"),
        ("seed", True, "seed must be a whole number, not True"),
        ("seed", float("inf"), "seed must be a whole number, not inf"),
        ("seed", float(2**53), "seed 9007199254740992.0 is too large to be exact in a column of fractions"),
        ("guidance_scale", "7,5", "guidance_scale must be a number such as 7.5, not '7,5'"),
        ("guidance_scale", "nan", "guidance_scale must be a number such as 7.5, not 'nan'"),
        ("watermark", "maybe", "watermark must be true or false, not 'maybe'"),
        ("watermark", 2, "watermark must be true or false, not 2"),
        ("output_format", 7, "output_format must be text, not 7"),
        ("model", True, "model must be text, not True"),
        ("extra", "style", "extra must be a JSON object, not 'style'"),
        ("extra", "[1]", "extra must be a dict, not [1]"),
        ("extra", {"prompt": "a dog"}, "extra can't set prompt"),
        ("size", ["x" * 100], f"size must be text, not ['{'x' * 37}…"),
    ],
)
def test_what_is_unclear(name: str, value: object, problem: str) -> None:
    with pytest.raises(ValueProblem) as caught:
        read_option(name, value)
    assert str(caught.value) == problem
    assert caught.value.sentence == f"{problem}."


# Prompts


@given(st.text(), st.text(), st.text())
def test_a_template_is_its_text_with_the_cells_as_typed(before: str, cell: str, after: str) -> None:
    before, after = f"a{before}", f"{after}z"
    escaped = [text.replace("{", "{{").replace("}", "}}") for text in (before, after)]
    template = parse_template(f"{escaped[0]}{{the column}}{escaped[1]}")
    assert template.columns == ("the column",)
    try:
        assert template.fill({"the column": cell}) == f"{before}{cell}{after}"
    except ValueProblem:
        assert not cell.strip() or DAMAGED.search(before + cell + after) or cell.lstrip()[:1] in {"=", "#"}


@given(st.text())
def test_any_template_is_parsed_or_rejected(text: str) -> None:
    try:
        parts = parse_template(text).parts
    except UsageError:
        assert "{" in text or "}" in text
    else:
        assert "".join(f"{{{part.name}}}" if isinstance(part, Column) else part for part in parts).count("{") <= len(
            text
        )


@pytest.mark.parametrize("text", ["a {color", "a color}", "a {{color}", "{a{b}}", "}{", "{"])
def test_a_brace_that_stands_alone(text: str) -> None:
    with pytest.raises(UsageError, match="stands alone"):
        parse_template(text)


@pytest.mark.parametrize(
    ("cell", "text"),
    [(3.0, "3"), (2.5, "2.5"), (7, "7"), (True, "True"), ("007", "007"), ("1.50", "1.50"), (" x ", " x ")],
)
def test_a_cell_in_a_prompt(cell: object, text: str) -> None:
    assert Template(("a", Column("b c"), "d")).fill({"b c": cell}) == f"a{text}d"


@pytest.mark.parametrize(
    ("cell", "problem"),
    [
        (None, "the column 'note' is empty"),
        ("", "the column 'note' is empty"),
        (" \n", "the column 'note' is empty"),
        ("=CONCAT(A2,B2)", "the column 'note' holds a spreadsheet formula, not its result"),
        (' ="a "&B2', "the column 'note' holds a spreadsheet formula, not its result"),
        ("=A2", "the column 'note' holds a spreadsheet formula, not its result"),
        ("#REF!", "the column 'note' holds a spreadsheet's error, not a value"),
        ("#N/A", "the column 'note' holds a spreadsheet's error, not a value"),
        (["a"], "the column 'note' has a cell of the type list, which can't be part of a prompt"),
        ("a\x00b", "the prompt has U+0000, a control character"),
        ("a\x0bb", "the prompt has U+000B, a control character"),
        ("Ã\x83", "the prompt has U+0083, a control character"),
        ("a\ud83d", "the prompt has U+D83D, half of a character"),
        ("caf\ufffd", "the prompt has U+FFFD, which is left where text was read with a wrong encoding"),
        ("x" * 10_000_000, f"the prompt has 10,000,002 characters; the limit is {MOST_CHARACTERS:,}"),
    ],
)
def test_a_cell_that_can_be_no_part_of_a_prompt(cell: object, problem: str) -> None:
    with pytest.raises(ValueProblem) as caught:
        parse_template("a {note}").fill({"note": cell})
    assert str(caught.value) == problem


@pytest.mark.parametrize("text", ["=> left", "== a heading ==", "#cats", "#1 of 3", "a\tb\nc", "猫 🐈‍⬛", "= equal"])
def test_what_only_looks_like_a_formula(text: str) -> None:
    assert parse_template("{note}").fill({"note": text}) == text
