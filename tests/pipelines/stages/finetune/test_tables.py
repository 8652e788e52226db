"""Fine-tuning on rows of a table: boosting and nearest neighbours are judged, averaged, and served where they lead."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from components.data.table import Table
from components.encoders import build_encoder
from components.encoders.table_mlp import TableMlpConfig
from components.modalities.samples import Samples
from components.modalities.table import baseline
from components.registry.model import load_classifier
from pipelines.engine.artifact import Artifact
from pipelines.settings import Settings
from pipelines.stages.evaluate import classification as evaluate
from pipelines.stages.finetune import classification as finetune
from pipelines.stages.finetune import portfolio
from pipelines.stages.pseudo_label import stage as pseudo_label
from tests.components.modalities.table.toys import column, mixed, pack
from tests.pipelines.stages.tiny import Here

TRAIN, TEST, LABELS = 140, 60, 60
ABOVE = {name: f"{name}/0" for name in ("snapshot", "pretrain", "pseudo_label")}


@pytest.fixture(autouse=True)
def _one_boosting(monkeypatch):
    monkeypatch.setattr(baseline, "BOOSTINGS", baseline.BOOSTINGS[:1])
    monkeypatch.setattr(baseline, "ROUNDS", (15,))


def prepare(home: Path) -> Here:
    """A store with rows of a table whose two classes no line tells apart, and an encoder that has learnt nothing."""
    settings = Settings(home=home, device="cpu", cpus=1)
    here = Here(store=home / "store", settings=settings, recipe="rows", folder=home / "log")
    (home / "log").mkdir(parents=True)

    def folder(stage: str) -> Path:
        made = here.store / stage / "0"
        made.mkdir(parents=True)
        return made

    at = folder("snapshot")
    rows, packing, written = pack(mixed(TRAIN + TEST), at)
    truth = (np.abs(rows[:, column(packing, "size")]) > 0.7).astype(np.int64)  # no line tells them apart
    split = np.where(np.arange(len(rows)) < TRAIN, "train", "test")
    label = np.where((split == "test") | (np.arange(len(rows)) < LABELS), truth, -1)
    ids = np.array([f"{i:064x}" for i in range(len(rows))])
    Table(ids, np.full(len(ids), "s"), split, label).save(at / "table.parquet")
    here.outputs["snapshot/0"] = SimpleNamespace(
        arrays={name: Artifact.of(at / file, at) for name, file in written.files.items()},
        table=Artifact.of(at / "table.parquet", at), classes=["near", "far"], packing=packing,
    )  # fmt: skip
    torch.manual_seed(0)
    config = TableMlpConfig(width=16, layers=1)
    encoder = build_encoder(config, packing).eval()
    at = folder("pretrain")
    save_file(encoder.state_dict(), at / "encoder.safetensors")
    here.outputs["pretrain/0"] = SimpleNamespace(
        encoder=Artifact.of(at / "encoder.safetensors", at),
        encoder_config=config,
        packing=packing,
        policy=None,
    )
    at = folder("embed")
    with torch.no_grad():
        np.save(at / "features.npy", encoder(torch.from_numpy(rows)).numpy())
    here.outputs["embed/0"] = SimpleNamespace(features=Artifact.of(at / "features.npy", at))
    asked = pseudo_label.Request(snapshot="snapshot/0", embed="embed/0", clusters=4)
    here.outputs["pseudo_label/0"] = pseudo_label.run(asked, folder("pseudo_label"), here)
    return here


def run(here: Here, **options):
    folder = here.store / "finetune" / "0"
    folder.mkdir(parents=True)
    request = finetune.Request.model_validate({
        **ABOVE, "modality": {"name": "table"}, "steps": 10, "batch_size": 6, "ratio": 2, "precision": "float32",
        "cross_fit": {"folds": 2, "steps": 5}, "scratch": {"steps": 0}, "encoder_rate": 0, **options,
    })  # fmt: skip
    here.outputs["finetune/0"] = finetune.run(request, folder, here)
    return here.outputs["finetune/0"], folder


def views_of(here: Here, rows):
    above = here.outputs["snapshot/0"]
    files = {name: here.file("snapshot/0", file) for name, file in above.arrays.items()}
    return Samples(packing=above.packing, files=files).clean(rows)


def test_boosting_is_a_candidate_and_may_have_a_part_in_the_mean(tmp_path):
    here = prepare(tmp_path)
    output, folder = run(here, portfolio={"strength": 1e6, "challengers": ["model"]})
    told = output.portfolio
    assert [row.name for row in told.rows] == ["method", "plain", "boosting", "probe", "alone"]
    model = load_classifier((folder / output.model.path).parent)
    names = [member.name for member in model.config.encoder.members]
    assert sorted(names) == ["rows", "table_mlp", "table_mlp", "table_mlp", "trees"]
    assert set(names[-2:]) == {"rows", "trees"}  # what learnt nothing comes last
    with torch.no_grad():
        assert torch.isfinite(model(views_of(here, np.arange(TRAIN, TRAIN + TEST)))).all()
    assert output.made_of == ()


def test_a_baseline_that_leads_is_registered_and_evaluation_names_it(tmp_path):
    """No line tells the classes apart and the encoder learnt nothing: trees do."""
    here = prepare(tmp_path)
    output, folder = run(here, portfolio={"candidates": ["probe"]})
    told = output.portfolio
    assert told.served == "boosting"
    assert output.made_of == ("boosting_plain",)
    assert output.method == "boosting"
    assert {row.name: row.weight for row in told.rows} == {
        "method": 0, "probe": 0, "plain": 0, "boosting": 1, "knn": 0,
    }  # fmt: skip
    assert any("gradient boosting, a baseline, is served" in text for text in here.said)
    model = load_classifier((folder / output.model.path).parent)
    assert model.config.encoder.name == "trees"
    assert model.config.outliers is None  # scores of classes do not describe a sample
    at = here.store / "evaluate" / "0"
    at.mkdir(parents=True)
    asked = {**ABOVE, "embed": "embed/0", "finetune": "finetune/0", "modality": {"name": "table"}}
    found = evaluate.run(evaluate.Request.model_validate({**asked, "bootstrap": 100}), at, here)
    assert set(found.baselines) == {"logistic_plain", "boosting_plain", "knn_plain"}
    assert found.best_baseline != "boosting_plain"  # the model itself
    assert found.intervals["model"].value == found.baselines["boosting_plain"]


def test_where_the_recipe_allows_no_baseline_none_is_judged_that_is_no_candidate(tmp_path):
    here = prepare(tmp_path)
    output, _ = run(here, portfolio={"candidates": ["probe", "knn"], "challengers": ["model"]})
    assert [row.name for row in output.portfolio.rows] == ["method", "knn", "probe"]
    assert not any("gradient boosting" in text for text in here.said)  # which takes its time


def test_nearest_neighbours_in_the_mean_answer_as_they_were_judged(tmp_path, monkeypatch):
    here = prepare(tmp_path)
    monkeypatch.setattr(portfolio, "stacked", lambda held, *rest: np.array([0.5, 0.5]))
    output, folder = run(here, portfolio={"candidates": ["knn"], "challengers": ["model"]})
    model = load_classifier((folder / output.model.path).parent)
    assert [member.name for member in model.config.encoder.members] == ["table_mlp", "neighbours"]
    own = load_classifier((folder / output.own.path).parent)
    rows = np.arange(TRAIN, TRAIN + TEST)
    with torch.no_grad():
        view = views_of(here, rows)
        votes = model.encoder.members[1](view).double()
        ours, theirs = model(view) * model.config.temperature, own(view) * own.config.temperature
    rest = (ours - theirs * _factor(ours, theirs, votes)).double()
    ratio = (rest[:, 0] - rest[:, 1]) / (votes[:, 0] - votes[:, 1])
    assert float(ratio.std() / ratio.mean().abs()) < 1e-2


def _factor(ours, theirs, votes) -> float:
    """ours = a theirs + b votes, in differences of the two logits: a, by least squares."""
    columns = torch.stack([(t[:, 0] - t[:, 1]).double() for t in (theirs, votes)], dim=1)
    target = (ours[:, 0] - ours[:, 1]).double().unsqueeze(1)
    return float(torch.linalg.lstsq(columns, target).solution[0])
