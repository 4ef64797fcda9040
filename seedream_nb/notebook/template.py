"""Variables within text as typed: `{expression}` and `$name`, whose values are data and are never parsed again.

A text that is exactly one variable is its object; within other text the value is filled in. `{{` and `}}` are braces,
and `$$name` is a dollar sign before a name. Pure but for `evaluate`, which is passed in.
"""

from __future__ import annotations

import ast
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

IN_WORD, IN_TEXT = re.compile(r"[^\s{}$]+"), re.compile(r"[^{}$]+")  # ordinary characters
_DOLLAR = re.compile(r"\$([^\W\d]\w*(?:\.[^\W\d]\w*)*)")
_ESCAPED_DOLLAR = re.compile(r"\$\$(?=\w)")
_DOLLARS = re.compile(rf"{_ESCAPED_DOLLAR.pattern}|{_DOLLAR.pattern}")
# Within an expression: strings are skipped as a whole, so that their brackets do not count.
_TOKEN = re.compile(
    r"'''(?:[^\\]|\\.)*?'''|\"\"\"(?:[^\\]|\\.)*?\"\"\"|'(?:[^'\\\n]|\\.)*'|\"(?:[^\"\\\n]|\\.)*\"|[()\[\]{}]|!(?!=)|:",
    re.DOTALL,
)
_FORMAT = re.compile(r"(?:!([rsa]))?(?::(.*))?", re.DOTALL)
_CONVERSIONS: dict[str, Callable[[object], str]] = {"r": repr, "s": str, "a": ascii}
_AS_TEXT = "Write {{ and }} for braces as text; nothing was sent."
_SHOWN = 60  # characters of a text with an unclosed brace


@dataclass(frozen=True)
class Variable:
    """A `{expression}` or `$name` with what is between the braces split up."""

    source: str
    expression: str
    conversion: str | None = None
    spec: str | None = None


def no_variables(expression: str) -> object:
    """Evaluates an expression where there are no variables."""
    return eval(expression, {})  # noqa: S307  as in the user's namespace


def fill(text: str, evaluate: Evaluate = no_variables) -> object:
    """Fills variables into a text; a text that is exactly one variable is its value.

    Raises:
        UsageError: A brace is never closed, an expression has no value, or a value within the text is not text.

    Example:
        >>> fill("a {'red'} cat in {{braces}}")
        'a red cat in {braces}'
    """
    return fill_parts(scan(text, 0, IN_TEXT)[0], evaluate)


def scan(
    text: str, place: int, ordinary: re.Pattern[str], *, stops_at_comma: bool = False
) -> tuple[list[str | Variable], int]:
    """Splits a text, or the word at a place of it, into texts and variables; and where it ends."""
    parts: list[str | Variable] = []
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
            parts.append(Variable(match[0], match[1]))
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


def _read_braces(text: str, start: int) -> Variable:
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
        raise UsageError(f"The brace in {shorten(text[start : start + _SHOWN])} is never closed.", hint=_AS_TEXT)
    source = text[start:end]
    inner = source[1:-1]
    if _is_expression(inner):
        return Variable(source, f"({inner})")
    if split is not None:
        expression, rest = text[start + 1 : split], text[split : end - 1]
        match = _FORMAT.fullmatch(rest)
        # {"a": 1} would be the text a in the format 1, but whoever writes that means the braces.
        is_literal = isinstance(parse_expression(f"({expression})"), ast.Constant)
        if match is not None and _is_expression(expression) and not is_literal:
            return Variable(source, f"({expression})", match[1], match[2])
    raise UsageError(f"{shorten(source)} is not a Python expression.", hint=_AS_TEXT)


def _is_expression(text: str) -> bool:
    return bool(text.strip()) and not isinstance(parse_expression(f"({text})"), (ast.NamedExpr, type(None)))


