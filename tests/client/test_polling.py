"""Waiting for many tasks: few queries, and nothing lost whatever happens. Queries are counted at the server."""

import itertools
import math
import pickle
import random
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedream_nb import (
    GenerationRequest,
    InterruptedWait,
    Pace,
    Sandbox,
    SeedreamClient,
    Task,
    TaskStatus,
    WaitTimeoutError,
)
from seedream_nb.client import polling as polling_module
from seedream_nb.client.batches import CHUNK_SIZE
from seedream_nb.client.polling import CONFIRMED_AFTER, DEFAULT_PACE, Waiting
from seedream_nb.core.errors import (
    BalanceUsedUpError,
    InvalidTaskIdError,
    InvalidTokenError,
    RateLimitedError,
    SeedreamError,
    ServerError,
    UnreadableAnswerError,
    UsageError,
)
from tests.interrupts import interrupt_at, interrupt_main_thread, stop_script
from tests.protocol.samples import RECORD
from tests.scripted_server import Answer, Received, ScriptedServer, as_json
from tests.servers import TOKEN, client_to

QUICKLY = Pace(first=0.02, longest=0.05)
UNKNOWN = "00000000-0000-4000-8000-000000000000"


def queries(sandbox: Sandbox) -> list[tuple[str, ...]]:
    return [request.ids for request in sandbox.requests.of_kind("tasks")]


def pending(task_id: str) -> dict[str, object]:
    return {**RECORD, "id": task_id, "finished_at": None, "response": None}


def answer_in_order(*answers: Answer) -> Callable[[Received], Answer]:
    """Each answer once, then the requested tasks, all finished."""
    coming = iter(answers)

    def answer(received: Received) -> Answer:
        finished = {"items": [{**RECORD, "id": task_id} for task_id in received.json["ids"]]}
        return next(coming, as_json(finished))

    return answer


# The ordinary course


