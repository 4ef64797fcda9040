"""The prompts of `generate` and `edit`, from the line or the cell's body: exactly as typed, or rejected.

A misread line costs money, so anything ambiguous is an error that says what to write instead.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seedream_nb.core.errors import UsageError, shorten
from seedream_nb.core.text import count_of
from seedream_nb.notebook.line import Word
from seedream_nb.notebook.template import (
    fill,
    fill_names,
    insert_text,
    name_type,
    no_variables,
    parse_expression,
    read_elements,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seedream_nb.notebook.template import Evaluate

SYNTAX = """\
prompts and variables:
  a white cat            one prompt, as typed
  "a cat" "two dogs"     a prompt each; quotation marks are those of Python: "a \\"red\\" cat", r"C:\\new", f"{x:.2f}"
  {prompts}, $prompts    a Python expression or variable: its text is one prompt, unchanged; a list is a prompt each
  a {color} cat          a variable within text; {{ and }} are braces, and $$name is a dollar sign before a name
  ---                    on a line of the cell's body: separates prompts
  # a comment            in the cell's body: left out of the prompt; #ff0000 and #hashtag are text
"""

_SEPARATOR = re.compile(r"^[ \t]*-{3,}[ \t]*$", re.MULTILINE)
_COMMENT = re.compile(r"^[ \t]*#(?:[ \t][^\n]*)?(?:\n|\Z)", re.MULTILINE)
# What begins a prompt that is meant as Python, or meant to be quoted.
_LIST = re.compile(r"\$?[\[(]\s*[A-Za-z]{0,2}[\"'“‘]")  # noqa: RUF001  as typed
# Expressions that are hardly English; "cat and dog", "cat in hat", and "cats, dogs" are.
_EXPRESSIONS = (ast.Attribute, ast.BinOp, ast.Call, ast.List, ast.ListComp, ast.Subscript, ast.Tuple)
_STRING = re.compile(r"[rRfF]{1,2}([\"']).*\1", re.DOTALL)
_TYPOGRAPHIC_QUOTES = tuple("“”„‟‘’‚‛«»‹›「」『』")  # noqa: RUF001  as typed


@dataclass(frozen=True)
class Body:
    """The body of a cell with prompts.

    Attributes:
        prompts: The parts between lines of `---`, without white space around them.
        comments: How many lines were left out because they begin with a `#` and a space.
    """

    prompts: tuple[Word, ...] = ()
    comments: int = 0


def read_body(text: str, evaluate: Evaluate = no_variables, *, is_template: bool = False) -> Body:
    """Splits the body of a cell, then fills in variables, whose values stay as they are.

    Args:
        text: The body.
        evaluate: Returns the value of an expression.
        is_template: Whether it is a template over the columns of a table, whose braces stay as they are.

    Raises:
        UsageError: A part is a Python list or an expression of variables, a brace is never closed, an expression has
            no value, or a value within the text is not text.
    """
    text, comments = _COMMENT.subn("", text)
    parts = [part for part in map(str.strip, _SEPARATOR.split(text)) if part]
    fill_in = fill_names if is_template else fill
    for part in parts:
        # A template has no braces for Python, and may be the name of a column.
        if not is_template:
            reject_list(part)
            _reject_string(part)
            reject_expression_as_text(part, evaluate)
        _reject_code(part, evaluate)
    return Body(tuple(Word(part, fill_in(part, evaluate)) for part in parts), comments)


def reject_list(text: str) -> None:
    """Rejects a text that begins like a Python list, whose loop may have variables of its own.

    Raises:
        UsageError: It does; the message says how to write it.
    """
    if _LIST.match(text):
        listed = shorten(text.removeprefix("$"))
        raise UsageError(
            f"{shorten(text)} is a Python list, and it is unclear whether to send it as text.",
            hint=f"To send one prompt per element, put it in braces: {{{listed}}}; nothing was sent.",
        )


def check_line(words: Sequence[Word], evaluate: Evaluate) -> None:
    """Rejects words without quotes that together are a Python list or an expression of variables.

    Raises:
        UsageError: They are; the message says how to write them.
    """
    if any(word.is_quoted for word in words):
        return
    text = "".join(word.space + word.source for word in words).strip()
    reject_list(text)
    if not any(word.is_data for word in words):
        reject_expression_as_text(text, evaluate)


def reject_expression_as_text(text: str, evaluate: Evaluate) -> None:
    """Rejects a text that is also a variable with text or a list, or an expression of variables: either may be meant.

    Raises:
        UsageError: It is; the message says how to write both.

    Example:
        >>> reject_expression_as_text("cats[0]", {"cats": ["a cat"]}.__getitem__)
        Traceback (most recent call last):
        ...
        seedream_nb.core.errors.UsageError: cats[0] is also a Python expression, and it is unclear which is meant. ...
    """
    code, quoted = text.removeprefix("*"), repr(text)
    tree = parse_expression(code)
    if isinstance(tree, ast.Name):
        found = _find_values([tree.id], evaluate)
        is_meant, kind = bool(found) and _has_text(found[0], tree.id), "the name of a variable"
    else:
        is_meant, kind = tree is not None and _has_variables(tree, code, evaluate), "a Python expression"
    if is_meant:
        raise UsageError(
            f"{shorten(text)} is also {kind}, and it is unclear which is meant.",
            hint=f"Write {{{shorten(code)}}} for its value, or {{{shorten(quoted)}}} for the text. Nothing was sent.",
        )


def _reject_code(text: str, evaluate: Evaluate) -> None:
    """Rejects assignments, loops, and lists whose variables exist."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return
    used = _find_names(tree)
    is_code = any(
        isinstance(one, (ast.Assign, ast.For)) or (isinstance(one, ast.Expr) and isinstance(one.value, ast.List))
        for one in tree.body
    )
    if is_code and len(_find_values(used, evaluate)) == len(used):
        raise UsageError(
            f"{shorten(text)} is Python code, and a cell's body is text.",
            hint="Write the text of the prompt alone, or put this text into a variable: $text; nothing was sent.",
        )


