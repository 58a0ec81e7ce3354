"""Recipes of solved tables: one file of whole-network times, and what the card of each device says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from blockprofile.device.audit_file import NETWORK_UNITS, NetworkUnit
from blockprofile.device.folder import check_name
from blockprofile.errors import OptionError, check_choice
from blockprofile.predict import check_card_fields
from blockprofile.yamlfile import read_yaml

_READ = frozenset({"column", "time_unit"})
_MADE = frozenset({"unit", "device", "spaces", "resolutions", "fitted_range", "provenance", "parameters"})
"""Fields of a card that solving a table finds out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timings:
    """A recipe file.

    ``table`` is a file beside the recipe, ``card`` holds fields of every device's card; each entry of ``devices`` its
    ``column`` of times, their ``time_unit`` (ms, s, us, or per_s: images a second) and further fields of its card.
    """

    schema: Literal["blockprofile.timings/1"]
    table: str
    space: str
    devices: dict[str, dict[str, Any]]
    card: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if Path(self.table).name != self.table or self.table == "..":
            raise OptionError(f"{self.table!r} is no name of a file; the table stands beside the recipe")
        if not self.devices:
            raise OptionError("devices is empty; name at least one device and its column")
        _check_fields("card", self.card)
        for device, entry in self.devices.items():
            check_name(device)
            if not isinstance(entry.get("column", ""), str):
                raise OptionError(f"column of device {device!r} is {entry['column']!r}; must be the name of a column")
            self.unit(device)
            _check_fields(f"device {device!r}", {key: entry[key] for key in entry.keys() - _READ})

    def column(self, device: str) -> str:
        """Return a device's column of times; empty for the only one of the table."""
        return str(self.devices[device].get("column", ""))

    def unit(self, device: str) -> NetworkUnit:
        """Return the unit of a device's column."""
        return check_choice("time unit", str(self.devices[device].get("time_unit", "ms")), NETWORK_UNITS)

    def fields(self, device: str) -> dict[str, Any]:
        """Return the fields of a device's card: its own before those of all."""
        own = {key: value for key, value in self.devices[device].items() if key not in _READ}
        return {**self.card, **own}


def _check_fields(what: str, given: Mapping[str, Any]) -> None:
    made = sorted(given.keys() & _MADE)
    if made:
        raise OptionError(f"{made[0]} of {what} is what solving finds out; leave it out of the recipe")
    check_card_fields(what, given)


def read_timings(path: Path) -> Timings:
    """Read a recipe.

    Raises
    ------
    UnknownNameError
        If there is no such file.
    DefinitionError
        With file, line and key, if it is wrong.
    """
    return read_yaml(path).validate(Timings)
