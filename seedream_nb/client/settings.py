"""Resolves the token, the base URL and the price list, and never shows the token.

An argument takes precedence over the environment, and that over a `.env` file in the working directory or above it. The
names are those of the official clients (wire contract, Common).
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from seedream_nb.core.errors import GETTING_STARTED_HINT, MissingTokenError, SettingsError, shorten
from seedream_nb.core.foreign import clean_text, is_loopback
from seedream_nb.core.redaction import SANDBOX_TOKEN
from seedream_nb.library.budgets import PRICES_NAME
from seedream_nb.protocol.prices import EXAMPLE, PriceList, default_prices, read_prices

if TYPE_CHECKING:
    from collections.abc import Mapping

TOKEN_NAME = "ACEDATACLOUD_API_TOKEN"  # noqa: S105  the variable's name, not a token
BASE_URL_NAME = "ACEDATACLOUD_API_BASE_URL"
PER_SECOND_NAME = "SEEDREAM_PER_SECOND"
DEFAULT_BASE_URL = "https://api.acedata.cloud"
MIN_SECRET_LENGTH = 8


class Secret:
    """Text that no repr, traceback or log shows; `reveal()` returns it.

    Example:
        >>> Secret("abc")
        Secret(hidden)
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself, for the one place that sends it."""
        return self._text

    def remove_from(self, text: str) -> str:
        """The given text with every occurrence of the secret replaced by `***`.

        A secret shorter than any real token stays, as replacing it would tear words apart.
        """
        if len(self._text) < MIN_SECRET_LENGTH:
            return text
        if not text.isascii() and self._text in (shown := clean_text(text)):
            text = shown  # an invisible character in the middle would be removed later, and reveal it
        return text.replace(self._text, "***")

    def __repr__(self) -> str:
        return "Secret(hidden)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)


@dataclass(frozen=True)
class Settings:
    """The base URL and the token.

    Attributes:
        token: The hidden token; None if none was found.
        base_url: The base URL of the API, without a trailing slash.
        token_source: Where the token was found; None if none was found.
        base_url_source: Where the base URL was found.

    Raises:
        SettingsError: The token contains characters that no token has.

    Example:
        >>> client.settings.is_sandbox, client.settings.token_source
        (True, 'an argument')
        >>> client.settings.token  # never shown
        Secret(hidden)
    """

    token: Secret | None
    base_url: str
    token_source: str | None
    base_url_source: str

    def __post_init__(self) -> None:
        if self.token is not None and not re.fullmatch(r"[!-~]+", self.token.reveal()):
            raise SettingsError(
                f"The token from {self.token_source} is empty, or contains a space or another invalid character.",
                hint="Copy it again, without anything before or after it.",
            )

    @property
    def is_sandbox(self) -> bool:
        """Whether requests go to a sandbox, where nothing costs money; a tunnel to the service is no sandbox."""
        return is_loopback(self.base_url) and self.token == Secret(SANDBOX_TOKEN)

    def require_token(self) -> Secret:
        """The token.

        Raises:
            MissingTokenError: There is none; the message lists the ways to set one, and the way without.

        Example:
            >>> Settings(None, "https://api.acedata.cloud", None, "the default").require_token()
            Traceback (most recent call last):
            ...
            seedream_nb.core.errors.MissingTokenError: ...
        """
        if self.token is None:
            raise MissingTokenError(
                "No token is set.",
                hint=f"Pass token=…, set the environment variable {TOKEN_NAME}, or add {TOKEN_NAME}=… to a .env file "
                f"(in a notebook, run %seedream login). {GETTING_STARTED_HINT} To work without a token, start the "
                "sandbox: %seedream sandbox, or seedream_nb.Sandbox() in Python.",
            )
        return self.token

    def __repr__(self) -> str:
        token = f"set by {self.token_source}" if self.token else "not set"
        return f"Settings(base_url={self.base_url!r}, token {token})"


def resolve_settings(
    token: str | None = None,
    base_url: str | None = None,
    *,
    environ: Mapping[str, str] | None = None,
) -> Settings:
    """Resolves the token and the base URL.

    Args:
        token: The token; None or empty to look elsewhere.
        base_url: The base URL of the API; None or empty to look elsewhere.
        environ: The environment variables; the process's own by default.

    Returns:
        The settings, without a token if none was found.

    Raises:
        SettingsError: The base URL is not an http(s) address, the token contains invalid characters, or the `.env` file
            cannot be read.
    """
    environ = os.environ if environ is None else environ
    dotenv_path, dotenv = _read_dotenv()
    places = (("the environment", environ), (dotenv_path, dotenv))
    found_token, token_source = _first(token, TOKEN_NAME, places)
    found_url, base_url_source = _first(base_url, BASE_URL_NAME, places)
    return Settings(
        token=Secret(re.sub(r"^bearer(\s+|$)", "", found_token, flags=re.IGNORECASE)) if found_token else None,
        base_url=_check_base_url(found_url, base_url_source) if found_url else DEFAULT_BASE_URL,
        token_source=token_source if found_token else None,
        base_url_source=base_url_source if found_url else "default",
    )


def resolve_per_second(argument: float | None = None) -> float | None:
    """The maximum number of requests a second: the argument, or that of the environment variable; None if not set.

    Raises:
        SettingsError: It is not a positive number.
    """
    given: object = os.environ.get(PER_SECOND_NAME, "").strip() or None if argument is None else argument
    if given is None:
        return None
    try:
        rate = float(given) if isinstance(given, (str, int, float)) and not isinstance(given, bool) else 0.0
    except ValueError:
        rate = 0.0
    if not rate > 0:
        name = "per_second" if argument is not None else PER_SECOND_NAME
        raise SettingsError(
            f"{name} must be a positive number of requests a second, not {shorten(str(given))}.",
            hint="Nothing was sent. To lift the limit, use inf.",
        )
    return rate


def resolve_prices() -> PriceList:
    """The price list: the file that the environment variable `SEEDREAM_PRICES` names, or else this package's.

    Raises:
        SettingsError: The file cannot be read, or is not a price list.
    """
    name = os.environ.get(PRICES_NAME, "").strip()
    if not name:
        return default_prices()
    try:
        path = Path(name).expanduser()
        changed = path.stat()
        return _read_price_file(path, changed.st_mtime_ns, changed.st_size)
    except (OSError, ValueError, RuntimeError) as problem:
        # Decoding errors are ValueErrors, too, but no sentences.
        is_sentence = type(problem) is ValueError
        reason = f"{problem}" if is_sentence else f"{getattr(problem, 'strerror', None) or type(problem).__name__}."
        raise SettingsError(
            f"The price list {shorten(name)} from {PRICES_NAME} can't be used. {reason}",
            hint=f"Nothing was sent. A price list has US dollars for an image: {EXAMPLE}.",
        ) from None


@lru_cache(maxsize=4)
def _read_price_file(path: Path, changed_at: int, size: int) -> PriceList:
    """Reads a file again when it has changed: announcements need it at each keystroke."""
    del changed_at, size
    return read_prices(path.read_text(encoding="utf-8-sig"))


def _read_dotenv() -> tuple[str, dict[str, str]]:
    # Few users have a .env file, and `%load_ext` must stay cheap.
    from dotenv import dotenv_values, find_dotenv  # noqa: PLC0415  see above

    try:
        path = find_dotenv(usecwd=True)
    except FileNotFoundError:  # the working directory was removed
        path = ""
    if not path:
        return "", {}
    try:
        # Windows editors write a byte order mark, which older versions of python-dotenv take for text.
        values = dotenv_values(path, interpolate=False, encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as problem:
        raise SettingsError(
            f"Can't read the file {path}: {type(problem).__name__}.",
            hint="Save it as UTF-8 text, make it readable for you, or remove it.",
        ) from None
    return path, {name: value for name, value in values.items() if value}


def _first(argument: str | None, name: str, places: tuple[tuple[str, Mapping[str, str]], ...]) -> tuple[str, str]:
    if argument and argument.strip():
        return argument.strip(), "an argument"
    for place, values in places:
        value = values.get(name, "").strip()
        if value:
            return value, place
    return "", ""


def _check_base_url(url: str, source: str) -> str:
    # The URL itself is never shown: what was pasted by mistake may be the token.
    hint = f"It looks like {DEFAULT_BASE_URL}, which is the default."
    try:
        parts = urlsplit(url)
        is_usable = parts.port != 0 and re.fullmatch(r"[!-~]+", url) is not None
    except ValueError:
        is_usable = False
    if not is_usable:
        raise SettingsError(f"The base URL from {source} is not a web address.", hint=hint)
    if parts.username is not None or parts.password is not None:
        raise SettingsError(f"The base URL from {source} contains a user name or password.", hint=hint)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise SettingsError(f"The base URL from {source} is not an http(s) address.", hint=hint)
    if parts.query or parts.fragment:
        raise SettingsError(f"The base URL from {source} has a query or fragment after its path.", hint=hint)
    return url.rstrip("/")
