"""Where the library is, how large it may become, and which services it stores: an argument beats the environment."""

from __future__ import annotations

import os
from pathlib import Path

from seedream_nb.core.errors import SettingsError, UsageError
from seedream_nb.core.foreign import is_loopback
from seedream_nb.core.text import parse_size

LIBRARY_NAME = "SEEDREAM_LIBRARY"
BUDGET_NAME = "SEEDREAM_LIBRARY_BUDGET"
BUDGET = 5_000_000_000  # bytes
OFF = "off"
TURN_ON_HINT = f"Set {LIBRARY_NAME} to a folder to use a library."


def resolve_location(location: str | os.PathLike[str] | None = None) -> Path | None:
    """The folder of the library, which need not exist; None if the library is turned off.

    A location is a folder or `off`; None or empty means that of the environment, or else the default.
    """
    text = os.fspath(location) if location is not None else ""
    text = text.strip() or _named_by_environment()
    if not text:
        # Imported here: an explicit location does not need it.
        from platformdirs import user_data_path  # noqa: PLC0415  see above

        return Path(user_data_path("seedream_nb", appauthor=False)) / "library"
    if text.lower() == OFF:
        return None
    try:
        os.fsencode(text)
        if "\0" in text:
            raise ValueError("no name contains a null byte")  # noqa: TRY301  reported like the system's own errors
        return Path(text).expanduser().absolute()
    except (RuntimeError, ValueError, OSError) as problem:
        raise SettingsError(
            f"The library's folder {text!r} cannot be used: {problem}.",
            hint=f"Set {LIBRARY_NAME} to a folder, or to off.",
        ) from None


def skips_service(base_url: str) -> bool:
    """Whether nothing of a service is stored, because it has a loopback address and no library was chosen.

    A server at a loopback address is usually a sandbox or a test, whose links lead to other images tomorrow. With
    `SEEDREAM_LIBRARY`, tasks of a tunnel or a local gateway are stored like any others.
    """
    return is_loopback(base_url) and not _named_by_environment()


def resolve_budget(budget: int | None = None) -> int:
    """The maximum bytes of all originals; None means that of the environment, such as `20 GB`, or else 5 GB."""
    if budget is not None:
        return budget
    text = os.environ.get(BUDGET_NAME, "").strip()
    try:
        return parse_size(text) if text else BUDGET
    except UsageError as error:
        raise SettingsError(f"{BUDGET_NAME}: {error.message}", hint=error.hint) from None


def _named_by_environment() -> str:
    return os.environ.get(LIBRARY_NAME, "").strip()
