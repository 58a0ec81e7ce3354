"""`blockprofile arch show | price | encode | decode`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from blockprofile.cli.options import RESOLUTION, SPACE, device_option
from blockprofile.cli.output import JSON_OPTION, note, print_json, print_table, tell

if TYPE_CHECKING:
    from blockprofile.predict import Predictor
    from blockprofile.space import Archs, Space

group = typer.Typer(
    help="""Single archs: what they are, what they cost on every device, and their forms.

    Examples
    --------
    blockprofile arch show MoGA-A --space moga
    blockprofile arch price MoGA-A --space moga
    """,
    no_args_is_help=True,
)

WIDEST = 110
"""Characters of a table's columns of figures, beside their names: a table that does not fit would be cut."""

_ARCHS = typer.Argument(
    None,
    help="Text, a network's name, codes, Once-for-All's {ks, e, d}, MnasNet's strings, or {arch: …}.",
    metavar="ARCH",
)
_FROM = typer.Option(None, "--from", help="A file with an arch in each line, in any of the forms; - is stdin.")


def register(app: typer.Typer) -> None:
    """Add the command group."""
    app.add_typer(group, name="arch")


@group.command("show")
def show(
    archs: list[str] | None = _ARCHS,
    space: str = SPACE,
    from_: Path | None = _FROM,
    resolution: int | None = RESOLUTION,
    json: bool = JSON_OPTION,
) -> None:
    """Show what archs are, layer by layer: block, operator, channels, size, multiply-adds, parameters.

    Examples
    --------
    blockprofile arch show MoGA-A --space moga
    """
    from blockprofile.space import build_sites, count_macs, count_params

    where, found = _read(space, resolution, archs, from_)
    shown: list[dict[str, Any]] = []
    for arch in found:
        sites = [(site, site.operator(arch)) for site in build_sites(where)]
        layers = [
            {
                "place": site.name, "block": _block(where, arch, site.unit, site.layer), "operator": op.describe(),
                "in": op.in_channels, "out": op.out_channels, "size_in": op.in_size, "size_out": op.out_size,
                "macs": op.macs, "params": op.params,
            }
            for site, op in sites if op is not None
        ]  # fmt: skip
        operators = [op for _, op in sites if op is not None]
        totals = {"macs": count_macs(operators), "params": count_params(operators)}
        about = {**_names(where, arch), "resolution": where.resolution_of(arch)}
        shown.append({**about, **totals, "layers": layers})
    if json:
        print_json(shown)
        return
    for row in shown:
        tell(_title(row))
        print_table(row["layers"])
        told = f"{row['macs'] / 1e6:.4g} M multiply-adds, {row['params'] / 1e6:.4g} M parameters (counted)"
        tell(f"{told}, at {row['resolution']} pixels")


@group.command("price")
def price(
    archs: list[str] | None = _ARCHS,
    space: str = SPACE,
    from_: Path | None = _FROM,
    resolution: int | None = RESOLUTION,
    device: list[str] = device_option("Only this device, or predictor folder; repeatable."),
    metric: list[str] | None = typer.Option(None, "--metric", help="Only this metric, or folder; repeatable."),
    layers: bool = typer.Option(False, "--layers", help="What each place adds, where the metric is a sum."),
    json: bool = JSON_OPTION,
) -> None:
    """Price archs on every device that covers the space, with where each figure comes from.

    Examples
    --------
    blockprofile arch price MoGA-A --space moga --layers
    """
    import numpy as np

    from blockprofile.predict import AdditivePredictor, Evaluator, load_predictors

    where, found = _read(space, resolution, archs, from_)
    missing: dict[str, str] = {}
    if device or metric:
        predictors = load_predictors(where, devices=device, metrics=metric or ())
    else:
        predictors, missing = _all_predictors(where)
    values = Evaluator(where, predictors)(np.stack(found))
    priced: list[dict[str, Any]] = []
    for index, arch in enumerate(found):
        rows = [_figure(each, float(values[each.metric][index]), where, arch) for each in predictors]
        if layers:
            for row, each in zip(rows, predictors, strict=True):
                row["layers"] = each.contributions(arch) if isinstance(each, AdditivePredictor) else None
        priced.append({**_names(where, arch), "metrics": rows})
    if json:
        print_json({"space": where.name, "archs": priced, "not_covered": missing})
        return
    for entry in priced:
        tell(_title(entry))
        columns = ("metric", "value", "unit", "provenance")
        print_table([{name: row[name] for name in columns} for row in entry["metrics"]], wrap=["provenance"])
        if layers:
            _print_layers(where, entry["metrics"])
    if missing:
        note(f"do not cover space {where.name!r}: {', '.join(missing)}")


@group.command("encode")
def encode(
    archs: list[str] | None = _ARCHS,
    space: str = SPACE,
    from_: Path | None = _FROM,
    resolution: int | None = RESOLUTION,
    json: bool = JSON_OPTION,
) -> None:
    """Write archs as codes, the bytes that run folders hold; one line for each.

    Examples
    --------
    blockprofile arch encode --from archs.txt --space moga
    """
    _write(space, archs, from_, form="codes", json=json, resolution=resolution)