def test_a_hundred_tasks_cost_one_batch_request_per_poll(client: SeedreamClient, sandbox: Sandbox) -> None:
    chance = random.Random(7)  # noqa: S311  a fixed course, not cryptography
    ids = [sandbox.add_task(str(number), ready_in=chance.uniform(0, 0.5)) for number in range(99)]
    ids.append(sandbox.add_task("99", ready_in=1.0))
    waiting = client.iter_wait(ids, pace=QUICKLY)
    finished = list(waiting)
    assert sorted(task.id for task in finished) == sorted(ids)
    assert {task.status for task in finished} == {TaskStatus.SUCCEEDED}
    assert [task.id for task in waiting.tasks] == ids
    assert waiting.open_ids == ()
    asked = queries(sandbox)
    assert len(asked) <= waiting.poll_count * (100 // CHUNK_SIZE)
    assert waiting.poll_count < 100
    assert max(map(len, asked)) == CHUNK_SIZE
    # Finished tasks are never queried again.
    times_asked = {task_id: sum(task_id in chunk for chunk in asked) for task_id in ids}
    assert max(times_asked.values()) <= waiting.poll_count
    assert sum(times_asked.values()) < waiting.poll_count * 100


def test_tasks_come_in_the_given_order_with_repeats(client: SeedreamClient, sandbox: Sandbox) -> None:
    slow, quick = sandbox.add_task("slow", ready_in=0.1), sandbox.add_task("quick")
    tasks = client.wait([slow, quick, slow.upper(), f" {quick} "], pace=QUICKLY)
    assert [task.prompt for task in tasks] == ["slow", "quick", "slow", "quick"]
    assert all(len(set(ids)) == len(ids) <= 2 for ids in queries(sandbox))


def test_each_task_is_yielded_once_as_it_finishes() -> None:
    first = as_json({"items": [pending("slow"), {**RECORD, "id": "quick"}]})
    with ScriptedServer(answer_in_order(first)) as server:
        waiting = client_to(server).iter_wait(["slow", "quick", "slow"], pace=QUICKLY)
        told = [(task.id, waiting.open_ids) for task in waiting]
    assert told == [("quick", ("slow",)), ("slow", ())]


def test_one_task_or_none(client: SeedreamClient, sandbox: Sandbox) -> None:
    task_id = sandbox.add_task("alone")
    assert [task.prompt for task in client.wait(task_id)] == ["alone"]
    assert [task.prompt for task in client.wait(client.retrieve(task_id))] == ["alone"]
    sandbox.requests.clear()
    assert client.wait([]) == []
    assert len(sandbox.requests) == 0


def test_a_finished_task_is_not_queried(client: SeedreamClient, sandbox: Sandbox) -> None:
    done = client.retrieve(sandbox.add_task("done"))
    other = sandbox.add_task("other")
    sandbox.requests.clear()
    waiting = client.iter_wait([done, other, done.id], pace=QUICKLY)
    assert [task.prompt for task in waiting] == ["done", "other"]
    assert [task.prompt for task in waiting.tasks] == ["done", "other", "done"]
    assert queries(sandbox) == [(other,)]


def test_failed_tasks_end_the_wait_too(client: SeedreamClient, sandbox: Sandbox) -> None:
    ids = [
        sandbox.add_task(error=("api_error", "no")),
        sandbox.add_task(images=2, image_errors={0: ("api_error", "no")}),
    ]
    statuses = [task.status for task in client.wait(ids)]
    assert statuses == [TaskStatus.FAILED, TaskStatus.PARTIALLY_FAILED]


def test_what_was_known_before_is_known_until_the_answer() -> None:
    known = Task("an-id", TaskStatus.PENDING, prompt="from the request")
    with ScriptedServer(as_json({"items": []})) as server, client_to(server) as client:
        (task,) = client.wait(["an-id", known], pace=QUICKLY)[1:]
    assert (task.status, task.prompt) == (TaskStatus.NOT_FOUND, "from the request")


def test_an_unknown_id_is_queried_a_few_times(client: SeedreamClient, sandbox: Sandbox) -> None:
    (task,) = client.wait([UNKNOWN], pace=QUICKLY)
    assert task == Task.not_found(UNKNOWN)
    assert queries(sandbox) == [(UNKNOWN,)] * CONFIRMED_AFTER


def test_a_task_that_appears_late_is_waited_for() -> None:
    unknown = as_json({"items": []})
    running = as_json({"items": [pending("late")]})
    course = answer_in_order(unknown, unknown, running, unknown, unknown)
    with ScriptedServer(course) as server, client_to(server) as client:
        (task,) = client.wait(["late"], pace=QUICKLY)
        assert len(server.received) == 6
    assert task.status is TaskStatus.SUCCEEDED


@pytest.mark.parametrize("wrong", ["", None, 7, Task("", TaskStatus.PENDING)])
def test_an_invalid_id_is_not_sent(client: SeedreamClient, sandbox: Sandbox, wrong: object) -> None:
    with pytest.raises(InvalidTaskIdError):
        client.wait([wrong])  # type: ignore[list-item]
    assert len(sandbox.requests) == 0


def test_another_thread_can_stop_it(client: SeedreamClient, sandbox: Sandbox) -> None:
    stop = threading.Event()
    waiting = client.iter_wait([sandbox.add_task(ready_in=None)], pace=Pace(first=3600), stop=stop)
    updates = []

    def watch() -> None:
        for news in waiting.updates():
            updates.append(news)
            stop.set()

    thread = threading.Thread(target=watch)
    thread.start()
    thread.join(20)
    assert not thread.is_alive()
    assert updates == [[]]
    assert len(waiting.open_ids) == 1


# A fixed interval


class RecordedPauses(threading.Event):
    """Never waits, and knows how long it should have."""

    def __init__(self) -> None:
        super().__init__()
        self.pauses: list[float | None] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.pauses.append(timeout)
        return self.is_set()


@pytest.mark.parametrize(
    ("arguments", "pauses"),
    [({"interval": 7}, [7] * 4), ({"interval": 0.5}, [0.5] * 4), ({"interval": None}, [2, 3, 4.5, 6.75])],
)
def test_the_interval_between_polls_is_fixed(
    monkeypatch: pytest.MonkeyPatch, arguments: dict[str, Any], pauses: list[float]
) -> None:
    monkeypatch.setattr(polling_module, "DEFAULT_PACE", DEFAULT_PACE)  # what users have, instead of what tests have
    course = answer_in_order(*[as_json({"items": [pending("an-id")]})] * 4)
    stop = RecordedPauses()
    with ScriptedServer(course) as server, client_to(server) as client:
        (task,) = client.iter_wait("an-id", stop=stop, **arguments)
        assert len(server.received) == 5
    assert task.status is TaskStatus.SUCCEEDED
    assert stop.pauses == pytest.approx(pauses)


def test_an_interval_does_not_shorten_what_the_service_wants() -> None:
    course = answer_in_order(as_json({}, 429, **{"Retry-After": "1"}))
    stop = RecordedPauses()
    with ScriptedServer(course) as server, client_to(server) as client:
        list(client.iter_wait("an-id", stop=stop, interval=0.2))
    assert stop.pauses == [1]


def wait_for(client: SeedreamClient, **arguments: Any) -> Task:
    return client.wait("an-id", **arguments)[0]


def generate(client: SeedreamClient, **arguments: Any) -> Task:
    return client.generate("a cat", wait=True, **arguments)


def edit(client: SeedreamClient, **arguments: Any) -> Task:
    return client.edit("https://x.example/cat.jpg", "a hat", wait=True, **arguments)


def generate_all(client: SeedreamClient, **arguments: Any) -> Task:
    return client.generate_all([GenerationRequest("a cat")], **arguments).finish()[0]


CALLS = [wait_for, generate, edit, generate_all]


@pytest.mark.parametrize("call", CALLS)
def test_every_call_that_waits_takes_an_interval(call: Callable[..., Task]) -> None:
    course = answer_in_order(*[as_json({"items": [pending("an-id")]})] * 9)

    def answer(received: Received) -> Answer:
        return course(received) if received.path == "/seedream/tasks" else as_json({"task_id": "an-id"})

    with ScriptedServer(answer) as server, client_to(server) as client:
        # At the default pace, nine pauses would take a minute.
        assert call(client, interval=0.001, timeout=20).status is TaskStatus.SUCCEEDED


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"interval": 1, "pace": Pace()}, "Pass either pace or interval, not both."),
        ({"interval": 0}, "interval must be a positive number of seconds, not 0."),
        ({"interval": -1.5}, "not -1.5"),
        ({"interval": math.inf}, "not inf"),
        ({"interval": math.nan}, "not nan"),
        ({"interval": True}, "not True"),
        ({"interval": "2"}, "not '2'"),
    ],
)
def test_a_wrong_interval_is_rejected_before_anything_is_sent(
    call: Callable[..., Task], arguments: dict[str, Any], words: str
) -> None:
    with ScriptedServer(Answer()) as server, client_to(server) as client:
        with pytest.raises(UsageError) as caught:
            call(client, **arguments)
        assert words in str(caught.value)
        assert server.received == []


