"""What nobody needs in the bucket that machines share: the runs that gc takes here, files of no run, broken uploads.

A run that goes here goes there too, its record first: from then on nobody finds it. A file goes when no record names
it and it is older than a day. An upload writes each of its files anew and its record last, within half a day
(remote.LONGEST); so what an upload that runs has written is younger and stays, whoever else has the same file.
"""

import re
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple

from components.wording import counted
from pipelines.engine.object_store import ABSENT, LONGEST, RECORD, door, lookup, split

OLD = timedelta(seconds=2 * LONGEST)  # by the clock of the object storage
FILE = re.compile(r"files/[0-9a-f]{64}")
SAME = timedelta(seconds=1)  # between two answers of one time: some tell whole seconds
AT_ONCE = 8  # questions


class Object(NamedTuple):
    """name: without the prefix. changed: when it was written, or begun."""

    name: str
    bytes: int
    changed: datetime


class Waste(NamedTuple):
    """runs: references whose records may go. files: that no other run has. uploads: name and id, of those that were
    begun long ago and never ended; what the bucket holds of them is counted nowhere."""

    runs: list[str]
    files: list[Object]
    uploads: list[tuple[str, str]]

    @property
    def bytes(self) -> int:
        return sum(file.bytes for file in self.files)

    def describe(self, address: str) -> str:
        said = f"{counted(len(self.runs), 'run')}, {counted(len(self.files), 'file')} of no other run"
        return f"{said}, {counted(len(self.uploads), 'broken upload')}  {address}"


def look(going: Iterable[str], address: str) -> Waste:
    """What may go. going: references of the runs that go here. Changes nothing.

    Raises:
        UserError: the bucket cannot be used.
        ConnectionError: the object storage does not answer.
    """
    bucket, prefix = split(address)
    with door(address) as client:
        listed, now = _listed(client, bucket, prefix)
        # The files are listed before the records: what is shared meanwhile is named.
        files = [item for item in listed("files/") if FILE.fullmatch(item.name) and item.changed < now - OLD]
        records = {match[1] for item in listed("") if (match := RECORD.fullmatch(item.name))}
        uploads = [
            (item["Key"], item["UploadId"])
            for page in client.get_paginator("list_multipart_uploads").paginate(Bucket=bucket, Prefix=prefix)
            for item in page.get("Uploads", [])
            if FILE.fullmatch(item["Key"].removeprefix(prefix)) and item["Initiated"] < now - OLD
        ]
    runs = sorted(records.intersection(going))
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = pool.map(lambda reference: lookup(reference, address), sorted(records.difference(runs)))
        named = {f"files/{file.sha256}" for record in found if record is not None for file in record.files}
    return Waste(runs, [file for file in files if file.name not in named], uploads)


def records(address: str) -> set[str]:
    """References of all runs that are shared there."""
    bucket, prefix = split(address)
    with door(address) as client:
        listed, _ = _listed(client, bucket, prefix)
        return {match[1] for item in listed("") if (match := RECORD.fullmatch(item.name))}


def delete(waste: Waste, address: str) -> None:
    """Delete it: records, then files that nobody has written again since, then uploads. One that is killed leaves
    files of no run, which the next one takes."""
    bucket, prefix = split(address)
    with door(address) as client:
        for reference in waste.runs:
            client.delete_object(Bucket=bucket, Key=f"{prefix}{reference}.json")
        for file in waste.files:
            key = f"{prefix}{file.name}"
            changed = _changed(client, bucket, key)
            if changed is not None and changed - file.changed <= SAME:
                client.delete_object(Bucket=bucket, Key=key)
        for key, number in waste.uploads:
            client.abort_multipart_upload(Bucket=bucket, Key=key, UploadId=number)


def _listed(client: Any, bucket: str, prefix: str) -> tuple[Any, datetime]:
    """A listing of the objects below a name, and the time by the server's clock."""
    answer = client.head_bucket(Bucket=bucket)
    now = parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"])

    def listed(below: str) -> Iterator[Object]:
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{prefix}{below}")
        for page in pages:
            for item in page.get("Contents", []):
                yield Object(item["Key"].removeprefix(prefix), item["Size"], item["LastModified"])

    return listed, now


def _changed(client: Any, bucket: str, key: str) -> datetime | None:
    try:
        changed: datetime = client.head_object(Bucket=bucket, Key=key)["LastModified"]
    except client.exceptions.ClientError as error:
        if error.response["Error"]["Code"] not in ABSENT:
            raise
        return None
    return changed
