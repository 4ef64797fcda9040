"""A minimal client of a sandbox over real HTTP."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from seedream_nb.sandbox import Sandbox
from tests.conftest import IMAGE_CACHE
from tests.rough_images import paint_exactly, paint_roughly

MODEL = "doubao-seedream-4-0-250828"
SMALLEST = "960x960"


@dataclasses.dataclass
class Api:
    """A client that adds nothing to requests and responses."""

    sandbox: Sandbox
    session: requests.Session
    timeout: float = 20

    def post(self, path: str, body: object = None, **options: Any) -> requests.Response:
        headers = {"authorization": f"Bearer {self.sandbox.token}"}
        options = {"headers": headers, "timeout": self.timeout, "json": body, **options}
        return self.session.post(self.sandbox.url + path, **options)

    def tasks(self, **body: object) -> Any:
        return self.post("/seedream/tasks", body).json()

    def images(self, **body: object) -> requests.Response:
        return self.post("/seedream/images", {"model": MODEL, "prompt": "a red kite", "size": SMALLEST, **body})

    def get(self, url: str, **options: Any) -> requests.Response:
        return self.session.get(url, timeout=self.timeout, **options)


@pytest.fixture(autouse=True)
def _exact_images(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The tests of the painting see what users see."""
    is_exact = request.path.name in {"test_painter.py", "test_images.py"}
    if is_exact:
        monkeypatch.delenv(IMAGE_CACHE)
        paint_exactly()
    yield
    if is_exact:
        paint_roughly()


@pytest.fixture
def api(sandbox: Sandbox) -> Iterator[Api]:
    with requests.Session() as session:
        session.trust_env = False
        yield Api(sandbox, session)
