"""What a training is asked for: images, how networks are trained on them, how a supernet draws and shares."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from pathlib import Path

from blockprofile.options import Options
from blockprofile.space import Space, load_space
from blockprofile.supernet.data import HOLDOUT, DataSet, load_data
from blockprofile.supernet.folder import check_classes, image_form
from blockprofile.supernet.recipe import DEFAULT_RECIPE, Recipe

SAVE_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Training(Options):
    """Images, and how networks are trained on them.

    Parameters
    ----------
    data
        A data set; see `blockprofile.supernet.data.load_data` for its forms.
    holdout, limit, skip_bad
        Of the images; see `load_data`.
    resolution
        In pixels; None is the space's.
    save_every_s
        About how many seconds of work a kill can cost.
    """

    data: str | Path
    recipe: Recipe = DEFAULT_RECIPE
    _: KW_ONLY
    holdout: float = HOLDOUT
    limit: int | None = None
    skip_bad: bool = False
    resolution: int | None = None
    save_every_s: float = SAVE_SECONDS

    def load_space(self, space: str | Path | Space) -> Space:
        """Load a space at the resolution."""
        return (space if isinstance(space, Space) else load_space(space)).at_resolution(self.resolution)

    def load_data(self, space: Space) -> DataSet:
        """Read the images in the form that networks of a space take.

        Raises
        ------
        UserError, DataError
            As `blockprofile.supernet.data.load_data`; or if there are more classes than networks tell apart.
        """
        size, channels = image_form(space)
        images = load_data(
            self.data, size=size, channels=channels, holdout=self.holdout, seed=self.recipe.seed, limit=self.limit,
            skip_bad=self.skip_bad,
        )  # fmt: skip
        check_classes(space, len(images.record.classes))
        return images


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheme(Options):
    """Which archs a step of a supernet's training runs, and how they share weights.

    Parameters
    ----------
    sampler, paths
        See `blockprofile.supernet.samplers.make_sampler`.
    sharing, transform
        See `blockprofile.supernet.shared.build_supernet`.
    """

    sampler: str = "fair"
    paths: int | None = None
    sharing: str = "separate"
    transform: bool = False


DEFAULT_SCHEME = Scheme()
