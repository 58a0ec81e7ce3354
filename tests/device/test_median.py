import numpy as np
import pytest

from blockprofile.device.median import median_of


def test_interval_is_infinite_below_six_values() -> None:
    assert median_of([1.0, 2.0, 3.0, 4.0, 5.0]).half_width == float("inf")
    assert median_of([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]).half_width == 2.5
    assert median_of([7.0]).value == 7.0


def test_ties_have_no_width() -> None:
    found = median_of([2.0] * 9)
    assert (found.value, found.half_width, found.spread, found.n) == (2.0, 0.0, 0.0, 9)


@pytest.mark.parametrize("n", [6, 11, 30])
def test_interval_covers_the_median_as_often_as_it_says(n: int) -> None:
    # Exponential noise, median log 2: skewed, as timings are. Eleven values cover 98.8 %, the next above 95 %.
    rng = np.random.default_rng(n)
    inside = 0
    for draw in rng.exponential(size=(4000, n)):
        ordered, found = np.sort(draw), median_of(draw)
        pairs = [(ordered[k], ordered[n - 1 - k]) for k in range(n // 2)]
        low, high = min(pairs, key=lambda pair: abs((pair[1] - pair[0]) / 2 - found.half_width))
        inside += low <= np.log(2) <= high
    assert 0.945 <= inside / 4000 <= 0.993


def test_argument_is_not_written_to(frozen) -> None:  # type: ignore[no-untyped-def]
    assert median_of(frozen(np.array([3.0, 1.0, 2.0]))).value == 2.0
