"""Files of samples: opened without following a link, read once, hashed and checked.

A batch is a list of files, or of samples that a table holds; its outcome is one Checked each, in order. What is known
by its hash is not decoded again.
"""

import hashlib
import os
from collections.abc import Container, Sequence
from io import FileIO
from pathlib import Path
from typing import Literal, NamedTuple

from components.data.reader import Reader

# Suffixes so common beside samples of other kinds that such a file is not opened to find out.
TEXT = frozenset({
    ".txt", ".xml", ".json", ".jsonl", ".yaml", ".yml", ".toml", ".md", ".html", ".log", ".py", ".ipynb", ".dvc",
    ".zip", ".gz", ".tar", ".npy", ".npz", ".pt", ".pkl", ".h5", ".mp4", ".mov", ".pdf",
})  # fmt: skip
KEPT_BYTES = 64 * 1024  # of a bad sample, for a person to look at
HEAD = 32  # bytes by which a file's kind is told
LONG_HEAD = 132  # the same of a file that holds several samples: DICOM's are behind 128 of no meaning


class Stamp(NamedTuple):
    """By which a file is known to be unchanged. size: bytes. mtime, ctime: ns."""

    size: int
    mtime: int
    ctime: int
    inode: int

    @classmethod
    def of(cls, found: os.stat_result) -> "Stamp":
        return cls(found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)


class Checked(NamedTuple):
    """One file or sample. content: sha256 of its bytes; where it could not be read the error's number as text, where it
    must not be opened nothing. reason: why it is bad, or None. data: its bytes; the first KEPT_BYTES of a bad one;
    none where it is known. stamp: None where it is of no use. known: the sample is, so it was not decoded."""

    content: bytes
    reason: str | None
    data: bytes
    stamp: Stamp | None = None
    known: bool = False


class Wanted(NamedTuple):
    """A file to be checked. path: relative to the folder. reason: why it must not be opened, or None. linked: whether
    it may be reached by a link."""

    path: str
    reason: str | None = None
    linked: bool = False


def begins_like(reader: Reader, file: Path, suffix: str) -> Literal["sample", "several"] | None:
    """What a file whose suffix tells nothing is by its first bytes: a sample, or several; None: neither."""
    if suffix in TEXT:
        return None
    try:
        with open_plain(file) as stream:
            head = stream.read(LONG_HEAD)
    except OSError:
        return None
    if reader.begins_several(head):
        return "several"
    return "sample" if reader.begins_like(head[:HEAD]) else None


def open_plain(file: Path | str, linked: bool = False) -> FileIO:
    """A file for reading; never waits for a pipe or device, and follows a link only if `linked`.

    Raises:
        OSError: it cannot be opened, or is a link.
    """
    return FileIO(os.open(file, _flags(linked)))


def _flags(linked: bool) -> int:
    return os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | (0 if linked else os.O_NOFOLLOW)


def check_files(
    folder: str, batch: Sequence[Wanted], reader: Reader, known: Container[bytes]
) -> list[Checked]:
    """Reads each file once."""
    read = [_read(f"{folder}/{wanted.path}", wanted, reader.max_bytes, known) for wanted in batch]
    return _judged(read, reader)


def check_samples(batch: Sequence[bytes], reader: Reader, known: Container[bytes]) -> list[Checked]:
    """The same of samples that the caller has: the data of good ones are left out."""
    judged = _judged([_hashed(data, None, known) for data in batch], reader)
    return [one if one.reason is not None else one._replace(data=b"") for one in judged]


def _hashed(data: bytes, stamp: Stamp | None, known: Container[bytes]) -> Checked:
    content = hashlib.sha256(data).digest()
    return (
        Checked(content, None, b"", stamp, True) if content in known else Checked(content, None, data, stamp)
    )


def _read(file: str, wanted: Wanted, max_bytes: int, known: Container[bytes]) -> Checked:
    if wanted.reason is not None:
        return Checked(b"", wanted.reason, b"")
    try:
        handle = os.open(file, _flags(wanted.linked))
        try:
            stamp = Stamp.of(os.fstat(handle))
            if stamp.size > max_bytes:
                return _too_large(handle, stamp, max_bytes)
            data = _read_all(handle, stamp.size)
        finally:
            os.close(handle)
    except OSError as error:
        return Checked(str(error.errno).encode(), f"unreadable: {error.strerror}", b"")
    return _hashed(data, stamp, known)


def _read_all(handle: int, size: int) -> bytes:
    """Up to the end, also of a file that grows meanwhile or that a read gives in parts."""
    data = os.read(handle, size + 1)
    if len(data) == size:
        return data
    parts = [data]
    while parts[-1]:
        parts.append(os.read(handle, 1 << 20))
    return b"".join(parts)


def _too_large(handle: int, stamp: Stamp, max_bytes: int) -> Checked:
    with FileIO(handle, closefd=False) as stream:
        head = stream.read(KEPT_BYTES)
        stream.seek(0)
        content = hashlib.file_digest(stream, "sha256").digest()
    return Checked(content, f"too large a file: {stamp.size} bytes, allowed {max_bytes}", head, stamp)


def _judged(read: list[Checked], reader: Reader) -> list[Checked]:
    """With the reasons for which what was read is bad."""
    asked = [one.data for one in read if one.reason is None and not one.known]
    reasons = reader.check(asked)
    if len(asked) == len(read) and not any(reasons):
        return read
    rest = iter(reasons)
    judged = []
    for one in read:
        reason = next(rest) if one.reason is None and not one.known else None
        judged.append(one._replace(reason=reason, data=one.data[:KEPT_BYTES]) if reason is not None else one)
    return judged
