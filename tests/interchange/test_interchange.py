"""Spaces and searches in the words of ConfigSpace, Optuna and pymoo, judged by drawing, counting and exact fronts."""

from __future__ import annotations

import dataclasses
import sys
from typing import Any

import numpy as np
import pytest

from blockprofile.errors import ArchError, OptionError
from blockprofile.interchange import (
    OptunaObjective,
    archs_of_values,
    from_configspace,
    pymoo_problem,
    to_configspace,
    to_configurations,
    values_of_archs,
)
from blockprofile.interchange.values import depths_with
from blockprofile.search import Aims, search
from blockprofile.space import Space, count_archs, draw_archs, list_archs

GOALS = ["params_m:max", "macs_m:min"]


def test_values_and_archs(mixed: Space) -> None:
    archs = draw_archs(mixed, 200, np.random.default_rng(0))
    rows = values_of_archs(mixed, archs)
    assert len({len(row) for row in rows}) > 1, "inactive layers are left out"
    np.testing.assert_array_equal(archs_of_values(mixed, rows), archs)
    with pytest.raises(ArchError, match="'u9l1' is no slot of space 'mixed'"):
        archs_of_values(mixed, [{**rows[0], "u9l1": "e3k3"}])


@pytest.fixture
def library() -> Any:
    return pytest.importorskip("ConfigSpace")


def pruned(space: Space) -> Space:
    """Leave out the last choice of every slot that has another."""
    return space.restricted([codes[:-1] or codes for codes in space.allowed], name="pruned")


@pytest.mark.parametrize("is_pruned", [False, True])
def test_a_space_goes_to_configspace_and_back(library: Any, toy: Space, mixed: Space, is_pruned: bool) -> None:
    for base in (toy, mixed):
        space = pruned(base) if is_pruned else base
        made = to_configspace(space, seed=1)
        again = from_configspace(made, base)
        assert count_archs(again) == count_archs(space)
        assert again.contains(draw_archs(space, 300, np.random.default_rng(0))).all()
        assert is_pruned or again == space, "what no depth reaches is not said there"
        archs = archs_of_values(space, made.sample_configuration(400))
        assert space.contains(archs).all()
        configurations = to_configurations(made, space, archs)
        np.testing.assert_array_equal(archs_of_values(space, configurations), archs)


def test_a_draw_follows_the_law_of_the_papers(library: Any, toy: Space) -> None:
    archs = archs_of_values(toy, to_configspace(toy, seed=0).sample_configuration(4000))
    ours = draw_archs(toy, 4000, np.random.default_rng(0))
    for slot in toy.slots:
        shares = [np.bincount(rows[:, slot.index], minlength=256) / 4000 for rows in (archs, ours)]
        np.testing.assert_allclose(shares[0], shares[1], atol=0.05)


def refuse(configspace: Any, base: Space, match: str) -> None:
    with pytest.raises(OptionError, match=match):
        from_configspace(configspace, base)


