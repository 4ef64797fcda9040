"""Builds the documentation with warnings as errors, and checks its pages.

From the root of the repository: `python -m tests.check_docs`. It needs Chromium and the extras `docs` and `test`.
With `--build-only`, it needs only `docs`, and is quick: it builds what has changed, and checks links.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from playwright.sync_api import Page

ROOT = Path(__file__).parents[1]
SITE = ROOT / "build" / "docs"
WIDE, NARROW = 1300, 400  # CSS pixels
AXE_LOOKS_AT = (("light", WIDE), ("dark", NARROW))  # it takes longer than all the rest
PAUSE = 2000  # milliseconds
LOADED = {"script": "src", "img": "src", "iframe": "src", "source": "src", "video": "src", "audio": "src"}
OVERFLOW = "document.scrollingElement.scrollWidth - document.scrollingElement.clientWidth"


def main() -> None:
    """Builds the site and checks it."""
    parser = argparse.ArgumentParser(description="Build the documentation and check it.")
    parser.add_argument("--build-only", action="store_true", help="build what has changed, and open no browser")
    parser.add_argument("--every-page", action="store_true", help="open every page, not one of each kind")
    parser.add_argument("--screenshots", type=Path, metavar="DIR", help="keep a screenshot of each page in this folder")
    options = parser.parse_args()
    build(fresh=not options.build_only)
    pages = {path: read_page(path) for path in sorted(SITE.rglob("*.html")) if "_static" not in path.parts}
    faults = [*faulty_links(pages), *loads_from_outside(pages)]
    if not options.build_only:
        chosen = list(pages) if options.every_page else one_of_each_kind(list(pages))
        faults += faults_in_chromium(chosen, options.screenshots)
    if faults:
        raise SystemExit("\n".join([*faults, f"{len(faults)} problems in the documentation"]))
    print(f"{len(pages)} pages, no problems: {SITE / 'index.html'}")


def build(*, fresh: bool) -> None:
    """Builds the site into `build/docs`; exits if Sphinx warns of anything."""
    if fresh:
        shutil.rmtree(SITE, ignore_errors=True)
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html", "docs", str(SITE)]
    if subprocess.run(command, cwd=ROOT, check=False).returncode:
        raise SystemExit("The documentation has errors.")


@dataclass
class SitePage(HTMLParser):
    """What a page holds: the anchors, where its links lead, and what it loads."""

    anchors: set[str] = field(default_factory=set)
    links: list[str] = field(default_factory=list)
    loaded: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Takes note of one element."""
        values = {name: value or "" for name, value in attrs}
        self.anchors |= {values[name] for name in ("id", "name") if name in values}
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
        elif tag == "link" and values.get("rel") not in ("canonical", "search", "index", "next", "prev"):
            self.loaded.append(values.get("href", ""))
        elif tag in LOADED:
            self.loaded.append(values.get(LOADED[tag], ""))


def read_page(path: Path) -> SitePage:
    """Reads one page of the built site."""
    page = SitePage()
    page.feed(path.read_text(encoding="utf-8"))
    return page


def faulty_links(pages: dict[Path, SitePage]) -> list[str]:
    """The links within the site whose file or anchor does not exist."""
    faults = []
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            anchors = pages[target].anchors if target in pages else set()
            if not target.is_file() or (parts.fragment and unquote(parts.fragment) not in anchors):
                faults.append(f"{path.relative_to(SITE)}: the link {link} leads nowhere")
    return faults


def loads_from_outside(pages: dict[Path, SitePage]) -> list[str]:
    """What pages and style sheets load from another place than the site."""
    faults = [
        f"{path.relative_to(SITE)}: loads {address[:80]}"
        for path, page in pages.items()
        for address in page.loaded
        if urlsplit(address).netloc or urlsplit(address).scheme not in ("", "data")
    ]
    for path in SITE.rglob("*.css"):
        found = re.findall(r"(?:url\(|@import)\s*['\"]?((?:https?:)?//[^'\")\s]+)", path.read_text(encoding="utf-8"))
        faults += [f"{path.relative_to(SITE)}: loads {address}" for address in found]
    return faults


def one_of_each_kind(pages: list[Path]) -> list[Path]:
    """All pages of the top folder and all tutorials; of each other folder its index and the longest other page."""
    chosen = []
    for folder in sorted({path.parent for path in pages}):
        inside = [path for path in pages if path.parent == folder]
        if folder in (SITE, SITE / "tutorials"):
            chosen += inside
        else:
            others = sorted(set(inside) - {folder / "index.html"}, key=lambda path: path.stat().st_size)
            chosen += [path for path in inside if path.name == "index.html"] + others[-1:]
    return chosen


def faults_in_chromium(pages: list[Path], screenshots: Path | None) -> list[str]:
    """Opens pages as files in both themes, wide and narrow; returns what is wrong with them."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415  only this part needs the extra `test`

    from tests.browser.chromium import CHROMIUM_OPTIONS, HOW_TO_INSTALL, find_chromium  # noqa: PLC0415

    executable = find_chromium()
    if executable is None:
        raise SystemExit(HOW_TO_INSTALL)
    faults = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=CHROMIUM_OPTIONS)
        context = browser.new_context(reduced_motion="reduce")
        context.set_default_timeout(120_000)  # for machines that do other work as well
        for path in pages:
            page = context.new_page()
            found = faults_of_page(page, path, screenshots)
            faults += [f"{path.relative_to(SITE)}{fault}" for fault in found]
            page.close()
        if not finds_pages(context.new_page()):
            faults.append("search.html finds nothing")
        browser.close()
    return faults


def faults_of_page(page: Page, path: Path, screenshots: Path | None) -> list[str]:
    """Opens one page; returns errors of its console, what it requests, what overflows, and what axe-core finds."""
    from tests.browser.accessibility import serious_faults  # noqa: PLC0415

    faults: list[str] = []
    page.on("console", lambda message: faults.append(f": {message.text}") if message.type == "error" else None)
    page.on("pageerror", lambda error: faults.append(f": {error}"))
    page.on("request", lambda sent: None if is_local(sent.url) else faults.append(f" requests {sent.url}"))
    page.emulate_media(color_scheme="light")
    page.goto(path.as_uri())
    for theme, width in (("light", WIDE), ("light", NARROW), ("dark", NARROW), ("dark", WIDE)):
        page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_function("theme => document.documentElement.dataset.theme === theme", arg=theme)
        if (overflow := page.evaluate(OVERFLOW)) > 0:
            faults.append(f" is {overflow} px wider than {width} px")
        if (theme, width) in AXE_LOOKS_AT:
            found = serious_faults(page, "body")
            if found:  # the theme adapts a page to its new width after a moment
                page.wait_for_timeout(PAUSE)
                found = serious_faults(page, "body")
            faults += [f", {theme}, {width} px: {rule}: {elements[0][:300]}" for rule, elements in found]
        if screenshots:
            name = "-".join([*path.relative_to(SITE).with_suffix("").parts, theme, str(width)])
            page.screenshot(path=screenshots / f"{name}.png", full_page=True)
    return faults


def finds_pages(page: Page) -> bool:
    """Whether the search finds a word; a page that is a file may not fetch others."""
    page.goto(f"{(SITE / 'search.html').as_uri()}?q=gallery")
    page.wait_for_function(
        "/Search finished|did not match/.test(document.querySelector('#search-results').textContent)"
    )
    return page.locator("#search-results li").count() > 0


def is_local(address: str) -> bool:
    """Whether an address is a file or part of the page itself."""
    return urlsplit(address).scheme in ("file", "data", "blob")


if __name__ == "__main__":
    main()
