"""Recognizes addresses of this machine."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit


def is_loopback(url: str) -> bool:
    """Whether a URL leads to this machine, so that no other reader and no proxy can reach it.

    Args:
        url: An absolute URL.

    Returns:
        True for `localhost`, 127.0.0.0/8, `[::1]` and unspecified addresses.
    """
    try:
        host = (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:
        return False
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified
