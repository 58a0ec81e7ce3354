"""Numbers: what is read, and the slips that are refused."""

from __future__ import annotations

import pytest

from blockprofile.errors import OptionError
from blockprofile.numbers import parse_count, parse_number, read_number


@pytest.mark.parametrize(
    ("text", "value"), [("30", 30.0), (" -1.5 ", -1.5), ("+.5", 0.5), ("7.", 7.0), ("1e-3", 1e-3), ("2.5E3", 2500.0)]
)
def test_numbers_are_read(text: str, value: float) -> None:
    assert read_number(text) == parse_number(text, "x") == value


@pytest.mark.parametrize(
    "text", ["", "2,5", "2,5e3", "1.000,5", "1_0", "1_000", "1 000", "nan", "inf", "1e999", "0x1", "1e", "e3", "٣"]
)  # fmt: skip
def test_slips_are_refused(text: str) -> None:
    assert read_number(text) is None
    with pytest.raises(OptionError, match=r"the limit is .*decimal point"):
        parse_number(text, "the limit")


def test_bounds_are_named() -> None:
    with pytest.raises(OptionError, match="the step is 0; must be above 0"):
        parse_number("0", "the step", above=0)
    with pytest.raises(OptionError, match="the weight is -1; must be at least 0"):
        parse_number("-1", "the weight", at_least=0)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("1e6", 10**6),
        ("2M", 2 * 10**6),
        ("50k", 50_000),
        ("1_000_000", 10**6),
        ("4.35M", 4_350_000),
        (7, 7),
        (1e3, 1000),
    ],
)
def test_counts_are_read_exactly(text: str | int, count: int) -> None:
    assert parse_count(text) == count


@pytest.mark.parametrize(
    "text", ["2,5e3", "1,000", "1_0", "1_00_000", "1000_000", "_1", "1_", "0", "1.5", "-3", "k", "1e13", "nan"]
)
def test_counts_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(OptionError, match="--n"):
        parse_count(text)
