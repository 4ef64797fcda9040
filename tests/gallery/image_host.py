"""A host of images on the internet, as far as the gallery can tell."""

import dataclasses
from urllib.parse import urlsplit

from tests.scripted_server import Answer, Received


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
