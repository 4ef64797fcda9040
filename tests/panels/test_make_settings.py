"""What a form holds becomes exactly these requests; what could not be sent is told before."""

from __future__ import annotations

import dataclasses
import tracemalloc
import warnings
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedream_nb import Sandbox, SeedreamClient, Task, TaskImage, TaskStatus
from seedream_nb.client.references import read_references
from seedream_nb.client.submission import prepare_all
from seedream_nb.notebook.generate_commands import MOST_UNASKED
from seedream_nb.panels.cards import Card, make_cards
from seedream_nb.panels.make_settings import (
    MOST_TAKES,
    Accepted,
    MakeSettings,
    accepted_by,
    announce,
    find_problem,
    find_reference_problem,
    plan,
    settings_of,
)
from seedream_nb.protocol.capabilities import MODELS, PRESETS, parse_size
from seedream_nb.protocol.request_body import DEFAULT_MODEL
from tests.panels.test_cards import tasks
from tests.sample_images import plain

if TYPE_CHECKING:
    from seedream_nb.client.references import Reference

PRO = "doubao-seedream-5-0-pro-260628"
OLDER = "doubao-seedream-4-5-251128"
LINK = "https://x.example/a.jpg"


def card_of(task: Task) -> Card:
    return make_cards(task, "a")[0]


def asked(request: dict[str, object], **known: object) -> MakeSettings:
    return settings_of(card_of(Task("i", TaskStatus.SUCCEEDED, request=request, **known)))  # type: ignore[arg-type]


def test_settings_become_one_request_for_each_take() -> None:
    settings = MakeSettings("  a cat\n", "4.5", "2K", 4, 2, watermark=False, references=(LINK, plain()))
    first, second = plan(settings).requests
    assert first == second
    assert (first.prompt, first.image) == ("a cat", (LINK, plain()))
    options = first.options
    assert (options.model, options.size, options.max_images, options.watermark) == (OLDER, "2K", 4, False)
    (body, _) = prepare_all([first, second])
    assert body["sequential_image_generation_options"] == {"max_images": 4}


def test_nothing_is_chosen_for_the_user() -> None:
    (request,) = plan(MakeSettings("a cat")).requests
    (body,) = prepare_all([request])
    assert body == {"model": DEFAULT_MODEL, "prompt": "a cat", "async": True}


@pytest.mark.parametrize(
    ("settings", "is_free", "words"),
    [
        (MakeSettings("a cat"), False, "1 paid request"),
        (MakeSettings("a cat"), True, "1 request to the sandbox"),
        (MakeSettings("a cat", max_images=4, takes=2), False, "2 paid requests (2 takes), up to 8 pictures"),
        (MakeSettings(), False, "1 paid request"),
    ],
)
def test_it_is_said_what_a_click_costs(settings: MakeSettings, words: str, *, is_free: bool) -> None:
    assert announce(settings, is_free) == words


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (MakeSettings(), "the prompt is empty"),
        (MakeSettings(" \n "), "the prompt is empty"),
        (MakeSettings("a cat", OLDER, size="1K"), "SeeDream 4.5 takes 2K or 4K, not 1K."),
        (MakeSettings("a cat", OLDER, size="<b>"), "takes 2K or 4K, or <width>x<height>"),
        (MakeSettings("a cat", PRO, max_images=2), "makes one image at a time"),
        (MakeSettings("a cat", OLDER, output_format="png"), "does not let the output format be chosen"),
        (MakeSettings("a cat", max_images=0), "max_images has to be from 1 to 15"),
        (MakeSettings("a cat", max_images=14, references=(LINK, LINK)), "together are at most 15"),
        (MakeSettings("a cat", takes=0), "Takes are from 1 to 8, not 0."),
        (MakeSettings("a cat", takes=9), "Takes are from 1 to 8, not 9."),
        (MakeSettings("a cat", references=(b"no picture",)), "is no JPEG, PNG or WebP picture"),
        (MakeSettings("a cat", references=("no-such-file.png",)), "cannot be read"),
    ],
)
def test_it_is_said_what_cannot_be_sent(settings: MakeSettings, words: str) -> None:
    problem = find_problem(settings)
    assert words in problem
    assert problem.endswith(".")


@pytest.mark.parametrize(
    "settings",
    [
        MakeSettings("a cat"),
        MakeSettings("a cat", "no-such-model", "4K", 15, 8, "png"),
        MakeSettings("a cat", "lite", "3072x3072", 4, output_format="jpeg", watermark=True, references=(LINK, plain())),
    ],
)
def test_what_can_be_sent_has_no_problem_and_no_warning(settings: MakeSettings) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert find_problem(settings) == ""


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        (f"data:image/png;base64,{'A' * 14_000_000}", "larger than 10 MB"),
        ("data:image/png;base64,?", "is not base64"),
        ("data:text/plain,hello", "has to be an http(s) link or data:image/<type>;base64,<data>"),
        (b"no picture", "is no JPEG, PNG or WebP picture"),
    ],
)
def test_a_reference_image_is_checked_whatever_the_other_settings(reference: Reference, words: str) -> None:
    problem = find_reference_problem(reference)
    assert words in problem
    assert problem.endswith(".")


def test_a_good_reference_image_has_no_problem() -> None:
    references: list[Reference] = [LINK, plain(), *read_references(plain())]
    for reference in references:
        assert find_reference_problem(reference) == ""


