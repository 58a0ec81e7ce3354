"""Sections that every report ends with: where each metric comes from, and how to repeat the run."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from blockprofile import __version__
from blockprofile.predict import tell_floor
from blockprofile.report.document import Bullets, Code, Section, table_of

_LIBRARIES = ("numpy", "scipy", "pandas", "pyarrow", "torch", "moocore")


def provenance_section(predictors: Mapping[str, Mapping[str, Any]]) -> Section:
    """Tell of every metric where it comes from, and below which size no effect is claimed."""
    rows = []
    for metric, about in predictors.items():
        rows.append(
            {
                "metric": metric,
                "unit": about.get("unit", ""),
                "provenance": about.get("provenance", ""),
                "error": about.get("caption", ""),
                "floor": tell_floor(about.get("floor"), ""),
                "predictor": about.get("name", ""),
                "content hash": about.get("hash", ""),
            }
        )
    meaning = (
        "measured: timed on the device",
        "distilled: a network trained on labels from published predictors",
        "calibrated: a cost model fitted to published whole-network figures",
        "counted: exact",
    )
    used = {str(about.get("provenance", "")) for about in predictors.values()}
    words = tuple(word for word in meaning if word.partition(":")[0] in used)
    caption = (
        "Floor: the predictor's own error, its labels' included, for one layer; below it, no effect is claimed. "
        "Where it is unknown, effects are beyond noise alone."
    )
    return Section(
        "provenance", "Where the figures come from", (table_of("Predictors", rows, caption=caption), Bullets(words))
    )


def repeat_section(commands: Sequence[str], config: Mapping[str, Any], *, made_by: str, typed: str = "") -> Section:
    """Tell how to repeat a run: commands, seeds, versions, hashes.

    Parameters
    ----------
    commands
        The first one makes the run; what was typed, where it is known, takes its place.
    """
    commands = [typed or commands[0], *commands[1:]]
    space = config["space"]
    pixels = "every arch at its own resolution" if space["resolution"] is None else f"at {space['resolution']} pixels"
    facts = [
        f"space {space['name']}, {pixels}, content hash {space['hash']}",
        f"made by blockprofile {made_by}; report by {__version__}, Python {platform.python_version()}",
        "libraries here: " + ", ".join(f"{name} {_version(name)}" for name in _LIBRARIES),
    ]
    if "seed" in config:
        facts.insert(0, f"seed {config['seed']}; the same seed gives the same figures for any number of workers")
    return Section("repeat", "How to repeat it", (Code("\n".join(commands)), Bullets(tuple(facts))))


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
