"""What costs money is sent once, whatever happens: requests are counted at the server."""

import itertools
import pickle
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

import pytest

from seedream_nb import (
    GenerationRequest,
    InterruptedRequest,
    InterruptedWait,
    OutcomeUnknownError,
    Pace,
    Sandbox,
    SeedreamClient,
    Task,
    TaskStatus,
    Timeouts,
    WaitTimeoutError,
)
from seedream_nb.client import client as seedream_client
from seedream_nb.client import submission, transport
from seedream_nb.client.transport import RetryPolicy
from seedream_nb.core.errors import (
    BadRequestError,
    BalanceUsedUpError,
    ConnectionFailedError,
    EndpointNotFoundError,
    InvalidTokenError,
    LibraryWarning,
    MissingTokenError,
    ModerationError,
    RateLimitedError,
    RequestTimeoutError,
    RequestTooLargeError,
    SeedreamError,
)
from seedream_nb.library import cache
from seedream_nb.notebook.commands import COMMANDS
from tests.conftest import QUICK
from tests.interrupts import interrupt_at, interrupt_main_thread, stop_script
from tests.protocol.samples import ID
from tests.scripted_server import Answer, Received, ScriptedServer, as_json
from tests.servers import TOKEN, UNCLEAR, RawServer, client_to, closed_port, verbose

QUICKLY = Pace(first=0.02, longest=0.05)
CREATED = as_json({"task_id": ID})


@pytest.mark.parametrize("mode", ["async", "sync", "stream"])
@pytest.mark.parametrize(("kind", "options"), UNCLEAR)
def test_an_unknown_outcome_is_reported_and_nothing_is_resent(
    client: SeedreamClient, sandbox: Sandbox, kind: Any, options: dict[str, Any], mode: Any
) -> None:
    client.retrieve_batch(["warm"])  # a kept-alive connection must not matter
    sandbox.faults.add(kind, on="images", **options)
    before = len(sandbox.task_ids)
    with pytest.raises(OutcomeUnknownError) as caught:
        client.generate("a cat", mode=mode)
    assert len(sandbox.requests.of_kind("images")) == 1
    error = caught.value
    assert "may have been paid for" in error.message
    assert "client.history(created_after=error.sent_at)" in (error.hint or "")
    assert "%seedream history" in (error.hint or "")
    assert "history" in COMMANDS  # what is named as the way out must be there
    assert error.sent_at is not None
    made = sandbox.task_ids[before:]
    assert [task.id for task in client.history(created_after=error.sent_at)] == made
    assert len(made) == (1 if options.get("processed") or kind in {"cut", "truncate"} else 0)
    assert pickle.loads(pickle.dumps(error)).sent_at == error.sent_at  # noqa: S301  our own bytes


@pytest.mark.parametrize("mode", ["async", "sync", "stream"])
@pytest.mark.parametrize("manner", ["hang", "stall"])
def test_a_silent_service_receives_one_request(mode: Any, manner: Any) -> None:
    quick = Timeouts(read=0.4, generate=0.4)
    with ScriptedServer(Answer(manner=manner)) as server, client_to(server, timeouts=quick) as client:
        with pytest.raises(OutcomeUnknownError, match=r"did not answer within 0\.4 s"):
            client.generate("a cat", mode=mode)
        assert len(server.received) == 1


def test_a_finished_image_has_a_longer_timeout_than_other_answers() -> None:
    patient = Timeouts(read=0.1, generate=20)
    with (
        Sandbox(generation_seconds=0.3) as sandbox,
        SeedreamClient(sandbox.token, sandbox.url, timeouts=patient) as client,
    ):
        assert client.generate("a cat", mode="sync").status is TaskStatus.SUCCEEDED
        assert client.generate("a cat", mode="stream").status is TaskStatus.SUCCEEDED
        sandbox.faults.add("latency", on="images", seconds=0.3)
        with pytest.raises(OutcomeUnknownError):
            client.generate("a cat")
    assert Timeouts().generate == 300


