"""How the API is talked to: tries counted at the server, time limits, and a token that goes nowhere else."""

import email.utils
import gzip
import itertools
import logging
import pickle
import re
import socket
import sys
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedream_nb import OutcomeUnknownError, SeedreamClient
from seedream_nb.client.http import Timeouts
from seedream_nb.client.settings import resolve_settings
from seedream_nb.client.transport import RetryPolicy, Transport
from seedream_nb.core.errors import (
    BadRequestError,
    ConnectionFailedError,
    EndpointNotFoundError,
    InvalidTokenError,
    MissingTokenError,
    RateLimitedError,
    RequestTimeoutError,
    SeedreamError,
    ServerError,
    TaskFailedError,
    UnreadableAnswerError,
)
from seedream_nb.protocol import responses
from tests.conftest import QUICK
from tests.interrupts import interrupt_main_thread
from tests.scripted_server import Answer, Received, ScriptedServer, as_json
from tests.servers import TOKEN, RawServer, closed_port, verbose

GOOD = as_json({"fine": True})
DROP = Answer(manner="drop")
PATIENT = RetryPolicy(first_pause=3600, longest_pause=3600)  # a test that waits for its own pauses would never end
ONCE = RetryPolicy(tries=1)


def transport_to(url: str, *, retries: RetryPolicy = QUICK, timeouts: Timeouts | None = None) -> Transport:
    return Transport(resolve_settings(TOKEN, url), retries=retries, timeouts=timeouts)


def query(server: ScriptedServer, *, retries: RetryPolicy = QUICK, timeouts: Timeouts | None = None) -> object:
    transport = transport_to(server.url, retries=retries, timeouts=timeouts)
    try:
        return transport.query("/seedream/tasks", {"id": "an-id"})
    finally:
        transport.close()


# What is sent


def test_a_query_as_it_is_sent() -> None:
    with ScriptedServer(GOOD) as server:
        assert query(server) == {"fine": True}
        (received,) = server.received
    assert (received.method, received.path, received.json) == ("POST", "/seedream/tasks", {"id": "an-id"})
    assert received.headers["authorization"] == f"Bearer {TOKEN}"
    assert received.headers["content-type"] == received.headers["accept"] == "application/json"


def test_a_path_in_the_base_url_is_kept() -> None:
    with ScriptedServer(GOOD) as server:
        transport_to(f"{server.url}/proxy/").query("/seedream/tasks", {})
        assert server.received[0].path == "/proxy/seedream/tasks"


def test_without_a_token_nothing_is_sent() -> None:
    with ScriptedServer(GOOD) as server:
        with pytest.raises(MissingTokenError):
            Transport(resolve_settings(base_url=server.url)).query("/seedream/tasks", {})
        assert server.received == []


# Tries


@pytest.mark.parametrize("bad", [DROP, Answer(b'{"a": 1}', manner="cut"), *(as_json({}, status=s) for s in (500, 503))])
def test_transient_errors_are_retried(bad: Answer) -> None:
    with ScriptedServer([bad, bad, bad, GOOD]) as server:
        assert query(server) == {"fine": True}
        assert len(server.received) == 4
        assert {received.body for received in server.received} == {b'{"id": "an-id"}'}


@pytest.mark.parametrize(
    ("bad", "kind"),
    [
        (DROP, ConnectionFailedError),
        (Answer(b'{"a": 1}', manner="cut"), ConnectionFailedError),
        (as_json({"error": {"code": "api_error"}}, status=500), ServerError),
        (Answer(b"<html><title>Bad gateway</title></html>", status=502), ServerError),
        (as_json({}, status=503), ServerError),
        (Answer(b"", status=504), ServerError),
        (as_json({}, status=429), RateLimitedError),
    ],
)
def test_after_four_attempts_it_gives_up(bad: Answer, kind: type[SeedreamError]) -> None:
    with ScriptedServer(bad) as server:
        with pytest.raises(kind, match="Gave up after 4 attempts") as caught:
            query(server)
        assert len(server.received) == 4
    assert caught.value.hint


@pytest.mark.parametrize("status", [304, 400, 401, 402, 403, 404, 405, 413, 418, 422])
def test_other_errors_are_not_retried(status: int) -> None:
    with ScriptedServer([as_json({"error": {"code": "bad"}}, status=status), GOOD]) as server:
        with pytest.raises(SeedreamError) as caught:
            query(server)
        assert len(server.received) == 1
    assert caught.value.status_code == status
    assert "tried" not in caught.value.message