def _reject_string(text: str) -> None:
    if _STRING.fullmatch(text):
        raise UsageError(
            f"{shorten(text)} is a Python string, and a cell's body is text.",
            hint="Write the text without quotation marks: a {color} cat; nothing was sent.",
        )


def _has_variables(tree: ast.expr, code: str, evaluate: Evaluate) -> bool:
    """Whether an expression has the signs of Python, and all of its variables exist."""
    if not isinstance(tree, _EXPRESSIONS) or (isinstance(tree, ast.Tuple) and not code.startswith("(")):
        return False
    used = _find_names(tree)
    return bool(used) and len(_find_values(used, evaluate)) == len(used)


def _find_names(tree: ast.AST) -> set[str]:
    """The variables that code needs, but for those that it assigns itself."""
    names = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
    return {node.id for node in names} - {node.id for node in names if isinstance(node.ctx, ast.Store)}


def _find_values(names: Iterable[str], evaluate: Evaluate) -> list[object]:
    """The values of those variables that exist."""
    found = []
    for name in names:
        with suppress(Exception):
            found.append(evaluate(name))
    return found


def _has_text(value: Any, name: str) -> bool:
    """Whether a variable holds a text other than its name, or a collection of texts, as its first element tells.

    An iterator keeps its elements. A dict is none: `--json --out cat` assigns one, and its cell is run again.
    """
    if isinstance(value, str):
        return value != name
    if isinstance(value, (Iterator, Mapping)):
        return isinstance(value, Iterator)
    try:
        return isinstance(next(iter(value), None), str)
    except Exception:  # noqa: BLE001  whatever the user's object raises
        return False


def read_prompts(words: Sequence[Word], body: Body, command: str, *, optional: bool) -> tuple[str, ...]:
    """Reads the prompts from the line or from the cell's body.

    On the line, words without quotes form one prompt, and several quoted texts are one prompt each. A variable with a
    list is one prompt for each element.

    Raises:
        UsageError: There is no prompt, or it is unclear what the prompts are.
    """
    if words and body.prompts:
        raise UsageError(
            f"There is a prompt on the line ({shorten(_join(words).source)!r}) and another in the cell's body.",
            hint="Keep one of them; nothing was sent.",
        )
    parts = _find_prompts(words) if words else body.prompts
    texts = [text for part in parts for text in _read_texts(part)]
    if optional and texts in ([], [""]):
        return ("",)
    if not texts:
        if parts:
            raise UsageError("The list of prompts is empty.", hint="Add a prompt; nothing was sent.")
        comments = f", only {count_of(body.comments, 'comment line')}" if body.comments else ""
        raise UsageError(
            f"There is no prompt{comments}.",
            hint=f'Write it in the body of a %%seedream {command} cell, or before the options: "a white cat".',
        )
    return tuple(
        _check(text, f"Prompt {number}" if len(texts) > 1 else "The prompt") for number, text in enumerate(texts, 1)
    )


def _find_prompts(words: Sequence[Word]) -> Sequence[Word]:
    """The words of the line as prompts: each quoted text, or all other words together."""
    if all(word.is_quoted for word in words):
        return words
    prompt = _join(words)
    as_quoted = shorten(repr(prompt.source))
    if any(word.source == "#" for word in words):
        raise UsageError(
            "It is unclear whether the text after # is a comment.",
            hint=f"Write a comment on its own line above, or quote the whole prompt: {as_quoted}; nothing was sent.",
        )
    if any(word.is_quoted for word in words):
        raise UsageError(
            "It is unclear where the prompt begins and ends.",
            hint=f"Quote the whole prompt, such as {as_quoted}; nothing was sent.",
        )
    if prompt.source.startswith(_TYPOGRAPHIC_QUOTES):
        raise UsageError(
            f"The prompt begins with the typographic quotation mark {prompt.source[0]}.",
            hint=f"Use straight quotation marks around a prompt; to send these, quote the whole: {as_quoted}.",
        )
    return [prompt]


def _join(words: Sequence[Word]) -> Word:
    """Words as one, with the white space between them as typed; a single word stays what it is."""
    if len(words) == 1:
        return words[0]
    source = "".join(word.space + word.source for word in words).removeprefix(words[0].space)
    value = "".join(word.space + insert_text(word.value, word.source) for word in words)
    return Word(source, value.removeprefix(words[0].space))


def _read_texts(part: Word) -> Sequence[object]:
    elements = read_elements(part.value, part.source)
    return [part.value] if elements is None else elements


def _check(text: object, name: str) -> str:
    if not isinstance(text, str):
        hint = "Pass a string or a list of strings; nothing was sent."
        raise UsageError(f"{name} is {name_type(text)}, not text.", hint=hint)
    if not text.strip():
        raise UsageError(f"{name} is empty.", hint="Write a text, or leave it out; nothing was sent.")
    return str.__str__(text)
