"""Rows that layers share: every layer's are mixtures of the same few numbers, and fewer labels tell them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from blockprofile.errors import OptionError
from blockprofile.predict.additive_tables import AdditiveTables
from blockprofile.predict.onehot import OneHot
from blockprofile.predict.shared_rows import share_rows
from blockprofile.predict.training import TrainingOptions, train_network
from blockprofile.space import Space, load_space
from tests.toy import all_archs

OPTIONS = TrainingOptions(widths=(8,), block_numbers=2, epochs=2, min_steps=0, batch=32)


def _train(space: Space, options: TrainingOptions) -> dict[str, torch.Tensor]:
    inputs, archs = OneHot.of(space), all_archs(space)
    rows = inputs.rows(archs)
    labels = np.random.default_rng(0).normal(size=len(rows))
    return train_network(
        rows, labels, AdditiveTables(0.0, np.zeros(inputs.n_rows)), options, windows=inputs.windows(space),
        blocks=inputs.blocks(space), progress=lambda *_: None,
    )  # fmt: skip


def test_inputs_tell_their_blocks(toy: Space) -> None:
    assert OneHot.of(toy, (16, 32)).blocks(toy).tolist() == [
        *(-1, -1), *(0, 1, 2), *(0, 1, 2, 3),  # a depth, a layer that is always there, one that may be left out
        *(-1, -1, -1), *(0, 1, 2), *(0, 1, 2, 3), *(0, 1, 2, 3), *(-1, -1),
    ]  # fmt: skip


def test_rows_of_all_layers_are_mixtures_of_the_same_numbers(toy: Space) -> None:
    blocks = OneHot.of(toy).blocks(toy)
    starts = np.flatnonzero(blocks == 0)
    ranks = []
    for options in (OPTIONS, replace(OPTIONS, block_numbers=0)):
        rows = _train(toy, options)["weight0"].T
        side_by_side = torch.cat([rows[start : start + 3] for start in starts], dim=1)  # (blocks, layers x width)
        ranks.append(int(torch.linalg.matrix_rank(side_by_side, rtol=1e-4)))
    assert ranks == [2, 3]


def test_what_is_no_block_keeps_rows_of_its_own(toy: Space) -> None:
    depths = np.flatnonzero(OneHot.of(toy).blocks(toy) < 0)
    rows = _train(toy, OPTIONS)["weight0"][:, depths]
    assert torch.linalg.matrix_rank(rows) == len(depths)


def test_the_same_seed_gives_the_same_rows(toy: Space) -> None:
    first, again = (_train(toy, OPTIONS)["weight0"] for _ in range(2))
    assert torch.equal(first, again)


def test_numbers_without_effect_are_refused() -> None:
    space = load_space("ofa_resnet50")
    with pytest.raises(OptionError, match="block_numbers is -1; must be at least 0"):
        TrainingOptions(block_numbers=-1)
    blocks = OneHot.of(space).blocks(space)
    with pytest.raises(OptionError, match="block_numbers is 4; must be below 4, the number of codes of a layer"):
        share_rows(torch.nn.Linear(len(blocks), 4), blocks, 4)
