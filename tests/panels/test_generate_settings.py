"""The settings of the form become exactly these requests, and problems are found before sending."""

from __future__ import annotations

import dataclasses
import tracemalloc
import warnings
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedream_nb import GenerationOptions, Sandbox, SeedreamClient, Task, TaskImage, TaskStatus
from seedream_nb.client.preparation import prepare_all
from seedream_nb.client.references import read_references
from seedream_nb.notebook.generate_options import MOST_UNCONFIRMED
from seedream_nb.panels.cards import Card, make_cards
from seedream_nb.panels.generate_settings import (
    MOST_TAKES,
    Accepted,
    GenerateSettings,
    accepted_by,
    describe_others,
    find_losses,
    find_problem,
    find_reference_problem,
    kept_request,
    plan,
    settings_of,
)
from seedream_nb.protocol.capabilities import MODELS
from seedream_nb.protocol.request_body import DEFAULT_MODEL, build_body
from seedream_nb.protocol.sizes import PRESETS, parse_size
from tests.panels.support import any_task
from tests.sample_images import plain

if TYPE_CHECKING:
    from pathlib import Path

    from seedream_nb.client.references import Reference

PRO = "doubao-seedream-5-0-pro-260628"
OLDER = "doubao-seedream-4-5-251128"
LINK = "https://x.example/a.jpg"


def card_of(task: Task) -> Card:
    return make_cards(task, "a")[0]


def settings_from(request: dict[str, object], **known: object) -> GenerateSettings:
    return settings_of(card_of(Task("i", TaskStatus.SUCCEEDED, request=request, **known)))  # type: ignore[arg-type]


def test_settings_become_one_request_for_each_take() -> None:
    settings = GenerateSettings("  a cat\n", "4.5", "2K", 4, 2, watermark=False, references=(LINK, plain()))
    first, second = plan(settings).requests
    assert first == second
    assert (first.prompt, first.image) == ("a cat", (LINK, plain()))
    options = first.options
    assert (options.model, options.size, options.max_images, options.watermark) == (OLDER, "2K", 4, False)
    (body, _) = prepare_all([first, second])
    assert body["sequential_image_generation_options"] == {"max_images": 4}


def test_defaults_are_left_to_the_service() -> None:
    (request,) = plan(GenerateSettings("a cat")).requests
    (body,) = prepare_all([request])
    assert body == {"model": DEFAULT_MODEL, "prompt": "a cat", "async": True}


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (GenerateSettings(), "Enter a prompt."),
        (GenerateSettings(" \n "), "Enter a prompt."),
        (GenerateSettings("a cat", OLDER, size="1K"), "SeeDream 4.5 accepts 2K or 4K, not 1K."),
        (GenerateSettings("a cat", OLDER, size="<b>"), "accepts 2K or 4K, or <width>x<height>"),
        (GenerateSettings("a cat", PRO, max_images=2), "generates one image at a time"),
        (GenerateSettings("a cat", OLDER, output_format="png"), "has a fixed output format"),
        (GenerateSettings("a cat", max_images=0), "max_images must be from 1 to 15"),
        (
            GenerateSettings("a cat", max_images=14, references=(LINK, LINK)),
            "limit for input and output images together is 15",
        ),
        (GenerateSettings("a cat", takes=0), "Takes must be between 1 and 8, not 0."),
        (GenerateSettings("a cat", takes=9), "Takes must be between 1 and 8, not 9."),
        (GenerateSettings("a cat", references=(b"not an image",)), "is not a JPEG, PNG or WebP image"),
        (GenerateSettings("a cat", references=("no-such-file.png",)), "can't be read"),
    ],
)
def test_a_problem_says_what_cannot_be_sent(settings: GenerateSettings, words: str) -> None:
    problem = find_problem(settings)
    assert words in problem
    assert problem.endswith(".")


@pytest.mark.parametrize(
    "settings",
    [
        GenerateSettings("a cat"),
        GenerateSettings("a cat", "doubao-seedream-9-0-300101", "4K", 15, 8, "png"),
        GenerateSettings("a cat", "4.5", "16:9"),
        GenerateSettings(
            "a cat", "lite", "3072x3072", 4, output_format="jpeg", watermark=True, references=(LINK, plain())
        ),
    ],
)
def test_valid_settings_have_no_problem_and_no_warning(settings: GenerateSettings) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert find_problem(settings) == ""


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        (f"data:image/png;base64,{'A' * 14_000_000}", "limit of 10 MB"),
        ("data:image/png;base64,?", "is not base64"),
        ("data:text/plain,hello", "must be an http(s) link or data:image/<type>;base64,<data>"),
        (b"not an image", "is not a JPEG, PNG or WebP image"),
    ],
)
def test_an_invalid_reference_image_is_found_whatever_the_other_settings(reference: Reference, words: str) -> None:
    problem = find_reference_problem(reference)
    assert words in problem
    assert problem.endswith(".")


