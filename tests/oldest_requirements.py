"""Prints a constraints file with the oldest version allowed for each requirement of the installed package."""

from __future__ import annotations

from importlib.metadata import requires

from packaging.requirements import Requirement

for requirement in map(Requirement, requires("seedream_nb") or ()):
    if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):  # not part of an extra
        (bound,) = requirement.specifier
        print(f"{requirement.name}=={bound.version}")
