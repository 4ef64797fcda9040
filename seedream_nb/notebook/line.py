"""A line or a cell's body as typed: words, quoted texts, and variables whose values are data.

IPython would fill in variables as text before a magic sees its line, so that a value with spaces, quotes or options
would be parsed again. Here a word that is exactly one variable is its object; within a text its value is filled in.
Pure but for `evaluate`, which is passed in.
"""

from __future__ import annotations

import ast
import itertools
import os
import re
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from numbers import Number
from typing import NoReturn

from seedream_nb.core.errors import UsageError, shorten
from seedream_nb.core.text import escape_variables

Evaluate = Callable[[str], object]  # the value of a Python expression, in the user's namespace; raises what it raises

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
# What a pasted list leaves after a quoted id.
_REST_OF_LIST = re.compile(r"[\])}>;]")
_COMMENT = re.compile(r"#(?!\S)[^\n]*")
_ID_COMMENT = re.compile(r"(?:^|(?<=[\s,;]))#[^\n]*", re.MULTILINE)
_IN_WORD, _IN_TEXT = re.compile(r"[^\s{}$]+"), re.compile(r"[^{}$]+")
_DOLLAR = re.compile(r"\$([^\W\d]\w*(?:\.[^\W\d]\w*)*)")
_ESCAPED_DOLLAR = re.compile(r"\$\$(?=\w)")
# Within an expression: strings are skipped as a whole, so that their brackets do not count.
_TOKEN = re.compile(
    r"'''(?:[^\\]|\\.)*?'''|\"\"\"(?:[^\\]|\\.)*?\"\"\"|'(?:[^'\\\n]|\\.)*'|\"(?:[^\"\\\n]|\\.)*\"|[()\[\]{}]|!(?!=)|:",
    re.DOTALL,
)
_FORMAT = re.compile(r"(?:!([rsa]))?(?::(.*))?", re.DOTALL)
_CONVERSIONS: dict[str, Callable[[object], str]] = {"r": repr, "s": str, "a": ascii}
_MOST_QUOTES = 20  # of an f-string that may contain its own quotation marks (Python 3.12)
_NOTHING_SENT = "nothing was sent"


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


@dataclass(frozen=True)
class _Variable:
    """A `{expression}` or `$name` with what is between the braces split up."""

    source: str
    expression: str
    conversion: str | None = None
    spec: str | None = None


def no_variables(expression: str) -> object:
    """Evaluates an expression where there are no variables."""
    return eval(expression, {})  # noqa: S307  as in the user's namespace


def read_words(line: str, evaluate: Evaluate = no_variables, *, has_ids: bool = False) -> list[Word]:
    """Splits a line into words and evaluates its variables, from left to right.

    Args:
        line: The line as typed, without a command.
        evaluate: Returns the value of an expression.
        has_ids: Whether pasted lists and `#` comments may surround task ids.

    Raises:
        UsageError: A quotation mark or a brace is never closed, or an expression has no value.

    Example:
        >>> [word.value for word in read_words("it's {1 + 1} 'o clock' --yes")]
        ["it's", 2, 'o clock', '--yes']
    """
    words: list[Word] = []
    place = 0
    while True:
        start = place
        place = _skip(_SPACE, line, place)
        if has_ids and (comment := _COMMENT.match(line, place)):
            place = comment.end()
            continue
        if place == len(line):
            return words
        word, place = _read_word(line, place, evaluate, space=line[start:place], has_ids=has_ids)
        words.append(word)


def read_id_words(text: str, evaluate: Evaluate = no_variables) -> list[Word]:
    """Splits the body of a cell with task ids, where a `#` begins a comment."""
    return read_words(_ID_COMMENT.sub("", text), evaluate, has_ids=True)


def _skip(pattern: re.Pattern[str], text: str, place: int) -> int:
    match = pattern.match(text, place)
    return match.end() if match else place


def _read_word(line: str, start: int, evaluate: Evaluate, *, space: str, has_ids: bool) -> tuple[Word, int]:
    place = _skip(_OPTION, line, start)
    option = ""
    if place > start:
        if line[place : place + 1] != "=":
            parts, place = _scan(line, start, _IN_WORD)
            source = line[start:place]
            if any(isinstance(part, _Variable) for part in parts):
                _reject_option(source)
            return Word(source, "".join(map(str, parts)), space, is_option=True), place
        place += 1
        option = line[start:place]
    quoted = _read_quoted(line, place, evaluate, has_ids=has_ids)
    if quoted is not None:
        value, is_data, end = quoted
        word = Word(line[place:end], value, space, option, is_quoted=True, is_data=is_data)
    else:
        parts, end = _scan(line, place, _IN_WORD, stops_at_comma=has_ids)
        if parts[:1] == ["--"] and any(isinstance(part, _Variable) for part in parts[:2]):
            _reject_option(line[place:end])
        is_data = any(isinstance(part, _Variable) for part in parts)
        word = Word(line[place:end], _fill(parts, evaluate), space, option, is_data=is_data)
    if (quoted is not None or has_ids) and line[end : end + 1] == ",":
        end += 1
    return word, end


