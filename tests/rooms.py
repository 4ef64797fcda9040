"""The rooms of the package, what each may import, and what its modules import."""

from __future__ import annotations

import ast
import functools
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[1] / "seedream_nb"
PACKAGE = "seedream_nb"

# From the bottom up: a room may import those before it, and itself.
ROOMS = ("core", "protocol", "images", "library", "client", "gallery", "runs", "panels", "notebook")
BELOW = {room: frozenset(ROOMS[:floor]) for floor, room in enumerate(ROOMS)}
ALLOWED = BELOW | {
    "sandbox": frozenset({"core", "protocol"}),
    "notebook": BELOW["notebook"] | {"sandbox"},
    "__init__": frozenset({"core", "notebook"}),
    "__main__": frozenset({"core", "__version__"}),
}


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {module_name(path): path for path in sorted(ROOT.rglob("*.py"))}


class Imports(ast.NodeVisitor):
    """Collects what a module imports at run time; imports for type checkers are ignored."""

    def __init__(self) -> None:
        self.found: list[tuple[str, bool]] = []  # name, and whether the import is inside a function
        self.members: set[str] = set()  # what is imported from a module; may be a module itself
        self._depth = 0

    def visit(self, node: ast.AST) -> None:
        if not isinstance(node, ast.expr):  # no import is within an expression
            super().visit(node)

    def visit_If(self, node: ast.If) -> None:
        if getattr(node.test, "attr", getattr(node.test, "id", None)) != "TYPE_CHECKING":
            self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._depth += 1
        self.generic_visit(node)
        self._depth -= 1

    def visit_Import(self, node: ast.Import) -> None:
        self.found += [(alias.name, self._depth > 0) for alias in node.names]

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        assert node.level == 0, "relative imports hide the room"
        names = [f"{node.module}.{alias.name}" for alias in node.names] if node.module == PACKAGE else [node.module]
        self.found += [(name or "", self._depth > 0) for name in names]
        self.members |= {f"{node.module}.{alias.name}" for alias in node.names}


@functools.cache
def read_imports(source: str) -> Imports:
    visitor = Imports()
    visitor.visit(ast.parse(source))
    return visitor


def modules_imported_by(source: str) -> set[str]:
    """The modules of the package that a source imports at run time, also inside functions."""
    imports = read_imports(source)
    names = {name for name, _ in imports.found} | imports.members
    inner = {name.removeprefix(f"{PACKAGE}.") for name in names if name.startswith(f"{PACKAGE}.")}
    return (inner & set(MODULES)) | ({"__init__"} if PACKAGE in names or f"{PACKAGE}.__version__" in names else set())


def count_imports() -> Counter[tuple[str, str]]:
    """For each two rooms, how many modules of the first one import from the second one at run time."""
    found: Counter[tuple[str, str]] = Counter()
    for module, path in MODULES.items():
        room = room_of(module)
        imported = {room_of(name) for name in modules_imported_by(path.read_text(encoding="utf-8"))}
        found.update((room, other) for other in imported - {room})
    return found


def room_of(module: str) -> str:
    return module.partition(".")[0]
