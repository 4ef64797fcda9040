"""The client as a user meets it, over real HTTP."""

import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from seedream_nb import Sandbox, SeedreamClient, Task, TaskStatus
from seedream_nb.client.transport import RetryPolicy
from seedream_nb.core.errors import (
    BadRequestError,
    BalanceUsedUpError,
    ConnectionFailedError,
    InvalidTaskIdError,
    InvalidTokenError,
    MissingTokenError,
    RequestTooLargeError,
    SeedreamError,
    ServerError,
    UnreadableAnswerError,
)
from seedream_nb.core.models import ErrorDetail
from tests.interrupts import interrupt_main_thread
from tests.protocol.samples import FAILURE, ID, ITEM, RECORD, RESPONSE, ROWS, STATUS_FORM, UNREADABLE
from tests.scripted_server import Answer, Received, ScriptedServer, as_json
from tests.servers import client_to

UNKNOWN = "00000000-0000-4000-8000-000000000000"


def tasks_of(ids: Sequence[str]) -> dict[str, object]:
    """As the service answers a batch: in an order of its own."""
    return {"items": [{**RECORD, "id": task_id} for task_id in sorted(ids)], "count": len(ids)}


def requested_ids(sandbox: Sandbox) -> list[tuple[str, ...]]:
    return [request.ids for request in sandbox.requests.of_kind("tasks")]


# One task


@pytest.mark.parametrize(
    ("answer", "status", "images"),
    [
        (RECORD, TaskStatus.SUCCEEDED, 1),
        (RESPONSE, TaskStatus.SUCCEEDED, 1),
        (STATUS_FORM, TaskStatus.SUCCEEDED, 1),
        ({**RECORD, "finished_at": None, "response": None}, TaskStatus.RUNNING, 0),
        ({"success": True, "task_id": ID}, TaskStatus.PENDING, 0),
        ({**RECORD, "response": FAILURE}, TaskStatus.FAILED, 0),
        ({**RESPONSE, "data": [ITEM, {"error": {"code": "api_error"}}]}, TaskStatus.PARTIALLY_FAILED, 2),
        ({}, TaskStatus.NOT_FOUND, 0),
        (None, TaskStatus.NOT_FOUND, 0),
    ],
)
def test_every_form_of_a_task(answer: object, status: TaskStatus, images: int) -> None:
    with ScriptedServer(as_json(answer)) as server, client_to(server) as client:
        task = client.retrieve(ID)
        assert server.received[0].json == {"action": "retrieve", "id": ID}
    assert (task.id, task.status, len(task.images)) == (ID, status, images)


@pytest.mark.parametrize("status", [400, 404])
@pytest.mark.parametrize(
    "error", [{"code": "not_found"}, {"code": "bad_request", "message": "task not found"}, "no such task"]
)
def test_an_unknown_id_may_also_be_an_error(status: int, error: object) -> None:
    with ScriptedServer(as_json({"success": False, "error": error}, status)) as server, client_to(server) as client:
        assert client.retrieve(ID) == Task.not_found(ID)


ERRORS = [row for row in ROWS if row[1] != "not_found"]


@pytest.mark.parametrize(("status", "code", "kind", "sentence", "hint"), ERRORS)
def test_every_error_of_the_contract(
    status: int, code: str, kind: type[SeedreamError], sentence: str, hint: str
) -> None:
    answer = as_json({"success": False, "error": {"code": code, "message": "words"}, "trace_id": "a-trace"}, status)
    with ScriptedServer(answer) as server, client_to(server) as client:
        for query in (lambda: client.retrieve(ID), lambda: client.retrieve_batch([ID])):
            with pytest.raises(kind) as caught:
                query()
            assert sentence in caught.value.message
            assert hint in (caught.value.hint or "")
            assert caught.value.reference == f"HTTP {status} · code {code} · trace a-trace"


@pytest.mark.parametrize(("text", "words"), [*UNREADABLE, ("[]", "a JSON list"), ('"text"', "a JSON string")])
def test_every_unreadable_answer(text: str, words: str) -> None:
    with ScriptedServer(Answer(text.encode())) as server, client_to(server) as client:
        for query in (lambda: client.retrieve(ID), lambda: client.retrieve_batch([ID])):
            with pytest.raises(UnreadableAnswerError) as caught:
                query()
            assert words in caught.value.message


