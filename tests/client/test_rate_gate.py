"""What a process sends to an account passes one gate: what the service rejects is learned from, by all of it.

Requests are counted and timed at the server.
"""

import email.utils
import itertools
import math
import os
import pickle
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedream_nb import InterruptedWait, Library, Pace, Sandbox, SeedreamClient, TaskStatus
from seedream_nb.client import rate_gate
from seedream_nb.client.rate_gate import PER_SECOND, RateGate, Ticket, gate_of, pause_until_any
from seedream_nb.client.settings import resolve_settings
from seedream_nb.client.transport import RetryPolicy
from seedream_nb.core.errors import RateLimitedError, SettingsError
from seedream_nb.library.ledger import PurchaseState
from tests.conftest import QUICK
from tests.interrupts import interrupt_main_thread
from tests.protocol.samples import RECORD
from tests.scripted_server import Answer, Received, ScriptedServer, as_json
from tests.servers import TOKEN, client_to

QUICKLY = Pace(first=0.02, longest=0.02)
HASTY = RetryPolicy(first_pause=0.02)


class Busy:
    """A service that admits a few tasks in flight and answers 429 to whatever is beyond.

    A task is finished when it was queried twice.

    Attributes:
        accepted: The prompts of the requests that were accepted.
        rejected: The same of those that were not.
        most: The largest number of tasks in flight.
    """

    def __init__(self, limit: int) -> None:
        self.accepted: list[str] = []
        self.rejected: list[str] = []
        self.most = 0
        self._limit = limit
        self._open: Counter[str] = Counter()
        self._lock = threading.Lock()

    def __call__(self, received: Received) -> Answer:
        body = received.json
        with self._lock:
            if received.path.endswith("tasks"):
                return as_json({"items": [self._record(task_id) for task_id in body["ids"]]})
            if len(self._open) >= self._limit:
                self.rejected.append(body["prompt"])
                return as_json({"error": {"code": "too_many_requests"}}, 429)
            task_id = f"task-{len(self.accepted)}"
            self.accepted.append(body["prompt"])
            self._open[task_id] = 2
            self.most = max(self.most, len(self._open))
            return as_json({"task_id": task_id})

    def _record(self, task_id: str) -> dict[str, Any]:
        self._open[task_id] -= 1
        if self._open[task_id] > 0:
            return {"id": task_id, "request": {}}
        del self._open[task_id]
        return {**RECORD, "id": task_id}


def prompts(count: int, name: str = "") -> list[str]:
    return [f"{name}{number}" for number in range(count)]


def reject(gate: RateGate) -> None:
    """A request is rejected."""
    ticket = Ticket(gate, is_paid=True)
    ticket.enter()
    ticket.rejected(0.0)


# In flight


def test_the_limit_of_a_service_is_learned() -> None:
    service = Busy(10)
    with ScriptedServer(service, at_once=True) as server, client_to(server, retries=HASTY) as client:
        batch = client.generate_all(prompts(100), in_flight=32, pace=QUICKLY)
        assert {task.status for task in batch.finish()} == {TaskStatus.SUCCEEDED}
    assert sorted(service.accepted) == sorted(prompts(100))
    assert service.most == 10
    # Without learning, there are about 200: 22 wait, and each asks again after each pause.
    assert len(service.rejected) < 50
    assert max(Counter(service.rejected).values()) < 4


def test_without_a_rejection_nothing_is_held_back() -> None:
    service = Busy(40)
    together, numbers = threading.Barrier(32), itertools.count()

    def answer(received: Received) -> Answer:
        if received.path.endswith("images") and next(numbers) < 32:
            together.wait(20)
        return service(received)

    with ScriptedServer(answer, at_once=True) as server, client_to(server) as client:
        client.generate_all(prompts(100), in_flight=32, pace=QUICKLY).finish()
        assert client._transport.gate.window == math.inf
    assert service.most <= 32
    assert service.rejected == []


def test_batches_and_clients_share_the_room() -> None:
    service = Busy(4)
    with ScriptedServer(service, at_once=True) as server:
        clients = [client_to(server, retries=HASTY) for _ in range(2)]
        batches = [
            client.generate_all(prompts(30, name), in_flight=8, pace=QUICKLY)
            for name, client in zip("abc", [*clients, clients[0]], strict=True)
        ]
        with ThreadPoolExecutor(len(batches)) as pool:
            results = list(pool.map(lambda batch: batch.finish(), batches))
        gate = clients[0]._transport.gate
        assert gate is clients[1]._transport.gate
        assert gate.in_flight == 0
        assert gate.window < 8
    assert {task.status for tasks in results for task in tasks} == {TaskStatus.SUCCEEDED}
    assert len(service.accepted) == 90
    assert len(service.rejected) < 90


