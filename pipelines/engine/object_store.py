"""Finished runs on object storage, where every machine finds them: the only door to S3.

PREFIX/files/SHA256 holds a file's content, PREFIX/STAGE/KEY.json a run's manifest and the list of its files. That
one object is written last and only where there is none: a run is shared in full or not at all, and of two machines
that made the same run one wins. A name by content never means two things, so their files cannot be mixed up. A file
is uploaded anew for each run that has it: so sweep.py sees by its age whether somebody may be about to name it.
"""

import json
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

from components.config import Config
from components.crash import point
from components.errors import UserError
from components.files import fsync, locked, write_atomically
from pipelines.engine.artifact import Artifact, First, digest, named

RECORD = re.compile(r"([a-z][a-z_]*/[0-9a-f]{16})\.json")  # of a run, below the prefix
SMALL = 1 << 20  # bytes; files up to this come with the manifest, larger ones when somebody asks for them
LONGEST = 12 * 3600  # seconds that an upload may take: half of what makes a file old
ABSENT, TAKEN = ("404", "NoSuchKey", "NotFound"), ("412", "PreconditionFailed", "ConditionalRequestConflict")


class Record(Config):
    """manifest: as in manifest.json. files: all of the run's folder but the manifest."""

    manifest: dict[str, Any]
    files: list[Artifact]


def share(reference: str, folder: Path, address: str) -> bool:
    """Upload a run, the record last. Whether it is now the shared one; else another machine was first.

    Args:
        folder: with its manifest.json; where the run was brought from elsewhere it may lack files.
        address: s3://BUCKET/PREFIX.

    Raises:
        UserError: the bucket cannot be used; or nobody has the run in full.
        ConnectionError: the object storage does not answer, or is so slow that the files may be gone again.
    """
    if lookup(reference, address) is not None:
        return False
    record = _record(folder)
    missing = {a.path for a in named(record.manifest["output"])} - {a.path for a in record.files}
    if missing:
        raise UserError(
            "run-files-damaged",
            f"{reference} is whole neither here nor at {address} ({min(missing)} is missing); "
            f"remove {folder} and run again",
        )
    bucket, prefix = split(address)
    began = time.monotonic()
    point("share.begun")
    with door(address) as client:
        for file in record.files:
            with (folder / file.path).open("rb") as stream:
                client.upload_fileobj(First(stream, file.bytes), bucket, f"{prefix}files/{file.sha256}")
            point("share.file")
        point("share.files")
        if time.monotonic() - began > LONGEST:
            raise ConnectionError(
                f"{address}: the upload of {reference} took more than {LONGEST // 3600} hours, and selfsup gc may have "
                "taken its first files by now; run again when the connection is faster"
            )
        body = record.model_dump_json(indent=2).encode()
        try:
            client.put_object(Bucket=bucket, Key=f"{prefix}{reference}.json", Body=body, IfNoneMatch="*")
        except client.exceptions.ClientError as error:
            if error.response["Error"]["Code"] not in TAKEN:
                raise
            return False
    point("share.record")
    return True


def erase(reference: str, address: str) -> None:
    """Take a run out of the bucket, its record first, and every file that no other run there has: at once, where gc
    waits a day for uploads. Nobody else may upload meanwhile."""
    record = lookup(reference, address)
    if record is None:
        return
    bucket, prefix = split(address)
    with door(address) as client:
        client.delete_object(Bucket=bucket, Key=f"{prefix}{reference}.json")
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        keys = [item["Key"].removeprefix(prefix) for page in pages for item in page.get("Contents", [])]
        others = [key.removesuffix(".json") for key in keys if RECORD.fullmatch(key)]
        found = [lookup(other, address) for other in others]
        named = {file.sha256 for other in found if other is not None for file in other.files}
        for file in record.files:
            if file.sha256 not in named:
                client.delete_object(Bucket=bucket, Key=f"{prefix}files/{file.sha256}")


def lookup(reference: str, address: str) -> Record | None:
    """What others share under this reference."""
    bucket, prefix = split(address)
    with door(address) as client:
        try:
            answer = client.get_object(Bucket=bucket, Key=f"{prefix}{reference}.json")
        except client.exceptions.ClientError as error:
            if error.response["Error"]["Code"] not in ABSENT:
                raise
            return None
        return Record.model_validate_json(answer["Body"].read())


