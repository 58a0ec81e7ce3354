"""What one factor of the blocks does, and pairs of them: contrasts of responses, as coefficients over their cells.

A factor is a property of a block: those that a space file's product names, or the block's own fields. A step of a
factor compares blocks that differ in it alone, so that all else is balanced; an interaction compares what a step does
at two levels of another factor. Estimates and errors are made elsewhere: a contrast is a row of coefficients.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from blockprofile.additive import Place
from blockprofile.numbers import read_number
from blockprofile.space import Block, Space, Value, kind_of

FACTOR, PAIR = "M_factor", "M_pair"
"""The statistics: a step of a factor, and the interaction of two steps."""
Levels = Mapping[str, Value]
IDENTITY = ""
"""The level that tells blocks without factors apart; it is no factor."""
LEFT_OUT: Levels = {"se": "as the unit", "act": "as the unit", "residual": "identity"}
"""What a block's fields stand for where a space file leaves them out."""
FIELDS = ("op", "expansion", "kernel", "ratio", "groups", "shuffle", "expand_always", "se", "act", "residual")
FLAGS = ("se", "shuffle", "expand_always")

_Terms = dict[tuple[str, str], NDArray[np.intp]]
"""(statistic, name) -> the cells of each matched pair (from, to), or of each square (both from, to, to, both to)."""

SIGNS = {2: (-1, 1), 4: (1, -1, -1, 1)}


@dataclass(frozen=True, slots=True)
class Site:
    """A cell whose mean is known: its unit and layer, its levels, and whether its block leaves the layer out."""

    unit: int
    layer: int
    levels: Levels
    is_skip: bool = False


def block_levels(space: Space) -> tuple[Levels, ...]:
    """Return the levels of every block's factors, in the order of the codes.

    Returns
    -------
    The factors of a product as the space file has them, else the block's fields. Empty for a block without factors:
    a skip, a custom block, and blocks that no factor tells apart.

    Examples
    --------
    >>> from blockprofile.space import load_space
    >>> {name: level for name, level in block_levels(load_space("moga"))[3].items() if name in ("kernel", "se")}
    {'kernel': 5, 'se': True}
    """
    found = [_product_levels(block) or _fields(block) for block in space.blocks]
    times = Counter(tuple(sorted(levels.items(), key=str)) for levels in found)
    return tuple(levels if times[tuple(sorted(levels.items(), key=str))] == 1 else {} for levels in found)


def _product_levels(block: Block) -> dict[str, Value]:
    """Return the levels of a product's factors, flags as yes and no."""
    return {name: bool(value) if name in FLAGS else value for name, value in block.factors.items()}


def _fields(block: Block) -> dict[str, Value]:
    if not kind_of(block).takes & set(FIELDS):
        return {}
    held: dict[str, Value] = {name: value for name in FIELDS if (value := getattr(block, name)) is not None}
    return {name: value for name in FIELDS if (value := held.get(name, LEFT_OUT.get(name))) is not None}


def place_sites(space: Space, places: Sequence[Place]) -> tuple[Site, ...]:
    """Make the cells of a space's places, the unit's width being a factor where it is searched."""
    levels = block_levels(space)
    name = "unit width" if any("width" in each for each in levels) else "width"
    sites = []
    for place in places:
        slot = space.units[place.unit - 1].width
        width: Levels = {} if slot is None else {name: space.slots[slot].choices[place.width]}
        block = space.blocks[place.code]
        is_skip = kind_of(block).is_skip and not block.factors
        own = levels[place.code] or {IDENTITY: space.block_names[place.code]}
        sites.append(Site(place.unit, place.layer, {**own, **width}, is_skip))
    return tuple(sites)


def depth_sites(depths: Sequence[tuple[int, int]]) -> tuple[Site, ...]:
    """Make the cells of (unit, depth)."""
    return tuple(Site(unit, 0, {"depth": depth}) for unit, depth in depths)


@dataclass(frozen=True, slots=True)
class Contrasts:
    """Contrasts of cell means.

    ``statistics``, ``units`` (0: the network) and ``names`` (``kernel 3->5``, ``kernel 3->5 x se no->yes``) tell the
    rows apart. ``coefficients``, float64 of shape (n_rows, n_cells), give the effects; ``reached`` the averages of
    the cells that the steps lead to.
    """

    statistics: tuple[str, ...]
    units: tuple[int, ...]
    names: tuple[str, ...]
    coefficients: NDArray[np.float64]
    reached: NDArray[np.float64]


