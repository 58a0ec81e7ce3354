"""Factor tables: a space compiled once, so that a cost of a million archs is a gather and a sum.

A cost that adds up over operators is a sum of factors, each a small table over the few slots that the cost
depends on. `factorize` makes them from any function of an `Operator`; `CompiledSum` merges them into a few
larger tables and evaluates. Exact expectations, distributions and fronts work on the same `Factor` records.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from blockprofile.space.operators import Operator
from blockprofile.space.sites import build_sites
from blockprofile.space.slots import INACTIVE, Archs
from blockprofile.space.space import Space

MAX_TABLE = 1 << 16
"""Entries of a merged table: 65,536 float32 fit a core's second-level cache."""


@dataclass(frozen=True, slots=True)
class Factor:
    """One term of a sum.

    Parameters
    ----------
    scope
        Slot indices, ascending; empty for a constant.
    table
        float64, one axis per slot of the scope. A layer slot's axis has one entry more than it has blocks:
        the last is for an inactive layer.
    """

    scope: tuple[int, ...]
    table: NDArray[np.float64]


def table_shape(space: Space, scope: Sequence[int]) -> tuple[int, ...]:
    """Return the shape that a factor over ``scope`` has."""
    slots = (space.slots[index] for index in scope)
    return tuple(slot.n_choices + (slot.kind == "layer") for slot in slots)


def factorize(space: Space, cost: Callable[[Operator], float]) -> tuple[Factor, ...]:
    """Write the sum of ``cost`` over an arch's operators as factors over the arch's slots.

    Parameters
    ----------
    cost
        Called once per distinct operator that archs of the definition have. What it raises passes through.

    Returns
    -------
    One factor per place in the network, constants merged into the first.
    """
    known: dict[Operator, float] = {}
    constant = 0.0
    factors: list[Factor] = []
    for site in build_sites(space):
        table = np.zeros(table_shape(space, site.scope))
        for codes, operator in site.table.items():
            if operator is None:
                continue
            if operator not in known:
                known[operator] = float(cost(operator))
            table[codes] = known[operator]
        if site.scope:
            factors.append(Factor(site.scope, table))
        else:
            constant += float(table)
    return (Factor((), np.array(constant)), *factors)


def _embed(table: NDArray[np.float64], scope: Sequence[int], target: Sequence[int]) -> NDArray[np.float64]:
    shape = [table.shape[scope.index(slot)] if slot in scope else 1 for slot in target]
    return table.reshape(shape)


class CompiledSum:
    """A sum of factors, merged for fast evaluation; several sums over the same slots share the index work.

    Parameters
    ----------
    sums
        One sequence of factors for each output.
    max_table
        The largest merged table, in entries.

    Attributes
    ----------
    constants
        What every arch has of each output, float64 of shape (n_outputs,).

    Examples
    --------
    >>> from blockprofile.space import load_space
    >>> moga = load_space("moga")
    >>> macs = CompiledSum(moga, [factorize(moga, lambda op: op.macs)])
    >>> moga_c = np.array([[2, 0, 2, 0, 2, 2, 9, 2, 2, 6, 7, 7, 7, 7]], np.uint8)
    >>> int(macs(moga_c)[0, 0]) // 10**5
    2210
    """

    def __init__(self, space: Space, sums: Sequence[Sequence[Factor]], *, max_table: int = MAX_TABLE) -> None:
        self.n_outputs = len(sums)
        self._n_slots = space.n_slots
        scopes = _merge_scopes(space, (factor.scope for factors in sums for factor in factors), max_table)
        self.constants = np.zeros(self.n_outputs)
        self.groups: list[SumTable] = []
        tables = [[np.zeros(table_shape(space, scope)) for scope in scopes] for _ in sums]
        for output, factors in enumerate(sums):
            for factor in factors:
                if not factor.scope:
                    self.constants[output] += float(factor.table)
                    continue
                home = next(i for i, scope in enumerate(scopes) if set(factor.scope) <= set(scope))
                tables[output][home] += _embed(factor.table, factor.scope, scopes[home])
        for index, scope in enumerate(scopes):
            flat = np.stack([tables[output][index].ravel() for output in range(self.n_outputs)])
            self.groups.append(SumTable.build(space, scope, flat))

    def __call__(self, archs: Archs) -> NDArray[np.float64]:
        """Evaluate all sums.

        Parameters
        ----------
        archs
            uint8, shape (n, n_slots); members of the definition (not checked here: this is the hot loop).

        Returns
        -------
        float64, shape (n_outputs, n).
        """
        columns = np.ascontiguousarray(archs.T)
        result = np.repeat(self.constants[:, None], columns.shape[1], axis=1)
        for group in self.groups:
            index = group.index(columns)
            for output in range(self.n_outputs):
                result[output] += group.tables[output].take(index)
        return result


@dataclass(frozen=True, slots=True)
class SumTable:
    """A merged table and how an arch's codes index it.

    ``tables`` is float64 of shape (n_outputs, n_entries); an entry's index is the sum of the codes of ``slots``, each
    at most its cap, times their strides.
    """

    slots: tuple[int, ...]
    strides: tuple[int, ...]
    caps: tuple[int, ...]
    tables: NDArray[np.float64]

    @classmethod
    def build(cls, space: Space, scope: Sequence[int], tables: NDArray[np.float64]) -> SumTable:
        """Lay out the tables, flat, of the slots of a scope."""
        shape = table_shape(space, scope)
        strides = [int(np.prod(shape[i + 1 :])) for i in range(len(shape))]
        return cls(tuple(scope), tuple(strides), tuple(size - 1 for size in shape), tables)

    def index(self, columns: NDArray[np.uint8]) -> NDArray[np.int32]:
        """Find every arch's entry: columns uint8 (n_slots, n), result int32 (n,)."""
        total = np.zeros(columns.shape[1], np.int32)
        for slot, stride, cap in zip(self.slots, self.strides, self.caps, strict=True):
            codes = np.minimum(columns[slot], np.uint8(cap)) if cap < INACTIVE else columns[slot]
            total += codes.astype(np.int32) * np.int32(stride)
        return total


def _merge_scopes(space: Space, scopes: Iterable[tuple[int, ...]], max_table: int) -> list[tuple[int, ...]]:
    """Merge scopes greedily in the order of the network while the merged table stays small."""
    merged: list[set[int]] = []
    for scope in sorted({scope for scope in scopes if scope}):
        for candidate in merged:
            union = tuple(sorted(candidate | set(scope)))
            if set(scope) <= candidate or int(np.prod(table_shape(space, union))) <= max_table:
                candidate.update(scope)
                break
        else:
            merged.append(set(scope))
    return [tuple(sorted(scope)) for scope in merged]
