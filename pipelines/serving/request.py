"""A body of a request as samples: MLflow's scoring protocol in JSON, or the bytes of one sample."""

import json
from collections.abc import Mapping
from typing import Any

from components.errors import UserError

JSON = "application/json"
FORMS = ("dataframe_split", "dataframe_records", "inputs", "instances")
CELLS = 4_000_000  # of records that each have columns of their own
BYTES = "application/octet-stream"
RAW = {"image": ("image/", BYTES), "audio": ("audio/", BYTES), "text": ("text/", BYTES)}  # by column


def given_of(content_type: str, body: bytes, columns: tuple[str, ...], most: int) -> Any:
    """What `Modality.values` takes apart into samples.

    Args:
        content_type: as the header has it. columns: of the model's kind of data. most: rows of a request.

    Raises:
        UserError: the content type is none that is read, or the body is none of the forms.
    """
    media = content_type.partition(";")[0].strip().lower()
    if media in (JSON, ""):
        return _of_json(body, most)
    raw = RAW.get(columns[0], ()) if len(columns) == 1 else ()
    if media.startswith(raw) and raw:
        return [body]
    known = ", ".join([JSON, *(f"{one}*" if one.endswith("/") else one for one in raw)])
    raise UserError("content-type-unsuitable", f"Content-Type must be one of {known}, got {media!r:.80}")


def _of_json(body: bytes, most: int) -> Any:
    try:
        told = json.loads(body, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        reason = "too deeply nested" if isinstance(error, RecursionError) else str(error)
        raise UserError("request-invalid", f"a body of JSON is required: {reason:.200}") from None
    if not isinstance(told, dict) or len(told) != 1 or (form := next(iter(told))) not in FORMS:
        found = (
            f"keys {[str(key)[:40] for key in told][:5]}" if isinstance(told, dict) else type(told).__name__
        )
        raise UserError(
            "request-invalid",
            f"a JSON object with one of the keys {', '.join(FORMS)} is required, got {found}",
        )
    if form == "dataframe_split":
        return _of_split(told[form])
    if form == "dataframe_records":
        return _of_records(told[form], most)
    if not isinstance(told[form], list | dict | str):
        raise UserError(
            "request-invalid", f"{form} must be a list or an object, got {type(told[form]).__name__}"
        )
    return told[form]


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON; write null where a value is missing")


def _of_split(told: Any) -> dict[str, list[Any]]:
    """{"columns": [...], "data": [[...], ...]} -> columns."""
    parts = (told.get("columns"), told.get("data")) if isinstance(told, dict) else (None, None)
    columns, data = parts
    if not isinstance(columns, list) or not isinstance(data, list):
        raise UserError(
            "request-invalid",
            'dataframe_split must be {"columns": [...], "data": [[...], ...]}, got something else',
        )
    for number, row in enumerate(data):
        if not isinstance(row, list) or len(row) != len(columns):
            raise UserError(
                "request-invalid", f"row {number} of dataframe_split must be a list of {len(columns)} values"
            )
    return {str(name): [row[place] for row in data] for place, name in enumerate(columns)}


def _of_records(told: Any, most: int) -> dict[str, list[Any]]:
    """[{column: value}, ...] -> columns; None where a row has no value."""
    if not isinstance(told, list):
        raise UserError("request-invalid", f"dataframe_records must be a list, got {type(told).__name__}")
    refuse_more(len(told), most)
    for number, row in enumerate(told):
        if not isinstance(row, Mapping):
            raise UserError("request-invalid", f"row {number} of dataframe_records must be an object")
    names = dict.fromkeys(name for row in told for name in row)
    if len(names) * len(told) > CELLS:
        raise UserError(
            "request-invalid",
            f"at most {CELLS:,} cells are read, got {len(told)} rows of {len(names)} columns",
        )
    return {name: [row.get(name) for row in told] for name in names}


def refuse_more(rows: int, most: int) -> None:
    """Raises:
    UserError: a request has more rows than it may.
    """
    if rows > most:
        raise UserError("too-many-rows", f"a request may have {most} rows, got {rows}; send several requests")
