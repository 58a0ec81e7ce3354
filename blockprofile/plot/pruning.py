"""Pictures of a pruning: which block stays at which layer, and how the blocks of a place compete.

`decision_map_data` and `rivals_data` compute; `draw_decision_map` and `draw_rivals` draw.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from blockprofile.files import make_folder
from blockprofile.plot.fronts import COLOURS
from blockprofile.plot.style import (
    add_caption,
    figure_style,
    label_cells,
    metric_label,
    metric_title,
    save_figure,
    undrawn,
)
from blockprofile.prune import Competition, Outcome, Pruning, rate_unit, slots_at
from blockprofile.space import place_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ABSENT, KEPT, DROPPED = 0, 1, 2
KEEPS = COLOURS[1]
"""The colour that a pruned space has among fronts."""
SHADES = ("#FFFFFF", KEEPS, "#E6E6E6")
"""Of cells that are never there, kept, and dropped."""
INITIALS = {"exchange-rate": "x", "max-accuracy": "a", "depth": "u"}
"""What stands in the cell of a dropped block, if not the first letter of the policy's name."""
POLICY_WORDS = {
    "exchange-rate": "exchange rate", "max-accuracy": "lowers the accuracy", "depth": "beyond the unit's depth",
    "pairs": "not missed, pairs weighed",
}  # fmt: skip
"""A policy in a figure's caption, if not its name."""


@dataclass(frozen=True, slots=True)
class DecisionMap:
    """Which block stays where.

    ``states`` is int64, shape (n_layers, n_blocks): 0 never there, 1 kept, 2 dropped. ``words`` has the policy's
    initial where something was dropped; ``rows`` name the layers, ``columns`` the blocks; ``firsts`` are the
    rows at which a unit begins.
    """

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    states: NDArray[np.int64]
    words: NDArray[np.object_]
    firsts: tuple[int, ...]


def _initial(policy: str) -> str:
    return INITIALS.get(policy, policy[:1])


def decision_map_data(outcome: Outcome) -> DecisionMap:
    """Lay out the decisions on blocks, layer by layer; layers that the depths leave out count as dropped."""
    before, after = outcome.figures.space, outcome.space
    slots = [slot for slot in before.layer_slots if slot.layer <= before.max_depth(slot.unit)]
    states = np.zeros((len(slots), before.n_blocks), np.int64)
    words = np.full(states.shape, "", dtype=object)
    place = {slot.index: row for row, slot in enumerate(slots)}
    for row, slot in enumerate(slots):
        states[row, list(before.allowed[slot.index])] = DROPPED
        if slot.layer <= after.max_depth(slot.unit):
            states[row, list(after.allowed[slot.index])] = KEPT
        else:
            words[row, list(after.allowed[slot.index])] = _initial("depth")
    for decision in outcome.drops:
        if decision.kind != "block":
            continue
        for index in slots_at(before, decision):
            if index in place and not words[place[index], decision.code]:
                words[place[index], decision.code] = _initial(decision.policy)
    firsts = tuple(row for row, slot in enumerate(slots) if slot.layer == 1)
    rows = tuple(place_name(*slot.place) for slot in slots)
    return DecisionMap(rows, before.block_names, states, words, firsts)


def draw_decision_map(data: DecisionMap, ax: Axes) -> None:
    """Draw a decision map: kept blocks coloured, dropped ones pale with their policy's initial."""
    import seaborn as sns

    with undrawn(ax):
        sns.heatmap(
            data.states, vmin=0, vmax=len(SHADES) - 1, cmap=list(SHADES), cbar=False, annot=data.words, fmt="",
            xticklabels=False, yticklabels=False,
            annot_kws={"fontsize": 7.5, "color": "0.35"}, linewidths=1, linecolor="white", ax=ax,
        )  # fmt: skip
    ax.hlines(data.firsts[1:], 0, data.states.shape[1], color="0.3", lw=1)
    label_cells(ax, rows=data.rows, columns=data.columns)
    ax.set_xticks(ax.get_xticks(), data.columns, rotation=45, ha="right")


@dataclass(frozen=True, slots=True)
class Rivals:
    """The choices of one place, in the plane of cost and accuracy against the average choice.

    ``kept`` tells which stay at one layer of the place at least; ``low`` and ``high`` are the rates at the ends
    of the front.
    """

    found: Competition
    kept: NDArray[np.bool_]
    low: float
    high: float


