import math

import pytest
import torch
from pydantic import ValidationError

from components.semisupervised.pseudolabel import Pseudolabel, PseudolabelConfig, pseudo_label_loss, ramp
from tests.components.semisupervised.cases import L, batch, encoder


def test_the_published_weight():
    at = [0, 99, 100, 350, 600, 5000]
    assert [float(ramp(float(t), 100, 600, 3)) for t in at] == [0, 0, 0, 1.5, 3, 3]
    config = PseudolabelConfig()
    assert (config.weight, config.threshold) == (3.0, 0.0)


def test_the_loss_and_its_gradient_towards_what_is_believed():
    p = torch.tensor([[0.96, 0.03, 0.01], [0.6, 0.3, 0.1]])
    logits = p.log().requires_grad_()
    loss, mask = pseudo_label_loss(logits, 0.95)
    assert mask.tolist() == [True, False]
    assert loss.item() == pytest.approx(-math.log(0.96) / 2)
    loss.backward()
    torch.testing.assert_close(logits.grad[0], (p[0] - torch.tensor([1.0, 0, 0])) / 2)
    assert logits.grad[1].abs().sum() == 0
    assert pseudo_label_loss(p.log(), 0.0)[0].item() == pytest.approx(-(math.log(0.96) + math.log(0.6)) / 2)


def test_the_whole_loss_and_that_nothing_is_added_before_the_start():
    torch.manual_seed(0)
    m = Pseudolabel(PseudolabelConfig(pseudo_weight=0.0), encoder(), 3)
    b = batch(m)
    early = m(encoder(), b)
    assert early.total.item() == pytest.approx(early.parts["supervised"].item())
    m.after_step(encoder(), 0.35)
    later = m(encoder(), b)
    assert later.parts["alpha"].item() == pytest.approx(1.5)
    logits = m.head(encoder()(b.views[0]))[L:]
    expected = later.parts["supervised"] + 1.5 * pseudo_label_loss(logits)[0]
    assert later.total.item() == pytest.approx(expected.item(), rel=1e-5)


def test_refuses_a_start_after_the_end():
    with pytest.raises(ValidationError, match=r"start must be below full, got 0\.6 and 0\.6"):
        PseudolabelConfig(start=0.6)
