"""Why: one command measures everything. `python -m tests.benchmarks --help` says what it prints."""

from __future__ import annotations

import argparse

import tests.benchmarks
from tests.benchmarks.measure import measure_all
from tests.benchmarks.report import spell


def main() -> None:
    """Measures and prints the report."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks",
        description=tests.benchmarks.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each contender (5)")
    parser.add_argument("--import-rounds", type=int, default=15, help="kernels started for each import (15)")
    parser.add_argument("--pictures", choices=("photo", "plain"), default="photo", help="what is shown (photo)")
    arguments = parser.parse_args()
    print(spell(measure_all(arguments.rounds, arguments.import_rounds, arguments.pictures)))


if __name__ == "__main__":
    main()
