"""One model through the whole stage with MLflow and a clean process; then what a crash may leave."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from safetensors.torch import save_file

from components.data.table import Table
from components.encoders import build_encoder
from components.encoders.resnet import ResnetConfig
from components.modalities.image.config import image_packing
from components.registry.mlflow_registry import ENVIRONMENT, REFERENCE, connect
from components.registry.model import Classifier, ModelConfig
from components.registry.served import save_model
from components.registry.smoke_test import Answered
from pipelines.engine.artifact import Artifact
from pipelines.engine.context import Context
from pipelines.engine.manifest import Manifest
from pipelines.recipe import Recipe
from pipelines.registry.loading import python_lines
from pipelines.settings import Settings
from pipelines.stages import register
from pipelines.stages.register import Output, Request, run

REFERENCES = {
    name: f"{name}/k"
    for name in ("ingest", "snapshot", "pretrain", "embed", "pseudo_label", "finetune", "evaluate")
}
MODALITY = {"name": "image", "size": 16, "channels": 1}
MODEL = {
    "encoder": {"name": "resnet", "widths": [8, 16], "blocks": [1, 1]},
    "packing": {**MODALITY, "mean": [0.3], "std": [0.2]},
    "classes": ["bag", "shirt"],
}


def finish(store: Path, stage: str, given: dict[str, Any], output: dict[str, Any]) -> str:
    folder = store / stage / "k"
    folder.mkdir(parents=True, exist_ok=True)
    manifest = Manifest(
        stage=stage, version=1, recipe="toys", given=given, request=given, observed={}, code="c",
        output=output, started=0.0, seconds=2.0,
    )  # fmt: skip
    (folder / "manifest.json").write_text(manifest.model_dump_json())
    return f"{stage}/k"


def fill(store: Path) -> None:
    """Every run that register looks at."""
    up = REFERENCES
    folder = store / "snapshot" / "k"
    folder.mkdir(parents=True)
    pixels = np.random.default_rng(0).integers(0, 256, (12, 1, 16, 16), dtype=np.uint8)
    np.save(folder / "images.npy", pixels)
    ids, split = np.array([f"{k:064x}" for k in range(12)]), np.array(["test"] * 3 + ["train"] * 9)
    label = np.array([0, 1, 1, 0, 1, *[-1] * 7])
    Table(ids, np.full(12, "s", object), split, label).save(folder / "table.parquet")
    files = {
        key: Artifact.of(folder / name, folder).model_dump()
        for key, name in (("images", "images.npy"), ("table", "table.parquet"))
    }
    output = {
        "version": "abc.dir", "digest": "d", "samples": 12, "labelled": 2, "tests": 3, "classes": ["bag", "shirt"],
        "packing": MODEL["packing"],
        "arrays": {"images": files["images"]}, "table": files["table"],
    }  # fmt: skip
    finish(store, "snapshot", {"modality": MODALITY}, output)
    given = {
        "snapshot": up["snapshot"],
        "modality": MODALITY,
        "seed": 3,
        "train": {"epochs": 2},
        "start": {"parent": "pretrain/old"},
    }
    finish(store, "pretrain", given, {"processes": 2})
    finish(store, "embed", {"snapshot": up["snapshot"], "pretrain": up["pretrain"]}, {})
    given = {"snapshot": up["snapshot"], "embed": up["embed"], "seed": 3, "previous": "pseudo_label/old"}
    finish(store, "pseudo_label", given, {})
    torch.manual_seed(0)
    folder = store / "finetune" / "k"
    paths = save_model(Classifier(ModelConfig.model_validate(MODEL)), folder / "model")
    model, config = (Artifact.of(path, folder).model_dump() for path in paths)
    given = {
        **{name: up[name] for name in ("snapshot", "pretrain", "pseudo_label")}, "seed": 4, "steps": 7,
    }  # fmt: skip
    finish(store, "finetune", given, {"skipped": None, "model": model, "config": config})
    benefit = {"line": "fixmatch: better", "warnings": ["be careful"]}
    output = {"metrics": {"accuracy": 0.8, "ece": 0.05}, "baselines": {"scratch": 0.6}, "benefit": benefit}
    finish(store, "evaluate", {**given, "embed": up["embed"], "finetune": up["finetune"]}, output)


def request(**changes: Any) -> Request:
    names = ("snapshot", "pretrain", "finetune", "evaluate")
    return Request(**{name: REFERENCES[name] for name in names}, **changes)


def context_of(home: Path) -> Context:
    settings = Settings(home=home, data=home / "data")
    return Context(store=settings.store, settings=settings, recipe="toys")


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Context:
    os.environ.update(ENVIRONMENT)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import mlflow.pyfunc  # noqa: F401  # what MLflow itself warns of is not ours
    made = context_of(tmp_path_factory.mktemp("home"))
    fill(made.store)
    return made


@pytest.fixture(scope="module")
def client(context: Context) -> Any:
    return connect(context.settings.mlflow, context.settings.home / "mlflow" / "store.lock")


@pytest.fixture(scope="module")
def folder(context: Context, client: Any) -> Path:
    made = context.store / "register" / ".abc.part"
    made.mkdir(parents=True)
    return made


@pytest.fixture(scope="module")
def output(context: Context, folder: Path) -> Output:
    return run(request(), folder, context)


class Ready:
    """In place of the clean process, which takes seconds: it answers what it is told to."""

    asked: dict[str, list[Any]]
    rows: dict[str, list[Any]] | Exception

    def __enter__(self) -> "Ready":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def ask(self, model: Path, columns: dict[str, list[Any]]) -> None:
        from components.registry import pyfunc

        Ready.asked = columns
        import pandas as pd

        Ready.rows = pyfunc.load(str(model)).predict(pd.DataFrame(columns)).to_dict("list")

    def answer(self, model: Path) -> Answered:
        assert isinstance(Ready.rows, dict)
        return Answered(Ready.rows, 0.01)


@pytest.fixture
def ready(monkeypatch: pytest.MonkeyPatch) -> type[Ready]:
    monkeypatch.setattr(register, "Smoke", Ready)
    return Ready


def test_the_version_says_where_it_came_from(
    context: Context, client: Any, output: Output, folder: Path
) -> None:
    assert (output.name, output.version, output.skipped) == ("toys", "1", None)
    tags = client.get_model_version("toys", "1").tags
    assert tags[REFERENCE] == "register/abc"
    assert tags["selfsup.data"] == "abc.dir"
    assert tags["selfsup.recipe"] == "toys"
    seeds = {"pretrain": 3, "pseudo_label": 3, "finetune": 4, "evaluate": 4}
    assert json.loads(tags["selfsup.seeds"]) == seeds
    for stage in ("snapshot", "pretrain", "embed", "pseudo_label", "finetune", "evaluate"):
        assert tags[f"selfsup.{stage}"] == REFERENCES[stage]
    assert tags["selfsup.start"] == "pretrain/old"
    assert tags["selfsup.previous"] == "pseudo_label/old"
    assert tags["selfsup.benefit"] == "fixmatch: better; be careful"
    assert (tags["selfsup.workers"], json.loads(tags["selfsup.processes"])) == ("0", {"pretrain": 2})
    assert tags["selfsup.seconds"] == "12.0"  # of six stages
    assert "selfsup.parent" not in tags  # there was no champion
    assert (tags["selfsup.figure.accuracy"], tags["selfsup.figure.baselines"]) == ("0.8", '{"scratch": 0.6}')
    assert len(tags["selfsup.lock"]) == 64
    assert tags["selfsup.digest"] == output.digest
    assert client.get_registered_model("toys").aliases == {"challenger": 1}
    assert client.get_run(output.run_id).info.status == "FINISHED"


def test_the_lines_that_people_are_given_load_the_model_in_a_clean_process(
    context: Context, output: Output, tmp_path: Path
) -> None:
    script = [
        *python_lines("toys", "challenger", context.settings),
        "import numpy; print(model.predict([numpy.zeros((16, 16), 'uint8')])['class'][0])",
    ]
    environ = {
        key: value for key, value in os.environ.items() if not key.startswith(("MLFLOW", "SELFSUP", "PYTHON"))
    }
    done = subprocess.run(
        [sys.executable, "-I", "-c", "\n".join(script)],
        cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.stdout.strip() in ("bag", "shirt"), done.stderr
    assert list(tmp_path.iterdir()) == []
    assert (
        python_lines("toys", "3", context.settings)[1] == "model = mlflow.pyfunc.load_model('models:/toys/3')"
    )
    secret = context.settings.model_copy(update={"mlflow": "http://ana:secret@host:5000"})
    assert "secret" not in python_lines("toys", "3", secret)[0]


def test_the_recipe_can_be_read_from_the_version_and_asks_the_same(client: Any, output: Output) -> None:
    tags = client.get_model_version("toys", "1").tags
    told = yaml.safe_load(tags["selfsup.recipe_text"])
    assert told == {
        "name": "toys",
        "modality": MODALITY,
        "pretrain": {"seed": 3, "train": {"epochs": 2}},
        "pseudo_label": {"seed": 3},
        "finetune": {"seed": 4, "steps": 7},
        "evaluate": {"seed": 4, "steps": 7},
    }
    recipe = Recipe(file=Path("r.yaml"), inbox=Path("inbox"), name=told.pop("name"),
                    modality=told.pop("modality"), sections=told)  # fmt: skip
    done = dict(REFERENCES)
    assert recipe.request("finetune", done) == {
        "seed": 4, "steps": 7, "modality": MODALITY,
        **{name: done[name] for name in ("snapshot", "pretrain", "pseudo_label")},
    }  # fmt: skip


LOADED = "registered_model_meta"  # MLflow writes it beside a model that is loaded by its name


def test_what_is_weighed_and_timed(client: Any, output: Output) -> None:
    source = Path(client.get_model_version("toys", "1").source.removeprefix("file://"))
    files = [
        path
        for path in source.rglob("*")
        if path.is_file()
        and path.name not in ("encoder.onnx", "model_card.md", LOADED)
        and path.suffix != ".pyc"
    ]
    assert output.bytes == sum(path.stat().st_size for path in files)
    assert output.latency is not None
    assert 0 < output.latency < 10


def test_the_clean_process_and_onnx_agree(output: Output, folder: Path) -> None:
    assert output.smoke_error is None
    assert output.smoke_difference is not None
    assert output.smoke_difference < 1e-6
    assert output.onnx is not None
    assert output.onnx_error is not None
    assert output.onnx_error <= 1e-4
    assert hashlib.sha256((folder / "encoder.onnx").read_bytes()).hexdigest() == output.onnx.sha256
    assert not (folder / "saved").exists()


def test_what_lies_in_mlflow(client: Any, output: Output) -> None:
    source = Path(client.get_model_version("toys", "1").source.removeprefix("file://"))
    names = {path.relative_to(source).as_posix() for path in source.rglob("*") if path.is_file()}
    assert {"MLmodel", "encoder.onnx", "artifacts/classifier/model.safetensors", "model_card.md"} <= names
    assert not any(name.endswith((".pkl", ".pickle", ".pt", ".pth")) for name in names)


def test_the_model_card_lies_beside_the_model_and_in_its_run(
    client: Any, output: Output, tmp_path: Path
) -> None:
    source = Path(client.get_model_version("toys", "1").source.removeprefix("file://"))
    card = (source / "model_card.md").read_text()
    assert Path(client.download_artifacts(output.run_id, "model_card.md", str(tmp_path))).read_text() == card
    assert "| accuracy | 0.800 | - |" in card
    assert "| bag | 1 | 1 |" in card  # labels for training and testing, from the snapshot's table
    assert "| scratch | 0.600 | - | - |" in card
    assert f"| evaluate | {REFERENCES['evaluate']} |" in card


def test_a_second_attempt_after_a_crash_before_the_manifest_makes_nothing_new(
    context: Context, client: Any, output: Output, folder: Path, ready: type[Ready]
) -> None:
    again = run(request(), folder, context)
    assert (again.version, again.run_id, again.model_id) == (output.version, output.run_id, output.model_id)
    where = client.get_experiment_by_name("toys").experiment_id
    assert len(client.search_model_versions("name = 'toys'")) == 1
    assert len(client.search_runs([where])) == 1
    assert len(client.search_logged_models([where])) == 1


@pytest.mark.parametrize("where", ["create_logged_model", "log_model_artifacts", "finalize_logged_model"])
def test_killed_anywhere_it_ends_as_if_nothing_had_happened(
    context: Context, client: Any, ready: type[Ready], monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    part = context.store / "register" / f".{where}.part"
    part.mkdir(parents=True)

    through = getattr(type(client), where)

    def dies(self: Any, *args: Any, **kwargs: Any) -> Any:
        through(self, *args, **kwargs)
        raise KeyboardInterrupt

    monkeypatch.setattr(type(client), where, dies)
    with pytest.raises(KeyboardInterrupt):
        run(request(name=where, onnx=False), part, context)
    monkeypatch.setattr(type(client), where, through)
    done = run(request(name=where, onnx=False), part, context)
    assert (done.version, done.onnx) == ("1", None)
    assert len(client.search_model_versions(f"name = '{where}'")) == 1
    tag = f"tags.`{REFERENCE}` = 'register/{where}'"
    experiment = client.get_experiment_by_name("toys").experiment_id
    assert len(client.search_runs([experiment], tag)) == 1
    assert len(client.search_logged_models([experiment], tag)) == 1


def test_a_request_that_mlflow_heard_twice_leaves_one_run(
    context: Context, client: Any, ready: type[Ready], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer to the first is lost, and MLflow's own client asks again."""
    part, made = context.store / "register" / ".twice.part", []
    part.mkdir(parents=True)
    create = type(client).create_run

    def twice(self: Any, *args: Any, **kwargs: Any) -> Any:
        made.extend(create(self, *args, **kwargs).info.run_id for _ in range(2))
        return client.get_run(made[-1])

    monkeypatch.setattr(type(client), "create_run", twice)
    done = run(request(name="twice", onnx=False), part, context)
    experiment = client.get_experiment_by_name("toys").experiment_id
    (left,) = client.search_runs([experiment], f"tags.`{REFERENCE}` = 'register/twice'")
    assert (left.info.run_id, left.info.status) == (done.run_id, "FINISHED")
    assert len(set(made)) == 2
    assert done.run_id in made


