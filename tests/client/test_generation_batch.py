"""Many paid requests: each is sent once at most, few at a time, and no id is lost. Requests are counted at the server.

What can fall between two lines of the code is tested without a server, against a service in this process.
"""

import contextlib
import itertools
import sys
import threading
import time
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from types import FrameType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedream_nb import (
    GenerationBatch,
    GenerationOptions,
    GenerationRequest,
    InterruptedWait,
    OutcomeUnknownError,
    Pace,
    Sandbox,
    SeedreamClient,
    SeedreamError,
    Task,
    TaskImage,
    TaskStatus,
    WaitTimeoutError,
)
from seedream_nb.client import dispatcher as dispatcher_module
from seedream_nb.client import generation_batch as generation_batch_module
from seedream_nb.client import polling as polling_module
from seedream_nb.client.batches import Store
from seedream_nb.client.dispatcher import Dispatcher
from seedream_nb.client.purchases import PaidRequest
from seedream_nb.client.rate_gate import RateGate, Ticket
from seedream_nb.client.transport import Pause
from seedream_nb.core.errors import (
    BadRequestError,
    BalanceUsedUpError,
    ConnectionFailedError,
    InvalidTokenError,
    ModerationError,
    RateLimitedError,
    ServerError,
    UsageError,
)
from seedream_nb.protocol.capabilities import MODELS
from tests.conftest import QUICK
from tests.interrupts import interrupt_at, interrupt_main_thread, moments
from tests.protocol.samples import RECORD, RESPONSE
from tests.scripted_server import Answer, Received, ScriptedServer, as_json
from tests.servers import TOKEN, UNCLEAR, client_to, closed_port

QUICKLY = Pace(first=0.02, longest=0.05)
MODES = ["async", "sync", "stream"]
LITE = list(MODELS)[1]


def requests_for(*prompts: str, **options: Any) -> list[GenerationRequest]:
    return [GenerationRequest(prompt, GenerationOptions(**options)) for prompt in prompts]


SIX = requests_for("one", "two", "three", "four", "five", "six")


def made(sandbox: Sandbox) -> list[str]:
    examples = {example.id for example in sandbox.examples}
    return [task_id for task_id in sandbox.task_ids if task_id not in examples]


def paid(sandbox: Sandbox) -> int:
    """How many requests have arrived that may have been paid for."""
    return sum(request.status != 429 for request in sandbox.requests.of_kind("images"))


def most_at_once(client: SeedreamClient, sandbox: Sandbox) -> int:
    """How many tasks were open at the same time, as the server's records say."""
    spans = [(task.created_at, task.finished_at) for task in client.retrieve_batch(made(sandbox))]
    assert all(begin and end for begin, end in spans)
    return max(sum(begin <= moment < end for begin, end in spans) for moment, _ in spans)  # type: ignore[operator]


def wait_for_senders() -> None:
    """Until no request is on its way."""
    end = time.monotonic() + 20
    while any(thread.name == dispatcher_module.BUSY_NAME for thread in threading.enumerate()):
        assert time.monotonic() < end
        time.sleep(0.001)


# The ordinary course


@pytest.mark.parametrize("mode", MODES)
def test_one_task_for_each_request_in_order(client: SeedreamClient, sandbox: Sandbox, mode: Any) -> None:
    batch = client.generate_all(SIX, mode=mode, pace=QUICKLY)
    tasks = batch.finish()
    assert [task.prompt for task in tasks] == [request.prompt for request in SIX]
    assert {task.status for task in tasks} == {TaskStatus.SUCCEEDED}
    assert all(task.good_images for task in tasks)
    assert {task.model for task in tasks} == {LITE}
    assert (batch.tasks, batch.open_ids, batch.unsent, batch.failures) == (tasks, (), 0, {})
    assert paid(sandbox) == len(SIX)
    if mode != "stream":
        assert {task.id for task in tasks} == set(made(sandbox))


def test_nothing_is_sent_before_iteration(client: SeedreamClient, sandbox: Sandbox) -> None:
    batch = client.generate_all(requests_for("a cat", "a dog", size="2K", model="4.5"))
    updates = batch.updates()
    assert len(sandbox.requests) == 0
    assert batch.unsent == 2
    assert [(task.id, task.status, task.prompt, task.size) for task in batch.tasks] == [
        ("", TaskStatus.PENDING, "a cat", "2K"),
        ("", TaskStatus.PENDING, "a dog", "2K"),
    ]
    assert {task.model for task in batch.tasks} == {"doubao-seedream-4-5-251128"}
    updates.close()
    assert len(sandbox.requests) == 0


def test_no_request_at_all(client: SeedreamClient, sandbox: Sandbox) -> None:
    assert client.generate_all([]).finish() == []
    assert len(sandbox.requests) == 0


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("in_flight", [1, 2, 3])
def test_a_few_are_in_flight_at_a_time(client: SeedreamClient, sandbox: Sandbox, mode: Any, in_flight: int) -> None:
    sandbox.settings.generation_seconds = 0.03
    client.generate_all(SIX, mode=mode, in_flight=in_flight, pace=QUICKLY).finish()
    assert most_at_once(client, sandbox) <= in_flight
    assert paid(sandbox) == len(SIX)