def test_a_good_reference_image_has_no_problem() -> None:
    references: list[Reference] = [LINK, plain(), *read_references(plain())]
    for reference in references:
        assert find_reference_problem(reference) == ""


def test_large_reference_images_are_not_read_at_each_keystroke() -> None:
    size = 13_000_000
    settings = GenerateSettings("a cat", OLDER, references=("data:image/png;base64," + "A" * size, LINK))
    tracemalloc.start()
    try:
        assert find_problem(settings) == ""
        _current, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < size / 10
    assert "accepts at most 14 input images" in find_problem(dataclasses.replace(settings, references=(LINK,) * 15))


def test_a_problem_is_found_without_sending_anything(sandbox: Sandbox) -> None:
    find_problem(GenerateSettings("a cat", references=(f"{sandbox.url}/a.jpg",)))
    assert len(sandbox.requests) == 0


def test_a_click_never_sends_more_than_a_command_without_confirmation() -> None:
    assert MOST_TAKES <= MOST_UNCONFIRMED


# What a model accepts


@pytest.mark.parametrize("model", MODELS)
def test_exactly_the_accepted_values_are_offered(model: str) -> None:
    accepted = accepted_by(model)
    assert accepted == accepted_by(MODELS[model].short_name)
    offered = {size for size in PRESETS if not find_problem(GenerateSettings("a cat", model, size))}
    assert offered == set(accepted.sizes)
    formats = {
        format_ for format_ in ("jpeg", "png") if not find_problem(GenerateSettings("a", model, output_format=format_))
    }
    assert formats == set(accepted.formats)
    most, references = accepted.most_images, MODELS[model].reference_images
    assert find_problem(GenerateSettings("a cat", model, max_images=most if most > 1 else None)) == ""
    assert find_problem(GenerateSettings("a cat", model, max_images=most + 1))
    assert find_problem(GenerateSettings("a cat", model, references=(LINK,) * references)) == ""
    assert find_problem(GenerateSettings("a cat", model, references=(LINK,) * (references + 1)))


def test_an_unknown_model_may_accept_everything() -> None:
    assert accepted_by("no-such-model") == Accepted(tuple(PRESETS), ("jpeg", "png"), 15)


# Use these settings


@pytest.mark.parametrize(
    "settings",
    [
        GenerateSettings("a cat\nasleep", PRO, "1.5K", output_format="png", watermark=False),
        GenerateSettings("a cat", OLDER, "4096x2304", 3, watermark=True, references=(LINK,)),
        GenerateSettings("a cat", references=(LINK, "http://x.example/b.png")),
    ],
)
def test_the_settings_of_an_image_are_those_it_was_generated_with(
    sandbox: Sandbox, client: SeedreamClient, settings: GenerateSettings
) -> None:
    sandbox.settings.generation_seconds = 0
    (generated,) = client.generate_all(plan(settings).requests).finish()
    for task in (generated, client.retrieve(generated.id)):
        for card in make_cards(task, "a"):
            assert settings_of(card) == settings


def test_local_reference_images_are_not_in_a_record(sandbox: Sandbox, client: SeedreamClient) -> None:
    sandbox.settings.generation_seconds = 0
    settings = GenerateSettings("a cat", references=(plain(500, 400), LINK))
    (generated,) = client.generate_all(plan(settings).requests).finish()
    assert settings_of(card_of(client.retrieve(generated.id))).references == (LINK,)


