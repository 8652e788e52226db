"""The mirror of made-up runs. All share one MLflow database, which takes seconds to make."""

import json
from pathlib import Path
from typing import Any

import pytest

from components.registry.mlflow_registry import connect
from pipelines import tracking
from pipelines.engine import journal
from pipelines.engine.journal import StageLine
from pipelines.engine.manifest import Manifest
from pipelines.settings import Settings
from pipelines.tracking import PARENT, REFERENCE, RUN, mirror, sending
from pipelines.tracking.sending import flatten

NOW = 1_700_000_000.0


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("mlflow")
    uri = f"sqlite:///{folder}/mlflow.db"
    connect(uri, folder / "lock")
    return uri


@pytest.fixture
def settings(database: str, tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, data=tmp_path / "data", mlflow=database)


@pytest.fixture
def client(settings: Settings) -> Any:
    return connect(settings.mlflow, settings.home / "lock")


@pytest.fixture
def recipe(request: pytest.FixtureRequest) -> str:
    """A recipe of its own for each test: an experiment of its own."""
    return str(request.node.name).replace("_", "-").replace("[", "-").rstrip("]")


def finish(settings: Settings, recipe: str, stage: str, output: dict[str, Any], **given: Any) -> str:
    folder = settings.store / stage / f"{recipe[:20]}-{stage}"
    folder.mkdir(parents=True)
    manifest = Manifest(
        stage=stage, version=1, recipe=recipe, given=given, request=given, observed={}, code="c0de",
        output=output, started=NOW, seconds=5.0,
    )  # fmt: skip
    (folder / "manifest.json").write_text(manifest.model_dump_json())
    return f"{stage}/{folder.name}"


def metrics(folder: Path, lines: list[dict[str, float]], torn: str = "") -> None:
    with (folder / "metrics.jsonl").open("a") as file:
        file.write("".join(json.dumps(line) + "\n" for line in lines) + torn)


def write(settings: Settings, run: str, *records: dict[str, Any] | StageLine) -> None:
    for record in records:
        line = record.model_dump() if isinstance(record, StageLine) else record
        journal.append(journal.journal_file(settings.home, run), line)


def ended(reference: str, status: str = "ran", **changes: Any) -> StageLine:
    given = {"stage": reference.split("/")[0], "reference": reference, "status": status}
    return StageLine.model_validate({**given, "started": NOW, "seconds": 5.0, "memory": 1000, **changes})


@pytest.fixture
def a_run(settings: Settings, recipe: str, tmp_path: Path) -> str:
    """A snapshot that was found, a pretraining of 3 steps that ran, an evaluation that ran."""
    run = f"20261122-{recipe}"
    file = tmp_path / f"{recipe}.yaml"
    file.write_text("name: toys\nseed: 3\npretrain: {epochs: 2}\n")
    version = "0123456789abcdef0123456789abcdef.dir"
    snapshot = finish(settings, recipe, "snapshot", {"version": version, "samples": 7, "classes": ["a"]})
    request = {"objective": {"name": "swav", "rates": [1, 2]}, "seed": 3}
    pretrain = finish(
        settings, recipe, "pretrain", {"loss": 1.5, "skipped": None}, snapshot=snapshot, **request
    )
    steps = [{"step": i, "loss/total": 3.0 - i, "system/memory": 1e6, "time": NOW + i} for i in range(3)]
    metrics(settings.store / pretrain, steps, torn='{"step": 3, "lo')
    (settings.store / pretrain / "curve.png").write_bytes(b"png")
    (settings.store / pretrain / "weights.safetensors").write_bytes(b"weights")
    output = {"metrics": {"accuracy": 0.8}, "baselines": {"on pixels é": 0.7}, "names": ["a"], "good": True}
    output["benefit"] = {"line": "fixmatch: better", "warnings": ["be careful"]}
    evaluate = finish(settings, recipe, "evaluate", output, snapshot=snapshot, pretrain=pretrain)
    head = {"run": run, "recipe": str(file), "started": NOW, "pid": 1}
    write(settings, run, head, ended(snapshot, "found"), ended(pretrain), ended(evaluate))
    write(settings, run, {"ended": NOW + 60, "error": ""})
    return run


def runs(client: Any, recipe: str) -> dict[str, Any]:
    """Stage (or 'parent') -> its MLflow run."""
    where = client.get_experiment_by_name(recipe).experiment_id
    found = client.search_runs([where])
    named = {run.data.tags.get("selfsup.stage", "parent"): run for run in found}
    assert len(named) == len(found), "a run is there twice"
    return named


