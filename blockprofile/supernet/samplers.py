"""Which archs a training step runs: four samplers, all of which follow from the seed and the step's number.

References
----------
Chu et al., FairNAS, ICCV 2021 (strict fairness); Guo et al., SPOS, ECCV 2020 (uniform); Yu et al., BigNAS, ECCV 2020
(the sandwich rule); Luo et al., NAO-V2, 2019 (in proportion to parameters).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Literal, Protocol, get_args

import numpy as np
from numpy.typing import NDArray

from blockprofile.additive import max_arch, min_arch
from blockprofile.errors import OptionError, check_choice
from blockprofile.space import INACTIVE, Archs, CompiledSum, Space, count_params, draw_archs, factorize

SamplerName = Literal["fair", "uniform", "sandwich", "proportional"]
SAMPLERS: tuple[SamplerName, ...] = get_args(SamplerName)
MAX_PASSES = 256
"""Passes of a strictly fair update, at most."""
POOL = 1000
"""Archs among which `proportional` draws, as NAO-V2's first round has them."""
SANDWICH_PATHS = 4


class Sampler(Protocol):
    """The archs of a step; with ``distils`` the first of them teaches the others."""

    n_paths: int
    distils: bool

    def draw(self, rng: np.random.Generator) -> Archs:
        """Draw the archs of one step: uint8, shape (n_paths, n_slots)."""
        ...


def _unit_demands(space: Space, unit: int) -> Iterator[int]:
    """Say of what the passes of a fair update have to be multiples, for one unit's slots."""
    slots = space.units[unit - 1]
    depths = space.unit_depths(unit)
    for number, index in enumerate(slots.layers, start=1):
        active = sum(depth >= number for depth in depths)
        if active:
            choices = len(space.allowed[index])
            yield len(depths) * choices // math.gcd(choices, active)
    yield len(depths)


def fair_passes(space: Space) -> int:
    """Return how many archs a strictly fair update runs: the fewest in which every choice occurs equally often.

    A choice is one of a slot's; a layer's blocks are counted over the passes whose depth reaches the layer.

    Examples
    --------
    >>> from blockprofile.space import load_space
    >>> fair_passes(load_space("moga")), fair_passes(load_space("ofa_mbv3"))
    (12, 27)
    """
    demands = [len(space.allowed[slot.index]) for slot in space.slots if slot.kind not in {"layer", "depth"}]
    for unit in space.units:
        demands += _unit_demands(space, unit.unit)
    return math.lcm(*demands)


class _Fair:
    distils = False

    def __init__(self, space: Space) -> None:
        self._space, self.n_paths = space, fair_passes(space)
        if self.n_paths > MAX_PASSES:
            raise OptionError(
                f"--sampler fair needs {self.n_paths} passes for an update in space {space.name!r}, as its places have "
                f"unlike numbers of choices; at most {MAX_PASSES} are run: use --sampler uniform"
            )

    def _spread(self, rng: np.random.Generator, index: int, n: int) -> NDArray[np.uint8]:
        """Repeat a slot's codes over n passes, in an order of their own."""
        codes = np.array(self._space.allowed[index], np.uint8)
        return rng.permutation(np.repeat(codes, n // len(codes)))

    def draw(self, rng: np.random.Generator) -> Archs:
        archs = np.full((self.n_paths, self._space.n_slots), INACTIVE, np.uint8)
        for slot in self._space.slots:
            if slot.kind != "layer":
                archs[:, slot.index] = self._spread(rng, slot.index, self.n_paths)
        depths = self._space.depths(archs)
        for slot in self._space.layer_slots:
            rows = np.flatnonzero(depths[:, slot.unit - 1] >= slot.layer)
            archs[rows, slot.index] = self._spread(rng, slot.index, len(rows))
        return archs


class _Uniform:
    distils = False

    def __init__(self, space: Space, n_paths: int) -> None:
        self._space, self.n_paths = space, n_paths

    def draw(self, rng: np.random.Generator) -> Archs:
        return draw_archs(self._space, self.n_paths, rng)


class _Sandwich:
    """The arch of most parameters, that of fewest, and others between them at random."""

    distils = True

    def __init__(self, space: Space, n_paths: int) -> None:
        if n_paths < 2:
            raise OptionError(
                f"--paths is {n_paths}; the sandwich rule runs the largest and the smallest arch: at least 2"
            )
        factors = factorize(space, lambda op: op.params)
        self._ends = np.stack([max_arch(space, factors), min_arch(space, factors)])
        self._space, self.n_paths = space, n_paths

    def draw(self, rng: np.random.Generator) -> Archs:
        between = draw_archs(self._space, self.n_paths - 2, rng)
        return np.concatenate([self._ends[:1], between, self._ends[1:]])


class _Proportional:
    """Archs of a pool, each as likely as it has parameters."""

    distils = False

    def __init__(self, space: Space, n_paths: int, seed: int) -> None:
        self._pool = draw_archs(space, POOL, np.random.default_rng([seed, 4]))
        params = CompiledSum(space, [factorize(space, count_params)])(self._pool)[0].astype(np.float64)
        self._shares = params / params.sum()
        self.n_paths = n_paths

    def draw(self, rng: np.random.Generator) -> Archs:
        return self._pool[rng.choice(len(self._pool), self.n_paths, p=self._shares)]


def make_sampler(name: str, space: Space, *, paths: int | None = None, seed: int = 0) -> Sampler:
    """Make a sampler.

    Parameters
    ----------
    paths
        Archs for a step; left out, 1 (``uniform``, ``proportional``) or 4 (``sandwich``). A fair step has as many as
        fairness needs.
    seed
        Of the pool of ``proportional``.

    Raises
    ------
    OptionError
        If the name is unknown, the number of paths cannot be had, or fairness needs too many passes.
    """
    check_choice("--sampler", name, SAMPLERS)
    if name == "fair":
        if paths is not None:
            raise OptionError("--paths has no effect with --sampler fair, which runs as many as fairness needs")
        return _Fair(space)
    if paths is not None and not 1 <= paths <= MAX_PASSES:
        raise OptionError(f"--paths is {paths}; must be from 1 to {MAX_PASSES}")
    if name == "uniform":
        return _Uniform(space, paths or 1)
    if name == "sandwich":
        return _Sandwich(space, SANDWICH_PATHS if paths is None else paths)
    return _Proportional(space, paths or 1, seed)
