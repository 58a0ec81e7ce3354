"""What a table of operators holds: a latency or an energy, both sums over operators."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from blockprofile.errors import OptionError, one_of
from blockprofile.metric import LATENCY, parse_metric

ENERGY = "energy_mj"
QUANTITIES = (LATENCY, ENERGY)


def check_quantity(name: str) -> str:
    """Return ``name`` if tables hold it.

    Raises
    ------
    OptionError
        If they do not: the peak of a memory is no sum.
    """
    if name not in QUANTITIES:
        raise OptionError(f"metric {name!r} is none of a table of operators; {one_of(name, QUANTITIES)}")
    return name


def in_unit_of(metric: str, record: Mapping[str, Any]) -> dict[str, Any]:
    """Name the keys of figures by their metric's unit; in the code they end in ``ms``.

    Examples
    --------
    >>> in_unit_of("energy_mj:board", {"rmse_ms": 0.1, "n": 3})
    {'rmse_mj': 0.1, 'n': 3}
    """
    ending = parse_metric(metric).ending
    return {f"{key[:-2]}{ending}" if key.endswith("_ms") else key: value for key, value in record.items()}
