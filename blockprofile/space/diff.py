"""What two spaces of one base have and lack against each other, slot by slot."""

from __future__ import annotations

from dataclasses import dataclass

from blockprofile.errors import OptionError
from blockprofile.space.counting import count_archs
from blockprofile.space.definition import Value
from blockprofile.space.slots import Slot
from blockprofile.space.space import Space


@dataclass(frozen=True, slots=True)
class SlotDifference:
    """The choices of one slot that only the first and only the second space has."""

    slot: Slot
    only_first: tuple[Value, ...]
    only_second: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class SpaceDifference:
    """What differs between two spaces.

    ``n_first``, ``n_second`` and ``n_both`` count architectures exactly; ``slots`` lists the slots that differ.
    """

    n_first: int
    n_second: int
    n_both: int
    slots: tuple[SlotDifference, ...]

    @property
    def is_subset(self) -> bool:
        """Whether every arch of the second space is in the first."""
        return self.n_both == self.n_second


def diff_spaces(first: Space, second: Space) -> SpaceDifference:
    """Compare two spaces of one base.

    Raises
    ------
    OptionError
        If their bases differ: their archs then have nothing in common.

    Examples
    --------
    >>> from blockprofile.space import load_space
    >>> found = diff_spaces(load_space("ofa_mbv3"), load_space("insight/ofa_mbv3-npu"))
    >>> found.is_subset, found.slots[1].slot.name, found.slots[1].only_first
    (True, 'u1l2', ('e3k7', 'e4k7', 'e6k7'))
    """
    if first.base.hash != second.base.hash:
        raise OptionError(
            f"spaces {first.name!r} and {second.name!r} have different bases "
            f"({first.base.name}, {second.base.name}); only spaces of one base can be compared"
        )
    differences = []
    common = []
    for slot, one, other in zip(first.slots, first.allowed, second.allowed, strict=True):
        common.append(sorted(set(one) & set(other)))
        if one != other:
            gone = tuple(slot.choices[code] for code in one if code not in other)
            new = tuple(slot.choices[code] for code in other if code not in one)
            differences.append(SlotDifference(slot, gone, new))
    return SpaceDifference(count_archs(first), count_archs(second), _count_common(first, common), tuple(differences))


def _count_common(space: Space, common: list[list[int]]) -> int:
    """Count the archs of both spaces; a layer without a common block may still be left out by its unit's depth."""
    deepest: list[int] = []
    for unit in space.units:
        empty = [space.slots[index].layer for index in unit.layers if not common[index]]
        deepest.append(min(empty, default=unit.max_depth + 1) - 1)
    allowed = [list(codes) for codes in common]
    for unit, limit in zip(space.units, deepest, strict=True):
        if unit.depth is None:
            if limit < unit.depths[0]:
                return 0
        else:
            allowed[unit.depth] = [code for code in allowed[unit.depth] if unit.depths[code] <= limit]
        for index in unit.layers[limit:]:
            allowed[index] = allowed[index] or [space.allowed[index][0]]
    if any(not codes for codes in allowed):
        return 0
    return count_archs(space.restricted(allowed, name=space.name))
