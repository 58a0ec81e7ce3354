"""How an arch gets the layer that a response asks for: four rules, as weights on one uniform pool.

A response asks for A_(u,l,b), an arch whose layer l of unit u is block b. ``given`` conditions on u having
at least l layers. ``promoted`` raises u's depth to l where it is less. ``cikm21`` raises it to l - 1 only, as
the code published with BlockProfile does for spaces of MBConv blocks (its index is off by one), so that the block
is missing in part of the draws. ``figure4`` raises the layers beyond the smallest depth to l - 1, as far as the
unit goes: that paper's ResNet50 figure was made so, by a rule that the published file has as a comment beside
``promoted``. Each is a reweighting by the unit's depth: no arch is drawn anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

from blockprofile.errors import check_choice

Presence = Literal["given", "promoted", "cikm21", "figure4"]
PRESENCES: tuple[Presence, ...] = get_args(Presence)


def check_presence(presence: str) -> Presence:
    """Return ``presence`` if it is one of `PRESENCES`.

    Raises
    ------
    OptionError
        If it is not.
    """
    return check_choice("presence", presence, PRESENCES)


def depth_law(law: Mapping[int, float], layer: int, presence: Presence) -> dict[int, float]:
    """Return the law of the unit's depth in A_(u,l,b), from its law in A.

    Parameters
    ----------
    law
        Depth -> probability.
    layer
        The layer l, from 1.
    presence
        The rule. Where a depth that it raises to does not exist in the space, the next larger one is taken.

    Returns
    -------
    Depth -> probability. Depths below ``layer`` appear under ``cikm21`` alone; there the block is absent.

    Examples
    --------
    The published code's rule leaves the fourth layer absent in two draws of three:

    >>> uniform = {2: 1 / 3, 3: 1 / 3, 4: 1 / 3}
    >>> {d: round(p, 2) for d, p in depth_law(uniform, 4, "cikm21").items()}
    {3: 0.67, 4: 0.33}
    >>> depth_law(uniform, 4, "promoted")
    {4: 1.0}

    The rule of the ResNet50 figure asks for four layers already where the third is fixed:

    >>> depth_law(uniform, 3, "figure4")
    {4: 1.0}
    """
    if presence == "given":
        total = sum(p for depth, p in law.items() if depth >= layer)
        return {depth: p / total for depth, p in law.items() if depth >= layer}
    floors = {"promoted": layer, "cikm21": layer - 1, "figure4": min(min(law) + layer - 1, max(law))}
    floor = floors[presence]
    raised: dict[int, float] = {}
    for depth, p in law.items():
        target = min(d for d in law if d >= max(depth, floor))
        raised[target] = raised.get(target, 0.0) + p
    return raised
