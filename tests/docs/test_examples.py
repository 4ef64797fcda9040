"""Every example of every command runs in a real shell against the sandbox, and the help shows it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from command_pages import VALUES, list_commands, make_pages

from seedream_nb.notebook.commands import COMMANDS
from seedream_nb.notebook.examples import ASSUMED, EXAMPLES
from tests.notebook.running import run
from tests.panels.support import close_panels

if TYPE_CHECKING:
    from collections.abc import Iterator

    from IPython.core.interactiveshell import InteractiveShell

    from seedream_nb import Sandbox

TABLE = "prompt,color,place\na red kite,red,the sea\na blue kite,blue,a lake\n"

NOTHING_THERE = {"resume", "spend"}  # what these show is not what the examples before them leave


@pytest.fixture
def prepared(shell: InteractiveShell, service: Sandbox) -> Iterator[InteractiveShell]:
    """A shell with what the examples assume, and a sandbox that generates images at once."""
    assert {example.id[:8] for example in service.examples} > {"84d1544a"}
    Path("prompts.csv").write_text(TABLE, encoding="utf-8")
    run(shell, "%seedream get 84d1544a --save saved")
    (saved,) = Path("saved").glob("*.jpg")
    saved.rename("photo.jpg")
    run(shell, "study = %seedream get 84d1544a 20068983")
    assert set(ASSUMED) == {"study", "photo.jpg", "prompts.csv", "84d1544a"}
    yield shell
    close_panels()


@pytest.mark.parametrize("name", COMMANDS)
def test_every_example_runs(name: str, prepared: InteractiveShell) -> None:
    for command in (one for one in EXAMPLES if one.partition(" ")[0] == name):
        kinds = {type(run(prepared, one.code)).__name__ for one in EXAMPLES[command] if not one.not_run}
        if command not in VALUES:
            assert kinds <= {"Notice", "NoneType"}
        elif command not in NOTHING_THERE:
            assert VALUES[command] in kinds


def test_every_command_has_examples_that_its_help_and_its_page_show() -> None:
    pages = "\n".join(make_pages().values())
    assert set(EXAMPLES) == {command.name for command in list_commands()}
    for command in list_commands():
        text = command.format_help()
        assert EXAMPLES[command.name]
        for example in EXAMPLES[command.name]:
            assert f"%seedream {command.name}" in example.code
            assert f"```python\n{example.code}\n```" in pages
            assert all(f"  {line}".rstrip() in text for line in example.code.splitlines())


def test_only_what_prompts_is_not_run() -> None:
    assert [name for name, found in EXAMPLES.items() if any(one.not_run for one in found)] == ["login"]
