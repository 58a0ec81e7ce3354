"""Every shipped space against its committed counts; a wanted change is renewed by `python -m tests.golden.renew`."""

from __future__ import annotations

import json

import numpy as np
import pytest

from blockprofile.additive.extremes import feasible_range
from blockprofile.predict import Evaluator, load_predictors
from blockprofile.space import (
    Space,
    count_archs,
    count_macs,
    decode,
    encode,
    factorize,
    list_operators,
    list_spaces,
    load_space,
    named_archs,
)
from tests.golden.renew import BASELINES, cost, extreme
from tests.toy import all_archs, mixed_space, smaller_toy_space, toy_space

GOLDEN = json.loads(BASELINES.read_text(encoding="utf-8"))


def test_every_shipped_space_has_a_baseline_and_none_is_orphaned() -> None:
    assert sorted(GOLDEN) == sorted(list_spaces())


@pytest.mark.parametrize("name", sorted(GOLDEN))
def test_structure_and_count(name: str) -> None:
    space, golden = load_space(name), GOLDEN[name]
    assert (space.hash, space.n_slots) == (golden["hash"], golden["n_slots"])
    assert count_archs(space) == golden["count"]


@pytest.mark.parametrize("name", sorted(GOLDEN))
def test_multiply_adds_and_parameters(name: str) -> None:
    space, networks = load_space(name), GOLDEN[name]["networks"]
    assert set(networks) == {"smallest", "largest", *named_archs(space)}
    for golden in networks.values():
        arch = encode(space, golden["arch"])
        assert decode(space, arch) == golden["arch"]
        assert cost(space, arch) == (golden["macs"], golden["params"])


@pytest.mark.parametrize("name", sorted(GOLDEN))
def test_counted_predictors_agree(name: str) -> None:
    space, networks = load_space(name), GOLDEN[name]["networks"]
    archs = np.stack([encode(space, golden["arch"]) for golden in networks.values()])
    values = Evaluator(space, load_predictors(space, metrics=["macs_m", "flops_m", "params_m"]))(archs)
    macs, params = (np.array([golden[key] for golden in networks.values()]) for key in ("macs", "params"))
    assert values["macs_m"] == pytest.approx(macs / 1e6, rel=1e-7)
    assert values["flops_m"] == pytest.approx(2 * macs / 1e6, rel=1e-7)
    assert values["params_m"] == pytest.approx(params / 1e6, rel=1e-7)


@pytest.mark.parametrize("name", sorted(GOLDEN))
def test_the_extremes_are_those_of_the_whole_space(name: str) -> None:
    """Found one decision at a time there, by dynamic programming over all archs here."""
    space, networks = load_space(name), GOLDEN[name]["networks"]
    extremes = feasible_range(space, factorize(space, count_macs))
    assert (networks["smallest"]["macs"], networks["largest"]["macs"]) == extremes


@pytest.mark.parametrize("space", [toy_space(), mixed_space(), smaller_toy_space()], ids=lambda space: space.name)
def test_the_extremes_are_those_of_enumeration(space: Space) -> None:
    costs = [cost(space, arch) for arch in all_archs(space)]
    assert cost(space, extreme(space, 1)) == min(costs)
    assert cost(space, extreme(space, -1)) == max(costs)


def test_the_smallest_of_proxylessnas_skips_all_it_can() -> None:
    space = load_space("proxylessnas")
    operators = list_operators(space, encode(space, GOLDEN["proxylessnas"]["networks"]["smallest"]["arch"]))
    assert sum(op.op == "mbconv" for op in operators) == 1 + 6