def bring(reference: str, final: Path, part: Path, address: str) -> bool:
    """Put a shared run's manifest and small files into `final`, whole or not at all; whether there is one.

    part: where this machine may have made the very same run and been ended before it got its name.
    """
    record = lookup(reference, address)
    if record is None:
        return False
    final.parent.mkdir(parents=True, exist_ok=True)
    if final.is_dir() and not (final / "manifest.json").is_file():
        shutil.rmtree(final)
    if (part / "manifest.json").is_file() and _manifest(part) == record.manifest:
        with suppress(OSError):  # the process that made it does so itself in this moment
            part.rename(final)
        return True
    folder = Path(tempfile.mkdtemp(prefix=f".{final.name}.", dir=final.parent))
    try:
        folder.chmod(0o755)
        for file in record.files:
            if file.bytes <= SMALL:
                _fetch(reference, file, folder / file.path, address)
        text = json.dumps(record.manifest, indent=2).encode() + b"\n"
        write_atomically(folder / "manifest.json", lambda stream: stream.write(text))
        with suppress(OSError):  # another process was faster with the same
            folder.rename(final)
            fsync(final.parent)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return True


def fetch(reference: str, file: Artifact, store: Path, address: str) -> None:
    """One file of a run that bring() has brought; once, whoever else asks for it meanwhile.

    Raises:
        UserError: what came is not what the manifest says.
    """
    stage, _, key = reference.partition("/")
    target = store / reference / file.path
    with locked(store / stage / f".{key}.lock"):
        if not target.exists():
            _fetch(reference, file, target, address)


def _fetch(reference: str, file: Artifact, target: Path, address: str) -> None:
    bucket, prefix = split(address)
    place = f"{prefix}files/{file.sha256}"
    again = f"remove s3://{bucket}/{prefix}{reference}.json and run again: it is then made anew"
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.tmp")

    def download(stream: Any) -> None:
        with door(address) as client:
            try:
                client.download_fileobj(bucket, place, stream)
            except client.exceptions.ClientError as error:
                if error.response["Error"]["Code"] not in ABSENT:
                    raise
                raise UserError("run-files-damaged", f"s3://{bucket}/{place} is gone; {again}") from None
        stream.flush()
        if part.stat().st_size != file.bytes or digest(part) != file.sha256:
            raise UserError(
                "run-files-damaged",
                f"s3://{bucket}/{place} is not what its name says (digest differs); {again}",
            )

    try:
        write_atomically(target, download)
    finally:
        part.unlink(missing_ok=True)


def _manifest(folder: Path) -> Any:
    try:
        return json.loads((folder / "manifest.json").read_text())
    except ValueError:  # torn by a kill
        return None


def _record(folder: Path) -> Record:
    found = sorted(p for p in folder.rglob("*") if p.is_file() and not p.is_symlink())
    listed = [p for p in found if p != folder / "manifest.json" and not p.name.startswith(".")]
    files = [Artifact.of(file, folder) for file in listed]
    return Record(manifest=_manifest(folder), files=files)


def split(address: str) -> tuple[str, str]:
    """Bucket, and the prefix with a slash at its end: s3://b/a/c -> b, a/c/."""
    bucket, _, prefix = address.removeprefix("s3://").partition("/")
    return bucket, f"{prefix}/" if prefix else ""


@contextmanager
def door(address: str) -> Iterator[Any]:
    """The client of boto3; what goes wrong with it is one line."""
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, PartialCredentialsError

    try:
        yield _client()
    except (ClientError, NoCredentialsError, PartialCredentialsError) as error:
        said = " ".join(str(error).split())
        raise UserError(
            "remote-unavailable", f"{address}: {said}; check SELFSUP_STORE_REMOTE and the AWS_* variables"
        ) from None
    except (BotoCoreError, Boto3Error) as error:
        raise ConnectionError(f"{address}: {' '.join(str(error).split())}; run again: it goes on") from None


@cache
def _client() -> Any:
    """Endpoint, region and credentials from the AWS_* variables; it tries again by itself for a while."""
    import boto3
    from botocore.config import Config as Options

    options = Options(retries={"max_attempts": 6, "mode": "standard"}, connect_timeout=5, read_timeout=60)
    return boto3.client("s3", config=options)
