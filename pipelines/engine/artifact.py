"""A file that a stage hands back: where it lies in its run's folder, and the digest by which it is known."""

import hashlib
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from components.config import Config


class Artifact(Config):
    """A file of a finished run. path: relative to the run's folder. sha256: hex."""

    path: str
    sha256: str
    bytes: int

    @classmethod
    def of(cls, file: Path, folder: Path) -> "Artifact":
        """As it is now: what is added to it meanwhile, as to a log, is no part of it."""
        size = file.stat().st_size
        with file.open("rb") as stream:
            sha256 = hashlib.file_digest(First(stream, size), "sha256").hexdigest()
        return cls(path=file.relative_to(folder).as_posix(), sha256=sha256, bytes=size)


class First(io.RawIOBase):
    """The first `size` bytes of an open file."""

    def __init__(self, stream: BinaryIO, size: int) -> None:
        self.stream, self.left = stream, size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self.stream.read(min(len(buffer), self.left))
        buffer[: len(data)] = data
        self.left -= len(data)
        return len(data)


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
