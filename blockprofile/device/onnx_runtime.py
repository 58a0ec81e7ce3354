"""ONNX Runtime as a runtime: graphs with all optimisations, on the CPU or any installed provider."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from blockprofile.device.onnx_graph import onnx_model
from blockprofile.device.runtime import Prepared, Reading, Settings, time_call
from blockprofile.errors import OptionError, one_of
from blockprofile.space import Operator

_SHORT = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}


class OnnxRuntime:
    """Run ONNX graphs in ONNX Runtime.

    Inputs and outputs stay where the provider computes (bound once), so no copy is timed.

    Raises
    ------
    OptionError
        If onnxruntime or onnx is not installed, or the provider is not among the installed ones.
    """

    name = "onnxruntime"

    def __init__(self, settings: Settings) -> None:
        try:
            import onnx  # noqa: F401
            import onnxruntime
        except ImportError as failure:
            raise OptionError(
                f"runtime 'onnxruntime' needs the package {failure.name!r}; install blockprofile[onnx]"
            ) from None
        self._provider = _SHORT.get(settings.provider, settings.provider)
        installed = onnxruntime.get_available_providers()
        if self._provider not in installed:
            raise OptionError(
                f"ONNX Runtime has no provider {settings.provider!r} here; {one_of(settings.provider, installed)}"
            )
        self.settings = settings

    def describe(self) -> Mapping[str, str]:
        """Say what runs: framework, version, provider."""
        import onnxruntime

        return {"runtime": f"ONNX Runtime {onnxruntime.__version__}", "provider": self._provider}

    def prepare(self, operators: Sequence[Operator], *, seed: int) -> Prepared:
        """Build consecutive operators with random weights, each occurrence with its own."""
        import onnxruntime

        settings = self.settings
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = settings.threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        model = onnx_model(operators, batch=settings.batch, precision=settings.dtype, seed=seed)
        session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=[self._provider])
        if self._provider not in session.get_providers():  # it warns, and runs on the processor instead
            raise OptionError(
                f"ONNX Runtime could not start the provider {self._provider!r}, which is installed; a library that it "
                "needs is missing, or there is no such device"
            )
        first = operators[0]
        shape = (settings.batch, first.in_channels, first.in_size, first.in_size)
        features = np.random.default_rng(seed).standard_normal(shape).astype(settings.dtype)
        where = "cuda" if self._provider in {"CUDAExecutionProvider", "TensorrtExecutionProvider"} else "cpu"
        return _Session(session, features, where, settings)


class _Session:
    def __init__(self, session: Any, features: np.ndarray[Any, Any], where: str, settings: Settings) -> None:
        import onnxruntime

        self._session, self._settings = session, settings
        self._binding = session.io_binding()
        self._features = onnxruntime.OrtValue.ortvalue_from_numpy(features, where, 0)
        self._binding.bind_ortvalue_input("input", self._features)
        self._binding.bind_output("output", where, 0)

    def read(self) -> Reading:
        # run_with_iobinding returns when the device is done: it synchronises the outputs.
        return time_call(lambda: self._session.run_with_iobinding(self._binding), self._settings.clock)