@pytest.mark.parametrize("mode", ["async", "sync"])
def test_as_many_are_sent_at_once_as_may_be(mode: Any) -> None:
    together = threading.Barrier(3)
    service = Service(mode)

    def answer(received: Received) -> Answer:
        if received.path.endswith("images"):
            together.wait(20)
        return service(received)

    with ScriptedServer(answer, at_once=True) as server, client_to(server) as client:
        client.generate_all(SIX, mode=mode, in_flight=3, pace=QUICKLY).finish()
    assert len(service.made) == 6


def test_one_query_per_poll_for_all_tasks_in_progress(client: SeedreamClient, sandbox: Sandbox) -> None:
    sandbox.settings.generation_seconds = 0.05
    batch = client.generate_all(SIX, in_flight=3, pace=Pace(first=0.1, longest=0.1))
    updates = list(batch.updates())
    asked = [request.ids for request in sandbox.requests.of_kind("tasks")]
    assert all(len(set(ids)) == len(ids) <= 3 for ids in asked)
    assert len(asked) <= len(updates)
    assert set(itertools.chain(*asked)) == set(made(sandbox))


def test_each_change_is_reported(client: SeedreamClient) -> None:
    told: dict[str, list[str]] = {}
    for news in client.generate_all(SIX[:3], pace=QUICKLY).updates():
        for task in news:
            told.setdefault(task.prompt, []).append(str(task.status))
    assert set(told) == {"one", "two", "three"}
    for statuses in told.values():
        assert statuses.index("succeeded") == len(statuses) - 1
        assert set(statuses[:-1]) == {"pending"}


def test_they_may_be_sent_only(client: SeedreamClient, sandbox: Sandbox) -> None:
    sandbox.settings.generation_seconds = 3600
    batch = client.generate_all(SIX, wait=False, in_flight=2)
    tasks = batch.finish()
    assert [task.id for task in tasks] == list(batch.open_ids)
    assert set(batch.open_ids) == set(made(sandbox))
    assert {task.status for task in tasks} == {TaskStatus.PENDING}
    assert sandbox.requests.of_kind("tasks") == []
    assert batch.finish() == tasks
    assert paid(sandbox) == 6


def test_answers_do_not_hide_the_facts_of_the_request() -> None:
    bare = {"items": [{**RESPONSE, "task_id": "task-0"}]}

    def answer(received: Received) -> Answer:
        return as_json(bare if received.path.endswith("tasks") else {"task_id": "task-0"})

    with ScriptedServer(answer) as server, client_to(server) as client:
        (task,) = client.generate_all(requests_for("my prompt", size="2K"), pace=QUICKLY).finish()
    assert (task.prompt, task.model, task.size, task.status) == ("my prompt", LITE, "2K", TaskStatus.SUCCEEDED)


# Rejected before anything is sent


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (
            GenerationRequest("a cat", GenerationOptions(model="4.5", size="1K")),
            "SeeDream 4.5 accepts 2K or 4K, not 1K.",
        ),
        (GenerationRequest(" "), "prompt is required"),
        (
            GenerationRequest("a cat", image="/no/such/file"),
            "The reference image can't be read from /no/such/file: No such file",
        ),
        (GenerationRequest("a cat", GenerationOptions(extra={"x": float("nan")})), "cannot be sent as JSON"),
    ],
)
def test_all_are_checked_before_the_first_is_sent(
    client: SeedreamClient, sandbox: Sandbox, wrong: GenerationRequest, sentence: str
) -> None:
    with pytest.raises(UsageError) as caught:
        client.generate_all([SIX[0], wrong, SIX[1]])
    named = f" ({wrong.prompt})" if wrong.prompt.strip() else ""
    assert caught.value.message.startswith(f"Request 2 of 3{named}: ")
    assert sentence in caught.value.message
    with pytest.raises(UsageError) as caught:
        client.generate_all([wrong])
    assert "Request" not in caught.value.message.replace("The request", "")
    with pytest.raises(UsageError, match="in_flight must be at least 1, not 0"):
        client.generate_all(SIX, in_flight=0)
    assert len(sandbox.requests) == 0


# Failures


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("kind", "options"), UNCLEAR)
def test_an_unknown_outcome_of_one_leaves_the_others(
    client: SeedreamClient, sandbox: Sandbox, kind: Any, options: dict[str, Any], mode: Any
) -> None:
    sandbox.faults.add(kind, on="images", times=1, match="two", **options)
    batch = client.generate_all(SIX[:3], mode=mode, pace=QUICKLY)
    one, two, three = batch.finish()
    assert paid(sandbox) == 3
    assert one.status is three.status is TaskStatus.SUCCEEDED
    (failure,) = batch.failures.values()
    assert isinstance(failure, OutcomeUnknownError)
    assert failure.sent_at is not None
    assert list(batch.failures) == [1]
    assert (two.id, two.prompt) == ("", "two")
    assert two.status is (TaskStatus.PARTIALLY_FAILED if two.good_images else TaskStatus.FAILED)
    assert two.error is not None
    assert "may have been paid for" in two.error.message
    assert f"client.history(created_after={failure.sent_at.timestamp():.0f})" in two.error.message
    assert batch.finish() == [one, two, three]
    assert paid(sandbox) == 3


