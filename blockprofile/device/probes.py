"""Which operators a space needs, and the chains in which they are timed.

An operator that keeps its shape is timed alone and in a chain of copies; another one alone. What a call itself costs
is then known (`overhead`), and is not counted once per block.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from blockprofile.predict import lookup_key
from blockprofile.space import Operator, Space, count_params, distinct_operators

CHAIN = 4
"""Copies in a chain, each with its own weights."""
SHORT_CHAIN = 2
LARGE_PARAMS = 1_000_000
"""Parameters of an operator from which on a chain is short: four such copies leave a processor's caches anyway."""


@dataclass(frozen=True, slots=True)
class Probe:
    """``length`` copies of an operator in one call."""

    name: str
    operator: Operator
    length: int

    @property
    def operators(self) -> tuple[Operator, ...]:
        """The list that a runtime builds."""
        return (self.operator,) * self.length


def keeps_shape(op: Operator) -> bool:
    """Tell whether the operator's output can be its own input."""
    same = (op.in_channels, op.in_size) == (op.out_channels, op.out_size)
    return same and op.op not in {"linear", "global_pool"}


def check_resolutions(space: Space, resolutions: Sequence[int]) -> tuple[int, ...]:
    """Return the input resolutions that a table is for: those asked for, else the space's own.

    Raises
    ------
    OptionError
        If one is not the space's, or some are asked for where every arch has its own: the table then needs all.
    """
    if space.definition.input.searched:
        if resolutions:
            raise space.own_resolutions(resolutions[0])
        return space.definition.input.resolutions
    return tuple(space.at_resolution(resolution).resolution for resolution in resolutions) or (space.resolution,)


def table_operators(space: Space, resolutions: Sequence[int] = (), *, metric: str = "") -> tuple[Operator, ...]:
    """List the operators that a table for a space needs, each once, in the order of the network.

    Parameters
    ----------
    space
        The space; of a pruned one, the operators of its base are listed, so that the table serves both.
    resolutions
        Input resolutions, of `check_resolutions`; none given means the space's own.
    metric
        Custom blocks of which the space states this metric are left out.

    Notes
    -----
    Two operators are the same if their keys in a lookup table are.
    """
    found: dict[tuple[object, ...], Operator] = {}
    searched = space.definition.input.searched
    for each in [space] if searched else map(space.at_resolution, resolutions or (space.resolution,)):
        for op in distinct_operators(each):
            if metric not in dict(op.costs):
                found.setdefault(lookup_key(op), op)
    return tuple(found.values())


def plan_probes(operators: Sequence[Operator]) -> tuple[Probe, ...]:
    """Plan the probes: every operator alone, and those that keep their shape in a chain as well.

    Examples
    --------
    >>> op = Operator(op="mbconv", in_size=7, out_size=7, in_channels=8, out_channels=8, hidden_channels=24, kernel=3)
    >>> [probe.name for probe in plan_probes([op])]
    ['0x1', '0x4']
    """
    probes: list[Probe] = []
    for index, op in enumerate(operators):
        probes.append(Probe(f"{index}x1", op, 1))
        if keeps_shape(op):
            length = SHORT_CHAIN if count_params(op) >= LARGE_PARAMS else CHAIN
            probes.append(Probe(f"{index}x{length}", op, length))
    return tuple(probes)


def pick_sentinel(operators: Sequence[Operator]) -> Operator:
    """Pick the operator of the middling number of multiply-adds, among those that keep their shape where there are any.

    The pick depends on the list alone, so that a table and its audit have the same sentinel.
    """
    candidates = [op for op in operators if keeps_shape(op)] or list(operators)
    return sorted(candidates, key=lambda op: (op.macs, op.describe()))[len(candidates) // 2]
