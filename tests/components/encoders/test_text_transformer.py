import math

import pytest
import torch
from torch import nn

from components.encoders.text_transformer import (
    TextBlock,
    TextTransformer,
    TextTransformerConfig,
    rotated,
    rotations,
    visible,
)  # fmt: skip
from tests.components.modalities.text.toys import VOCABULARY, packing

E, H, T = 8, 2, 5


def test_a_rotation_by_hand():
    cos, sin = rotations(3, 4)
    assert cos[0].tolist() == [1, 1]
    assert sin[0].tolist() == [0, 0]
    assert cos[2].tolist() == pytest.approx([math.cos(2), math.cos(0.02)])
    x = torch.tensor([[1.0, 0.0, 0.0, 0.0]] * 3)
    turned = rotated(x, cos, sin)
    assert turned[2].tolist() == pytest.approx([math.cos(2), 0, math.sin(2), 0])


def test_products_depend_on_the_distance_alone():
    cos, sin = rotations(20, 8)
    q, k = torch.randn(8, generator=torch.Generator().manual_seed(0)), torch.arange(8.0)
    turned = [rotated(v.expand(20, 8), cos, sin) for v in (q, k)]
    products = turned[0] @ turned[1].T
    for distance in (-3, 0, 7):
        line = products.diagonal(distance)
        torch.testing.assert_close(line, line[:1].expand_as(line), atol=1e-4, rtol=1e-4)
    assert not torch.allclose(products[3, 4], products[3, 5])


def test_attention_is_a_softmax_over_what_is_seen():
    torch.manual_seed(0)
    block = TextBlock(E, H)
    x = torch.randn(1, T, E)
    padding = torch.tensor([[False, False, False, False, True]])
    found = block.attention(x, visible(padding, causal=True))[0]
    cos, sin = rotations(T, E // H)
    q, k, v = block.qkv(x[0]).split(E, dim=1)
    parts = []
    for head in range(H):
        own = slice(head * E // H, (head + 1) * E // H)
        a, b = rotated(q[:, own], cos, sin), rotated(k[:, own], cos, sin)
        rows = []
        for i in range(T):
            seen = [j for j in range(i + 1) if j < 4]
            weights = torch.stack([a[i] @ b[j] / math.sqrt(E // H) for j in seen]).softmax(dim=0)
            rows.append(sum(w * v[j, own] for w, j in zip(weights, seen, strict=True)))
        parts.append(torch.stack(rows))
    torch.testing.assert_close(found, block.proj(torch.cat(parts, dim=1)), atol=1e-5, rtol=1e-4)


def test_a_block_adds_attention_and_then_a_perceptron():
    torch.manual_seed(0)
    block, x, seen = TextBlock(E, H), torch.randn(2, T, E), torch.ones(1, 1, 1, T, dtype=torch.bool)
    first, second = torch.rand(2, 1, E), torch.rand(2, 1, E)
    after = x + first * block.attention(block.norm1(x), seen)
    expected = after + second * block.fc2(nn.functional.gelu(block.fc1(block.norm2(after))))
    torch.testing.assert_close(block(x, seen, first, second), expected)


def test_what_is_seen():
    padding = torch.tensor([[False, False, True], [True, True, True]])
    assert visible(padding)[:, 0, 0].tolist() == [[True, True, False], [True, False, False]]
    assert visible(padding, causal=True)[0, 0].tolist() == [
        [True, False, False], [True, True, False], [True, True, False],
    ]  # fmt: skip


def test_order_matters():
    torch.manual_seed(0)
    encoder = TextTransformer(TextTransformerConfig(width=16, depth=1, heads=2), packing())
    a, b = encoder(torch.tensor([[2, 7, 8, 9]])), encoder(torch.tensor([[2, 9, 8, 7]]))
    assert not torch.allclose(a, b, atol=1e-4)


def test_size_of_the_default():
    with torch.device("meta"):
        encoder = TextTransformer(TextTransformerConfig(), packing())
    block = 12 * 192**2 + 13 * 192
    assert sum(p.numel() for p in encoder.parameters()) == 4 * block + 2 * 192 + len(VOCABULARY) * 192


def test_heads_must_share_the_width():
    with pytest.raises(ValueError, match="multiple of twice heads, got 16 and 3"):
        TextTransformerConfig(width=16, heads=3)
