"""Runs the sandbox as a standalone server for any client: `python -m seedream_nb.sandbox`."""

import argparse
import contextlib
import queue
import signal
import sys
from collections.abc import Sequence

from seedream_nb.core.redaction import SANDBOX_TOKEN
from seedream_nb.sandbox import Sandbox, SandboxError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until interrupted and return the exit code 0; a sandbox that cannot start exits with 2."""
    parser = argparse.ArgumentParser(
        prog="python -m seedream_nb.sandbox",
        description="Run a local server with the API of the SeeDream service. It needs no account and costs nothing.",
    )
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    add("--port", type=int, default=0, help="port to listen on (default: any free port)")
    add("--token", default=SANDBOX_TOKEN, help="token to accept (default: %(default)s)")
    add(
        "--latency", type=float, default=0.0, metavar="S", help="seconds added to every response (default: %(default)s)"
    )
    seconds = "seconds per image (default: %(default)s)"
    add("--generation-time", dest="generation_seconds", type=float, default=0.3, metavar="S", help=seconds)
    add("--balance", type=int, metavar="N", help="images until the balance is used up (default: unlimited)")
    add("--public-url", metavar="URL", help="base URL of the image links, if clients use another one")
    add("--allow-remote", action="store_true", help="allow an address that other machines can reach")
    parsed = parser.parse_args(arguments)
    try:
        sandbox = Sandbox(**vars(parsed)).start()
    except SandboxError as error:
        parser.exit(2, f"{parser.prog}: error: {error}\n")
    stopped: queue.SimpleQueue[None] = queue.SimpleQueue()  # reentrant, unlike an Event
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.put(None))
    with sandbox, contextlib.suppress(KeyboardInterrupt):
        url = parsed.public_url or sandbox.url
        sys.stdout.write(
            f"SeeDream sandbox at {url}\n\n"
            f"  export ACEDATACLOUD_API_BASE_URL={url}\n"
            f"  export ACEDATACLOUD_API_TOKEN={sandbox.token}\n\n"
            f"{len(sandbox.examples)} example tasks, such as {sandbox.examples[0].id}. Stop with Ctrl-C.\n"
        )
        sys.stdout.flush()
        stopped.get()
    return 0


if __name__ == "__main__":
    sys.exit(main())