@pytest.mark.parametrize("body", [b"", b"<html></html>", b'{"a": ', b"\xff\xfe"])
def test_an_unreadable_answer_is_not_retried(body: bytes) -> None:
    with ScriptedServer([Answer(body), GOOD]) as server:
        with pytest.raises(UnreadableAnswerError):
            query(server)
        assert len(server.received) == 1


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("retry_after", ["0", "0.01", "Wed, 21 Oct 2015 07:28:00 GMT"])
def test_the_requested_pause_is_kept(status: int, retry_after: str) -> None:
    with ScriptedServer([as_json({}, status, **{"Retry-After": retry_after}), GOOD]) as server:
        assert query(server, retries=PATIENT) == {"fine": True}
        assert len(server.received) == 2


def test_the_pause_is_as_long_as_the_service_asks() -> None:
    with ScriptedServer([as_json({}, 429, **{"Retry-After": "0.3"}), GOOD]) as server:
        before = time.monotonic()
        query(server, retries=QUICK)
        assert time.monotonic() - before >= 0.3


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_a_pause_beyond_the_limit_is_reported_instead_of_kept(form: str) -> None:
    retry_after = "3600" if form == "seconds" else email.utils.formatdate(time.time() + 3600, usegmt=True)
    with ScriptedServer([as_json({}, 429, **{"Retry-After": retry_after}), GOOD]) as server:
        with pytest.raises(RateLimitedError) as caught:
            query(server)
        assert len(server.received) == 1
    assert re.search(r"asks to wait 3[56]\d\d s, longer than the limit of 60 s", caught.value.hint or "")
    assert caught.value.retry_after == pytest.approx(3600, abs=5)


def test_a_caller_that_gives_up_gets_the_failure_without_a_further_try() -> None:
    stop = threading.Event()
    stop.set()
    with ScriptedServer([DROP, GOOD]) as server:
        with pytest.raises(ConnectionFailedError):
            transport_to(server.url, retries=PATIENT).query("/", {}, pause=stop.wait)
        assert len(server.received) == 1


@given(st.integers(1, 50), st.floats(0, 100), st.floats(0, 100))
def test_pauses_grow_with_jitter_up_to_the_cap(failures: int, first: float, longest: float) -> None:
    pause = RetryPolicy(first_pause=first, longest_pause=longest).pause(failures)
    step = first * 2 ** (failures - 1)
    assert min(longest, step / 2) <= pause <= min(longest, step)


# Time limits and broken connections


@pytest.mark.parametrize("manner", ["hang", "stall"])
def test_a_server_that_never_answers_is_given_up(manner: str) -> None:
    silent = Answer(b"{}", manner="hang" if manner == "hang" else "stall")
    with ScriptedServer(silent) as server:
        with pytest.raises(RequestTimeoutError, match=r"did not answer within 0\.1 s") as caught:
            query(server, timeouts=Timeouts(read=0.1))
        assert len(server.received) == 4
    assert "Timeouts(read=" in str(caught.value)


def test_time_limits_are_set_from_the_start() -> None:
    assert Transport(resolve_settings(TOKEN)).timeouts == Timeouts(connect=10.0, read=60.0)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse where Linux is silent")
def test_a_host_that_takes_no_connection_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener, socket.socket() as first:
        first.connect(listener.getsockname())
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with socket.socket() as second:
            second.setblocking(False)  # noqa: FBT003  the socket module's own signature
            second.connect_ex(listener.getsockname())
            with pytest.raises(RequestTimeoutError, match=r"No connection to 127.* within 0\.1 s"):
                transport_to(url, retries=ONCE, timeouts=Timeouts(connect=0.1)).query("/", {})


def test_a_refused_connection_is_reported() -> None:
    with pytest.raises(ConnectionFailedError, match="refused the connection") as caught:
        transport_to(f"http://127.0.0.1:{closed_port()}").query("/", {})
    assert "after 4 attempts" in caught.value.message


def test_https_to_a_server_that_speaks_none_is_not_blamed_on_a_certificate() -> None:
    with ScriptedServer(GOOD) as server:
        url = server.url.replace("http:", "https:")
        with pytest.raises(ConnectionFailedError, match="Can't make a secure connection"):
            transport_to(url, retries=ONCE).query("/", {})


def test_a_connection_that_was_closed_meanwhile_is_replaced() -> None:
    with ScriptedServer([Answer(GOOD.body, manner="leave"), GOOD]) as server:
        transport = transport_to(server.url)
        answers = [transport.query("/", {}) for _ in range(3)]
        transport.close()
        assert answers == [{"fine": True}] * 3
        assert len(server.received) == 3
        assert len({received.connection for received in server.received}) == 2


