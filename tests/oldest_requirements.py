"""Prints a constraints file: each requirement of the installed package in the oldest version that it allows."""

from __future__ import annotations

from importlib.metadata import requires

from packaging.requirements import Requirement

for requirement in map(Requirement, requires("seedream_nb") or ()):
    if requirement.marker is None:  # not one of an extra
        (bound,) = requirement.specifier
        print(f"{requirement.name}=={bound.version}")
