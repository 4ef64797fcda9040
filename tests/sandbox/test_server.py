"""The server: starting, stopping, where it listens, what it logs, and the command."""

import concurrent.futures
import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator

import pytest
import requests

from seedream_nb.sandbox import Sandbox, SandboxError

from .conftest import Api

CAT = "84d1544a-9043-4dde-a98b-e889dacd75f6"


def sandbox_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("seedream-sandbox")]


def is_open(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def test_stopping_frees_the_port_and_ends_all_threads() -> None:
    sandbox = Sandbox()
    assert not sandbox.running
    sandbox.start()
    port = int(sandbox.url.rpartition(":")[2])
    requests.post(f"{sandbox.url}/seedream/tasks", json={"id": CAT}, timeout=10)
    assert sandbox.running
    assert sandbox_threads()

    sandbox.stop()

    assert not sandbox.running
    assert sandbox_threads() == []
    assert not is_open(port)


def test_stopping_does_not_wait_for_slow_responses() -> None:
    with Sandbox(latency=60) as sandbox, concurrent.futures.ThreadPoolExecutor() as pool:
        waiting = [
            pool.submit(requests.post, f"{sandbox.url}/seedream/tasks", json={"id": CAT}, timeout=30) for _ in range(4)
        ]
        waiting.append(pool.submit(requests.get, f"{sandbox.url}/images/x.jpg", timeout=30))
        deadline = time.monotonic() + 10
        while sandbox.open_requests < len(waiting):
            assert time.monotonic() < deadline
        started = time.monotonic()
        sandbox.stop()
        assert time.monotonic() - started < 5
        for answer in waiting:
            with pytest.raises(requests.exceptions.ConnectionError):
                answer.result()
    assert sandbox_threads() == []


def test_starting_and_stopping_twice_does_nothing() -> None:
    sandbox = Sandbox()
    sandbox.stop()
    with sandbox:
        url = sandbox.url
        assert sandbox.start() is sandbox
        assert sandbox.url == url
        sandbox.stop()
        sandbox.stop()


def test_a_stopped_sandbox_starts_again_with_its_address_and_tasks() -> None:
    sandbox = Sandbox()
    with sandbox:
        first = sandbox.url
        task_id = sandbox.add_task("kept")
    with sandbox:
        answer = requests.post(
            f"{first}/seedream/tasks",
            json={"id": task_id},
            headers={"authorization": f"Bearer {sandbox.token}"},
            timeout=10,
        )
    assert answer.json()["request"]["prompt"] == "kept"


def test_sandboxes_are_independent() -> None:
    with Sandbox() as one, Sandbox(token="other-token") as other, requests.Session() as session:
        task_id = one.add_task("mine")
        assert one.url != other.url
        assert Api(other, session).tasks(id=task_id) == {}
        assert Api(one, session).tasks(id=task_id)["id"] == task_id


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.com", "127.0.0.1.example.com"])  # noqa: S104 - rejected
def test_it_listens_only_on_loopback_addresses(host: str) -> None:
    with pytest.raises(SandboxError, match="allow_remote=True"):
        Sandbox(host=host)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.0.0.2", "::1"])
def test_it_listens_on_any_loopback_address(host: str) -> None:
    if host == "::1" and not socket.has_dualstack_ipv6():
        pytest.skip("this machine has no IPv6")
    with Sandbox(host=host) as sandbox, requests.Session() as session:
        record = Api(sandbox, session).tasks(id=CAT)
    assert record["response"]["data"][0]["image_url"].startswith(sandbox.url + "/images/")


def test_it_listens_elsewhere_when_allowed() -> None:
    with Sandbox(host="0.0.0.0", allow_remote=True) as sandbox, requests.Session() as session:  # noqa: S104 - on purpose
        assert Api(sandbox, session).tasks(id=CAT)["id"] == CAT


def test_image_links_can_have_another_base_url() -> None:
    with Sandbox(public_url="https://hub.example/proxy/8000/") as sandbox, requests.Session() as session:
        record = Api(sandbox, session).tasks(id=CAT)
    (item,) = record["response"]["data"]
    assert item["image_url"] == "https://hub.example/proxy/8000/images/6e5f9085-cc4a-4801-b77b-31550129ff19.jpg"


def test_a_port_in_use_is_reported(sandbox: Sandbox) -> None:
    port = int(sandbox.url.rpartition(":")[2])

    with pytest.raises(SandboxError, match=f"cannot listen on 127.0.0.1:{port}"):
        Sandbox(port=port).start()


@pytest.mark.slow
def test_sixteen_concurrent_clients_with_keep_alive(api: Api) -> None:
    ids = [api.sandbox.add_task(f"kite {number}", size="120x120") for number in range(40)]
    records = api.tasks(action="retrieve_batch", ids=ids)["items"]
    urls = [record["response"]["data"][0]["image_url"] for record in records]
    with requests.Session() as session:
        session.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=16))

        def fetch(url: str) -> requests.Response:
            return session.get(url, timeout=20)

        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            answers = list(pool.map(fetch, urls))

    assert [answer.status_code for answer in answers] == [200] * 40
    assert all(int(answer.headers["Content-Length"]) == len(answer.content) for answer in answers)
    assert len({answer.content for answer in answers}) == 40
    assert all(answer.headers.get("Connection", "keep-alive").lower() == "keep-alive" for answer in answers)


def test_a_slow_image_does_not_block_others(api: Api) -> None:
    api.sandbox.faults.add("latency", on="downloads", seconds=30, match="slow")
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        slow = pool.submit(requests.get, f"{api.sandbox.url}/images/slow.jpg", timeout=60)
        quick = api.get(f"{api.sandbox.url}/images/quick.jpg")
        assert quick.elapsed.total_seconds() < 10
        assert not slow.done()
        api.sandbox.stop()


