"""A lock among machines that share a bucket: an object that names its owner, written by one and waited for by others.

PREFIX/locks/NAME.json is only written where there is none, and only replaced as it was seen (If-None-Match and
If-Match: a compare-and-set). Whoever waits compares no clocks: an object that stays as it is for as long as an owner
may hold it, by the waiter's own clock, has lost its owner and is taken over. One process of a home at a time asks
(components.registry.journal), so an object that its own home has written is left over and taken over at once.
"""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote
from uuid import uuid4

from components.errors import UserError
from components.files import locked, write_atomically
from pipelines.engine.object_store import ABSENT, TAKEN, door, split

SECONDS, PAUSE = 300.0, 0.5  # how long it is held at most; between two questions


class Seen(NamedTuple):
    """mark: the object's ETag, None where there is none. owner: "" where it is free."""

    mark: str | None
    owner: str


@contextmanager
def lease(name: str, home: Path, address: str) -> Iterator[Callable[[], None]]:
    """Hold the lock `name`; gives what has to be called before each thing that only its owner may do.

    That raises ConnectionError when half the time is over: the other half is for what has been begun. A second
    process of the same home must not ask meanwhile.

    Raises:
        UserError: the bucket cannot be used.
        ConnectionError: the object storage does not answer.
    """
    key, owner = f"locks/{quote(name, safe='')}.json", _owner(home)
    mark, began = _take(key, owner, address)

    def held() -> None:
        if time.monotonic() - began > SECONDS / 2:
            raise ConnectionError(
                f"{address}: what {name} is locked for took more than {SECONDS / 2:.0f} s, and another machine may "
                "lock it soon; run again"
            )

    try:
        yield held
    finally:
        with suppress(UserError, ConnectionError):  # else it is left over
            _write(key, "", mark, address)


def _take(key: str, owner: str, address: str) -> tuple[str, float]:
    """The object's mark when it is ours, and a moment before it was."""
    known, since = None, 0.0
    while True:
        began = time.monotonic()
        seen = _read(key, address)
        if seen.mark != known:
            known, since = seen.mark, time.monotonic()
        if seen.owner in ("", owner) or time.monotonic() - since > SECONDS:
            mark = _write(key, owner, seen.mark, address)
            if mark is not None:
                return mark, began
        time.sleep(PAUSE)


def _read(key: str, address: str) -> Seen:
    bucket, prefix = split(address)
    with door(address) as client:
        try:
            answer = client.get_object(Bucket=bucket, Key=f"{prefix}{key}")
        except client.exceptions.ClientError as error:
            if error.response["Error"]["Code"] not in ABSENT:
                raise
            return Seen(None, "")
        return Seen(answer["ETag"], json.loads(answer["Body"].read())["owner"])


def _write(key: str, owner: str, mark: str | None, address: str) -> str | None:
    """The new mark; None where the object is not as it was seen."""
    bucket, prefix = split(address)
    body = json.dumps({"owner": owner, "turn": uuid4().hex}).encode()  # no two bodies give the same mark
    asked = {"IfNoneMatch": "*"} if mark is None else {"IfMatch": mark}
    with door(address) as client:
        try:
            answer = client.put_object(Bucket=bucket, Key=f"{prefix}{key}", Body=body, **asked)
        except client.exceptions.ClientError as error:
            if error.response["Error"]["Code"] not in (*TAKEN, *ABSENT):
                raise
            return None
        return str(answer["ETag"])


def _owner(home: Path) -> str:
    """This home, from whichever machine it is seen, and no copy of it, which has a file of its own."""
    file = home / "journal" / "owner"
    with locked(file.with_suffix(".lock")):
        if not file.exists():
            write_atomically(file, lambda out: out.write(uuid4().hex.encode()))
    return f"{home}:{file.stat().st_ino}:{file.read_text()}"
