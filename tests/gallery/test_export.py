"""One file that shows everything to people without a notebook, and nothing of who made it."""

from __future__ import annotations

import base64
import dataclasses
import re
import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest
from hypothesis import given

from seedream_nb import ErrorDetail, Gallery, Sandbox, SeedreamClient, Task, TaskImage, TaskStatus
from seedream_nb.core.errors import UsageError
from seedream_nb.gallery import Table
from seedream_nb.images.fetch import FetchLimits, ImageFetcher
from tests.examples import examples
from tests.gallery.reading import Element, parse
from tests.gallery.safety import EMBEDDED, STEERING, is_public
from tests.gallery.strategies import HOSTILE, task_lists, task_with
from tests.sample_images import decode, plain, translucent

if TYPE_CHECKING:
    from tests.gallery.image_host import ImageHost

ROOT = Path(__file__).parents[2]
PRO = "doubao-seedream-5-0-pro-260628"
ONE_TRY = ImageFetcher(FetchLimits(tries=1))
ALLOWED: dict[str, set[str]] = {
    "html": {"lang"},
    "head": set(),
    "title": set(),
    "style": set(),
    "script": {"type"},
    "body": set(),
    "header": {"class"},
    "h1": {"dir"},
    "p": {"class", "dir", "hidden"},
    "label": set(),
    "main": {"class"},
    "footer": {"class"},
    "figure": set(),
    "figcaption": set(),
    "section": {"id", "role", "aria-modal", "aria-label", "tabindex"},
    "nav": set(),
    "div": {"class", "role", "aria-label", "tabindex"},
    "table": set(),
    "thead": set(),
    "tbody": set(),
    "tr": set(),
    "th": {"scope"},
    "td": set(),
    "span": {"class", "aria-hidden", "role"},
    "a": {"id", "class", "href", "rel", "target", "role", "aria-disabled", "data-empty"},
    "img": {"class", "src", "alt", "width", "height"},
    "dl": set(),
    "dt": set(),
    "dd": set(),
}


class Tile(NamedTuple):
    """A tile of an exported page and its detail view, as a reader sees them."""

    figure: Element
    view: Element

    @property
    def caption(self) -> str:
        return self.figure.find("figcaption")[0].text

    @property
    def label(self) -> str:
        return "".join(element.text for element in self.figure.find(css_class="label"))

    @property
    def prompt(self) -> str:
        return "".join(element.text for element in self.view.find(css_class="prompt"))

    @property
    def details(self) -> dict[str, str]:
        names, texts = ([element.text for element in self.view.find(tag)] for tag in ("dt", "dd"))
        return dict(zip(names, texts, strict=True))

    @property
    def links(self) -> list[str]:
        return [link.attributes["href"] for link in self.view.find("a") if "target" in link.attributes]

    @property
    def sizes(self) -> list[tuple[int, int]]:
        """The size of the thumbnail and of the large image."""
        images = [image for part in self for image in part.find("img")]
        return [decode(base64.b64decode(image.attributes["src"].partition(",")[2])).size for image in images]


def read_page(path: Path) -> Element:
    # Elements that are never closed, none of which has anything foreign in it.
    return parse(re.sub(r"<!DOCTYPE html>|<(meta|link|input) [^>]*>", "", path.read_text(encoding="utf-8")))


def tiles_of(path: Path) -> list[Tile]:
    root = read_page(path)
    return [Tile(*pair) for pair in zip(root.find("figure"), root.find("section"), strict=True)]


