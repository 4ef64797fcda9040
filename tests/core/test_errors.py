import io
import pickle
from collections.abc import Iterator
from contextlib import redirect_stdout

import pytest
from IPython.core.interactiveshell import InteractiveShell

from seedream_nb.core import errors
from seedream_nb.core.errors import (
    MAX_MESSAGE_LENGTH,
    Interrupted,
    InterruptedRequest,
    InterruptedWait,
    InvalidTokenError,
    SeedreamError,
    shorten,
)
from seedream_nb.core.models import Task


def tree(kind: type[SeedreamError]) -> Iterator[type[SeedreamError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from tree(child)


OWN = [kind for kind in tree(SeedreamError) if kind.__module__ == errors.__name__]


@pytest.mark.parametrize("kind", OWN)
def test_every_error_survives_a_pickle_with_all_it_knows(kind: type[SeedreamError]) -> None:
    error = kind("It failed.", hint="Try again.", code="a_code", status_code=418, trace_id="a-trace")
    error.partial, error.failed_ids, error.retry_after = (Task.not_found("a"),), ("b",), 2.5
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301  our own bytes
    assert type(copy) is kind
    assert vars(copy) == vars(error)
    assert str(copy) == str(error) == "It failed. Try again. (HTTP 418 · code a_code · trace a-trace)"
    assert copy.args == error.args


@pytest.mark.parametrize("kind", [*OWN, Interrupted, InterruptedRequest, InterruptedWait])
def test_every_error_is_in_the_documented_tree(kind: type[BaseException]) -> None:
    assert errors.__doc__ is not None
    lines = [line.strip(" │├└─").split() for line in errors.__doc__.splitlines()]
    assert any(words and words[0] == kind.__name__ for words in lines)


def test_an_error_without_facts_is_only_its_sentence() -> None:
    error = SeedreamError("It failed.")
    assert str(error) == "It failed."
    assert error.reference == ""
    assert (error.partial, error.failed_ids, error.retry_after) == ((), (), None)


def test_a_notebook_shows_a_block_instead_of_a_traceback_and_the_cell_fails(plain_shell: InteractiveShell) -> None:
    plain_shell.user_ns["error"] = InvalidTokenError("No.", hint="Get one.", code="invalid_token", status_code=401)
    with redirect_stdout(io.StringIO()) as output:
        result = plain_shell.run_cell("raise error")
    assert isinstance(result.error_in_exec, InvalidTokenError)
    shown = output.getvalue()
    assert "InvalidTokenError" in shown
    assert "No.\n  → Get one.\n  (HTTP 401 · code invalid_token)\n" in shown
    assert "Traceback" not in shown
    assert "raise error" not in shown


def test_a_notebook_shows_what_an_interrupt_would_have_lost(plain_shell: InteractiveShell) -> None:
    plain_shell.user_ns["interrupt"] = InterruptedWait("Interrupted.", hint="Go on.", open_ids=["an-id"])
    with redirect_stdout(io.StringIO()) as output:
        result = plain_shell.run_cell("raise interrupt")
    assert isinstance(result.error_in_exec, KeyboardInterrupt)
    assert "Interrupted.\n  → Go on.\n" in output.getvalue()
    assert "Traceback" not in output.getvalue()


def test_foreign_text_becomes_one_line_of_a_readable_length() -> None:
    assert shorten(" a\n\tb ") == "a b"
    assert shorten("x" * MAX_MESSAGE_LENGTH) == "x" * MAX_MESSAGE_LENGTH
    assert shorten("x" * 10_000) == "x" * (MAX_MESSAGE_LENGTH - 1) + "…"
