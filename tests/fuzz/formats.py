"""The formats that are tried: a file of the corpus, the command that reads it, and what it must not change."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from blockprofile.cli.main import main
from tests.fuzz.corpus import GOALS, MEASURE, POOL, SEARCH, in_blocks
from tests.fuzz.foreign import PROFILES, TABLES
from tests.fuzz.texts import STAGES

__all__ = ["CALLS", "FORMATS", "Format"]

_SAMPLE = "sample --space tiny.yaml --n 10 --metric macs_m"
_IMPORT = "--space tiny.yaml --hardware h --runtime r --out {new}"
_HOW = {"vela.csv": "--clock-mhz 500", "hwnasbench.json": "--column board_latency"}
_COMPARE = f"compare --space tiny.yaml {GOALS} --budget 20 --seeds 2 --out {{new}}"


@dataclass(frozen=True)
class Format:
    """A file of a format and the command that reads it.

    ``{new}`` is its --out, ``share`` how often it is tried. ``space`` is a space file that must have counts above 0 if
    the command takes it. ``same`` are a table that the command makes and one of the corpus with the same columns:
    whatever bytes the file has, what is made must not differ, for it is checked against its own digest.
    """

    file: str
    command: str
    share: float = 4
    space: str = ""
    same: tuple[str, str] | None = None


def _profile_on() -> int:
    with in_blocks():
        return main(POOL.split())


CALLS: Mapping[str, Callable[[], int]] = {"(profile on)": _profile_on}
"""What no command line says."""

FORMATS = (
    Format("tiny.yaml", "space check tiny.yaml", 8, space="tiny.yaml"),
    Format("tiny.yaml", "sample --space tiny.yaml --n 10 --metric macs_m --out {new}", space="tiny.yaml"),
    Format("own.yaml", "space check own.yaml", 5, space="own.yaml"),
    Format("own.yaml", "sample --space own.yaml --n 10 --metric macs_m --device own_lut --out {new}", 2),
    Format("own_times.csv", "lut import own_times.csv --space own.yaml --hardware h --runtime r --out {new}", 3),
    Format("own_lut/table.parquet", "sample --space own.yaml --n 10 --device own_lut --out {new}", 3),
    Format("smaller.yaml", "space count smaller.yaml", space="smaller.yaml"),
    Format("smaller.yaml", "space diff tiny.yaml smaller.yaml"),
    Format("pruned.yaml", "space show pruned.yaml", space="pruned.yaml"),
    Format("pruned.yaml", f"{_COMPARE} --insight pruned.yaml", 0.2),
    Format("dev/card.yaml", f"{_SAMPLE} --device dev --out {{new}}", 6),
    Format("dev/table.parquet", f"{_SAMPLE} --device dev --out {{new}}", 6),
    Format("lut/card.yaml", f"{_SAMPLE} --device lut --out {{new}}"),
    Format("lut/table.parquet", f"{_SAMPLE} --device lut --out {{new}}"),
    Format("ok_tiny/card.yaml", f"{_SAMPLE} --device ok_tiny --out {{new}}"),
    Format("ok_tiny/table.parquet", f"{_SAMPLE} --device ok_tiny --out {{new}}", 2),
    Format("net_tiny/card.yaml", f"{_SAMPLE} --device net_tiny --out {{new}}"),
    Format("net_tiny/weights.safetensors", f"{_SAMPLE} --device net_tiny --out {{new}}", 6),
    Format("net_tiny/residuals.parquet", "profile --space tiny.yaml --device net_tiny --n 100 --out {new}", 3),
    Format("seen/card.yaml", "device show seen", 2),
    Format("seen/archs.parquet", "sample --space tiny.yaml --n 10 --device seen --out {new}", 2),
    Format("ck.pth", "predictor import ck.pth --out {new}"),
    Format("labels.csv", "predictor evaluate macs_m labels.csv --space tiny.yaml --column y", 6),
    Format("labels.parquet", "predictor evaluate macs_m labels.parquet --space tiny.yaml --column y"),
    Format("labels.csv", "profile labels.csv --space tiny.yaml --metric y --out {new}", 1),
    Format("audit.csv", "lut audit lut --space tiny.yaml --from audit.csv", 1),
    Format("recipe.yaml", "predictor fit recipe.yaml --out {new}", 3),
    Format("study.yaml", "run study.yaml --out {new}", 3),
    *(Format(f"stage_{name}.yaml", f"run stage_{name}.yaml --out stages", 1) for name in STAGES),
    Format("times.csv", "lut import times.csv --space tiny.yaml --hardware h --runtime r --out {new}", 6),
    *(Format(name, f"lut import {name} {_HOW.get(name, '')} {_IMPORT}", 1.5) for name in (*PROFILES, *TABLES)),
    Format("hwnasbench.json", f"lut import hwnasbench.json --metric energy_mj --column board_energy {_IMPORT}", 1),
    Format("whole.json", "lut times whole.json --space tiny.yaml --manifest exported --out {new}.csv", 1),
    Format("exported/manifest.json", "lut times whole.json --space tiny.yaml --manifest exported --out {new}.csv", 2),
    Format("exported/manifest.json", f"lut import tensorrt.json --manifest exported {_IMPORT}", 1),
    Format("labels.csv", "lut solve labels.csv --space tiny.yaml --column y --device d --time-unit ms --out {new}", 1),
    Format("timings.yaml", "lut solve timings.yaml --out {new}", 2),
    Format("measured/journal.jsonl", MEASURE, 3),
    Format("run/manifest.json", "heatmap run --kind layers", 2),
    Format("run/manifest.json", "profile run", 2),
    Format("run/samples/*.parquet", "profile run", 3),
    Format("run/profile.parquet", "heatmap run --kind layers", 1),
    Format("run/profile.parquet", "prune run --gain params_m --cost macs_m --no-certificate --out {new}.yaml", 5),
    Format("pool/manifest.json", "(profile on)", 1),
    Format("pool/profile.state", "(profile on)", 3, same=("pool/profile.parquet", "pool_whole/profile.parquet")),
    Format("search/manifest.json", "pick search --knee"),
    Format("search/*.parquet", "pick search --knee", 6),
    Format("halted/manifest.json", f"{SEARCH} --out halted", 1),
    Format(
        "halted/parts/*.parquet", f"{SEARCH} --out halted", 4,
        same=("halted/evaluations.parquet", "search/evaluations.parquet"),
    ),
    Format("compare/manifest.json", "report compare --out {new}.html", 2),
    Format("compare/*.json", "report compare --out {new}.html", 2),
    Format("compare/**/*.parquet", "report compare --out {new}.html", 2),
)  # fmt: skip
