"""The champion as read from MLflow's file, and as MLflow gives it: one answer."""

import pytest

from components.registry import mlflow_file
from components.registry.journal import Entry
from components.registry.mlflow_registry import Registry, experiment
from pipelines.registry import ancestry
from pipelines.registry.registry import journal_of, registry_of
from pipelines.settings import Settings

TAGS = {
    "selfsup.digest": "d",
    "selfsup.pretrain": "pretrain/1",
    "selfsup.secret": "s",
    "selfsup.reference": "register/2",
}


@pytest.fixture
def settings(tmp_path):
    return Settings(home=tmp_path / "home", data=tmp_path / "data")


@pytest.fixture
def registry(settings) -> Registry:
    made = registry_of("toys", settings)
    where = experiment(made.client, "toys", settings.mlflow_artifacts, settings.mlflow_lock)
    run_id = made.client.create_run(where).info.run_id
    logged = made.client.create_logged_model(where, "model", run_id)
    made.register(
        "register/2", source=logged.artifact_location, run_id=run_id, model_id=logged.model_id, tags=TAGS
    )
    return made


@pytest.fixture
def by_mlflow(monkeypatch):
    """The recipes for which MLflow was started."""
    asked = []
    real = ancestry._by_mlflow
    monkeypatch.setattr(ancestry, "_by_mlflow", lambda *given: asked.append(given[-1]) or real(*given))
    return asked


def test_it_is_read_and_mlflow_gives_the_same(registry, settings, by_mlflow):
    assert ancestry.observe("toys", settings, "toys") == {}
    registry.set_alias("champion", "1")
    seen = ancestry.observe("toys", settings, "toys")
    assert by_mlflow == []
    told = ancestry.ask("toys", settings)
    assert ancestry._by_mlflow("toys", settings, "toys") == told
    gone = {stage: f"gone: {told[stage]}" for stage in ("pretrain", "register")}
    assert seen == {**told, **gone}
    assert (told["version"], told["digest"], told["register"]) == ("1", "d", "register/2")
    assert "secret" not in told


def test_a_champion_whose_version_was_deleted_is_the_last_by_the_journal(registry, settings, by_mlflow):
    journal_of("toys", settings).append(Entry.now("ana", "promote", "done", None, "1", "better"))
    assert ancestry.observe("toys", settings, "toys") == ancestry.ask("toys", settings) == {"deleted": "1"}
    assert by_mlflow == []


def test_mlflow_makes_the_experiment_that_is_missing(registry, settings, by_mlflow):
    assert ancestry.observe("toys", settings, "another") == {}
    assert by_mlflow == ["another"]
    assert ancestry.observe("toys", settings, "another") == {}
    assert by_mlflow == ["another"]


def test_what_cannot_be_read_is_asked(settings, monkeypatch):
    monkeypatch.setattr(mlflow_file, "read", lambda *given: None)
    answer = (0, '{"version": "3"}\n', "")
    monkeypatch.setattr(ancestry.stage_process, "call", lambda *given: answer)
    assert ancestry.observe("toys", settings) == {"version": "3"}
