"""The command `remake`: the complete request behind a saved image or a stored task, shown, and sent only on demand."""

from __future__ import annotations

import dataclasses
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seedream_nb.client.remake import FoundRequest, find_request
from seedream_nb.core.errors import UsageError
from seedream_nb.core.models import Task, TaskImage
from seedream_nb.core.task_ids import find_problem, flatten
from seedream_nb.core.text import escape_variables
from seedream_nb.notebook.arguments import WORD
from seedream_nb.notebook.front_end import Notice
from seedream_nb.notebook.generate import GenerateArguments, read_remade
from seedream_nb.notebook.generate_options import add_generation
from seedream_nb.notebook.results import PLAIN_WORD
from seedream_nb.notebook.template import name_type, reject_expression
from seedream_nb.protocol.recorded_request import change_options

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from seedream_nb.notebook.arguments import Parser
    from seedream_nb.notebook.front_end import FrontEnd
    from seedream_nb.notebook.line import Word
    from seedream_nb.notebook.session import Session
    from seedream_nb.protocol.request_body import GenerationOptions

_PLAIN_LINK = re.compile(r"https?://[\w./:~%&=?+-]+")
_FILES = re.compile(r"\.(?:jpe?g|png|webp|json)", re.IGNORECASE)


@dataclass(frozen=True)
class RemakeArguments:
    """`%seedream remake`.

    Attributes:
        what: What was typed: a file, a task id, or an expression; or the value of a variable.
        source: What to write again on another line.
        arguments: How to send it, with those options that were given.
        changes: The options that were given.
        sends: Whether to send it; otherwise it is only shown.
    """

    what: object
    source: str
    arguments: GenerateArguments
    changes: Mapping[str, Any] = field(default_factory=dict)
    sends: bool = False

    def run(self, session: Session, front_end: FrontEnd) -> object:
        """Shows the request with a cell that can be edited, or sends it.

        Raises:
            UsageError: There is no request, or a reference image is not kept; nothing was sent.
            SeedreamError: As for `generate`.
        """
        cache = session.client.cache
        found = find_request(self._resolve(front_end), cache)
        has_new_images = bool(self.arguments.images)
        references = () if has_new_images else tuple(found.resolve(cache))
        options = change_options(found.options, self.changes)
        arguments = dataclasses.replace(
            self.arguments,
            prompts=self.arguments.prompts if any(self.arguments.prompts) else (found.prompt,),
            options=options,
            images=self.arguments.images or references,
            again=True,
            dry_run=self.arguments.dry_run or not self.sends,
        )
        for note in found.notes:
            front_end.show(Notice(note))
        result = arguments.run(session, front_end)
        if self.sends or not isinstance(result, Notice):
            return result
        steps = [result.text, f"To send it as it is: %seedream remake {self.source} --again"]
        if not has_new_images and not self.arguments.varied:
            steps += _suggest_cell(options, arguments, _locate(found, session))
        return Notice("\n\n".join(steps))

    def _resolve(self, front_end: FrontEnd) -> Any:
        value = self.what
        if isinstance(value, str) and not _is_name(value):
            try:
                value = front_end.evaluate(value)
            except (NameError, SyntaxError):
                raise UsageError(
                    f"{self.what!r} is neither an image file nor a task id nor a valid Python expression.",
                    hint="Write %seedream remake FILE, or the first 8 characters of a task id. Nothing was sent.",
                ) from None
            except Exception as problem:  # noqa: BLE001  whatever the expression raises
                reject_expression(str(self.what), problem)
        if isinstance(value, (str, os.PathLike)):
            return value
        values = list(flatten(value))
        if len(values) != 1 or not isinstance(values[0], (Task, TaskImage, os.PathLike)):
            count = f"{len(values)} values" if len(values) != 1 else name_type(values[0])
            raise UsageError(
                f"remake takes one saved image, task, or image, not {count}.",
                hint="Choose one, such as gallery[0]. Nothing was sent.",
            )
        return values[0]


def _is_name(text: str) -> bool:
    """Whether text is a file or an id, not an expression."""
    if find_problem(text.partition("/")[0] or "?") is None or _FILES.fullmatch(Path(text).suffix):
        return True
    try:
        return Path(text).expanduser().is_file()
    except (OSError, ValueError, RuntimeError):
        return False


def _locate(found: FoundRequest, session: Session) -> list[str] | None:
    """The link or the file of each reference image; None if one has neither."""
    paths = []
    for link, digest in found.references:
        path = link or session.client.cache.path_of(digest)
        if not path:
            return None
        paths.append(path)
    return paths


def _suggest_cell(options: GenerationOptions, arguments: GenerateArguments, images: list[str] | None) -> list[str]:
    """A cell that sends the same, to be edited; nothing where a cell cannot express it."""
    # Imported here: writing code needs the panel's room, which loads widgets.
    from seedream_nb.panels.code import generate_code  # noqa: PLC0415  see above
    from seedream_nb.panels.generate_settings import settings_of_options  # noqa: PLC0415  see above

    settings = settings_of_options(arguments.prompts[0], options)
    code = generate_code(dataclasses.replace(settings, takes=arguments.takes))
    if images is None or not code.startswith("%%seedream generate"):
        return []
    words = [word if _is_plain(word) else escape_variables(repr(word)) for word in images]
    line, _, prompt = code.partition("\n")
    line = " ".join([line, "--image", *words] if words else [line])
    cell = f"{line}\n{prompt}"
    return [f"To change it, edit this cell:\n\n{cell}"]


def _is_plain(word: str) -> bool:
    """Whether a word needs no quotation marks on a line."""
    return PLAIN_WORD.fullmatch(word) is not None or _PLAIN_LINK.fullmatch(word) is not None


def add_remake(parser: Parser) -> None:
    """Adds the options of `%seedream remake`."""
    parser.add_argument(
        "remade",
        type=WORD,
        metavar="FILE|ID",
        help="a saved image, its JSON file, a task id or its first 8 characters, or a Python expression such as "
        "gallery[0]",
    )
    parser.add_argument("--image", nargs="+", type=WORD, default=[], metavar="IMAGE", help="other reference images")
    add_generation(parser, again="send it; without this option, it is only shown")


def read_remake(parsed: argparse.Namespace) -> RemakeArguments:
    """Reads the arguments of `%seedream remake`."""
    word: Word = parsed.remade
    arguments, changes = read_remade(parsed)
    return RemakeArguments(word.value, word.source, arguments, changes, sends=parsed.again)
