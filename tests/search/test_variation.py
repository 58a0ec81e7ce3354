from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from blockprofile.errors import OptionError
from blockprofile.search import Crossover, HierarchicalMutation, UniformMutation
from blockprofile.search.codes import CodeTable
from blockprofile.search.edits import UnitEdits
from blockprofile.search.mutation import unit_weights
from blockprofile.space import INACTIVE, Block, Space, draw_archs, encode, load_space
from tests.conftest import Freeze
from tests.toy import all_archs, shared_space, smaller_toy_space

N = 3_000


def draws(space: Space, seed: int = 0, n: int = N) -> np.ndarray:
    return draw_archs(space, n, np.random.default_rng(seed))


def test_a_code_is_redrawn_evenly_and_never_itself(toy: Space) -> None:
    table = CodeTable.of(toy)
    slots, codes = np.full(9_000, 1), np.full(9_000, 2, np.uint8)
    new = table.redraw(slots, codes, np.random.default_rng(0))
    assert np.bincount(new, minlength=3)[:2] / 9_000 == pytest.approx([0.5, 0.5], abs=0.02)
    assert (new != 2).all()


def test_a_code_that_is_not_allowed_is_replaced_by_any_that_is() -> None:
    table = CodeTable.of(smaller_toy_space())
    slot = smaller_toy_space().slot("u2l1").index
    new = table.redraw(np.full(900, slot), np.full(900, 2, np.uint8), np.random.default_rng(0))
    assert set(new.tolist()) == {0, 1}


def test_a_slot_with_one_choice_keeps_it(toy: Space) -> None:
    single = toy.restricted([[0]] * toy.n_slots, name="one arch")
    table = CodeTable.of(single)
    archs = all_archs(single)
    assert len(archs) == 1
    for operator in (UniformMutation().bind(table), HierarchicalMutation().bind(table), UnitEdits(table)):
        assert np.array_equal(operator(archs, np.random.default_rng(0)), archs)  # type: ignore[operator]


def test_settling_makes_layers_agree_with_depths(toy: Space) -> None:
    table = CodeTable.of(toy)
    archs = draws(toy)
    archs[:, toy.slot("u2_depth").index] = np.random.default_rng(1).integers(0, 3, N)
    assert not toy.contains(archs).all()
    assert toy.contains(table.settle(archs, np.random.default_rng(2))).all()


@pytest.mark.parametrize("levels", [{"unit": 1.0}, {"layer": 1.0}, {"block": 1.0}, {"unit": 1, "layer": 1, "block": 1}])
def test_children_are_members_of_every_space(shipped: Space, levels: dict[str, float], frozen: Freeze) -> None:
    cross = Crossover(rate=1.0, levels=levels).bind(CodeTable.of(shipped))
    one, two = draws(shipped, 0, 500), draws(shipped, 1, 500)
    children = cross(frozen(one), frozen(two), np.random.default_rng(2))  # type: ignore[arg-type]
    assert children.dtype == np.uint8
    assert shipped.contains(children).all()
    assert (children != one).any()


def test_at_unit_level_units_come_whole(ofa_mbv3: Space) -> None:
    cross = Crossover(rate=1.0, levels={"unit": 1.0}).bind(CodeTable.of(ofa_mbv3))
    one, two = draws(ofa_mbv3, 0), draws(ofa_mbv3, 1)
    children = cross(one, two, np.random.default_rng(2))
    for unit in ofa_mbv3.units:
        slots = [unit.depth, *unit.layers]
        from_one = (children[:, slots] == one[:, slots]).all(axis=1)
        from_two = (children[:, slots] == two[:, slots]).all(axis=1)
        assert (from_one | from_two).all()
        assert from_one.mean() == pytest.approx(0.5, abs=0.05)


def test_at_layer_level_slots_come_from_either(moga: Space) -> None:
    cross = Crossover(rate=1.0, levels={"layer": 1.0}).bind(CodeTable.of(moga))
    one, two = draws(moga, 0), draws(moga, 1)
    children = cross(one, two, np.random.default_rng(2))
    assert ((children == one) | (children == two)).all()
    differ = one != two
    assert (children == two)[differ].mean() == pytest.approx(0.5, abs=0.02)


