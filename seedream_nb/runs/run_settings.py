"""What a run's requests are made of: its prompt and options, each the same for all rows or a column of the table."""

from __future__ import annotations

import difflib
import functools
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seedream_nb.client.transport import encode
from seedream_nb.core.errors import UsageError, shorten
from seedream_nb.core.foreign import show_line
from seedream_nb.core.text import count_of
from seedream_nb.protocol.capabilities import MODELS, find_model
from seedream_nb.protocol.request_body import DEFAULT_MODEL
from seedream_nb.runs.cells import ReferenceFiles, images_in, is_link, resolve_path, store_images
from seedream_nb.runs.option_values import CONSTANTS, OPTIONS, Column, ValueProblem, read_option
from seedream_nb.runs.prompt_templates import Template, column_template, parse_template

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from seedream_nb.runs.cells import StoreReference
    from seedream_nb.runs.tables import Table

MOST_TAKES = 100

_PROMPT = "prompt"
_IMAGE = "image"
_SHOWN_PROMPT = 40  # characters of a prompt in a description
_SHOWN_COLUMNS = 8  # names that an error lists
_SIMILAR = 0.75  # of a prompt and a column's name, from which on it is a typing error


@dataclass(frozen=True)
class RunSettings:
    """How the rows of a table become requests.

    Attributes:
        prompt: A column, a template with columns in braces, or None for the column `prompt`, if a row has it.
        options: The options that were given, each a constant or a column. Any other option is the column of its name,
            if a row has it and the prompt does not use it.
        image: Reference images that were given: columns, links, and absolute paths.
        takes: The number of requests of each row.
        base: The folder that relative paths in cells refer to.
        strict: Whether to reject what a known model does not accept.

    Example:
        >>> settings = RunSettings("a {color} cat", {"size": Column("size")})
        >>> settings == RunSettings.from_json(settings.to_json())
        True
        >>> settings.describe(["color", "size"])
        'prompt: "a {color} cat" · model: 5.0-lite · size: column size'
    """

    prompt: Column | str | None = None
    options: Mapping[str, object] = field(default_factory=dict)
    image: tuple[Column | str, ...] = ()
    takes: int = 1
    base: str = "."
    strict: bool = True

    def to_json(self) -> dict[str, Any]:
        """The settings as JSON can hold them."""
        return {
            "prompt": _to_json(self.prompt),
            "options": {name: _to_json(value) for name, value in self.options.items()},
            "image": [_to_json(image) for image in self.image],
            "takes": self.takes,
            "base": self.base,
            "strict": self.strict,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> RunSettings:
        """The settings that `to_json` returned."""
        return cls(
            prompt=_from_json(value["prompt"]),
            options={name: _from_json(one) for name, one in value["options"].items()},
            image=tuple(_from_json(one) for one in value["image"]),
            takes=value["takes"],
            base=value["base"],
            strict=value["strict"],
        )

    def describe(self, columns: Iterable[str]) -> str:
        """Describes the settings for an announcement.

        Args:
            columns: The columns of the table.
        """
        names = set(columns)
        described = {name: value for name, value in self.sources.items() if _is_there(value, names)}
        described["model"] = _short_name(described.get("model", DEFAULT_MODEL))
        images = [image for image in self.images if _is_there(image, names)]
        lines = [f"prompt: {_describe_prompt(self.prompt)}"] if self.prompt or _PROMPT in names else []
        lines += [
            f"{name.replace('_', ' ')}: {_describe_value(described[name])}"
            for name in (*OPTIONS, *CONSTANTS)
            if name in described
        ]
        lines += [f"image: {', '.join(map(_describe_value, images))}"] if images else []
        return " · ".join(lines)

    @functools.cached_property
    def template(self) -> Template:
        """The prompt as a template."""
        if isinstance(self.prompt, str):
            return parse_template(self.prompt)
        return column_template(self.prompt.name if self.prompt else _PROMPT)

    @functools.cached_property
    def sources(self) -> dict[str, object]:
        """The options that were given, and those that a column of their name may hold."""
        # A column in the prompt is text: a {background} is no option.
        columns = {name: Column(name) for name in OPTIONS if name not in self.template.columns}
        return {**columns, **self.options}

    @functools.cached_property
    def columns(self) -> tuple[tuple[str, str], ...]:
        """The options that columns may hold, each with its column."""
        return tuple((name, value.name) for name, value in self.sources.items() if isinstance(value, Column))

    @functools.cached_property
    def constants(self) -> dict[str, Any]:
        """The options that all rows share."""
        return {name: value for name, value in self.options.items() if not isinstance(value, Column)}

    @functools.cached_property
    def images(self) -> tuple[Column | str, ...]:
        """Where the reference images come from."""
        return self.image or ((Column(_IMAGE),) if _IMAGE not in self.template.columns else ())

    def used(self, columns: Iterable[str]) -> list[str]:
        """The columns that are used because they are named like an option that was not given."""
        names = set(columns)
        used = [column for name, column in self.columns if name not in self.options and column in names]
        return used if self.image or _IMAGE not in names or not self.images else [*used, _IMAGE]


def _is_there(value: object, columns: Collection[str]) -> bool:
    return not isinstance(value, Column) or value.name in columns


def _to_json(value: object) -> dict[str, object] | None:
    if value is None:
        return None
    return {"column": value.name} if isinstance(value, Column) else {"constant": value}


def _from_json(value: Mapping[str, Any] | None) -> Any:
    if value is None:
        return None
    return Column(value["column"]) if "column" in value else value["constant"]


def _describe_prompt(prompt: Column | str | None) -> str:
    return (
        f'"{show_line(prompt, _SHOWN_PROMPT)}"'
        if isinstance(prompt, str)
        else _describe_value(prompt or Column(_PROMPT))
    )


def _describe_value(value: object) -> str:
    if isinstance(value, Column):
        return f"column {show_line(value.name, _SHOWN_PROMPT)}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return show_line(value if isinstance(value, str) else json.dumps(value), _SHOWN_PROMPT)


def _short_name(model: object) -> object:
    known = MODELS.get(find_model(model)) if isinstance(model, str) else None
    return known.short_name if known else model


def read_settings(
    table: Table,
    prompt: str | None = None,
    *,
    image: object = None,
    takes: int = 1,
    strict: bool = True,
    store_reference: StoreReference | None = None,
    **options: object,
) -> RunSettings:
    """Resolves what was passed against the columns of a table.

    Args:
        table: The table.
        prompt: A column, a template such as `a {color} {product}`, or None for the column `prompt`.
        image: Reference images: a column, a link, a path, an image in memory, or a list of these.
        takes: The number of requests of each row, from 1 to 100.
        strict: Whether to reject what a known model does not accept.
        store_reference: Stores an image in memory and returns its path.
        options: The fields of `GenerationOptions`. A text that is a column's name is the column; None is not given.

    Returns:
        The settings.

    Raises:
        UsageError: There is no such column, a value is not valid, or nothing varies between the rows.

    Example:
        >>> from seedream_nb.runs.tables import open_table
        >>> read_settings(open_table({"color": ["red", "blue"]}), "a {color} cat", model="4.5").options
        {'model': '4.5'}
    """
    columns = table.columns
    if isinstance(takes, bool) or not isinstance(takes, int) or not 1 <= takes <= MOST_TAKES:
        raise UsageError(
            f"takes must be a whole number from 1 to {MOST_TAKES}, not {takes!r}.", hint="Nothing was sent."
        )
    unknown = [name for name in options if name not in (*OPTIONS, *CONSTANTS)]
    if unknown:
        raise UsageError(
            f"There is no option {unknown[0]!r}.{_near(unknown[0], (*OPTIONS, *CONSTANTS, _IMAGE), 'options')}",
            hint="Nothing was sent.",
        )
    settings = RunSettings(
        prompt=_read_prompt(prompt, columns, needs_none=bool(options.get("layers") or "layers" in columns)),
        options={name: _read_value(name, value, columns) for name, value in options.items() if value is not None},
        image=tuple(_read_images(image, columns, store_reference)),
        takes=takes,
        base=str(table.base),
        strict=strict,
    )
    used = {
        *settings.template.columns,
        *(column for _, column in settings.columns),
        *(one.name for one in settings.images if isinstance(one, Column)),
    }
    encode(settings.to_json())  # it must be stored, too
    if used.isdisjoint(columns):
        raise UsageError(
            f"Every row would get the same request, because no column is used.{list_names(columns)}",
            hint=f"Put a column into the prompt, such as {{{columns[0]}}}; or pass takes=N for N images of one prompt. "
            "Nothing was sent.",
        )
    return settings


def _read_prompt(prompt: object, columns: Sequence[str], *, needs_none: bool) -> Column | str | None:
    if prompt is None:
        if _PROMPT in columns or needs_none:
            return None
        raise UsageError(
            f"There is no prompt: the table has no column named prompt.{_near(_PROMPT, columns)}",
            hint="Pass prompt= with a column or a template such as a {color} {product}; nothing was sent.",
        )
    if not isinstance(prompt, str):
        raise UsageError(f"The prompt must be text, not {type(prompt).__name__}.", hint="Nothing was sent.")
    if prompt in columns:
        return Column(prompt)
    if not prompt.strip():
        raise UsageError("The prompt is empty.", hint="Pass a column or a template; nothing was sent.")
    template = parse_template(prompt)
    for name in template.columns:
        if name not in columns:
            raise _no_column(name, columns)
    if not template.columns and (meant := _find_meant(prompt, columns)):
        raise UsageError(
            f"There is no column {shorten(prompt)!r}. Did you mean {shorten(meant)!r}?",
            hint="Pass the name of a column, or a template such as a {color} {product}; nothing was sent.",
        )
    return prompt


def _find_meant(prompt: str, columns: Sequence[str]) -> str | None:
    """The column whose name was probably meant by a prompt without columns."""
    cutoff = 1.0 if " " in prompt.strip() else _SIMILAR
    near = difflib.get_close_matches(_plain(prompt), map(_plain, columns), 1, cutoff)
    return next((column for column in columns if [_plain(column)] == near), None)


def _read_value(name: str, value: object, columns: Sequence[str]) -> object:
    if isinstance(value, str) and value in columns:
        return Column(value)
    try:
        read = read_option(name, value)
    except ValueProblem as problem:
        raise UsageError(
            f"{problem.sentence}{list_names(columns)}",
            hint="Pass one value, or the name of a column; nothing was sent.",
        ) from None
    if read is None:
        raise UsageError(f"{name} is empty.", hint="Leave it out; nothing was sent.")
    return read


def _read_images(
    image: object, columns: Sequence[str], store_reference: StoreReference | None
) -> Iterator[Column | str]:
    if image is None:
        return
    for one in (image or [""]) if isinstance(image, (list, tuple)) else [image]:
        if isinstance(one, str) and one in columns:
            yield Column(one)
            continue
        try:
            stored = images_in(store_images(one, store_reference)) or [""]
            yield from map(_check_image, stored)
        except ValueProblem as problem:
            raise UsageError(
                f"{problem.sentence}{list_names(columns)}", hint="Pass a column, a link, or a file; nothing was sent."
            ) from None


def _check_image(image: str) -> str:
    """A link, or the absolute path of a file that can be read."""
    if not image:
        raise ValueProblem("a reference image is empty")
    if is_link(image):
        return image
    path = str(resolve_path(image, str(Path.cwd())))
    ReferenceFiles(".", strict=True).checksum(path)
    return path


def _no_column(name: str, columns: Sequence[str]) -> UsageError:
    return UsageError(
        f"There is no column {shorten(name)!r}.{_near(name, columns)}",
        hint="Write {{ and }} for braces as text; nothing was sent.",
    )


def _near(name: str, names: Sequence[str], noun: str = "columns") -> str:
    """The names that are nearest to one that does not exist, as a sentence."""
    plain = difflib.get_close_matches(_plain(name), map(_plain, names), 3, 0.6)
    near = [one for one in names if _plain(one) in plain]
    return f" Did you mean {' or '.join(repr(shorten(one)) for one in near)}?" if near else list_names(names, noun)


def list_names(names: Sequence[str], noun: str = "columns") -> str:
    """The first names as a sentence, with a space before it."""
    shown = ", ".join(shorten(name) for name in names[:_SHOWN_COLUMNS])
    more = f", and {count_of(len(names) - _SHOWN_COLUMNS, 'other')}" if len(names) > _SHOWN_COLUMNS else ""
    return f" {noun.capitalize()}: {shown}{more}."


def _plain(name: str) -> str:
    return " ".join(name.casefold().replace("_", " ").split())
