"""Reads docstrings as they are written: code between single backticks, linked where it names something public.

The constructor of a class that says "Created by" is not shown: nobody calls it. A citation of the wire contract leads
to its section.
"""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import re
from typing import TYPE_CHECKING, Any

import seedream_nb

if TYPE_CHECKING:
    from docutils.nodes import Element
    from sphinx.addnodes import pending_xref
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

# What public methods return, documented under the module that defines it.
VALUES = {
    "Budget": "library.budgets",
    "DatasetItem": "library.dataset_items",
    "DatasetVerification": "gallery.dataset_verification",
    "Exported": "library.exporting",
    "Fault": "sandbox.faults",
    "Faults": "sandbox.faults",
    "GalleryOptions": "gallery.contents",
    "Imported": "library.importing",
    "LineageTree": "library.lineage",
    "LoggedRequest": "sandbox.handlers",
    "Marks": "library.marks",
    "PriceList": "protocol.prices",
    "Purchase": "library.ledger",
    "PurchaseState": "library.ledger",
    "Query": "library.search",
    "Removal": "library.removal",
    "SandboxSettings": "sandbox.service",
    "SavedImage": "gallery.save",
    "Secret": "client.settings",
    "Shape": "images.shapes",
    "Verification": "library.verification",
}
PATHS = {name: f"seedream_nb.{name}" for name in seedream_nb.__all__} | {
    name: f"seedream_nb.{home}.{name}" for name, home in VALUES.items()
}
BASES = {"seedream_nb.SeedreamError", "seedream_nb.Interrupted"}  # have the arguments of all others
PARAMETERS = re.compile(r"<dl>\n((?:<dd>.*</dd>\n)+)</dl>")
CODE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)(?=(\w)?)")
CREATED = re.compile(r"\bCreated by `")
CONTRACT = re.compile(r"\(wire contract, ([^),:;]+)([^)]*)\)")


def members_of(cls: type) -> set[str]:
    """The names of the public methods, properties, and fields of a class of this package."""
    found = {field.name for field in dataclasses.fields(cls)} if dataclasses.is_dataclass(cls) else set()
    for base in cls.__mro__:
        if base.__module__.startswith("seedream_nb."):
            found |= {name for name, value in vars(base).items() if not name.startswith("_") and is_member(value)}
    return found


def is_member(value: object) -> bool:
    """Whether an attribute of a class is a method or a property, on which a page has an entry."""
    return inspect.isroutine(value) or isinstance(value, (property, classmethod)) or hasattr(value, "attrname")


def find_target(code: str, context: str, parameters: set[str]) -> str:
    """The full name of what some code names; empty if it is nothing that the reference has."""
    name = code.removesuffix("()")
    first, _, member = name.partition(".")
    if first in PATHS:
        cls = getattr(importlib.import_module(PATHS[first].rpartition(".")[0]), first)
        known = not member or (inspect.isclass(cls) and member in members_of(cls))
        return PATHS[first] + (f".{member}" if member else "") if known else ""
    cls = getattr(seedream_nb, context, None) if context in seedream_nb.__all__ else None
    if inspect.isclass(cls) and name not in parameters and name in members_of(cls):
        return f"{PATHS[context]}.{name}"
    return ""


def process(app: Sphinx, what: str, name: str, obj: Any, options: object, lines: list[str]) -> None:  # noqa: PLR0917  Sphinx's own
    """Rewrites a docstring as reStructuredText, before its sections are read."""
    del app, options
    path = name.split(".")
    context = path[1] if len(path) > 1 else ""
    try:
        parameters = set(inspect.signature(obj).parameters)
    except (TypeError, ValueError):
        parameters = set()

    def link(match: re.Match[str]) -> str:
        target = find_target(match[1], context, parameters)
        code = f":py:obj:`{match[1]} <{target}>`" if target and target != name else f"``{match[1]}``"
        return code + ("\\ " if match[2] else "")

    if inspect.isclass(obj) and any(CREATED.search(line) for line in lines):
        lines[:] = without_arguments(lines)
    lines[:] = with_result_as_field(lines)
    is_example = False
    for number, line in enumerate(lines):
        is_example = line.lstrip().startswith(">>>") or (is_example and line.strip() != "")
        if not is_example:
            lines[number] = CONTRACT.sub(cite, CODE.sub(link, line))
    if what == "exception":
        lines += ["", f"What it means and what to do: :ref:`error-{context.lower()}`."]


def without_arguments(lines: list[str]) -> list[str]:
    """A docstring without the section of the arguments."""
    kept, is_left_out = [], False
    for line in lines:
        if line and not line.startswith(" "):
            is_left_out = line == "Args:"
        if not is_left_out:
            kept.append(line)
    return kept


def with_result_as_field(lines: list[str]) -> list[str]:
    """A docstring whose result is a field: napoleon takes what is before a colon there for a type."""
    changed, field = [], ""
    for line in lines:
        if line in {"Returns:", "Yields:"}:
            field = f":{line} "
        elif field and line:
            changed.append(field + line.lstrip())
            field = ""
        else:
            changed.append(line)
    return changed


def cite(match: re.Match[str]) -> str:
    """A citation as a link to the section of the page."""
    label = re.sub(r"[^a-z0-9]+", "-", match[1].lower()).strip("-")
    return f"(:ref:`wire contract, {match[1]} <wire-contract-{label}>`{match[2]})"


def hide_signature(  # noqa: PLR0917  Sphinx's own
    app: Sphinx, what: str, name: str, obj: Any, options: object, signature: str | None, result: str | None
) -> tuple[str, None] | None:
    """Shows no arguments of classes that nobody creates."""
    del app, options, result
    is_created = what == "class" and CREATED.search(inspect.getdoc(obj) or "")
    is_raised = what == "exception" and name not in BASES
    return ("", None) if signature and (is_created or is_raised) else None


def resolve(app: Sphinx, env: BuildEnvironment, node: pending_xref, content: Element) -> Element | None:
    """Finds the types in signatures; those that the reference does not describe are no links."""
    name = node.get("reftarget", "")
    first, *others = name.split(".")
    if node.get("refdomain") != "py" or not name:
        return None
    if first == "seedream_nb" and len(others) > 1 and others[0].islower() and name not in PATHS.values():
        return content
    target = PATHS.get(others[-1] if others else first)
    if target is None or target == name:
        return None
    domain = env.get_domain("py")
    return domain.resolve_xref(env, node["refdoc"], app.builder, "obj", target, node, content)


def mend_parameters(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: object) -> None:
    """Turns the parameters of a signature, which Sphinx writes as a list of terms without terms, into lines."""
    del app, page, template, doctree

    def to_lines(match: re.Match[str]) -> str:
        lines = match[1].replace("<dd>", '<span style="display: block; margin-left: 2em">').replace("</dd>", "</span>")
        return f'<span style="display: block">{lines}</span>'

    if "body" in context:
        context["body"] = PARAMETERS.sub(to_lines, context["body"])


def setup(app: Sphinx) -> dict[str, bool]:
    """Registers all of this."""
    app.setup_extension("sphinx.ext.autodoc")
    app.connect("autodoc-process-docstring", process, priority=100)  # before the sections are read
    app.connect("autodoc-process-signature", hide_signature)
    app.connect("missing-reference", resolve)
    app.connect("html-page-context", mend_parameters)
    app.config.add_module_names = False
    app.config.python_maximum_signature_line_length = 88
    app.config.python_use_unqualified_type_names = True
    return {"parallel_read_safe": True}
