"""FT-Transformer against a second computation of the paper's equations."""

import math

import numpy as np
import torch
import torch.nn.functional as F

from components.encoders.ft_transformer import Block, FtTransformer, FtTransformerConfig
from tests.components.modalities.table.toys import mixed, pack


def by_hand(block, x, heads):
    """One block, head by head."""
    y = block.norm1(x)
    q, k, v = (part.split(x.shape[2] // heads, dim=2) for part in block.qkv(y).chunk(3, dim=2))
    mixed_heads = [
        (qh @ kh.transpose(1, 2) / math.sqrt(qh.shape[2])).softmax(dim=2) @ vh
        for qh, kh, vh in zip(q, k, v, strict=True)
    ]
    x = x + block.out(torch.cat(mixed_heads, dim=2))
    value, gate = block.up(block.norm2(x)).chunk(2, dim=2)
    return x + block.down(value * F.relu(gate))


def test_a_block_is_the_papers():
    torch.manual_seed(0)
    config = FtTransformerConfig(width=12, heads=3)
    x = torch.randn(4, 5, 12)
    for first in (True, False):
        block = Block(config, first=first)
        torch.testing.assert_close(block(x), by_hand(block, x, 3), atol=1e-5, rtol=0)
    assert isinstance(Block(config, first=True).norm1, torch.nn.Identity)


def test_the_feature_is_that_of_the_class_token():
    rows, packing, _ = pack(mixed())
    torch.manual_seed(0)
    encoder = FtTransformer(FtTransformerConfig(width=8, depth=2, heads=2), packing).eval()
    x = torch.from_numpy(rows)
    scores, codes = encoder.scores(x), encoder.codes(x)
    tokens = [encoder.cls.expand(len(x), -1)]
    for n in range(scores.shape[1]):
        gone = scores[:, n].isnan().unsqueeze(1)
        token = scores[:, n].nan_to_num(0).unsqueeze(1) * encoder.numbers.weight[n]
        tokens.append(torch.where(gone, encoder.numbers.missing[n], token) + encoder.numbers.bias[n])
    start = np.cumsum([0, *encoder.sizes])
    for c in range(codes.shape[1]):
        tokens.append(encoder.categories.embedding.weight[codes[:, c] + start[c]] + encoder.bias[c])
    seen = torch.stack(tokens, dim=1)
    for block in encoder.blocks:
        seen = by_hand(block, seen, 2)
    torch.testing.assert_close(encoder(x), F.relu(encoder.norm(seen[:, 0])), atol=1e-5, rtol=0)
