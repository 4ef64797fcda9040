"""What a run reads: a file, a variable with a table, or the name of a run; what is unclear is rejected."""

from __future__ import annotations

import ast
import csv
import difflib
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, NoReturn

from seedream_nb.core.errors import UsageError, shorten
from seedream_nb.library.run_store import MAX_NAME
from seedream_nb.notebook.given import variable_names
from seedream_nb.notebook.template import name_type, parse_expression, reject_expression

if TYPE_CHECKING:
    from collections.abc import Collection

    from seedream_nb.notebook.front_end import FrontEnd
    from seedream_nb.notebook.line import Word

TABLE_SUFFIXES = {".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".parquet"}
_PLAIN = (ast.Name, ast.Attribute, ast.Subscript, ast.Slice, ast.Constant, ast.UnaryOp, ast.USub, ast.Load)
_DELIMITERS = {".csv": ",", ".tsv": "\t"}
_MOST_COLUMNS = 50
_LONGEST_HEAD = 100_000  # characters
_CALL = re.compile(r"[^\W\d][\w.\[\]]*\(")
_UNNAMED = re.compile(r"[^A-Za-z0-9_.-]+")
_NAME_HINT = "Add a name, under which the same line continues tomorrow: --name cats."


def find_source(
    word: Word | None, name: str | None, runs: Collection[str], front_end: FrontEnd
) -> tuple[object | None, str]:
    """Finds what a line means.

    Args:
        word: The table or the run, as typed; None if there is only a name.
        name: What `--name` says, or None.
        runs: The names of all runs.
        front_end: Evaluates expressions.

    Returns:
        The table, None for a run that exists, and the name of the run.

    Raises:
        UsageError: It is unclear what is meant, or there is no such thing; nothing was sent.
    """
    if word is None:
        return None, _check_run(name or "", runs)
    value = word.value
    if isinstance(value, (str, os.PathLike)):
        typed = os.fspath(value) if isinstance(value, os.PathLike) else value
        path = Path(os.path.expanduser(typed))  # noqa: PTH111  it keeps a tilde that stands for nobody
        if isinstance(value, os.PathLike) or path.suffix.lower() in TABLE_SUFFIXES or path.is_file():
            return _check_file(path, typed), name or _name_after(path)
        if name is None and typed in runs:
            # A variable without --name would be rejected, so that this can be nothing else.
            return None, typed
        found = None if word.is_data or word.is_quoted else _evaluate(typed, front_end)
        if found is None:
            _reject(typed, name, runs, front_end)
        if isinstance(found, os.PathLike):
            return Path(found), name or _name_after(Path(found))
        value = found
    if not is_table(value):
        raise UsageError(
            f"{shorten(word.source)} is {name_type(value)}, not a table.",
            hint="Use a data frame, a list of dicts, or a file: %seedream run prompts.csv. Nothing was sent.",
        )
    if name is None:
        raise UsageError(f"The run of {shorten(word.source)} has no name.", hint=f"{_NAME_HINT} Nothing was sent.")
    return value, name


def is_table(value: object) -> bool:
    """Whether a value may be a table; what reads it says what is wrong with it."""
    if isinstance(value, (str, bytes, bytearray, Mapping, type, ModuleType)):
        return isinstance(value, Mapping) and bool(value)  # columns by name
    return isinstance(value, Iterable) or hasattr(value, "__dataframe__") or hasattr(value, "to_dict")


def peek_columns(source: str, namespace: Mapping[str, object]) -> list[str]:
    """The columns of a variable with a table or of a file with a head line, at once; none where that takes longer."""
    value = namespace.get(source)
    # By module, as hasattr() would also run the code of proxies, which load what they stand for.
    if type(value).__module__.partition(".")[0] in {"pandas", "polars", "pyarrow"} and hasattr(value, "columns"):
        names = getattr(value, "column_names", None) or list(value.columns)
        return [str(name) for name in names][:_MOST_COLUMNS]
    if isinstance(value, list) and type(value) is list and value and type(value[0]) is dict:
        return [str(name) for name in value[0]][:_MOST_COLUMNS]
    path = Path(source.strip("\"'"))
    if path.suffix.lower() not in _DELIMITERS:
        return []
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            row = next(csv.reader([file.readline(_LONGEST_HEAD)], delimiter=_DELIMITERS[path.suffix.lower()]), [])
    except (OSError, ValueError, csv.Error):
        return []
    return row[:_MOST_COLUMNS]


def _name_after(path: Path) -> str:
    """A run's name from the name of its file.

    Example:
        >>> _name_after(Path("data/My prompts.csv"))
        'My-prompts'
    """
    name = _UNNAMED.sub("-", path.stem)[:MAX_NAME].strip("-.")
    if not name:
        raise UsageError(f"The run of {path.name} has no name.", hint=f"{_NAME_HINT} Nothing was sent.")
    return name


def _check_file(path: Path, typed: str) -> Path:
    if path.is_file():
        return path
    others = [one.name for one in path.parent.iterdir()] if path.parent.is_dir() else []
    tables = [name for name in others if Path(name).suffix.lower() in TABLE_SUFFIXES]
    near = difflib.get_close_matches(path.name, tables, n=1)
    hint = f"Did you mean {path.with_name(near[0])}?" if near else "Check the path."
    raise UsageError(f"There is no file {shorten(typed)}.", hint=f"{hint} Nothing was sent.")


def _reject(typed: str, name: str | None, runs: Collection[str], front_end: FrontEnd) -> NoReturn:
    names = variable_names(front_end.evaluate)
    if name is not None:
        raise UsageError(
            f"{shorten(typed)} is neither a file nor a variable with a table.",
            hint=f"{_suggest(typed, names)}Nothing was sent.",
        )
    raise UsageError(
        f"{shorten(typed)} is not a run, a file, or a variable with a table.",
        hint=f"{_suggest(typed, [*runs, *names])}%seedream run lists all runs. Nothing was sent.",
    )


def _check_run(name: str, runs: Collection[str]) -> str:
    if name not in runs:
        raise UsageError(
            f"There is no run named {shorten(name)}, and no table to begin it with.",
            hint=f"{_suggest(name, runs)}Write the table before the options: %seedream run prompts.csv --name "
            f"{shorten(name)}. Nothing was sent.",
        )
    return name


def _suggest(typed: str, names: Collection[str]) -> str:
    near = difflib.get_close_matches(typed, [name for name in names if name != typed], n=1)
    return f"Did you mean {near[0]}? " if near else ""


def _evaluate(source: str, front_end: FrontEnd) -> object | None:
    """The value of a plain expression such as `study.frame[:5]` if it is a table or a path; None for anything else."""
    if _CALL.match(source):
        raise UsageError(
            f"{shorten(source)} looks like a call, which needs braces.",
            hint="Write {frame.head(5)}; nothing was sent.",
        )
    tree = parse_expression(source)
    if tree is None or isinstance(tree, ast.Constant) or not all(isinstance(node, _PLAIN) for node in ast.walk(tree)):
        return None
    try:
        value = front_end.evaluate(source)
    except NameError:
        return None
    except Exception as problem:  # noqa: BLE001  whatever the user's code raises
        if isinstance(tree, ast.Name):
            return None
        reject_expression(source, problem)
    return value if is_table(value) or isinstance(value, os.PathLike) else None
