from __future__ import annotations

import csv

import numpy as np
import pytest

from blockprofile.additive.chain import build_chain
from blockprofile.additive.exact import exact_profile, list_places, place_weights
from blockprofile.additive.presence import PRESENCES, depth_law
from blockprofile.additive.slot_moments import exact_moments
from blockprofile.content import content_dir
from blockprofile.errors import OptionError
from blockprofile.predict import AdditivePredictor, load_predictors
from blockprofile.profile.exact_table import exact_table
from blockprofile.space import CompiledSum, Factor, Space, draw_archs, factorize, load_space
from tests.oracle import all_draws, responded
from tests.toy import (
    additive_factors,
    all_archs,
    arch_probabilities,
    expected_additive,
    mixed_space,
    smaller_toy_space,
    toy_space,
)


def gap_space() -> Space:
    """Make the toy space with unit 2 of depth 1 or 3, but not 2."""
    space = toy_space()
    allowed = [list(codes) for codes in space.allowed]
    allowed[space.slot("u2_depth").index] = [0, 2]
    return space.restricted(allowed, name="gap")


SPACES = [toy_space(), mixed_space(), smaller_toy_space(), gap_space()]
LAWS = ["papers", "architectures"]


def sums_of(space: Space) -> list[tuple[Factor, ...]]:
    """Three metrics: layer by layer; with widths, options and resolution; coupling neighbouring layers."""
    rng = np.random.default_rng(5)
    pairs = []
    for first, second in zip(space.layer_slots, space.layer_slots[1:], strict=False):
        shape = (first.n_choices + 1, second.n_choices + 1)
        pairs.append(Factor((first.index, second.index), rng.normal(size=shape)))
    return [additive_factors(space), factorize(space, lambda op: op.macs), tuple(pairs)]


@pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name)
@pytest.mark.parametrize("law", LAWS)
def test_moments_are_those_of_the_whole_space(space: Space, law: str) -> None:
    archs = all_archs(space)
    chances = arch_probabilities(space, archs, law)
    sums = sums_of(space)
    values = CompiledSum(space, sums)(archs)
    found = exact_moments(space, sums, law=law)
    mean = values @ chances
    np.testing.assert_allclose(found.mean, mean, rtol=1e-12)
    np.testing.assert_allclose(found.variance, ((values - mean[:, None]) ** 2) @ chances, rtol=1e-10)


@pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name)
def test_moments_given_every_slot(space: Space) -> None:
    archs = all_archs(space)
    chances = arch_probabilities(space, archs)
    sums = sums_of(space)
    values = CompiledSum(space, sums)(archs)
    for cell in exact_moments(space, sums).slots:
        np.testing.assert_allclose(cell.probability.sum(), 1)
        for code in space.allowed[cell.slot.index]:
            holds = archs[:, cell.slot.index] == code
            weight = cell.probability[..., code]
            np.testing.assert_allclose(weight.sum(), chances[holds].sum(), rtol=1e-12)
            if not holds.any():
                assert np.isnan(cell.mean[..., code]).all()
                continue
            mean = np.nansum(cell.mean[..., code] * weight, axis=(1, 2)) / weight.sum()
            np.testing.assert_allclose(mean, values[:, holds] @ chances[holds] / chances[holds].sum(), rtol=1e-12)


@pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name)
@pytest.mark.parametrize("presence", PRESENCES)
@pytest.mark.parametrize("law", LAWS)
def test_cells_are_those_of_the_procedure(space: Space, presence: str, law: str) -> None:
    draws = all_draws(space, law)
    sums = sums_of(space)
    metric = CompiledSum(space, sums)
    found = exact_profile(space, sums, presence=presence, law=law)
    pooled: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}
    for index, place in enumerate(found.places):
        width = place.width if space.units[place.unit - 1].width is not None else None
        archs, chances = responded(
            space, draws, unit=place.unit, layer=place.layer, code=place.code, width=width, presence=presence
        )
        values = metric(archs)
        mean = values @ chances
        variance = ((values - mean[:, None]) ** 2) @ chances
        np.testing.assert_allclose(found.cell_mean[:, index], mean, rtol=1e-11)
        np.testing.assert_allclose(found.cell_variance[:, index], variance, rtol=1e-8, atol=1e-9)
        pooled.setdefault(place.block, []).append((values, chances))
    assert found.blocks == tuple(pooled)
    for index, parts in enumerate(pooled.values()):
        values = np.concatenate([value for value, _ in parts], axis=1)
        chances = np.concatenate([chance for _, chance in parts]) / len(parts)
        mean = values @ chances
        np.testing.assert_allclose(found.block_mean[:, index], mean, rtol=1e-11)
        variance = ((values - mean[:, None]) ** 2) @ chances
        np.testing.assert_allclose(found.block_variance[:, index], variance, rtol=1e-8)


@pytest.mark.parametrize("presence", PRESENCES)
def test_cells_agree_with_the_closed_form(presence: str) -> None:
    space = toy_space()
    found = exact_profile(space, [additive_factors(space)], presence=presence)
    wanted = [expected_additive(space, place=(p.unit, p.layer, p.code), presence=presence) for p in found.places]
    np.testing.assert_allclose(found.cell_mean[0], wanted, rtol=1e-13)


