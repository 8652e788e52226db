import pytest
import torch

from components.semisupervised.simmatch import SimmatchConfig, calibrated
from tests.components.semisupervised.by_hand import Pixels, batch, logits, made


def test_published_defaults():
    config = SimmatchConfig()
    assert (config.threshold, config.temperature, config.share, config.instances) == (0.95, 0.1, 0.9, 1)


def test_targets_of_known_shares():
    p, q = torch.tensor([[0.8, 0.2], [0.5, 0.5]]), torch.tensor([[0.5, 0.3, 0.2], [0.0, 0.1, 0.9]])
    classes, instances = calibrated(p, q, torch.tensor([0, 0, 1]), 0.9)
    torch.testing.assert_close(classes, torch.tensor([[0.8, 0.2], [0.46, 0.54]]))
    expected = torch.tensor([[0.40, 0.24, 0.04], [0.0, 0.1, 0.9]])
    torch.testing.assert_close(instances, expected / expected.sum(1, keepdim=True))


def test_the_queue_holds_the_newest_labelled_samples_of_weight_above_0():
    method = made(SimmatchConfig(memory=4, embedding=3))
    weak, strong = logits(5, 3)
    for step, labels in enumerate(([0, 2], [1, 1], [2, 0])):
        given = batch(
            [weak + step, strong], 2, [*labels, -1, -1, -1], [1.0, 0.0 if step == 1 else 1, 0, 0, 0]
        )
        method(Pixels(), given)
        before = method.known.tolist()
        method.after_step(Pixels(), 0.1)
        assert before[:2] == method.known.tolist()[2:]
    assert method.known.tolist() == [2, 0, 1, -1]
    torch.testing.assert_close(method.queue.norm(dim=1), torch.ones(4))


def test_the_loss_by_hand():
    torch.manual_seed(3)
    method = made(SimmatchConfig(threshold=0.5, embedding=3, temperature=0.5, instances=0.7, momentum=0.0))
    method.projection = torch.nn.Identity()
    own, weak, strong = logits(2, 4, 4)
    method.queue[:3] = torch.nn.functional.normalize(torch.randn(3, 3), dim=1)
    method.known[:3] = torch.tensor([0, 2, 2])
    leaf = torch.cat([own, weak]).requires_grad_()
    losses = method(Pixels(), batch([leaf, strong], 2, [0, 1] + [-1] * 4))
    p = weak.softmax(1)
    p = p / 3 / p.mean(0)
    p = p / p.sum(1, keepdim=True)
    total, mask = 0.0, []
    for row, w, s in zip(p, weak, strong, strict=True):
        q = torch.stack([w / w.norm() @ k / 0.5 for k in method.queue[:3]]).softmax(0)
        target = 0.9 * row + 0.1 * torch.stack([q[0], torch.zeros(()), q[1] + q[2]])
        like = q * torch.stack([row[0], row[2], row[2]])
        said = torch.stack([s / s.norm() @ k / 0.5 for k in method.queue[:3]]).log_softmax(0)
        mask.append(bool(target.max() >= 0.5))
        total -= mask[-1] * (target * s.log_softmax(0)).sum() + 0.7 * (like / like.sum() * said).sum()
    torch.testing.assert_close(losses.parts["consistency"], total / 4)
    assert losses.parts["mask"].item() == pytest.approx(sum(mask) / 4)
    losses.total.backward()
    assert leaf.grad[2:].abs().sum() == 0


def test_without_a_memory_yet_it_is_fixmatch_with_soft_targets():
    method = made(SimmatchConfig(threshold=0.0, embedding=3, momentum=0.999999))
    own, weak, strong = logits(2, 4, 4)
    losses = method(Pixels(), batch([torch.cat([own, weak]), strong], 2, [0, 1] + [-1] * 4))
    expected = -(weak.softmax(1) * strong.log_softmax(1)).sum(1).mean()
    torch.testing.assert_close(losses.parts["consistency"], expected, rtol=1e-4, atol=1e-5)
    assert losses.parts["instances"] == 0
