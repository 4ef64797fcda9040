"""What was paid for is seen: a statement of its own shows its result, wherever it stands, exactly once."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from tests.notebook.running import SMALL, paid, run, run_gallery

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from seedream_nb import Sandbox

CAT = "84d1544a-9043-4dde-a98b-e889dacd75f6"
GET = f"%seedream get {CAT} --embed links"
CALL = f"get_ipython().run_line_magic('seedream', 'get {CAT} --embed links')"
SETTINGS = ("last_expr", "last", "all", "none", "last_expr_or_assign")


@pytest.fixture
def shown(shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the shell displays, in order: the text of each output, a cell's value included."""
    texts: list[str] = []

    def take(data: dict[str, Any], *_metadata: object, **_rest: object) -> None:
        texts.append(data["text/plain"])

    monkeypatch.setattr(shell.display_pub, "publish", take)
    monkeypatch.setattr(shell.displayhook, "write_format_data", take)
    return texts


def indent(line: str) -> str:
    return f"    {line}\n"


STATEMENTS = {
    "last": (GET, 1),
    "middle": (f"{GET}\nx = 1", 1),
    "several": (f"{GET}\n{GET}\n{GET}", 3),
    "for": (f"for _ in range(3):\n{indent(GET)}", 3),
    "while": (f"while True:\n{indent(GET)}    break", 1),
    "if": (f"if True:\n{indent(GET)}else:\n    pass", 1),
    "with": (f"import contextlib\nwith contextlib.nullcontext():\n{indent(GET)}", 1),
    "try": (f"try:\n{indent(GET)}finally:\n{indent(GET)}", 2),
    "except": (f"try:\n    1 / 0\nexcept ZeroDivisionError:\n{indent(GET)}", 1),
    "function": (f"def show():\n{indent(GET)}    x = 1\nshow()\nshow()", 2),
    "end of a function": (f"def show():\n{indent(GET)}show()", 1),
    "generator": (f"def show():\n{indent(GET)}    yield\nlist(show())\nx = 1", 1),
    "coroutine": (f"async def show():\n{indent(GET)}await show()", 1),
    "after await": (f"import asyncio\nfor _ in range(2):\n    await asyncio.sleep(0)\n{indent(GET)}", 2),
    "class": (f"class Studio:\n{indent(GET)}", 1),
    "body of a cell": (f"%%seedream get --embed links\n{CAT}", 1),
    "call": (f"for _ in range(2):\n{indent(CALL)}", 2),
    "exec": (f'exec("""{CALL}""")', 1),
    "time": (f"%time {GET}\nx = 1", 1),
    "time in a loop": (f"for _ in range(2):\n    %time {GET}", 2),
    "timed cell": (f"%%time\nx = 1\n{GET}", 1),
    "timed loop": (f"%%time\nfor _ in range(2):\n{indent(GET)}", 2),
    "long cell": ("\n".join(f"x{number} = {number}" for number in range(600)) + f"\nif x599:\n{indent(GET)}x1 = x2", 1),
}


@pytest.mark.parametrize("interactivity", SETTINGS)
def test_a_statement_shows_its_result_once(shell: InteractiveShell, shown: list[str], interactivity: str) -> None:
    run(shell, "%seedream sandbox;")
    shell.ast_node_interactivity = interactivity
    for name, (code, times) in STATEMENTS.items():
        # With `all`, IPython shows the values of other statements too.
        shown.clear()
        # In a thread of its own: a browser that other tests have opened runs a loop in this one.
        with ThreadPoolExecutor(1) as thread:
            thread.submit(run, shell, code).result()
        galleries = [text for text in shown if "a white siamese cat" in text]
        assert len(galleries) == times, (name, shown)


PASSED_ON = {
    "assigned": f"gallery = {GET}\nx = 1",
    "assigned in a loop": f"for _ in range(2):\n    gallery = {GET}",
    "returned": f"def take():\n    return {CALL}\nfor _ in range(2):\n    gallery = take()\nx = 1",
    "argument": f"x = len({CALL})",
    "list": f"galleries = [{CALL} for _ in range(2)]\nx = 1",
    "attribute": f"x = {CALL}.images",
    "silenced": f"{GET};",
    "silenced in a loop": f"for _ in range(2):\n    {GET};\nx = 1",
    "silenced function": f"def show():\n    {GET};\nshow()\nx = 1",
    "captured": f"%%capture\n{GET}\n{GET}",
}


@pytest.mark.parametrize("interactivity", ["last_expr", "all", "none"])
def test_what_is_assigned_passed_on_or_silenced_is_not_shown(
    shell: InteractiveShell, shown: list[str], interactivity: str
) -> None:
    run(shell, "%seedream sandbox;")
    shell.ast_node_interactivity = interactivity
    for name, code in PASSED_ON.items():
        shown.clear()
        run(shell, code)
        assert shown == [], name


def test_an_assignment_as_the_value_of_the_cell_is_shown_once(shell: InteractiveShell, shown: list[str]) -> None:
    run(shell, "%seedream sandbox;")
    shell.ast_node_interactivity = "last_expr_or_assign"
    shown.clear()
    run(shell, f"gallery = {GET}")
    assert len(shown) == 1


def test_only_the_last_statement_is_the_value_of_the_cell(shell: InteractiveShell, shown: list[str]) -> None:
    run(shell, "%seedream sandbox;")
    gallery = run_gallery(shell, f"{GET}\n%seedream get {CAT} {CAT} --embed links")
    assert [text.split(" · ")[0] for text in shown] == ["1 task", "2 tasks"]
    assert len(gallery) == 2
    assert shell.user_ns["_"] is gallery
    assert run(shell, f"{GET}\nx = 1") is None
    assert run(shell, f"{GET};") is None


def test_results_stand_where_their_statements_ran(shell: InteractiveShell, shown: list[str]) -> None:
    run(shell, "%seedream sandbox;")
    run(shell, f"for number in range(2):\n    display(number)\n    {GET}")
    assert [text.split(" ")[0] for text in shown] == ["0", "1", "1", "1"]


def test_each_image_of_a_loop_is_paid_for_once_and_seen(
    shell: InteractiveShell, service: Sandbox, shown: list[str]
) -> None:
    shown.clear()
    run(shell, f"for animal in ('cat', 'dog'):\n    %seedream generate a {{animal}} {SMALL}")
    assert [re.findall("a cat|a dog", text)[0] for text in shown] == ["a cat", "a dog"]
    assert paid(service) == 2


@pytest.mark.parametrize(
    "command",
    [
        f"edit {'{photo}'} make it night {SMALL}",
        "wait {made}",
        "history --limit 2",
        "last",
        "library search cat",
        "library show {made}",
        f"get {CAT} --json",
        "library",
        f"generate a cat {SMALL} --dry-run",
    ],
)
def test_every_command_shows_its_result(
    shell: InteractiveShell, service: Sandbox, shown: list[str], command: str
) -> None:
    run(shell, f"g = %seedream generate a cat {SMALL}")
    shell.user_ns |= {"made": shell.user_ns["g"][0].id, "photo": shell.user_ns["g"].images[0].url}
    shown.clear()
    run(shell, f"for _ in range(1):\n    %seedream {command}")
    assert len(shown) == 1
    assert paid(service) == (2 if command.startswith("edit") else 1)
