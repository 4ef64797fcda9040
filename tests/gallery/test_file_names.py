"""File name templates: what they can contain, and what they give."""

from __future__ import annotations

import dataclasses
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedream_nb import Gallery, Task, TaskImage, TaskStatus
from seedream_nb.core.errors import UsageError
from seedream_nb.gallery.file_names import NamedFile, NameTemplate, number_repeats
from tests.examples import examples
from tests.gallery.strategies import HOSTILE, task_with
from tests.sample_images import plain

if TYPE_CHECKING:
    from pathlib import Path

MODEL = "doubao-seedream-4-0-250828"
IMAGE = TaskImage("84d1544a-9043", 1, data=b"x", size="2048x2048", model=MODEL, seed=7)
TASK = Task(
    *("84d1544a-9043", TaskStatus.SUCCEEDED, (IMAGE,), "A white cat, sleeping"),
    created_at=datetime(2026, 11, 28, 12, 30, tzinfo=timezone.utc),
)


def stem(template: str, task: Task = TASK, image: TaskImage | None = IMAGE, layer: int | None = None) -> str:
    return NameTemplate.parse(template).stem(NamedFile(task, 3, image, layer))


@pytest.mark.parametrize(
    ("template", "name"),
    [
        ("{index:03}-{prompt:40}-{id:8}", "003-a-white-cat-sleeping-84d1544a"),
        ("{prompt:12}", "a-white-cat"),
        ("{model} {size} {seed}", "seedream-4-0 2048x2048 7"),
        ("{date:%Y}/{id}".replace("/", "_"), "2026_84d1544a-9043"),
        ("{date}", "2026-11-28"),
        ("shoot {{A}} {number:2}", "shoot {A} 02"),
        ("{layer}-{id}", "84d1544a-9043"),
        ("{prompt:40}-{layer}-{seed:4}", "a-white-cat-sleeping-0007"),
    ],
)
def test_templates(template: str, name: str) -> None:
    assert stem(template) == name


def test_what_is_not_known_is_left_out_with_its_separator() -> None:
    unknown = Task("", TaskStatus.FAILED)
    template = "{date}_{seed}-{prompt} {size}.{id}-{model}-{number}"
    assert stem(template, unknown, None) == "image.task"
    assert stem("{seed}{size}", unknown, None) == "image"


def test_layers_have_their_place_and_name() -> None:
    layer = dataclasses.replace(IMAGE, z_index=4, name="Big Title!")
    assert stem("{number}-{layer}", image=layer, layer=4) == "04-big-title"
    assert stem("{number:3}-{layer:3}", image=dataclasses.replace(layer, z_index=0), layer=0) == "000-bas"
    assert stem("{layer}", image=dataclasses.replace(layer, name=None), layer=4) == "layer"


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("", "The file name template is empty."),
        ("{promt}", "{promt} is not a field of a file name. Did you mean {prompt}? The fields are date, id, index,"),
        ("{created_at}", "{created_at} is not a field of a file name."),
        ("{}", "{} is not a field of a file name."),
        ("{prompt.x}", "{prompt.x} is not a field of a file name."),
        ("{prompt!r}", "{prompt!r} is not supported in a file name. Write {prompt}."),
        ("{prompt", "is not a valid file name template: expected '}' before end of string."),
        ("cat}", "Write {{ and }} for braces"),
        ("{prompt:x}", "{prompt:x} has an invalid width. Write the most characters, as in {prompt:40}."),
        ("{prompt:0}", "{prompt:0} has an invalid width."),
        ("{index:>5}", "{index:>5} has an invalid width. Write it like {index:03}."),
        ("{index:{id}}", "{index:{id}} has an invalid width."),
        ("{date:%Y/%m}", "{date:%Y/%m} gives no text that a file name can contain."),
        ("a/{id}", "A file name can't contain '/': 'a/{id}'. Choose the directory in the first argument."),
        ("a\\{id}", "A file name can't contain '\\\\'"),
        ("../{id}", "A file name can't contain '/'"),
        ("{id}..", "A file name can't contain '..'"),
        (".{id}", "A file name can't begin with a period"),
        ("{id}\n", "A file name can't contain '\\n'"),
        ("{id}\0", "A file name can't contain '\\x00'"),
        ("{id}?", "A file name can't contain '?': '{id}?'. Use letters, digits, and hyphens."),
        ("{id}.png", "Leave .png out of the file name template '{id}.png'."),
    ],
)
def test_invalid_templates_are_rejected_before_anything_is_written(template: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as raised:
        Gallery(task_with(plain())).save(tmp_path / "saved", name=template)
    assert message in str(raised.value)
    assert not (tmp_path / "saved").exists()


def test_files_with_the_same_name_are_numbered_in_order(tmp_path: Path) -> None:
    tasks = [task_with(plain(color=color), "cat", color) for color in ("red", "green", "blue")]
    first = Gallery(tasks).save(tmp_path / "saved", name="{prompt}")
    assert [path.name for path in first.paths] == ["cat.png", "cat-2.png", "cat-3.png"]
    assert [path.name for path in first.records] == ["cat.json", "cat-2.json", "cat-3.json"]
    assert Gallery(tasks).save(tmp_path / "saved", name="{prompt}") == first
    # Another image has the name: nothing is overwritten, nor the name of another image taken.
    others = [task_with(plain(color=color), "cat", color) for color in ("white", "black")]
    later = Gallery(others).save(tmp_path / "saved", name="{prompt}")
    assert not set(later.paths) & set(first.paths)


@pytest.mark.parametrize(
    ("stems", "names"),
    [
        (["cat", "CAT", "cat"], ["cat", "CAT-2", "cat-3"]),
        (["cat-2", "cat", "cat"], ["cat-2", "cat", "cat-3"]),
        (["e\u0301", "\xe9"], ["e\u0301", "\xe9-2"]),
    ],
)
def test_repeats(stems: list[str], names: list[str]) -> None:
    assert number_repeats(stems) == names


@examples(150)
@given(
    prompt=st.sampled_from([*HOSTILE, "con", "COM1.x", "../x", "字" * 300]) | st.text(max_size=300),
    layer=st.none() | st.sampled_from(["..", "con", "a/b", "字" * 300]),
)
def test_any_task_gives_a_name_that_every_system_takes(prompt: str, layer: str | None) -> None:
    image = dataclasses.replace(IMAGE, prompt=prompt, name=layer, size=prompt[:50], model=prompt[:50], z_index=1)
    for template in ("{prompt:300}", "{prompt}.{id}", "{layer:300}", "{size}-{model}-{prompt:200}-{layer}"):
        name = stem(template, image=image, layer=1)
        assert 0 < len(f"{name}-9999.webp".encode()) <= 255
        assert name.isprintable()
        assert not set(name) & set('<>:"/\\|?*')
        assert name.split(".")[0].lower() not in {"con", "com1"}
        assert name == name.strip(" .")
