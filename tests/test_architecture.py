"""The rooms of the house import one way only, and the doorstep stays cheap."""

import ast
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

import seedream_nb

ROOT = Path(seedream_nb.__file__).parent
PACKAGE = "seedream_nb"

# A room → the rooms it may import. Each may import itself and, for its version, the package.
ALLOWED = {
    "errors": set(),
    "parallel": set(),
    "words": set(),
    "whole_files": set(),
    "usage": set(),
    "task_ids": {"errors"},
    "times": {"errors"},
    "json_values": set(),
    "sharing": set(),
    "capabilities": {"errors"},
    "request_checks": {"capabilities"},
    "models": {"errors"},
    "config": {"errors"},
    "wire": {"errors", "json_values", "models", "usage"},
    "stream_events": {"capabilities", "json_values", "models", "wire"},
    "answers": {"errors", "models", "wire"},
    "connections": {"errors", "config"},
    "exchange": {"errors", "config", "answers", "connections"},
    "paid": {"errors", "connections", "exchange"},
    "transport": {"errors", "connections", "exchange", "paid"},
    "images": {"errors", "parallel", "json_values", "models", "config"},
    "library": {
        *{"errors", "capabilities", "json_values", "models", "config", "wire", "images"},
        *{"sharing", "whole_files", "words"},
    },
    "batches": {"errors", "parallel", "models", "wire", "answers"},
    "waiting": {"errors", "models", "batches"},
    "history": {"errors", "models", "batches"},
    "generation": {"errors", "capabilities", "json_values", "models", "request_checks"},
    "references": {"errors", "capabilities", "models", "images"},
    "submission": {
        *{"errors", "models", "wire", "answers", "transport"},
        *{"generation", "references", "stream_events", "words"},
    },
    "queries": {
        *{"errors", "models", "config", "wire", "answers", "transport"},
        *{"batches", "history", "waiting", "library"},
    },
    "outbox": {"errors", "models", "generation", "paid"},
    "making": {"errors", "models", "stream_events", "outbox", "waiting", "words"},
    "client": {"errors", "generation", "library", "making", "queries", "submission", "transport", "waiting"},
    "gallery": {"errors", "capabilities", "models", "config", "images", "library", "sharing", "whole_files", "words"},
    "sandbox": {"errors", "models", "capabilities", "request_checks"},
    "sweeps": {"capabilities", "generation", "submission", "words"},
    "panels": {
        *{"errors", "parallel", "capabilities", "models", "usage", "generation", "references", "submission"},
        *{
            "sweeps",
            "task_ids",
            "times",
            "client",
            "waiting",
            "making",
            "images",
            "library",
            "gallery",
            "config",
            "words",
        },
    },
    "notebook": {
        *{"errors", "capabilities", "models", "config", "client", "generation", "references", "sweeps", "waiting"},
        *{"task_ids", "times", "words"},
        *{"images", "library", "gallery", "panels", "sandbox"},
    },
    "__init__": {"notebook"},
}

# A library → the only modules that may import it.
KEPT_IN = {
    "requests": ("connections", "exchange", "images.fetch"),
    "urllib3": ("exchange", "images.fetch"),
    "PIL": ("images.contact_sheet", "images.layers", "images.lettering", "images.thumbnails", "sandbox"),
    "numpy": ("sandbox",),
    "tornado": ("sandbox",),
    "IPython": ("notebook.magics", "notebook.cell_display", "panels.explorer", "panels.static_output"),
    "tqdm": ("notebook.progress",),
    "ipywidgets": (
        *("panels.explorer", "panels.controls", "panels.query_forms", "panels.make_form", "panels.filter_bar"),
        "panels.closing",
    ),
    "anywidget": ("panels.grid",),
    "traitlets": ("panels.explorer", "panels.grid"),
    "dotenv": ("config",),
    "platformdirs": ("library.location",),
    "pandas": ("library.frame",),
    "sqlite3": ("library",),
    "slugify": ("gallery.save",),
}

# Imports that the table above forbids, each for a reason, and only while a function runs.
EXCEPTIONS = {
    # `task.compose()` is where a user looks for it; a task that is only read stays plain data.
    ("models", "seedream_nb.images.layers"),
    ("models", "seedream_nb.library"),
    # `TaskImage.from_file(path)`, likewise.
    ("models", "seedream_nb.images.saved_files"),
}

