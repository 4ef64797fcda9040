"""Notebooks are shared: no output, variable or error of a cell reveals the token."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from seedream_nb import Sandbox
from seedream_nb.client import purchases, transport
from seedream_nb.core.errors import UsageError
from tests.conftest import QUICK
from tests.notebook.running import SMALL, make_image, our_threads, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from IPython.core.interactiveshell import InteractiveShell

TOKEN = "recognisable-c0ffee-token"
FAULTS = ["server_error", "drop", "html", "rate_limit", "error"]


@pytest.fixture
def guarded(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    # A failure says the same after short pauses.
    monkeypatch.setattr(transport, "RetryPolicy", lambda: QUICK)
    monkeypatch.setattr(purchases, "_READS", QUICK)
    with Sandbox(token=TOKEN, generation_seconds=0) as sandbox:
        monkeypatch.setenv("ACEDATACLOUD_API_TOKEN", TOKEN)
        monkeypatch.setenv("ACEDATACLOUD_API_BASE_URL", sandbox.url)
        yield sandbox


def render(shell: InteractiveShell) -> str:
    """All that a session leaves behind: values, variables, errors."""
    values = [*shell.user_ns["Out"].values(), *map(shell.user_ns.get, ("made", "_"))]
    galleries = [value.to_html() for value in values if hasattr(value, "to_html")]
    return "\n".join([*map(repr, values), *galleries])


def run_quietly(shell: InteractiveShell, code: str) -> str:
    """Runs a cell that may fail; the error in every form that somebody may print."""
    error = shell.run_cell(code, store_history=True).error_in_exec
    if error is None:
        return ""
    # IPython's own longest form has the values of all variables of all frames.
    verbose = shell.InteractiveTB
    verbose.set_mode("Verbose")
    frames = verbose.stb2text(verbose.structured_traceback(type(error), error, error.__traceback__))
    return f"{error} {error!r} {vars(error)} {frames} {pickle.dumps(error)!r}"


@pytest.mark.parametrize("kind", FAULTS)
def test_no_failure_reveals_the_token(
    shell: InteractiveShell, guarded: Sandbox, kind: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    known = guarded.add_task(size="64x64")
    waiting = guarded.add_task(size="64x64", ready_in=None)
    for target in ("images", "tasks", "downloads"):
        guarded.faults.add(kind, on=target, code="invalid_token")
    told = [
        run_quietly(shell, code)
        for code in (
            f"%seedream generate a cat {SMALL} --out made",
            f"%seedream generate a cat {SMALL} --stream --max-images 2 --out made",
            f'%seedream generate "a cat" "a dog" {SMALL} --timeout 0.1 --out made',
            f"%seedream edit nothing a cat {SMALL}",
            f"%seedream get {known} --out made",
            f"%seedream wait {waiting} --timeout 0.1 --out made",
            f"%seedream watch {waiting} --timeout 0.1 --out made",
            "%seedream watch --stop",
            "%seedream history --limit 2 --out made",
            "%seedream last --json",
            "%seedream config",
        )
    ]
    wait_until(lambda: our_threads() == [])
    shown = capsys.readouterr()
    assert "seedream" in shown.out  # something was shown
    assert TOKEN not in "\n".join([*told, shown.out, shown.err, render(shell)])


@pytest.mark.usefixtures("guarded")
def test_no_result_reveals_the_token(shell: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> None:
    Path("photo.png").write_bytes(make_image())
    for code in (
        f"%seedream generate a cat {SMALL} --out made --save kept",
        f"%%seedream edit photo.png {SMALL}\nmake it night",
        "%seedream history --limit 2",
        "%seedream config",
        "%seedream generate a cat --size 1K",
        "%seedream generate a cat --dry-run",
    ):
        run_quietly(shell, code)
    shown = capsys.readouterr()
    assert TOKEN not in "\n".join([shown.out, shown.err, render(shell)])
    for path in Path("kept").iterdir():
        assert TOKEN.encode() not in path.read_bytes()


@pytest.mark.parametrize(
    "code", ["login {}", "login token={}", "login --token {}", "login --token={}", "login '{}", "login\n{}"]
)
def test_a_token_that_is_typed_is_not_repeated(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str], code: str
) -> None:
    magic = "%%seedream" if "\n" in code else "%seedream"
    result = shell.run_cell(f"{magic} {code.format(TOKEN)}", store_history=True)
    assert isinstance(result.error_in_exec, UsageError)
    shown = capsys.readouterr()
    assert "UsageError" in shown.out + shown.err
    assert TOKEN not in shown.out + shown.err


def test_the_check_can_fail(shell: InteractiveShell) -> None:
    shell.user_ns["made"] = TOKEN
    assert TOKEN in render(shell)
    # Only the values in the frames tell it.
    assert TOKEN in run_quietly(shell, "secret = made\nraise ValueError(len(secret))")
