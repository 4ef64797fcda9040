"""Why: handlers of what decides whom `%seedream` talks to: `sandbox`, `login` and `config`."""

from __future__ import annotations

import platform
from importlib import metadata
from typing import TYPE_CHECKING

from seedream_nb.core.errors import GETTING_STARTED_HINT, MissingTokenError
from seedream_nb.library.location import LIBRARY_NAME, resolve_location, skips_service
from seedream_nb.notebook.notice import Notice

if TYPE_CHECKING:
    from seedream_nb.notebook.arguments import SandboxArguments
    from seedream_nb.notebook.front_end import FrontEnd
    from seedream_nb.notebook.session import Session
    from seedream_nb.sandbox import Sandbox

LONGEST_PROMPT = 72  # characters of a prompt in a list


def sandbox(arguments: SandboxArguments, session: Session) -> Notice:
    """Starts, stops or describes the sandbox."""
    if arguments.action == "stop":
        if not session.stop_sandbox():
            return Notice("The sandbox does not run.")
        return Notice(f"The sandbox is stopped. %seedream talks to {session.settings.base_url} again.")
    if arguments.action == "status" and session.sandbox is None:
        return Notice("The sandbox does not run. Start it with %seedream sandbox.")
    running = session.start_sandbox()
    if arguments.seconds is not None:
        running.settings.generation_seconds = arguments.seconds
    if arguments.balance is not None:
        running.settings.balance = arguments.balance
    if arguments.action == "status":
        return Notice(_describe_sandbox(running))
    return Notice(
        "The sandbox runs: no token, no internet, no cost. %seedream talks to it now.\n"
        f"%seedream sandbox status   lists its {len(running.examples)} example tasks\n"
        "%seedream login            leaves it for the live service"
    )


def _describe_sandbox(sandbox: Sandbox) -> str:
    width = max(len(example.state) for example in sandbox.examples)
    tasks = [f"  {example.id}  {example.state:<{width}}  {_clip(example.prompt)}" for example in sandbox.examples]
    return "\n".join([f"The sandbox runs at {sandbox.url} (token {sandbox.token}).", "", *tasks])


def _clip(prompt: str) -> str:
    return prompt if len(prompt) <= LONGEST_PROMPT else f"{prompt[: LONGEST_PROMPT - 1].rstrip()}…"


def login(session: Session, front_end: FrontEnd) -> Notice:
    """Asks for a token and leaves the sandbox.

    Raises:
        MissingTokenError: None was given.
    """
    token = front_end.ask_secret("Ace Data Cloud token: ")
    if not token.strip():
        raise MissingTokenError("No token was given; nothing has changed.", hint=GETTING_STARTED_HINT)
    session.log_in(token)
    session.stop_sandbox()
    return Notice(f"The token is kept for this kernel only. %seedream now talks to {session.settings.base_url}.")


def _describe_library(session: Session) -> str:
    if session.sandbox is not None:
        return "temporary, the sandbox's own"
    if skips_service(session.settings.base_url):
        return f"off, as the service has a loopback address; set {LIBRARY_NAME} to a folder to use a library"
    location = resolve_location()
    return f"off (from {LIBRARY_NAME})" if location is None else str(location)


def config(session: Session) -> Notice:
    """Says which service is asked."""
    settings = session.settings
    versions = [f"{name} {metadata.version(name)}" for name in ("seedream_nb", "ipython", "requests", "pillow")]
    rows = {
        "service": f"{settings.base_url} (from {settings.base_url_source})",
        "token": f"set (from {settings.token_source})" if settings.token else "not set",
        "sandbox": "runs" if session.sandbox else "does not run",
        "library": _describe_library(session),
        "versions": f"{', '.join(versions)}, Python {platform.python_version()}",
    }
    return Notice("\n".join(f"{name:<9} {value}" for name, value in rows.items()))
