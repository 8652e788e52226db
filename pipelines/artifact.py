"""A file that a stage hands back: where it lies in its run's folder, and the digest by which it is known."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from components.config import Config


class Artifact(Config):
    """A file of a finished run. path: relative to the run's folder. sha256: hex."""

    path: str
    sha256: str
    bytes: int

    @classmethod
    def of(cls, file: Path, folder: Path) -> "Artifact":
        return cls(path=file.relative_to(folder).as_posix(), sha256=digest(file), bytes=file.stat().st_size)


def digest(file: Path) -> str:
    """Sha256 (hex) of a file's content."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def named(output: Any) -> Iterator[Artifact]:
    """Every artifact that an output, as JSON values, speaks of."""
    if isinstance(output, dict):
        if output.keys() == Artifact.model_fields.keys():
            yield Artifact.model_validate(output)
            return
        output = list(output.values())
    if isinstance(output, list):
        for item in output:
            yield from named(item)
