"""What a request may hold, model by model."""

import base64
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seedream_nb.protocol.capabilities import (
    MAX_IMAGES,
    MODELS,
    RETIRED_MODELS,
    ModelCapabilities,
    find_model,
    matches_model,
)
from seedream_nb.protocol.sizes import pixels_of_preset
from seedream_nb.protocol.validation import find_model_problem, find_problems

PRO, LITE, V45, V40 = MODELS
PIXEL = "data:image/png;base64," + base64.b64encode(b"image").decode()

models = st.sampled_from(list(MODELS.values()))
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=8), children, max_size=3),
    max_leaves=4,
)
fields = st.sampled_from(
    [
        "prompt",
        "model",
        "image",
        "size",
        "sequential_image_generation",
        "sequential_image_generation_options",
        "stream",
        "response_format",
        "watermark",
        "output_format",
        "tools",
        "optimize_prompt_options",
        "layer_decomposition",
        "background",
        "callback_url",
        "async",
        "seed",
        "something_new",
    ]
)


def problems(**body: object) -> tuple[str, ...]:
    return find_problems({"model": V40, "prompt": "a red kite", **body})


@pytest.mark.parametrize("model", MODELS)
def test_the_simplest_request_is_fine_for_every_model(model: str) -> None:
    assert find_problems({"model": model, "prompt": "a red kite"}) == ()


def test_a_full_request_is_fine() -> None:
    body = {
        "model": LITE,
        "prompt": "a red kite",
        "image": ["https://example.com/a.png", PIXEL],
        "size": "2560x1440",
        "sequential_image_generation": "auto",
        "sequential_image_generation_options": {"max_images": 13},
        "stream": True,
        "response_format": "b64_json",
        "watermark": False,
        "output_format": "png",
        "tools": [{"type": "web_search"}],
        "optimize_prompt_options": {"mode": "standard"},
        "async": False,
        "callback_url": None,
        "something_new": {"a": 1},
    }
    assert find_problems(body) == ()


@pytest.mark.parametrize(
    ("model", "body", "sentence"),
    [
        (V45, {"size": "1K"}, "SeeDream 4.5 accepts 2K or 4K, not 1K."),
        (V40, {"size": "3K"}, "SeeDream 4.0 accepts 1K, 2K or 4K, not 3K."),
        (LITE, {"size": "auto"}, "SeeDream 5.0 Lite accepts 2K, 3K or 4K, not auto."),
        (PRO, {"size": "4K"}, "SeeDream 5.0 Pro accepts 1K, 1.5K or 2K, not 4K."),
        (
            PRO,
            {"size": "auto"},
            "SeeDream 5.0 Pro accepts auto only with layer_decomposition; otherwise 1K, 1.5K or 2K.",
        ),
        (V40, {"size": "2k"}, "SeeDream 4.0 accepts 1K, 2K or 4K, or <width>x<height>, not '2k'."),
        (
            V45,
            {"size": "1024x1024"},
            "SeeDream 4.5 accepts at least 3,686,400 pixels, not 1024x1024 (1,048,576 pixels).",
        ),
        (
            PRO,
            {"size": "4096x4096"},
            "SeeDream 5.0 Pro accepts 921,600 to 4,624,220 pixels, not 4096x4096 (16,777,216 pixels).",
        ),
        (
            V40,
            {"prompt": "  "},
            "prompt is required, except for layer decomposition: describe the image.",
        ),
        (V40, {"prompt": 7}, "prompt must be text, not a number."),
        (V40, {"stream": "yes"}, "stream must be true or false, not text."),
        (V40, {"watermark": 1}, "watermark must be true or false, not a number."),
        (V40, {"stream": True, "async": True}, "stream can't be combined with async: omit one of them."),
        (
            V40,
            {"stream": True, "callback_url": "https://example.com"},
            "stream can't be combined with callback_url: omit one of them.",
        ),
        (V40, {"callback_url": "example.com"}, "callback_url must be an http(s) address, not 'example.com'."),
        (V40, {"response_format": "base64"}, "response_format must be url or b64_json, not 'base64'."),
        (LITE, {"output_format": "webp"}, "output_format must be jpeg or png, not 'webp'."),
        (
            V40,
            {"sequential_image_generation_options": {"max_images": 16}},
            "max_images must be from 1 to 15, not 16.",
        ),
        (V40, {"sequential_image_generation_options": {"max_images": 0}}, "max_images must be from 1 to 15, not 0."),
        (
            V40,
            {"sequential_image_generation_options": {"max_images": "3"}},
            "max_images must be a whole number from 1 to 15, not '3'.",
        ),
        (V40, {"image": ""}, "image is empty: pass a link or a data URI, or omit it."),
        (V40, {"image": 3}, "image must be a link or a data URI, or a list of these, not a number."),
        (
            V40,
            {"image": "./cat.png"},
            "image must be an http(s) link or data:image/<type>;base64,<data>, not './cat.png'.",
        ),
        (
            V40,
            {"image": [PIXEL, "data:text/plain,A"]},
            "image 2 of 2 must be an http(s) link or data:image/<type>;base64,<data>, not 'data:text/plain,A'.",
        ),
        (V40, {"image": "data:image/png;base64,@@@"}, "image is a data URI whose data is not base64."),
        (
            V40,
            {"image": "data:image/png;base64," + "A" * 14_000_000},
            "image exceeds the limit of 10 MB for an input image.",
        ),
        (PRO, {"image": [PIXEL] * 11}, "SeeDream 5.0 Pro accepts at most 10 input images, not 11."),
        (
            V40,
            {
                "image": [PIXEL] * 5,
                "sequential_image_generation": "auto",
                "sequential_image_generation_options": {"max_images": 11},
            },
            "The limit for input and output images together is 15, not 5 + 11 = 16.",
        ),
        (
            PRO,
            {"sequential_image_generation": "auto"},
            (
                "SeeDream 5.0 Pro generates one image at a time: "
                "sets need SeeDream 5.0 Lite, SeeDream 4.5 or SeeDream 4.0."
            ),
        ),
        (
            PRO,
            {"stream": True},
            "SeeDream 5.0 Pro can't stream: that needs SeeDream 5.0 Lite, SeeDream 4.5 or SeeDream 4.0.",
        ),
        (V45, {"tools": [{"type": "web_search"}]}, "SeeDream 4.5 can't search the web: that needs SeeDream 5.0 Lite."),
        (LITE, {"tools": [{"type": "calculator"}]}, "The only tool is web_search, not 'calculator'."),
        (
            V45,
            {"output_format": "jpeg"},
            "SeeDream 4.5 has a fixed output format: choosing one needs SeeDream 5.0 Pro or SeeDream 5.0 Lite.",
        ),
        (
            V45,
            {"optimize_prompt_options": {"mode": "fast"}},
            "SeeDream 4.5 accepts standard for optimize_prompt_options.mode, not 'fast'.",
        ),
        (
            LITE,
            {"layer_decomposition": True},
            "SeeDream 5.0 Lite can't decompose an image into layers: that needs SeeDream 5.0 Pro.",
        ),
        (
            LITE,
            {"background": "transparent"},
            "SeeDream 5.0 Lite has a fixed background: choosing one needs SeeDream 5.0 Pro.",
        ),
        (
            PRO,
            {"layer_decomposition": True, "prompt": None},
            "layer_decomposition needs an image or a prompt.",
        ),
    ],
)
def test_each_problem_has_its_sentence(model: str, body: dict[str, Any], sentence: str) -> None:
    assert problems(**{"model": model, **body}) == (sentence,)


