"""The measuring loop on a fake runtime whose answers are known."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from blockprofile.device.journal import Journal, Round
from blockprofile.device.median import Median
from blockprofile.device.probes import Probe
from blockprofile.device.rounds import Plan, measure_rounds, probe_medians, sentinel_drift
from blockprofile.device.warm_up import WARM_LIMIT_S, warm_up
from blockprofile.errors import DataError, OptionError, RunError
from blockprofile.space import Operator
from tests.device.fake import CALL_MS, MS_PER_MELEMENT, FakePrepared, FakeRuntime, melements, true_ms


def operator(hidden: int) -> Operator:
    return Operator(
        op="mbconv",
        in_size=14,
        out_size=14,
        in_channels=16,
        out_channels=16,
        hidden_channels=hidden,
        kernel=3,
        skip=True,
    )


OPS = [operator(hidden) for hidden in (16, 32, 64, 96)]


def probes_of(runtime: FakeRuntime) -> tuple[dict[str, FakePrepared], FakePrepared]:
    named = {Probe(str(i), op, 1).name: runtime.prepare([op], seed=0) for i, op in enumerate(OPS)}
    return named, runtime.prepare([OPS[1]], seed=0)


def truth(op: Operator) -> float:
    return CALL_MS + MS_PER_MELEMENT * melements([op]) + true_ms(op)


def measure(runtime: FakeRuntime, *, path: Path | None = None, **fields: float) -> tuple[dict[str, Median], Journal]:
    plan = Plan(**{"min_rounds": 8, "max_rounds": 60, **fields})  # type: ignore[arg-type]
    journal = Journal(path)
    journal.open({"what": "test"})
    probes, sentinel = probes_of(runtime)
    return measure_rounds(probes, sentinel, plan=plan, journal=journal), journal


def test_without_noise_the_answer_is_exact_after_the_least_rounds() -> None:
    medians, journal = measure(FakeRuntime())
    assert len(journal.rounds) == 8
    for index, op in enumerate(OPS):
        assert medians[str(index)].value == pytest.approx(truth(op), rel=1e-12)
        assert medians[str(index)].half_width == 0


def test_noise_is_measured_down_to_the_precision() -> None:
    medians, _ = measure(FakeRuntime(noise=0.3, seed=1), precision=0.02, resolution_ms=1e-9, max_rounds=300)
    for index, op in enumerate(OPS):
        found = medians[str(index)]
        assert found.half_width <= 0.02 * found.value
        # The best of a visit's runs lies above the truth by noise / runs at most in the mean, never below.
        assert truth(op) <= found.value <= 1.15 * truth(op)


def test_disturbed_runs_do_not_count() -> None:
    medians, journal = measure(FakeRuntime(disturb_every=3))
    assert medians["0"].value == pytest.approx(truth(OPS[0]), rel=1e-12)
    n_runs = sum(entry.n_runs for entry in journal.rounds)
    assert sum(entry.n_disturbed for entry in journal.rounds) == pytest.approx(n_runs / 3, rel=0.1)


def test_slow_drift_is_corrected_by_the_sentinel() -> None:
    medians, journal = measure(FakeRuntime(speed=lambda reading: 1 + reading / 4000))
    drift = sentinel_drift(journal.rounds)
    assert drift.range_share > 0.05
    ratios = [medians[str(index)].value / truth(op) for index, op in enumerate(OPS)]
    assert np.ptp(ratios) < 0.01 * np.mean(ratios)  # what is left is one common factor, the median speed


def test_rounds_that_jump_are_repeated() -> None:
    # The machine is half as fast for a stretch: rounds in which that begins or ends are not used.
    medians, journal = measure(FakeRuntime(speed=lambda reading: 2.0 if 100 <= reading < 150 else 1.0))
    assert 1 <= sentinel_drift(journal.rounds).n_repeated <= 3
    for index, op in enumerate(OPS):
        assert medians[str(index)].value == pytest.approx(truth(op), rel=1e-9)


def test_a_machine_that_is_never_calm_ends_all_the_same() -> None:
    rng = np.random.default_rng(0)
    _, journal = measure(FakeRuntime(speed=lambda _: float(rng.uniform(1, 9))), max_rounds=30)
    steady = [entry.steady for entry in journal.rounds]
    assert len(steady) == 30
    assert 0 < sum(steady) < 30


def test_time_limit_ends_it_with_at_least_one_round() -> None:
    medians, journal = measure(FakeRuntime(noise=0.5), time_limit_s=1e-9, resolution_ms=1e-12)
    # Readings cost no time, but a round's own work does.
    assert 1 <= len(journal.rounds) <= 60
    assert set(medians) == {"0", "1", "2", "3"}


def test_probes_that_are_narrow_are_left_out_of_later_rounds() -> None:
    runtime = FakeRuntime()
    probes, sentinel = probes_of(runtime)
    noisy = FakeRuntime(noise=2.0, seed=3)
    probes["noisy"] = noisy.prepare([OPS[0]], seed=0)
    journal = Journal()
    measure_rounds(
        probes, sentinel, plan=Plan(min_rounds=8, max_rounds=12, precision=1e-6, resolution_ms=1e-9), journal=journal
    )
    assert [set(entry.ms) for entry in journal.rounds[8:]] == [{"noisy"}] * 4


def test_the_order_is_random_and_another_in_every_round() -> None:
    _, journal = measure(FakeRuntime())
    assert len({tuple(entry.ms) for entry in journal.rounds}) > 4


def test_killed_and_resumed_it_goes_on_where_it_was(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    with pytest.raises(KeyboardInterrupt):
        measure(FakeRuntime(fail_after=200), path=path)
    kept = Journal(path)
    kept.open({"what": "test"})
    assert 1 <= len(kept.rounds) < 8
    with path.open("a", encoding="utf-8") as handle:
        handle.write('{"ms": {"0": 1.')  # a line that the kill cut off
    medians, journal = measure(FakeRuntime(), path=path)
    assert journal.rounds[: len(kept.rounds)] == kept.rounds
    assert len(journal.rounds) == 8
    unbroken, _ = measure(FakeRuntime())
    assert {name: m.value for name, m in medians.items()} == {name: m.value for name, m in unbroken.items()}
    assert [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_a_journal_of_another_measurement_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    Journal(path).open({"space": "moga", "threads": 1})
    with pytest.raises(RunError, match="threads is 1 there, 2 now"):
        Journal(path).open({"space": "moga", "threads": 2})
    path.write_text("no journal\n", encoding="utf-8")
    with pytest.raises(DataError, match="is not valid JSON"):
        Journal(path).open({})
    path.write_text("", encoding="utf-8")
    Journal(path).open({"space": "moga"})
    assert json.loads(path.read_text(encoding="utf-8"))["space"] == "moga"


def test_medians_of_no_rounds_are_none() -> None:
    assert probe_medians([]) == {}
    assert probe_medians([Round({"a": 1.0}, (1.0,), steady=False)]) == {}


@pytest.mark.parametrize(
    ("field", "value"), [("precision", 0.0), ("time_limit_s", float("nan")), ("min_rounds", 5), ("max_rounds", 7)]
)
def test_a_plan_that_cannot_be_is_refused(field: str, value: float) -> None:
    with pytest.raises(OptionError, match="must be"):
        Plan(**{field: value})  # type: ignore[arg-type]


@pytest.mark.parametrize(("settles", "is_steady"), [(True, True), (False, False)])
def test_a_gpu_is_warm_when_its_sentinel_stands_still(settles: bool, is_steady: bool) -> None:
    """Its speed rises over the first 200 runs (a tenth of a second each), or it never comes to rest."""
    runtime = FakeRuntime(speed=lambda n: 1 + max(0, 200 - n) / 200 if settles else 1 + n % 400 / 100)
    said: list[str] = []
    seconds = [0.0]

    def now() -> float:
        seconds[0] = runtime.n_readings / 10
        return seconds[0]

    assert warm_up(runtime.prepare([OPS[0]], seed=0), now=now, progress=said.append) == is_steady
    assert seconds[0] > 20 if is_steady else seconds[0] >= WARM_LIMIT_S
    assert said[0].startswith("warm after 2" if is_steady else "not steady after 60 s")


def test_the_last_few_are_not_waited_for() -> None:
    def rounds(enough: float) -> int:
        wild = FakeRuntime(noise=0.0)
        plan = Plan(min_rounds=6, max_rounds=60, precision=0.001, resolution_ms=1e-9, enough=enough)
        journal = Journal(None)
        journal.open({"what": "test"})
        probes, sentinel = probes_of(wild)
        noisy = FakeRuntime(noise=0.5, seed=1).prepare([OPS[3]], seed=0)
        measure_rounds({**probes, "3": noisy}, sentinel, plan=plan, journal=journal)
        return len(journal.rounds)

    assert rounds(0.75) == 6
    assert rounds(1.0) == 60
    with pytest.raises(OptionError, match=r"enough is 0; must be a share above 0"):
        Plan(enough=0)