# Tasks that are added meanwhile


def finished(ids: Sequence[str]) -> list[Task]:
    return [Task(task_id, TaskStatus.SUCCEEDED) for task_id in ids]


@pytest.mark.parametrize("manner", ["one by one", "tick by tick"])
def test_tasks_may_be_added_after_the_last_one(client: SeedreamClient, sandbox: Sandbox, manner: str) -> None:
    first, second, *others = (sandbox.add_task(prompt) for prompt in ("first", "second", "third", "fourth"))
    third, fourth = client.retrieve_batch(others)
    sandbox.requests.clear()
    waiting = client.iter_wait(first, pace=QUICKLY)
    to_come: Iterator[list[str | Task]] = iter([[second, first], [third], [fourth]])
    told = []
    tasks = iter(waiting) if manner == "one by one" else itertools.chain.from_iterable(waiting.updates())
    for task in tasks:
        told.append(task.prompt)
        waiting.add(next(to_come, []))
    assert told == ["first", "second", "third", "fourth"]
    assert [task.prompt for task in waiting.tasks] == ["first", "second", "first", "third", "fourth"]
    assert queries(sandbox) == [(first,), (second,)]


def test_tasks_may_be_added_to_none() -> None:
    waiting = Waiting([], finished, timeout=0, pace=Pace())
    assert waiting.finish() == []
    waiting.add(["a", Task("b", TaskStatus.FAILED)])
    assert waiting.open_ids == ("a",)
    assert {(task.id, task.status.value) for task in waiting} == {("a", "succeeded"), ("b", "failed")}
    assert waiting.poll_count == 1


