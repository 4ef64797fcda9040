"""The code that calls a magic, and who receives the magic's value. Needs no source, so it works within `exec`."""

from __future__ import annotations

import dis
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType

_RUN_MAGIC = {"run_line_magic", "run_cell_magic"}
_FILLERS = {"CACHE", "EXTENDED_ARG", "NOP"}
_TIMED = "<timed "  # what %time and %%time compile; they pass the last value on


class Receiver(Enum):
    """Who receives the value of a magic."""

    CELL = "cell"  # IPython shows it as the cell's value
    CODE = "code"  # it is assigned, returned or passed on
    NOBODY = "nobody"  # a statement of its own: in a loop, a function, or the middle of a cell


def find_caller(frame: FrameType | None) -> FrameType | None:
    """Finds the frame that called a magic, from the magic's own; None if IPython did not run the magic."""
    while frame is not None and frame.f_code.co_name not in _RUN_MAGIC:
        frame = frame.f_back
    while frame is not None and frame.f_code.co_name in _RUN_MAGIC:  # a shell may extend IPython's
        frame = frame.f_back
    return frame


def find_receiver(caller: FrameType | None) -> Receiver:
    """Finds who receives the value of a magic: the caller's next instruction pops the value, prints it, or uses it.

    Args:
        caller: The frame that called the magic; None if IPython did not run the magic.

    Returns:
        The receiver.
    """
    if caller is None:
        return Receiver.CODE
    for instruction in dis.get_instructions(caller.f_code):
        if instruction.offset <= caller.f_lasti or instruction.opname in _FILLERS:
            continue
        if instruction.opname == "POP_TOP":
            return Receiver.NOBODY
        # Up to Python 3.11, and since.
        if instruction.opname == "PRINT_EXPR" or instruction.argrepr == "INTRINSIC_PRINT":
            return Receiver.CELL
        is_timed = instruction.opname == "RETURN_VALUE" and caller.f_code.co_filename.startswith(_TIMED)
        return find_receiver(find_caller(caller.f_back)) if is_timed else Receiver.CODE
    return Receiver.CODE
