"""Data versions. A version is the hash that data.dvc, beside the data folder, carries."""

import json
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import yaml

from components.crash import point
from components.data.dvc import REMOTE, dvc, replace, set_up
from components.errors import UserError

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
            "data-pointer-invalid",
            f"{file} is not a DVC file of the folder {data.name}; "
            f"take it from git again (git checkout -- {file.name}) or delete it to make a new one",
        ) from None
    return version


def snapshot(data: Path, remote: str, cache: Path) -> Version:
    """Make the folder's present content a version: named in data.dvc, kept in the cache, pushed.

    The same content gives the same data.dvc, byte for byte. A version that is there already costs a look.

    Raises:
        UserError: no such folder, no room on the disk, a remote that cannot be reached, a broken data.dvc.
    """
    if not data.is_dir():
        raise UserError(
            "no-data-folder", f"no data at {data}; deliver some first (the ingest stage writes it)"
        )
    read(data)
    set_up(data, remote, cache)
    dvc(data, "add", data.name)
    point("snapshot.added")
    dvc(data, "push", "--remote", REMOTE, pointer(data).name)
    version = read(data)
    assert version is not None, "dvc add wrote no data.dvc"
    return version


def status(data: Path, remote: str, cache: Path) -> str:
    """'clean' where data.dvc describes the folder as it is, 'changed' where not, 'new' without one."""
    if read(data) is None:
        return "new"
    set_up(data, remote, cache)
    said = json.loads(dvc(data, "status", "--json", pointer(data).name) or "{}")
    return "changed" if said else "clean"


def verify(data: Path, expected: str | None, remote: str, cache: Path) -> Version:
    """The version of the folder, once it is sure that data.dvc describes it and that it is the expected one.

    Raises:
        UserError: one of both is not so; says which and what to do.
    """
    version = read(data)
    if version is None:
        raise UserError(
            "data-pointer-invalid",
            f"{pointer(data)} is missing; the snapshot stage writes it, or take it from git",
        )
    if expected is not None and version.hash != expected:
        raise UserError(
            "unexpected-data-version",
            f"{pointer(data)} names version {version.hash} and {expected} is needed; restore that one, "
            f"or accept what is there by changing the expectation",
        )
    if status(data, remote, cache) != "clean":
        raise UserError(
            "data-differ-from-version",
            f"{pointer(data)} does not match the folder {data}: it names {version.hash}, the files are "
            f"others; keep them as a new version with the snapshot stage, or go back with "
            f"`dvc checkout {pointer(data).name}`",
        )
    return version


def size(data: Path) -> tuple[int, int]:
    """Files and bytes of what a version of the folder would hold: all but what is hidden."""
    found = [file.relative_to(data) for file in data.rglob("*") if file.is_file()]
    kept = [data / file for file in found if not any(part.startswith(".") for part in file.parts)]
    return len(kept), sum(file.stat().st_size for file in kept)


def restore(data: Path, hash: str, remote: str, cache: Path) -> Version:
    """Bring the folder back to an older version, from the cache or the remote, and data.dvc with it.

    Args:
        hash: of the version, "....dir".

    Raises:
        UserError: neither has it, or the folder holds what no version does (nothing is changed then).
    """
    if not HASH.fullmatch(hash):
        raise UserError(
            "invalid-data-version",
            f"a data version such as {'0' * 8}...{'0' * 4}.dir is needed, got {hash!r:.80}",
        )
    file = pointer(data)
    before = file.read_bytes() if file.exists() else None
    data.parent.mkdir(parents=True, exist_ok=True)
    set_up(data, remote, cache)
    if before is not None and (now := read(data)) is not None and _cached(now.hash, cache) is None:
        with suppress(UserError):  # what the remote has is not lost when the folder changes: let DVC see it
            dvc(data, "fetch", "--remote", REMOTE, file.name)
    try:
        _point(data, Version(hash, 0, 0))
        dvc(data, "fetch", "--remote", REMOTE, file.name)
        version = _cached(hash, cache)
        if version is None:  # checkout would clear the folder before it finds out
            raise UserError(
                "data-version-lost",
                f"version {hash} of {data} is neither in the cache nor in the remote {remote}; "
                f"check SELFSUP_DVC_REMOTE",
            )
        _point(data, version)
        dvc(data, "checkout", file.name)
    except BaseException:
        if before is None:
            file.unlink()
        else:
            replace(file, before.decode())
        raise
    return version


def _point(data: Path, version: Version) -> None:
    """data.dvc as DVC itself writes it; without a size it looks for none."""
    size = {"size": version.bytes, "nfiles": version.files} if version.files else {}
    out = {"md5": version.hash, **size, "hash": "md5", "path": data.name}
    replace(pointer(data), yaml.safe_dump({"outs": [out]}, sort_keys=False))


def _cached(hash: str, cache: Path) -> Version | None:
    """The version, if the cache holds all of it: the list of files, and each of them."""

    def place(md5: str) -> Path:
        return cache / "files" / "md5" / md5[:2] / md5[2:]

    if not place(hash).is_file():
        return None
    files = [place(item["md5"]) for item in json.loads(place(hash).read_text())]
    if not all(file.is_file() for file in files):
        return None
    return Version(hash, len(files), sum(file.stat().st_size for file in files))
