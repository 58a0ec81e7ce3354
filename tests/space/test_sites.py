"""Operator lists: shapes chain through the network, and each choice does what it says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from blockprofile.errors import ArchError
from blockprofile.space import (
    CompiledSum,
    Operator,
    Space,
    build_sites,
    count_macs,
    distinct_operators,
    draw_archs,
    encode,
    factorize,
    list_operators,
    load_space,
)
from blockprofile.space.definition import FixedLayer
from tests.conftest import Freeze
from tests.toy import all_archs, smaller_toy_space


def test_the_toy_network_in_full(toy: Space) -> None:
    operators = list_operators(toy, encode(toy, "e2k3 | e4k5se e4k3"))
    assert [op.describe() for op in operators] == [
        "conv k3 s2 3->8 at 32 relu",
        "mbconv k3 s1 8(16)->8 at 16 skip relu",
        "mbconv k5 s2 8(32)->16 at 16 se hswish",
        "mbconv k3 s1 16(64)->16 at 8 skip hswish",
        "global_pool 16->16 at 8",
        "linear 16->10 at 1",
    ]
    assert operators[2].se_channels == 32 // 4


def check_chain(operators: tuple[Operator, ...], channels: int, size: int) -> None:
    for op in operators:
        assert (op.in_channels, op.in_size) == (channels, size), op.describe()
        channels, size = op.out_channels, op.out_size


def test_widths_and_sizes_chain_through_every_network(shipped: Space) -> None:
    for arch in draw_archs(shipped, 50, np.random.default_rng(1)):
        check_chain(list_operators(shipped, arch), 3, shipped.resolution)


def test_widths_and_sizes_chain_through_all_mixed_networks(mixed: Space) -> None:
    archs = all_archs(mixed)
    for arch in archs:
        check_chain(list_operators(mixed, arch), 3, (16, 32)[arch[0]])


def test_sizes_chain_past_stem_layers_that_an_option_leaves_out(mixed: Space) -> None:
    first, _ = mixed.definition.stem
    for stem in (
        (first, FixedLayer(op="conv", out=12, kernel=3, stride=2, when={"stem_depth": 2})),
        # Alternatives, one of which is there.
        (FixedLayer(op="conv", out=8, when={"stem_depth": 0}), replace(first, out=16, when={"stem_depth": 2})),
    ):
        space = Space(replace(mixed.definition, stem=stem))
        for arch in all_archs(space)[::5]:
            check_chain(list_operators(space, arch), 3, (16, 32)[arch[0]])
        factors = factorize(space, lambda op: op.macs)
        archs = all_archs(space)[::7]
        sums = [count_macs(list_operators(space, arch)) for arch in archs]
        assert np.array_equal(CompiledSum(space, [factors])(archs)[0], sums)


def test_a_gate_keeps_a_channel_where_its_rule_leaves_none(toy: Space) -> None:
    rule = replace(toy.definition.squeeze_excite, divisor=64)
    space = Space(replace(toy.definition, squeeze_excite=rule))
    operators = list_operators(space, encode(space, "e4k5se | e2k3"))
    assert operators[1].se_channels == 1


def test_a_layer_has_a_shortcut_exactly_when_it_keeps_the_shape(shipped: Space) -> None:
    for arch in draw_archs(shipped, 20, np.random.default_rng(2)):
        for op in list_operators(shipped, arch)[3:-3]:
            if op.op in {"mbconv", "bottleneck"} and shipped.blocks[0].residual is None:
                assert op.skip == (op.stride == 1 and op.in_channels == op.out_channels), op.describe()


def test_mogas_fixed_block_has_no_shortcut_and_the_others_do(moga: Space, ofa_mbv3: Space) -> None:
    assert not list_operators(moga, np.zeros(14, np.uint8))[1].skip
    first = draw_archs(ofa_mbv3, 1, np.random.default_rng(0))[0]
    assert list_operators(ofa_mbv3, first)[1].skip


def test_the_operators_listed_are_those_that_some_arch_has(toy: Space, mixed: Space) -> None:
    for space in (toy, mixed):
        of_archs = {op for arch in all_archs(space) for op in list_operators(space, arch)}
        listed = distinct_operators(space)
        assert len(set(listed)) == len(listed)
        assert set(listed) == of_archs


def test_a_unit_with_blocks_of_its_own_needs_no_others(toy: Space) -> None:
    first = replace(toy.definition.units[0], blocks=("e2k3",))
    narrow = Space(replace(toy.definition, units=(first, toy.definition.units[1])))
    names = [op.describe() for op in distinct_operators(narrow) if op.in_channels == 8 and op.op == "mbconv"]
    assert names == [
        "mbconv k3 s1 8(16)->8 at 16 skip relu",
        "mbconv k3 s2 8(16)->16 at 16 hswish",
        "mbconv k3 s2 8(32)->16 at 16 hswish",
        "mbconv k5 s2 8(32)->16 at 16 se hswish",
    ]


def test_a_skipped_layer_leaves_no_operator(mixed: Space) -> None:
    full = encode(mixed, "resolution=32 stem_depth=0 : k3 k3 k3 | 1.0: k3")
    short = encode(mixed, "resolution=32 stem_depth=0 : k3 skip k3 | 1.0: k3")
    names = [[op.describe() for op in list_operators(mixed, arch)] for arch in (full, short)]
    assert len(names[0]) == len(names[1]) + 1
    assert names[0][:2] + names[0][3:] == names[1]


def test_an_option_leaves_its_layer_out_or_in(mixed: Space) -> None:
    without = encode(mixed, "resolution=32 stem_depth=0 : k3 k3 k3 | 1.0: k3")
    with_it = encode(mixed, "resolution=32 stem_depth=2 : k3 k3 k3 | 1.0: k3")
    shorter, longer = (list_operators(mixed, arch) for arch in (without, with_it))
    assert longer[1].describe() == "conv k3 s1 8->8 at 16 skip relu"
    assert (*longer[:1], *longer[2:]) == shorter


def test_a_width_changes_its_unit_and_the_layer_after_it(mixed: Space) -> None:
    for name, width in [("0.5", 16), ("0.75", 24), ("1.0", 32)]:
        arch = encode(mixed, f"resolution=32 stem_depth=0 : k3 k3 k3 | {name}: k3 k5")
        operators = list_operators(mixed, arch)
        assert [op.out_channels for op in operators[4:6]] == [width, width]
        assert operators[6].in_channels == width


def test_widths_of_the_resnet_stem_follow_their_options() -> None:
    space = load_space("ofa_resnet50")
    units = "0.65: b20 b20 | 0.65: b20 b20 | 0.65: b20 b20 b20 b20 | 0.65: b20 b20"
    found = {}
    for mid in ("0.65", "0.8", "1.0"):
        for out in ("0.65", "0.8", "1.0"):
            operators = list_operators(space, encode(space, f"stem_depth=0 stem_mid={mid} stem_out={out} : {units}"))
            found[mid, out] = (operators[0].out_channels, operators[1].out_channels)
    mids, outs = {"0.65": 24, "0.8": 24, "1.0": 32}, {"0.65": 40, "0.8": 48, "1.0": 64}
    assert found == {(mid, out): (mids[mid], outs[out]) for mid in mids for out in outs}


def test_bottleneck_widths_are_multiples_of_eight() -> None:
    space = load_space("ofa_resnet50")
    arch = encode(
        space,
        "stem_depth=2 stem_mid=1.0 stem_out=1.0 : "
        "1.0: b20 b25 b35 | 0.8: b20 b25 b35 | 0.65: b20 b25 b35 b35 | 1.0: b20 b35",
    )
    hidden = [op.hidden_channels for op in list_operators(space, arch) if op.op == "bottleneck"]
    # round(width * ratio), then the nearest multiple of 8 that is at least nine tenths of it.
    assert hidden == [48, 64, 88, 80, 104, 144, 136, 168, 232, 232, 408, 720]


def test_sizes_follow_the_resolution() -> None:
    for resolution in (160, 176, 192, 208, 224):
        space = load_space("ofa_mbv3", resolution=resolution)
        arch = draw_archs(space, 1, np.random.default_rng(0))[0]
        operators = list_operators(space, arch)
        assert operators[0].in_size == resolution
        assert next(op for op in operators if op.op == "global_pool").in_size == -(-resolution // 32)


def test_an_odd_size_is_halved_upwards() -> None:
    space = load_space("ofa_mbv3", resolution=176)
    arch = draw_archs(space, 1, np.random.default_rng(0))[0]
    assert {(op.in_size, op.out_size) for op in list_operators(space, arch) if op.stride == 2} == {
        (176, 88),
        (88, 44),
        (44, 22),
        (22, 11),
        (11, 6),
    }


def test_squeeze_and_excite_stands_in_its_units_of_ofa_mbv3(ofa_mbv3: Space) -> None:
    text = " | ".join(["e6k3 e6k3"] * 5)
    operators = [op for op in list_operators(ofa_mbv3, encode(ofa_mbv3, text)) if op.op == "mbconv"][1:]
    squeezes = [op.se_channels for op in operators]
    assert squeezes == [0, 0, 48, 72, 0, 0, 144, 208, 208, 288]
    assert [op.act for op in operators] == ["relu"] * 4 + ["hswish"] * 6


def test_sites_name_their_places_and_scopes(toy: Space, mixed: Space) -> None:
    assert [site.name for site in build_sites(toy)] == [
        "stem1", "u1l1", "u1l2", "u2l1", "u2l2", "u2l3", "head1", "head2",
    ]  # fmt: skip
    scopes = {site.name: [mixed.slots[index].name for index in site.scope] for site in build_sites(mixed)}
    assert scopes == {
        "stem1": ["resolution"],
        "stem2": ["resolution", "stem_depth"],
        "u1l1": ["resolution", "u1l1"],
        "u1l2": ["resolution", "u1l2"],
        "u1l3": ["resolution", "u1l3"],
        "u2l1": ["resolution", "u2_width", "u2l1"],
        "u2l2": ["resolution", "u2_width", "u2l2"],
        "head1": ["resolution", "u2_width"],
        "head2": ["resolution"],
        "head3": [],
    }


def test_a_pruned_space_has_its_bases_sites() -> None:
    pruned = smaller_toy_space()
    assert build_sites(pruned) is build_sites(pruned.base)


def test_operator_lists_of_pruned_archs_equal_the_bases(toy: Space) -> None:
    pruned = smaller_toy_space()
    for arch in all_archs(pruned):
        assert list_operators(pruned, arch) == list_operators(toy, arch)


def test_only_one_arch_of_the_definition_is_taken(toy: Space, frozen: Freeze) -> None:
    archs = frozen(all_archs(toy))
    with pytest.raises(ArchError, match="list_operators takes one arch of space 'toy'"):
        list_operators(toy, archs)
    wrong = archs[0].copy()
    wrong[2] = 1
    with pytest.raises(ArchError, match=r"takes one arch of space 'toy'; got \[0, 0, 1, 0, 0, 255, 255\]"):
        list_operators(toy, wrong)
