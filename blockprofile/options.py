"""Records of options: what several functions take together, named once, checked once, and flat in a study.

A function takes at most eight parameters; what belongs together is a frozen dataclass that derives from `Options`. A
study file gives its fields as keys of the stage, beside the function's own.
"""

from __future__ import annotations

from blockprofile.errors import OptionError

__all__ = ["Options", "refuse_text"]


class Options:
    """Marks a frozen dataclass whose fields a study may give as keys of a stage."""

    __slots__ = ()


def refuse_text(**lists: object) -> None:
    """Refuse a text where a list is meant: it would be taken letter by letter.

    Raises
    ------
    OptionError
        Naming the option and the list that is meant.

    Examples
    --------
    >>> refuse_text(devices=["note10"], metrics=None)
    """
    for name, value in lists.items():
        if isinstance(value, str):
            raise OptionError(f"{name} is {value!r}, one text; must be a list such as [{value!r}]")
