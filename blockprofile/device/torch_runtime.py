"""PyTorch as a runtime: eager modules, on the CPU or on CUDA."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from blockprofile.cuda import require_cuda
from blockprofile.device.runtime import Prepared, Reading, Settings, time_call
from blockprofile.errors import OptionError
from blockprofile.space import Operator

if TYPE_CHECKING:
    import torch

__all__ = ["TorchRuntime"]


class TorchRuntime:
    """Run eager torch modules in inference mode.

    CUDA runs are timed with events and wait for the device; cuDNN picks its fastest algorithms first.

    Raises
    ------
    OptionError
        If the provider is not ``cpu`` or ``cuda``, or CUDA is not available.
    """

    name = "torch"

    def __init__(self, settings: Settings) -> None:
        if settings.provider not in {"cpu", "cuda"}:
            raise OptionError(f"runtime 'torch' has no provider {settings.provider!r}; choices: cpu, cuda")
        if settings.provider == "cuda":
            require_cuda()
        self.settings = settings

    def describe(self) -> Mapping[str, str]:
        """Say what runs: framework, version, provider."""
        import torch

        facts = {"runtime": f"PyTorch {torch.__version__}, eager", "provider": self.settings.provider}
        if self.settings.provider == "cuda":
            facts["accelerator"] = torch.cuda.get_device_name()
            facts["cuda"] = f"{torch.version.cuda}, cuDNN {torch.backends.cudnn.version()}"  # type: ignore[no-untyped-call]
        return facts

    def prepare(self, operators: Sequence[Operator], *, seed: int) -> Prepared:
        """Build consecutive operators with random weights, each occurrence with its own."""
        import torch

        from blockprofile.modules import build_network

        settings = self.settings
        first = operators[0]
        dtype = torch.float16 if settings.dtype == "float16" else torch.float32
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            module = build_network(operators).eval()
            features = torch.randn(settings.batch, first.in_channels, first.in_size, first.in_size)
        module = module.to(device=settings.provider, dtype=dtype)
        features = features.to(device=settings.provider, dtype=dtype)
        return _OnCuda(module, features) if settings.provider == "cuda" else _OnCpu(module, features, settings)


class _OnCpu:
    def __init__(self, module: torch.nn.Module, features: torch.Tensor, settings: Settings) -> None:
        self._module, self._features, self._settings = module, features, settings

    def read(self) -> Reading:
        import torch

        if torch.get_num_threads() != self._settings.threads:
            torch.set_num_threads(self._settings.threads)
        with torch.inference_mode():
            return time_call(lambda: self._module(self._features), self._settings.clock)


class _OnCuda:
    def __init__(self, module: torch.nn.Module, features: torch.Tensor) -> None:
        import torch

        torch.backends.cudnn.benchmark = True
        self._module, self._features = module, features
        self._start = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
        self._end = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]

    def read(self) -> Reading:
        import torch

        with torch.inference_mode():
            torch.cuda.synchronize()
            self._start.record()
            self._module(self._features)
            self._end.record()
            self._end.synchronize()
        return Reading(self._start.elapsed_time(self._end))
