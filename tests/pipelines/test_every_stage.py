"""What holds for every stage; a module in pipelines/stages that is not in the graph fails here."""

import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import BaseModel, ValidationError

from components.config import Config, explain
from pipelines.engine import code_digest
from pipelines.engine.store import load
from pipelines.graph import FLOWS, GRAPH, references
from pipelines.recipe import FILLED, SHARED

ROOT = Path(__file__).resolve().parents[2]
STAGES = code_digest.stages()
# Whose process imports torch as it starts; the others do so late, or leave it to processes of their own.
TORCH = {"pretrain", "finetune", "evaluate"}
OUTSIDE = ("torch", "ray", "mlflow", "airflow", "dvc")


@pytest.fixture(scope="module", params=STAGES)
def stage(request):
    return request.param


def test_a_module_in_the_folder_is_in_the_graph_and_in_a_flow_and_the_other_way_round():
    assert sorted(GRAPH) == STAGES
    assert {name for flow in FLOWS.values() for name in flow} == set(GRAPH)


def test_it_has_a_version_a_request_an_output_and_run(stage):
    module = load(stage)
    assert isinstance(module.VERSION, int)
    assert code_digest.version(stage) == module.VERSION
    for name in ("Request", "Output"):
        assert issubclass(getattr(module, name), Config)
        assert getattr(module, name).model_config["frozen"] is True
        assert getattr(module, name).model_config["extra"] == "forbid"
    assert list(module.run.__annotations__) == ["request", "folder", "context", "return"]
    assert module.run.__annotations__["return"] is module.Output
    assert hasattr(module, "observe") == code_digest.observes(stage)
    assert module.__doc__
    assert module.__doc__.strip()


def test_the_request_has_a_field_for_all_that_the_run_fills_in(stage):
    fields = {field.alias or name: field for name, field in load(stage).Request.model_fields.items()}
    shared = {name for name, stages in SHARED.items() if stage in stages}
    carried = set(references(stage, dict.fromkeys(GRAPH, "")))
    assert carried | shared | set(FILLED.get(stage, ())) <= set(fields)
    asked = {name for name, field in fields.items() if field.is_required()}
    assert asked <= carried | shared | set(FILLED.get(stage, ())), (
        "a recipe without this section would not do"
    )


def test_an_unknown_key_is_refused_with_the_nearest_one_named(stage):
    request = load(stage).Request
    known = next(iter(request.model_fields))
    with pytest.raises(ValidationError) as caught:
        request.model_validate({f"{known}x": 1})
    said = explain(caught.value, stage)
    assert said == f"{stage}: unknown key '{known}x'; did you mean '{known}'?"


def test_a_request_and_an_output_are_json(stage):
    """Every field can be written into a manifest and into a schema, under its name in a recipe."""
    module = load(stage)
    for kind in (module.Request, module.Output):
        assert issubclass(kind, BaseModel)
        names = {field.alias or name for name, field in kind.model_fields.items()}
        assert set(kind.model_json_schema()["properties"]) == names


def test_it_has_tests(stage):
    *_, folder, module = ("", *code_digest.stage_module(stage).split(".")[2:])
    assert (ROOT / "tests" / "pipelines" / "stages" / folder / f"test_{module}.py").is_file()


def test_importing_it_loads_no_more_than_it_promises(stage):
    told = f"import sys, {code_digest.stage_module(stage)}; print([m for m in {OUTSIDE} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", told], cwd=ROOT, capture_output=True, text=True, timeout=400)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == ("['torch']" if stage in TORCH else "[]")