def test_single_requests_wait_for_room_too() -> None:
    most, now, lock = 0, 0, threading.Lock()
    rejected = 0

    def answer(_received: Received) -> Answer:
        nonlocal most, now, rejected
        with lock:
            if now >= 2:
                rejected += 1
                return as_json({}, 429)
            now += 1
            most = max(most, now)
        time.sleep(0.005)  # so that others meet it
        with lock:
            now -= 1
        return as_json({"task_id": "an-id"})

    with ScriptedServer(answer, at_once=True) as server, client_to(server, retries=HASTY) as client:
        with ThreadPoolExecutor(12) as pool:
            tasks = list(pool.map(client.generate, prompts(60)))
        assert client._transport.gate.in_flight == 0
    assert [task.id for task in tasks] == ["an-id"] * 60
    assert rejected < 60


def test_attempts_are_used_up_only_while_nothing_is_accepted() -> None:
    service = Busy(1)
    retries = RetryPolicy(tries=2, first_pause=0.1)
    with ScriptedServer(service, at_once=True) as server, client_to(server, retries=retries) as client:
        batch = client.generate_all(prompts(20), in_flight=8, pace=QUICKLY)
        assert {task.status for task in batch.finish()} == {TaskStatus.SUCCEEDED}
    with ScriptedServer(as_json({}, 429)) as server, client_to(server, retries=retries) as client:
        with pytest.raises(RateLimitedError, match="Gave up after 2 attempts"):
            client.generate("a cat")
        assert len(server.received) == 2


def test_no_attempt_is_used_up_while_a_task_is_in_progress() -> None:
    gate = RateGate()
    first, second = Ticket(gate, is_paid=True), Ticket(gate, is_paid=True)
    assert not gate.wait(first, pause_until_any())
    first.accepted()
    for is_in_progress in (True, True, False):
        if not is_in_progress:
            first.leave()
        gate._window = math.inf
        assert not gate.wait(second, pause_until_any())
        assert second.rejected(0.0) is is_in_progress


def test_polls_need_no_room() -> None:
    """The window is full until the poll finds that the task is finished."""
    service = Busy(1)
    with ScriptedServer(service, at_once=True) as server, client_to(server, retries=HASTY) as client:
        assert {task.status for task in client.generate_all(prompts(5), pace=QUICKLY).finish()} == {
            TaskStatus.SUCCEEDED
        }
        assert client._transport.gate.window < 3


def test_room_that_nobody_gives_back_does_not_block_others(monkeypatch: pytest.MonkeyPatch) -> None:
    gate = RateGate()
    first = gate.reserve()
    assert first is not None
    reject(gate)
    assert (gate.window, gate.in_flight) == (1, 1)
    assert gate.reserve() is None
    monkeypatch.setattr(rate_gate, "STUCK_AFTER", 0.0)
    second = gate.reserve()
    assert second is not None
    # What is forgotten holds no room.
    del first, second
    assert gate.in_flight == 0


# The rules


@given(st.integers(1, 50))
def test_the_window_is_halved_once_and_grows_with_each_success(in_flight: int) -> None:
    gate = RateGate()
    tickets = [gate.reserve() for _ in range(in_flight)]
    for ticket in tickets:
        assert ticket is not None
        ticket.rejected(0.0)
    assert (gate.window, gate.in_flight) == (max(1.0, in_flight / 2), 0)
    window, successes = gate.window, 0
    while gate.window < window + 1:
        ticket = gate.reserve()
        assert ticket is not None
        ticket.accepted()
        ticket.leave()
        successes += 1
    assert successes == pytest.approx(window + 0.5, abs=1)  # one more for each round
    late = gate.reserve()
    assert late is not None
    late.rejected(0.0)
    assert gate.window == 1


def test_what_waits_comes_before_what_is_new_and_each_once() -> None:
    gate = RateGate()
    holder = gate.reserve()
    assert holder is not None
    order: list[int] = []

    def enter(number: int) -> None:
        ticket = Ticket(gate, is_paid=True)
        ticket.wait(time.sleep)
        order.append(number)
        ticket.leave()

    reject(gate)  # the window is 1 from now on
    threads = []
    for number in range(3):
        threads.append(threading.Thread(target=enter, args=(number,)))
        threads[-1].start()
        while len(gate._waiting) <= number:
            pass
    holder.leave()
    assert gate.reserve() is None  # there is room, but not for what is new
    for thread in threads:
        thread.join(20)
    assert order == [0, 1, 2]
    assert gate.reserve() is not None


