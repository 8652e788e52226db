"""What the DAG files load, and what they wire, each time in a fresh process with the real Airflow."""

import json

import pytest

PARSE = """
import json, logging, runpy, sys
dags = {}
for name in ("ingest", "train", "score", "monitor", "promote"):
    found = runpy.run_path(f"dags/{name}.py")
    dags |= {dag.dag_id: dag for key, dag in found.items() if key.startswith(f"{name}_")}
heavy = ("torch", "ray", "mlflow", "pandas", "numpy", "pyarrow", "sklearn", "dvc")
print(json.dumps({
    "heavy": [m for m in heavy if m in sys.modules],
    "stages": [m for m in sys.modules if m.startswith("pipelines.stages.")],
    "dags": {d.dag_id: {t.task_id: sorted(t.upstream_task_ids) for t in d.tasks} for d in dags.values()},
    "schedules": {
        d.dag_id: [a.uri for a in d.schedule] if isinstance(d.schedule, list) else d.schedule
        for d in dags.values()
    },
    "zones": {d.dag_id: str(d.timezone) for d in dags.values()},
    "looks": {d.dag_id: [w.trigger.serialize() for a in d.schedule for w in a.watchers]
              for d in dags.values() if isinstance(d.schedule, list)},
    "outlets": {f"{d.dag_id}.{t.task_id}": [o.name for o in t.outlets] for d in dags.values() for t in d.tasks
                if t.outlets},
    "pools": {f"{d.dag_id}.{t.task_id}": t.pool for d in dags.values() for t in d.tasks},
    "timeouts": {f"{d.dag_id}.{t.task_id}": t.execution_timeout.total_seconds() / 3600
                 for d in dags.values() for t in d.tasks if t.execution_timeout},
    "teardowns": [f"{d.dag_id}.{t.task_id}" for d in dags.values() for t in d.tasks if t.is_teardown],
    "hours": sum(min(10 * 2.0**n, 7200) for n in range(dags["train_small"].get_task("first").retries)) / 3600,
    "retries": {f"{d.dag_id}.{t.task_id}": t.retries for d in dags.values() for t in d.tasks},
    "deadlines": {d.dag_id: [a.interval.total_seconds() / 3600 for a in d.deadline or ()]
                  for d in dags.values()},
    "forms": {d.dag_id: {key: d.params.get_param(key).schema.get("type") for key in d.params}
              for d in dags.values()},
}))
"""
SERIAL = """
import json, sys
from airflow.dag_processing.dagbag import DagBag
from airflow.serialization.serialized_objects import DagSerialization
bag = DagBag("dags")
print(json.dumps({
    "errors": {k: str(v) for k, v in bag.import_errors.items()},
    "dags": {dag_id: DagSerialization.to_dict(dag) for dag_id, dag in sorted(bag.dags.items())},
}, sort_keys=True, default=str))
"""


FLOWS = ("ingest", "train", "score", "monitor")


def told(project, code: str, **extra: str):
    home = project.root / "airflow"
    environ = {"AIRFLOW_HOME": str(home), "AIRFLOW__CORE__LOAD_EXAMPLES": "False", "HOME": str(project.root)}
    return json.loads(project.python(code, **environ, **extra).splitlines()[-1])


