"""What the check finds before any training: networks that cannot be built, weights that are missing or do not fit."""

import time

import pytest
import torch
from pydantic import TypeAdapter
from safetensors.torch import save_file

from components.encoders import EncoderConfig, build_encoder
from components.encoders.start import digest
from components.encoders.vit import VitConfig
from components.modalities.image.augment import ViewConfig
from components.modalities.image.config import ImageConfig, image_packing
from components.modalities.registry import build_modality
from components.modalities.text.config import TextConfig
from components.modalities.text.tokenizer import SPECIAL
from components.objectives import OBJECTIVES, ObjectiveConfig
from components.objectives.needs import GIVEN
from pipelines.flows.build_check import build_mistake
from tests.components.objectives.teachers import teacher

SMALL = {"name": "resnet", "widths": [4, 8], "blocks": [1, 1]}
IMAGES = ImageConfig(size=32, channels=3)


def mistake(objective, encoder, modality=IMAGES, view=None, local=None):
    return build_mistake(
        TypeAdapter(ObjectiveConfig).validate_python(objective),
        TypeAdapter(EncoderConfig).validate_python(encoder),
        modality,
        view,
        local,
    )


@pytest.mark.parametrize("name", sorted(OBJECTIVES))
def test_every_objective_is_built_for_an_encoder_that_suits_it_and_refuses_others(name):
    objective = {"name": name}
    if name == "distillation":
        finished = build_modality(IMAGES).placeholder()
        objective["teacher"] = teacher(VitConfig(width=16, depth=1, heads=2), finished).model_dump()
    resnet, vit = mistake(objective, {"name": "resnet"}), mistake(objective, {"name": "vit"})
    needs = OBJECTIVES[name].needs
    of_images = needs in GIVEN["image"]
    assert (resnet is None) == (of_images and needs != "patches")
    assert (vit is None) == (of_images and needs != "maps")
    for said in filter(None, (resnet, vit)):
        assert said.startswith(name if of_images else f"objective {name} needs ")


def test_a_teacher_that_is_missing_or_does_not_fit(tmp_path):
    assert "needs a teacher" in mistake({"name": "distillation"}, SMALL)
    start = {"weights": str(tmp_path / "none"), "sha256": "0" * 64}
    assert "which is missing" in mistake(
        {"name": "distillation", "teacher": {**SMALL, "start": start}}, SMALL
    )
    grey = teacher(TypeAdapter(EncoderConfig).validate_python(SMALL), image_packing(1, [0.5], [0.5]))
    said = mistake(
        {"name": "distillation", "teacher": grey.model_dump()}, SMALL
    )  # images have three channels
    assert "does not fit this encoder" in said


def test_a_large_network_takes_no_memory_and_a_second():
    begun = time.monotonic()
    wide = {"name": "vit", "width": 4096, "depth": 48, "heads": 32, "patch": 4}  # 9.7 billion parameters
    assert mistake({"name": "simclr"}, wide) is None
    assert time.monotonic() - begun < 30


def test_images_that_the_encoder_does_not_take():
    said = mistake({"name": "simclr"}, {"name": "vit", "patch": 4}, view=ViewConfig(size=30))
    assert "30" in said
    assert "patch" in said
    assert "33" in mistake({"name": "simclr"}, {"name": "vit", "patch": 4}, ImageConfig(size=33))


def test_views_without_a_size_have_that_of_the_data():
    """A patch of 7 fits into 28 pixels, and not into the 32 of a view that nobody has sized."""
    assert mistake({"name": "simclr"}, {"name": "vit", "patch": 7}, ImageConfig(size=28)) is None


def test_local_views_count_where_there_are_any():
    """By default they fit the patches; a side that a recipe names need not."""
    vit, images = {"name": "vit", "patch": 4}, ImageConfig(size=28)
    dino = {"name": "dino", "locals": 2, "outputs": 8}
    assert mistake(dino, vit, images) is None
    assert "14" in mistake(dino, vit, images, local=ViewConfig(size=14))
    assert mistake({"name": "simclr"}, vit, images, local=ViewConfig(size=14)) is None


@pytest.fixture
def weights(tmp_path):
    """The file of a small network, and the section that begins from it."""
    encoder = build_encoder(
        TypeAdapter(EncoderConfig).validate_python(SMALL), image_packing(3, [0.5] * 3, [0.5] * 3)
    )
    save_file(encoder.state_dict(), tmp_path / "w.safetensors")

    def start(**more):
        return {
            "weights": str(tmp_path / "w.safetensors"),
            "sha256": digest(tmp_path / "w.safetensors"),
            **more,
        }

    return tmp_path / "w.safetensors", start


@pytest.mark.parametrize("adapt", ["full", "frozen", "lora"])
def test_weights_that_fit(weights, adapt):
    assert mistake({"name": "simclr"}, {**SMALL, "start": weights[1](adapt=adapt)}) is None


def test_weights_that_do_not_fit_or_are_missing(weights):
    file, start = weights
    other = {**SMALL, "widths": [4, 16]}
    assert "does not fit this encoder" in mistake({"name": "simclr"}, {**other, "start": start()})
    assert "of another shape" in mistake({"name": "simclr"}, {**other, "start": start()})
    assert mistake({"name": "simclr"}, {**other, "start": start(strict=False)}) is None
    section = {**SMALL, "start": start()}
    save_file({"x": torch.zeros(1)}, file)
    assert "sha256" in mistake({"name": "simclr"}, section)
    file.write_bytes(b"no tensors")
    assert "a safetensors file is needed" in mistake({"name": "simclr"}, {**SMALL, "start": start()})
    file.unlink()
    assert "which is missing; bring it back" in mistake({"name": "simclr"}, section)


def test_weights_of_texts_fit_the_vocabulary_that_the_recipe_names(tmp_path):
    """Embeddings have as many rows as the file has pieces, not as the letters of a made-up vocabulary."""
    (tmp_path / "vocab.txt").write_text("\n".join([*SPECIAL, *(f"word{n}" for n in range(50))]))
    texts = TextConfig(length=16, vocabulary_file=str(tmp_path / "vocab.txt"))
    small = {"name": "text_bert", "width": 8, "depth": 1, "heads": 2, "special": [0, 1, 2, 3, 4]}
    packing = build_modality(texts).placeholder()
    assert len(packing.vocabulary) == 50 + len(SPECIAL)
    encoder = build_encoder(TypeAdapter(EncoderConfig).validate_python(small), packing)
    save_file(encoder.state_dict(), tmp_path / "w.safetensors")
    start = {"weights": str(tmp_path / "w.safetensors"), "sha256": digest(tmp_path / "w.safetensors")}
    assert mistake({"name": "mlm"}, {**small, "start": start}, texts) is None
    (tmp_path / "vocab.txt").unlink()
    assert "vocabulary_file" in mistake({"name": "mlm"}, {**small, "start": start}, texts)
