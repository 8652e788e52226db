import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from components.encoders import build_encoder
from components.encoders.paths import DropPath
from components.encoders.vit import Attention, Block, NamedVitConfig, VitConfig, positions
from components.errors import UserError
from components.modalities.image.config import image_packing

SMALL = VitConfig(width=16, depth=2, heads=2, patch=4)
CLASS = VitConfig(width=16, depth=2, heads=2, patch=4, pooling="class")


def build(config=SMALL, channels=1):
    torch.manual_seed(0)
    return build_encoder(config, image_packing(channels, [0.4] * channels, [0.25] * channels))


@pytest.mark.parametrize(
    ("name", "published", "width"),
    [("vit_tiny", 5_717_416, 192), ("vit_small", 22_050_664, 384), ("vit_base", 86_567_656, 768)],
)
def test_parameter_counts_are_the_published_ones_without_classifier_and_learned_positions(
    name, published, width
):
    with torch.device("meta"):
        encoder = build_encoder(
            NamedVitConfig(name=name, patch=16, pooling="class"), image_packing(3, [0.5] * 3, [0.5] * 3)
        )
    classifier, learned_positions = 1000 * width + 1000, 197 * width
    assert sum(p.numel() for p in encoder.parameters()) == published - classifier - learned_positions
    assert encoder.feature_dim == encoder.token_dim == width


def test_positions_are_sines_and_cosines_of_column_and_row():
    found = positions(3, 5, 8)
    for row in range(3):
        for column in range(5):
            expected = [
                wave(place / 10000 ** (i / 2))
                for place in (column, row)
                for wave in (math.sin, math.cos)
                for i in range(2)
            ]
            torch.testing.assert_close(found[row * 5 + column], torch.tensor(expected))
    assert found[0].tolist() == [0, 0, 1, 1, 0, 0, 1, 1]
    assert len(found.unique(dim=0)) == 15


def test_attention_equals_loops_over_heads_and_tokens():
    torch.manual_seed(0)
    attention, x = Attention(6, 2).double(), torch.randn(2, 5, 6, dtype=torch.float64)
    expected = torch.zeros(2, 5, 6, dtype=torch.float64)
    qkv = attention.qkv(x).detach()
    for b in range(2):
        for head in range(2):
            q, k, v = (qkv[b, :, 6 * part + 3 * head : 6 * part + 3 * head + 3] for part in range(3))
            for i in range(5):
                weights = torch.tensor([math.exp(float(q[i] @ k[j]) / math.sqrt(3)) for j in range(5)])
                mixed = sum(weights[j].double() / weights.sum() * v[j] for j in range(5))
                expected[b, i, 3 * head : 3 * head + 3] = mixed
    torch.testing.assert_close(attention(x), attention.proj(expected), rtol=1e-6, atol=1e-7)


def test_a_block_equals_torch_s_own_layer_with_the_norm_first():
    torch.manual_seed(0)
    block = Block(8, 2)
    theirs = nn.TransformerEncoderLayer(8, 2, 32, 0.0, F.gelu, 1e-6, batch_first=True, norm_first=True)
    same = {
        "self_attn.in_proj_": "attn.qkv.", "self_attn.out_proj.": "attn.proj.", "linear1.": "mlp.fc1.",
        "linear2.": "mlp.fc2.", "norm1.": "norm1.", "norm2.": "norm2.",
    }  # fmt: skip
    own = block.state_dict()
    theirs.load_state_dict({a + k: own[b + k] for a, b in same.items() for k in ("weight", "bias")})
    x = torch.randn(3, 7, 8)
    torch.testing.assert_close(block(x), theirs(x))


def test_a_token_begins_as_its_own_patch_of_standardised_pixels():
    encoder, x = build(channels=2), torch.rand(2, 2, 8, 12)
    encoder.blocks = nn.ModuleList()
    tokens = encoder.tokens(x)
    assert tokens.shape == (2, 6, 16)
    weight, bias = encoder.patch_embed["proj"].weight.flatten(1), encoder.patch_embed["proj"].bias
    place = positions(2, 3, 16)
    for token in range(6):
        row, column = divmod(token, 3)
        patch = (x[:, :, 4 * row : 4 * row + 4, 4 * column : 4 * column + 4] - 0.4) / 0.25
        torch.testing.assert_close(
            tokens[:, token], encoder.norm(patch.flatten(1) @ weight.T + bias + place[token])
        )


