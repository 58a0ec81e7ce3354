"""Scores without training: against closed forms on a chain of one channel, and against the formulas written out."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch

from blockprofile.errors import DataError
from blockprofile.modules import build_network, use_threads
from blockprofile.predict import build_predictor, find_metric, load_predictors
from blockprofile.predict.card import Card
from blockprofile.space import Operator, Space, draw_archs, list_operators, load_space
from blockprofile.space.definition import FixedLayer, Input, SpaceDefinition, Unit
from blockprofile.zerocost import SCORES, ZeroCostPredictor, jacobian, naswot, synflow
from blockprofile.zerocost.images import N_IMAGES, noise_images
from blockprofile.zerocost.jacobian import K
from tests.supernet.test_shared import KINDS

ARCH = np.array([0], np.uint8)


def chain(size: int = 1, channels: int = 1, act: str = "none", dropout: float = 0.0) -> Space:
    pool = (FixedLayer(op="global_pool"),) if size > 1 else ()
    definition = SpaceDefinition(
        schema="blockprofile.space/1", name="chain", title="One", sources=("made up",),
        input=Input(default=size, resolutions=(size,), channels=channels), blocks=(KINDS.blocks[-1],),
        units=(Unit(out=channels, stride=1, depths=(1,), act="none"),),
        head=(FixedLayer(op="conv", out=channels, bn=False, act=act), *pool,
              FixedLayer(op="linear", out=1, dropout=dropout)),
    )  # fmt: skip
    return Space(definition)


def test_synflow_of_a_chain_is_its_product() -> None:
    # With one channel the flow of each of the two weights is their product.
    torch.manual_seed(5)
    weights = [torch.nn.Conv2d(1, 1, 1, bias=False).weight.item(), torch.nn.Linear(1, 1, bias=False).weight.item()]
    assert synflow(chain(), ARCH, seed=5) == pytest.approx(np.log(2 * abs(weights[0] * weights[1])), rel=1e-6)


def test_jacobian_of_a_linear_network_is_the_worst_there_is() -> None:
    """All images have the same gradient: one eigenvalue is their number, the others are 0."""
    size = 4
    found = jacobian(chain(size, 3, act="none"), ARCH, seed=1)
    worst = np.log(N_IMAGES + K) + 1 / (N_IMAGES + K) + (N_IMAGES - 1) * (np.log(K) + 1 / K)
    assert found == pytest.approx(-worst, rel=1e-6)
    assert jacobian(chain(size, 3, act="relu"), ARCH, seed=1) > found


def test_naswot_counts_where_two_images_are_on_the_same_side() -> None:
    space = chain(3, 2, act="relu")
    torch.manual_seed(7)
    network = build_network(list_operators(space, ARCH))
    with torch.no_grad():
        seen = noise_images(space, ARCH, seed=7)
        for layer in network.modules():
            if isinstance(layer, torch.nn.Conv2d):
                seen = layer(seen)
    on = (seen > 0).flatten(1).numpy()
    kernel = (on[:, None] == on[None]).sum(axis=2).astype(float)
    sign, value = np.linalg.slogdet(kernel)
    assert naswot(space, ARCH, seed=7) == (pytest.approx(value) if sign > 0 else -np.inf)


def test_scores_do_not_depend_on_other_threads_nor_on_their_number(monkeypatch: pytest.MonkeyPatch) -> None:
    macro = load_space("nas_bench_macro")
    archs = list(draw_archs(macro, 8, np.random.default_rng(0)))
    alone = [synflow(macro, arch) for arch in archs]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda arch: synflow(macro, arch), archs)) == alone
    within: list[int] = []
    monkeypatch.setattr("blockprofile.zerocost.images.build_network", lambda ops: _seen(ops, within))
    with use_threads(2):
        for score in SCORES.values():
            score(macro, archs[0])
        assert (within, torch.get_num_threads()) == ([1, 1, 1], 2)


def _seen(ops: list[Operator], within: list[int]) -> torch.nn.Module:
    within.append(torch.get_num_threads())
    return build_network(ops)


def test_nothing_is_dropped_at_random() -> None:
    for score in SCORES.values():
        assert score(chain(4, 3, "relu", 0.5), ARCH, seed=1) == score(chain(4, 3, "relu"), ARCH, seed=1)


def test_scores_are_metrics_of_every_space_and_leave_the_random_state_alone() -> None:
    macro = load_space("nas_bench_macro")
    archs = np.array([[0] * 8, [1] + [0] * 7, [0] * 8], np.uint8)
    state = torch.random.get_rng_state()
    for name, predictor in zip(SCORES, load_predictors(macro, metrics=list(SCORES)), strict=True):
        values = predictor.predict(archs)
        assert isinstance(predictor, ZeroCostPredictor)
        assert (predictor.metric, predictor.card.provenance, predictor.card.direction) == (name, "zero-cost", "max")
        assert values.dtype == np.float32
        assert values[0] == values[2] != values[1]
        assert values[1] == np.float32(SCORES[name](macro, archs[1], seed=0))
    assert torch.equal(state, torch.random.get_rng_state())


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({"score": "synflaw"}, r"parameters\.score is 'synflaw'; did you mean 'synflow'"),
        ({"score": "synflow", "seed": "one"}, r"parameters\.seed is 'one'; must be a whole number from 0"),
    ],
)
def test_a_card_without_a_score_or_a_seed_is_refused(parameters: dict[str, object], told: str) -> None:
    card, _ = find_metric("synflow", load_space("moga"))
    wrong = Card(**{**{name: getattr(card, name) for name in card.__slots__}, "parameters": parameters})
    with pytest.raises(DataError, match=told):
        build_predictor((wrong, Path()), load_space("moga"))


def test_images_without_a_gradient_have_the_worst_score() -> None:
    # Three rectified numbers are all there is of an image of one pixel: of some images none is above 0.
    assert jacobian(chain(1, 3, act="relu"), ARCH, seed=1) == -np.inf
