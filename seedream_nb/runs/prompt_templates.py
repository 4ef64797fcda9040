"""The prompts of a run: a template over the columns of its table, filled with the cells of each row."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seedream_nb.core.errors import UsageError, shorten
from seedream_nb.runs.option_values import Column, ValueProblem

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_CHARACTERS = 100_000  # of a prompt; the models' maker advises 600 words at most

_TOKEN = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
_FORMULA = re.compile(r"\s*=[\w(+\-\"'$@{]")
_FORMULA_ERROR = re.compile(
    r"\s*#(?:REF!|N/A|NAME\?|VALUE!|DIV/0!|NUM!|NULL!|SPILL!|CALC!|FIELD!|GETTING_DATA|ERROR!)\s*"
)
_DAMAGED = re.compile("[\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f-\\x9f\\ud800-\\udfff\\ufffd]")
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_LARGEST_EXACT = 2**53


@dataclass(frozen=True)
class Template:
    """Text and columns that become a prompt, one after the other."""

    parts: tuple[str | Column, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns in it."""
        return tuple(dict.fromkeys(part.name for part in self.parts if isinstance(part, Column)))

    def fill(self, cells: Mapping[str, object]) -> str:
        """The prompt of a row.

        Raises:
            ValueProblem: A cell is empty or not a text, or the prompt is damaged.
        """
        prompt = "".join([part if isinstance(part, str) else _fill_cell(part.name, cells) for part in self.parts])
        return (
            prompt if prompt.isascii() and prompt.isprintable() and len(prompt) <= MOST_CHARACTERS else _check(prompt)
        )


def parse_template(text: str) -> Template:
    """Parses a template.

    Args:
        text: Text with columns in braces; `{{` and `}}` are braces.

    Raises:
        UsageError: A brace stands alone.

    Example:
        >>> parse_template("a {color} cat in {{braces}}").fill({"color": "red"})
        'a red cat in {braces}'
    """
    parts: list[str | Column] = []
    place = 0
    for token in _TOKEN.finditer(text):
        if token[0] in {"{", "}"}:
            raise UsageError(
                f"The brace at {shorten(text[token.start() : token.start() + 40])!r} stands alone.",
                hint="Write {column} for a column, and {{ or }} for a brace; nothing was sent.",
            )
        parts.append(text[place : token.start()])
        parts.append(token[0][0] if token[1] is None else Column(token[1]))
        place = token.end()
    parts.append(text[place:])
    return Template(tuple(part for part in parts if part))


def column_template(name: str) -> Template:
    """The template that is a column."""
    return Template((Column(name),))


def _fill_cell(name: str, cells: Mapping[str, object]) -> str:
    cell = cells.get(name)
    text = cell if type(cell) is str else _as_text(name, cell)
    if not text or text.isspace():
        raise ValueProblem(f"the column {name!r} is empty" if name != "prompt" else "the prompt is empty")
    if "=" in text[:9] and _FORMULA.match(text):
        raise ValueProblem(f"the column {name!r} holds a spreadsheet formula, not its result")
    if "#" in text[:9] and _FORMULA_ERROR.fullmatch(text):
        raise ValueProblem(f"the column {name!r} holds a spreadsheet's error, not a value")
    return text


def _as_text(name: str, cell: object) -> str:
    """A stored cell that is not text as part of a prompt."""
    if cell is None:
        return ""
    # A missing value turns a column of whole numbers into one of fractions.
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < _LARGEST_EXACT:
        return str(int(cell))
    if isinstance(cell, (int, float)):
        return str(cell)
    raise ValueProblem(
        f"the column {name!r} has a cell of the type {type(cell).__name__}, which can't be part of a prompt"
    )


def _check(prompt: str) -> str:
    """Rejects a prompt with characters that nobody types."""
    if len(prompt) > MOST_CHARACTERS:
        raise ValueProblem(f"the prompt has {len(prompt):,} characters; the limit is {MOST_CHARACTERS:,}")
    if found := _DAMAGED.search(prompt):
        code = f"U+{ord(found[0]):04X}"
        if found[0] == _REPLACEMENT:
            raise ValueProblem(f"the prompt has {code}, which is left where text was read with a wrong encoding")
        half = "\ud800" <= found[0] <= "\udfff"
        raise ValueProblem(f"the prompt has {code}, {'half of a character' if half else 'a control character'}")
    return prompt
