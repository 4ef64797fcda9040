"""An S3 server on this machine, with keys that nobody else has, and a way to it that can break."""

from __future__ import annotations

import contextlib
import dataclasses
import select
import socket
import threading
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
from moto.server import ThreadedMotoServer

if TYPE_CHECKING:
    from collections.abc import Iterator

BUCKET = "photos"
REGION = "us-east-1"


@dataclass(frozen=True)
class Keys:
    key: str
    secret: str


@dataclass(frozen=True)
class S3:
    """A server with one bucket, and one user who may do everything there.

    Attributes:
        endpoint: The address of the server.
        keys: The user's.
    """

    endpoint: str
    keys: Keys

    @property
    def options(self) -> dict[str, Any]:
        """What a user of fsspec passes as `storage_options`."""
        return {
            "key": self.keys.key,
            "secret": self.keys.secret,
            "client_kwargs": {"endpoint_url": self.endpoint, "region_name": REGION},
            # A test does not wait for what is broken on purpose.
            "config_kwargs": {"retries": {"max_attempts": 1}, "connect_timeout": 2, "read_timeout": 10},
        }

    def with_keys(self, key: str, secret: str) -> S3:
        return dataclasses.replace(self, keys=Keys(key, secret))

    def at(self, endpoint: str) -> S3:
        return dataclasses.replace(self, endpoint=endpoint)

    def create_bucket(self, name: str) -> None:
        _client("s3", self.endpoint, self.keys).create_bucket(Bucket=name)


@contextlib.contextmanager
def open_s3() -> Iterator[S3]:
    """Runs the server. It rejects everybody whose key, signature, or permission is wrong, as the real one does."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        endpoint = f"http://{host}:{port}"
        _post(f"{endpoint}/moto-api/reset-auth", b"inf")
        admin = Keys("AKIAADMINISTRATOR000", "the administrator's secret")
        _client("s3", endpoint, admin).create_bucket(Bucket=BUCKET)
        iam = _client("iam", endpoint, admin)
        iam.create_user(UserName="writer")
        created = iam.create_access_key(UserName="writer")["AccessKey"]
        policy = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}'
        iam.put_user_policy(UserName="writer", PolicyName="all", PolicyDocument=policy)
        _post(f"{endpoint}/moto-api/reset-auth", b"0")
        yield S3(endpoint, Keys(created["AccessKeyId"], created["SecretAccessKey"]))
    finally:
        _post(f"{endpoint}/moto-api/reset-auth", b"inf")
        _post(f"{endpoint}/moto-api/reset", b"")
        server.stop()


def _client(service: str, endpoint: str, keys: Keys) -> Any:
    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id=keys.key,
        aws_secret_access_key=keys.secret,
    )


def _post(url: str, body: bytes) -> None:
    request = urllib.request.Request(url, data=body, headers={"Content-Type": "text/plain"})  # noqa: S310  http
    with urllib.request.urlopen(request) as answer:  # noqa: S310  as above
        answer.read()


class BreakableWay:
    """Passes connections on to a server, until it breaks: then it cuts all of them, and every new one.

    Args:
        endpoint: The server.
        breaks_after: How many bytes a client can send before it breaks; None for any number.
    """

    def __init__(self, endpoint: str, *, breaks_after: int | None = None) -> None:
        host, _, port = endpoint.rpartition("/")[2].partition(":")
        self.passed = 0
        self._server = (host, int(port))
        self._left = breaks_after
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._accept, name="breakable way", daemon=True)

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def repair(self) -> None:
        with self._lock:
            self._left = None

    def __enter__(self) -> BreakableWay:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:  # closed
                return
            threading.Thread(target=self._pass_on, args=(connection,), name="breakable way", daemon=True).start()

    def _pass_on(self, near: socket.socket) -> None:
        with near, contextlib.suppress(OSError), socket.create_connection(self._server) as far:
            while True:
                for one in select.select([near, far], [], [])[0]:
                    content = one.recv(65536)
                    if not content or (one is near and not self._may_pass(len(content))):
                        return
                    (far if one is near else near).sendall(content)

    def _may_pass(self, count: int) -> bool:
        with self._lock:
            self.passed += count
            if self._left is not None:
                self._left -= count
            return self._left is None or self._left > 0