# One transport, many users


def test_a_connection_is_used_again() -> None:
    with ScriptedServer(GOOD) as server:
        transport = transport_to(server.url)
        for _ in range(5):
            transport.query("/", {})
        assert len({received.connection for received in server.received}) == 1
        transport.close()
        transport.query("/", {})
        assert len({received.connection for received in server.received}) == 2
        transport.close()


@pytest.mark.heavy
def test_threads_share_a_few_connections() -> None:
    with ScriptedServer(lambda received: as_json(received.json)) as server:
        transport = transport_to(server.url)
        with ThreadPoolExecutor(24) as pool:
            answers = list(pool.map(lambda number: transport.query("/", {"number": number}), range(200)))
        transport.close()
        assert answers == [{"number": number} for number in range(200)]
        assert len({received.connection for received in server.received}) <= 8


def test_cookies_are_not_kept() -> None:
    with ScriptedServer(as_json({}, 200, **{"Set-Cookie": "who=me; Path=/"})) as server:
        transport = transport_to(server.url)
        transport.query("/", {})
        transport.query("/", {})
        transport.close()
        assert not [received for received in server.received if "cookie" in received.headers]


def test_a_copy_through_a_pickle_makes_its_own_connections() -> None:
    with ScriptedServer(GOOD) as server:
        transport = transport_to(server.url, timeouts=Timeouts(1, 2))
        transport.query("/", {})
        copy: Transport = pickle.loads(pickle.dumps(transport))  # noqa: S301  our own bytes
        assert copy.query("/", {}) == {"fine": True}
        assert (copy.settings, copy.timeouts, copy.retries) == (transport.settings, Timeouts(1, 2), QUICK)
        assert len({received.connection for received in server.received}) == 2
        copy.close()
        transport.close()


# The token


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(status: int) -> None:
    with (
        ScriptedServer(GOOD) as other,
        ScriptedServer(Answer(status=status, headers={"Location": other.url})) as server,
    ):
        with pytest.raises(EndpointNotFoundError, match="not followed") as caught:
            query(server)
        assert (len(server.received), len(other.received)) == (1, 0)
    assert caught.value.status_code == status


ODD_LOCATIONS = ["http://[::1", "//[", "http://x]/", "http://\N{ACCOUNT OF}.com/", "http://x:99999999/", "\x01", ""]


@pytest.mark.parametrize("location", ODD_LOCATIONS)
def test_the_location_of_a_redirect_is_not_read(location: str) -> None:
    head = f"HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode()
    with RawServer(lambda: [head]) as server, pytest.raises(EndpointNotFoundError, match="not followed"):
        transport_to(server.url).query("/", {})


# The size of answers

MEBIBYTE = 1024 * 1024


def endless(head: bytes) -> Callable[[], Iterator[bytes]]:
    """Forty times what the tests below allow."""
    return lambda: itertools.chain([head], itertools.repeat(bytes(MEBIBYTE), 40))


@pytest.fixture
def small_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(responses, "MAX_ANSWER_BYTES", MEBIBYTE)


@pytest.mark.parametrize("length", [b"", b"Content-Length: 3000000000\r\n"])
def test_the_body_of_a_redirect_is_not_read(length: bytes) -> None:
    head = b"HTTP/1.1 302 Found\r\nLocation: http://x.example/\r\n" + length + b"\r\n"
    with RawServer(endless(head)) as server:
        with pytest.raises(EndpointNotFoundError, match="not followed"):
            transport_to(server.url).query("/", {})
        assert server.sent < 20 * MEBIBYTE  # what fits between two sockets


@pytest.mark.usefixtures("small_limit")
@pytest.mark.parametrize("status", [b"200 OK", b"400 Bad", b"401 Who"])
def test_an_endless_answer_is_not_read_to_its_end(status: bytes) -> None:
    with RawServer(endless(b"HTTP/1.1 " + status + b"\r\n\r\n")) as server:
        with pytest.raises(UnreadableAnswerError, match=r"127\.0\.0\.1:\d+ is larger than 1 MB") as caught:
            transport_to(server.url).query("/", {})
        assert server.requests == 1
        assert server.sent < 20 * MEBIBYTE
    assert caught.value.status_code == int(status[:3])


