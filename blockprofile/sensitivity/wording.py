"""Sensitivities in sentences that a reader can quote; every word follows from the figures.

Which sentence is written, and what it names, is decided by shares of variance and by the effects of the depths.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from blockprofile.metric import parse_metric
from blockprofile.sensitivity.anova import Term
from blockprofile.sensitivity.shares import Sensitivity, Share
from blockprofile.space import place_name

MAIN = 2 / 3
"""A kind of decision that explains two thirds is what a metric answers to."""
SMALL = 0.1
"""Shares below a tenth are not named in the first sentence."""
NOTHING = 0.01
"""A share below a hundredth is not worth a place."""
CLEAR = 1.5
"""Half-widths of intervals below this, in percent, are not written."""
_KINDS = {
    "depth": "how many layers the units have",
    "layer": "which blocks stand in the layers",
    "width": "how wide the units are",
    "resolution": "the input resolution",
    "option": "the stem",
}
_ORDER = ("resolution", "width", "depth", "option")
"""A pair counts with its layer's block if it has one, else with the earliest of these."""
_ORDINALS = {1: "first", 2: "second", 3: "third", 4: "fourth", 5: "fifth", 6: "sixth", 7: "seventh", 8: "eighth"}
_COUNTS = {2: "two", 3: "three", 4: "four"}
_NAMES = {
    "top1_percent": "Top-1 accuracy",
    "macs_m": "The number of multiply-adds",
    "flops_m": "The number of FLOPs",
    "params_m": "The number of parameters",
    "latency_ms": "Latency",
}


def describe_metric(metric: str) -> str:
    """Name a metric in a sentence.

    Examples
    --------
    >>> describe_metric("latency_ms:note10"), describe_metric("top1_percent"), describe_metric("energy")
    ('Latency on note10', 'Top-1 accuracy', 'energy')
    """
    about = parse_metric(metric)
    words = _NAMES.get(about.column)
    if words is None or about.of:
        title = about.title
        return title if about.direction is None else title[0].upper() + title[1:]
    return words


def describe_sensitivity(found: Sensitivity, *, unit: str = "") -> tuple[str, ...]:
    """Say in a few sentences what a metric answers to.

    Returns
    -------
    Which decisions matter; which units; which layer of which unit's depth; which single layer. A sentence whose
    subject the space lacks is left out.
    """
    if not found.variance > 0:
        return (f"{describe_metric(found.metric)} is the same for all archs.",)
    first = _decisions(found)
    who = "It" if first else describe_metric(found.metric)
    sentences = [first, _units(found, who), _depth_step(found, unit), _layer(found)]
    return tuple(sentence for sentence in sentences if sentence)


def _percent(share: Share) -> str:
    """Write a share in whole percents, with its interval where that is wider than the rounding."""
    value, half = 100 * share.value, 50 * (share.high - share.low)
    if half >= CLEAR:
        return f"{value:.0f} ± {half:.0f} %"
    return f"{value:.0f} %" if value >= 1 else "under 1 %"


def _kind(found: Sensitivity, term: Term) -> str:
    kinds = {found.space.slots[index].kind for index in term}
    return "layer" if "layer" in kinds else next(kind for kind in _ORDER if kind in kinds)


def _join(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _decisions(found: Sensitivity) -> str:
    """Which kinds of decision explain the variance."""
    slots = [slot for slot in found.space.slots if len(found.space.allowed[slot.index]) > 1]
    present = [kind for kind in _KINDS if any(slot.kind == kind for slot in slots)]
    shares = {kind: found.share_of(term for term in found.terms if _kind(found, term) == kind) for kind in present}
    ranked = sorted(present, key=lambda kind: -shares[kind].value)
    who = describe_metric(found.metric)
    if len(ranked) < 2:
        return ""
    first = _percent(shares[ranked[0]])
    others = [f"{_KINDS[kind]} {_percent(shares[kind])}" for kind in ranked[1:]]
    if shares[ranked[0]].value >= MAIN:
        return f"{who} answers to {_KINDS[ranked[0]]}: that explains {first} of its variance, {_join(others)}."
    named = [kind for kind in ranked if shares[kind].value >= SMALL]
    words = [f"{_KINDS[kind]} ({_percent(shares[kind])} of its variance)" for kind in named]
    return f"{who} answers to {_join(words)}."


def _units(found: Sensitivity, who: str) -> str:
    """Which units explain most: the fewest that make up half of what units explain."""
    numbers = [unit.unit for unit in found.space.units]
    if len(numbers) == 1:
        return ""
    shares = {number: found.share_of(found.terms_of_unit(number)) for number in numbers}
    total = sum(share.value for share in shares.values())
    ranked = sorted(numbers, key=lambda number: -shares[number].value)
    count = next(n for n in numbers if sum(shares[number].value for number in ranked[:n]) >= total / 2)
    top = ranked[:count]
    end = next((word for word, some in _ends(numbers, count) if count < len(numbers) and sorted(top) == some), "")
    least = f"unit {ranked[-1]} least ({_percent(shares[ranked[-1]])})"
    if count == 1:
        name = f"the {end} unit" if end else f"unit {top[0]}"
        return f"{who} answers most to {name} ({_percent(shares[top[0]])}), and to {least}."
    words = _join([f"{number} ({_percent(shares[number])})" for number in (sorted(top) if end else top)])
    place = f"the {end} {_COUNTS.get(count, str(count))} units, {words}" if end else f"units {words}"
    return f"{who} answers most to {place}, and to {least}."


def _ends(numbers: list[int], count: int) -> list[tuple[str, list[int]]]:
    return [("last", numbers[-count:]), ("first", numbers[:count])]


@dataclass(frozen=True, slots=True)
class _Step:
    unit: int
    depth: int
    effect: float


def _depth_step(found: Sensitivity, unit: str) -> str:
    """Which further layer of which unit changes the metric most."""
    steps = []
    for slots in found.space.units:
        if slots.depth is None:
            continue
        codes = sorted(found.space.allowed[slots.depth], key=lambda code: slots.depths[code])
        effects = found.effects[slots.depth]
        for below, code in itertools.pairwise(codes):
            steps.append(_Step(slots.unit, slots.depths[code], float(effects[code] - effects[below])))
    if not steps:
        return ""
    largest = max(steps, key=lambda step: abs(step.effect))
    slot = found.space.units[largest.unit - 1].depth
    assert slot is not None
    share = _percent(found.share_of([(slot,)]))
    ordinal = _ORDINALS.get(largest.depth, f"{largest.depth}th")
    words = "percentage points" if unit == "%" else unit
    size = f"{abs(largest.effect):.3g} {words}".rstrip()
    direction = "adds" if largest.effect > 0 else "takes off"
    return (
        f"Of the depths, whether unit {largest.unit} has a {ordinal} layer counts most: it {direction} {size} "
        f"on average, and that unit's depth explains {share}."
    )


def _layer(found: Sensitivity) -> str:
    """Which single layer's block explains most, given the depth."""
    layers = [slot for slot in found.space.layer_slots if slot.layer <= found.space.max_depth(slot.unit)]
    shares = [found.share_of(found.terms_of_layer(slot.index)) for slot in layers]
    best = int(np.argmax([share.value for share in shares]))
    if shares[best].value < NOTHING:
        return "Which block stands in a layer hardly counts: the largest share of a single layer is under 1 %."
    share = _percent(shares[best])
    return f"Of single layers, the block at {place_name(*layers[best].place)} explains most: {share}."
