"""The options of `generate` and `edit` with their help, and what to use instead of those that other tools have."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from seedream_nb.library.budgets import BUDGET_NAME, PRICES_NAME
from seedream_nb.notebook.arguments import NAME, WORD, add_polling, add_presentation
from seedream_nb.notebook.prompts import SYNTAX
from seedream_nb.notebook.reference_words import IMAGE_HELP
from seedream_nb.protocol.capabilities import MODELS
from seedream_nb.protocol.request_body import DEFAULT_MODEL
from seedream_nb.protocol.sizes import PRESETS, SHAPES

if TYPE_CHECKING:
    from seedream_nb.notebook.arguments import Parser

MOST_UNCONFIRMED = 8  # paid requests that need no --yes
_DEFAULT = MODELS[DEFAULT_MODEL].short_name


def _advise(names: str, advice: str) -> dict[str, str]:
    return dict.fromkeys(names.split(), advice)


# What users of other tools type.
ADVICE = {
    **_advise(
        "-n --n --num --number --count --samples --batch --batch-size --num-images --num-outputs --images --repeat",
        "Use --takes N for N images of the prompt, or --max-images N to let one request generate a set of images.",
    ),
    **_advise(
        "-w --width --height --image-size --resolution --dimensions",
        "Use --size WIDTHxHEIGHT, such as --size 2560x1440.",
    ),
    **_advise("--ratio --aspect --aspect-ratio --ar", "Use --size with a ratio, such as --size 16:9."),
    **_advise("-q --quality --hd", "Use --size for a higher resolution, such as --size 4K."),
    **_advise(
        "--negative-prompt --negative --neg --no", "There is no negative prompt: say in the prompt what to leave out."
    ),
    **_advise("-s --style --stylize", "Describe the style in the prompt."),
    **_advise("--steps --num-inference-steps --sampler --scheduler", "The API has no option for sampling."),
    **_advise(
        "--cfg --cfg-scale --guidance --scale",
        "Only third-generation models take a guidance scale: use --guidance-scale X with one of them.",
    ),
    **_advise("-p --prompt", 'Write the prompt before the options: "a white cat".'),
    **_advise(
        "-i --input --input-image --init-image --ref --reference --reference-image",
        "Use --image with a link, a file, or a Python expression.",
    ),
    **_advise(
        "-o --output --output-dir --outdir --dir --path",
        "Use --save DIR to save the images, or --out NAME to assign the gallery to a variable.",
    ),
    **_advise("-m --v --version", "Use --model NAME, such as --model 4.5."),
    **_advise("--async", "Use --no-wait to continue without waiting."),
}


def add_generate(parser: Parser) -> None:
    """Adds the options of `%seedream generate`."""
    prompt = 'the prompt, before any option: "a white cat"'
    parser.add_argument("prompt", nargs="*", default=(), type=WORD, metavar="PROMPT", help=prompt)
    parser.add_argument("--image", nargs="+", type=WORD, default=[], metavar="IMAGE", help=IMAGE_HELP)
    add_generation(parser)


def add_edit(parser: Parser) -> None:
    """Adds the options of `%seedream edit`."""
    parser.add_argument(
        "edited", type=WORD, metavar="IMAGE", help=f"{IMAGE_HELP}; a Markup is sent with what is drawn on it"
    )
    change = "the change to make, before any option"
    parser.add_argument("prompt", nargs="*", default=(), type=WORD, metavar="PROMPT", help=change)
    parser.add_argument(
        "--image", nargs="+", type=WORD, default=[], metavar="IMAGE", help="additional reference images"
    )
    add_generation(parser)


def add_generation(
    parser: Parser, *, again: str = "pay for each request, even if the library has its result already"
) -> None:
    """Adds the options that all paid commands have; `again` is the help of `--again`."""
    parser.takes_cell = True
    parser.notes = SYNTAX
    parser.advice = ADVICE
    add = parser.add_argument_group("generation options (give several values to compare them)").add_argument
    add(
        "--model",
        nargs="+",
        type=NAME,
        metavar="NAME",
        help=f"{', '.join(model.short_name for model in MODELS.values())}, or a full model id (default: {_DEFAULT})",
    )
    add(
        "--size",
        nargs="+",
        type=NAME,
        metavar="SIZE",
        help=f"{', '.join(PRESETS)}, WIDTHxHEIGHT, a ratio such as 16:9, or {', '.join(SHAPES)}",
    )
    add("--format", nargs="+", choices=("jpeg", "png"), dest="output_format", help="the file format")
    add("--optimize-prompt", nargs="+", choices=("standard", "fast"), help="how the service rewrites the prompt")
    add("--background", nargs="+", choices=("transparent", "opaque"), help="the background, with --layers")
    add("--seed", type=int, nargs="+", metavar="N", help="random seed (only third-generation models)")
    add("--guidance-scale", type=float, nargs="+", metavar="X", help="guidance scale (only third-generation models)")
    add = parser.add_argument_group("request options").add_argument
    add("--max-images", type=int, metavar="N", help="let the model generate a set of at most N images")
    add("--takes", type=int, default=1, metavar="N", help="N images of each combination in all (default: 1)")
    add(
        "--watermark",
        action=argparse.BooleanOptionalAction,
        help="add the service's watermark (the default) or not",
    )
    add("--web-search", action="store_true", help="let the model search the web")
    add("--layers", action="store_true", help="decompose the image into layers")
    add("--response-format", choices=("url", "b64_json"), help="receive images as links or as inline images")
    add("--callback-url", metavar="URL", help="public URL that also receives the result")
    add(
        "--field",
        action="append",
        type=WORD,
        default=[],
        metavar="NAME=VALUE",
        help="add any other field; VALUE is JSON or text",
    )
    add("--no-check", action="store_true", help="send the request even if the model is not known to accept it")
    group = parser.add_argument_group("execution options")
    group.add_argument(
        "--wait", action=argparse.BooleanOptionalAction, default=True, help="wait until all tasks finish (default)"
    )
    add_polling(group)
    group.add_argument("--stream", action="store_true", help="show each image of a set as soon as it arrives")
    group.add_argument("--again", action="store_true", help=again)
    group.add_argument(
        "--budget",
        metavar="DOLLARS",
        help="send nothing that would make this command cost more, by the estimated prices "
        f"(for all commands: {BUDGET_NAME}=20/day; for other prices: {PRICES_NAME}=prices.toml)",
    )
    group.add_argument("--yes", action="store_true", help=f"confirm more than {MOST_UNCONFIRMED} paid requests")
    group.add_argument("--dry-run", action="store_true", help="list the requests without sending them")
    add_presentation(parser)