def test_stored_reference_images_come_back(sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.settings.generation_seconds = 0
    settings = GenerateSettings("a cat", references=(plain(500, 400), LINK, plain(30, 20)))
    with SeedreamClient(sandbox.token, sandbox.url, library=tmp_path) as client:
        (generated,) = client.generate_all(plan(settings).requests).finish()
        card = card_of(client.retrieve(generated.id))
        again = settings_of(card, kept_request(card.task, client.cache))
    assert again == settings
    assert find_losses(card, again) == ""


@pytest.mark.parametrize(
    "options",
    [
        GenerationOptions(model=PRO, size="2K", web_search=True, optimize_prompt="fast", output_format="png"),
        GenerationOptions(model="doubao-seedream-4-0-250828", seed=5, guidance_scale=2.5, watermark=False),
        GenerationOptions(model=OLDER, max_images=3, extra={"style": "calm", "safety": 0}),
        GenerationOptions(model=PRO, layers=True, background="transparent"),
    ],
)
def test_options_without_a_field_are_sent_again(options: GenerationOptions) -> None:
    body = build_body("a cat", options)
    settings = settings_from({**body, "action": "generate", "async": True})
    (request,) = plan(settings).requests
    assert build_body(request.prompt, request.options) == body


def test_what_is_in_the_form_wins() -> None:
    settings = settings_from({"prompt": "a cat", "seed": 5, "style": "calm", "sequential_image_generation": "disabled"})
    assert describe_others(settings) == "seed 5, style calm"
    (request,) = plan(dataclasses.replace(settings, max_images=3, size="2K")).requests
    body = build_body(request.prompt, request.options)
    assert (body["sequential_image_generation"], body["size"], body["seed"]) == ("auto", "2K", 5)


def test_without_a_request_the_settings_come_from_the_result() -> None:
    image = TaskImage("i", url=LINK, prompt="a cat", model=PRO, size="1024x1024", output_format="png")
    task = Task("i", TaskStatus.SUCCEEDED, (image,), size="1024x1024")
    assert settings_of(card_of(task)) == GenerateSettings("a cat", PRO, "1024x1024", output_format="png")


def test_what_the_model_chose_is_not_requested() -> None:
    image = TaskImage("i", url=LINK, prompt="a cat, rewritten by the model", size="1024x1024", output_format="png")
    settings = settings_from({"prompt": "a cat", "model": OLDER}, images=(image,), size="1024x1024", prompt="a cat")
    assert settings == GenerateSettings("a cat", OLDER)


def test_an_invalid_size_is_left_out() -> None:
    assert settings_from({"prompt": "a cat", "size": "<b>x</b>"}).size is None
    assert settings_from({}, size="auto").size is None


def test_a_retired_model_is_replaced_by_its_successor() -> None:
    assert (
        settings_from({"prompt": "a cat", "model": "doubao-seedream-3-0-t2i-250415"}).model
        == "doubao-seedream-4-0-250828"
    )


@pytest.mark.parametrize(
    ("options", "most"), [({"max_images": 4}, 4), ({}, 2), ({"max_images": True}, 2), (7, 2), ({"max_images": 99}, 15)]
)
def test_a_set_stays_a_set(options: object, most: int) -> None:
    request = {"sequential_image_generation": "auto", "sequential_image_generation_options": options}
    images = tuple(TaskImage("i", place, url=LINK) for place in range(2))
    assert settings_from({"prompt": "a cat", **request}, images=images).max_images == most
    assert (
        settings_from({"prompt": "a cat", "sequential_image_generation": "disabled"}, images=images).max_images is None
    )


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        ({"prompt": "a cat", "model": OLDER, "size": "2K", "watermark": False, "async": True}, ""),
        ({"model": "doubao-seedream-9-0-300101"}, "doubao-seedream-9-0-300101 is not available here: choose a model."),
        (
            {"model": "doubao-seedream-3-0-t2i-250415"},
            "doubao-seedream-3-0-t2i-250415 is retired: SeeDream 4.0 takes its place.",
        ),
        ({"image": ["data:image/png;base64,...", LINK]}, "1 reference image not kept on this machine"),
        ({"image": "data:image/png;base64,..."}, "1 reference image not kept on this machine"),
        ({"background": "transparent", "tools": None}, ""),
    ],
)
def test_what_is_lost_is_said(request_: dict[str, object], words: str) -> None:
    card = card_of(Task("i", TaskStatus.SUCCEEDED, request=request_))
    losses = find_losses(card, settings_of(card))
    assert losses.startswith(words) if words else losses == ""


@given(any_task)
def test_any_record_gives_settings_that_fit_the_form(task: Task) -> None:
    for card in make_cards(task, "a"):
        settings = settings_of(card)
        assert isinstance(find_losses(card, settings), str)
        assert isinstance(settings.prompt, str)
        assert settings.prompt == settings.prompt.strip()
        assert settings.size is None or settings.size in PRESETS or parse_size(settings.size)
        assert settings.output_format in {None, "jpeg", "png"}
        assert settings.watermark in {None, True, False}
        assert all(str(link).lower().startswith(("http://", "https://")) for link in settings.references)
        assert settings.max_images is None or 1 <= settings.max_images <= 15
        assert isinstance(find_problem(settings), str)


@given(st.text())
def test_any_prompt_is_sent_unchanged_except_for_surrounding_space(prompt: str) -> None:
    assert plan(GenerateSettings(prompt)).requests[0].prompt == prompt.strip()
