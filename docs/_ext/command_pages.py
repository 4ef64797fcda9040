"""Writes the reference of all commands from their parsers before Sphinx reads it; needs Sphinx only to be called."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import TYPE_CHECKING

from seedream_nb.notebook.commands import COMMANDS, Command
from seedream_nb.notebook.examples import EXAMPLES, name_assumed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from sphinx.application import Sphinx

    from seedream_nb.notebook.arguments import Parser

FOLDER = Path("reference/commands")
_NEWLINE = "\n"
_DEFAULT = re.compile(r" \((?:the )?default: (.+)\)$")
# The class of a command's value, where it is not a text.
VALUES = {
    **dict.fromkeys(("generate", "edit", "remake", "get", "wait", "resume", "history", "last"), "Gallery"),
    **dict.fromkeys(("library search", "library show"), "Gallery"),
    "run": "Run",
    "explore": "Explorer",
    "library tree": "LineageTree",
    "spend": "SpendingTable",
}
_PRIVATE = {"LineageTree": "the tree", "SpendingTable": "the table"}
_ELSE = {
    "generate": "with `--dry-run`, a text",
    "edit": "with `--dry-run`, a text",
    "remake": "without `--again`, a text",
    "run": "with `--export`, a report; without a table or a name, the list of all runs",
    "resume": "a text if nothing is unfinished",
    "history": "a text if there is none",
    "library search": "a text if there is none",
    "spend": "a text if there were no requests",
}
# Pages to read next.
_RELATED = {
    "generate": ("compare_models", "rerun", "budgets", "prompts_from_a_table"),
    "edit": ("draw",),
    "remake": ("rerun",),
    "run": ("prompts_from_a_table", "../explanation/runs_at_scale", "dask"),
    "get": ("dead_links", "keep_small"),
    "wait": ("stop_or_undo", "recover"),
    "resume": ("recover", "../explanation/paying_once"),
    "watch": ("stop_or_undo",),
    "history": ("find", "recover"),
    "last": ("keep_small", "share"),
    "explore": ("app", "draw", "find"),
    "library": ("find", "move", "team_library", "../explanation/what_is_stored"),
    "spend": ("spend", "budgets"),
    "sandbox": ("sandbox", "class"),
    "login": ("../reference/settings", "../explanation/security_and_privacy"),
    "config": ("../reference/settings", "proxies"),
    "help": ("../reference/errors",),
}

# What a user types, within a sentence: options, separators, commands, settings, and quoted texts.
_TYPED = re.compile(
    r"(?<![\w-])--[a-z][a-z-]*|---|%+seedream(?: [a-z]+)*|\bSEEDREAM_[A-Z_]+(?:=[^\s;,)]+)?|\"[^\"]*\"|\{[^{}]*\}"
)
_MARKUP = re.compile(r"([\\`*_\[\]<>{}|])")


def make_pages() -> Mapping[str, str]:
    """The pages in Markdown, by the names of their files."""
    return {"index.md": _make_index(), **{f"{name}.md": _make_page(command) for name, command in COMMANDS.items()}}


def _make_index() -> str:
    return f"""\
# Magic commands

```python
%load_ext seedream_nb
```

Then each command is a line that begins with `%seedream`. Commands that take prompts or ids are cell magics, too: with
`%%seedream` on the first line of a cell, the prompts or the ids are below it. As the last line of a cell, a command
shows its result; `gallery = %seedream ...` assigns it, and a semicolon at the end of the line shows nothing. Tab
completes commands, options, and their values.

{_NEWLINE.join(_list(list_commands()))}

`%seedream COMMAND --help`, `%seedream help COMMAND`, and `%seedream COMMAND?` show the same in the notebook.

