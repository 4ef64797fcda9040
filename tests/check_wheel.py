"""Checks what would be published: the sdist is the repository, the wheel is complete, and the description reads well.

Run it from the root of the repository: `python -m tests.check_wheel`. It needs the package index, so it is not a test.
It leaves both in `build/dist`.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import venv
import zipfile
from email import message_from_bytes
from pathlib import Path

from readme_renderer.markdown import render

ROOT = Path(__file__).parents[1]
DIST = ROOT / "build" / "dist"
# Those that read the whole repository, and a room.
QUICK_TESTS = ("tests/test_project.py", "tests/test_architecture.py", "tests/test_tutorials.py", "tests/core")

# What the wheel does in an environment that contains nothing else.
INSTALLED = """
from importlib import metadata
from pathlib import Path

import seedream_nb
from seedream_nb import Gallery, Sandbox, SeedreamClient, explore

home = Path(seedream_nb.__file__).parent
assert "site-packages" in home.parts, f"{home} is not an installed copy"
assert (home / "py.typed").is_file()
assert metadata.version("seedream_nb") == seedream_nb.__version__
with Sandbox() as sandbox, SeedreamClient(sandbox.token, sandbox.url) as client:
    html = Gallery(client.retrieve("84d1544a-9043-4dde-a98b-e889dacd75f6")).to_html()
assert ".seedream-gallery figure" in html
assert "data:image/jpeg;base64," in html
panel = explore(SeedreamClient("token"))
assert "render" in str(panel.grid._esm)
assert ".seedream-explorer" in str(panel.grid._css)
panel.close()
"""


def run(*command: str | Path, cwd: Path = ROOT, expected: int = 0, **variables: str) -> str:
    """Runs a command, with environment variables; returns its output, or ends with it if the exit code is another."""
    result = subprocess.run(
        command, cwd=cwd, env={**os.environ, **variables}, capture_output=True, text=True, check=False
    )
    if result.returncode != expected:
        raise SystemExit(
            f"{' '.join(map(str, command))} ended with {result.returncode}:\n{result.stdout}{result.stderr}"
        )
    return result.stdout


def build() -> tuple[Path, Path]:
    """Builds the sdist, and from it the wheel, which is the same as the one built from the repository."""
    shutil.rmtree(DIST, ignore_errors=True)
    run(sys.executable, "-m", "build", "--outdir", DIST)
    (sdist,), (wheel,) = DIST.glob("*.tar.gz"), DIST.glob("*.whl")
    with tempfile.TemporaryDirectory() as other:
        run(sys.executable, "-m", "build", "--wheel", "--outdir", other)
        assert (Path(other) / wheel.name).read_bytes() == wheel.read_bytes(), "the sdist builds another wheel"
    return sdist, wheel


def check_description(wheel: Path) -> None:
    """What the package index shows has no links that only work in the repository."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        description = message_from_bytes(archive.read(name)).get_payload()
    html = render(str(description))
    assert html is not None, "the description cannot be rendered"
    targets = re.findall(r'(?:src|href)="([^"]*)"', html)
    relative = [target for target in targets if not re.match(r"https://|#", target)]
    assert targets, "the description has no links"
    assert not relative, f"the description has relative links: {relative}"


def check_sdist(sdist: Path) -> None:
    """The sdist has every file of the repository, and is enough to test the package."""
    tracked = set(run("git", "ls-files").splitlines())
    with tempfile.TemporaryDirectory() as name, tarfile.open(sdist) as archive:
        archive.extractall(name, filter="data")
        (unpacked,) = Path(name).iterdir()
        found = {path.relative_to(unpacked).as_posix() for path in unpacked.rglob("*") if path.is_file()}
        assert found == tracked | {"PKG-INFO"}, f"not in both: {sorted(found ^ tracked)}"
        command = (sys.executable, "-m", "pytest", "-q", "-m", "not slow", *QUICK_TESTS)
        run(*command, cwd=unpacked, PYTHONPATH=str(unpacked))


def check_wheel(wheel: Path) -> None:
    """The wheel works alone, and brings the tutorials."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        venv.create(folder / "venv", with_pip=True)
        python = folder / "venv" / "bin" / "python"
        run(python, "-m", "pip", "install", "-q", wheel)
        run(python, "-c", INSTALLED, cwd=folder, PYTHONPATH="")
        output = run(python, "-m", "seedream_nb", cwd=folder, expected=1, PYTHONPATH="")  # there is no JupyterLab
        assert 'pip install "seedream_nb[lab]"' in output, output
        copies = {path.name: path.read_bytes() for path in (folder / "seedream_tutorials").iterdir()}
        assert copies == {path.name: path.read_bytes() for path in (ROOT / "notebooks").glob("*.ipynb")}


def main() -> None:
    """Builds and checks both."""
    sdist, wheel = build()
    print(run(sys.executable, "-m", "twine", "check", "--strict", sdist, wheel), end="")
    check_description(wheel)
    check_sdist(sdist)
    check_wheel(wheel)
    print(f"{sdist.name} and {wheel.name} can be published.")


if __name__ == "__main__":
    main()
