"""`judge_ofa`: a distilled accuracy against measured ones, and one GPU at two batches."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blockprofile.content import content_file
from blockprofile.csvfile import read_csv
from blockprofile.errors import CoverageError, DataError, UnknownNameError, one_of
from blockprofile.files import make_folder, replacing
from blockprofile.jsonfile import write_json
from blockprofile.predict import ListedArchs, kendall, load_predictors
from blockprofile.profile import fit_main, fit_sizes
from blockprofile.space import INACTIVE, Space, load_space, read_arch
from blockprofile.tablefile import Column, read_columns
from blockprofile.truth.scores import tau_row
from blockprofile.truth.words import markdown_table

Doubles = NDArray[np.float64]
Row = dict[str, Any]
BATCHES = (1, 64)
"""The batches whose times are set side by side."""
NETWORK_COLUMNS = ("device", "top1_percent", "resolution", "d", "ks", "e")


def judge_ofa(*, out: str | Path, gpus: str, networks: str, seed: int = 0) -> Path:
    """Judge the distilled accuracy of Once-for-All's space by measured accuracies, and GPUs by their batches.

    Parameters
    ----------
    out
        The folder: ``results.json`` and ``page.md``.
    gpus, networks
        Files of the content folder ``data``: archs with latencies by GPU and batch; measured networks.
    seed
        Of the bootstrap.

    Raises
    ------
    UnknownNameError
        If a file is none of the folder.
    DataError
        If one is damaged or lacks a column.
    """
    results = {
        "ranking": _ranking(seed), "networks": _networks(content_file("data", networks)),
        "gpus": _gpus(content_file("data", gpus)),
    }  # fmt: skip
    folder = make_folder(Path(out))
    write_json(folder / "results.json", results, within=folder)
    with replacing(folder / "page.md") as file:
        file.write(_page(results).encode())
    return folder


def _ranking(seed: int) -> Row:
    """Rank archs that were measured at width 1.0 by what is distilled at width 1.2."""
    (table,) = load_predictors(load_space("ofa_mbv3_w10"), metrics=["top1_percent"])
    assert isinstance(table, ListedArchs)
    ours, macs = load_predictors(load_space("ofa_mbv3"), metrics=["top1_percent", "macs_m"])
    columns = {"distilled": ours.predict(table.archs), "macs": macs.predict(table.archs)}
    values = table.values.astype(np.float64)
    found: Row = {"archs": len(values), "correlation": float(np.corrcoef(columns["distilled"], values)[0, 1])}
    taus = {name: tau_row(name, each.astype(np.float64), values, seed=seed) for name, each in columns.items()}
    return found | taus


def _networks(path: Path) -> list[Row]:
    """Predict networks whose accuracy was measured, where a predictor covers their resolution."""
    found = []
    file = read_csv(path)
    if missing := [name for name in NETWORK_COLUMNS if name not in file.header]:
        raise DataError(f"{path} has no column {missing[0]!r}; {one_of(missing[0], file.header)}")
    for row in file.rows():
        size = int(row.number("resolution"))
        line: Row = {"device": row["device"], "resolution": size, "measured": row.number("top1_percent")}
        space = load_space("ofa_mbv3", resolution=size)
        form = {key: [int(word) for word in row[key].split()] for key in ("ks", "e", "d")}
        arch = read_arch(space, json.dumps(form))[None]
        for metric in ("top1_percent", "top1_percent:ofa"):
            try:
                (predictor,) = load_predictors(space, metrics=[metric])
            except (CoverageError, UnknownNameError):  # none covers this resolution
                line[metric] = None
            else:
                line[metric] = float(predictor.predict(arch)[0])
        found.append(line)
    return found


def _gpus(path: Path) -> Row:
    """Compare batches of one GPU: how they rank archs, what they count, and what a block costs."""
    space = load_space("ofa_mbv3")
    slots = [slot.name for slot in space.slots if slot.kind == "layer"]
    wanted = dict.fromkeys(slots, Column("uint8")) | {"resolution": Column("integer", low=1)}
    table = read_columns(path, wanted, with_others=True)
    (macs,) = load_predictors(space, metrics=["macs_m"])
    names = [name for name in table.column_names if name.startswith("latency_ms:")]
    archs = _archs(space, {name: table[name].to_numpy() for name in slots})
    size = table["resolution"].to_numpy().astype(np.float64)
    layers = (archs[:, [slot.index for slot in space.layer_slots]] != INACTIVE).sum(axis=1).astype(np.float64)
    work = macs.predict(archs) * (size / space.resolution) ** 2
    found: Row = {"archs": len(archs), "counts": [], "pairs": [], "steps": []}
    columns = {name.partition(":")[2]: table[name].to_numpy().astype(np.float64) for name in names}
    for name, each in columns.items():
        told = {"device": name, "tau with multiply-adds": kendall(each, work), "tau with layers": kendall(each, layers)}
        found["counts"].append(told)
        found["steps"].append({"device": name, **_steps(space, archs, each, size)})
    for gpu in dict.fromkeys(name.rpartition("_batch")[0] for name in columns):
        both = [f"{gpu}_batch{batch}" for batch in BATCHES]
        if missing := [name for name in both if name not in columns]:
            raise DataError(f"{path} has no column 'latency_ms:{missing[0]}'; {one_of(missing[0], columns)}")
        one, many = (columns[name] for name in both)
        found["pairs"].append({"gpu": gpu, "tau": kendall(one, many)})
    return found


def _archs(space: Space, columns: dict[str, NDArray[Any]]) -> NDArray[np.uint8]:
    n = len(next(iter(columns.values())))
    archs = np.full((n, space.n_slots), INACTIVE, np.uint8)
    for slot in space.layer_slots:
        archs[:, slot.index] = columns[slot.name]
    for unit in space.units:
        active = (archs[:, list(unit.layers)] != INACTIVE).sum(axis=1)
        archs[:, unit.depth] = np.searchsorted(np.asarray(unit.depths), active)
    return space.check(archs)


def _steps(space: Space, archs: NDArray[np.uint8], latency: Doubles, size: Doubles) -> Row:
    """Tell what a step costs on average over layers, in per cent of the latency, the input's size taken out."""
    log = np.log(latency)
    slope = np.polyfit(np.log(size), log, 2)
    rest = log - np.polyval(slope, np.log(size))
    sizes = fit_sizes(space, archs, rest, order=1)
    tables = {factor.scope[0]: factor.table for factor in fit_main(space, archs, rest, sizes=sizes)[1:]}
    found: Row = {}
    blocks = {(block.expansion, block.kernel): code for code, block in enumerate(space.blocks)}
    for name, first, last in (("expansion 3 to 6", (3, 5), (6, 5)), ("kernel 3 to 7", (4, 3), (4, 7))):
        steps = [tables[slot.index][blocks[last]] - tables[slot.index][blocks[first]] for slot in space.layer_slots]
        found[name] = 100 * float(np.mean(steps))
    return found


