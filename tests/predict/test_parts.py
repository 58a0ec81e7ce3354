"""The same bytes for any number of torch's threads."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import numpy as np
import pytest
import torch

from blockprofile.predict import parts
from blockprofile.predict.network import Network
from blockprofile.predict.parts import ROWS_AT_ONCE, evaluate_parts
from blockprofile.predict.registry import select_entries
from blockprofile.predict.weights import WEIGHTS_NAME, read_network
from blockprofile.space import Archs, draw_archs, load_space


@pytest.fixture(autouse=True)
def _own_pools() -> Iterator[None]:
    before = torch.get_num_threads()
    parts._pool.cache_clear()
    yield
    parts._pool.cache_clear()
    torch.set_num_threads(before)


@pytest.mark.parametrize("n_threads", [1, 2, 3, 4])
def test_every_part_has_one_thread_whatever_is_set_meanwhile(n_threads: int) -> None:
    archs = np.zeros((4 * n_threads * ROWS_AT_ONCE, 3), np.uint8)
    meeting, seen = threading.Barrier(n_threads), set()

    def count(part: Archs) -> np.ndarray:
        seen.add(torch.get_num_threads())
        return np.zeros(len(part), np.float32)

    def meet_and_count(part: Archs) -> np.ndarray:
        meeting.wait()
        return count(part)

    torch.set_num_threads(n_threads)
    evaluate_parts(count, archs[:1])
    evaluate_parts(meet_and_count, archs)
    other = threading.Thread(target=torch.set_num_threads, args=(5,))
    other.start()
    other.join()
    evaluate_parts(meet_and_count, archs)
    assert seen == {1}
    assert torch.get_num_threads() == n_threads, "the caller's count is left as it was"


def test_what_follows_the_pools_gets_the_count_of_the_caller() -> None:
    torch.set_num_threads(3)
    evaluate_parts(lambda part: np.zeros(len(part), np.float32), np.zeros((5, 2), np.uint8))
    found: list[int] = []
    other = threading.Thread(target=lambda: found.append(torch.get_num_threads()))
    other.start()
    other.join()
    assert found == [3]


@pytest.mark.parametrize(("name", "metric"), [("ofa_mbv3", "top1_percent"), ("ofa_resnet50", "top1_percent:ofa")])
def test_networks_are_prepared_and_evaluated_alike_on_any_number_of_threads(name: str, metric: str) -> None:
    space = load_space(name)
    archs = draw_archs(space, 12 * ROWS_AT_ONCE + 100, np.random.default_rng(0))
    entry = select_entries(space, devices=(), metrics=(metric,))[0]
    file = read_network(entry[1] / WEIGHTS_NAME)
    torch.set_num_threads(1)
    expected = Network(file, space).predict(archs)
    for n_threads in (2, 3, 4):
        torch.set_num_threads(n_threads)
        np.testing.assert_array_equal(Network(file, space).predict(archs), expected)
