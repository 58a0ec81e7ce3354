"""Exact responses of additive metrics: M_b, M_(u,l,b) and depth responses in closed form, for every presence.

Multiply-adds, parameters, lookup tables and linear cost models add up over slots, so their responses need no
samples. They are the oracle of the sampled responses and the control variate of metrics that do not add up.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from blockprofile.additive.presence import Presence, check_presence, depth_law
from blockprofile.additive.slot_moments import ExactMoments, exact_moments, mix
from blockprofile.additive.targets import block_label
from blockprofile.space import Factor, Law, Slot, Space, depth_probabilities


@dataclass(frozen=True, slots=True)
class Place:
    """A block at a layer; where the unit's width is searched, a block at a layer of a unit of that width.

    ``block`` is the name (``e6k7``, or ``0.65:b20`` with a width); ``code`` and ``width`` are the codes, ``width`` 0
    where it is fixed.
    """

    slot: Slot
    block: str
    code: int
    width: int

    @property
    def unit(self) -> int:
        """The unit, from 1."""
        return self.slot.unit

    @property
    def layer(self) -> int:
        """The layer in its unit, from 1; 0 where all layers share the block."""
        return self.slot.place[1]


def list_places(space: Space) -> tuple[Place, ...]:
    """List every (unit, layer, block) of a space: in the order of the network, then of widths, then of blocks."""
    places: list[Place] = []
    for slot in space.layer_slots:
        if slot.layer > space.max_depth(slot.unit):
            continue
        width_slot = space.units[slot.unit - 1].width
        widths: tuple[int | None, ...] = (None,) if width_slot is None else space.allowed[width_slot]
        for width in widths:
            places += [
                Place(slot, block_label(space, block, width, slot.unit), block, width or 0)
                for block in space.allowed[slot.index]
            ]
    return tuple(places)


def place_weights(places: Sequence[Place]) -> tuple[tuple[str, ...], NDArray[np.float64]]:
    """Return the blocks in order of appearance, and the weights with which M_b averages over places.

    Returns
    -------
    Names, and float64 of shape (n_names, n_places); each row adds up to 1 over the places of its block.
    """
    names = tuple(dict.fromkeys(place.block for place in places))
    holds = np.array([[place.block == name for place in places] for name in names])
    return names, holds / holds.sum(axis=1, keepdims=True)


@dataclass(frozen=True, slots=True)
class Mixture:
    """What A_(u,l,b) mixes: cells (depth code, slot's code) of the place's slot and width, with their weights."""

    weights: NDArray[np.float64]
    depths: NDArray[np.intp]
    codes: NDArray[np.intp]


def list_mixtures(
    space: Space, places: Sequence[Place], *, presence: Presence = "given", law: Law = "papers"
) -> Iterator[Mixture]:
    """Yield for every place the cells that its response is an average of."""
    for place in places:
        unit = space.units[place.unit - 1]
        own = dict(zip(space.unit_depths(place.unit), depth_probabilities(space, place.unit, law), strict=True))
        wanted = depth_law(own, place.slot.layer, presence)
        codes = [0 if unit.depth is None else unit.depths.index(depth) for depth in wanted]
        held = [place.code if depth >= place.slot.layer else place.slot.n_choices for depth in wanted]
        weights = np.fromiter(wanted.values(), np.float64)
        yield Mixture(weights, np.array(codes, np.intp), np.array(held, np.intp))


@dataclass(frozen=True, slots=True)
class ExactProfile:
    """Exact responses of additive metrics, as expectations (not as differences from the space's mean).

    Parameters
    ----------
    mean, variance
        Of each metric over the space, shape (n_metrics,).
    places
        Every (unit, layer, block).
    cell_mean, cell_variance
        Of M(A_(u,l,b)), shape (n_metrics, n_places). M_(u,l,b) of equation 2 is ``cell_mean - mean``.
    block_mean, block_variance
        M_b of equation 1, shape (n_metrics, n_blocks): the average over the places that allow the block, and
        the variance of the metric when the place is drawn too.
    depths
        (unit, depth) for every unit whose depth is searched.
    depth_mean, depth_variance
        Given that depth, shape (n_metrics, n_depths); whatever the presence.
    moments
        The moments given each slot (widths, options, a searched resolution among them).

    References
    ----------
    Mills et al., Profiling Neural Blocks and Design Spaces for Mobile Neural Architecture Search, CIKM 2021,
    equations 1 and 2.
    """

    space: Space
    presence: Presence
    law: Law
    mean: NDArray[np.float64]
    variance: NDArray[np.float64]
    places: tuple[Place, ...]
    cell_mean: NDArray[np.float64]
    cell_variance: NDArray[np.float64]
    blocks: tuple[str, ...]
    block_mean: NDArray[np.float64]
    block_variance: NDArray[np.float64]
    depths: tuple[tuple[int, int], ...]
    depth_mean: NDArray[np.float64]
    depth_variance: NDArray[np.float64]
    moments: ExactMoments


def exact_profile(
    space: Space, sums: Sequence[Sequence[Factor]], *, presence: Presence = "given", law: Law = "papers"
) -> ExactProfile:
    """Compute all responses of additive metrics exactly.

    Parameters
    ----------
    sums
        The factors of each metric (``AdditivePredictor.factors``).
    presence
        How an arch gets the layer that is asked about; see `blockprofile.additive.presence`.

    Raises
    ------
    OptionError
        If the presence is unknown, or the factors couple too many slots.

    Examples
    --------
    >>> from blockprofile.space import factorize, load_space
    >>> moga = load_space("moga")
    >>> found = exact_profile(moga, [factorize(moga, lambda op: op.macs / 1e6)])
    >>> dict(zip(found.blocks, found.block_mean[0].round(1).tolist()))["e6k7se"]
    255.2
    """
    check_presence(presence)
    found = exact_moments(space, sums, law=law)
    places = list_places(space)
    by_slot = {each.slot.index: each for each in found.slots}
    cells = []
    for place, mixture in zip(places, list_mixtures(space, places, presence=presence, law=law), strict=True):
        cell = by_slot[place.slot.index]
        pick = (slice(None), mixture.depths, place.width, mixture.codes)
        cells.append(mix(mixture.weights, cell.mean[pick], cell.variance[pick]))
    cell_mean, cell_variance = (np.stack(parts, axis=1) for parts in zip(*cells, strict=True))
    blocks, weights = place_weights(places)
    block_mean, block_variance = mix(weights, cell_mean[:, None, :], cell_variance[:, None, :])
    depths, depth_mean, depth_variance = _depth_responses(space, found)
    return ExactProfile(
        space, presence, law, found.mean, found.variance, places, cell_mean, cell_variance,
        blocks, block_mean, block_variance, depths, depth_mean, depth_variance, found,
    )  # fmt: skip


def _depth_responses(
    space: Space, found: ExactMoments
) -> tuple[tuple[tuple[int, int], ...], NDArray[np.float64], NDArray[np.float64]]:
    names: list[tuple[int, int]] = []
    means, variances = [np.zeros((len(found.mean), 0))], [np.zeros((len(found.mean), 0))]
    for each in found.slots:
        if each.slot.kind == "depth":
            codes = list(space.allowed[each.slot.index])
            names += [(each.slot.unit, depth) for depth in space.unit_depths(each.slot.unit)]
            means.append(each.mean[:, 0, 0, codes])
            variances.append(each.variance[:, 0, 0, codes])
    return tuple(names), np.concatenate(means, axis=1), np.concatenate(variances, axis=1)
