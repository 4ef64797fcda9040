"""Why: where the library lies is decided once: an argument beats the environment, which beats the usual place."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from seedream_nb.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping

LIBRARY_NAME = "SEEDREAM_LIBRARY"
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