CLEAR = [
    ("invalid_token", 401, InvalidTokenError),
    ("used_up", 403, BalanceUsedUpError),
    ("bad_request", 400, BadRequestError),
    ("request_too_large", 413, RequestTooLargeError),
    ("InputTextSensitiveContentDetected", 400, ModerationError),
    ("InputTextSensitiveContentDetected", 500, ModerationError),
    ("no_api", 404, EndpointNotFoundError),
    ("used_up", 200, BalanceUsedUpError),
]


@pytest.mark.parametrize("mode", ["async", "sync", "stream"])
@pytest.mark.parametrize(("code", "status", "kind"), CLEAR)
def test_a_clear_no_is_one(code: str, status: int, kind: type[SeedreamError], mode: Any) -> None:
    refusal = as_json({"success": False, "error": {"code": code, "message": "words"}, "trace_id": "t"}, status)
    with ScriptedServer(refusal) as server, client_to(server) as client:
        with pytest.raises(kind, match="words") as caught:
            client.generate("a cat", mode=mode)
        assert len(server.received) == 1
    assert not isinstance(caught.value, OutcomeUnknownError)


@pytest.mark.parametrize("mode", ["async", "sync", "stream"])
@pytest.mark.parametrize("headers", [{}, {"Location": "http://x.example"}])
@pytest.mark.parametrize("status", [102, 103, 199, 300, 302, 304, 307])
def test_neither_a_redirect_nor_an_interim_answer_is_a_clear_no(
    mode: Any, headers: dict[str, str], status: int
) -> None:
    body = b'{"error": {"code": "used_up", "message": "words"}}'
    with ScriptedServer(Answer(body, status, headers)) as server:
        with pytest.raises(OutcomeUnknownError, match="may have been paid for") as caught:
            client_to(server).generate("a cat", mode=mode)
        assert len(server.received) == 1
    assert caught.value.status_code == status
    assert "Set the base URL" in (caught.value.hint or "")


@pytest.mark.parametrize("status", [102, 103])
def test_an_interim_answer_before_the_real_one_is_unclear(status: int) -> None:
    answer = b'{"task_id": "an-id"}'
    head = f"HTTP/1.1 {status} Wait\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: {len(answer)}\r\n\r\n".encode()
    with RawServer(lambda: [head + answer]) as server:
        with pytest.raises(OutcomeUnknownError):
            SeedreamClient(TOKEN, server.url, retries=QUICK).generate("a cat")
        assert server.requests == 1


def test_a_redirect_ends_a_batch() -> None:
    with ScriptedServer(Answer(status=307, headers={"Location": "http://x.example"})) as server:
        batch = client_to(server).generate_all([GenerationRequest("a cat")] * 3, in_flight=1)
        batch.finish()
        assert len(server.received) == 1
    assert batch.unsent == 2
    assert isinstance(batch.failures[0], OutcomeUnknownError)


@pytest.mark.parametrize("mode", ["async", "sync", "stream"])
def test_too_many_requests_are_retried(client: SeedreamClient, sandbox: Sandbox, mode: Any) -> None:
    sandbox.faults.add("rate_limit", on="images", times=2, retry_after=0.01)
    before = len(sandbox.task_ids)
    client.generate("a cat", mode=mode)
    assert [request.status for request in sandbox.requests.of_kind("images")] == [429, 429, 200]
    assert len(sandbox.task_ids) == before + 1


def test_too_many_requests_for_good(client: SeedreamClient, sandbox: Sandbox) -> None:
    sandbox.faults.add("rate_limit", on="images")
    with pytest.raises(RateLimitedError, match="after 4 attempts"):
        client.generate("a cat")
    sandbox.faults.clear()
    sandbox.faults.add("rate_limit", on="images", retry_after=3600)
    with pytest.raises(RateLimitedError) as caught:
        client.generate("a cat")
    assert caught.value.retry_after == 3600
    assert len(sandbox.requests.of_kind("images")) == 5


def test_too_many_requests_under_another_status_are_not_retried() -> None:
    answer = as_json({"error": {"code": "too_many_requests"}}, 503)
    with ScriptedServer(answer) as server, pytest.raises(RateLimitedError):
        client_to(server).generate("a cat")
    assert len(server.received) == 1