def _page(results: Row) -> str:
    ranking, gpus = results["ranking"], results["gpus"]
    ours, macs = ranking["distilled"], ranking["macs"]
    networks = [
        {"searched for": row["device"], "resolution": row["resolution"], "measured": row["measured"],
         "top1_percent (distilled)": _known(row["top1_percent"]), "top1_percent:ofa": _known(row["top1_percent:ofa"])}
        for row in results["networks"]
    ]  # fmt: skip
    counts = [
        {"device": row["device"], **{name: f"{row[name]:.2f}" for name in list(row)[1:]}} for row in gpus["counts"]
    ]
    steps = [
        {"device": row["device"], **{name: f"{row[name]:+.2f} %" for name in list(row)[1:]}} for row in gpus["steps"]
    ]
    pairs = "; ".join(f"{row['gpu']}: {row['tau']:.2f}" for row in gpus["pairs"])
    parts = [
        "# Ground truth: Once-for-All, measured",
        "Every figure here is computed by `blockprofile run truth_ofa`. Measured accuracies: sub-networks of "
        "width 1.0 on ImageNet "
        "(DyNAS-T, Apache-2.0), seven networks (HELP, NeurIPS 2021, MIT); latencies of GPUs: HELP.",
        "## The distilled accuracy",
        f"The accuracy that is distilled for width 1.2 ranks {ranking['archs']:,} networks measured at width "
        "1.0 with a Kendall's tau of "
        f"{ours['tau']:.3f} ({ours['low']:.3f} to {ours['high']:.3f}), multiply-adds with {macs['tau']:.3f} "
        f"({macs['low']:.3f} to "
        f"{macs['high']:.3f}); the correlation is {ranking['correlation']:.4f}. Among the best quarter, where "
        "it matters, tau is "
        f"{ours['best']:.3f} and {macs['best']:.3f}. Searches chose these networks, so good ones are "
        "over-represented.",
        markdown_table(networks),
        "Networks that HELP found and measured, in per cent; empty where no predictor covers the resolution. "
        "The scale of "
        "`top1_percent:ofa` is that of held-out training images and reads higher.",
        "## One GPU, two devices",
        f"Kendall's tau between a batch of 1 and a batch of 64 on one GPU, over {gpus['archs']:,} networks "
        "of 128 to 224 pixels: "
        f"{pairs}. {_follow_words(gpus['counts'])}",
        markdown_table(counts), markdown_table(steps),
        "What a step at one layer costs on average, in per cent of the latency of the whole network.",
    ]  # fmt: skip
    return "\n\n".join(parts) + "\n"


def _follow_words(rows: Sequence[Row]) -> str:
    """Say for each batch of how many GPUs the times follow layers more than multiply-adds."""
    told = []
    for batch in BATCHES:
        mine = [row for row in rows if row["device"].endswith(f"_batch{batch}")]
        by_layers = sum(row["tau with layers"] > row["tau with multiply-adds"] for row in mine)
        told.append(f"at a batch of {batch} on {by_layers} of {len(mine)} GPUs")
    return f"Times follow the number of layers more than multiply-adds {', '.join(told)}."


def _known(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"
