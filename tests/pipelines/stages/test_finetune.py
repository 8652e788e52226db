import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from components.data.packed import Packed
from components.data.table import Table
from components.registry.model import load_classifier
from components.training import fewlabels, labelled
from pipelines.context import read_metrics
from pipelines.stages import finetune
from pipelines.stages.finetune import Request
from tests.pipelines.stages.tiny import CLASSES, SIDE, context

ABOVE = {"snapshot": "snapshot/0", "pretrain": "pretrain/0", "pseudo_label": "pseudo_label/0"}


def request(**options):
    small = {
        "steps": 20, "batch_size": 6, "ratio": 2, "learning_rate": 0.01, "precision": "float32",
        "ema_decay": 0.8,
        "cross_fit": {"folds": 2, "steps": 5}, "scratch": {"steps": 10, "learning_rates": [0.003, 0.01]},
        "checkpoint_seconds": 0, "weak": {"size": SIDE, "scale": [0.9, 1], "jitter": 0},
        "strong": {"size": SIDE, "scale": [0.8, 1], "erase": 0.2},
    }  # fmt: skip
    return Request(**ABOVE, **{**small, **options})


def run(home, labels, **options):
    here = context(home, labels)
    folder = here.store / "finetune" / "0"
    folder.mkdir(parents=True)
    return finetune.run(request(**options), folder, here), folder, here


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    return run(tmp_path_factory.mktemp("home"), {0: 6, 1: 6, 2: 6})


def test_the_model_is_the_averaged_one_and_answers(finished):
    output, folder, here = finished
    assert output.skipped is None
    model = load_classifier((folder / output.model.path).parent, {"model.safetensors": output.model.sha256})
    assert model.config.classes == CLASSES
    assert model.config.temperature == output.temperature
    table = Table.load(here.file("snapshot/0", here.outputs["snapshot/0"].table))
    images = np.load(here.file("snapshot/0", here.outputs["snapshot/0"].images))
    rows = table.test_rows()
    with torch.no_grad():
        logits = model(torch.from_numpy(images[rows]).float() / 255)
    assert (logits.argmax(1).numpy() == table.label[rows]).mean() > 0.8


def test_what_it_tells(finished):
    output, folder, here = finished
    assert output.steps == 20
    assert output.labels == output.validated == 18
    assert output.pseudo_labels == here.outputs["pseudo_label/0"].kept - 18
    assert 0 <= output.mask <= 1
    assert output.scratch_rate in (0.003, 0.01)
    assert output.scratch.path != output.model.path
    assert 0.05 <= output.temperature <= 20
    assert output.samples_per_second > 0
    assert not (folder / "checkpoints").exists()
    steps = [line for line in read_metrics(here.folder) if "finetune/loss/total" in line]
    assert steps[-1]["step"] == 20
    for name in ("supervised", "consistency", "pseudo", "mask"):
        assert f"finetune/loss/{name}" in steps[-1]


def test_same_request_same_bytes_and_another_seed_others(finished, tmp_path):
    first = finished[0]
    (tmp_path / "again").mkdir()
    again = run(tmp_path / "again", {0: 6, 1: 6, 2: 6})[0]
    assert again.model.sha256 == first.model.sha256
    assert again.scratch.sha256 == first.scratch.sha256
    (tmp_path / "other").mkdir()
    other = run(tmp_path / "other", {0: 6, 1: 6, 2: 6}, seed=1, cross_fit={"folds": 0}, scratch={"steps": 0})[
        0
    ]
    assert other.model.sha256 != first.model.sha256


def test_killed_in_the_middle_and_run_again_gives_the_same_bytes(finished, tmp_path, monkeypatch):
    here = context(tmp_path, {0: 6, 1: 6, 2: 6})
    folder = here.store / "finetune" / "0"
    folder.mkdir(parents=True)
    served, real = [], labelled.LabelledSource.batch

    def dies(self, step, generator):
        served.append(step)
        if len(served) == 23:  # two folds of 5 steps, then 12 of 20
            raise KeyboardInterrupt
        return real(self, step, generator)

    monkeypatch.setattr(labelled.LabelledSource, "batch", dies)
    with pytest.raises(KeyboardInterrupt):
        finetune.run(request(), folder, here)
    output = finetune.run(request(), folder, here)
    assert output.model.sha256 == finished[0].model.sha256
    assert output.scratch.sha256 == finished[0].scratch.sha256
    whole = 2 * 5 + 20 + 10 + 2 * 2 * 10
    assert len(served) < whole + 8, "trainings that were finished are not done again"


