"""The model as MLflow serves it: models-from-code, so that no pickle is written and none is read.

The saved model is a folder: MLmodel, requirements.txt, a script of three lines, the model folder under
artifacts/, and under code/ the few modules of ours that it needs, so that it loads where this project is
not installed. They lie in a package that is named by its content, so that models made by two versions of the code load
and predict in one process. Input: see components/modalities/NAME/serve.py; images come encoded (over HTTP: base64) or
as arrays. Output: the
columns of the model's task and error (components.registry.predictor).
"""

import ast
import hashlib
import json
import re
import shutil
import sys
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from mlflow.models import Model, ModelSignature
from mlflow.pyfunc import PythonModel
from mlflow.pyfunc import save_model as save_mlflow
from mlflow.types import ColSpec, DataType, Schema
from mlflow.types.schema import Array

from components.modalities.registry import MODALITIES
from components.registry.predictor import Predictor
from components.registry.served import CONFIG, digests, load_model, model_of
from components.source import file_of, imported, table_in

ARTIFACT = "classifier"
ROOT = Path(__file__).resolve().parents[2]
SCRIPT = """import mlflow
from {package}.registry.pyfunc import SavedModel

mlflow.models.set_model(SavedModel())
"""
SHIPPED = "components.registry.pyfunc"  # with every module of ours that it imports
PACKAGE = "selfsup_model_"  # and a digest: what the shipped modules are called instead of "components"
IMPORTED = re.compile(r"^(\s*(?:from|import) )components(?=[.\s])", re.MULTILINE)
QUOTED = re.compile(r"""(["'])components(?=[."'])""")
NEEDED = ("mlflow", "numpy", "pandas", "pydantic", "safetensors", "torch")
OTHERS = ("timm", "transformers")  # encoders that are named as the library that they come from
TYPES = {
    "text": DataType.string, "number": DataType.double, "truth": DataType.boolean,
    "texts": Array(DataType.string), "numbers": Array(DataType.double),
}  # fmt: skip


class SavedModel(PythonModel):  # type: ignore[misc]  # mlflow is untyped here
    """What MLflow loads and calls."""

    _skip_type_hint_validation = True  # the signature says what comes in; MLflow else warns at import

    def load_context(self, context: Any) -> None:
        """Digests come from MLmodel, and are verified before the weights are read."""
        folder = Path(context.artifacts[ARTIFACT])
        self.predictor = Predictor(load_model(folder, context.model_config["sha256"]))

    def predict(self, context, model_input, params=None):  # type: ignore[no-untyped-def]  # mlflow reads hints
        """Samples in any form that Modality.values takes -> one row a sample."""
        return self.predictor.predict(self.predictor.values(model_input))


def save(
    classifier: Path,
    target: Path,
    examples: Mapping[str, Sequence[Any]],
    *,
    extra: dict[str, Path] | None = None,
    **identity: Any,
) -> None:
    """Write the MLflow model of the model folder `classifier` into the empty folder `target`.

    Args:
        examples: columns of a request; the input example.
        extra: name -> file, laid beside the model.
        identity: run_id, model_id and artifact_path, as MLflow's Model takes them.
    """
    with tempfile.TemporaryDirectory() as temporary:
        code = _ship(Path(temporary))
        script = Path(temporary) / "model_code.py"
        script.write_text(SCRIPT.format(package=code.name))
        with warnings.catch_warnings(), _importable(code):
            warnings.simplefilter("ignore")  # MLflow calls what pandas will drop
            save_mlflow(
                path=str(target),
                python_model=str(script),
                artifacts={ARTIFACT: str(classifier)},
                code_paths=[str(code)],
                signature=signature(classifier),
                input_example=pd.DataFrame(dict(examples)),
                pip_requirements=[
                    f"{name}=={version(name).partition('+')[0]}" for name in needed(classifier)
                ],
                model_config={"sha256": digests(classifier)},
                mlflow_model=Model(**identity),
            )
    for name, file in (extra or {}).items():
        shutil.copyfile(file, target / name)
    for cache in list(target.rglob("__pycache__")):
        shutil.rmtree(cache)


def signature(classifier: Path) -> ModelSignature:
    """The columns that a model folder's predictions have.

    No schema of the input: MLflow would refuse a list of samples, and a whole batch for one that is not base64.
    """
    outputs = model_of(json.loads((classifier / CONFIG).read_text())).outputs
    columns = [ColSpec(TYPES[kind], name, required=False) for name, kind in outputs.items()]
    return ModelSignature(outputs=Schema([*columns, ColSpec(DataType.string, "error", required=False)]))


def needed(classifier: Path) -> tuple[str, ...]:
    """Packages that a model folder needs: for its kind of data, and for the encoder of another library."""
    described = json.loads((classifier / CONFIG).read_text())
    modality, encoder = MODALITIES[described["packing"]["name"]], described["encoder"]["name"]
    of_kind = getattr(modality, "requirements", ())
    return tuple(sorted({*NEEDED, *of_kind, *(name for name in OTHERS if name == encoder)}))


def load(uri: str) -> Any:
    """The model at `uri` (a folder, models:/NAME/VERSION, models:/NAME@champion) as MLflow gives it."""
    return mlflow.pyfunc.load_model(uri)


def closure(name: str = SHIPPED, root: Path = ROOT) -> list[Path]:
    """Source files, relative to `root`, of a module of components and of all it imports, at any depth; of a table all
    that it lists."""
    found: dict[str, Path] = {}
    waiting = [name]
    while waiting:
        name = waiting.pop()
        file = file_of(name, root) if name.startswith("components") else None
        if name in found or file is None:
            continue
        found[name] = file.relative_to(root)
        tree = ast.parse(file.read_bytes())
        listed = table_in(tree)
        waiting += [name.rpartition(".")[0], *imported(tree), *(listed.modules.values() if listed else ())]
    return sorted(found.values())


def _ship(folder: Path) -> Path:
    """The modules that the model needs, as a package of their own in `folder`."""
    sources = {file.relative_to("components"): (ROOT / file).read_text() for file in closure(root=ROOT)}
    digest = hashlib.sha256(json.dumps([(str(file), text) for file, text in sources.items()]).encode())
    package = folder / f"{PACKAGE}{digest.hexdigest()[:16]}"
    for file, text in sources.items():
        (package / file).parent.mkdir(parents=True, exist_ok=True)
        renamed = QUOTED.sub(rf"\g<1>{package.name}", IMPORTED.sub(rf"\g<1>{package.name}", text))
        (package / file).write_text(renamed)
    return package


@contextmanager
def _importable(package: Path) -> Iterator[None]:
    """MLflow runs the script once when it saves it; nothing of the package stays behind."""
    sys.path.insert(0, str(package.parent))
    try:
        yield
    finally:
        sys.path.remove(str(package.parent))
        for name in [name for name in sys.modules if name.partition(".")[0] == package.name]:
            del sys.modules[name]
