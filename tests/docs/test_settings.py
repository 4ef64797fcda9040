"""The page of the settings has every environment variable that the code knows, and no other."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import seedream_nb

PACKAGE = Path(seedream_nb.__file__).parent
PAGE = (PACKAGE.parent / "docs/reference/settings.md").read_text(encoding="utf-8")
FAMILIES = re.compile(
    r"\b(?:(?:SEEDREAM|ACEDATACLOUD|JPY|JUPYTER)_[A-Z_]+|(?:HTTPS|NO)_PROXY|[A-Z]+_CA_BUNDLE|TMPDIR)\b"
)
DOCUMENTED = re.findall(r"^\(setting-[a-z-]+\)=\n### (\w+)$", PAGE, re.MULTILINE)


def texts_of(tree: ast.AST) -> set[str]:
    return {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def names_read_in(tree: ast.Module) -> set[str]:
    """The names that a module reads from the environment, each as text or as one of its constants."""
    found = {ast.unparse(node.args[0]) for node in ast.walk(tree) if isinstance(node, ast.Call) and reads(node.func)}
    return found | {
        ast.unparse(node.slice) for node in ast.walk(tree) if isinstance(node, ast.Subscript) and is_environ(node.value)
    }


def reads(function: ast.expr) -> bool:
    text = ast.unparse(function)
    return text.endswith("getenv") or (text.endswith(".get") and text.removesuffix(".get").endswith("environ"))


def is_environ(value: ast.expr) -> bool:
    return ast.unparse(value).endswith("environ")


def test_the_page_has_every_variable_and_no_other() -> None:
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in sorted(PACKAGE.rglob("*.py"))]
    known = {name for tree in trees for text in texts_of(tree) for name in FAMILIES.findall(text)}
    assert len(DOCUMENTED) == len(set(DOCUMENTED))
    assert set(DOCUMENTED) == known
    constants = {
        target.id: ast.literal_eval(node.value)
        for tree in trees
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    read = {name for tree in trees for name in names_read_in(tree)}
    assert len(read) >= 8
    # A name of a new family would not be found by its spelling.
    assert {constants.get(name, name.strip("'\"")) for name in read} <= known


def test_each_section_has_its_label_and_a_line_in_the_table() -> None:
    for name in DOCUMENTED:
        label = f"setting-{name.lower().replace('_', '-')}"
        assert f"({label})=\n### {name}\n" in PAGE
        if name.startswith(("SEEDREAM_", "ACEDATACLOUD_")):
            assert f"| {{ref}}`{name} <{label}>` |" in PAGE
            section = PAGE.partition(f"### {name}\n")[2].partition("\n(setting")[0]
            assert f"```bash\nexport {name}=" in section
            assert "\nA change takes effect w" in section