def test_what_cannot_be_an_id_adds_nothing() -> None:
    waiting = Waiting(["a"], finished, timeout=0, pace=Pace())
    with pytest.raises(InvalidTaskIdError):
        waiting.add(["b", ""])
    assert waiting.open_ids == ("a",)
    assert [task.id for task in waiting.tasks] == ["a"]


def test_an_abandoned_id_is_queried_again() -> None:
    answers = iter([[Task.not_found("a")]] * (CONFIRMED_AFTER + 1) + [finished("a")])
    waiting = Waiting(["a"], lambda _ids: next(answers), timeout=None, pace=Pace(first=0.0, longest=0.0))
    told = []
    for task in waiting:
        told.append(task.status.value)
        waiting.add("a")
    assert told == ["not found", "succeeded"]


def test_the_time_counts_anew_when_tasks_are_added() -> None:
    def query(*, adding: bool) -> None:
        waiting = Waiting(["a"], lambda ids: finished(ids) if len(ids) > 1 else [], timeout=0.2, pace=Pace(first=3600))
        updates = waiting.updates()
        assert next(updates) == []
        threading.Event().wait(0.25)  # lets the time run out
        if adding:
            waiting.add("b")
        assert len(next(updates)) == 2

    with pytest.raises(WaitTimeoutError):
        query(adding=False)
    query(adding=True)


# Pace


@given(st.floats(0.01, 5), st.floats(0.01, 60), st.floats(1, 4), st.integers(1, 50))
def test_pauses_grow_up_to_the_longest(first: float, longest: float, factor: float, count: int) -> None:
    pace = Pace(first, longest, factor)
    pauses = [first]
    for _ in range(count):
        pauses.append(pace.after(pauses[-1]))
    assert all(before <= after for before, after in itertools.pairwise(pauses))
    assert max(pauses) <= max(first, longest)


def test_it_begins_with_2_s_and_slows_down_to_10_s() -> None:
    assert Pace() == DEFAULT_PACE
    pauses = [DEFAULT_PACE.first]
    for _ in range(6):
        pauses.append(DEFAULT_PACE.after(pauses[-1]))
    assert pauses == [2.0, 3.0, 4.5, 6.75, 10.0, 10.0, 10.0]


class Impatient(threading.Event):
    """Notes the pauses instead of keeping them."""

    def __init__(self) -> None:
        super().__init__()
        self.pauses: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.pauses.append(timeout or 0.0)
        return False


def test_each_finished_task_makes_it_quick_again() -> None:
    course = iter([[], [], [], ["a"], [], [], ["b"]])

    def retrieve(ids: Sequence[str]) -> list[Task]:
        done = next(course)
        return [Task(i, TaskStatus.SUCCEEDED if i in done else TaskStatus.RUNNING) for i in ids]

    clock = Impatient()
    Waiting(["a", "b"], retrieve, timeout=None, pace=Pace(), stop=clock).finish()
    assert clock.pauses == [2.0, 3.0, 4.5, 2.0, 3.0, 4.5]


