"""`%seedream remake` and `%seedream library tree`: the request behind an image, and what the image is related to."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from seedream_nb import Gallery, ImageError, IncompleteRequestWarning, InvalidTaskIdError, SeedreamClient, UsageError
from seedream_nb.images.provenance import Provenance
from seedream_nb.images.saved_files import write_provenance
from seedream_nb.library.lineage import LineageTree
from seedream_nb.notebook.front_end import Notice
from tests.notebook.running import SMALL, paid, paid_bodies, run, run_gallery
from tests.sample_images import plain

if TYPE_CHECKING:
    from pathlib import Path

    from IPython.core.interactiveshell import InteractiveShell

    from seedream_nb import Sandbox

DELIVERY = {"async", "action"}


def bodies(sandbox: Sandbox) -> list[dict[str, object]]:
    found = [{name: value for name, value in body.items() if name not in DELIVERY} for body in paid_bodies(sandbox)]
    return sorted(found, key=str)


@pytest.fixture
def saved(shell: InteractiveShell, service: Sandbox, tmp_path: Path) -> Path:
    """A folder with a saved image of a cat with a reference image that was a file, and its record."""
    (tmp_path / "photo.png").write_bytes(plain(40, 30))
    cell = f"%%seedream generate {SMALL} --no-watermark --optimize-prompt fast --image {tmp_path / 'photo.png'}"
    run(shell, f"{cell} --save {tmp_path / 'cats'} --out cats\na cat {{{{tag}}}} $5")
    (tmp_path / "photo.png").unlink()
    assert paid(service) == 1
    return tmp_path / "cats"


def test_a_saved_image_shows_its_request_and_sends_nothing(
    shell: InteractiveShell, service: Sandbox, saved: Path
) -> None:
    (path,) = saved.glob("*.jpg")
    notice = run(shell, f"%seedream remake {path}")
    assert isinstance(notice, Notice)
    assert paid(service) == 1
    assert "Nothing was sent." in notice.text
    assert f"To send it as it is: %seedream remake {path} --again" in notice.text
    # The cell that it suggests sends the very same request.
    cell = "%%seedream" + notice.text.partition("%%seedream")[2]
    run(shell, cell.replace("generate", "generate --again", 1))
    first, second = bodies(service)
    assert first == second


@pytest.mark.parametrize("ending", ["jpg", "json"])
def test_again_sends_it_with_its_reference_images(
    shell: InteractiveShell, service: Sandbox, saved: Path, ending: str
) -> None:
    (path,) = saved.glob(f"*.{ending}")
    gallery = run_gallery(shell, f"%seedream remake {path} --again")
    assert len(gallery) == 1
    first, second = bodies(service)
    assert first == second


@pytest.mark.parametrize("word", ["cats[0]", "{cats[0].images[0]}", "ID", "ID/1"])
@pytest.mark.usefixtures("saved")
def test_a_stored_task_can_be_named_in_any_way(shell: InteractiveShell, service: Sandbox, word: str) -> None:
    gallery = shell.user_ns["cats"]
    assert isinstance(gallery, Gallery)
    run(shell, f"%seedream remake {word.replace('ID', gallery[0].id[:8])} --again")
    first, second = bodies(service)
    assert first == second


def test_options_and_a_body_change_it(shell: InteractiveShell, service: Sandbox, saved: Path) -> None:
    (path,) = saved.glob("*.jpg")
    run(shell, f"%%seedream remake {path} --size 1024x960 --watermark --again\na dog")
    _first, second = sorted(bodies(service), key=lambda body: str(body["prompt"]))
    assert (second["prompt"], second["size"], second["watermark"]) == ("a dog", "1024x960", True)
    assert second["optimize_prompt_options"] == {"mode": "fast"}
    assert second["image"]


def test_several_values_are_compared(shell: InteractiveShell, service: Sandbox, saved: Path) -> None:
    (path,) = saved.glob("*.jpg")
    notice = run(shell, f"%seedream remake {path} --size 960x960 1024x960")
    assert "2 paid requests" in repr(notice) or "2 requests" in repr(notice)
    assert paid(service) == 1
    run(shell, f"%seedream remake {path} --size 960x960 1024x960 --again")
    assert {body["size"] for body in bodies(service)} == {"960x960", "1024x960"}


def test_a_missing_reference_is_named_and_nothing_is_sent(service: Sandbox, saved: Path, tmp_path: Path) -> None:
    (path,) = saved.glob("*.jpg")
    with SeedreamClient(service.token, service.url, library=tmp_path / "another") as other:
        with pytest.raises(UsageError, match=r"The reference image of .*\.jpg is not kept on this machine") as caught:
            other.remake(path)
        assert "image=" in str(caught.value.hint)
        assert paid(service) == 1
        again = other.remake(path, image=plain(40, 30))
    assert again.prompt == "a cat {tag} $5"
    assert paid(service) == 2


def test_a_request_in_progress_is_known(sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.settings.generation_seconds = 600
    with SeedreamClient(sandbox.token, sandbox.url, library=tmp_path / "library") as client:
        task = client.edit(
            [plain(40, 30), "https://x.example/a.jpg"], "in winter", size="2K", callback_url="https://x.example/me"
        )
        for what in (task, task.id, task.id[:8]):
            found = client.request_of(what)
            assert (found.prompt, found.options.size, found.options.callback_url) == ("in winter", "2K", None)
            assert found.image == (plain(40, 30), "https://x.example/a.jpg")
    assert paid(sandbox) == 1


def test_files_of_earlier_versions_give_what_they_have(sandbox: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "old.png"
    provenance = Provenance("a cat", "doubao-seedream-4-0-250828", "960x960", seed=0)
    path.write_bytes(write_provenance(plain(40, 30), provenance))
    with SeedreamClient(sandbox.token, sandbox.url) as client:
        with pytest.warns(IncompleteRequestWarning, match="prompt, model, size, and seed only"):
            request = client.request_of(path)
        assert (request.prompt, request.options.model, request.options.size, request.image) == (
            "a cat",
            "doubao-seedream-4-0-250828",
            "960x960",
            None,
        )
        assert request.options.seed == 0
        path.write_bytes(write_provenance(plain(40, 30), Provenance("a cat…")))
        with pytest.raises(UsageError, match="only the beginning of its prompt"):
            client.request_of(path)
        path.write_bytes(plain(40, 30))
        with pytest.raises(UsageError, match="does not say how it was generated"):
            client.request_of(path)
    assert paid(sandbox) == 0


def test_a_record_of_an_earlier_version_is_enough(sandbox: Sandbox, tmp_path: Path) -> None:
    request = {"action": "generate", "prompt": "a cat", "model": "doubao-seedream-4-0-250828", "seed": 5, "async": True}
    (tmp_path / "cat.json").write_text(
        json.dumps({"task_id": "an-id", "files": ["cat.webp"], "record": {"request": request}})
    )
    (tmp_path / "cat.webp").write_bytes(plain(40, 30, image_format="WEBP"))
    with SeedreamClient(sandbox.token, sandbox.url) as client:
        for name in ("cat.json", "cat.webp"):
            found = client.request_of(tmp_path / name)
            assert (found.prompt, found.options.seed) == ("a cat", 5)


@pytest.mark.parametrize(
    ("line", "error", "words"),
    [
        ("no-such-file.png", ImageError, "Can't read"),
        ("no-such-file.json", ImageError, "Can't read"),
        ("00000000", InvalidTaskIdError, "is not the beginning of a task id"),
        ("00000000-0000-4000-8000-000000000000", UsageError, "is not known on this machine"),
        ("nobody", UsageError, "is neither an image file nor a task id"),
        ("{[1, 2]}", UsageError, "remake takes one saved image"),
        ("{5}", UsageError, "not an int"),
    ],
)
def test_what_cannot_be_remade_is_said(
    shell: InteractiveShell, service: Sandbox, line: str, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        run(shell, f"%seedream remake {line} --again")
    assert paid(service) == 0


@pytest.mark.usefixtures("service")
def test_the_tree_of_an_image(shell: InteractiveShell) -> None:
    cat = run_gallery(shell, f"%seedream generate a cat {SMALL} --max-images 2 --out cat")[0]
    run(shell, f"%seedream edit cat[0].images[1] in winter {SMALL}")
    tree = run(shell, f"%seedream library tree {cat.id[:8]}/2")
    assert isinstance(tree, LineageTree)
    assert (tree.place, [entry.task.prompt for entry in tree.descendants]) == (1, ["in winter"])
    assert run(shell, f"%seedream library tree {cat.id}/1").descendants == ()  # type: ignore[attr-defined]
    assert repr(run(shell, "%seedream library tree")).startswith("Lineage of")
    assert repr(run(shell, "%seedream library tree cat")) == repr(run(shell, f"%seedream library tree {cat.id}"))
    with pytest.raises(UsageError, match="has 2 images; there is no image 3"):
        run(shell, f"%seedream library tree {cat.id}/3")
    with pytest.raises(UsageError, match="tree takes one task or image, not 2"):
        run(shell, f"%seedream library tree {cat.id} {cat.id}")