def test_large_reference_images_are_not_read_at_each_keystroke() -> None:
    size = 13_000_000
    settings = MakeSettings("a cat", OLDER, references=("data:image/png;base64," + "A" * size, LINK))
    tracemalloc.start()
    try:
        assert find_problem(settings) == ""
        _current, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < size / 10
    assert "takes at most 14 input images" in find_problem(dataclasses.replace(settings, references=(LINK,) * 15))


def test_a_problem_is_found_without_sending_anything(sandbox: Sandbox) -> None:
    find_problem(MakeSettings("a cat", references=(f"{sandbox.url}/a.jpg",)))
    assert len(sandbox.requests) == 0


def test_one_click_needs_no_more_consent_than_one_command() -> None:
    assert MOST_TAKES <= MOST_UNASKED


# What a model accepts


@pytest.mark.parametrize("model", MODELS)
def test_all_that_is_offered_is_accepted_and_nothing_beyond_it(model: str) -> None:
    accepted = accepted_by(model)
    assert accepted == accepted_by(MODELS[model].short_name)
    offered = {size for size in PRESETS if not find_problem(MakeSettings("a cat", model, size))}
    assert offered == set(accepted.sizes)
    formats = {
        format_ for format_ in ("jpeg", "png") if not find_problem(MakeSettings("a", model, output_format=format_))
    }
    assert formats == set(accepted.formats)
    most, references = accepted.most_images, accepted.most_references
    assert find_problem(MakeSettings("a cat", model, max_images=most if most > 1 else None)) == ""
    assert find_problem(MakeSettings("a cat", model, max_images=most + 1))
    assert find_problem(MakeSettings("a cat", model, references=(LINK,) * references)) == ""
    assert find_problem(MakeSettings("a cat", model, references=(LINK,) * (references + 1)))


def test_of_an_unknown_model_everything_may_be_accepted() -> None:
    assert accepted_by("no-such-model") == Accepted(tuple(PRESETS), ("jpeg", "png"), 15, 14)


# Use these settings


@pytest.mark.parametrize(
    "settings",
    [
        MakeSettings("a cat\nasleep", PRO, "1.5K", output_format="png", watermark=False),
        MakeSettings("a cat", OLDER, "4096x2304", 3, watermark=True, references=(LINK,)),
        MakeSettings("a cat", references=(LINK, "http://x.example/b.png")),
    ],
)
def test_the_settings_of_a_picture_are_those_it_was_made_with(
    sandbox: Sandbox, client: SeedreamClient, settings: MakeSettings
) -> None:
    sandbox.settings.generation_seconds = 0
    (made,) = client.generate_all(plan(settings).requests).finish()
    for task in (made, client.retrieve(made.id)):
        for card in make_cards(task, "a"):
            assert settings_of(card) == settings


def test_local_reference_images_are_not_in_a_record(sandbox: Sandbox, client: SeedreamClient) -> None:
    sandbox.settings.generation_seconds = 0
    settings = MakeSettings("a cat", references=(plain(500, 400), LINK))
    (made,) = client.generate_all(plan(settings).requests).finish()
    assert settings_of(card_of(client.retrieve(made.id))).references == (LINK,)


def test_without_a_request_the_result_stands_for_it() -> None:
    image = TaskImage("i", url=LINK, prompt="a cat", model=PRO, size="1024x1024", output_format="png")
    task = Task("i", TaskStatus.SUCCEEDED, (image,), size="1024x1024")
    assert settings_of(card_of(task)) == MakeSettings("a cat", PRO, "1024x1024", output_format="png")


def test_what_the_model_chose_itself_is_not_asked_for() -> None:
    image = TaskImage("i", url=LINK, prompt="a cat, as the model put it", size="1024x1024", output_format="png")
    settings = asked({"prompt": "a cat", "model": OLDER}, images=(image,), size="1024x1024", prompt="a cat")
    assert settings == MakeSettings("a cat", OLDER)


def test_what_is_no_size_is_left_out() -> None:
    assert asked({"prompt": "a cat", "size": "<b>x</b>"}).size is None
    assert asked({}, size="auto").size is None


def test_a_retired_model_is_replaced_by_its_successor() -> None:
    assert asked({"prompt": "a cat", "model": "doubao-seedream-3-0-t2i-250415"}).model == "doubao-seedream-4-0-250828"


@pytest.mark.parametrize(
    ("options", "most"), [({"max_images": 4}, 4), ({}, 2), ({"max_images": True}, 2), (7, 2), ({"max_images": 99}, 15)]
)
def test_a_set_stays_a_set(options: object, most: int) -> None:
    request = {"sequential_image_generation": "auto", "sequential_image_generation_options": options}
    images = tuple(TaskImage("i", place, url=LINK) for place in range(2))
    assert asked({"prompt": "a cat", **request}, images=images).max_images == most
    assert asked({"prompt": "a cat", "sequential_image_generation": "disabled"}, images=images).max_images is None


@given(tasks)
def test_any_record_gives_settings_that_a_form_can_hold(task: Task) -> None:
    for card in make_cards(task, "a"):
        settings = settings_of(card)
        assert isinstance(settings.prompt, str)
        assert settings.prompt == settings.prompt.strip()
        assert settings.size is None or settings.size in PRESETS or parse_size(settings.size)
        assert settings.output_format in {None, "jpeg", "png"}
        assert settings.watermark in {None, True, False}
        assert all(str(link).lower().startswith(("http://", "https://")) for link in settings.references)
        assert settings.max_images is None or 1 <= settings.max_images <= 15
        assert isinstance(find_problem(settings), str)


@given(st.text())
def test_any_prompt_is_sent_as_it_is_but_for_the_space_around_it(prompt: str) -> None:
    assert plan(MakeSettings(prompt)).requests[0].prompt == prompt.strip()
