"""Starts the kernels of the tests in a fraction of the time: forked from one process that has everything imported.

Jupyter starts this file as a kernel, by the specification that `install` writes. It passes its environment, directory,
and output on to the process that forks, and then stands for the kernel: signals reach it, and both end together.
This file imports little itself, as it starts once for each kernel.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

# Without ipywidgets, which has to be imported within a kernel.
PRELOADED = (
    "IPython.core.completer",
    "IPython.core.magics",
    "ipykernel.ipkernel",
    "ipykernel.kernelapp",
    "jedi",
    "seedream_nb.client.client",
    "seedream_nb.gallery.gallery",
    "seedream_nb.notebook.commands",
    "seedream_nb.notebook.magics",
    "seedream_nb.runs.run",
    "seedream_nb.sandbox.painter",
    "seedream_nb.sandbox.server",
)
BUSY = 64  # kernels that may wait for being forked
SECONDS = 1.0  # between two looks whether the tests, or the server of a kernel, are still running


def install(folder: Path) -> Path:
    """Writes a specification named `python3` for Jupyter, which prefers it to that of IPython.

    Args:
        folder: An empty directory for this run of the tests.

    Returns:
        The directory to prepend to the environment variable `JUPYTER_PATH`.
    """
    command = [sys.executable, "-S", str(Path(__file__)), str(folder / "socket"), str(os.getpid()), "{connection_file}"]
    # Without a debugger, which JupyterLab would start in each kernel.
    kernel = {"argv": command, "display_name": "Python 3 (ipykernel)", "language": "python", "metadata": {}}
    place = folder / "jupyter" / "kernels" / "python3"
    place.mkdir(parents=True)
    (place / "kernel.json").write_text(json.dumps(kernel), encoding="utf-8")
    return folder / "jupyter"


def stand_for_a_kernel(address: str, tests: int, connection_file: str) -> None:
    """Has a kernel forked; forwards signals to it until it ends."""
    with _connect(address, tests) as connection:
        request = {"environment": dict(os.environ), "directory": str(Path.cwd()), "file": connection_file}
        socket.send_fds(connection, [json.dumps(request).encode() + b"\n"], [1, 2])
        kernel = int(connection.recv(16))
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda received, _frame: os.kill(kernel, received))
        parent = os.getppid()
        connection.settimeout(SECONDS)
        while os.getppid() == parent:
            try:
                connection.recv(1)
            except TimeoutError:
                continue
            return


def _connect(address: str, tests: int) -> socket.socket:
    import fcntl  # noqa: PLC0415  not on Windows

    connection = socket.socket(socket.AF_UNIX)
    with open(f"{address}.lock", "w") as lock:  # noqa: PTH123  pathlib takes longer to import than all of this
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            connection.connect(address)
        except OSError:
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(address)
            listener.listen(BUSY)
            environment = {name: value for name, value in os.environ.items() if name != "JPY_PARENT_PID"}
            subprocess.Popen(
                [sys.executable, __file__, "fork", str(listener.fileno()), str(tests)],
                env=environment,
                pass_fds=[listener.fileno()],
                start_new_session=True,
                stdin=subprocess.DEVNULL,
            )
            connection.connect(address)
    return connection


def fork_kernels(listener: socket.socket, tests: int) -> None:
    """Forks kernels until the tests end."""
    import gc  # noqa: PLC0415  what stands for a kernel does without it
    import importlib  # noqa: PLC0415  as above

    sys.path[0] = ""  # as for `python -m`
    for name in PRELOADED:
        importlib.import_module(name)
    assert "ipywidgets" not in sys.modules
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    listener.settimeout(SECONDS)
    while True:
        try:
            connection, _ = listener.accept()
        except TimeoutError:
            try:
                os.kill(tests, 0)
            except ProcessLookupError:
                return
            continue
        connection.settimeout(None)
        if os.fork() == 0:
            listener.close()
            _become_a_kernel(connection)
            return
        connection.close()


def _become_a_kernel(connection: socket.socket) -> None:
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    content, outputs, _, _ = socket.recv_fds(connection, 1 << 20, 2)
    while not content.endswith(b"\n"):
        content += connection.recv(1 << 20)
    request = json.loads(content)
    for output, descriptor in zip(outputs, (1, 2), strict=True):
        os.dup2(output, descriptor)
        os.close(output)
    os.environ.clear()
    os.environ.update(request["environment"])
    os.environ.pop("JPY_PARENT_PID", None)
    os.chdir(request["directory"])
    connection.sendall(str(os.getpid()).encode())
    threading.Thread(target=_end_with, args=(connection,), daemon=True).start()
    sys.argv = ["ipykernel_launcher", "-f", request["file"]]
    from ipykernel.kernelapp import launch_new_instance  # noqa: PLC0415  as above

    launch_new_instance()


def _end_with(connection: socket.socket) -> None:
    """Ends the kernel when what stands for it has been killed."""
    connection.recv(1)
    os._exit(1)


if __name__ == "__main__":
    if sys.argv[1] == "fork":
        fork_kernels(socket.socket(fileno=int(sys.argv[2])), int(sys.argv[3]))
    else:
        stand_for_a_kernel(sys.argv[1], int(sys.argv[2]), sys.argv[3])
