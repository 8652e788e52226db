"""MLflow's store on a real PostgreSQL, opened by two processes at once."""

import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

from components.registry.mlflow_registry import Registry, connect, experiment

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def pool() -> Iterator[ProcessPoolExecutor]:
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as made:
        yield made


def register(uri: str, home: str, reference: str) -> str:
    """What a stage does, in a process of its own: open, register, move the alias."""
    lock = Path(home) / "mlflow" / "store.lock"
    client = connect(uri, lock)
    where = experiment(client, "toys", Path(home) / "artifacts", lock)
    run_id = client.create_run(where).info.run_id
    logged = client.create_logged_model(where, "model", run_id)
    registry = Registry(client, "toys", lock)
    version = registry.register(
        reference, source=logged.artifact_location, run_id=run_id, model_id=logged.model_id, tags={}
    )
    registry.set_alias("champion", version)
    return version


def test_two_processes_open_a_new_store_at_once_and_make_one_version(
    postgres: Callable[[str], str], pool: ProcessPoolExecutor, tmp_path: Path
) -> None:
    uri = f"postgresql+psycopg2://{postgres('mlflow')}"
    jobs = [pool.submit(register, uri, str(tmp_path), "register/a") for _ in range(2)]
    assert [job.result() for job in jobs] == ["1", "1"]
    assert pool.submit(register, uri, str(tmp_path), "register/b").result() == "2"
    lock = tmp_path / "mlflow" / "store.lock"
    registry = Registry(connect(uri, lock), "toys", lock)
    assert registry.alias("champion") == "2"
    assert [registry.find(f"register/{name}").version for name in "ab"] == [1, 2]  # type: ignore[union-attr]
