"""A request and its answer, as the server and the processes of a model exchange them. Imports no torch."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from components.errors import UserError

STATUS = {
    "body-too-large": 413, "content-type-unsuitable": 415, "model-not-loaded": 503, "model-process-died": 500,
    "origin-refused": 403, "prediction-failed": 500, "request-too-slow": 408, "prediction-too-slow": 504,
    "server-busy": 503, "token-wrong": 401, "too-many-rows": 413,
}  # fmt: skip


@dataclass(frozen=True)
class Asked:
    """content_type: as the header has it. expected: JSON of the champion's predictions, with which a shadow's are
    compared."""

    content_type: str
    body: bytes
    expected: bytes | None = None


@dataclass
class Answer:
    """status: of HTTP. body: JSON; of status 200 a list of rows, else {"error": ...}. rows: of the request. code: of
    what is wrong. samples: bytes of each row as ingest would take it, where they are kept. differing: rows whose
    prediction says something else than the champion's; difference: the largest of the others, on a scale of 1."""

    status: int
    body: bytes
    rows: int = 0
    code: str = ""
    samples: list[bytes] = field(default_factory=list)
    differing: int | None = None
    difference: float | None = None


def refused(error: UserError) -> Answer:
    """A request that is refused as a whole; 400 where its code has no status of its own."""
    body = json.dumps({"error": {"code": error.code, "message": str(error)}}).encode()
    return Answer(STATUS.get(error.code, 400), body, code=error.code)


def question(asked: Asked, keep: bool) -> tuple[dict[str, Any], list[bytes]]:
    """A message (frames.py) of a request. keep: whether its samples are wanted."""
    compare = asked.expected is not None
    header = {"type": asked.content_type, "keep": keep, "compare": compare}
    return header, [asked.body, asked.expected] if asked.expected is not None else [asked.body]


def question_of(header: Mapping[str, Any], blocks: Sequence[bytes]) -> tuple[Asked, bool]:
    """What `question` has made a message of."""
    return Asked(header["type"], blocks[0], blocks[1] if header["compare"] else None), header["keep"]


def replies(found: Sequence[Answer]) -> tuple[dict[str, Any], list[bytes]]:
    """A message of answers."""
    told = [
        {
            "status": one.status, "rows": one.rows, "code": one.code, "samples": len(one.samples),
            "differing": one.differing, "difference": one.difference,
        }
        for one in found
    ]  # fmt: skip
    return {"answers": told}, [block for one in found for block in (one.body, *one.samples)]


def replies_of(header: Mapping[str, Any], blocks: Sequence[bytes]) -> list[Answer]:
    """What `replies` has made a message of."""
    return list(_replies(header, iter(blocks)))


def _replies(header: Mapping[str, Any], rest: Iterator[bytes]) -> Iterator[Answer]:
    for one in header["answers"]:
        body = next(rest)
        yield Answer(**{**one, "body": body, "samples": [next(rest) for _ in range(one["samples"])]})
