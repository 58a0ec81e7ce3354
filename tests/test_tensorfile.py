"""Tensors of others' checkpoints: read whole and plain, or refused; nothing is run."""

from __future__ import annotations

import warnings
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch

from blockprofile.errors import DataError
from blockprofile.tensorfile import read_tensors

LIMIT = 1 << 26


def test_tensors_are_read_bare_and_within_a_state_dict(tmp_path: Path) -> None:
    weight = torch.arange(6.0).reshape(3, 2).t()  # a view
    torch.save({"w": weight}, tmp_path / "a.pth")
    torch.save({"state_dict": {"w": weight, "bn.num_batches_tracked": torch.tensor(3)}}, tmp_path / "b.pth")
    for name in ("a", "b"):
        tensors = read_tensors(tmp_path / f"{name}.pth", max_bytes=LIMIT)
        assert list(tensors) == ["w"]
        assert torch.equal(tensors["w"], weight)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_a_truncated_file_is_refused(tmp_path: Path, share: float) -> None:
    torch.save({"w": torch.ones(30, 40)}, tmp_path / "a.pth")
    data = (tmp_path / "a.pth").read_bytes()
    (tmp_path / "a.pth").write_bytes(data[: int(share * len(data))])
    with pytest.raises(DataError, match="no checkpoint of tensors alone"):
        read_tensors(tmp_path / "a.pth", max_bytes=LIMIT)


def test_what_is_no_map_of_names_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist"):
        read_tensors(tmp_path / "none.pth", max_bytes=LIMIT)
    torch.save([torch.zeros(2)], tmp_path / "list.pth")
    with pytest.raises(DataError, match="must map names to tensors"):
        read_tensors(tmp_path / "list.pth", max_bytes=LIMIT)


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("meta", lambda t: t.to("meta"), "a meta tensor"),
        ("sparse", lambda t: t.to_sparse(), "is stored as torch.sparse_coo"),
        ("half", lambda t: t.to(torch.int32), "holds torch.int32"),
        (
            "expanded",
            lambda t: torch.zeros(1).expand(2_000_000, 2_000_000),
            "has 4,000,000,000,000 values and stores 1",
        ),
        ("nested", lambda t: torch.nested.nested_tensor([t, t]), "is nested"),
        ("number", lambda _: 1.0, "is a float"),
        ("large", lambda t: t.double() * 1e300, "not finite, or not as float32"),
        ("nan", lambda t: t * float("nan"), "holds values that are not finite"),
    ],
)
def test_tensors_that_are_no_plain_numbers_are_refused(tmp_path: Path, name: str, change: Any, message: str) -> None:
    path = tmp_path / f"{name}.pth"
    with warnings.catch_warnings(action="ignore"):
        torch.save({"0.weight": change(torch.ones(3, 4))}, path)
    with pytest.raises(DataError, match=rf"tensor '0\.weight' .*{message}"):
        read_tensors(path, max_bytes=LIMIT)


def test_an_archive_that_unfolds_to_gigabytes_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "bomb.pth"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb/data.pkl", b"\0" * (80 << 20))
    assert path.stat().st_size < 1 << 20
    with pytest.raises(DataError, match="unfolds to 83,886,080 bytes; at most"):
        read_tensors(path, max_bytes=LIMIT)
