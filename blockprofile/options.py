"""Records of options: what several functions take together, named once, checked once, and flat in a study.

A function takes at most eight parameters; what belongs together is a frozen dataclass that derives from `Options`. A
study file gives its fields as keys of the stage, beside the function's own.
"""

from __future__ import annotations

__all__ = ["Options"]


class Options:
    """Marks a frozen dataclass whose fields a study may give as keys of a stage."""

    __slots__ = ()
