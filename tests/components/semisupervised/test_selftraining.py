import pytest
import torch
import torch.nn.functional as F

from components.semisupervised.selftraining import Selftraining, SelftrainingConfig, admit
from tests.components.semisupervised.cases import ROWS, D, L, batch, encoder

P = torch.tensor([[0.9, 0.1], [0.8, 0.2], [0.99, 0.01], [0.7, 0.3], [0.4, 0.6], [0.2, 0.8]])


def test_the_surest_of_each_class_up_to_its_share():
    half = torch.tensor([0.5, 0.5])
    assert admit(P, half, 1.0, 0.0).tolist() == [0, 0, 0, -1, 1, 1]
    assert admit(P, half, 1 / 3, 0.0).tolist() == [-1, -1, 0, -1, -1, 1]
    assert admit(P, torch.tensor([1.0, 0.0]), 0.5, 0.0).tolist() == [0, 0, 0, -1, -1, -1]
    assert admit(P, half, 1.0, 0.85).tolist() == [0, -1, 0, -1, -1, -1]
    assert admit(P, half, 0.0, 0.0).tolist() == [-1] * 6


def method(**options):
    torch.manual_seed(0)
    m = Selftraining(SelftrainingConfig(**options), encoder(), 3, ROWS)
    with torch.no_grad():
        m.head.weight.copy_(torch.eye(3, D) * 20)
        m.head.bias.zero_()
    return m


def features():
    """Rows 0, 3, 6, ... are surely of class 0, and so on."""
    f = torch.zeros(ROWS, D)
    f[torch.arange(ROWS), torch.arange(ROWS) % 3] = torch.linspace(1, 2, ROWS)
    return f


def test_a_round_admits_more_the_further_the_training_is():
    m, counts = method(first=0.2, last=1.0), []
    for progress in (0.0, 0.5, 1.0):
        m.after_step(encoder(), progress)
        m.before_epoch(0, features)
        counts.append(int((m.admitted >= 0).sum()))
        kept = m.admitted >= 0
        assert torch.equal(m.admitted[kept], (torch.arange(ROWS) % 3)[kept])
    assert counts == [6, 18, 30]
    assert m.figures() == {"admitted": 1.0}
    assert m.confidence[29] > 0.99


def test_nothing_below_the_floor_and_the_given_pseudo_labels_set_it():
    def unsure():
        return torch.zeros(ROWS, D)

    m = method(floor=0.3)
    m.before_epoch(0, unsure)
    assert (m.admitted >= 0).any()  # 1/3 each
    m.look(torch.tensor([0, -1, 1]), torch.tensor([0.9, 0.1, 0.7]))
    assert m.least.item() == pytest.approx(0.7)
    m.look(torch.tensor([0]), torch.tensor([0.8]))
    assert m.least.item() == pytest.approx(0.7)
    m.before_epoch(0, unsure)
    assert (m.admitted == -1).all()


def test_admitted_rows_are_targets_of_the_strong_views_weighted_by_confidence():
    m = method(pseudo_weight=0.0)
    b = batch(m)
    m.after_step(encoder(), 0.5)
    m.before_epoch(0, features)
    m.confidence.copy_(torch.linspace(0.4, 0.9, ROWS))
    e = encoder()
    losses = m(e, b)
    assert losses.parts["mask"].item() == pytest.approx(float((m.admitted[b.index[L:]] >= 0).float().mean()))
    logits = m.head(encoder()(torch.cat([b.views[0][:L], b.views[1]])))
    rows = b.index[L:]
    each = F.cross_entropy(logits[L:], m.admitted[rows], reduction="none", ignore_index=-1)
    expected = losses.parts["supervised"] + (m.confidence[rows] * each).mean()
    assert losses.total.item() == pytest.approx(expected.item(), rel=1e-5)
    assert (m.admitted[rows] >= 0).any()


def test_what_was_admitted_belongs_to_the_rows_of_one_data_set():
    m = method()
    assert set(m.tied_to_rows) <= dict(m.named_buffers()).keys()
    assert (SelftrainingConfig().first, SelftrainingConfig().last) == (0.2, 1.0)
