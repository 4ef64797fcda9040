"""Builds the documentation with warnings as errors, and checks the pages.

Run it from the root of the repository: `python -m tests.check_docs`. It needs `pip install ".[docs]"`.
`python -m tests.check_docs --build-only` is quick: it builds what has changed, and opens no browser.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
SITE = ROOT / "build" / "docs"


def build(*, fresh: bool) -> None:
    """Builds the site into `build/docs`; exits if Sphinx warns of anything."""
    if fresh:
        shutil.rmtree(SITE, ignore_errors=True)
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html", "docs", str(SITE)]
    if subprocess.run(command, cwd=ROOT, check=False).returncode:
        raise SystemExit("The documentation has errors.")


def main() -> None:
    """Builds the site and checks it."""
    parser = argparse.ArgumentParser(description="Build the documentation and check it.")
    parser.add_argument("--build-only", action="store_true", help="build what has changed, and check nothing else")
    options = parser.parse_args()
    build(fresh=not options.build_only)
    print(f"Built {SITE / 'index.html'}")


if __name__ == "__main__":
    main()
