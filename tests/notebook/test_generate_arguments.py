"""The line of `generate` and `edit`: a misread one would cost money, so anything ambiguous is rejected."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedream_nb.core.errors import UsageError
from seedream_nb.core.text import escape_variables
from seedream_nb.notebook.commands import parse
from seedream_nb.notebook.generate import GenerateArguments
from seedream_nb.protocol.request_body import GenerationOptions
from tests.notebook.running import is_typable


def read(line: str, cell: str | None = None) -> GenerateArguments:
    parsed = parse(line, cell)
    assert isinstance(parsed, GenerateArguments)
    return parsed


@pytest.mark.parametrize(
    ("line", "cell", "prompts"),
    [
        ('generate "a white siamese cat" --size 2K', None, ("a white siamese cat",)),
        ("generate a white siamese cat --size 2K", None, ("a white siamese cat",)),
        ("generate cat", None, ("cat",)),
        ('generate "a cat" "a dog"', None, ("a cat", "a dog")),
        ("generate", "a cat", ("a cat",)),
        ("generate", "\n  a cat,\n  asleep  \n\n", ("a cat,\n  asleep",)),
        ("generate", "a cat\n---\n\n 一只狗 \n -----  \n", ("a cat", "一只狗")),
        ("generate", "a cat --- with a dash\n--\n- a list", ("a cat --- with a dash\n--\n- a list",)),
        ("generate", "{{a}} costs $5 and 100%", ("{a} costs $5 and 100%",)),
        ("edit photo.png make it night", None, ("make it night",)),
        ('edit gallery[0] "make it night"', None, ("make it night",)),
        ("edit gallery[0]", "make it night\n---\nmake it snow", ("make it night", "make it snow")),
        ("generate --layers --image photo.png", "", ("",)),
        ("edit photo.png --layers", None, ("",)),
    ],
)
def test_prompts_are_read_from_line_or_cell(line: str, cell: str | None, prompts: tuple[str, ...]) -> None:
    assert read(line, cell).prompts == prompts


@pytest.mark.parametrize(
    ("line", "cell", "message"),
    [
        ("generate", None, "There is no prompt"),
        ("generate --size 2K", " \n---\n ", "There is no prompt"),
        ("generate --layers", "", "There is no prompt"),
        ("generate --size 2K a cat", None, "There is no prompt"),  # the words belong to --size
        ("generate a cat", "a dog", "another in the cell's body"),
        ('generate "a white cat" asleep', None, "unclear where the prompt begins"),
        ("edit", "make it night", "required: IMAGE"),
        ("generate cat --takes 0", None, "--takes must be between 1 and 100, not 0"),
        ("generate cat --timeout 0", None, "--timeout must be more than 0, not 0"),
        ("generate cat --interval 0", None, "--interval must be more than 0, not 0"),
        ("generate cat --timeout nan", None, "--timeout must be more than 0, not nan"),
        ("generate cat --stream --no-wait", None, "--stream always waits"),
        ("generate cat --stream --callback-url https://example.org", None, "--stream does not support callbacks"),
        ("generate cat --format gif", None, "--format must be jpeg or png, not 'gif'"),
        ("generate cat --model 4,5", None, "4,5 contains a comma"),
        ("generate cat --size 2K,4K", None, "2K,4K contains a comma"),
        ("generate cat --save out/{{index:03}}", None, "{index:03} is part of a file name"),
        ("generate cat --field safety", None, "'safety' is not a field"),
        ("generate cat --sise 2K", None, "%seedream generate has no option --sise"),
    ],
)
def test_an_ambiguous_or_invalid_line_is_rejected(line: str, cell: str | None, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(line, cell)
    assert message in caught.value.message
    assert caught.value.hint


def test_every_option_is_read() -> None:
    parsed = read(
        "generate cat --model pro lite --size 2K 4K --format png --max-images 4 --takes 2 --no-watermark --web-search "
        "--optimize-prompt fast --layers --background transparent --seed 1 2 --guidance-scale 2.5 "
        "--response-format b64_json --callback-url https://example.org/x --field safety=3 --field note=fine "
        '--image a.png "b c.png" --no-wait --timeout 5 --interval 3 --yes --dry-run --no-check --columns 2 --out made'
    )
    assert parsed.options == GenerationOptions(
        max_images=4,
        watermark=False,
        web_search=True,
        layers=True,
        response_format="b64_json",
        callback_url="https://example.org/x",
        extra={"safety": 3, "note": "fine"},
    )
    assert dict(parsed.varied) == {
        "model": ("pro", "lite"),
        "size": ("2K", "4K"),
        "output_format": ("png",),
        "optimize_prompt": ("fast",),
        "background": ("transparent",),
        "seed": (1, 2),
        "guidance_scale": (2.5,),
    }
    assert (parsed.images, parsed.takes) == (("a.png", "b c.png"), 2)
    assert (parsed.timeout, parsed.interval) == (5, 3)
    assert (parsed.wait, parsed.confirmed, parsed.dry_run, parsed.strict) == (False, True, True, False)
    assert (parsed.presentation.options.columns, parsed.presentation.out) == (2, "made")


def test_defaults() -> None:
    assert read("generate cat") == GenerateArguments(("cat",))


def test_an_edit_has_its_image_first() -> None:
    parsed = read("edit gallery[0] make it night --image palette.png")
    assert parsed.images == ("gallery[0]", "palette.png")


@given(st.lists(st.text(min_size=1).filter(is_typable), min_size=1))
def test_prompts_of_a_cell_are_unchanged(prompts: list[str]) -> None:
    body = "\n---\n".join(map(escape_variables, prompts))
    assert read("generate", body).prompts == tuple(prompt.strip() for prompt in prompts)
