"""Fixtures of the gallery tests."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from tests.gallery.image_host import ImageHost
from tests.scripted_server import Answer, ScriptedServer

GONE = Answer(b"<html>404 Not Found</html>", 404, {"Content-Type": "text/html"})


@pytest.fixture
def image_host(monkeypatch: pytest.MonkeyPatch) -> Iterator[ImageHost]:
    answers: dict[str, Answer] = {}
    with ScriptedServer(lambda received: answers.get(urlsplit(received.path).path, GONE)) as server:
        monkeypatch.setenv("http_proxy", server.url)
        yield ImageHost("http://images.example", answers, server.received)
