"""Fixtures of the gallery tests."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from tests.gallery.image_host import ImageHost
from tests.scripted_server import Answer, ScriptedServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from distributed import Client

    from tests.gallery.chromium import Chromium

GONE = Answer(b"<html>404 Not Found</html>", 404, {"Content-Type": "text/html"})


@pytest.fixture
def image_host(monkeypatch: pytest.MonkeyPatch) -> Iterator[ImageHost]:
    answers: dict[str, Answer] = {}
    with ScriptedServer(lambda received: answers.get(urlsplit(received.path).path, GONE)) as server:
        monkeypatch.setenv("http_proxy", server.url)
        yield ImageHost("http://images.example", answers, server.received)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Chromium]:
    from tests.gallery.chromium import start_chromium  # noqa: PLC0415  the fast tests do not need Playwright

    with start_chromium() as started:
        yield started


@pytest.fixture(scope="package")
def dask_client() -> Iterator[Client]:
    """A client of a Dask cluster of two processes, which many tests share because starting it takes longest."""
    from tests.gallery.clusters import open_cluster  # noqa: PLC0415  the fast tests do not need Dask

    with open_cluster() as opened:
        yield opened
