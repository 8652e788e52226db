"""MLflow's file read without MLflow, beside what MLflow itself answers."""

import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from components.registry.mlflow_file import Seen, read
from components.registry.mlflow_registry import REFERENCE, Registry, connect, experiment


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    """Two versions of toys, the second one the champion; a name with signs that mean something in an address."""
    place = tmp_path_factory.mktemp("50% ml flow")
    made = Registry(connect(f"sqlite:///{place}/mlflow.db", place / "lock"), "toys", place / "lock")
    where = experiment(made.client, "toys", place / "artifacts", made.lock)
    for reference in ("register/a", "register/b"):
        run_id = made.client.create_run(where).info.run_id
        logged = made.client.create_logged_model(where, "model", run_id)
        made.register(
            reference, source=logged.artifact_location, run_id=run_id, model_id=logged.model_id,
            tags={"selfsup.digest": f"of {reference}"},
        )  # fmt: skip
    made.set_alias("champion", "2")
    return made


def uri(registry: Registry) -> str:
    return str(registry.client.tracking_uri)


@pytest.fixture
def copy(registry: Registry, tmp_path: Path) -> Path:
    return Path(shutil.copy(registry.lock.parent / "mlflow.db", tmp_path))


def change(file: Path, statement: str) -> None:
    with closing(sqlite3.connect(file)) as database:
        database.execute("pragma foreign_keys = off")
        database.execute(statement)
        database.commit()


def test_it_is_what_mlflow_answers(registry: Registry) -> None:
    made: Any = registry.client.get_model_version("toys", "2")
    seen = read(uri(registry), "toys", "champion", "toys")
    assert seen == Seen("2", made.creation_timestamp, dict(made.tags), "active")
    assert seen.tags == {"selfsup.digest": "of register/b", REFERENCE: "register/b"}
    assert made.creation_timestamp > 1.7e12


def test_what_is_not_there_is_none(registry: Registry) -> None:
    assert read(uri(registry), "toys", "previous") == Seen(None, 0, {}, None)
    assert read(uri(registry), "others", "champion", "Default") == Seen(None, 0, {}, "active")


def test_a_deleted_experiment_is_told(registry: Registry, copy: Path) -> None:
    change(copy, "update experiments set lifecycle_stage = 'deleted' where name = 'toys'")
    seen = read(f"sqlite:///{copy}", "toys", "champion", "toys")
    assert seen is not None
    assert seen.experiment == "deleted"


@pytest.mark.parametrize(
    "statement",
    [
        "update alembic_version set version_num = 'another'",
        "drop table alembic_version",
        "drop table registered_model_aliases",
        "update model_versions set current_stage = 'Deleted_Internal' where version = 2",
    ],
)
def test_mlflow_is_to_be_asked_where_the_file_is_another_than_expected(copy: Path, statement: str) -> None:
    assert read(f"sqlite:///{copy}", "toys", "champion") is not None
    change(copy, statement)
    assert read(f"sqlite:///{copy}", "toys", "champion") is None


def test_mlflow_is_to_be_asked_where_there_is_no_such_file(copy: Path) -> None:
    assert read(f"sqlite:///{copy}.not", "toys", "champion") is None
    assert not Path(f"{copy}.not").exists()
    assert read("http://127.0.0.1:5000", "toys", "champion") is None
    copy.write_bytes(b"no database" * 1000)
    assert read(f"sqlite:///{copy}", "toys", "champion") is None


def test_it_imports_no_mlflow() -> None:
    code = "import sys, components.registry.mlflow_file as m; print({'mlflow', 'sqlalchemy'} & sys.modules.keys())"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "set()"
