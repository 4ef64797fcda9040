"""Interrupts at moments that no signal hits on purpose, and scripts that are stopped as Ctrl-C stops them."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.scripted_server import ScriptedServer

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from types import FrameType, ModuleType

    from tests.scripted_server import Answer


class _Moments:
    """Interrupts the main thread's code at the n-th line that it runs in some files, as a signal could."""

    def __init__(self, number: int, files: Collection[str | None]) -> None:
        self.left = number
        self._files = files

    def __call__(self, frame: FrameType, event: str, _argument: object) -> _Moments:
        is_ours = frame.f_code.co_filename in self._files and frame.f_code.co_name not in {"interrupted", "__init__"}
        if is_ours and event == "line":
            self.left -= 1
            if self.left == 0:
                raise KeyboardInterrupt
        return self


def interrupt_at(
    number: int, modules: Collection[ModuleType], action: Callable[[], object]
) -> KeyboardInterrupt | None:
    """Interrupts an action at the n-th line that it runs in some modules.

    Returns:
        What comes of it; None when the action ended before that line. None other is swallowed.
    """
    moments = _Moments(number, {module.__file__ for module in modules})
    before = sys.gettrace()
    caught: KeyboardInterrupt | None = None
    sys.settrace(moments)
    try:
        action()
    except KeyboardInterrupt as interrupt:
        caught = interrupt
    finally:
        sys.settrace(before)
    assert (caught is None) == (moments.left > 0)
    return caught


def stop_script(code: str, answer: Answer) -> str:
    """Runs a script, given the address of a server, and stops it when the server has its request.

    Returns:
        What it has written about that.
    """
    with ScriptedServer(answer) as server:
        command = [sys.executable, "-W", "error", "-c", code, server.url]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
            assert server.arrived.wait(30)
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=10)
    return errors
