import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from blockprofile.errors import OptionError, RunError
from blockprofile.files import (
    check_name,
    make_folder,
    remove_leftovers,
    replacing,
    replacing_folder,
    write_bytes,
    write_text,
)
from blockprofile.folderlock import LOCK_NAME, lock_folder


@pytest.mark.parametrize("name", ["ofa_mbv3", "nsga2:population=50", "Größe 3", "latency_ms:note10", "a" * 120])
def test_names_that_can_name_a_file(name):
    assert check_name(name) == name


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "it is empty"), ("..", "begins with a dot"), (".hidden", "begins with a dot"),
        ("/etc/x", "make it a path"),
        ("a/../../b", "make it a path"), ("a\\b", "make it a path"),
        ("a\nb", "cannot be printed"), ("a\0", "cannot be printed"),
        (" a", "a blank"), ("a" * 121, "longer than 120 bytes"), ("é" * 61, "longer than 120 bytes"),
        ("\ud800", "cannot be printed"),
    ],
)  # fmt: skip
def test_names_that_cannot(name, reason):
    with pytest.raises(OptionError, match=f"space .* cannot name a file: .*{reason}"):
        check_name(name, what="space")


def test_a_write_is_whole_or_not_at_all(tmp_path):
    path = tmp_path / "a.txt"
    write_text(path, "old")

    def fail() -> None:
        with replacing(path) as file:
            file.write(b"new")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert path.read_text() == "old"
    write_text(path, "new")
    assert path.read_text() == "new"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.txt"]


def test_an_error_of_the_system_names_the_file_itself(tmp_path):
    with pytest.raises(FileNotFoundError) as caught:
        write_bytes(tmp_path / "none" / "a.txt", b"")
    assert caught.value.filename == str(tmp_path / "none" / "a.txt")


def test_links_are_replaced_not_followed(tmp_path):
    outside, folder = tmp_path / "outside.txt", tmp_path / "run"
    outside.write_text("mine")
    folder.mkdir()
    (folder / "a.txt").symlink_to(outside)
    write_text(folder / "a.txt", "new", within=folder)
    assert outside.read_text() == "mine"
    (folder / "parts").symlink_to(tmp_path)
    with pytest.raises(RunError, match="leads out of the folder"):
        write_text(folder / "parts" / "b.txt", "new", within=folder)
    with pytest.raises(RunError, match="leads out of the folder"):
        write_text(folder / ".." / "b.txt", "new", within=folder)
    assert not (tmp_path / "b.txt").exists()


def test_a_folder_is_replaced_whole(tmp_path):
    folder = tmp_path / "net"
    for text in ("one", "two"):
        with replacing_folder(folder) as fresh:
            (fresh / "weights").write_text(text)
            (fresh / f"card-{text}").write_text(text)
        assert sorted(path.name for path in folder.iterdir()) == [f"card-{text}", "weights"]

    def fail() -> None:
        with replacing_folder(folder) as fresh:
            (fresh / "weights").write_text("three")
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        fail()
    assert (folder / "weights").read_text() == "two"
    assert [path.name for path in tmp_path.iterdir()] == ["net"]


def test_a_folder_is_replaced_where_names_cannot_be_exchanged(tmp_path, monkeypatch):
    monkeypatch.setattr("blockprofile.files._exchange", lambda *_: False)
    for text in ("one", "two"):
        with replacing_folder(tmp_path / "net") as fresh:
            (fresh / "weights").write_text(text)
    assert (tmp_path / "net" / "weights").read_text() == "two"
    assert [path.name for path in tmp_path.iterdir()] == ["net"]


@pytest.mark.parametrize("steps", [1, 2])
def test_a_kill_at_the_rename_leaves_the_old_or_the_new_folder_and_the_next_command_goes_on(
    tmp_path, monkeypatch, steps
):
    folder, done = tmp_path / "net", []
    folder.mkdir()
    (folder / "weights").write_text("old")
    monkeypatch.setattr("blockprofile.files._exchange", lambda *_: False)
    rename = Path.rename

    def killed(path: Path, target: Path) -> Path:
        done.append(target)
        if len(done) == steps:
            os.kill(os.getpid(), signal.SIGKILL)
        return rename(path, target)

    child = os.fork()
    if not child:
        monkeypatch.setattr(Path, "rename", killed)
        with replacing_folder(folder) as fresh:
            (fresh / "weights").write_text("new")
        os._exit(1)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
    assert not folder.exists() or (folder / "weights").read_text() == "old"
    assert len(list(tmp_path.glob("net.*.partial"))) == steps
    with replacing_folder(folder) as fresh:
        (fresh / "weights").write_text("newer")
    assert [path.name for path in tmp_path.iterdir()] == ["net"]
    assert (folder / "weights").read_text() == "newer"


def test_two_commands_do_not_replace_one_folder(tmp_path):
    told = "net' is in use by process"
    with replacing_folder(tmp_path / "net"), pytest.raises(RunError, match=told), replacing_folder(tmp_path / "net"):
        pass
    with lock_folder(tmp_path / "net"):  # its lock goes with the folder that is replaced; the new one's is another's
        with replacing_folder(tmp_path / "net"):
            pass
        (tmp_path / "net" / ".lock").write_text("")
    assert [path.name for path in tmp_path.rglob("*")] == ["net", ".lock"]


def test_a_folder_whose_name_begins_alike_is_let_alone(tmp_path):
    with replacing_folder(tmp_path / "net.v2") as fresh:
        with replacing_folder(tmp_path / "net"):
            pass
        (fresh / "weights").write_text("whole")
    assert (tmp_path / "net.v2" / "weights").read_text() == "whole"


def test_a_folder_does_not_take_the_place_of_a_file_or_link(tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to(tmp_path)
    for name in ("file", "link"):
        with pytest.raises(RunError, match="is a file or a link"), replacing_folder(tmp_path / name):
            pass


def test_make_folder_says_what_stands_there(tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for name in ("file", "link"):
        with pytest.raises(RunError, match=r"--out .* cannot be made: a file or a dangling link"):
            make_folder(tmp_path / name)
    assert make_folder(tmp_path / "a" / "b").is_dir()


def test_a_folder_is_one_commands_at_a_time(tmp_path):
    with lock_folder(tmp_path):
        with pytest.raises(RunError, match=f"in use by process {os.getpid()} on "), lock_folder(tmp_path):
            pass
        assert (tmp_path / LOCK_NAME).exists()
    assert list(tmp_path.iterdir()) == []
    with lock_folder(tmp_path):
        pass


def test_a_killed_command_holds_no_lock(tmp_path):
    code = (
        "import os; from pathlib import Path; from blockprofile.folderlock import lock_folder\n"
        f"with lock_folder(Path({str(tmp_path)!r})): os._exit(9)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 9
    assert (tmp_path / LOCK_NAME).exists()
    with lock_folder(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


def test_what_killed_commands_left_is_removed_and_nothing_else(tmp_path):
    (tmp_path / "samples").mkdir()
    (tmp_path / "net.0123abcd.partial").mkdir()
    for name in ("samples/part.parquet.0123abcd.partial", "film.partial", "a.txt"):
        (tmp_path / name).write_text("")
    remove_leftovers(tmp_path)
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")) == [
        "a.txt",
        "film.partial",
        "samples",
    ]
