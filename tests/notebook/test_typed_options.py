"""What is typed as a model, a size or a seed is understood or rejected: the server sees only what was meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from seedream_nb import SeedreamClient
from seedream_nb.core.errors import UsageError
from seedream_nb.protocol.capabilities import MODELS
from tests.notebook.running import UNKNOWN, paid, run, run_gallery, seen
from tests.scripted_server import ScriptedServer, as_json
from tests.servers import TOKEN

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from seedream_nb import Sandbox

PRO, LITE, V45, V40 = MODELS


EXAMPLES = 14  # tasks that a sandbox begins with


def bodies(service: Sandbox, *names: str) -> list[tuple[object, ...]]:
    """Some fields of the body of each paid request, as the service's own record has them."""
    with SeedreamClient(service.token, service.url) as client:
        tasks = client.retrieve_batch(service.task_ids[EXAMPLES:])
    assert len(tasks) == paid(service)
    return sorted((tuple(task.request.get(name) for name in names) for task in tasks), key=repr)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--model 5.0", "Unknown model '5.0'. Did you mean 5.0-pro or 5.0-lite?"),
        ("--model 4.5pro", "Unknown model '4.5pro'. Did you mean 5.0-pro or 4.5?"),
        ("--model gpt-image-1", "Unknown model 'gpt-image-1'. Available models: 5.0-pro, 5.0-lite, 4.5, 4.0."),
        ("--model 4.5 4.6", "Request 2 of 2 (a cat): Unknown model '4.6'. Did you mean 4.5 or 4.0?"),
        ("--seed 42", "SeeDream 5.0 Lite ignores seed: only third-generation models use it."),
        ("--seed 1 2 --model 4.0", "Request 1 of 2 (a cat): SeeDream 4.0 ignores seed"),
        ("--guidance-scale 2.5", "SeeDream 5.0 Lite ignores guidance_scale"),
        ("--size 100:1", "SeeDream 5.0 Lite accepts 2K, 3K or 4K, or <width>x<height>, not '100:1'."),
        ("--size 2048 2048", "not '2048'"),
        ("--size 2K x 4K", "not '2Kx4K'"),
        ("--size portait", "not 'portait'"),
    ],
)
def test_what_is_not_understood_is_not_paid_for(
    shell: InteractiveShell, service: Sandbox, line: str, message: str
) -> None:
    with pytest.raises(UsageError) as caught:
        run(shell, f"%seedream generate a cat {line}")
    assert message in caught.value.message
    assert "Nothing was sent." in (caught.value.hint or "")
    assert "strict" not in (caught.value.hint or "")
    assert paid(service) == 0


def test_no_check_sends_anything(shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch) -> None:
    with ScriptedServer(as_json({"task_id": UNKNOWN})) as server:
        monkeypatch.setenv("ACEDATACLOUD_API_TOKEN", TOKEN)
        monkeypatch.setenv("ACEDATACLOUD_API_BASE_URL", server.url)
        for line in ("--model 5.0", "--model gpt-image-1", "--seed 42", "--size 100:1"):
            run(shell, f"%seedream generate a cat {line} --no-check --no-wait")
        sent = [(body["model"], body.get("seed"), body.get("size")) for body in (one.json for one in server.received)]
    assert sent == [("5.0", None, None), ("gpt-image-1", None, None), (LITE, 42, None), (LITE, None, "100:1")]


@pytest.mark.filterwarnings("default")
def test_a_full_id_is_sent_with_a_warning_and_takes_a_seed(
    shell: InteractiveShell, service: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    model = "doubao-seedream-3-0-t2i-250415"
    gallery = run_gallery(shell, f"%seedream generate a cat --model {model} --seed 42 --size 960x960")
    assert "UnknownModelWarning" in capsys.readouterr().out
    assert bodies(service, "model", "seed") == [(model, 42)]
    assert seen(gallery).tiles[0].facts.endswith("seed 42")


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        ("2k", "2K"),
        ("2048\u00d72048", "2048x2048"),
        ("2048*2048", "2048x2048"),
        ("2048X2048", "2048x2048"),
        ("2048 x 2048", "2048x2048"),
        ("2048 x2048", "2048x2048"),
        ("2048x 2048", "2048x2048"),
        ("'2048 x 2048'", "2048x2048"),
        ("16:9", "2560x1440"),
        ("16 : 9", "2560x1440"),
        ("3:2", "2496x1664"),
        ("21:9", "3024x1296"),
        ("portrait", "1728x2304"),
        ("Landscape", "2304x1728"),
        ("square", "2048x2048"),
        ("wide", "2560x1440"),
    ],
)
def test_a_size_is_understood_as_people_write_it(
    shell: InteractiveShell, service: Sandbox, typed: str, sent: str
) -> None:
    run(shell, f"%seedream generate a cat --size {typed} --no-wait")
    assert bodies(service, "size", "model") == [(sent, LITE)]


def test_several_sizes_stay_several(shell: InteractiveShell, service: Sandbox) -> None:
    run(shell, "%seedream generate a cat --size 2048 x 2048 16:9 3K --no-wait")
    assert bodies(service, "size") == [("2048x2048",), ("2560x1440",), ("3K",)]


def test_the_same_size_written_twice_is_paid_for_once(shell: InteractiveShell, service: Sandbox) -> None:
    run(shell, "%seedream generate a cat --size 16:9 wide 2560x1440 --no-wait")
    assert bodies(service, "size") == [("2560x1440",)]


def test_the_announcement_says_how_a_ratio_was_understood(shell: InteractiveShell, service: Sandbox) -> None:
    one = str(run(shell, "%seedream generate a cat --size 16:9 --dry-run"))
    assert one.startswith("1 request to the sandbox · 16:9 → 2560x1440. Nothing was sent.")
    several = str(run(shell, "%seedream generate a cat --size 16:9 portrait 2k --dry-run")).splitlines()
    assert several[0] == (
        "3 requests (3 sizes) to the sandbox · 16:9 → 2560x1440, portrait → 1728x2304. Nothing was sent."
    )
    assert [line.split(maxsplit=1)[1] for line in several[1:]] == [
        "16:9 · 2560\u00d71440",
        "portrait · 1728\u00d72304",
        "2K",
    ]
    assert paid(service) == 0


@pytest.mark.usefixtures("service")
def test_a_column_shows_the_ratio_and_its_size(shell: InteractiveShell) -> None:
    sheet = seen(run_gallery(shell, "%seedream generate a cat --size 16:9 9:16"))
    assert sheet.labels[1] == ["16:9 · 2560\u00d71440", "9:16 · 1440\u00d72560"]
    assert not any("\u00d7" in tile.facts for tile in sheet.tiles)
