"""MoGA's hierarchical mutation, after MoreMNAS: random, reinforced and prior-regulated draws.

A child first draws its kind of mutation; every slot that changes then draws its new choice from that kind's
distribution. What is learnt comes from the merit of evaluated children alone.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blockprofile.errors import OptionError
from blockprofile.search.codes import CodeTable
from blockprofile.space import Archs, Space, factorize

Floats = NDArray[np.float64]
RANDOM, REINFORCED, ROULETTE, BANDIT = range(4)


@dataclass(frozen=True, slots=True, kw_only=True)
class HierarchicalMutation:
    """Mix random mutation with learnt and cost-guided ones.

    *Reinforced*: one softmax policy for each slot, moved by REINFORCE with a moving baseline towards changes
    whose children rank well. *Prior-regulated*, the roulette wheel: a block is drawn in proportion to how much
    cheaper in multiply-adds it is than the dearest one there, the dearest keeping the share of the cheapest
    gap. The K-armed bandit: the choice with the greatest upper confidence bound (UCB1) on its merit.

    Parameters
    ----------
    random, reinforced, prior
        The chances of the three kinds, sum 1.
    roulette
        The chance of the roulette wheel within ``prior``; the bandit has the rest.
    changes
        How many slots of an arch change on average; at least one does.
    learning_rate, exploration
        Of the policy's logits, and of the bandit's bound.

    Raises
    ------
    OptionError
        If a chance is out of range or the three do not sum to 1.

    Notes
    -----
    No accessible text gives the chances of MoGA's searches. The defaults (0.2, 0.65, 0.15; roulette 0.7) are
    remembered values of the MoreMNAS and FairNAS family and are unconfirmed; ``learning_rate`` and
    ``exploration`` are ours.

    References
    ----------
    Chu et al., "Multi-Objective Reinforced Evolution in Mobile Neural Architecture Search" (MoreMNAS), 2019;
    Chu et al., "MoGA: Searching Beyond MobileNetV3", ICASSP 2020.
    """

    random: float = 0.2
    reinforced: float = 0.65
    prior: float = 0.15
    roulette: float = 0.7
    changes: float = 1.0
    learning_rate: float = 1.0
    exploration: float = 0.3

    def __post_init__(self) -> None:
        for name in ("random", "reinforced", "prior", "roulette"):
            value = getattr(self, name)
            if not 0 <= value <= 1:
                raise OptionError(f"chance {name} of the hierarchical mutation is {value}; it must be from 0 to 1")
        total = self.random + self.reinforced + self.prior
        if abs(total - 1) > 1e-9:
            raise OptionError(f"random, reinforced and prior sum to {total:g}; they must sum to 1")
        if self.changes <= 0 or self.learning_rate < 0 or self.exploration < 0:
            raise OptionError("changes must be greater than 0, learning_rate and exploration at least 0")

    def describe(self) -> dict[str, Any]:
        """Describe it in plain values, for a manifest."""
        return {"mutation": "hierarchical", **asdict(self)}

    def bind(self, table: CodeTable) -> BoundHierarchicalMutation:
        """Make the operator for a space."""
        return BoundHierarchicalMutation(self, table)


class BoundHierarchicalMutation:
    """A `HierarchicalMutation` for one search."""

    def __init__(self, config: HierarchicalMutation, table: CodeTable) -> None:
        self._config, self._table = config, table
        prior = config.prior
        chances = [config.random, config.reinforced, prior * config.roulette, prior * (1 - config.roulette)]
        self._bounds = np.cumsum(chances)[:-1]
        self._free = table.n_codes > 1
        self._rate = config.changes / max(1, int(self._free.sum()))
        self._exists = np.arange(table.codes.shape[1]) < table.n_codes[:, None]
        self._wheel = np.cumsum(_roulette(table), axis=1)
        self._logits = np.where(self._exists, 0.0, -np.inf)
        self._baseline = 0.5
        self._sums = np.zeros(self._exists.shape)
        self._counts = np.zeros(self._exists.shape)

    def __call__(self, archs: Archs, rng: np.random.Generator) -> Archs:
        """Mutate archs: uint8, shape (n, n_slots)."""
        n, n_slots = archs.shape
        may = self._table.active(archs) & self._free
        dice = np.where(may, rng.random((n, n_slots)), np.inf)
        hits = (dice < self._rate) | (may & (dice == dice.min(axis=1, keepdims=True)))
        rows, slots = np.nonzero(hits)
        kinds = np.asarray(np.searchsorted(self._bounds, rng.random(n), side="right"))[rows]
        children = archs.copy()
        chosen = kinds == RANDOM
        old = children[rows[chosen], slots[chosen]]
        children[rows[chosen], slots[chosen]] = self._table.redraw(slots[chosen], old, rng)
        for kind, draw in ((REINFORCED, self._policy()), (ROULETTE, self._wheel)):
            chosen = kinds == kind
            at = slots[chosen]
            places = (rng.random(len(at))[:, None] * draw[at, -1:] >= draw[at]).sum(axis=1)
            children[rows[chosen], at] = self._table.codes[at, places]
        chosen = kinds == BANDIT
        at = slots[chosen]
        bounds = self._upper_bounds()[at] + 1e-9 * rng.random((len(at), self._exists.shape[1]))
        children[rows[chosen], at] = self._table.codes[at, np.argmax(bounds, axis=1)]
        return self._table.settle(children, rng)

    def learn(self, parents: Archs, children: Archs, merit: Floats) -> None:
        """Move policy and value estimates by the merit of the changes.

        Parameters
        ----------
        parents, children
            uint8, shape (n, n_slots).
        merit
            float64, shape (n,), from 0 (worst) to 1 (best).

        Notes
        -----
        Every slot in which child and parent differ shares the child's merit, whichever kind of mutation or
        crossover made the change.
        """
        changed = (children != parents) & self._table.allowed[np.arange(children.shape[1]), children]
        rows, slots = np.nonzero(changed)
        if not len(rows):
            return
        places = self._table.place[slots, children[rows, slots]].astype(np.int64)
        np.add.at(self._sums, (slots, places), merit[rows])
        np.add.at(self._counts, (slots, places), 1.0)
        advantage = merit[rows] - self._baseline
        policy = np.diff(self._policy(), axis=1, prepend=0.0)
        steps = np.zeros(self._exists.shape)
        np.add.at(steps, (slots, places), advantage)
        per_slot = np.zeros(len(steps))
        np.add.at(per_slot, slots, advantage)
        steps -= per_slot[:, None] * policy
        hits = np.maximum(1.0, np.bincount(slots, minlength=len(steps)))[:, None]
        self._logits[self._exists] += (self._config.learning_rate * steps / hits)[self._exists]
        self._baseline = 0.9 * self._baseline + 0.1 * float(merit.mean())

    def _policy(self) -> Floats:
        """Return each slot's softmax, summed up: float64, shape (n_slots, most codes)."""
        shifted = np.exp(self._logits - self._logits.max(axis=1, keepdims=True))
        return np.cumsum(shifted / shifted.sum(axis=1, keepdims=True), axis=1)

    def _upper_bounds(self) -> Floats:
        tried = np.maximum(self._counts, 1.0)
        total = np.maximum(self._counts.sum(axis=1, keepdims=True), 1.0)
        bound = self._sums / tried + self._config.exploration * np.sqrt(np.log(total) / tried)
        return np.where(self._exists, np.where(self._counts > 0, bound, 1e6), -np.inf)


def _roulette(table: CodeTable) -> Floats:
    """Weigh each slot's choices, the cheaper in multiply-adds the more; slots without blocks are weighed alike."""
    weights = (np.arange(table.codes.shape[1]) < table.n_codes[:, None]).astype(np.float64)
    costs = _slot_costs(table.space)
    for slot in table.space.layer_slots:
        cost = costs[slot.index][list(table.space.allowed[slot.index])]
        if np.ptp(cost) > 0:
            weights[slot.index, : len(cost)] = cost.max() + cost.min() - cost
    chances: Floats = weights / weights.sum(axis=1, keepdims=True)
    return chances


def _slot_costs(space: Space) -> dict[int, Floats]:
    """Add up each layer's multiply-adds by block, averaged over what else they depend on."""
    costs = {slot.index: np.zeros(slot.n_choices + 1) for slot in space.layer_slots}
    for factor in factorize(space, lambda operator: float(operator.macs)):
        for axis, slot in enumerate(factor.scope):
            if slot in costs:
                others = tuple(other for other in range(len(factor.scope)) if other != axis)
                costs[slot] += factor.table.mean(axis=others)
    return costs
