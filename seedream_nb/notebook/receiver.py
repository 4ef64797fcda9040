"""Tells from the calling bytecode who receives the value of a magic; needs no source, so it works within `exec`."""

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


def find_receiver(frame: FrameType | None) -> Receiver:
    """Finds who receives the value of the magic that a frame belongs to.

    The caller's next instruction tells: it pops the value, prints it, or uses it.

    Args:
        frame: The frame of the magic, or of a function that it called.

    Returns:
        The receiver; `Receiver.CODE` if IPython did not run the magic.
    """
    while frame is not None and frame.f_code.co_name not in _RUN_MAGIC:
        frame = frame.f_back
    while frame is not None and frame.f_code.co_name in _RUN_MAGIC:  # a shell may extend IPython's
        frame = frame.f_back
    return Receiver.CODE if frame is None else _read_next_instruction(frame)


def _read_next_instruction(frame: FrameType) -> Receiver:
    for instruction in dis.get_instructions(frame.f_code):
        if instruction.offset <= frame.f_lasti or instruction.opname in _FILLERS:
            continue
        if instruction.opname == "POP_TOP":
            return Receiver.NOBODY
        # Up to Python 3.11, and since.
        if instruction.opname == "PRINT_EXPR" or instruction.argrepr == "INTRINSIC_PRINT":
            return Receiver.CELL
        is_timed = instruction.opname == "RETURN_VALUE" and frame.f_code.co_filename.startswith(_TIMED)
        return find_receiver(frame.f_back) if is_timed else Receiver.CODE
    return Receiver.CODE
