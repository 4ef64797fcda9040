"""Runs the benchmarks. `python -m tests.benchmarks --help` describes what they measure."""

from __future__ import annotations

import argparse
from functools import partial
from typing import Any

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
from tests.benchmarks.page import ROUNDS, write_page
from tests.benchmarks.report import machine

SCENES = ("gallery", "waiting", "panel", "studio", "library", "ledger", "runs", "datasets", "cluster", "catalog")


def main() -> None:
    """Measures the chosen scenes; prints the report on each as soon as it is finished, or writes it into the page."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks",
        description=tests.benchmarks.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--scene", choices=(*SCENES, "all"), default="all", help="what to measure (default: all)")
    parser.add_argument("--rounds", type=int, help="rounds of each contender (default: 5; with --write, 1 or 3)")
    parser.add_argument(
        "--import-rounds", type=int, help="gallery: kernels started for each import (default: 15; with --write, 5)"
    )
    parser.add_argument(
        "--images", choices=("photo", "plain"), default="photo", help="gallery: images to show (default: photo)"
    )
    parser.add_argument("--write", action="store_true", help="write the figures into docs/performance.md")
    parser.add_argument(
        "--minutes", type=float, default=7, help="--write: begin no further scene after so many (default: 7)"
    )
    arguments = parser.parse_args()
    chosen = SCENES if arguments.scene == "all" else (arguments.scene,)
    if arguments.write:
        if arguments.scene not in (*ROUNDS, "all"):
            parser.error(f"docs/performance.md has no section for {arguments.scene}, only {', '.join(ROUNDS)}")
        scenes = {name: partial(_summarize, name, arguments) for name in ROUNDS if name in chosen}
        write_page(scenes, arguments.minutes)
        return
    for scene in chosen:
        print(REPORTS[scene].render(_measure(scene, arguments, arguments.rounds or 5)), end="\n\n", flush=True)
    print(machine())


def _summarize(scene: str, arguments: argparse.Namespace) -> str:
    rounds = arguments.rounds or ROUNDS[scene]
    summary: str = REPORTS[scene].summarize(_measure(scene, arguments, rounds, for_page=True))
    return f"{summary}\n\n{'One round' if rounds == 1 else f'Medians of {rounds} rounds'}."


def _measure(scene: str, arguments: argparse.Namespace, rounds: int, *, for_page: bool = False) -> Any:
    if scene == "gallery":
        return gallery.measure.measure_all(rounds, arguments.import_rounds or (5 if for_page else 15), arguments.images)
    if scene == "library":
        return library.measure.measure_all(rounds, for_page=for_page)
    return MEASURES[scene].measure_all(rounds)


# Modules; those of the large scenes are in two files.
MEASURES: dict[str, Any] = {
    "waiting": waiting.measure,
    "panel": panel.measure,
    "studio": studio,
    "library": library.measure,
    "ledger": ledger,
    "runs": runs,
    "datasets": datasets,
    "cluster": cluster,
    "catalog": catalog,
}
REPORTS: dict[str, Any] = MEASURES | {
    "gallery": gallery.report,
    "waiting": waiting.report,
    "panel": panel.report,
    "library": library.report,
}


if __name__ == "__main__":
    main()