def test_each_added_task_makes_it_quick_again() -> None:
    course = iter([[], [], [], [], ["a", "b"]])

    def retrieve(ids: Sequence[str]) -> list[Task]:
        done = next(course)
        return [Task(i, TaskStatus.SUCCEEDED if i in done else TaskStatus.RUNNING) for i in ids]

    clock = Impatient()
    waiting = Waiting(["a"], retrieve, timeout=None, pace=Pace(), stop=clock)
    for number, _news in enumerate(waiting.updates()):
        if number == 2:
            waiting.add("b")
    assert clock.pauses == [2.0, 3.0, 2.0, 3.0]


def test_other_threads_see_each_answer_whole() -> None:
    """They look in the middle of it."""
    seen = []

    class Watched(list[Task]):
        def __iter__(self) -> Iterator[Task]:
            for task in super().__iter__():
                seen.append(([task.status.value for task in waiting.tasks], waiting.open_ids))
                yield task

    waiting = Waiting(["a", "b"], lambda ids: Watched(finished(ids)), timeout=None, pace=Pace())
    waiting.finish()
    assert seen == [(["not found"] * 2, ("a", "b"))] * 2
    assert ([task.status.value for task in waiting.tasks], waiting.open_ids) == (["succeeded"] * 2, ())


# Failures


@pytest.mark.parametrize("kind", ["drop", "cut", "server_error", "html", "rate_limit", "truncate", "empty"])
def test_a_failed_poll_is_ignored(client: SeedreamClient, sandbox: Sandbox, kind: str) -> None:
    ids = [sandbox.add_task(str(number)) for number in range(3)]
    sandbox.faults.add(kind, on="tasks", times=2)  # type: ignore[arg-type]
    assert [task.prompt for task in client.wait(ids, pace=QUICKLY)] == ["0", "1", "2"]
    assert [request.fault for request in sandbox.requests.of_kind("tasks")] == [kind, kind, ""]


def test_a_poll_is_not_retried_as_the_next_one_comes_anyway() -> None:
    with ScriptedServer(answer_in_order(as_json({}, 500))) as server:
        client = SeedreamClient(TOKEN, server.url)  # with pauses of seconds between tries
        waiting = client.iter_wait(["a"], pace=QUICKLY)
        updates = waiting.updates()
        assert next(updates) == []
        assert isinstance(waiting.failure, ServerError)
        assert len(server.received) == 1
        assert [task.id for task in next(updates)] == ["a"]
        assert waiting.failure is None


def test_one_bad_chunk_holds_up_no_other(client: SeedreamClient, sandbox: Sandbox) -> None:
    ids = [sandbox.add_task() for _ in range(2 * CHUNK_SIZE)]
    sandbox.faults.add("server_error", on="tasks", times=1, match=ids[0])
    updates = client.iter_wait(ids, pace=QUICKLY).updates()
    assert {task.id for task in next(updates)} == set(ids[CHUNK_SIZE:])
    assert {task.id for task in next(updates)} == set(ids[:CHUNK_SIZE])


def test_the_requested_pause_is_kept() -> None:
    running = as_json({"items": [pending("a")]})
    with ScriptedServer([as_json({}, 429, **{"Retry-After": "3600"}), running]) as server:
        with pytest.raises(WaitTimeoutError):
            client_to(server).wait(["a"], timeout=0.3, pace=QUICKLY)
        # The second query is the one at the very end; a busy machine may have no time left for it.
        assert len(server.received) <= 2


@pytest.mark.parametrize(
    ("answer", "kind", "asked"),
    [
        (as_json({"error": {"code": "invalid_token"}}, 401), InvalidTokenError, 1),
        (as_json({"error": {"code": "used_up"}}, 403), BalanceUsedUpError, 1),
        (Answer(b"<html></html>"), UnreadableAnswerError, CONFIRMED_AFTER),
    ],
)
def test_a_fatal_error_of_a_poll_is_raised(answer: Answer, kind: type[SeedreamError], asked: int) -> None:
    with ScriptedServer([as_json({"items": [pending("a")]}), answer]) as server:
        with pytest.raises(kind) as caught:
            client_to(server).wait(["a", "b"], pace=QUICKLY)
        assert len(server.received) == 1 + asked
    assert [task.status for task in caught.value.partial] == [TaskStatus.RUNNING, TaskStatus.NOT_FOUND]
    assert caught.value.failed_ids == ("a", "b")


