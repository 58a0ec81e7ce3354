"""All archs of a small space, one after the other."""

from __future__ import annotations

import math

import numpy as np

from blockprofile.errors import OptionError
from blockprofile.space.counting import count_archs
from blockprofile.space.slots import INACTIVE, Archs
from blockprofile.space.space import Space

__all__ = ["MOST_LISTED", "list_archs"]

MOST_LISTED = 1 << 16
_MOST_COMBINED = 1 << 22


def list_archs(space: Space) -> Archs:
    """List all archs of a space.

    Returns
    -------
    uint8, shape (n_archs, n_slots), distinct, in the order of their codes.

    Raises
    ------
    OptionError
        If the space has more than `MOST_LISTED` archs.

    Examples
    --------
    >>> from blockprofile.space import load_space
    >>> list_archs(load_space("nas_bench_macro")).shape
    (6561, 8)
    """
    n, n_combined = count_archs(space), math.prod(len(codes) for codes in space.allowed)
    if n > MOST_LISTED or n_combined > _MOST_COMBINED:
        raise OptionError(f"space {space.name!r} has {n:.3g} archs; at most {MOST_LISTED:,} are looked at one by one")
    grids = np.meshgrid(*[np.asarray(codes, np.uint8) for codes in space.allowed], indexing="ij")
    rows = np.stack([grid.ravel() for grid in grids], axis=1)
    depths = space.depths(rows)
    for place, unit in enumerate(space.units):
        for layer, index in enumerate(unit.layers, start=1):
            if not unit.shared and layer > min(space.unit_depths(unit.unit)):
                rows[depths[:, place] < layer, index] = INACTIVE
    found = np.unique(rows, axis=0)
    assert len(found) == n
    return np.ascontiguousarray(found)
