"""What a run is named by, and what a finished one says of itself."""

import hashlib
import json
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from components.config import Config
from components.files import fsync


class Identity(Config):
    """All that a run's key depends on.

    given: the request as the recipe has it, upstream references included. observed: of the world outside.
    code: digest of the modules imported.
    """

    stage: str
    version: int
    recipe: str
    given: dict[str, Any]
    observed: dict[str, str]
    code: str

    @property
    def reference(self) -> str:
        named = self.model_dump(mode="json", include=set(Identity.model_fields))  # a Manifest holds more
        text = json.dumps(named, sort_keys=True, separators=(",", ":"))
        return f"{self.stage}/{hashlib.sha256(text.encode()).hexdigest()[:16]}"


class Manifest(Identity):
    """What a finished run was made from, what it was asked and what it gave.

    request: as validated, defaults filled in. output: as its stage's Output dumps itself. started (unix time)
    and seconds: of the attempt that finished.
    """

    request: dict[str, Any]
    output: dict[str, Any]
    started: float
    seconds: float


def whole(part: Path) -> bool:
    """Whether the run in this folder is done, but for its name."""
    try:
        Manifest.model_validate_json((part / "manifest.json").read_bytes())
    except (OSError, ValidationError):  # not there, or torn
        return False
    return True


def write(part: Path, manifest: Manifest) -> None:
    """Everything is on the disk before the manifest is."""
    for file in part.rglob("*"):
        if not file.is_symlink():
            fsync(file)
    target = part / "manifest.json"
    target.write_text(manifest.model_dump_json(indent=2) + "\n")
    fsync(target)
    fsync(part)
