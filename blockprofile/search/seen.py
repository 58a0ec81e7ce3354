"""Remembering which archs were evaluated, by their bytes."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from blockprofile.space import Archs

Keys = NDArray[np.uint64]

_SEED = 0x5EED
"""Any constant: keys must be the same in every process."""

_MERGE_AT = 4096


@lru_cache(maxsize=64)
def _factors(n_slots: int) -> Keys:
    # Odd factors: archs that differ in one slot never share a key.
    return np.random.default_rng(_SEED).integers(0, 2**64, n_slots, np.uint64) | np.uint64(1)


def arch_keys(archs: Archs) -> Keys:
    """Hash every arch to 64 bits.

    Parameters
    ----------
    archs
        uint8, shape (n, n_slots).

    Returns
    -------
    uint64, shape (n,). Equal bytes give equal keys.

    Notes
    -----
    A random linear form modulo 2^64, mixed once more. Among n distinct archs two share a key with a chance
    of about n^2 / 2^65: 3e-8 for a million.
    """
    keys: Keys = (archs * _factors(archs.shape[1])).sum(axis=1, dtype=np.uint64)
    keys ^= keys >> np.uint64(29)
    return keys


class SeenArchs:
    """A growing set of archs.

    Sorted keys in two tiers, a large and a recent one, so that adding a hundred to a million stays cheap.

    Examples
    --------
    >>> seen = SeenArchs()
    >>> seen.add(np.array([[0, 1]], np.uint8))
    >>> seen.fresh(np.array([[0, 1], [1, 1], [1, 1]], np.uint8)).tolist()
    [False, True, False]
    """

    def __init__(self) -> None:
        self._large: Keys = np.zeros(0, np.uint64)
        self._recent: Keys = np.zeros(0, np.uint64)

    def add(self, archs: Archs) -> None:
        """Remember archs."""
        self._recent = _merge(self._recent, arch_keys(archs))
        if len(self._recent) > max(_MERGE_AT, len(self._large) // 8):
            self._large = _merge(self._large, self._recent)
            self._recent = np.zeros(0, np.uint64)

    def fresh(self, archs: Archs) -> NDArray[np.bool_]:
        """Tell which archs are new, of equal ones the first alone: bool, shape (n,)."""
        keys = arch_keys(archs)
        order = np.argsort(keys, kind="stable")
        ordered = keys[order]
        first = np.ones(len(keys), bool)
        first[order[1:]] = ordered[1:] != ordered[:-1]
        return first & ~_among(keys, self._large) & ~_among(keys, self._recent)


def _merge(one: Keys, two: Keys) -> Keys:
    # A stable sort of two ascending runs is a merge.
    return np.sort(np.concatenate([one, np.sort(two)]), kind="stable")


def _among(keys: Keys, known: Keys) -> NDArray[np.bool_]:
    if len(known) == 0:
        return np.zeros(len(keys), bool)
    place = np.searchsorted(known, keys)
    found: NDArray[np.bool_] = known[np.minimum(place, len(known) - 1)] == keys
    return found
