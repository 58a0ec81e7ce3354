"""Pairs in the report: how much of a metric they explain and, where that is worth a word, which decisions they join."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from blockprofile.plot import metric_title
from blockprofile.profile import JointEffect, PairMap, Profile, explained_of, explained_words, find_pair_map, read_rows
from blockprofile.report.document import Cell, Part, Section, Table, Text, number, table_of
from blockprofile.report.maps import digits_of
from blockprofile.space import place_name

if TYPE_CHECKING:
    from blockprofile.space import Slot

_SHOWN = 12
_EXPLAINED = (
    "A cell is the standard deviation of what the two decisions add together, beyond what each adds alone, over all "
    "their choices; the tip has its 95 % interval and the two choices that do most together. Faint: no two choices of "
    "the cell are beyond doubt, all cells looked at. A pruning by main effects alone does not see any of this; a small "
    "space can be pruned by pairs (prune --order 2)."
)


def pair_sections(profile: Profile, folder: Path, metrics: list[str], elsewhere: str) -> list[Section]:
    """Make the section of pairs; none where the profile does not know what they explain.

    Parameters
    ----------
    folder
        Of the run, which keeps archs of the profile.
    """
    known = {metric: each for metric, each in explained_of(profile.about).items() if metric in metrics}
    if not known:
        return []
    rows = read_rows(folder, profile.config, profile.space)
    parts: list[Part] = [Text(". ".join(explained_words(metric, each) for metric, each in known.items()) + ".")]
    for metric, each in known.items():
        if rows is not None and each.is_by_pairs and metric in rows.values:
            found = find_pair_map(profile.space, rows, metric)
            parts += [_map(found, profile.unit(metric)), _most(found, profile.unit(metric))]
    return [Section("pairs", "Decisions that depend on each other", tuple(parts), elsewhere)]


def _where(slot: Slot) -> str:
    name = slot.name if not slot.unit else place_name(*slot.place)
    return name if slot.kind == "layer" or not slot.unit else f"{name}, {slot.kind}"


def _short(slot: Slot) -> str:
    unit, layer = slot.place
    if not slot.unit:
        return slot.name
    return f"{unit}.{layer}" if slot.kind == "layer" and layer else f"{unit} {slot.kind}" if not layer else slot.name


def _map(found: PairMap, unit: str) -> Table:
    bound = float(np.nanmax(found.sizes, initial=0.0)) or 1.0
    digits = digits_of(found.sizes)
    strongest = {frozenset((each.first.index, each.second.index)): each for each in found.strongest}
    rows = []
    for i, first in enumerate(found.slots):
        cells = [Cell(_where(first))]
        for j, second in enumerate(found.slots):
            if i == j:
                cells.append(Cell("·", is_faint=True))
                continue
            size, most = float(found.sizes[i, j]), strongest[frozenset((first.index, second.index))]
            tip = (
                f"{_where(first)} with {_where(second)}: {size:.{digits + 1}f} {unit} (95 % interval "
                f"{found.low[i, j]:.{digits + 1}f} to {found.high[i, j]:.{digits + 1}f})\n{_words(most, unit)}"
            )
            cells.append(Cell(f"{size:.{digits}f}", size, size / bound, tip, not most.is_sure))
        rows.append(tuple(cells))
    title = f"{metric_title(found.metric)} [{unit}]: what two decisions add together"
    return Table(title, ("", *map(_short, found.slots)), tuple(rows), _EXPLAINED, is_map=True)


def _words(each: JointEffect, unit: str) -> str:
    ends = f"{each.low:+.3g} to {each.high:+.3g}"
    told = f"{each.first_choice} and {each.second_choice}: {each.effect:+.3g} {unit} ({ends})"
    return told if each.is_sure else f"{told}, not beyond doubt"


def _most(found: PairMap, unit: str) -> Table:
    records = [
        {
            "choice": each.first_choice, "at": _where(each.first), "with": each.second_choice,
            "there": _where(each.second), f"together [{unit}]": number(each.effect, 3, sign=True),
            "from": number(each.low, 3, sign=True), "to": number(each.high, 3, sign=True),
        }
        for each in islice(filter(lambda effect: effect.is_sure, found.strongest), _SHOWN)
    ]  # fmt: skip
    caption = (
        "What two choices do together beyond what each does alone, by a model of main effects and pairs with its 95 % "
        "interval; the largest of every two decisions, those beyond doubt."
    )
    return table_of(f"{metric_title(found.metric)}: choices that do most together", records, caption=caption)
