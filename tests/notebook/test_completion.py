"""What Tab offers on a `%seedream` line: only what fits there, with its type and a word of help."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from seedream_nb import Gallery, Library, Markup, Task, TaskImage, TaskStatus
from seedream_nb.notebook.commands import COMMANDS
from seedream_nb.notebook.completion import Surroundings, complete
from tests.notebook.running import SMALL, make_image, offered, run, without_options

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from seedream_nb import Sandbox

ID = "84d1544a-9043-4dde-a98b-e889dacd75f6"
IMAGE = TaskImage(ID, url="https://x.example/a.png", prompt="a cat")
TASK = Task(ID, TaskStatus.SUCCEEDED, (IMAGE,), prompt="a cat")


def texts(line: str, surroundings: Surroundings | None = None) -> list[str]:
    return [one.text for one in complete(line, surroundings or Surroundings({}))[1]]


@pytest.fixture
def variables(shell: InteractiveShell) -> dict[str, str]:
    """Variables that hold images, each with the type that is shown; among others that do not."""
    shell.user_ns |= {
        "photo": Image.new("RGB", (30, 40)),
        "first": IMAGE,
        "content": make_image(),
        "marked": Markup(make_image()).pin(1, 1, color="blue"),
        "path": Path("sketches/plan.JPG"),
        "link": "https://x.example/a.webp?size=2",
        "study": Gallery([TASK, TASK]),
        "task": TASK,
    }
    shell.user_ns |= {
        "failed": TaskImage(ID),
        "text": "a cat",
        "page": "https://x.example/",
        "data": b"RI",
        "notes": Path("notes.txt"),
        "number": 7,
        "_hidden": IMAGE,
    }
    return {
        "photo": "image: 30\u00d740",
        "first": "image: a cat",
        "content": f"image: {len(make_image())} bytes",
        "marked": "markup: blue pin 1",
        "path": "image file: plan.JPG",
        "link": "image link",
        "study": "gallery: 2 images",
        "task": "task: a cat",
    }


@pytest.mark.parametrize("line", ["%seedream edit ", "%%seedream generate a cat --image ", "x = %seedream edit "])
def test_variables_and_files_that_hold_images_are_offered_for_an_image(
    shell: InteractiveShell, variables: dict[str, str], line: str
) -> None:
    for name in ("b.png", "a cat.jpeg", "notes.txt", ".hidden.png"):
        Path(name).write_bytes(b"")
    Path("folder.png.d").mkdir()
    assert without_options(offered(shell, line)) == {
        **variables,
        '"a cat.jpeg"': "image file",
        "b.png": "image file",
    }


def test_further_images_are_offered_after_the_first(shell: InteractiveShell, variables: dict[str, str]) -> None:
    assert without_options(offered(shell, "%seedream generate a cat --image photo ")) == variables
    assert not without_options(offered(shell, "%seedream edit photo "))
    assert "--size" in offered(shell, "%seedream generate a cat --image photo ")


@pytest.mark.usefixtures("variables")
def test_tasks_of_a_gallery_are_offered_by_their_index(shell: InteractiveShell) -> None:
    assert offered(shell, "%seedream edit study[") == {"study[0]": "task: a cat", "study[1]": "task: a cat"}


def test_files_are_found_in_the_folder_that_is_typed(shell: InteractiveShell) -> None:
    Path("sketches").mkdir()
    Path("sketches/a.png").write_bytes(b"")
    Path("sketches/it's.png").write_bytes(b"")
    assert offered(shell, "%seedream edit ske") == {"sketches/": "folder"}
    assert offered(shell, "%seedream edit sketches/") == {
        "sketches/a.png": "image file",
    }
    assert offered(shell, '%seedream edit "sketches/i') == {'"sketches/it\'s.png"': "image file"}
    assert offered(shell, "%seedream edit missing/") == {}
    assert "sketches/it's.png" in "".join(offered(shell, '%seedream remake "sketches/i'))


def test_folders_and_archives_are_offered_where_they_are_expected(shell: InteractiveShell) -> None:
    Path("saved").mkdir()
    for name in ("backup.zip", "cat.png"):
        Path(name).write_bytes(b"")
    assert offered(shell, "%seedream last --save ") == {"saved/": "folder"}
    assert without_options(offered(shell, "%seedream library import ")) == {"backup.zip": "archive", "saved/": "folder"}


@pytest.mark.parametrize(
    ("options", "presets"),
    [
        ("", ["2K", "3K", "4K"]),
        ("--model 4.5", ["2K", "4K"]),
        ("--model=pro", ["1K", "1.5K", "2K"]),
        ("--model 4.5 4.0", ["2K", "4K"]),
        ("--model unknown", ["2K", "3K", "4K"]),
    ],
)
def test_sizes_are_those_of_the_model_on_the_line(shell: InteractiveShell, options: str, presets: list[str]) -> None:
    offers = offered(shell, f"%seedream generate a cat {options} --size ")
    ratios = ["1:1", "4:3", "3:4", "3:2", "2:3", "16:9", "9:16", "21:9", "square", "portrait", "landscape", "wide"]
    assert list(offers) == [*presets, *ratios]
    assert (offers["2K"], offers["16:9"]) == ("size: as many pixels as 2048\u00d72048", "size: 2560\u00d71440")


def test_models_are_offered_by_their_short_names(shell: InteractiveShell) -> None:
    offers = offered(shell, "%seedream generate a cat --model ")
    assert offers == {
        "5.0-pro": "model: SeeDream 5.0 Pro",
        "5.0-lite": "model: SeeDream 5.0 Lite",
        "4.5": "model: SeeDream 4.5",
        "4.0": "model: SeeDream 4.0",
    }
    assert list(offered(shell, "%seedream generate a cat --model=4")) == ["--model=4.5", "--model=4.0"]
    assert "4.0" in offered(shell, "%seedream generate a cat --model 4.5 ")


@pytest.mark.parametrize("line", ["%seedream library search --tag ", "%seedream library tag "])
def test_the_librarys_tags_are_offered(
    shell: InteractiveShell, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEEDREAM_LIBRARY", str(tmp_path / "library"))
    assert not without_options(offered(shell, line))
    assert not (tmp_path / "library").exists()
    with Library(tmp_path / "library") as library:
        library.keep([TASK])
        library.tag(ID, "best", "for the team")
    assert without_options(offered(shell, line)) == {"best": "tag: 1 task", '"for the team"': "tag: 1 task"}
    monkeypatch.setenv("SEEDREAM_LIBRARY", "off")
    assert not without_options(offered(shell, line))


def test_tags_wait_for_nobody(shell: InteractiveShell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEEDREAM_LIBRARY", str(tmp_path / "library"))
    with Library(tmp_path / "library") as library:
        library.keep([TASK])
        library.tag(ID, "best")
    (database,) = (tmp_path / "library").glob("*.sqlite")
    with closing(sqlite3.connect(database, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        began = time.monotonic()
        offered(shell, "%seedream library search --tag ")
        assert time.monotonic() - began < 2
    database.write_bytes(b"damaged")
    assert not without_options(offered(shell, "%seedream library search --tag "))
    assert database.read_bytes() == b"damaged"


def test_galleries_are_offered_to_be_replaced(shell: InteractiveShell, variables: dict[str, str]) -> None:
    assert offered(shell, "%seedream get --out ") == {"study": variables["study"]}


def test_ids_and_variables_with_tasks_are_offered_for_an_id(shell: InteractiveShell, service: Sandbox) -> None:
    run(shell, f"%seedream generate a cat {SMALL} --out made")
    offers = offered(shell, "%seedream get ")
    assert offers[service.task_ids[-1]] == "task id"
    assert offers["made"] == "gallery: 1 image"
    requests = len(service.requests)
    offered(shell, "%seedream edit ")
    offered(shell, "%seedream library tag ")
    assert len(service.requests) == requests


def test_commands_and_options_say_what_they_do(shell: InteractiveShell) -> None:
    assert offered(shell, "%seedream ge") == {
        "generate": "command: Generate images from a prompt",
        "get": "command: Show tasks in a gallery",
    }
    assert offered(shell, "%seedream generate --form") == {"--format": "option: the file format"}
    assert offered(shell, "%seedream generate --format ") == {"jpeg": "format", "png": "format"}


def test_every_completion_has_a_type_and_is_ours(shell: InteractiveShell) -> None:
    shell.user_ns["generous"] = 1
    for line in ("", "ge", "generate ", "edit ", "library ", "library tag ", "get ", "sandbox ", "help "):
        for text, kind in offered(shell, f"%seedream {line}").items():
            assert kind not in {"", "<unknown>"}
            assert text in COMMANDS or text != "generous"


# Jedi reads the stubs of all builtins first.
@pytest.mark.parametrize("use_jedi", [False, pytest.param(True, marks=pytest.mark.heavy)])
def test_a_line_without_a_percent_sign_may_be_python(shell: InteractiveShell, *, use_jedi: bool) -> None:
    shell.Completer.use_jedi = use_jedi
    shell.user_ns["generous"] = 1
    assert "generous" in offered(shell, "seedream = gener")
    assert list(offered(shell, "seedream gene")) == ["generate"]


def test_a_prompt_is_not_completed(shell: InteractiveShell) -> None:
    assert offered(shell, '%seedream generate "a cat --s') == {}
    assert not without_options(offered(shell, "%seedream generate it's a "))
    assert "--seed" in offered(shell, '%seedream generate "it\'s a cat" --s')


def test_what_is_on_the_line_is_not_offered_again() -> None:
    assert "--json" in texts("get ")
    assert "--json" not in texts("get --json ")
    assert texts("get --columns ") == []


class Trap:
    """Whatever asks an object of this type for anything fails."""

    def __getattribute__(self, name: str) -> object:
        raise AssertionError(name)


def test_variables_are_not_touched() -> None:
    assert texts("edit t", Surroundings({"trap": Trap(), "task": TASK})) == ["task"]


@given(
    st.text()
    | st.builds("{} {}".format, st.sampled_from([*COMMANDS, "library tag"]), st.text("ab -='\"[=/.\\", max_size=20))
)
def test_any_line_is_completed_without_an_error(line: str) -> None:
    typed, found = complete(line, Surroundings({"study": Gallery([TASK])}, [ID]))
    assert line.endswith(typed)
    assert all(one.text.startswith(typed) for one in found)


def test_variables_are_offered_after_a_brace_or_a_dollar_sign(shell: InteractiveShell) -> None:
    shell.user_ns |= {"prompts": ["a", "b"], "price": 3, "private": object(), "_p": "x", "place": "a hill"}
    found = {"prompts": "list: 2 elements", "price": "number: 3", "place": "text: a hill"}
    for line in ("{p", "a cat on {p", '"a cat on {p', "$p"):
        typed = line.split()[-1] if '"' not in line else line
        expected = {f"{typed[:-1]}{name}": kind for name, kind in found.items()}
        assert offered(shell, f"%seedream generate {line}") == expected
    assert offered(shell, "%seedream generate {{p") == {}
    shell.user_ns["In"] = ["1 + 1"]
    assert offered(shell, "%seedream generate {I") == {}


def test_runs_tables_and_columns_are_offered_for_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("prompts.csv").write_text('\ufeffcolor,"product name"\nred,a cup\n', encoding="utf-8")
    Path("notes.txt").write_text("a cat", encoding="utf-8")
    frame = pd.DataFrame({"animal": ["cat"], "count": [1]})
    namespace = {"df": frame, "rows": [{"a": 1}], "number": 7, "_hidden": frame, "Out": {}, "names": ["a", "b"]}
    surroundings = Surroundings(namespace, read_runs=lambda: ["product-photos"])
    offers = [one for one in complete("run ", surroundings)[1] if not one.text.startswith("-")]
    assert offers == [
        ("product-photos", "run"),
        ("df", "table: animal, count"),
        ("rows", "table: a"),
        ("prompts.csv", "table"),
    ]
    assert texts("run df --name ", surroundings) == ["product-photos"]
    assert texts("run df --prompt ", surroundings) == ["animal", "count"]
    assert texts('run df --name cats --prompt "a {an', surroundings) == ['"a {animal']
    assert texts("run prompts.csv --prompt {", surroundings) == ["{color", "{product name"]
    assert texts("run other.csv --prompt {", surroundings) == []
    assert texts("run df --export out --format ", surroundings)[:3] == ["imagefolder", "webdataset", "parquet"]
    # Elsewhere a brace begins a Python variable.
    assert texts("run df --name {num", surroundings) == ["{number"]


def test_times_and_ratings_are_offered(shell: InteractiveShell) -> None:
    assert without_options(offered(shell, "%seedream history --since to")) == {"today": "time"}
    assert without_options(offered(shell, "%seedream library rate 4")) == {"4": "rating: \u2605\u2605\u2605\u2605"}
