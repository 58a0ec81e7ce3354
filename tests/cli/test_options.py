"""Every option of every command changes what comes of it, or is refused by name."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import tempfile
from pathlib import Path

import pandas as pd
import pytest
from ruamel.yaml import YAML

from blockprofile.cli.main import EXIT_USER, main
from blockprofile.cli.options import columns_of
from blockprofile.device.runtime import Settings
from blockprofile.errors import OptionError
from blockprofile.predict import read_card
from tests.cli.everything import GOALS, every_command
from tests.device.fake import FakeRuntime

Capture = pytest.CaptureFixture[str]
SIDE = "--profile-out {new}-profile"

IDLE = [
    *[f"profile run --{each}" for each in ("device x", "metric macs_m", "n 5", "seed 1", "law papers", "out x")],
    "profile run --resolution 16",
    *[
        f"profile --space tiny.yaml --metric macs_m --out x --until ci=1 --{each}"
        for each in ("workers 2", "backend threading", "scheduler tcp://x:1")
    ],
    *[f"prune run --out x.yaml --{each}" for each in ("n 5", "seed 1", "law papers", "workers 2", "profile-out x")],
    "prune run --out x.yaml --resolution 16",
    "prune run --gain params_m --device d --out x.yaml --cost macs_m",
    "sample --space tiny.yaml --n 5 --out x --scheduler tcp://x:1",
    "sample --space tiny.yaml --n 5 --out x --backend dask --scheduler tcp://x:1 --workers 2",
    *[f"sensitivity --space tiny.yaml --metric macs_m --{each}" for each in ("n 5", "seed 1")],
    *[
        f"search --space tiny.yaml {GOALS} --algorithm exact --{each}"
        for each in ("seed 1", "law papers", "workers 2", "budget 50")
    ],
    f"search --space tiny.yaml {GOALS} --algorithm mutation --top 5",
    f"search --space tiny.yaml {GOALS}:2 --algorithm mutation",
    "search --space tiny.yaml --objective macs_m --population 5 --algorithm random",
    "pick search --knee --by macs_m",
    "pick search --knee --top 2",
    "compare --space tiny.yaml --insight smaller.yaml --objective macs_m --out x --at 3",
    f"compare --space tiny.yaml --insight smaller.yaml {GOALS} --out x --algorithm mutation:top=3",
    "report search --metric macs_m",
    "heatmap run --kind quantiles --metric nothing",
    "heatmap run --kind blocks --mark [0,0,255,0,0,255,255]",
    *[f"lut audit device --space tiny.yaml --from times.csv --{each}" for each in ("n 5", "seed 1", "pin 0", "jobs 2")],
    *[f"lut audit device --space tiny.yaml --{each}" for each in ("column ms", "time-unit ms")],
    "predictor evaluate macs_m labels.csv --space tiny.yaml --column energy_mj --seed 3",
    "lut measure --space tiny.yaml --threads 2 --runtime torch --out x --clock cpu",
    "prune run --gain params_m --out x.yaml --cost macs_m --cost flops_m",
    "sample --space tiny.yaml --out x --n=5 --metric macs_m --metric params_m --n 6",
]
"""Options that would have no effect, each in a command line that is in order but for it."""


@pytest.mark.parametrize("line", IDLE)
def test_an_option_without_effect_is_refused_by_name(line: str, new: str, capsys: Capture) -> None:
    del new
    assert main(line.split()) == EXIT_USER
    printed = capsys.readouterr()
    option = line.rsplit("--", maxsplit=1)[-1].split(maxsplit=1)[0]
    assert printed.err.startswith("blockprofile: ")
    assert printed.err.count("\n") == 1
    assert option in printed.err
    assert not Path("x").exists()


WALK: dict[str, dict[str, str]] = {
    "sample --space tiny.yaml --n 200 --out {new}": {
        "--space": "smaller.yaml", "--device": "device", "--metric": "flops_m", "--n": "300", "--seed": "1",
        "--law": "architectures", "--resolution": "16", "--limit": "macs_m<=0.3",
    },
    "profile --space tiny.yaml --n 200 --out {new}": {
        "--space": "smaller.yaml", "--device": "device", "--metric": "flops_m", "--n": "300", "--seed": "1",
        "--law": "architectures", "--resolution": "16", "--presence": "promoted", "--tau": "0.4", "--until": "ci=0.001",
    },
    "profile labels.csv --space tiny.yaml --metric energy_mj --out {new}": {"--plain": ""},
    "exact --space tiny.yaml --metric macs_m": {
        "--space": "smaller.yaml", "--device": "device", "--metric": "flops_m", "--presence": "promoted",
        "--law": "architectures", "--resolution": "16", "--tau": "0.4", "--limit": "macs_m<=0.4",
    },
    "sensitivity --space tiny.yaml --metric macs_m": {
        "--space": "smaller.yaml", "--device": "device", "--metric": "flops_m", "--law": "architectures",
        "--resolution": "16",
    },
    "sensitivity --space ofa_mbv3 --metric top1_percent:ofa --n 300": {"--n": "400", "--seed": "1"},
    f"search --space tiny.yaml {GOALS} --budget 40 --population 10 --out {{new}}": {
        "--space": "smaller.yaml", "--device": "device", "--objective": "flops_m", "--limit": "macs_m<=0.3",
        "--metric": "flops_m", "--population": "20", "--mutator": "hierarchical",
        "--budget": "30", "--seed": "1", "--law": "architectures", "--resolution": "16",
    },
    f"search --space ofa_mbv3 {GOALS} --budget 130 --algorithm mutation": {"--algorithm": "random"},
    "search --space moga --device mace_gpu --objective params_m:max --budget 30": {
        "--reward": "latency_ms:mace_gpu:30",
    },
    f"search --space ofa_mbv3 {GOALS} --budget 90 --algorithm mutation --pool 20": {
        "--pool": "30", "--chance": "0.2", "--children": "20",
    },
    "search --space ofa_mbv3 --objective macs_m --budget 60 --algorithm mutation --children 10": {"--top": "2"},
    "pick search": {"--knee": "", "--limit": "macs_m<=0.3", "--top": "3", "--by": "macs_m"},
    f"compare --space tiny.yaml --insight smaller.yaml {GOALS} --budget 30 --seeds 1 --algorithm nsga2 --out {{new}}": {
        "--insight": "smallest.yaml", "--algorithm": "nsga2:population=10", "--device": "device",
        "--metric": "flops_m", "--objective": "flops_m", "--limit": "macs_m<=0.3", "--budget": "20", "--seeds": "2",
        "--seed": "1", "--at": "0.3",
        "--resolution": "16", "--law": "architectures",
    },
    "heatmap run --metric macs_m --kind distributions --out {new}": {"--mark": "[0,0,255,0,0,255,255]"},
    "heatmap rich --metric params_m --kind blocks --out {new}": {"--metric": "macs_m", "--kind": "layers"},
    "prune rich --gain params_m --device device --no-certificate --out {new}.yaml": {
        "--device": "stepped", "--gain": "flops_m", "--policy": "max-accuracy", "--keep": "3", "--max-drop": "0.01",
        "--tolerance": "0.3", "--name": "other", "--explain": "", "--figures": "{new}/pictures",
    },
    "prune run --gain params_m --no-certificate --out {new}.yaml": {"--cost": "params_m"},
    "prune run --gain params_m --cost macs_m --out {new}.yaml": {"--certificate": "--no-certificate"},
    f"prune --space tiny.yaml --n 300 --gain params_m --cost macs_m --no-certificate {SIDE} --out {{new}}.yaml": {
        "--n": "400", "--seed": "1", "--law": "architectures", "--resolution": "16", "--space": "smaller.yaml",
    },
    "report rich --out {new}.html": {"--metric": "macs_m", "--metrics": "macs_m"},
    "arch show --from archs.txt --space tiny.yaml": {
        "--resolution": "16", "--from": "others.txt", "--space": "smallest.yaml",
    },
    "arch price --from archs.txt --space tiny.yaml": {
        "--from": "others.txt", "--resolution": "16", "--device": "device", "--metric": "flops_m", "--layers": "",
        "--space": "smaller.yaml",
    },
    "arch encode --from archs.txt --space tiny.yaml": {"--from": "others.txt", "--space": "smallest.yaml"},
    "arch encode --from ofa.txt --space ofa_mbv3": {"--resolution": "160"},
    "arch decode --from archs.txt --space tiny.yaml": {
        "--from": "others.txt", "--form": "codes", "--space": "smallest.yaml",
    },
    "arch decode --from ofa.txt --space ofa_mbv3": {"--resolution": "160"},
    "device compare mace_gpu tflite_cpu --space moga --n 300": {"--space": "ofa_mbv3", "--n": "200", "--seed": "1"},
    "lut measure --space tiny.yaml --precision 1% --out {new}": {
        "--space": "smallest.yaml", "--runtime": "torch", "--name": "mine", "--hardware": "h", "--provider": "cuda",
        "--threads": "2", "--batch": "2", "--dtype": "float16", "--clock": "cpu", "--resolution": "16",
        "--precision": "40%", "--time-limit": "1e-9", "--pin": "0", "--seed": "1",
    },
    "lut audit {device} --space tiny.yaml --n 12 --precision 1%": {
        "--space": "smallest.yaml", "--n": "8", "--repair": "", "--time-limit": "1e-9",
        "--pin": "0", "--seed": "1", "--from": "networks.csv",
    },
    "lut audit {device} --space tiny.yaml --from networks.csv": {"--column": "slow_us", "--time-unit": "s"},
    "lut template --space tiny.yaml --out {new}.csv": {
        "--space": "smallest.yaml", "--resolution": "16", "--metric": "energy_mj",
    },
    "lut import steps.csv --space tiny.yaml --hardware h --runtime r --out {new}": {
        "--space": "smallest.yaml", "--hardware": "other", "--runtime": "other", "--name": "mine", "--batch": "2",
        "--dtype": "float16", "--time-unit": "us", "--resolution": "16", "--audit": "networks.csv",
    },
    "predictor fit labels.csv --space tiny.yaml --metric energy_mj --epochs 1 --folds 0 --out {new}": {
        "--space": "smallest.yaml", "--metric": "energy_mj=other", "--seed": "1", "--holdout": "0.3", "--folds": "3",
        "--epochs": "3",
    },
    "predictor fit labels.csv --space tiny.yaml --metric other --epochs 1 --folds 0 --out {new}": {
        "--direction": "max",
    },
    "predictor evaluate macs_m labels.csv --space tiny.yaml --column energy_mj": {
        "--space": "smallest.yaml", "--column": "other", "--law": "papers", "--resolution": "16", "--holdout": "0.2",
    },
    "predictor evaluate macs_m labels.csv --space tiny.yaml --column energy_mj --holdout 0.2": {"--seed": "1"},
    "predictor import published.pth --out {new}": {"--name": "other"},
    "lut plan --space tiny.yaml --n 6 --out {new}": {
        "--space": "smallest.yaml", "--n": "7", "--seed": "1", "--resolution": "16", "--batch": "2",
        "--precision": "fp16", "--layout": "nhwc",
    },
    "lut export --space tiny.yaml --out {new}": {
        "--space": "smallest.yaml", "--form": "networks", "--seed": "1", "--resolution": "16", "--batch": "2",
        "--precision": "fp16", "--layout": "nhwc",
    },
    "lut solve networks.csv --space tiny.yaml --column mean_ms --hardware h --runtime r --out {new}": {
        "--space": "smallest.yaml", "--device": "other", "--column": "slow_us", "--time-unit": "s",
        "--hardware": "other", "--runtime": "other", "--batch": "2", "--dtype": "int8",
    },
}  # fmt: skip
"""Command lines, and for each of their options a value that must change what comes of them."""

SAME = {
    "--workers",
    "--backend",
    "--scheduler",
    "--accelerator",
    "--threads",
    "--jobs",
    "--out",
    "--profile-out",
    "--json",
    "--plain",
    "--help",
}
"""Options that change where the work is done, where the result goes or how it is shown, and nothing else."""

REFUSED = {
    "predictor fit labels.csv --space tiny.yaml --metric energy_mj --out {new}": {"--accelerator": "cuda"},
}
"""Options that these command lines cannot take, with the values that are named in the error."""

ELSEWHERE = {
    "prune": {"--order", "--lose", "--risk"},
    "pick": {"--export", "--supernet"},
    "lut import": {"--estimated", "--format", "--manifest", "--spread", "--clock-mhz", "--column", "--metric"},
    "lut solve": {"--metric"},
    "lut plan": {"--calibration", "--files"},
    "lut export": {"--calibration", "--files"},
    "lut audit": {"--precision"},
    "lut run": {"--space", "--on", "--to", "--command", "--folder", "--ending", "--dry-run"},
    "label plan": {"--space", "--n", "--out", "--form", "--known", "--seed", "--resolution"},
    "label read": {"--space", "--metric", "--plan", "--out", "--width", "--resolution"},
    "lut times": {"--space", "--format", "--manifest", "--clock-mhz", "--time-unit"},
}
"""Options that need a supernet, labels by the thousand, another program or machine: tests of their own try them."""

UNSTEADY = {"folder", "path", "file", "files", "picture", "seconds", "on", "load", "created", "notes", "provenance"}
"""Keys whose values tell of the place, the time and the command line, not of what was found."""


def settle(told: object) -> object:
    """Take out of JSON or YAML what differs between two runs of one command."""
    if isinstance(told, dict):
        return {key: settle(value) for key, value in told.items() if key not in UNSTEADY}
    return [settle(item) for item in told] if isinstance(told, list) else told


def read_result(path: Path) -> str:
    """Read a file that a command wrote; of a picture its name counts."""
    if path.suffix == ".parquet":
        return pd.read_parquet(path).to_csv()
    if path.suffix == ".yaml":
        return json.dumps(settle(YAML(typ="safe").load(path)), default=str)
    if path.suffix == ".onnx":
        return hashlib.sha256(path.read_bytes()).hexdigest()
    return path.read_text(encoding="utf-8") if path.suffix in {".csv", ".html", ".svg"} else path.name


def outcome(line: str, new: Path, capsys: Capture) -> str:
    """Run a command; return all that it found: its status, what it prints, and the tables that it wrote."""
    device = new.with_name(f"{new.name}-device")
    if "{device}" in line:
        shutil.copytree("measured", device)
    status = main([*line.format(new=new, device=device, side=new).split(), "--json"])
    printed = capsys.readouterr()
    if status:
        return printed.err
    files = sorted(path for path in new.parent.rglob("*") if path.is_file() and path.suffix not in {".json", ".jsonl"})
    texts = [read_result(path) for path in files if str(path).startswith(str(new))]
    notes = [note for note in printed.err.splitlines() if " min " not in note]
    return json.dumps([settle(json.loads(printed.out)), *texts, *notes]).replace(str(new), "NEW")


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Let devices answer from a formula, certificates search a little, and pictures of audits be."""

    def make_runtime(name: str, settings: Settings) -> FakeRuntime:
        return FakeRuntime(settings=settings, name=name, noise=0.05, scale=1.1, offset_ms=0.2)

    monkeypatch.setattr("blockprofile.device.make_runtime", make_runtime)
    monkeypatch.setattr("blockprofile.device.audit.make_runtime", make_runtime)
    monkeypatch.setattr("blockprofile.device.measure.CacheFiller", lambda _: None)
    monkeypatch.setattr("blockprofile.plot.save_scatter", lambda _, stem: (stem, stem))
    monkeypatch.setattr("blockprofile.cli.prune.BUDGET", 30)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


