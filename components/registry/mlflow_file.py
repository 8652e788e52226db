"""Reads MLflow's SQLite file without MLflow, whose import takes 3 s and 200 MB: the version behind an alias.

Nothing is written, and a file is read only where its schema is the one that this module was written for. For any other
database, or schema, read() gives None, and MLflow has to be asked (mlflow_registry).
"""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, urlparse

SCHEMA = "dc11669786a5"  # Alembic revision of MLflow 3.17
WAIT = 10.0  # seconds for which another process may hold the file
OF_MODEL = "workspace = 'default' and name = ?"


class Seen(NamedTuple):
    """version: behind the alias, None where there is none. created: unix milliseconds. tags: of the version.
    experiment: its stage of life, "active" or "deleted"; None where there is none of that name."""

    version: str | None
    created: int
    tags: dict[str, str]
    experiment: str | None


def read(uri: str, model: str, alias: str, experiment: str = "") -> Seen | None:
    """What is registered as `model`; None where MLflow has to be asked."""
    address = urlparse(uri)
    file = Path(address.path[1:])
    if address.scheme != "sqlite" or not file.is_file():
        return None
    try:
        place = f"file:{quote(str(file.absolute()))}?mode=ro"
        with closing(sqlite3.connect(place, uri=True, timeout=WAIT)) as database:
            database.execute("begin")  # one view of it for all that follows
            if database.execute("select version_num from alembic_version").fetchall() != [(SCHEMA,)]:
                return None
            return _read(database, model, alias, experiment)
    except sqlite3.Error:  # locked for long, damaged, or not MLflow's
        return None


def _read(database: sqlite3.Connection, model: str, alias: str, experiment: str) -> Seen | None:
    stage = database.execute(f"select lifecycle_stage from experiments where {OF_MODEL}", (experiment,))
    life = next((str(found) for (found,) in stage), None)
    query = f"select version from registered_model_aliases where {OF_MODEL} and alias = ?"
    named = database.execute(query, (model, alias)).fetchone()
    if named is None:
        return Seen(None, 0, {}, life)
    one, is_one = (model, named[0]), f"{OF_MODEL} and version = ?"
    query = f"select creation_time from model_versions where {is_one} and current_stage != 'Deleted_Internal'"
    made = database.execute(query, one).fetchone()
    if made is None:  # the alias leads nowhere: MLflow has the words for that
        return None
    tags = database.execute(f"select key, value from model_version_tags where {is_one}", one).fetchall()
    return Seen(str(named[0]), int(made[0]), {key: str(value) for key, value in tags}, life)
