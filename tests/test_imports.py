"""Who may import what: the light is light, and the heart of the product runs on torch, numpy and pydantic."""

import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.engine.code_digest import stage_module

ROOT = Path(__file__).resolve().parent.parent
HEAVY = (
    "torch",
    "numpy",
    "pandas",
    "pyarrow",
    "ray",
    "mlflow",
    "airflow",
    "dvc",
    "sklearn",
    "scipy",
    "faiss",
)
LIGHT = [
    "pipelines.graph",
    "pipelines.recipe",
    "pipelines.settings",
    "pipelines.engine.store",
    "pipelines.engine.execute",
    "pipelines.flows.run",
    "pipelines.cli.main",
    "pipelines.engine.child",
    "pipelines.flows.summary",
    "pipelines.flows.airflow_home",
]
TORCHLESS = ["ingest", "snapshot", "pseudo_label", "promote", "report"]
BARE = ["objectives", "semisupervised", "encoders", "evaluation", "training"]
# Torch, numpy, pydantic and what these need themselves are there; of the rest what we use is out of reach.
BLOCK = """
import importlib, sys
import torch, numpy, pydantic
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in BLOCKED:
            raise ModuleNotFoundError(f"{name} is blocked")
sys.meta_path.insert(0, Blocked())
for name in NAMES:
    importlib.import_module(name)
    print(name)
"""
BLOCKED = [
    *("pandas", "pyarrow", "ray", "mlflow", "airflow", "dvc", "sklearn", "scipy", "faiss", "torchvision"),
    *("timm", "transformers", "kornia", "onnx", "onnxruntime", "onnxscript", "safetensors", "yaml", "psutil"),
    *("grimp", "PIL", "matplotlib", "pipelines", "dags", "filelock", "lightning", "torchmetrics"),
]
OUTSIDE = {  # each outside system has one door; these are of rooms that are otherwise bare
    "components.evaluation.representation.clusters",  # matches clusters and classes with scipy
    "components.training.cluster",
    "components.training.checkpoint",  # writes safetensors
}


def fresh(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=400)
    assert done.returncode == 0, done.stderr
    return done.stdout


def modules(room: str) -> list[str]:
    files = [f for f in (ROOT / "components" / room).rglob("*.py") if f.stem != "__init__"]
    names = [".".join(file.relative_to(ROOT).with_suffix("").parts) for file in files]
    return sorted(set(names) - OUTSIDE)


@pytest.mark.parametrize("name", LIGHT)
def test_a_light_module_loads_nothing_heavy(name):
    assert fresh(f"import sys, {name}; print([m for m in {HEAVY} if m in sys.modules])").strip() == "[]"


@pytest.mark.parametrize("name", TORCHLESS)
def test_a_stage_that_computes_no_gradient_loads_no_torch(name):
    code = f"import sys, {stage_module(name)}; print([m for m in ('torch', 'airflow') if m in sys.modules])"
    assert fresh(code).strip() == "[]"


@pytest.mark.parametrize("room", BARE)
def test_a_bare_room_imports_with_torch_numpy_and_pydantic_alone(room):
    names = modules(room)
    assert names
    assert fresh(f"NAMES, BLOCKED = {names}, {BLOCKED}\n{BLOCK}").split() == names


def test_sinkhorn_and_the_configurations_are_bare_too():
    names = ["components.config", "components.errors", "components.clustering.sinkhorn"]
    assert fresh(f"NAMES, BLOCKED = {names}, {BLOCKED}\n{BLOCK}").split() == names


def test_the_block_blocks():
    with pytest.raises(AssertionError, match="yaml is blocked"):
        fresh(f"NAMES, BLOCKED = ['pipelines.recipe'], {[b for b in BLOCKED if b != 'pipelines']}\n{BLOCK}")


def test_components_know_nothing_of_pipelines_airflow_or_mlflow():
    import ast

    doors = {
        "airflow": (),
        "pipelines": (),
        "dags": (),
        "mlflow": ("registry",),
        "ray": ("training/cluster.py", "clustering"),
        "dvc": ("data/versions.py",),
    }
    for file in sorted((ROOT / "components").rglob("*.py")):
        place = file.relative_to(ROOT / "components").as_posix()
        for node in ast.walk(ast.parse(file.read_text())):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
            for name in names:
                open_to = doors.get(name.partition(".")[0])
                assert open_to is None or place.startswith(open_to or ("nowhere",)), f"{place} imports {name}"
