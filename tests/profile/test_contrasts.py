from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from blockprofile.additive.exact import exact_profile, list_places
from blockprofile.additive.groups import make_groups
from blockprofile.additive.targets import block_targets
from blockprofile.predict import load_predictors
from blockprofile.profile.accumulate import Accumulator
from blockprofile.profile.contrasts import block_levels, make_contrasts, place_sites
from blockprofile.profile.exact_table import KEYS, additive_predictors, exact_table
from blockprofile.profile.responses import MetricInfo, Settings, response_table
from blockprofile.space import CompiledSum, Space, draw_archs, factorize, load_space
from blockprofile.space.definition import Block, Cost
from tests.profile.truths import METRIC, profile_factors
from tests.toy import TOY, additive_factors, all_archs, arch_probabilities, layer_value, mixed_space, toy_space


def effects_of(space: Space) -> dict[tuple[str, int, str], float]:
    """Compute the exact effects of factors on the multiply-adds of a space."""
    predictors = additive_predictors(load_predictors(space, metrics=["macs_m"], devices=[]))
    table = exact_table(space, predictors, taus=[])
    rows = table[table["statistic"].isin(["M_factor", "M_pair"])]
    return dict(zip(zip(rows["statistic"], rows["u"], rows["block"], strict=True), rows["effect"], strict=True))


def space_of(*blocks: Block) -> Space:
    return Space(replace(TOY, name="mine", blocks=blocks))


def names_of(space: Space) -> set[str]:
    return set(make_contrasts(place_sites(space, list_places(space))).names)


def test_steps_compare_blocks_that_differ_in_one_factor_alone() -> None:
    """The blocks are e2k3, e4k3, e4k5se: kernel and squeeze-and-excite change together and have no step."""
    space = toy_space()
    found = exact_profile(space, [additive_factors(space)])
    contrasts = make_contrasts(place_sites(space, found.places))
    assert set(contrasts.names) == {"expansion 2->4"}
    effects = dict(zip(contrasts.units, contrasts.coefficients @ found.cell_mean[0], strict=True))
    wanted = {
        unit: float(
            np.mean([layer_value(unit, layer, 1) - layer_value(unit, layer, 0) for layer in range(1, deep + 1)])
        )
        for unit, deep in ((1, 2), (2, 3))
    }
    assert effects == pytest.approx({0: np.mean(list(wanted.values())), **wanted})


def test_effects_are_differences_of_means_over_all_archs() -> None:
    """Skip, width, kernel, depth, and kernel by width, from every arch of a space."""
    space = mixed_space()
    archs, effects = all_archs(space), effects_of(space)
    chances = arch_probabilities(space, archs)
    macs = CompiledSum(space, [factorize(space, lambda op: op.macs / 1e6)])(archs)[0]

    def mean(**codes: int) -> float:
        held = np.all([archs[:, space.slot(name).index] == code for name, code in codes.items()], axis=0)
        return float(np.average(macs[held], weights=chances[held]))

    layers = [[mean(**{layer: code}) for code in range(3)] for layer in ("u1l2", "u1l3")]
    skip = np.mean([skipped - (k3 + k5) / 2 for k3, k5, skipped in layers])
    assert effects["M_factor", 1, "skip no->yes"] == pytest.approx(skip, rel=1e-6)
    first = mean(u1l1=1) - mean(u1l1=0)
    kernel = np.mean([first, *(k5 - k3 for k3, k5, _ in layers)])
    assert effects["M_factor", 1, "kernel 3->5"] == pytest.approx(kernel, rel=1e-6)
    square = [
        [[mean(u2_width=width, **{layer: code}) for code in (0, 1)] for width in (0, 1)] for layer in ("u2l1", "u2l2")
    ]
    cells = np.array(square)
    width = (cells[:, 1] - cells[:, 0]).mean()
    assert effects["M_factor", 2, "width 0.5->0.75"] == pytest.approx(width, rel=1e-6)
    together = (cells[:, 1, 1] - cells[:, 1, 0] - cells[:, 0, 1] + cells[:, 0, 0]).mean()
    assert effects["M_pair", 2, "kernel 3->5 x width 0.5->0.75"] == pytest.approx(together, rel=1e-6)
    deeper = mean(u2_depth=1) - mean(u2_depth=0)
    assert effects["M_factor", 0, "depth 1->2"] == pytest.approx(deeper, rel=1e-6)


