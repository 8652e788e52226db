"""A served model of numbers: what it predicts, that it survives a disk, and that its task is told from its files."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from components.encoders.resnet import ResnetConfig
from components.errors import UserError
from components.modalities.image.config import image_packing
from components.registry.model import Classifier, ModelConfig, load_classifier
from components.registry.outlier_model import OutlierConfig
from components.registry.predictor import Predictor
from components.registry.regressor import Regressor, RegressorConfig, interval
from components.registry.served import MODELS, load_model, model_of, save_model

ENCODER = ResnetConfig(widths=(4, 8), blocks=(1, 1))
PACKING = image_packing(1, [0.4], [0.2], 8)
PICTURES = [np.random.default_rng(k).integers(0, 256, (8, 8), dtype=np.uint8) for k in range(5)]


def made(**changes: object) -> Regressor:
    torch.manual_seed(0)
    given = {"encoder": ENCODER, "packing": PACKING, "mean": 100.0, "scale": 20.0, "width": 7.0, **changes}
    return Regressor(RegressorConfig.model_validate(given)).eval()


def test_a_prediction_is_the_standardised_output_in_the_unit_of_the_labels() -> None:
    model, x = made(), torch.rand(3, 1, 8, 8)
    standard = model.head(model.encoder(x)).squeeze(1).double()
    torch.testing.assert_close(model(x), 100 + 20 * standard)
    assert model(x).dtype == torch.float64


def test_columns_of_raw_samples() -> None:
    model = made()
    found = Predictor(model, batch_size=2).predict([*PICTURES, b"no picture"])
    assert list(found.columns) == [*model.outputs, "error"]
    assert found["prediction"].isna().to_list() == [False] * 5 + [True]
    np.testing.assert_allclose(found["high"][:5].astype(float) - found["low"][:5].astype(float), 14)
    assert found["outlier_score"].to_list() == [None] * 6
    assert found["error"].to_list()[:5] == [None] * 5
    assert found["error"].to_list()[5]
    assert Predictor(made(width=None)).predict(PICTURES)["low"].to_list() == [None] * 5
    assert len(Predictor(model).predict([])) == 0


def test_outliers_are_told_as_a_classifier_tells_them() -> None:
    model = made(outliers=OutlierConfig(groups=1, limit=1.0, rate=0.05))
    model.whiten.copy_(torch.eye(8))
    found = Predictor(model).predict(PICTURES)
    assert (found["outlier_score"] > 0).all()
    assert found["is_outlier"].to_list() == [score > 1.0 for score in found["outlier_score"]]


def test_a_saved_model_is_the_same_and_its_task_is_told_from_its_files(tmp_path: Path) -> None:
    model = made()
    save_model(model, tmp_path)
    assert json.loads((tmp_path / "model.json").read_text())["task"] == "regression"
    again, x = load_model(tmp_path), torch.rand(2, 1, 8, 8)
    assert isinstance(again, Regressor)
    assert torch.equal(again(x), model(x))
    with pytest.raises(AssertionError, match="holds a Regressor"):
        load_classifier(tmp_path)
    other = Classifier(ModelConfig(encoder=ENCODER, packing=PACKING, classes=["a", "b"]))
    save_model(other, tmp_path / "other")
    assert "task" not in json.loads(
        (tmp_path / "other" / "model.json").read_text()
    )  # as before there were tasks
    assert isinstance(load_model(tmp_path / "other"), Classifier)


def test_a_model_of_an_unknown_task_and_a_folder_that_holds_none_are_refused(tmp_path: Path) -> None:
    save_model(made(), tmp_path)
    file = tmp_path / "model.json"
    file.write_text(file.read_text().replace('"regression"', '"sorting"'))
    with pytest.raises(
        UserError, match=r"one of the tasks classification, .* is needed, got one of 'sorting'"
    ):
        load_model(tmp_path)
    file.write_text("{")
    with pytest.raises(UserError, match="JSON needed"):
        load_model(tmp_path)


def test_disagreement_is_in_deviations_of_the_labels() -> None:
    model, one = made(), {"prediction": [100.0, 120.0]}
    assert model.disagreement(one, one) == 0
    assert model.disagreement({"prediction": [101.0, 120.0]}, one) == pytest.approx(0.05)
    assert model.disagreement({"prediction": [None, 120.0]}, one) == float("inf")
    assert model.disagreement({"prediction": [100.0]}, one) == float("inf")


def test_an_interval_has_its_prediction_in_the_middle() -> None:
    assert interval([1.0, 2.0], 0.5) == ([0.5, 1.5], [1.5, 2.5])
    assert interval([1.0], None) == ([None], [None])


@pytest.mark.parametrize("task", list(MODELS))
def test_every_model_states_its_columns_and_its_description(task: str) -> None:
    kind = model_of({"task": task})
    assert set(kind.outputs.values()) <= {"text", "number", "truth", "texts", "numbers"}
    assert kind.nullable <= set(kind.outputs)
    assert task == "classification" or kind.Config.model_fields["task"].default == task
