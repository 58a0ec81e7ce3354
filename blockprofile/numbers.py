"""Numbers as people type them, read in one way everywhere: options, limits, budgets, cells of tables.

A decimal point, an exponent if need be, and nothing else: ``2,5e3`` is 2.5e3 to one and 25e3 to another reader, and
``1_0`` is a slip. Counts may have groups of three (``1_000_000``) and an ending (``2M``).
"""

from __future__ import annotations

import math
import re
from decimal import Decimal

from blockprofile.errors import OptionError

__all__ = ["FLOATS", "NUMBER_FORM", "parse_count", "parse_number", "read_number", "write_count", "write_number"]

NUMBER_FORM = "a number such as 0.5, 12 or 1e3: digits, a decimal point, no separators"
MAX_COUNT = 10**12
FLOATS = 10**300
"""Counts from here on are not told as floats."""

_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_GROUPED = re.compile(r"[0-9]{1,3}(?:_[0-9]{3})+")
_ENDINGS = {"k": 10**3, "m": 10**6, "g": 10**9}


def read_number(text: str) -> float | None:
    """Read a finite number; None if the text is anything else.

    Examples
    --------
    >>> read_number(" 1e-3"), read_number("7.")
    (0.001, 7.0)
    >>> [read_number(text) for text in ("1,311", "1_0", "1 000", "nan", "1e999", "0x10", "٣", "")]
    [None, None, None, None, None, None, None, None]
    """
    word = text.strip()
    value = float(word) if _NUMBER.fullmatch(word) else math.nan
    return value if math.isfinite(value) else None


def write_number(value: float) -> str:
    """Write a finite number in as few digits as are read as the same number.

    Examples
    --------
    >>> write_number(30.0), write_number(30.1234567), write_number(1e21)
    ('30', '30.1234567', '1e+21')
    """
    short = f"{value:g}"
    return short if float(short) == value else repr(float(value))


def write_count(count: int) -> str:
    """Write a count by its leading digits, also one that no float can hold.

    Examples
    --------
    >>> write_count(6561), write_count(12**14), write_count(10**400)
    ('6.56e+03', '1.28e+15', '1.00e+400')
    """
    return f"{count:.3g}" if count < FLOATS else f"{Decimal(count):.2e}"


def parse_number(text: str, what: str, *, at_least: float = -math.inf, above: float = -math.inf) -> float:
    """Read a finite number of an option.

    Raises
    ------
    OptionError
        Naming ``what``, if the text is no such number or too small.

    Examples
    --------
    >>> parse_number("30.5", "the limit")
    30.5
    """
    value = read_number(text)
    if value is None:
        raise OptionError(f"{what} is {text!r}; must be {NUMBER_FORM}")
    if value < at_least or value <= above:
        bound = f"at least {at_least:g}" if value < at_least else f"above {above:g}"
        raise OptionError(f"{what} is {text}; must be {bound}")
    return value


def parse_count(text: str | int | float, *, name: str = "--n") -> int:
    """Read a count as people write it: ``1000000``, ``1e6``, ``1_000_000``, ``2M``, ``50k``.

    Raises
    ------
    OptionError
        If it is no whole number from 1 to 1e12.

    Examples
    --------
    >>> parse_count("1e6"), parse_count("2M"), parse_count("1_500")
    (1000000, 2000000, 1500)
    """
    word = str(text).strip()
    scale = _ENDINGS.get(word[-1:].lower(), 1)
    body = word[:-1] if scale > 1 else word
    body = body.replace("_", "") if _GROUPED.fullmatch(body) else body
    if read_number(body) is None:
        raise OptionError(
            f"{name} is {text!r}, no number; write a whole number such as 1000000, 1_000_000, 1e6 or 2M, without commas"
        )
    value = Decimal(body.strip()) * scale
    if not 1 <= value <= MAX_COUNT or value != int(value):
        raise OptionError(f"{name} is {text}; it must be a whole number from 1 to {MAX_COUNT:.0e}")
    return int(value)
