"""The official clients against the sandbox: the Python SDK in this process, the CLI as a command."""

import base64
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from acedatacloud import AceDataCloud  # type: ignore[import-untyped]  # it comes without types
from acedatacloud._runtime.errors import (  # type: ignore[import-untyped]  # as above
    AuthenticationError,
    InsufficientBalanceError,
    ValidationError,
)

from seedream_nb.sandbox import Sandbox

CAT = "84d1544a-9043-4dde-a98b-e889dacd75f6"
MODEL = "doubao-seedream-4-0-250828"
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


@pytest.fixture
def sdk(sandbox: Sandbox) -> Iterator[AceDataCloud]:
    with AceDataCloud(sandbox.token, base_url=sandbox.url, max_retries=0) as client:
        yield client


class Cli:
    """The command `seedream`, configured by environment alone, in an empty directory."""

    def __init__(self, sandbox: Sandbox, directory: Path) -> None:
        self._sandbox = sandbox
        self._directory = directory

    def run(self, *arguments: str, token: str | None = None) -> "subprocess.CompletedProcess[str]":
        environment = {
            **os.environ,
            "ACEDATACLOUD_API_BASE_URL": self._sandbox.url,
            "ACEDATACLOUD_API_TOKEN": self._sandbox.token if token is None else token,
            "COLUMNS": "10000",
            "NO_COLOR": "1",
        }
        return subprocess.run(
            [sys.executable, "-m", "seedream_cli", *arguments],
            cwd=self._directory,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def json(self, *arguments: str) -> list[Any]:
        """Return the JSON documents that a command prints with `--json`."""
        done = self.run(*arguments, "--json")
        assert (done.returncode, done.stderr) == (0, "")
        decoder = json.JSONDecoder(strict=False)  # the CLI breaks long lines inside strings
        text, documents = done.stdout.strip(), []
        while text:
            document, end = decoder.raw_decode(text)
            documents.append(document)
            text = text[end:].strip()
        return documents


@pytest.fixture
def cli(sandbox: Sandbox, tmp_path: Path) -> Cli:
    return Cli(sandbox, tmp_path)


def test_sdk_generates_and_waits(sdk: AceDataCloud, sandbox: Sandbox) -> None:
    handle = sdk.seedream.generate(model=MODEL, prompt="a red kite", size="1K")
    assert not handle.done

    state = handle.wait(poll_interval=0.05, max_wait=20)

    assert state["response"]["data"][0]["size"] == "1024x1024"
    assert handle.urls() == [state["response"]["data"][0]["image_url"]]
    assert handle.urls()[0].startswith(f"{sandbox.url}/images/")


def test_sdk_generates_at_once(sdk: AceDataCloud) -> None:
    handle = sdk.seedream.generate(model=MODEL, prompt="a red kite", size="1K", async_=False)

    assert handle.done
    assert len(handle.urls()) == 1


def test_sdk_edits(sdk: AceDataCloud) -> None:
    handle = sdk.seedream.generate(
        model=MODEL, prompt="make it blue", image=f"data:image/png;base64,{PIXEL}", async_=False
    )

    assert len(handle.urls()) == 1


def test_sdk_generates_a_set(sdk: AceDataCloud) -> None:
    handle = sdk.seedream.generate(
        model=MODEL,
        prompt="kites",
        sequential_image_generation="auto",
        sequential_image_generation_options={"max_images": 3},
        wait=True,
        poll_interval=0.05,
    )

    assert len(handle.urls()) == 3


def test_sdk_reads_tasks(sdk: AceDataCloud) -> None:
    assert sdk.tasks.get(CAT, service="seedream")["id"] == CAT
    assert sdk.tasks.wait(CAT, service="seedream", poll_interval=0.05)["response"]["success"] is True


def test_sdk_waits_for_a_task_that_fails(sdk: AceDataCloud) -> None:
    handle = sdk.seedream.generate(model=MODEL, prompt="something forbidden")

    state = handle.wait(poll_interval=0.05, max_wait=20)

    assert state["response"]["error"]["code"] == "InputTextSensitiveContentDetected"


@pytest.mark.parametrize(
    ("token", "error"),
    [
        ("wrong", AuthenticationError),
        ("expired-token", AuthenticationError),
        ("used-up-token", InsufficientBalanceError),
    ],
)
def test_sdk_knows_the_errors(sandbox: Sandbox, token: str, error: type[Exception]) -> None:
    with AceDataCloud(token, base_url=sandbox.url, max_retries=0) as client, pytest.raises(error):
        client.tasks.get(CAT, service="seedream")


def test_sdk_raises_on_an_invalid_request(sdk: AceDataCloud) -> None:
    with pytest.raises(ValidationError, match="2K or 4K, not 1K"):
        sdk.seedream.generate(model="doubao-seedream-4-5-251128", prompt="a kite", size="1K")


def test_cli_generates(cli: Cli, sandbox: Sandbox) -> None:
    (answer,) = cli.json("generate", "a red kite", "-m", MODEL, "-r", "1K")

    assert answer["data"][0]["image_url"].startswith(f"{sandbox.url}/images/")
    shown = cli.run("generate", "a red kite")
    assert shown.returncode == 0
    assert "Task ID" in shown.stdout


def test_cli_generates_asynchronously_and_waits(cli: Cli) -> None:
    (answer,) = cli.json("generate", "a red kite", "--async")

    (record,) = cli.json("wait", answer["task_id"], "--interval", "1")

    assert record["response"]["data"][0]["prompt"] == "a red kite"


def test_cli_streams(cli: Cli) -> None:
    events = cli.json(
        "generate", "a red kite", "--stream", "--sequential-image-generation", "auto", "--sequential-max-images", "2"
    )

    assert [event["type"].rpartition(".")[2] for event in events] == [
        "partial_succeeded",
        "partial_succeeded",
        "completed",
    ]


def test_cli_edits(cli: Cli, sandbox: Sandbox) -> None:
    (answer,) = cli.json("edit", "in winter", "-i", f"{sandbox.url}/images/6e5f9085-cc4a-4801-b77b-31550129ff19.jpg")

    assert len(answer["data"]) == 1


def test_cli_decomposes_an_image(cli: Cli) -> None:
    (answer,) = cli.json("decompose", f"data:image/png;base64,{PIXEL}", "--async")
    (record,) = cli.json("wait", answer["task_id"], "--interval", "1")

    assert [item["z_index"] for item in record["response"]["data"]][:1] == [0]


def test_cli_shows_one_task_and_many(cli: Cli) -> None:
    (record,) = cli.json("task", CAT)
    (batch,) = cli.json("tasks", CAT, "20068983-0cc9-4c6a-aeb6-9c6a3c668be0", "unknown")

    assert record["id"] == CAT
    assert batch["count"] == 2
    shown = cli.run("task", CAT)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "a white siamese cat" in shown.stdout


def test_cli_shows_inline_images(cli: Cli) -> None:
    (answer,) = cli.json("generate", "a red kite", "-m", MODEL, "-r", "1K", "--response-format", "b64_json")

    assert base64.b64decode(answer["data"][0]["b64_json"]).startswith(b"\xff\xd8\xff")


def test_cli_reports_an_invalid_token(cli: Cli) -> None:
    done = cli.run("task", CAT, token="wrong")

    assert done.returncode == 1
    assert "Invalid API token" in done.stdout
