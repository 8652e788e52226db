"""What holds for every stage; a module in pipelines/stages that is not in the graph fails here."""

import subprocess
import sys
from importlib import import_module
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
# Whose module imports torch; the others do so late, or leave it to processes of their own.
TORCH = {"pretrain", "finetune", "evaluate"}


def parts(stage):
    """The stage by itself, or by each task."""
    own = import_module(code_digest.stage_module(stage))
    return [None] if hasattr(own, "run") else list(own.BY_TASK)


OUTSIDE = ("torch", "ray", "mlflow", "airflow", "dvc")


@pytest.fixture(scope="module", params=STAGES)
def stage(request):
    return request.param


@pytest.fixture(scope="module", params=[(stage, task) for stage in STAGES for task in parts(stage)], ids=str)
def module(request):
    stage, task = request.param
    return stage, load(stage, {} if task is None else {"task": task})


def test_a_module_in_the_folder_is_in_the_graph_and_in_a_flow_and_the_other_way_round():
    assert sorted(GRAPH) == STAGES
    assert {name for flow in FLOWS.values() for name in flow} == set(GRAPH)


def test_it_has_a_version(stage):
    own = import_module(code_digest.stage_module(stage))
    assert isinstance(own.VERSION, int)
    assert code_digest.version(stage) == own.VERSION
    assert hasattr(own, "observe") == code_digest.observes(stage)


def test_it_has_a_request_an_output_and_run(module):
    _, module = module
    for name in ("Request", "Output"):
        assert issubclass(getattr(module, name), Config)
        assert getattr(module, name).model_config["frozen"] is True
        assert getattr(module, name).model_config["extra"] == "forbid"
    assert list(module.run.__annotations__) == ["request", "folder", "context", "return"]
    assert module.run.__annotations__["return"] is module.Output
    assert module.__doc__
    assert module.__doc__.strip()


def test_the_request_has_a_field_for_all_that_the_run_fills_in(module):
    stage, module = module
    fields = {field.alias or name: field for name, field in module.Request.model_fields.items()}
    shared = {name for name, stages in SHARED.items() if stage in stages}
    carried = set(references(stage, dict.fromkeys(GRAPH, "")))
    assert carried | shared | set(FILLED.get(stage, ())) <= set(fields)
    asked = {name for name, field in fields.items() if field.is_required()}
    assert asked <= carried | shared | set(FILLED.get(stage, ())), (
        "a recipe without this section would not do"
    )


def test_an_unknown_key_is_refused_with_the_nearest_one_named(module):
    stage, module = module
    request = module.Request
    known = next(iter(request.model_fields))
    with pytest.raises(ValidationError) as caught:
        request.model_validate({f"{known}x": 1})
    said = explain(caught.value, stage)
    assert said == f"{stage}: unknown key '{known}x'; did you mean '{known}'?"


def test_a_request_and_an_output_are_json(module):
    """Every field can be written into a manifest and into a schema, under its name in a recipe."""
    _, module = module
    for kind in (module.Request, module.Output):
        assert issubclass(kind, BaseModel)
        names = {field.alias or name for name, field in kind.model_fields.items()}
        assert set(kind.model_json_schema()["properties"]) == names


def test_it_has_tests(module):
    *folders, name = module[1].__name__.split(".")
    assert (ROOT.joinpath("tests", *folders) / f"test_{name}.py").is_file()


def test_importing_it_loads_no_more_than_it_promises(module):
    stage, module = module
    told = f"import sys, {module.__name__}; print([m for m in {OUTSIDE} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", told], cwd=ROOT, capture_output=True, text=True, timeout=400)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == ("['torch']" if stage in TORCH else "[]")
