"""The errors that a user can cause, and how they are worded.

Every message names the thing, its value and what is allowed. The command line turns `UserError` into exit
status 2 and `DataError` into 3; anything else is a bug and exits with 1. Nothing here prints or exits.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

__all__ = [
    "ArchError",
    "CoverageError",
    "DataError",
    "DefinitionError",
    "InfeasibleError",
    "OptionError",
    "RunError",
    "UnknownNameError",
    "UserError",
    "check_choice",
    "one_of",
]

Choice = TypeVar("Choice", bound=str)


class UserError(ValueError):
    """A mistake in what the user asked for; the message is fit to be shown as it is."""


class OptionError(UserError):
    """An option or argument has a value that is not allowed."""


class UnknownNameError(UserError):
    """A space, device, predictor, metric or block of that name does not exist."""


class ArchError(UserError):
    """An arch, or its text, is not a member of its space."""


class CoverageError(UserError):
    """A predictor lacks what the space needs: an operator, a resolution, or the space itself."""


class InfeasibleError(UserError):
    """A limit that no arch of the space can meet; the message gives the feasible range."""


class RunError(UserError):
    """A run folder cannot be used as asked: another configuration, unwritable, incomplete."""


class DataError(ValueError):
    """A file is unreadable, truncated, or holds what it must not hold."""


class DefinitionError(DataError):
    """A definition file (space, pruned space, card, study) is wrong at a known place.

    Parameters
    ----------
    message
        What is wrong, with the value and what is allowed.
    path, line, column, key
        The file, the place in it counted from 1, and the key path such as ``units[2].depths``.
    """

    def __init__(
        self,
        message: str,
        *,
        path: Path | str | None = None,
        line: int | None = None,
        column: int | None = None,
        key: str = "",
    ) -> None:
        self.path, self.line, self.column, self.key = path, line, column, key
        place = "" if path is None else str(path)
        if line is not None:
            place += f":{line}" + (f":{column}" if column is not None else "")
        head = ": ".join(part for part in (place, key) if part)
        super().__init__(f"{head}: {message}" if head else message)


def one_of(value: object, choices: Iterable[object]) -> str:
    """Word the choices for an error message, the nearest one first if a slip is likely.

    Examples
    --------
    >>> one_of("moag", ["moga", "ofa_mbv3"])
    "did you mean 'moga'? choices: moga, ofa_mbv3"
    >>> one_of(7, [3, 5])
    'choices: 3, 5'
    """
    names = [str(choice) for choice in choices]
    near = difflib.get_close_matches(str(value), names, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return f"{hint}choices: {', '.join(names) or 'none'}"


def check_choice(what: str, value: str, choices: Iterable[Choice]) -> Choice:
    """Return a value if it is one of the choices, as the type that they are of.

    Raises
    ------
    OptionError
        If it is none of them.

    Examples
    --------
    >>> check_choice("clock", "wall", ("wall", "cpu"))
    'wall'
    """
    known = tuple(choices)
    for choice in known:
        if value == choice:
            return choice
    raise OptionError(f"{what} {value!r} is unknown; {one_of(value, known)}")
