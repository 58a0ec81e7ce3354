"""Pruned spaces: rules narrow a space, never widen it, and a mistaken file names its line."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blockprofile.errors import ArchError, DefinitionError
from blockprofile.space import Space, count_archs, draw_archs, load_space
from blockprofile.space.load import load_pruned
from blockprofile.space.rules import Rule, Where, apply_rule, apply_rules
from blockprofile.yamlfile import read_yaml, write_yaml
from tests.space.files import TOY_YAML
from tests.toy import all_archs, mixed_space, toy_space

# -- what a rule does ----------------------------------------------------------------------------------------


def allowed_names(space: Space, slot: str) -> list[str]:
    return [str(space.slot(slot).choices[code]) for code in space.allowed[space.slot(slot).index]]


def test_a_block_is_dropped_everywhere_in_a_unit_or_in_a_layer(toy: Space) -> None:
    everywhere = apply_rule(toy, Rule(drop=("e4k3",)))
    unit = apply_rule(toy, Rule(where=Where(unit=2), drop=("e4k3",)))
    layer = apply_rule(toy, Rule(where=Where(unit=2, layer=3), drop=("e4k3",)))
    for slot in toy.layer_slots:
        assert ("e4k3" in allowed_names(everywhere, slot.name)) is False
        assert ("e4k3" in allowed_names(unit, slot.name)) is (slot.unit != 2)
        assert ("e4k3" in allowed_names(layer, slot.name)) is (slot.name != "u2l3")
    assert [count_archs(space) for space in (everywhere, unit, layer)] == [6 * 14, 12 * 14, 12 * (3 + 9 + 18)]


def test_keep_drops_the_others(toy: Space) -> None:
    assert apply_rule(toy, Rule(keep=("e4k3",))).allowed == apply_rule(toy, Rule(drop=("e2k3", "e4k5se"))).allowed


def test_depths_are_capped_and_raised(toy: Space) -> None:
    assert apply_rule(toy, Rule(where=Where(unit=2), max_depth=2)).unit_depths(2) == (1, 2)
    assert apply_rule(toy, Rule(where=Where(unit=2), min_depth=2)).unit_depths(2) == (2, 3)
    assert apply_rule(toy, Rule(min_depth=2, max_depth=2)).unit_depths(1) == (2,)
    assert apply_rule(toy, Rule(max_depth=9)).allowed == toy.allowed


def test_widths_are_dropped(mixed: Space) -> None:
    assert allowed_names(apply_rule(mixed, Rule(where=Where(unit=2), drop_widths=(0.5,))), "u2_width") == [
        "0.75",
        "1.0",
    ]


def test_options_and_the_resolution_are_narrowed(mixed: Space) -> None:
    small = apply_rule(mixed, Rule(option="resolution", keep=(16,)))
    assert allowed_names(small, "resolution") == ["16"]
    assert count_archs(small) == count_archs(mixed) // 2
    short = apply_rule(small, Rule(option="stem_depth", drop=(2,)))
    assert allowed_names(short, "stem_depth") == ["0"]
    drawn = draw_archs(short, 50, np.random.default_rng(0))
    assert short.contains(drawn).all()
    assert (drawn[:, mixed.slot("resolution").index] == 0).all()


def test_what_is_gone_may_be_dropped_again(toy: Space) -> None:
    once = apply_rule(toy, Rule(drop=("e4k3",)))
    assert apply_rule(once, Rule(drop=("e4k3",))) == once


def test_rules_apply_in_any_order_with_the_same_result(toy: Space) -> None:
    rules = [Rule(drop=("e4k3",)), Rule(where=Where(unit=1), max_depth=1), Rule(where=Where(unit=2), keep=("e2k3",))]
    names = {apply_rules(toy, order, name="x").allowed for order in (rules, rules[::-1])}
    assert len(names) == 1


def test_apply_rules_names_the_space_and_weighs_its_units(toy: Space) -> None:
    pruned = apply_rules(toy, [Rule(drop=("e4k3",))], name="mine", mutation={2: 3.0})
    assert (pruned.name, pruned.mutation, pruned.base, pruned.is_pruned) == ("mine", {2: 3.0}, toy, True)
    assert apply_rules(toy, [], name="mine").mutation == {}


rules = st.builds(
    Rule,
    where=st.builds(Where, unit=st.none() | st.integers(1, 2)),
    drop=st.lists(st.sampled_from(["e2k3", "e4k3", "e4k5se"]), max_size=2).map(tuple),
    max_depth=st.none() | st.integers(1, 3),
    min_depth=st.none() | st.integers(1, 3),
).filter(lambda rule: rule.drop or rule.max_depth or rule.min_depth)


@settings(deadline=None, max_examples=150)
@given(st.lists(rules, max_size=4))
def test_a_pruned_space_is_a_subset_and_exactly_what_its_rules_leave(chosen: list[Rule]) -> None:
    base = toy_space()
    pruned, problem = base, ""
    try:
        pruned = apply_rules(base, chosen, name="pruned")
    except ArchError as failure:
        problem = str(failure)
    if problem:
        assert "is left without" in problem
        return
    everything = all_archs(base)
    depths = base.depths(everything)
    left = np.ones(len(everything), dtype=bool)
    for rule in chosen:
        for unit in base.units:
            if rule.where.unit not in {None, unit.unit}:
                continue
            for index in unit.layers:
                left &= ~np.isin(everything[:, index], [base.block_names.index(name) for name in rule.drop])
            depth = depths[:, unit.unit - 1]
            left &= (depth <= (rule.max_depth or 99)) & (depth >= (rule.min_depth or 0))
    assert pruned.contains(everything).tolist() == left.tolist()
    assert count_archs(pruned) == left.sum()
    drawn = draw_archs(pruned, 200, np.random.default_rng(0))
    assert pruned.contains(drawn).all()
    assert base.contains(drawn).all()


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (
            Rule(drop=("e4k4",)),
            r"block 'e4k4' is not in space 'toy'; did you mean 'e4k3'\? choices: e2k3, e4k3, e4k5se",
        ),
        (Rule(keep=("nothing",)), r"block 'nothing' is not in space 'toy'; choices"),
        (Rule(where=Where(unit=3), drop=("e4k3",)), r"unit 3 is not in space 'toy'; choices: 1, 2"),
        (Rule(where=Where(unit=1, layer=3), drop=("e4k3",)), r"layer 3 is not in unit 1; choices: 1, 2"),
        (Rule(where=Where(layer=1), drop=("e4k3",)), "where: layer 1 is given without its unit"),
        (Rule(drop=("e2k3", "e4k3", "e4k5se")), "unit 1, layer 1 is left without a block"),
        (Rule(where=Where(unit=2), min_depth=4), "unit 2 is left without a depth; choices: 1, 2, 3"),
        (Rule(max_depth=0), "unit 1 is left without a depth; choices: 1, 2"),
        (Rule(where=Where(unit=1), drop_widths=(1.0,)), "unit 1 of space 'toy' has one width; nothing can be dropped"),
        (Rule(option="resolution", keep=(16,)), "option 'resolution' is no slot of space 'toy'; choices: none"),
        (Rule(), "the rule narrows nothing; it needs drop, keep, max_depth"),
        (Rule(where=Where(unit=2, layer=1), max_depth=2), "depths and widths are of a whole unit; leave out layer 1"),
        (Rule(option="resolution", max_depth=2), "option 'resolution' is of the whole network and takes drop and keep"),
    ],
)
def test_a_rule_that_cannot_be_is_refused(toy: Space, rule: Rule, message: str) -> None:
    with pytest.raises(ArchError, match=message):
        apply_rule(toy, rule)


def test_options_and_values_that_are_not_there(mixed: Space) -> None:
    with pytest.raises(ArchError, match="option 'width' is no slot of space 'mixed'; choices: resolution, stem_depth"):
        apply_rule(mixed, Rule(option="width", keep=(1,)))
    with pytest.raises(ArchError, match="value 24 is not in option 'resolution'; choices: 16, 32"):
        apply_rule(mixed, Rule(option="resolution", keep=(24,)))
    with pytest.raises(ArchError, match="option 'resolution' is left without a value"):
        apply_rule(mixed, Rule(option="resolution", drop=(16, 32)))


def test_widths_that_are_not_there_or_are_the_last(mixed: Space) -> None:
    with pytest.raises(ArchError, match=r"width 0\.6 is not in unit 2; .*choices: 0\.5, 0\.75, 1\.0"):
        apply_rule(mixed, Rule(where=Where(unit=2), drop_widths=(0.6,)))
    with pytest.raises(ArchError, match="unit 2 is left without a width"):
        apply_rule(mixed, Rule(where=Where(unit=2), drop_widths=(0.5, 0.75, 1.0)))


# -- files ---------------------------------------------------------------------------------------------------

PRUNED_YAML = """\
schema: blockprofile.pruned/1
name: toy-small
base: {name: toy, file: toy.yaml, hash: HASH}
rules:
  - where: {unit: 2}
    drop: [e4k5se]
    why: squeeze-and-excite costs more than it gives here
    evidence:
      - {metric: "latency_ms:toy", effect: 0.5, unit: ms, ci: [0.4, 0.6], n: 1000, p_adjusted: 0.001}
  - where: {unit: 1}
    max_depth: 1
