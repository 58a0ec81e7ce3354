"""`blockprofile device list | show | compare`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import typer

from blockprofile.cli.output import JSON_OPTION, note, print_json, print_table

__all__ = ["register"]

group = typer.Typer(help="Devices: list, show where figures come from, compare two.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the command group."""
    app.add_typer(group, name="device")


@group.command("list")
def list_all(json: bool = JSON_OPTION) -> None:
    """List the shipped devices with provenance and error."""
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
    """Show the cards of a device: hardware, sources, error, where not to use it."""
    from blockprofile.predict.registry import find_cards

    cards = [card for card, _ in find_cards(name)]
    if json:
        print_json([asdict(card) for card in cards])
        return
    for card in cards:
        typer.echo(f"{card.title}")
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
            "batch": "" if card.batch is None else str(card.batch), "precision": card.precision,
            "made from": card.made_from, "error": f"{told} ({error.on})" if told else error.notes,
            "floor": f"{card.floor:g} {card.unit}: no effect below it is claimed",
            "not for": card.not_for, "sources": "; ".join(card.sources), "licence": card.licence,
        }  # fmt: skip
        for key, value in lines.items():
            if value:
                typer.echo(f"  {key + ':':13} {' '.join(value.split())}")
        if card.networks:
            print_table(list(card.networks), title="  fitted on")


@group.command("compare")
def compare(
    first: str = typer.Argument(..., help="A device, or a predictor folder.", metavar="A"),
    second: str = typer.Argument(..., help="Another one.", metavar="B"),
    space: str = typer.Option(..., "--space", help="A shipped space, or the path of a YAML file."),
    n: int = typer.Option(20_000, "--n", help="How many random archs."),
    seed: int = typer.Option(0, "--seed", help="Seed of the draws."),
    out: Path | None = typer.Option(None, "--out", help="Folder for the picture, PNG and SVG."),
    json: bool = JSON_OPTION,
) -> None:
    """Compare two devices: do they rank archs and blocks alike, and what takes their time?"""
    from blockprofile.device.compare import compare_devices
    from blockprofile.space import load_space

    loaded = load_space(space)
    found = compare_devices(loaded, (first, second), n=n, seed=seed)
    picture: Path | None = None
    if out is not None:
        from blockprofile.plot.devices import save_devices

        picture = save_devices(found, out / f"{found.devices[0]}-{found.devices[1]}", space=loaded.name)[0]
    if json:
        data = asdict(found)
        del data["latencies"]
        print_json({**data, "space": loaded.name, "n": n, "picture": None if picture is None else str(picture)})
        return
    a, b = found.devices
    for name, caption in zip(found.devices, found.captions, strict=True):
        typer.echo(f"{name}: {caption}")
    typer.echo(f"{n:,} archs of {loaded.name}: Kendall tau {found.tau:.3f}, Spearman rho {found.rho:.3f}")
    typer.echo(f"blocks: Kendall tau {found.block_tau:.3f}; blocks at single places: {found.cell_tau:.3f}")

    def named(rows: tuple[dict[str, Any], ...]) -> list[dict[str, Any]]:
        words = {"percent_a": f"{a} (%)", "percent_b": f"{b} (%)", "rank_a": f"rank {a}", "rank_b": f"rank {b}"}
        return [{words.get(key, key): value for key, value in row.items()} for row in rows]

    print_table(named(found.blocks), title="M_b, percent off the mean latency")
    print_table(named(found.shares), title="share of the operators' time")
    if picture is not None:
        note(f"picture: {picture}")
