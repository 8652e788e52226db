import torch
from torch import nn

from components.training.committee import Committee


class Says(nn.Module):
    def __init__(self, *logits):
        super().__init__()
        self.logits = torch.tensor(logits)

    def forward(self, x):
        return self.logits.expand(len(x), -1)


def test_it_answers_the_weighted_mean_of_calibrated_probabilities():
    log3 = torch.tensor(3.0).log().item()
    # (3/4, 1/4) at temperature 1; (0, 2 log 3) at temperature 2 is (1/4, 3/4).
    committee = Committee([Says(log3, 0.0), Says(0.0, 2 * log3)], [1.0, 2.0], [0.2, 0.8])
    found = committee(torch.zeros(3, 1, 4, 4))
    expected = torch.tensor([0.2 * 0.75 + 0.8 * 0.25, 0.2 * 0.25 + 0.8 * 0.75])
    assert torch.allclose(found.exp(), expected.expand(3, -1))
    assert torch.allclose(found.logsumexp(dim=1), torch.zeros(3), atol=1e-6)


def test_a_class_that_nobody_believes_in_is_finite():
    found = Committee([Says(0.0, -1e4)], [1.0], [1.0])(torch.zeros(1, 1, 4, 4))
    assert torch.isfinite(found).all()
