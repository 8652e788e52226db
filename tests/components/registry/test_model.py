import hashlib
import io
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from components.errors import UserError
from components.modalities.image.serve import encode_png
from components.registry.model import Classifier, ModelConfig, load_classifier
from components.registry.outlier_model import fit_ordinary
from components.registry.predictor import Predictor
from components.registry.served import digests, save_model


def config(**changes: object) -> ModelConfig:
    given = {
        "encoder": {"name": "resnet", "widths": [8, 16], "blocks": [1, 1]},
        "packing": {"name": "image", "size": 16, "channels": 1, "mean": [0.3], "std": [0.2]},
        "classes": ["bag", "shirt", "boot"],
        "temperature": 2.0,
    }
    return ModelConfig.model_validate({**given, **changes})


@pytest.fixture
def classifier() -> Classifier:
    torch.manual_seed(0)
    return Classifier(config()).eval()


@pytest.fixture
def pictures() -> list[np.ndarray]:
    return list(np.random.default_rng(0).integers(0, 256, (5, 16, 16), dtype=np.uint8))


def test_what_is_saved_is_loaded(classifier: Classifier, tmp_path: Path) -> None:
    weights, text = save_model(classifier, tmp_path)
    again = load_classifier(tmp_path, digests(tmp_path))
    x = torch.rand(3, 1, 16, 16)
    assert torch.equal(again(x), classifier(x))
    assert not again.training
    assert again.config == classifier.config
    assert {key.split(".")[0] for key in load_file(weights)} == {"encoder", "head"}
    assert json.loads(text.read_text())["classes"] == ["bag", "shirt", "boot"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["model.json", "model.safetensors"]


@pytest.fixture
def knowing() -> Classifier:
    """A classifier that knows what is ordinary, as it was fitted to noise."""
    torch.manual_seed(0)
    plain = Classifier(config()).eval()
    rng = np.random.default_rng(1)
    x = torch.from_numpy(rng.integers(0, 256, (300, 1, 16, 16), dtype=np.uint8)).float() / 255
    with torch.no_grad():
        logits, features = plain.answer(x)
    found = fit_ordinary(features.numpy(), logits.argmax(1).numpy(), rate=0.1, seed=0)
    assert found is not None
    made = Classifier(config(outliers=found.config.model_dump())).eval()
    known = {"means": torch.from_numpy(found.means), "whiten": torch.from_numpy(found.whiten)}
    made.load_state_dict({**plain.state_dict(), **known})
    return made


def test_what_is_ordinary_is_saved_with_the_weights_and_bound_to_their_digest(
    knowing: Classifier, pictures: list[np.ndarray], tmp_path: Path
) -> None:
    weights, _ = save_model(knowing, tmp_path)
    expected = digests(tmp_path)
    assert {"means", "whiten"} < set(load_file(weights))
    again = Predictor(load_classifier(tmp_path, expected))
    white = np.full((16, 16), 255, np.uint8)
    found = again.predict([*pictures, white])
    features = np.array(found["embedding"].to_list(), np.float32)
    np.testing.assert_allclose(found["outlier_score"].astype(float), knowing.distances(features), rtol=1e-5)
    assert knowing.config.outliers is not None
    assert found["is_outlier"].to_list() == [
        d > knowing.config.outliers.limit for d in found["outlier_score"]
    ]
    assert found["is_outlier"].to_list()[-1]
    assert not all(found["is_outlier"])
    changed = load_file(weights)
    changed["means"] += 1
    save_file(changed, weights)
    with pytest.raises(UserError, match="the file was changed"):
        load_classifier(tmp_path, expected)


def test_a_model_that_does_not_know_what_is_ordinary_says_nothing_of_it(
    classifier: Classifier, pictures: list[np.ndarray], tmp_path: Path
) -> None:
    _, text = save_model(classifier, tmp_path)
    old = json.loads(text.read_text())
    del old["outliers"]  # as it was written before there was such a thing
    text.write_text(json.dumps(old))
    found = Predictor(load_classifier(tmp_path)).predict(pictures)
    assert found["outlier_score"].to_list() == found["is_outlier"].to_list() == [None] * 5
    assert len(Predictor(classifier).predict([])) == 0


def test_logits_are_divided_by_the_temperature(classifier: Classifier) -> None:
    x = torch.rand(2, 1, 16, 16)
    features = classifier.encoder(x)
    expected = (features @ classifier.head.weight.T + classifier.head.bias) / 2
    assert torch.allclose(classifier(x), expected, atol=1e-6)


def test_same_weights_same_bytes(classifier: Classifier, tmp_path: Path) -> None:
    save_model(classifier, tmp_path / "a")
    save_model(load_classifier(tmp_path / "a"), tmp_path / "b")
    assert digests(tmp_path / "a") == digests(tmp_path / "b")


@pytest.mark.parametrize("name", ["model.safetensors", "model.json"])
def test_a_changed_byte_is_refused_before_it_is_read(
    classifier: Classifier, tmp_path: Path, name: str
) -> None:
    save_model(classifier, tmp_path)
    expected = digests(tmp_path)
    raw = bytearray((tmp_path / name).read_bytes())
    raw[-3] ^= 1
    (tmp_path / name).write_bytes(raw)
    with pytest.raises(UserError, match=f"{name}: sha256 {expected[name][:12]} needed, got"):
        load_classifier(tmp_path, expected)


def test_what_is_missing_or_does_not_fit_is_named(classifier: Classifier, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="missing"):
        load_classifier(tmp_path)
    save_model(classifier, tmp_path)
    text = (tmp_path / "model.json").read_text()
    (tmp_path / "model.json").write_text(text.replace("temperature", "temperatur"))
    with pytest.raises(UserError, match="did you mean 'temperature'"):
        load_classifier(tmp_path)
    (tmp_path / "model.json").write_text(text.replace('"boot"', '"boot", "coat"'))
    with pytest.raises(UserError, match="other weights"):
        load_classifier(tmp_path)
    (tmp_path / "model.json").write_text(text)
    (tmp_path / "model.safetensors").write_bytes(b"\x80\x04pickle?")
    with pytest.raises(UserError, match="other weights"):
        load_classifier(tmp_path)


def test_digests_are_sha256(classifier: Classifier, tmp_path: Path) -> None:
    save_model(classifier, tmp_path)
    assert (
        digests(tmp_path)["model.json"] == hashlib.sha256((tmp_path / "model.json").read_bytes()).hexdigest()
    )


def test_bytes_and_arrays_give_the_same_rows(classifier: Classifier, pictures: list[np.ndarray]) -> None:
    rows = Predictor(classifier, batch_size=2).predict([encode_png(p) for p in pictures])
    arrays = Predictor(classifier).predict(pictures)
    packed = Predictor(classifier).predict([p[None] for p in pictures])
    assert list(rows.columns) == [
        "class", "confidence", "probabilities", "embedding", "outlier_score", "is_outlier", "error"
    ]  # fmt: skip
    x = torch.from_numpy(np.stack(pictures))[:, None].float() / 255
    probabilities = classifier(x).softmax(1).detach().numpy()
    for frame in (rows, arrays, packed):
        np.testing.assert_allclose(np.stack(frame["probabilities"]), probabilities, atol=1e-6)
        np.testing.assert_allclose(
            np.stack(frame["embedding"]), classifier.encoder(x).detach().numpy(), atol=1e-5
        )
    assert list(rows["class"]) == [classifier.config.classes[i] for i in probabilities.argmax(1)]
    np.testing.assert_allclose(rows["confidence"], probabilities.max(1), atol=1e-6)


def test_a_colour_jpeg_of_another_size_is_taken(classifier: Classifier) -> None:
    out = io.BytesIO()
    Image.new("RGB", (40, 30), (200, 10, 10)).save(out, format="JPEG")
    assert len(Predictor(classifier).predict([out.getvalue()])) == 1


def test_none_give_none(classifier: Classifier) -> None:
    assert len(Predictor(classifier).predict([])) == 0


BAD = {
    "truncated": (lambda good: good[:80], "truncated"),
    "empty": (lambda good: b"", "not an image"),
    "text": (lambda good: b"hello", "not an image"),
    "nothing": (lambda good: None, "encoded bytes or a uint8 array required, got NoneType"),
    "nan": (lambda good: float("nan"), "got float"),
    "path": (lambda good: "in/x.png", "got str"),
    "floats": (lambda good: np.zeros((16, 16)), "uint8 array required, got an array of float64"),
    "shape": (lambda good: np.zeros((2, 3, 4, 5), np.uint8), ""),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_image_costs_its_own_row_only(
    classifier: Classifier, pictures: list[np.ndarray], kind: str
) -> None:
    good, (spoil, why) = [encode_png(p) for p in pictures], BAD[kind]
    alone = Predictor(classifier, batch_size=2).predict(good).to_dict("records")
    mixed = Predictor(classifier, batch_size=2).predict([good[0], spoil(good[1]), *good[1:]])
    bad = mixed.to_dict("records")[1]
    assert why in bad.pop("error")
    assert set(bad.values()) == {None}
    rest = mixed.drop(index=1).to_dict("records")
    assert [row["class"] for row in rest] == [row["class"] for row in alone]
    assert all(row["error"] is None for row in rest)
    for one, other in zip(rest, alone, strict=True):
        np.testing.assert_allclose(one["probabilities"], other["probabilities"], atol=1e-6)


def test_nothing_but_bad_images(classifier: Classifier) -> None:
    found = Predictor(classifier).predict([b"", b"text"])
    assert found["class"].tolist() == [None, None]
    assert found["error"].tolist() == ["not an image", "not an image"]


def test_a_model_of_deep_grey_takes_arrays_of_its_values(classifier: Classifier) -> None:
    packing = classifier.config.packing.model_copy(update={"range": (0, 4095)})
    deep = Classifier(classifier.config.model_copy(update={"packing": packing})).eval()
    values = np.random.default_rng(0).integers(0, 4096, (16, 16), dtype=np.uint16)
    out = io.BytesIO()
    Image.fromarray(values).save(out, "PNG")
    found = Predictor(deep).predict([values, values.astype(np.float32), out.getvalue()])
    assert found["error"].tolist() == [None] * 3
    assert found["probabilities"][0] == found["probabilities"][1] == found["probabilities"][2]


def test_disagreement(classifier: Classifier) -> None:
    one = {"class": ["a", "b"], "probabilities": [[0.9, 0.1], [0.2, 0.8]]}
    assert classifier.disagreement(one, one) == 0
    assert classifier.disagreement(
        one, {**one, "probabilities": [[0.9, 0.1], [0.25, 0.75]]}
    ) == pytest.approx(0.05)
    assert classifier.disagreement(one, {**one, "class": ["a", "a"]}) == float("inf")
