"""One file of a model hub over plain HTTP, as the Hugging Face hub serves it; kept in a folder, verified by sha256.

Protocol: GET {endpoint}/{repo}/resolve/{revision}/{file} gives the file, or redirects to where it lies. The hub's own
answers name the digest of a large file in X-Linked-ETag, so that another file than the recorded one is refused before
it is read. Nothing but public files: no token is sent.
"""

import hashlib
import http.client
import os
import re
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, BinaryIO
from urllib.parse import quote, urljoin, urlsplit

from pydantic import ConfigDict, Field

from components.config import Config
from components.errors import UserError
from components.files import locked, write_atomically

ENDPOINT = "https://huggingface.co"
REDIRECTS = 5
TIMEOUT = 30.0  # seconds without a byte
CHUNK = 1 << 20


class HubFile(Config):
    """A file of a public repository, named for good."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    repo: str = Field(pattern=r"^[\w.-]+/[\w.-]+$")
    """OWNER/NAME."""
    file: str = Field(pattern=r"^[\w.-]+(/[\w.-]+)*$")
    """Path within the repository."""
    revision: str = Field(pattern=r"^[0-9a-f]{40}$")
    """Commit; a branch may change its files."""
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    """Of the file's bytes."""

    def __str__(self) -> str:
        return f"{self.repo}/{self.file} at {self.revision[:7]}"


def fetched(wanted: HubFile, folder: Path, environ: Mapping[str, str] = os.environ) -> Path:
    """The file in `folder`, downloaded where it is not there yet.

    environ: HF_ENDPOINT is asked in place of https://huggingface.co.

    Raises:
        UserError: the hub cannot be reached, has no such file, or holds other bytes.
    """
    target = folder / f"{wanted.sha256[:16]}-{Path(wanted.file).name}"
    with locked(folder / f".{target.name}.lock"):
        if target.exists() and sha256_of(target) == wanted.sha256:
            return target
        endpoint = (environ.get("HF_ENDPOINT") or ENDPOINT).rstrip("/")
        url = f"{endpoint}/{wanted.repo}/resolve/{wanted.revision}/{quote(wanted.file)}"
        try:
            with _opened(url, wanted) as stream:
                write_atomically(target, lambda out: _copy(stream, out, wanted))
        except urllib.error.HTTPError as error:
            raise UserError(
                "download-failed",
                f"{endpoint} gives {error.code} for {wanted}; check repository, file and revision",
            ) from None
        except (urllib.error.URLError, ConnectionError, TimeoutError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", error)
            raise UserError(
                "download-failed",
                f"{wanted} is not on this machine and {endpoint} cannot be reached ({reason!s:.120});"
                f" connect, set HF_ENDPOINT to a mirror, or give a local file",
            ) from None
        return target


def sha256_of(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


class _Stay(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: the headers of each answer are wanted."""

    def redirect_request(self, *given: Any, **named: Any) -> None:
        return None


def _opened(url: str, wanted: HubFile) -> IO[bytes]:
    """The body of the file, redirects followed."""
    opener = urllib.request.build_opener(_Stay)
    for _ in range(REDIRECTS + 1):
        if urlsplit(url).scheme not in ("http", "https"):
            raise UserError(
                "download-failed", f"{wanted} must lie at an http or https address, got {url!r:.120}"
            )
        try:
            answer: Any = opener.open(
                urllib.request.Request(url, headers={"User-Agent": "selfsup"}), timeout=TIMEOUT
            )
        except urllib.error.HTTPError as error:
            if error.code not in (301, 302, 303, 307, 308) or "Location" not in error.headers:
                raise
            _refuse_other(error.headers.get("X-Linked-ETag"), wanted)
            url = urljoin(url, error.headers["Location"])
            error.close()
            continue
        _refuse_other(answer.headers.get("X-Linked-ETag") or answer.headers.get("ETag"), wanted)
        stream: IO[bytes] = answer
        return stream
    raise UserError(
        "download-failed", f"{wanted}: more than {REDIRECTS} redirects; the last leads to {url!r:.120}"
    )


def _refuse_other(tag: str | None, wanted: HubFile) -> None:
    """A tag of 64 hexadecimal digits is the sha256 of the file; any other kind is no evidence."""
    found = re.fullmatch(r'(?:W/)?"?([0-9a-f]{64})"?', tag or "")
    if found and found[1] != wanted.sha256:
        raise UserError("digest-differs", _other(found[1], wanted))


def _copy(stream: IO[bytes], out: BinaryIO, wanted: HubFile) -> None:
    digest = hashlib.sha256()
    while chunk := stream.read(CHUNK):
        digest.update(chunk)
        out.write(chunk)
    if digest.hexdigest() != wanted.sha256:
        raise UserError("digest-differs", _other(digest.hexdigest(), wanted))


def _other(found: str, wanted: HubFile) -> str:
    return f"{wanted}: sha256 {wanted.sha256[:12]} needed, got {found[:12]}; the file is another one or was cut short"
