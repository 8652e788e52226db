"""Encoders of timm and transformers, against stand-ins for both, since neither is among our packages; the real
ones are in test_real_adapters."""

import sys
from types import ModuleType, SimpleNamespace

import pytest
import torch
from pydantic import TypeAdapter
from safetensors.torch import save_file
from torch import nn

from components.encoders import EncoderConfig, adapters, build_encoder, start_encoder
from components.encoders.adapters import TimmConfig, TransformersConfig
from components.encoders.start import Start, digest
from components.errors import UserError
from components.modalities.image.config import image_packing

VIT = {"model_type": "vit", "hidden_size": 6, "image_size": 224}


class Model(nn.Module):
    num_features = 6

    def __init__(self, channels, shape=(6,)):
        super().__init__()
        self.inner = nn.Linear(channels, 6)
        self.shape = shape

    def forward(self, x):
        return self.inner(x.mean(dim=(2, 3)))


@pytest.fixture
def libraries(monkeypatch):
    asked = {}

    def create_model(name, **options):
        asked["timm"] = name, options
        if name == "none":
            raise RuntimeError("Unknown model (none)")
        return Model(options["in_chans"])

    class Hidden(Model):
        def forward(self, pixel_values, interpolate_pos_encoding=False):
            asked["between"] = interpolate_pos_encoding
            if pixel_values.shape[-1] == 5:
                raise ValueError("Input image size (5*5) doesn't match model")
            feature = super().forward(pixel_values)
            shape = {"vit": (4,), "convnext": (2, 2)}[self.shape]
            scale = torch.arange(4.0).reshape(shape) / 1.5  # of mean 1
            if self.shape == "vit":
                return SimpleNamespace(last_hidden_state=feature[:, None, :] * scale[:, None])
            return SimpleNamespace(last_hidden_state=feature[:, :, None, None] * scale)

    class AutoConfig:
        @staticmethod
        def for_model(model_type, **kind):
            asked["transformers"] = model_type, kind
            if model_type == "none":
                raise ValueError("Unrecognized model identifier: none")
            return SimpleNamespace(model_type=model_type, **kind)

    class AutoModel:
        @staticmethod
        def from_config(config):
            return Hidden(config.num_channels, config.model_type)

    timm, transformers = ModuleType("timm"), ModuleType("transformers")
    timm.create_model = create_model
    transformers.AutoConfig, transformers.AutoModel = AutoConfig, AutoModel
    monkeypatch.setitem(sys.modules, "timm", timm)
    monkeypatch.setitem(sys.modules, "transformers", transformers)
    return asked


def build(config, channels=2):
    return build_encoder(config, image_packing(channels, [0.5] * channels, [0.25] * channels))


def test_timm_gives_what_its_classifier_would_see_of_standardised_pixels(libraries):
    encoder, x = build(TimmConfig(model="resnet10t", options={"drop_rate": 0.1})), torch.rand(3, 2, 8, 8)
    assert libraries["timm"] == (
        "resnet10t",
        {"drop_rate": 0.1, "in_chans": 2, "num_classes": 0, "pretrained": False},
    )
    assert encoder.feature_dim == 6
    assert torch.equal(encoder(x), encoder.model((x - 0.5) / 0.25))


@pytest.mark.parametrize("kind", [VIT, {"model_type": "convnext", "hidden_sizes": [3, 6]}])
def test_transformers_features_are_the_mean_over_tokens_or_maps(libraries, kind):
    encoder, x = build(TransformersConfig(architecture=kind, size=8)), torch.rand(3, 2, 8, 8)
    assert libraries["transformers"][1]["num_channels"] == 2
    assert libraries["transformers"][1]["image_size"] == 8
    assert encoder.feature_dim == 6
    expected = encoder.model.inner(((x - 0.5) / 0.25).mean(dim=(2, 3)))
    torch.testing.assert_close(encoder(x), expected)


def test_views_of_another_size_take_positions_in_between_or_are_refused(libraries):
    encoder = build(TransformersConfig(architecture=VIT, size=8))
    for side, between in ((8, False), (12, True)):
        encoder(torch.rand(3, 2, side, side))
        assert libraries["between"] is between
    with pytest.raises(
        UserError, match=r"vit of transformers refuses views of 5 pixels.*set the encoder's size"
    ):
        encoder(torch.rand(3, 2, 5, 5))


def test_names_of_torchvision_s_operators_are_declared_and_no_other_fault_is_hidden(monkeypatch):
    tried, declared = [], []

    def imported(name):
        tried.append(name)
        missing = {
            1: "operator torchvision::nms does not exist",
            2: "operator torchvision::qnms does not exist",
        }
        if len(tried) in missing:
            monkeypatch.setitem(sys.modules, "torchvision.half", ModuleType("half"))
            raise RuntimeError(missing[len(tried)])
        assert "torchvision.half" not in sys.modules
        if name == "broken":
            raise RuntimeError("a fault of its own")
        return name

    operators = SimpleNamespace(define=declared.append)
    monkeypatch.setattr(adapters, "_operators", lambda: operators)
    monkeypatch.setattr(adapters.importlib, "import_module", imported)
    assert adapters.library("anything", "hint") == "anything"
    assert declared == ["nms(Tensor x) -> Tensor", "qnms(Tensor x) -> Tensor"]
    with pytest.raises(UserError, match=r"broken, which cannot be imported \(a fault of its own\)"):
        adapters.library("broken", "hint")


def test_weights_come_from_a_local_file_under_the_library_s_names(libraries, tmp_path):
    tensors = {"inner.weight": torch.ones(6, 2), "inner.bias": torch.arange(6.0)}
    save_file(tensors, tmp_path / "w.safetensors")
    start = Start(weights=str(tmp_path / "w.safetensors"), sha256=digest(tmp_path / "w.safetensors"))
    for config in (TimmConfig(model="m", start=start), TransformersConfig(architecture=VIT, start=start)):
        encoder = start_encoder(config, image_packing(2, [0.5] * 2, [0.25] * 2))
        assert torch.equal(encoder.model.inner.bias, tensors["inner.bias"])
        again = build(config)
        again.load_state_dict(encoder.state_dict())  # as a finished pretraining is built anew


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (TimmConfig(model="none"), r"timm cannot make 'none'.*list_models"),
        (TransformersConfig(architecture={"model_type": "none"}), r"cannot make 'none'.*config\.json"),
    ],
)
def test_what_the_library_does_not_know_is_told(libraries, config, said):
    with pytest.raises(UserError, match=said):
        build(config)


@pytest.mark.parametrize("name", ["timm", "transformers"])
def test_without_the_library_the_message_says_so_and_names_what_there_is(monkeypatch, name):
    monkeypatch.setitem(sys.modules, name, None)
    config = TimmConfig(model="m") if name == "timm" else TransformersConfig(architecture=VIT)
    with pytest.raises(UserError, match=rf"encoder {name} needs the package {name}.*resnet, convnext, vit"):
        build(config)


def test_the_configurations_are_read_by_name():
    read = TypeAdapter(EncoderConfig).validate_python
    assert read({"name": "timm", "model": "m"}) == TimmConfig(model="m")
    assert read({"name": "transformers", "architecture": VIT}) == TransformersConfig(architecture=VIT)
