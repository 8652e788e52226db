"""Every kind of encoder goes the way of a finished pretraining: its file, the model folder, ONNX."""

import pytest
import torch
from safetensors.torch import load_file

from components.encoders import build_encoder
from components.encoders.convnext import ConvnextConfig
from components.encoders.vit import VitConfig
from components.modalities.image.config import image_packing
from components.registry import onnx
from components.registry.model import Classifier, ModelConfig, load_classifier
from components.registry.served import save_model
from components.training.checkpoint import export_encoder

CONFIGS = {
    "convnext": ConvnextConfig(widths=(4, 8), blocks=(1, 1)),
    "vit": VitConfig(width=16, depth=2, heads=2, patch=4),
    "vit, class": VitConfig(width=16, depth=1, heads=2, patch=4, pooling="class"),
}
PACKING = image_packing(1, [0.3], [0.2], size=16)
X = torch.rand(3, 1, 16, 16, generator=torch.Generator().manual_seed(0))


def build(name, seed=0):
    torch.manual_seed(seed)
    return build_encoder(CONFIGS[name], PACKING).eval()


@pytest.mark.parametrize("name", CONFIGS)
def test_the_file_and_the_configuration_build_it_anew(name, tmp_path):
    encoder, other = build(name), build(name, seed=1)
    export_encoder(tmp_path / "e.safetensors", encoder)
    other.load_state_dict(load_file(tmp_path / "e.safetensors"))
    assert torch.equal(other(X), encoder(X))


@pytest.mark.parametrize("name", CONFIGS)
def test_the_model_folder_gives_the_same_logits(name, tmp_path):
    config = ModelConfig(encoder=CONFIGS[name], packing=PACKING, classes=["a", "b"])
    classifier = Classifier(config).eval()
    save_model(classifier, tmp_path)
    again = load_classifier(tmp_path)
    assert again.config == config
    assert torch.equal(again(X), classifier(X))


@pytest.mark.parametrize("name", CONFIGS)
def test_onnxruntime_gives_the_features_of_torch_at_any_batch(name, tmp_path):
    import onnxruntime

    encoder = build(name)
    assert onnx.export_encoder(encoder, X, tmp_path / "e.onnx") <= 1e-4
    session = onnxruntime.InferenceSession(str(tmp_path / "e.onnx"), providers=["CPUExecutionProvider"])
    for batch in (1, 7):
        x = torch.rand(batch, 1, 16, 16)
        (found,) = session.run(["feature"], {"image": x.numpy()})
        torch.testing.assert_close(torch.from_numpy(found), encoder(x).detach(), atol=1e-4, rtol=1e-4)