def test_the_champion_of_its_time_is_its_parent(context: Context, client: Any, ready: type[Ready]) -> None:
    for part, name in (("one", "first"), ("two", "second")):
        (folder := context.store / "register" / f".{part}.part").mkdir(parents=True)
        done = run(request(name="parents", onnx=False), folder, context)
        assert done.version is not None
        client.set_registered_model_alias("parents", "champion", done.version)
        tags = client.get_model_version("parents", done.version).tags
        assert tags.get("selfsup.parent") == (None if name == "first" else "1")


def test_a_clean_process_that_fails_is_written_down_for_the_gate(
    context: Context, ready: type[Ready], monkeypatch: pytest.MonkeyPatch
) -> None:
    from components.errors import UserError

    def fails(self: Ready, model: Path) -> Any:
        raise UserError("model-does-not-load", "the model does not load")

    monkeypatch.setattr(Ready, "answer", fails)
    part = context.store / "register" / ".fails.part"
    part.mkdir(parents=True)
    done = run(request(name="fails", onnx=False), part, context)
    assert (done.smoke_difference, done.smoke_error) == (None, "the model does not load")
    assert done.latency is None
    assert done.version == "1"


def test_the_clean_process_is_asked_training_images(context: Context, ready: type[Ready]) -> None:
    from components.modalities.image.config import ImageConfig
    from components.modalities.image.pack import decode

    part = context.store / "register" / ".asked.part"
    part.mkdir(parents=True)
    run(request(name="asked", onnx=False, samples=4), part, context)
    pixels = np.load(context.store / "snapshot" / "k" / "images.npy")
    assert list(ready.asked) == ["image"]
    found = [decode(image, ImageConfig(size=16, channels=1)) for image in ready.asked["image"]]
    np.testing.assert_array_equal(np.stack(found), pixels[[3, 5, 7, 9]])


