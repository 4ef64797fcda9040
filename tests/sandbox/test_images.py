"""The image store and its cache on disk."""

from pathlib import Path

import pytest
import requests

from seedream_nb import Sandbox, SeedreamClient
from seedream_nb.sandbox import painter
from seedream_nb.sandbox.images import ImageSpec, ImageStore

SCENE = ImageSpec("a red kite", 64, 48)
LAYERED = ImageSpec("a red kite", 64, 48, style="layer", layers=2)


def contents(folder: Path | None) -> list[object]:
    """Return what a new store says of an image and of the layers of another."""
    store = ImageStore(folder)
    store.add("scene.jpg", SCENE, "task")
    store.add("layered.jpg", LAYERED, "task")
    return [store.image("scene.jpg"), store.layers("layered.jpg")]


def forbid_painting(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("paint", "paint_layers"):
        monkeypatch.setattr(painter, name, lambda *_, **__: pytest.fail("painted again"))


def test_stores_with_the_same_folder_paint_an_image_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    first = contents(tmp_path / "cache" / "images")
    forbid_painting(monkeypatch)

    assert contents(tmp_path / "cache" / "images") == first


@pytest.mark.parametrize("damage", [b"", b"[", b"null", b"[{}]", b'[{"content": 1, "box": 2}]'])
def test_damaged_files_are_painted_again(tmp_path: Path, damage: bytes) -> None:
    folder = tmp_path / "cache"
    first = contents(folder)
    for path in folder.iterdir():
        path.write_bytes(damage)

    assert contents(folder) == first == contents(folder)


def test_a_folder_that_cannot_be_written_is_ignored(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    assert contents(tmp_path / "file" / "cache") == contents(None)


def test_different_specs_have_different_fingerprints() -> None:
    specs = [
        SCENE,
        LAYERED,
        ImageSpec("a red kite", 64, 48, seed=1),
        ImageSpec("a red kite", 64, 48, output_format="png"),
        ImageSpec("\ud800", 64, 48),
        ImageSpec("a red kite", 64, 48, style="edit", sources=(b"ab", b"c")),
        ImageSpec("a red kite", 64, 48, style="edit", sources=(b"a", b"bc")),
        ImageSpec("a red kite", 64, 48, style="edit", sources=(SCENE,)),
    ]
    assert len({spec.fingerprint() for spec in specs}) == len(specs)


def test_layers_can_be_fetched_by_name_and_become_sources() -> None:
    store = ImageStore()
    store.add("layered.jpg", LAYERED, "task")
    base, *layers = store.layers("layered.jpg")

    assert base == "layered.jpg"
    for name in layers:
        image, spec = store.image(name), store.spec(name)
        assert image
        assert image == store.layers("layered.jpg")[name]
        assert spec
        assert (spec.content_type, store.task_id(name)) == ("image/png", "task")
        edited = ImageSpec("blue", 64, 48, style="edit", sources=(spec,))
        store.add("edited.jpg", edited, "other")
        assert store.image("edited.jpg")


@pytest.mark.parametrize("by_environment", [False, True])
def test_a_sandbox_caches_its_images(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *, by_environment: bool) -> None:
    folder = tmp_path / "cache"
    if by_environment:
        monkeypatch.setenv("SEEDREAM_SANDBOX_CACHE", str(folder))
    with Sandbox(image_cache=None if by_environment else folder) as sandbox:
        task_id = sandbox.add_task("a red kite", size="64x48")
        task = SeedreamClient(sandbox.token, sandbox.url).retrieve(task_id)
        assert requests.get(str(task.images[0].url), timeout=20).ok

    assert len(list(folder.iterdir())) == 1
