"""Exact counts, multiply-adds and parameters of every shipped space, as committed in `spaces.json`.

``python -m tests.golden.renew`` writes the file again: an explicit step, after a space was added or meant to
change. The difference in the commit is the record of what changed.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from blockprofile.space import (
    INACTIVE,
    Archs,
    Space,
    count_archs,
    count_macs,
    count_params,
    decode,
    draw_archs,
    list_operators,
    list_spaces,
    load_space,
    named_archs,
)

BASELINES = Path(__file__).with_name("spaces.json")


def cost(space: Space, arch: Archs) -> tuple[int, int]:
    """Count multiply-adds and parameters from the operator list."""
    operators = list_operators(space, arch)
    return count_macs(operators), count_params(operators)


def _neighbours(space: Space, arch: Archs) -> list[Archs]:
    """List the archs that differ in one decision; a deeper unit repeats its last block where that is allowed."""
    found = []
    for slot in space.slots:
        if slot.kind == "layer" and arch[slot.index] == INACTIVE:
            continue
        for code in space.allowed[slot.index]:
            other = arch.copy()
            other[slot.index] = code
            if slot.kind == "depth":
                layers = space.units[slot.unit - 1].layers
                depth = int(space.depths(other)[slot.unit - 1])
                other[list(layers[depth:])] = INACTIVE
                for index in layers[:depth]:
                    if other[index] == INACTIVE:
                        other[index] = space.allowed[index][0]
            found.append(other)
    return found


def extreme(space: Space, sign: int) -> Archs:
    """Find the arch of fewest (``sign`` 1) or most (-1) multiply-adds by descent, one decision at a time.

    Ties go to the parameters. Costs add up over layers and grow with every width, so no descent gets stuck.
    """
    best = draw_archs(space, 1, np.random.default_rng(0))[0]
    for _ in range(1000):
        value = cost(space, best)
        better = min(_neighbours(space, best), key=lambda arch: [sign * count for count in cost(space, arch)])
        if [sign * count for count in cost(space, better)] >= [sign * count for count in value]:
            return best
        best = better
    raise RuntimeError(f"no end after 1000 steps in space {space.name!r}")


def baseline(name: str) -> dict[str, Any]:
    """Make the baseline of one shipped space."""
    space = load_space(name)
    archs = {"smallest": extreme(space, 1), "largest": extreme(space, -1)}
    archs |= named_archs(space)
    networks = {}
    for network, arch in archs.items():
        macs, params = cost(space, arch)
        networks[network] = {"arch": decode(space, arch), "macs": macs, "params": params}
    return {"hash": space.hash, "count": count_archs(space), "n_slots": space.n_slots, "networks": networks}


def main() -> None:
    """Write the baselines of all shipped spaces."""
    text = json.dumps({name: baseline(name) for name in list_spaces()}, indent=1)
    BASELINES.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