mutation: {1: 0.0, 2: 1.0}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "toy.yaml").write_text(TOY_YAML, encoding="utf-8")
    text = PRUNED_YAML.replace("HASH", load_space(tmp_path / "toy.yaml").hash)
    (tmp_path / "pruned.yaml").write_text(text, encoding="utf-8")
    return tmp_path


def test_a_pruned_space_loads_wherever_a_space_does(folder: Path) -> None:
    pruned = load_space(folder / "pruned.yaml")
    assert (pruned.name, pruned.base.name, dict(pruned.mutation)) == ("toy-small", "toy", {1: 0.0, 2: 1.0})
    assert pruned.unit_depths(1) == (1,)
    assert allowed_names(pruned, "u2l2") == ["e2k3", "e4k3"]
    assert count_archs(pruned) == 3 * (2 + 4 + 8)
    archs = all_archs(pruned)
    assert toy_space().contains(archs).all()


def test_the_record_keeps_reasons_and_evidence(folder: Path) -> None:
    record = load_pruned(folder / "pruned.yaml")
    assert record.rules[0].why.startswith("squeeze-and-excite costs")
    evidence = record.rules[0].evidence[0]
    assert (evidence.metric, evidence.effect, evidence.ci, evidence.n) == ("latency_ms:toy", 0.5, (0.4, 0.6), 1000)