def parse_expression(text: str, *, is_strict: bool = False) -> ast.expr | None:
    """The expression, or None if it is none; strictly, one with an unknown escape sequence is none either."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error" if is_strict else "ignore")
            return ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return None


def fill_parts(parts: list[str | Variable], evaluate: Evaluate) -> object:
    """The text with the values of its variables, or the value itself if there is nothing else."""
    if len(parts) == 1 and isinstance(parts[0], Variable):
        return _value_of(parts[0], evaluate)
    return "".join(
        part if isinstance(part, str) else insert_text(_value_of(part, evaluate), part.source) for part in parts
    )


def fill_names(template: str, evaluate: Evaluate = no_variables) -> object:
    """Fills each `$name` into a template over the columns of a table, whose braces stay as they are.

    Braces within a value are text: they are doubled. A template that is exactly one `$name` is its value.

    Raises:
        UsageError: As for `fill`.

    Example:
        >>> fill_names("a {color} cat, $style", {"style": "{oil}"}.__getitem__)
        'a {color} cat, {{oil}}'
    """
    if match := _DOLLAR.fullmatch(template):
        return evaluate_variable(Variable(template, match[1]), evaluate)

    def insert(match: re.Match[str]) -> str:
        if match[1] is None:
            return "$"
        value = insert_text(evaluate_variable(Variable(match[0], match[1]), evaluate), match[0])
        return value.replace("{", "{{").replace("}", "}}")

    return _DOLLARS.sub(insert, template)


def _value_of(variable: Variable, evaluate: Evaluate) -> object:
    value = evaluate_variable(variable, evaluate)
    if variable.conversion is None and variable.spec is None:
        return value
    spec = insert_text(fill(variable.spec or "", evaluate), variable.source)
    try:
        return format(_CONVERSIONS[variable.conversion](value) if variable.conversion else value, spec)
    except Exception as problem:  # noqa: BLE001  whatever the object's own code raises
        _reject(variable.source, problem)


def evaluate_variable(variable: Variable, evaluate: Evaluate) -> object:
    """The value of a variable without its format; an error names what was typed."""
    try:
        return evaluate(variable.expression)
    except Exception as problem:  # noqa: BLE001  whatever the user's code raises
        _reject(variable.source, problem)


def _reject(source: str, problem: Exception) -> NoReturn:
    as_typed = f"write {shorten(escape_variables(source))} to send it as text; nothing was sent."
    if isinstance(problem, NameError):
        name = getattr(problem, "name", None) or source
        raise UsageError(f"There is no variable named {name}.", hint=f"Define it, or {as_typed}") from None
    reject_expression(source, problem, hint=f"Check the expression, or {as_typed}")


def reject_expression(
    source: str, problem: Exception, *, hint: str = "Check the expression; nothing was sent."
) -> NoReturn:
    """Raises a `UsageError` that says what the user's code raised."""
    raise UsageError(
        f"{shorten(source)} raised {type(problem).__name__}: {shorten(str(problem))}.", hint=hint
    ) from None


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
            hint="Use an element or attribute of it that is text, or let it stand alone; nothing was sent.",
        ) from None
    except Exception as problem:  # noqa: BLE001  whatever the object's own code raises
        _reject(source, problem)


def as_text(value: object) -> str:
    """A value as the text that it stands for.

    Raises:
        TypeError: It is a collection, a missing value, or an object without a text of its own.
    """
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, os.PathLike):
        return os.fsdecode(value)
    if isinstance(value, Iterable) or not (isinstance(value, Number) or type(value).__str__ is not object.__str__):
        raise TypeError(name_type(value))
    if value != value:  # NaN stands for a missing value  # noqa: PLR0124
        raise TypeError(name_type(value))
    return str(value)


def read_elements(value: object, source: str) -> list[object] | None:
    """The elements of a list, a Series, a generator or the like, one after the other; None for anything else.

    Args:
        value: The value.
        source: What was typed, for the message.

    Raises:
        UsageError: A generator raised an exception.
    """
    if isinstance(value, (str, bytes, bytearray, memoryview, Mapping)) or not isinstance(value, Iterable):
        return None
    if len(getattr(value, "shape", (0,))) != 1:  # a table, or an array that is not one row
        return None
    try:
        return list(value)
    except Exception as problem:  # noqa: BLE001  whatever the user's code raises
        _reject(source, problem)


def name_type(value: object) -> str:
    """The type of a value for a message.

    Example:
        >>> name_type(1), name_type([])
        ('an int', 'a list')
    """
    if value is None or isinstance(value, bytes):
        return "None" if value is None else "bytes"
    name = type(value).__name__
    return f"{'an' if name[0].lower() in 'aeiou' else 'a'} {name}"