def test_a_rejected_request_leaves_the_others(client: SeedreamClient, sandbox: Sandbox) -> None:
    requests = [*SIX[:2], GenerationRequest("something forbidden"), *SIX[2:]]
    batch = client.generate_all(requests, mode="sync", in_flight=2)
    tasks = batch.finish()
    assert [task.status.value for task in tasks] == ["succeeded"] * 2 + ["failed"] + ["succeeded"] * 4
    assert isinstance(batch.failures[2], ModerationError)
    assert tasks[2].error is not None
    assert tasks[2].error.is_moderation
    assert paid(sandbox) == 7


def test_a_task_that_fails_later_is_no_failure_to_send(client: SeedreamClient) -> None:
    batch = client.generate_all(requests_for("something forbidden", "a cat"), pace=QUICKLY)
    assert [task.status.value for task in batch.finish()] == ["failed", "succeeded"]
    assert batch.failures == {}


def test_a_used_up_balance_aborts_the_batch(client: SeedreamClient, sandbox: Sandbox) -> None:
    sandbox.settings.balance = 3
    batch = client.generate_all(SIX, in_flight=2, pace=QUICKLY)
    tasks = batch.finish()
    assert len(made(sandbox)) == 3
    assert sum(task.status is TaskStatus.SUCCEEDED for task in tasks) == 3
    assert {type(failure) for failure in batch.failures.values()} == {BalanceUsedUpError}
    sent = paid(sandbox)
    assert sent <= 3 + 2
    assert batch.unsent == 6 - sent
    assert [task.status for task in tasks[sent:]] == [TaskStatus.PENDING] * batch.unsent
    # With more money it continues with those that were not sent.
    sandbox.settings.balance = None
    failed = list(batch.failures)
    tasks = batch.finish()
    assert paid(sandbox) == 6
    assert [place for place, task in enumerate(tasks) if task.status is TaskStatus.FAILED] == failed


def test_a_rejected_token_aborts_the_batch(sandbox: Sandbox) -> None:
    batch = SeedreamClient("another-token", sandbox.url).generate_all(SIX, in_flight=1)
    tasks = batch.finish()
    assert isinstance(batch.failures[0], InvalidTokenError)
    assert (len(sandbox.requests), batch.unsent) == (1, 5)
    assert [task.status.value for task in tasks] == ["failed"] + ["pending"] * 5


@pytest.mark.parametrize("mode", MODES)
def test_too_many_requests_are_retried(client: SeedreamClient, sandbox: Sandbox, mode: Any) -> None:
    # One request may meet all of them: it is alone as long as the service has room for none.
    sandbox.faults.add("rate_limit", on="images", times=3, retry_after=0.01)
    batch = client.generate_all(SIX, mode=mode, in_flight=2, pace=QUICKLY)
    assert {task.status for task in batch.finish()} == {TaskStatus.SUCCEEDED}
    assert paid(sandbox) == 6
    assert len(sandbox.requests.of_kind("images")) == 9


def test_too_many_requests_for_good(client: SeedreamClient, sandbox: Sandbox) -> None:
    sandbox.faults.add("rate_limit", on="images", match="one")
    batch = client.generate_all(SIX[:3], pace=QUICKLY)
    batch.finish()
    assert [(place, type(failure)) for place, failure in batch.failures.items()] == [(0, RateLimitedError)]
    assert batch.failures[0].message.endswith("Gave up after 4 attempts.")
    assert paid(sandbox) == 2
    # Whenever another one is accepted meanwhile, it begins to count again.
    assert 4 + 1 + 1 <= len(sandbox.requests.of_kind("images")) <= 12


def test_a_service_that_asks_for_a_long_pause_gets_no_further_requests(
    client: SeedreamClient, sandbox: Sandbox
) -> None:
    sandbox.faults.add("rate_limit", on="images", match="two", retry_after=3600)
    batch = client.generate_all(SIX, pace=QUICKLY, in_flight=1)
    batch.finish()
    assert [(place, type(failure)) for place, failure in batch.failures.items()] == [(1, RateLimitedError)]
    assert "asks to wait 3600 s" in (batch.failures[1].hint or "")
    assert (paid(sandbox), len(sandbox.requests.of_kind("images")), batch.unsent) == (1, 2, 4)


def test_a_service_that_is_not_there() -> None:
    client = SeedreamClient(TOKEN, f"http://127.0.0.1:{closed_port()}", retries=QUICK)
    batch = client.generate_all(SIX[:2])
    assert [task.status for task in batch.finish()] == [TaskStatus.FAILED] * 2
    assert {type(failure) for failure in batch.failures.values()} == {ConnectionFailedError}


@pytest.mark.parametrize("kind", ["cut", "truncate"])
def test_a_stream_that_breaks_off_keeps_what_came(client: SeedreamClient, sandbox: Sandbox, kind: Any) -> None:
    sandbox.faults.add(kind, on="images", match="two", events=2)
    batch = client.generate_all(requests_for("one", "two", "three", max_images=3), mode="stream")
    tasks = batch.finish()
    assert [len(task.good_images) for task in tasks] == [3, 2, 3]
    assert [task.status.value for task in tasks] == ["succeeded", "partially failed", "succeeded"]
    assert isinstance(batch.failures[1], OutcomeUnknownError)
    assert paid(sandbox) == 3


