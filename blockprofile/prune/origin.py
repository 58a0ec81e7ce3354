"""Where a pruned space comes from: its base, the rules and figures it was made by, and how small it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from blockprofile.prune.compose import choices_of
from blockprofile.space import Base, Rule, Space, base_text, count_archs, kept_pruning, list_spaces, load_space


def sizes_of(before: Space, after: Space) -> dict[str, Any]:
    """Count archs and choices before and after."""
    return {
        "archs_before": count_archs(before),
        "archs_after": count_archs(after),
        "choices_before": choices_of(before),
        "choices_after": choices_of(after),
    }


def list_provenance(
    config: Mapping[str, Any], about: Mapping[str, Any], metrics: Sequence[str]
) -> tuple[dict[str, Any], ...]:
    """Say of every metric where its figures come from, and of which archs."""
    pool = {"n": config["n"], "seed": config["seed"], "law": config["law"], "presence": about["presence"]}
    found = []
    for metric in metrics:
        card = config["predictors"][metric]
        keys = ("metric", "name", "provenance", "caption", "floor", "unit", "hash")
        found.append({**{key: card[key] for key in keys}, **pool})
    return tuple(found)


def find_ancestry(
    about: Mapping[str, Any], space: Space, path: Path
) -> tuple[Base, str | None, tuple[Rule, ...], dict[int, float]]:
    """Find the base of a space, the text of its file if it is not shipped, and what an earlier pruning laid down."""
    parent = kept_pruning(about, path)
    if parent is not None:
        own = None if parent.base.file is None else base_text(about, space)
        return replace(parent.base, hash=space.base.hash), own, parent.rules, dict(parent.mutation)
    name = space.base.name
    if name in list_spaces() and load_space(name).hash == space.base.hash:
        return Base(name=name, hash=space.base.hash), None, (), {}
    file = Path(about["source"]).name
    file = file if file.endswith((".yaml", ".yml")) else f"{name}.yaml"
    return Base(name=name, hash=space.base.hash, file=file), base_text(about, space), (), {}
