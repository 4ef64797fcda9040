"""A markup is sent as a marked copy, or clean for a layer decomposition, and paid for once."""

from __future__ import annotations

import base64
import io
import warnings
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from seedream_nb import GenerationOptions, GenerationRequest, Markup, MarkupWarning, SeedreamClient, UsageError
from seedream_nb.client.preparation import prepare, prepare_all
from seedream_nb.images.saved_files import read_provenance

if TYPE_CHECKING:
    from pathlib import Path

    from seedream_nb import Sandbox

PRO = "5.0-pro"
PROMPT = "Put a sofa in the red box."


def room(size: tuple[int, int] = (400, 300)) -> Markup:
    return Markup(Image.new("RGB", size, "gray")).box(40, 150, 200, 240)


def sent(body: Any) -> bytes:
    return base64.b64decode(body["image"].partition(",")[2])


def test_the_marked_copy_is_sent() -> None:
    markup = room()
    body = prepare(PROMPT, GenerationOptions(), image=markup)
    assert sent(body) == markup.content
    assert str(body["image"]).startswith("data:image/png;base64,")
    assert Image.open(io.BytesIO(sent(body))).getpixel((200, 200)) == (228, 3, 18)


def test_a_markup_among_other_references() -> None:
    body = prepare(PROMPT, GenerationOptions(), image=["https://x.example/sofa.jpg", room()])
    assert [str(one)[:14] for one in body["image"]] == ["https://x.exam", "data:image/png"]  # type: ignore[attr-defined]  # a list


def test_an_equal_edit_is_paid_for_once(sandbox: Sandbox, tmp_path: Path) -> None:
    with SeedreamClient(sandbox.token, sandbox.url, library=tmp_path) as client:
        first = client.edit(room(), PROMPT, wait=True, reuse=True)
        again = client.edit(
            Markup.from_json(Image.new("RGB", (400, 300), "gray"), room().to_json()), PROMPT, reuse=True
        )
        other = client.edit(room().undo().box(40, 150, 200, 241), PROMPT, reuse=True)
    assert first.id == again.id != other.id
    assert len(sandbox.requests.of_kind("images")) == 2


def test_a_result_is_marked_and_edited_again(client: SeedreamClient) -> None:
    task = client.generate("a cat", size="1K", model="4.0", wait=True)
    markup = Markup(task, fetcher=client.fetcher).pin(100, 100)
    assert markup.source == task.images[0]
    told = read_provenance(sent(prepare("Remove what is at the pin.", GenerationOptions(), image=markup)))
    assert told is not None
    assert (told.task_id, told.index, told.prompt) == (task.id, 0, "")
    assert client.edit(markup, "Remove what is at the pin.", wait=True).images[0].is_good


def test_a_prompt_that_names_another_color_is_noticed() -> None:
    for send in (
        lambda: prepare("in the blue box", GenerationOptions(), image=room()),
        lambda: prepare_all([GenerationRequest("in the blue box", image=(room(),))]),
    ):
        with pytest.warns(MarkupWarning, match="names a blue box, but there is only red box 1") as caught:
            send()
        assert len(caught) == 1
        assert caught[0].filename == __file__


def test_the_shapes_of_all_markups_count() -> None:
    other = Markup(Image.new("RGB", (400, 300))).box(10, 10, 100, 100, color="blue")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        prepare("Swap what is in the red box with the blue box.", GenerationOptions(), image=[room(), other])


def test_where_warnings_are_errors_nothing_is_sent(client: SeedreamClient, sandbox: Sandbox) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(MarkupWarning):
            client.edit(room(), "in the blue box")
    assert sandbox.requests.of_kind("images") == []


class TestLayers:
    def test_the_clean_image_and_the_coordinates_are_sent(self) -> None:
        markup = room()
        body = prepare("", GenerationOptions(model=PRO, layers=True), image=markup)
        assert sent(body) == markup.original == markup.clean
        assert body["prompt"] == "<bbox>100 500 500 800</bbox>"

    def test_a_prompt_is_completed_and_never_changed(self) -> None:
        options = GenerationOptions(model=PRO, layers=True)
        markup = room().box(0, 0, 400, 30, text="the ceiling")
        assert prepare("Only these:", options, image=markup)["prompt"] == (
            "Only these:\n<bbox>100 500 500 800</bbox>\nthe ceiling <bbox>0 0 1000 100</bbox>"
        )
        own = f"the sofa {markup.bbox_words[1]}"
        assert prepare(own, options, image=markup)["prompt"] == own

    def test_what_is_not_sent_is_named(self) -> None:
        with pytest.warns(MarkupWarning, match="uses boxes only; not sent: red pin 2"):
            prepare("", GenerationOptions(model=PRO, layers=True), image=room().pin(5, 5))
        with pytest.warns(MarkupWarning, match="names red box 1, but a layer decomposition is sent the image without"):
            prepare("what is in the red box 1", GenerationOptions(model=PRO, layers=True), image=room())

    def test_a_decomposition_without_a_prompt(self, client: SeedreamClient) -> None:
        task = client.edit(room((1000, 1000)), layers=True, model=PRO, wait=True)
        assert len(task.layers) > 1

    def test_both_ways_in_one_batch(self) -> None:
        markup = room()
        bodies = prepare_all(
            [
                GenerationRequest(PROMPT, image=(shared := (markup,))),
                GenerationRequest("", GenerationOptions(model=PRO, layers=True), image=shared),
            ]
        )
        assert [sent(body) for body in bodies] == [markup.content, markup.original]


def test_a_prompt_is_needed_for_an_edit(client: SeedreamClient) -> None:
    with pytest.raises(UsageError, match="prompt is required"):
        client.edit(room())
    with pytest.raises(UsageError, match="prompt must be text"):
        client.edit(room(), 5)  # type: ignore[arg-type]  # on purpose


def test_an_edit_is_a_child_of_what_was_drawn_on(sandbox: Sandbox, tmp_path: Path) -> None:
    with SeedreamClient(sandbox.token, sandbox.url, library=tmp_path) as client:
        task = client.generate("a series of cats", size="1K", model="4.0", max_images=2, wait=True)
        client.fetcher.fetch(task.images[1])
        edits = [
            client.edit(Markup(task.images[1]).pin(100, 100), "Remove what is at the pin.", wait=True),
            client.edit(Markup(task.images[1]).box(10, 10, 500, 500), layers=True, model=PRO, wait=True),
        ]
        for edit in edits:
            assert [(one.task_id, one.index) for one in edit.images[0].parents] == [(task.id, 1)]
        assert {one.task_id for one in task.images[1].children} == {edit.id for edit in edits}
        assert task.images[0].children == ()


def test_a_stored_image_is_drawn_on_offline(sandbox: Sandbox, tmp_path: Path) -> None:
    with SeedreamClient(sandbox.token, sandbox.url, library=tmp_path) as client:
        task = client.generate("a cat", size="1K", model="4.0", wait=True)
        content = client.fetcher.fetch(task.images[0])
    sandbox.stop()
    assert Markup(task).original == content
    assert Markup(task.images[0]).original == content
