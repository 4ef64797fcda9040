"""The line as typed: words, quoted texts, and variables whose values are data."""

from __future__ import annotations

import contextlib
import re
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedream_nb.core.errors import UsageError
from seedream_nb.core.text import escape_variables
from seedream_nb.notebook.line import read_id_words, read_words
from seedream_nb.notebook.template import fill

if TYPE_CHECKING:
    from collections.abc import Callable

NAMES: dict[str, object] = {
    "color": "red",
    "number": 3.14159,
    "place": {"a b": "Rome", "}": "{"},
    "names": ["cat", "dog"],
    "width": 8,
    "function": len,
    "nothing": None,
    "table": {"a": 1},
    "content": b"a",
}


def evaluate(expression: str) -> object:
    return eval(expression, dict(NAMES))  # noqa: S307  as in the user's namespace


def values(line: str, *, has_ids: bool = False) -> list[object]:
    return [word.value for word in read_words(line, evaluate, has_ids=has_ids)]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("", []),
        ("a  white\tcat", ["a", "white", "cat"]),
        ("a\u3000wide space", ["a", "wide", "space"]),
        ("it's raining 5\" of rain", ["it's", "raining", '5"', "of", "rain"]),
        (r"C:\new\a.png a\b", [r"C:\new\a.png", r"a\b"]),
        ('"a white cat" \'a "dog"\'', ["a white cat", 'a "dog"']),
        ('"a cat", "two dogs",', ["a cat", "two dogs"]),
        ('"a cat","two dogs"', ["a cat", "two dogs"]),
        (r'"a \"red\" cat\n\u732b \x41"', ['a "red" cat\n猫 A']),
        (r'r"C:\new" R"\d"', [r"C:\new", r"\d"]),
        ("'''it's \"it\"'''", ["it's \"it\""]),
        ('""', [""]),
        ('u"a cat"', ["a cat"]),
        ("f\"a {color} cat\" F'{number:.2f}' rf\"\\{color}\"", ["a red cat", "3.14", "\\red"]),
        ("f\"{place['a b']}\"", ["Rome"]),
        ('a {color} cat is "{color}"', ["a", "red", "cat", "is", "red"]),
        ("$color $place.get a$color, $color.", ["red", NAMES["place"].get, "ared,", "red."]),  # type: ignore[attr-defined]
        ("{names} $names", [["cat", "dog"], ["cat", "dog"]]),
        ('{place["a b"]} {place["}"]}', ["Rome", "{"]),
        ('{[name for name in names if "d" in name]}', [["dog"]]),
        ("{ {1, 2} } { width }", [{1, 2}, 8]),
        ("{number:.2f} {color!r} {color!r:>7} {number:{width}.1f}", ["3.14", "'red'", "  'red'", "     3.1"]),
        ("{(lambda a: a[1:])(color)} {names[0:1]} {width != 8} {width:=5}", ["ed", ["cat"], False, "    8"]),
        ("{{color}} {{}} }} } {{{color}}} $$color $5 $$5 $$ $", ["{color}", "{}", "}", "}", "{red}", "$color",
         "$5", "$5", "$$", "$"]),
        ('--size 2K --note=a --note="a b" --note={names}', ["--size", "2K", "a", "a b", ["cat", "dog"]]),
        ('"--yes" -5 - -- -> --- -{width}', ["--yes", "-5", "-", "--", "->", "---", "-8"]),
    ],
)  # fmt: skip
def test_words(line: str, expected: list[object]) -> None:
    assert values(line) == expected


