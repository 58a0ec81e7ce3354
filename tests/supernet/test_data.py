"""Images from every form of file, the held-out part, normalisation, batches; and files that are wrong."""

import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from blockprofile.errors import DataError, OptionError, UnknownNameError
from blockprofile.supernet.batches import augment, draw_batch
from blockprofile.supernet.data import DataSet, load_data, load_test
from tests.supernet.images import made_images, write_folder, write_idx, write_npz


def load(path: Path, **options: object) -> DataSet:
    return load_data(path, **{"size": 16, **options})  # type: ignore[arg-type]


def all_pixels(data: DataSet) -> set[bytes]:
    return {image.tobytes() for part in (data.train, data.held_out) for image in part.pixels}


def test_every_form_gives_the_same_images(tmp_path: Path) -> None:
    pixels, labels = made_images(12)
    write_folder(tmp_path / "folder")
    np.savez(tmp_path / "keras.npz", x_train=pixels, y_train=labels)
    np.savez(tmp_path / "plain.npz", images=pixels, labels=labels.astype(np.uint8))
    from PIL import Image

    cells = []
    for image in pixels:
        Image.fromarray(image).save(buffer := io.BytesIO(), "PNG")
        cells.append({"bytes": buffer.getvalue(), "path": None})
    pq.write_table(pa.table({"image": cells, "label": labels}), tmp_path / "hub.parquet")
    found = [load(tmp_path / name) for name in ("folder", "keras.npz", "plain.npz", "hub.parquet")]
    wanted = {image.transpose(2, 0, 1).tobytes() for image in pixels}
    assert [all_pixels(data) for data in found] == [wanted] * 4
    assert found[0].train.classes == ("left", "right")
    assert {data.record.classes for data in found[1:]} == {("0", "1")}
    for data in found:
        assert len(data.held_out) == 2
        assert (
            len({part.tobytes() for part in data.held_out.pixels} & {part.tobytes() for part in data.train.pixels}) == 0
        )


@pytest.mark.parametrize("is_packed", [True, False])
def test_idx_is_read_grey_or_as_three_channels(tmp_path: Path, is_packed: bool) -> None:
    write_idx(tmp_path / "idx", is_packed=is_packed)
    grey, three = load(tmp_path / "idx", channels=1), load(tmp_path / "idx")
    assert grey.train.pixels.shape == (18, 1, 16, 16)
    assert np.array_equal(three.train.pixels, np.repeat(grey.train.pixels, 3, axis=1))
    test = load_test(grey, tmp_path / "idx")
    assert np.array_equal(test.pixels[:, 0], made_images(20, channels=1, seed=1)[0][..., 0])


def test_the_held_out_part_follows_from_the_seed_and_has_every_class(tmp_path: Path) -> None:
    path = write_npz(tmp_path / "d.npz", n=40)
    first, again, other = load(path, holdout=0.3), load(path, holdout=0.3), load(path, holdout=0.3, seed=1)
    assert first.record == again.record
    assert first.record.split != other.record.split
    assert np.bincount(first.held_out.labels).tolist() == [6, 6]
    assert len(load(path, limit=10).train) == 8


def test_normalisation_is_by_the_training_images_alone(tmp_path: Path) -> None:
    data = load(write_npz(tmp_path / "d.npz"))
    values = data.normalise(data.train.pixels)
    np.testing.assert_allclose(values.mean((0, 2, 3)), 0, atol=1e-5)
    np.testing.assert_allclose(values.std((0, 2, 3), correction=0), 1, rtol=1e-5)
    np.testing.assert_allclose(data.record.mean, data.train.pixels.mean((0, 2, 3)) / 255)


def test_images_of_another_size_are_resized_and_said_to_be(tmp_path: Path) -> None:
    data = load(write_npz(tmp_path / "d.npz", size=12, channels=1), size=16)
    assert data.train.pixels.shape[1:] == (3, 16, 16)
    assert data.train.remarks == ("images of 12 x 12 are resized to 16 x 16, the space's resolution",)
    write_folder(tmp_path / "f", size=20)
    assert "resized to 16 x 16" in load(tmp_path / "f").train.remarks[0]


