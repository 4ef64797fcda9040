"""The reference has a page for each command, with all that its parser takes."""

from __future__ import annotations

import re

import pytest
from command_pages import list_arguments, list_commands, make_pages

from seedream_nb.gallery import GalleryOptions
from seedream_nb.notebook.commands import COMMANDS, Command

PAGES = make_pages()
LABEL = "(command-{})="


def section_of(command: Command) -> str:
    """The part of the pages that describes a command."""
    page = PAGES[f"{command.name.split()[0]}.md"]
    label = LABEL.format(command.name.replace(" ", "-"))
    assert page.count(label) == 1
    return page.partition(label)[2].partition("\n(command-")[0]


def test_each_command_has_a_page_and_no_page_is_left_over() -> None:
    assert set(PAGES) == {"index.md", *(f"{name}.md" for name in COMMANDS)}
    labels = set(re.findall(r"^\(command-([a-z-]+)\)=$", "\n".join(PAGES.values()), re.MULTILINE))
    assert labels == {command.name.replace(" ", "-") for command in list_commands()}
    assert set(re.findall(r"<command-([a-z-]+)>", PAGES["index.md"])) == labels
    assert PAGES["index.md"].partition("toctree")[2].split()[2:-1] == list(COMMANDS)


@pytest.mark.parametrize("command", list_commands(), ids=lambda command: command.name)
def test_a_page_has_all_that_the_parser_takes(command: Command) -> None:
    section = section_of(command)
    parser = command.make_parser()
    for action in parser._actions:
        if action.dest == "help":  # the same for all; the index says it
            continue
        for word in action.option_strings or [str(action.metavar or "|".join(action.choices or ()))]:
            assert re.search(rf"^\| [^|]*`{re.escape(word).replace('|', chr(92) + '|')}[` ]", section, re.MULTILINE), (
                word
            )
        for choice in action.choices or ():
            assert choice in section
    listed = [action for _title, actions in list_arguments(parser) for action in actions]
    assert len(listed) == len(parser._actions) - 1
    assert len(re.findall(r"^\| `", section, re.MULTILINE)) == len(listed)


def test_a_default_that_the_help_states_is_the_default() -> None:
    gallery = GalleryOptions()
    compared = set()
    for command in list_commands():
        for action in command.make_parser()._actions:
            stated = re.search(r"\(default: ([^),]+)\)$", action.help or "")
            real = getattr(gallery, action.dest, None) if action.default is None else action.default
            if stated and real not in {None, "", ()}:
                compared.add(action.dest)
                assert str(real).removesuffix(".0") == stated[1], (command.name, action.dest)
    assert compared >= {"timeout", "takes", "limit", "thumbnail", "embed", "max_bytes", "by", "action"}


def test_typed_words_are_code_which_typography_leaves_alone() -> None:
    prose = re.sub(r"^```.*?^```|`[^`]*`", "", "\n".join(PAGES.values()), flags=re.MULTILINE | re.DOTALL)
    assert not re.search(r"--[a-z]|(?<!\|)---(?!\|)|SEEDREAM_|%seedream", prose)
