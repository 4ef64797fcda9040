"""Why: what costs money is read with care: a word in the wrong place must become an error, never another prompt."""

from __future__ import annotations

import argparse
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from seedream_nb.core.errors import UsageError
from seedream_nb.notebook.parser import Parser, Presentation, add_presentation, read_presentation
from seedream_nb.notebook.query_arguments import WAIT_SECONDS, read_timeout
from seedream_nb.protocol.capabilities import MODELS, PRESETS
from seedream_nb.protocol.request_body import GenerationOptions

if TYPE_CHECKING:
    from collections.abc import Sequence

_BETWEEN_PROMPTS = re.compile(r"^[ \t]*-{3,}[ \t]*$", re.MULTILINE)
MOST_TAKES = 100

# What Tab offers behind an option whose values are not a closed list.
SUGGESTIONS = {"model": tuple(model.short_name for model in MODELS.values()), "size": tuple(PRESETS)}


@dataclass(frozen=True)
class GenerateArguments:
    """`%seedream generate` and `%seedream edit`.

    Attributes:
        prompts: The prompts; one that is empty when a picture is taken apart into layers.
        options: What all requests share.
        varied: Options with the values to try, one or several.
        images: Reference images as they were typed: links, files, Python expressions.
        takes: How often each combination is made.
        stream: Whether pictures come one by one over a connection that is held.
        wait: Whether to wait until all is finished.
        timeout: Seconds after which waiting is given up.
        confirmed: Whether many paid requests are meant.
        dry_run: Whether to say what would be sent, and send nothing.
        strict: Whether to refuse what a known model does not accept.
        presentation: What becomes of the tasks.
    """

    prompts: tuple[str, ...]
    options: GenerationOptions = field(default_factory=GenerationOptions)
    varied: tuple[tuple[str, tuple[object, ...]], ...] = ()
    images: tuple[str, ...] = ()
    takes: int = 1
    stream: bool = False
    wait: bool = True
    timeout: float = WAIT_SECONDS
    confirmed: bool = False
    dry_run: bool = False
    strict: bool = True
    presentation: Presentation = field(default_factory=Presentation)


def generate_parser() -> Parser:
    """The parser of `%seedream generate`."""
    parser = Parser(
        "generate",
        "Make pictures. Costs money on the live service. As a cell magic, the body is the prompt; lines of --- stand "
        "between several. An option with several values makes a table of all combinations.",
    )
    parser.add_argument("prompt", nargs="*", metavar="PROMPT", help='the prompt, before the options: "a white cat"')
    parser.add_argument("--image", nargs="+", default=[], metavar="IMAGE", help=_IMAGE_HELP)
    _add_generation(parser)
    return parser


def edit_parser() -> Parser:
    """The parser of `%seedream edit`."""
    parser = Parser(
        "edit",
        "Change a picture as the prompt says, and show both. Costs money on the live service. As a cell magic, the "
        "body is the prompt.",
    )
    parser.add_argument("edited", metavar="IMAGE", help=_IMAGE_HELP)
    parser.add_argument("prompt", nargs="*", metavar="PROMPT", help="what to change, before the options")
    parser.add_argument("--image", nargs="+", default=[], metavar="IMAGE", help="further reference images")
    _add_generation(parser)
    return parser


_IMAGE_HELP = "a reference image: a link, a file, or a Python expression such as photo or gallery[0]"


def _add_generation(parser: Parser) -> None:
    several = "; several make a sweep"
    parser.add_argument("--model", nargs="+", metavar="NAME", help=f"{', '.join(SUGGESTIONS['model'])}{several}")
    parser.add_argument("--size", nargs="+", metavar="SIZE", help=f"{', '.join(PRESETS)} or WIDTHxHEIGHT{several}")
    parser.add_argument("--format", nargs="+", choices=("jpeg", "png"), dest="output_format", help="the file format")
    parser.add_argument("--max-images", type=int, metavar="N", help="let the model make a set, of N pictures at most")
    parser.add_argument("--takes", type=int, default=1, metavar="N", help="make each N times")
    parser.add_argument("--watermark", action=argparse.BooleanOptionalAction, help="the service's mark")
    parser.add_argument("--web-search", action="store_true", help="let the model search the web")
    parser.add_argument("--optimize-prompt", nargs="+", choices=("standard", "fast"), help="how it is rewritten")
    parser.add_argument("--layers", action="store_true", help="take a picture apart into layers")
    parser.add_argument("--background", nargs="+", choices=("transparent", "opaque"), help="with layers")
    parser.add_argument("--seed", type=int, nargs="+", metavar="N", help="for models of the third generation")
    parser.add_argument("--guidance-scale", type=float, nargs="+", metavar="X", help="as --seed")
    parser.add_argument("--response-format", choices=("url", "b64_json"), help="pictures as links, or in the answer")
    parser.add_argument("--callback-url", metavar="URL", help="a public address that gets the result as well")
    parser.add_argument("--field", action="append", default=[], metavar="NAME=VALUE", help="any other field, as JSON")
    parser.add_argument("--no-check", action="store_true", help="send what the model is not known to accept")
    group = parser.add_argument_group("how it is done")
    group.add_argument("--wait", action=argparse.BooleanOptionalAction, default=True, help="until all is finished")
    group.add_argument("--timeout", type=float, default=WAIT_SECONDS, metavar="S", help="seconds to wait at most (600)")
    group.add_argument("--stream", action="store_true", help="show each picture of a set as soon as it has come")
    group.add_argument("--yes", action="store_true", help="more than 8 paid requests are meant")
    group.add_argument("--dry-run", action="store_true", help="say what would be sent, and send nothing")
    add_presentation(parser)