# Time limits


def test_a_timeout_carries_what_is_known_and_waiting_resumes(client: SeedreamClient, sandbox: Sandbox) -> None:
    done, open_id = sandbox.add_task("done"), sandbox.add_task("open", ready_in=None)
    waiting = client.iter_wait([open_id, done, open_id], timeout=0.05, pace=QUICKLY)
    with pytest.raises(WaitTimeoutError, match=r"Timed out after 0\.05 s with 1 of 2 tasks unfinished\.") as caught:
        waiting.finish()
    error = caught.value
    assert error.failed_ids == (open_id,)
    assert [task.status.value for task in error.partial] == ["pending", "succeeded", "pending"]
    sandbox.add_task("open", task_id=open_id)
    assert [task.id for task in waiting] == [open_id]
    assert [task.prompt for task in client.wait(error.failed_ids)] == ["open"]


@pytest.mark.parametrize("timeout", [0, -1])
def test_without_any_time_there_is_one_poll(client: SeedreamClient, sandbox: Sandbox, timeout: float) -> None:
    with pytest.raises(WaitTimeoutError):
        client.wait([sandbox.add_task(ready_in=None)], timeout=timeout)
    assert client.wait([sandbox.add_task()], timeout=timeout)[0].status is TaskStatus.SUCCEEDED
    assert len(queries(sandbox)) == 2


def test_a_timeout_says_why_nothing_came(client: SeedreamClient, sandbox: Sandbox) -> None:
    sandbox.faults.add("server_error", on="tasks")
    with pytest.raises(WaitTimeoutError, match=r"with 1 task unfinished\. The last poll failed: The service"):
        client.wait([sandbox.add_task()], timeout=0.05, pace=QUICKLY)


def test_no_time_limit(client: SeedreamClient, sandbox: Sandbox) -> None:
    assert client.wait([sandbox.add_task(ready_in=0.05)], timeout=None, pace=QUICKLY)[0].status.is_final


def test_a_pause_ends_with_the_time(client: SeedreamClient, sandbox: Sandbox) -> None:
    with pytest.raises(WaitTimeoutError):
        client.wait([sandbox.add_task(ready_in=None)], timeout=0.05, pace=Pace(first=3600, longest=3600))
    assert len(queries(sandbox)) <= 2


# Interrupts


def press_control_c() -> None:
    time.sleep(0.02)  # by now it waits in a system call: a signal just before one is seen after it
    interrupt_main_thread()


@pytest.mark.skipif(sys.platform == "win32", reason="there, a signal waits for the answer")
@pytest.mark.parametrize("manner", ["hang", "whole"])
def test_an_interrupt_carries_all_that_is_known(manner: str) -> None:
    """While an answer is waited for, and in the pause after it."""

    def answer(received: Received) -> Answer:
        ids = received.json["ids"]
        if len(ids) == 3:
            return as_json({"items": [{**RECORD, "id": "b"}, pending("a")]})
        press_control_c()
        return Answer(manner="hang") if manner == "hang" else as_json({"items": [pending("a")]})

    with ScriptedServer(answer) as server, pytest.raises(KeyboardInterrupt) as caught:
        client_to(server).wait(["a", "b", "c"], pace=Pace(first=0.02, longest=3600, factor=1e6))
    interrupt = caught.value
    assert isinstance(interrupt, InterruptedWait)
    assert interrupt.open_ids == ("a", "c")
    assert [task.status.value for task in interrupt.tasks] == ["running", "succeeded", "not found"]
    assert str(interrupt).startswith("Interrupted with 2 of 3 tasks unfinished. Unfinished tasks continue")
    assert any("open_ids" in line for line in interrupt._render_traceback_())
    assert vars(pickle.loads(pickle.dumps(interrupt))) == vars(interrupt)  # noqa: S301  our own bytes


