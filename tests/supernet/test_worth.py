"""What labels are worth beside a supernet, where the truth is known: a multiple of it and one value for each choice."""

import numpy as np
import pytest

from blockprofile.errors import OptionError
from blockprofile.space import CompiledSum, Factor, draw_archs, load_space
from blockprofile.supernet.worth import fit_beside, label_worth

SPACE = load_space("nas_bench_macro")
ARCHS = np.unique(draw_archs(SPACE, 400, np.random.default_rng(0)), axis=0)
RNG = np.random.default_rng(1)
MAIN = CompiledSum(SPACE, [[Factor((slot.index,), RNG.normal(size=4)) for slot in SPACE.slots]])(ARCHS)[0]
SUPERNET = RNG.normal(size=(9, 9))[ARCHS[:, 0] * 3 + ARCHS[:, 1], ARCHS[:, 2] * 3 + ARCHS[:, 3]]
TRUTH = 60.0 + 2.0 * SUPERNET + MAIN


def test_both_find_what_neither_has() -> None:
    slope, rest = fit_beside(SPACE, ARCHS, SUPERNET, TRUTH)
    assert slope == pytest.approx(2.0, abs=1e-3)
    assert slope * SUPERNET + rest(ARCHS)[0] == pytest.approx(TRUTH, abs=1e-2)
    worth = {
        row.ranked_by: row
        for row in label_worth(SPACE, ARCHS, SUPERNET, [np.full(2, value) for value in TRUTH], labels=[60])
    }
    assert worth["both"].tau > 0.99
    assert worth["both"].regret < 0.01
    for alone in ("supernet", "labels"):
        assert worth[alone].tau < 0.9
        assert worth[alone].regret > worth["both"].regret + 3 * worth[alone].regret_se


def test_a_supernet_of_noise_costs_little() -> None:
    noise = np.random.default_rng(2).normal(size=len(ARCHS))
    rows = label_worth(SPACE, ARCHS, noise, [np.array([value]) for value in MAIN], labels=[40])
    worth = {row.ranked_by: row for row in rows}
    assert abs(worth["supernet"].tau) < 0.1
    assert worth["both"].tau > 0.95 * worth["labels"].tau > 0.8


@pytest.mark.parametrize("n", [4, 190])
def test_labels_are_neither_too_few_nor_all(n: int) -> None:
    with pytest.raises(OptionError, match=rf"--labels is {n}; from 5 to \d+, half of the archs"):
        label_worth(SPACE, ARCHS[:300], SUPERNET[:300], [np.array([v]) for v in TRUTH[:300]], labels=[n])