def test_an_unclear_end_after_a_clear_one_is_the_last(client: SeedreamClient, sandbox: Sandbox) -> None:
    sandbox.faults.add("rate_limit", on="images", times=1)
    sandbox.faults.add("drop", on="images", processed=True)
    with pytest.raises(OutcomeUnknownError):
        client.generate("a cat")
    assert len(sandbox.requests.of_kind("images")) == 2


@pytest.mark.parametrize("mode", ["async", "sync", "stream"])
def test_a_refused_connection_is_retried_and_its_outcome_is_known(mode: Any) -> None:
    client = SeedreamClient(TOKEN, f"http://127.0.0.1:{closed_port()}", retries=QUICK)
    with pytest.raises(ConnectionFailedError, match=r"refused the connection.*after 4 attempts") as caught:
        client.generate("a cat", mode=mode)
    assert not isinstance(caught.value, OutcomeUnknownError)


def test_a_service_that_starts_late_is_reached() -> None:
    """The first attempt is refused; the port is opened during the pause after it."""
    port = closed_port()
    pauses = iter(range(10))

    class Opening(RetryPolicy):
        def pause(self, failures: int) -> float:
            if next(pauses) == 0:
                sandbox.start()
            return 0.0 * failures

    sandbox = Sandbox(port=port, generation_seconds=0.01)
    try:
        client = SeedreamClient(sandbox.token, f"http://127.0.0.1:{port}", retries=Opening())
        assert client.generate("a cat").id
        assert len(sandbox.requests.of_kind("images")) == 1
        assert next(pauses) == 1
    finally:
        sandbox.stop()


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse where Linux is silent")
def test_a_connection_that_is_never_made_is_not_unclear() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener, socket.socket() as first:
        first.connect(listener.getsockname())
        with socket.socket() as second:
            second.setblocking(False)  # noqa: FBT003  the socket module's own signature
            second.connect_ex(listener.getsockname())
            client = SeedreamClient(
                TOKEN,
                f"http://127.0.0.1:{listener.getsockname()[1]}",
                retries=RetryPolicy(tries=2, first_pause=0.001),
                timeouts=Timeouts(connect=0.1),
            )
            with pytest.raises(RequestTimeoutError, match=r"No connection to .* Gave up after 2 attempts"):
                client.generate("a cat")


def test_a_handshake_that_fails_is_not_unclear() -> None:
    with ScriptedServer(CREATED) as server:
        client = SeedreamClient(TOKEN, server.url.replace("http:", "https:"), retries=QUICK)
        with pytest.raises(ConnectionFailedError, match="Can't make a secure connection"):
            client.generate("a cat")
        assert server.received == []


def test_without_a_token_nothing_is_paid() -> None:
    with ScriptedServer(CREATED) as server:
        with pytest.raises(MissingTokenError):
            SeedreamClient(base_url=server.url).generate("a cat")
        assert server.received == []


def test_each_paid_request_has_a_connection_of_its_own() -> None:
    with ScriptedServer([Answer(CREATED.body, manner="leave"), CREATED]) as server, client_to(server) as client:
        for _ in range(3):
            client.generate("a cat")
        assert len({received.connection for received in server.received}) == 3


@pytest.mark.slow
def test_the_token_is_in_no_error_of_a_paid_request() -> None:
    failures = [
        Answer(manner="drop"),
        Answer(TOKEN.encode()),
        as_json({"error": f"Bearer {TOKEN}"}, 400),
        as_json({"error": {"code": TOKEN, "message": TOKEN}}, 500),
    ]
    for failure in failures:
        for mode in ("async", "sync", "stream"):
            with ScriptedServer(failure) as server, pytest.raises(SeedreamError) as caught:
                SeedreamClient(TOKEN, server.url, retries=QUICK).generate("a cat", mode=mode)
            assert TOKEN not in verbose(caught.value, __file__)
            assert TOKEN not in repr(vars(caught.value))


# Interrupts


