"""Why: an extension that is slow to load is felt in every notebook; measured where it is felt, in fresh kernels."""

from __future__ import annotations

import subprocess
from statistics import median

from jupyter_client.manager import start_new_kernel

EXTENSION = 'get_ipython().run_line_magic("load_ext", "seedream_nb")'
REQUESTS = "import requests"
TIMED = """
from time import perf_counter
begin = perf_counter()
{code}
seconds = perf_counter() - begin
"""


def measure_imports(rounds: int) -> tuple[float, float]:
    """Loads the extension and `requests` in turns, each time in a fresh kernel.

    Args:
        rounds: How many kernels are started for each.

    Returns:
        The medians of both, extension first, in seconds.
    """
    seconds: dict[str, list[float]] = {EXTENSION: [], REQUESTS: []}
    for number in range(-1, rounds):
        for code, times in seconds.items():
            took = _time_in_kernel(code)
            if number >= 0:  # the first kernels of all compile and read files that later ones find ready
                times.append(took)
    return median(seconds[EXTENSION]), median(seconds[REQUESTS])


def _time_in_kernel(code: str) -> float:
    manager, client = start_new_kernel(kernel_name="python3", stderr=subprocess.DEVNULL)
    try:
        reply = client.execute_interactive(
            TIMED.format(code=code), user_expressions={"seconds": "seconds"}, allow_stdin=False, timeout=60
        )
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    content = reply["content"]
    if content["status"] != "ok":
        raise RuntimeError(f"{code} failed in the kernel: {content}")
    return float(content["user_expressions"]["seconds"]["data"]["text/plain"])
