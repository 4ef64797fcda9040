"""Bytes from foreign hosts: what is fetched, what is refused, and what is never sent."""

import copy
import os
import pickle
import socket
import threading
import time
from pathlib import Path

import pytest

from seedream_nb import Sandbox, SeedreamClient
from seedream_nb.core.errors import ImageError
from seedream_nb.core.models import ErrorDetail, TaskImage
from seedream_nb.images.fetch import MEBIBYTE, FetchLimits, ImageFetcher
from tests.scripted_server import Answer, Received, ScriptedServer

BYTES = b"\xff\xd8\xff as bytes of an image"
IMAGE = Answer(BYTES, headers={"Content-Type": "image/jpeg"})


def image_at(url: str) -> TaskImage:
    return TaskImage("an-id", url=url)


def fetch(url: str, limits: FetchLimits | None = None) -> bytes:
    return ImageFetcher(limits).fetch(image_at(url))


def redirect(location: str, status: int = 302) -> Answer:
    return Answer(status=status, headers={"Location": location})


def test_bytes_are_fetched_as_they_are() -> None:
    content = os.urandom(3 * MEBIBYTE)
    with ScriptedServer(Answer(content)) as server:
        assert fetch(f"{server.url}/a.jpg?x=1") == content
        (received,) = server.received
    assert (received.method, received.path) == ("GET", "/a.jpg?x=1")


def test_nothing_is_told_about_the_user(sandbox: Sandbox, client: SeedreamClient) -> None:
    (Path.home() / ".netrc").write_text("default login someone password hunter2\n")
    task_id = sandbox.add_task(size="960x960")
    (image,) = client.retrieve(task_id).images
    assert ImageFetcher().fetch(image).startswith(b"\xff\xd8")
    (request,) = sandbox.requests.of_kind("downloads")
    assert not request.has_authorization


def test_no_credentials_cookies_or_referrers_go_along(monkeypatch: pytest.MonkeyPatch) -> None:
    (Path.home() / ".netrc").write_text("default login someone password hunter2\n")

    def answer(received: Received) -> Answer:
        if received.path.endswith("/first.jpg"):
            moved = redirect("http://other.example/second.jpg")
            return Answer(status=302, headers={**moved.headers, "Set-Cookie": "who=me; Path=/"})
        return IMAGE

    # Hosts that are not this machine's, reached through a proxy, as only there requests reads the password file.
    with ScriptedServer(answer) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        fetcher = ImageFetcher()
        for _ in range(2):
            assert fetcher.fetch(image_at("http://images.example/first.jpg")) == BYTES
        assert fetcher.fetch(image_at("http://me:hunter2@images.example/third.jpg")) == BYTES
        names = {name for received in proxy.received for name in received.headers}
        assert [received.path for received in proxy.received[:2]] == [
            "http://images.example/first.jpg",
            "http://other.example/second.jpg",
        ]
    assert names <= {"host", "accept", "accept-encoding", "user-agent", "connection", "proxy-connection"}


def test_what_was_sent_inline_is_not_fetched() -> None:
    with ScriptedServer(IMAGE) as server:
        assert ImageFetcher().fetch(TaskImage("an-id", url=server.url, data=b"inline")) == b"inline"
        assert server.received == []


def test_an_image_without_link_and_bytes_says_why() -> None:
    with pytest.raises(ImageError, match="There is no image") as caught:
        ImageFetcher().fetch(TaskImage("an-id", error=ErrorDetail("a_code", "why")))
    assert caught.value.hint == "a_code: why"


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://127.0.0.1/a.jpg",
        "data:image/png;base64,AAAA",
        "javascript:alert(1)",
        "a.jpg",
        "",
        "http://",
        "https:///a.jpg",
        "http://[::1",
        "//host/a.jpg",
        "HTTPS:a.jpg",
    ],
)
def test_only_web_links_are_followed(url: str) -> None:
    with pytest.raises(ImageError, match=r"The link is not an http\(s\) address"):
        fetch(url)


@pytest.mark.parametrize(
    "url", ["http://a..b/x.jpg", "http://127.0.0.1:1:2/", f"http://{'a' * 70}.example/", "http://\x00/"]
)
def test_a_link_that_cannot_be_reached_is_no_crash(url: str) -> None:
    with pytest.raises(ImageError):
        fetch(url, FetchLimits(tries=1))


# Redirects


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_followed(status: int) -> None:
    with ScriptedServer(IMAGE) as other, ScriptedServer(redirect(f"{other.url}/b.jpg", status)) as server:
        assert fetch(f"{server.url}/a.jpg") == BYTES
        assert (len(server.received), len(other.received)) == (1, 1)


def test_redirects_in_circles_end() -> None:
    with ScriptedServer(redirect("/again")) as server:
        with pytest.raises(ImageError, match="too many redirects"):
            fetch(server.url, FetchLimits(redirects=3))
        assert len(server.received) == 4


@pytest.mark.parametrize(
    "location", ["file:///etc/passwd", "ftp://127.0.0.1/a.jpg", "data:image/png;base64,AAAA", "javascript:1"]
)
def test_a_redirect_to_anything_but_the_web_is_not_followed(location: str) -> None:
    with ScriptedServer(redirect(location)) as server, pytest.raises(ImageError, match=r"not http\(s\)"):
        fetch(server.url)


