"""What two spaces of one base have and lack."""

from __future__ import annotations

import numpy as np
import pytest

from blockprofile.errors import OptionError
from blockprofile.space import Space, load_space
from blockprofile.space.diff import diff_spaces
from tests.toy import all_archs, shared_space, smaller_toy_space


def test_a_pruned_space_against_its_base(toy: Space) -> None:
    found = diff_spaces(toy, smaller_toy_space())
    assert found.is_subset
    assert (found.n_first, found.n_second, found.n_both) == (468, 12 * 6, 12 * 6)
    assert {each.slot.name: each.only_first for each in found.slots} == {
        "u2_depth": (3,), "u2l1": ("e4k5se",), "u2l2": ("e4k5se",), "u2l3": ("e4k5se",),
    }  # fmt: skip
    back = diff_spaces(smaller_toy_space(), toy)
    assert not back.is_subset
    assert back.slots[0].only_second == (3,)


def test_a_space_and_itself(toy: Space) -> None:
    found = diff_spaces(toy, toy)
    assert found.slots == ()
    assert found.n_both == 468


@pytest.mark.parametrize("seed", range(15))
def test_what_both_have_is_counted_as_enumeration_does(toy: Space, mixed: Space, seed: int) -> None:
    rng = np.random.default_rng(seed)
    for space in (toy, mixed, shared_space()):
        parts = [
            space.restricted([rng.choice(c, rng.integers(1, len(c) + 1), replace=False) for c in space.allowed], name=n)
            for n in "ab"
        ]
        rows = [{row.tobytes() for row in all_archs(part)} for part in parts]
        assert diff_spaces(*parts).n_both == len(rows[0] & rows[1])


def test_spaces_of_other_bases_are_refused() -> None:
    with pytest.raises(OptionError, match="different bases \\(moga, ofa_mbv3\\)"):
        diff_spaces(load_space("moga"), load_space("ofa_mbv3"))