def test_a_failed_poll_is_ignored(client: SeedreamClient, sandbox: Sandbox) -> None:
    sandbox.faults.add("server_error", on="tasks", times=2)
    batch = client.generate_all(SIX[:2], pace=QUICKLY)
    problems = [batch.failure for _news in batch.updates()]
    assert any(isinstance(problem, ServerError) for problem in problems)
    assert batch.failure is None
    assert {task.status for task in batch.tasks} == {TaskStatus.SUCCEEDED}


def test_a_fatal_error_of_a_poll_carries_all_that_is_known(sandbox: Sandbox) -> None:
    client = SeedreamClient(sandbox.token, sandbox.url, retries=QUICK)
    sandbox.faults.add("error", on="tasks", code="bad_request")
    batch = client.generate_all(SIX, in_flight=2, pace=QUICKLY)
    with pytest.raises(BadRequestError) as caught:
        batch.finish()
    assert set(caught.value.failed_ids) == set(made(sandbox))
    assert len(caught.value.partial) == 6
    assert (paid(sandbox), batch.unsent) == (2, 4)
    sandbox.faults.clear()
    assert {task.status for task in batch.finish()} == {TaskStatus.SUCCEEDED}
    assert paid(sandbox) == 6


# Time limits


def test_a_timeout_carries_what_is_known_and_the_batch_resumes(client: SeedreamClient, sandbox: Sandbox) -> None:
    sandbox.settings.generation_seconds = 3600
    batch = client.generate_all(SIX, in_flight=2, timeout=1.5, pace=QUICKLY)  # enough to send two
    with pytest.raises(WaitTimeoutError) as caught:
        batch.finish()
    error = caught.value
    assert error.message == (
        "Timed out after 1.5 s with 2 of 2 tasks unfinished. Requests 3-6 were not sent, so not paid for."
    )
    assert set(error.failed_ids) == set(made(sandbox)) == set(batch.open_ids)
    assert [task.prompt for task in error.partial] == [request.prompt for request in SIX]
    assert paid(sandbox) == 2
    for task_id in made(sandbox):
        sandbox.add_task(task_id=task_id)
    sandbox.settings.generation_seconds = 0.01
    assert {task.status for task in batch.finish()} == {TaskStatus.SUCCEEDED}
    assert paid(sandbox) == 6


# Stopped, interrupted, closed


class Service:
    """Answers like the service, every task finished when it is queried; does something at the n-th request."""

    def __init__(self, mode: str, at: int = 0, act: Callable[[], object] = bool) -> None:
        self.made: list[str] = []
        self.prompts: list[str] = []
        self._mode = mode
        self._at = at
        self._act = act
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    def __call__(self, received: Received) -> Answer:
        with self._lock:
            if next(self._numbers) == self._at:
                self._act()
            body = received.json
            if received.path.endswith("tasks"):
                return as_json({"items": [{**RECORD, "id": task_id} for task_id in body["ids"]]})
            self.made.append(f"task-{len(self.made)}")
            self.prompts.append(body["prompt"])
            answer = {"task_id": self.made[-1]}
            return as_json(answer if self._mode == "async" else {**RESPONSE, **answer})


def press_control_c() -> None:
    interrupt_main_thread()


def ids_of(tasks: Sequence[Task]) -> set[str]:
    return {task.id for task in tasks if task.id}


@pytest.mark.parametrize("mode", ["async", "sync"])
@pytest.mark.parametrize("at", range(1, 9))
def test_a_stop_at_any_request_loses_no_id(mode: Any, at: int) -> None:
    stop = threading.Event()
    service = Service(mode, at, stop.set)
    with ScriptedServer(service, at_once=True) as server, client_to(server) as client:
        batch = client.generate_all(SIX, mode=mode, in_flight=2, pace=QUICKLY, stop=stop)
        tasks = batch.finish()
        assert ids_of(tasks) == set(service.made)
        assert batch.unsent == 6 - len(service.made)
        assert stop.is_set() or batch.unsent == 0
        assert batch.finish() == tasks
        stop.clear()
        assert {task.status for task in batch.finish()} == {TaskStatus.SUCCEEDED}
    assert Counter(service.prompts) == Counter(request.prompt for request in SIX)


def describe(batch: GenerationBatch) -> str:
    """What an interrupt says of six requests that were all answered or not sent."""
    sent, going = 6 - batch.unsent, len(batch.open_ids)
    parts = [f"{sent - going} finished"] * (sent > going) + [f"{going} in progress"] * (going > 0)
    requests = f"{sent} of 6 requests" if sent < 6 else "6 requests"
    numbers = f"s {sent + 1}-6 were" if batch.unsent > 1 else " 6 was"
    unsent = f" Request{numbers} not sent, so not paid for." if batch.unsent else ""
    return f"Interrupted after sending {requests}: {', '.join(parts)}.{unsent}"


