"""What is installed here and what it can use: for a bug report, and for whoever wonders why something is slow."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING

from blockprofile import __version__

if TYPE_CHECKING:
    from packaging.requirements import Requirement

__all__ = ["DEVELOPERS", "Diagnosis", "Extra", "Package", "diagnose"]

DEVELOPERS = frozenset({"test", "bench", "docs"})
"""Extras for work on the package itself."""


@dataclass(frozen=True, slots=True)
class Package:
    """A package that is needed: ``version`` is empty where it is missing, ``is_enough`` tells whether it will do."""

    name: str
    version: str
    needs: str
    is_enough: bool


@dataclass(frozen=True, slots=True)
class Extra:
    """An optional part: whether all of its packages are there, and the line that installs it."""

    name: str
    is_installed: bool
    packages: tuple[Package, ...]
    install: str


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """All that is told.

    ``cores`` are those of the machine, ``usable_cores`` those that this process may use (affinity, and the quota of its
    cgroup). ``accelerators`` are the CUDA devices that torch finds. ``packages`` is empty where blockprofile runs from
    a folder without being installed.
    """

    version: str
    content: str
    python: str
    executable: str
    system: str
    cores: int
    usable_cores: int
    torch: str
    accelerators: tuple[str, ...]
    packages: tuple[Package, ...]
    extras: tuple[Extra, ...]
    spaces: tuple[str, ...]
    devices: tuple[str, ...]

    @property
    def lacking(self) -> tuple[Package, ...]:
        """Packages that are needed and are missing, or too old."""
        return tuple(package for package in self.packages if not package.is_enough)


def diagnose() -> Diagnosis:
    """Look at the interpreter, the packages, the processor and what is shipped; nothing is changed or measured."""
    from blockprofile.content import content_dir
    from blockprofile.predict import list_devices
    from blockprofile.space import list_spaces

    needed, optional = _requirements()
    packages = tuple(map(_package, needed))
    torch, accelerators = _torch()
    return Diagnosis(
        version=__version__, content=str(content_dir("spaces").parent),
        python=f"{platform.python_implementation()} {platform.python_version()}", executable=sys.executable,
        system=platform.platform(), cores=os.cpu_count() or 1, usable_cores=_usable_cores(),
        torch=torch, accelerators=accelerators, packages=packages,
        extras=tuple(_extra(name, found) for name, found in optional.items()),
        spaces=tuple(list_spaces()), devices=tuple(sorted(list_devices())),
    )  # fmt: skip


def _usable_cores() -> int:
    import joblib

    return int(joblib.cpu_count())


def _torch() -> tuple[str, tuple[str, ...]]:
    """Return torch's version and the CUDA devices that it finds; nothing where it is missing."""
    try:
        import torch
    except ImportError:
        return "", ()
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    return str(torch.__version__), tuple(torch.cuda.get_device_name(number) for number in range(count))


def _requirements() -> tuple[list[Requirement], dict[str, list[Requirement]]]:
    """Return what the installed package needs, and what each extra of users adds."""
    from packaging.requirements import Requirement

    try:
        about = metadata.metadata("blockprofile")
    except metadata.PackageNotFoundError:
        return [], {}
    needs = [Requirement(text) for text in about.get_all("Requires-Dist") or ()]
    always = [each for each in needs if each.marker is None or each.marker.evaluate({"extra": ""})]
    names = [name for name in about.get_all("Provides-Extra") or () if name not in DEVELOPERS]
    return always, {name: _added(needs, always, name) for name in names}


def _added(needs: Iterable[Requirement], always: list[Requirement], extra: str) -> list[Requirement]:
    return [each for each in needs if each not in always and each.marker and each.marker.evaluate({"extra": extra})]


def _package(requirement: Requirement) -> Package:
    try:
        version = metadata.version(requirement.name)
    except metadata.PackageNotFoundError:
        return Package(requirement.name, "", str(requirement.specifier), is_enough=False)
    is_enough = requirement.specifier.contains(version, prereleases=True)
    return Package(requirement.name, version, str(requirement.specifier), is_enough=is_enough)


def _extra(name: str, needs: list[Requirement]) -> Extra:
    packages = tuple(map(_package, needs))
    is_installed = all(package.is_enough for package in packages)
    return Extra(name, is_installed, packages, f"pip install 'blockprofile[{name}]'")