def test_all_problems_are_reported_at_once() -> None:
    assert len(problems(model=V45, prompt="", size="1K", stream=True, callback_url="ftp://x")) == 4


@pytest.mark.parametrize("body", [{}, {"model": None}, {"model": "  "}])
def test_a_model_is_required(body: dict[str, object]) -> None:
    assert any(sentence.startswith("model is required") for sentence in find_problems({"prompt": "a kite", **body}))


def test_layer_decomposition_does_without_a_prompt() -> None:
    assert find_problems({"model": PRO, "layer_decomposition": True, "image": PIXEL, "size": "auto"}) == ()


@pytest.mark.parametrize("model", ["doubao-seedream-9-0-300101", *RETIRED_MODELS])
def test_of_an_unknown_model_only_the_general_is_checked(model: str) -> None:
    assert problems(model=model, size="3K", stream=True, background="transparent", seed=1) == ()
    assert problems(model=model, size="100x100", image=[PIXEL] * 14) == ()
    assert len(problems(model=model, size="huge")) == 1
    assert len(problems(model=model, prompt="")) == 1


def test_retired_models_have_successors_on_offer() -> None:
    assert set(RETIRED_MODELS.values()) <= set(MODELS)
    assert not set(RETIRED_MODELS) & set(MODELS)


@given(models, st.integers(1, 5000), st.integers(1, 5000))
def test_a_free_size_is_fine_exactly_within_the_models_pixels(
    model: ModelCapabilities, width: int, height: int
) -> None:
    fits = model.min_pixels <= width * height <= (model.max_pixels or width * height)

    assert (problems(model=model.id, size=f"{width}x{height}") == ()) is fits


@given(models, st.sampled_from(["1K", "1.5K", "2K", "3K", "4K"]))
def test_a_preset_is_fine_exactly_where_the_model_has_it_and_its_pixels_fit(
    model: ModelCapabilities, preset: str
) -> None:
    width, height = pixels_of_preset(preset)

    assert (problems(model=model.id, size=preset) == ()) is (preset in model.presets)
    if preset in model.presets:
        assert problems(model=model.id, size=f"{width}x{height}") == ()


