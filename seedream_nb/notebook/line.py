"""The words of a line as typed: plain words, quoted texts as in Python, options, and variables.

IPython would fill in variables as text before a magic sees its line, so that a value with spaces, quotes or options
would be parsed again.
"""

from __future__ import annotations

import ast
import itertools
import re
import warnings
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, NoReturn

from seedream_nb.core.errors import UsageError, shorten
from seedream_nb.notebook.template import (
    IN_TEXT,
    IN_WORD,
    Evaluate,
    Variable,
    evaluate_variable,
    fill_names,
    fill_parts,
    no_variables,
    parse_expression,
    scan,
)

if TYPE_CHECKING:
    from collections.abc import Collection

_SPACE = re.compile(r"\s*")
_OPTION = re.compile(r"--?[A-Za-z][\w-]*")
_QUOTE = re.compile(r"([A-Za-z]{0,2})('''|\"\"\"|'|\")")
_PREFIXES = {"", "r", "u", "f", "b", "rf", "fr", "rb", "br"}
# What follows an opening quotation mark, up to the closing one.
_CLOSING = {
    "'": re.compile(r"[^'\\]*(?:\\.[^'\\]*)*'", re.DOTALL),
    '"': re.compile(r'[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL),
    "'''": re.compile(r"(?:[^\\]|\\.)*?'''", re.DOTALL),
    '"""': re.compile(r'(?:[^\\]|\\.)*?"""', re.DOTALL),
}
_PLAIN_TEMPLATE = re.compile(r"(?:\{[^{}]*\}|\S)+")  # a column's name may contain spaces
# What a pasted list leaves after a quoted id.
_AFTER_ID = "])}>;"
_COMMENT = re.compile(r"#(?!\S)[^\n]*")
_ID_COMMENT = re.compile(r"(?:^|(?<=[\s,;]))#[^\n]*", re.MULTILINE)
_MOST_QUOTES = 20  # of an f-string that may contain its own quotation marks (Python 3.12)


@dataclass(frozen=True)
class Word:
    """One argument of a line, or one part of a cell's body.

    Attributes:
        source: What was typed.
        value: The text, or the object of a word that is exactly one variable.
        space: The white space before it, as typed.
        option: The option that it is the value of, such as `--note=`, or empty.
        is_option: Whether it is the name of an option.
        is_quoted: Whether it was typed as a quoted text.
        is_data: Whether a variable contributed to the value.
    """

    source: str
    value: object
    space: str = ""
    option: str = ""
    is_option: bool = False
    is_quoted: bool = False
    is_data: bool = False


def read_words(
    line: str, evaluate: Evaluate = no_variables, *, has_ids: bool = False, templates: Collection[str] = ()
) -> list[Word]:
    """Splits a line into words and evaluates its variables, from left to right.

    Args:
        line: The line as typed, without a command.
        evaluate: Returns the value of an expression.
        has_ids: Whether pasted lists and `#` comments may surround task ids.
        templates: Options whose values are templates: their braces stand for columns of a table, and stay as they are.

    Raises:
        UsageError: A quotation mark or a brace is never closed, or an expression has no value.

    Example:
        >>> [word.value for word in read_words("it's {1 + 1} 'o clock' --yes")]
        ["it's", 2, 'o clock', '--yes']
    """
    words: list[Word] = []
    place = 0
    is_template = False
    while True:
        start = place
        place = _skip(_SPACE, line, place)
        if has_ids and (comment := _COMMENT.match(line, place)):
            place = comment.end()
            continue
        if place == len(line):
            return words
        option, space = _find_option(line, place), line[start:place]
        is_template = option in templates if option else is_template
        word, place = _read_word(line, place, space, evaluate, has_ids=has_ids, is_template=is_template)
        words.append(word)


def read_id_words(text: str, evaluate: Evaluate = no_variables) -> list[Word]:
    """Splits the body of a cell with task ids, where a `#` begins a comment."""
    return read_words(_ID_COMMENT.sub("", text), evaluate, has_ids=True)


def _skip(pattern: re.Pattern[str], text: str, place: int) -> int:
    match = pattern.match(text, place)
    return match.end() if match else place


def _find_option(line: str, start: int) -> str:
    """The name of the option that begins at a place of a line; empty if none does."""
    return line[start : _skip(_OPTION, line, start)]


def _read_word(
    line: str, start: int, space: str, evaluate: Evaluate, *, has_ids: bool, is_template: bool
) -> tuple[Word, int]:
    """The word at a place of a line, after white space, and where the next one may begin."""
    place = _skip(_OPTION, line, start)
    option = ""
    if place > start:
        if line[place : place + 1] != "=":
            return _read_option(line, start, space)
        place += 1
        option = line[start:place]
    word = _read_quoted(line, place, evaluate, has_ids=has_ids, is_template=is_template)
    if word is None:
        read = _read_plain_template if is_template else partial(_read_plain, has_ids=has_ids)
        word = read(line, place, evaluate)
    end = place + len(word.source)
    ends_with_comma = line[end : end + 1] == "," and (word.is_quoted or has_ids)
    return replace(word, space=space, option=option), end + ends_with_comma


def _read_option(line: str, start: int, space: str) -> tuple[Word, int]:
    parts, end = scan(line, start, IN_WORD)
    source = line[start:end]
    if _has_variable(parts):
        _reject_option(source)
    return Word(source, "".join(map(str, parts)), space, is_option=True), end


def _read_plain(line: str, start: int, evaluate: Evaluate, *, has_ids: bool) -> Word:
    parts, end = scan(line, start, IN_WORD, stops_at_comma=has_ids)
    source = line[start:end]
    if parts[:1] == ["--"] and _has_variable(parts[:2]):
        _reject_option(source)
    return Word(source, fill_parts(parts, evaluate), is_data=_has_variable(parts))


def _read_plain_template(line: str, start: int, evaluate: Evaluate) -> Word:
    source = line[start : _skip(_PLAIN_TEMPLATE, line, start)]
    value = fill_names(source, evaluate)
    return Word(source, value, is_data=value != source)


def _has_variable(parts: list[str | Variable]) -> bool:
    return any(isinstance(part, Variable) for part in parts)


def _reject_option(source: str) -> NoReturn:
    raise UsageError(
        f"{shorten(source)} is not an option: a variable can't be part of its name.",
        hint="Type the option, and its value after a space or an equals sign; nothing was sent.",
    )


def _read_quoted(line: str, start: int, evaluate: Evaluate, *, has_ids: bool, is_template: bool) -> Word | None:
    """The quoted text at a place of a line; None if none begins there."""
    begin = _QUOTE.match(line, start)
    if begin is None or begin[1].lower() not in _PREFIXES:
        return None
    prefix, quote = begin[1].lower(), begin[2]
    end = _find_closing(line, start, begin)
    source, rest = line[start:end], line[end : end + 1]
    if rest and rest != "," and not rest.isspace():
        if has_ids and rest in _AFTER_ID:
            return None
        _reject_rest(source, line[end:].split(maxsplit=1)[0])
    if "b" in prefix:
        raise UsageError(f"{shorten(source)} is bytes, not text.", hint="Remove the b; nothing was sent.")
    if "f" in prefix:
        return Word(source, str(evaluate_variable(Variable(source, source), evaluate)), is_quoted=True, is_data=True)
    inner = line[begin.end() : end - len(quote)]
    text = _unescape(source) if "\\" in inner else inner
    if is_template:
        return Word(source, fill_names(text, evaluate), is_quoted=True)
    parts, _ = scan(text, 0, IN_TEXT)
    # Within quotation marks even a single variable is text.
    return Word(source, fill_parts(["", *parts], evaluate), is_quoted=True, is_data=_has_variable(parts))


def _reject_rest(quoted: str, rest: str) -> NoReturn:
    hint = "Leave a space after the closing quotation mark, or write a backslash before those within the text: "
    hint += '"a sign saying \\"OPEN\\""'
    if rest[0] in "])":
        hint = 'Write a Python list in braces: {["a cat", "two dogs"]}'
    raise UsageError(
        f"The quoted text {shorten(quoted)} is followed by {shorten(rest)}.", hint=f"{hint}; nothing was sent."
    )


def _find_closing(line: str, start: int, begin: re.Match[str]) -> int:
    """The end of a quoted text; an f-string may contain its own quotation marks since Python 3.12."""
    closings = _CLOSING[begin[2]].finditer(line, begin.end())
    first = next(closings, None)
    if first is None:
        raise UsageError(
            "Unclosed quotation mark.",
            hint='Close it, or put the text in quotation marks of the other kind: "\'tis winter".',
        )
    if "f" in begin[1].lower():
        for closing in itertools.islice(itertools.chain([first], closings), _MOST_QUOTES):
            if isinstance(parse_expression(line[start : closing.end()], is_strict=True), (ast.JoinedStr, ast.Constant)):
                return closing.end()
        source = line[start : first.end()]
        raise UsageError(
            f"{shorten(source)} is not a valid f-string.",
            hint='Check its braces and quotation marks, and write rf"..." for backslashes; nothing was sent.',
        )
    return first.end()


def _unescape(source: str) -> str:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # an unknown escape sequence is an error here
            return str(ast.literal_eval(source))
    except (SyntaxError, ValueError, MemoryError) as problem:
        reason = getattr(problem, "msg", None) or str(problem)
        raise UsageError(
            f"{shorten(source)} is not a valid Python string: {shorten(reason)}.",
            hint='Write r"..." around a text with backslashes, or forward slashes in the path of a file; '
            "nothing was sent.",
        ) from None