@pytest.mark.usefixtures("small_limit")
@pytest.mark.parametrize("mode", ["async", "sync", "stream"])
def test_an_endless_answer_to_a_paid_request_is_unclear(mode: Any) -> None:
    with RawServer(endless(b"HTTP/1.1 200 OK\r\n\r\n")) as server:
        with pytest.raises(OutcomeUnknownError, match=r"larger than 1 MB.*may have been paid for"):
            SeedreamClient(TOKEN, server.url, retries=QUICK).generate("a cat", mode=mode)
        assert server.requests == 1


@pytest.mark.usefixtures("small_limit")
@pytest.mark.heavy
def test_a_compressed_answer_is_unpacked_no_further_than_it_is_read() -> None:
    bomb = gzip.compress(gzip.compress(bytes(100 * MEBIBYTE), 1))
    headers = {"Content-Encoding": "gzip, gzip"}
    with ScriptedServer(Answer(bomb, headers=headers)) as server:
        tracemalloc.start()
        try:
            with pytest.raises(UnreadableAnswerError, match="larger than 1 MB"):
                transport_to(server.url).query("/", {})
            _now, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert most < 20 * MEBIBYTE


@pytest.mark.usefixtures("small_limit")
@pytest.mark.parametrize("mode", ["sync", "stream"])
def test_inline_images_may_be_large(mode: Any) -> None:
    encoded = "QUJD" * MEBIBYTE
    event = {"type": "image_generation.partial_succeeded", "b64_json": encoded}
    end = {"type": "image_generation.completed"}
    body = as_json({"data": [{"b64_json": encoded}]}).body
    lines = b"\n".join(as_json(line).body for line in (event, end))
    with ScriptedServer(Answer(lines if mode == "stream" else body)) as server:
        client = SeedreamClient(TOKEN, server.url, retries=QUICK)
        (image,) = client.generate("a cat", mode=mode, response_format="b64_json").images
    assert len(image.data or b"") == 3 * MEBIBYTE


@pytest.mark.usefixtures("small_limit")
def test_a_batch_request_with_too_large_an_answer_is_halved() -> None:
    def answer(received: Received) -> Answer:
        return as_json(
            {"items": [{"id": one, "data": [{"b64_json": "QUJD" * 200_000}]} for one in received.json["ids"]]}
        )

    with ScriptedServer(answer, at_once=True) as server:
        tasks = SeedreamClient(TOKEN, server.url, retries=QUICK).retrieve_batch(["a", "b", "c"])
    assert [len(task.images[0].data or b"") for task in tasks] == [600_000] * 3


ESCAPED = f"\\u{ord(TOKEN[0]):04x}{TOKEN[1:9]}\\u{ord(TOKEN[9]):04X}{TOKEN[10:]}"  # as JSON may write it

FAILURES = [
    as_json({"error": {"code": TOKEN, "message": f"bad token {TOKEN}"}, "trace_id": TOKEN}, status=401),
    as_json({"error": f"Bearer {TOKEN} is wrong"}, status=400),
    Answer(f"<html><title>{TOKEN}</title></html>".encode(), status=500),
    Answer(f"{TOKEN} is what you sent".encode()),
    DROP,
    Answer(f'{{"error": {{"message": "bad {ESCAPED}", "code": "{ESCAPED}"}}, "trace_id": "{ESCAPED}"}}'.encode(), 401),
    Answer(f'{{"error": "{ESCAPED}"'.encode()),
    Answer(f'{{"error": "{ESCAPED}"'.encode(), 502),
    as_json({"error": f"{TOKEN[:9]}\N{RIGHT-TO-LEFT OVERRIDE}{TOKEN[9:]}"}, 401),
]


@pytest.mark.parametrize("failure", FAILURES)
def test_the_token_is_in_no_error_and_no_traceback(failure: Answer) -> None:
    with ScriptedServer(failure) as server, pytest.raises(SeedreamError) as caught:
        query(server, retries=ONCE)
    error = caught.value
    shown = [str(error), repr(error), repr(vars(error)), *error._render_traceback_(), verbose(error, __file__)]
    assert "self = <" in shown[-1]  # the variables were looked at
    assert not [text for text in shown if TOKEN in text]


@pytest.mark.parametrize("text", [TOKEN, ESCAPED])
def test_the_token_is_in_no_task(text: str) -> None:
    body = f"""{{"id": "an-id", "{text}": 1, "trace_id": "{text}", "error": "{text}", "finished_at": 1,
        "request": {{"prompt": "{text}", "more": [["{text}"]]}},
        "data": [{{"url": "https://x.example/{text}", "name": "{text}"}}]}}"""
    with ScriptedServer(Answer(body.encode())) as server:
        task = SeedreamClient(TOKEN, server.url).retrieve("an-id")
    shown = repr([task, task.raw, task.images[0].raw, task.to_dict()])
    assert shown.count("***") >= 10
    assert TOKEN not in shown