@pytest.fixture(autouse=True)
def _nobody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Links to hosts elsewhere go to a proxy on this machine that is not there."""
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_each_image_is_there_small_and_large_with_all_that_made_it(
    sandbox: Sandbox, client: SeedreamClient, tmp_path: Path
) -> None:
    made = client.retrieve(sandbox.add_task("a red kite", size="1280x960"))
    task = dataclasses.replace(made, images=(dataclasses.replace(made.images[0], seed=42),))
    page = tmp_path / "page.html"
    assert Gallery(task).export(page) == page
    (tile,) = tiles_of(page)
    assert tile.sizes == [(320, 240), (1024, 768)]
    assert tile.caption == "a red kiteSeeDream 4.0 · 1280×960 · seed 42"  # noqa: RUF001  the sign typographers use
    assert tile.prompt == "a red kite"
    assert task.created_at is not None
    assert task.finished_at is not None
    assert task.elapsed is not None
    assert tile.details == {
        "State": "✓ succeeded",
        "Model": "doubao-seedream-4-0-250828",
        "Size": "1280×960",  # noqa: RUF001  as above
        "Seed": "42",
        "Task ID": task.id,
        "Created": f"{task.created_at.astimezone(timezone.utc):%Y-%m-%d %H:%M:%S} UTC",
        "Finished": f"{task.finished_at.astimezone(timezone.utc):%Y-%m-%d %H:%M:%S} UTC",
        "Duration": f"{task.elapsed:,.1f} s",
    }
    # The sandbox's images are on this machine.
    assert tile.links == []
    assert sandbox.url not in page.read_text(encoding="utf-8")


def test_all_tasks_are_there_whatever_the_limit_of_the_gallery(tmp_path: Path) -> None:
    tasks = [Task(f"id-{number}", TaskStatus.PENDING, prompt=f"cat {number}") for number in range(70)]
    page = Gallery(tasks, limit=5, max_bytes=10_000).export(tmp_path / "page.html", title="Cats & <dogs>")
    assert [tile.prompt for tile in tiles_of(page)] == [f"cat {number}" for number in range(70)]
    root = read_page(page)
    assert root.find("h1")[0].text == root.find("title")[0].text == "Cats & <dogs>"
    assert root.find(css_class="summary")[0].text == "70 tasks · 0 images · 70 pending"


def test_a_long_prompt_is_short_in_the_tile_and_whole_in_the_detail_view(tmp_path: Path) -> None:
    prompt = "a far planet " * 400 + "the very last words"
    (tile,) = tiles_of(Gallery(task_with(plain(), prompt)).export(tmp_path / "page.html"))
    assert tile.prompt == prompt
    assert len(tile.caption) < 320
    assert tile.caption.endswith("…")


def test_what_failed_or_is_not_finished_says_so(tmp_path: Path) -> None:
    error = ErrorDetail("OutputImageSensitiveContentDetected", "Sorry.")
    tasks = [
        Task("f", TaskStatus.FAILED, prompt="no", error=error),
        Task("p", TaskStatus.PENDING),
        Task.not_found("n"),
        task_with(b"broken"),
        Task("h", TaskStatus.PARTIALLY_FAILED, (TaskImage("h", data=plain()), TaskImage("h", 1, error=error))),
    ]
    page = Gallery(tasks, fetcher=ONE_TRY).export(tmp_path / "page.html")
    failed, pending, missing, broken, half, lost_half = tiles_of(page)
    assert failed.figure.text.startswith("✕")
    assert "Rejected by the content check. Sorry." in failed.caption
    assert failed.details["State"] == "✕ failed"
    assert failed.details["Error"] == "Rejected by the content check. Sorry. (OutputImageSensitiveContentDetected)"
    assert pending.details["State"] == "○ pending"
    assert missing.details["State"] == "? not found"
    assert broken.details["State"] == "! not available"
    assert "partially failed" in half.caption
    assert lost_half.details["State"] == "✕ image failed"
    assert read_page(page).find(css_class="note")[0].text == "1 image could not be fetched."


def test_nothing_tells_whose_account_it_was(sandbox: Sandbox, client: SeedreamClient, tmp_path: Path) -> None:
    ids = [sandbox.add_task("a cat", size="128x96"), sandbox.add_task("a dog", error=("bad_request", "No luck."))]
    tasks = client.retrieve_batch(ids)
    page = Gallery(tasks).export(tmp_path / "page.html").read_text(encoding="utf-8")
    assert all(task.id in page for task in tasks)
    private = [task.raw[name] for task in tasks for name in ("user_id", "application_id", "credential_id", "trace_id")]
    assert all(isinstance(text, str) and text for text in private)
    assert [text for text in (sandbox.token, *private) if str(text) in page] == []


def test_neither_trace_ids_nor_passwords_are_handed_on(tmp_path: Path) -> None:
    words = "No luck with trace-1234. Request id: 0217abc-def"
    secret: dict[str, object] = {"authorization": "Bearer private-1", "callback_url": "https://private-2.example"}
    image = TaskImage("s", url="http://me:private-3@127.0.0.2.nip.example/a.png", error=None)
    tasks = [
        Task(
            "f", TaskStatus.FAILED, error=ErrorDetail("bad", words), trace_id="trace-1234", request=secret, raw=secret
        ),
        Task("s", TaskStatus.SUCCEEDED, (image,), trace_id="trace-1234", raw=secret),
    ]
    page = Gallery(tasks, fetcher=ONE_TRY).export(tmp_path / "page.html")
    assert tiles_of(page)[0].details["Error"] == "No luck with . (bad)"
    text = page.read_text(encoding="utf-8")
    assert [word for word in ("trace-1234", "0217abc", "private-") if word in text] == []


def test_the_same_tasks_give_the_same_file(image_host: ImageHost, tmp_path: Path) -> None:
    links = [image_host.add(f"/{number}.png", plain(60 + number, 40)) for number in range(40)]
    moment = datetime(2026, 11, 22, 12, tzinfo=timezone.utc)
    tasks = [
        Task(link, TaskStatus.SUCCEEDED, (TaskImage(link, url=link),), created_at=moment, elapsed=1.5) for link in links
    ]
    first, second = (Gallery(tasks).export(tmp_path / name).read_bytes() for name in ("a.html", "b.html"))
    assert first == second


def test_a_link_that_others_can_follow_is_offered_and_a_dead_one_is_not(image_host: ImageHost, tmp_path: Path) -> None:
    good, dead = image_host.add("/a.png", plain(400, 300)), f"{image_host.url}/gone.png"
    tasks = [Task(link, TaskStatus.SUCCEEDED, (TaskImage(link, url=link),)) for link in (good, dead)]
    alive, gone = tiles_of(Gallery(tasks).export(tmp_path / "page.html"))
    assert (alive.links, gone.links) == ([good], [])
    assert gone.details["Error"] == "The link no longer works (HTTP 404)."


def test_layers_are_put_together_and_fetched_once(sandbox: Sandbox, client: SeedreamClient, tmp_path: Path) -> None:
    task = client.generate(image=plain(1280, 960), model=PRO, layers=True, wait=True)
    progress: list[int] = []
    page = Gallery(task).export(tmp_path / "page.html", on_progress=progress.append)
    composed, base, *layers = tiles_of(page)
    assert [composed.label, base.label] == ["composed", "base"]
    assert composed.sizes == base.sizes
    assert [tile.label for tile in layers] == [image.name for image in task.layers[1:]]
    assert [bool(tile.view.find(css_class="transparent")) for tile in (base, *layers)] == [False, *[True] * len(layers)]
    assert len(sandbox.requests.of_kind("downloads")) == len(task.images) == len(progress)


def test_a_table_keeps_its_rows_and_columns(tmp_path: Path) -> None:
    tasks = [task_with(plain(), prompt) for prompt in ("a cat", "a cat", "a dog", "a dog")]
    frames = tuple(dataclasses.replace(tasks[2].images[0], index=place) for place in (0, 1))
    tasks[2] = dataclasses.replace(tasks[2], images=frames)
    gallery = Gallery(tasks, table=Table(("a cat", "a dog"), ("2K\nsoft", "4K")), before=TaskImage("", data=plain()))
    page = gallery.export(tmp_path / "page.html")
    root = read_page(page)
    assert [tile.label for tile in tiles_of(page)] == ["before", *[""] * 5]
    assert [head.text for head in root.find("thead")[0].find("th")] == ["2K soft", "4K"]
    rows = root.find("tbody")[0].find("tr")
    assert [row.find("th")[0].text for row in rows] == ["a cat", "a dog"]
    assert [[len(cell.find("figure")) for cell in row.find("td")] for row in rows] == [[1, 1], [2, 1]]
    # The detail view has no row and column around it.
    assert [view.find(css_class="label")[0].text for view in root.find("section")[1:]] == [
        *("2K · soft", "4K", "2K · soft", "2K · soft", "4K")
    ]


def test_a_table_says_once_what_all_its_tasks_share(tmp_path: Path) -> None:
    tasks = [task_with(plain(), "a cat"), task_with(plain(), "a cat")]
    page = Gallery(tasks, table=Table(columns=("2K", "4K"))).export(tmp_path / "page.html")
    root = read_page(page)
    assert [heading.text for heading in root.find(css_class="heading")] == ["a cat"]
    assert not any(figure.find(css_class="prompt") for figure in root.find("figure"))
    assert not root.find("tbody")[0].find("th")
    flow = read_page(Gallery(tasks).export(tmp_path / "flow.html"))
    assert not flow.find("table")
    assert [figure.find(css_class="prompt")[0].text for figure in flow.find("figure")] == ["a cat"] * 2


def test_images_are_fetched_in_turn_so_that_a_thousand_are_never_in_memory(
    image_host: ImageHost, tmp_path: Path
) -> None:
    links = [image_host.add(f"/{number}.png", plain(40 + number)) for number in range(100)]
    tasks = [Task(link, TaskStatus.SUCCEEDED, (TaskImage(link, url=link),)) for link in links]
    fetched: list[int] = []
    page = Gallery(tasks).export(tmp_path / "page.html", on_progress=lambda _: fetched.append(len(image_host.received)))
    assert len(fetched) == 100
    assert max(fetched[:32]) <= 32
    assert [tile.sizes[0][0] for tile in tiles_of(page)] == [40 + number for number in range(100)]


def test_a_page_is_replaced_when_the_new_one_is_whole(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text("the old one")

    def interrupt(_finished: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Gallery(task_with(plain())).export(page, on_progress=interrupt)
    assert page.read_text() == "the old one"
    assert names_in(tmp_path) == ["home", "page.html", "work"]
    Gallery(task_with(plain())).export(page)
    assert len(tiles_of(page)) == 1
    assert names_in(tmp_path) == ["home", "page.html", "work"]


def test_the_home_directory_can_be_meant(tmp_path: Path) -> None:
    assert Gallery([]).export("~/page.HTML") == tmp_path / "home" / "page.HTML"
    assert read_page(tmp_path / "home" / "page.HTML").find(css_class="summary")[0].text == "0 tasks · 0 images"


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("page.pdf", r"'page.pdf' must end in \.html\."),
        ("page", r"'page' must end in \.html\."),
        ("no/such/page.html", r"The directory no.such does not exist\. Create it first\."),
        ("taken.html", r"taken.html is a directory\. Choose a file in it\."),
        ("a\0b.html", r"cannot be written: .+"),
        ("~no-such-user-at-all/page.html", r"cannot be written: .+"),
        (f"{'x' * 300}.html", r"cannot be written: .+"),
    ],
)
def test_a_file_that_cannot_be_is_told_before_anything_is_fetched(
    path: str, message: str, image_host: ImageHost
) -> None:
    Path("taken.html").mkdir()
    link = image_host.add("/a.png", plain())
    with pytest.raises(UsageError, match=message):
        Gallery(Task("i", TaskStatus.SUCCEEDED, (TaskImage("i", url=link),))).export(path)
    assert image_host.received == []
    assert names_in(Path()) == ["taken.html"]


IN_PROCESS = """
import os, sys
from seedream_nb import Gallery
from seedream_nb.core.errors import UsageError
from tests.full_disk import limit_files
from tests.sample_images import noise
from tests.gallery.strategies import task_with
gallery = Gallery(task_with(noise(600, 600)))
gallery.load()
if "full" in sys.argv[2:]:
    limit_files(20_000)