@pytest.mark.skipif(sys.platform == "win32", reason="there, a signal waits for the answer")
@pytest.mark.parametrize("mode", ["async", "sync"])
@pytest.mark.parametrize("at", range(1, 9))
def test_an_interrupt_at_any_request_loses_no_id(mode: Any, at: int) -> None:
    service = Service(mode, at, press_control_c)
    with ScriptedServer(service, at_once=True) as server, client_to(server) as client:
        batch = client.generate_all(SIX, mode=mode, in_flight=2, pace=QUICKLY)
        caught: KeyboardInterrupt | None = None
        try:
            batch.finish()
        except KeyboardInterrupt as interrupt:
            caught = interrupt
        assert (caught is not None) == (len(server.received) >= at)
        assert ids_of(batch.tasks) == set(service.made)
        assert batch.unsent == 6 - len(service.made)
        if caught is None:
            assert batch.unsent == 0
            return
        assert isinstance(caught, InterruptedWait)
        assert list(caught.tasks) == batch.tasks
        assert caught.open_ids == batch.open_ids
        assert caught.sent_at is None
        assert describe(batch) in str(caught)
        assert {task.status for task in batch.finish()} == {TaskStatus.SUCCEEDED}
    assert Counter(service.prompts) == Counter(request.prompt for request in SIX)


@pytest.mark.skipif(sys.platform == "win32", reason="there, a signal waits for the answer")
@pytest.mark.parametrize("mode", ["async", "sync"])
def test_a_second_interrupt_abandons_the_answers(mode: Any) -> None:
    service = Service(mode)
    has_both = threading.Barrier(2)
    may_answer = threading.Event()

    def answer(received: Received) -> Answer:
        if received.path.endswith("images") and not may_answer.is_set():
            if has_both.wait(20) == 0:
                closed = batch._dispatcher._period.closed
                press_control_c()
                assert closed.wait(20)
                press_control_c()
            may_answer.wait(20)
        return service(received)

    with ScriptedServer(answer, at_once=True) as server, client_to(server) as client:
        batch = client.generate_all(SIX, mode=mode, in_flight=2, pace=QUICKLY)
        with pytest.raises(InterruptedWait) as caught:
            batch.finish()
        assert caught.value.open_ids == ()
        assert caught.value.sent_at is not None
        assert "after sending 2 of 6 requests: 2 not answered. Requests 3-6 were not sent" in str(caught.value)
        assert "2 requests had no answer and may have been paid for" in str(caught.value)
        assert f"client.history(created_after={caught.value.sent_at.timestamp():.0f})" in str(caught.value)
        assert batch.unsent == 4
        # Their answers are taken in all the same when they come.
        may_answer.set()
        assert {task.status for task in batch.finish()} == {TaskStatus.SUCCEEDED}
        assert ids_of(batch.tasks) == set(service.made)
    assert Counter(service.prompts) == Counter(request.prompt for request in SIX)


@pytest.mark.skipif(sys.platform == "win32", reason="there, a signal waits for the answer")
@pytest.mark.parametrize("manner", ["stop", "interrupt"])
@pytest.mark.parametrize("mode", ["async", "sync"])
def test_nothing_is_retried_after_the_end(mode: Any, manner: str) -> None:
    """The service asks to wait; in that pause it is ended."""
    stop = threading.Event()
    end = stop.set if manner == "stop" else press_control_c
    service = Service(mode)

    def answer(received: Received) -> Answer:
        if len(server.received) > 1:
            return service(received)
        end()
        return as_json({}, 429, **{"Retry-After": "1"})

    with ScriptedServer(answer) as server, client_to(server) as client:
        batch = client.generate_all(SIX[:2], mode=mode, in_flight=1, pace=QUICKLY, stop=stop)
        with contextlib.suppress(InterruptedWait):
            batch.finish()
        wait_for_senders()
        assert batch.interrupted().message == "Interrupted before anything was sent; nothing was paid for."
        assert len(server.received) == 1
        assert (batch.unsent, batch.failures) == (2, {})
        assert {task.status for task in batch.tasks} == {TaskStatus.PENDING}
        stop.clear()
        assert [task.id for task in batch.finish()] == ["task-0", "task-1"]
    assert service.prompts == ["one", "two"]


@pytest.mark.parametrize("mode", MODES)
def test_closing_it_sends_nothing_more_and_keeps_all_answers(
    client: SeedreamClient, sandbox: Sandbox, mode: Any
) -> None:
    batch = client.generate_all(SIX, mode=mode, in_flight=2, pace=QUICKLY)
    updates = batch.updates()
    next(updates)
    updates.close()
    sent = paid(sandbox)
    assert sent <= 4
    assert batch.unsent == 6 - sent
    if mode == "async":
        assert set(batch.open_ids) == set(made(sandbox))
    else:
        assert sum(bool(task.good_images) for task in batch.tasks) == sent
    wait_for_senders()
    assert paid(sandbox) == sent
    assert {task.status for task in batch.finish()} == {TaskStatus.SUCCEEDED}
    assert paid(sandbox) == 6


def test_nothing_is_sent_while_nobody_iterates(client: SeedreamClient, sandbox: Sandbox) -> None:
    """A loop whose body was interrupted may be kept alive by its traceback."""
    batch = client.generate_all(SIX, mode="sync", in_flight=2)
    updates = batch.updates()
    next(updates)
    while batch.unsent > 4:
        pass
    wait_for_senders()
    # A third one, if the answer to the first came whole before the loop looked.
    assert paid(sandbox) == len(SIX) - batch.unsent <= 3
    updates.close()


# Without a server: every moment


