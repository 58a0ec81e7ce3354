"""`blockprofile sample`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import typer

from blockprofile.cli.options import (
    ACCELERATOR,
    BACKEND,
    DEVICE,
    LAW,
    METRIC,
    RESOLUTION,
    SCHEDULER,
    SEED,
    SPACE,
    WORKERS,
)
from blockprofile.cli.output import JSON_OPTION, note, print_json, tell
from blockprofile.command import command_line


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("sample")(sample)


def sample(
    space: str = SPACE,
    device: list[str] = DEVICE,
    metric: list[str] | None = METRIC,
    n: str = typer.Option("1e6", "--n", help="How many archs; 1e6 and 2M are understood."),
    seed: int = SEED,
    law: str = LAW,
    resolution: int | None = RESOLUTION,
    limit: str | None = typer.Option(
        None, "--limit", help="Only archs within it: 'latency_ms:note10<=30', 'macs_m>=400'."
    ),
    out: Path = typer.Option(..., "--out", help="The run folder."),
    workers: str = WORKERS,
    backend: str = BACKEND,
    scheduler: str | None = SCHEDULER,
    accelerator: str = ACCELERATOR,
    json: bool = JSON_OPTION,
) -> None:
    """Draw architectures at random, evaluate them and keep them in a run folder.

    The same command on the same folder goes on where it was interrupted; a larger --n extends it.

    Examples
    --------
    blockprofile sample --space moga --device mace_gpu --n 1e6 --out runs/moga
    """
    from blockprofile.run import Execution, PoolRequest, RunFolder
    from blockprofile.run import sample as draw
    from blockprofile.space import check_law

    request = PoolRequest(
        space, n=n, devices=device, metrics=metric, seed=seed, law=check_law(law), resolution=resolution,
        limit=limit,
    )  # fmt: skip
    execution = Execution(workers=workers, backend=backend, scheduler=scheduler, accelerator=accelerator)
    run = draw(request, out=out, execution=execution)
    if json:
        print_json(asdict(run))
        return
    rate = f"{run.n_new:,} drawn now, in {run.seconds:.1f} s ({run.n_new / max(run.seconds, 1e-9):,.0f} archs/s)"
    tell(f"{run.folder}: {run.n:,} archs with {', '.join(run.metrics)}")
    for name, about in RunFolder.read(run.folder).config["predictors"].items():
        if about["floor"] is None or "outside" in about["caption"]:
            note(f"{name}: {about['caption']}")
    following = command_line("profile", [run.folder])
    note(f"{rate if run.n_new else 'nothing to do: the run was complete'}; next: {following}")
