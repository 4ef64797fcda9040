"""Redacts records, which are stored beside their images and shared with them: no token, account id or trace id stays.

The service's records name the account in several ways and carry an id of the call (wire contract, POST
/seedream/tasks), and `callback_url` is the user's own address, often with a secret in it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

# The endings of private keys, in lower case and without punctuation: `trace_id`, `traceId` and `x-trace-id` are one.
_PRIVATE_ENDINGS = (
    *("apiid", "applicationid", "credentialid", "userid", "accountid", "traceid", "callbackurl"),
    *("token", "apikey", "authorization", "credential", "credentials", "secret", "password"),
)
_PUBLIC_IDS = frozenset({"id", "task_id"})
_SHORTEST_PRIVATE_TEXT = 8  # characters; a shorter one occurs in innocent text by chance

REDACTED = "(redacted)"
SANDBOX_TOKEN = "sandbox-token"  # noqa: S105  no secret, as the sandbox guards nothing


def redact(record: Mapping[str, object]) -> dict[str, object]:
    """Makes a record safe to share: without token, account ids, trace ids and `callback_url`, at every depth.

    Args:
        record: A task's unchanged answer (`Task.raw`), or any other decoded JSON object. It is not modified.

    Returns:
        A copy without the private keys. Where one of their values occurs in another text, such as a trace id in an
        error's message, it is replaced by `(redacted)`. Task ids stay.

    Example:
        >>> redact({"id": "an-id", "user_id": "b60a9491", "error": {"message": "No luck, b60a9491."}})
        {'id': 'an-id', 'error': {'message': 'No luck, (redacted).'}}
    """
    private = set(_texts_under(record, _is_private)) - set(_texts_under(record, _PUBLIC_IDS.__contains__))
    private = {text for text in private if len(text) >= _SHORTEST_PRIVATE_TEXT}
    found = sorted(private, key=lambda text: (-len(text), text))
    return {key: _cleaned(value, found) for key, value in record.items() if not _is_private(key)}


def _is_private(key: str) -> bool:
    return key == "_id" or re.sub(r"[\W_]", "", key).lower().endswith(_PRIVATE_ENDINGS)


def _texts_under(value: object, is_wanted: Callable[[str], bool], *, wanted: bool = False) -> Iterator[str]:
    """All texts below a wanted key."""
    if isinstance(value, str) and wanted:
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _texts_under(inner, is_wanted, wanted=wanted or is_wanted(key))
    elif isinstance(value, list):
        for inner in value:
            yield from _texts_under(inner, is_wanted, wanted=wanted)


def _cleaned(value: object, private: Sequence[str]) -> object:
    if isinstance(value, str):
        for text in private:
            value = value.replace(text, REDACTED)
        return value
    if isinstance(value, dict):
        return {key: _cleaned(inner, private) for key, inner in value.items() if not _is_private(key)}
    return [_cleaned(inner, private) for inner in value] if isinstance(value, list) else value