class LocalService:
    """What a batch needs of a client; each prompt says what becomes of its request."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.made: list[str] = []
        self.most_open = 0
        self._open: set[str] = set()
        self._lock = threading.Lock()

    def send(self, body: Mapping[str, object], _pause: Pause) -> Iterator[Task]:
        prompt = str(body["prompt"])
        if "stream" in prompt:
            yield Task("", TaskStatus.RUNNING, prompt=prompt)
        with self._lock:
            self.sent.append(prompt)
            if "refused" in prompt:
                raise BadRequestError("no")
            if "unclear" in prompt:
                raise OutcomeUnknownError("perhaps")
            self.made.append(f"ID-{len(self.made)}")
            task = Task(self.made[-1], TaskStatus.PENDING, prompt=prompt)
            if "at once" in prompt:
                task = replace(task, status=TaskStatus.SUCCEEDED)
            else:
                self._open.add(task.id)
            self.most_open = max(self.most_open, len(self._open))
        yield task

    def retrieve(self, ids: Sequence[str]) -> list[Task]:
        with self._lock:
            done = set(ids[:1])
            self._open -= done
        return [Task(i.lower(), TaskStatus.SUCCEEDED if i in done else TaskStatus.RUNNING) for i in ids]

    def batch(
        self, prompts: Sequence[str], in_flight: int = 2, *, wait: bool = True, store: Store = list
    ) -> GenerationBatch:
        return GenerationBatch(
            [PaidRequest({"prompt": prompt}) for prompt in prompts],
            lambda request, pause, _ticket: self.send(request.body, pause),
            self.retrieve,
            wait=wait,
            in_flight=in_flight,
            timeout=60,
            pace=Pace(first=0.0, longest=0.0),
            store=store,
        )


TRACED = (generation_batch_module, dispatcher_module, polling_module)


@pytest.mark.parametrize("number", moments(*range(3, 120), *range(120, 960, 8)))
def test_an_interrupt_at_any_moment_loses_no_id_and_pays_nothing_twice(number: int) -> None:
    service = LocalService()
    prompts = ["one", "two refused", "three at once", "four", "five stream", "six"]
    batch = service.batch(prompts)
    caught = interrupt_at(number, TRACED, batch.finish)
    assert isinstance(caught, InterruptedWait)
    wait_for_senders()
    assert {task_id.lower() for task_id in ids_of(caught.tasks)} == {task_id.lower() for task_id in service.made}
    assert batch.unsent == len(prompts) - len(service.sent)
    batch.finish()
    assert sorted(service.sent) == sorted(prompts)
    assert [task.status.value for task in batch.tasks] == ["succeeded", "failed", *["succeeded"] * 4]


# Many requests through one batch


class Stream:
    """Streams prompts through one batch, a few at a time, and notes what becomes of each."""

    def __init__(self, batch: GenerationBatch, prompts: Sequence[str], held: int = 3) -> None:
        self.batch = batch
        self.finished: list[Task] = []
        self.failures: list[SeedreamError] = []
        self.most_held = 0
        self._prompts = list(prompts)
        self._held = held

    def finish(self) -> None:
        # An interrupt may have come between adding and noting it, or before what is done was looked at.
        held = {task.prompt for task in self.batch.tasks}
        self._prompts = [prompt for prompt in self._prompts if prompt not in held]
        self.settle()
        self.refill()
        for _news in self.batch.updates():
            self.settle()
            self.refill()
        self.settle()

    def settle(self) -> None:
        done, failures = self.batch.done, self.batch.failures
        self.finished += done.values()
        self.failures += [failures[index] for index in done if index in failures]
        self.batch.discard(done)

    def refill(self) -> None:
        self.most_held = max(self.most_held, len(self.batch.tasks))
        while self._prompts and len(self.batch.tasks) < self._held:
            self.batch.add([PaidRequest({"prompt": self._prompts[0]})])
            del self._prompts[0]


FATES = ["", "refused", "unclear", "at once", "stream"]


@given(st.lists(st.sampled_from(FATES), max_size=12), st.integers(1, 4), st.integers(1, 5), st.booleans())
def test_requests_can_stream_through_one_batch(fates: list[str], in_flight: int, held: int, wait: Any) -> None:
    service = LocalService()
    prompts = [f"{place} {fate}" for place, fate in enumerate(fates)]
    stream = Stream(service.batch([], in_flight, wait=wait), prompts, held)
    stream.finish()
    assert sorted(service.sent) == sorted(task.prompt for task in stream.finished) == sorted(prompts)
    assert len(stream.failures) == sum(fate in {"refused", "unclear"} for fate in fates)
    assert {task.id.lower() for task in stream.finished} - {""} == {task_id.lower() for task_id in service.made}
    assert stream.most_held <= held
    if wait:
        assert service.most_open <= in_flight
    batch = stream.batch
    assert (batch.tasks, batch.by_index, batch.failures, batch.kept) == ([], {}, {}, {})
    assert (batch.takes, batch.open_ids, batch.unsent) == (Counter(), (), 0)
    assert batch.add([PaidRequest({"prompt": "one more"})]) == range(len(prompts), len(prompts) + 1)
    assert [task.prompt for task in batch.finish()] == ["one more"]


@pytest.mark.parametrize("number", moments(*range(3, 150), *range(150, 1800, 17)))
def test_an_interrupt_at_any_moment_of_a_stream_loses_nothing(number: int) -> None:
    service = LocalService()
    prompts = ["one", "two refused", "three at once", "four", "five stream", "six"]
    stream = Stream(service.batch([], 2), prompts)
    caught = interrupt_at(number, TRACED, stream.finish)
    assert caught or number > 150
    wait_for_senders()
    stream.finish()
    assert sorted(service.sent) == sorted({*prompts, *service.sent})
    assert set(prompts) <= {task.prompt for task in stream.finished}
    assert {task.id.lower() for task in stream.finished} - {""} == {task_id.lower() for task_id in service.made}
    assert (stream.batch.tasks, stream.batch.unsent) == ([], 0)


def test_only_what_is_done_can_be_discarded(client: SeedreamClient, sandbox: Sandbox) -> None:
    sandbox.settings.generation_seconds = 3600
    batch = client.generate_all(SIX[:2], in_flight=1, pace=QUICKLY)
    updates = batch.updates()
    next(updates)
    for index in (0, 1):  # in progress, and unsent
        with pytest.raises(ValueError, match=f"request {index} is not done"):
            batch.discard([index])
    assert (len(batch.tasks), batch.done) == (2, {})
    batch.discard([7])
    updates.close()


@pytest.mark.heavy
def test_what_has_passed_takes_neither_memory_nor_time() -> None:
    service = LocalService()
    batch = service.batch([], in_flight=10)
    long = "x" * 20_000
    lines, begun = [0], [0.0]

    def count(_frame: FrameType, event: str, _argument: object) -> Any:
        lines[-1] += event == "line"
        return count

    class Watched(Stream):
        def settle(self) -> None:
            super().settle()
            self.finished.clear()
            self.failures.clear()
            service.made.clear()
            service.sent.clear()

    def send(body: Mapping[str, object], _pause: Pause) -> Iterator[Task]:
        yield Task(str(body["prompt"])[:8], TaskStatus.PENDING, prompt=str(body["prompt"]) + long)

    service.send = send  # type: ignore[method-assign]
    tracemalloc.start()
    try:
        for part in range(4):
            prompts = [f"{part}-{number:03}-" for number in range(60)]
            sys.settrace(count)
            Watched(batch, prompts, held=20).finish()
            sys.settrace(None)
            lines.append(0)
            begun.append(tracemalloc.get_traced_memory()[0])
    finally:
        sys.settrace(None)
        tracemalloc.stop()
    assert max(lines) < 2 * lines[0]
    assert begun[-1] - begun[1] < 10 * len(long)


@given(st.lists(st.sampled_from(FATES), max_size=8), st.integers(1, 4), st.booleans())
def test_whatever_their_outcome_each_is_sent_once(fates: list[str], in_flight: int, wait: Any) -> None:
    service = LocalService()
    prompts = [f"{place} {fate}" for place, fate in enumerate(fates)]
    batch = service.batch(prompts, in_flight, wait=wait)
    tasks = batch.finish()
    assert sorted(service.sent) == sorted(prompts)
    assert [task.prompt for task in tasks] == prompts
    assert set(batch.failures) == {place for place, fate in enumerate(fates) if fate in {"refused", "unclear"}}
    assert all((task.status is TaskStatus.FAILED) == (place in batch.failures) for place, task in enumerate(tasks))
    assert ({task.id.lower() for task in tasks} - {""}) == {task_id.lower() for task_id in service.made}
    if wait:
        assert all(task.status.is_final for task in tasks)
        assert service.most_open <= in_flight


def batch_sending(
    send: Callable[[Mapping[str, object], Pause], Iterator[Task]], retrieve: Any = None
) -> GenerationBatch:
    service = LocalService()
    service.send = send  # type: ignore[method-assign,assignment]
    if retrieve:
        service.retrieve = retrieve  # type: ignore[method-assign]
    return service.batch(["a cat"])


def test_images_of_a_stream_are_seen_as_they_come() -> None:
    image = TaskImage("", 0, url="https://x.example/0.jpg")
    was_seen = threading.Event()

    def send(_body: Mapping[str, object], _pause: Pause) -> Iterator[Task]:
        yield Task("", TaskStatus.RUNNING, images=(image,))
        assert was_seen.wait(20)
        yield Task("", TaskStatus.SUCCEEDED, images=(image, replace(image, index=1)))

    batch = batch_sending(send)
    told = []
    for (task,) in batch.updates():
        assert batch.tasks == [task]
        told.append((task.status.value, len(task.images)))
        was_seen.set()
    assert told == [("running", 1), ("succeeded", 2)]


@pytest.fixture
def _hasty_threads() -> Iterator[None]:
    """Threads take turns as often as they can, so that whatever may come out of order does."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("_hasty_threads")
