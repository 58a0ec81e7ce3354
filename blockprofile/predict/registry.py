"""Finding predictors: by metric, by device, or by the path of a user's own folder.

A shipped predictor is a folder with a card; several folders may serve one device for different spaces.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from types import MappingProxyType

from blockprofile.content import content_dir
from blockprofile.errors import CoverageError, OptionError, UnknownNameError, one_of
from blockprofile.loudness import LOG
from blockprofile.metric import ACCURACY, match_metric, parse_metric
from blockprofile.predict.base import Predictor
from blockprofile.predict.card import CARD_NAME, Card, read_card
from blockprofile.predict.folder import check_files
from blockprofile.space import Space

_BUILDERS = {
    "counted": ("blockprofile.predict.counted", "build_counted"),
    "lookup": ("blockprofile.predict.lookup", "build_lookup"),
    "cost_model": ("blockprofile.predict.cost_model", "build_cost_model"),
    "network": ("blockprofile.predict.network", "build_network_predictor"),
    "table": ("blockprofile.predict.table", "build_table"),
    "archs": ("blockprofile.predict.listed", "build_listed"),
    "supernet": ("blockprofile.supernet.predictor", "build_supernet_predictor"),
    "zero_cost": ("blockprofile.zerocost.predictor", "build_zero_cost"),
}

COUNTED_BY_DEFAULT = ("macs_m", "params_m")

Entry = tuple[Card, Path]
"""A card and the folder that it stands in."""


@lru_cache(maxsize=512)
def _read(folder: Path, _content: str) -> Entry:
    return read_card(folder), folder


def list_predictors() -> tuple[Entry, ...]:
    """List the shipped predictors, ordered by folder."""
    return tuple(_read(path.parent, content) for path, content in _cards())


def _cards() -> Iterator[tuple[Path, str]]:
    for path in sorted(content_dir("predictors").glob(f"*/{CARD_NAME}")):
        yield path, path.read_text("utf-8", errors="replace")  # what is no text is refused by `read_card`


def _list(may_count: Callable[[str], bool]) -> tuple[Entry, ...]:
    """List the shipped predictors whose card's text may count: the others are not parsed, which takes a while."""
    return tuple(_read(path.parent, content) for path, content in _cards() if may_count(content))


def _may_tell(content: str, key: str, value: str) -> bool:
    """Tell whether a card's text may give a key this value: False only where a line of its own gives it another."""
    lines = [line for line in content.splitlines() if line.startswith(f"{key}:")]
    return any(value in line for line in lines) or "\nmetric:" not in content


def _with(key: str, value: str) -> tuple[Entry, ...]:
    """List the shipped predictors of a device, or of a metric."""
    return tuple(entry for entry in _list(lambda text: _may_tell(text, key, value)) if getattr(entry[0], key) == value)


def list_devices() -> dict[str, tuple[Entry, ...]]:
    """List the shipped devices and the predictors that serve each."""
    devices: dict[str, tuple[Entry, ...]] = {}
    for card, folder in list_predictors():
        if card.device:
            devices[card.device] = (*devices.get(card.device, ()), (card, folder))
    return devices


def _covers(card: Card, space: Space) -> bool:
    return not card.spaces or space.base.name in card.spaces


def _has_operators(entry: Entry, space: Space) -> bool:
    """Tell whether a lookup table has all operators of a space, whatever spaces its card names."""
    card, folder = entry
    if card.kind != "lookup" or (card.resolutions and space.resolution not in card.resolutions):
        return False
    # Whether it does is quicker told than the predictor is made.
    from blockprofile.predict.lookup import check_lookup

    try:
        check_lookup(card, folder, space)
    except CoverageError:
        return False
    return True


def _pick(entries: Iterable[Entry], space: Space, what: str) -> Entry:
    choices = list(entries)
    fitting = [entry for entry in choices if _covers(entry[0], space)]
    fitting = fitting or [entry for entry in choices if _has_operators(entry, space)]
    if not fitting:
        if len(choices) == 1 and choices[0][0].kind == "lookup":
            _make(choices[0], space)
        spaces = sorted({name for card, _ in choices for name in card.spaces})
        raise CoverageError(f"{what} does not cover space {space.base.name!r}; it covers {', '.join(spaces)}")
    return next((entry for entry in fitting if entry[0].spaces), fitting[0])


def _is_folder(name: str, shipped: Sequence[Entry], what: str) -> bool:
    """Tell whether a name means a predictor folder; one that could mean two things is refused."""
    if not (Path(name) / CARD_NAME).is_file():
        return False
    if shipped:
        raise OptionError(
            f"{what} {name!r} is shipped, and a folder of that name stands here too: write './{name}' for the folder, "
            "or rename it for the shipped one"
        )
    return True