# Pauses


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_everything_pauses_as_long_as_the_service_asks(form: str) -> None:
    arrived: list[tuple[float, str]] = []
    begin = threading.Event()

    def answer(received: Received) -> Answer:
        arrived.append((time.time(), received.path))
        if len(arrived) > 1:
            if received.path.endswith("tasks"):
                return as_json({"items": [{**RECORD, "id": one} for one in received.json["ids"]]})
            return as_json({"task_id": f"task-{len(arrived)}"})
        begin.set()
        until = math.ceil(time.time() + 0.5)
        text = f"{until - time.time():.3f}" if form == "seconds" else email.utils.formatdate(until, usegmt=True)
        ends.append(until)
        return as_json({}, 429, **{"Retry-After": text})

    ends: list[float] = []
    with ScriptedServer(answer, at_once=True) as server, ThreadPoolExecutor(3) as pool:
        first = pool.submit(client_to(server).generate, "a cat")
        assert begin.wait(20)
        other = client_to(server)
        while not other._transport.gate._paused_until > time.monotonic():
            assert not first.done()
        results: list[Future[Any]] = [first, pool.submit(other.generate, "a dog")]
        results.append(pool.submit(other.retrieve_batch, ["an-id"]))
        for result in results:
            result.result(20)
    assert len(arrived) == 4
    # A date has whole seconds, and clocks are read at different moments.
    assert min(at for at, _path in arrived[1:]) > ends[0] - 0.05


def test_many_that_wait_do_not_each_try() -> None:
    """As long as the service is busy, 20 threads together send about one request per pause."""
    gate_is_busy, attempts = [True], itertools.count(1)

    def answer(_received: Received) -> Answer:
        number = next(attempts)
        if number >= 24:
            gate_is_busy[0] = False
        return as_json({}, 429) if gate_is_busy[0] else as_json({"task_id": f"task-{number}"})

    with ScriptedServer(answer, at_once=True) as server, client_to(server, retries=HASTY) as client:
        with ThreadPoolExecutor(20) as pool:
            tasks = list(pool.map(client.generate, prompts(20)))
        assert len({task.id for task in tasks}) == 20
        assert len(server.received) < 24 + 20 + 10


def test_a_poll_that_pauses_can_be_stopped() -> None:
    stop = threading.Event()

    def answer(_received: Received) -> Answer:
        return as_json({}, 429, **{"Retry-After": "50"})

    with ScriptedServer(answer) as server, client_to(server) as client:
        with pytest.raises(RateLimitedError):
            SeedreamClient(TOKEN, server.url, retries=RetryPolicy(tries=1)).retrieve("an-id")
        waiting = client.iter_wait(["an-id"], stop=stop, interval=0.01)
        thread = threading.Thread(target=waiting.finish)
        thread.start()
        while not waiting.poll_count:
            pass
        stop.set()
        thread.join(20)
        assert not thread.is_alive()
        assert len(server.received) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="there, a signal waits for the answer")
def test_an_interrupt_at_the_gate_pays_nothing_and_loses_nothing(paid_service: Sandbox) -> None:
    library = Library("library")
    client = SeedreamClient(paid_service.token, paid_service.url, retries=QUICK, library=library)
    paid_service.faults.add("rate_limit", on="images", times=1, retry_after=1)
    gate = client._transport.gate

    def interrupt() -> None:
        while not gate._waiting:
            pass
        interrupt_main_thread()

    threading.Thread(target=interrupt, daemon=True).start()
    with pytest.raises(KeyboardInterrupt) as caught:
        client.generate("a cat")
    assert type(caught.value) is KeyboardInterrupt
    assert (gate.in_flight, len(gate._waiting)) == (0, 0)
    assert client.unfinished() == []
    ((state,),) = _states(library)
    assert state == PurchaseState.NOT_ARRIVED.value
    assert client.generate("a cat", reuse=True, wait=True, pace=QUICKLY).status is TaskStatus.SUCCEEDED
    assert len(paid_service.requests.of_kind("images")) == 2


def _states(library: Library) -> list[tuple[str]]:
    with library._database.reading() as connection:
        return connection.execute("SELECT state FROM purchases").fetchall()


@pytest.mark.skipif(sys.platform == "win32", reason="there, a signal waits for the answer")
@pytest.mark.parametrize("at", range(1, 12))
def test_an_interrupt_of_a_batch_that_waits_for_room_loses_nothing(at: int) -> None:
    service = Busy(2)
    numbers = itertools.count(1)

    def answer(received: Received) -> Answer:
        if next(numbers) == at:
            interrupt_main_thread()
        return service(received)

    with ScriptedServer(answer, at_once=True) as server, client_to(server, retries=HASTY) as client:
        batch = client.generate_all(prompts(8), in_flight=6, pace=QUICKLY)
        with pytest.raises(InterruptedWait):
            batch.finish()
        gate = client._transport.gate
        assert gate.in_flight == 0
        assert batch.unsent == 8 - len(service.accepted)
        assert batch.failures == {}
        assert {task.status for task in batch.finish()} == {TaskStatus.SUCCEEDED}
        assert gate.in_flight == 0
    assert sorted(service.accepted) == prompts(8)


# Per second


