"""Slots, membership and identity of spaces."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from blockprofile.errors import ArchError, OptionError, UnknownNameError
from blockprofile.space import INACTIVE, Archs, Space, draw_archs, load_space
from tests.conftest import Freeze
from tests.toy import MIXED, TOY, all_archs, mixed_space, smaller_toy_space, toy_space

# -- slots ---------------------------------------------------------------------------------------------------


def test_slots_stand_in_the_order_of_the_network(toy: Space, mixed: Space) -> None:
    assert [slot.name for slot in toy.slots] == ["u1_depth", "u1l1", "u1l2", "u2_depth", "u2l1", "u2l2", "u2l3"]
    assert [(slot.name, slot.kind) for slot in mixed.slots] == [
        ("resolution", "resolution"),
        ("stem_depth", "option"),
        ("u1l1", "layer"),
        ("u1l2", "layer"),
        ("u1l3", "layer"),
        ("u2_width", "width"),
        ("u2_depth", "depth"),
        ("u2l1", "layer"),
        ("u2l2", "layer"),
    ]


def test_a_slot_knows_its_place_and_choices(mixed: Space) -> None:
    assert [slot.index for slot in mixed.slots] == list(range(9))
    width = mixed.slot("u2_width")
    assert (width.choices, width.n_choices, width.unit, width.layer) == ((0.5, 0.75, 1.0), 3, 2, 0)
    assert mixed.slot("u2l2").choices == ("k3", "k5", "skip")
    assert (mixed.slot("u2l2").unit, mixed.slot("u2l2").layer) == (2, 2)
    assert mixed.slot("resolution").choices == (16, 32)


def test_allowed_codes_follow_unit_and_layer(mixed: Space) -> None:
    allowed = {slot.name: mixed.allowed[slot.index] for slot in mixed.slots if slot.kind == "layer"}
    assert allowed == {"u1l1": (0, 1), "u1l2": (0, 1, 2), "u1l3": (0, 1, 2), "u2l1": (0, 1), "u2l2": (0, 1)}


def test_units_point_at_their_slots(mixed: Space) -> None:
    first, second = mixed.units
    assert (first.depth, first.width, first.layers, first.max_depth) == (None, None, (2, 3, 4), 3)
    assert (second.depth, second.width, second.layers, second.max_depth) == (6, 5, (7, 8), 2)


@pytest.mark.parametrize(
    ("name", "n_slots", "n_blocks", "n_layers"),
    [
        ("moga", 14, 12, [2, 3, 4, 2, 3]),
        ("ofa_mbv3", 25, 9, [4] * 5),
        ("ofa_proxyless", 26, 9, [4, 4, 4, 4, 4, 1]),
        ("proxylessnas", 21, 7, [4, 4, 4, 4, 4, 1]),
        ("ofa_resnet50", 29, 3, [4, 4, 6, 4]),
    ],
)
def test_shape_of_the_shipped_spaces(name: str, n_slots: int, n_blocks: int, n_layers: list[int]) -> None:
    space = load_space(name)
    assert (space.n_slots, space.n_blocks) == (n_slots, n_blocks)
    assert [unit.max_depth for unit in space.units] == n_layers
    assert len(space.layer_slots) == sum(n_layers)


def test_the_order_of_mogas_blocks_is_its_published_choice_index(moga: Space) -> None:
    for code, block in enumerate(moga.blocks):
        assert block.kernel is not None
        assert code == 6 * (block.expansion == 6) + 2 * {3: 0, 5: 1, 7: 2}[block.kernel] + bool(block.se)


def test_an_unknown_slot_is_named_with_the_nearest(toy: Space) -> None:
    with pytest.raises(UnknownNameError, match=r"space 'toy' has no slot 'u2l4'; did you mean 'u2l\d'\? choices: u1_"):
        toy.slot("u2l4")


def test_depths_are_read_off(toy: Space, moga: Space) -> None:
    archs = np.array([[0, 1, INACTIVE, 2, 0, 1, 2], [1, 0, 0, 0, 0, INACTIVE, INACTIVE]], np.uint8)
    assert toy.depths(archs).tolist() == [[1, 3], [2, 1]]
    assert toy.depths(archs[0]).tolist() == [1, 3]
    assert moga.depths(np.zeros((3, 14), np.uint8)).tolist() == [[2, 3, 4, 2, 3]] * 3


def test_unit_depths_of_a_pruned_space() -> None:
    pruned = smaller_toy_space()
    assert (pruned.unit_depths(1), pruned.unit_depths(2), pruned.max_depth(2)) == ((1, 2), (1, 2), 2)
    assert pruned.base.unit_depths(2) == (1, 2, 3)


# -- membership ----------------------------------------------------------------------------------------------


def test_membership_equals_enumeration_over_all_codes_in_reach(toy: Space) -> None:
    members = {bytes(row) for row in all_archs(toy)}
    codes = (0, 2, 3, INACTIVE)
    rows = np.array(list(itertools.product(*[(0, 1, 2), *[codes] * 2, (0, 2, 3), *[codes] * 3])), np.uint8)
    found = toy.contains(rows)
    assert found.tolist() == [bytes(row) in members for row in rows]
    assert 0 < found.sum() < len(rows)


def test_membership_with_options_widths_and_layers_of_their_own(mixed: Space) -> None:
    archs = all_archs(mixed)
    assert mixed.contains(archs).all()
    for slot, code in [("u1l1", 2), ("u2l1", 2), ("u2_width", 3), ("stem_depth", 2), ("resolution", 2), ("u1l2", 255)]:
        changed = archs.copy()
        changed[:, mixed.slot(slot).index] = code
        assert not mixed.contains(changed).any(), slot


def test_membership_takes_one_none_and_many(toy: Space, frozen: Freeze) -> None:
    archs = frozen(all_archs(toy))
    assert toy.contains(archs[0]).tolist() == [True]
    assert toy.contains(archs[:0]).shape == (0,)
    assert toy.contains(archs[[0, 0]]).tolist() == [True, True]


def test_equal_archs_have_equal_bytes(toy: Space) -> None:
    """An inactive layer that keeps a block's code would be a second spelling of the same network."""
    arch = np.array([0, 1, INACTIVE, 0, 2, INACTIVE, INACTIVE], np.uint8)
    assert toy.contains(arch).all()
    for slot in ("u1l2", "u2l2", "u2l3"):
        spelled = arch.copy()
        spelled[toy.slot(slot).index] = 0
        assert not toy.contains(spelled).any()