def test_what_cannot_be_said_is_refused_by_name(library: Any, toy: Space) -> None:
    weighted = dataclasses.replace(toy, mutation={1: 2.0})
    with pytest.raises(OptionError, match="mutation weights"):
        to_configspace(weighted)
    made = to_configspace(toy)
    made.add(library.Float("lr", (0.1, 1.0)))
    refuse(made, toy, "hyperparameter 'lr' is no slot")
    slot = toy.layer_slots[0]
    values = list(slot.choices)
    refuse(library.ConfigurationSpace({slot.name: (1, 3)}), toy, f"'{slot.name}' is a .*Integer")
    refuse(library.ConfigurationSpace({slot.name: ["e9k9", "e9k7"]}), toy, "'e9k9' is none of the slot's")
    refuse(library.ConfigurationSpace({slot.name: values}), toy, "no hyperparameter for")
    made = to_configspace(toy)
    made.add(library.ForbiddenEqualsClause(made[slot.name], values[-1]))
    refuse(made, toy, "forbidden combinations")
    weights = library.ConfigurationSpace()
    weights.add(library.CategoricalHyperparameter(slot.name, values, weights=range(1, len(values) + 1)))
    refuse(weights, toy, f"'{slot.name}' has weights")
    loose = library.ConfigurationSpace({each.name: list(each.choices) for each in toy.slots})
    refuse(loose, toy, "lacks its condition")
    first, second = toy.slots[0], slot
    other = library.ConfigurationSpace({each.name: list(each.choices) for each in toy.slots})
    other.add(library.InCondition(other[second.name], other[first.name], [first.choices[0]]))
    refuse(other, toy, "cannot be said in a space, where depths alone")
    layer, depths = next((each, depths) for each in toy.layer_slots if len(depths := depths_with(toy, each)) == 1)
    parent = toy.slots[toy.units[layer.unit - 1].depth or 0].name
    other = library.ConfigurationSpace({each.name: list(each.choices) for each in toy.slots})
    other.add(library.NotEqualsCondition(other[layer.name], other[parent], depths[0]))
    refuse(other, toy, f"condition .*{layer.name}.* cannot be said in a space")


def test_a_library_that_is_missing_is_named(toy: Space, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ConfigSpace", "pymoo.core.problem"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(OptionError, match="pip install ConfigSpace"):
        to_configspace(toy)
    with pytest.raises(OptionError, match="pip install pymoo"):
        pymoo_problem(toy, GOALS)


def test_an_optuna_study_finds_archs_with_their_values(toy: Space) -> None:
    optuna = pytest.importorskip("optuna")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    objective = OptunaObjective(toy, Aims(GOALS, limits=["macs_m<=0.5"]))
    sampler = optuna.samplers.RandomSampler(seed=0)
    study = optuna.create_study(directions=objective.directions, sampler=sampler)
    study.optimize(objective, n_trials=60)
    archs = objective.archs(study.trials)
    assert toy.contains(archs).all()
    values = objective.problem.evaluate(archs)
    np.testing.assert_allclose([trial.values[0] for trial in study.trials], values["params_m"], rtol=1e-6)
    broken = np.array([trial.constraints["limits"] > 0 for trial in study.trials])
    np.testing.assert_array_equal(broken, values["macs_m"] > 0.5)
    assert objective.archs([]).shape == (0, toy.n_slots)


def test_a_pymoo_problem_has_the_whole_space_and_its_front(toy: Space) -> None:
    from pymoo.algorithms.moo.nsga2 import NSGA2
    from pymoo.operators.crossover.ux import UX
    from pymoo.operators.mutation.pm import PM
    from pymoo.operators.repair.rounding import RoundingRepair
    from pymoo.operators.sampling.rnd import IntegerRandomSampling
    from pymoo.optimize import minimize

    problem = pymoo_problem(toy, GOALS)
    grid = np.stack(np.meshgrid(*[np.arange(high + 1) for high in problem.xu]), axis=-1).reshape(-1, toy.n_slots)
    archs = np.unique(problem.archs(grid), axis=0)
    np.testing.assert_array_equal(archs, np.unique(list_archs(toy), axis=0))
    assert len(archs) == count_archs(toy)
    operators = {"sampling": IntegerRandomSampling(), "crossover": UX(), "mutation": PM(repair=RoundingRepair())}
    found = minimize(problem, NSGA2(pop_size=40, **operators), ("n_gen", 15), seed=0)
    front = search(toy, GOALS, algorithm="exact").front
    best = {tuple(np.round(point, 6)) for point in front.points}
    assert len(best & {tuple(np.round(point, 6)) for point in found.F}) > len(best) / 2
    limited = pymoo_problem(toy, Aims(GOALS, limits=["macs_m<=0.5"]))
    out = limited.evaluate(grid[:50], return_as_dictionary=True)
    values = limited.problem.evaluate(limited.archs(grid[:50]))
    np.testing.assert_array_equal(out["G"][:, 0] > 0, values["macs_m"] > 0.5)
