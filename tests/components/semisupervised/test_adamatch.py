import pytest
import torch
import torch.nn.functional as F

from components.semisupervised.adamatch import AdamatchConfig, adamatch_loss
from tests.components.semisupervised.by_hand import Pixels, batch, logits, made
from tests.components.semisupervised.cases import CASES, L, U, encoder, make
from tests.components.semisupervised.cases import batch as images


def test_published_defaults():
    assert (AdamatchConfig().threshold, AdamatchConfig().weight, AdamatchConfig().rampup) == (0.9, 1, 0.5)


def slow(own, weak, strong, threshold):
    own, weak = own.double().softmax(1), weak.double().softmax(1)
    total, mask = 0.0, []
    for p, s in zip(weak, strong.double(), strict=True):
        target = p * own.mean(0) / weak.mean(0)
        target = target / target.sum()
        mask.append(bool(target.max() >= threshold * own.amax(1).mean()))
        total -= mask[-1] * float((target * s.log_softmax(0)).sum())
    return total / len(weak), mask


@pytest.mark.parametrize("threshold", [0.5, 0.9, 1.0])
def test_equals_the_equations_in_loops(threshold):
    own, weak, strong = logits(6, 20, 20)
    loss, mask = adamatch_loss(own, weak, strong, threshold)
    expected, kept = slow(own, weak, strong, threshold)
    assert loss.item() == pytest.approx(expected, rel=1e-5)
    assert mask.tolist() == kept
    assert sum(kept) > 0


def test_gradient_is_of_the_strong_side_alone():
    own, weak, strong = (v.requires_grad_() for v in logits(6, 5, 5))
    adamatch_loss(own, weak, strong, 0.5)[0].backward()
    assert own.grad is None
    assert weak.grad is None
    assert strong.grad.abs().sum() > 0


def test_the_weight_grows_over_the_first_half():
    own, weak, strong = logits(2, 3, 3)
    given = batch([torch.cat([own, weak]), strong], 2, [0, 2, -1, -1, -1])
    method = made(AdamatchConfig(weight=3.0))
    for progress, ramp in ((0.0, 0.0), (0.25, 0.5), (0.8, 1.0)):
        method.after_step(Pixels(), progress)
        losses = method(Pixels(), given)
        expected = F.cross_entropy(own, torch.tensor([0, 2])) + 3 * ramp * slow(own, weak, strong, 0.9)[0]
        assert losses.total.item() == pytest.approx(expected.item(), rel=1e-5)


def test_labelled_logits_lie_between_those_of_their_own_batch_and_of_the_whole(monkeypatch):
    case = CASES["adamatch"]
    method, given, seen = make(case), images(make(case)), {}
    combined = method.combined

    def spy(parts, own, *rest):
        seen["own"] = own.detach()
        return combined(parts, own, *rest)

    monkeypatch.setattr(method, "combined", spy)
    e = encoder()
    method(e, given)
    whole = encoder()
    joint = method.head(whole(torch.cat(given.views)))[:L]
    torch.testing.assert_close(e.state_dict(), whole.state_dict())  # the pass alone is not remembered
    alone = method.head(encoder()(given.views[0][:L]))
    share = method.chance.uniform(given.index[:L], 3)
    torch.testing.assert_close(seen["own"], (share * alone + (1 - share) * joint).detach())
    assert (alone - joint).abs().max() > 0.01
    assert len(given.views[1]) == U
