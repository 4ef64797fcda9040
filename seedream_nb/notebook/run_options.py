"""The options of `run` with their help, and how they are read: each is a value for all rows, or a column's name."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from seedream_nb.client.references import LINKS
from seedream_nb.core.errors import UsageError, shorten
from seedream_nb.gallery.dataset_parts import DatasetFormat
from seedream_nb.library.budgets import parse_budget
from seedream_nb.notebook.arguments import WORD, add_out, read_out
from seedream_nb.notebook.generate import MOST_TAKES
from seedream_nb.notebook.generate_options import ADVICE, MOST_UNCONFIRMED
from seedream_nb.notebook.run import RunArguments
from seedream_nb.notebook.template import name_type
from seedream_nb.protocol.capabilities import MODELS
from seedream_nb.protocol.request_body import DEFAULT_MODEL
from seedream_nb.protocol.sizes import PRESETS, SHAPES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seedream_nb.notebook.arguments import Parser
    from seedream_nb.notebook.line import Word
    from seedream_nb.notebook.prompts import Body

FORMATS = get_args(DatasetFormat)
_ACTIONS = ("dry_run", "background", "stop", "remove")
# Each is a value for all rows, or the name of a column.
_OPTIONS = (
    "model",
    "size",
    "image",
    "seed",
    "guidance_scale",
    "output_format",
    "optimize_prompt",
    "max_images",
    "watermark",
    "web_search",
    "layers",
)
_ADVICE = {
    **{name: advice for name, advice in ADVICE.items() if name != "--prompt"},
    **dict.fromkeys(("-n", "--n", "--num", "--number", "--count"), "Use --takes N for N images of each row."),
    **dict.fromkeys(
        ("-o", "--output", "--output-dir", "--outdir", "--dir", "--path", "--save"), "Use --export TARGET."
    ),
    **dict.fromkeys(("-p", "--template"), 'Use --prompt with a column or a template: --prompt "a {color} cat".'),
    **dict.fromkeys(("--table", "--file", "--csv", "--data"), "Write the table first: %seedream run prompts.csv."),
    **dict.fromkeys(("--resume", "--continue"), "The same line again continues; so does %seedream run NAME."),
    **dict.fromkeys(("--concurrency", "--workers", "--parallel", "--jobs", "-j"), "Use --in-flight N."),
}
_NEED_RUN = ("retry", "export", "out", "yes")  # which say nothing without a run
_MOST_IN_FLIGHT = 1000

NOTES = """\
tables and templates:
  prompts.csv            a file: CSV, TSV, JSON lines, JSON, or Parquet
  df, {df.head(5)}       a variable or an expression: a pandas or Polars frame, a list of dicts, a generator
  cats                   the name of a run: continues it, if anything is missing
  --prompt text          the column named text
  --prompt "a {color} {animal}"
                         a template over columns; {{ and }} are braces, and $name is a Python variable
  --size format          every generation option takes a value for all rows, or the name of a column

  As a cell magic, the body is the template. The same line again pays only for rows that are new or changed.
