"""A kind of data that another package adds: the list of checks, and a served model."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.examples import install

ROOT = Path(__file__).resolve().parents[3]

LIST = """
import sys
import pytest
from tests.components.modalities import cases
from vectors.config import VectorConfig

cases.CASES["vectors"] = cases.Case(
    config=VectorConfig(size=3),
    samples=[f"{k} {k * k % 7} {-k / 3:.3f}".encode() for k in range(24)],
    hostile={"empty": b"", "words": b"a b c", "short": b"1 2", "nan": b"1 nan 2", "huge": b"1 2 1e9"},
    encoder={"name": "vector_mlp", "width": 8},
)
file = sys.modules["tests.components.modalities.cases"].__file__.replace("cases", "test_every_modality")
sys.exit(pytest.main([file, "-q", "-n0", "-p", "no:cacheprovider", "-k", "vectors or on_this_list"]))
"""


@pytest.fixture
def vectors(tmp_path: Path) -> dict[str, str]:
    """The environment of a process that finds the package."""
    site = install("vectors", tmp_path / "site")
    return {**os.environ, "PYTHONPATH": f"{site}{os.pathsep}{ROOT}"}


def test_it_passes_the_list_of_checks_over_all_kinds(vectors: dict[str, str]) -> None:
    made = subprocess.run([sys.executable, "-c", LIST], env=vectors, cwd=ROOT, capture_output=True, text=True)
    assert made.returncode == 0, made.stdout[-3000:]
    assert "failed" not in made.stdout
    assert int(made.stdout.split(" passed")[0].split()[-1]) >= 16


SAVE = """
import sys
from pathlib import Path
import torch
from pydantic import TypeAdapter
from components.encoders import ServedConfig
from components.registry import pyfunc
from components.registry.model import Classifier, ModelConfig
from components.registry.served import save_model
from vectors.config import VectorConfig, VectorPacking

packing = VectorPacking(read_as=VectorConfig(size=4), mean=(0.0,) * 4, std=(1.0,) * 4)
encoder = TypeAdapter(ServedConfig).validate_python({"name": "vector_mlp", "width": 0})
classifier = Classifier(ModelConfig(encoder=encoder, packing=packing, classes=["a", "b", "c", "d"]))
classifier.head.weight.data, classifier.head.bias.data = torch.eye(4), torch.zeros(4)
save_model(classifier, Path(sys.argv[1]))
pyfunc.save(Path(sys.argv[1]), Path(sys.argv[2]), {"vector": ["1 2 3 4"]})
"""

ASK = """
import sys
import mlflow
model = mlflow.pyfunc.load_model(sys.argv[1])
found = model.predict(["9 0 0 0", "0 0 9 0", "1 2"])
assert found["class"].tolist()[:2] == ["a", "c"], found
assert "4 numbers are required, got 2" in found["error"][2]
assert not {"vectors", "components"} & {name.partition(".")[0] for name in sys.modules}
"""


def test_a_served_model_brings_what_it_needs_of_the_package(vectors: dict[str, str], tmp_path: Path) -> None:
    places = [str(tmp_path / "classifier"), str(tmp_path / "saved")]
    made = subprocess.run(
        [sys.executable, "-c", SAVE, *places], env=vectors, cwd=tmp_path, capture_output=True, text=True
    )
    assert made.returncode == 0, made.stderr
    bare = {name: value for name, value in vectors.items() if name != "PYTHONPATH"}
    asked = [sys.executable, "-I", "-c", ASK, places[1]]
    made = subprocess.run(asked, env=bare, cwd=tmp_path, capture_output=True, text=True)
    assert made.returncode == 0, made.stdout + made.stderr
