"""`blockprofile prune` and `blockprofile space diff`, in-process."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from blockprofile.cli.main import main
from blockprofile.predict.registry import find_device
from blockprofile.space import count_archs, load_space
from blockprofile.space.load import find_space_file, load_pruned

Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A profile of moga on two devices, from few archs."""
    folder = tmp_path_factory.mktemp("prune") / "run"
    devices = ["--device", "mace_gpu", "--device", "tflite_cpu"]
    assert main(["profile", "--space", "moga", *devices, "--n", "20000", "--out", str(folder)]) == 0
    return folder


def test_a_profile_becomes_a_pruned_space_with_its_certificate(run: Path, tmp_path: Path, capsys: Capture) -> None:
    out = tmp_path / "small.yaml"
    assert main(["prune", str(run), "--device", "mace_gpu", "--out", str(out)]) == 0
    printed = capsys.readouterr()
    assert "certificate: better than random" in printed.out
    assert "next: blockprofile compare" in printed.err
    space, record = load_space(out), load_pruned(out)
    assert space.name == record.name == "small"
    assert record.size["archs_after"] == count_archs(space) < record.size["archs_before"] == 12**14
    assert [item["provenance"] for item in record.provenance] == ["calibrated", "calibrated"]
    assert record.certificate["latency_ms:mace_gpu"]["n_as_good"] == 0
    assert all(rule.why and rule.evidence and rule.policy for rule in record.rules)
    assert all(item.ci is not None and item.n and item.floor is not None for r in record.rules for item in r.evidence)
    assert all(len(codes) >= 2 for codes in space.allowed)
    text = out.read_text()
    assert "# the whole network: without" in text
    assert main(["space", "check", str(out)]) == 0


def test_where_nothing_is_dropped_there_is_nothing_to_certify(run: Path, tmp_path: Path, capsys: Capture) -> None:
    assert main(["prune", str(run), "--device", "mace_gpu", "--keep", "12", "--out", str(tmp_path / "same.yaml")]) == 0
    told = capsys.readouterr()
    assert "no certificate: nothing was dropped" in told.err
    assert "certificate:" not in told.out
    assert "0 rules" in told.out
    assert load_pruned(tmp_path / "same.yaml").certificate == {}


