"""Writing and amending the folder of a measured device: the card and the table."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from blockprofile.device.median import Median
from blockprofile.errors import OptionError
from blockprofile.files import replacing
from blockprofile.metric import LATENCY, parse_metric
from blockprofile.predict import CARD_NAME, KEY_COLUMNS, TABLE_NAME, lookup_key
from blockprofile.predict import write_card as write_any_card
from blockprofile.space import Operator
from blockprofile.yamlfile import open_yaml, write_yaml

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


def check_name(name: str) -> str:
    """Return ``name`` if it can name a device.

    Raises
    ------
    OptionError
        If it has other characters than letters, digits, ``_``, ``.`` and ``-``, or none.
    """
    if not _NAME.fullmatch(name):
        raise OptionError(f"name {name!r} cannot name a device; letters, digits, '_', '.' and '-' are allowed")
    return name


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceCard:
    """What the card of a measured device says beside its figures."""

    name: str
    space: str
    resolutions: Sequence[int]
    hardware: str
    runtime: str
    batch: int
    precision: str
    floor: float | None
    made_from: str
    sources: Sequence[str]
    not_for: str = ""
    parameters: Mapping[str, Any]
    created: Mapping[str, Any]
    error_notes: str
    provenance: str = "measured"
    column: str = LATENCY


def write_card(folder: Path, facts: DeviceCard) -> None:
    """Write ``card.yaml``; the table stands beside it."""
    card: dict[str, Any] = {
        "schema": "blockprofile.predictor/1",
        "name": facts.name,
        "title": f"{parse_metric(facts.column).title.capitalize()} on {facts.hardware}, {facts.runtime}",
        "kind": "lookup",
        "metric": f"{facts.column}:{facts.name}",
        "unit": parse_metric(facts.column).unit,
        "device": facts.name,
        "provenance": facts.provenance,
        "spaces": [facts.space],
        "resolutions": list(facts.resolutions),
        "hardware": facts.hardware,
        "runtime": facts.runtime,
        "batch": facts.batch,
        "precision": facts.precision,
        "sources": list(facts.sources),
        "made_from": facts.made_from,
        "floor": None if facts.floor is None else round(facts.floor, 6),
        "error": {"on": "", "notes": facts.error_notes},
        "not_for": facts.not_for,
        "parameters": dict(facts.parameters),
        "created": dict(facts.created),
    }
    write_any_card(folder, {key: value for key, value in card.items() if value not in ("", {}, [])})


def amend_card(folder: Path, changes: Mapping[str, Any]) -> None:
    """Change keys of a card and leave the rest, comments too, as it is; a dotted key reaches into a mapping."""
    source = open_yaml(folder / CARD_NAME)
    for path, value in changes.items():
        *parents, last = path.split(".")
        node = source
        for parent in parents:
            if parent not in node:
                node[parent] = {}
            node = node[parent]
        node[last] = value
    write_yaml(folder / CARD_NAME, source)


def write_table(folder: Path, times: Mapping[Operator, Median], *, metric: str = LATENCY) -> None:
    """Write ``table.parquet``, one row per operator; ``mean_ms`` holds the median, ``ci_ms`` its half-width.

    The columns of an energy end in ``mj``.
    """
    import pandas as pd

    ending = parse_metric(metric).ending
    rows = [
        {
            **dict(zip(KEY_COLUMNS, lookup_key(op), strict=True)),
            f"mean_{ending}": time.value,
            f"spread_{ending}": time.spread,
            f"ci_{ending}": time.half_width,
            "count": time.n,
        }
        for op, time in times.items()
    ]
    with replacing(folder / TABLE_NAME) as file:
        pd.DataFrame(rows).to_parquet(file, index=False, compression="zstd")
