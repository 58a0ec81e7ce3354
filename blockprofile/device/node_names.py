"""Names of exported nodes: the place, the operator, the step. A profiler's file is read by them.

A name begins ``u2l3/mbconv_3fa85f64/1_depthwise``: the place in the network (``u2l3x2`` for a chain's second copy),
the operator with a digest of its key in a lookup table, and which of its steps. What a tool adds before or behind, and
what it joins when it fuses, does no harm; ``/`` may have become ``_``, ``.``, ``:`` or ``-``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from blockprofile.jsonfile import digest_of
from blockprofile.predict import lookup_key
from blockprofile.space import Operator, primitives

DIGITS = 8
_NAME = re.compile(
    r"(?<![A-Za-z0-9])(?P<place>(?:stem|head)\d+|u\d+l\d+)(?:x(?P<copy>\d+))?[/_.:\-]"
    r"(?P<tag>[a-z]+(?:_[a-z]+)?_[0-9a-f]{8})[/_.:\-](?P<step>\d+)_[a-z]"
)


@dataclass(frozen=True, slots=True, order=True)
class Instance:
    """An operator at a place of an exported model: the place, the copy in a chain, the operator's tag."""

    place: str
    copy: int
    tag: str

    def __str__(self) -> str:
        return f"{self.place}x{self.copy}/{self.tag}" if self.copy > 1 else f"{self.place}/{self.tag}"


@dataclass(frozen=True, slots=True)
class Step:
    """A step of an operator at a place, by its index in `blockprofile.space.operators.primitives`."""

    instance: Instance
    index: int


@lru_cache(maxsize=65536)
def operator_tag(op: Operator) -> str:
    """Name an operator by its kind and a digest of its key in a lookup table.

    Examples
    --------
    >>> operator_tag(Operator(op="global_pool", in_size=7, out_size=1, in_channels=8, out_channels=8))
    'global_pool_ac2e218a'
    """
    return f"{op.op}_{digest_of(list(lookup_key(op)))[:DIGITS]}"


def instance_names(operators: Iterable[tuple[str, Operator]]) -> tuple[str, ...]:
    """Name operators that stand at places, one after another; copies of one at one place are numbered.

    Examples
    --------
    >>> op = Operator(op="global_pool", in_size=7, out_size=1, in_channels=8, out_channels=8)
    >>> instance_names([("u1l1", op), ("u1l1", op)])
    ('u1l1/global_pool_ac2e218a', 'u1l1x2/global_pool_ac2e218a')
    """
    seen: dict[tuple[str, str], int] = {}
    names = []
    for place, op in operators:
        key = (place, operator_tag(op))
        seen[key] = seen.get(key, 0) + 1
        names.append(str(Instance(place, seen[key], key[1])))
    return tuple(names)


def find_steps(name: str) -> tuple[Step, ...]:
    """Find the steps that a node's name, as some tool writes it, speaks of; each once, in order.

    Examples
    --------
    >>> name = "fused u1l1/mbconv_0123abcd/0_conv/conv3 + u1l1x2_mbconv_0123abcd_1_depthwise"
    >>> [(str(step.instance), step.index) for step in find_steps(name)]
    [('u1l1/mbconv_0123abcd', 0), ('u1l1x2/mbconv_0123abcd', 1)]
    """
    found = (
        Step(Instance(match["place"], int(match["copy"] or 1), match["tag"]), int(match["step"]))
        for match in _NAME.finditer(name)
    )
    return tuple(dict.fromkeys(found))


def required_steps(op: Operator) -> Sequence[int]:
    """List the steps that compute, which a whole profile of the operator must name; all steps where none does."""
    steps = primitives(op)
    return [index for index, step in enumerate(steps) if step.macs] or list(range(len(steps)))