def test_one_parent_and_one_child_for_each_stage_that_ran(
    settings: Settings, client: Any, a_run: str, recipe: str
) -> None:
    parent_id = mirror(settings, a_run)
    found = runs(client, recipe)
    assert set(found) == {"parent", "pretrain", "evaluate"}
    assert found["parent"].info.run_id == parent_id
    parent, child = found["parent"], found["pretrain"]
    assert child.data.tags[PARENT] == parent_id
    assert (child.info.status, parent.info.status) == ("FINISHED", "FINISHED")
    assert (child.info.start_time, child.info.end_time) == (NOW * 1000, (NOW + 5) * 1000)
    assert child.data.params["objective.name"] == "swav"
    assert child.data.params["objective.rates"] == "[1, 2]"
    assert child.data.tags["selfsup.data"] == "0123456789abcdef0123456789abcdef.dir"
    assert child.data.tags[REFERENCE].startswith("pretrain/")
    assert child.data.metrics["output/loss"] == 1.5
    assert parent.data.params["pretrain.epochs"] == "2"
    assert parent.data.metrics["evaluate/metrics.accuracy"] == 0.8
    assert parent.data.metrics["evaluate/baselines.on pixels é"] == 0.7
    assert parent.data.tags["selfsup.benefit"] == "fixmatch: better; be careful"
    assert not {"evaluate/good", "evaluate/names"} & set(parent.data.metrics)
    assert parent.data.tags["selfsup.stage.snapshot"].startswith("found snapshot/")
    assert len(parent.data.tags["selfsup.lock"]) == 64


def test_classes_of_odd_names_keep_a_figure_each(
    settings: Settings, client: Any, recipe: str, tmp_path: Path
) -> None:
    (tmp_path / f"{recipe}.yaml").write_text("name: toys\n")
    classes = [
        "C++",
        "C**",
        "a//b",
        "a/../b",
        "a/",
        "日本語 🍎",
        "日本語 🍏",
        "007",
        "7",
        "x" * 300,
        "x" * 301,
        "plain",
    ]
    given = {name: float(place) for place, name in enumerate(classes)}
    evaluate = finish(settings, recipe, "evaluate", {"recall": given})
    head = {"run": recipe, "recipe": str(tmp_path / f"{recipe}.yaml"), "started": NOW, "pid": 1}
    write(settings, recipe, head, ended(evaluate), {"ended": NOW + 60, "error": ""})
    mirror(settings, recipe)
    figures = {
        k: v for k, v in runs(client, recipe)["parent"].data.metrics.items() if k.startswith("evaluate")
    }
    assert sorted(v for k, v in figures.items() if "recall" in k) == sorted(given.values())
    assert figures["evaluate/recall.plain"] == 11.0


