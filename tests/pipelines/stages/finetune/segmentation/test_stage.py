"""A network from few masks, as the stage chooses, trains and saves it."""

import numpy as np
import pytest
import torch

from components.data.table import Table
from components.errors import UserError
from components.evaluation.dense.masks import by_image, tables
from components.registry.served import load_model
from pipelines.inference.masks import masks_of
from pipelines.stages.finetune.segmentation.stage import Request, Trainings, Variant, run
from tests.pipelines.stages.masked import CLASSES, SIDE, TASK, context

ABOVE = {"snapshot": "snapshot/0", "pretrain": "pretrain/0", "pseudo_label": "pseudo_label/0"}
SHORT = {
    "steps": 60,
    "fold_steps": 20,
    "width": 12,
    "precision": "float32",
    "modality": {"name": "image", "size": SIDE},
}


def request(**options):
    return Request.model_validate({**ABOVE, "task": TASK, **SHORT, **options})


def made(home, given=None, **options):
    here = context(home, **(given or {}))
    folder = here.store / "finetune" / "0"
    folder.mkdir(parents=True)
    return run(request(**options), folder, here), folder, here


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    return made(tmp_path_factory.mktemp("home"), scratch={"learning_rates": [0.002, 0.006]})


def dice(folder, here, name="model"):
    table = Table.load(here.store / "snapshot/0/table.parquet")
    rows = table.test_rows()
    model = load_model(folder / name)
    images = torch.from_numpy(np.load(here.store / "snapshot/0/images.npy")[rows]).float() / 255
    with torch.inference_mode():
        said = model.see(images)["mask"].numpy()
    truth = masks_of("snapshot/0", here.outputs["snapshot/0"], rows, SIDE, here)
    return float(by_image(tables(truth, said, len(CLASSES)))[0].mean())


def test_what_it_tells(finished):
    output, folder, here = finished
    assert output.skipped is None
    assert output.labels == 12
    assert [one.name for one in output.candidates] == ["frozen", "trained", "consistency", "scratch"]
    assert output.method == max(output.candidates[:3], key=lambda one: one.dice).name
    assert output.validation == max(one.dice for one in output.candidates[:3])
    assert output.candidates[3].rate in (0.002, 0.006)
    assert any(f"{output.method} is served" in line for line in here.said)
    assert not (folder / "checkpoints").exists()
    assert load_model(folder / "model").config.classes == tuple(CLASSES)
    assert load_model(folder / "model").config.temperature == output.temperature
    assert load_model(folder / "scratch").config.temperature == 1.0


def test_it_finds_squares_and_bars(finished):
    _, folder, here = finished
    assert dice(folder, here) > 0.8


def test_the_same_request_gives_the_same_bytes(tmp_path):
    few = {"steps": 6, "fold_steps": 3, "candidates": ["consistency"], "scratch": {"learning_rates": [0.004]}}
    one, two = (made(tmp_path / name, **few)[0] for name in ("a", "b"))
    assert one.model.sha256 == two.model.sha256
    assert one.scratch.sha256 == two.scratch.sha256
    assert one.model.sha256 != one.scratch.sha256


def test_a_frozen_encoder_is_the_pretrained_one(tmp_path):
    few = {"steps": 4, "fold_steps": 2, "scratch": {"learning_rates": [0.004]}}
    _, folder, here = made(tmp_path, candidates=["frozen"], **few)
    from safetensors.torch import load_file

    pretrained = load_file(here.store / "pretrain/0/encoder.safetensors")
    encoder = load_model(folder / "model").encoder.state_dict()
    assert all(torch.equal(encoder[name], value) for name, value in pretrained.items())
    scratch = load_model(folder / "scratch").encoder.state_dict()
    assert not all(torch.equal(scratch[name], value) for name, value in pretrained.items())


def test_no_mask_predicts_itself(tmp_path, monkeypatch):
    """Each fold is answered by a training that was not given it."""
    here = context(tmp_path)
    from pipelines.stages.finetune.segmentation import stage

    used = []

    def fit(job, *_):
        used.append((job.name, set(job.use.tolist())))
        raise StopIteration

    monkeypatch.setattr(stage, "fit_masks", fit)
    asked = request(folds=3)
    material = stage.masks_to_learn(
        asked, "snapshot/0", here.outputs["snapshot/0"],
        Table.load(here.store / "snapshot/0/table.parquet"), here.folder, here,
    )  # fmt: skip
    encoder, config = stage.pretrained(here, "pretrain/0")
    trainings = Trainings(asked, material, encoder, config, here)
    variant = Variant("trained", 0.004)
    for fold in range(3):
        trainings._announce([stage._name(variant, fold)], 0.0, 1.0)
        with pytest.raises(StopIteration):
            trainings._held(variant, fold)
    out = [set(np.flatnonzero(trainings.of == fold).tolist()) for fold in range(3)]
    assert [use for _, use in used] == [set(range(12)) - held for held in out]
    assert set().union(*out) == set(range(12))
    assert len({name for name, _ in used}) == 3


def test_without_unlabelled_images_none_are_learnt_from(tmp_path):
    few = {"steps": 2, "fold_steps": 2, "scratch": {"learning_rates": [0.004]}}
    output, _, _ = made(tmp_path, {"labelled": 40}, candidates=["frozen", "consistency"], **few)
    assert [one.name for one in output.candidates] == ["frozen", "scratch"]


def test_too_few_masks(tmp_path):
    output, _, here = made(tmp_path, {"labelled": 3})
    assert output.skipped == "a segmentation: 3 training images with a mask, and 4 are needed; label more"
    assert any(line.startswith("fine-tuning skipped: 3 training images") for line in here.said)


def test_one_class_only(tmp_path):
    here = context(tmp_path)
    here.outputs["snapshot/0"].classes = ["0"]
    output = run(request(), here.store, here)
    assert output.skipped == (
        "a segmentation: the masks hold one class only; label images that show another one"
    )


def test_other_kinds_than_images_are_refused():
    with pytest.raises(
        UserError, match="the task segmentation needs images, whose pixels have classes, got text"
    ):
        request(modality={"name": "text"}).check()
    request().check()
