"""A runtime with known answers: every operator's time is a formula, a call costs what it is told to, nothing is run.

Its clock is its own: readings cost no real time. Speed, noise and disturbance can be scripted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from blockprofile.device.runtime import Reading, Settings
from blockprofile.space import Operator

CALL_MS = 0.01
MS_PER_MELEMENT = 0.5


def true_ms(op: Operator) -> float:
    """Return the time of an operator: proportional to multiply-adds, plus a share for each kernel size."""
    return 0.02 + op.macs / 1e6 + 0.003 * op.kernel


def melements(ops: Sequence[Operator]) -> float:
    first, last = ops[0], ops[-1]
    return (first.in_channels * first.in_size**2 + last.out_channels * last.out_size**2) / 1e6


@dataclass
class FakeRuntime:
    """Readings are (call + boundary + sum of operators) x speed x (1 + noise)."""

    settings: Settings = field(default_factory=Settings)
    noise: float = 0.0
    seed: int = 0
    speed: Callable[[int], float] = lambda reading: 1.0
    disturb_every: int = 0
    scale: float = 1.0
    offset_ms: float = 0.0
    fail_after: int = 0
    name: str = "fake"
    n_readings: int = 0
    prepared: list[tuple[Operator, ...]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng(self.seed)

    def describe(self) -> Mapping[str, str]:
        return {"runtime": "Fake 1.0", "provider": "none"}

    def prepare(self, operators: Sequence[Operator], *, seed: int) -> FakePrepared:
        self.prepared.append(tuple(operators))
        return FakePrepared(self, tuple(operators))


@dataclass
class FakePrepared:
    runtime: FakeRuntime
    operators: tuple[Operator, ...]

    def read(self) -> Reading:
        runtime = self.runtime
        runtime.n_readings += 1
        if runtime.fail_after and runtime.n_readings > runtime.fail_after:
            raise KeyboardInterrupt
        ms = CALL_MS + MS_PER_MELEMENT * melements(self.operators) + sum(map(true_ms, self.operators))
        if len(set(self.operators)) > 1:  # a whole network, which may differ from its operators' sum
            ms = runtime.scale * ms + runtime.offset_ms
        ms *= runtime.speed(runtime.n_readings) * (1 + runtime.noise * runtime.rng.exponential())
        disturbed = bool(runtime.disturb_every) and runtime.n_readings % runtime.disturb_every == 0
        return Reading(ms * (3 if disturbed else 1), disturbed)