```{{toctree}}
:hidden:

{_NEWLINE.join(COMMANDS)}
```
"""


def list_commands() -> list[Command]:
    """All commands, each followed by its own."""
    return [one for command in COMMANDS.values() for one in (command, *command.parts.values())]


def _make_page(command: Command) -> str:
    parts = list(command.parts.values())
    listed = ["## Commands", "", *_list(parts), ""] if parts else []
    related = ["## See also", "", *(f"- [](../../how-to/{name}.md)" for name in _RELATED[command.name]), ""]
    return "\n".join([_describe(command, 1), *listed, *(_describe(part, 2) for part in parts), *related])


def _list(commands: Iterable[Command]) -> list[str]:
    rows = [f"| {{ref}}`{one.name} <command-{_label(one)}>` | {_text(one.summary)}. |" for one in commands]
    return ["| Command | What it does |", "|---|---|", *rows]


def _label(command: Command) -> str:
    return command.name.replace(" ", "-")


def _describe(command: Command, level: int) -> str:
    parser = command.make_parser()
    marks = "#" * level
    parts = [f"(command-{_label(command)})=", f"{marks} `%seedream {command.name}`", "", _text(command.description), ""]
    parts += ["```python", *_usage(parser), "```", "", f"{marks}# Examples", ""]
    for example in EXAMPLES[command.name]:
        parts += [_text(example.purpose), "", "```python", example.code, "```", ""]
    parts += [assumed, ""] if (assumed := name_assumed(command.name)) else []
    parts += [_describe_value(command.name), ""] if command.name in VALUES else []
    for title, actions in list_arguments(parser):
        heading, _, note = title.partition(" (")
        parts += [f"{marks}# {heading}", "", *([f"{_sentence(note[:-1])}.", ""] if note else []), *_table(actions), ""]
    if parser.notes:
        parts += [f"{marks}# Notation", "", "```text", parser.notes.strip("\n"), "```", ""]
    return "\n".join(parts)


def _describe_value(name: str) -> str:
    kind = VALUES[name]
    value = _PRIVATE.get(kind) or f"a {{py:class}}`seedream_nb.{kind}`"
    value = value.replace("a {py:class}`seedream_nb.E", "an {py:class}`seedream_nb.E")
    return f"The value of the cell is {'; '.join(filter(None, [value, _ELSE.get(name)]))}."


def _usage(parser: Parser) -> list[str]:
    """The forms of a command: on a line, and as a cell magic if it takes a body."""
    has_options = any(action.option_strings for _title, actions in list_arguments(parser) for action in actions)
    options = ["[options]"] if has_options else []
    lines = [" ".join([parser.order, *options])]
    if parser.takes_cell:
        words = parser.order.removeprefix("%").replace(" [PROMPT ...]", "").replace(" [ID ...]", "")
        body = "ID ..." if parser.takes_ids else "TEMPLATE" if parser.template else "PROMPT"
        lines += ["", " ".join([f"%%{words}", *options]), body]
    return lines


def list_arguments(parser: Parser) -> Iterator[tuple[str, list[argparse.Action]]]:
    """The groups of a parser's arguments with their titles, in the order of its help, without `--help`."""
    for group in parser._action_groups:  # noqa: SLF001  argparse has no public way to list them
        actions = [one for one in group._group_actions if one.dest != "help"]  # noqa: SLF001  as above
        if actions:
            yield ("Arguments" if group.title == "positional arguments" else _sentence(str(group.title))), actions


def _table(actions: Iterable[argparse.Action]) -> list[str]:
    rows = [f"| {_name(action)} | {_default(action)} | {_help(action)} |" for action in actions]
    return ["| Name | Default | Meaning |", "|---|---|---|", *rows]


def _name(action: argparse.Action) -> str:
    """The spellings of an argument with its value, as code."""
    if action.nargs == 0:
        return "<br>".join(f"`{option}`" for option in action.option_strings)
    value = str(action.metavar or "|".join(map(str, action.choices or ())) or action.dest.upper())
    is_list = action.nargs in {"+", "*"} or isinstance(action, argparse._AppendAction)  # noqa: SLF001  no public name
    value = f"{value} ..." if is_list else f"[{value}]" if action.nargs == "?" and action.option_strings else value
    return f"`{' '.join([*action.option_strings, value])}`".replace("|", r"\|")


def _default(action: argparse.Action) -> str:
    stated = _DEFAULT.search(action.help or "")
    return _text(stated[1]) if stated else ""


def _help(action: argparse.Action) -> str:
    return _sentence(_text(_DEFAULT.sub("", action.help or "")))


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _text(text: str) -> str:
    """Plain text as Markdown: what a user types is code, and nothing else is markup."""
    parts = re.split(f"({_TYPED.pattern})", text)
    return "".join(f"`{part}`" if at % 2 else _MARKUP.sub(r"\\\1", part) for at, part in enumerate(parts))


def write_pages(app: Sphinx) -> None:
    """Writes the pages that have changed."""
    folder = Path(app.srcdir) / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    pages = make_pages()
    for path in folder.glob("*.md"):
        if path.name not in pages:
            path.unlink()
    for name, text in pages.items():
        path = folder / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Registers the step with Sphinx."""
    app.connect("builder-inited", write_pages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
