import pytest
import torch
import torch.nn.functional as F

from components.semisupervised import METHODS
from components.semisupervised.consistency import Consistency, ConsistencyConfig, look, squared_difference
from tests.components.semisupervised.by_hand import Pixels, batch, logits
from tests.components.semisupervised.cases import CASES, L, encoder, make
from tests.components.semisupervised.cases import batch as images

OURS = {n: c for n, c in CASES.items() if issubclass(METHODS[c.config.name], Consistency)}


def test_squared_difference_is_a_mean_over_rows_and_classes():
    sure = torch.tensor([[50.0, 0, 0], [0, 50.0, 0]])
    assert squared_difference(sure, torch.eye(3)[[1, 1]]).item() == pytest.approx(2 / 3 / 2)


@pytest.mark.parametrize("weight", [0.0, 2.0])
def test_the_terms_are_added_with_their_weights_and_pseudo_labels_fade(weight):
    own, others = logits(2, 3)
    method = Consistency(ConsistencyConfig(weight=weight, pseudo_weight=0.5), Pixels(), 3)
    method.after_step(Pixels(), 0.25)
    parts = method.parts(batch([torch.cat([own, others]), others], 2, [0, 2, 1, -1, 0], [1, 1, 0.9, 0, 0.4]))
    losses = method.combined(parts, own, others, torch.tensor(3.0), {"mask": torch.ones(())}, ramp=0.5)
    log_p = others.log_softmax(1)
    supervised = F.cross_entropy(own, torch.tensor([0, 2]))
    pseudo = -(0.9 * log_p[0, 1] + 0.4 * log_p[2, 0]) / 3
    expected = supervised + weight * 0.5 * 3 + 0.5 * 0.75 * pseudo
    assert losses.total.item() == pytest.approx(expected.item(), rel=1e-6)
    assert losses.parts.keys() == {"supervised", "consistency", "pseudo", "mask"}
    sharp = Consistency(ConsistencyConfig(weight=weight, entropy=0.7), Pixels(), 3)
    sharp.after_step(Pixels(), 0.25)
    more = sharp.combined(parts, own, others, torch.tensor(3.0), {}, ramp=0.5).total - losses.total
    assert more.item() == pytest.approx(-0.7 * (log_p.exp() * log_p).sum(1).mean().item(), rel=1e-4)


def test_views_of_two_sizes_are_looked_at_apart():
    encoder = torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten())
    weak, strong = torch.rand(5, 3, 8, 8), torch.rand(3, 3, 4, 4)
    for together in (True, False):
        own, quiet, loud = look(encoder, torch.nn.Identity(), weak, strong, 2, together)
        torch.testing.assert_close(torch.cat([own, quiet]), weak.mean((2, 3)))
        torch.testing.assert_close(loud, strong.mean((2, 3)))


@pytest.mark.parametrize("case", OURS.values(), ids=OURS)
def test_given_pseudo_labels_are_learnt_from(case):
    """Every method combines with the stage before: a step goes towards the class that it gives."""
    found = []
    for target in (0, 1):
        method = make(case)
        given = images(method)
        given.targets[L:], given.weights[L:] = target, 1.0
        method(encoder(), given).total.backward()
        found.append(method.head.bias.grad[0].item())
    assert found[0] < found[1]
