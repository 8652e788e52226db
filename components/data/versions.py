"""Data versions: the only door to DVC. A version is the hash that data.dvc, beside the data folder, carries.

DVC runs as a child process: its start costs a second or two, its import would cost every caller memory and
time. It never touches git's index. Cache, state and remote lie where the settings say, by the untracked
.dvc/config.local, so that `dvc checkout` and `dvc pull` typed by hand find them too.
"""

import errno
import json
import os
import re
import subprocess
import sys
from configparser import ConfigParser
from dataclasses import dataclass
from pathlib import Path

import yaml

from components.errors import UserError
from components.files import locked

REMOTE = "selfsup"
HASH = re.compile(r"[0-9a-f]{32}\.dir")


@dataclass(frozen=True)
class Version:
    """hash: md5 of the sorted list of (file, md5), then '.dir'. files, bytes: what the folder holds."""

    hash: str
    files: int
    bytes: int


def pointer(data: Path) -> Path:
    """The file that names the version of a data folder: data.dvc beside data/."""
    return data.with_name(data.name + ".dvc")


def read(data: Path) -> Version | None:
    """What data.dvc says; None where there is none.

    Raises:
        UserError: it is no DVC file of this folder.
    """
    file = pointer(data)
    if not file.exists():
        return None
    try:
        (out,) = yaml.safe_load(file.read_text())["outs"]
        version = Version(str(out["md5"]), int(out.get("nfiles", 0)), int(out.get("size", 0)))
        if out["path"] != data.name or not HASH.fullmatch(version.hash):
            raise ValueError
    except (yaml.YAMLError, ValueError, KeyError, TypeError):
        raise UserError(
            f"{file} is not a DVC file of the folder {data.name}; "
            f"take it from git again (git checkout -- {file.name}) or delete it to make a new one"
        ) from None
    return version


def snapshot(data: Path, remote: str, cache: Path) -> Version:
    """Make the folder's present content a version: named in data.dvc, kept in the cache, pushed.

    The same content gives the same data.dvc, byte for byte. A version that is there already costs a look.

    Raises:
        UserError: no such folder, no room on the disk, a remote that cannot be reached, a broken data.dvc.
    """
    if not data.is_dir():
        raise UserError(f"no data at {data}; deliver some first (the ingest stage writes it)")
    read(data)
    _set_up(data, remote, cache)
    _dvc(data, "add", data.name)
    _dvc(data, "push", "--remote", REMOTE, pointer(data).name)
    version = read(data)
    assert version is not None, "dvc add wrote no data.dvc"
    return version


def status(data: Path, remote: str, cache: Path) -> str:
    """'clean' where data.dvc describes the folder as it is, 'changed' where not, 'new' without one."""
    if read(data) is None:
        return "new"
    _set_up(data, remote, cache)
    said = json.loads(_dvc(data, "status", "--json", pointer(data).name) or "{}")
    return "changed" if said else "clean"


def verify(data: Path, expected: str | None, remote: str, cache: Path) -> Version:
    """The version of the folder, once it is sure that data.dvc describes it and that it is the expected one.

    Raises:
        UserError: one of both is not so; says which and what to do.
    """
    version = read(data)
    if version is None:
        raise UserError(f"{pointer(data)} is missing; the snapshot stage writes it, or take it from git")
    if expected is not None and version.hash != expected:
        raise UserError(
            f"{pointer(data)} names version {version.hash} and {expected} is needed; restore that one, "
            f"or accept what is there by changing the expectation"
        )
    if status(data, remote, cache) != "clean":
        raise UserError(
            f"{pointer(data)} does not match the folder {data}: it names {version.hash}, the files are "
            f"others; keep them as a new version with the snapshot stage, or go back with "
            f"`dvc checkout {pointer(data).name}`"
        )
    return version


def restore(data: Path, version: Version, remote: str, cache: Path) -> None:
    """Bring the folder back to an older version, from the cache or the remote, and data.dvc with it.

    Raises:
        UserError: neither has it, or the folder holds what no version does (nothing is changed then).
    """
    file = pointer(data)
    before = file.read_bytes() if file.exists() else None
    data.parent.mkdir(parents=True, exist_ok=True)
    _set_up(data, remote, cache)
    size = {"size": version.bytes, "nfiles": version.files}
    out = {"md5": version.hash, **size, "hash": "md5", "path": data.name}
    _replace(file, yaml.safe_dump({"outs": [out]}, sort_keys=False))
    try:
        _dvc(data, "fetch", "--remote", REMOTE, file.name)
        if not _cached(version, cache):  # checkout would clear the folder before it finds out
            raise UserError(
                f"version {version.hash} of {data} is neither in the cache nor in the remote {remote}; "
                f"check SELFSUP_DVC_REMOTE"
            )
        _dvc(data, "checkout", file.name)
    except BaseException:
        if before is None:
            file.unlink()
        else:
            _replace(file, before.decode())
        raise


