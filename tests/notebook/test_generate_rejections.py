"""Requests that are invalid or unconfirmed cost nothing: the server receives no request."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from seedream_nb.core.errors import SeedreamError, UsageError
from tests.notebook.running import run

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from seedream_nb import Sandbox


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("generate cat --size 1K", "SeeDream 5.0 Lite accepts 2K, 3K or 4K, not 1K."),
        ("generate cat --model 4.5 --format png", "SeeDream 4.5 has a fixed output format"),
        ("generate cat --model pro --max-images 3", "SeeDream 5.0 Pro generates one image at a time"),
        ("generate cat --model pro --stream", "SeeDream 5.0 Pro can't stream"),
        ("generate cat --max-images 16", "max_images must be from 1 to 15, not 16."),
        ("generate cat --size 100x100", "accepts at least 3,686,400 pixels, not 100x100"),
        ("generate cat --callback-url ftp://example.org", "callback_url must be an http(s) address"),
        ("generate cat --out 2nd", "'2nd' is not a valid variable name"),
    ],
)
def test_options_that_a_model_does_not_accept(
    shell: InteractiveShell, service: Sandbox, line: str, message: str
) -> None:
    with pytest.raises(UsageError) as caught:
        run(shell, f"%seedream {line}")
    assert message in caught.value.message
    assert len(service.requests) == 0


def test_the_hint_names_the_option_of_the_magic(shell: InteractiveShell, service: Sandbox) -> None:
    with pytest.raises(UsageError, match="--no-check"):
        run(shell, "%seedream generate cat --size 1K")
    assert len(service.requests) == 0
    with pytest.raises(SeedreamError, match="The service says"):
        run(shell, "%seedream generate cat --size 1K --no-check")
    assert len(service.requests) == 1


@pytest.mark.parametrize("options", ["--size 2K 4K 3K --model 4.5", "--size 4K --model 4.0 4.5 pro"])
def test_one_invalid_combination_stops_all(shell: InteractiveShell, service: Sandbox, options: str) -> None:
    with pytest.raises(UsageError, match=r"Request 3 of 3 \(cat\): "):
        run(shell, f"%seedream generate cat {options}")
    assert len(service.requests) == 0


@pytest.mark.parametrize("options", ["--takes 9", '"a dog" "a fox" --size 2K 3K 4K'])
def test_more_than_eight_requests_need_confirmation(shell: InteractiveShell, service: Sandbox, options: str) -> None:
    with pytest.raises(UsageError) as caught:
        run(shell, f'%seedream generate "a cat" {options}')
    assert "This would send 9 requests (" in caught.value.message
    assert "--yes" in (caught.value.hint or "")
    assert len(service.requests) == 0


def test_requests_to_a_live_service_are_called_paid(
    shell: InteractiveShell, paid_service: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACEDATACLOUD_API_TOKEN", paid_service.token)
    monkeypatch.setenv("ACEDATACLOUD_API_BASE_URL", paid_service.url)
    with pytest.raises(UsageError, match=r"This would send 12 paid requests \(12 takes\), up to 36 images"):
        run(shell, "%seedream generate cat --takes 12 --max-images 3")
    assert len(paid_service.requests) == 0


def test_without_a_token_nothing_is_shown_or_assigned(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SeedreamError, match="%seedream sandbox"):
        run(shell, "%seedream generate cat --out made")
    assert "not sent" not in capsys.readouterr().out
