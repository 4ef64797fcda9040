"""The commands that choose and describe the service that `%seedream` talks to: `sandbox`, `login` and `config`."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING, Literal

from seedream_nb.core.errors import GETTING_STARTED_HINT, MissingTokenError, UsageError
from seedream_nb.library.budgets import BUDGET_NAME, PRICES_NAME
from seedream_nb.library.location import LIBRARY_NAME, OFF, resolve_location, skips_service
from seedream_nb.notebook.front_end import Notice
from seedream_nb.notebook.session import REUSE_NAME
from seedream_nb.protocol.prices import format_dollars

if TYPE_CHECKING:
    import argparse

    from seedream_nb.notebook.arguments import Parser
    from seedream_nb.notebook.front_end import FrontEnd
    from seedream_nb.notebook.session import Session
    from seedream_nb.sandbox import Sandbox

LONGEST_PROMPT = 72  # characters of a prompt in a list
LONGEST_GENERATION = 3600.0  # seconds that the sandbox may take for an image


@dataclass(frozen=True)
class SandboxArguments:
    """`%seedream sandbox`.

    Attributes:
        action: What to do with it.
        seconds: How long a generation takes; None leaves that unchanged.
        balance: How many images it generates until the balance is used up; None leaves that unchanged.
    """

    action: Literal["start", "stop", "status"] = "start"
    seconds: float | None = None
    balance: int | None = None

    def run(self, session: Session, front_end: FrontEnd) -> object:
        """Starts, stops or describes the sandbox."""
        del front_end
        if self.action == "stop":
            if not session.stop_sandbox():
                return Notice("The sandbox is not running.")
            return Notice(f"The sandbox is stopped. %seedream now uses {session.settings.base_url}.")
        if self.action == "status" and session.sandbox is None:
            return Notice("The sandbox is not running. Start it with %seedream sandbox.")
        running = session.start_sandbox()
        if self.seconds is not None:
            running.settings.generation_seconds = self.seconds
        if self.balance is not None:
            running.settings.balance = self.balance
        if self.action == "status":
            return Notice(_describe_sandbox(running))
        return Notice(
            "The sandbox is running: no token, no internet, no cost. %seedream now uses it.\n"
            f"%seedream sandbox status   list its {len(running.examples)} example tasks\n"
            "%seedream login            switch to the live service"
        )


def _describe_sandbox(sandbox: Sandbox) -> str:
    width = max(len(example.state) for example in sandbox.examples)
    tasks = [f"  {example.id}  {example.state:<{width}}  {_clip(example.prompt)}" for example in sandbox.examples]
    return "\n".join([f"The sandbox is running at {sandbox.url} (token {sandbox.token}).", "", *tasks])


def _clip(prompt: str) -> str:
    return prompt if len(prompt) <= LONGEST_PROMPT else f"{prompt[: LONGEST_PROMPT - 1].rstrip()}…"


def add_sandbox(parser: Parser) -> None:
    """Adds the options of `%seedream sandbox`."""
    parser.add_argument(
        "action", nargs="?", choices=("start", "stop", "status"), default="start", help="what to do (default: start)"
    )
    parser.add_argument("--seconds", type=float, metavar="S", help="seconds that a generation takes (default: 0.3)")
    parser.add_argument("--balance", type=int, metavar="N", help="let the balance run out after N images")


def read_sandbox(parsed: argparse.Namespace) -> SandboxArguments:
    """Reads the arguments of `%seedream sandbox`."""
    if parsed.seconds is not None and not 0 <= parsed.seconds <= LONGEST_GENERATION:
        raise UsageError(
            f"--seconds must be between 0 and {LONGEST_GENERATION:g}, not {parsed.seconds:g}.",
            hint="Use a number in this range.",
        )
    if parsed.balance is not None and parsed.balance < 0:
        raise UsageError(f"--balance must be at least 0, not {parsed.balance}.", hint="Use a whole number.")
    return SandboxArguments(parsed.action, parsed.seconds, parsed.balance)


@dataclass(frozen=True)
class LoginArguments:
    """`%seedream login`."""

    def run(self, session: Session, front_end: FrontEnd) -> object:
        """Prompts for a token and leaves the sandbox.

        Raises:
            MissingTokenError: The user entered none.
        """
        token = front_end.ask_secret("Ace Data Cloud token: ")
        if not token.strip():
            raise MissingTokenError("No token was entered; nothing changed.", hint=GETTING_STARTED_HINT)
        session.log_in(token)
        session.stop_sandbox()
        return Notice(f"The token is stored for this kernel only. %seedream now uses {session.settings.base_url}.")


def add_login(parser: Parser) -> None:
    """Adds no option: a token on the line would be saved with the notebook."""
    parser.only_prompt = (
        "Run it alone, and type the token at the prompt. If this cell holds a token, delete the cell: a notebook is "
        "saved with its code."
    )


@dataclass(frozen=True)
class ConfigArguments:
    """`%seedream config`.

    Attributes:
        reuse: Whether this kernel uses what was paid for before; None leaves it as it is.
    """

    reuse: bool | None = None

    def run(self, session: Session, front_end: FrontEnd) -> object:
        """Describes the service in use."""
        del front_end
        if self.reuse is not None:
            session.reuses = self.reuse
        settings = session.settings
        versions = [f"{name} {metadata.version(name)}" for name in ("seedream_nb", "ipython", "requests", "pillow")]
        rows = {
            "service": f"{settings.base_url} (from {settings.base_url_source})",
            "token": f"set (from {settings.token_source})" if settings.token else "not set",
            "sandbox": "running" if session.sandbox else "not running",
            "library": _describe_library(session),
            "purchases": _describe_purchases(session),
            "prices": _describe_prices(session),
            "budget": _describe_budget(session),
            "versions": f"{', '.join(versions)}, Python {platform.python_version()}",
        }
        return Notice("\n".join(f"{name:<9} {value}" for name, value in rows.items()))


def add_config(parser: Parser) -> None:
    """Adds the options of `%seedream config`."""
    parser.add_argument(
        "--reuse",
        choices=("on", "off"),
        help=f"whether a cell that runs again shows what was paid for, or pays again (default: {REUSE_NAME}, or on)",
    )


def read_config(parsed: argparse.Namespace) -> ConfigArguments:
    """Reads the arguments of `%seedream config`."""
    return ConfigArguments(None if parsed.reuse is None else parsed.reuse == "on")


def _describe_purchases(session: Session) -> str:
    if session.client.cache.location == OFF:
        return "not recorded without a library: running a cell again pays again"
    unfinished = len(session.client.unfinished())
    if unfinished:
        return f"{unfinished} unfinished: %seedream resume"
    reuse = "not paid again" if session.reuses else "paid again; --reuse on turns that off"
    return f"none unfinished; a repeated request is {reuse}"


def _describe_prices(session: Session) -> str:
    if session.settings.is_sandbox:
        return "none: the sandbox costs nothing"
    source = os.environ.get(PRICES_NAME, "").strip()
    return f"estimates, {session.client.prices.name}{f' (from {PRICES_NAME})' if source else ''}"


def _describe_budget(session: Session) -> str:
    budget = session.client.budget
    if budget is None:
        return "none" if session.settings.is_sandbox else f"none; set {BUDGET_NAME}=20/day to limit what is spent"
    if session.client.cache.location == OFF:
        return f"{budget} (from {BUDGET_NAME}): without a library, nothing can be paid for"
    left = session.client.budget_left() or 0.0
    return (
        f"about {format_dollars(left)} left of {format_dollars(budget.dollars)} a {budget.period} (from {BUDGET_NAME})"
    )


def _describe_library(session: Session) -> str:
    if session.sandbox is not None:
        return "temporary, deleted with the sandbox"
    if skips_service(session.settings.base_url):
        return f"off for a service at a loopback address; set {LIBRARY_NAME} to a directory to turn it on"
    location = resolve_location()
    return f"off (from {LIBRARY_NAME})" if location is None else str(location)