def test_pruned_members_are_members_of_the_base() -> None:
    pruned = smaller_toy_space()
    everything = all_archs(toy_space())
    inside = pruned.contains(everything)
    assert inside.sum() == len(all_archs(pruned))
    assert pruned.base.contains(all_archs(pruned)).all()


@pytest.mark.parametrize(
    ("archs", "message"),
    [
        (np.zeros((2, 7), np.int64), r"archs have dtype int64; space 'toy' takes uint8 codes"),
        (np.zeros((2, 6), np.uint8), r"archs have shape \(2, 6\); space 'toy' takes \(7,\) or \(n, 7\)"),
        (np.zeros((1, 2, 7), np.uint8), r"archs have shape \(1, 2, 7\)"),
        (np.zeros((), np.uint8), r"archs have shape \(\)"),
    ],
)
def test_wrong_arrays_are_refused(toy: Space, archs: Archs, message: str) -> None:
    with pytest.raises(ArchError, match=message):
        toy.check(archs)
    with pytest.raises(ArchError, match=message):
        toy.contains(archs)


def test_check_returns_contiguous_archs_without_changing_them(toy: Space) -> None:
    archs = np.asfortranarray(all_archs(toy))
    checked = toy.check(archs)
    assert checked.flags.c_contiguous
    assert np.array_equal(checked, archs)