def rivals_data(outcome: Outcome, found: Competition) -> Rivals:
    """Tell for the choices of a competition (``outcome.figures.network``, say) which stay."""
    space = outcome.figures.space
    units = space.units if found.where.unit is None else [space.units[found.where.unit - 1]]
    slots = [slot for unit in units for slot in unit.layers]
    if found.where.layer is not None:
        slots = [slot for slot in slots if space.slots[slot].layer == found.where.layer]
    kept = [any(code in outcome.space.allowed[slot] for slot in slots) for code in found.codes]
    return Rivals(found, np.array(kept, bool), outcome.rates.low, outcome.rates.high)


def draw_rivals(data: Rivals, ax: Axes, *, unit: str = "") -> None:
    """Draw choices as points with their names, and how much accuracy the front asks for its cost at both ends."""
    found = data.found
    for mask, colour, marker, label in (
        (data.kept, KEEPS, "o", "stays"), (~data.kept, "0.6", "x", "dropped"),
    ):  # fmt: skip
        ax.scatter(found.cost[mask], found.gain[mask], color=colour, marker=marker, label=label, zorder=3)
    for name, x, y in zip(found.names, found.cost, found.gain, strict=True):
        ax.annotate(name, (x, y), xytext=(4, 4), textcoords="offset points", fontsize=7.5)
    limits = ax.get_xlim(), ax.get_ylim()
    best = int(np.argmax(found.gain - data.low * found.cost))
    cheap = int(np.argmax(found.gain - data.high * found.cost))
    for row, rate, style in ((best, data.low, "-"), (cheap, data.high, "--")):
        x = np.array(limits[0])
        ax.plot(
            x,
            found.gain[row] + rate * (x - found.cost[row]),
            style,
            color="0.5",
            lw=0.8,
            label=f"{rate:.2g} {unit}".rstrip(),
        )
    ax.set_xlim(limits[0])
    ax.set_ylim(limits[1])
    ax.legend(fontsize=7.5, title="lines: exchange rates at the front's ends", title_fontsize=7.5)


def pruning_figures(pruning: Pruning, out: str | Path) -> list[Path]:
    """Draw every device's decision map and the rivals of the whole network, as PNG and SVG.

    Parameters
    ----------
    out
        The folder to write to; it is made if it is not there.
    """
    folder = make_folder(Path(out), what="--figures")
    written: list[Path] = []
    with figure_style():
        for outcome in pruning.outcomes:
            stem = outcome.figures.cost.name.replace(":", "-")
            for name, figure in (("decisions", _decisions(outcome)), ("rivals", _rivals(outcome))):
                written += save_figure(figure, folder / f"{name}_{stem}")
    return written


def _caption(outcome: Outcome) -> list[str]:
    gain, cost = outcome.figures.gain, outcome.figures.cost
    return [f"Provenance: {metric_title(gain.name)}: {gain.provenance}; {metric_title(cost.name)}: {cost.provenance}."]


def _decisions(outcome: Outcome) -> Figure:
    from matplotlib.figure import Figure

    data = decision_map_data(outcome)
    figure = Figure(figsize=(max(4.6, 1.6 + 0.42 * len(data.columns)), 1.6 + 0.21 * len(data.rows)))
    ax = figure.subplots()
    draw_decision_map(data, ax)
    ax.set_title(f"{outcome.figures.space.name}: blocks that stay\n({metric_title(outcome.figures.cost.name)})")
    policies = [*dict.fromkeys(each.policy for each in outcome.drops), "depth"]
    told = {letter: policy for policy in policies if (letter := _initial(policy)) in data.words}
    letters = ", ".join(f"{letter}: {POLICY_WORDS.get(policy, policy)}" for letter, policy in told.items())
    add_caption(figure, [f"Coloured: stays; pale: goes. {letters}".rstrip() + ".", *_caption(outcome)])
    return figure


def _rivals(outcome: Outcome) -> Figure:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.2, 4.2))
    ax = figure.subplots()
    gain, cost = outcome.figures.gain, outcome.figures.cost
    draw_rivals(rivals_data(outcome, outcome.figures.network), ax, unit=rate_unit(gain, cost))
    ax.set_xlabel(metric_label(cost.name, cost.unit))
    ax.set_ylabel(metric_label(gain.name, gain.unit))
    ax.set_title(f"{outcome.figures.space.name}: blocks against\nthe average block, over all layers")
    add_caption(figure, _caption(outcome))
    return figure