def test_a_missing_block_leaves_the_rest_of_its_factors_matched() -> None:
    a, b, c, d = (Block(name=f"e{e}k{k}", expansion=e, kernel=k) for e, k in ((2.0, 3), (2.0, 7), (4.0, 3), (4.0, 5)))
    assert names_of(space_of(a, b, c, d)) == {"expansion 2->4", "kernel 3->7", "kernel 3->5"}


def test_blocks_that_no_factor_tells_apart_have_none() -> None:
    custom = [Block(name=name, op="custom", costs=(Cost(metrics={"macs_m": 1.0}),)) for name in ("mine", "yours")]
    blocks = [Block(name="e2", expansion=2.0, kernel=3), Block(name="skip", op="skip"), *custom]
    space = space_of(*blocks)
    assert [bool(levels) for levels in block_levels(space)] == [True, False, False, False]
    assert names_of(space) == {"skip no->yes"}


def test_a_product_keeps_its_own_factors_words_against_the_first() -> None:
    blocks = [
        Block(name=f"{op}{k}", op=op, kernel=k, factors={"op": op, "k": k})
        for op in ("conv", "sepconv", "bottleneck")
        for k in (3, 5)
    ]
    assert {name for name in names_of(space_of(*blocks)) if " x " not in name} == {
        "op conv->sepconv", "op conv->bottleneck", "k 3->5",
    }  # fmt: skip


def test_cells_without_archs_are_left_out_of_their_steps() -> None:
    space = toy_space()
    sites = place_sites(space, list_places(space))
    known = np.array([site.layer == 1 for site in sites])
    found = make_contrasts(sites, known)
    assert not found.coefficients[:, ~known].any()
    np.testing.assert_allclose(found.coefficients.sum(axis=1), 0.0, atol=1e-12)
    np.testing.assert_allclose(found.reached.sum(axis=1), 1.0)
    assert make_contrasts(sites, np.zeros(len(sites), bool)).names == ()


@pytest.mark.parametrize("space", [toy_space(), mixed_space(), load_space("ofa_resnet50")], ids=lambda s: s.name)
def test_targets_and_places_come_in_one_order(space: Space) -> None:
    targets = block_targets(space, make_groups(space))
    assert [(t.unit, t.layer, t.block) for t in targets] == [(p.unit, p.layer, p.block) for p in list_places(space)]


@pytest.mark.parametrize(("name", "metric"), [("moga", "macs_m"), ("ofa_mbv3", "latency_ms:note10")])
def test_sampled_effects_of_additive_metrics_agree_with_the_exact_ones(name: str, metric: str) -> None:
    space = load_space(name)
    devices = [metric.partition(":")[2]] if ":" in metric else []
    (predictor,) = additive_predictors(load_predictors(space, metrics=[metric], devices=devices))
    exact = exact_table(space, [predictor], taus=[])[[*KEYS, "effect"]]
    held = []
    for seed in range(4):
        archs = draw_archs(space, 4000, np.random.default_rng([3, seed]))
        seen = Accumulator(space, [metric], n_planned=len(archs))
        seen.add(archs, {metric: predictor.predict(archs)})
        table = response_table(seen, info={metric: MetricInfo()}, settings=Settings(taus=()))
        both = table.merge(exact, on=list(KEYS), suffixes=("", "_exact"), validate="one_to_one")
        assert len(both) == len(exact)
        rows = both[both["statistic"].isin(["M_factor", "M_pair"])]
        scores = (rows["effect"] - rows["effect_exact"]) / rows["se"]
        assert scores.abs().max() < 4.5
        held.append(((rows["ci_low"] <= rows["effect_exact"]) & (rows["effect_exact"] <= rows["ci_high"])).mean())
    assert np.mean(held) > 0.9


def test_intervals_hold_a_truth_that_is_written_down() -> None:
    parts = pd.concat(profile_factors(n=600, seed=seed) for seed in range(40))
    assert parts["effect"].notna().all()
    held = parts.groupby("statistic")["is_covered"].mean()
    assert held.between(0.92, 0.98).all(), held
    bias = parts.assign(off=(parts["effect"] - parts["true"]) / parts["se"]).groupby("block")["off"].mean()
    assert bias.abs().max() < 0.45, bias
    assert set(parts["metric"]) == {METRIC}
    large = profile_factors(n=20_000, seed=1).set_index(["statistic", "u", "block"])["is_effect"]
    assert large["M_pair", 2, "expansion 2->4 x kernel 3->5"]
    assert large["M_factor", 1, "kernel 3->5"]
