"""The tasks that are given to a command: by ids, by variables, and by expressions such as `study[4]`."""

from __future__ import annotations

import ast
import difflib
import re
from typing import TYPE_CHECKING

from seedream_nb.core.errors import InvalidTaskIdError, UsageError, shorten
from seedream_nb.core.models import Task, TaskImage
from seedream_nb.core.task_ids import check_words, find_problem, flatten, split_ids
from seedream_nb.notebook.template import name_type, parse_expression, reject_expression

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import TypeAlias

    from seedream_nb.notebook.line import Word
    from seedream_nb.notebook.template import Evaluate

Given: TypeAlias = "str | Task | TaskImage"
"""An id, or at least its first 8 characters; a task; or an image of a task."""

_PLAIN = (
    ast.Name,
    ast.Attribute,
    ast.Subscript,
    ast.Slice,
    ast.Constant,
    ast.UnaryOp,
    ast.USub,
    ast.Tuple,
    ast.List,
    ast.Load,
)

_IMAGE = re.compile(r"(?P<id>[0-9a-fA-F-]{8,36})/(?P<number>[1-9][0-9]{0,2})")
_CALL = re.compile(r"[^\W\d][\w.\[\]]*\(")


def read_given(words: Iterable[Word], evaluate: Evaluate) -> list[Given]:
    """Reads the tasks that words stand for, in order.

    A word that looks like an id is one. Any other word that is a plain Python expression, without a call, is evaluated.

    Args:
        words: The words of a line or a cell's body.
        evaluate: Returns the value of an expression in the user's namespace.

    Returns:
        Ids in lower case, tasks, and images; those in galleries and other collections one by one.

    Raises:
        InvalidTaskIdError: A word is none of these; the message says why.
        UsageError: An expression has no value, or a collection is empty.

    Example:
        >>> from seedream_nb.notebook.line import read_words
        >>> read_given(read_words("84D1544A"), dict(study=[]).__getitem__)
        ['84d1544a']
    """
    found: list[Given] = []
    typed: list[str] = []  # ids in a row, checked together so that one message names all that are wrong

    def add_typed() -> None:
        found.extend(check_words(typed))
        typed.clear()

    for word in words:
        if isinstance(word.value, str) and not word.is_data and (image := _read_image(word.value)):
            add_typed()
            found.append(image)
            continue
        if isinstance(word.value, str) and not word.is_data and not _is_expression(word):
            typed += split_ids(word.value)
            continue
        add_typed()
        is_value = word.is_data or not isinstance(word.value, str)
        value = word.value if is_value else _evaluate(word.source, evaluate)
        found += _read_value(value, word.source)
    add_typed()
    return found


def _read_image(text: str) -> TaskImage | None:
    """The image that `ID/2` names: the second one of a task."""
    found = _IMAGE.fullmatch(text)
    if found is None or find_problem(found["id"]) is not None:
        return None
    return TaskImage(found["id"].lower(), int(found["number"]) - 1)


def _is_expression(word: Word) -> bool:
    """Whether a word is an expression of names, attributes, subscripts, and literals, which begins with a name."""
    if word.is_quoted or not find_problem(word.source):
        return False
    if _CALL.match(word.source):
        raise UsageError(
            f"{shorten(word.source)} looks like a call, which needs braces.",
            hint="Write {gallery.filter(...)}; nothing was sent.",
        )
    tree = parse_expression(word.source)
    return tree is not None and _begins_with_name(tree) and all(isinstance(node, _PLAIN) for node in ast.walk(tree))


def _begins_with_name(node: ast.expr) -> bool:
    if isinstance(node, (ast.Tuple, ast.List)):
        return bool(node.elts) and all(map(_begins_with_name, node.elts))
    while isinstance(node, (ast.Attribute, ast.Subscript)):
        node = node.value
    return isinstance(node, ast.Name)


def _evaluate(source: str, evaluate: Evaluate) -> object:
    try:
        return evaluate(source)
    except NameError as problem:
        name = getattr(problem, "name", None) or source
        near = difflib.get_close_matches(name, variable_names(evaluate), n=1)
        hint = f"Did you mean {near[0]}?" if near else "Define the variable, or use the first 8 characters of the id."
        raise InvalidTaskIdError(
            f"{shorten(name)!r} is neither a task id nor a variable.", hint=f"{hint} Nothing was sent."
        ) from None
    except Exception as problem:  # noqa: BLE001  whatever the user's code raises
        reject_expression(source, problem)


def variable_names(evaluate: Evaluate) -> list[str]:
    """The names of the user's variables."""
    try:
        found = evaluate("dir()")
    except Exception:  # noqa: BLE001  a suggestion is not worth an error
        return []
    return [name for name in found if isinstance(name, str)] if isinstance(found, list) else []


def _read_value(value: object, source: str) -> list[Given]:
    found: list[Given] = []
    try:
        items = list(flatten(value))
    except Exception as problem:  # noqa: BLE001  whatever the user's generator raises
        reject_expression(source, problem)
    for item in items:
        if isinstance(item, (Task, TaskImage)):
            found.append(item)
        elif isinstance(item, str):
            found += check_words(split_ids(item))
        else:
            raise InvalidTaskIdError(
                f"{shorten(source)} {'contains' if items != [value] else 'is'} {name_type(item)}, which is not a task.",
                hint="Use tasks, images, galleries, or task ids. Nothing was sent.",
            )
    if not found:
        raise UsageError(f"{shorten(source)} is empty.", hint="It has no task. Nothing was done.")
    return found
