"""Chosen archs as a table: their metrics, and the block at every layer."""

from __future__ import annotations

import numpy as np

from blockprofile.plot import metric_label
from blockprofile.report.document import Cell, Table, number
from blockprofile.search import Evaluations
from blockprofile.space import INACTIVE, Space

GREY = 4
"""In the page's palette: a later block is neither more nor less of anything."""


def arch_table(chosen: list[tuple[str, Evaluations]], space: Space, *, title: str) -> Table:
    """Set chosen archs side by side, one column each, one row per slot.

    Parameters
    ----------
    chosen
        What is said of an arch, and the arch (an `Evaluations` of length 1).
    """
    n = max(space.n_blocks - 1, 1)
    rows = []
    for slot in space.slots:
        cells = [Cell(slot.name)]
        for words, arch in chosen:
            code = int(arch.archs[0, slot.index])
            if code == INACTIVE:
                cells.append(Cell("–", is_faint=True))
                continue
            text = str(slot.choices[code])
            heat = (code / n) * 0.8 if slot.kind == "layer" else None
            cells.append(Cell(text, None, heat, f"{words}\n{slot.name}: {text}", colour=None if heat is None else GREY))
        rows.append(tuple(cells))
    metrics = chosen[0][1].archive.problem.predictors
    for predictor in metrics:
        values = [float(arch.metrics[predictor.metric][0]) for _, arch in chosen]
        label = metric_label(predictor.metric, predictor.unit)
        rows.append((Cell(label), *(Cell(f"{value:.4g}") for value in values)))
    caption = "The deeper the shade, the later the block in the space's order (larger expansion, larger kernel)."
    columns = ("slot", *(words for words, _ in chosen))
    return Table(title, columns, tuple(rows), caption, is_map=True)


def front_table(archs: Evaluations, *, title: str, at_most: int = 300) -> Table:
    """List archs with their metrics and text; more than ``at_most`` are thinned evenly."""
    problem = archs.archive.problem
    kept = np.unique(np.linspace(0, len(archs) - 1, min(len(archs), at_most)).astype(int))
    shown = Evaluations(archs.archive, archs.numbers[kept])
    names = [(predictor.metric, predictor.unit) for predictor in problem.predictors]
    columns = ("evaluation", *(metric_label(*name) for name in names), "arch")
    values = shown.metrics
    rows = tuple(
        (
            Cell(f"{number_:,}", float(number_)),
            *(number(float(values[metric][place]), 3) for metric, _ in names),
            Cell(text),
        )
        for place, (number_, text) in enumerate(zip(shown.numbers.tolist(), shown.texts(), strict=True))
    )
    caption = "" if len(kept) == len(archs) else f"{len(kept)} of {len(archs)} archs, evenly spaced along the front."
    return Table(title, columns, rows, caption)
