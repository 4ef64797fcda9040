"""The drawing of the architecture shows each room and each import, and nothing else."""

from __future__ import annotations

import importlib.util
import xml.etree.ElementTree as ET
from collections import Counter
from typing import Any

from tests.rooms import ALLOWED, ROOMS, ROOT, count_imports

SVG = "{http://www.w3.org/2000/svg}"
SPEC = importlib.util.spec_from_file_location("_house", ROOT.parent / "docs" / "_ext" / "_house.py")


def draw(imports: Counter[tuple[str, str]]) -> ET.Element:
    assert SPEC is not None
    assert SPEC.loader is not None
    house: Any = importlib.util.module_from_spec(SPEC)
    SPEC.loader.exec_module(house)
    jobs = {room: f"the job of {room}" for room in ALLOWED}
    return ET.fromstring(f"<div>{house.draw_house(ROOMS, ALLOWED, imports, jobs)}</div>")  # noqa: S314  our own


def arrows(drawing: ET.Element) -> set[tuple[str, ...]]:
    return {
        tuple(line.attrib["data-import"].split()) for line in drawing.iter(f"{SVG}path") if "data-import" in line.attrib
    }


def test_each_import_is_an_arrow_and_a_number_of_the_table() -> None:
    imports = count_imports()
    assert imports["client", "library"] > 0
    drawing = draw(imports)
    between_rooms = {pair: count for pair, count in imports.items() if not pair[0].startswith("__")}
    assert arrows(drawing) == set(between_rooms)
    heads = [cell.text for cell in drawing.findall(".//table/thead/tr/th")][1:]
    rows = drawing.findall(".//table/tbody/tr")
    told = {
        (row[0].text, head): int(cell.text)
        for row in rows
        for head, cell in zip(heads, row[1:], strict=True)
        if cell.text
    }
    assert told == between_rooms


def test_an_import_that_comes_or_goes_changes_the_drawing() -> None:
    imports = count_imports()
    assert not imports["panels", "runs"]
    assert ("panels", "runs") in arrows(draw(imports | Counter({("panels", "runs"): 1})))
    del imports["gallery", "library"]
    assert ("gallery", "library") not in arrows(draw(imports))


def test_it_can_be_read_without_being_seen() -> None:
    drawing = draw(count_imports())
    svg = drawing.find(f".//{SVG}svg")
    assert svg is not None
    ids = {element.attrib["id"] for element in svg if "id" in element.attrib}
    assert set(svg.attrib["aria-labelledby"].split()) <= ids
    words = " ".join(svg.itertext())
    for room in (*ROOMS, "sandbox"):
        assert f"the job of {room}" in words
