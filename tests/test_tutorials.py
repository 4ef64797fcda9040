"""`python -m seedream_nb` copies the tutorials, never overwrites, and opens JupyterLab or says what to install."""

from __future__ import annotations

import errno
import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import seedream_nb
import seedream_nb.__main__ as command
from seedream_nb.__main__ import LAB, find_tutorials, main

ROOT = Path(__file__).parents[1]
NOTEBOOKS = {path.name: path.read_bytes() for path in (ROOT / "notebooks").glob("*.ipynb")}


@pytest.fixture(autouse=True)
def outside_of_jupyter(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("JUPYTER_SERVER_ROOT", "JPY_SESSION_NAME"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def without_lab(monkeypatch: pytest.MonkeyPatch) -> None:
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(command, "find_spec", lambda name: None if name in LAB else find_spec(name))


def contents_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_tutorials_are_copied_to_a_new_folder(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--no-open"]) == 0
    assert contents_of(Path("seedream_tutorials")) == NOTEBOOKS
    assert capsys.readouterr().out == f"Copied {len(NOTEBOOKS)} notebooks to seedream_tutorials.\n"


def test_an_existing_file_is_kept_whatever_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "my work" / "tutorials"
    assert main([str(folder), "--no-open"]) == 0
    (folder / "05_app.ipynb").write_text("mine")
    (folder / "06_library.ipynb").unlink()
    (folder / "07_runs.ipynb").unlink()
    (folder / "07_runs.ipynb").symlink_to("nowhere")
    (folder / "08_studio.ipynb").unlink()
    (folder / "08_studio.ipynb").mkdir()
    (folder / "cat.jpg").write_text("also mine")
    capsys.readouterr()
    assert main([str(folder), "--no-open"]) == 0
    assert (folder / "05_app.ipynb").read_text() == "mine"
    assert (folder / "06_library.ipynb").read_bytes() == NOTEBOOKS["06_library.ipynb"]
    assert (folder / "07_runs.ipynb").is_symlink()
    assert not (folder / "nowhere").exists()
    assert list((folder / "08_studio.ipynb").iterdir()) == []
    assert len(list(folder.iterdir())) == len(NOTEBOOKS) + 1
    assert capsys.readouterr().out.splitlines() == [
        f"Copied 1 notebook to {folder}.",
        f"Kept {len(NOTEBOOKS) - 1} existing files in {folder}.",
        f"Not as in seedream_nb {seedream_nb.__version__}, and kept: 05_app.ipynb, 07_runs.ipynb, 08_studio.ipynb.",
    ]


@pytest.mark.usefixtures("without_lab")
def test_without_jupyterlab_it_says_what_to_install_and_how_to_go_on(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["my tutorials"]) == 1
    output = capsys.readouterr().out
    assert ' -m pip install "seedream_nb[lab]"\n' in output
    assert f' -m jupyter lab "{Path("my tutorials", "01_quickstart.ipynb")}"\n' in output


@pytest.mark.parametrize("variable", ["JUPYTER_SERVER_ROOT", "JPY_SESSION_NAME"])
def test_within_jupyter_no_second_server_starts(
    variable: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(variable, "/somewhere")
    assert main([]) == 0
    assert "open seedream_tutorials/01_quickstart.ipynb in its file browser." in capsys.readouterr().out


# It stands in for JupyterLab.
STAND_IN = "import json, sys; print(json.dumps(sys.argv[1:])); sys.exit(7)"


@pytest.mark.heavy
def test_jupyterlab_opens_the_quickstart_and_its_exit_code_counts(tmp_path: Path) -> None:
    package = tmp_path / "stand-ins" / "jupyterlab"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text(STAND_IN)
    paths = [str(package.parent), str(Path(seedream_nb.__file__).parents[1])]
    result = subprocess.run(
        [sys.executable, "-m", "seedream_nb", "work", "--", "--port", "9000"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.returncode, result.stderr) == (7, "")
    *_, promise, arguments = result.stdout.splitlines()
    assert promise == "Opening JupyterLab. Press Ctrl-C twice to stop it."
    work = Path.cwd() / "work"
    place = [f"--ServerApp.root_dir={work}", "--LabApp.default_url=/lab/tree/01_quickstart.ipynb"]
    assert json.loads(arguments) == [*place, "--port", "9000"]


def test_a_file_in_the_way_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    Path("notes").write_text("mine")
    with pytest.raises(SystemExit) as exit_:
        main(["notes"])
    assert exit_.value.code == 2
    message = "Can't copy the tutorials to 'notes': that is a file. Pass the name of a folder."
    assert capsys.readouterr().err == f"python -m seedream_nb: error: {message}\n"
    assert Path("notes").read_text() == "mine"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES, errno.EROFS])
def test_a_folder_that_cannot_be_written_is_one_sentence(
    number: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(path: Path, content: bytes) -> bool:
        raise OSError(number, os.strerror(number), f"{path}{len(content)}.part")

    monkeypatch.setattr(command, "write_new", fail)
    with pytest.raises(SystemExit) as exit_:
        main([])
    assert exit_.value.code == 2
    message = f"Can't copy the tutorials to 'seedream_tutorials': {os.strerror(number)}."
    assert capsys.readouterr().err == f"python -m seedream_nb: error: {message}\n"


def test_an_unknown_option_copies_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(["--opne"])
    assert exit_.value.code == 2
    assert "unrecognized arguments: --opne" in capsys.readouterr().err
    assert list(Path.cwd().iterdir()) == []


def test_help_and_version(capsys: pytest.CaptureFixture[str]) -> None:
    for option, expected in [("--help", "usage: python -m seedream_nb [FOLDER]"), ("--version", "seedream_nb 0")]:
        with pytest.raises(SystemExit) as exit_:
            main([option])
        assert exit_.value.code == 0
        assert capsys.readouterr().out.startswith(expected)


def test_what_the_tutorials_link_to_is_copied_with_them() -> None:
    for name, content in NOTEBOOKS.items():
        cells = [cell for cell in json.loads(content)["cells"] if cell["cell_type"] == "markdown"]
        targets = re.findall(r"\]\(([^)#]+)\)|(?:src|href)=\"([^\"#]+)\"", "".join("".join(c["source"]) for c in cells))
        relative = {target for pair in targets for target in pair if target and "://" not in target}
        assert relative <= set(NOTEBOOKS), name


def test_the_extra_installs_what_is_looked_for() -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    (extra,) = re.findall(r"^lab = \[\n(.*?)^\]", project, re.DOTALL | re.MULTILINE)
    assert tuple(re.findall(r'"([\w-]+)', extra)) == LAB
    assert find_tutorials() == ROOT / "notebooks"
