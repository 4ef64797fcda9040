import copy
import pickle
from pathlib import Path

import pytest

from seedream_nb.client.settings import DEFAULT_BASE_URL, Secret, Settings, resolve_settings
from seedream_nb.core.errors import MissingTokenError, SettingsError

ARGUMENT = "argument0123456789"
ENVIRONMENT = "environment0123456"
FILE = "file0123456789abcd"


@pytest.mark.parametrize(
    ("token", "base_url", "is_sandbox"),
    [
        ("sandbox-token", "http://127.0.0.1:8000", True),
        ("sandbox-token", "https://api.example", False),
        ("a-real-token", "http://127.0.0.1:8000", False),  # a tunnel to the service
    ],
)
def test_only_a_sandbox_costs_nothing(token: str, base_url: str, *, is_sandbox: bool) -> None:
    assert Settings(Secret(token), base_url, "here", "here").is_sandbox == is_sandbox


def token_of(settings: Settings) -> str:
    return settings.require_token().reveal()


def write_dotenv(text: str, directory: Path | None = None) -> None:
    ((directory or Path.cwd()) / ".env").write_text(text, encoding="utf-8")


def test_an_argument_beats_the_environment_which_beats_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    write_dotenv(f"ACEDATACLOUD_API_TOKEN={FILE}\nACEDATACLOUD_API_BASE_URL=https://file.example\n")
    settings = resolve_settings()
    assert (token_of(settings), settings.base_url) == (FILE, "https://file.example")
    assert settings.token_source == settings.base_url_source == str(Path.cwd() / ".env")

    monkeypatch.setenv("ACEDATACLOUD_API_TOKEN", ENVIRONMENT)
    monkeypatch.setenv("ACEDATACLOUD_API_BASE_URL", "https://environment.example")
    settings = resolve_settings()
    assert (token_of(settings), settings.base_url) == (ENVIRONMENT, "https://environment.example")
    assert settings.token_source == settings.base_url_source == "the environment"

    settings = resolve_settings(ARGUMENT, "https://argument.example")
    assert (token_of(settings), settings.base_url) == (ARGUMENT, "https://argument.example")
    assert settings.token_source == settings.base_url_source == "an argument"


def test_each_setting_is_looked_for_on_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    write_dotenv(f"ACEDATACLOUD_API_TOKEN={FILE}\n")
    monkeypatch.setenv("ACEDATACLOUD_API_BASE_URL", "http://127.0.0.1:8000/")
    settings = resolve_settings()
    assert (token_of(settings), settings.base_url) == (FILE, "http://127.0.0.1:8000")


def test_empty_settings_are_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACEDATACLOUD_API_TOKEN", "  ")
    write_dotenv(f"ACEDATACLOUD_API_TOKEN={FILE}\nACEDATACLOUD_API_BASE_URL=\n")
    settings = resolve_settings("", "")
    assert (token_of(settings), settings.base_url) == (FILE, DEFAULT_BASE_URL)


def test_the_file_is_found_in_a_directory_above(monkeypatch: pytest.MonkeyPatch) -> None:
    write_dotenv(f'export ACEDATACLOUD_API_TOKEN="{FILE}"  # mine\n')
    below = Path.cwd() / "notebooks" / "deep"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    assert token_of(resolve_settings()) == FILE


def test_the_file_may_begin_with_a_byte_order_mark_and_hold_a_dollar_sign() -> None:
    (Path.cwd() / ".env").write_bytes(b"\xef\xbb\xbfACEDATACLOUD_API_TOKEN=abc$HOME0123\r\n")
    assert token_of(resolve_settings()) == "abc$HOME0123"


def test_a_file_that_cannot_be_read_is_named() -> None:
    (Path.cwd() / ".env").write_bytes(b"ACEDATACLOUD_API_TOKEN=\xff\xfe")
    with pytest.raises(SettingsError, match=r"Can't read the file .*\.env: UnicodeDecodeError") as caught:
        resolve_settings()
    assert caught.value.hint


def test_a_working_directory_that_was_removed_holds_no_file() -> None:
    Path.cwd().rmdir()
    assert resolve_settings().token is None


