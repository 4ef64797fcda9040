"""A recorded request, as it is kept beside images and sent again."""

from __future__ import annotations

import hashlib
import json
from base64 import b64encode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedream_nb import GenerationOptions
from seedream_nb.protocol.capabilities import MODELS
from seedream_nb.protocol.recorded_request import (
    DELIVERY,
    change_options,
    read_options,
    references_of,
    to_portable,
)
from seedream_nb.protocol.request_body import build_body

OPTIONS = st.builds(
    GenerationOptions,
    model=st.sampled_from([*MODELS, "doubao-seedream-3-0-t2i-250415", "some-model-6"]),
    size=st.sampled_from([None, "1K", "2K", "2048x2048", "16:9", "square", "2K ", "odd"]),
    max_images=st.none() | st.integers(0, 16),
    output_format=st.sampled_from([None, "jpeg", "png"]),
    watermark=st.sampled_from([None, True, False]),
    web_search=st.booleans(),
    optimize_prompt=st.sampled_from([None, "standard", "fast"]),
    layers=st.booleans(),
    background=st.sampled_from([None, "transparent", "opaque"]),
    seed=st.none() | st.integers(-1, 2**31),
    guidance_scale=st.none() | st.integers(1, 10) | st.floats(1, 10),
    extra=st.dictionaries(
        st.sampled_from(["style", "safety", "watermark", "tools", "sequential_image_generation", "size"]),
        st.sampled_from([0, 1, True, "disabled", [], {"max_images": 3, "more": 1}, [{"type": "web_search"}]]),
    ),
)
PROMPTS = st.text(max_size=60)


@given(PROMPTS, OPTIONS)
def test_options_come_back_whole(prompt: str, options: GenerationOptions) -> None:
    body = build_body(prompt, options)
    found, read = read_options(json.loads(json.dumps(to_portable(body))))
    assert json.dumps(build_body(found, read), sort_keys=True) == json.dumps(body, sort_keys=True)


def test_the_way_of_sending_is_left_out() -> None:
    request = {
        "action": "generate",
        "prompt": "a cat",
        "model": "a-model",
        "seed": None,
        "user_token": "secret-secret",
        **dict.fromkeys(DELIVERY, True),
    }
    assert to_portable(request) == {"prompt": "a cat", "model": "a-model"}


def test_references_are_links_and_checksums() -> None:
    content = b"\xff\xd8\xff" + bytes(200)
    whole = f"data:image/jpeg;base64,{b64encode(content).decode()}"
    shown = "data:image/png;base64,…"
    portable = to_portable({"image": [" https://x.example/a.jpg", whole, shown, shown, 7]}, ["", "", "5d"])
    digest = hashlib.sha256(content).hexdigest()
    assert portable["image"] == ["https://x.example/a.jpg", {"sha256": digest}, {"sha256": "5d"}, {}, {}]
    assert references_of(portable) == [("https://x.example/a.jpg", ""), ("", digest), ("", "5d"), ("", ""), ("", "")]


@pytest.mark.parametrize(
    ("changes", "body"),
    [
        ({"size": "4K"}, {"size": "4K", "sequential_image_generation": "disabled", "style": "calm"}),
        ({"max_images": 3}, {"size": "odd!", "style": "calm"}),
        ({"extra": {"style": "wild"}}, {"size": "odd!", "sequential_image_generation": "disabled", "style": "wild"}),
    ],
)
def test_a_change_wins(changes: dict[str, Any], body: dict[str, Any]) -> None:
    options = GenerationOptions(extra={"size": "odd!", "sequential_image_generation": "disabled", "style": "calm"})
    built = build_body("", change_options(options, changes))
    if "max_images" in changes:
        body |= {"sequential_image_generation": "auto", "sequential_image_generation_options": {"max_images": 3}}
    assert {name: value for name, value in built.items() if name != "model"} == body


@pytest.mark.parametrize(
    "link",
    [
        "https://me:password@x.example/a.jpg",
        "https://x.example/a.jpg?X-Amz-Signature=5d5d&X-Amz-Expires=60",
        "https://x.example/a.jpg?sig=5d5d",
        "https://x.example/a.jpg?api_key=5d5d",
        "https://[x.example/a.jpg",
    ],
)
def test_what_is_shared_has_no_link_with_a_secret(link: str) -> None:
    plain = "https://x.example/a.jpg?size=2&page=1"
    request = {"image": [link, plain, link]}
    assert to_portable(request, ["5d"], is_shared=True)["image"] == [{"sha256": "5d"}, plain, {}]
    assert to_portable(request, ["5d"])["image"] == [link, plain, link]
