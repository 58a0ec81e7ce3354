"""What a runtime is: operators in, something that can be timed out.

A runtime is a small adapter (`torch_runtime`, `onnx_runtime`); how often and in which order things are timed is
none of its business (`rounds`). Clocks stand here too, as both adapters share them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Literal, Protocol, get_args

from blockprofile.errors import OptionError, UnknownNameError, check_choice, one_of
from blockprofile.space import Operator

Clock = Literal["wall", "cpu"]
CLOCKS: tuple[Clock, ...] = get_args(Clock)

_ADAPTERS = {
    "torch": ("blockprofile.device.torch_runtime", "TorchRuntime"),
    "torch_compile": ("blockprofile.device.torch_runtime", "CompiledTorch"),
    "torch_graph": ("blockprofile.device.torch_runtime", "GraphTorch"),
    "onnxruntime": ("blockprofile.device.onnx_runtime", "OnnxRuntime"),
}
RUNTIMES = tuple(_ADAPTERS)
DTYPES = ("float32", "float16")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How operators are run.

    ``provider`` is ``cpu``, ``cuda``, or the name of an ONNX Runtime execution provider. ``clock`` is ``wall``, or
    ``cpu`` for the time that the calling thread itself was running: the better clock for one thread on a machine
    that others use at the same time, as it stands still while the thread waits for its turn.

    Raises
    ------
    OptionError
        If a number is below 1, a name is unknown, or the clock does not fit the threads or the provider.
    """

    provider: str = "cpu"
    threads: int = 1
    batch: int = 1
    dtype: str = "float32"
    clock: Clock = "wall"

    def __post_init__(self) -> None:
        for name in ("threads", "batch"):
            if getattr(self, name) < 1:
                raise OptionError(f"{name} is {getattr(self, name)}; must be at least 1")
        check_choice("dtype", self.dtype, DTYPES)
        check_choice("clock", self.clock, CLOCKS)
        if self.clock == "cpu" and (self.threads != 1 or self.provider != "cpu"):
            raise OptionError(
                f"clock 'cpu' counts one thread's own time; it takes provider 'cpu' and 1 thread, "
                f"not {self.provider!r} and {self.threads}"
            )


@dataclass(frozen=True, slots=True)
class Reading:
    """One timed run: its time, and whether the system took the processor away in the middle of it."""

    ms: float
    disturbed: bool = False


class Prepared(Protocol):
    """Operators that are ready to run one after another, in one call."""

    def read(self) -> Reading:
        """Run once, to the end, and time it."""
        ...


class Runtime(Protocol):
    """An adapter to one inference framework."""

    name: str
    settings: Settings

    def describe(self) -> Mapping[str, str]:
        """Say what runs: framework, version, provider."""
        ...

    def prepare(self, operators: Sequence[Operator], *, seed: int) -> Prepared:
        """Build consecutive operators with random weights, each occurrence with its own."""
        ...


def make_runtime(name: str, settings: Settings) -> Runtime:
    """Make a runtime.

    Raises
    ------
    UnknownNameError
        If there is no such runtime.
    OptionError
        If it is not installed, or lacks the provider.
    """
    if name not in _ADAPTERS:
        raise UnknownNameError(f"runtime {name!r} is unknown; {one_of(name, RUNTIMES)}")
    module, cls = _ADAPTERS[name]
    factory: Callable[[Settings], Runtime] = getattr(import_module(module), cls)
    return factory(settings)


def _preemptions() -> int:
    """Count how often the system has taken the processor away from this thread; 0 where it does not say."""
    try:
        import resource
    except ImportError:
        return 0
    who = getattr(resource, "RUSAGE_THREAD", None)
    return 0 if who is None else resource.getrusage(who).ru_nivcsw


def time_call(call: Callable[[], object], clock: Clock) -> Reading:
    """Time one call on the CPU.

    Examples
    --------
    >>> 1 <= time_call(lambda: time.sleep(0.001), "wall").ms
    True
    """
    now = time.perf_counter_ns if clock == "wall" else time.thread_time_ns
    before = _preemptions()
    start = now()
    call()
    elapsed = now() - start
    return Reading(elapsed / 1e6, disturbed=_preemptions() != before)