def test_requests_that_mlflow_heard_twice_leave_one_run_each(
    settings: Settings, client: Any, a_run: str, recipe: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer to the first is lost, and MLflow's own client asks again."""
    create, made = type(client).create_run, []

    def twice(self: Any, *args: Any, **kwargs: Any) -> Any:
        made.extend(create(self, *args, **kwargs) for _ in range(2))
        return made[-1]

    monkeypatch.setattr(type(client), "create_run", twice)
    mirror(settings, a_run)
    assert len(made) == 6
    found = runs(client, recipe)
    assert {run.info.status for run in found.values()} == {"FINISHED"}
    assert {run.info.run_id for run in found.values()} == {run.info.run_id for run in made[1::2]}


def test_step_metrics_and_files(settings: Settings, client: Any, a_run: str, recipe: str) -> None:
    mirror(settings, a_run)
    found = runs(client, recipe)
    child = found["pretrain"].info.run_id
    history = client.get_metric_history(child, "loss/total")
    assert [(m.step, m.value, m.timestamp) for m in history] == [
        (i, 3.0 - i, int((NOW + i) * 1000)) for i in range(3)
    ]
    assert len(client.get_metric_history(child, "system/memory")) == 3
    assert {f.path for f in client.list_artifacts(child)} == {"manifest.json", "curve.png"}
    recipe_file = [f.path for f in client.list_artifacts(found["parent"].info.run_id)]
    assert recipe_file == [f"{recipe}.yaml"]


def test_the_data_version_is_an_input(settings: Settings, client: Any, a_run: str, recipe: str) -> None:
    mirror(settings, a_run)
    (given,) = runs(client, recipe)["pretrain"].inputs.dataset_inputs
    assert given.dataset.digest == "0123456789abcdef0123456789abcdef.dir"
    assert (given.dataset.name, given.dataset.source_type) == (recipe, "dvc")
    assert json.loads(given.dataset.profile)["samples"] == 7
    assert given.tags[0].value == "pretrain"


def test_a_second_call_writes_nothing(
    settings: Settings, client: Any, a_run: str, recipe: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = mirror(settings, a_run)
    before = {name: run.to_dictionary() for name, run in runs(client, recipe).items()}
    monkeypatch.setattr(sending, "send", lambda *a, **k: pytest.fail("written again"))
    assert mirror(settings, a_run) == first
    assert {name: run.to_dictionary() for name, run in runs(client, recipe).items()} == before


@pytest.mark.parametrize(
    ("module", "cut"), [(sending, "send_metrics"), (tracking, "_dataset"), (sending, "send_files")]
)
def test_a_mirror_that_was_cut_short_is_finished_by_the_next(
    settings: Settings,
    client: Any,
    a_run: str,
    recipe: str,
    monkeypatch: pytest.MonkeyPatch,
    module: Any,
    cut: str,
) -> None:
    through = getattr(module, cut)

    def dies(*args: Any) -> None:
        through(*args)
        raise KeyboardInterrupt

    monkeypatch.setattr(module, cut, dies)
    with pytest.raises(KeyboardInterrupt):
        mirror(settings, a_run)
    monkeypatch.undo()
    mirror(settings, a_run)
    child = runs(client, recipe)["pretrain"]
    assert len(client.get_metric_history(child.info.run_id, "loss/total")) == 3
    assert len(child.inputs.dataset_inputs) == 1
    assert runs(client, recipe)["parent"].info.status == "FINISHED"


def test_metrics_sent_but_not_noted_are_not_doubled(
    settings: Settings, client: Any, a_run: str, recipe: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between sending the metrics and writing down how many: they are sent twice."""
    through = sending.send

    def forgets(*args: Any, **kwargs: Any) -> None:
        if sending.POSITION in kwargs.get("tags", {}):
            raise KeyboardInterrupt
        through(*args, **kwargs)

    monkeypatch.setattr(sending, "send", forgets)
    with pytest.raises(KeyboardInterrupt):
        mirror(settings, a_run)
    monkeypatch.undo()
    mirror(settings, a_run)
    assert len(client.get_metric_history(runs(client, recipe)["pretrain"].info.run_id, "loss/total")) == 3


def test_a_failed_stage_is_failed_and_its_retry_in_another_run_is_the_same_child(
    settings: Settings, client: Any, recipe: str
) -> None:
    reference = f"pretrain/{recipe[:20]}-pretrain"
    one, two = f"one-{recipe}", f"two-{recipe}"
    recipe_file = settings.home / f"{recipe}.yaml"
    head = {"started": NOW, "recipe": str(recipe_file)}
    write(
        settings, one, head, ended(reference, "failed", error="no room"), {"ended": NOW, "error": "no room"}
    )
    mirror(settings, one)
    failed = runs(client, recipe)
    assert (failed["pretrain"].info.status, failed["parent"].info.status) == ("FAILED", "FAILED")
    assert failed["pretrain"].data.tags["selfsup.error"] == "no room"
    assert finish(settings, recipe, "pretrain", {}) == reference
    write(settings, two, head, ended(reference), {"ended": NOW, "error": ""})
    parent = mirror(settings, two)
    where = client.get_experiment_by_name(recipe).experiment_id
    children = client.search_runs([where], f"tags.`{REFERENCE}` = '{reference}'")
    assert [child.info.status for child in children] == ["FINISHED"]
    assert children[0].data.tags[PARENT] == parent
    assert len(client.search_runs([where], f"tags.`{RUN}` = '{one}'")) == 1


def test_more_metrics_than_one_batch_holds(settings: Settings, client: Any, recipe: str) -> None:
    run, reference = f"r-{recipe}", finish(settings, recipe, "pretrain", {})
    steps = [{"step": i, "loss": float(i), "time": NOW + i} for i in range(2500)]
    metrics(settings.store / reference, steps)
    write(settings, run, {"run": run, "started": NOW}, ended(reference), {"ended": NOW + 9, "error": ""})
    mirror(settings, run)
    history = client.get_metric_history(runs(client, recipe)["pretrain"].info.run_id, "loss")
    assert [m.value for m in history] == [float(i) for i in range(2500)]


def test_flatten() -> None:
    assert flatten({"a": {"b": 1, "c": {"d": [1, {"e": 2}]}}, "f": None}) == {
        "a.b": 1, "a.c.d": [1, {"e": 2}], "f": None
    }  # fmt: skip