def test_explain_tells_what_stays_too(run: Path, tmp_path: Path, capsys: Capture) -> None:
    args = [
        "prune",
        str(run),
        "--device",
        "mace_gpu",
        "--out",
        str(tmp_path / "x.yaml"),
        "--no-certificate",
        "--explain",
    ]
    assert main(args) == 0
    printed = capsys.readouterr().out
    assert "  the whole network\n" in printed
    assert "    keep " in printed
    assert "    DROP " in printed
    assert main([*args, "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert {row["verdict"] for row in data["decisions"]} == {"drop", "keep"}
    assert data["certificate"] == {}


def test_several_devices_leave_more_than_each_alone(run: Path, tmp_path: Path) -> None:
    spaces = {}
    for devices in (["mace_gpu"], ["tflite_cpu"], ["mace_gpu", "tflite_cpu"]):
        out = tmp_path / f"{'-'.join(devices)}.yaml"
        flags = [word for device in devices for word in ("--device", device)]
        assert main(["prune", str(run), *flags, "--out", str(out), "--no-certificate"]) == 0
        spaces[len(spaces)] = load_space(out)
    both = [set(codes) for codes in spaces[2].allowed]
    each = [set(a) | set(b) for a, b in zip(spaces[0].allowed, spaces[1].allowed, strict=True)]
    assert both == each


def test_a_pruned_space_is_pruned_again(run: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first.yaml", tmp_path / "second.yaml"
    quick = ["--device", "mace_gpu", "--no-certificate"]
    assert main(["prune", str(run), *quick, "--out", str(first), "--max-drop", "0.2", "--policy", "dominated"]) == 0
    folder = tmp_path / "again"
    args = ["prune", "--space", str(first), "--n", "20000", "--profile-out", str(folder), *quick, "--out", str(second)]
    assert main(args) == 0
    one, two = load_space(first), load_space(second)
    assert two.base.name == "moga"
    assert all(set(new) <= set(old) for old, new in zip(one.allowed, two.allowed, strict=True))
    assert count_archs(two) < count_archs(one)
    old = load_pruned(first).rules
    assert load_pruned(second).rules[: len(old)] == old
    assert main(["space", "diff", str(first), str(second)]) == 0


def test_an_edit_by_hand_that_breaks_is_reported_by_line(run: Path, tmp_path: Path, capsys: Capture) -> None:
    out = tmp_path / "small.yaml"
    assert main(["prune", str(run), "--device", "mace_gpu", "--out", str(out), "--no-certificate"]) == 0
    lines = out.read_text().splitlines()
    line = next(number for number, text in enumerate(lines) if text.startswith("  - drop: ["))
    out.write_text("\n".join([*lines[:line], "  - drop: [e6k8]", *lines[line + 1 :]]))
    capsys.readouterr()
    assert main(["space", "check", str(out)]) == 3
    told = capsys.readouterr().err
    assert f"{out}:{line + 1}:" in told
    assert "block 'e6k8' is not in space 'moga'; did you mean" in told


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--policy", "dominatd"], "--policy 'dominatd' is unknown; did you mean 'dominated'?"),
        (["--device", "note10"], "the profile has no cost of device 'note10'"),
        ([], "the profile has 2 devices; say which with --device: mace_gpu, tflite_cpu"),
        (["--device", "mace_gpu", "--keep", "0"], "--keep is 0"),
        (["--cost", "latency"], "--cost 'latency' is not in the profile"),
        (["--gain", "macs_m", "--cost", "macs_m"], "'macs_m' is both what is gained and what is paid"),
        (["--device", "mace_gpu", "--space", "moga"], "give either a run folder or --space"),
    ],
)
def test_mistakes(run: Path, tmp_path: Path, capsys: Capture, args: list[str], message: str) -> None:
    assert main(["prune", str(run), "--out", str(tmp_path / "x.yaml"), *args]) == 2
    assert message in capsys.readouterr().err


def test_a_users_own_space_goes_along_with_its_pruning(tmp_path: Path, capsys: Capture) -> None:
    own = tmp_path / "own.yaml"
    own.write_text(find_space_file("moga").read_text().replace("name: moga", "name: own"))
    folder, out = tmp_path / "run", tmp_path / "elsewhere" / "small.yaml"
    card = find_device("mace_gpu", load_space("moga"))[1]
    assert main(["sample", "--space", str(own), "--device", str(card), "--metric", "macs_m", "--n", "5000",
                 "--out", str(folder)]) == 0  # fmt: skip
    assert main(["profile", str(folder)]) == 0
    args = ["prune", str(folder), "--gain", "macs_m", "--device", "mace_gpu", "--no-certificate"]
    assert main([*args, "--out", str(out)]) == 0
    assert (out.parent / "own.yaml").read_text() == own.read_text()
    assert load_space(out).base.name == "own"
    said = "More of 'macs_m' is taken as better, in the place of an accuracy."
    assert said in capsys.readouterr().err
    assert said in " ".join(out.read_text().split())
    assert main([*args, "--out", str(tmp_path / "own.yaml")]) == 2
    assert "is the file of the base space" in capsys.readouterr().err
    assert main(["prune", str(folder), "--gain", "latency_ms:mace_gpu", "--cost", "macs_m", "--out", str(out)]) == 2
    assert "--gain 'latency_ms:mace_gpu' is a cost, of which less is wanted" in capsys.readouterr().err
    assert main(["prune", str(folder), "--out", str(out)]) == 2
    assert "the profile has no top1_percent" in capsys.readouterr().err


def test_out_must_be_a_yaml_file_and_a_new_profile_needs_a_folder(run: Path, tmp_path: Path, capsys: Capture) -> None:
    assert main(["prune", str(run), "--out", str(tmp_path / "x.json")]) == 2
    assert "ending in .yaml" in capsys.readouterr().err
    assert main(["prune", "--space", "moga", "--out", str(tmp_path / "x.yaml")]) == 2
    assert "--space needs --profile-out" in capsys.readouterr().err


def test_diff_for_people_and_for_machines(capsys: Capture) -> None:
    assert main(["space", "diff", "ofa_mbv3", "insight/ofa_mbv3-npu"]) == 0
    printed = capsys.readouterr().out
    assert "both: 8.89e15" in printed
    assert "mutation weights: none and unit 1: 0.25" in printed
    assert main(["space", "diff", "ofa_mbv3", "insight/ofa_mbv3-npu", "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["second_is_subset"] is True
    assert len(data["slots"]) == 20
    assert main(["space", "diff", "moga", "moga"]) == 0
    assert "the same choices at every slot" in capsys.readouterr().out
    assert main(["space", "diff", "moga", "ofa_mbv3"]) == 2
