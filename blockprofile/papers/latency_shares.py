"""Where the latency of an arch goes on two devices, by kind of work (MoGA, Figure 1); for devices with a cost model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from blockprofile.errors import CoverageError
from blockprofile.plot import COLOURS, add_caption, figure_style, save_figure
from blockprofile.predict import FEATURES, find_device, measure_operator
from blockprofile.space import Archs, Space, encode, list_operators, load_space

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

_OF_FEATURE = {
    "dense_macs_m": "dense convolutions", "serial_depth_k": "dense convolutions",
    "depthwise_macs_m": "depthwise convolutions", "elementwise_m": "element-wise", "gates": "squeeze-and-excite gates",
}  # fmt: skip
KINDS = tuple(dict.fromkeys(_OF_FEATURE.values()))
"""The kinds of work, from the quantities of the cost models."""


@dataclass(frozen=True, slots=True)
class LatencyShare:
    """Milliseconds of each of `KINDS` for one arch on one device: float64, shape (n_kinds,)."""

    device: str
    arch: str
    caption: str
    milliseconds: NDArray[np.float64]


def latency_share_data(space: Space, arch: Archs, device: str, *, name: str = "") -> LatencyShare:
    """Split the latency of an arch.

    Parameters
    ----------
    arch
        uint8, shape (n_slots,).
    device
        A device whose predictor is a cost model.

    Raises
    ------
    CoverageError
        If the device's predictor is of another kind.
    """
    card, _ = find_device(device, space)
    if card.kind != "cost_model":
        raise CoverageError(
            f"device {device!r} has no cost model but a {card.kind}; it cannot be split by kind of work"
        )
    gate_passes = float(card.parameters.get("gate_passes", 0.0))
    operators = list_operators(space, arch)
    quantities = sum((measure_operator(op, gate_passes=gate_passes) for op in operators), np.zeros(len(FEATURES)))
    parts = np.zeros(len(KINDS))
    for place, feature in enumerate(FEATURES):
        coefficient = float(card.parameters["coefficients"].get(feature, 0.0))
        parts[KINDS.index(_OF_FEATURE[feature])] += coefficient * quantities[place]
    low, high = card.fitted_range or (-np.inf, np.inf)
    is_outside = not low <= parts.sum() <= high
    return LatencyShare(device, name, card.tell(outside=float(is_outside)), parts)


def draw_latency_shares(data: Sequence[LatencyShare], ax: Axes) -> None:
    """Draw a bar per arch and device, divided by kind of work, with percentages."""
    labels = [f"{share.arch}\n{share.device}" for share in data]
    left = np.zeros(len(data))
    for place, kind in enumerate(KINDS):
        shares = np.array([100 * share.milliseconds[place] / share.milliseconds.sum() for share in data])
        ax.barh(np.arange(len(data)), shares, left=left, color=COLOURS[place], label=kind)
        for row, value in enumerate(shares):
            if value >= 4:
                ax.text(
                    left[row] + value / 2, row, f"{value:.0f} %", ha="center", va="center", fontsize=8, color="white"
                )
        left += shares
    totals = [f"{label} ({share.milliseconds.sum():.3g} ms)" for label, share in zip(labels, data, strict=True)]
    ax.set_yticks(range(len(data)), totals, fontsize=8)
    ax.invert_yaxis()
    ax.set(xlabel="share of the latency [%]", xlim=(0, 100))
    ax.legend(frameon=False, fontsize=7.5, loc="upper center", bbox_to_anchor=(0.4, -0.2), ncols=2)


def latency_shares(space: str | Path, *, archs: dict[str, str], devices: Sequence[str], out: str | Path) -> list[Path]:
    """Draw the latency shares of archs on devices.

    Parameters
    ----------
    space
        A shipped name or a file.
    archs
        Name -> arch as text.
    out
        The figure, without suffix.

    Returns
    -------
    The files: PNG and SVG.

    Raises
    ------
    UserError
        If space, arch or device are unknown or do not fit.
    """
    import matplotlib.pyplot as plt

    where = load_space(space)
    data = [
        latency_share_data(where, encode(where, text), device, name=name)
        for name, text in archs.items()
        for device in devices
    ]
    with figure_style():
        figure, ax = plt.subplots(figsize=(7.0, 1.6 + 0.5 * len(data)))
        draw_latency_shares(data, ax)
        ax.set_title("Where the latency goes")
        told = dict.fromkeys(f"{share.device}: {share.caption}" for share in data)
        add_caption(figure, [f"Provenance: {'; '.join(told)}."])
        return save_figure(figure, Path(out))
