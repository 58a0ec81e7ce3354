"""Pruning by draws: against brute force, and from labels to a pruned space."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from blockprofile.errors import OptionError
from blockprofile.predict import LabelledArchs
from blockprofile.profile import KeptRows, Profile, Settings, label_responses
from blockprofile.profile.labels import profile_labels
from blockprofile.prune import Bounds, prune
from blockprofile.prune.by_pairs import Known, add_own, compose_by_pairs, scale_of
from blockprofile.prune.likely import best_within, cost_limits, prune_by_draws
from blockprofile.prune.reading import read_figures
from blockprofile.space import Archs, Space, decode, draw_archs, load_space
from blockprofile.space.listing import list_archs
from tests.toy import all_archs, mixed_space, shared_space, smaller_toy_space


def brute(values: np.ndarray, cost: np.ndarray, limits: np.ndarray) -> np.ndarray:
    return np.array([[max([-np.inf, *row[cost <= limit]]) for limit in limits] for row in values])


def test_the_best_within_limits_is_brute_forces() -> None:
    rng = np.random.default_rng(0)
    cost = np.sort(rng.integers(0, 30, 50)).astype(float)
    values = rng.normal(size=(4, 50))
    limits = np.array([-1.0, 0.0, 3.0, 3.5, 11.0, 11.0, 40.0])
    for some in (limits[:4], np.array([29.0, 40.0, 41.0])):
        assert np.array_equal(best_within(values, cost, some), brute(values, cost, some))
    assert np.array_equal(best_within(values, cost, limits), brute(values, cost, limits))
    assert np.array_equal(best_within(values[0], cost, limits), brute(values[:1], cost, limits)[0])


def test_all_archs_of_a_small_space(toy: Space) -> None:
    assert np.array_equal(np.unique(all_archs(toy), axis=0), list_archs(toy))
    with pytest.raises(OptionError, match="at most 65,536 are looked at one by one"):
        list_archs(load_space("moga"))
    unit = replace(toy.definition.units[0], depths=(64,))
    with pytest.raises(OptionError, match=r"has 1\.05e\+368 archs; at most"):
        list_archs(Space(replace(toy.definition, units=(*[unit] * 12, toy.definition.units[1]))))
    ofa = load_space("ofa_mbv3")
    shallow = [codes[:2] if slot.layer == 1 else codes[:1] if slot.layer < 3 else codes
               for slot, codes in zip(ofa.slots, ofa.allowed, strict=True)]  # fmt: skip
    few = list_archs(ofa.restricted(shallow, name="shallow"))  # though the layers that are out of reach keep all blocks
    assert len(np.unique(few, axis=0)) == 2**5
    assert np.array_equal(list_archs(shared_space()), np.unique(all_archs(shared_space()), axis=0))


@pytest.mark.parametrize("space", [mixed_space(), smaller_toy_space()], ids=lambda space: space.name)
def test_what_no_depth_reaches_and_what_is_no_block_is_not_decided_by_pairs(space: Space) -> None:
    archs = list_archs(space)
    rows = {name: np.where(archs == 255, 0, archs) @ np.arange(1.0, space.n_slots + 1) for name in ("score", "price")}
    kept = KeptRows(archs, rows, np.ones(len(archs), np.int64))
    labelled = {name: LabelledArchs(archs, each, np.ones(len(archs)), "") for name, each in rows.items()}
    table = label_responses(space, labelled, info={}, settings=Settings(taus=()), plain=True)
    figures = read_figures(Profile(table), space, gain="score", cost="price")
    found = compose_by_pairs(figures, kept, lambda _: rows["price"], bounds=Bounds(order=2, lose=0.0))
    for slot in space.slots:
        is_judged = slot.kind in {"depth", "width"} or (slot.unit and slot.layer <= space.max_depth(slot.unit))
        assert is_judged or found.space.allowed[slot.index] == space.allowed[slot.index]


def test_what_stays_holds_in_the_draws_and_nothing_more_can_go(toy: Space) -> None:
    rng = np.random.default_rng(1)
    archs = list_archs(toy)
    known = np.where(archs == 255, 0, archs).astype(float)
    cost = known.sum(axis=1) + rng.random(len(archs))
    values = (known @ rng.random(archs.shape[1]))[None] + rng.normal(size=(20, len(archs))) * 0.3
    limits = cost_limits(cost)
    allowed, drops = prune_by_draws(toy, archs, cost, values, tolerance=0.2, risk=0.1)
    assert drops

    def missed(codes: tuple[tuple[int, ...], ...]) -> float:
        inside = toy.restricted(codes, name="x").contains(archs)
        lost = brute(values, cost, limits) - brute(values[:, inside], cost[inside], limits)
        return float(np.mean(lost.max(axis=1) > 0.2))

    assert missed(allowed) == pytest.approx(drops[-1].missed)
    assert missed(allowed) <= 0.1
    for slot in toy.slots:
        codes = allowed[slot.index]
        gone = codes[:1] + codes[-1:] if slot.kind == "depth" else codes
        for code in gone if len(codes) > 1 else ():
            fewer = list(allowed)
            fewer[slot.index] = tuple(other for other in codes if other != code)
            assert missed(tuple(fewer)) > 0.1
    for unit in toy.units:
        assert unit.depth is None or np.ptp(np.diff(allowed[unit.depth])) == 0 if len(allowed[unit.depth]) > 2 else True


def test_bounds_are_checked() -> None:
    for wrong in ({"lose": -1.0}, {"lose": float("nan")}, {"lose": 0.1, "risk": 1.0}, {"lose": 0.1, "keep": 0}):
        with pytest.raises(OptionError):
            Bounds(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"order": 1, "lose": 0.1}, "--lose has no effect beside --order 1"),
        ({"order": 2, "max_drop": 0.5}, "--max-drop has no effect beside --order 2"),
        ({"tolerance": 0.01, "risk": 0.1}, "--risk has no effect beside --tolerance"),
    ],
)
def test_bounds_of_the_other_order_are_refused(given: dict[str, Any], told: str) -> None:
    with pytest.raises(OptionError, match=told):
        Bounds(**given)
    assert (Bounds(lose=0.1).order, Bounds(max_drop=0.1).order, Bounds(keep=3).order) == (2, 1, None)


def test_accuracies_add_up_on_the_scale_of_the_error() -> None:
    values = np.array([50.0, 90.0, 99.0])
    scale = scale_of("top1_percent:mine", values)
    assert np.allclose(scale.back(scale.to(values)), values)
    assert (np.diff(scale.to(values)) > 0).all()
    step = 1e-6
    assert np.allclose(scale.slope(values), (scale.to(values + step) - scale.to(values)) / step, rtol=1e-5)
    assert np.array_equal(scale_of("score", values).to(values), values)
    assert np.array_equal(scale_of("top1_percent", np.array([100.0])).to(values), values)


def _truth(archs: Archs) -> np.ndarray:
    """A space in which the third block at the first layer is best with the third at the second, and bad alone;
    two choices are bad everywhere."""
    rows = archs.astype(float)
    pair = 3.0 * np.where((archs[:, 0] == 2) == (archs[:, 1] == 2), 1.0, -1.0)
    return 80 + rows.sum(axis=1) * 0.5 + pair - 4.0 * (archs[:, 2] == 0) - 4.0 * (archs[:, 5] == 1)


def test_labels_are_pruned_by_pairs_by_default(tmp_path: Path) -> None:
    macro = load_space("nas_bench_macro")
    archs = list_archs(macro)
    rng = np.random.default_rng(4)
    chosen = archs[rng.permutation(len(archs))[:150]]
    twice = np.concatenate([chosen, chosen])
    labels = _truth(twice) + rng.normal(size=len(twice)) * 0.1
    frame = pd.DataFrame({"arch": [decode(macro, arch) for arch in twice], "top1_percent": labels})
    frame.to_csv(tmp_path / "mine.csv", index=False)
    named = {"top1_percent": "top1_percent", "macs_m": "macs_m"}
    profile = profile_labels(tmp_path / "mine.csv", "nas_bench_macro", named, out=tmp_path / "run")
    assert profile.about["pairs"]["top1_percent"]["both"] > profile.about["pairs"]["top1_percent"]["main"] + 0.1
    found = prune(tmp_path / "run", out=tmp_path / "pruned.yaml")
    assert found.order == 2
    assert load_space(tmp_path / "pruned.yaml").allowed == found.space.allowed
    # Draws that miss a choice are counted; they are no test, and no p-value stands beside the evidence.
    assert {each.p_adjusted for rule in found.definition.rules for each in rule.evidence} == {None}
    assert all("% of 64 draws" in rule.why for rule in found.definition.rules)
    inside = found.space.contains(archs)
    from blockprofile.predict import load_predictors

    cost = load_predictors(macro, metrics=["macs_m"])[0].predict(archs).astype(float)
    limits, order = cost_limits(cost), np.argsort(cost)
    whole = best_within(_truth(archs)[order], cost[order], limits)
    kept = order[inside[order]]
    assert (whole - best_within(_truth(archs)[kept], cost[kept], limits)).max() <= 0.3
    assert 0 < inside.sum() < 0.5 * len(archs)
    assert {0} & set(found.space.allowed[2]) == {1} & set(found.space.allowed[5]) == set()
    by_main = prune(tmp_path / "run", bounds=Bounds(order=1))
    assert (by_main.explained, by_main.wants_noise) == (found.explained, False)
    with pytest.raises(OptionError, match="--risk is 2"):
        prune(tmp_path / "run", bounds=Bounds(risk=2.0))
    with pytest.raises(OptionError, match="--policy has no effect with --order 2"):
        prune(tmp_path / "run", policies=["dominated"], bounds=Bounds(lose=0.1))


def test_labels_of_unknown_noise_are_pruned_by_main_effects_and_say_why(tmp_path: Path) -> None:
    archs = list_archs(load_space("nas_bench_macro"))[::131]
    frame = pd.DataFrame({"arch": [decode(load_space("nas_bench_macro"), arch) for arch in archs]})
    frame.assign(top1_percent=_truth(archs)).to_csv(tmp_path / "mine.csv", index=False)
    named = {"top1_percent": "top1_percent", "macs_m": "macs_m"}
    profile_labels(tmp_path / "mine.csv", "nas_bench_macro", named, out=tmp_path / "run", settings=Settings(taus=()))
    told = [prune(tmp_path / "run", bounds=bounds) for bounds in (Bounds(), Bounds(order=1), Bounds(tolerance=0.01))]
    assert [(each.order, each.wants_noise) for each in told] == [(1, True), (1, False), (1, False)]
    with pytest.raises(OptionError, match="--order 2 needs --lose"):
        prune(tmp_path / "run", bounds=Bounds(order=2))


def test_a_label_tells_of_its_own_arch_as_much_as_it_is_less_noisy() -> None:
    scale = scale_of("top1_percent", np.array([80.0, 90.0]))
    rng = np.random.default_rng(0)
    sums, apart = scale.to(rng.normal(85, 1, (4000, 3))), rng.normal(size=(4000, 3))
    labels = np.array([88.0, 84.0])

    def drawn(noise: float, own: float = 0.1) -> np.ndarray:
        return add_own(sums, apart, scale, own=own, known=Known(np.array([2, 0]), labels, noise))

    assert np.allclose(drawn(1e-9)[:, [2, 0]], labels)  # what is known is known
    free = scale.back(sums + 0.1 * apart)
    assert np.array_equal(drawn(1e-9)[:, 1], free[:, 1])
    assert np.allclose(drawn(9.9, own=1e-6), scale.back(sums), atol=1e-3)  # a noisy label says nothing
    assert np.array_equal(drawn(0.2, own=0.0), scale.back(sums))
    assert np.array_equal(add_own(sums, apart, scale, own=0.1, known=None), free)
    # Own and noise alike: the mean half-way to the label, the variance half of what is its own.
    wide = float(scale.to(np.array(88.25)) - scale.to(np.array(87.75)))
    known = Known(np.array([2]), labels[:1], 0.5)
    half = scale.to(add_own(np.full_like(sums, scale.to(labels)[0] + 1), apart, scale, own=wide, known=known))
    assert half[:, 2].mean() == pytest.approx(scale.to(labels)[0] + 0.5, abs=0.01)
    assert half[:, 2].std() == pytest.approx(wide / np.sqrt(2), rel=0.05)


def test_labels_near_100_percent_are_noisy_all_the_same() -> None:
    scale = scale_of("top1_percent", np.array([90.0, 99.9]))
    known = Known(np.array([0]), np.array([99.9]), 1.0)
    sums = np.full((4, 1), scale.to(np.array(99.0)))
    # What is an arch's own is far less than the label's noise, ten times the error: the label tells next to nothing.
    assert np.allclose(add_own(sums, np.zeros((4, 1)), scale, own=0.1, known=known), 99.0, atol=1e-3)


def test_a_large_space_is_refused_by_its_number(tmp_path: Path) -> None:
    moga = load_space("moga")
    archs = draw_archs(moga, 40, np.random.default_rng(0))
    frame = pd.DataFrame({"arch": [decode(moga, arch) for arch in archs], "top1_percent": archs.sum(axis=1) / 3.0})
    frame.to_csv(tmp_path / "mine.csv", index=False)
    named = {"top1_percent": "top1_percent", "macs_m": "macs_m"}
    profile_labels(tmp_path / "mine.csv", "moga", named, out=tmp_path / "run", settings=Settings(taus=()))
    with pytest.raises(OptionError, match=r"at most 65,536, and 'moga' has 1\.28e\+15; --order 1 prunes"):
        prune(tmp_path / "run", bounds=Bounds(order=2, lose=0.1))
