import gc
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from components.errors import UserError
from components.registry.mlflow_registry import REFERENCE, Registry, connect, experiment, quoted, shown


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mlflow")


@pytest.fixture(scope="module")
def client(place: Path) -> Any:
    return connect(f"sqlite:///{place}/db/mlflow.db", place / "lock")


@pytest.fixture
def registry(client: Any, place: Path, request: pytest.FixtureRequest) -> Registry:
    return Registry(client, request.node.name.replace("[", "-").replace("]", ""), place / "lock")


def make(registry: Registry, reference: str, **tags: str) -> str:
    where = experiment(registry.client, "toys", registry.lock.parent / "artifacts", registry.lock)
    run_id = registry.client.create_run(where).info.run_id
    logged = registry.client.create_logged_model(where, "model", run_id)
    return registry.register(
        reference, source=logged.artifact_location, run_id=run_id, model_id=logged.model_id, tags=tags
    )


def test_one_reference_one_version(registry: Registry) -> None:
    assert registry.find("register/a") is None
    assert make(registry, "register/a", recipe="toys") == "1"
    assert make(registry, "register/a") == "1"
    assert make(registry, "register/b") == "2"
    assert make(registry, "register/a") == "1"
    assert len(registry.client.search_model_versions(f"name = '{registry.name}'")) == 2
    assert registry.tags("1") == {"recipe": "toys", REFERENCE: "register/a"}


def test_another_model_with_the_same_reference_is_not_found(
    registry: Registry, client: Any, place: Path
) -> None:
    make(registry, "register/x")
    assert Registry(client, "someone-else", place / "lock").find("register/x") is None


def test_a_crash_after_the_version_was_made_leaves_one_to_be_found(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The version is in the database, its maker dead: the next attempt gets that one."""
    through = registry.client.create_model_version

    def dies(*args: Any, **kwargs: Any) -> Any:
        through(*args, **kwargs)
        raise KeyboardInterrupt

    monkeypatch.setattr(registry.client, "create_model_version", dies)
    with pytest.raises(KeyboardInterrupt):
        make(registry, "register/a")
    monkeypatch.undo()
    assert make(registry, "register/a") == "1"
    assert len(registry.client.search_model_versions(f"name = '{registry.name}'")) == 1


def test_aliases(registry: Registry) -> None:
    assert registry.alias("champion") is None  # no such model yet
    make(registry, "register/a")
    make(registry, "register/b")
    assert registry.alias("champion") is None
    registry.set_alias("champion", "1")
    assert registry.alias("champion") == "1"
    registry.set_alias("champion", "2")
    assert registry.alias("champion") == "2"
    registry.set_alias("champion", None)
    registry.set_alias("champion", None)
    assert registry.alias("champion") is None


def test_tags_are_added(registry: Registry) -> None:
    make(registry, "register/a", seed="1")
    registry.set_tags("1", {"selfsup.gate": "passed"})
    assert registry.tags("1")["selfsup.gate"] == "passed"
    assert registry.tags("1")["seed"] == "1"


def test_tags_are_taken_away(registry: Registry) -> None:
    make(registry, "register/a", old="1", kept="2")
    registry.set_tags("1", {"old": None, "never-there": None, "new": "3"})
    assert {k: v for k, v in registry.tags("1").items() if k != REFERENCE} == {"kept": "2", "new": "3"}


def test_a_version_that_is_not_there(registry: Registry) -> None:
    assert registry.versions() == []
    with pytest.raises(UserError, match="has no version 3; nothing is registered"):
        registry.tags("3")
    for reference in ("register/a", "register/b"):
        make(registry, reference)
    registry.client.delete_model_version(registry.name, "1")
    assert (registry.versions(), registry.exists("1"), registry.exists("2")) == (["2"], False, True)
    for wrong in ("1", "3", "two"):
        assert not registry.exists(wrong)
        with pytest.raises(UserError, match=f"has no version {wrong}; its versions: 2"):
            registry.tags(wrong)


def test_an_alias_goes_with_its_version(registry: Registry) -> None:
    make(registry, "register/a")
    registry.set_alias("champion", "1")
    registry.client.delete_model_version(registry.name, "1")
    assert registry.alias("champion") is None


def test_garbage_is_collected_again_after_connecting(client: Any) -> None:
    assert gc.isenabled()


def test_an_experiment_is_made_once_and_writes_where_it_is_told(client: Any, place: Path) -> None:
    one = experiment(client, "once", place / "artifacts", place / "lock")
    assert experiment(client, "once", place / "elsewhere", place / "lock") == one
    assert client.get_experiment(one).artifact_location == (place / "artifacts" / "once").as_uri()


def test_quotes_are_refused() -> None:
    assert quoted("register/a") == "'register/a'"
    with pytest.raises(UserError, match="without quotes"):
        quoted("a' or '1'='1")


def test_what_is_no_database_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").write_bytes(
        b"this is not a database, and it is long enough to be looked at" * 20
    )
    with pytest.raises(UserError, match="MLflow at sqlite:"):
        connect(f"sqlite:///{tmp_path}/mlflow.db", tmp_path / "lock")


def _register(folder: str) -> str:
    place = Path(folder)
    client = connect(f"sqlite:///{place}/db/mlflow.db", place / "lock")
    return make(Registry(client, "toys", place / "lock"), "register/a")


@pytest.mark.slow
def test_processes_that_open_one_new_store_at_once_make_one_version(tmp_path: Path) -> None:
    with ProcessPoolExecutor(3, mp_context=multiprocessing.get_context("spawn")) as pool:
        versions = list(pool.map(_register, [str(tmp_path)] * 3))
    assert versions == ["1"] * 3


def test_a_password_is_not_shown() -> None:
    assert shown("postgresql://ana:geheim@db:5432/mlflow") == "postgresql://ana:***@db:5432/mlflow"
    assert shown("sqlite:////tmp/a/mlflow.db") == "sqlite:////tmp/a/mlflow.db"
    assert shown("http://127.0.0.1:5000") == "http://127.0.0.1:5000"


def test_a_deleted_experiment_is_restored_with_its_runs(client: Any, place: Path) -> None:
    where = experiment(client, "deleted", place / "artifacts", place / "lock")
    made = client.create_run(where).info.run_id
    client.delete_experiment(where)
    assert experiment(client, "deleted", place / "artifacts", place / "lock") == where
    assert client.get_experiment(where).lifecycle_stage == "active"
    assert client.get_run(made).info.lifecycle_stage == "active"
    client.create_run(where)  # which a deleted one refuses