@pytest.mark.parametrize("number", [*range(3, 60), *range(60, 280, 10)])
def test_an_interrupt_at_any_moment_loses_no_id(number: int) -> None:
    course = iter([["b"], [], ["a"], [], ["c"]])

    def retrieve(ids: Sequence[str]) -> list[Task]:
        done = next(course)
        return [Task(i, TaskStatus.SUCCEEDED if i in done else TaskStatus.PENDING) for i in ids]

    waiting = Waiting(["a", "b", "c"], retrieve, timeout=10, pace=Pace(first=0.0))
    caught = interrupt_at(number, [polling_module], waiting.finish)
    assert isinstance(caught, InterruptedWait)
    assert [task.id for task in caught.tasks] == ["a", "b", "c"]
    unfinished = {task.id for task in caught.tasks if not task.status.is_final}
    assert unfinished <= set(caught.open_ids)


def test_an_interrupt_between_two_tasks_leaves_the_wait_as_it_is() -> None:
    first = as_json({"items": [{**RECORD, "id": "done"}, pending("open")]})
    with ScriptedServer(answer_in_order(first)) as server:
        waiting = client_to(server).iter_wait(["done", "open"], pace=QUICKLY)
        assert next(iter(waiting)).id == "done"
        interrupt = waiting.interrupted()
        assert interrupt.open_ids == ("open",)
        assert [task.id for task in waiting] == ["open"]


def test_a_loop_that_ends_early_leaves_the_rest_to_the_next(client: SeedreamClient, sandbox: Sandbox) -> None:
    ids = [sandbox.add_task(str(number)) for number in range(3)]
    waiting = client.iter_wait(ids, pace=QUICKLY)
    first = next(iter(waiting))
    assert [first, *waiting] == waiting.tasks
    assert list(waiting) == []
    assert len(queries(sandbox)) == 1


STOPPED = """
import sys
from seedream_nb import SeedreamClient
SeedreamClient('a-token', sys.argv[1]).wait(['first', 'second'])
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there, Ctrl-C is no signal to one process")
@pytest.mark.parametrize("answer", [Answer(manner="hang"), as_json({"items": [pending("first")]})])
@pytest.mark.heavy
def test_a_script_that_is_stopped_ends_at_once(answer: Answer) -> None:
    errors = stop_script(STOPPED, answer)
    assert "InterruptedWait: Interrupted with 2 of 2 tasks unfinished." in errors
    assert errors.count("Traceback") == 1


# Any course at all


@given(st.lists(st.lists(st.sampled_from("abcde")), max_size=6), st.lists(st.sampled_from("abcdeABC"), max_size=8))
def test_whatever_finishes_when_each_is_reported_once(course: list[list[str]], asked: list[str]) -> None:
    updates = iter(course)
    done: set[str] = set()
    calls: list[tuple[str, ...]] = []

    def retrieve(ids: Sequence[str]) -> list[Task]:
        calls.append(tuple(ids))
        done.update(next(updates, "abcde"))
        if len(calls) == 2:
            error = RateLimitedError("slowly")
            error.partial = [Task(i, TaskStatus.SUCCEEDED) for i in ids if i.lower() in done][:1]
            raise error
        return [Task(i.lower(), TaskStatus.SUCCEEDED if i.lower() in done else TaskStatus.RUNNING) for i in ids]

    waiting = Waiting(asked, retrieve, timeout=60, pace=Pace(first=0.0, longest=0.0))
    told = [task.id.lower() for task in waiting]
    assert sorted(told) == sorted({task_id.lower() for task_id in asked})
    assert [task.id.lower() for task in waiting.tasks] == [task_id.lower() for task_id in asked]
    assert all(len(later) <= len(earlier) for earlier, later in itertools.pairwise(calls))
    assert waiting.poll_count == len(calls) <= len(course) + 2
