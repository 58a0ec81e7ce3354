"""Published tables by layer and block, brought into tables keyed by operator.

A row of ``data/lut`` says what a block adds at a layer, beside a base that every network has. Layers of one shape have
the same operators, so their rows are pooled to the mean; what the base stands for (stem, head, layers left out) is the
card's offset, and the operators in it have entries of 0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from blockprofile.content import content_dir
from blockprofile.csvfile import read_csv
from blockprofile.device.median import Median
from blockprofile.errors import DataError, UnknownNameError, one_of
from blockprofile.predict import LookupKey, lookup_key
from blockprofile.space import Operator, Space, build_sites, load_space

Terms = Mapping[tuple[int, int], Mapping[str, float]]
"""(unit, layer) -> block -> ms."""


@dataclass(frozen=True, slots=True, eq=False)
class LayerTable:
    """A converted table: the operators' times, and the offset, in ms."""

    times: Mapping[Operator, Median]
    offset_ms: float


def _read(name: str, device: str) -> tuple[float, dict[tuple[int, int], dict[str, float]]]:
    """Read a table of ``device, unit, layer, block, ms``: the base, and the terms, those of the stem under unit 0."""
    terms: dict[tuple[int, int], dict[str, float]] = {}
    for row in read_csv(content_dir("data") / "lut" / f"{name}.csv").rows():
        if row["device"] == device:
            place = (int(row["unit"]), int(row["layer"]))
            terms.setdefault(place, {})[row["block"]] = row.number("ms")
    return terms.pop((0, 0))["base"], terms


def _fbnet(device: str) -> Callable[[], tuple[float, Terms]]:
    return lambda: _read("fbnet_32", device)


def _tunas() -> tuple[float, Terms]:
    """Return TuNAS's terms with FairNAS's first block, a depthwise convolution of kernel 3.

    Terms stand around a base of their own. Where a layer can be left out, what that takes off is what the others are
    above nothing, and expansion 6 is twice expansion 3 there (ratio 1.99 to 2.03); so it is taken to be elsewhere.
    """
    base, terms = _read("pixel1_tunas", "pixel1_tunas")
    offset = base + terms.pop((0, 1))["k3"]
    for blocks in terms.values():
        nothing = blocks.pop("skip", 2 * blocks["e3k3"] - blocks["e6k3"])
        offset += nothing
        blocks.update({block: value - nothing for block, value in blocks.items()})
    return offset, terms


def _singlepath() -> tuple[float, Terms]:
    """Return the terms of Single-Path NAS, above its entry of a layer that is left out where one can be."""
    terms: dict[tuple[int, int], dict[str, float]] = {}
    skip = offset = 0.0
    order = [(slot.unit, slot.layer) for slot in load_space("singlepath").layer_slots]
    for row in read_csv(content_dir("data") / "lut" / "pixel1_singlepath.csv").rows():
        if row["op"] != "mbconv":
            skip, offset = (row.number("mean_ms"), offset) if row["op"] == "skip" else (skip, row.number("mean_ms"))
        elif 1 <= int(row["position"]) <= len(order):
            block = f"e{row['expansion_ratio']}k{row['kernel']}"
            terms.setdefault(order[int(row["position"]) - 1], {})[block] = row.number("mean_ms")
    for (_, layer), blocks in terms.items():
        if layer > 1:
            offset += skip
            blocks.update({block: value - skip for block, value in blocks.items()})
    return offset, terms


LAYER_TABLES: Mapping[str, tuple[str, Callable[[], tuple[float, Terms]]]] = {
    "pixel1_tunas": ("fairnas", _tunas),
    "pixel1_singlepath": ("singlepath", _singlepath),
    **{device: ("fbnet_32", _fbnet(device)) for device in ("raspi4", "pixel3", "fpga", "eyeriss")},
}
"""The devices, the space that the layers are those of, and what reads base and terms."""


def convert_layers(device: str) -> LayerTable:
    """Convert the published table of a device.

    Raises
    ------
    UnknownNameError
        If ``device`` is not one of `LAYER_TABLES`.
    """
    if device not in LAYER_TABLES:
        raise UnknownNameError(f"published table {device!r} is unknown; {one_of(device, LAYER_TABLES)}")
    name, read = LAYER_TABLES[device]
    offset, terms = read()
    return LayerTable(_pooled(load_space(name), terms), offset)


def _pooled(space: Space, terms: Terms) -> dict[Operator, Median]:
    """Return each operator's mean over the layers; those without a term, stem and head among them, have 0."""
    operators: dict[LookupKey, Operator] = {}
    found: dict[LookupKey, list[float]] = {}
    for site in build_sites(space):
        for codes, op in site.table.items():
            if op is None:
                continue
            key, value = lookup_key(op), 0.0
            if site.unit:
                slot = space.slots[site.scope[-1]]
                value = terms[site.unit, site.layer].get(str(slot.choices[codes[-1]]), 0.0)
            operators.setdefault(key, op)
            found.setdefault(key, []).append(value)
    nan = float("nan")
    return {operators[key]: Median(float(np.mean(v)), nan, nan, len(v)) for key, v in found.items()}


def place_terms(space: Space, terms: Terms, *, path: Path) -> tuple[dict[Operator, Median], int]:
    """Give the terms of a space's layers to operators; layers of one shape have their mean.

    Parameters
    ----------
    terms
        At least 0. A block that only brings a layer's shape about (a strided skip) need not have one.

    Returns
    -------
    The operators' times, and how many terms no operator was given.

    Raises
    ------
    DataError
        If the space has a block at a layer that has no term, or a term is negative.
    """
    base = space.base
    places = {(slot.unit, slot.layer): [str(choice) for choice in slot.choices] for slot in base.layer_slots}
    projects = {block.name for block in base.blocks if block.op == "project"}
    for place, choices in places.items():
        lacking = [name for name in choices if name not in terms.get(place, {}) and name not in projects]
        lacking = [name for name in lacking if not _is_skip(base, name)]
        if lacking:
            raise DataError(
                f"{path} lacks the term of block {lacking[0]!r} at unit {place[0]} layer {place[1]}, which space "
                f"{base.name!r} has; it has {', '.join(terms.get(place, {})) or 'none there'}"
            )
    negative = [(place, name) for place, blocks in terms.items() for name, ms in blocks.items() if ms < 0]
    if negative:
        (unit, layer), name = negative[0]
        raise DataError(f"{path}: block {name!r} at unit {unit} layer {layer} takes less than leaving the layer out")
    used = sum(name in places.get(place, ()) for place, blocks in terms.items() for name in blocks)
    return _pooled(base, terms), sum(map(len, terms.values())) - used


def _is_skip(space: Space, name: str) -> bool:
    return any(block.name == name and block.op == "skip" for block in space.blocks)
