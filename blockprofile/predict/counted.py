"""Counted metrics, exact from the operator list: multiply-adds, FLOPs, parameters, weights, the activations' peak."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from blockprofile.errors import CoverageError, DataError, one_of
from blockprofile.metric import PEAK, parse_metric
from blockprofile.predict.base import AdditivePredictor, CardPredictor, Predictor
from blockprofile.predict.card import Card
from blockprofile.space import Archs, Operator, Space, build_sites, count_macs, count_params, primitives

_MILLION = 1e6
_BYTES = {"fp32": 4, "fp16": 2, "int8": 1}

_COUNTS: dict[str, Callable[[Operator], float]] = {
    "macs_m": lambda op: count_macs(op) / _MILLION,
    "flops_m": lambda op: 2 * count_macs(op) / _MILLION,
    "params_m": lambda op: count_params(op) / _MILLION,
} | {f"weights_mb:{name}": lambda op, size=size: size * count_params(op) / _MILLION for name, size in _BYTES.items()}
_PEAKS = {f"{PEAK}:{name}": size for name, size in _BYTES.items()}


@lru_cache(maxsize=65536)
def peak_elements(op: Operator) -> int:
    """Count the elements of the feature maps that are held at once while an operator runs, at most, for one image.

    A step holds its inputs and its output, and beside them what a later step of the operator still needs: the input for
    a shortcut, the features that a gate will scale. No step works in place; an activation is part of its convolution.

    Raises
    ------
    ArchError
        If the operator is a custom block: what it is made of is not known.

    Examples
    --------
    >>> op = Operator(op="mbconv", in_size=4, out_size=4, in_channels=2, out_channels=2, hidden_channels=8, kernel=3,
    ...               skip=True)
    >>> peak_elements(op) // 16  # the depthwise convolution: 8 channels in, 8 out, and 2 kept for the shortcut
    18
    """
    steps = primitives(op)
    sizes = {"entry": op.in_channels * op.in_size**2}
    reads: list[tuple[str, ...]] = []
    main, gate, shortcut = "entry", "", "entry"
    for index, step in enumerate(steps):
        name = f"step{index}"
        sizes[name] = step.elements
        if step.kind == "add":
            reads.append((main, shortcut))
            main = name
        elif step.kind == "scale":
            reads.append((main, gate))
            main, gate = name, ""
        elif step.part == "se":
            reads.append((gate or main,))
            gate = name
        elif step.part == "shortcut":
            reads.append((shortcut,))
            shortcut = name
        else:
            reads.append((main,))
            main = name
    last = {name: index for index, names in enumerate(reads) for name in names}
    made = {"entry": -1} | {f"step{index}": index for index in range(len(steps))}
    return max(
        sum(sizes[name] for name, since in made.items() if since <= index <= last.get(name, since))
        for index in range(len(steps))
    )


class PeakPredictor(CardPredictor):
    """The largest number of bytes that feature maps take at once in a network, for one image: a maximum over places.

    Raises
    ------
    CoverageError
        If the space has custom blocks.
    """

    def __init__(self, card: Card, space: Space, size: int) -> None:
        super().__init__(card, space)
        self._tables = []
        for site in build_sites(space):
            # One code more than a slot has: the last is an inactive layer, at which nothing stands.
            table = np.zeros([space.slots[index].n_choices + 1 for index in site.scope])
            for codes, op in site.table.items():
                if op is not None and op.op == "custom":
                    raise CoverageError(
                        f"{card.metric} cannot be counted for space {space.base.name!r}: its block {op.block!r} is "
                        "custom, and what it is made of is not known"
                    )
                table[codes] = 0 if op is None else size * peak_elements(op) / _MILLION
            self._tables.append((site.scope, table))

    def predict(self, archs: Archs) -> NDArray[np.float32]:
        """Count the peak of every arch, in MB (1e6 bytes).

        Raises
        ------
        ArchError
            If dtype or shape do not fit the space.
        """
        rows = self.rows(archs)
        peak = np.zeros(len(rows))
        for scope, table in self._tables:
            codes = [np.minimum(rows[:, index], n - 1) for index, n in zip(scope, table.shape, strict=True)]
            np.maximum(peak, table[tuple(codes)], out=peak)
        return peak.astype(np.float32)


def build_counted(card: Card, folder: Path, space: Space) -> Predictor:
    """Make the predictor of a counted metric.

    Raises
    ------
    DataError
        If the card's metric is not one that can be counted.
    CoverageError
        As `PeakPredictor`.
    """
    if card.metric in _PEAKS:
        return PeakPredictor(card, space, _PEAKS[card.metric])
    count = _COUNTS.get(card.metric)
    if count is None:
        known = [name for name in (*_COUNTS, *_PEAKS) if parse_metric(name).column == parse_metric(card.metric).column]
        choices = one_of(card.metric, known or (*_COUNTS, *_PEAKS))
        raise DataError(f"{folder}: metric {card.metric!r} cannot be counted; {choices}")
    return AdditivePredictor.over_operators(card, space, count)
