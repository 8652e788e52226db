import ast
import base64
import io
import json
import os
import shutil
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from components.errors import UserError
from components.modalities.image.serve import encode_png
from components.registry.mlflow_registry import ENVIRONMENT, Registry, connect, experiment
from components.registry.model import Classifier, ModelConfig, load_classifier
from components.registry.predictor import Predictor
from components.registry.served import save_model
from components.registry.smoke_test import Smoke

CONFIG = {
    "encoder": {"name": "resnet", "widths": [8, 16], "blocks": [1, 1]},
    "packing": {"name": "image", "size": 16, "channels": 1, "mean": [0.3], "std": [0.2]},
    "classes": ["bag", "shirt", "boot"],
}


@pytest.fixture(scope="module")
def pyfunc() -> Any:
    os.environ.update(ENVIRONMENT)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import mlflow.pyfunc  # noqa: F401  # what MLflow itself warns of is not ours
    from components.registry import pyfunc

    return pyfunc


@pytest.fixture(scope="module")
def images() -> list[bytes]:
    pictures = np.random.default_rng(0).integers(0, 256, (4, 16, 16), dtype=np.uint8)
    return [encode_png(picture) for picture in pictures]


@pytest.fixture(scope="module")
def saved(pyfunc: Any, images: list[bytes], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    torch.manual_seed(0)
    save_model(Classifier(ModelConfig.model_validate(CONFIG)), folder / "classifier")
    (folder / "note.txt").write_text("beside")
    path = list(sys.path)
    pyfunc.save(
        folder / "classifier",
        folder / "saved",
        {"image": images[:2]},
        extra={"note.txt": folder / "note.txt"},
    )
    assert sys.path == path
    assert not any(name.startswith(pyfunc.PACKAGE) for name in sys.modules)  # its folder is gone
    return folder / "saved"


@pytest.fixture(autouse=True)
def _path() -> Iterator[None]:
    """MLflow puts a loaded model's code before everything else, and leaves it there."""
    before = list(sys.path)
    yield
    sys.path[:] = before


def package_of(saved: Path) -> str:
    (package,) = (folder.name for folder in (saved / "code").iterdir())
    return package


def test_no_pickle_is_written(saved: Path) -> None:
    suffixes = {file.suffix for file in saved.rglob("*") if file.is_file()}
    assert suffixes == {"", ".py", ".json", ".safetensors", ".yaml", ".txt"}
    assert b"\x80\x04" not in b"".join(f.read_bytes()[:2] for f in saved.rglob("*") if f.is_file())
    text = (saved / "MLmodel").read_text()
    assert "python_model:" not in text
    assert "loader_module: mlflow.pyfunc.loaders.code_model" in text
    assert (saved / "note.txt").read_text() == "beside"


def test_requirements_are_pinned_and_nothing_else_is_shipped(saved: Path) -> None:
    lines = (saved / "requirements.txt").read_text().split()
    assert {line.split("==")[0] for line in lines} == {
        "mlflow", "numpy", "pandas", "pillow", "pydantic", "safetensors", "torch"
    }  # fmt: skip
    assert all("==" in line and "+" not in line for line in lines)
    shipped = {p.relative_to(saved / "code").as_posix() for p in (saved / "code").rglob("*.py")}
    assert {name.partition("/")[0] for name in shipped} == {package_of(saved)}
    inside = {name.partition("/")[2] for name in shipped}
    assert "registry/model.py" in inside
    assert not any(name.startswith("objectives") for name in inside)


@pytest.mark.parametrize(("name", "more"), [("resnet", ()), ("timm", ("timm",))])
def test_the_library_of_an_encoder_from_elsewhere_is_required(
    tmp_path: Path, pyfunc: Any, name: str, more: tuple[str, ...]
) -> None:
    (tmp_path / "model.json").write_text(json.dumps({**CONFIG, "encoder": {"name": name}}))
    assert pyfunc.needed(tmp_path) == tuple(sorted({*pyfunc.NEEDED, "pillow", *more}))


def test_signature_and_example(saved: Path, pyfunc: Any, images: list[bytes]) -> None:
    model = pyfunc.load(str(saved))
    assert model.metadata.signature.inputs is None  # MLflow would refuse what Modality.values takes
    assert model.metadata.signature.outputs.input_names() == [
        "class",
        "confidence",
        "probabilities",
        "embedding",
        "outlier_score",
        "is_outlier",
        "error",
    ]
    example = json.loads((saved / "input_example.json").read_text())
    assert example["columns"] == ["image"]
    assert base64.b64decode(example["data"][0][0]) == images[0]


def test_images_are_taken_in_every_usual_form(saved: Path, pyfunc: Any, images: list[bytes]) -> None:
    from PIL import Image

    model = pyfunc.load(str(saved))
    arrays = [np.asarray(Image.open(io.BytesIO(image))) for image in images]
    coded = [base64.b64encode(image).decode() for image in images]
    expected = model.predict(pd.DataFrame({"image": images}))
    for given in (
        images, arrays, np.stack(arrays), np.stack(arrays)[:, None], pd.Series(images), {"image": images}, coded,
        pd.DataFrame({"other": images}), pd.DataFrame({"image": arrays}), pd.DataFrame({"image": images, "n": 1}),
        [array.tolist() for array in arrays],
    ):  # fmt: skip
        pd.testing.assert_frame_equal(model.predict(given), expected)
    index = pd.Index([f"s{k}" for k in range(len(images))])
    for kept in (pd.DataFrame({"image": images}, index=index), pd.Series(images, index=index)):
        pd.testing.assert_frame_equal(model.predict(kept), expected.set_index(index))
    for one in (images[0], arrays[0], coded[0], arrays[0][:, :, None], arrays[0][None]):
        pd.testing.assert_frame_equal(model.predict(one), expected[:1])
    assert len(model.predict([])) == len(model.predict(pd.DataFrame({"image": []}))) == 0
    with pytest.raises(ValueError, match=r"a column 'image' is required, got columns"):
        model.predict(pd.DataFrame({"Image": images, "n": 1}))


def test_it_predicts_what_the_classifier_does(
    saved: Path, pyfunc: Any, images: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "false")
    model = pyfunc.load(str(saved))
    expected = Predictor(load_classifier(saved.parent / "classifier")).predict(images)
    found = model.predict(pd.DataFrame({"image": images}))
    pd.testing.assert_frame_equal(found, expected)
    coded = pd.DataFrame({"image": [base64.b64encode(image).decode() for image in images]})
    pd.testing.assert_frame_equal(model.predict(coded), expected)


@pytest.mark.parametrize("form", ["split", "records", "instances", "inputs", "list"])
def test_the_request_that_a_server_gets(saved: Path, pyfunc: Any, images: list[bytes], form: str) -> None:
    """Of four images one is no image and one no base64: their rows say so, and the answer is JSON."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from mlflow.pyfunc.scoring_server import infer_and_parse_data, predictions_to_json

    model = pyfunc.load(str(saved))
    coded = [base64.b64encode(image).decode() for image in (*images[:2], b"text")] + ["no base64!"]
    body = {
        "split": {"dataframe_split": {"columns": ["image"], "data": [[image] for image in coded]}},
        "records": {"dataframe_records": [{"image": image} for image in coded]},
        "instances": {"instances": [{"image": image} for image in coded]},
        "inputs": {"inputs": {"image": coded}},
        "list": {"inputs": coded},
    }[form]
    parsed = infer_and_parse_data(body, model.metadata.get_input_schema())
    out = io.StringIO()
    predictions_to_json(model.predict(parsed), out)
    rows = json.loads(out.getvalue(), parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))[
        "predictions"
    ]
    alone = model.predict(images[:2])
    assert [row["class"] for row in rows] == [*alone["class"], None, None]
    assert [row["confidence"] for row in rows[:2]] == pytest.approx(alone["confidence"].tolist(), abs=1e-6)
    assert [row["error"] for row in rows[:3]] == [None, None, "not an image"]
    assert "bytes or a uint8 array required" in rows[3]["error"]


def test_a_changed_weight_is_refused_on_loading(saved: Path, pyfunc: Any, tmp_path: Path) -> None:
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(saved, copy)
    weights = copy / "artifacts" / "classifier" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x01")
    with pytest.raises(ValueError, match=r"sha256 .* needed, got"):
        pyfunc.load(str(copy))


def test_a_clean_process_gives_the_same_and_so_does_the_registry(
    saved: Path, pyfunc: Any, images: list[bytes], tmp_path: Path
) -> None:
    """One clean process loads the folder, a second one models:/NAME@champion."""
    uri, lock = f"sqlite:///{tmp_path}/db/mlflow.db", tmp_path / "lock"
    expected = Predictor(load_classifier(saved.parent / "classifier")).predict(images).to_dict("list")
    with Smoke() as smoke:
        smoke.ask(saved, {"image": images})
        client = connect(uri, lock)
        where = experiment(client, "toys", tmp_path / "artifacts", lock)
        logged = client.create_logged_model(where, "model", client.create_run(where).info.run_id)
        client.log_model_artifacts(logged.model_id, str(saved))
        registry = Registry(client, "toys", lock)
        registry.register(
            "register/abc", source=logged.artifact_location, run_id=logged.source_run_id,
            model_id=logged.model_id, tags={},
        )  # fmt: skip
        registry.set_alias("champion", "1")
        found = smoke.answer(saved)
    assert load_classifier(saved.parent / "classifier").disagreement(found.rows, expected) < 1e-6
    assert 0 < found.latency < 60
    script = (
        "import sys, json, base64, pandas, mlflow.pyfunc\n"
        "model = mlflow.pyfunc.load_model('models:/toys@champion')\n"
        "image = base64.b64decode(sys.argv[1])\n"
        "row = model.predict(pandas.DataFrame({'image': [image]})).iloc[0]\n"
        "print(json.dumps([row['class'], row['probabilities']]))\n"
    )
    environment = {**os.environ, **ENVIRONMENT, "MLFLOW_TRACKING_URI": uri, "MLFLOW_REGISTRY_URI": uri}
    command = [sys.executable, "-I", "-c", script, base64.b64encode(images[0]).decode()]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1])[0] == expected["class"][0]


def test_a_model_that_does_not_load_says_why_and_leaves_no_process(
    tmp_path: Path, images: list[bytes]
) -> None:
    with Smoke() as smoke:
        smoke.ask(tmp_path / "nothing", {"image": images})
        with pytest.raises(UserError, match=r"does not load and predict in a clean process: .*nothing"):
            smoke.answer(tmp_path / "nothing")
    assert smoke._process.poll() is not None


def test_one_that_is_too_slow_is_ended(tmp_path: Path) -> None:
    with Smoke(timeout=0.2) as smoke, pytest.raises(UserError, match="did not answer in a clean process"):
        smoke.answer(tmp_path)
    assert smoke._process.poll() == -9


BOTH = """
import sys, mlflow.pyfunc
models = [mlflow.pyfunc.load_model(path) for path in sys.argv[1:3]]
image = open(sys.argv[3], "rb").read()
print([sorted(model.predict([image]).columns) for model in models])
print([name for name in sys.modules if name.partition(".")[0] == "components"])
"""


def test_two_versions_of_the_code_predict_in_one_process(
    saved: Path, pyfunc: Any, images: list[bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second one calls a column otherwise."""
    shutil.copytree(
        pyfunc.ROOT / "components", tmp_path / "components", ignore=shutil.ignore_patterns("__pycache__")
    )
    for name in ("model.py", "served.py"):
        file = tmp_path / "components" / "registry" / name
        assert '"outlier_score"' in file.read_text()
        file.write_text(file.read_text().replace('"outlier_score"', '"distance"'))
    monkeypatch.setattr(pyfunc, "ROOT", tmp_path)
    pyfunc.save(saved.parent / "classifier", tmp_path / "saved", {"image": images[:2]})
    assert package_of(tmp_path / "saved") != package_of(saved)
    (tmp_path / "image.png").write_bytes(images[0])
    asked = [str(saved), str(tmp_path / "saved"), str(tmp_path / "image.png")]
    done = subprocess.run(
        [sys.executable, "-I", "-c", BOTH, *asked], cwd=tmp_path / "saved", capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    columns, ours = map(ast.literal_eval, done.stdout.splitlines()[-2:])
    assert ("outlier_score" in columns[0], "distance" in columns[0]) == (True, False)
    assert ("outlier_score" in columns[1], "distance" in columns[1]) == (False, True)
    assert ours == []


def test_the_closure_is_what_the_model_imports(pyfunc: Any, tmp_path: Path) -> None:
    names = {path.as_posix() for path in pyfunc.closure(pyfunc.SHIPPED)}
    assert {"components/__init__.py", "components/config.py", "components/encoders/resnet.py"} <= names
    assert "components/registry/gate.py" not in names