@pytest.mark.parametrize("text", [TOKEN, ESCAPED])
@pytest.mark.parametrize("mode", ["async", "sync", "stream"])
def test_the_token_is_in_no_paid_task(mode: Any, text: str) -> None:
    event = (
        f'{{"type": "image_generation.partial_failed", "task_id": "an-id", "error": "{text}", "{text}": "{text}"}}\n'
    )
    end = '{"type": "image_generation.completed"}'
    record = f'{{"task_id": "{text}", "data": [{{"url": "https://x.example/a.jpg", "name": "{text}"}}]}}'
    body = event + end if mode == "stream" else record
    with ScriptedServer(Answer(body.encode())) as server:
        task = SeedreamClient(TOKEN, server.url).generate("a cat", mode=mode)
    shown = repr([task, task.raw, [image.raw for image in task.images]])
    assert "***" in shown
    assert TOKEN not in shown


def test_foreign_text_in_an_error_is_short_and_changes_nothing_around_it() -> None:
    evil = "\N{RIGHT-TO-LEFT OVERRIDE}\N{FIRST STRONG ISOLATE}\x1b[2J" + "x" * 20_000
    answer = as_json({"error": {"code": evil, "message": evil}, "trace_id": evil}, 400)
    for call in ("retrieve", "generate"):
        with ScriptedServer(answer) as server, pytest.raises(BadRequestError) as caught:
            getattr(SeedreamClient(TOKEN, server.url), call)("an-id")
        shown = [str(caught.value), *caught.value._render_traceback_()[1:]]
        assert len(shown[0]) < 1500
        assert all(character.isprintable() for text in shown for character in text)
        assert "xxx" in caught.value.reference
    record = {"id": evil, "error": {"code": evil, "message": evil}, "trace_id": evil, "finished_at": 1}
    with ScriptedServer(as_json(record)) as server, pytest.raises(TaskFailedError) as failed:
        SeedreamClient(TOKEN, server.url).retrieve("an-id").raise_for_status()
    assert len(str(failed.value)) < 1800
    assert str(failed.value).isprintable()


@pytest.mark.skipif(sys.platform == "win32", reason="there, a signal waits for the answer")
def test_an_interrupt_while_waiting_shows_no_token() -> None:
    def interrupt(_received: object) -> Answer:
        interrupt_main_thread()
        return Answer(manner="hang")

    with ScriptedServer(interrupt) as server, pytest.raises(KeyboardInterrupt) as caught:
        query(server)
    assert "token = Secret(hidden)" in verbose(caught.value, __file__)
    assert TOKEN not in verbose(caught.value, __file__)


def test_the_token_is_in_no_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), ScriptedServer([DROP, GOOD]) as server:
        for name in ("urllib3", "urllib3.connectionpool", "requests"):
            caplog.set_level(logging.DEBUG, name)
        query(server)
    assert "POST /seedream/tasks" in caplog.text
    assert TOKEN not in caplog.text


def test_a_password_file_does_not_replace_the_token(monkeypatch: pytest.MonkeyPatch) -> None:
    (Path.home() / ".netrc").write_text("default login someone password hunter2\n")
    with ScriptedServer(GOOD) as proxy:
        # A host that is not this machine's, reached through a proxy, as only there requests reads the file.
        monkeypatch.setenv("http_proxy", proxy.url)
        transport = transport_to("http://api.example")
        transport.query("/seedream/tasks", {})
        transport.close()
        (received,) = proxy.received
    assert received.path == "http://api.example/seedream/tasks"
    assert received.headers["authorization"] == f"Bearer {TOKEN}"


def test_a_proxy_of_the_environment_is_not_used_for_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    with ScriptedServer(GOOD) as proxy, ScriptedServer(GOOD) as server:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        query(server)
        assert (len(server.received), len(proxy.received)) == (1, 0)


def test_a_proxy_that_fails_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{closed_port()}")
    with pytest.raises(ConnectionFailedError, match=r"The proxy for api\.example failed"):
        transport_to("http://api.example", retries=ONCE).query("/", {})


def test_errors_carry_the_requested_pause() -> None:
    with ScriptedServer(as_json({}, 400, **{"Retry-After": "7"})) as server, pytest.raises(BadRequestError) as caught:
        query(server)
    assert caught.value.retry_after == 7
    with ScriptedServer(as_json({}, 401)) as server, pytest.raises(InvalidTokenError) as refused:
        query(server)
    assert refused.value.retry_after is None