def interrupting(answer: Answer) -> Callable[[Received], Answer]:
    def interrupt(_received: Received) -> Answer:
        time.sleep(0.02)  # by now it waits in a system call: a signal just before one is seen after it
        interrupt_main_thread()
        return answer

    return interrupt


@pytest.mark.skipif(sys.platform == "win32", reason="there, a signal waits for the answer")
@pytest.mark.parametrize("mode", ["async", "sync", "stream"])
def test_an_interrupt_tells_that_a_request_had_left(mode: Any) -> None:
    with ScriptedServer(interrupting(Answer(manner="hang"))) as server, pytest.raises(KeyboardInterrupt) as caught:
        client_to(server).generate("a cat", mode=mode)
    assert isinstance(caught.value, InterruptedRequest)
    assert len(server.received) == 1
    assert caught.value.sent_at is not None
    assert "may have been paid for" in str(caught.value)
    assert f"client.history(created_after={caught.value.sent_at.timestamp():.0f})" in str(caught.value)
    assert any("may have been paid for" in line for line in caught.value._render_traceback_())
    assert TOKEN not in verbose(caught.value, __file__)
    assert vars(pickle.loads(pickle.dumps(caught.value))) == vars(caught.value)  # noqa: S301  our own bytes


class Foreign(Exception):  # noqa: N818  not ours
    pass


class ForeignBase(BaseException):
    pass


@pytest.fixture
def raise_in_handler() -> Iterator[Callable[[type[BaseException]], None]]:
    """Sets what the handler of the signal that `signalling` sends raises."""
    before = signal.getsignal(signal.SIGUSR1)

    def raise_it(kind: type[BaseException]) -> None:
        def handler(*_: object) -> None:
            raise kind("enough")

        signal.signal(signal.SIGUSR1, handler)

    yield raise_it
    signal.signal(signal.SIGUSR1, before)


def signalling(_received: Received) -> Answer:
    time.sleep(0.02)  # as above
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)
    return Answer(manner="hang")


def with_locals(error: BaseException) -> str:
    """What loggers, rich, and test runners print of an error: every variable of every frame, of its causes, too."""
    chain: list[BaseException] = []
    following: list[BaseException | None] = [error]
    while following:
        one = following.pop()
        if one is not None and one not in chain:
            chain.append(one)
            following += [one.__cause__, one.__context__]
    return "\n".join(verbose(one, __file__) for one in chain)


@pytest.mark.skipif(sys.platform == "win32", reason="there, a signal waits for the answer")
@pytest.mark.parametrize("kind", [Foreign, MemoryError, ForeignBase, SystemExit, KeyboardInterrupt])
def test_what_a_signal_handler_raises_shows_no_token(
    raise_in_handler: Callable[[type[BaseException]], None], kind: type[BaseException]
) -> None:
    raise_in_handler(kind)
    with ScriptedServer(signalling) as server, pytest.raises(kind, match="enough") as caught:
        client_to(server).retrieve("an-id")
    shown = with_locals(caught.value)
    assert "Secret(hidden)" in shown  # the variables were looked at
    assert TOKEN not in shown


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there, a signal waits for the answer")
@pytest.mark.parametrize("mode", ["async", "sync", "stream"])
@pytest.mark.parametrize("kind", [Foreign, TimeoutError, ForeignBase, SystemExit])
def test_a_paid_request_that_a_signal_handler_ends_is_unclear(
    raise_in_handler: Callable[[type[BaseException]], None], kind: type[BaseException], mode: Any
) -> None:
    raise_in_handler(kind)
    expected: Any = OutcomeUnknownError if issubclass(kind, Exception) else InterruptedRequest
    with ScriptedServer(signalling) as server, pytest.raises(expected, match="may have been paid for") as caught:
        client_to(server).generate("a cat", mode=mode)
    assert len(server.received) == 1
    assert caught.value.sent_at is not None
    if kind is Foreign:
        assert "Foreign came before the answer" in str(caught.value)
        assert type(caught.value.__cause__) is kind
    assert TOKEN not in with_locals(caught.value)


