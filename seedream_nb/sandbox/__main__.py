"""Run the sandbox alone, so that any client can talk to it: `python -m seedream_nb.sandbox`."""

import argparse
import contextlib
import signal
import sys
import threading
from collections.abc import Sequence

from seedream_nb.sandbox import Sandbox, SandboxError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until interrupted.

    Args:
        arguments: Of the command line; the process's own when None.

    Returns:
        The exit code: 0 after an interrupt, 2 when the sandbox could not start.
    """
    parser = argparse.ArgumentParser(
        prog="python -m seedream_nb.sandbox",
        description="A local server with the API of the SeeDream service. It needs no account and costs nothing.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=0, help="port to listen on (default: a free one)")
    parser.add_argument("--token", default="sandbox-token", help="the token to accept (default: %(default)s)")
    parser.add_argument(
        "--latency", type=float, default=0.0, metavar="S", help="seconds added to every answer (default: %(default)s)"
    )
    parser.add_argument(
        "--generation-time", type=float, default=0.3, metavar="S", help="seconds for one image (default: %(default)s)"
    )
    parser.add_argument("--balance", type=int, metavar="N", help="images until the balance is used up (default: none)")
    parser.add_argument("--public-url", metavar="URL", help="base address of the image links, when it is another one")
    parser.add_argument("--allow-remote", action="store_true", help="listen on other addresses than this machine's own")
    options = parser.parse_args(arguments)
    try:
        sandbox = Sandbox(
            host=options.host,
            port=options.port,
            token=options.token,
            latency=options.latency,
            generation_seconds=options.generation_time,
            balance=options.balance,
            public_url=options.public_url,
            allow_remote=options.allow_remote,
        ).start()
    except SandboxError as error:
        parser.exit(2, f"{parser.prog}: error: {error}\n")
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    with sandbox, contextlib.suppress(KeyboardInterrupt):
        sys.stdout.write(
            f"SeeDream sandbox at {sandbox.url}\n\n"
            f"  export ACEDATACLOUD_API_BASE_URL={sandbox.url}\n"
            f"  export ACEDATACLOUD_API_TOKEN={sandbox.token}\n\n"
            f"{len(sandbox.examples)} example tasks, such as {sandbox.examples[0].id}. Stop with Ctrl-C.\n"
        )
        sys.stdout.flush()
        stopped.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