def test_no_second_has_more_requests_than_the_rate() -> None:
    arrived: list[float] = []

    def answer(_received: Received) -> Answer:
        arrived.append(time.monotonic())
        return as_json({"items": []})

    with ScriptedServer(answer, at_once=True) as server:
        clients = [SeedreamClient(TOKEN, server.url, per_second=40), client_to(server)]
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda number: clients[number % 2].retrieve_batch([str(number)]), range(100)))
    arrived.sort()
    # On a busy machine, requests arrive later than they are sent.
    most = max(sum(begin <= other < begin + 0.9 for other in arrived) for begin in arrived)
    assert most <= 40 + 8
    assert 1.9 < arrived[-1] - arrived[0] < 10


@given(st.floats(0.1, 200), st.lists(st.floats(0, 0.5), min_size=1, max_size=200))
def test_any_rate_is_kept(per_second: float, gaps: list[float]) -> None:
    gate = RateGate(per_second)
    slots = [gate._take_slot(now) for now in itertools.accumulate(gaps)]
    count = max(1, math.floor(per_second))
    assert slots == sorted(slots)
    for first, later in zip(slots, slots[count:], strict=False):
        assert later - first >= count / per_second * 0.999
    # None waits longer than it must.
    assert slots[-1] <= max(sum(gaps), len(slots) / per_second + sum(gaps))


def test_the_rate_is_for_addresses_that_are_not_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    assert gate_of(resolve_settings("one", "https://x.example")).per_second == PER_SECOND == 60
    assert gate_of(resolve_settings("one", "http://127.0.0.1:1")).per_second == math.inf
    client = SeedreamClient("one", "http://127.0.0.1:1", per_second=5)
    assert client._transport.gate.per_second == 5
    SeedreamClient("one", "http://127.0.0.1:1")
    assert client._transport.gate.per_second == 5
    monkeypatch.setenv("SEEDREAM_PER_SECOND", " 7.5 ")
    assert SeedreamClient("two", "https://x.example")._transport.gate.per_second == 7.5
    monkeypatch.setenv("SEEDREAM_PER_SECOND", "inf")
    assert SeedreamClient("two", "https://x.example")._transport.gate.per_second == math.inf


@pytest.mark.parametrize("wrong", [0, -1, math.nan, True, "many"])
def test_a_wrong_rate_is_rejected(wrong: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError, match="per_second must be a positive number of requests a second, not"):
        SeedreamClient(TOKEN, per_second=wrong)
    monkeypatch.setenv("SEEDREAM_PER_SECOND", str(wrong) if wrong is not True else "yes")
    with pytest.raises(SettingsError, match="SEEDREAM_PER_SECOND must be a positive number"):
        SeedreamClient(TOKEN)


# One for each account in a process


def test_each_account_has_its_own_gate() -> None:
    url = "http://127.0.0.1:1"
    one, same, other, elsewhere = (
        SeedreamClient("one", url),
        SeedreamClient("one", f"{url}/"),
        SeedreamClient("two", url),
        SeedreamClient("one", "http://127.0.0.1:2"),
    )
    gates = [client._transport.gate for client in (one, same, other, elsewhere)]
    assert gates[0] is gates[1]
    assert len(set(map(id, gates))) == 3
    copy: SeedreamClient = pickle.loads(pickle.dumps(SeedreamClient("one", url, per_second=3)))  # noqa: S301  our own
    assert copy._transport.gate is gates[0]
    assert copy._transport.per_second == 3


def test_a_gate_of_a_loopback_address_ends_with_its_clients() -> None:
    client = SeedreamClient("one", "http://127.0.0.1:1")
    reject(client._transport.gate)
    assert client._transport.gate.window == 1
    del client
    assert SeedreamClient("one", "http://127.0.0.1:1")._transport.gate.window == math.inf


@pytest.fixture
def in_child() -> Callable[[Callable[[], bool]], bool]:
    def run(check: Callable[[], bool]) -> bool:
        child = os.fork()
        if child == 0:
            try:
                os._exit(0 if check() else 1)
            finally:
                os._exit(2)
        return os.waitpid(child, 0)[1] == 0

    return run


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_child_has_its_own_gate(in_child: Callable[[Callable[[], bool]], bool]) -> None:
    client = SeedreamClient("one", "http://127.0.0.1:1")
    gate = client._transport.gate
    with gate._lock, rate_gate._lock:  # as a thread may hold them while another one forks
        assert in_child(lambda: client._transport.gate is not gate and client._transport.gate.reserve() is not None)
    assert client._transport.gate is gate


def test_a_pause_ends_with_any_event() -> None:
    one, two = threading.Event(), threading.Event()
    pause = pause_until_any(one, two)
    assert not pause(0.01)
    threading.Timer(0.05, two.set).start()
    assert pause(600)
    assert pause(0)
