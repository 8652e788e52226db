import pytest
import torch

from components.encoders.text_bag import TextBag, TextBagConfig
from tests.components.modalities.text.toys import packing


def test_a_bag_is_the_mean_of_embeddings_in_any_order():
    torch.manual_seed(0)
    encoder = TextBag(TextBagConfig(width=6), packing())
    view = torch.tensor([[2, 7, 8, 9, 0]])
    expected = encoder.embedding.weight[[2, 7, 8, 9]].mean(dim=0)
    torch.testing.assert_close(encoder(view)[0], expected)
    torch.testing.assert_close(encoder(torch.tensor([[9, 2, 8, 7]]))[0], expected)


def test_a_convolution_adds_what_stands_around_each_token():
    torch.manual_seed(0)
    encoder = TextBag(TextBagConfig(width=6, hidden=4, window=3), packing())
    found = encoder.tokens(torch.tensor([[7, 8, 9, 0]]))[0]
    near, _, out = encoder.near
    e = encoder.embedding.weight[[7, 8, 9]]
    for place in range(3):
        inner = near.bias.clone()
        for shift in (-1, 0, 1):
            if 0 <= place + shift < 3:  # beyond the end there is nothing
                inner = inner + near.weight[:, :, shift + 1] @ e[place + shift]
        added = out.weight[:, :, 0] @ torch.nn.functional.gelu(inner) + out.bias
        torch.testing.assert_close(found[place], e[place] + added, atol=1e-5, rtol=1e-4)


def test_embeddings_begin_with_the_length_of_one():
    encoder = TextBag(TextBagConfig(width=4000), packing())
    lengths = encoder.embedding.weight.norm(dim=1)
    assert (lengths - 1).abs().max() < 0.1


def test_a_window_has_a_middle():
    with pytest.raises(ValueError, match="window must be odd, got 4"):
        TextBagConfig(window=4)