def test_an_answer_may_begin_with_a_byte_order_mark() -> None:
    with ScriptedServer(Answer(b"\xef\xbb\xbf{}")) as server, client_to(server) as client:
        assert client.retrieve(ID).status is TaskStatus.NOT_FOUND


@pytest.mark.parametrize("task_id", ["", "  ", None, 7, [7]])
def test_an_invalid_id_is_not_sent(client: SeedreamClient, sandbox: Sandbox, task_id: object) -> None:
    with pytest.raises(InvalidTaskIdError):
        client.retrieve(task_id)  # type: ignore[arg-type]
    with pytest.raises(InvalidTaskIdError):
        client.retrieve_batch([ID, task_id])  # type: ignore[list-item]
    assert len(sandbox.requests) == 0


def test_the_first_call_without_a_token_says_how_to_give_one(sandbox: Sandbox) -> None:
    with (
        SeedreamClient(base_url=sandbox.url) as client,
        pytest.raises(MissingTokenError, match="ACEDATACLOUD_API_TOKEN"),
    ):
        client.retrieve(ID)
    assert len(sandbox.requests) == 0


# Many tasks


def test_tasks_come_in_the_given_order_with_repeats_and_unknown_ones(client: SeedreamClient, sandbox: Sandbox) -> None:
    ids = [sandbox.add_task(f"number {number}") for number in range(5)]
    asked = [ids[3], UNKNOWN, ids[0], ids[3], ids[4], UNKNOWN, ids[0]]
    tasks = client.retrieve_batch(iter(asked))
    assert [task.id for task in tasks] == asked
    assert [task.prompt for task in tasks] == ["number 3", "", "number 0", "number 3", "number 4", "", "number 0"]
    assert tasks[1].status is TaskStatus.NOT_FOUND
    assert requested_ids(sandbox) == [(ids[3], UNKNOWN, ids[0], ids[4])]


def test_a_single_id_and_no_id_at_all(client: SeedreamClient, sandbox: Sandbox) -> None:
    task_id = sandbox.add_task()
    assert [task.id for task in client.retrieve_batch(task_id)] == [task_id]
    sandbox.requests.clear()
    assert client.retrieve_batch([]) == []
    assert len(sandbox.requests) == 0


def test_an_id_is_found_whatever_its_case() -> None:
    with ScriptedServer(as_json({"items": [RECORD]})) as server, client_to(server) as client:
        (task,) = client.retrieve_batch([f" {ID.upper()}\n"])
    assert (task.id, task.status) == (ID, TaskStatus.SUCCEEDED)


def test_a_long_list_goes_in_chunks(client: SeedreamClient, sandbox: Sandbox) -> None:
    ids = [sandbox.add_task() for _ in range(120)]
    steps: list[tuple[int, threading.Thread]] = []
    tasks = client.retrieve_batch(ids, on_progress=lambda count: steps.append((count, threading.current_thread())))
    assert [task.id for task in tasks] == ids
    asked = requested_ids(sandbox)
    assert sorted(map(len, asked)) == [20, 50, 50]
    assert sorted(task_id for chunk in asked for task_id in chunk) == sorted(ids)
    assert sorted(count for count, _ in steps) == [20, 50, 50]
    assert {thread for _, thread in steps} == {threading.main_thread()}


def test_the_size_of_a_chunk_can_be_chosen(client: SeedreamClient, sandbox: Sandbox) -> None:
    client.retrieve_batch([sandbox.add_task() for _ in range(5)], chunk_size=2)
    assert sorted(map(len, requested_ids(sandbox))) == [1, 2, 2]
    with pytest.raises(ValueError, match="chunk_size"):
        client.retrieve_batch([ID], chunk_size=0)


def test_chunks_travel_at_the_same_time() -> None:
    meeting = threading.Barrier(4, timeout=20)

    def wait_for_the_others(received: Received) -> Answer:
        meeting.wait()
        return as_json(tasks_of(received.json["ids"]))

    with ScriptedServer(wait_for_the_others, at_once=True) as server, client_to(server) as client:
        assert len(client.retrieve_batch(["a", "b", "c", "d"], chunk_size=1)) == 4


@pytest.mark.parametrize("chunk_size", [50, 200])
def test_a_chunk_that_is_too_large_is_halved(client: SeedreamClient, sandbox: Sandbox, chunk_size: int) -> None:
    sandbox.settings.max_batch = 7
    ids = [sandbox.add_task() for _ in range(60)]
    assert [task.id for task in client.retrieve_batch(ids, chunk_size=chunk_size)] == ids
    assert {request.status for request in sandbox.requests.of_kind("tasks")} == {200, 413}