def test_depth_responses() -> None:
    space = toy_space()
    archs = all_archs(space)
    chances = arch_probabilities(space, archs)
    values = CompiledSum(space, [additive_factors(space)])(archs)[0]
    found = exact_profile(space, [additive_factors(space)])
    assert found.depths == ((1, 1), (1, 2), (2, 1), (2, 2), (2, 3))
    for index, (unit, depth) in enumerate(found.depths):
        holds = space.depths(archs)[:, unit - 1] == depth
        weights = chances[holds] / chances[holds].sum()
        mean = values[holds] @ weights
        assert found.depth_mean[0, index] == pytest.approx(mean)
        assert found.depth_variance[0, index] == pytest.approx((values[holds] - mean) ** 2 @ weights)


def test_a_space_without_searched_depth_has_no_depth_responses() -> None:
    moga = load_space("moga")
    found = exact_profile(moga, [factorize(moga, lambda op: op.params)])
    assert found.depths == ()
    assert found.depth_mean.shape == (1, 0)
    assert len(found.places) == 14 * 12


def test_sampled_means_agree_with_exact_ones() -> None:
    space = load_space("ofa_mbv3")
    sums = [factorize(space, lambda op: op.macs / 1e6)]
    archs = draw_archs(space, 100_000, np.random.default_rng(11))
    values = CompiledSum(space, sums)(archs)[0]
    found = exact_profile(space, sums)
    scores = []
    for index, place in enumerate(found.places):
        cell = values[archs[:, place.slot.index] == place.code]
        standard_error = np.sqrt(found.cell_variance[0, index] / len(cell))
        scores.append((cell.mean() - found.cell_mean[0, index]) / standard_error)
    assert np.max(np.abs(scores)) < 4.5
    assert 0.75 < np.std(scores) < 1.25


def test_published_figure_of_the_note10() -> None:
    """BlockProfile, Figure 2: every Note10 cell, under the published code's presence and under no other."""
    with (content_dir("data") / "published" / "figure2_ofa.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["device"] == "note10"]
    worst = dict.fromkeys(PRESENCES, 0.0)
    for resolution in (192, 208, 224):
        space = load_space("ofa_mbv3").at_resolution(resolution)
        (note10,) = load_predictors(space, devices=["note10"], metrics=[])
        assert isinstance(note10, AdditivePredictor)
        # The published rule must do everywhere; that the others do not is seen at one resolution.
        for presence in ("cikm21", "given", "promoted") if resolution == 224 else ("cikm21",):
            found = exact_profile(space, [note10.factors], presence=presence)
            ours = dict(zip(found.blocks, found.block_mean[0], strict=True))
            for row in rows:
                if int(row["resolution"]) == resolution:
                    gap = abs(ours[f"e{row['expansion']}k{row['kernel']}"] - float(row["value"]))
                    worst[presence] = max(worst[presence], gap)
    assert len(rows) == 27
    assert worst["cikm21"] < 0.03
    assert worst["given"] > 1
    assert worst["promoted"] > 1


def test_block_weights_leave_out_places_that_lack_the_block() -> None:
    names, weights = place_weights(list_places(mixed_space()))
    assert names == ("k3", "k5", "skip", "0.5:k3", "0.5:k5", "0.75:k3", "0.75:k5", "1.0:k3", "1.0:k5")
    np.testing.assert_allclose(weights.sum(axis=1), 1)
    assert np.count_nonzero(weights[names.index("skip")]) == 2


def test_factors_that_couple_everything_are_refused() -> None:
    space = load_space("ofa_mbv3")
    stretched = tuple(
        Factor((slot.index, space.n_slots - 1), np.zeros((10, 10))) for slot in space.layer_slots if slot.layer <= 2
    )
    with pytest.raises(OptionError, match=r"couples slot 'u\dl\d' with u1l1"):
        build_chain(space, [stretched])


def test_an_unknown_presence_is_refused() -> None:
    with pytest.raises(OptionError, match="presence 'cikm' is unknown"):
        exact_profile(toy_space(), [additive_factors(toy_space())], presence="cikm")  # type: ignore[arg-type]


def test_figure4_raises_the_added_layers_to_one_less_than_the_layer() -> None:
    """ResNet50's units of 2 to 4 and of 4 to 6 layers, layer by layer, as the comment in the published file says."""
    for depths in ((2, 3, 4), (4, 5, 6)):
        law = dict.fromkeys(depths, 1 / 3)
        for layer in range(1, depths[-1] + 1):
            raised = dict.fromkeys(depths, 0.0)
            for added in (0, 1, 2):
                raised[depths[0] + min(2, max(added, layer - 1))] += 1 / 3
            found = depth_law(law, layer, "figure4")
            assert {depth: found.get(depth, 0.0) for depth in depths} == pytest.approx(raised)
            assert all(depth >= layer for depth in found), "the block is in every draw"


def test_the_flops_of_figure4() -> None:
    """Ours, to watch over them; nine blocks of ResNet50, in millions of FLOPs, 2 x multiply-adds."""
    space = load_space("ofa_resnet50")
    flops = load_predictors(space, metrics=["flops_m"])
    table = exact_table(space, flops, presence="figure4", taus=[])
    values = table[table["statistic"] == "M_b"]["value"].to_numpy()
    assert values == pytest.approx([5330, 5390, 5517, 5820, 5919, 6108, 6584, 6712, 7012], abs=0.5)
