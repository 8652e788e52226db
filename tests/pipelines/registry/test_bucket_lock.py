"""The lock among machines: two homes, and the bucket of a real S3 server."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import boto3
import pytest

from pipelines.engine import object_store
from pipelines.registry import bucket_lock as module
from pipelines.registry.bucket_lock import lease

pytestmark = pytest.mark.timeout(90)
HOLD = """
import os, signal, sys
from pathlib import Path
from pipelines.registry.bucket_lock import lease
with lease("toys", Path(sys.argv[1]), sys.argv[2]):
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAUSE", 0.02)


def content(bucket: str) -> bytes:
    name, prefix = object_store.split(bucket)
    body: bytes = boto3.client("s3").get_object(Bucket=name, Key=f"{prefix}locks/toys.json")["Body"].read()
    return body


def test_of_two_homes_one_waits_for_the_other(tmp_path: Path, bucket: str) -> None:
    told: list[str] = []
    inside = threading.Event()

    def other() -> None:
        inside.wait()
        with lease("toys", tmp_path / "b", bucket):
            told.append("b is in")

    thread = threading.Thread(target=other)
    thread.start()
    with lease("toys", tmp_path / "a", bucket) as held, lease("shoes", tmp_path / "a", bucket):
        inside.set()
        time.sleep(0.3)
        held()
        told.append("a goes")
    thread.join()
    assert told == ["a goes", "b is in"]
    with lease("toys", tmp_path / "a", bucket):
        assert str(tmp_path / "a") in content(bucket).decode()


def test_of_two_that_saw_the_same_one_gets_it(bucket: str) -> None:
    for mark in (None, module._write("locks/x.json", "", None, bucket)):
        key = f"locks/{'x' if mark else 'y'}.json"
        got = [module._write(key, owner, mark, bucket) for owner in ("a", "b")]
        assert got[1] is None
        assert module._read(key, bucket) == (got[0], "a")


def test_a_killed_owner_is_waited_for_no_longer_than_it_may_hold_it(
    tmp_path: Path, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed() -> None:
        done = subprocess.run([sys.executable, "-c", HOLD, str(tmp_path / "a"), bucket], env=os.environ)
        assert done.returncode == -signal.SIGKILL

    monkeypatch.setattr(module, "SECONDS", 1.5)
    killed()
    began = time.monotonic()
    with lease("toys", tmp_path / "b", bucket):
        assert 1.5 < time.monotonic() - began < 15
    killed()
    monkeypatch.setattr(module, "SECONDS", 600.0)
    with lease("toys", tmp_path / "a", bucket):  # its own home knows that nobody is left
        pass


def test_who_takes_too_long_is_told(tmp_path: Path, bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SECONDS", 6.0)
    with lease("toys", tmp_path / "a", bucket) as held:
        held()
        monkeypatch.setattr(module, "SECONDS", 0.0)
        with pytest.raises(ConnectionError, match=r"toys is locked for took more than .*run again"):
            held()


def test_a_late_owner_leaves_the_lock_to_the_next(
    tmp_path: Path, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = lease("toys", tmp_path / "a", bucket)
    late.__enter__()
    monkeypatch.setattr(module, "SECONDS", 0.1)
    with lease("toys", tmp_path / "b", bucket):
        before = content(bucket)
        late.__exit__(None, None, None)
        assert content(bucket) == before


def test_a_copy_of_a_home_is_another_owner(tmp_path: Path) -> None:
    home = tmp_path / "a"
    first = module._owner(home)
    assert module._owner(home) == first
    shutil.copytree(home, tmp_path / "b")
    home.rename(tmp_path / "c")
    (tmp_path / "b").rename(home)  # as on a machine that was made from a copy of this one
    assert module._owner(home) != first
    assert module._owner(tmp_path / "b") != first


def test_a_bucket_that_does_not_answer_when_the_lock_is_given_back_spoils_nothing(
    tmp_path: Path, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with lease("toys", tmp_path / "a", bucket):
        through = module._write

        def gone(*given: object) -> None:
            raise ConnectionError("no route")

        monkeypatch.setattr(module, "_write", gone)
    monkeypatch.setattr(module, "_write", through)
    with lease("toys", tmp_path / "a", bucket):
        pass
