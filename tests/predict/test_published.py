"""Published networks: their layer tables amount to what was printed about them."""

import dataclasses

import numpy as np
import pytest

from blockprofile.errors import CoverageError, UnknownNameError
from blockprofile.predict.published import (
    list_published,
    published_latencies,
    published_network,
    published_operators,
    read_published_table,
)
from blockprofile.space import count_macs, count_params, list_operators, load_space

WITH_LAYERS = [network for network in list_published() if network.has_layers and network.name != "FBNet-A"]
EXACT = [row for row in read_published_table("reference_exact") if row["network"] != "FBNet-A"]

# Printed totals that are not those of the released layers; the table of networks says why.
OTHER_TOTALS = {"FBNet-B", "Single-Path-NAS", "FairNAS-A-SE-1.0", "FairNAS-B-SE-1.0", "FairNAS-C-SE-1.0"}
# Counts of another variant, or that include more than convolutions (data/README.md).
OTHER_EXACT = {("MobileNetV3-Large", "macs_m"), ("MnasNet-A1", "macs_m"), ("MobileNetV2", "params")}


@pytest.mark.parametrize("network", WITH_LAYERS, ids=lambda network: network.name)
def test_layers_amount_to_the_printed_totals(network):
    operators = published_operators(network.name)
    if network.macs_m is not None and network.name not in OTHER_TOTALS:
        assert count_macs(operators) / 1e6 == pytest.approx(network.macs_m, rel=0.015)
    if network.params_m is not None and network.name not in OTHER_TOTALS:
        assert count_params(operators) / 1e6 == pytest.approx(network.params_m, abs=0.12)


@pytest.mark.parametrize("row", EXACT, ids=lambda row: f"{row['network']}-{row['source'][:12]}")
def test_layers_agree_with_exact_counts(row):
    operators = published_operators(row["network"])
    if row["params"] and (row["network"], "params") not in OTHER_EXACT:
        assert _params_as_counted_by(row, operators) == int(row["params"])
    if row["macs_m"] and (row["network"], "macs_m") not in OTHER_EXACT:
        pool = next(op for op in operators if op.op == "global_pool")
        macs = count_macs(operators) + pool.in_channels * pool.in_size**2
        assert macs / 1e6 == pytest.approx(float(row["macs_m"]), abs=6e-6)


def _params_as_counted_by(row, operators):
    """Count parameters by the convention of the source (data/README.md)."""
    total = count_params(operators)
    if "model_info_fbnet" in row["source"]:
        norms = sum(step.out_channels * 2 for op in operators for step in _steps(op) if step.bn)
        return round(total - norms - 1000, -1)
    if row["network"] == "MobileNetV3-Large":
        return total - 1280
    return total


def _steps(op):
    from blockprofile.space import primitives

    return primitives(op)


@pytest.mark.parametrize("name", ["MoGA-A", "MoGA-B", "MoGA-C", "MoGA-A(figure)"])
def test_moga_choices_give_the_published_operators(name):
    moga = load_space("moga")
    codes = [int(row["block"]) for row in read_published_table("moga_choices") if row["network"] == name]
    derived = [dataclasses.replace(op, dropout=0.0) for op in list_operators(moga, np.array(codes, np.uint8))]
    assert tuple(derived) == published_operators(name)


def test_choices_spell_out_their_block():
    for row in read_published_table("moga_choices"):
        code = 6 * (row["expansion"] == "6") + 2 * ["3", "5", "7"].index(row["kernel"]) + int(row["se"])
        assert int(row["block"]) == code


def test_every_figure_has_a_source():
    for table in ("networks", "latencies", "layers", "moga_choices", "figure2_ofa", "reference_exact"):
        assert all(row["source"] for row in read_published_table(table))


def test_latencies_are_of_known_networks():
    known = {network.name for network in list_published()}
    assert {row["network"] for row in read_published_table("latencies")} <= known


def test_editions_of_the_mace_column_differ_in_three_networks():
    later, first = published_latencies("mace_gpu"), published_latencies("mace_gpu", edition="first")
    changed = {name: (first[name], later[name]) for name in later if first[name] != later[name]}
    assert changed == {
        "MobileNetV2": (11.7, 7.0),
        "ProxylessNAS-mobile": (10.2, 7.9),
        "ProxylessNAS-GPU": (10.1, 9.8),
    }


def test_grouped_convolutions_are_refused():
    with pytest.raises(CoverageError, match=r"layer 12 of network 'FBNet-A' has a 1x1 convolution in 2 groups"):
        published_operators("FBNet-A")


def test_unknown_names_are_refused():
    with pytest.raises(UnknownNameError, match="'MoGA-D' is not among the published ones; did you mean 'MoGA-"):
        published_network("MoGA-D")
    with pytest.raises(UnknownNameError, match="layers of network 'EfficientNet-B0' are not published"):
        published_operators("EfficientNet-B0")
    with pytest.raises(UnknownNameError, match=r"no latencies of pixel9 \(later\) are published"):
        published_latencies("pixel9")
