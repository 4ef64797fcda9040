"""Code that does exactly what a click does, to repeat or change it. Pure functions; foreign text never becomes code."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

from seedream_nb.core.models import Task, TaskImage
from seedream_nb.core.task_ids import find_problem
from seedream_nb.core.text import escape_variables
from seedream_nb.panels.generate_settings import WEB_LINKS, is_inline
from seedream_nb.protocol.capabilities import MODELS, find_model

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seedream_nb.panels.generate_settings import GenerateSettings

MOST_ON_A_LINE = 3  # task ids
WIDEST_LINE = 88  # characters of Python

# A word on the line of a magic: without quotes, and without variables.
_PLAIN_WORD = re.compile(r"[^\s\"'${}\x00-\x1f\x7f-\x9f\ud800-\udfff-][^\s\"'${}\x00-\x1f\x7f-\x9f\ud800-\udfff]*")
# What a cell body cannot hold: the line that separates prompts; comments; what is taken for a Python list; what IPython
# takes for the prompts of a pasted session; and invisible characters, or those that an editor would change.
_UNFIT_FOR_CELL = re.compile(
    r"^[ \t]*-{3,}[ \t]*$"
    r"|^[ \t]*#(?!\S)"
    r"|\A[\[(]\s*[A-Za-z]{0,2}[\"']"
    r"|^\s*(?:>>>|\.{3,}|In \[)"
    r"|[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufeff]",
    re.MULTILINE,
)


def get_code(task_ids: Sequence[str]) -> str:
    """Code that gets tasks: a `%seedream get` line, or a cell when there are many; empty without ids.

    It is Python where an id is malformed.

    Example:
        >>> get_code(["84d1544a-9043-4dde-a98b-e889dacd75f6"])
        '%seedream get 84d1544a-9043-4dde-a98b-e889dacd75f6'
    """
    if not task_ids:
        return ""
    if any(not task_id or find_problem(task_id) for task_id in task_ids):
        return _call("client.retrieve_batch", [repr(list(task_ids))])
    if len(task_ids) <= MOST_ON_A_LINE:
        return " ".join(("%seedream get", *task_ids))
    return "\n".join(("%%seedream get", *task_ids))


def generate_code(settings: GenerateSettings) -> str:
    """A `%%seedream generate` cell that generates what a click generates; Python where a cell cannot express it.

    Example:
        >>> from seedream_nb.panels.generate_settings import GenerateSettings
        >>> print(generate_code(GenerateSettings("a cat", model="4.5", size="2K")))
        %%seedream generate --model 4.5 --size 2K
        a cat
    """
    prompt = settings.prompt.strip()
    words = _words(settings)
    if not prompt or words is None or _UNFIT_FOR_CELL.search(prompt):
        return python_code(settings)
    return f"{' '.join(('%%seedream generate', *words))}\n{escape_variables(prompt)}"


def python_code(settings: GenerateSettings) -> str:
    """The same as a Python expression, for an existing `client`.

    Reference images without a link or path are variables, which a comment explains.
    """
    references, comments = _format_references(settings)
    options = {
        "model": find_model(settings.model),
        "size": settings.size,
        "max_images": settings.max_images,
        "output_format": settings.output_format,
        "watermark": settings.watermark,
        **dict(settings.others),
    }
    arguments = [repr(settings.prompt.strip())]
    arguments += [f"{name}={value!r}" for name, value in options.items() if value is not None]
    if references:
        arguments.append(f"image={references[0] if len(references) == 1 else '[' + ', '.join(references) + ']'}")
    if settings.takes == 1:
        return "\n".join((*comments, _call("client.generate", [*arguments, "wait=True"])))
    call = _call("client.generate", arguments)
    return "\n".join((*comments, f"client.wait([{call} for _ in range({settings.takes})])"))


def _words(settings: GenerateSettings) -> list[str] | None:
    """The words of the magic's line, or None where it cannot express one."""
    model = find_model(settings.model)
    short_name = MODELS[model].short_name if model in MODELS else model
    links = [_link(reference) or "" for reference in settings.references]
    options: dict[str, Sequence[object]] = {
        "--model": [short_name if find_model(short_name) == model else model],
        "--size": [settings.size],
        "--format": [settings.output_format],
        "--max-images": [settings.max_images],
        "--takes": [settings.takes if settings.takes != 1 else None],
        "--image": links,
    }
    words: list[str] = []
    for option, values in options.items():
        texts = [str(value) for value in values if value is not None]
        if not all(map(_PLAIN_WORD.fullmatch, texts)):
            return None
        words += [option, *texts] if texts else []
    if settings.watermark is not None:
        words.append("--watermark" if settings.watermark else "--no-watermark")
    for name, value in settings.others:
        other = _words_of_other(name, value)
        if other is None:
            return None
        words += other
    # A semicolon at the end of the line silences the cell instead.
    return None if words[-1].endswith(";") else words


def _words_of_other(name: str, value: object) -> list[str] | None:
    """The words of an option without a field in the form, or None where the line cannot express it."""
    if name == "extra" and isinstance(value, dict):
        fields = [f"{field}={json.dumps(inner)}" for field, inner in value.items()]
        if any("=" in name or not name.strip() or not name.isprintable() for name in value):
            return None
        return [word for field in fields for word in ("--field", escape_variables(repr(field)))]
    option = f"--{name.replace('_', '-')}"
    return [option] if value is True else [option, str(value)]


def _format_references(settings: GenerateSettings) -> tuple[list[str], list[str]]:
    """Each reference image as Python code, and a comment on those that are variables."""
    formatted: list[str] = []
    names: list[str] = []
    for number, reference in enumerate(settings.references, start=1):
        link = _link(reference)
        if link is not None:
            formatted.append(repr(link))
        elif isinstance(reference, Path) or (isinstance(reference, str) and not is_inline(reference)):
            formatted.append(repr(str(reference)))
        else:
            names.append(f"reference_{number}")
            formatted.append(names[-1])
    if not names:
        return formatted, []
    return formatted, [f"# First set {' and '.join(names)} to a path, bytes, or an image."]


def _link(reference: object) -> str | None:
    """The web link of a reference image, or None."""
    if isinstance(reference, Task) and len(reference.good_images) == 1:
        reference = reference.good_images[0]
    link = reference.url if isinstance(reference, TaskImage) and reference.data is None else reference
    return link.strip() if isinstance(link, str) and link.strip().lower().startswith(WEB_LINKS) else None


def _call(function: str, arguments: Sequence[str]) -> str:
    line = f"{function}({', '.join(arguments)})"
    if len(line) <= WIDEST_LINE or len(arguments) == 1:
        return line
    return "\n".join((f"{function}(", *(f"    {argument}," for argument in arguments), ")"))
