"""DVC's command line: where its root, cache and remote are, and one command with what it says made one line.

It runs as a child process: its start costs a second or two, its import would cost every caller memory and
time. It never touches git's index. Cache, state and remote lie where the settings say, by the untracked
.dvc/config.local, so that `dvc checkout` and `dvc pull` typed by hand find them too.
"""

import errno
import os
import re
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

from components.errors import UserError
from components.files import locked

REMOTE = "selfsup"


def set_up(data: Path, remote: str, cache: Path) -> None:
    """A DVC root above the data (else made beside it), with our cache and remote in config.local."""
    try:
        with locked(cache.parent / "dvc-set-up.lock"):  # of two at once, one makes it and the other finds it
            _configure(data, remote, cache)
    except OSError as error:
        raise no_room(data) if error.errno in (errno.ENOSPC, errno.EDQUOT) else error from None


def _configure(data: Path, remote: str, cache: Path) -> None:
    root = next((p for p in data.parents if (p / ".dvc").is_dir()), None) or make_root(data.parent)
    ignored = root / ".dvcignore"
    if not ignored.exists():  # what is being written is no data yet
        replace(ignored, f"/{data.relative_to(root).as_posix()}/**/.*\n")
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
        f"'remote \"{REMOTE}\"'": {"url": remote, "verify": "true"},  # what comes back is hashed again
    }
    if not any((p / ".git").exists() for p in (root, *root.parents)):
        ours["core"]["no_scm"] = "true"
    local.read_dict(ours)
    if {name: dict(local[name]) for name in local.sections()} != before:
        sections = (
            (f"[{name}]", *(f"    {k} = {v}" for k, v in local[name].items())) for name in local.sections()
        )
        replace(root / ".dvc" / "config.local", "".join(f"{line}\n" for part in sections for line in part))


def make_root(folder: Path) -> Path:
    """A DVC root that knows no git: for data outside a checkout, and for what is only tried out."""
    (folder / ".dvc").mkdir(parents=True, exist_ok=True)
    replace(folder / ".dvc" / "config", "[core]\n    analytics = false\n    no_scm = true\n")
    replace(folder / ".dvc" / ".gitignore", "/config.local\n/tmp\n/cache\n")
    return folder


def dvc(data: Path, command: str, *arguments: str) -> str:
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
        raise no_room(data)
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


def no_room(data: Path) -> UserError:
    return UserError(
        f"no room on the disk for a new version of {data}; free some, or set SELFSUP_HOME to a larger disk"
    )


def replace(file: Path, text: str) -> None:
    """Written whole or not at all, whoever else writes it at the same time."""
    part = file.with_name(f".{file.name}.{os.getpid()}.part")
    part.write_text(text)
    part.replace(file)
