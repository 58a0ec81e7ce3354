"""One-hot inputs of a network: one for each code of each slot, depths and widths included.

An inactive layer's code is its slot's last. The input resolution, where a network takes it and the space does not
search it, is a further slot after the space's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from blockprofile.errors import DataError
from blockprofile.space import Archs, Slot, Space


def n_codes(space: Space, slot: Slot) -> int:
    """Count the codes that a slot can hold, the inactive one included where its unit's depth can leave it out."""
    optional = slot.kind == "layer" and slot.layer > min(space.units[slot.unit - 1].depths)
    return slot.n_choices + optional


@dataclass(frozen=True, slots=True)
class OneHot:
    """The inputs of a network.

    Parameters
    ----------
    slots
        Names and numbers of codes of the space's slots.
    resolutions
        The input resolutions that are told apart, in ascending order; empty where a network takes none.

    Examples
    --------
    >>> from blockprofile.space import load_space
    >>> inputs = OneHot.of(load_space("ofa_mbv3"), (160, 224))
    >>> inputs.slots[:4], inputs.n_rows
    ((('u1_depth', 3), ('u1l1', 9), ('u1l2', 9), ('u1l3', 10)), 207)
    """

    slots: tuple[tuple[str, int], ...]
    resolutions: tuple[int, ...] = ()

    @classmethod
    def of(cls, space: Space, resolutions: Sequence[int] = ()) -> OneHot:
        """List the inputs of a space's networks."""
        return cls(tuple((slot.name, n_codes(space, slot)) for slot in space.slots), tuple(resolutions))

    @property
    def offsets(self) -> NDArray[np.int64]:
        """Where each slot's inputs start, and behind them those of the resolutions: int64, shape (n_slots + 1,)."""
        return np.cumsum([0, *(size for _, size in self.slots)], dtype=np.int64)

    @property
    def n_rows(self) -> int:
        """Count the inputs."""
        return int(self.offsets[-1]) + len(self.resolutions)

    def rows(self, archs: Archs, resolutions: NDArray[np.int64] | None = None) -> NDArray[np.int64]:
        """Tell which inputs are 1.

        Parameters
        ----------
        archs
            uint8, shape (n, n_slots); members of the definition.
        resolutions
            Each row's input resolution, shape (n,); None leaves it out.

        Returns
        -------
        int64, shape (n, n_slots); with resolutions one more column.
        """
        offsets = self.offsets
        last = np.array([size - 1 for _, size in self.slots], np.uint8)
        found = np.minimum(archs, last) + offsets[:-1]
        if resolutions is None:
            return found
        places = np.searchsorted(np.asarray(self.resolutions), resolutions) + offsets[-1]
        return np.column_stack([found, places])

    def windows(self, space: Space) -> NDArray[np.bool_]:
        """Tell which inputs belong together: those of each unit, and what is of the whole network with every one.

        Returns
        -------
        bool, shape (n_units, n_rows).
        """
        units = np.repeat([slot.unit for slot in space.slots], [size for _, size in self.slots])
        units = np.append(units, np.zeros(len(self.resolutions), int))
        windows: NDArray[np.bool_] = (units == 0) | (units == np.arange(1, len(space.units) + 1)[:, None])
        return windows

    def blocks(self, space: Space) -> NDArray[np.int64]:
        """Tell which block each input stands for: its code, the number of blocks where the layer is inactive.

        Returns
        -------
        int64, shape (n_rows,); -1 for inputs that are no blocks.
        """
        parts = [
            np.arange(size) if slot.kind == "layer" else np.full(size, -1)
            for slot, (_, size) in zip(space.slots, self.slots, strict=True)
        ]
        return np.concatenate([*parts, np.full(len(self.resolutions), -1)]).astype(np.int64)

    def check_space(self, space: Space, *, what: str) -> None:
        """Check that the inputs are those of a space.

        Raises
        ------
        DataError
            Naming the first slot that differs.
        """
        for mine, theirs in zip(self.slots, OneHot.of(space).slots, strict=False):
            if mine != theirs:
                raise DataError(f"{what} was made for a slot {mine}, space {space.name!r} has {theirs}")
        if len(self.slots) != space.n_slots:
            raise DataError(f"{what} was made for {len(self.slots)} slots, space {space.name!r} has {space.n_slots}")