@group.command("decode")
def decode(
    archs: list[str] | None = _ARCHS,
    space: str = SPACE,
    from_: Path | None = _FROM,
    resolution: int | None = RESOLUTION,
    form: str = typer.Option("text", "--form", help="text, codes, ofa (ks, e, d) or mnasnet (strings)."),
    json: bool = JSON_OPTION,
) -> None:
    """Write archs, given as codes or in any other form, as text or in another form; one line for each.

    Examples
    --------
    blockprofile arch decode --from archs.jsonl --space ofa_mbv3 --form ofa
    """
    _write(space, archs, from_, form=form, json=json, resolution=resolution)


def _write(
    name: str, archs: list[str] | None, file: Path | None, *, form: str, json: bool, resolution: int | None
) -> None:
    from json import dumps

    from blockprofile.space import write_arch

    where, found = _read(name, resolution, archs, file)
    written = [write_arch(where, arch, form) for arch in found]
    if json:
        print_json([{**_names(where, arch), form: data} for arch, data in zip(found, written, strict=True)])
        return
    for data in written:
        tell(data if isinstance(data, str) else dumps(data))


def _read(name: str, resolution: int | None, archs: list[str] | None, file: Path | None) -> tuple[Space, list[Archs]]:
    """Read the space, and the archs that were typed and those of the file."""
    from blockprofile.errors import OptionError
    from blockprofile.space import load_space, read_arch, read_arch_lines

    space = load_space(name, resolution=resolution)
    found = [read_arch(space, text) for text in archs or ()]
    found += [] if file is None else read_arch_lines(space, file)
    if not found:
        told = f"{file} holds no arch" if file is not None else "no arch is given"
        raise OptionError(f"{told}; type one or more, or give --from FILE with one in each line")
    return space, found


def _names(space: Space, arch: Archs) -> dict[str, Any]:
    """Say which arch it is: as text, and by the networks of the space that it is."""
    from blockprofile.space import decode as text_of
    from blockprofile.space import named_archs

    known = [name for name, other in named_archs(space).items() if other.tobytes() == arch.tobytes()]
    return {"arch": text_of(space, arch), "networks": known}


def _title(row: dict[str, Any]) -> str:
    return f"{row['arch']}{''.join(f' ({name})' for name in row['networks'])}"


def _block(space: Space, arch: Archs, unit: int, layer: int) -> str:
    if not unit:
        return ""
    slot = space.slots[space.units[unit - 1].layer_slot(layer)]
    return str(slot.choices[int(arch[slot.index])])


def _all_predictors(space: Space) -> tuple[tuple[Predictor, ...], dict[str, str]]:
    """Return the accuracy, the counts and all devices that cover a space; and why the other devices do not."""
    from blockprofile.errors import CoverageError
    from blockprofile.predict import build_predictor, find_device, list_devices, load_predictors

    devices: list[Predictor] = []
    missing: dict[str, str] = {}
    for name in sorted(list_devices()):
        try:
            devices.append(build_predictor(find_device(name, space), space))
        except CoverageError as failure:
            missing[name] = str(failure)
    first: list[Predictor] = list(load_predictors(space))
    return (*first, *devices), missing


def _figure(predictor: Predictor, value: float, space: Space, arch: Archs) -> dict[str, Any]:
    import numpy as np

    from blockprofile.predict import count_outside, tell_stated

    card = getattr(predictor, "card", None)
    outside = count_outside(predictor, np.array([value], np.float32)) > 0
    provenance = "user" if card is None else card.caption
    if outside and card is not None:
        low, high = card.fitted_range
        provenance = (
            f"{card.provenance}, outside the {low:.3g} to {high:.3g} {card.unit} it was fitted on: error unknown"
        )
    provenance = "; ".join(filter(None, [provenance, tell_stated(space, predictor.metric, arch[None])]))
    return {"metric": predictor.metric, "value": value, "unit": predictor.unit, "provenance": provenance}


def _fitting(names: Sequence[str]) -> list[list[str]]:
    """Cut columns into tables that are not wider than `WIDEST`, in order."""
    groups: list[list[str]] = [[]]
    for name in names:
        if groups[-1] and sum(len(known) + 2 for known in [*groups[-1], name]) > WIDEST:
            groups.append([])
        groups[-1].append(name)
    return groups


def _print_layers(space: Space, metrics: list[dict[str, Any]]) -> None:
    """Print what each place adds, a column for each metric that is a sum."""
    from blockprofile.space import build_sites

    sums = {row["metric"]: row["layers"] for row in metrics if row["layers"] is not None}
    named = dict.fromkeys(name for parts in sums.values() for name in parts if name)
    ordered = [site.name for site in build_sites(space) if site.name in named]
    places = [*ordered, *(name for name in named if name not in ordered)]
    for group in _fitting(list(sums)):
        rows = [{"place": place, **{metric: sums[metric].get(place) for metric in group}} for place in places]
        once = {metric: sums[metric].get("") for metric in group}
        print_table([*rows, {"place": "once", **once}] if any(value is not None for value in once.values()) else rows)
    others = [row["metric"] for row in metrics if row["layers"] is None]
    if others:
        note(f"not a sum over places: {', '.join(others)}")