def make_contrasts(sites: Sequence[Site], is_known: NDArray[np.bool_] | None = None) -> Contrasts:
    """Contrast cells: at a layer over all matched blocks alike, over a unit's layers, over the units.

    Parameters
    ----------
    sites
        The cells, in the order of the coefficients' columns.
    is_known
        Which cells may be used, shape (n_cells,); left out, all.

    Notes
    -----
    The steps of a factor with numbers or yes and no lead from one level to the next larger one among blocks that are
    alike otherwise; of one with words from the first to each other. A layer counts in a unit where it has a matched
    pair, a unit in the network where a layer has.
    """
    known = np.ones(len(sites), bool) if is_known is None else is_known
    layers: dict[tuple[int, int], list[int]] = {}
    for place, site in enumerate(sites):
        layers.setdefault((site.unit, site.layer), []).append(place)
    found: dict[tuple[str, str], dict[int, list[NDArray[np.intp]]]] = {}
    cache: dict[str, _Terms] = {}
    for (unit, _), members in layers.items():
        here = [sites[place] for place in members]
        key = repr([(site.levels, site.is_skip) for site in here])
        if key not in cache:
            cache[key] = _layer_terms(here)
        for what, terms in cache[key].items():
            cells = np.array(members, np.intp)[terms]
            cells = cells[known[cells].all(axis=1)]
            if len(cells):
                found.setdefault(what, {}).setdefault(unit, []).append(cells)
    order = _in_order([name for _, name in found])
    rows = [(statistic, unit, name) for (statistic, name), units in found.items() for unit in (0, *sorted(units))]
    rows.sort(key=lambda row: (row[0], row[1], order[row[2]]))
    coefficients, reached = np.zeros((len(rows), len(sites))), np.zeros((len(rows), len(sites)))
    for row, (statistic, unit, name) in enumerate(rows):
        units = found[statistic, name]
        for layers_of in units.values() if unit == 0 else (units[unit],):
            for cells in layers_of:
                share = 1 / (len(cells) * len(layers_of) * (len(units) if unit == 0 else 1))
                for column, sign in zip(cells.T, SIGNS[cells.shape[1]], strict=True):
                    coefficients[row] += sign * share * np.bincount(column, minlength=len(sites))
                reached[row] += share * np.bincount(cells[:, -1], minlength=len(sites))
    statistics, of_units, names = zip(*rows, strict=True) if rows else ((), (), ())
    return Contrasts(statistics, of_units, names, coefficients, reached)


def _in_order(names: Sequence[str]) -> dict[str, tuple[tuple[int, float], ...]]:
    """Rank steps and pairs of them: factors as they appear, steps of numbers from the smallest, others as they are."""
    factors = list(dict.fromkeys(part.rpartition(" ")[0] for name in names for part in name.split(" x ")))

    def rank(step: str) -> tuple[int, float]:
        factor, _, levels = step.rpartition(" ")
        return factors.index(factor), read_number(levels.partition("->")[0]) or 0.0

    return {name: tuple(rank(part) for part in name.split(" x ")) for name in names}


def _layer_terms(sites: Sequence[Site]) -> _Terms:
    """Find the matched pairs and squares among the cells of one layer."""
    steps: dict[str, dict[str, list[tuple[int, int]]]] = {}
    for factor in dict.fromkeys(name for site in sites for name in site.levels if name != IDENTITY):
        for name, pair in _steps(sites, factor):
            steps.setdefault(factor, {}).setdefault(name, []).append(pair)
    for pair in _skips(sites):
        steps.setdefault("skip", {}).setdefault("skip no->yes", []).append(pair)
    terms: _Terms = {
        (FACTOR, name): np.array(pairs, np.intp) for named in steps.values() for name, pairs in named.items()
    }
    for one, other in itertools.combinations(steps.values(), 2):
        for (first, pairs), (second, across) in itertools.product(one.items(), other.items()):
            squares = _squares(pairs, across)
            if squares:
                terms[PAIR, f"{first} x {second}"] = np.array(squares, np.intp)
    return terms


def _steps(sites: Sequence[Site], factor: str) -> Iterator[tuple[str, tuple[int, int]]]:
    """Yield the steps of a factor: name, and the cells that it leads from and to."""
    alike: dict[frozenset[tuple[str, Value]], list[int]] = {}
    for place, site in enumerate(sites):
        if factor in site.levels:
            rest = frozenset((name, value) for name, value in site.levels.items() if name != factor)
            alike.setdefault(rest, []).append(place)
    for members in alike.values():
        values = {sites[place].levels[factor]: place for place in members}
        if all(isinstance(value, int | float) for value in values):
            chain = sorted(values, key=float)
            pairs = list(itertools.pairwise(chain))
        else:
            chain = list(values)
            pairs = [(chain[0], each) for each in chain[1:]]
        for low, high in pairs:
            yield f"{factor} {_word(low)}->{_word(high)}", (values[low], values[high])


def _skips(sites: Sequence[Site]) -> Iterator[tuple[int, int]]:
    """Pair every block that leaves the layer out with every one that does not, of the same width."""
    for place, site in enumerate(sites):
        for other, held in enumerate(sites):
            if site.is_skip and not held.is_skip and _width(site) == _width(held):
                yield other, place


def _width(site: Site) -> Value | None:
    return site.levels.get("width", site.levels.get("unit width"))


def _squares(pairs: Sequence[tuple[int, int]], across: Sequence[tuple[int, int]]) -> list[tuple[int, int, int, int]]:
    """Find the squares (a, b, c, d) whose steps a->b and c->d are of one kind, a->c and b->d of the other."""
    known = set(pairs)
    leads: dict[int, list[int]] = {}
    for low, high in across:
        leads.setdefault(low, []).append(high)
    return [
        (low, high, there, beyond)
        for low, high in pairs
        for there, beyond in itertools.product(leads.get(low, ()), leads.get(high, ()))
        if (there, beyond) in known
    ]


def _word(value: Value) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value or "none" if isinstance(value, str) else f"{value:g}"
