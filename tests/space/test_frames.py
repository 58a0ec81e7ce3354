"""Archs as tables and back; a space in one line and as a page."""

from __future__ import annotations

import numpy as np
import pytest

from blockprofile.errors import ArchError
from blockprofile.space import Space, archs_to_frame, decode, decode_all, draw_archs, frame_to_archs, load_space
from tests.toy import mixed_space, toy_space


@pytest.mark.parametrize("space", [toy_space(), mixed_space()], ids=["toy", "mixed"])
def test_there_and_back(space: Space) -> None:
    archs = draw_archs(space, 200, np.random.default_rng(0))
    frame = archs_to_frame(space, archs)
    assert list(frame.columns) == [slot.name for slot in space.slots]
    assert np.array_equal(frame_to_archs(space, frame), archs)
    assert decode_all(space, archs) == [decode(space, arch) for arch in archs]


def test_no_rows() -> None:
    space = load_space("moga")
    none = np.empty((0, space.n_slots), np.uint8)
    assert np.array_equal(frame_to_archs(space, archs_to_frame(space, none)), none)
    assert decode_all(space, none) == []


def test_what_is_no_arch_is_told() -> None:
    space = load_space("ofa_mbv3")
    frame = archs_to_frame(space, draw_archs(space, 3, np.random.default_rng(0)))
    with pytest.raises(ArchError, match="no column 'u1l2'"):
        frame_to_archs(space, frame.drop(columns="u1l2"))
    wrong = frame.copy()
    wrong.loc[1, "u1l1"] = "e3k4"
    with pytest.raises(ArchError, match=r"row 1, column 'u1l1': 'e3k4'; did you mean 'e3k7'"):
        frame_to_archs(space, wrong)
    empty = frame.copy()
    empty.loc[2, "u1l1"] = None
    with pytest.raises(ArchError, match="row 2: "):
        frame_to_archs(space, empty)


def test_a_space_shows_itself() -> None:
    space = load_space("ofa_mbv3")
    assert repr(space) == "Space ofa_mbv3: 2.18e+19 archs, 5 units, 9 blocks"
    assert space._repr_html_().count("<tr>") == 1 + len(space.units)
