"""What a newcomer sees first is correct: the commands in the README, the notebooks, the changelog."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib.metadata import requires
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

import seedream_nb

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
README = (ROOT / "README.md").read_text(encoding="utf-8")
PROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
ADDRESSES = dict(re.findall(r'^(\w+) = "(https://.*)"$', PROJECT, re.MULTILINE))
ISSUE_FORMS = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))


def commands_of_the_readme() -> list[str]:
    return re.findall(r"```bash\n(.*?)\n```", README, re.DOTALL)


def test_setup_takes_two_one_line_commands() -> None:
    start, test = commands_of_the_readme()
    assert start.endswith(".venv/bin/jupyter lab notebooks/01_quickstart.ipynb")
    assert test.endswith(".venv/bin/python -m pytest")
    assert "\n" not in start + test


def test_ci_runs_the_test_command_of_the_readme() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    pattern = re.search(r"grep -m1 -- '(.*?)' README.md", script)
    assert pattern is not None
    found = subprocess.run(
        ["grep", "-m1", "--", pattern[1], ROOT / "README.md"], capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == commands_of_the_readme()[1]


@pytest.mark.heavy
def test_the_python_example_of_the_readme_runs(tmp_path: Path) -> None:
    example = next(code for code in re.findall(r"```python\n(.*?)\n```", README, re.DOTALL) if "with Sandbox()" in code)
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", example], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "a white siamese cat succeeded 2048x2048"
    assert len(list((tmp_path / "seedream_results").glob("*.jpg"))) == 2


def test_every_file_linked_in_the_readme_exists() -> None:
    targets = [target for target in re.findall(r"\]\(([^)]+)\)", README) if "://" not in target]
    assert targets
    assert [target for target in targets if not (ROOT / target).exists()] == []


def test_the_changelog_starts_with_this_version() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    versions = re.findall(r"^## (\S+)", changelog, re.MULTILINE)
    assert versions[0] == seedream_nb.__version__


def test_the_citation_is_of_this_version_and_project() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == seedream_nb.__version__
    assert citation["repository-code"] == ADDRESSES["Repository"]
    assert citation["url"] == ADDRESSES["Documentation"]


def test_every_address_of_the_project_is_one_of_pyproject() -> None:
    names = ("CITATION.cff", "SECURITY.md", "CONTRIBUTING.md", "README.md")
    for path in (*map(ROOT.joinpath, names), *ISSUE_FORMS):
        found = re.findall(r"https://[^\s)\"]*seedream[-_]nb[^\s)\"]*", path.read_text(encoding="utf-8"))
        assert [one for one in found if not one.startswith(tuple(ADDRESSES.values()))] == [], path.name


@pytest.mark.parametrize("path", ISSUE_FORMS, ids=lambda path: path.name)
def test_an_issue_form_is_complete_and_asks_for_no_secret(path: Path) -> None:
    form = yaml.safe_load(path.read_text(encoding="utf-8"))
    if path.name == "config.yml":
        assert all(link["name"] and link["about"] and link["url"] for link in form["contact_links"])
        return
    assert form["name"]
    assert form["description"]
    fields = [field for field in form["body"] if field["type"] != "markdown"]
    ids = [field["id"] for field in fields]
    labels = [field["attributes"]["label"] for field in fields]
    assert len(set(ids)) == len(set(labels)) == len(fields)
    (config,) = (field["attributes"] for field in fields if field["id"] == "config")
    assert "`%seedream config`" in config["label"]
    assert "never which one" in config["description"]


def test_binder_installs_the_package_and_pins_everything() -> None:
    binder = ROOT / "binder"
    assert re.fullmatch(r"python-3\.\d+\n", (binder / "runtime.txt").read_text(encoding="utf-8"))
    assert {"-c constraints.txt", "."} <= set((binder / "requirements.txt").read_text(encoding="utf-8").splitlines())
    lines = (binder / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert [pin for pin in pins if not re.fullmatch(r"[\w.-]+==[\w.]+", pin)] == []
    installed = {re.sub(r"[-_.]+", "-", pin.partition("==")[0]).lower() for pin in pins}
    version = {"python_version": (binder / "runtime.txt").read_text(encoding="utf-8").strip().removeprefix("python-")}
    direct = {one.name for one in map(Requirement, requires("seedream_nb") or ()) if not _is_optional(one, version)}
    assert {*direct, "jupyterlab", "ipykernel"} <= installed


def _is_optional(requirement: Requirement, environment: dict[str, str]) -> bool:
    marker = requirement.marker
    return marker is not None and not marker.evaluate({"extra": "", **environment})


def test_test_modules_import_nothing_from_each_other() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {line}"
        for path in (ROOT / "tests").rglob("*.py")
        for line in path.read_text(encoding="utf-8").splitlines()
        if re.search(r"from +tests\.[\w.]*test_", line)
    ]
    assert found == []


def test_the_tests_have_the_rooms_of_the_package() -> None:
    rooms = {path.parent.name for path in (ROOT / "seedream_nb").glob("*/__init__.py")}
    folders = {path.parent.name for path in (ROOT / "tests").glob("*/test_*.py")}
    assert folders - {"browser", "docs"} == rooms


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
class TestNotebooks:
    def test_it_is_small(self, path: Path) -> None:
        assert path.stat().st_size < 400_000

    def test_it_was_run_from_top_to_bottom(self, path: Path) -> None:
        cells = [cell for cell in json.loads(path.read_bytes())["cells"] if cell["cell_type"] == "code"]
        assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
        assert all(cell["outputs"] for cell in cells)

    def test_it_contains_nothing_volatile(self, path: Path) -> None:
        text = path.read_text(encoding="utf-8")
        notebook = json.loads(text)
        assert set(notebook["metadata"]) == {"kernelspec"}
        assert all("execution" not in cell["metadata"] for cell in notebook["cells"])
        assert "127.0.0.1" not in text
        assert not re.search(r'"/(home|root|tmp|Users)/', text)
