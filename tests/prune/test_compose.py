"""Policies in sequence: what they drop, what stops them; any profile and any mix of policies."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from blockprofile.errors import OptionError
from blockprofile.profile import Profile
from blockprofile.prune import POLICIES, Bounds, Dominated, ExchangeRate, Focus, MaxAccuracy, Outcome, prune_profile
from blockprofile.prune.compose import choices_of
from blockprofile.prune.depth import Depth
from blockprofile.prune.write import evidence_words, write_pruned
from blockprofile.space import Space, count_archs, draw_archs, load_space
from blockprofile.space.load import load_pruned
from blockprofile.space.rules import Base, PrunedDefinition, Rule, apply_rules
from tests.prune.profiles import COST, GAIN, by_block, made_up
from tests.space.files import TOY_YAML
from tests.toy import all_archs, mixed_space, shared_space, toy_space

ZERO = {"e2k3": 0.0, "e4k3": 0.0, "e4k5se": 0.0}


def decide(space: Space, table: Any, *policies: Any, **bounds: Any) -> Outcome:
    (outcome,), rules = prune_profile(Profile(table), space, costs=[COST], policies=policies, bounds=Bounds(**bounds))
    assert apply_rules(space, rules, name="x").allowed == outcome.space.allowed
    return outcome


def names_at(space: Space, slot: str) -> list[str]:
    found = space.slot(slot)
    return [space.block_names[code] for code in space.allowed[found.index]]


def test_a_dominated_block_goes_everywhere_with_one_rule(toy: Space) -> None:
    table = made_up(
        toy,
        gain=by_block({"e2k3": 0.0, "e4k3": 1.0, "e4k5se": 0.5}),
        cost=by_block({"e2k3": 0.0, "e4k3": 1.0, "e4k5se": 2.0}),
    )
    (outcome,), rules = prune_profile(Profile(table), toy, costs=[COST], policies=[Dominated()])
    assert [(rule.where.unit, rule.drop, rule.policy) for rule in rules] == [(None, ("e4k5se",), "dominated")]
    assert {(item.what, item.against) for item in rules[0].evidence} == {("e4k5se", "e4k3")}
    gain = rules[0].evidence[0]
    assert gain.effect == pytest.approx(-0.5)
    assert gain.ci is not None
    assert gain.ci[0] < -0.5 < gain.ci[1]
    assert count_archs(outcome.space) == (2 + 4) * (2 + 4 + 8)


def test_a_block_that_only_one_layer_needs_stays_there(toy: Space) -> None:
    def gain(unit: int, layer: int, block: str) -> float:
        best = "e4k5se" if (unit, layer) == (1, 1) else "e4k3"
        return 1.0 if block == best else 0.0

    outcome = decide(toy, made_up(toy, gain=gain, cost=by_block(ZERO)), Dominated(), keep=1)
    assert names_at(outcome.space, "u1l1") == ["e4k5se"]
    assert names_at(outcome.space, "u2l3") == ["e4k3"]


def test_a_block_that_layers_share_is_judged_once_and_goes_from_its_unit() -> None:
    def gain(unit: int, layer: int, block: str) -> float:
        return 1.0 if block == ("e4k5se" if unit == 1 else "e4k3") else 0.0

    space = shared_space()
    outcome = decide(space, made_up(space, gain=gain, cost=by_block(ZERO)), Dominated(), keep=1)
    assert [names_at(outcome.space, slot) for slot in ("u1_block", "u2_block")] == [["e4k5se"], ["e4k3"]]
    places = [(each.where.unit, each.where.layer) for each in outcome.decisions if each.where.unit is not None]
    assert sorted(places, key=str) == [(1, None)] * 2 + [(2, None)] * 2


def test_kernel_7_on_an_npu(toy: Space) -> None:
    """More accuracy for far more latency than anything else costs: the exchange rate drops it, domination does not."""
    table = made_up(
        toy,
        gain=by_block({"e2k3": 0.0, "e4k3": 1.0, "e4k5se": 1.001}),
        cost=by_block({"e2k3": 0.0, "e4k3": 0.5, "e4k5se": 3.0}),
    )
    assert decide(toy, table, Dominated()).space.allowed == toy.allowed
    outcome = decide(toy, table, ExchangeRate(), tolerance=0.01)
    assert names_at(outcome.space, "u1l1") == ["e2k3", "e4k3"]
    dropped = [decision for decision in outcome.drops if decision.name == "e4k5se"]
    assert "+0.001 % for +2.5 ms against e4k3" in dropped[0].why


def test_keep_and_max_drop_bound_the_pruning_and_say_so(toy: Space) -> None:
    table = made_up(toy, gain=by_block({"e2k3": 0.0, "e4k3": 1.0, "e4k5se": 2.0}), cost=by_block(ZERO))
    outcome = decide(toy, table, Dominated())
    assert names_at(outcome.space, "u1l1") == ["e4k3", "e4k5se"]
    assert any(d.verdict == "keep" and "at least 2 must stay" in d.why for d in outcome.decisions)
    assert names_at(decide(toy, table, Dominated(), keep=1).space, "u1l1") == ["e4k5se"]
    unpruned = decide(toy, table, Dominated(), max_drop=0.0)
    assert unpruned.space.allowed == toy.allowed
    assert any("at most 0 % of the choices may go" in d.why for d in unpruned.decisions)


def test_uncertain_effects_and_effects_below_the_floor_drop_nothing(toy: Space) -> None:
    values = by_block({"e2k3": 0.0, "e4k3": 0.1, "e4k5se": 0.2})
    policies = [policy for name, policy in POLICIES.items() if name != "focus"]
    noisy = made_up(toy, gain=values, cost=by_block(ZERO), se=5.0)
    assert decide(toy, noisy, *policies).space.allowed == toy.allowed
    floors = {GAIN: 10.0, COST: 10.0}
    unclaimed = made_up(toy, gain=values, cost=by_block(ZERO), floors=floors)
    assert decide(toy, unclaimed, *policies).space.allowed == toy.allowed


def test_an_unknown_floor_decides_by_noise_alone_and_stands_in_the_evidence(toy: Space, tmp_path: Path) -> None:
    gain = by_block({"e2k3": 0.0, "e4k3": 1.0, "e4k5se": 0.5})
    cost = by_block({"e2k3": 0.0, "e4k3": 1.0, "e4k5se": 2.0})
    audited = made_up(toy, gain=gain, cost=cost)
    unknown = made_up(toy, gain=gain, cost=cost, floors={GAIN: 0.0, COST: np.nan})
    (expected,), _ = prune_profile(Profile(audited), toy, costs=[COST], policies=[Dominated()])
    (outcome,), rules = prune_profile(Profile(unknown), toy, costs=[COST], policies=[Dominated()])
    assert outcome.space.allowed == expected.space.allowed != toy.allowed
    assert [item.floor for item in rules[0].evidence] == [0.0, "unknown"]
    assert "floor unknown: not audited" in evidence_words(rules[0].evidence[1])
    (tmp_path / "toy.yaml").write_text(TOY_YAML, encoding="utf-8")
    unitless = tuple(replace(rule, evidence=tuple(replace(each, unit="") for each in rule.evidence)) for rule in rules)
    record = PrunedDefinition(
        schema="blockprofile.pruned/1", name="small", title="Small", rules=unitless, mutation={},
        base=Base(name="toy", hash=toy.hash, file="toy.yaml"), size={},
    )  # fmt: skip
    write_pruned(tmp_path / "small.yaml", record, base=TOY_YAML)
    assert {item.unit for item in load_pruned(tmp_path / "small.yaml").rules[0].evidence} == {""}
    assert "floor unknown: not audited" in (tmp_path / "small.yaml").read_text(encoding="utf-8")
    assert [item.floor for item in load_pruned(tmp_path / "small.yaml").rules[0].evidence] == [0.0, "unknown"]


def test_max_accuracy_drops_what_is_less_accurate_whatever_it_costs(toy: Space) -> None:
    table = made_up(
        toy,
        gain=by_block({"e2k3": 0.0, "e4k3": 1.0, "e4k5se": 2.0}),
        cost=by_block({"e2k3": 0.0, "e4k3": 5.0, "e4k5se": 50.0}),
    )
    outcome = decide(toy, table, MaxAccuracy())
    assert names_at(outcome.space, "u2l2") == ["e4k3", "e4k5se"]
    assert outcome.space.unit_depths(2) == (3,)


def test_max_accuracy_spares_what_is_better_at_the_top(toy: Space) -> None:
    table = made_up(
        toy,
        gain=by_block({"e2k3": 0.0, "e4k3": 1.0, "e4k5se": 2.0}),
        cost=by_block(ZERO),
        top=by_block({"e2k3": 3.0, "e4k3": 1.0, "e4k5se": 2.0}),
        depth_gain=lambda _u, _d: 0.0,
    )

    class AtLayers(MaxAccuracy):
        scopes = ("layer",)

    assert names_at(decide(toy, table, AtLayers(), keep=1).space, "u1l1") == ["e2k3", "e4k5se"]


def test_depths_are_capped_and_raised_at_their_ends(toy: Space) -> None:
    values = {"e2k3": 0.0, "e4k3": 1.0, "e4k5se": 2.0}
    costly = made_up(
        toy,
        gain=lambda u, _l, b: values[b] if u == 1 else 0.0,
        cost=by_block({"e2k3": 0.0, "e4k3": 1.0, "e4k5se": 2.5}),
        depth_gain=lambda u, d: 0.3 * d if u == 1 else 0.001 * d,
        depth_cost=lambda _u, d: 3.0 * d,
    )
    assert decide(toy, costly, Depth(), tolerance=0.01).space.unit_depths(2) == (1,)
    free = made_up(toy, gain=by_block(values), cost=by_block(values), depth_gain=lambda _u, d: 9.0 * d,
                   depth_cost=lambda *_: 0.0)  # fmt: skip
    assert decide(toy, free, Depth()).space.unit_depths(2) == (3,)


def test_the_middle_of_a_units_depths_is_not_cut(toy: Space) -> None:
    table = made_up(
        toy,
        gain=by_block(ZERO),
        cost=by_block(ZERO),
        depth_gain=lambda _u, d: {1: 0.0, 2: -5.0, 3: 1.0}[d],
        depth_cost=lambda _u, d: {1: 0.0, 2: 5.0, 3: 1.0}[d],
    )
    outcome = decide(toy, table, Depth())
    assert outcome.space.unit_depths(2) == (1, 2, 3)
    assert any("cut at their ends only" in decision.why for decision in outcome.decisions)


def test_focus_weighs_units_by_what_is_at_stake(toy: Space) -> None:
    table = made_up(
        toy,
        gain=lambda u, _l, b: {"e2k3": 0.0, "e4k3": 1.0, "e4k5se": 2.0}[b] * (4 if u == 2 else 0.001),
        cost=lambda u, _l, b: {"e2k3": 0.0, "e4k3": 1.0, "e4k5se": 2.0}[b] * (4 if u == 2 else 0.001),
        depth_gain=lambda u, d: 0.01 * d * u,
        depth_cost=lambda u, d: 0.01 * d * u,
    )
    outcome = decide(toy, table, Focus(power=1.0, least=0.2))
    assert outcome.mutation[2] == 1.0
    assert outcome.mutation[1] < 1.0
    assert outcome.space.allowed == toy.allowed
    flat = made_up(toy, gain=by_block(ZERO), cost=by_block(ZERO), depth_gain=lambda *_: 0.0, depth_cost=lambda *_: 0.0)
    assert decide(toy, flat, Focus()).mutation == {1: 1.0, 2: 1.0}


def test_widths_are_dropped_like_blocks(mixed: Space) -> None:
    table = made_up(
        mixed,
        gain=lambda _u, _l, b: {"0.5": 0.0, "0.75": 5.0, "1.0": 4.0}.get(b.partition(":")[0], 0.0),
        cost=lambda _u, _l, b: {"0.5": 0.0, "0.75": 1.0, "1.0": 2.0}.get(b.partition(":")[0], 0.0),
    )
    (outcome,), rules = prune_profile(Profile(table), mixed, costs=[COST], policies=[Dominated()])
    assert [rule.drop_widths for rule in rules] == [(1.0,)]
    assert len(outcome.space.allowed[mixed.slot("u2_width").index]) == 2


def test_several_devices_drop_only_what_is_bad_on_all(toy: Space) -> None:
    first = made_up(toy, gain=by_block(ZERO), cost=by_block({"e2k3": 0.0, "e4k3": 1.0, "e4k5se": 2.0}))
    other = made_up(toy, gain=by_block(ZERO), cost=by_block({"e2k3": 1.0, "e4k3": 0.0, "e4k5se": 2.0}))
    other = other[other["metric"] == COST].assign(metric="latency_ms:other")
    table = pd.concat([first, other], ignore_index=True)
    outcomes, rules = prune_profile(
        Profile(table), toy, costs=[COST, "latency_ms:other"], policies=[Dominated()], bounds=Bounds(keep=1)
    )
    assert len(outcomes) == 2
    assert [rule.drop for rule in rules] == [("e4k5se",)]
    assert {item.metric for item in rules[0].evidence} == {GAIN, COST, "latency_ms:other"}


@pytest.mark.parametrize(
    ("bounds", "message"),
    [
        ({"keep": 0}, "--keep is 0; at least 1"),
        ({"max_drop": 1.5}, "--max-drop is 1.5; it must be a share"),
        ({"tolerance": 0.5}, "--tolerance is 0.5"),
    ],
)
def test_bounds_that_are_not_allowed(bounds: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        Bounds(**bounds)


# -- any profile, any mix of policies ------------------------------------------------------------------------


@st.composite
def cases(draw: st.DrawFn) -> tuple[Space, Any, list[Any], Bounds]:
    space = draw(st.sampled_from([toy_space(), mixed_space()]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    scale = draw(st.sampled_from([0.0, 1e-9, 1.0, 1e6]))
    coarse = draw(st.booleans())

    def effect(*_place: object) -> float:
        value = float(rng.normal()) * scale
        return round(value) if coarse else value

    table = made_up(
        space,
        gain=effect, cost=effect, depth_gain=effect, depth_cost=effect,
        se=draw(st.sampled_from([0.0, 1e-3, 1.0])),
        floors={GAIN: draw(st.sampled_from([0.0, 0.5])), COST: draw(st.sampled_from([0.0, 0.5]))},
        top=effect if draw(st.booleans()) else None,
    )  # fmt: skip
    if draw(st.booleans()):
        kept = rng.random(len(table)) > 0.3
        table = table[kept | (table["statistic"] == "mean")]
    names = draw(st.permutations(list(POLICIES)))[: draw(st.integers(1, len(POLICIES)))]
    bounds = Bounds(
        keep=draw(st.integers(1, 3)), max_drop=draw(st.sampled_from([0.0, 0.3, 1.0])),
        tolerance=draw(st.sampled_from([0.0, 0.002, 0.1])),
    )  # fmt: skip
    return space, table, [POLICIES[name] for name in names], bounds


@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.too_slow])
@given(case=cases())
def test_any_pruning_is_a_part_of_the_space_and_empties_nothing(case: tuple[Space, Any, list[Any], Bounds]) -> None:
    space, table, policies, bounds = case
    (outcome,), rules = prune_profile(Profile(table), space, costs=[COST], policies=policies, bounds=bounds)
    pruned = outcome.space
    assert space.contains(
        all_archs(pruned) if count_archs(pruned) < 400 else draw_archs(pruned, 50, np.random.default_rng(0))
    ).all()
    for slot, codes, before in zip(space.slots, pruned.allowed, space.allowed, strict=True):
        assert set(codes) <= set(before)
        assert len(codes) >= (min(bounds.keep, len(before)) if slot.kind == "layer" else 1)
    assert choices_of(space) - choices_of(pruned) <= bounds.most * choices_of(space)
    assert apply_rules(space, rules, name="x").allowed == pruned.allowed


@settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(case=cases())
def test_any_pruning_of_the_toy_survives_its_file(case: tuple[Space, Any, list[Any], Bounds], tmp_path: Path) -> None:
    space, table, policies, bounds = case
    if space.name != "toy":
        return
    (outcome,), rules = prune_profile(Profile(table), space, costs=[COST], policies=policies, bounds=bounds)
    (tmp_path / "toy.yaml").write_text(TOY_YAML, encoding="utf-8")
    record = PrunedDefinition(
        schema="blockprofile.pruned/1", name="small", title="Small", rules=rules, mutation=outcome.mutation,
        base=Base(name="toy", hash=space.hash, file="toy.yaml"), size={"archs_before": count_archs(space)},
    )  # fmt: skip
    file = tmp_path / "small.yaml"
    write_pruned(file, record, base=TOY_YAML)
    loaded, again = load_space(file), load_pruned(file)
    assert loaded.allowed == outcome.space.allowed
    assert dict(loaded.mutation) == outcome.mutation
    assert [(r.where, r.drop, r.max_depth, r.min_depth, r.policy, r.why) for r in again.rules] == [
        (r.where, r.drop, r.max_depth, r.min_depth, r.policy, r.why) for r in rules
    ]
    for rule, old in zip(again.rules, rules, strict=True):
        for item, before in zip(rule.evidence, old.evidence, strict=True):
            assert (item.metric, item.what, item.against, item.n) == (
                before.metric,
                before.what,
                before.against,
                before.n,
            )
            assert item.effect == pytest.approx(before.effect, rel=1e-3)
    write_pruned(file, again, base=TOY_YAML)
    assert load_pruned(file) == again


def test_a_space_of_more_archs_than_an_integer_holds_is_read_back(tmp_path: Path) -> None:
    space = load_space("ofa_mbv3")
    count = count_archs(space)
    assert count > 2**64
    definition = PrunedDefinition(
        schema="blockprofile.pruned/1", name="large", title="large", base=Base(name="ofa_mbv3", hash=space.hash),
        rules=(Rule(drop=("e3k3",)),), size={"archs_before": count},
    )  # fmt: skip
    file = tmp_path / "large.yaml"
    write_pruned(file, definition, base=None)
    assert load_pruned(file).size["archs_before"] == count
    assert count_archs(load_space(file)) < count
