"""`blockprofile device list | show | compare`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from blockprofile.cli.options import space_option
from blockprofile.cli.output import JSON_OPTION, note, print_json, print_table, tell

if TYPE_CHECKING:
    from blockprofile.predict import Card

group = typer.Typer(
    help="""Devices: list, show where figures come from, compare two.

    Examples
    --------
    blockprofile device list
    blockprofile device show note10
    """,
    no_args_is_help=True,
)


def register(app: typer.Typer) -> None:
    """Add the command group."""
    app.add_typer(group, name="device")


@group.command("list")
def list_all(json: bool = JSON_OPTION) -> None:
    """List the shipped devices with provenance and error.

    Examples
    --------
    blockprofile device list
    """
    from blockprofile.predict import list_devices

    rows: list[dict[str, Any]] = []
    for device, entries in sorted(list_devices().items()):
        for card, _ in entries:
            rows.append(
                {
                    "device": device,
                    "spaces": ", ".join(card.spaces) or "every mbconv space",
                    "resolutions": " ".join(map(str, card.resolutions)) or "any",
                    "error": card.caption,
                    "hardware": card.hardware,
                }
            )
    if json:
        print_json(rows)
    else:
        print_table(rows, wrap=["hardware", "error", "spaces"])


@group.command("show")
def show(
    name: str = typer.Argument(..., help="A shipped device, or a predictor folder.", metavar="DEVICE"),
    json: bool = JSON_OPTION,
) -> None:
    """Show the cards of a device: hardware, sources, error, where not to use it.

    Examples
    --------
    blockprofile device show note10
    """
    from blockprofile.predict import find_cards

    entries = find_cards(name)
    if json:
        print_json(
            [asdict(card) | {"shares_outside": _shares_outside(*entry)} for entry in entries for card in entry[:1]]
        )
        return
    for card, folder in entries:
        tell(f"{card.title}")
        error = card.error
        figures = {
            "R2": error.r2, "MAE": error.mae, "RMSE": error.rmse, "Kendall tau": error.kendall_tau,
            "MAE of the best percentile": error.best_percentile_mae,
        }  # fmt: skip
        told = ", ".join(f"{name} {value:.4g}" for name, value in figures.items() if value is not None)
        lines = {
            "metric": f"{card.metric} [{card.unit}]",
            "provenance": card.provenance,
            "spaces": ", ".join(card.spaces) or "every space whose operators it covers",
            "resolutions": ", ".join(map(str, card.resolutions)) or "any",
            "hardware": card.hardware, "runtime": card.runtime,
            "batch": "not stated" if card.batch is None else str(card.batch), "precision": card.precision,
            "made from": card.made_from, "error": f"{told} ({error.on})" if told else error.notes,
            "about the error": error.notes if told else "",
            "labels": _tell_labels(card), "under each law": _tell_laws(card), "fitted on": _tell_range(card, folder),
            "ceiling": "" if card.ceiling is None else f"{card.ceiling:g} {card.unit}",
            "floor": "unknown: not audited; effects are claimed beyond noise alone" if card.floor is None
            else f"{card.floor:g} {card.unit}: no effect below it is claimed",
            "not for": card.not_for, "sources": "; ".join(card.sources), "licence": card.licence,
        }  # fmt: skip
        width = max(13, *(len(key) + 1 for key, value in lines.items() if value))
        for key, value in lines.items():
            if value:
                tell(f"  {key + ':':{width}} {' '.join(value.split())}")
        if card.networks:
            print_table(list(card.networks), title="  fitted on")


def _tell_labels(card: Card) -> str:
    about = card.label_error
    if about is None:
        return ""
    known = {"RMSE": about.rmse, "MAE": about.mae}
    figures = [f"{name} {value:g} {card.unit}" for name, value in known.items() if value is not None]
    return f"their own error: {', '.join([*figures, about.on] if about.on else figures)}"


def _tell_laws(card: Card) -> str:
    return "; ".join(
        f"{law}: MAE {found.mae:.4g}, RMSE {found.rmse:.4g} {card.unit} (worth {found.n:,.0f} archs)"
        for law, found in card.error.by_law.items()
    )


def _shares_outside(card: Card, folder: Path) -> dict[str, float]:
    """Return for each shipped space that a card covers the share of archs outside the range it was fitted on."""
    from blockprofile.errors import CoverageError
    from blockprofile.predict import build_predictor, share_outside
    from blockprofile.space import list_spaces, load_space

    shares: dict[str, float] = {}
    names = list_spaces() if card.fitted_range is not None else ()
    for name in (name for name in names if "/" not in name):
        space = load_space(name)
        try:
            shares[name] = share_outside(build_predictor((card, folder), space), space)
        except CoverageError:
            continue
    return shares


def _tell_range(card: Card, folder: Path) -> str:
    if card.fitted_range is None:
        return ""
    low, high = card.fitted_range
    outside = ", ".join(f"{name} {100 * share:.3g} %" for name, share in _shares_outside(card, folder).items())
    told = f"; archs outside: {outside}" if outside else ""
    return f"{low:g} to {high:g} {card.unit}, beyond which the error is not known{told}"


@group.command("compare")
def compare(
    first: str = typer.Argument(..., help="A device, or a predictor folder.", metavar="A"),
    second: str = typer.Argument(..., help="Another one.", metavar="B"),
    space: str = space_option(),
    n: int = typer.Option(20_000, "--n", help="How many random archs."),
    seed: int = typer.Option(0, "--seed", help="Seed of the draws."),
    out: Path | None = typer.Option(None, "--out", help="Folder for the picture, PNG and SVG."),
    json: bool = JSON_OPTION,
) -> None:
    """Compare two devices: do they rank archs and blocks alike, and what takes their time?

    Examples
    --------
    blockprofile device compare tflite_cpu mace_gpu --space moga --out pictures
    """
    from blockprofile.device import compare_devices
    from blockprofile.space import load_space

    loaded = load_space(space)
    found = compare_devices(loaded, (first, second), n=n, seed=seed)
    picture: Path | None = None
    if out is not None:
        from blockprofile.plot import save_devices

        picture = save_devices(found, out / f"{found.devices[0]}-{found.devices[1]}", space=loaded.name)[0]
    if json:
        data = asdict(found)
        del data["latencies"]
        print_json({**data, "space": loaded.name, "n": n, "picture": None if picture is None else str(picture)})
        return
    a, b = found.devices
    for name, caption in zip(found.devices, found.captions, strict=True):
        tell(f"{name}: {caption}")
    tau = f"Kendall tau {found.tau:.3f} ± {found.tau_half:.3f}"
    tell(f"{n:,} archs of {loaded.name}: {tau} (95 % interval, other archs), Spearman rho {found.rho:.3f}")
    tell(f"blocks: Kendall tau {found.block_tau:.3f}; blocks at single places: {found.cell_tau:.3f}")

    def named(rows: tuple[dict[str, Any], ...]) -> list[dict[str, Any]]:
        words = {"percent_a": f"{a} (%)", "percent_b": f"{b} (%)", "rank_a": f"rank {a}", "rank_b": f"rank {b}"}
        return [{words.get(key, key): value for key, value in row.items()} for row in rows]

    print_table(named(found.blocks), title="M_b, percent off each one's mean")
    print_table(named(found.shares), title="share of the operators' sum")
    if picture is not None:
        note(f"picture: {picture}")