@pytest.mark.parametrize("stage", ["finetune", "evaluate"])
def test_without_labels_the_encoder_is_registered_and_gives_embeddings(
    context: Context, client: Any, ready: type[Ready], stage: str, tmp_path: Path
) -> None:
    name = f"without-{stage}"
    again = replace(context, store=tmp_path / "store")
    shutil.copytree(context.store, again.store)
    encoder = build_encoder(
        ResnetConfig(widths=(8, 16), blocks=(1, 1)), image_packing(1, [0.3], [0.2])
    ).eval()
    folder = again.store / "pretrain" / "k"
    save_file(encoder.state_dict(), folder / "encoder.safetensors")
    artifact = Artifact.of(folder / "encoder.safetensors", folder).model_dump()
    made = {
        "encoder": artifact, "checkpoint": artifact, "encoder_config": MODEL["encoder"],
        "packing": MODEL["packing"], "feature_dim": 16, "samples": 9, "steps": 1, "epochs": 1, "figures": {},
        "samples_per_second": 1.0, "data_wait_share": 0.0, "seconds": 1.0,
    }  # fmt: skip
    finish(again.store, "pretrain", {"snapshot": REFERENCES["snapshot"]}, made)
    finish(again.store, stage, {"snapshot": REFERENCES["snapshot"]}, {"skipped": "there are no labels"})
    part = again.store / "register" / f".{name}.part"
    part.mkdir(parents=True)
    output = run(request(name=name, onnx=False), part, again)
    uri = f"models:/{name}-encoder/1"
    assert output == Output(skipped="there are no labels", encoder=uri)
    assert (
        client.get_registered_model(f"{name}-encoder").aliases == {}
    )  # no challenger: the gate judges classifiers

    import mlflow
    import pandas as pd

    from components.modalities.image.serve import encode_png

    pixels = np.load(again.store / "snapshot" / "k" / "images.npy")[:3]
    mlflow.set_tracking_uri(context.settings.mlflow)
    mlflow.set_registry_uri(context.settings.mlflow)
    found = mlflow.pyfunc.load_model(uri).predict(
        pd.DataFrame({"image": [encode_png(image) for image in pixels]})
    )
    with torch.no_grad():
        expected = encoder(torch.from_numpy(pixels).float() / 255).numpy()
    np.testing.assert_allclose(np.stack(found["embedding"]), expected, atol=1e-5)
    assert set(found["class"]) == {"unlabelled"}
