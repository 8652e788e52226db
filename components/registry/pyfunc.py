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
import importlib.util
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

from components.encoders import ENCODERS
from components.errors import UserError
from components.implementations import ADDED
from components.modalities.packing import PACKINGS
from components.modalities.registry import MODALITIES
from components.modalities.views import VIEW_MAKERS
from components.registry.predictor import Predictor
from components.registry.served import CONFIG, MODELS, digests, load_model, model_of
from components.source import file_of, imported, table_in
from components.tasks.registry import TASKS

ARTIFACT = "classifier"
ROOT = Path(__file__).resolve().parents[2]
SCRIPT = """import mlflow
from {package}.registry.pyfunc import SavedModel

mlflow.models.set_model(SavedModel())
"""
SHIPPED = "components.registry.pyfunc"  # with every module of ours that it imports
PACKAGE = "selfsup_model_"  # and a digest: what the shipped modules are called instead of "components"
IMPORTED = r"^(\s*(?:from|import) ){}(?=[.\s])"
TABLES = (
    MODALITIES,
    PACKINGS,
    VIEW_MAKERS,
    ENCODERS,
    TASKS,
    MODELS,
)  # whose implementations a model is made of
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
        """Samples in any form that Modality.values takes -> one row a sample, with the index of a frame or Series."""
        found = self.predictor.predict(self.predictor.values(model_input))
        if isinstance(model_input, pd.DataFrame | pd.Series) and len(model_input) == len(found):
            found.index = model_input.index  # else a column of predictions joins other rows
        return found


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
        code = _ship(Path(temporary), foreign(json.loads((classifier / CONFIG).read_text())))
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


def closure(*names: str, root: Path = ROOT) -> list[Path]:
    """Source files, relative to `root`, of these modules of components and of all they import, at any depth; of a table
    all that it lists."""
    found: dict[str, Path] = {}
    waiting = list(names)
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


def foreign(described: Any) -> dict[str, dict[str, str]]:
    """Group -> name -> "module:callable" of what other packages have added and a model is made of.

    described: model.json, or a part of it, as JSON values.
    """
    names = set(_names(described))
    return {
        table.group: {name: place for name, place in table.foreign.items() if name in names}
        for table in TABLES
    }


def _names(described: Any) -> Iterator[str]:
    """Every `name` and `task` in it, at any depth."""
    if isinstance(described, dict):
        yield from (str(described[key]) for key in ("name", "task") if key in described)
        for value in described.values():
            yield from _names(value)
    elif isinstance(described, list):
        for value in described:
            yield from _names(value)


def _ship(folder: Path, added: Mapping[str, Mapping[str, str]]) -> Path:
    """The modules that the model needs, as a package of their own in `folder`. added: as foreign() gives it."""
    places = [place for of_group in added.values() for place in of_group.values()]
    others = {
        Path("added", file): text
        for top in {re.split("[.:]", place)[0] for place in places}
        for file, text in _sources(top).items()
    }
    theirs = {name for text in others.values() for name in imported(ast.parse(text))}
    ours = closure(SHIPPED, *sorted(theirs))
    sources = others | {file.relative_to("components"): (ROOT / file).read_text() for file in ours}
    digest = hashlib.sha256(json.dumps([(str(file), text) for file, text in sources.items()]).encode())
    package = folder / f"{PACKAGE}{digest.hexdigest()[:16]}"
    moved = {"components": package.name} | {
        top: f"{package.name}.added.{top}" for top in {file.parts[1].removesuffix(".py") for file in others}
    }
    for file, text in sources.items():
        (package / file).parent.mkdir(parents=True, exist_ok=True)
        for name, target in moved.items():
            text = re.sub(IMPORTED.format(name), rf"\g<1>{target}", text, flags=re.MULTILINE)
        (package / file).write_text(QUOTED.sub(rf"\g<1>{package.name}", text))
    listed = {
        group: {name: f"{package.name}.added.{place}" for name, place in of_group.items()}
        for group, of_group in added.items()
    }
    (package / ADDED.name).write_text(json.dumps(listed))
    return package


def _sources(top: str) -> dict[Path, str]:
    """Text of each Python file of an installed package or module, by its place beside others."""
    spec = importlib.util.find_spec(top)
    if spec is None or spec.origin is None:
        raise UserError(
            "package-missing",
            f"package {top}: its source is required to register a model with it; install it again",
        )
    origin = Path(spec.origin)
    files = sorted(origin.parent.rglob("*.py")) if spec.submodule_search_locations else [origin]
    base = origin.parent.parent if spec.submodule_search_locations else origin.parent
    return {file.relative_to(base): file.read_text() for file in files}


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
