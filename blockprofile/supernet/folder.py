"""The folder of a supernet: its manifest, its weights, its card; made by a training, opened by all that judges archs.

A training that is under way has `checkpoint.safetensors`, one that is done `weights.safetensors` and a card, so that
the folder is a predictor of the accuracy that its subnets have with the shared weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from blockprofile.errors import DataError, OptionError, RunError
from blockprofile.run import MANIFEST_NAME, RunFolder
from blockprofile.space import Space, build_sites
from blockprofile.supernet.data import DataSet, ImageForm, load_data
from blockprofile.supernet.recipe import Recipe
from blockprofile.supernet.roles import BN_EPS
from blockprofile.supernet.shared import Supernet, build_supernet
from blockprofile.supernet.weights import WEIGHTS_NAME, load_weights
from blockprofile.yamlfile import Document

KIND = "supernet"


@dataclass(frozen=True, slots=True)
class SupernetFolder:
    """A trained supernet, and what it was trained on and how."""

    folder: Path
    net: Supernet
    config: Mapping[str, Any]

    @property
    def recipe(self) -> Recipe:
        """How it was trained."""
        return Recipe.kept(Document(self.folder / MANIFEST_NAME, dict(self.config["recipe"]), None))

    def load_data(self, path: str | Path | None = None) -> DataSet:
        """Read the images again, from where they were or from another place, and the same part held out.

        Raises
        ------
        UnknownNameError, DataError
            As `load_data`.
        RunError
            If they are not the images of the training; or it had none, and no path is given.
        """
        then = self.config["data"]
        if then is None:
            return self._load_for_import(path)
        data = load_data(
            path or then["source"], size=then["size"], channels=then["channels"], holdout=then["holdout"],
            seed=then["seed"], limit=then["limit"], skip_bad=then["skip_bad"],
        )  # fmt: skip
        if (data.record.digest, data.record.split) != (then["digest"], then["split"]):
            raise RunError(
                f"{data.record.path!r} does not hold the images that {str(self.folder)!r} was trained on: hash "
                f"{then['digest']} then, {data.record.digest} now; give their place by --data"
            )
        return data

    def _load_for_import(self, path: str | Path | None) -> DataSet:
        """Read images for a supernet that was imported, in the form that its authors gave theirs."""
        if path is None:
            raise RunError(f"{str(self.folder)!r} was imported and knows no images; give --data")
        size, channels = image_form(self.net.space)
        form = self.config["images"]
        data = load_data(path, size=size, channels=channels, form=ImageForm(form["mean"], form["std"], form["crop"]))
        check_classes(self.net.space, len(data.record.classes))
        return data


def image_form(space: Space) -> tuple[int, int]:
    """Return the size and the channels of the images that a space's networks take; of several sizes the largest."""
    inputs = space.definition.input
    return (max(inputs.resolutions) if inputs.searched else space.resolution), inputs.channels


def check_classes(space: Space, classes: int) -> None:
    """Refuse data of more classes than the networks of a space tell apart.

    Raises
    ------
    OptionError
        With both numbers.
    """
    last = next(op for op in reversed(list(build_sites(space)[-1].table.values())) if op is not None)
    if classes > last.out_channels:
        raise OptionError(
            f"the data have {classes} classes, and networks of space {space.name!r} tell {last.out_channels} apart; "
            "give a space whose head has as many outputs"
        )


def open_supernet(folder: str | Path) -> SupernetFolder:
    """Open the folder of a supernet whose training is done.

    Raises
    ------
    UnknownNameError
        If there is no such folder, or it is none of a run.
    RunError
        If it is a run of another kind, or the training is not done.
    DataError
        If its files are damaged.
    """
    run = RunFolder.read(folder, KIND)
    place, config = run.path, run.config
    if not (place / WEIGHTS_NAME).is_file():
        again = f"give its command again: {run.manifest.command}" if run.manifest.command else "train it once more"
        raise RunError(f"the training in {str(place)!r} is not done; {again}")
    missing = [key for key in ("space", "data", "recipe", "sharing", "transform") if key not in config]
    if missing:
        raise DataError(f"{run.file}: config.{missing[0]} is missing")
    space = run.space
    net = build_supernet(
        space, config["sharing"], transform=config["transform"], bn_eps=float(config.get("bn_eps", BN_EPS))
    )
    load_weights(place / WEIGHTS_NAME, net.module)
    return SupernetFolder(place, net, config)
