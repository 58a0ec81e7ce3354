"""Every kind of block: its network against torch's own counter, its cost tables, its text; shared and empty units."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from blockprofile.device.onnx_graph import onnx_model
from blockprofile.errors import ArchError, DefinitionError
from blockprofile.modules import build_network
from blockprofile.space import (
    CompiledSum,
    Space,
    count_archs,
    count_macs,
    count_networks,
    count_params,
    decode,
    draw_archs,
    encode,
    factorize,
    list_operators,
    load_space,
)
from tests.modules.test_build import counts_of_network
from tests.toy import all_archs

HEAD = """schema: blockprofile.space/1
name: kinds
title: Every kind of block
sources: [made up]
input: {default: 32, resolutions: [32]}
squeeze_excite: {divisor: 4, of: input, gate: sigmoid}
"""

KINDS = (
    HEAD
    + """blocks:
  - product:
      op:
        conv: {op: conv}
        sep: {op: sepconv}
        mb3: {op: mbconv, expansion: 3}
        fu2: {op: fused_mbconv, expansion: 2}
        fu1: {op: fused_mbconv, expansion: 1}
      kernel: [3, 4]
      se: [no, yes]
      residual: [none, identity, pool]
  - {name: g2, op: mbconv, kernel: 5, expansion: 1, groups: 2, shuffle: true, expand_always: true, act: hswish}
  - {name: wide, op: bottleneck, ratio: 0.5, kernel: 5, groups: 4, residual: pool, se: true}
  - {name: p, op: project, act: relu}
stem:
  - {op: conv, out: 16, kernel: 3, stride: 1, act: relu6}
  - {op: max_pool, kernel: 2, stride: 2}
units:
  - {out: {ratios: [0.5, 1, 1.25], of: 32, round_to: 8}, stride: 2, act: relu, depths: [0, 1, 2], shared: true}
  - {out: 32, stride: 2, act: relu, depths: [1, 2, 3], shared: true}
  - {out: 48, stride: 1, act: relu, depths: [0, 1, 2]}
head:
  - {op: conv, out: 64, act: relu6}
  - {op: global_pool}
  - {op: linear, out: 10, bias: true}
"""
)

SMALL = (
    HEAD
    + """blocks:
  - {name: k3, expansion: 2, kernel: 3}
  - {name: k5, expansion: 2, kernel: 5}
  - {name: skip, op: project}
stem:
  - {op: conv, out: 8, kernel: 3, stride: 2, act: relu}
units:
  - {out: 8, stride: 1, act: relu, depths: [0, 1, 2]}
  - {out: 16, stride: 2, act: relu, depths: [0, 2], shared: true}
  - {out: {ratios: [1, 1.5], of: 16, round_to: 8}, stride: 1, act: relu, depths: [1, 2]}
head:
  - {op: global_pool}
  - {op: linear, out: 4}
