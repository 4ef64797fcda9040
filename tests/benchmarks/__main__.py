"""Why: one command measures everything. `python -m tests.benchmarks --help` says what it prints."""

from __future__ import annotations

import argparse

import tests.benchmarks
import tests.benchmarks.gallery.measure
import tests.benchmarks.gallery.report
import tests.benchmarks.library.measure
import tests.benchmarks.library.report
import tests.benchmarks.panel.measure
import tests.benchmarks.panel.report
import tests.benchmarks.waiting.measure
import tests.benchmarks.waiting.report
from tests.benchmarks import gallery, library, panel, waiting
from tests.benchmarks.report import machine


def main() -> None:
    """Measures the chosen scenes and prints the report on each as soon as it is there."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks",
        description=tests.benchmarks.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--scene",
        choices=("gallery", "waiting", "panel", "library", "all"),
        default="all",
        help="what to measure (all)",
    )
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each contender (5)")
    parser.add_argument("--import-rounds", type=int, default=15, help="gallery: kernels started for each import (15)")
    parser.add_argument(
        "--pictures", choices=("photo", "plain"), default="photo", help="gallery: what is shown (photo)"
    )
    arguments = parser.parse_args()
    if arguments.scene in {"gallery", "all"}:
        result = gallery.measure.measure_all(arguments.rounds, arguments.import_rounds, arguments.pictures)
        print(gallery.report.spell(result), end="\n\n", flush=True)
    if arguments.scene in {"waiting", "all"}:
        print(waiting.report.spell(waiting.measure.measure_all(arguments.rounds)), end="\n\n", flush=True)
    if arguments.scene in {"panel", "all"}:
        print(panel.report.spell(panel.measure.measure_all(arguments.rounds)), end="\n\n", flush=True)
    if arguments.scene in {"library", "all"}:
        print(library.report.spell(library.measure.measure_all(arguments.rounds)), end="\n\n", flush=True)
    print(machine())


if __name__ == "__main__":
    main()