def test_at_block_level_properties_come_from_either(moga: Space) -> None:
    cross = Crossover(rate=1.0, levels={"block": 1.0}).bind(CodeTable.of(moga))
    one = np.repeat(
        encode(moga, "e3k3 e3k3 | e3k3 e3k3 e3k3 | e3k3 e3k3 e3k3 e3k3 | e3k3 e3k3 | e3k3 e3k3 e3k3")[None], N, 0
    )
    text = "e6k7se e6k7se | e6k7se e6k7se e6k7se | e6k7se e6k7se e6k7se e6k7se | e6k7se e6k7se | e6k7se e6k7se e6k7se"
    two = np.repeat(encode(moga, text)[None], N, 0)
    children = cross(one, two, np.random.default_rng(0))
    names = {moga.block_names[code] for code in np.unique(children)}
    assert names == {"e3k3", "e3k7", "e6k3", "e6k7", "e3k3se", "e3k7se", "e6k3se", "e6k7se"}


def test_blocks_that_only_groups_or_names_tell_apart_stay_themselves(toy: Space) -> None:
    by_groups = tuple(Block(name=f"g{groups}", expansion=4.0, kernel=3, groups=groups) for groups in (1, 2, 4))
    by_name = tuple(Block(name=name, expansion=4.0, kernel=3) for name in ("one", "two", "three"))
    for blocks in (by_groups, by_name):
        space = Space(replace(toy.definition, blocks=blocks))
        cross = Crossover(rate=1.0, levels={"block": 1.0}).bind(CodeTable.of(space))
        one, two = draws(space, 0), draws(space, 1)
        assert np.array_equal(cross(one, one, np.random.default_rng(2)), one)
        children = cross(one, two, np.random.default_rng(2))
        both = space.depths(one) == space.depths(two)
        rows = both.all(axis=1)
        assert ((children == one) | (children == two))[rows].all()
        assert (children != one).any() == (blocks is by_groups)


