"""Every error and warning is explained, and the messages that its explanation quotes are those of the code."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import requests
from urllib3.exceptions import NameResolutionError

import seedream_nb
from seedream_nb import (
    Library,
    Markup,
    NetworkError,
    Sandbox,
    SeedreamClient,
    SeedreamError,
    TaskImage,
    Timeouts,
    open_image,
)
from seedream_nb.client.at_most_once import send_paid
from seedream_nb.client.http import JSON, describe_failure, open_session
from seedream_nb.client.polling import describe_interruption
from seedream_nb.client.purchases import _unclear
from seedream_nb.client.settings import resolve_settings
from seedream_nb.core.errors import (
    DOCUMENTATION,
    Interrupted,
    InterruptedWait,
    MissingTokenError,
    RateLimitedError,
    UsageError,
    WaitTimeoutError,
    explained_at,
)
from seedream_nb.gallery.datasets import export_dataset
from seedream_nb.images.thumbnails import decode_image
from seedream_nb.library.cache import LibraryCache
from seedream_nb.notebook.commands import HelpArguments, parse
from seedream_nb.notebook.error_help import SOURCE, read_messages, read_sections
from seedream_nb.protocol.request_body import check_body
from seedream_nb.protocol.status_errors import read_answer, to_error, to_non_answer
from seedream_nb.sandbox.server import SandboxError
from tests.conftest import QUICK
from tests.gallery.dataset_samples import make_originals, sample_items
from tests.notebook.running import UNKNOWN, make_image, offered, run
from tests.scripted_server import ScriptedServer, as_json
from tests.servers import TOKEN, client_to

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from IPython.core.interactiveshell import InteractiveShell

ROOT = Path(seedream_nb.__file__).parents[1]
HOST = "api.acedata.cloud"
RUNNING = "d60b82f7-3a9e-4c14-b8d5-f27e91c04a3b"
COLOR = re.compile(r"\x1b\[\d+m")
# What differs between two cases: ids, numbers, and directories.
VARIABLE = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d+([.,:-]\d+)*( KB| bytes)?|/[^ ]*/(?=cats)")
CLASSES = [
    name
    for name in seedream_nb.__all__
    if isinstance(kind := getattr(seedream_nb, name), type) and issubclass(kind, BaseException)
]
ONLY_BASES = {"SeedreamError", "AuthenticationError", "TaskError", "Interrupted"}


def shown(problem: BaseException | warnings.WarningMessage) -> str:
    """What a notebook shows of it, without the link to its page."""
    if isinstance(problem, warnings.WarningMessage):
        return f"{problem.category.__name__}: {problem.message}"
    assert isinstance(problem, (SeedreamError, Interrupted))
    lines = [COLOR.sub("", line) for line in problem._render_traceback_()]
    return "\n".join(line for line in lines if not line.startswith("  More: "))


def comparable(message: str) -> str:
    return VARIABLE.sub("0", message)


def caught(work: Callable[[], object]) -> BaseException:
    with pytest.raises((SeedreamError, Interrupted)) as found:
        work()
    return found.value


def failures_of_the_service() -> Iterator[BaseException]:
    for status, codes in {
        401: ("no_token", "invalid_token", "token_mismatched"),
        403: ("disabled", "used_up", ""),
        404: ("no_api",),
        413: ("request_too_large",),
    }.items():
        for code in codes:
            yield to_error(status, {"error": {"code": code}})
    yield to_error(400, {"error": {"code": "bad_request", "message": "size is invalid"}})
    yield to_non_answer(302, "api.example.com")
    yield caught(lambda: read_answer(200, "<html><title>Sign in</title></html>"))


def failures_of_the_network() -> Iterator[BaseException]:
    for problem in (
        requests.ConnectTimeout(),
        requests.ReadTimeout(),
        requests.ConnectionError(NameResolutionError(HOST, None, OSError())),  # type: ignore[arg-type]  # unused
        requests.ConnectionError(ConnectionRefusedError("refused")),
        requests.exceptions.SSLError("CERTIFICATE_VERIFY_FAILED"),
        requests.exceptions.ProxyError(),
    ):
        yield describe_failure(problem, HOST, Timeouts())


def failures_after_retries() -> Iterator[BaseException]:
    for code, status, headers in (
        ("too_many_requests", 429, {}),
        ("too_many_requests", 429, {"Retry-After": "300"}),
        ("api_error", 500, {}),
    ):
        with ScriptedServer([as_json({"error": {"code": code}}, status, **headers)]) as server:
            yield caught(lambda server=server: client_to(server).retrieve(UNKNOWN))  # type: ignore[misc]  # a default


def unclear_outcomes() -> Iterator[BaseException]:
    """Paid requests whose answers are read no further, and one that the history does not list later."""
    ends = (describe_failure(requests.ReadTimeout(), HOST, Timeouts()), KeyboardInterrupt())
    for end in ends:

        def read(answers: Iterator[object], end: BaseException = end) -> Iterator[object]:
            yield next(answers)
            raise end

        with ScriptedServer([as_json({})]) as server, open_session(server.url, None) as session:
            settings = resolve_settings(TOKEN, server.url)
            sent = send_paid(session, settings, "/", b"{}", read, timeouts=Timeouts(), accept=JSON, max_bytes=1000)
            next(sent)
            yield caught(lambda sent=sent: next(sent))  # type: ignore[misc]  # a default
    purchase: Any = SimpleNamespace(sent_at=1_796_000_000.0)
    yield _unclear(purchase, NetworkError("The account's history does not list what was sent."))


def failures_of_purchases() -> Iterator[BaseException]:
    with Sandbox(token=TOKEN, generation_seconds=0) as service:

        def generate(prompt: str = "a cat", budget: Any = None, **options: Any) -> BaseException:
            with SeedreamClient(service.token, service.url, retries=QUICK, library="lib", budget=budget) as client:
                return caught(lambda: client.generate(prompt, **options))

        yield generate(budget=0.01)
        yield generate(budget="20/day", model="seedream-9", strict=False)
        service.faults.add("drop", on="images", times=1)
        yield generate()
        yield generate("a forbidden scene", mode="sync", reuse=True)
        yield generate("a forbidden scene", mode="sync", reuse=True)


def failures_of_images(client: SeedreamClient, sandbox: Sandbox) -> Iterator[BaseException]:
    sandbox.faults.add("missing", on="downloads")
    image = client.retrieve(sandbox.examples[0].id).images[0]
    yield caught(lambda: client.fetcher.fetch(image))
    yield caught(lambda: open_image("none.jpg"))
    yield caught(lambda: decode_image(b"<html>"))
    originals = make_originals(Path("originals"))
    items = list(sample_items(3, originals))
    (originals / "1.jpg").unlink()
    yield caught(lambda: export_dataset(items, "cats_dataset"))


def failures_of_the_library() -> Iterator[BaseException]:
    Path("cats.txt").touch()
    yield caught(lambda: Library("off"))
    yield caught(lambda: Library("cats.txt/library"))


def failures_of_settings(monkeypatch: pytest.MonkeyPatch) -> Iterator[BaseException]:
    monkeypatch.setenv("ACEDATACLOUD_API_BASE_URL", "api.acedata.cloud")
    yield caught(SeedreamClient)
    monkeypatch.delenv("ACEDATACLOUD_API_BASE_URL")
    yield caught(lambda: SeedreamClient().retrieve(UNKNOWN))
    monkeypatch.setenv("SEEDREAM_BUDGET", "20")
    yield caught(lambda: SeedreamClient(TOKEN).budget)


def failures_of_tasks(client: SeedreamClient, sandbox: Sandbox) -> Iterator[BaseException]:
    for task in client.retrieve_batch([example.id for example in sandbox.examples]):
        if task.status.value in {"failed", "pending"}:
            yield caught(task.raise_for_status)
    yield InterruptedWait(
        describe_interruption(2, 3),
        hint="Unfinished tasks continue at the service. To resume, wait for the ids in open_ids.",
    )


def failures_of_commands(shell: InteractiveShell) -> Iterator[BaseException]:
    for line in (
        'generate "a cat" --model 4.5 --size 1K',
        "get --column 3",
        'generate "a cat" "a dog" --model 5.0-lite 4.5 4.0 --size 2K 4K',
        f"get {'84d1544a-9043-4dde-a98b-e889dacd75fg'}",
        "get 99d1544a",
        f"get {UNKNOWN}",
        f"library show {UNKNOWN}",
        f"wait {RUNNING} --timeout 0.01",
    ):
        yield caught(lambda line=line: run(shell, f"%seedream {line}"))  # type: ignore[misc]  # a default


def find_warnings(client: SeedreamClient, sandbox: Sandbox) -> list[warnings.WarningMessage]:
    first, second = client.retrieve_batch([example.id for example in sandbox.examples[:2]])
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        check_body({"model": "doubao-seedream-9-0-300101", "prompt": "a cat"})
        client.request_of(TaskImage("", prompt="a cat"))
        client.edit(Markup(make_image()).box(1, 1, 20, 20, color="red"), "Put a vase at the blue arrow.")
        LibraryCache("off").warn_of_no_ledger()
        with SeedreamClient(sandbox.token, sandbox.url, library=Library("small", budget=1000)) as other:
            other.fetcher.fetch(first.images[0])
            other.fetcher.fetch(second.images[0])
    return list(found)


@pytest.mark.usefixtures("service")
def test_the_messages_are_those_of_the_code(
    shell: InteractiveShell, client: SeedreamClient, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    problems: list[BaseException | warnings.WarningMessage] = [
        *failures_of_commands(shell),
        *failures_of_the_service(),
        *failures_of_the_network(),
        *failures_after_retries(),
        *unclear_outcomes(),
        *failures_of_purchases(),
        *failures_of_the_library(),
        *failures_of_tasks(client, sandbox),
        *find_warnings(client, sandbox),
        *failures_of_images(client, sandbox),
        *failures_of_settings(monkeypatch),
    ]
    real = {comparable(shown(problem)) for problem in problems}
    quoted = {message for section in read_sections().values() for message in read_messages(section)}
    assert {message for message in quoted if comparable(message) not in real} == set()


def test_every_class_is_explained_with_a_message_of_its_own_and_what_to_do() -> None:
    assert set(read_sections()) == set(CLASSES)
    labels = re.findall(r"^\(error-([a-z]+)\)=\n##+ (\w+)$", SOURCE.read_text(encoding="utf-8"), re.MULTILINE)
    assert [(name.lower(), name) for name in read_sections()] == labels
    for name, section in read_sections().items():
        assert section.count("\n**What to do.** ") == 1
        messages = read_messages(section)
        assert all(message.startswith(f"{name}: ") for message in messages)
        assert bool(messages) == (name not in ONLY_BASES)
    page = (ROOT / "docs/reference/errors.md").read_text(encoding="utf-8")
    assert f"```{{include}} ../../{SOURCE.relative_to(ROOT).as_posix()}\n" in page
    assert f"More: {explained_at('RateLimitedError')}\n" in page


@pytest.mark.parametrize("word", ["RateLimitedError", "ratelimitederror", "seedream_nb.RateLimitedError"])
def test_the_help_explains_an_error_offline(word: str) -> None:
    arguments = parse(f"help {word}")
    assert isinstance(arguments, HelpArguments)
    assert arguments.text.startswith("RateLimitedError\n\nToo many requests in a short time")
    assert (
        "\n  RateLimitedError: Too many requests in a short time. Gave up after 4 attempts.\n    → Wait"
        in arguments.text
    )
    assert "\nWhat to do. Wait, then run the cell again" in arguments.text
    assert arguments.text.endswith(f"  More: {explained_at('RateLimitedError')}\n")
    assert not re.search(r"`|\*\*", arguments.text)


@pytest.mark.parametrize("name", CLASSES)
def test_the_help_explains_every_error(name: str) -> None:
    arguments = parse(f"help {name}")
    assert isinstance(arguments, HelpArguments)
    assert arguments.text.startswith(f"{name}\n\n")


def test_the_help_has_commands_of_commands_and_knows_what_was_meant(shell: InteractiveShell) -> None:
    assert parse("help library search") == parse("library search --help")
    with pytest.raises(UsageError, match="Unknown error 'RateLimitError'") as found:
        parse("help RateLimitError")
    assert found.value.hint == "Did you mean %seedream help RateLimitedError?"
    with pytest.raises(UsageError, match="Unknown command 'Generate'"):
        parse("help Generate")
    assert offered(shell, "%seedream help Rate") == {"RateLimitedError": "error"}
    assert set(offered(shell, "%seedream help library se")) == {"search"}
    assert "RateLimitedError" not in offered(shell, "%seedream help ")


def test_an_error_links_to_its_page_where_there_is_more_to_know() -> None:
    assert RateLimitedError("No.")._render_traceback_()[-1] == f"  More: {explained_at('RateLimitedError')}"
    assert SandboxError("No.")._render_traceback_()[-1] == f"  More: {explained_at('SeedreamError')}"
    for problem in (UsageError("No."), MissingTokenError("No."), WaitTimeoutError("No."), InterruptedWait("No.")):
        assert "More" not in problem._render_traceback_()[-1]
    assert "More" not in str(RateLimitedError("No."))


def test_the_address_is_that_of_the_project() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert re.findall(r'^Documentation = "(.+)"$', text, re.MULTILINE) == [DOCUMENTATION]