# What costs time to import and must wait for its first use.
HEAVY = ("PIL", "requests", "urllib3", "numpy", "tornado", "tqdm", "ipywidgets", "anywidget", "dotenv", "slugify")


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {module_name(path): path for path in sorted(ROOT.rglob("*.py"))}


class Imports(ast.NodeVisitor):
    """Collects what a module imports when it runs; what only a type checker reads is left out."""

    def __init__(self) -> None:
        self.found: list[tuple[str, bool]] = []  # name, and whether it waits within a function
        self._depth = 0

    def visit_If(self, node: ast.If) -> None:
        if ast.unparse(node.test) not in {"TYPE_CHECKING", "typing.TYPE_CHECKING"}:
            self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._depth += 1
        self.generic_visit(node)
        self._depth -= 1

    def visit_Import(self, node: ast.Import) -> None:
        self.found += [(alias.name, self._depth > 0) for alias in node.names]

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        assert node.level == 0, "a relative import hides which room is meant"
        names = [f"{node.module}.{alias.name}" for alias in node.names] if node.module == PACKAGE else [node.module]
        self.found += [(name or "", self._depth > 0) for name in names]


def imports_of(source: str) -> list[tuple[str, bool]]:
    visitor = Imports()
    visitor.visit(ast.parse(source))
    return visitor.found


def complaints(module: str, source: str) -> Iterator[str]:
    room = module.partition(".")[0]
    for name, waits in imports_of(source):
        top, _, rest = name.partition(".")
        target = rest.partition(".")[0]
        is_exception = waits and (module, name) in EXCEPTIONS
        if top == PACKAGE and target and target not in {room, *ALLOWED[room]} and not is_exception:
            yield f"{module} must not import {name}"
        if top == PACKAGE and target == "sandbox" and room != "sandbox" and not waits:
            yield f"{module} must import the sandbox only where it is used"
        homes = KEPT_IN.get(top)
        if homes is not None and not any(module == home or module.startswith(f"{home}.") for home in homes):
            yield f"{module} must not import {name}, which is kept in {' and '.join(homes)}"


@pytest.mark.parametrize("module", MODULES)
def test_no_room_imports_upwards(module: str) -> None:
    assert module.partition(".")[0] in ALLOWED, "a new room needs its place among the others"
    assert list(complaints(module, MODULES[module].read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("errors", "from seedream_nb.models import Task"),
        ("wire", "import seedream_nb.client"),
        ("images.load", "from seedream_nb import gallery"),
        ("gallery.html", "def late():\n    import requests"),
        ("sandbox.server", "from seedream_nb.wire import read_task"),
        ("notebook.commands", "from IPython.display import display"),
        ("notebook.session", "from seedream_nb.sandbox import Sandbox"),
        ("images.fetch", "if True:\n    from PIL import Image"),
        ("models", "from seedream_nb.images.layers import compose_layers"),
        ("models", "def late():\n    from seedream_nb.images.load import load_all"),
    ],
)
def test_the_rules_are_able_to_complain(module: str, source: str) -> None:
    assert list(complaints(module, source))
    assert not list(complaints(module, f"if TYPE_CHECKING:\n{textwrap.indent(source, '    ')}"))


@pytest.mark.parametrize(("module", "name"), EXCEPTIONS)
def test_an_exception_is_still_needed(module: str, name: str) -> None:
    assert (name, True) in imports_of(MODULES[module].read_text(encoding="utf-8"))
    assert name.split(".")[1] not in ALLOWED[module.partition(".")[0]]


def test_the_rooms_are_in_an_order() -> None:
    """No two rooms may import one another, not even in a circle."""
    order: list[str] = []
    while len(order) < len(ALLOWED):
        ready = [room for room, below in ALLOWED.items() if room not in order and below <= set(order)]
        assert ready
        order += ready


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
def test_loading_stays_cheap(action: str) -> None:
    command = [sys.executable, "-c", f"{action}\n{LOADED}"]
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (result.stdout.strip(), result.stderr, result.returncode) == ("", "", 0)


def test_every_public_name_can_be_had() -> None:
    for name in seedream_nb.__all__:
        assert getattr(seedream_nb, name).__name__ == name
    assert set(seedream_nb.__all__) <= set(dir(seedream_nb))
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = seedream_nb.no_such_name


def test_modules_stay_small() -> None:
    lengths = {module: len(path.read_text(encoding="utf-8").splitlines()) for module, path in MODULES.items()}
    assert {module: length for module, length in lengths.items() if length > 400} == {}
