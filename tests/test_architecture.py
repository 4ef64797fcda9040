"""Rooms import in one direction only, and importing the package stays cheap."""

import inspect
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter

import pytest

import seedream_nb
from seedream_nb.core import errors
from tests.rooms import ALLOWED, MODULES, PACKAGE, ROOMS, ROOT, modules_imported_by, read_imports, room_of

# A library → the only rooms or modules that may import it.
CONFINED = {
    "requests": ("client.http", "images.download"),
    "urllib3": ("client.http", "images.download"),
    "PIL": ("images", "sandbox"),
    "numpy": ("sandbox",),
    "tornado": ("sandbox",),
    "IPython": ("notebook", "panels"),
    "ipywidgets": ("panels",),
    "anywidget": ("panels",),
    "traitlets": ("panels",),
    "dotenv": ("client.settings",),
    "platformdirs": ("library.location",),
    "pandas": ("library", "runs.run_results"),
    "polars": ("runs.run_results",),
    "narwhals": ("runs.tables",),
    "fsspec": ("gallery.dataset_target",),
    "pyarrow": ("runs.tables", "runs.table_files", "gallery.dataset_formats"),
    "sqlite3": ("library",),
    "slugify": ("gallery",),
    "distributed": ("gallery.dataset_dask",),
}

# Slow imports that must wait for their first use.
HEAVY = (
    "PIL",
    "requests",
    "urllib3",
    "numpy",
    "tornado",
    "ipywidgets",
    "anywidget",
    "dotenv",
    "slugify",
    "fsspec",
    "narwhals",
    "pyarrow",
    "distributed",
)


def complaints(module: str, source: str) -> Iterator[str]:
    room = room_of(module)
    for name, waits in read_imports(source).found:
        top, _, rest = name.partition(".")
        target = rest.partition(".")[0]
        if top == PACKAGE and target and target not in {room, *ALLOWED[room]}:
            yield f"{module} must not import {name}"
        if top == PACKAGE and target == "sandbox" and room != "sandbox" and not waits:
            yield f"{module} must import the sandbox inside a function"
        homes = CONFINED.get(top)
        if homes is not None and not any(module == home or module.startswith(f"{home}.") for home in homes):
            yield f"{module} must not import {name}; only {' and '.join(homes)} may"


def test_no_room_imports_upwards() -> None:
    assert {room_of(module) for module in MODULES} <= set(ALLOWED), "add the new room to ROOMS"
    sources = {module: path.read_text(encoding="utf-8") for module, path in MODULES.items()}
    assert [found for module, source in sources.items() for found in complaints(module, source)] == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("core.errors", "from seedream_nb.protocol.capabilities import MODELS"),
        ("protocol.responses", "import seedream_nb.client.client"),
        ("images.layers", "from seedream_nb import gallery"),
        ("gallery.rendering", "def late():\n    import requests"),
        ("sandbox.server", "from seedream_nb.client.settings import Settings"),
        ("gallery.gallery", "from IPython.display import display"),
        ("notebook.session", "from seedream_nb.sandbox import Sandbox"),
        ("library.records", "if True:\n    from PIL import Image"),
        ("core.models", "from seedream_nb.images.layers import compose_layers"),
        ("core.models", "def late():\n    from seedream_nb.images.fetch import load_all"),
    ],
)
def test_violations_are_found(module: str, source: str) -> None:
    assert list(complaints(module, source))
    assert not list(complaints(module, f"if TYPE_CHECKING:\n{textwrap.indent(source, '    ')}"))


def circle(imports: Mapping[str, set[str]]) -> list[str]:
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_no_circle_at_run_time() -> None:
    imports = {module: modules_imported_by(path.read_text(encoding="utf-8")) for module, path in MODULES.items()}
    assert circle({module: imported - {module} for module, imported in imports.items()}) == []


def test_a_circle_inside_functions_is_found() -> None:
    late = "def late():\n    from seedream_nb.core import errors"
    imports = {"core.errors": {"core.models"}, "core.models": modules_imported_by(late)}
    assert set(circle(imports)) == {"core.errors", "core.models"}


def test_the_package_has_few_rooms() -> None:
    # py.typed is a marker for type checkers, neither a room nor a module.
    entries = [path for path in ROOT.iterdir() if path.name not in {"__pycache__", "py.typed"}]
    assert len(entries) <= 12
    assert {path.name for path in entries if path.is_dir()} == {*ROOMS, "sandbox"}


LOADED = f"import sys; print(*[name for name in {(*HEAVY, 'seedream_nb.sandbox')!r} if name in sys.modules])"
SHELL = "from IPython.core.interactiveshell import InteractiveShell; shell = InteractiveShell.instance()\n"


@pytest.mark.parametrize(
    "action",
    [
        "import seedream_nb; dir(seedream_nb)",
        f"{SHELL}print(shell.run_line_magic('load_ext', 'seedream_nb') or '', end='')",
        f"{SHELL}shell.run_line_magic('load_ext', 'seedream_nb'); shell.run_line_magic('unload_ext', 'seedream_nb')",
    ],
)
@pytest.mark.heavy
def test_loading_stays_cheap(action: str) -> None:
    command = [sys.executable, "-c", f"{action}\n{LOADED}"]
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (result.stdout.strip(), result.stderr, result.returncode) == ("", "", 0)


def test_every_public_name_can_be_imported() -> None:
    for name in seedream_nb.__all__:
        assert getattr(seedream_nb, name).__name__ == name
    assert set(seedream_nb.__all__) <= set(dir(seedream_nb))
    classes = {
        name for name, value in vars(errors).items() if inspect.isclass(value) and value.__module__ == errors.__name__
    }
    assert classes <= set(seedream_nb.__all__)
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = seedream_nb.no_such_name