@pytest.mark.skipif(sys.platform == "win32", reason="there, a signal waits for the answer")
def test_an_interrupt_between_two_tries_has_nothing_to_tell() -> None:
    class Interrupting(RetryPolicy):
        def pause(self, failures: int) -> float:
            interrupt_main_thread()
            return 3600.0 * failures

    with ScriptedServer(as_json({}, 429)) as server:
        client = SeedreamClient(TOKEN, server.url, retries=Interrupting())
        with pytest.raises(KeyboardInterrupt) as caught:
            client.generate("a cat")
        assert len(server.received) == 1
    assert type(caught.value) is KeyboardInterrupt


INTERRUPTED = """
import sys
from seedream_nb import SeedreamClient
SeedreamClient('a-token', sys.argv[1]).generate('a cat')
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there, Ctrl-C is no signal to one process")
def test_a_script_that_is_stopped_says_what_may_be_lost() -> None:
    errors = stop_script(INTERRUPTED, Answer(manner="hang"))
    assert "InterruptedRequest: Interrupted. The request was sent, so the task may exist" in errors
    assert errors.count("Traceback") == 1


# Waiting at once


def test_waiting_too_long_keeps_the_id(client: SeedreamClient, sandbox: Sandbox) -> None:
    sandbox.settings.generation_seconds = 3600
    with pytest.raises(WaitTimeoutError) as caught:
        client.generate("a cat", wait=True, timeout=0.05, pace=QUICKLY)
    assert caught.value.failed_ids == (sandbox.task_ids[-1],)
    (task,) = caught.value.partial
    assert (task.prompt, task.status) == ("a cat", TaskStatus.PENDING)
    assert len(sandbox.requests.of_kind("images")) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="there, a signal waits for the answer")
def test_an_interrupt_while_waiting_keeps_the_id() -> None:
    def answer(received: Received) -> Answer:
        return CREATED if received.path.endswith("images") else interrupting(Answer(manner="hang"))(received)

    with ScriptedServer(answer) as server, pytest.raises(InterruptedWait) as caught:
        client_to(server).generate("a cat", wait=True, pace=QUICKLY)
    assert caught.value.open_ids == (ID,)
    assert [task.prompt for task in caught.value.tasks] == ["a cat"]


# Interrupts after the answer


class Blocked:
    """A library that another program has locked: storing takes until it is released.

    Attributes:
        is_storing: Set when a number of tasks are being stored.
    """

    def __init__(self, client: SeedreamClient, count: int = 1) -> None:
        self.is_storing = threading.Event()
        self.release = threading.Event()
        self._barrier = threading.Barrier(count, self.is_storing.set, timeout=20)
        self._store = client.cache.store
        client.cache.store = self  # type: ignore[method-assign]

    def __call__(self, tasks: Iterable[Task]) -> list[Task]:
        self._barrier.wait()
        for _ in range(400):  # in short waits, as an interrupt just before a wait is seen only after it
            if self.release.wait(0.05):
                break
        return self._store(tasks)


def interrupt_after(*events: threading.Event) -> threading.Thread:
    """Interrupts the main thread after each of some events."""

    def work() -> None:
        for event in events:
            event.wait(20)
            interrupt_main_thread()

    thread = threading.Thread(target=work)
    thread.start()
    return thread


@pytest.mark.skipif(sys.platform == "win32", reason="there, a signal waits for the lock")
@pytest.mark.parametrize("mode", ["async", "sync", "stream"])
def test_an_interrupt_while_storing_carries_the_task(client: SeedreamClient, sandbox: Sandbox, mode: Any) -> None:
    interrupt_after(Blocked(client).is_storing)
    with pytest.raises(InterruptedRequest) as caught:
        client.edit("http://x.example/a.jpg", "a cat", mode=mode, strict=False)
    (task,) = caught.value.tasks
    assert (task.prompt, task.library) == ("a cat", client.cache.location)
    assert len(task.good_images) == (0 if mode == "async" else 1)
    assert task.id == ("" if mode == "stream" else sandbox.task_ids[-1])
    assert f"%seedream get {task.id}" in str(caught.value) or not task.id
    assert "The request was answered" in str(caught.value)


@pytest.mark.skipif(sys.platform == "win32", reason="there, a signal waits for the lock")
def test_an_interrupt_while_storing_a_stream_carries_the_task(client: SeedreamClient) -> None:
    interrupt_after(Blocked(client).is_storing)
    with pytest.raises(InterruptedRequest) as caught:
        list(client.stream("cats", max_images=2))
    (task,) = caught.value.tasks
    assert (task.status, len(task.images)) == (TaskStatus.SUCCEEDED, 2)


@pytest.mark.skipif(sys.platform == "win32", reason="there, a signal waits for the lock")
@pytest.mark.parametrize("mode", ["async", "sync", "stream"])
def test_two_interrupts_while_a_batch_is_stored_carry_its_tasks(client: SeedreamClient, mode: Any) -> None:
    """The first ends the batch, the second the wait for the library."""
    requests = [GenerationRequest("a cat"), GenerationRequest("a dog")]
    batch = client.generate_all(requests, mode=mode, wait=False)
    blocked = Blocked(client, count=2)
    batch._dispatcher.open()
    # It is open already, with the event that the thread waits for.
    batch._dispatcher.open = lambda: None  # type: ignore[method-assign]
    thread = interrupt_after(blocked.is_storing, batch._dispatcher._period.closed)
    with pytest.raises(InterruptedWait) as caught:
        batch.finish()
    thread.join()
    blocked.release.set()
    assert [task.prompt for task in caught.value.tasks] == ["a cat", "a dog"]
    assert all(task.id or task.good_images for task in caught.value.tasks)
    assert "may have been paid for" not in str(caught.value)
    assert len(caught.value.open_ids) == (2 if mode == "async" else 0)


@pytest.mark.parametrize("mode", ["async", "sync", "stream"])
def test_an_interrupt_at_any_line_loses_no_answer(mode: Any) -> None:
    event = {"type": "image_generation.partial_succeeded", "url": "https://x.example/a.jpg"}
    end = {"type": "image_generation.completed"}
    answers = {
        "async": CREATED,
        "sync": as_json({"task_id": ID, "data": [{"url": "https://x.example/a.jpg"}]}),
        "stream": Answer(b"\n".join(as_json(line).body for line in (event, end))),
    }
    kinds = set()
    modules = [transport, submission, seedream_client, cache]
    with ScriptedServer(answers[mode]) as server:
        for number in itertools.count(1):
            server.received.clear()
            # A new one, as an interrupt at the end of a `with` block leaves its lock locked.
            client = client_to(server)
            caught = interrupt_at(number, modules, partial(client.generate, "a cat", mode=mode))
            if caught is None:
                break
            kinds.add(type(caught))
            assert isinstance(caught, InterruptedRequest) == bool(server.received)
            if isinstance(caught, InterruptedRequest):
                (task,) = caught.tasks
                assert task.prompt == "a cat"
                is_known = bool(task.id) if mode != "stream" else task.status is TaskStatus.SUCCEEDED
                assert is_known or caught.sent_at is not None
    assert kinds == {KeyboardInterrupt, InterruptedRequest}


@pytest.mark.parametrize("mode", ["async", "sync", "stream"])
@pytest.mark.parametrize("failure", [LibraryWarning("no"), RuntimeError("no"), MemoryError(), None])
def test_whatever_the_library_does_a_paid_task_is_returned(
    client: SeedreamClient, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, failure: Exception | None, mode: Any
) -> None:
    def store(_tasks: Iterable[Task]) -> list[Task]:
        if failure:
            raise failure
        return []

    monkeypatch.setattr(client.cache, "store", store)
    task = client.generate("a cat", mode=mode)
    assert (task.prompt, len(sandbox.requests.of_kind("images"))) == ("a cat", 1)
    assert client.retrieve(sandbox.task_ids[-1]).prompt == "a cat"
    (again,) = client.generate_all([GenerationRequest("a dog")], mode=mode, wait=False).finish()
    assert (again.prompt, again.status is TaskStatus.FAILED) == ("a dog", False)