def find_cards(device: str) -> tuple[Entry, ...]:
    """Find all predictors of a device, whatever their space.

    Raises
    ------
    UnknownNameError
        If there is no such device or predictor folder.
    OptionError
        If the name is both a shipped device's and a folder's.
    """
    folder, entries = Path(device), _with("device", device)
    if _is_folder(device, entries, "device"):
        return ((read_card(folder), folder),)
    if not entries:
        if folder.is_dir():
            raise UnknownNameError(f"folder {device!r} is no predictor: it holds no {CARD_NAME}")
        raise UnknownNameError(
            f"device {device!r} is unknown; {one_of(device, sorted(list_devices()))}; or the path of a predictor folder"
        )
    return entries


def find_device(device: str, space: Space) -> Entry:
    """Find the predictor of a device, by a shipped name or a folder, for a space.

    Raises
    ------
    UnknownNameError
        If there is no such device.
    CoverageError
        If it does not cover the space.
    """
    return _pick(find_cards(device), space, f"device {device!r}")


def find_metric(metric: str, space: Space, *, brought: Mapping[str, Entry] = MappingProxyType({})) -> Entry:
    """Find the predictor of a metric for a space.

    A device in a metric's name (``latency_ms:note10``) is that of a card, never a folder's name.

    Parameters
    ----------
    metric
        A metric's column (``top1_percent``, ``macs_m``, ``latency_ms:note10``) or the path of a predictor folder.
    brought
        Predictors by metric that come before the shipped ones: those of the devices and folders that were given. The
        column alone (``latency_ms``) means the only one of them that has it.

    Raises
    ------
    UnknownNameError
        If no predictor gives that metric.
    OptionError
        If the name means several of them, or is both a shipped metric's and a folder's.
    CoverageError
        If none covers the space.
    """
    entries = _with("metric", metric)
    if _is_folder(metric, entries, "metric"):
        return _pick([(read_card(Path(metric)), Path(metric))], space, f"predictor {metric!r}")
    match = match_metric(metric, brought)
    if match is not None:
        return brought[match]
    if not entries:
        about = parse_metric(metric)
        choices = one_of(metric, [*brought, *sorted({card.metric for card, _ in list_predictors()})])
        if about.is_on_device and not about.of:
            raise OptionError(f"metric {metric!r} does not say on which device; {choices}")
        raise UnknownNameError(f"metric {metric!r} is unknown; {choices}")
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
    card, _ = entry
    if not _covers(card, space) and card.kind != "lookup":
        raise CoverageError(f"predictor {card.name!r} covers {', '.join(card.spaces)}, not space {space.base.name!r}")
    return _make(entry, space)


def _make(entry: Entry, space: Space) -> Predictor:
    card, folder = entry
    if card.resolutions and space.resolution not in card.resolutions:
        raise CoverageError(
            f"predictor {card.name!r} does not cover resolution {space.resolution}; "
            f"{one_of(space.resolution, card.resolutions)}"
        )
    check_files(card, folder)
    LOG.info("%s: %s, %s", card.metric, card.caption, folder)
    module, function = _BUILDERS[card.kind]
    builder: Callable[[Card, Path, Space], Predictor] = getattr(import_module(module), function)
    return builder(card, folder, space)


def add_entry(entries: dict[str, Entry], entry: Entry) -> str:
    """Add a predictor to those of other metrics; return its metric.

    Raises
    ------
    OptionError
        If another predictor gives the same metric.
    """
    metric = entry[0].metric
    other = entries.setdefault(metric, entry)[1]
    if other.resolve() != entry[1].resolve():
        raise OptionError(f"{str(other)!r} and {str(entry[1])!r} both give {metric!r}; give one of them")
    return metric


def default_accuracy(space: Space) -> list[Entry]:
    """Find the accuracy that is evaluated by default: ImageNet validation, else one on another scale, else none.

    A table of some archs of the space is none: drawn archs are not in it.
    """
    name = space.base.name
    likely = _list(lambda text: _may_tell(text, "metric", ACCURACY) and (name in text or "\nspaces:" not in text))
    fitting = [
        entry
        for entry in likely
        if parse_metric(entry[0].metric).column == ACCURACY
        and _covers(entry[0], space)
        and entry[0].parameters.get("archs") != "some"
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
        Further metrics, by name or folder. None means top-1 accuracy where a predictor for the space is shipped and no
        device's folder gives one, multiply-adds and parameters.

    Returns
    -------
    Entries with distinct metrics: accuracy, latencies in the order of ``devices``, the rest.

    Raises
    ------
    UnknownNameError, CoverageError, OptionError
        As `find_device` and `find_metric`; or if two of them give one metric.
    """
    found: dict[str, Entry] = {}
    for device in devices:
        add_entry(found, find_device(device, space))
    first: dict[str, Entry] = {}
    if metrics is None and all(parse_metric(name).column != ACCURACY for name in found):
        first = {entry[0].metric: entry for entry in default_accuracy(space)}
    for name in COUNTED_BY_DEFAULT if metrics is None else metrics:
        add_entry(found, find_metric(name, space, brought=found))
    return tuple((first | found).values())


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