@pytest.mark.parametrize(
    ("line", "message", "hint"),
    [
        ('a "white cat', "Unclosed quotation mark", "Close it"),
        ("'tis winter", "Unclosed quotation mark", '"\'tis winter"'),
        ('f"{color', "Unclosed quotation mark", "Close it"),
        ('"a"b c', 'The quoted text "a" is followed by b.', "backslash"),
        ('["a", "b"]', 'The quoted text "b" is followed by ].', '{["a cat", "two dogs"]}'),
        (r'"C:\My images"', r'"C:\My images" is not a valid Python string: invalid escape sequence', 'r"..."'),
        (r'"C:\Users"', "is not a valid Python string", "forward slashes"),
        ('b"a"', 'b"a" is bytes, not text.', "Remove the b"),
        (r'f"\d {color}"', "is not a valid f-string", 'rf"..."'),
        ('f"{"', 'f"{" is not a valid f-string.', "braces"),
        ("{missing}", "There is no variable named missing.", "write {{missing}} to send it as text"),
        ("a $missing.", "There is no variable named missing.", "write $$missing to"),
        ('f"{missing}"', "There is no variable named missing.", "Define it"),
        ("{1 / 0}", "{1 / 0} raised ZeroDivisionError: division by zero.", "{{1 / 0}}"),
        ("{number:%Q%}", "raised ValueError", "Check the expression"),
        ("{color", "The brace in {color is never closed.", "{{ and }}"),
        ("{(color}", "The brace in {(color} is never closed.", "{{ and }}"),
        ("{color)", "The brace in {color) is never closed.", "{{ and }}"),
        ("a {} b", "{} is not a Python expression.", "{{ and }}"),
        ("{a red cat}", "{a red cat} is not a Python expression.", "{{ and }}"),
        ('{"size": 5} {"a":5}', '{"size": 5} is not a Python expression.', "{{ and }}"),
        ("a-{names}", "{names} is a list and can't be part of a text.", "let it stand alone"),
        ('"{names}"', "{names} is a list and can't be part of a text.", "let it stand alone"),
        ("a-{function}", "{function} is a builtin_function_or_method and can't be part of a text.", "attribute"),
        ("a-{nothing}", "{nothing} is None and can't be part of a text.", "element"),
        ("a-{content}", "{content} is bytes and can't be part of a text.", "element"),
        ("a-{table}", "{table} is a dict and can't be part of a text.", "element"),
        ("--{color} 2K", "--{color} is not an option", "Type the option"),
        ("--si{color}=2K", "--si{color}=2K is not an option", "Type the option"),
    ],
)
def test_an_unclear_line_is_rejected(line: str, message: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        values(line)
    assert message in caught.value.message
    assert hint in (caught.value.hint or "")


def test_the_white_space_before_a_word_is_kept() -> None:
    assert [word.space for word in read_words("  a \t b", evaluate)] == ["  ", " \t "]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("['id1', 'id2']", ["['id1',", "'id2']"]),
        ('"id1", "id2"', ["id1", "id2"]),
        ("{names}, {color}", [["cat", "dog"], "red"]),
        ("{names},$names # both, it's {missing}", [["cat", "dog"], ["cat", "dog"]]),
        ("{'id1', 'id2'}", [{"id1", "id2"}]),
    ],
)
def test_ids_may_be_a_pasted_list(text: str, expected: list[object]) -> None:
    expected_words = [("id1", "id2") if value == {"id1", "id2"} else value for value in expected]
    found = values(text, has_ids=True)
    assert [tuple(sorted(value)) if isinstance(value, tuple) else value for value in found] == expected_words


def test_comments_in_a_body_of_ids_end_with_their_line() -> None:
    body = "# {missing}\nid1  # it's one\n{names} #two\n"
    assert [word.value for word in read_id_words(body, evaluate)] == ["id1", ["cat", "dog"]]


@given(st.text())
def test_an_escaped_text_is_filled_in_unchanged(text: str) -> None:
    assert fill(escape_variables(text)) == text


@given(st.text(), st.text(), st.text())
def test_a_value_within_a_text_is_not_parsed(before: str, value: str, after: str) -> None:
    template = f"{escape_variables(before)}{{value}}{escape_variables(after)}"
    assert fill(template, lambda _: value) == f"{before}{value}{after}"


@given(st.text("ab'\"`,;{}$#-= \t\n\\[]()") | st.text())
def test_any_line_is_split_between_its_characters_or_rejected(line: str) -> None:
    try:
        words = read_words(line, lambda _: "")
    except UsageError as error:
        assert error.message  # noqa: PT017  either outcome is fine, a sentence is a must
        return
    place = 0
    for word in words:
        typed = word.space + word.option + word.source
        # A comma may end a quoted text.
        place += line[place] == "," and not line.startswith(typed, place)
        assert line.startswith(typed, place)
        place += len(typed)
        if not word.is_quoted and not word.is_data:
            assert word.source.split() == [word.source]
            assert word.value == re.sub(r"\$\$(?=\w)", "$", word.source).replace("{{", "{").replace("}}", "}")
    assert line[place:].strip() in {"", ","}


@given(st.text("ab'\" ,{}$\\") | st.text())
def test_quoted_by_repr_a_text_stays_one_word(text: str) -> None:
    (word,) = read_words(repr(escape_variables(text)))
    assert (word.value, word.is_quoted) == (text, True)


@pytest.mark.parametrize(
    "make",
    [
        lambda n: "84d1544a-9043-4dde-a98b-e889dacd75f6 " * n,
        lambda n: f'"{"a white cat " * n}"',
        lambda n: f'"{chr(92)}"{"a white cat " * n}"',
        lambda n: "{names} $color it's }" * n,
        lambda n: "{" + "'}' " * n,
        lambda n: "{a b" + ":" * n + "}",
        lambda n: "f'{" + "'x' " * n,
        lambda n: "(" * n + "{" + "(" * n,
    ],
)
def test_a_long_line_takes_a_time_that_grows_with_its_length(make: Callable[[int], str]) -> None:
    start = time.process_time()
    with contextlib.suppress(UsageError):
        values(make(10_000))
    assert time.process_time() - start < 5
