from __future__ import annotations

import numpy as np

from blockprofile.search.seen import SeenArchs, arch_keys
from blockprofile.space import Space, draw_archs
from tests.toy import all_archs


def test_equal_bytes_are_seen_and_others_are_not(toy: Space) -> None:
    archs = all_archs(toy)
    seen = SeenArchs()
    seen.add(archs[::2])
    assert seen.fresh(archs).tolist() == [place % 2 == 1 for place in range(len(archs))]


def test_of_equal_archs_the_first_is_fresh() -> None:
    archs = np.array([[3, 1], [0, 0], [3, 1], [0, 0], [1, 3]], np.uint8)
    assert SeenArchs().fresh(archs).tolist() == [True, True, False, False, True]
    assert SeenArchs().fresh(archs[:0]).tolist() == []


def test_it_agrees_with_a_set_over_many_batches(ofa_mbv3: Space) -> None:
    rng = np.random.default_rng(0)
    pool = draw_archs(ofa_mbv3, 6_000, rng)
    seen, known = SeenArchs(), set()
    for _ in range(60):
        batch = pool[rng.integers(0, len(pool), 300)]
        expected = []
        for row in batch:
            expected.append(row.tobytes() not in known)
            known.add(row.tobytes())
        assert seen.fresh(batch).tolist() == expected
        seen.add(batch)
    assert len(known) > 4_096


def test_keys_of_a_whole_space_are_distinct(toy: Space, mixed: Space) -> None:
    for space in (toy, mixed):
        archs = all_archs(space)
        assert len(np.unique(arch_keys(archs))) == len(archs)


def test_archs_that_differ_in_one_slot_differ_in_key(ofa_mbv3: Space) -> None:
    arch = draw_archs(ofa_mbv3, 1, np.random.default_rng(0))[0]
    near = np.repeat(arch[None], 256 * ofa_mbv3.n_slots, axis=0)
    for slot in range(ofa_mbv3.n_slots):
        near[slot * 256 : (slot + 1) * 256, slot] = np.arange(256)
    assert len(np.unique(arch_keys(near))) == 255 * ofa_mbv3.n_slots + 1