# -- identity ------------------------------------------------------------------------------------------------


def test_hash_depends_on_structure_and_on_nothing_else(toy: Space) -> None:
    words = {"name": "other", "title": "other", "sources": ("other",), "notes": "other"}
    assert Space(replace(TOY, **words)).hash == toy.hash  # type: ignore[arg-type]
    assert toy.at_resolution(16).hash == toy.hash
    units = (replace(TOY.units[0], out=16), TOY.units[1])
    blocks = (replace(TOY.blocks[0], kernel=5), *TOY.blocks[1:])
    changed = [Space(replace(TOY, units=units)), Space(replace(TOY, blocks=blocks)), smaller_toy_space(), mixed_space()]
    assert len({toy.hash, *(space.hash for space in changed)}) == 5


def test_hash_is_the_same_in_every_process(moga: Space) -> None:
    """Run folders and pruned spaces refer to it, so a change of the shipped file must be seen here."""
    assert moga.hash == "19d571168f23fef5f5570a62be8f2594022dd36cf6185e4f39388034eafc5eeb"
    assert len(moga.hash) == 64


def test_equality(toy: Space) -> None:
    assert toy == toy_space()
    assert hash(toy) == hash(toy_space())
    assert toy != toy.at_resolution(16)
    assert toy != smaller_toy_space()
    assert toy != "toy"
    renamed = toy.restricted(toy.allowed, name="other")
    assert renamed != toy
    assert renamed.hash == toy.hash
    assert not renamed.is_pruned


def test_base_and_is_pruned(toy: Space) -> None:
    pruned = smaller_toy_space()
    assert pruned.is_pruned
    assert pruned.base == toy
    assert not toy.is_pruned
    assert pruned.at_resolution(16).base.resolution == 16


def test_a_resolution_that_is_a_slot_cannot_be_set(mixed: Space) -> None:
    assert mixed.at_resolution(32) == mixed
    with pytest.raises(OptionError, match=r"resolution 16 cannot be set: in space 'mixed' it is a slot"):
        mixed.at_resolution(16)


def test_resolution_must_be_one_of_the_spaces(toy: Space) -> None:
    assert toy.resolution == 32
    assert toy.at_resolution(16).resolution == 16
    with pytest.raises(OptionError, match=r"resolution 31 is not one of space 'toy'; .*choices: 16, 32"):
        toy.at_resolution(31)


def test_allowed_must_fit_the_slots() -> None:
    with pytest.raises(ValueError, match="allowed has 1 entries, the space has 7 slots"):
        Space(TOY, allowed=((0,),))


def test_restricted_refuses_nothing_and_what_is_not_allowed(toy: Space) -> None:
    codes = [list(entry) for entry in toy.allowed]
    empty, foreign = [*codes[:1], [], *codes[2:]], [*codes[:1], [0, 3], *codes[2:]]
    with pytest.raises(ArchError, match="slot 'u1l1' of space 'toy' is left without a choice"):
        toy.restricted(empty, name="x")
    with pytest.raises(ArchError, match=r"slot 'u1l1': codes \(0, 3\) are not all among the allowed \(0, 1, 2\)"):
        toy.restricted(foreign, name="x")


def test_restricting_keeps_the_mutation_weights_unless_given(toy: Space) -> None:
    pruned = smaller_toy_space()
    assert pruned.restricted(pruned.allowed, name="x").mutation == {1: 1.0, 2: 0.5}
    assert pruned.restricted(pruned.allowed, name="x", mutation={}).mutation == {}


def test_definitions_with_one_depth_have_no_depth_slot() -> None:
    assert MIXED.units[0].depths == (3,)
    assert "u1_depth" not in {slot.name for slot in mixed_space().slots}


def test_drawn_archs_of_every_shipped_space_are_members(shipped: Space) -> None:
    archs = draw_archs(shipped, 500, np.random.default_rng(0))
    assert shipped.contains(archs).all()
