"""Runs the benchmarks. `python -m tests.benchmarks --help` describes what they measure."""

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
from tests.benchmarks import catalog, cluster, datasets, gallery, ledger, library, panel, runs, studio, waiting
from tests.benchmarks.report import machine

SCENES = ("gallery", "waiting", "panel", "studio", "library", "ledger", "runs", "datasets", "cluster", "catalog")


def main() -> None:
    """Measures the chosen scenes and prints the report on each as soon as it is finished."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks",
        description=tests.benchmarks.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--scene", choices=(*SCENES, "all"), default="all", help="what to measure (default: all)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each contender (default: 5)")
    parser.add_argument(
        "--import-rounds", type=int, default=15, help="gallery: kernels started for each import (default: 15)"
    )
    parser.add_argument(
        "--images", choices=("photo", "plain"), default="photo", help="gallery: images to show (default: photo)"
    )
    arguments = parser.parse_args()
    rounds = arguments.rounds
    reports = {
        "gallery": lambda: gallery.report.render(
            gallery.measure.measure_all(rounds, arguments.import_rounds, arguments.images)
        ),
        "waiting": lambda: waiting.report.render(waiting.measure.measure_all(rounds)),
        "panel": lambda: panel.report.render(panel.measure.measure_all(rounds)),
        "studio": lambda: studio.render(studio.measure_all(rounds)),
        "catalog": lambda: catalog.render(catalog.measure_all(rounds)),
        "cluster": lambda: cluster.render(cluster.measure_all(rounds)),
        "ledger": lambda: ledger.render(ledger.measure_all(rounds)),
        "runs": lambda: runs.render(runs.measure_all(rounds)),
        "datasets": lambda: datasets.render(datasets.measure_all(rounds)),
        "library": lambda: library.report.render(library.measure.measure_all(rounds)),
    }
    for scene in SCENES if arguments.scene == "all" else (arguments.scene,):
        print(reports[scene](), end="\n\n", flush=True)
    print(machine())


if __name__ == "__main__":
    main()
