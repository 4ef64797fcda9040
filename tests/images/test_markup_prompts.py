"""A prompt that names what is not drawn is noticed, and one that speaks of other things is left alone."""

from __future__ import annotations

import pytest

from seedream_nb.images.markup_prompts import find_prompt_problems
from seedream_nb.images.shapes import Shape

RED_BOX = Shape("box", ((10, 10), (90, 90)), "red", "", 1)
BLUE_ARROW = Shape("arrow", ((10, 10), (90, 90)), "blue", "", 2)
GREEN_DRAWING = Shape("freehand", ((10, 10), (90, 90)), "green", "", 3)
TEXT = Shape("text", ((10, 10),), "cyan", "a lamp", 4)
DRAWN = (RED_BOX, BLUE_ARROW)
THERE = "but there is only red box 1, blue arrow 2."


@pytest.mark.parametrize(
    ("prompt", "problem"),
    [
        ("Put a sofa in the green box.", f"The prompt names a green box, {THERE}"),
        ("put a sofa in the GREEN\n box and a lamp in the red box", f"The prompt names a green box, {THERE}"),
        ("Put a sofa in the blue box.", f"The prompt names a blue box, {THERE}"),
        ("Move it where the red arrow points.", f"The prompt names a red arrow, {THERE}"),
        ("Fill the orange boxes.", f"The prompt names an orange box, {THERE}"),
        ("Fill the pink-colored box.", f"The prompt names a pink box, {THERE}"),
        ("A sofa in red box 2, a lamp in red box 1.", f"The prompt names red box 2, {THERE}"),
        ("red box number 3", f"The prompt names red box 3, {THERE}"),
        ("A sofa at a blue pin 7", f"The prompt names blue pin 7, {THERE}"),
        ("Make the sofa in the red box larger", "The prompt does not mention blue arrow 2."),
        ("Make the sofa larger", "The prompt does not mention red box 1, blue arrow 2."),
    ],
)
def test_what_does_not_fit(prompt: str, problem: str) -> None:
    assert find_prompt_problems(DRAWN, prompt) == (problem,)


@pytest.mark.parametrize(
    "prompt",
    [
        "Put a sofa in the red box, and a lamp where the blue arrow points.",
        "Put a sofa in red box 1, and a lamp at blue arrow 2.",
        "Put a green sofa into the red box, in front of the yellow wall; the arrow shows the lamp.",
        "Put a green box into the red box, as the blue arrow shows.",
        "Put a small green box into the red box, as the blue arrow shows.",
        "Make the red box 2 meters wide, and the blue arrow 30% longer.",
        "Put the white box into the red box, as the blue arrow shows.",
        'Write "in the green box" into the red box, above the blue arrow.',
        "Write “the green box” into the red box, above the blue arrow.",
        "Put a sofa in the frame; the arrow points at the lamp.",
        "Put a sofa and a lamp where it is marked, and remove the marks.",
        "Follow the numbers.",
        "在红色方框里放一张沙发",
        "Setze ein Sofa in das rote Kästchen.",
        "",
    ],
)
def test_what_fits_or_cannot_be_judged(prompt: str) -> None:
    assert find_prompt_problems(DRAWN, prompt) == ()


def test_every_problem_is_named_once() -> None:
    found = find_prompt_problems(DRAWN, "the green box, the green box, the pink pin")
    assert found == (f"The prompt names a green box, {THERE}", f"The prompt names a pink pin, {THERE}")


def test_a_drawing_has_many_names() -> None:
    for words in ("circled", "scribble", "green", "painted", "outline"):
        assert find_prompt_problems([GREEN_DRAWING], f"Remove the {words} thing.") == ()
    assert find_prompt_problems([GREEN_DRAWING], "Remove the thing.") != ()


def test_text_on_the_image_speaks_for_itself() -> None:
    assert find_prompt_problems([RED_BOX, TEXT], "Follow what the image says.") == ()


def test_an_image_without_shapes_has_no_problems() -> None:
    assert find_prompt_problems([], "Put a sofa in the green box.") == ()
