"""Packages that are named for a verb can be called: ``blockprofile.profile("runs/moga")`` profiles a run.

A package and the function of its name share one attribute of `blockprofile`; the package stays what it is, and calling
it calls the function.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

__all__ = ["make_callable"]


def make_callable(package: str, function: Callable[..., Any]) -> None:
    """Let calling a package, which is being imported, call one of its functions."""
    verb = type("Verb", (ModuleType,), {"__call__": staticmethod(function), "__wrapped__": staticmethod(function)})
    sys.modules[package].__class__ = verb