elif os.getuid() == 0:
    os.setuid(65534)
try:
    gallery.export(sys.argv[1])
except UsageError as error:
    print(error)
"""


def run_in_process(*arguments: str | Path) -> str:
    command = [sys.executable, "-c", IN_PROCESS, *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on the size of a file")
def test_a_full_disk_is_told_in_one_sentence_and_leaves_the_old_page(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text("the old one")
    said = run_in_process(page, "full")
    assert said == f"{str(page)!r} cannot be written: File too large. Choose another file, or free some disk space.\n"
    assert page.read_text() == "the old one"
    assert names_in(tmp_path) == ["home", "page.html", "work"]


@pytest.mark.skipif(sys.platform == "win32", reason="the permissions of Windows are others")
def test_a_directory_that_may_not_be_written_to() -> None:
    said = run_in_process("/page.html")
    assert said.startswith("'/page.html' cannot be written: ")
    assert len(said.splitlines()) == 1
    assert not Path("/page.html").exists()


def assert_safe(path: Path) -> None:
    text = path.read_bytes().decode("utf-8")
    assert not STEERING.search(text.replace("\r", ""))
    page = read_page(path)
    assert page.find("body")[0].text_for_mathjax() == ""
    for element in page.walk()[1:]:
        assert element.tag in ALLOWED
        assert set(element.attributes) <= ALLOWED[element.tag]
        source, link = element.attributes.get("src"), element.attributes.get("href")
        assert source is None or EMBEDDED.fullmatch(source)
        assert link is None or re.fullmatch(r"#[pt]\d+", link) or is_public(link)


@examples(60)
@given(task_lists)
def test_no_foreign_text_becomes_an_element_or_a_link(some_tasks: list[Task]) -> None:
    assert_safe(Gallery(some_tasks, fetcher=ONE_TRY).export("page.html"))


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_text_gives_the_same_elements_as_a_harmless_one(text: str) -> None:
    def elements_with(word: str) -> list[tuple[str, tuple[str, ...]]]:
        task = Task(
            word, TaskStatus.FAILED, prompt=word, model=word, trace_id=word, error=ErrorDetail(word, f"w{word}")
        )
        image = TaskImage(
            word,
            data=translucent(),
            prompt=word,
            model=word,
            output_format=word,
            name=word,
            description=word,
            z_index=1,
        )
        done = Task(word, TaskStatus.SUCCEEDED, (image,), prompt="p")
        page = Gallery([task, done], table=Table((f"r {word}",), ("c", f"d {word}"))).export("page.html", title=word)
        assert_safe(page)
        return [(element.tag, tuple(element.attributes)) for element in read_page(page).walk()]

    assert elements_with(f"x{text}x") == elements_with("harmless")