def test_what_is_loaded_and_what_is_wired(project):
    """All in one process, because Airflow takes seconds to import."""
    project.recipe("hours: {second: 1.5}\ndeadline: 6\n")
    project.recipe("schedule: '@hourly'\n", name="hourly")
    project.recipe("schedule: '@hourly'\nretrain: manual\n", name="manual")
    project.recipe("schedule: '0 3 * * *'\nretrain: schedule\ntimezone: Europe/Berlin\n", name="nightly")
    own = project.home / "recipes"
    own.mkdir(parents=True)
    project.recipe("schedule: '@daily'\n", name="mine").rename(own / "mine.yaml")
    for file in ("one", "two"):
        (own / f"{file}.yaml").write_text("name: twice\nmodality: {name: image}\ninbox: other\n")
    (project.root / "recipes" / "broken.yaml").write_text("name: broken\ncolour: red\n")
    found = told(project, PARSE)

    # one mistake takes no other DAG with it; of two recipes with one name neither runs
    assert found["heavy"] == found["stages"] == []
    names = ("small", "hourly", "manual", "nightly", "mine")
    assert set(found["dags"]) == {f"{flow}_{name}" for flow in (*FLOWS, "promote") for name in names}

    schedules = {
        name: (found["schedules"][f"ingest_{name}"], found["schedules"][f"train_{name}"]) for name in names
    }
    assert schedules == {
        "small": (None, ["selfsup://data/small"]),
        "hourly": (["selfsup://inbox/hourly"], ["selfsup://data/hourly"]),
        "manual": (["selfsup://inbox/manual"], None),
        "nightly": (None, ["selfsup://inbox/nightly"]),
        "mine": (["selfsup://inbox/mine"], ["selfsup://data/mine"]),
    }
    after = ["selfsup://champion/small"]
    assert found["schedules"]["score_small"] == found["schedules"]["monitor_small"] == after
    assert found["schedules"]["promote_small"] is None
    assert {found["zones"][f"{flow}_nightly"] for flow in FLOWS} == {"Europe/Berlin"}
    assert found["zones"]["train_hourly"] == "UTC"
    nightly = {"recipe": "nightly", "schedule": "0 3 * * *", "timezone": "Europe/Berlin"}
    looks = {dag: look for dag, look in found["looks"].items() if look}
    assert set(looks) == {"ingest_hourly", "ingest_manual", "train_nightly", "ingest_mine"}
    assert looks["train_nightly"] == [["dags.watch.Inbox", nightly]]

    of = {kind: {k.replace("_small", ""): v for k, v in found[kind].items() if "_small" in k}
          for kind in ("dags", "outlets", "pools", "timeouts", "retries", "deadlines", "forms")}  # fmt: skip
    assert of["dags"]["train"] == {"first": [], "second": ["first"], "close": ["second"]}
    assert of["dags"]["ingest"] == {"first": [], "close": ["first"]}
    assert of["dags"]["promote"] == {"act": []}
    tell = ("ingest.first", "train.close", "promote.act")
    assert of["outlets"] == {task: ["news_small"] for task in tell}
    assert {task for task, pool in of["pools"].items() if pool == "accelerator"} == {"train.second"}
    assert of["timeouts"]["train.second"] == 1.5
    assert of["timeouts"]["train.first"] == 4
    once = {task for task, retries in of["retries"].items() if retries != 16}
    assert 12 < found["hours"] < 24
    assert once == {"promote.act"}  # a rollback that was done and is done again is none
    assert {dag: hours for dag, hours in of["deadlines"].items() if hours} == {"train": [6]}
    assert of["forms"]["train"] == {"force": ["null", "string"], "reason": "string", "overrides": "object"}
    assert set(of["forms"]["score"]) == {"reason", "overrides"}
    assert set(of["forms"]["promote"]) == {"action", "version", "name", "reason"}
    assert {task for task in found["teardowns"] if "small" in task} == {
        f"{flow}_small.close" for flow in FLOWS
    }


@pytest.mark.slow
def test_both_profiles_have_the_same_dags(project):
    project.recipe("schedule: '@hourly'\n")
    embedded = told(project, SERIAL)
    scaled = told(
        project,
        SERIAL,
        AIRFLOW__CORE__EXECUTOR="CeleryExecutor",
        SELFSUP_RAY="ray-head:6379",
        SELFSUP_MLFLOW="http://mlflow:5000",
        SELFSUP_WORKERS="2",
        SELFSUP_DEVICE="cuda",
        SELFSUP_STORE=str(project.root / "elsewhere"),
    )
    assert embedded["errors"] == scaled["errors"] == {}
    assert len(embedded["dags"]) == 6  # five of the recipe, and the upkeep of the home
    assert embedded == scaled
