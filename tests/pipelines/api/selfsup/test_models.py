"""The champion and features of samples, from Python."""

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

import selfsup
from components.modalities.image.serve import encode_png
from components.registry.served import save_model
from pipelines.engine.artifact import Artifact
from pipelines.recipe import Recipe
from tests.pipelines.stages.crowned import (
    CLASSES,
    MODALITY,
    MODEL,
    classifier,
    context_of,
    crown,
    empty_mlflow,
    finish,
    noise,
)


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    return empty_mlflow(tmp_path_factory.mktemp("mlflow"))


@pytest.fixture
def context(tmp_path, database, monkeypatch):
    made = context_of(tmp_path / "home", database)
    for name, value in (("HOME", made.settings.home), ("DATA", made.settings.data), ("DEVICE", "cpu")):
        monkeypatch.setenv(f"SELFSUP_{name}", str(value))
    return made


def expected(model, images):
    with torch.no_grad():
        return model.see(torch.from_numpy(images).float() / 255)


def test_the_champion_predicts_and_embeds_what_its_network_does(context):
    crown(context, seed=3)
    model, images = selfsup.load_champion("toys"), noise(7, seed=1)
    found = expected(classifier(3), images)
    assert (model.name, model.version) == ("toys", "1")
    assert repr(model) == "Model(toys version 1, Classifier)"
    given = [encode_png(image) for image in images]
    predicted = model.predict(given)
    np.testing.assert_allclose(
        np.stack(predicted["probabilities"]), found["probabilities"].numpy(), atol=1e-6
    )
    assert list(predicted["class"]) == [CLASSES[k] for k in found["probabilities"].argmax(1)]
    np.testing.assert_allclose(model.embed(given), found["features"].numpy(), atol=1e-6)
    np.testing.assert_array_equal(selfsup.embed(model, list(images)), model.embed(given))


def test_another_champion_is_another_model(context):
    crown(context, seed=3)
    crown(context, seed=4)
    assert selfsup.load_champion("toys").version == "2"


def test_a_changed_file_is_not_loaded(context):
    crown(context, seed=3)
    save_model(classifier(5), context.settings.home / "models" / "3" / "artifacts" / "classifier")
    with pytest.raises(selfsup.UserError) as caught:
        selfsup.load_champion("toys")
    assert caught.value.code == "digest-differs"


def test_without_a_champion_the_message_says_what_to_do(context):
    with pytest.raises(selfsup.UserError, match="'toys' has no champion: run its recipe"):
        selfsup.load_champion("toys")


def test_a_sample_that_cannot_be_read_is_named(context):
    crown(context, seed=3)
    model = selfsup.load_champion("toys")
    images = [encode_png(image) for image in noise(2, seed=1)]
    with pytest.raises(selfsup.UserError, match="sample 1 of 3: "):
        model.embed([images[0], b"no image", images[1]])
    assert model.predict([images[0], b"no image"])["error"].notna().tolist() == [False, True]
    with pytest.raises(selfsup.UserError, match="at least one sample"):
        model.embed([])


def test_a_recipe_embeds_by_its_last_pretraining(context):
    recipe = Recipe(name="toys", file="toys.yaml", modality=MODALITY, inbox="inbox")
    with pytest.raises(selfsup.UserError, match="no finished pretraining"):
        selfsup.embed(recipe, noise(2, seed=0))
    encoder = classifier(3).encoder
    at = context.store / "pretrain" / "b"
    at.mkdir(parents=True)
    save_file(encoder.state_dict(), at / "encoder.safetensors")
    output = {
        "encoder": Artifact.of(at / "encoder.safetensors", at).model_dump(), "encoder_config": MODEL["encoder"],
        "packing": MODEL["packing"],
    }  # fmt: skip
    finish(context, "pretrain", "b", output)
    images = noise(5, seed=2)
    with torch.no_grad():
        wanted = encoder(torch.from_numpy(images).float() / 255).numpy()
    np.testing.assert_allclose(selfsup.embed(recipe, [encode_png(i) for i in images]), wanted, atol=1e-6)


def test_a_folder_is_a_model_too(tmp_path):
    from selfsup import Model

    save_model(classifier(3), tmp_path / "mine")
    assert Model.of_folder(tmp_path / "mine").predict([encode_png(noise(1, 0)[0])])["class"][0] in CLASSES
