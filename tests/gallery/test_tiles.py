"""Every kind of tile, and that one bad image never spoils the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from seedream_nb import ErrorDetail, Gallery, Sandbox, SeedreamClient, Task, TaskImage, TaskStatus
from seedream_nb.images.fetch import FetchLimits, ImageFetcher
from tests.gallery.reading import Seen, show
from tests.sample_images import decode, noise, plain, translucent
from tests.scripted_server import Answer

if TYPE_CHECKING:
    import threading
    from pathlib import Path

    from seedream_nb.gallery.contents import Embed
    from seedream_nb.sandbox.faults import FaultKind
    from tests.gallery.image_host import ImageHost

MODERATED = "OutputImageSensitiveContentDetected"
SMALL = "128x96"


def tiles_of(client: SeedreamClient, *task_ids: str) -> list[Seen]:
    return show(Gallery(client.retrieve_batch(task_ids))).tiles


def test_an_image_with_its_caption_facts_and_id(sandbox: Sandbox, client: SeedreamClient) -> None:
    task_id = sandbox.add_task("a red kite", size="640x400", output_format="png")
    (tile,) = tiles_of(client, task_id)
    assert (tile.state, tile.task_id, tile.prompt) == ("✓ succeeded", task_id, "a red kite")
    assert tile.facts == "SeeDream 4.0 · 640×400 · png"  # noqa: RUF001  the sign typographers use
    assert (tile.problem, tile.position, tile.alt) == ("", "", "a red kite")
    assert (tile.width, tile.height) == tile.embedded_size == (320, 200)


def test_a_model_is_shown_by_its_name_with_its_id_as_a_tooltip_and_an_unknown_one_by_its_id() -> None:
    known, unknown = (Task("i", TaskStatus.PENDING, model=model) for model in ("doubao-seedream-4-0-250828", "a-<new>"))
    sheet = show(Gallery([known, unknown]))
    assert [tile.facts for tile in sheet.tiles] == ["SeeDream 4.0", "a-<new>"]
    assert '<span title="doubao-seedream-4-0-250828">SeeDream 4.0</span>' in sheet.html
    assert "   SeeDream 4.0\n" in sheet.plain


def test_a_long_code_may_be_broken_between_its_words() -> None:
    sheet = show(Gallery(Task("", TaskStatus.FAILED, error=ErrorDetail(MODERATED, "No."))))
    assert sheet.tiles[0].problem.endswith(f"({MODERATED})")
    assert "(Output<wbr>Image<wbr>Sensitive<wbr>Content<wbr>Detected)" in sheet.html


def test_the_seed_is_a_fact(sandbox: Sandbox, client: SeedreamClient) -> None:
    task_id = sandbox.add_task(size=SMALL, model="doubao-seedream-3-0-t2i-250415", request={"seed": 0})
    (tile,) = tiles_of(client, task_id)
    assert tile.facts.endswith("seed 0")


def test_a_seed_that_the_model_ignored_is_no_fact(sandbox: Sandbox, client: SeedreamClient) -> None:
    (tile,) = tiles_of(client, sandbox.add_task(size=SMALL, request={"seed": 7}))
    assert "seed" not in tile.facts


def test_each_image_of_a_set_has_a_tile_that_counts(sandbox: Sandbox, client: SeedreamClient) -> None:
    tiles = tiles_of(client, sandbox.add_task(images=3, size=SMALL))
    assert [tile.position for tile in tiles] == ["1 of 3", "2 of 3", "3 of 3"]
    assert len({tile.image for tile in tiles}) == 3


def test_a_failed_image_of_a_set_says_why_and_the_others_are_shown(sandbox: Sandbox, client: SeedreamClient) -> None:
    task_id = sandbox.add_task(images=3, size=SMALL, image_errors={1: (MODERATED, "Withheld.")})
    task = client.retrieve(task_id)
    first, failed, last = show(Gallery(task)).tiles
    assert first.embedded
    assert last.embedded
    assert first.state == last.state == "◑ partially failed"
    assert (failed.state, failed.position) == ("✕ image failed", "2 of 3")
    assert failed.problem == f"Rejected by the content check. Withheld. ({MODERATED})"
    assert failed.trace_id == task.trace_id
    assert (failed.image, first.problem, first.trace_id) == ("", "", "")


def test_a_failed_task_says_code_message_and_trace(sandbox: Sandbox, client: SeedreamClient) -> None:
    task_id = sandbox.add_task("a lighthouse", error=("api_error", "Could not be generated."))
    (tile,) = tiles_of(client, task_id)
    assert (tile.state, tile.problem) == ("✕ failed", "Could not be generated. (api_error)")
    assert tile.trace_id == client.retrieve(task_id).trace_id
    assert tile.prompt == "a lighthouse"


def test_a_moderated_task_says_so_in_plain_words(sandbox: Sandbox, client: SeedreamClient) -> None:
    (tile,) = tiles_of(client, sandbox.add_task(error=("InputTextSensitiveContentDetected", "No.")))
    assert tile.problem == "Rejected by the content check. No. (InputTextSensitiveContentDetected)"


def test_a_pending_task_and_an_unknown_one(sandbox: Sandbox, client: SeedreamClient) -> None:
    pending = sandbox.add_task("later", ready_in=None)
    first, second = tiles_of(client, pending, "no-such-id")
    assert (first.state, first.task_id, first.prompt) == ("○ pending", pending, "later")
    assert first.problem == "In progress. Run `%seedream wait ID`."
    assert (second.state, second.task_id) == ("? not found", "no-such-id")
    assert "does not know this id" in second.problem


def test_a_running_task_shows_the_images_that_are_there_and_says_that_more_may_come() -> None:
    made = TaskImage("i", data=plain())
    first, own = show(Gallery(Task("i", TaskStatus.RUNNING, (made,)))).tiles
    assert first.embedded
    assert first.state == "✓ succeeded"
    assert (own.state, own.image) == ("◔ running", "")
    assert own.problem.startswith("In progress")


def test_what_has_no_id_cannot_be_waited_for() -> None:
    (tile,) = show(Gallery(Task("", TaskStatus.RUNNING))).tiles
    assert tile.problem == "In progress."


def test_a_task_that_succeeded_without_a_image() -> None:
    (tile,) = show(Gallery(Task("i", TaskStatus.SUCCEEDED))).tiles
    assert (tile.state, tile.problem) == ("∅ no image", "The task succeeded, but its answer has no image.")


def test_a_failure_without_any_reason() -> None:
    task = Task("i", TaskStatus.FAILED, trace_id="t")
    (tile,) = show(Gallery(task)).tiles
    assert (tile.problem, tile.trace_id) == ("The service gave no reason.", "t")
    (tile,) = show(Gallery(Task("i", TaskStatus.PARTIALLY_FAILED, (TaskImage("i"),)))).tiles
    assert (tile.state, tile.problem) == ("✕ image failed", "The service gave no reason.")


@pytest.mark.parametrize("status", [TaskStatus.PARTIALLY_FAILED, TaskStatus.FAILED])
def test_an_error_beside_good_images_is_told(status: TaskStatus) -> None:
    image = TaskImage("i", data=plain())
    error = ErrorDetail("stopped", "Two images are missing.")
    first, own = show(Gallery(Task("i", status, (image,), error=error, trace_id="t"))).tiles
    assert first.embedded
    assert (own.problem, own.trace_id) == ("Two images are missing. (stopped)", "t")


def test_an_error_that_the_image_tells_is_told_once() -> None:
    error = ErrorDetail("c", "m")
    tiles = show(Gallery(Task("i", TaskStatus.FAILED, (TaskImage("i", error=error),), error=error))).tiles
    assert [tile.state for tile in tiles] == ["✕ image failed"]


BAD_ANSWERS = {
    "dead": (Answer(b"gone", 404), "The link no longer works (HTTP 404)."),
    "forbidden": (Answer(b"no", 403), "The link no longer works (HTTP 403)."),
    "server error": (Answer(b"", 500), "The image host answered HTTP 500."),
    "dropped": (Answer(manner="drop"), "The connection to images.example failed. Show the image again to retry."),
    "cut": (Answer(noise(), manner="cut"), "The connection to images.example failed. Show the image again to retry."),
    "web page": (
        Answer(b"<!DOCTYPE html><p>hi", headers={"Content-Type": "image/jpeg"}),
        "is a web page, not an image",
    ),
    "no image": (Answer(b"PK\x03\x04"), "not a JPEG, PNG, or WebP image"),
    "truncated": (Answer(noise()[:3000]), "The image is damaged"),
    "empty": (Answer(b""), "not a JPEG, PNG, or WebP image"),
}


@pytest.mark.parametrize(("answer", "problem"), BAD_ANSWERS.values(), ids=BAD_ANSWERS)
def test_a_lost_image_says_why_and_the_others_are_shown(answer: Answer, problem: str, image_host: ImageHost) -> None:
    image_host.answers["/bad.jpg"] = answer
    links = [image_host.add("/a.png", plain()), f"{image_host.url}/bad.jpg", image_host.add("/c.png", plain())]
    images = tuple(TaskImage("i", index, url=link) for index, link in enumerate(links))
    gallery = Gallery(
        Task("i", TaskStatus.SUCCEEDED, images, prompt="p"), fetcher=ImageFetcher(FetchLimits(tries=1, seconds=5))
    )
    sheet = show(gallery)
    first, lost, last = sheet.tiles
    assert first.embedded
    assert last.embedded
    assert (lost.state, lost.image, lost.prompt, lost.position) == ("! not available", "", "p", "2 of 3")
    assert problem in lost.problem
    assert sheet.notes == ["1 image not available."]


def test_a_link_that_may_work_again_is_still_offered(image_host: ImageHost) -> None:
    image_host.answers["/a.jpg"] = Answer(manner="drop")
    link = f"{image_host.url}/a.jpg"
    gallery = Gallery(
        Task("i", TaskStatus.SUCCEEDED, (TaskImage("i", url=link),)), fetcher=ImageFetcher(FetchLimits(tries=1))
    )
    assert show(gallery).tiles[0].link == link


def test_every_fault_of_the_sandbox_spoils_one_tile_only(sandbox: Sandbox, client: SeedreamClient) -> None:
    faults: tuple[FaultKind, ...] = ("missing", "drop", "html", "truncate", "empty", "redirect")
    ids = [sandbox.add_task(size=SMALL) for _ in range(len(faults) + 1)]
    for kind, task_id in zip(faults, ids, strict=False):
        sandbox.faults.add(kind, on="downloads", match=task_id)
    gallery = Gallery(client.retrieve_batch(ids), fetcher=ImageFetcher(FetchLimits(tries=1)))
    sheet = show(gallery)
    assert [tile.state for tile in sheet.tiles] == ["! not available"] * len(faults) + ["✓ succeeded"]
    assert sheet.notes == ["6 images not available."]
    assert sheet.tiles[-1].embedded


def test_images_sent_inline(sandbox: Sandbox, client: SeedreamClient) -> None:
    (tile,) = tiles_of(client, sandbox.add_task(size=SMALL, in_base64=True))
    assert tile.embedded
    assert sandbox.requests.of_kind("downloads") == []


def test_an_empty_inline_image_says_that_it_is_none() -> None:
    (tile,) = show(Gallery(Task("i", TaskStatus.SUCCEEDED, (TaskImage("i", data=b""),)))).tiles
    assert tile.state == "! not available"
    assert tile.problem


def test_layers_name_themselves_and_keep_their_transparency() -> None:
    layers = (
        TaskImage("i", 0, data=plain(), z_index=0),
        TaskImage("i", 1, data=translucent(), z_index=1, name="the boat"),
        TaskImage("i", 2, data=translucent(41), z_index=2),
    )
    tiles = show(Gallery(Task("i", TaskStatus.SUCCEEDED, layers))).tiles
    assert [tile.label for tile in tiles] == ["composed", "base", "the boat", "layer 2"]
    assert tiles[2].embedded is not None
    assert decode(tiles[2].embedded).getchannel("A").getextrema() == (90, 90)


def test_the_alt_text_is_the_prompt_of_the_image_itself() -> None:
    image = TaskImage("i", data=plain(), prompt="winter  in\nthe valley")
    (tile,) = show(Gallery(Task("i", TaskStatus.SUCCEEDED, (image,), prompt="four seasons"))).tiles
    assert tile.alt == tile.prompt == "winter in the valley"


@pytest.mark.parametrize("prompt", ["", "   ", "\n"])
def test_no_prompt_is_no_caption(prompt: str) -> None:
    sheet = show(Gallery(Task("i", TaskStatus.SUCCEEDED, (TaskImage("i", data=plain()),), prompt=prompt)))
    assert sheet.tiles[0].prompt == ""
    assert sheet.root.find(css_class="seedream-prompt") == []


@pytest.mark.parametrize(
    ("prompt", "is_folded"),
    [
        ("a short one", False),
        ("a" * 80, False),
        ("a" * 81, True),
        ("字" * 40, False),
        ("字" * 41, True),
        ("a\nb", True),
    ],
)
def test_a_prompt_that_may_not_fit_into_three_lines_is_folded(prompt: str, is_folded: bool) -> None:  # noqa: FBT001
    sheet = show(Gallery(Task("i", TaskStatus.PENDING, prompt=prompt)))
    assert bool(sheet.root.find("details")) is is_folded
    assert sheet.tiles[0].prompt == " ".join(prompt.split())


class BrokenFetcher(ImageFetcher):
    """Fails in a way that nobody expects."""

    def fetch(self, image: TaskImage, *, stop: threading.Event | None = None) -> bytes:
        del image, stop
        raise RuntimeError("can't start new thread")


@pytest.mark.parametrize("embed", ["thumbnails", "originals"])
def test_an_unexpected_failure_is_a_tile_too(embed: Embed, tmp_path: Path) -> None:
    task = Task("i", TaskStatus.SUCCEEDED, (TaskImage("i", url="http://127.0.0.1:9/a.jpg"),))
    gallery = Gallery(task, fetcher=BrokenFetcher(), embed=embed)
    (tile,) = show(gallery).tiles
    assert tile.state == "! not available"
    assert "can't start new thread" in tile.problem
    assert "new thread" in gallery.export(tmp_path / "page.html").read_text()
