"""Samplers: strict fairness by counting, the ends of the sandwich, probabilities in proportion to parameters."""

from collections import Counter

import numpy as np
import pytest

from blockprofile.errors import OptionError
from blockprofile.space import INACTIVE, Space, count_params, list_operators, load_space
from blockprofile.supernet.samplers import fair_passes, make_sampler
from tests.supernet.test_shared import KINDS
from tests.toy import all_archs, mixed_space, toy_space

SPACES = {
    "toy": toy_space,
    "kinds": lambda: Space(KINDS),
    **{name: (lambda name=name: load_space(name)) for name in ("moga_32", "nas_bench_macro", "ofa_mbv3", "singlepath")},
}


@pytest.mark.parametrize("name", SPACES)
def test_after_every_fair_step_each_choice_was_drawn_equally_often(name: str) -> None:
    space = SPACES[name]()
    sampler = make_sampler("fair", space)
    for seed in range(3):
        archs = sampler.draw(np.random.default_rng(seed))
        assert len(archs) == sampler.n_paths == fair_passes(space)
        assert space.contains(archs).all()
        for slot in space.slots:
            counts = Counter(archs[:, slot.index].tolist())
            counts.pop(INACTIVE, None)
            assert set(counts) == set(space.allowed[slot.index])
            assert len(set(counts.values())) == 1, slot.name


def test_fair_layers_are_permuted_independently() -> None:
    space = load_space("nas_bench_macro")
    sampler = make_sampler("fair", space)
    draws = np.stack([sampler.draw(np.random.default_rng(seed)) for seed in range(300)])
    first, second = draws[:, 0, 0], draws[:, 0, 1]
    joint = np.zeros((3, 3))
    np.add.at(joint, (first, second), 1)
    assert joint.min() > 15  # 300 / 9 = 33 expected in each cell


def test_a_space_whose_fair_step_is_too_long_is_refused() -> None:
    space = load_space("mnasnet_wide") if fair_passes(load_space("mnasnet_wide")) > 256 else None
    restricted = load_space("moga").restricted(
        [range(n) for n in (12, 11, 7, 5, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12)], name="odd"
    )
    assert fair_passes(restricted) == 12 * 11 * 7 * 5
    for each in filter(None, (space, restricted)):
        with pytest.raises(OptionError, match=r"--sampler fair needs .* passes .* use --sampler uniform"):
            make_sampler("fair", each)


def test_the_sandwich_has_the_largest_first_and_the_smallest_last() -> None:
    for space in (toy_space(), mixed_space()):
        params = [count_params(list_operators(space, arch)) for arch in all_archs(space)]
        drawn = make_sampler("sandwich", space, paths=5).draw(np.random.default_rng(0))
        found = [count_params(list_operators(space, arch)) for arch in drawn]
        assert (found[0], found[-1]) == (max(params), min(params))
        assert len(found) == 5


def test_proportional_draws_follow_the_parameters() -> None:
    space = toy_space()
    sampler = make_sampler("proportional", space, paths=256, seed=1)
    rng = np.random.default_rng(0)
    drawn = np.concatenate([sampler.draw(rng) for _ in range(80)])
    params = {arch.tobytes(): count_params(list_operators(space, arch)) for arch in all_archs(space)}
    pool = [params[arch.tobytes()] for arch in sampler._pool]  # type: ignore[attr-defined]
    expected = np.square(pool).sum() / np.sum(pool)  # E under p ~ P is sum P^2 / sum P
    found = np.array([params[arch.tobytes()] for arch in drawn])
    assert abs(found.mean() - expected) < 4 * found.std() / len(found) ** 0.5
    assert expected > 1.05 * np.mean(pool)


def test_options_are_checked() -> None:
    space = toy_space()
    with pytest.raises(OptionError, match="--sampler 'unifrom' is unknown; did you mean 'uniform'"):
        make_sampler("unifrom", space)
    with pytest.raises(OptionError, match="--paths has no effect with --sampler fair"):
        make_sampler("fair", space, paths=3)
    with pytest.raises(OptionError, match="--paths is 0"):
        make_sampler("uniform", space, paths=0)
    with pytest.raises(OptionError, match="at least 2"):
        make_sampler("sandwich", space, paths=1)
