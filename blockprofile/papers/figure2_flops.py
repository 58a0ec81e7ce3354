"""What Figure 2's FLOPs panel counted: our count, changed step by step into that of the table behind the figure.

The figure's FLOPs come from the lookup table in Once-for-All's tutorial. Its channels are rounded, not made
divisible by 8, and its first convolution takes 4 channels because the image's 3 are multiplied by the width too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from blockprofile.additive import Presence, exact_profile
from blockprofile.papers.figure2_panels import SPACE, Panel
from blockprofile.space import Operator, Space, factorize, load_space, primitives

WIDTH = 1.2
"""The width multiplier of the space; the table multiplies every channel count of the network of width 1 by it."""
BASE_STEM, BASE_UNITS = 16, (24, 40, 80, 112, 160)
IMAGE_CHANNELS, CLASSES = 3, 1000


@dataclass(frozen=True, slots=True)
class CountStep:
    """One rule of counting, and what is left of the figure under it.

    ``offset`` is the mean of (ours less theirs) over the blocks; ``spread`` the largest distance of a block's
    difference from it; both in millions of FLOPs. The figure prints whole millions.
    """

    words: str
    ours: NDArray[np.float64]
    offset: float
    spread: float


def published_flops_space(space: Space, *, with_ends: bool) -> Space:
    """Return ofa_mbv3 with the channels that the published FLOPs were counted with: 19; 29, 48, 96, 134, 192.

    Parameters
    ----------
    with_ends
        Whether the image's channels (4 for 3) and the classes (1,200 for 1,000) are multiplied by the width too.

    Examples
    --------
    >>> counted = published_flops_space(load_space("ofa_mbv3"), with_ends=False)
    >>> [unit.out for unit in counted.definition.units]
    [29, 48, 96, 134, 192]
    """
    definition = space.definition
    stem, *units = (round(WIDTH * base) for base in (BASE_STEM, *BASE_UNITS))
    image, classes = (round(WIDTH * base) if with_ends else base for base in (IMAGE_CHANNELS, CLASSES))
    changed = replace(
        definition,
        name=f"{definition.name} as its FLOPs were published",
        input=replace(definition.input, channels=image),
        stem=tuple(replace(layer, out=stem) for layer in definition.stem),
        units=tuple(replace(unit, out=out) for unit, out in zip(definition.units, units, strict=True)),
        head=tuple(replace(layer, out=classes) if layer.op == "linear" else layer for layer in definition.head),
    )
    return Space(changed, resolution=space.resolution)


def _flops_m(op: Operator) -> float:
    return 2 * op.macs / 1e6


def _without_first_block(op: Operator) -> float:
    is_first = op.op == "mbconv" and op.hidden_channels == op.in_channels
    return 0.0 if is_first else _flops_m(op)


def _with_batch_norm(op: Operator) -> float:
    """Count two multiply-adds for every element that a batch normalisation gives out."""
    return _flops_m(op) + 2 * sum(2 * step.elements for step in primitives(op) if step.bn) / 1e6


def _with_additions(op: Operator) -> float:
    """Count the additions of the linear layer beside its multiply-adds, on top of the batch normalisations."""
    return _with_batch_norm(op) + (_flops_m(op) if op.op == "linear" else 0.0)


def count_steps(panel: Panel, *, presence: Presence = "cikm21") -> tuple[CountStep, ...]:
    """Count the FLOPs panel under one rule after the other.

    Parameters
    ----------
    panel
        The figure's FLOPs panel.
    presence
        The rule of the figure.

    Returns
    -------
    Our own count first. The last two steps are a conjecture about the counter that was used; they change the offset
    alone, which is all that speaks for them.
    """
    space = load_space(SPACE, resolution=panel.resolution)
    channels, ends = (published_flops_space(space, with_ends=flag) for flag in (False, True))
    rules: tuple[tuple[str, Space, Callable[[Operator], float]], ...] = (
        ("2 x multiply-adds of the networks as they are", space, _flops_m),
        ("channels rounded: 19; 29, 48, 96, 134, 192", channels, _flops_m),
        ("and the image has 4 channels, the classifier 1,200 classes", ends, _flops_m),
        ("the same without the first, fixed block", ends, _without_first_block),
        ("with it, and 2 multiply-adds an element of every batch norm (conjecture)", ends, _with_batch_norm),
        ("and the classifier's additions counted again (conjecture)", ends, _with_additions),
    )
    return tuple(_count(panel, words, counted, cost, presence) for words, counted, cost in rules)


def _count(panel: Panel, words: str, space: Space, cost: Callable[[Operator], float], presence: Presence) -> CountStep:
    exact = exact_profile(space, [factorize(space, cost)], presence=presence)
    value = dict(zip(exact.blocks, exact.block_mean[0].tolist(), strict=True))
    of_shape = {(block.expansion, block.kernel): value[block.name] for block in space.blocks}
    ours = np.array([[of_shape[expansion, kernel] for kernel in panel.kernels] for expansion in panel.expansions])
    found = replace(panel, ours=ours)
    return CountStep(words, ours, float(found.differences.mean()), found.spread)
