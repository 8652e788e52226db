import torch

from components.semisupervised.parts.sharpening import sharpen

P = torch.tensor([[0.6, 0.3, 0.1]])


def test_the_published_example():
    expected = torch.tensor([[0.7826086957, 0.1956521739, 0.0217391304]])
    torch.testing.assert_close(sharpen(P.log(), 0.5), expected)
    torch.testing.assert_close(sharpen(P.log() + 7, 0.5), expected)  # logits do as well


def test_a_temperature_of_1_changes_nothing_and_a_tiny_one_decides():
    torch.testing.assert_close(sharpen(P.log(), 1.0), P)
    assert sharpen(P.log(), 1e-3).tolist() == [[1, 0, 0]]
