"""Shipped spaces against what was printed of their networks."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from blockprofile.content import content_dir
from blockprofile.predict.labels import LabelTable, read_labels
from blockprofile.space import Operator, Space, count_macs, count_params, encode, list_operators, load_space
from blockprofile.space.factors import CompiledSum, factorize
from blockprofile.space.operators import primitives

PRINTED: dict[tuple[str, str], tuple[float | None, int | None]] = {
    ("fairnas", "FairNAS-A"): (388.1, 4651352),
    ("fairnas", "FairNAS-B"): (345.3, 4506272),
    ("fairnas", "FairNAS-C"): (321.0, 4397864),
    ("scarlet", "SCARLET-A"): (365.3, None),
    ("scarlet", "SCARLET-B"): (326.9, None),
    ("scarlet", "SCARLET-C"): (280.1, None),
    ("singlepath", "Single-Path-NAS"): (None, 4421616),
    ("mnasnet_wide", "MnasNet-A1"): (311.6, 3887038),
    ("mnasnet_wide", "MnasNet-B1"): (314.4, 4383312),
    ("fbnet", "FBNet-A"): (244.5, 4304584),
    ("fbnet", "FBNet-B"): (291.0, 4801368),
    ("fbnet", "FBNet-C"): (378.1, 5570664),
    ("mnasnet_accel", "EfficientNet-B0"): (385.8, 5288548),
    ("ofa_mbv3_w10", "D4-W3-K3"): (226.2, None),
}
"""Multiply-adds in millions, and parameters. SCARLET-B: 329 M in print, 326.9 M by its released definition. FBNet: the
released definition's exact counts (parameters without batch normalisation and bias: 4270290, 4766670, 5525420)."""

POOLED_BY_FBNET = {"FBNet-A": (244.52636, 1504), "FBNet-B": (291.10164, 1984), "FBNet-C": (378.23344, 1984)}
"""Multiply-adds in millions, the global pool's counted, and the channels that it pools."""


@pytest.mark.parametrize(("name", "network"), PRINTED)
def test_published_networks(name: str, network: str) -> None:
    space = load_space(name)
    operators = list_operators(space, encode(space, space.definition.networks[network]))
    macs_m, params = PRINTED[name, network]
    if macs_m is not None:
        assert count_macs(operators) / 1e6 == pytest.approx(macs_m, abs=0.05)
    if params is not None:
        assert count_params(operators) == params


@pytest.mark.parametrize("network", POOLED_BY_FBNET)
def test_fbnet_agrees_with_its_released_definition(network: str) -> None:
    space = load_space("fbnet")
    operators = list_operators(space, encode(space, space.definition.networks[network]))
    macs_m, head = POOLED_BY_FBNET[network]
    assert count_macs(operators) + 49 * head == round(macs_m * 1e6)


def _total(table: LabelTable, space: Space, cost: Callable[[Operator], float]) -> NDArray[np.float64]:
    return CompiledSum(space, [factorize(space, cost)])(table.archs)[0]


@pytest.mark.parametrize(
    "name",
    ["nas_bench_macro", "ofa_mbv3_w10"],
)
def test_counts_of_tables_are_exact(name: str) -> None:
    space = load_space(name)
    table = read_labels(content_dir("predictors") / f"top1_percent_{name}" / "archs.parquet", space)
    assert np.array_equal(_total(table, space, lambda op: count_params([op])), table.label("params"))
    assert np.array_equal(_total(table, space, lambda op: count_macs([op])), table.label("macs"))


def _counted_by_accel_nasbench(op: Operator) -> float:
    """Count as the benchmark does: beside multiply-adds, normalised elements four times, and what is pooled."""
    steps = primitives(op)
    normalised = sum(4 * step.elements for step in steps if step.bn)
    pooled = sum(step.in_channels * (step.in_size**2 + 1) for step in steps if step.kind == "global_pool")
    return count_macs([op]) + normalised + pooled


def test_counts_of_accel_nasbench() -> None:
    space = load_space("mnasnet_accel")
    table = read_labels(content_dir("data") / "trained/mnasnet_accel.parquet", space)
    params_m = _total(table, space, lambda op: count_params([op])) / 1e6
    assert len(params_m) == 4138
    assert params_m.astype(np.float32) == pytest.approx(table.label("params_m"), abs=1e-6)
    macs_m = _total(table, space, _counted_by_accel_nasbench) / 1e6
    assert macs_m.astype(np.float32) == pytest.approx(table.label("macs_m"), abs=1e-4)
