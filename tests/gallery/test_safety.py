"""Prompts, names, codes and links are foreign text: they never become anything but text."""

import functools

import pytest
from hypothesis import given

from seedream_nb import ErrorDetail, Gallery, Task, TaskImage, TaskStatus
from seedream_nb.images.fetch import FetchLimits, ImageFetcher
from tests.examples import examples
from tests.gallery.image_host import ImageHost
from tests.gallery.reading import show
from tests.gallery.safety import assert_safe
from tests.gallery.strategies import HOSTILE, LINKS, task_lists
from tests.sample_images import plain


@examples(120)
@given(task_lists)
def test_no_foreign_text_becomes_an_element_or_a_link(some_tasks: list[Task]) -> None:
    assert_safe(show(Gallery(some_tasks, embed="links", fetcher=ImageFetcher(FetchLimits(tries=1)))))


@functools.cache
def elements_with(word: str) -> list[tuple[str, tuple[str, ...]]]:
    task = Task(word, TaskStatus.FAILED, prompt="p", model=word, trace_id=word, error=ErrorDetail(word, word))
    image = TaskImage(word, data=plain(), prompt="p", model=word, output_format=word, name=word, z_index=1)
    sheet = show(Gallery([task, Task(word, TaskStatus.SUCCEEDED, (image,), prompt="p")]))
    assert_safe(sheet)
    return [(element.tag, tuple(element.attributes)) for element in sheet.root.walk()]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_text_gives_the_same_elements_as_a_harmless_one(text: str) -> None:
    assert elements_with(f"x{text}x") == elements_with("harmless")


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_prompt_stays_a_caption(text: str) -> None:
    sheet = show(Gallery(Task("i", TaskStatus.SUCCEEDED, (TaskImage("i", data=plain(), prompt=text),))))
    assert_safe(sheet)
    assert len(sheet.tiles) == 1
    assert "figcaption" in [element.tag for element in sheet.root.walk()]


@pytest.mark.parametrize("link", LINKS)
@pytest.mark.parametrize("embed", ["thumbnails", "links"])
def test_only_a_web_link_that_others_can_follow_is_offered(link: str, embed: str, image_host: ImageHost) -> None:
    task = Task("i", TaskStatus.SUCCEEDED, (TaskImage("i", url=link),))
    sheet = show(Gallery(task, embed=embed, fetcher=ImageFetcher(FetchLimits(tries=1))))  # type: ignore[arg-type]
    assert_safe(sheet)
    expected = link if link.lower().startswith(("https://i", "http://i")) else ""
    if embed == "links":
        assert sheet.tiles[0].link == expected
        assert image_host.received == []


def test_a_image_at_an_endless_link_is_embedded_but_the_link_is_not_offered(image_host: ImageHost) -> None:
    path = "/" + "a" * 5000
    link = image_host.add(path, plain())
    (tile,) = show(Gallery(Task("i", TaskStatus.SUCCEEDED, (TaskImage("i", url=link),)), embed="links")).tiles
    assert tile.embedded
    assert tile.link == ""


def test_long_texts_are_cut_and_what_was_cut_is_counted() -> None:
    task = Task("i" * 10_000, TaskStatus.FAILED, prompt="p" * 5000, model="m" * 10_000, trace_id="t" * 10_000,
                error=ErrorDetail("c" * 10_000, "w" * 100_000))  # fmt: skip
    sheet = show(Gallery(task))
    assert sheet.size < 16_000
    assert "… (3,000 more characters in task.prompt)" in sheet.tiles[0].prompt
    assert sheet.tiles[0].prompt.startswith("p" * 2000 + "…")
    assert sheet.tiles[0].task_id.endswith("i…")


def test_an_override_of_the_writing_direction_cannot_disguise_what_follows() -> None:
    (tile,) = show(Gallery(Task("\u202eid", TaskStatus.PENDING, prompt="photo\u202egnp.exe"))).tiles
    assert (tile.task_id, tile.prompt) == ("id", "photognp.exe")


def test_thousands_of_tasks_are_counted_and_sixty_drawn() -> None:
    sheet = show(Gallery([Task(f"id-{number}", TaskStatus.PENDING, prompt="a cat") for number in range(5000)]))
    assert sheet.summary == "5,000 tasks · 0 images · 5,000 pending"
    assert len(sheet.tiles) == 60
    assert sheet.notes == ["Showing 60 of 5,000 tiles. Continue with a slice such as [60:], or raise limit=60."]
