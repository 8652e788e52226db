import copy

import pytest
import torch
from torch import nn

from components.encoders import build_encoder
from components.encoders.convnext import ConvnextConfig
from components.encoders.lora import Delta, adapt, freeze, merged
from components.encoders.resnet import ResnetConfig
from components.encoders.vit import VitConfig
from components.errors import UserError
from components.modalities.image.config import image_packing

CONFIGS = {
    "resnet": ResnetConfig(widths=(4, 8), blocks=(1, 1)),
    "convnext": ConvnextConfig(widths=(4, 8), blocks=(1, 1)),
    "vit": VitConfig(width=8, depth=2, heads=2, patch=4),
}
X = torch.rand(3, 1, 8, 8, generator=torch.Generator().manual_seed(0))


def build(name):
    torch.manual_seed(0)
    return build_encoder(CONFIGS[name], image_packing(1, [0.5], [0.3])).eval()


@pytest.mark.parametrize("name", CONFIGS)
def test_nothing_changes_at_first_and_only_deltas_learn(name):
    plain = build(name)
    adapted = adapt(copy.deepcopy(plain), rank=2, alpha=4.0).train()
    assert torch.equal(adapted(X), plain(X))
    assert torch.equal(copy.deepcopy(adapted)(X), plain(X))  # a teacher, an average
    adapted(X).square().sum().backward()
    for key, parameter in adapted.named_parameters():
        assert parameter.requires_grad == key.endswith((".a", ".b")), key
        if key.endswith(".b"):  # a's gradient is 0 while b is
            assert parameter.grad.any(), key


@pytest.mark.parametrize("name", CONFIGS)
def test_merged_it_gives_what_it_gave_in_the_plain_network(name):
    plain, adapted = build(name), adapt(build(name), rank=2, alpha=4.0).train()
    free = [p for p in adapted.parameters() if p.requires_grad]
    for _ in range(3):
        loss = (adapted(X) @ torch.linspace(-1, 1, adapted.feature_dim)).sum()
        with torch.no_grad():
            for parameter, gradient in zip(free, torch.autograd.grad(loss, free), strict=True):
                parameter -= 0.05 * gradient
    assert not torch.allclose(adapted(X), plain(X), atol=1e-3)
    whole = merged(adapted)
    assert whole.keys() == plain.state_dict().keys()
    plain.load_state_dict(whole)
    torch.testing.assert_close(plain(X), adapted(X))


def test_a_delta_is_alpha_by_r_times_b_a_in_every_shape():
    torch.manual_seed(0)
    for layer in (nn.Linear(6, 4), nn.Conv2d(3, 4, 3), nn.Conv2d(5, 4, 1)):
        delta = Delta(layer.weight, rank=2, alpha=3.0)
        delta.b.data.normal_()
        changed = delta(layer.weight)
        expected = torch.stack([sum(1.5 * delta.b[o, r] * delta.a[r] for r in range(2)) for o in range(4)])
        torch.testing.assert_close(changed - layer.weight, expected.view_as(layer.weight))
        assert torch.linalg.matrix_rank((changed - layer.weight).flatten(1)) == 2


def test_few_parameters_learn():
    adapted = adapt(
        build_encoder(VitConfig(width=192, depth=1), image_packing(1, [0.5], [0.3])), rank=4, alpha=8.0
    )
    learnt = sum(p.numel() for p in adapted.parameters() if p.requires_grad)
    layers = {"qkv": (192, 576), "proj": (192, 192), "fc1": (192, 768), "fc2": (768, 192), "patch": (16, 192)}
    assert learnt == sum(4 * (inputs + outputs) for inputs, outputs in layers.values())


def test_what_is_frozen_stays_in_training_too_its_statistics_included():
    frozen = freeze(build("resnet"))
    before = frozen(X)
    frozen.train()
    assert torch.equal(frozen(X), before)
    assert torch.equal(copy.deepcopy(frozen).train()(X * 0.5), frozen(X * 0.5))
    assert not any(p.requires_grad for p in frozen.parameters())


def test_a_module_without_layers_is_refused():
    with pytest.raises(UserError, match="adapt: lora needs linear layers"):
        adapt(nn.LayerNorm(3), 2, 4.0)


def test_what_has_no_delta_is_its_state():
    encoder, layer = build("vit"), adapt(nn.Linear(3, 2), 1, 2.0)
    assert all(torch.equal(merged(encoder)[name], value) for name, value in encoder.state_dict().items())
    assert merged(layer).keys() == {"weight", "bias"}
