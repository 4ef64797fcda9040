"""The glossary in CONTRIBUTING.md holds: no word of its last column appears in code, messages, or documentation."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
GLOSSARY = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").partition("## Glossary")[2].partition("\n## ")[0]
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")] for line in GLOSSARY.splitlines() if line.startswith("| ")
]
BANNED = sorted({word.strip() for row in ROWS[1:] for word in row[2].partition(" (")[0].split(",") if word.strip()})
FOLDERS = ("seedream_nb", "tests", "notebooks", "docs", "binder", ".ci", ".github")
SUFFIXES = {".py", ".js", ".css", ".ipynb", ".md", ".toml", ".cfg", ".txt", ".yml"}
ALONE = ("README.md", "CHANGELOG.md", "SECURITY.md", "CITATION.cff", "pyproject.toml", "hatch_build.py", ".ci/run")
FILES = [
    *(ROOT / name for name in ALONE),
    *(path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*")) if path.suffix in SUFFIXES),
]
FILES.remove(Path(__file__))  # it shows what it looks for


def words_of(text: str) -> str:
    """The text in lower case, with `snake_case` and `CamelCase` names taken apart into words."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|_", " ", text)
    return re.sub(r"\s+", " ", spaced).lower()


PATTERN = re.compile(rf"(?<![a-z])({'|'.join(map(re.escape, BANNED))})s?(?![a-z])")
EMBEDDED = re.compile(r"data:image/[^,]*,[A-Za-z0-9+/=]*")


def banned_words_in(text: str) -> set[str]:
    return set(PATTERN.findall(words_of(EMBEDDED.sub("", text))))


def test_the_glossary_is_read() -> None:
    assert {"picture", "parcel", "outbox"} <= set(BANNED)


@pytest.mark.parametrize("text", ["A Picture", "open_picture", "PictureLoader", "two\n  pictures", "goes on\nwith"])
def test_a_banned_word_is_found(text: str) -> None:
    assert banned_words_in(text)


def test_the_glossary_holds() -> None:
    found = {str(path.relative_to(ROOT)): banned_words_in(path.read_text(encoding="utf-8")) for path in FILES}
    for path in FILES:
        if path.parent.name in {"library", "file_formats"}:  # existing libraries and archives have a table of this name
            found[str(path.relative_to(ROOT))].discard("picture")
    assert {path: words for path, words in found.items() if words} == {}


def test_a_docstring_says_what_a_thing_is() -> None:
    assert [path for path in FILES if '"""Why:' in path.read_text(encoding="utf-8")] == []
