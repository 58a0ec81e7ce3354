"""Fixtures for all tests: the spaces, and arrays that must not be written to."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from blockprofile.space import Space, load_space
from tests.toy import mixed_space, toy_space

Freeze = Callable[[NDArray[np.generic]], NDArray[np.generic]]

NAMES = ("mnasnet", "moga", "nas_bench_macro", "ofa_mbv3", "ofa_proxyless", "ofa_resnet50", "proxylessnas")
_SHIPPED = {name: load_space(name) for name in NAMES}


@pytest.fixture
def toy() -> Space:
    """The toy space: 468 archs, closed forms in `tests.toy`."""
    return toy_space()


@pytest.fixture
def mixed() -> Space:
    """The toy space with a searched resolution, an option, a width and a skip."""
    return mixed_space()


@pytest.fixture(params=sorted(_SHIPPED))
def shipped(request: pytest.FixtureRequest) -> Space:
    """Shipped spaces of every kind in turn, pruned ones excepted."""
    return _SHIPPED[request.param]


@pytest.fixture
def moga() -> Space:
    """The MoGA space."""
    return _SHIPPED["moga"]


@pytest.fixture
def ofa_mbv3() -> Space:
    """The Once-for-All MobileNetV3 space."""
    return _SHIPPED["ofa_mbv3"]


@pytest.fixture
def frozen() -> Iterator[Freeze]:
    """Prove that an array handed to a function is not written to.

    ``frozen(array)`` returns a read-only copy: numpy refuses a write at once, and what bypasses numpy (another
    library on the same memory) is found when the test ends, by comparison with the bytes at the start.
    """
    handed: list[tuple[NDArray[np.generic], bytes]] = []

    def freeze(array: NDArray[np.generic]) -> NDArray[np.generic]:
        copy = array.copy()
        copy.flags.writeable = False
        handed.append((copy, copy.tobytes()))
        return copy

    yield freeze
    for array, before in handed:
        assert array.tobytes() == before, "an argument array was written to"