def _reject_option(source: str) -> NoReturn:
    raise UsageError(
        f"{shorten(source)} is not an option: a variable can't be part of its name.",
        hint=f"Type the option, and its value after a space or an equals sign; {_NOTHING_SENT}.",
    )


def _read_quoted(line: str, start: int, evaluate: Evaluate, *, has_ids: bool) -> tuple[str, bool, int] | None:
    """The value of a quoted text, whether it is data, and its end; None if no quoted text begins here."""
    begin = _QUOTE.match(line, start)
    if begin is None or begin[1].lower() not in _PREFIXES:
        return None
    prefix, quote = begin[1].lower(), begin[2]
    end = _find_closing(line, start, begin)
    rest = line[end : end + 1]
    if rest and rest != "," and not rest.isspace():
        is_list = _REST_OF_LIST.match(rest) is not None
        if has_ids and is_list:
            return None
        raise UsageError(
            f"The quoted text {shorten(line[start:end])} is followed by {shorten(line[end:].split(maxsplit=1)[0])}.",
            hint=f'Write a Python list in braces: {{["a cat", "two dogs"]}}; {_NOTHING_SENT}.'
            if is_list
            else "Leave a space after the closing quotation mark, or write a backslash before those within the text: "
            f'"a sign saying \\"OPEN\\""; {_NOTHING_SENT}.',
        )
    source = line[start:end]
    if "b" in prefix:
        raise UsageError(f"{shorten(source)} is bytes, not text.", hint=f"Remove the b; {_NOTHING_SENT}.")
    if "f" in prefix:
        return str(_evaluate(_Variable(source, source), evaluate)), True, end
    inner = line[begin.end() : end - len(quote)]
    text = inner if "r" in prefix or "\\" not in inner else _unescape(source)
    parts, _ = _scan(text, 0, _IN_TEXT)
    is_data = any(isinstance(part, _Variable) for part in parts)
    # Within quotation marks even a single variable is text.
    return str(_fill(["", *parts], evaluate)), is_data, end


def _find_closing(line: str, start: int, begin: re.Match[str]) -> int:
    """The end of a quoted text; an f-string may contain its own quotation marks since Python 3.12."""
    closings = _CLOSING[begin[2]].finditer(line, begin.end())
    first = next(closings, None)
    if first is None:
        raise UsageError(
            "Unclosed quotation mark.",
            hint='Close it, or quote a text that begins with one by the other kind: "\'tis winter".',
        )
    if "f" in begin[1].lower():
        for closing in itertools.islice(itertools.chain([first], closings), _MOST_QUOTES):
            if isinstance(_parse(line[start : closing.end()]), (ast.JoinedStr, ast.Constant)):
                return closing.end()
        source = line[start : first.end()]
        raise UsageError(
            f"{shorten(source)} is not a valid f-string.",
            hint=f"Check its braces and quotation marks; {_NOTHING_SENT}.",
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
            f"{_NOTHING_SENT}.",
        ) from None


def _scan(
    text: str, place: int, ordinary: re.Pattern[str], *, stops_at_comma: bool = False
) -> tuple[list[str | _Variable], int]:
    """Splits a text, or the word at a place of it, into texts and variables; and where it ends."""
    parts: list[str | _Variable] = []
    while place < len(text):
        if match := ordinary.match(text, place):
            parts.append(match[0])
            place = match.end()
        elif text.startswith(("{{", "}}"), place):
            parts.append(text[place])
            place += 2
        elif text[place] == "{":
            variable = _read_braces(text, place)
            parts.append(variable)
            place += len(variable.source)
            if stops_at_comma and len(parts) == 1 and text[place : place + 1] == ",":
                break
        elif match := _DOLLAR.match(text, place):
            parts.append(_Variable(match[0], match[1]))
            place = match.end()
        elif match := _ESCAPED_DOLLAR.match(text, place):
            parts.append("$")
            place = match.end()
        elif text[place].isspace():
            break
        else:
            parts.append(text[place])
            place += 1
    return parts, place


def _read_braces(text: str, start: int) -> _Variable:
    """The variable whose opening brace is at a place of a text."""
    depth, end = 0, None
    split = None  # where the expression ends and its format begins
    for token in _TOKEN.finditer(text, start):
        if token[0] in "([{":
            depth += 1
        elif token[0] in ")]}":
            depth -= 1
            if depth == 0:
                end = token.end() if token[0] == "}" else None
                break
        elif token[0] in ":!" and depth == 1 and split is None:
            split = token.start()
    if end is None:
        raise UsageError(
            f"The brace in {shorten(text[start : start + 60])} is never closed.", hint=_how_to_write_braces()
        )
    source = text[start:end]
    inner = source[1:-1]
    if _is_expression(inner):
        return _Variable(source, f"({inner})")
    if split is not None:
        expression, rest = text[start + 1 : split], text[split : end - 1]
        match = _FORMAT.fullmatch(rest)
        # {"a": 1} would be the text a in the format 1, but whoever writes that means the braces.
        if match is not None and _is_expression(expression) and not isinstance(_parse(f"({expression})"), ast.Constant):
            return _Variable(source, f"({expression})", match[1], match[2])
    raise UsageError(f"{shorten(source)} is not a Python expression.", hint=_how_to_write_braces())


