"""What is left of a gallery where foreign HTML is cleaned, as on GitHub."""

from __future__ import annotations

import json
from pathlib import Path

import nh3
import pytest

from seedream_nb import ErrorDetail, Gallery, Task, TaskImage, TaskStatus
from seedream_nb.gallery import Table
from tests.gallery.reading import Element, one_line, parse, visible_text
from tests.sample_images import plain

UUID = "84d1544a-9043-4dde-a98b-e889dacd75f6"
PROMPT = "a <b>cat</b> & $5"
LINK = "https://images.example/a.jpg"
NOTEBOOKS = Path(__file__).parents[2] / "notebooks"

# As published: the allow-list of HTML::Pipeline, with which GitHub began. What it does to notebooks today is not
# published; it shows images within them, so that data: is allowed here in addition.
GITHUB_TAGS = """
    h1 h2 h3 h4 h5 h6 h7 h8 br b i strong em a pre code img tt div ins del sup sub p ol ul table thead tbody tfoot
    blockquote dl dt dd kbd q samp var hr ruby rt rp li tr td th s strike summary details
"""
GITHUB_ATTRIBUTES = """
    abbr align alt border cellpadding cellspacing cols colspan color dir headers height hspace lang name nowrap open
    rows rowspan scope size span start summary tabindex title type valign value vspace width itemprop
"""
GITHUB_OF_TAGS = {"a": {"href"}, "img": {"src"}}
GITHUB_SCHEMES = {"http", "https", "mailto", "data"}


def clean_as_github(html: str) -> Element:
    return parse(
        nh3.clean(
            html,
            tags=set(GITHUB_TAGS.split()),
            clean_content_tags={"script"},
            attributes={"*": set(GITHUB_ATTRIBUTES.split()), **GITHUB_OF_TAGS},
            url_schemes=GITHUB_SCHEMES,
        )
    )


def gallery() -> Gallery:
    error = ErrorDetail("InputTextSensitiveContentDetected", "The input text may contain sensitive information.")
    tasks = [
        Task(
            UUID, TaskStatus.SUCCEEDED, (TaskImage(UUID, data=plain(320, 200), url=LINK),), prompt="a <b>cat</b> & $5"
        ),
        Task(UUID, TaskStatus.SUCCEEDED, (TaskImage(UUID, data=plain(200, 320)),), prompt="a far planet, " * 40),
        Task(UUID, TaskStatus.FAILED, prompt="a dog", error=error, trace_id=UUID),
    ]
    return Gallery(tasks)


def test_github_shows_images_captions_and_links() -> None:
    shown = gallery()
    cleaned = clean_as_github(shown.to_html())
    images = cleaned.find("img")
    assert [image.attributes["alt"][:10] for image in images] == ["a <b>cat</", "a far plan"]
    assert all(image.attributes["src"].startswith("data:image/") for image in images)
    assert [(image.attributes["width"], image.attributes["height"]) for image in images] == [
        ("320", "200"),
        ("200", "320"),
    ]
    text = one_line(visible_text(cleaned))
    for words in (
        "3 tasks · 2 images · 1 failed",
        "a <b>cat</b> & $5",
        "Rejected by the content check",
        "✕ failed",
        UUID,
    ):
        assert words in text
    assert {link.attributes["href"] for link in cleaned.find("a")} == {LINK}


def test_github_shows_rows_and_columns() -> None:
    tasks = [Task(UUID, TaskStatus.SUCCEEDED, (TaskImage(UUID, data=plain()),), prompt="a cat")] * 4
    cleaned = clean_as_github(Gallery(tasks, table=Table(("SeeDream 4.5", "SeeDream 4.0"), ("1K", "2K"))).to_html())
    assert [one_line(visible_text(head)) for head in cleaned.find("th")] == ["1K", "2K", "SeeDream 4.5", "SeeDream 4.0"]
    assert [len(cell.find("img")) for row in cleaned.find("tbody")[0].find("tr") for cell in row.find("td")] == [1] * 4


@pytest.mark.parametrize("name", ["01_quickstart", "03_sweeps_and_waiting", "04_explorer"])
def test_github_shows_the_committed_notebooks(name: str) -> None:
    saved = json.loads((NOTEBOOKS / f"{name}.ipynb").read_text(encoding="utf-8"))
    outputs = [output["data"] for cell in saved["cells"] for output in cell.get("outputs", ()) if "data" in output]
    galleries = [
        "".join(data["text/html"]) for data in outputs if "seedream-gallery" in "".join(data.get("text/html", ""))
    ]
    assert galleries
    for html in galleries:
        whole, cleaned = parse(html), clean_as_github(html)
        assert len(cleaned.find("img")) == len(whole.find("img"))
        text = visible_text(cleaned)
        assert "{" not in text
        for caption in whole.find("figcaption"):
            assert one_line(caption.text).replace(" ", "") in text.replace(" ", "")