@pytest.mark.parametrize("refusal", [{"code": "bad_request", "message": "ids: at most 3 items"}, "too many ids"])
def test_a_400_that_means_too_many_is_halved_too(refusal: object) -> None:
    def answer(received: Received) -> Answer:
        ids = received.json["ids"]
        return as_json(tasks_of(ids)) if len(ids) <= 3 else as_json({"error": refusal}, 400)

    ids = [f"id-{number}" for number in range(20)]
    with ScriptedServer(answer) as server, client_to(server) as client:
        assert [task.id for task in client.retrieve_batch(ids)] == ids


def test_another_400_is_not_halved() -> None:
    with ScriptedServer(as_json({"error": "ids must be strings"}, 400)) as server, client_to(server) as client:
        with pytest.raises(BadRequestError):
            client.retrieve_batch(["a", "b"])
        assert len(server.received) == 1


def test_one_id_that_is_too_large_is_an_error(client: SeedreamClient, sandbox: Sandbox) -> None:
    sandbox.settings.max_batch = 0
    with pytest.raises(RequestTooLargeError):
        client.retrieve_batch([ID])


def test_one_chunk_that_fails_for_good_leaves_the_others(client: SeedreamClient, sandbox: Sandbox) -> None:
    ids = [sandbox.add_task() for _ in range(9)]
    sandbox.faults.add("server_error", on="tasks", match=ids[4])
    asked = [ids[8], *ids, UNKNOWN]
    with pytest.raises(ServerError, match="after 4 attempts") as caught:
        client.retrieve_batch(asked, chunk_size=2)
    failed = {"failed_ids": caught.value.failed_ids, "partial": [task.id for task in caught.value.partial]}
    lost = next(chunk for chunk in requested_ids(sandbox) if ids[4] in chunk)
    assert failed == {
        "failed_ids": tuple(task_id for task_id in ids if task_id in lost),
        "partial": [task_id for task_id in asked if task_id not in lost],
    }
    assert caught.value.partial[-1].status is TaskStatus.NOT_FOUND


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (as_json({"error": {"code": "invalid_token"}}, 401), InvalidTokenError),
        (as_json({"error": {"code": "used_up"}}, 403), BalanceUsedUpError),
        (as_json({"error": {"code": "api_error"}}, 500), ServerError),
        (Answer(manner="drop"), ConnectionFailedError),
    ],
)
def test_fatal_errors_end_a_batch_early(answer: Answer, kind: type[SeedreamError]) -> None:
    ids = [f"id-{number}" for number in range(600)]
    with ScriptedServer(answer) as server, client_to(server, retries=RetryPolicy(tries=1)) as client:
        with pytest.raises(kind) as caught:
            client.retrieve_batch(ids, chunk_size=1)
        assert len(server.received) < 200
    assert caught.value.failed_ids == tuple(ids)
    assert caught.value.partial == []


def test_an_error_under_a_good_status_is_an_error() -> None:
    with (
        ScriptedServer(as_json({"success": False, "error": {"code": "used_up"}})) as server,
        client_to(server) as client,
    ):
        with pytest.raises(BalanceUsedUpError):
            client.retrieve_batch([ID])
        assert client.retrieve(ID).error == ErrorDetail("used_up")


# Threads, processes, pickles


def test_one_client_serves_many_threads(client: SeedreamClient, sandbox: Sandbox) -> None:
    ids = [sandbox.add_task(str(number)) for number in range(10)]
    with ThreadPoolExecutor(10) as pool:
        batches = list(pool.map(lambda _: client.retrieve_batch(ids, chunk_size=3), range(10)))
        tasks = list(pool.map(client.retrieve, ids * 3))
    assert all([task.id for task in batch] == ids for batch in batches)
    assert [task.id for task in tasks] == ids * 3


def test_a_client_is_usable_after_its_with_block(client: SeedreamClient) -> None:
    with client as same:
        assert same is client
        assert client.retrieve(ID).prompt == "a white siamese cat"
    assert client.retrieve(ID).prompt == "a white siamese cat"


def test_a_client_does_not_show_its_token(client: SeedreamClient, sandbox: Sandbox) -> None:
    assert sandbox.token not in repr(client)
    assert sandbox.url in repr(client)


