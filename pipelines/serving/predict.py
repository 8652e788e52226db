"""Requests in, answers out: what a process of a model does with a batch of requests.

Rows of all requests of a batch are predicted together. A request with a bad row is refused as a whole, and says which
rows are bad and why; the other requests of the batch are not touched by it.
Letters: n rows of a request.
"""

import json
import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from components.data.reader import kind_of
from components.errors import UserError
from components.registry.predictor import Predictor
from pipelines.serving.answer import Answer, Asked, refused
from pipelines.serving.request import given_of, refuse_more

SHOWN = 20  # bad rows that an answer names
SIZES = (1, 2, 4, 8, 16, 32, 64)  # rows of a batch as the network sees it: each new size takes a preparation
log = logging.getLogger(__name__)


@dataclass
class _Read:
    values: list[Any]
    rows: list[NDArray[Any]]


def answers(predictor: Predictor, asked: Sequence[Asked], most: int, keep: bool = False) -> list[Answer]:
    """The answer to each request.

    Args:
        most: rows of a request. keep: whether the samples' bytes are wanted.
    """
    found: list[Answer | None] = [None] * len(asked)
    read: dict[int, _Read] = {}
    for place, one in enumerate(asked):
        try:
            read[place] = _read(predictor, one, most)
        except UserError as error:
            found[place] = refused(error)
        except BadRows as bad:
            found[place] = bad.answer()
    columns = _columns(predictor, list(read.values()))
    for (place, its), told in zip(read.items(), columns, strict=True):
        found[place] = _told(predictor, asked[place], its, told, keep)
    return [answer for answer in found if answer is not None]


class BadRows(Exception):  # noqa: N818 - it is an answer
    """Rows of a request that are no samples: row -> code and message; total: n."""

    def __init__(self, rows: Mapping[int, tuple[str, str]], total: int) -> None:
        super().__init__(rows)
        self.rows, self.total = rows, total

    def answer(self) -> Answer:
        """The first row's code and message stand for the request; all of them, as far as SHOWN, follow."""
        first, (code, message) = next(iter(self.rows.items()))
        where = f"row {first}: " if self.total > 1 else ""
        more = f" (and {len(self.rows) - 1} more bad rows)" if len(self.rows) > 1 else ""
        listed = [
            {"row": row, "code": code, "message": message}
            for row, (code, message) in list(self.rows.items())[:SHOWN]
        ]
        told = {
            "code": code,
            "message": f"{where}{message}{more}",
            "bad_rows": len(self.rows),
            "rows": listed,
        }
        return Answer(400, json.dumps({"error": told}).encode(), self.total, code)


def _read(predictor: Predictor, asked: Asked, most: int) -> _Read:
    given = given_of(asked.content_type, asked.body, predictor.modality.columns, most)
    try:
        values = predictor.values(given)
    except UserError:
        raise
    except Exception as error:  # made by a body that nobody thought of
        log.warning("a request was refused", exc_info=True)
        raise UserError("request-invalid", f"rows of samples are required: {error!s:.200}") from None
    refuse_more(len(values), most)
    if not values:
        raise UserError("request-invalid", "a request must have a row at least, got none")
    rows, bad = list[NDArray[Any]](), dict[int, tuple[str, str]]()
    for number, value in enumerate(values):
        try:
            rows.append(predictor.modality.row_of(value, predictor.packing))
        except Exception as error:  # of decoders, which see whatever is sent
            bad[number] = _reason(error)
    if bad:
        raise BadRows(bad, len(values))
    return _Read(values, rows)


def _reason(error: Exception) -> tuple[str, str]:
    """Code and message of a sample that cannot be read: those of its quarantine, where it has one."""
    text = str(error)[:300] or type(error).__name__
    if type(error) in (ValueError, TypeError):  # a value that is no sample, see modalities/NAME/serve.py
        return "request-invalid", text
    if isinstance(error, ValueError):
        return kind_of(text), text
    log.warning("a decoder failed", exc_info=True)
    return "unreadable", f"unreadable: {type(error).__name__}: {text}"


def _columns(predictor: Predictor, read: Sequence[_Read]) -> list[dict[str, list[Any]] | None]:
    """The columns of predictions of each request; None where the model failed, alone with that request."""
    try:
        together = predicted(predictor, [row for one in read for row in one.rows])
    except Exception:
        log.exception("a prediction failed")
        if len(read) == 1:
            return [None]
        return [part for one in read for part in _columns(predictor, [one])]
    found, at = list[dict[str, list[Any]] | None](), 0
    for one in read:
        found.append({name: of[at : at + len(one.rows)] for name, of in together.items()})
        at += len(one.rows)
    return found


def predicted(predictor: Predictor, rows: Sequence[NDArray[Any]]) -> dict[str, list[Any]]:
    """The columns of predictions for rows of arrays: what Predictor.predict puts into a frame, which takes longer than
    a small network. A batch is filled up to one of SIZES."""
    batches = [rows[start : start + SIZES[-1]] for start in range(0, len(rows), SIZES[-1])]
    return predictor.columns(
        [predictor.seen(batch, next(size for size in SIZES if size >= len(batch))) for batch in batches]
    )


def _told(
    predictor: Predictor, asked: Asked, read: _Read, columns: dict[str, list[Any]] | None, keep: bool
) -> Answer:
    if columns is None:
        return refused(
            UserError("prediction-failed", "the model failed on this request; the server's log has why")
        )
    rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    answer = Answer(200, b"" if asked.expected is not None else as_json(rows), len(rows))
    if keep:
        answer.samples = [predictor.modality.to_sample(value) for value in read.values]
    if asked.expected is not None:
        answer.differing, answer.difference = compared(predictor, columns, json.loads(asked.expected))
    return answer


def compared(
    predictor: Predictor, columns: Mapping[str, list[Any]], expected: Sequence[Mapping[str, Any]]
) -> tuple[int, float]:
    """How many rows say something else than the champion's, and the largest difference of the others."""
    differing, largest = 0, 0.0
    for number, row in enumerate(expected):
        own = {name: [of[number]] for name, of in columns.items()}
        try:
            difference = predictor.model.disagreement(own, {name: [value] for name, value in row.items()})
        except (KeyError, ValueError, TypeError):  # other columns, or other classes
            difference = math.inf
        if math.isfinite(difference):
            largest = max(largest, difference)
        else:
            differing += 1
    return differing, largest


def as_json(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Rows as JSON; a number that is none (NaN, infinite) is null."""
    try:
        return json.dumps(rows, allow_nan=False, separators=(",", ":")).encode()
    except ValueError:
        return json.dumps(_finite(rows), allow_nan=False, separators=(",", ":")).encode()


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _finite(of) for name, of in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(of) for of in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
