"""Which addresses are this machine's own."""

import pytest

from seedream_nb.core.foreign import is_loopback


@pytest.mark.parametrize(
    ("url", "own"),
    [
        ("http://127.0.0.1:8000", True),
        ("http://127.8.9.1/", True),
        ("http://localhost", True),
        ("http://LOCALHOST.:1", True),
        ("http://kernel.localhost", True),
        ("http://[::1]:8000", True),
        ("http://0.0.0.0:8000", True),
        ("https://api.acedata.cloud", False),
        ("http://127.0.0.1.example.com", False),
        ("http://localhost.example.com", False),
        ("http://10.0.0.1", False),
        ("http://[::1", False),
        ("", False),
    ],
)
def test_which_addresses_are_this_machines_own(url: str, *, own: bool) -> None:
    assert is_loopback(url) is own
