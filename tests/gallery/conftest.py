import dataclasses
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from tests.scripted_server import Answer, Received, ScriptedServer

GONE = Answer(b"<html>404 Not Found</html>", 404, {"Content-Type": "text/html"})


@dataclasses.dataclass
class ImageHost:
    """A host on the internet, as far as the gallery can tell: it is reached through a proxy on this machine.

    Attributes:
        answers: What is answered, by path; anything else is 404.
        received: The requests.
    """

    url: str
    answers: dict[str, Answer]
    received: list[Received]

    def add(self, path: str, content: bytes, content_type: str = "image/jpeg") -> str:
        self.answers[path] = Answer(content, headers={"Content-Type": content_type})
        return self.url + path

    @property
    def paths(self) -> list[str]:
        return [urlsplit(received.path).path for received in self.received]


@pytest.fixture
def image_host(monkeypatch: pytest.MonkeyPatch) -> Iterator[ImageHost]:
    answers: dict[str, Answer] = {}
    with ScriptedServer(lambda received: answers.get(urlsplit(received.path).path, GONE)) as server:
        monkeypatch.setenv("http_proxy", server.url)
        yield ImageHost("http://images.example", answers, server.received)
