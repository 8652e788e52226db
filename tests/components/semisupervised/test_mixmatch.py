import pytest
import torch

from components.semisupervised.mixmatch import MixmatchConfig, guessed
from tests.components.semisupervised.by_hand import Pixels, batch, logits, made


def test_published_defaults():
    config = MixmatchConfig()
    assert (config.weight, config.temperature, config.concentration, config.rampup) == (75, 0.5, 0.75, 0.4)


def test_a_guess_is_the_sharpened_mean_of_two_views():
    first, second = torch.tensor([[0.8, 0.1, 0.1]]).log(), torch.tensor([[0.4, 0.5, 0.1]]).log()
    first.requires_grad_()
    found = guessed(first, second, 0.5)
    torch.testing.assert_close(found, torch.tensor([[0.7826086957, 0.1956521739, 0.0217391304]]))
    assert not found.requires_grad


def by_hand(method, first, second, labels, size):
    """Row by row, as the paper's algorithm says: (mixed logits, mixed targets) of labelled, then of others."""
    index = torch.arange(len(first))
    share, other = method.draw(index[:size], index[size:])
    mean = (first.softmax(1) + second.softmax(1)) / 2
    guess = mean**2 / (mean**2).sum(1, keepdim=True)
    x = torch.cat([first, second[size:]])
    q = torch.cat([torch.eye(3)[labels], guess[size:], guess[size:]])
    mixed = [
        (share[i] * x[i] + (1 - share[i]) * x[other[i]], share[i] * q[i] + (1 - share[i]) * q[other[i]])
        for i in range(len(x))
    ]
    return torch.stack([m[0] for m in mixed]), torch.stack([m[1] for m in mixed]), share


def test_the_loss_by_hand():
    first, second = logits(5, 5)
    method = made(MixmatchConfig(rampup=0.4))
    method.after_step(Pixels(), 0.1)
    given = batch([first, second], 2, [0, 2, 1, -1, -1], [1, 1, 0.6, 0, 0])
    losses = method(Pixels(), given)
    x, q, share = by_hand(method, first, second, [0, 2], 2)
    supervised = -(q[:2] * x[:2].log_softmax(1)).sum(1).mean()
    square = (x[2:].softmax(1) - q[2:]).square().mean()
    pseudo = -sum(0.6 * share[i] * x[i].log_softmax(0)[1] for i in (2, 5)) / 6
    torch.testing.assert_close(losses.parts["supervised"], supervised)
    torch.testing.assert_close(losses.parts["consistency"], square)
    expected = supervised + 75 * 0.25 * square + 0.5 * 0.9 * pseudo
    torch.testing.assert_close(losses.total.detach(), expected)


def test_a_row_keeps_at_least_half_of_itself_and_is_never_its_own_partner():
    method = made(MixmatchConfig())
    share, other = method.draw(torch.arange(100), torch.arange(100, 400))
    assert share.min() >= 0.5
    assert sorted(other.tolist()) == list(range(700))
    assert (other != torch.arange(700)).all()
    assert len(share[300:].unique()) > 300  # the two views of a row are mixed in their own ways
    # the mean of max(l, 1 - l) over Beta(.75, .75), by numerical integration
    many, _ = method.draw(torch.arange(20000), torch.arange(0))
    assert many.mean().item() == pytest.approx(0.7782, abs=0.003)
    method.after_step(Pixels(), 0.1)
    assert not torch.equal(share, method.draw(torch.arange(100), torch.arange(100, 400))[0])


def test_unlabelled_rows_take_gradient_and_labels_of_weight_0_become_guesses():
    first, second = logits(4, 4)
    leaf = first.clone().requires_grad_()
    method = made(MixmatchConfig(), rows=4)
    method.after_step(Pixels(), 0.4)
    method(Pixels(), batch([leaf, second], 1, [0, -1, -1, -1])).total.backward()
    assert leaf.grad[1:].abs().sum(1).min() > 0
    a, b = (
        made(MixmatchConfig())(Pixels(), batch([first, second], 1, [k, -1, -1, -1], [0.0, 0, 0, 0])).total
        for k in (0, 1)
    )
    torch.testing.assert_close(a, b)