_VARIED = ("model", "size", "output_format", "optimize_prompt", "background", "seed", "guidance_scale")
_SHARED = ("max_images", "watermark", "web_search", "layers", "response_format", "callback_url")


def read_generate(parsed: argparse.Namespace, cell: str) -> GenerateArguments:
    """The arguments of `%seedream generate`.

    Raises:
        UsageError: There is no prompt, it is unclear what it is, or an option is out of range.
    """
    return _read(parsed, cell, "generate", parsed.image)


def read_edit(parsed: argparse.Namespace, cell: str) -> GenerateArguments:
    """The arguments of `%seedream edit`.

    Raises:
        UsageError: As for `read_generate`.
    """
    return _read(parsed, cell, "edit", [parsed.edited, *parsed.image])


def _read(parsed: argparse.Namespace, cell: str, command: str, images: Sequence[str]) -> GenerateArguments:
    if not 1 <= parsed.takes <= MOST_TAKES:
        raise UsageError(f"takes is {parsed.takes}.", hint=f"Give a whole number from 1 to {MOST_TAKES}.")
    if parsed.stream and not parsed.wait:
        raise UsageError("A stream is waited for.", hint="Leave out --stream or --no-wait.")
    if parsed.stream and parsed.callback_url:
        raise UsageError("A stream takes no callback.", hint="Leave out --stream or --callback-url.")
    shared = {name: getattr(parsed, name) for name in _SHARED}
    return GenerateArguments(
        prompts=_read_prompts(parsed.prompt, cell, command, may_be_none=parsed.layers and bool(images)),
        options=GenerationOptions(**shared, extra=dict(map(_read_field, parsed.field))),
        varied=tuple((name, tuple(getattr(parsed, name))) for name in _VARIED if getattr(parsed, name)),
        images=tuple(images),
        takes=parsed.takes,
        stream=parsed.stream,
        wait=parsed.wait,
        timeout=read_timeout(parsed.timeout),
        confirmed=parsed.yes,
        dry_run=parsed.dry_run,
        strict=not parsed.no_check,
        presentation=read_presentation(parsed),
    )


def _read_prompts(words: Sequence[str], cell: str, command: str, *, may_be_none: bool) -> tuple[str, ...]:
    """Prompts from the line or from the cell's body.

    On a line, words without quotes make one prompt; several quoted texts are one prompt each. A mixture is unclear, and
    what is unclear is not paid for.
    """
    in_cell = tuple(prompt for part in _BETWEEN_PROMPTS.split(cell) if (prompt := part.strip()))
    on_line = [word for word in words if word.strip()]
    if in_cell and on_line:
        raise UsageError(
            f"There is a prompt on the line ({' '.join(on_line)!r}) and another in the cell's body.",
            hint="Keep one of them; nothing was sent.",
        )
    if in_cell:
        return in_cell
    if not on_line:
        if may_be_none:
            return ("",)
        raise UsageError(
            "There is no prompt.",
            hint=f'Write it in the body of a %%seedream {command} cell, or before the options: "a white cat".',
        )
    are_quoted = [len(word.split()) > 1 for word in on_line]
    if len(on_line) == 1 or all(are_quoted):
        return tuple(word.strip() for word in on_line)
    if any(are_quoted):
        raise UsageError(
            "It is unclear where the prompt begins and ends.", hint="Put it in quotes as a whole; nothing was sent."
        )
    return (" ".join(on_line),)


def _read_field(text: str) -> tuple[str, object]:
    name, sign, value = text.partition("=")
    if not sign or not name.strip():
        raise UsageError(f"{text!r} is no field.", hint="Write a name and a value: --field safety=3.")
    try:
        return name.strip(), json.loads(value)
    except ValueError:
        return name.strip(), value
