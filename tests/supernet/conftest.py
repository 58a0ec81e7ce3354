"""One thread of torch for each test, as tests run in parallel; few archs are judged after a training."""

from collections.abc import Iterator

import pytest
import torch


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def _few_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("blockprofile.supernet.train.N_JUDGED", 2)
