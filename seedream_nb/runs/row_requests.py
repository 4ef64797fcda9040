"""Turns the rows of a table into paid requests: all are checked before the first is sent.

Each request is built again from its stored cells when it is sent, possibly in another kernel.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from seedream_nb.client.preparation import prepare
from seedream_nb.client.request_identity import checksum_of_data, identify
from seedream_nb.core.errors import UsageError
from seedream_nb.protocol.request_body import DEFAULT_MODEL, GenerationOptions
from seedream_nb.protocol.validation import find_problems
from seedream_nb.runs.cells import ReferenceFiles, images_in, is_link, resolve_path, store_cells
from seedream_nb.runs.option_values import Column, ValueProblem, read_option
from seedream_nb.runs.problems import Problems
from seedream_nb.runs.run_settings import list_names
from seedream_nb.runs.tables import ROW_HINT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from seedream_nb.runs.cells import StoreReference
    from seedream_nb.runs.run_settings import RunSettings
    from seedream_nb.runs.tables import Table

_IMAGE = "image"
_MOST_CHOICES = 1024  # different options that are remembered while a table is read
_LONGEST_KEY = 200  # characters of a value by which they are remembered
_LINK = re.compile(r"https?://\S+", re.IGNORECASE)
# What stands for a valid prompt, link, and file where requests with equal options are checked once.
_ANY_PROMPT = "a cat"
_ANY_LINK = "https://example.org"
_ANY_DATA = "data:image/png;base64,AAAA"


class PlannedRow(NamedTuple):
    """A row whose request can be sent.

    Attributes:
        number: The number of the row, from 1.
        cells: The cells as JSON can hold them.
        body: The body of the request without its reference images.
        references: What identifies each reference image: `link`, or the checksum `sha256` of its content.
    """

    number: int
    cells: dict[str, Any]
    body: dict[str, object]
    references: tuple[dict[str, str], ...]

    def identify(self, find_content: Callable[[str], Mapping[str, str]] | None = None) -> tuple[str, dict[str, Any]]:
        """The checksum of what the row orders, and the body for the ledger, as in `Purchases`.

        Args:
            find_content: What identifies the image of a link, such as the checksum of its content.
        """
        body = {**self.body, _IMAGE: self.references} if self.references else self.body
        return identify(body, lambda one: _identify(one, find_content))


def _identify(reference: Any, find_content: Callable[[str], Mapping[str, str]] | None) -> Mapping[str, str]:
    if find_content is None or "link" not in reference:
        return reference  # type: ignore[no-any-return]  # one of `PlannedRow.references`
    return find_content(reference["link"])


def read_requests(
    table: Table, settings: RunSettings, *, store_reference: StoreReference | None = None
) -> Iterator[PlannedRow]:
    """Yields the request of each row; nothing is sent.

    After the first row with a problem, the others are only checked. Memory stays flat for tables of any length.

    Args:
        table: The table.
        settings: How its rows become requests.
        store_reference: Stores a reference image in memory and returns its path.

    Yields:
        The rows in order.

    Raises:
        UsageError: There are no rows, or some can't be sent: raised when all were read, with their numbers. Send
            nothing before the last row was read.
    """
    problems = Problems()
    draft = RequestBuilder(settings, store_reference).draft
    number = 0
    for number, row in table.rows(problems):
        try:
            planned = draft(number, row)
        except ValueProblem as problem:
            problems.add(number, str(problem))
            continue
        if not problems:
            yield planned
    hint = f"{ROW_HINT}{_option_hint(settings, table.columns)}{_value_hint(settings, table.columns, str(problems))}"
    problems.check(max(number, problems.last), hint)
    if not number:
        raise UsageError("The table has no rows.", hint="Nothing was sent.")


def _option_hint(settings: RunSettings, columns: Sequence[str]) -> str:
    used = settings.used(columns)
    if not used:
        return ""
    names = f"column {used[0]} was" if len(used) == 1 else f"columns {', '.join(used)} were"
    return f" The {names} taken for an option; rename what means something else."


def _value_hint(settings: RunSettings, columns: Sequence[str], problems: str) -> str:
    """What to say of a rejected value that looks like the name of a column that the table does not have."""
    words = [value for value in settings.constants.values() if isinstance(value, str) and value.isidentifier()]
    missing = next((word for word in words if repr(word) in problems), None)
    return "" if missing is None else f" There is no column {missing!r}.{list_names(columns)}"


def _read_row(cells: Mapping[str, Any], settings: RunSettings) -> tuple[str, tuple[Any, ...], list[str]]:
    """The prompt of a row, the cells of its options, and its reference images."""
    options = tuple([cells.get(column) for _, column in settings.columns])
    prompt = "" if _has_no_prompt(cells, settings) else settings.template.fill(cells)
    images: list[str] = []
    for image in settings.images:
        if not isinstance(image, Column):
            images.append(image)
        elif (cell := cells.get(image.name)) is not None:
            images += images_in(cell)
    return prompt, options, images


def _has_no_prompt(cells: Mapping[str, Any], settings: RunSettings) -> bool:
    """Whether a row is a layer decomposition without a prompt."""
    if isinstance(settings.prompt, str):
        return False
    cell = cells.get(settings.template.columns[0])
    if cell is not None and not (isinstance(cell, str) and not cell.strip()):
        return False
    layers = settings.sources.get("layers")
    return read_option("layers", cells.get(layers.name) if isinstance(layers, Column) else layers) is True


def _choose(settings: RunSettings, cells: tuple[Any, ...]) -> GenerationOptions:
    """The options of a row, from the cells of `RunSettings.columns`."""
    given = dict(settings.constants)
    for (name, _), cell in zip(settings.columns, cells, strict=True):
        if (value := read_option(name, cell)) is not None:
            given[name] = value
    return GenerationOptions(**given)


class RequestBuilder:
    """Builds the requests of many rows; what rows with equal options share is checked once.

    Args:
        settings: How rows become requests.
        store_reference: Stores a reference image in memory and returns its path.
    """

    def __init__(self, settings: RunSettings, store_reference: StoreReference | None = None) -> None:
        self._settings = settings
        self._store_reference = store_reference
        self._image_columns = frozenset(image.name for image in settings.images if isinstance(image, Column))
        self._files = ReferenceFiles(settings.base, strict=settings.strict)
        self._known: dict[object, dict[str, object] | str] = {}

    def draft(self, number: int, row: dict[str, Any]) -> PlannedRow:
        """The request of a row as it is stored.

        Raises:
            ValueProblem: It can't be sent.
        """
        cells = store_cells(row, self._image_columns, self._store_reference)
        prompt, options, images = _read_row(cells, self._settings)
        references = tuple([self._identify(image) for image in images])
        shared = self._body(_ANY_PROMPT if prompt else "", options, references)
        return PlannedRow(number, cells, _add_prompt(shared, prompt), references)

    def build(self, cells: Mapping[str, Any]) -> dict[str, object]:
        """The complete body of a stored row's request.

        Raises:
            UsageError: A value is not valid any more, or a reference image is missing.
        """
        try:
            prompt, options, images = _read_row(cells, self._settings)
            if not images:
                return _add_prompt(self._body(_ANY_PROMPT if prompt else "", options, ()), prompt)
        except ValueProblem as problem:
            raise UsageError(problem.sentence, hint="Nothing was sent.") from None
        references = [image if is_link(image) else resolve_path(image, self._settings.base) for image in images]
        return prepare(prompt, _choose(self._settings, options), image=references, strict=self._settings.strict)

    def _identify(self, image: str) -> dict[str, str]:
        if not is_link(image):
            return {"sha256": self._files.checksum(image)}
        if _LINK.fullmatch(image):
            return {"link": image}
        if self._settings.strict:
            # Of a whole image as text nothing may be remembered.
            problems = find_problems({"model": DEFAULT_MODEL, "prompt": _ANY_PROMPT, "image": image})
            if problems:
                raise ValueProblem(problems[0])
        return {"sha256": checksum_of_data(image)} if image[:5].lower() == "data:" else {"link": image}

    def _body(
        self, prompt: str, options: tuple[Any, ...], references: tuple[dict[str, str], ...]
    ) -> Mapping[str, object]:
        """The body without prompt and images, which are checked by now."""
        images = tuple([_ANY_LINK if "link" in one else _ANY_DATA for one in references])
        # True, 1, and 1.0 are equal, but not as values of an option.
        key = (prompt, options, tuple(map(type, options)), images)
        try:
            found = self._known.get(key)
        except TypeError:  # a cell is a list or a dict
            found = self._check(prompt, options, images)
        if found is None:
            found = self._check(prompt, options, images)
            if len(self._known) == _MOST_CHOICES:
                self._known.clear()
            if not any(isinstance(cell, str) and len(cell) > _LONGEST_KEY for cell in options):
                self._known[key] = found
        if isinstance(found, str):
            raise ValueProblem(found)
        return found

    def _check(self, prompt: str, options: tuple[Any, ...], images: tuple[str, ...]) -> dict[str, object] | str:
        try:
            chosen = _choose(self._settings, options)
            body = prepare(prompt, chosen, image=images or None, strict=self._settings.strict)
        except ValueProblem as problem:
            return str(problem)
        except UsageError as problem:
            return problem.message
        return {name: value for name, value in body.items() if name not in {"prompt", "image"}}


def _add_prompt(body: Mapping[str, object], prompt: str) -> dict[str, object]:
    return {**body, "prompt": prompt} if prompt else dict(body)
