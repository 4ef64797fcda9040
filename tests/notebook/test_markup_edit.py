"""`%seedream edit` of an image that was drawn on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PIL import Image

from seedream_nb import Markup, UsageError
from seedream_nb.notebook.generate import DryRun
from tests.notebook.running import SMALL, paid, paid_bodies, run, run_gallery

if TYPE_CHECKING:
    from pathlib import Path

    from IPython.core.interactiveshell import InteractiveShell

    from seedream_nb import Sandbox

PRO = "--model 5.0-pro --layers"


@pytest.fixture
def room(shell: InteractiveShell) -> Markup:
    markup = Markup(Image.new("RGB", (400, 300), "gray")).box(40, 150, 200, 240)
    shell.user_ns["room"] = markup
    return markup


@pytest.mark.parametrize(
    "cell",
    [
        f"%%seedream edit room {SMALL}\nPut a sofa {{room.words[1]}}.",
        f'%seedream edit room "Put a sofa in the red box 1." {SMALL}',
        f"%seedream edit {{room}} Put a sofa {{room.words[1]}}. {SMALL}",
        f'%seedream generate "Put a sofa in the red box 1." --image room {SMALL}',
    ],
)
def test_the_marked_copy_is_sent(shell: InteractiveShell, service: Sandbox, room: Markup, cell: str) -> None:
    gallery = run_gallery(shell, cell)
    assert gallery.before[0].data == room.content
    assert gallery[0].prompt == "Put a sofa in the red box 1."
    assert "image" in paid_bodies(service)[0]
    assert paid(service) == 1


def test_an_equal_cell_is_paid_for_once(
    shell: InteractiveShell, paid_service: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: Markup
) -> None:
    monkeypatch.setenv("ACEDATACLOUD_API_TOKEN", paid_service.token)
    monkeypatch.setenv("ACEDATACLOUD_API_BASE_URL", paid_service.url)
    monkeypatch.setenv("SEEDREAM_LIBRARY", str(tmp_path / "library"))
    cell = f"%%seedream edit room {SMALL}\nPut a sofa in the red box."
    first = run_gallery(shell, cell)
    shell.run_line_magic("reload_ext", "seedream_nb")
    shell.user_ns["room"] = Markup.from_json(Image.new("RGB", (400, 300), "gray"), room.to_json())
    assert [task.id for task in run_gallery(shell, cell)] == [task.id for task in first]
    assert paid(paid_service) == 1


def test_a_dry_run_shows_what_would_be_sent(shell: InteractiveShell, service: Sandbox, room: Markup) -> None:
    shown = run(shell, f"%%seedream edit room {SMALL} --dry-run\nPut a sofa in the red box.")
    assert isinstance(shown, DryRun)
    text, page = repr(shown), shown._repr_mimebundle_()["text/html"]
    assert "1 request to the sandbox. Nothing was sent." in text
    assert "1. Put a sofa in the red box." in text
    assert "+ marked copy with red box 1, 400\u00d7300, PNG, " in text
    assert text.splitlines()[0] in page
    assert room.render_html() in page
    assert paid(service) == 0


def test_a_dry_run_of_a_decomposition_shows_its_prompt(shell: InteractiveShell, service: Sandbox, room: Markup) -> None:
    shown = run(shell, f"%seedream edit room {PRO} --dry-run")
    assert isinstance(shown, DryRun)
    assert "1. <bbox>100 500 500 800</bbox>" in repr(shown)
    assert "+ image with nothing drawn on it, 400\u00d7300, PNG" in repr(shown)
    assert room.render_html(layers=True) in shown._repr_mimebundle_()["text/html"]
    assert "&lt;bbox&gt;" in shown._repr_mimebundle_()["text/html"]
    assert paid(service) == 0


def test_a_decomposition_sends_the_clean_image(shell: InteractiveShell, service: Sandbox, room: Markup) -> None:
    gallery = run_gallery(shell, f"%seedream edit room {PRO} --no-wait")
    assert gallery.before[0].data == room.original
    assert paid_bodies(service)[0]["prompt"] == "<bbox>100 500 500 800</bbox>"


@pytest.mark.filterwarnings("default")
@pytest.mark.usefixtures("room")
def test_another_color_is_noticed_in_the_cell(
    shell: InteractiveShell, service: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    run(shell, f"%%seedream edit room {SMALL} --no-wait\nPut a sofa in the blue box.")
    notice = "MarkupWarning: The prompt names a blue box, but there is only red box 1."
    assert capsys.readouterr().out.count(notice) == 1
    assert paid(service) == 1


@pytest.mark.usefixtures("room")
def test_a_markup_beside_other_images(shell: InteractiveShell, service: Sandbox) -> None:
    shell.user_ns["sofa"] = Image.new("RGB", (30, 40), "brown")
    gallery = run_gallery(
        shell, f'%seedream edit room "the sofa of image 2 in the red box" --image sofa {SMALL} --no-wait'
    )
    assert len(gallery.before) == 2
    assert len(paid_bodies(service)[0]["image"]) == 2  # type: ignore[arg-type]  # a list
    shell.user_ns["broken"] = b"broken"
    with pytest.raises(UsageError, match="broken: The reference image is not"):
        run(shell, '%seedream edit room "a sofa" --image broken')
    assert paid(service) == 1
