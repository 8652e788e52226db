import hashlib
import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from components.data import dvc, versions
from components.errors import UserError


@pytest.fixture
def place(tmp_path):
    data = tmp_path / "work" / "data"
    (data / "quick" / "shards").mkdir(parents=True)
    (data / "quick" / "index.json").write_text("{}\n")
    (data / "quick" / "shards" / "a.parquet").write_bytes(b"a" * 1000)
    return data, str(tmp_path / "remote"), tmp_path / "home" / "dvc-cache"


def git(root, *arguments):
    who = {f"GIT_{role}_{what}": "a@b" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    return command(root, "git", *arguments, **who)


def command(root, *words, **environ):
    return subprocess.run(
        words, cwd=root, env={**os.environ, **environ}, capture_output=True, text=True, check=True
    ).stdout


def dvc_hash(data):
    """The definition: md5 of the JSON list of every file's md5 and path, sorted by path."""
    files = sorted(p.relative_to(data).as_posix() for p in data.rglob("[!.]*") if p.is_file())
    listed = [{"md5": hashlib.md5((data / f).read_bytes()).hexdigest(), "relpath": f} for f in files]
    return hashlib.md5(json.dumps(listed).encode()).hexdigest() + ".dir"


def test_a_version_is_the_hash_of_the_files_and_is_kept(place, tmp_path):
    data, remote, cache = place
    version = versions.snapshot(data, remote, cache)
    assert version == versions.Version(dvc_hash(data), 2, 1003)
    assert versions.read(data) == version
    stored = {p.relative_to(remote).as_posix() for p in (tmp_path / "remote").rglob("*") if p.is_file()}
    assert f"files/md5/{version.hash[:2]}/{version.hash[2:]}" in stored
    assert len(stored) == 3
    first = versions.pointer(data).read_bytes()

    # the same content gives the same bytes, from nothing as well
    versions.pointer(data).unlink()
    assert versions.snapshot(data, remote, cache) == version
    assert versions.pointer(data).read_bytes() == first

    # what is being written is no data yet
    (data / "quick" / "shards" / ".b.parquet.part").write_bytes(b"half")
    (data / ".part").write_bytes(b"half")
    assert versions.snapshot(data, remote, cache) == version
    assert not [p for p in data.parent.iterdir() if p.name not in ("data", "data.dvc", ".dvc", ".dvcignore")]


@pytest.mark.slow
def test_verify_and_restore(place):
    data, remote, cache = place
    assert versions.status(data, remote, cache) == "new"
    with pytest.raises(UserError, match="is missing; the snapshot stage writes it"):
        versions.verify(data, None, remote, cache)
    old = versions.snapshot(data, remote, cache)
    assert versions.verify(data, old.hash, remote, cache) == old
    with pytest.raises(UserError, match=f"{old.hash} and {'0' * 32}.dir is needed"):
        versions.verify(data, "0" * 32 + ".dir", remote, cache)

    (data / "quick" / "shards" / "b.parquet").write_bytes(b"b" * 500)
    assert versions.status(data, remote, cache) == "changed"
    with pytest.raises(UserError, match=r"does not match the folder .*dvc checkout data\.dvc"):
        versions.verify(data, old.hash, remote, cache)
    before = versions.pointer(data).read_bytes()
    (data / "quick" / "index.json").write_text('{"changed": 1}\n')
    with pytest.raises(UserError, match="no version keeps"):
        versions.restore(data, old.hash, remote, cache)
    assert (data / "quick" / "shards" / "b.parquet").exists()
    assert versions.pointer(data).read_bytes() == before

    new = versions.snapshot(data, remote, cache)
    assert (new.files, new.hash) == (3, dvc_hash(data))
    assert versions.restore(data, old.hash, remote, cache) == old
    assert dvc_hash(data) == old.hash
    for folder in (cache, data):  # another machine: only the remote has it
        shutil.rmtree(folder)
    assert versions.restore(data, old.hash, remote, cache) == old
    assert dvc_hash(data) == old.hash
    assert versions.verify(data, old.hash, remote, cache) == old

    with pytest.raises(
        UserError, match=r"neither in the cache nor in the remote|cannot be had from the remote"
    ):
        versions.restore(data, "1" * 32 + ".dir", remote, cache)
    assert versions.verify(data, old.hash, remote, cache) == old


def test_in_a_git_checkout_neither_index_nor_tracked_files_change(place, tmp_path):
    data, remote, cache = place
    root = data.parent
    (root / ".dvc").mkdir()
    ours = (
        "[core]\n    analytics = false\n    autostage = true\n['remote \"selfsup\"']\n    url = elsewhere\n"
    )
    (root / ".dvc" / "config").write_text(ours)
    (root / ".dvc" / ".gitignore").write_text("/config.local\n/tmp\n/cache\n")
    (root / ".dvcignore").write_text("/data/**/.*\n")
    (root / ".gitignore").write_text("/data\n")
    (root / ".dvc" / "config.local").write_text("['remote \"mine\"']\n    url = s3://bucket\n")

    git(root, "init", "-q")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "x")
    versions.snapshot(data, remote, cache)
    assert git(root, "status", "--short") == "?? data.dvc\n"
    local = (root / ".dvc" / "config.local").read_text()
    assert "s3://bucket" in local
    assert str(cache) in local