@pytest.mark.heavy
def test_a_client_works_in_another_process(client: SeedreamClient) -> None:
    client.retrieve(ID)
    copy = pickle.loads(pickle.dumps(client))  # noqa: S301  our own bytes
    assert copy.retrieve(ID) == client.retrieve(ID)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(client.retrieve, (ID,)) == client.retrieve(ID)
        with pytest.raises(InvalidTaskIdError):
            pool.apply(client.retrieve, ("",))


def run_script(script: str, *arguments: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-W", "error", "-c", script, *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


FORK = """
import os, sys
from seedream_nb import SeedreamClient
client = SeedreamClient("a-token-of-a-sandbox", sys.argv[1])
def look():
    print(os.getpid(), client.retrieve("84d1544a-9043-4dde-a98b-e889dacd75f6").prompt, flush=True)
look()
client._transport._lock.acquire()  # as another thread of the parent may hold it
child = os.fork()
if child == 0:
    client.close()
    look()
    os._exit(0)
client._transport._lock.release()
assert os.waitpid(child, 0)[1] == 0
look()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.heavy
def test_a_client_works_on_both_sides_of_a_fork() -> None:
    with Sandbox(token="a-token-of-a-sandbox") as sandbox, run_script(FORK, sandbox.url) as process:
        output, errors = process.communicate(timeout=60)
    assert errors == ""
    lines = [line.split(maxsplit=1) for line in output.splitlines()]
    assert [prompt for _, prompt in lines] == ["a white siamese cat"] * 3
    assert len({pid for pid, _ in lines}) == 2


# Interrupts

SINGLE = "client.retrieve('an-id')"
BATCH = "client.retrieve_batch([f'id-{number}' for number in range(500)], chunk_size=1)"
IMAGES = """
from seedream_nb import Gallery, Task, TaskImage, TaskStatus
images = tuple(TaskImage("an-id", url=f"{sys.argv[1]}/{number}.jpg") for number in range(100))
Gallery([Task("an-id", TaskStatus.SUCCEEDED, images)], limit=100).to_html()
"""
INTERRUPTED = "import sys; from seedream_nb import SeedreamClient; client = SeedreamClient('a-token', sys.argv[1])\n"


@pytest.mark.skipif(sys.platform == "win32", reason="there, Ctrl-C is no signal to one process")
@pytest.mark.parametrize("action", [SINGLE, BATCH, IMAGES])
@pytest.mark.heavy
def test_an_interrupt_ends_a_script_at_once_and_cleanly(action: str) -> None:
    with ScriptedServer(Answer(manner="hang")) as server, run_script(INTERRUPTED + action, server.url) as process:
        assert server.arrived.wait(30)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=10)  # the time limit of an answer is 60 s
    assert process.returncode == -signal.SIGINT
    assert errors.startswith("Traceback (most recent call last):")
    assert errors.rstrip().endswith("KeyboardInterrupt")
    assert errors.count("Traceback") == 1


@pytest.mark.skipif(sys.platform == "win32", reason="there, a signal waits for the answer")
def test_after_an_interrupt_no_more_queries_are_sent() -> None:
    asked: list[Received] = []
    interrupted = threading.Event()

    def answer(received: Received) -> Answer:
        asked.append(received)
        if len(asked) == 4:
            interrupt_main_thread()
        if len(asked) >= 4:
            interrupted.wait(20)
        return as_json(tasks_of(received.json["ids"]))

    with ScriptedServer(answer, at_once=True) as server, client_to(server) as client:
        with pytest.raises(KeyboardInterrupt):
            client.retrieve_batch([f"id-{number}" for number in range(500)], chunk_size=1)
        interrupted.set()
        wait_for_threads("seedream-retrieve")
        assert len(asked) <= 8
        assert client.retrieve_batch(["again"])[0].id == "again"


def wait_for_threads(name: str) -> None:
    # Not by joining them: an interrupt may have come while one was being started, and that cannot be joined yet.
    end = time.monotonic() + 20
    while any(thread.name == name for thread in threading.enumerate()):
        assert time.monotonic() < end, "some never end"
        threading.Event().wait(0.01)


def test_no_thread_is_left_behind(client: SeedreamClient, sandbox: Sandbox) -> None:
    ids = [sandbox.add_task() for _ in range(8)]
    client.retrieve_batch(ids, chunk_size=1)
    wait_for_threads("seedream-retrieve")
    assert not [thread for thread in threading.enumerate() if thread.name == "seedream-retrieve"]