def _how_to_write_braces() -> str:
    return f"Write {{{{ and }}}} for braces as text; {_NOTHING_SENT}."


def _is_expression(text: str) -> bool:
    return bool(text.strip()) and not isinstance(_parse(f"({text})"), (ast.NamedExpr, type(None)))


def _parse(text: str) -> ast.expr | None:
    """The expression, or None if it is none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return None


def _fill(parts: list[str | _Variable], evaluate: Evaluate) -> object:
    """The text with the values of its variables, or the value itself if there is nothing else."""
    if len(parts) == 1 and isinstance(parts[0], _Variable):
        return _value_of(parts[0], evaluate)
    return "".join(
        part if isinstance(part, str) else insert_text(_value_of(part, evaluate), part.source) for part in parts
    )


def _value_of(variable: _Variable, evaluate: Evaluate) -> object:
    value = _evaluate(variable, evaluate)
    if variable.conversion is None and variable.spec is None:
        return value
    spec = insert_text(fill(variable.spec or "", evaluate), variable.source)
    try:
        return format(_CONVERSIONS[variable.conversion](value) if variable.conversion else value, spec)
    except Exception as problem:  # noqa: BLE001  whatever the object's own code raises
        _reject(variable.source, problem)


def _evaluate(variable: _Variable, evaluate: Evaluate) -> object:
    try:
        return evaluate(variable.expression)
    except Exception as problem:  # noqa: BLE001  whatever the user's code raises
        _reject(variable.source, problem)


def _reject(source: str, problem: Exception) -> NoReturn:
    as_typed = f"write {shorten(escape_variables(source))} to send it as text; {_NOTHING_SENT}."
    if isinstance(problem, NameError):
        name = getattr(problem, "name", None) or source
        raise UsageError(f"There is no variable {name}.", hint=f"Define it, or {as_typed}") from None
    raise UsageError(
        f"{shorten(source)} raised {type(problem).__name__}: {shorten(str(problem))}.",
        hint=f"Check the expression, or {as_typed}",
    ) from None


def fill(text: str, evaluate: Evaluate = no_variables) -> object:
    """Fills variables into a text; a text that is exactly one variable is its value.

    Raises:
        UsageError: A brace is never closed, an expression has no value, or a value within the text is not text.

    Example:
        >>> fill("a {'red'} cat in {{braces}}")
        'a red cat in {braces}'
    """
    return _fill(_scan(text, 0, _IN_TEXT)[0], evaluate)


def insert_text(value: object, source: str) -> str:
    """A value as text within other text.

    Args:
        value: The value.
        source: What was typed, for the message.

    Raises:
        UsageError: It is a list or another object that is not text.
    """
    try:
        return as_text(value)
    except TypeError:
        raise UsageError(
            f"{shorten(source)} is {name_type(value)} and can't be part of a text.",
            hint=f"Use an element or attribute of it that is text, or let it stand alone; {_NOTHING_SENT}.",
        ) from None
    except Exception as problem:  # noqa: BLE001  whatever the object's own code raises
        _reject(source, problem)


def as_text(value: object) -> str:
    """A value as the text that it stands for.

    Raises:
        TypeError: It is a collection, None, or an object without a text of its own.
    """
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, os.PathLike):
        return os.fsdecode(value)
    if isinstance(value, Iterable) or not (isinstance(value, Number) or type(value).__str__ is not object.__str__):
        raise TypeError(name_type(value))
    return str(value)


def read_elements(word: Word) -> list[object] | None:
    """The elements of a list, a Series, a generator or the like, one after the other; None for anything else.

    Raises:
        UsageError: A generator raised an exception.
    """
    value = word.value
    if isinstance(value, (str, bytes, bytearray, memoryview, Mapping)) or not isinstance(value, Iterable):
        return None
    if len(getattr(value, "shape", (0,))) != 1:  # a table, or an array that is not one row
        return None
    try:
        return list(value)
    except Exception as problem:  # noqa: BLE001  whatever the user's code raises
        _reject(word.source, problem)


def name_type(value: object) -> str:
    """The type of a value for a message.

    Example:
        >>> name_type(1), name_type([])
        ('an int', 'a list')
    """
    name = "None" if value is None else type(value).__name__
    return name if value is None else f"{'an' if name[0].lower() in 'aeiou' else 'a'} {name}"