def test_batches_follow_from_seed_and_step_and_cover_the_images(tmp_path: Path) -> None:
    data = load(write_npz(tmp_path / "d.npz", n=40), holdout=0.1)
    plain = {"seed": 3, "batch": 9, "pad": 0, "flip": False}
    seen = [draw_batch(data.train, step=step, **plain)[0] for step in range(4)]
    assert sorted(image.tobytes() for batch in seen for image in batch) == sorted(
        image.tobytes() for image in data.train.pixels
    )
    moved = {"seed": 3, "batch": 9, "pad": 2, "flip": True}
    assert np.array_equal(draw_batch(data.train, step=7, **moved)[0], draw_batch(data.train, step=7, **moved)[0])


def test_augmentation_shifts_and_mirrors() -> None:
    pixels = np.arange(1, 10, dtype=np.uint8).reshape(1, 1, 3, 3).repeat(400, axis=0)
    seen = {image.tobytes() for image in augment(pixels, np.random.default_rng(0), pad=1, flip=True)}
    margin = np.pad(pixels[0, 0], 1)
    windows = [margin[y : y + 3, x : x + 3] for y in range(3) for x in range(3)]
    assert seen == {window.tobytes() for each in windows for window in (each, each[:, ::-1].copy())}
    assert np.array_equal(augment(pixels, np.random.default_rng(0), pad=0, flip=False), pixels)


def test_bad_images_are_named_and_counted(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "f")
    (folder / "train" / "left" / "note.png").write_text("no image")
    (folder / "train" / "right" / "cut.png").write_bytes((folder / "train" / "right" / "001.png").read_bytes()[:200])
    (folder / "train" / "left" / ".hidden").write_text("left by an editor")
    with pytest.raises(DataError, match=r"2 of 14 images .*note.png: no image that Pillow can read; .*cut.png"):
        load(folder)
    data = load(folder, skip_bad=True)
    assert len(data.train) + len(data.held_out) == 12
    assert "2 of 14 images" in data.train.remarks[0]


def test_a_class_of_one_image_is_refused(tmp_path: Path) -> None:
    x, y = made_images(9)
    np.savez(tmp_path / "d.npz", images=x, labels=np.where(np.arange(9) == 0, 2, y))
    with pytest.raises(DataError, match="class '2' has 1 training image; at least 2"):
        load(tmp_path / "d.npz")


def test_files_that_are_no_data_are_refused(tmp_path: Path) -> None:
    x, y = made_images(4)
    cases = {"float.npz": (x / 255.0, y), "short.npz": (x, y[:2]), "texts.npz": (x, np.array(["a"] * 4))}
    for name, (images, labels) in cases.items():
        np.savez(tmp_path / name, images=images, labels=labels)
        with pytest.raises(DataError, match=name):
            load(tmp_path / name)
    np.savez(tmp_path / "objects.npz", images=np.array([{}, {}]), labels=y[:2])
    (tmp_path / "bad.npz").write_bytes(b"PK\x03\x04 damaged")
    pq.write_table(pa.table({"picture": ["a"]}), tmp_path / "odd.parquet")
    pq.write_table(pa.table({"image": ["a"], "label": [1.5]}), tmp_path / "float.parquet")
    (tmp_path / "no.parquet").write_text("nothing")
    (tmp_path / "empty").mkdir()
    for name in ("objects.npz", "bad.npz", "odd.parquet", "float.parquet", "no.parquet", "empty"):
        with pytest.raises(DataError, match=name):
            load(tmp_path / name)
    with pytest.raises(UnknownNameError, match="there is no data set"):
        load(tmp_path / "gone")
    idx = write_idx(tmp_path / "idx", is_packed=False)
    with (idx / "train-images-idx3-ubyte").open("r+b") as file:
        file.truncate(100)
    with pytest.raises(DataError, match="truncated or damaged"):
        load(idx)
    with pytest.raises(OptionError, match="--holdout is 1"):
        load(tmp_path / "gone", holdout=1)
    path = write_npz(tmp_path / "d.npz")
    data = load(path)
    np.savez(tmp_path / "t.npz", x_test=x, y_test=y + 7)
    with pytest.raises(DataError, match="no training image is of class '7'"):
        load_test(data, tmp_path / "t.npz")
    np.savez(tmp_path / "t.npz", images=x, labels=y)
    with pytest.raises(UnknownNameError, match="holds no test images"):
        load_test(data, tmp_path / "t.npz")