def test_nothing_counts_as_done_while_it_is_being_sent() -> None:
    service = LocalService()
    prompts = [f"{number} at once" for number in range(1500)]
    stream = Stream(service.batch([], in_flight=20), prompts, held=60)
    stream.finish()
    assert Counter(task.prompt for task in stream.finished) == Counter(prompts)
    assert all(task.id for task in stream.finished)


@pytest.mark.usefixtures("_hasty_threads")
def test_news_come_when_they_are_there_and_not_later() -> None:
    may_end = threading.Event()

    def send(request: PaidRequest, _pause: Pause, _ticket: Ticket | None) -> Iterator[Task]:
        yield Task("", TaskStatus.RUNNING, prompt=str(request.body["prompt"]))
        assert may_end.wait(20)

    box = Dispatcher(send, threading.Event())
    assert box.add([PaidRequest({"prompt": str(number)}) for number in range(50)]) == range(50)
    box.send_next(Ticket(RateGate()))
    assert box.wait_for_news(20) == ({dispatcher_module.NO_INDEX}, 1)
    assert (len(box.unsent_indexes), box.unanswered) == (50, {})  # it begins closed
    box.open()
    for number in range(50):
        box.send_next(Ticket(RateGate()))
        assert box.wait_for_news(20) == ({number}, 0)
        assert (len(box.unsent_indexes), list(box.unanswered)) == (49 - number, list(range(number + 1)))
        assert box.entries[number].task == Task("", TaskStatus.RUNNING, prompt=str(number))
    assert box.wait_for_news(0) == (set(), 0)
    may_end.set()
    box.close()
    assert box.unanswered == {}