def test_a_pruned_file_written_again_loads_alike(folder: Path) -> None:
    write_yaml(folder / "again.yaml", read_yaml(folder / "pruned.yaml").data)
    assert load_space(folder / "again.yaml") == load_space(folder / "pruned.yaml")


def test_a_shipped_base_is_found_by_name(tmp_path: Path) -> None:
    path = tmp_path / "pruned.yaml"
    path.write_text(
        "schema: blockprofile.pruned/1\nname: small\nbase: {name: moga}\nrules:\n  - {drop: [e6k7se, e6k7]}\n"
    )
    assert count_archs(load_space(path)) == 10**14


MISTAKES = {
    "another version of the base": (
        ("hash: ", "hash: 0"),
        (3, 35, "base.hash"),
        r"the rules were made for another version of 'toy' \(hash 0.*, it now has",
    ),
    "an unknown block": (
        ("drop: [e4k5se]", "drop: [e4k5]"),
        (5, 5, "rules[0]"),
        r"block 'e4k5' is not in space 'toy'; did you mean",
    ),
    "a unit beyond the last": (("where: {unit: 1}", "where: {unit: 9}"), (10, 5, "rules[1]"), "unit 9 is not in space"),
    "a misspelt key": (("max_depth: 1", "max_dept: 1"), (11, 5, "rules[1].max_dept"), "did you mean 'max_depth'"),
    "a weight below zero": (("{1: 0.0,", "{1: -1.0,"), (12, 12, "mutation[1]"), r"mutation weight -1\.0 of unit 1"),
    "a weight for no unit": (("2: 1.0}", "7: 1.0}"), (12, 20, "mutation[7]"), "of unit 7; units are 1 to 2"),
    "a base that does not exist": (
        ("file: toy.yaml", "file: other.yaml"),
        (3, 19, "base.file"),
        "base file 'other.yaml' does not exist beside the pruned space",
    ),
    "a base outside the folder": (
        ("file: toy.yaml", "file: ../toy.yaml"),
        (3, 19, "base.file"),
        r"base file '\.\./toy\.yaml' leaves the folder",
    ),
    "an unknown shipped base": (
        ("{name: toy, file: toy.yaml, hash", "{name: mogu, hash"),
        (3, 8, "base.name"),
        r"base space 'mogu' is unknown; did you mean 'moga'\? choices: fairnas, ",
    ),
    "no base": (("base: {name: toy, file: toy.yaml, hash", "notes: {name: toy, file: toy.yaml, hash"), None, "notes"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_in_a_pruned_file(folder: Path, name: str) -> None:
    (old, new), place, message = MISTAKES[name]
    path = folder / "pruned.yaml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(DefinitionError) as caught:
        load_space(path)
    assert re.search(message, str(caught.value))
    if place is not None:
        assert (caught.value.line, caught.value.column, caught.value.key) == place


def test_rules_without_a_hash_apply_to_the_base_as_it_is(folder: Path) -> None:
    path = folder / "pruned.yaml"
    path.write_text(re.sub(r", hash: \w+", "", path.read_text()))
    (folder / "toy.yaml").write_text(TOY_YAML.replace("out: 16", "out: 24"))
    assert count_archs(load_space(path)) == 42


def test_pruning_keeps_the_bytes_of_archs() -> None:
    base = mixed_space()
    pruned = apply_rule(base, Rule(where=Where(unit=2), drop_widths=(0.5, 0.75)))
    inside = all_archs(base)[pruned.contains(all_archs(base))]
    assert np.array_equal(inside, all_archs(pruned))
    assert set(inside[:, base.slot("u2_width").index].tolist()) == {2}