@pytest.fixture
def theirs(tmp_path):
    """A project of somebody's own: under git and DVC, with a shared cache, and data of its own."""
    root = tmp_path / "theirs"
    (root / "big").mkdir(parents=True)
    (root / "big" / "blob.bin").write_bytes(b"blob" * 1000)
    git(root, "init", "-q")
    run_dvc = (sys.executable, "-m", "dvc")
    command(root, *run_dvc, "init", "-q")
    command(root, *run_dvc, "cache", "dir", "-q", "--local", str(tmp_path / "shared"))
    command(root, *run_dvc, "add", "-q", "big")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "one")
    return root


def everything(root):
    return {
        p: p.read_bytes() for p in root.rglob("*") if p.is_file() and "tmp" not in p.relative_to(root).parts
    }


def test_a_dvc_project_of_somebodys_own_stays_as_it_is(theirs, place):
    """Inside it the data have a project of their own, which neither its DVC nor its git takes in."""
    _, remote, cache = place
    before = everything(theirs)
    data = theirs / "selfsup" / "data"
    shutil.copytree(place[0], data)
    version = versions.snapshot(data, remote, cache)
    assert version.hash == dvc_hash(data)

    assert {file: content for file, content in everything(theirs).items() if file in before} == before
    git(theirs, "add", "-A")
    added = set(git(theirs, "diff", "--cached", "--name-only").split())
    assert added == {
        f"selfsup/{name}" for name in (".dvcignore", "data.dvc", ".dvc/.gitignore", ".dvc/config")
    }
    run_dvc = (sys.executable, "-m", "dvc")
    assert json.loads(command(theirs, *run_dvc, "status", "--json")) == {}
    shutil.rmtree(theirs / "big")
    command(theirs, *run_dvc, "checkout")
    assert (theirs / "big" / "blob.bin").read_bytes() == b"blob" * 1000
    assert versions.verify(data, version.hash, remote, cache) == version


def test_data_beside_somebodys_dvc_are_refused_before_anything_is_written(theirs, place):
    _, remote, cache = place
    data = theirs / "data"
    shutil.copytree(place[0], data)
    before = everything(theirs)
    with pytest.raises(
        UserError, match=r"theirs is a DVC project of its own.* SELFSUP_DATA, to .*selfsup/data say"
    ):
        versions.snapshot(data, remote, cache)
    assert everything(theirs) == before


@pytest.mark.slow
def test_two_at_a_time(place):
    data, remote, cache = place
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda _: versions.snapshot(data, remote, cache), range(2))
    assert first == second == versions.read(data)


@pytest.mark.parametrize(
    "text",
    [
        "<<<<<<< HEAD\n",
        "",
        "outs: []\n",
        "outs:\n- md5: abc\n  path: data\n",
        "outs:\n- path: data\n",
        "[1]\n",
    ],
)
def test_a_broken_pointer_is_named(place, text):
    data, remote, cache = place
    versions.pointer(data).write_text(text)
    with pytest.raises(UserError, match=r"data\.dvc is not a DVC file of .*git checkout"):
        versions.snapshot(data, remote, cache)


def test_no_data(tmp_path):
    with pytest.raises(UserError, match="deliver some first"):
        versions.snapshot(tmp_path / "data", str(tmp_path), tmp_path / "cache")


@pytest.mark.parametrize("said", ["ERROR: unexpected error - [Errno 28] No space left on device: '/x'\n"])
def test_a_full_disk_is_a_user_error(place, monkeypatch, said):
    data, remote, cache = place
    done = subprocess.CompletedProcess([], 255, "", said)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: done)
    with pytest.raises(UserError, match=r"no room on the disk .* SELFSUP_HOME"):
        versions.snapshot(data, remote, cache)


def test_a_full_disk_while_setting_up(place, monkeypatch):
    data, remote, cache = place
    monkeypatch.setattr(
        dvc, "replace", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device"))
    )
    with pytest.raises(UserError, match="no room on the disk"):
        versions.snapshot(data, remote, cache)


def test_importing_it_imports_no_dvc():
    code = "import sys, components.data.versions; assert not {'dvc', 'torch', 'numpy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
