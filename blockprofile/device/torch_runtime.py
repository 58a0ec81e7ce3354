"""PyTorch as a runtime: eager or compiled modules on the CPU or on CUDA, or recorded as CUDA graphs.

At batch 1 eager calls on a GPU take as long as the host takes to launch their kernels; the other two wait less for it.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from threading import Lock
from types import FunctionType
from typing import TYPE_CHECKING

from blockprofile.accelerator import require_cuda
from blockprofile.device.runtime import Prepared, Reading, Settings, time_call
from blockprofile.errors import OptionError
from blockprofile.space import Operator

if TYPE_CHECKING:
    import torch


class TorchRuntime:
    """Run eager torch modules in inference mode.

    CUDA runs are timed with events and wait for the device; cuDNN picks its fastest algorithms first.

    Raises
    ------
    OptionError
        If the provider is not ``cpu`` or ``cuda``, or CUDA is not available.
    """

    name, how = "torch", "eager"

    def __init__(self, settings: Settings) -> None:
        if settings.provider not in {"cpu", "cuda"}:
            raise OptionError(f"runtime {self.name!r} has no provider {settings.provider!r}; choices: cpu, cuda")
        if settings.provider == "cuda":
            require_cuda("--provider")
        self.settings = settings

    def describe(self) -> Mapping[str, str]:
        """Say what runs: framework, version, provider."""
        import torch

        facts = {"runtime": f"PyTorch {torch.__version__}, {self.how}", "provider": self.settings.provider}
        if self.settings.provider == "cuda":
            facts["accelerator"] = torch.cuda.get_device_name()
            facts["cuda"] = f"{torch.version.cuda}, cuDNN {torch.backends.cudnn.version()}"  # type: ignore[no-untyped-call]
            if self.settings.dtype == "float32" and torch.backends.cudnn.allow_tf32:
                facts["convolutions"] = "TF32 where the GPU has it"
        return facts

    def prepare(self, operators: Sequence[Operator], *, seed: int) -> Prepared:
        """Build consecutive operators with random weights, each occurrence with its own."""
        import torch

        from blockprofile.modules import build_network, seeded

        settings = self.settings
        first = operators[0]
        dtype = torch.float16 if settings.dtype == "float16" else torch.float32
        with seeded(seed):
            module = build_network(operators).eval()
            features = torch.randn(settings.batch, first.in_channels, first.in_size, first.in_size)
        module = module.to(device=settings.provider, dtype=dtype)
        features = features.to(device=settings.provider, dtype=dtype)
        return self._time(module, features)

    def _time(self, module: Callable[[torch.Tensor], object], features: torch.Tensor) -> Prepared:
        if self.settings.provider == "cuda":
            return _OnCuda(lambda: module(features))
        return _OnCpu(lambda: module(features), self.settings)


class CompiledTorch(TorchRuntime):
    """Run torch modules as `torch.compile` makes them before anything is timed: whole, for their shapes and threads."""

    name, how = "torch_compile", "torch.compile"

    def _time(self, module: Callable[[torch.Tensor], object], features: torch.Tensor) -> Prepared:
        import torch

        from blockprofile.modules import use_threads

        def call(images: torch.Tensor) -> object:
            return module(images)

        # Torch keeps what it compiles by code object, eight times at most, and runs the rest eagerly; and it compiles
        # for the threads that are set. So each network has a code object of its own, and its threads from the start.
        own = FunctionType(call.__code__.replace(), call.__globals__, call.__name__, None, call.__closure__)
        is_cpu, n = self.settings.provider == "cpu", self.settings.threads
        compiled = torch.compile(own, fullgraph=True, dynamic=False, options={"cpp.threads": n} if is_cpu else {})
        with warnings.catch_warnings(), torch.inference_mode(), use_threads(n) if is_cpu else nullcontext():
            warnings.simplefilter("ignore", DeprecationWarning)  # of what the compiler itself calls
            compiled(features)
        return super()._time(compiled, features)


class GraphTorch(TorchRuntime):
    """Run torch modules recorded as CUDA graphs: one launch for all kernels.

    Raises
    ------
    OptionError
        If the provider is not ``cuda``.
    """

    name, how = "torch_graph", "CUDA graph"
    _building = Lock()

    def __init__(self, settings: Settings) -> None:
        if settings.provider != "cuda":
            raise OptionError(f"runtime 'torch_graph' records CUDA graphs; it has no provider {settings.provider!r}")
        super().__init__(settings)

    def prepare(self, operators: Sequence[Operator], *, seed: int) -> Prepared:
        """Build operators as `TorchRuntime` does, one at a time: nothing may ask for memory while another records."""
        with self._building:
            return super().prepare(operators, seed=seed)

    def _time(self, module: Callable[[torch.Tensor], object], features: torch.Tensor) -> Prepared:
        import torch

        torch.backends.cudnn.benchmark = True
        side = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        side.wait_stream(torch.cuda.current_stream())
        with torch.inference_mode(), torch.cuda.stream(side):  # what is recorded must have run before
            for _ in range(3):
                module(features)
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.inference_mode(), torch.cuda.graph(graph):
            output = module(features)
        return _OnCuda(graph.replay, keeps=(module, features, output))


class _OnCpu:
    def __init__(self, call: Callable[[], object], settings: Settings) -> None:
        self._call, self._settings = call, settings

    def read(self) -> Reading:
        import torch

        if torch.get_num_threads() != self._settings.threads:
            torch.set_num_threads(self._settings.threads)
        with torch.inference_mode():
            return time_call(self._call, self._settings.clock)


class _OnCuda:
    """What is timed by events; ``keeps`` is what must not be freed meanwhile."""

    def __init__(self, call: Callable[[], object], *, keeps: tuple[object, ...] = ()) -> None:
        import torch

        torch.backends.cudnn.benchmark = True
        self._call, self._keeps = call, keeps
        self._start = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
        self._end = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]

    def read(self) -> Reading:
        import torch

        with torch.inference_mode():
            torch.cuda.synchronize()
            self._start.record()
            self._call()
            self._end.record()
            self._end.synchronize()
        return Reading(self._start.elapsed_time(self._end))
