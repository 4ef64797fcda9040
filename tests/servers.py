"""Shared by tests of the client: clients of a scripted server, addresses without a server, unclear outcomes."""

import socket
import traceback
from typing import Any

from IPython.core.ultratb import VerboseTB

from seedream_nb import RetryPolicy, SeedreamClient, Timeouts
from tests.conftest import QUICK
from tests.scripted_server import ScriptedServer

TOKEN = "0123456789abcdef0123456789abcdef"

# Faults of the sandbox that leave it unclear whether a paid request was executed, with their options.
UNCLEAR: list[tuple[str, dict[str, Any]]] = [
    ("drop", {}),
    ("drop", {"processed": True}),
    ("server_error", {}),
    ("server_error", {"processed": True}),
    ("cut", {}),
    ("truncate", {}),
    ("empty", {"processed": True}),
    ("html", {"processed": True}),
    ("html", {"status": 502}),
    ("html", {"status": 408}),
    ("json", {"body": "null"}),
    ("json", {"body": "[]"}),
    ("json", {"body": "{}"}),
    ("json", {"body": '{"strange": 1}'}),
    ("error", {"code": "api_error", "status": 400}),
]


def client_to(
    server: ScriptedServer, *, retries: RetryPolicy = QUICK, timeouts: Timeouts | None = None
) -> SeedreamClient:
    return SeedreamClient(TOKEN, server.url, retries=retries, timeouts=timeouts)


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def verbose(error: BaseException, test_file: str) -> str:
    """What a traceback with variables shows: IPython's `%xmode Verbose`, and every variable of every frame below."""
    below = error.__traceback__
    while below is not None and below.tb_frame.f_code.co_filename == test_file:  # the test itself holds the token
        below = below.tb_next
    frames = [frame for frame, _line in traceback.walk_tb(below)]
    variables = [f"{name} = {value!r}" for frame in frames for name, value in frame.f_locals.items()]
    return "\n".join([VerboseTB().text(type(error), error, below), *variables])