"""


def add_run(parser: Parser) -> None:
    """Adds the options of `%seedream run`."""
    parser.takes_cell = True
    parser.template = "--prompt"
    parser.notes = NOTES
    parser.advice = _ADVICE
    parser.add_argument(
        "source",
        nargs="?",
        type=WORD,
        metavar="TABLE|NAME",
        help="a table, or the name of a run; without, list all runs",
    )
    parser.add_argument("--name", metavar="NAME", help="the name of the run (default: the name of the file)")
    add = parser.add_argument_group(
        "generation options (each a value for all rows, or the name of a column)"
    ).add_argument
    add("--prompt", nargs="+", type=WORD, metavar="PROMPT", help="a template over columns (default: the column prompt)")
    models = ", ".join(model.short_name for model in MODELS.values())
    add("--model", metavar="NAME", help=f"{models}, or a full model id (default: {MODELS[DEFAULT_MODEL].short_name})")
    add("--size", metavar="SIZE", help=f"{', '.join(PRESETS)}, WIDTHxHEIGHT, 16:9, or {', '.join(SHAPES)}")
    add(
        "--image", nargs="+", type=WORD, metavar="IMAGE", help="reference images: links, files, columns, or {variables}"
    )
    add("--output-format", metavar="FORMAT", help="the file format of the images: jpeg or png")
    add("--optimize-prompt", metavar="MODE", help="how the service rewrites the prompt: standard or fast")
    add("--seed", metavar="N", help="random seed (only third-generation models)")
    add("--guidance-scale", metavar="X", help="guidance scale (only third-generation models)")
    add("--max-images", metavar="N", help="let the model generate a set of at most N images for each row")
    add(
        "--watermark",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="add the service's watermark (the default) or not",
    )
    add("--web-search", action="store_const", const=True, help="let the model search the web")
    add("--layers", action="store_const", const=True, help="decompose the image of each row into layers")
    add("--takes", type=int, metavar="N", help="N images of each row in all (default: 1)")
    add = parser.add_argument_group("execution options").add_argument
    add("--in-flight", type=int, metavar="N", help="at most N requests in progress at a time (default: 10)")
    add("--budget", metavar="DOLLARS", help="send nothing that would make the run cost more, by the estimated prices")
    add("--yes", action="store_true", help=f"confirm more than {MOST_UNCONFIRMED} paid requests, or --remove")
    add("--dry-run", action="store_true", help="check all rows and show the cost; send nothing")
    add("--retry", action="store_true", help="send again what failed")
    add("--background", action="store_true", help="work while other cells run")
    add("--stop", action="store_true", help="stop the run, or all runs, in the background of this kernel")
    add(
        "--remove", action="store_true", help="forget the run; its images stay in the library. Prompts for confirmation"
    )
    group = parser.add_argument_group("output options")
    group.add_argument(
        "--export", metavar="TARGET", help="export the images to a directory or an address such as s3://bucket/cats"
    )
    group.add_argument("--format", choices=FORMATS, help=f"the format of the export (default: {FORMATS[0]})")
    add_out(group, "run")


def read_run(parsed: argparse.Namespace) -> RunArguments:
    """Reads the arguments of `%seedream run`."""
    actions = [name for name in _ACTIONS if getattr(parsed, name)]
    if len(actions) > 1:
        first, second = (f"--{name.replace('_', '-')}" for name in actions[:2])
        raise UsageError(f"{first} and {second} exclude each other.", hint="Keep one of them; nothing was sent.")
    action = actions[0] if actions else ""
    if parsed.format is not None and parsed.export is None:
        raise UsageError(
            "--format is the format of --export, which is missing.",
            hint="Add --export TARGET; the file format of images is --output-format. Nothing was sent.",
        )
    if parsed.export is not None and action:
        raise UsageError(
            f"--export and --{action.replace('_', '-')} exclude each other.", hint="Keep one of them; nothing was sent."
        )
    _check_number(parsed.takes, "--takes", MOST_TAKES)
    _check_number(parsed.in_flight, "--in-flight", _MOST_IN_FLIGHT)
    if parsed.budget is not None:
        parse_budget(parsed.budget)
    options = {name: _read_option(name, value) for name in _OPTIONS if (value := getattr(parsed, name)) is not None}
    limits = {name: value for name in ("takes", "in_flight", "budget") if (value := getattr(parsed, name)) is not None}
    prompt = _read_template(parsed.prompt, parsed.body)
    has_run = parsed.source is not None or parsed.name is not None
    stray = [*(["prompt"] if prompt else []), *options, *limits, *(name for name in _NEED_RUN if getattr(parsed, name))]
    if not has_run and (stray or action not in {"", "stop"}):
        option = f"--{(stray or [action])[0].replace('_', '-')}"
        raise UsageError(
            f"{option} needs a table or a run.",
            hint="Write it before the options: %seedream run prompts.csv --name cats. Nothing was sent.",
        )
    return RunArguments(
        source=parsed.source,
        name=parsed.name,
        prompt=prompt,
        options=options,
        limits=limits,
        confirmed=parsed.yes,
        action=action,
        retry=parsed.retry,
        target=parsed.export,
        form=parsed.format or "imagefolder",
        out=read_out(parsed.out),
        comments=parsed.body.comments,
    )


def _read_template(words: Sequence[Word] | None, body: Body) -> str | None:
    """The template of the line or of the cell's body; None where neither has one."""
    if words and body.prompts:
        raise UsageError(
            "There is a --prompt on the line and another in the cell's body.", hint="Keep one; nothing was sent."
        )
    if words is not None and len(words) > 1:
        source = "".join(word.space + word.source for word in words).strip()
        raise UsageError(
            "It is unclear where the prompt ends.",
            hint=f"Quote it: --prompt {shorten(repr(source))}, and write the table first; nothing was sent.",
        )
    if len(body.prompts) > 1:
        raise UsageError(
            f"The cell's body has {len(body.prompts)} prompts, and a run has one template.",
            hint="Write the parts that differ into columns of the table; nothing was sent.",
        )
    given = words or body.prompts
    if not given:
        return None
    value = given[0].value
    if not isinstance(value, str):
        raise UsageError(
            f"The prompt is {name_type(value)}, not text.",
            hint="Use a template over columns, or the name of a column; nothing was sent.",
        )
    if not value.strip():
        raise UsageError("The prompt is empty.", hint="Write a template, or leave it out; nothing was sent.")
    return value


def _read_option(name: str, value: object) -> object:
    """An option's value: reference images, or text, which may be a number or the name of a column."""
    return [_read_image(word) for word in value] if name == "image" else value  # type: ignore[attr-defined]  # words


def _read_image(word: Word) -> object:
    value = word.value
    if word.is_data and isinstance(value, str) and not value.strip().lower().startswith(LINKS):
        return Path(value)  # never a column: what a variable holds is data
    return value


def _check_number(number: int | None, option: str, most: int) -> None:
    if number is not None and not 1 <= number <= most:
        raise UsageError(
            f"{option} must be between 1 and {most:,}, not {number:,}.", hint="Use a whole number in this range."
        )