def test_without_any_token_the_ways_to_give_one_are_named() -> None:
    settings = resolve_settings()
    assert (settings.token, settings.token_source, settings.base_url_source) == (None, None, "default")
    with pytest.raises(MissingTokenError) as caught:
        settings.require_token()
    for way in (
        "token=",
        "environment variable ACEDATACLOUD_API_TOKEN",
        ".env",
        "%seedream login",
        "https://platform.acedata.cloud/documents/seedream-tasks",
        "%seedream sandbox",
        "seedream_nb.Sandbox()",
    ):
        assert way in str(caught.value)


@pytest.mark.parametrize("prefix", ["Bearer ", "bearer ", "BEARER \t"])
def test_a_bearer_prefix_is_taken_off(prefix: str) -> None:
    assert token_of(resolve_settings(f"{prefix}{ARGUMENT}\n")) == ARGUMENT


@pytest.mark.parametrize("token", ["two words", "line\nbreak", "naïve", "Bearer", "Bearer  ", "nul\x00", "a\u200bb"])
def test_invalid_tokens_are_rejected_without_showing_them(token: str) -> None:
    with pytest.raises(SettingsError, match="The token from an argument") as caught:
        resolve_settings(token)
    assert token.removeprefix("Bearer").strip() == "" or token not in str(caught.value)


def test_settings_made_by_hand_are_checked_as_well() -> None:
    with pytest.raises(SettingsError, match="The token from a test") as caught:
        Settings(Secret("a\r\nX-Evil: 1"), DEFAULT_BASE_URL, "a test", "a test")
    assert "X-Evil" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "api.acedata.cloud",
        "ftp://api.acedata.cloud",
        "file:///etc/passwd",
        "https://",
        "https:///path",
        "https://user:hunter2@api.acedata.cloud",
        "https://user@api.acedata.cloud",
        "user:hunter2@api.acedata.cloud",
        "https://api.acedata.cloud?token=hunter2",
        "https://api.acedata.cloud/#hunter2",
        "https://api.acedata.cloud:port",
        "https://api.acedata.cloud:0",
        "https://api.acedata.cloud:99999",
        "https://[::1",
        "https://api.ace data.cloud",
        "https://api.ace\ndata.cloud",
        "https://äpi.acedata.cloud",
    ],
)
def test_invalid_base_urls_are_rejected_without_showing_them(url: str) -> None:
    with pytest.raises(SettingsError, match="The base URL from an argument") as caught:
        resolve_settings(base_url=url)
    assert "hunter2" not in str(caught.value)
    assert DEFAULT_BASE_URL in str(caught.value)


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://api.acedata.cloud/", "https://api.acedata.cloud"),
        (" http://localhost:8000/proxy// ", "http://localhost:8000/proxy"),
        ("HTTP://[::1]:9", "HTTP://[::1]:9"),
    ],
)
def test_a_base_url_loses_its_trailing_slash(url: str, kept: str) -> None:
    assert resolve_settings(base_url=url).base_url == kept


def test_the_token_is_never_shown() -> None:
    settings = resolve_settings(ARGUMENT)
    shown = [repr(settings), str(settings), f"{settings.token} {settings.token!r}", repr(vars(settings))]
    copies = [copy.deepcopy(settings), pickle.loads(pickle.dumps(settings))]  # noqa: S301  our own bytes
    shown += [repr(vars(twin)) for twin in copies]
    assert not [text for text in shown if ARGUMENT in text]
    assert copies == [settings, settings]
    assert "an argument" in repr(settings)
    assert "not set" in repr(resolve_settings())


def test_a_secret_is_taken_out_of_text() -> None:
    assert Secret(ARGUMENT).remove_from(f"a {ARGUMENT} b {ARGUMENT}") == "a *** b ***"
    assert Secret("cat").remove_from("a white siamese cat") == "a white siamese cat"


def test_secrets_compare_by_what_they_hold() -> None:
    assert Secret("a") == Secret("a") != Secret("b")
    assert len({Secret("a"), Secret("a")}) == 1
    assert Secret("a") != "a"