@pytest.mark.parametrize("config", [SMALL, CLASS])
def test_the_feature_is_the_mean_of_the_tokens_or_the_class_token(config):
    encoder, x = build(config), torch.rand(3, 1, 16, 16)
    feature, tokens = encoder.both(x)
    assert tokens.shape == (3, 16, 16)
    assert torch.equal(encoder(x), feature)
    assert torch.equal(encoder.tokens(x), tokens)
    assert torch.equal(feature, tokens.mean(1)) == (config is SMALL)
    if config is CLASS:
        moved = build(CLASS)
        moved.cls_token.data += 1
        assert not torch.allclose(moved(x), feature)


@pytest.mark.parametrize("side", [8, 12, 20])
def test_every_size_that_is_a_multiple_of_the_patch_works(side):
    assert build()(torch.rand(2, 1, side, side)).shape == (2, 16)


def test_another_size_is_refused_with_both_sides_named():
    with pytest.raises(UserError, match=r"4 x 4 pixels.*got 8 x 10.*patch or the view"):
        build()(torch.rand(2, 1, 8, 10))


def test_kept_patches_are_encoded_as_if_there_were_no_others():
    encoder, x = build(), torch.rand(2, 1, 8, 8)
    kept = torch.tensor([[3, 0], [1, 2]])
    found = encoder.tokens(x, kept=kept)
    other = x.clone()
    other[0, :, :4, 4:] = 0.9  # patch 1 of the first sample, which is not kept
    assert torch.equal(encoder.tokens(other, kept=kept), found)
    other[0, :, :4, :4] = 0.9  # patch 0, which is
    assert not torch.equal(encoder.tokens(other, kept=kept)[0], found[0])
    everything = torch.tensor([[2, 0, 3, 1]] * 2)
    torch.testing.assert_close(encoder.tokens(x, kept=everything), encoder.tokens(x)[:, everything[0]])


def test_the_token_stands_for_masked_patches_and_they_are_not_seen():
    encoder, x = build(), torch.rand(2, 1, 8, 8)
    masked = torch.tensor([[False, True, False, False], [False, False, False, True]])
    token = torch.randn(16, requires_grad=True)
    found = encoder.tokens(x, masked=masked, token=token)
    other = x.clone()
    other[0, :, :4, 4:] = 0.9
    assert torch.equal(encoder.tokens(other, masked=masked, token=token), found)
    found.square().sum().backward()
    assert token.grad.abs().sum() > 0
    assert not torch.equal(encoder.tokens(x, masked=masked, token=token + 1), found)
    none = torch.zeros_like(masked)
    assert torch.equal(encoder.tokens(x, masked=none, token=token), encoder.tokens(x))


@pytest.mark.parametrize("config", [SMALL, CLASS])
def test_gradient_reaches_every_parameter(config):
    encoder = build(config)
    weight = torch.randn(16)
    (encoder(torch.rand(3, 1, 8, 8)) @ weight).square().sum().backward()
    for name, parameter in encoder.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


def test_drop_path_keeps_the_mean_and_does_nothing_in_evaluation():
    torch.manual_seed(0)
    drop, x = DropPath(0.25), torch.ones(20_000, 2, 1)
    found = drop(x)
    assert found.unique().tolist() == pytest.approx([0, 4 / 3])
    assert torch.equal(found[:, 0], found[:, 1])  # a whole sample, or nothing of it
    assert float(found.mean()) == pytest.approx(1.0, abs=0.015)
    assert torch.equal(drop.eval()(x), x)
    found = [block.drop.rate for block in build(VitConfig(width=16, depth=3, heads=2, drop_path=0.2)).blocks]
    assert found == pytest.approx([0.0, 0.1, 0.2])


def test_a_width_that_the_heads_cannot_share_is_refused():
    with pytest.raises(ValueError, match="multiple of heads, got 16 and 3"):
        VitConfig(width=16, heads=3)
