"""Files are whole or absent, whenever the machine stops; a lock keeps other processes out."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from components.errors import UserError
from components.files import enough_room, is_full, locked, write_atomically


def test_a_write_that_is_interrupted_leaves_the_old_file(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_bytes(b"old")

    def fails(stream: object) -> None:
        raise OSError("No space left on device")

    with pytest.raises(OSError, match="No space"):
        write_atomically(file, fails)
    assert file.read_bytes() == b"old"


def test_a_disk_that_is_full_only_when_flushed_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_atomically(tmp_path / "x", lambda stream: stream.write(b"old"))

    def die(handle: int) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("os.fsync", die)
    with pytest.raises(OSError, match="disk full"):
        write_atomically(tmp_path / "x", lambda stream: stream.write(b"new"))
    assert (tmp_path / "x").read_bytes() == b"old"


def test_it_is_on_the_disk_before_it_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    fsync, replace = os.fsync, Path.replace
    monkeypatch.setattr(os, "fsync", lambda fd: (done.append("fsync"), fsync(fd))[1])
    monkeypatch.setattr(Path, "replace", lambda a, b: (done.append("rename"), replace(a, b))[1])
    write_atomically(tmp_path / "a", lambda stream: stream.write(b"new"))
    assert done == ["fsync", "rename", "fsync"]


def test_a_lock_keeps_other_processes_out_until_it_ends(tmp_path: Path) -> None:
    file = tmp_path / "folder" / "lock"
    code = "import fcntl, sys; fcntl.flock(open(sys.argv[1]), fcntl.LOCK_EX | fcntl.LOCK_NB)"
    attempt = [sys.executable, "-c", code, str(file)]
    with locked(file):
        refused = subprocess.run(attempt, capture_output=True, text=True)
    assert "BlockingIOError" in refused.stderr
    subprocess.run(attempt, check=True)


def test_room_is_asked_for_before_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 2_000_000})())
    enough_room(tmp_path, 2_000_000)
    with pytest.raises(UserError, match=r"no room on the disk .* 3 MB are needed; .* SELFSUP_HOME"):
        enough_room(tmp_path, 3_000_000)


@pytest.mark.parametrize(("number", "full"), [(28, True), (122, True), (27, True), (2, False), (13, False)])
def test_a_full_disk_a_quota_and_a_largest_size_are_no_room(number: int, full: bool) -> None:
    assert is_full(OSError(number, "x")) is full
    assert not is_full(ValueError(number))