@given(st.integers(0, 14), st.integers(1, 15))
def test_inputs_and_outputs_are_counted_together(inputs: int, outputs: int) -> None:
    found = problems(
        image=[PIXEL] * inputs or None,
        sequential_image_generation="auto",
        sequential_image_generation_options={"max_images": outputs},
    )

    assert (found == ()) is (inputs + outputs <= MAX_IMAGES)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a busy machine is no failure
@given(st.dictionaries(fields, json_values, max_size=6))
def test_any_json_is_judged_without_a_crash(body: dict[str, object]) -> None:
    found = find_problems(body)

    assert all(sentence.endswith(".") and "\n" not in sentence for sentence in found)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # as above
@given(st.dictionaries(st.text(max_size=8).map("x-".__add__), json_values, max_size=3))
def test_unknown_fields_are_the_services_business(body: dict[str, object]) -> None:
    assert problems(**body) == ()


# Names of models


@pytest.mark.parametrize(
    ("model", "names"),
    [
        (PRO, ["5.0-pro", "pro", "5.0 Pro", "5-0-pro", "seedream-5.0-pro", "PRO", "SeeDream 5.0 Pro", "260628"]),
        (LITE, ["5.0-lite", "lite", "5.0 Lite", " Lite ", "seedream_5_0_lite", "doubao-seedream-5-0-lite", "5.0lite"]),
        (V45, ["4.5", "4-5", "seedream-4.5", "SeeDream4.5", "doubao 4.5", "4-5-251128"]),
        (V40, ["4.0", "4-0", "seedream 4.0", "250828", V40.upper()]),
    ],
)
def test_people_call_models_by_many_names(model: str, names: list[str]) -> None:
    assert {name: find_model(name) for name in names} == dict.fromkeys(names, model)


@pytest.mark.parametrize(
    "name",
    [
        "5.0",
        "5",
        "4",
        "0",
        "",
        " ",
        "-",
        "seedream",
        "doubao-seedream",
        "lit",
        "45",
        "4.5 lite",
        "3.0",
        *RETIRED_MODELS,
    ],
)
def test_what_fits_no_model_or_several_stays_as_it_is(name: str) -> None:
    assert find_model(name) == name


@pytest.mark.parametrize("model", MODELS.values())
def test_short_names(model: ModelCapabilities) -> None:
    assert model.short_name in {"5.0-pro", "5.0-lite", "4.5", "4.0"}
    assert find_model(model.short_name) == find_model(model.id) == find_model(model.label) == model.id


@given(
    st.text()
    | st.lists(st.sampled_from([*"4.50 -_", "pro", "LITE", "seedream", "doubao", *MODELS]), max_size=6).map("".join)
)
def test_any_name_is_that_of_a_model_or_stays(name: str) -> None:
    found = find_model(name)
    assert found == name or found in MODELS
    assert find_model(found) == found


@pytest.mark.parametrize(
    ("name", "matching"),
    [
        ("4.5", [V45]),
        ("SeeDream 4.5", [V45]),
        ("seedream 5.0", [PRO, LITE]),
        ("5.0-lite", [LITE]),
        ("PRO", [PRO]),
        ("lit", [LITE]),
        ("doubao-seedream-5-0", [PRO, LITE]),
        ("4.1", []),
        (V40, [V40]),
        ("", [*MODELS]),
    ],
)
def test_a_filter_takes_names_of_one_model_or_several_and_parts_of_ids(name: str, matching: list[str]) -> None:
    assert [model for model in MODELS if matches_model(name, model)] == matching
    assert matches_model(name, "") == (not name)


@given(st.text() | st.sampled_from([name for model in MODELS.values() for name in (model.short_name, model.label)]))
def test_a_filter_understands_every_name_that_a_request_does(name: str) -> None:
    assert matches_model(name, find_model(name))


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("5.0", "Did you mean 5.0-pro or 5.0-lite?"),
        ("4.5pro", "Did you mean 5.0-pro or 4.5?"),
        ("45", "Did you mean 4.5?"),
        ("lit", "Did you mean 5.0-lite?"),
        ("4.5-251129", "Did you mean 4.5?"),
        ("gpt-image-1", "Available models: 5.0-pro, 5.0-lite, 4.5, 4.0."),
        ("Doubao-Seedream-9-0-300101", "Available models: 5.0-pro, 5.0-lite, 4.5, 4.0."),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest(name: str, advice: str) -> None:
    assert find_model_problem(name) == f"Unknown model {name!r}. {advice}"


@pytest.mark.parametrize("name", [*MODELS, *RETIRED_MODELS, "doubao-seedream-5-5-261028", "doubao-seededit-4-0-271231"])
def test_full_ids_of_the_family_can_be_sent(name: str) -> None:
    assert find_model_problem(name) == ""


@given(st.text())
def test_any_other_text_is_no_model(name: str) -> None:
    problem = find_model_problem(name)
    assert not name.strip() or problem.startswith("Unknown model ")
    assert "\n" not in problem