def test_no_row_of_the_test_split_is_ever_looked_at(tmp_path, monkeypatch):
    here = context(tmp_path, {0: 4, 1: 4, 2: 4})
    table = Table.load(here.file("snapshot/0", here.outputs["snapshot/0"].table))
    seen, real = [], Packed.gather

    def watching(self, index, **options):
        seen.append(self.rows[index.numpy()])
        return real(self, index, **options)

    monkeypatch.setattr(Packed, "gather", watching)
    folder = here.store / "finetune" / "0"
    folder.mkdir(parents=True)
    finetune.run(request(steps=5), folder, here)
    rows = np.unique(np.concatenate(seen))
    assert len(rows) > 50
    assert set(table.split[rows]) == {"train"}


def test_a_held_out_label_is_in_no_part_of_its_own_cross_fitting(tmp_path, monkeypatch):
    """Every training but the last two sees neither the held-out labels nor any pseudo-label."""
    here = context(tmp_path, {0: 4, 1: 4, 2: 4})
    given, real = [], fewlabels.LabelledSource

    def watching(packed, supervision, *rest, **options):
        given.append(supervision)
        return real(packed, supervision, *rest, **options)

    monkeypatch.setattr(fewlabels, "LabelledSource", watching)
    folder = here.store / "finetune" / "0"
    folder.mkdir(parents=True)
    finetune.run(request(steps=5), folder, here)
    folds, final, grid, scratch = given[:2], given[2], given[3:7], given[7]
    everything = set(final.labelled.tolist())
    assert len(everything) == 12
    for part in (*folds, *grid):
        assert len(part.labelled) == 6
        assert set(np.flatnonzero(part.targets.numpy() >= 0)) == set(part.labelled.tolist())
    assert set(folds[0].labelled.tolist()) | set(folds[1].labelled.tolist()) == everything
    assert int((final.targets >= 0).sum()) > 12
    assert (final.weights[final.labelled] == 1).all()
    assert int((scratch.targets >= 0).sum()) == 12


def test_no_labels_is_skipped_with_a_word(tmp_path):
    output, folder, here = run(tmp_path, {})
    assert "no labels" in output.skipped
    assert output.model is None
    assert not list(folder.iterdir())
    assert any("skipped" in text for text in here.said)


def test_labels_of_one_class_are_skipped_with_a_word(tmp_path):
    assert "two classes" in run(tmp_path, {1: 5})[0].skipped


def test_one_label_a_class_works_without_validation(tmp_path):
    output, _, _ = run(tmp_path, {0: 1, 1: 1, 2: 1})
    assert output.skipped is None
    assert output.validation is None
    assert output.head_validation is None
    assert output.validated == 0
    assert output.temperature == 1.0


def test_fewer_labels_than_classes_learns_the_classes_there_are_and_warns(tmp_path):
    output, folder, here = run(tmp_path, {0: 4, 2: 1})
    assert "standing" in output.note
    model = load_classifier((folder / output.model.path).parent)
    images = np.load(here.file("snapshot/0", here.outputs["snapshot/0"].images))
    with torch.no_grad():
        answers = model(torch.from_numpy(images).float() / 255).argmax(1)
    assert 1 not in answers
    assert output.validated == 4  # the label that is alone in its class was never held out


def test_averaging_off_exports_the_trained_weights(tmp_path):
    output, folder, _ = run(tmp_path, {0: 4, 1: 4, 2: 4}, ema_decay=0.0, scratch={"steps": 0})
    assert output.scratch is None
    assert {"encoder", "head"} == {key.split(".")[0] for key in load_file(folder / output.model.path)}
    assert json.loads((folder / output.config.path).read_text())["modality"]["size"] == SIDE


def test_the_encoder_moves_by_its_own_factor(tmp_path):
    output, folder, here = run(
        tmp_path, {0: 4, 1: 4, 2: 4}, encoder_rate=0.0, scratch={"steps": 0}, ema_decay=0.0
    )
    tuned = load_file(folder / output.model.path)
    frozen = load_file(here.file("pretrain/0", here.outputs["pretrain/0"].encoder))
    for name, weight in frozen.items():
        if "running" not in name and "num_batches" not in name:
            torch.testing.assert_close(tuned[f"encoder.{name}"], weight, rtol=0, atol=0)