def test_a_rate_of_zero_returns_the_first_parent(moga: Space) -> None:
    cross = Crossover(rate=0.0).bind(CodeTable.of(moga))
    one = draws(moga, 0)
    assert np.array_equal(cross(one, draws(moga, 1), np.random.default_rng(2)), one)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"rate": 1.5}, "from 0 to 1"),
        ({"levels": {"stage": 1.0}}, "'stage' is unknown"),
        ({"levels": {"unit": -1.0}}, "at least 0"),
        ({"levels": {"unit": 0.0}}, "all 0"),
    ],
)
def test_crossover_parameters_are_checked(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        Crossover(**wrong)  # type: ignore[arg-type]


def test_uniform_mutation_changes_as_many_slots_as_told(moga: Space, frozen: Freeze) -> None:
    archs = draws(moga, 0, 10_000)
    mutate = UniformMutation(changes=1.5).bind(CodeTable.of(moga))
    children = mutate(frozen(archs), np.random.default_rng(1))  # type: ignore[arg-type]
    assert (children != archs).sum(axis=1).mean() == pytest.approx(1.5, abs=0.05)
    assert moga.contains(children).all()


def test_uniform_mutation_follows_unit_weights(moga: Space) -> None:
    archs = draws(moga, 0, 20_000)
    weights = {1: 0.0, 2: 1.0, 3: 3.0, 4: 1.0, 5: 1.0}
    children = UniformMutation(changes=2.0, weights=weights).bind(CodeTable.of(moga))(archs, np.random.default_rng(1))
    rates = {}
    for unit in moga.units:
        rates[unit.unit] = (children != archs)[:, list(unit.layers)].mean()
    assert rates[1] == 0
    assert rates[3] / rates[2] == pytest.approx(3.0, rel=0.05)


def test_weights_come_from_a_pruned_space() -> None:
    assert unit_weights(smaller_toy_space()) == pytest.approx([4 / 3, 2 / 3])


@pytest.mark.parametrize(
    ("weights", "message"), [({3: 1.0}, "units 1 to 2"), ({1: -1.0}, "at least 0"), ({1: 0.0, 2: 0.0}, "are 0")]
)
def test_wrong_weights_are_refused(toy: Space, weights: dict[int, float], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        unit_weights(toy, weights)


@pytest.mark.parametrize("operator", ["uniform", "hierarchical", "edits"])
def test_mutants_are_members(shipped: Space, mixed: Space, operator: str) -> None:
    for space in (shipped, mixed, smaller_toy_space()):
        table = CodeTable.of(space)
        made = {
            "uniform": UniformMutation(changes=2.0).bind,
            "hierarchical": HierarchicalMutation().bind,
            "edits": UnitEdits,
        }[operator](table)
        archs = draws(space, 0, 400)
        children = made(archs, np.random.default_rng(1))  # type: ignore[operator]
        assert space.contains(children).all()
        assert (children != archs).any()


# -- BlockProfile's edits --------------------------------------------------------------------------------------


def brute_neighbours(space: Space, arch: np.ndarray) -> set[bytes]:
    """Every arch of an enumerated space that one edit of one unit makes, by comparison."""

    def blocks(code: np.ndarray, layers: tuple[int, ...]) -> list[int]:
        return [int(code[layer]) for layer in layers if code[layer] != INACTIVE]

    def shortens(longer: list[int], shorter: list[int], layers: tuple[int, ...]) -> bool:
        """Whether some removals give the shorter one, a block that is not allowed where it lands being any."""
        return any(
            all(
                longer[old] == shorter[new] or longer[old] not in space.allowed[layers[new]]
                for new, old in enumerate(kept)
            )
            for kept in itertools.combinations(range(len(longer)), len(shorter))
        )

    def extends(longer: list[int], shorter: list[int], layers: tuple[int, ...]) -> bool:
        return any(
            all(
                longer[new] == shorter[old] or shorter[old] not in space.allowed[layers[new]]
                for old, new in enumerate(kept)
            )
            for kept in itertools.combinations(range(len(longer)), len(shorter))
        )

    found = set()
    for other in all_archs(space):
        differing = np.flatnonzero(other != arch)
        units = {space.slots[slot].unit for slot in differing}
        kinds = {space.slots[slot].kind for slot in differing}
        if len(differing) == 1 and kinds != {"depth"}:
            found.add(other.tobytes())
        if len(units) != 1 or "depth" not in kinds or "width" in kinds:
            continue
        unit = space.units[units.pop() - 1]
        assert unit.depth is not None
        allowed = space.allowed[unit.depth]
        if abs(allowed.index(int(other[unit.depth])) - allowed.index(int(arch[unit.depth]))) != 1:
            continue
        ours, theirs = blocks(arch, unit.layers), blocks(other, unit.layers)
        if (shortens if len(theirs) < len(ours) else lambda a, b, c: extends(b, a, c))(ours, theirs, unit.layers):
            found.add(other.tobytes())
    return found


@pytest.mark.parametrize("which", ["toy", "mixed", "smaller", "shared"])
def test_the_edits_of_single_units_are_listed_completely(which: str, toy: Space, mixed: Space) -> None:
    shared = shared_space().definition
    shared = replace(shared, units=(replace(shared.units[0], depths=(0, 2)), shared.units[1]))
    space = {"toy": toy, "mixed": mixed, "smaller": smaller_toy_space(), "shared": Space(shared)}[which]
    edits = UnitEdits(CodeTable.of(space), chance=1e-9)
    for arch in all_archs(space)[:: 5 if which == "shared" else 67]:
        listed, source = edits.list_neighbours(arch[None])
        expected = brute_neighbours(space, arch)
        assert {row.tobytes() for row in listed} == expected
        assert (source == 0).all()
        drawn = edits(np.repeat(arch[None], 8_000, axis=0), np.random.default_rng(0))
        assert {row.tobytes() for row in drawn} == expected, "a small chance edits one unit alone"


@pytest.mark.parametrize("law", ["edits", "uniform", "hierarchical"])
def test_a_block_that_layers_share_stays_when_its_depth_changes(law: str) -> None:
    space = load_space("mnasnet_accel")
    table = CodeTable.of(space)
    made = {"edits": UnitEdits(table), "uniform": UniformMutation(changes=1.0).bind(table),
            "hierarchical": HierarchicalMutation().bind(table)}[law]  # fmt: skip
    archs = draws(space, 0, 20_000)
    changed = made(archs, np.random.default_rng(1)) != archs
    of_depth = np.stack([changed[:, unit.depth] for unit in space.units], axis=1)
    of_block = np.stack([changed[:, unit.layers[0]] for unit in space.units], axis=1)
    assert of_depth.mean() > 0.01
    if law == "edits":
        assert not (of_depth & of_block).any(), "one edit of a unit"
    else:
        assert (of_depth & ~of_block).sum() > (of_depth & of_block).sum()


def changed_units(space: Space, one: np.ndarray, two: np.ndarray) -> np.ndarray:
    changed = one != two
    return np.stack([changed[:, [unit.depth, *unit.layers]].any(axis=1) for unit in space.units], axis=1)


def test_every_unit_is_edited_by_its_own_chance_and_one_at_least(ofa_mbv3: Space) -> None:
    weights = {1: 0.25, 2: 0.25, 3: 0.25, 4: 0.5, 5: 0.5}
    archs = draws(ofa_mbv3, 0, 40_000)
    children = UnitEdits(CodeTable.of(ofa_mbv3), weights=weights)(archs, np.random.default_rng(1))
    edited = changed_units(ofa_mbv3, archs, children)
    assert edited.any(axis=1).all()
    chances = np.array([0.25, 0.25, 0.25, 0.5, 0.5])
    some = 1 - np.prod(1 - chances)
    # Inserting a block and what else keeps a unit as it was is impossible: every edit changes its unit.
    assert edited.mean(axis=0) == pytest.approx(chances / some, abs=0.01)
    both = (edited[:, 0] & edited[:, 4]).mean()
    assert both == pytest.approx(chances[0] * chances[4] / some, abs=0.01), "given one at least, each on its own"


def test_a_unit_of_no_weight_stays(ofa_mbv3: Space) -> None:
    archs = draws(ofa_mbv3, 0, 2_000)
    children = UnitEdits(CodeTable.of(ofa_mbv3), weights={2: 0.0})(archs, np.random.default_rng(1))
    assert not changed_units(ofa_mbv3, archs, children)[:, 1].any()


def test_blocks_are_inserted_and_removed_at_any_place_alike(ofa_mbv3: Space) -> None:
    unit = ofa_mbv3.units[0]
    assert unit.depth is not None
    base = draws(ofa_mbv3, 0, 1)
    for depth, blocks, other in ((0, (3, 5, 255, 255), 1), (2, (1, 2, 3, 4), 1)):
        base[0, [unit.depth, *unit.layers]] = (depth, *blocks)
        children = UnitEdits(CodeTable.of(ofa_mbv3), chance=1e-9)(
            np.repeat(base, 60_000, axis=0), np.random.default_rng(2)
        )
        rows = children[children[:, unit.depth] == other][:, unit.layers]
        if depth == 0:
            # One block of nine in one of three gaps: e3 e7 stay in their order around it.
            gaps = [(rows[:, kept] == (3, 5)).all(axis=1) for kept in ([1, 2], [0, 2], [0, 1])]
            shares = [float((gap & (rows[:, new] == 8)).mean()) for gap, new in zip(gaps, (0, 1, 2), strict=True)]
            assert shares == pytest.approx([1 / 27] * 3, abs=0.008)
        else:
            left = [tuple(np.delete(blocks, place)) for place in range(4)]
            shares = [float((rows[:, :3] == kept).all(axis=1).mean()) for kept in left]
            assert shares == pytest.approx([0.25] * 4, abs=0.02)


def test_the_kinds_of_edits_that_are_possible_are_alike(ofa_mbv3: Space) -> None:
    unit = ofa_mbv3.units[0]
    assert unit.depth is not None
    base = draws(ofa_mbv3, 0, 1)
    for depth, shares in ((0, (0.5, 0.5, 0)), (1, (1 / 3, 1 / 3, 1 / 3)), (2, (0, 0.5, 0.5))):
        layers = [4, 4, 4, 4][: depth + 2] + [255] * (2 - depth)
        base[0, [unit.depth, *unit.layers]] = (depth, *layers)
        children = UnitEdits(CodeTable.of(ofa_mbv3), chance=1e-9)(
            np.repeat(base, 40_000, axis=0), np.random.default_rng(3)
        )
        mine = children[changed_units(ofa_mbv3, base, children)[:, 0]]
        found = [float((mine[:, unit.depth] == depth + step).mean()) for step in (1, 0, -1)]
        assert found == pytest.approx(shares, abs=0.02)


def test_what_lies_outside_the_units_is_edited_as_one_more_at_half_the_chance() -> None:
    space = load_space("ofa_resnet50")
    archs = draws(space, 0, 20_000)
    children = UnitEdits(CodeTable.of(space))(archs, np.random.default_rng(1))
    outside = [slot.index for slot in space.slots if slot.unit == 0 and slot.kind != "resolution"]
    changed = (archs != children)[:, outside]
    some = 1 - 0.75 * 0.5**4
    assert changed.any(axis=1).mean() == pytest.approx(0.25 / some, abs=0.01)
    assert changed.sum(axis=1).max() == 1
    widths = [unit.width for unit in space.units]
    assert (archs != children)[:, widths].any(), "widths are edited"


# -- the hierarchical mutation ---------------------------------------------------------------------------------


def test_hierarchical_chances_are_checked() -> None:
    with pytest.raises(OptionError, match=r"sum to 0\.9"):
        HierarchicalMutation(random=0.1)
    with pytest.raises(OptionError, match="from 0 to 1"):
        HierarchicalMutation(roulette=1.2)
    with pytest.raises(OptionError, match="greater than 0"):
        HierarchicalMutation(changes=0)


def block_shares(space: Space, config: HierarchicalMutation, *, teach: int | None = None) -> np.ndarray:
    """Shares of the blocks among what mutation put in layer 1, after teaching it that one block is good."""
    table = CodeTable.of(space)
    mutate = config.bind(table)
    parents = draws(space, 0, 4_000)
    if teach is not None:
        for seed in range(20):
            children = draws(space, seed + 1, 4_000)
            mutate.learn(parents, children, (children[:, 0] == teach).astype(np.float64))
    before = parents.copy()
    children = mutate(before, np.random.default_rng(5))
    changed = children[:, 0] != parents[:, 0]
    return np.bincount(children[changed, 0], minlength=space.n_blocks) / changed.sum()


def test_the_reinforced_draw_learns_which_block_is_good(moga: Space) -> None:
    config = HierarchicalMutation(random=0.0, reinforced=1.0, prior=0.0, learning_rate=4.0)
    assert block_shares(moga, config).max() < 0.25
    assert block_shares(moga, config, teach=4).argmax() == 4
    assert block_shares(moga, config, teach=4)[4] > 0.5


def test_the_bandit_learns_which_block_is_good(moga: Space) -> None:
    config = HierarchicalMutation(random=0.0, reinforced=0.0, prior=1.0, roulette=0.0)
    assert block_shares(moga, config, teach=7)[7] > 0.9


def test_the_roulette_wheel_prefers_cheap_blocks(moga: Space) -> None:
    config = HierarchicalMutation(random=0.0, reinforced=0.0, prior=1.0, roulette=1.0)
    mutate = config.bind(CodeTable.of(moga))
    archs = draws(moga, 0, 20_000)
    children = mutate(archs, np.random.default_rng(1))
    shares = np.bincount(children[children != archs], minlength=12)
    assert shares[0] > 1.5 * shares[11]
    assert shares[:4].sum() > 1.5 * shares[8:].sum()


def test_without_learning_merit_nothing_moves(moga: Space) -> None:
    table = CodeTable.of(moga)
    mutate, other = (HierarchicalMutation().bind(table) for _ in range(2))
    archs = draws(moga, 0, 50)
    mutate.learn(archs, archs, np.ones(50))
    assert np.array_equal(mutate(archs, np.random.default_rng(1)), other(archs, np.random.default_rng(1)))