# Links that do not work


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_a_dead_link_is_called_one(status: int) -> None:
    with ScriptedServer(Answer(b"<html>gone</html>", status)) as server:
        with pytest.raises(ImageError, match=rf"The link no longer works \(HTTP {status}\)") as caught:
            fetch(server.url)
        assert len(server.received) == 1
    assert caught.value.status_code == status


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_host_in_trouble_is_asked_again(status: int) -> None:
    trouble = Answer(b"", status, headers={"Retry-After": "3600"})
    with ScriptedServer([trouble, trouble, IMAGE]) as server:
        assert fetch(server.url) == BYTES
    with ScriptedServer(trouble) as server:
        with pytest.raises(ImageError, match=f"The image host answered HTTP {status}") as caught:
            fetch(server.url, FetchLimits(tries=2))
        assert len(server.received) == 2
    assert caught.value.status_code == status


def test_a_broken_connection_is_tried_again() -> None:
    with ScriptedServer([Answer(manner="drop"), IMAGE]) as server:
        assert fetch(server.url) == BYTES
    with ScriptedServer(Answer(manner="drop")) as server:
        with pytest.raises(ImageError, match=r"The connection to 127\.0\.0\.1 failed") as caught:
            fetch(server.url, FetchLimits(tries=2))
        assert len(server.received) == 2
    assert caught.value.hint


def test_a_body_that_breaks_off_is_no_image() -> None:
    with ScriptedServer(Answer(BYTES * 1000, manner="cut")) as server, pytest.raises(ImageError, match="failed"):
        fetch(server.url)


def test_a_password_in_a_link_is_not_shown() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(ImageError) as caught:
        fetch(f"http://me:hunter2@127.0.0.1:{port}/a.jpg", FetchLimits(tries=1))
    assert "hunter2" not in str(caught.value)


# Limits


def test_the_limits_are_those_promised() -> None:
    assert (FetchLimits().image_bytes, FetchLimits().connections) == (50 * 1024 * 1024, 16)


def test_a_image_may_be_as_large_as_the_limit_and_no_larger() -> None:
    limits = FetchLimits(image_bytes=MEBIBYTE)
    with ScriptedServer(Answer(bytes(MEBIBYTE))) as server:
        assert len(fetch(server.url, limits)) == MEBIBYTE
    with ScriptedServer(Answer(bytes(MEBIBYTE + 1))) as server, pytest.raises(ImageError, match="larger than 1 MB"):
        fetch(server.url, limits)


@pytest.mark.parametrize("manner", ["drip", "stall", "hang"])
def test_a_slow_host_is_given_up(manner: str) -> None:
    slow = {"drip": Answer(bytes(100_000), manner="drip"), "stall": Answer(BYTES, manner="stall")}
    with ScriptedServer(slow.get(manner, Answer(manner="hang"))) as server:
        before = time.monotonic()
        with pytest.raises(ImageError, match=r"in time|within 0\.3 s"):
            fetch(server.url, FetchLimits(seconds=0.3, tries=1))
        assert time.monotonic() - before < 10  # the whole drip would take half an hour


def test_a_caller_that_gives_up_ends_the_download() -> None:
    stop = threading.Event()
    with ScriptedServer(Answer(bytes(100_000), manner="drip")) as server:

        def give_up() -> None:
            server.arrived.wait(20)
            stop.set()

        threading.Thread(target=give_up).start()
        with pytest.raises(ImageError):
            ImageFetcher().fetch(image_at(server.url), stop=stop)
    with ScriptedServer(IMAGE) as server:
        with pytest.raises(ImageError):
            ImageFetcher().fetch(image_at(server.url), stop=stop)
        assert server.received == []


# The environment, processes


@pytest.mark.heavy
def test_a_proxy_is_not_used_for_loopback_and_the_environment_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    with ScriptedServer(IMAGE) as proxy, ScriptedServer(IMAGE) as server:
        monkeypatch.setenv("http_proxy", proxy.url)
        environment = dict(os.environ)
        fetcher = ImageFetcher()
        errors: list[BaseException] = []

        def fetch_many() -> None:
            try:
                for _ in range(40):
                    fetcher.fetch(image_at(server.url))
            except BaseException as error:  # noqa: BLE001  shown by the assertion below
                errors.append(error)

        threads = [threading.Thread(target=fetch_many) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert errors == []
        assert dict(os.environ) == environment
        assert (len(server.received), len(proxy.received)) == (320, 0)


def test_connections_are_used_again() -> None:
    with ScriptedServer(IMAGE) as server:
        fetcher = ImageFetcher()
        for _ in range(5):
            fetcher.fetch(image_at(server.url))
        assert len({received.connection for received in server.received}) == 1


def test_a_copy_makes_its_own_connections() -> None:
    with ScriptedServer(IMAGE) as server:
        fetcher = ImageFetcher(FetchLimits(tries=1))
        fetcher.fetch(image_at(server.url))
        for twin in (pickle.loads(pickle.dumps(fetcher)), copy.deepcopy(fetcher)):  # noqa: S301  our own bytes
            assert twin.limits == fetcher.limits
            assert twin.fetch(image_at(server.url)) == BYTES
        assert len({received.connection for received in server.received}) == 3
