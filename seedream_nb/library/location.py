"""Why: where the library lies, and how large it may become, is decided once: an argument beats the environment."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from seedream_nb.core.errors import SettingsError, UsageError
from seedream_nb.core.sizes import parse_size

if TYPE_CHECKING:
    from collections.abc import Mapping

LIBRARY_NAME = "SEEDREAM_LIBRARY"
BUDGET_NAME = "SEEDREAM_LIBRARY_BUDGET"
BUDGET = 5_000_000_000  # bytes
OFF = "off"


def resolve_location(
    location: str | os.PathLike[str] | None = None, *, environ: Mapping[str, str] | None = None
) -> Path | None:
    """Finds the folder of the library.

    Args:
        location: A folder, or `off`; None or empty to look further.
        environ: The environment to look in for `SEEDREAM_LIBRARY`; the process's own by default.

    Returns:
        The folder, which need not exist; None where the library is turned off.

    Raises:
        SettingsError: It cannot be a folder's name.

    Example:
        >>> resolve_location("off") is None
        True
    """
    environ = os.environ if environ is None else environ
    text = os.fspath(location) if location is not None else ""
    text = text.strip() or environ.get(LIBRARY_NAME, "").strip()
    if not text:
        # Imported here: with a location of one's own it is not needed.
        from platformdirs import user_data_path  # noqa: PLC0415  see above

        return Path(user_data_path("seedream_nb", appauthor=False)) / "library"
    if text.lower() == OFF:
        return None
    try:
        os.fsencode(text)
        if "\0" in text:
            raise ValueError("no name holds a zero byte")  # noqa: TRY301  told as the system's own refusals are
        return Path(text).expanduser().absolute()
    except (RuntimeError, ValueError, OSError) as problem:
        raise SettingsError(
            f"The library's folder {text!r} cannot be used: {problem}.",
            hint=f"Set {LIBRARY_NAME} to a folder, or to off.",
        ) from None


def resolve_budget(budget: int | None = None, *, environ: Mapping[str, str] | None = None) -> int:
    """Finds the most bytes that originals may take.

    Args:
        budget: Bytes; None to look further.
        environ: The environment to look in for `SEEDREAM_LIBRARY_BUDGET`, such as `20 GB`; the process's own by
            default.

    Returns:
        Bytes; 5 GB where nothing else is said.

    Raises:
        SettingsError: It is no size.

    Example:
        >>> resolve_budget(environ={"SEEDREAM_LIBRARY_BUDGET": "20 GB"})
        20000000000
    """
    if budget is not None:
        return budget
    text = (os.environ if environ is None else environ).get(BUDGET_NAME, "").strip()
    try:
        return parse_size(text) if text else BUDGET
    except UsageError as error:
        raise SettingsError(f"{BUDGET_NAME}: {error.message}", hint=error.hint) from None