"""
)


def space_of(folder: Path, text: str) -> Space:
    (folder / "kinds.yaml").write_text(text)
    return load_space(folder / "kinds.yaml")


@pytest.fixture(scope="module")
def kinds(tmp_path_factory: pytest.TempPathFactory) -> Space:
    return space_of(tmp_path_factory.mktemp("kinds"), KINDS)


def test_a_product_names_its_blocks_and_keeps_its_factors(kinds: Space) -> None:
    assert kinds.n_blocks == 5 * 2 * 2 * 3 + 3
    assert kinds.block_names[:4] == ("convk3", "convk3identity", "convk3pool", "convk3se")
    block = kinds.blocks[kinds.block_names.index("mb3k4sepool")]
    assert block.factors == {"op": "mb3", "kernel": 4, "se": True, "residual": "pool"}
    assert (block.op, block.expansion, block.kernel, block.se, block.residual) == ("mbconv", 3, 4, True, "pool")


def test_shared_units_have_one_slot_for_a_block(kinds: Space) -> None:
    names = [slot.name for slot in kinds.slots]
    assert names == ["u1_width", "u1_depth", "u1_block", "u2_depth", "u2_block", "u3_depth", "u3l1", "u3l2"]
    n = kinds.n_blocks
    assert count_archs(kinds) == 3 * (1 + 2 * n) * 3 * n * (1 + n + n * n)


@pytest.mark.parametrize("seed", range(3))
def test_networks_tables_and_torch_agree(kinds: Space, seed: int) -> None:
    archs = draw_archs(kinds, 12, np.random.default_rng(seed))
    tables = CompiledSum(kinds, [factorize(kinds, count_macs), factorize(kinds, count_params)])(archs)
    for arch, (macs, params) in zip(archs, tables.T, strict=True):
        operators = list_operators(kinds, arch)
        assert (count_params(operators), count_macs(operators)) == (params, macs) == counts_of_network(kinds, arch)
        assert np.array_equal(encode(kinds, decode(kinds, arch)), arch)
    assert kinds.contains(archs).all()


def test_every_kind_of_block_has_a_graph_that_runs(kinds: Space) -> None:
    from onnxruntime import InferenceSession

    for name in ("convk4sepool", "sepk3", "mb3k4se", "fu2k4identity", "fu1k3se", "g2", "wide", "p"):
        arch = encode(kinds, f"1: - | {name}*2 | {name}")
        operators = list_operators(kinds, arch)
        session = InferenceSession(onnx_model(operators).SerializeToString())
        assert session.run(None, {"input": np.zeros((1, 3, 32, 32), np.float32)})[0].shape == (1, 10)


def test_a_shuffle_reads_groups_in_columns() -> None:
    from onnxruntime import InferenceSession

    from blockprofile.modules import build_operator
    from blockprofile.space import Operator

    op = Operator(
        op="mbconv", in_size=4, out_size=4, in_channels=4, out_channels=4, hidden_channels=4, kernel=3, groups=2,
        shuffle=True, expand=True, act="relu",
    )  # fmt: skip
    model = onnx_model([op])
    weights = {item.name: item for item in model.graph.initializer}
    from onnx import numpy_helper

    module = build_operator(op).eval()
    arrays = [numpy_helper.to_array(weights[name]) for node in model.graph.node if node.op_type == "Conv"
              for name in node.input[1:]]  # fmt: skip
    with torch.no_grad():
        convolutions = [layer for layer in module if isinstance(layer, torch.nn.Conv2d)]
        norms = [layer for layer in module if isinstance(layer, torch.nn.BatchNorm2d)]
        for place, (convolution, norm) in enumerate(zip(convolutions, norms, strict=True)):
            convolution.weight.copy_(torch.from_numpy(arrays[2 * place].copy()))
            norm.bias.copy_(torch.from_numpy(arrays[2 * place + 1].copy()))
            norm.eps = 0.0
    features = np.random.default_rng(0).standard_normal((1, 4, 4, 4)).astype(np.float32)
    found = InferenceSession(model.SerializeToString()).run(None, {"input": features})[0]
    with torch.no_grad():
        assert np.allclose(module(torch.from_numpy(features)).numpy(), found, atol=1e-5)


def test_distinct_networks_are_those_of_enumeration(tmp_path: Path) -> None:
    small = space_of(tmp_path, SMALL)
    archs = all_archs(small)
    assert len(archs) == count_archs(small)
    networks = {list_operators(small, arch) for arch in archs}
    assert count_networks(small) == len(networks) < len(archs)


def test_a_unit_that_is_left_out_leaves_its_stride_and_width_out(tmp_path: Path) -> None:
    small = space_of(tmp_path, SMALL)
    operators = list_operators(small, encode(small, "- | - | 1: k3"))
    assert [(op.in_size, op.in_channels) for op in operators] == [(32, 3), (16, 8), (16, 16), (1, 16)]
    with pytest.raises(ArchError, match="is not of the form BLOCK"):
        encode(small, "- | k3*x | 1: k3")
    with pytest.raises(ArchError, match="its layers share one block"):
        encode(small, "- | k3 k5 | 1: k3")


CUSTOM = SMALL.replace(
    "  - {name: skip, op: project}\n",
    "  - {name: skip, op: project}\n  - name: attention\n    op: custom\n    costs:\n"
    "      - {metrics: {macs_m: 1.5, params_m: 0.25}}\n"
    "      - {unit: 3, metrics: {macs_m: 0.5}}\n"
    '      - {unit: 3, layer: 2, metrics: {macs_m: 2, "latency_ms:phone": 3}}\n',
)


def test_a_custom_block_costs_what_its_place_says(tmp_path: Path) -> None:
    space = space_of(tmp_path, CUSTOM)
    operators = list_operators(space, encode(space, "attention | - | 1: attention attention"))
    own = [op for op in operators if op.op == "custom"]
    assert [(op.macs, op.params) for op in own] == [(1500000, 250000), (500000, 250000), (2000000, 250000)]
    assert dict(own[2].costs)["latency_ms:phone"] == 3
    with pytest.raises(ArchError, match="block 'attention' is custom"):
        build_network(operators)


def test_a_custom_block_without_counts_somewhere_is_refused(tmp_path: Path) -> None:
    text = CUSTOM.replace("{metrics: {macs_m: 1.5, params_m: 0.25}}", "{unit: 3, metrics: {params_m: 0.25}}")
    with pytest.raises(DefinitionError, match="states no macs_m and no params_m at unit 1, layer 1"):
        space_of(tmp_path, text)


def test_groups_that_do_not_divide_are_refused(tmp_path: Path) -> None:
    text = SMALL.replace("{name: k5, expansion: 2, kernel: 5}", "{name: k5, op: conv, kernel: 5, groups: 3}")
    with pytest.raises(
        DefinitionError, match="block 'k5' at unit 1, layer 1: 3 groups do not divide its channels 8, 8"
    ):
        space_of(tmp_path, text)


def test_a_product_that_is_wrong_names_its_place(tmp_path: Path) -> None:
    text = SMALL.replace("{name: k5, expansion: 2, kernel: 5}", "{product: {kernel: 5}}")
    with pytest.raises(DefinitionError, match=r"kinds.yaml:9.*factor 'kernel' is 5; it must be a list of values"):
        space_of(tmp_path, text)
    with pytest.raises(DefinitionError, match=r"kinds.yaml:9.*a factor of the product has no name"):
        space_of(tmp_path, text.replace("{kernel: 5}", '{expansion: [2], "": [5]}'))


def test_a_custom_block_needs_a_cost_on_the_device_that_is_asked_for(tmp_path: Path) -> None:
    from blockprofile.errors import CoverageError
    from blockprofile.predict import load_predictors

    large = CUSTOM.replace("default: 32, resolutions: [32]", "default: 224, resolutions: [224]")
    stated = large.replace("{macs_m: 1.5, params_m: 0.25}", '{macs_m: 1.5, params_m: 0.25, "latency_ms:mace_gpu": 2}')
    space = space_of(tmp_path, stated)
    arch = encode(space, "attention | - | 1: k3")
    (with_block,) = load_predictors(space, devices=["mace_gpu"], metrics=[])
    without = encode(space, "- | - | 1: k3")
    assert with_block.predict(arch)[0] - with_block.predict(without)[0] == pytest.approx(2, rel=1e-6)
    with pytest.raises(CoverageError, match="custom 'attention'"):
        load_predictors(space_of(tmp_path, large), devices=["mace_gpu"], metrics=[])


def test_a_cost_of_a_place_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError, match="unit 9 is not in 1 to 3"):
        space_of(tmp_path, CUSTOM.replace("{unit: 3, metrics", "{unit: 9, metrics"))
    with pytest.raises(DefinitionError, match="layer 7 is not in 1 to 2"):
        space_of(tmp_path, CUSTOM.replace("layer: 2, metrics", "layer: 7, metrics"))


def test_a_kernel_of_a_skip_has_no_effect(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError, match="'skip' is a project, on which kernel has no effect"):
        space_of(tmp_path, SMALL.replace("op: project}", "op: project, kernel: 1}"))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("expansion: 2, kernel: 3}", "expansion: 2, kernel: 3, groups: 3}",
         r"block 'k3' at unit 1, layer 1: 3 groups do not divide its channels 8, 16, 8"),
        ("out: 16, stride: 2", "out: [16, 16], stride: 2", r"units\[1\].out: width 16 is given twice"),
        ("round_to: 8}", "round_to: 8, names: [a, a]}",
         r"units\[2\].widths: width a is given twice"),
        ("ratios: [1, 1.5]", "ratios: [0, 1]", r"ratios \[0, 1\] must be a list of numbers above 0"),
        ("{name: k5, expansion: 2", "{name: k5, op: mbcon, expansion: 2", r"'mbcon' is not allowed; did you mean"),
        ("kernel: 5}", "kernel: 5, expand_always: true}", r"has expansion 2.*; expand_always has an effect at 1 alone"),
        ("kernel: 5}", "kernel: 5, shuffle: true}", r"block 'k5' shuffles the channels of one group"),
        ("{name: skip, op: project}", "{product: {expansion: [2], kernel: [3]}, name: k3}", r"'k3' is given twice"),
        ("{name: skip, op: project}", "{product: {op: {a: {op: conv}, b: {op: sepconv, kernel: 5}}}}",
         r"block 'a' is a conv and needs kernel"),
        ("{name: skip, op: project}", '{product: {kernel: [3], fast: {"": {expansion: 4}, fast: {expansion: 4}}}}',
         r"kinds.yaml:10.*product.fast: levels '' and 'fast' of factor 'fast' set the same keys"),
    ],
)  # fmt: skip
def test_blocks_and_units_that_cannot_be_are_told_by_name(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in SMALL
    with pytest.raises(DefinitionError, match=message):
        space_of(tmp_path, SMALL.replace(old, new, 1))


def test_a_pooled_shortcut_needs_equal_widths_somewhere(tmp_path: Path) -> None:
    units = "  - {out: 8, stride: 1, act: relu, depths: [0, 1, 2]}\n"
    text = SMALL.replace(units, "").replace("kernel: 5}", "kernel: 5, residual: pool}")
    space_of(tmp_path, text)  # the second layers keep their width
    first = text.replace("depths: [0, 2], shared: true", "depths: [1]").replace("depths: [1, 2]", "depths: [1]")
    first = first.replace("of: 16", "of: 24")
    with pytest.raises(DefinitionError, match="residual pool of block 'k5' has no effect: none of its places"):
        space_of(tmp_path, first)


def test_a_cost_that_is_given_twice_or_nowhere_is_refused_with_its_file(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError, match="macs_m of block 'attention' is given 2 times for any place"):
        space_of(tmp_path, CUSTOM.replace("costs:", "costs:\n      - {metrics: {macs_m: 2}}", 1))
    with pytest.raises(DefinitionError, match=r"kinds.yaml:\d+.*states no params_m at unit 1, layer 1"):
        space_of(tmp_path, CUSTOM.replace("macs_m: 1.5, params_m: 0.25", "macs_m: 1.5", 1))
