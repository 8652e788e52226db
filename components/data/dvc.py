"""DVC's command line: where its root, cache and remote are, and one command with what it says made one line.

It runs as a child process: its start costs a second or two, its import would cost every caller memory and
time. It never touches git's index. The root is the folder that holds the data folder, and always ours: inside
somebody's own DVC project it is a project of its own, which theirs leaves alone, and their configuration is never
written. Cache, state and remote lie where the settings say, by our untracked .dvc/config.local, so that
`dvc checkout` and `dvc pull` typed by hand beside the data find them too.
"""

import getpass
import os
import re
import subprocess
import sys
from configparser import ConfigParser, Error
from pathlib import Path

from components.errors import PassingError, UserError
from components.files import is_full, locked

REMOTE = "selfsup"  # a root is ours where its .dvc/config names this remote
SECTION = f"'remote \"{REMOTE}\"'"


def set_up(data: Path, remote: str, cache: Path) -> None:
    """A DVC root beside the data, made where there is none, with our cache and remote in config.local.

    Raises:
        UserError: the root there is somebody else's; no room on the disk.
    """
    if is_foreign(data.parent):
        raise UserError("dvc-root-of-others", whose(data))
    try:
        with locked(cache.parent / "dvc-set-up.lock"):  # of two at once, one makes it and the other finds it
            _configure(data, remote, cache)
    except OSError as error:
        raise no_room(data) if is_full(error) else error from None


def is_foreign(root: Path) -> bool:
    """Whether the folder is the root of a DVC project that is not ours."""
    if not (root / ".dvc").is_dir():
        return False
    config = ConfigParser(interpolation=None)
    try:
        config.read(root / ".dvc" / "config")
    except (Error, UnicodeDecodeError):
        return True
    return SECTION not in config


def whose(data: Path) -> str:
    """Why a data folder in a DVC project of somebody's own cannot be, and what to do."""
    return (
        f"{data.parent} is a DVC project of its own, whose configuration selfsup does not touch: the data folder must "
        f"lie in another folder, which may be inside it; set SELFSUP_DATA, to {data.parent / 'selfsup' / 'data'} say"
    )


def _configure(data: Path, remote: str, cache: Path) -> None:
    root = data.parent
    if "://" not in remote:
        Path(remote).mkdir(parents=True, exist_ok=True)
    if not (root / ".dvc" / "config").exists():
        _make_root(root, remote)
    if not (root / ".dvcignore").exists():  # what is being written is no data yet
        replace(root / ".dvcignore", "/*/**/.*\n")
    if (
        data.is_dir() and not (data / ".gitignore").exists()
    ):  # DVC keeps the data, and git the pointer to them
        replace(data / ".gitignore", "*\n")
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
        SECTION: {"url": remote, "verify": "true"},  # what comes back is hashed again
    }
    if not any((p / ".git").exists() for p in (root, *root.parents)):
        ours["core"]["no_scm"] = "true"
    local.read_dict(ours)
    if {name: dict(local[name]) for name in local.sections()} != before:
        sections = (
            (f"[{name}]", *(f"    {k} = {v}" for k, v in local[name].items())) for name in local.sections()
        )
        replace(root / ".dvc" / "config.local", "".join(f"{line}\n" for part in sections for line in part))


def _make_root(root: Path, remote: str) -> None:
    """A DVC root that knows no git: what git sees beside the data is the user's to decide."""
    (root / ".dvc").mkdir(parents=True, exist_ok=True)
    replace(root / ".dvc" / ".gitignore", "/config.local\n/tmp\n/cache\n")
    ours = f"[core]\n    analytics = false\n    no_scm = true\n[{SECTION}]\n    url = {remote}\n"
    replace(root / ".dvc" / "config", ours)


def dvc(data: Path, command: str, *arguments: str) -> str:
    """One DVC command from the folder that holds the data; waits for another's lock. Its standard output."""
    done = subprocess.run(
        [sys.executable, "-P", "-m", "dvc", "--wait-for-lock", command, *arguments],
        cwd=data.parent,
        env={**os.environ, "DVC_NO_ANALYTICS": "1", **user_name()},
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
            "data-not-in-a-version",
            f"{data} holds files that no version keeps, and they would be lost; "
            f"run the snapshot stage first, or move them away ({why})",
        )
    if command == "fetch":
        raise PassingError(
            "remote-unavailable", f"{data} cannot be had from the remote: {why}; check SELFSUP_DVC_REMOTE"
        )
    why = why or f"exit code {done.returncode}"
    raise UserError("dvc-failed", f"dvc {command} {data.name} failed in {data.parent}: {why}")


def user_name() -> dict[str, str]:
    """What DVC, Airflow and MLflow need in their environment where the user id has no name, as in a container: they ask
    for one."""
    try:
        getpass.getuser()
    except (KeyError, OSError):
        return {"LOGNAME": f"uid{os.getuid()}"}
    return {}


def no_room(data: Path) -> UserError:
    return UserError(
        "disk-full",
        f"no room on the disk for a new version of {data}; free some, or set SELFSUP_HOME to a larger disk",
    )


def replace(file: Path, text: str) -> None:
    """Written whole or not at all, whoever else writes it at the same time."""
    part = file.with_name(f".{file.name}.{os.getpid()}.part")
    part.write_text(text)
    part.replace(file)
