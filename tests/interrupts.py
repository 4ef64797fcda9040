"""Interrupts at every line, which no signal could hit on purpose, and scripts stopped as by Ctrl-C."""

from __future__ import annotations

import gc
import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from tests.scripted_server import ScriptedServer

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from types import FrameType, ModuleType

    from _pytest.mark.structures import ParameterSet

    from tests.scripted_server import Answer


class _LineInterrupt:
    """A trace function that raises KeyboardInterrupt at the n-th line executed in some files, as a signal could."""

    def __init__(self, number: int, files: Collection[str | None]) -> None:
        self.left = number
        self._files = files

    def __call__(self, frame: FrameType, event: str, _argument: object) -> _LineInterrupt:
        is_ours = frame.f_code.co_filename in self._files and frame.f_code.co_name not in {"interrupted", "__init__"}
        if is_ours and event == "line":
            self.left -= 1
            if self.left == 0:
                raise KeyboardInterrupt
        return self


def interrupt_at(
    number: int, modules: Collection[ModuleType], action: Callable[[], object]
) -> KeyboardInterrupt | None:
    """Interrupts an action at the n-th line that it executes in some modules.

    Returns:
        The interrupt if it reaches the caller; None if the action ended before that line. Fails if the action
        swallowed the interrupt.
    """
    interrupter = _LineInterrupt(number, {module.__file__ for module in modules})
    before = sys.gettrace()
    caught: KeyboardInterrupt | None = None
    # A collection would run what is left of earlier tests, and swallow the interrupt there.
    gc.disable()
    sys.settrace(interrupter)
    try:
        action()
    except KeyboardInterrupt as interrupt:
        caught = interrupt
    finally:
        sys.settrace(before)
        gc.enable()
    assert (caught is None) == (interrupter.left > 0)
    return caught


def interrupt_main_thread() -> None:
    """Interrupts the main thread as Ctrl-C does.

    Until the end of the test no garbage is collected: a finalizer of an earlier test's object would swallow it.
    """
    gc.disable()
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)


def moments(*numbers: int) -> list[ParameterSet]:
    """Parameters for interrupts at many lines; the fast tests have a quarter of them."""
    return [pytest.param(number, marks=[pytest.mark.heavy] if at % 4 else []) for at, number in enumerate(numbers)]


def stop_script(code: str, answer: Answer) -> str:
    """Runs a script with the address of a server, stops it once the server has its request, and returns its stderr."""
    with ScriptedServer(answer) as server:
        command = [sys.executable, "-W", "error", "-c", code, server.url]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
            assert server.arrived.wait(30)
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=10)
    return errors
