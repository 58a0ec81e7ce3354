"""Finding predictors: by metric, by device, or by the path of a user's own folder.

A shipped predictor is a folder with a card; several folders may serve one device for different spaces.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from importlib import import_module
from pathlib import Path

from blockprofile.content import content_dir
from blockprofile.errors import CoverageError, UnknownNameError, one_of
from blockprofile.predict.base import Predictor
from blockprofile.predict.card import CARD_NAME, Card, read_card
from blockprofile.space.space import Space

__all__ = [
    "Entry",
    "build_predictor",
    "find_cards",
    "find_device",
    "find_metric",
    "list_devices",
    "list_predictors",
    "load_predictors",
    "select_entries",
]

_BUILDERS = {
    "counted": ("blockprofile.predict.counted", "build_counted"),
    "lookup": ("blockprofile.predict.lookup", "build_lookup"),
    "cost_model": ("blockprofile.predict.cost_model", "build_cost_model"),
    "network": ("blockprofile.predict.neural", "build_network_predictor"),
    "table": ("blockprofile.predict.table", "build_table"),
}

ACCURACY = "top1_percent"
COUNTED_BY_DEFAULT = ("macs_m", "params_m")

Entry = tuple[Card, Path]
"""A card and the folder that it stands in."""


@lru_cache(maxsize=8)
def _scan(cards: tuple[Path, ...], _content: bytes) -> tuple[Entry, ...]:
    return tuple((read_card(card.parent), card.parent) for card in cards)


def list_predictors() -> tuple[Entry, ...]:
    """List the shipped predictors, ordered by folder."""
    cards = tuple(sorted(content_dir("predictors").glob(f"*/{CARD_NAME}")))
    return _scan(cards, hashlib.sha256(b"".join(card.read_bytes() for card in cards)).digest())


def list_devices() -> dict[str, tuple[Entry, ...]]:
    """List the shipped devices and the predictors that serve each."""
    devices: dict[str, tuple[Entry, ...]] = {}
    for card, folder in list_predictors():
        if card.device:
            devices[card.device] = (*devices.get(card.device, ()), (card, folder))
    return devices


def _covers(card: Card, space: Space) -> bool:
    return not card.spaces or space.base.name in card.spaces


def _pick(entries: Iterable[Entry], space: Space, what: str) -> Entry:
    choices = list(entries)
    fitting = [entry for entry in choices if _covers(entry[0], space)]
    if not fitting:
        spaces = sorted({name for card, _ in choices for name in card.spaces})
        raise CoverageError(f"{what} does not cover space {space.base.name!r}; it covers {', '.join(spaces)}")
    return next((entry for entry in fitting if entry[0].spaces), fitting[0])


def find_cards(device: str) -> tuple[Entry, ...]:
    """Find all predictors of a device, whatever their space.

    Raises
    ------
    UnknownNameError
        If there is no such device or predictor folder.
    """
    folder = Path(device)
    if (folder / CARD_NAME).is_file():
        return ((read_card(folder), folder),)
    devices = list_devices()
    if device not in devices:
        if folder.is_dir():
            raise UnknownNameError(f"folder {device!r} is no predictor: it holds no {CARD_NAME}")
        raise UnknownNameError(
            f"device {device!r} is unknown; {one_of(device, sorted(devices))}; or the path of a predictor folder"
        )
    return devices[device]


def find_device(device: str, space: Space) -> Entry:
    """Find the predictor of a device for a space.

    Parameters
    ----------
    device
        A shipped device's name, or the path of a predictor folder.

    Raises
    ------
    UnknownNameError
        If there is no such device.
    CoverageError
        If it does not cover the space.
    """
    return _pick(find_cards(device), space, f"device {device!r}")


def find_metric(metric: str, space: Space) -> Entry:
    """Find the predictor of a metric for a space.

    Parameters
    ----------
    metric
        A metric's column (``top1_percent``, ``macs_m``, ``latency_ms:note10``) or the path of a predictor folder.

    Raises
    ------
    UnknownNameError
        If no predictor gives that metric.
    CoverageError
        If none covers the space.
    """
    if (Path(metric) / CARD_NAME).is_file():
        return _pick([(read_card(Path(metric)), Path(metric))], space, f"predictor {metric!r}")
    entries = [entry for entry in list_predictors() if entry[0].metric == metric]
    if not entries:
        known = sorted({card.metric for card, _ in list_predictors()})
        raise UnknownNameError(f"metric {metric!r} is unknown; {one_of(metric, known)}")
    return _pick(entries, space, f"metric {metric!r}")


def build_predictor(entry: Entry, space: Space) -> Predictor:
    """Make a predictor for a space from its card and folder.

    Raises
    ------
    CoverageError
        If it lacks the space, the resolution or an operator.
    DataError, DefinitionError
        If its files are wrong.
    """
    card, folder = entry
    if not _covers(card, space):
        raise CoverageError(f"predictor {card.name!r} covers {', '.join(card.spaces)}, not space {space.base.name!r}")
    if card.resolutions and space.resolution not in card.resolutions:
        raise CoverageError(
            f"predictor {card.name!r} does not cover resolution {space.resolution}; "
            f"{one_of(space.resolution, card.resolutions)}"
        )
    module, function = _BUILDERS[card.kind]
    builder: Callable[[Card, Path, Space], Predictor] = getattr(import_module(module), function)
    return builder(card, folder, space)


def _default_accuracy(space: Space) -> list[Entry]:
    """Find the accuracy that is evaluated by default: ImageNet validation, else one on another scale, else none."""
    fitting = [
        entry for entry in list_predictors() if entry[0].metric.startswith(ACCURACY) and _covers(entry[0], space)
    ]
    return sorted(fitting, key=lambda entry: len(entry[0].metric))[:1]


def select_entries(
    space: Space, *, devices: Sequence[str] = (), metrics: Sequence[str] | None = None
) -> tuple[Entry, ...]:
    """Find the predictors that a command works with.

    Parameters
    ----------
    devices
        Names or folders; each adds its latency.
    metrics
        Further metrics. None means top-1 accuracy where a predictor for the space is shipped, multiply-adds
        and parameters.

    Returns
    -------
    Entries with distinct metrics: accuracy, latencies in the order of ``devices``, the rest.

    Raises
    ------
    UnknownNameError, CoverageError
        As `find_device` and `find_metric`.
    """
    wanted: list[Entry] = []
    if metrics is None:
        wanted += _default_accuracy(space)
    wanted += [find_device(device, space) for device in devices]
    names = COUNTED_BY_DEFAULT if metrics is None else metrics
    wanted += [find_metric(name, space) for name in names]
    return tuple({card.metric: (card, folder) for card, folder in wanted}.values())


def load_predictors(
    space: Space, *, devices: Sequence[str] = (), metrics: Sequence[str] | None = None
) -> tuple[Predictor, ...]:
    """Make the predictors that a command works with; see `select_entries`.

    Raises
    ------
    UnknownNameError, CoverageError
        As `select_entries` and `build_predictor`.
    """
    return tuple(build_predictor(entry, space) for entry in select_entries(space, devices=devices, metrics=metrics))
