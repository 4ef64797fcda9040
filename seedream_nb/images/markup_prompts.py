"""Compares a prompt with what is drawn: a color or a number that is not there costs an image before anybody sees it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from seedream_nb.images.shapes import COLORS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from seedream_nb.images.shapes import Shape

_NOUNS: Final = {"box": "box", "boxes": "box", "arrow": "arrow", "arrows": "arrow", "pin": "pin", "pins": "pin"}
# The others are what things in an image have more often than what is drawn on it.
_OTHER_COLORS: Final = ("orange", "purple", "violet", "magenta", "turquoise")
_NAMED: Final = re.compile(
    rf"\b({'|'.join((*COLORS, *_OTHER_COLORS))})[ -](?:colou?red )?({'|'.join(_NOUNS)})\b"
    r"(?: (?:number |no\.? ?|#)?(\d+)\b(?! ?(?:m|cm|mm|met\w+|feet|foot|inch\w*|px|pixels?|times|x|%)(?!\w)))?"
)
_ANY_ONE: Final = re.compile(r"\ban?(?: [\w-]+){0,2} $")  # before a color: something to add, not something drawn
_LETTERING: Final = re.compile(r'"[^"]*"|“[^”]*”')
_ENGLISH: Final = re.compile(r"\b(?:the|with|and|of|to|into|from|put|add|remove|replace|make|change|turn)\b")
_MENTIONS: Final[Mapping[str, str]] = {
    "box": r"box(?:es)?|boxed|frames?|framed|rectangles?|squares?",
    "arrow": r"arrows?|points?|pointed",
    "line": r"lines?|strokes?|underlined",
    "freehand": r"drawings?|scribbles?|doodles?|sketch(?:es|ed)?|circled|circles?|outlines?|outlined|painted",
    "pin": r"pins?|pinned|markers?|dots?",
}
_ANY_MENTION: Final = r"drawn|marks?|marked|markings?|shapes?|highlighted|annotat\w+|numbers?|numbered"


def find_prompt_problems(shapes: Sequence[Shape], prompt: str) -> tuple[str, ...]:
    """What a prompt names that is not drawn, or what is drawn that it does not name, in a sentence each.

    Only what certainly speaks of shapes counts: `the blue box`, `red arrow 2`; not `a red sofa` or `a blue box`, which
    may be something to add, and nothing within quotation marks, which is lettering. Names are English; a prompt in
    another language is not judged by what it does not name.

    Args:
        shapes: What is drawn.
        prompt: The prompt.

    Returns:
        The sentences; none for a prompt that fits.

    Example:
        >>> from seedream_nb.images.shapes import Shape
        >>> find_prompt_problems([Shape("box", ((1, 1), (9, 9)))], "Put a sofa in the blue box.")
        ('The prompt names a blue box, but there is only red box 1.',)
    """
    if not shapes:
        return ()
    text = _normalize(prompt)
    wrong = tuple(dict.fromkeys(_name_missing(shapes, text)))
    return wrong or tuple(_name_unmentioned(shapes, text))


def find_named_shapes(prompt: str) -> tuple[str, ...]:
    """The shapes that a prompt names by color, such as `red box 1`.

    Example:
        >>> find_named_shapes("Put a sofa in the red box 1, and a lamp at the blue arrow.")
        ('red box 1', 'blue arrow')
    """
    text = _normalize(prompt)
    named = [match for match in _NAMED.finditer(text) if match[3] or not _ANY_ONE.search(text[: match.start()])]
    return tuple(dict.fromkeys(match[0] for match in named))


def _normalize(prompt: str) -> str:
    """The prompt in lower case, without lettering."""
    return " ".join(_LETTERING.sub(" ", prompt).lower().split())


def _name_missing(shapes: Sequence[Shape], text: str) -> Iterator[str]:
    for match in _NAMED.finditer(text):
        color, noun, number = match[1], _NOUNS[match[2]], match[3]
        alike = [shape for shape in shapes if (shape.color, shape.kind) == (color, noun)]
        drawn = f"there is only {', '.join(shape.name for shape in shapes)}"
        if number and not any(shape.number == int(number) for shape in alike):
            yield f"The prompt names {color} {noun} {int(number)}, but {drawn}."
        elif not number and not alike and not _ANY_ONE.search(text[: match.start()]):
            article = "an" if color[0] in "aeiou" else "a"
            yield f"The prompt names {article} {color} {noun}, but {drawn}."


def _name_unmentioned(shapes: Sequence[Shape], text: str) -> Iterator[str]:
    # Text on the image is an instruction of its own, and may explain the rest.
    if any(shape.kind == "text" for shape in shapes) or not _ENGLISH.search(text):
        return
    if any(letter.isalpha() and letter > "\u024f" for letter in text) or _mentions(text, _ANY_MENTION):
        return
    left = [
        shape for shape in shapes if not _mentions(text, shape.color) and not _mentions(text, _MENTIONS[shape.kind])
    ]
    if left:
        yield f"The prompt does not mention {', '.join(shape.name for shape in left)}."


def _mentions(text: str, words: str) -> bool:
    return re.search(rf"\b(?:{words})\b", text) is not None