def test_a_thousand_tasks_cost_nothing_until_fetched(sandbox: Sandbox) -> None:
    started = time.thread_time()
    for number in range(1000):
        sandbox.add_task(f"kite {number}", images=4)
    assert time.thread_time() - started < 2


def test_the_log_lists_the_received_requests(sandbox: Sandbox, api: Api) -> None:
    item = api.tasks(id=CAT)["response"]["data"][0]
    api.tasks(action="retrieve_batch", ids=["a", "b"])
    api.images(model="short")
    api.get(item["image_url"])
    api.get(item["image_url"], headers={"Authorization": "Bearer leaked"})
    api.get(f"{sandbox.url}/nowhere")

    assert [
        (request.kind, request.method, request.action, request.ids, request.status, request.has_authorization)
        for request in sandbox.requests
    ] == [
        ("tasks", "POST", "retrieve", (CAT,), 200, True),
        ("tasks", "POST", "retrieve_batch", ("a", "b"), 200, True),
        ("images", "POST", "", (), 400, True),
        ("downloads", "GET", "", (), 200, False),
        ("downloads", "GET", "", (), 200, True),
        ("other", "GET", "", (), 404, False),
    ]
    assert sandbox.requests[0].path == "/seedream/tasks"
    assert abs(sandbox.requests[0].received_at - time.time()) < 60
    assert sandbox.token not in repr(list(sandbox.requests))
    assert "leaked" not in repr(list(sandbox.requests))
    assert len(sandbox.requests.of_kind("downloads")) == 2
    sandbox.requests.clear()
    assert len(sandbox.requests) == 0


def test_head_returns_the_size_without_the_image(api: Api) -> None:
    url = api.tasks(id=api.sandbox.add_task(size="100x100"))["response"]["data"][0]["image_url"]

    answer = api.session.head(url, timeout=10)

    assert answer.content == b""
    assert int(answer.headers["Content-Length"]) == len(api.get(url).content)


def test_an_unknown_image_is_not_found(api: Api) -> None:
    assert api.get(f"{api.sandbox.url}/images/none.jpg").status_code == 404
    assert api.get(f"{api.sandbox.url}/images/..%2f..%2fetc%2fpasswd").status_code == 404


@pytest.mark.heavy
def test_a_sandbox_left_running_does_not_keep_the_process_alive() -> None:
    code = """
        import requests
        from seedream_nb.sandbox import Sandbox
        sandbox = Sandbox().start()
        sandbox.add_task(task_id="t", size="64x64")
        headers = {"authorization": f"Bearer {sandbox.token}"}
        record = requests.post(f"{sandbox.url}/seedream/tasks", json={"id": "t"}, headers=headers).json()
        requests.get(record["response"]["data"][0]["image_url"]).raise_for_status()
    """
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(code)], capture_output=True, timeout=30, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


@pytest.mark.heavy
def test_it_works_when_the_main_thread_has_a_running_loop() -> None:
    code = """
        import asyncio, requests
        from seedream_nb.sandbox import Sandbox
        async def cell():
            with Sandbox() as sandbox:
                headers = {"authorization": f"Bearer {sandbox.token}"}
                answer = requests.post(f"{sandbox.url}/seedream/tasks", json={}, headers=headers)
                print(answer.status_code)
        asyncio.run(cell())
    """
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(code)], capture_output=True, timeout=30, check=False
    )
    assert (done.stdout.split(), done.stderr) == ([b"400"], b"")


@pytest.mark.heavy
def test_importing_it_loads_neither_pillow_nor_numpy() -> None:
    code = "import sys, seedream_nb.sandbox; print([m for m in ('PIL', 'numpy') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=30, check=True)
    assert done.stdout.strip() == b"[]"


@pytest.fixture
def alone() -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-u", "-m", "seedream_nb.sandbox", "--token", "my-token", "--generation-time", "0.01"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.heavy
def test_the_command_prints_its_url_and_ends_cleanly(alone: "subprocess.Popen[str]", number: signal.Signals) -> None:
    assert alone.stdout is not None
    text = ""
    while "Ctrl-C" not in text:
        line = alone.stdout.readline()
        assert line, "the command ended before it was ready"
        text += line
    settings = dict(line.split()[1].split("=", 1) for line in text.splitlines() if "export" in line)
    answer = requests.post(
        f"{settings['ACEDATACLOUD_API_BASE_URL']}/seedream/tasks",
        json={"id": CAT},
        headers={"authorization": f"Bearer {settings['ACEDATACLOUD_API_TOKEN']}"},
        timeout=10,
    )
    assert answer.json()["id"] == CAT

    alone.send_signal(number)
    _, errors = alone.communicate(timeout=20)

    assert (alone.returncode, errors) == (0, "")


@pytest.mark.heavy
def test_the_command_prints_the_url_that_clients_use() -> None:
    command = [sys.executable, "-u", "-m", "seedream_nb.sandbox", "--public-url", "http://classroom:8765"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "SeeDream sandbox at http://classroom:8765\n"
        process.kill()


@pytest.mark.heavy
def test_the_command_rejects_other_addresses_too() -> None:
    command = [sys.executable, "-m", "seedream_nb.sandbox", "--host", "0.0.0.0"]  # noqa: S104 - rejected
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)

    assert done.returncode == 2
    assert "--allow-remote" in done.stderr
    assert "Traceback" not in done.stderr