@pytest.mark.usefixtures("new", "quick")
@pytest.mark.parametrize("line", WALK)
def test_every_option_changes_what_is_found(line: str, tmp_path: Path, capsys: Capture) -> None:
    plain = outcome(line, tmp_path / "plain" / "x", capsys)
    assert outcome(line, tmp_path / "again" / "x", capsys) == plain
    for number, (option, value) in enumerate(WALK[line].items()):
        words = value if value.startswith("--") else f"{option} {value}".strip()
        changed = re.sub(rf"{option} \S+", words, line, count=1) if f"{option} " in line else f"{line} {words}"
        assert outcome(changed, tmp_path / str(number) / "x", capsys) != plain, words


@pytest.mark.parametrize(("words", "provenance"), [("", "measured"), ("--estimated", "calibrated")])
def test_times_that_were_estimated_are_shown_as_calibrated(words: str, provenance: str, new: str) -> None:
    line = f"lut import steps.csv --space tiny.yaml --hardware h --runtime r --out {new} {words}"
    assert main(line.split()) == 0
    assert read_card(Path(new)).provenance == provenance


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("line", REFUSED)
def test_options_that_cannot_be_had_are_refused_by_name(line: str, new: str, capsys: Capture) -> None:
    for option, value in REFUSED[line].items():
        assert main([*line.format(new=new).split(), option, value]) == EXIT_USER
        told = capsys.readouterr().err
        assert option.removeprefix("--") in told
        assert value in told


def test_a_metric_has_one_column() -> None:
    assert columns_of(["a", "b=x", "a="]) == {"a": "a", "b": "x"}
    with pytest.raises(OptionError, match="--metric 'a' is given two columns, 'x' and 'y'"):
        columns_of(["a=x", "a=y"])


def test_no_option_is_forgotten() -> None:
    walked: dict[str, set[str]] = {command: set() for command in every_command()}
    for line, options in (*WALK.items(), *REFUSED.items()):
        command = next(name for name in sorted(walked, key=len, reverse=True) if f"{line} ".startswith(f"{name} "))
        walked[command] |= set(options)
    for command, options in every_command().items():
        needed = {"--space"} if command == "compare" else set()
        tried = walked[command] | ELSEWHERE.get(command, set())
        assert options - SAME - needed == tried - SAME, command
