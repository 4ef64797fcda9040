"""What may appear in the output of a gallery, whatever the tasks contain."""

import re
from urllib.parse import urlsplit

from tests.gallery.reading import Sheet

ALLOWED = {
    "div": {"class", "style", "dir", "role", "aria-label", "tabindex"},
    "table": {"class", "style"},
    "colgroup": set(),
    "col": {"class", "style"},
    "thead": set(),
    "tbody": set(),
    "tr": set(),
    "th": {"scope", "style"},
    "td": {"style", "rowspan"},
    "rp": set(),
    "style": set(),
    "p": {"class"},
    "figure": {"class", "style"},
    "figcaption": set(),
    "span": {"class", "dir", "aria-hidden", "title"},
    "code": {"class", "title"},
    "wbr": set(),
    "details": {"class"},
    "summary": {"title"},
    "a": {"href", "target", "rel"},
    "img": {"src", "alt", "width", "height", "loading"},
}
EMBEDDED = re.compile(r"data:image/(jpeg|png|webp);base64,[A-Za-z0-9+/]+=*")
OWN_STYLE = re.compile(r"[a-z0-9:;,()%./ -]*")
STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def assert_safe(sheet: Sheet) -> None:
    for element in sheet.root.walk()[1:]:
        assert element.tag in ALLOWED
        assert set(element.attributes) <= ALLOWED[element.tag]
        assert OWN_STYLE.fullmatch(element.attributes.get("style", ""))
        source, link = element.attributes.get("src"), element.attributes.get("href")
        assert source is None or EMBEDDED.fullmatch(source) or is_public(source)
        assert link is None or is_public(link)
    assert sheet.root.text_for_mathjax() == ""
    for form in (sheet.html, sheet.plain):
        assert not STEERING.search(form)
        form.encode()


def is_public(link: str) -> bool:
    parts = urlsplit(link)
    return parts.scheme in {"http", "https"} and parts.hostname not in {None, "", "127.0.0.1", "localhost"}
