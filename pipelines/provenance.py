"""Where a result comes from: the commit, the lock file, and every finished run that it was made of."""

import hashlib
import subprocess
from pathlib import Path

from pipelines.graph import GRAPH
from pipelines.store import Manifest, read_manifest


def lineage(references: list[str], store: Path) -> dict[str, tuple[str, Manifest]]:
    """Stage -> its reference and manifest, of these runs and all above them."""
    found: dict[str, tuple[str, Manifest]] = {}
    waiting = list(references)
    while waiting:
        manifest = read_manifest(reference := waiting.pop(), store)
        if manifest.stage not in found:
            found[manifest.stage] = reference, manifest
            waiting += [str(manifest.given[stage]) for stage in GRAPH if stage in manifest.given]
    return {stage: found[stage] for stage in GRAPH if stage in found}


def git_commit(root: Path) -> str:
    """The commit of the code, '+changes' where the checkout differs, 'unknown' where there is none."""
    asked = (["rev-parse", "HEAD"], ["status", "--porcelain", "--untracked-files=no"])
    said = []
    for arguments in asked:
        try:
            done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True)
        except OSError:
            return "unknown"
        if done.returncode != 0:
            return "unknown"
        said.append(done.stdout.strip())
    return said[0] + ("+changes" if said[1] else "")


def lock_hash(root: Path) -> str:
    """Sha256 of the lock file of the environment; 'unknown' where there is none."""
    file = root / "requirements.lock"
    return hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else "unknown"
