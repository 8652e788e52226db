"""Small models of the real timm and transformers, where these can be imported: neither is among our packages.

uv pip install --no-deps --target SITE transformers huggingface-hub tokenizers hf-xet httpx2 httpcore2 truststore
timm torchvision==0.28.0, then PYTHONPATH=SITE. Importing either takes 6 to 15 s.
"""

import copy
import importlib.util

import pytest
import torch
from safetensors.torch import load_file

from components.encoders import build_encoder
from components.encoders.adapters import TimmConfig, TransformersConfig, library
from components.errors import UserError
from components.modalities.image.config import image_packing
from components.registry.model import Classifier, ModelConfig, load_classifier
from components.registry.served import save_model
from components.training.checkpoint import export_encoder

VIT = {"hidden_size": 12, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24}
KINDS = {
    "vit": {"model_type": "vit", **VIT, "patch_size": 8},
    "dinov2": {"model_type": "dinov2", **VIT, "patch_size": 8},
    "convnext": {"model_type": "convnext", "hidden_sizes": [8, 16], "depths": [1, 1], "num_stages": 2},
    "resnet": {"model_type": "resnet", "hidden_sizes": [8, 16], "depths": [1, 1], "embedding_size": 8},
}
TIMM = {
    "vit_tiny_patch16_224": {"img_size": 32, "patch_size": 8, "depth": 2, "dynamic_img_size": True},
    "resnet10t": {},
}
UNUSED = {"vit": 2, "dinov2": 1, "convnext": 2}  # pooler, mask token, norm of the pooler
X = torch.rand(3, 1, 32, 32, generator=torch.Generator().manual_seed(0))


def real(name):
    if importlib.util.find_spec(name) is None:
        pytest.skip(f"{name} is not installed")
    try:
        return library(name, "")
    except UserError as error:
        pytest.skip(str(error))


CONFIGS = {
    **{name: TransformersConfig(architecture=kind, size=32) for name, kind in KINDS.items()},
    **{name: TimmConfig(model=name, options=options) for name, options in TIMM.items()},
}
each = pytest.mark.parametrize("config", CONFIGS.values(), ids=list(CONFIGS))


def build(config, seed=0):
    real(config.name)
    torch.manual_seed(seed)
    return build_encoder(config, image_packing(1, [0.4], [0.2]))


@each
def test_features_are_the_library_s_own_and_gradients_flow(config):
    encoder = build(config).eval()
    pixels = (X - 0.4) / 0.2
    if config.name == "timm":
        expected, unused = encoder.model(pixels), 0
    else:
        last = encoder.model(pixel_values=pixels, output_hidden_states=True).last_hidden_state
        expected = last.flatten(2).mean(2) if last.ndim == 4 else last.mean(1)
        unused = UNUSED.get(config.architecture["model_type"], 0)
    feature = encoder(X)
    assert feature.shape == (3, encoder.feature_dim)
    torch.testing.assert_close(feature, expected, rtol=0, atol=1e-6)
    assert feature.std(dim=0).max() > 1e-6  # samples differ
    feature.square().sum().backward()
    assert sum(p.grad is None for p in encoder.parameters()) == unused


@each
def test_views_of_another_size_are_taken(config):
    encoder = build(config)
    assert encoder(torch.rand(2, 1, 48, 48)).shape == (2, encoder.feature_dim)


@each
def test_a_training_that_goes_on_equals_one_that_was_not_stopped(config, tmp_path):
    def train(encoder, optimiser, steps):
        for step in steps:
            x = torch.rand(4, 1, 32, 32, generator=torch.Generator().manual_seed(step))
            optimiser.zero_grad()
            encoder(x).square().mean().backward()
            optimiser.step()

    whole = build(config)
    optimiser = torch.optim.SGD(whole.parameters(), lr=0.01, momentum=0.9)
    train(whole, optimiser, (1, 2))
    torch.save([whole.state_dict(), optimiser.state_dict()], tmp_path / "state.pt")
    train(whole, optimiser, (3, 4))
    again = build(config, seed=9)
    later = torch.optim.SGD(again.parameters(), lr=0.01, momentum=0.9)
    kept, rates = torch.load(tmp_path / "state.pt", weights_only=True)
    again.load_state_dict(kept)
    later.load_state_dict(copy.deepcopy(rates))
    train(again, later, (3, 4))
    for name, tensor in whole.state_dict().items():
        assert torch.equal(tensor, again.state_dict()[name]), name


@each
def test_the_exported_file_and_the_model_folder_build_it_anew(config, tmp_path):
    encoder, other = build(config).eval(), build(config, seed=1).eval()
    export_encoder(tmp_path / "e.safetensors", encoder)
    other.load_state_dict(load_file(tmp_path / "e.safetensors"))
    assert torch.equal(other(X), encoder(X))
    said = {"modality": {"size": 32, "channels": 1}, "mean": [0.4], "std": [0.2], "classes": ["a", "b"]}
    model = ModelConfig.model_validate({"encoder": config.model_dump(mode="json"), **said})
    classifier = Classifier(model).eval()
    save_model(classifier, tmp_path / "model")
    assert torch.equal(load_classifier(tmp_path / "model")(X), classifier(X))


@each
def test_onnxruntime_gives_the_features_of_torch(config, tmp_path):
    onnx = pytest.importorskip("components.registry.onnx")
    assert onnx.export_encoder(build(config).eval(), torch.rand(2, 1, 32, 32), tmp_path / "e.onnx") <= 1e-4
