"""Groups of slots and the states that archs have in them."""

from __future__ import annotations

import numpy as np
import pytest

from blockprofile.predict.groups import SlotGroup, group_slots, n_codes, read_states
from blockprofile.space import Space, draw_archs


def test_groups_hold_every_slot_but_depths_that_layers_tell_once(shipped: Space) -> None:
    slots = [slot for group in group_slots(shipped) for slot in group.slots]
    told = [slot.index for slot in shipped.slots if slot.kind == "depth" and not shipped.units[slot.unit - 1].shared]
    assert sorted([*slots, *told]) == list(range(shipped.n_slots))


@pytest.mark.parametrize("limit", [8, 30, 400])
def test_groups_stay_within_the_limit(toy: Space, limit: int) -> None:
    groups = group_slots(toy, max_states=limit)
    assert all(group.n_states <= limit for group in groups)
    assert [slot for group in groups for slot in group.slots] == [s.index for s in toy.slots if s.kind != "depth"]


def test_one_state_stands_for_one_choice_of_codes(shipped: Space) -> None:
    archs = draw_archs(shipped, 300, np.random.default_rng(0))
    groups = group_slots(shipped)
    states = read_states(groups, archs)
    for place, group in enumerate(groups):
        codes = group.codes()[states[:, place]]
        last = [n_codes(shipped, shipped.slots[slot]) - 1 for slot in group.slots]
        np.testing.assert_array_equal(codes, np.minimum(archs[:, list(group.slots)], last))


def test_states_of_no_archs(toy: Space) -> None:
    groups = group_slots(toy)
    assert read_states(groups, np.empty((0, toy.n_slots), np.uint8)).shape == (0, len(groups))


def test_a_layer_that_is_always_active_has_no_inactive_code(toy: Space) -> None:
    assert [n_codes(toy, toy.slot(name)) for name in ("u1l1", "u1l2", "u2l3")] == [3, 4, 4]


def test_strides_are_mixed_radix() -> None:
    assert SlotGroup((0, 1, 2), (2, 3, 4)).strides == (12, 4, 1)
