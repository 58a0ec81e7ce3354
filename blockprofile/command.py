"""Command lines as text that can be pasted: the one that is running, and those that messages and reports suggest."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from typing import Any

__all__ = ["command_line", "typed", "typed_by_nobody", "typed_command"]

_ARGUMENTS: ContextVar[tuple[str, ...] | None] = ContextVar("arguments", default=None)


@contextmanager
def typed(arguments: Sequence[str] | None) -> Iterator[None]:
    """Know what the running command was called with, for `typed_command`."""
    token = _ARGUMENTS.set(None if arguments is None else tuple(arguments))
    try:
        yield
    finally:
        _ARGUMENTS.reset(token)


def typed_by_nobody() -> AbstractContextManager[None]:
    """Do a part of a command that nobody typed as one of its own."""
    return typed(None)


def typed_command() -> str:
    """Return the running command as the user typed it; empty where nobody did, as in a library call."""
    arguments = _ARGUMENTS.get()
    return "" if arguments is None else shlex.join(["blockprofile", *arguments])


def command_line(verb: str, positional: Sequence[object] = (), **options: Any) -> str:
    """Write a command as it is typed; None, False and empty lists are left out.

    Examples
    --------
    >>> command_line("sample", space="moga", device=["mace_gpu"], limit="params_m<=5", seed=0, law=None)
    "blockprofile sample --space moga --device mace_gpu --limit 'params_m<=5' --seed 0"
    >>> command_line("lut audit", ["my phone"], space="moga")
    "blockprofile lut audit 'my phone' --space moga"
    """
    words = ["blockprofile", *verb.split(), *(str(item) for item in positional)]
    for name, value in options.items():
        option = "--" + name.replace("_", "-")
        if value is True:
            words.append(option)
            continue
        values = value if isinstance(value, list | tuple) else [] if value is None or value is False else [value]
        for item in values:
            words += [option, str(item)]
    return shlex.join(words)
