import pytest
import torch

from components.semisupervised.feature_mixup import FeatureMixupConfig
from components.semisupervised.parts.mixing import LABELLED, UNLABELLED, drawn, mix_features
from tests.components.semisupervised.by_hand import K, Pixels, batch, logits, made


def test_published_defaults():
    config = FeatureMixupConfig()
    assert (config.concentration, config.rampup) == (1.0, 0.25)


def test_the_loss_by_hand():
    """Row by row. The head is the identity, so features are logits."""
    (x,) = logits(7)
    method = made(FeatureMixupConfig(weight=3.0, rampup=0.4))
    method.after_step(Pixels(), 0.1)
    targets, weights = [0, 2, 1, -1, 1, -1, -1], [1.0, 0.5, 1, 0, 0.6, 0, 0]
    losses = method(Pixels(), batch([x], 3, targets, weights))
    share, other = drawn(method.chance, torch.arange(3), 1.0, LABELLED)
    y = torch.eye(K)[[0, 2, 1]] * torch.tensor([1, 0.5, 1]).unsqueeze(1)
    supervised = 0.0
    for i in range(3):
        j = int(other[i])
        z, t = share[i] * x[i] + (1 - share[i]) * x[j], share[i] * y[i] + (1 - share[i]) * y[j]
        supervised -= float(t @ z.log_softmax(0)) / 3
    share, other = drawn(method.chance, torch.arange(3, 7), 1.0, UNLABELLED)
    square = 0.0
    for i in range(4):
        a, b = x[3 + i], x[3 + int(other[i])]
        wanted = share[i] * a.softmax(0) + (1 - share[i]) * b.softmax(0)
        found = (share[i] * a + (1 - share[i]) * b).softmax(0)
        square += float((found - wanted).square().mean()) / 4
    pseudo = -0.6 * float(x[4].log_softmax(0)[1]) / 4
    assert float(losses.parts["supervised"]) == pytest.approx(supervised, abs=1e-6)
    assert float(losses.parts["consistency"]) == pytest.approx(square, abs=1e-6)
    expected = supervised + 3 * 0.25 * square + 0.5 * 0.9 * pseudo
    assert float(losses.total.detach()) == pytest.approx(expected, abs=1e-6)


def test_gradient_goes_to_a_row_and_to_its_partner():
    """Mixed views need it on one side alone, mixed features on both: else half of what the encoder learns is lost."""
    (x,) = logits(6)
    x.requires_grad_()
    chance = made(FeatureMixupConfig()).chance
    index = torch.arange(6)
    found, targets = mix_features(chance, x, torch.eye(6), index, 1.0, LABELLED)
    share, other = drawn(chance, index, 1.0, LABELLED)
    found[2].sum().backward()
    assert x.grad[2].tolist() == pytest.approx([float(share[2])] * K)
    assert x.grad[int(other[2])].tolist() == pytest.approx([float(1 - share[2])] * K)
    assert int((x.grad.abs().sum(1) > 0).sum()) == 2
    assert targets[2, 2] == pytest.approx(float(share[2]))
    assert targets[2, int(other[2])] == pytest.approx(float(1 - share[2]))


def test_the_targets_of_unlabelled_rows_take_no_gradient():
    """With the network's own prediction as a target the loss would fall by making all predictions alike."""
    (x,) = logits(5)
    method, encoder = made(FeatureMixupConfig(pseudo_weight=0)), Pixels()
    method.after_step(encoder, 1.0)
    loss = method(encoder, batch([x], 1, [0, -1, -1, -1, -1])).total
    loss.backward()
    share, other = drawn(method.chance, torch.arange(1, 5), 1.0, UNLABELLED)
    gain = torch.ones((), requires_grad=True)
    u, s = x[1:], share.unsqueeze(1)
    wanted = s * u.softmax(1) + (1 - s) * u[other].softmax(1)
    one = x[0]  # alone, so that it is mixed with itself
    expected = (((s * u + (1 - s) * u[other]) * gain).softmax(1) - wanted).square().mean()
    (expected - (one * gain).log_softmax(0)[0]).backward()
    torch.testing.assert_close(encoder.gain.grad, gain.grad)


def test_labelled_rows_are_mixed_anew_at_every_step_and_apart_from_unlabelled_ones():
    method, index = made(FeatureMixupConfig()), torch.arange(50)
    first = drawn(method.chance, index, 1.0, LABELLED)
    apart = drawn(method.chance, index, 1.0, UNLABELLED)
    assert sorted(first[1].tolist()) == list(range(50))
    assert (first[1] != index).all()
    assert not torch.equal(first[1], apart[1])
    assert abs(float(torch.corrcoef(torch.stack([first[0], apart[0]]))[0, 1])) < 0.4
    method.after_step(Pixels(), 0.1)
    later = drawn(method.chance, index, 1.0, LABELLED)
    assert not torch.equal(first[0], later[0])
    assert not torch.equal(first[1], later[1])
    many = drawn(method.chance, torch.arange(20000), 1.0, LABELLED)[0]
    assert many.mean().item() == pytest.approx(0.5, abs=0.01)  # Beta(1, 1) is even
    assert many.var().item() == pytest.approx(1 / 12, abs=0.003)