def test_a_stream_that_named_its_task_is_polled_when_it_breaks_off() -> None:
    def send(_body: Mapping[str, object], _pause: Pause) -> Iterator[Task]:
        yield Task("", TaskStatus.RUNNING)
        error = OutcomeUnknownError("broken")
        error.partial = [Task("the-id", TaskStatus.RUNNING)]
        raise error

    batch = batch_sending(send, lambda ids: [Task(task_id, TaskStatus.SUCCEEDED) for task_id in ids])
    assert [(task.id, task.status.value) for task in batch.finish()] == [("the-id", "succeeded")]
    assert batch.failures == {}


def test_a_task_that_is_lost_at_the_service_ends_the_wait() -> None:
    batch = batch_sending(
        lambda _body, _pause: iter([Task("the-id", TaskStatus.PENDING)]), lambda ids: [Task.not_found(i) for i in ids]
    )
    assert [task.status for task in batch.finish()] == [TaskStatus.NOT_FOUND]
    assert batch.open_ids == ()
    assert batch.finish() == batch.tasks


def test_missing_answers_do_not_delay_polls() -> None:
    """One request has no answer until another one's task is finished."""
    was_asked = threading.Event()

    def send(body: Mapping[str, object], _pause: Pause) -> Iterator[Task]:
        if body["prompt"] == "slow":
            assert was_asked.wait(20)
        yield Task(str(body["prompt"]), TaskStatus.PENDING)

    def retrieve(ids: Sequence[str]) -> list[Task]:
        was_asked.set()
        return [Task(task_id, TaskStatus.SUCCEEDED) for task_id in ids]

    service = LocalService()
    service.send, service.retrieve = send, retrieve  # type: ignore[method-assign]
    assert {task.status for task in service.batch(["slow", "quick"]).finish()} == {TaskStatus.SUCCEEDED}


def poll_and_stop(*, at: str) -> tuple[GenerationBatch, list[Task]]:
    """Stops a batch while a poll is answered or what it has found is stored; returns what was stored by the end."""
    stored: list[Task] = []
    begun, may_end = threading.Event(), threading.Event()
    main = threading.main_thread().ident or 0

    def retrieve(ids: Sequence[str]) -> list[Task]:
        if at == "answer":
            begun.set()
            assert may_end.wait(20)
        return [Task(task_id, TaskStatus.SUCCEEDED) for task_id in ids]

    def store(tasks: Iterable[Task]) -> list[Task]:
        if at == "store":
            begun.set()
            end = time.monotonic() + 20
            while sys._current_frames()[main].f_code.co_name != "abandon":
                assert time.monotonic() < end
        stored.extend(tasks)
        return stored

    service = LocalService()
    service.retrieve = retrieve  # type: ignore[method-assign]
    batch = service.batch(["a cat"], store=store)
    with contextlib.closing(batch.updates()) as updates:
        assert [task.status for task in next(updates)] == [TaskStatus.PENDING]
        assert begun.wait(20)
    stored_by_then = list(stored)
    may_end.set()
    for thread in threading.enumerate():
        if thread.name == generation_batch_module.POLL_NAME:
            thread.join(20)
    assert stored == stored_by_then
    return batch, stored


def test_a_poll_that_is_not_waited_for_stores_nothing() -> None:
    batch, stored = poll_and_stop(at="answer")
    assert stored == []
    assert [task.status for task in batch.finish()] == [TaskStatus.SUCCEEDED]


def test_what_a_poll_has_found_is_stored_whole() -> None:
    _batch, stored = poll_and_stop(at="store")
    assert [task.status for task in stored] == [TaskStatus.SUCCEEDED]


def test_bugs_are_not_swallowed() -> None:
    def send(_body: Mapping[str, object], _pause: Pause) -> Iterator[Task]:
        yield Task("", TaskStatus.RUNNING)
        raise ZeroDivisionError

    batch = batch_sending(send)
    with pytest.raises(ZeroDivisionError):
        batch.finish()
    assert str(batch.finish()[0].error) == "ZeroDivisionError"


def test_an_error_is_described() -> None:
    def send(_body: Mapping[str, object], _pause: Pause) -> Iterator[Task]:
        raise SeedreamError("It is wrong.", hint="Do it better.", code="bad")
        yield

    (task,) = batch_sending(send).finish()
    assert str(task.error) == "bad: It is wrong. Do it better."
