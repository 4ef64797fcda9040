"""The page of the wire contract has each section that a comment or a docstring cites."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from seedream_nb.protocol.capabilities import MODELS
from seedream_nb.sandbox.serialization import _ERRORS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "reference" / "wire_contract.md").read_text(encoding="utf-8")
SECTIONS = {title: label for label, title in re.findall(r"^\(wire-contract-([\w-]+)\)=\n##+ (.+)$", PAGE, re.MULTILINE)}
CITED = re.compile(r"wire contract(?:, | \()([^,;:.)]+)")
FILES = [
    path
    for folder in ("seedream_nb", "tests")
    for path in sorted((ROOT / folder).rglob("*"))
    if path.suffix in {".py", ".toml"} and path != Path(__file__)
]


def citations_in(text: str) -> list[str]:
    """The sections that a text cites; a line within a comment begins with `#`."""
    return [" ".join(name.split()) for name in CITED.findall(re.sub(r"\s*\n\s*(?:# )?", " ", text))]


def test_each_section_has_the_label_of_its_title() -> None:
    assert len(SECTIONS) == len(re.findall(r"^##+ ", PAGE, re.MULTILINE))
    assert {title: re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-") for title in SECTIONS} == SECTIONS


def test_each_cited_section_is_on_the_page() -> None:
    cited = {(path.name, name) for path in FILES for name in citations_in(path.read_text(encoding="utf-8"))}
    assert len(cited) > 20
    assert sorted((file, name) for file, name in cited if name not in SECTIONS) == []


@pytest.mark.parametrize(
    ("text", "cited"),
    [
        ("as usual (wire contract, Common).", ["Common"]),
        ("# such as (wire contract, POST\n# /seedream/images): both", ["POST /seedream/images"]),
        ("of the wire contract (Limits), which", ["Limits"]),
        ("the wire contract's formats", []),
    ],
)
def test_a_citation_is_found(text: str, cited: list[str]) -> None:
    assert citations_in(text) == cited


def test_the_page_has_the_models_and_the_error_codes_of_the_code() -> None:
    assert [model for model in MODELS if f"`{model}`" not in PAGE] == []
    assert [code for code in _ERRORS if f"`{code}`" not in PAGE] == []
