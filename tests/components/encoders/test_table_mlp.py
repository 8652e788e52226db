"""The encodings of numbers: by hand."""

import math

import numpy as np
import torch
import torch.nn.functional as F

from components.encoders.table_mlp import Categories, Numbers, TableMlpConfig, piecewise
from components.encoders.tabular import starts


def test_piecewise_by_hand():
    found = piecewise(torch.tensor([0.0, 0.375, 1.0]), 4)
    assert found.tolist() == [[0, 0, 0, 0], [1, 0.5, 0, 0], [1, 1, 1, 1]]


def test_piecewise_numbers_by_a_slow_loop():
    torch.manual_seed(0)
    layer = Numbers(TableMlpConfig(numbers="piecewise", bins=4, embedding=3), 2)
    scores = torch.tensor([[0.3, np.nan], [-1.0, 2.0]])
    found = layer(scores)
    for b in range(2):
        for n in range(2):
            if scores[b, n].isnan():
                torch.testing.assert_close(found[b, n], layer.missing[n])
                continue
            p = 0.5 * (1 + math.erf(scores[b, n].item() / math.sqrt(2)))
            encoded = torch.tensor([min(max(4 * p - k, 0), 1) for k in range(4)])
            torch.testing.assert_close(found[b, n], F.relu(encoded @ layer.weight[n] + layer.bias[n]))


def test_periodic_numbers_by_a_slow_loop():
    torch.manual_seed(0)
    layer = Numbers(TableMlpConfig(numbers="periodic", bins=4, embedding=3, sigma=0.5), 2)
    scores = torch.tensor([[0.3, -2.0]])
    found = layer(scores)
    for n in range(2):
        angles = [2 * math.pi * float(c) * float(scores[0, n]) for c in layer.frequency[n].detach()]
        encoded = torch.tensor([math.sin(a) for a in angles] + [math.cos(a) for a in angles])
        torch.testing.assert_close(found[0, n], F.relu(encoded @ layer.weight[n] + layer.bias[n]))


def test_plain_scores():
    found = Numbers(TableMlpConfig(numbers="scores"), 2)(torch.tensor([[0.3, np.nan]]))
    torch.testing.assert_close(found, torch.tensor([[[0.3, 0.0], [0.0, 1.0]]]))


def test_each_category_of_each_feature_has_a_vector():
    layer = Categories([3, 2], 4)
    assert starts([3, 2]).tolist() == [0, 3]
    found = layer(torch.tensor([[2, 0], [0, 1]]))
    torch.testing.assert_close(found[0, 1], layer.embedding.weight[3])
    torch.testing.assert_close(found[1, 1], layer.embedding.weight[4])
    torch.testing.assert_close(found[0, 0], layer.embedding.weight[2])