def _cached(version: Version, cache: Path) -> bool:
    """Whether the cache holds the whole version: the list of files, and each of them."""

    def place(md5: str) -> Path:
        return cache / "files" / "md5" / md5[:2] / md5[2:]

    listed = place(version.hash)
    return listed.is_file() and all(place(item["md5"]).is_file() for item in json.loads(listed.read_text()))


def _set_up(data: Path, remote: str, cache: Path) -> None:
    """A DVC root above the data (else made beside it), with our cache and remote in config.local."""
    try:
        with locked(cache.parent / "dvc-set-up.lock"):  # of two at once, one makes it and the other finds it
            _configure(data, remote, cache)
    except OSError as error:
        raise _full(data) if error.errno in (errno.ENOSPC, errno.EDQUOT) else error from None


def _configure(data: Path, remote: str, cache: Path) -> None:
    root = next((p for p in data.parents if (p / ".dvc").is_dir()), None)
    if root is None:
        root = data.parent
        (root / ".dvc").mkdir()
        _replace(root / ".dvc" / "config", "[core]\n    analytics = false\n    no_scm = true\n")
        _replace(root / ".dvc" / ".gitignore", "/config.local\n/tmp\n/cache\n")
    ignored = root / ".dvcignore"
    if not ignored.exists():  # what is being written is no data yet
        _replace(ignored, f"/{data.relative_to(root).as_posix()}/**/.*\n")
    if "://" not in remote:
        Path(remote).mkdir(parents=True, exist_ok=True)
    local = ConfigParser(interpolation=None)
    local.read(root / ".dvc" / "config.local")
    before = {name: dict(local[name]) for name in local.sections()}
    ours = {
        "core": {
            "analytics": "false",
            "autostage": "false",
            "site_cache_dir": f"{cache.parent}/dvc-site",
        },
        "cache": {"dir": str(cache)},
        f"'remote \"{REMOTE}\"'": {"url": remote},
    }
    if not any((p / ".git").exists() for p in (root, *root.parents)):
        ours["core"]["no_scm"] = "true"
    local.read_dict(ours)
    if {name: dict(local[name]) for name in local.sections()} != before:
        sections = (
            (f"[{name}]", *(f"    {k} = {v}" for k, v in local[name].items())) for name in local.sections()
        )
        _replace(root / ".dvc" / "config.local", "".join(f"{line}\n" for part in sections for line in part))


def _dvc(data: Path, command: str, *arguments: str) -> str:
    """One DVC command from the folder that holds the data; waits for another's lock. Its standard output."""
    done = subprocess.run(
        [sys.executable, "-P", "-m", "dvc", "--wait-for-lock", command, *arguments],
        cwd=data.parent,
        env={**os.environ, "DVC_NO_ANALYTICS": "1"},
        capture_output=True,
        text=True,
    )
    if done.returncode == 0:
        return done.stdout
    said = done.stderr + done.stdout
    full = ("No space left on device", "Disk quota exceeded", "disk is full")  # the last is SQLite's word
    if any(text in said for text in full):
        raise _full(data)
    errors = re.findall(r"^ERROR: (.+(?:\n.+)*)", said, re.MULTILINE)  # with the lines that belong to it
    why = " ".join(" ".join(errors or said.split("\n")[-3:]).split())
    if "unsaved" in why or "without force" in why or "--force" in why:
        raise UserError(
            f"{data} holds files that no version keeps, and they would be lost; "
            f"run the snapshot stage first, or move them away ({why})"
        )
    if command == "fetch":
        raise UserError(f"{data} cannot be had from the remote: {why}; check SELFSUP_DVC_REMOTE")
    why = why or f"exit code {done.returncode}"
    raise UserError(f"dvc {command} {data.name} failed in {data.parent}: {why}")


def _full(data: Path) -> UserError:
    return UserError(
        f"no room on the disk for a new version of {data}; free some, or set SELFSUP_HOME to a larger disk"
    )


def _replace(file: Path, text: str) -> None:
    """Written whole or not at all, whoever else writes it at the same time."""
    part = file.with_name(f".{file.name}.{os.getpid()}.part")
    part.write_text(text)
    part.replace(file)
