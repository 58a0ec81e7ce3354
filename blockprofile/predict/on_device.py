"""Predictors on a device of torch: additive tables and networks, for archs that are sent there once.

Sums of tables are those of `CompiledSum` to the last bit: the same float64 numbers are added in the same order.
Networks are the same float32 operations; a device may add their products in another order, so values differ by
rounding. What is neither a sum nor a network is not evaluated here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from blockprofile.accelerator import require_cuda
from blockprofile.errors import OptionError
from blockprofile.predict.base import AdditivePredictor, Predictor
from blockprofile.predict.network import NetworkPredictor
from blockprofile.space import Archs, CompiledSum, Space

if TYPE_CHECKING:
    from torch import Tensor


class DeviceEvaluator:
    """Evaluate a fixed set of predictors on a device.

    Parameters
    ----------
    compiled
        The sums of the additive predictors, in their order; None where there are none.

    Raises
    ------
    OptionError
        If a predictor is neither additive nor a network, or torch finds no CUDA device.
    """

    def __init__(
        self, space: Space, compiled: CompiledSum | None, predictors: Sequence[Predictor], *, accelerator: str
    ) -> None:
        for each in predictors:
            if not isinstance(each, AdditivePredictor | NetworkPredictor):
                raise OptionError(
                    f"--accelerator {accelerator} evaluates sums and networks; the predictor of {each.metric!r} is "
                    f"neither ({type(each).__name__}): leave the metric out, or the option"
                )
        if accelerator.startswith("cuda"):
            require_cuda()
        import torch

        self.device = torch.device(accelerator)
        self._n_slots = space.n_slots
        self._additive = [each.metric for each in predictors if isinstance(each, AdditivePredictor)]
        self._constants = None
        self._tables = []
        if compiled is not None:
            self._constants = torch.from_numpy(compiled.constants).to(self.device)
            self._tables = [(group, torch.from_numpy(group.tables).to(self.device)) for group in compiled.groups]
        self._networks = {
            each.metric: (each.network.on(self.device), each.card.ceiling)
            for each in predictors
            if isinstance(each, NetworkPredictor)
        }

    def send(self, archs: Archs) -> Tensor:
        """Send archs, uint8 (n, n_slots), to the device as columns: int64, shape (n_slots, n)."""
        import torch

        return torch.from_numpy(np.ascontiguousarray(archs)).to(self.device).T.contiguous().long()

    def __call__(self, columns: Tensor) -> dict[str, Tensor]:
        """Evaluate all predictors.

        Parameters
        ----------
        columns
            int64, shape (n_slots, n), on the device; see `send`.

        Returns
        -------
        Metric -> float32, shape (n,), on the device; whether they are finite is not checked.
        """
        import torch

        with torch.inference_mode():
            found = self._sums(columns)
            for metric, (network, ceiling) in self._networks.items():
                last = torch.from_numpy(network.last).to(self.device).long()[:, None]
                starts = torch.from_numpy(network.offsets[:-1]).to(self.device)[:, None]
                rows = torch.minimum(columns[network.columns], last) + starts
                values = network.predict_rows(rows.T.contiguous())
                found[metric] = values if ceiling is None else values.clamp(max=float(np.float32(ceiling)))
        return found

    def _sums(self, columns: Tensor) -> dict[str, Tensor]:
        if self._constants is None:
            return {}
        total = self._constants[:, None].repeat(1, columns.shape[1])
        for group, tables in self._tables:
            index = sum(
                columns[slot].clamp(max=cap) * stride
                for slot, stride, cap in zip(group.slots, group.strides, group.caps, strict=True)
            )
            total += tables[:, index]
        return {metric: values.float() for metric, values in zip(self._additive, total, strict=True)}
